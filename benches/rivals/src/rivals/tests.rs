use super::{BARE, SHARED, TABLES, UNSHAPED, with_rival};
use crate::support::random::Random;
use crate::support::rival::Rival;
use crate::support::workload::SEED;

const CALLS: usize = 20_000;
const KEYS: [&[u8]; 4] = [b"a", b"b", b"c", b"d"];
const FIELDS: [&[u8]; 3] = [b"name", b"city", b"visits"];
const VALUES: [&[u8]; 4] = [b"Ada", b"Bea", b"Valencia", b""];

/// What came of random calls, one text a call.
fn answers<R: Rival>() -> Vec<String> {
    let store = R::new();
    let mut random = Random::new(SEED);
    let call = |_| {
        let (key, field, value) = (random.pick(&KEYS), random.pick(&FIELDS[..2]), random.pick(&VALUES));
        let counter = FIELDS[2];
        match random.below(12) {
            0 => format!("set {}", store.set(key, field, value)),
            1 => format!("set_many {}", store.set_many(key, &[(field, value), (counter, b"7")])),
            2 => format!("set_all {}", store.set_all(&[(key, vec![(field, value)]), (b"d", vec![(counter, b"8")])])),
            3 => format!("get {:?}", store.get(key, field)),
            4 => format!("look {:?} {}", store.look(key, field, |at| at.map(<[u8]>::len)), store.contains(key, field)),
            5 => format!("get_all {}", R::len(&store.get_all(key))),
            6 => format!("get_across {:?}", store.get_across(&KEYS, field)),
            10 => format!("get_many_across {:?}", store.get_many_across(&KEYS, &[field, counter])),
            11 => {
                let hashes = [(key, vec![(field, value), (counter, &b"5"[..])]), (KEYS[1], vec![(field, value)])];
                format!("set_many_across {}", store.set_many_across(&hashes))
            }
            7 => format!("increment {}", store.increment(key, counter, 3)),
            8 => format!("update {}", store.update(key, counter, [(FIELDS[0], value), (FIELDS[1], b"x")])),
            _ => {
                let removed = [FIELDS[0], FIELDS[1], counter].map(|field| store.remove(key, field));
                format!("remove {removed:?} {}", store.key_count())
            }
        }
    };
    (0..CALLS).map(call).collect()
}

#[test]
fn every_rival_gives_the_answers_of_hashlet() {
    let ours = answers::<hashlet::Store>();
    for name in SHARED.into_iter().chain([TABLES, UNSHAPED, BARE]) {
        let theirs = with_rival!(any name, R => answers::<R>());
        let different = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
        assert_eq!(different.map(|call| (call, &ours[call], &theirs[call])), None, "{name}");
    }
}

#[test]
fn no_field_is_lost_while_keys_come_and_go() {
    const THREADS: usize = 2;
    const ROUNDS: usize = 5_000;
    fn check<R: Rival + Sync>() {
        let store = R::new();
        let work = |field: &[u8]| {
            for _ in 0..ROUNDS {
                assert!(store.set(b"key", field, b"value"), "{}: it was not there", R::NAME);
                assert!(store.contains(b"key", field), "{}: it was set", R::NAME);
                assert!(store.remove(b"key", field), "{}: it is still there", R::NAME);
            }
        };
        std::thread::scope(|scope| {
            for field in &FIELDS[..THREADS] {
                scope.spawn(|| work(field));
            }
        });
        assert_eq!(store.key_count(), 0, "{}: a key goes with its last field", R::NAME);
    }
    for name in SHARED {
        with_rival!(shared name, R => check::<R>());
    }
}
