//! A store with a limit to its bytes: what grows is refused when there is no room, with nothing changed; what shrinks
//! never is; and the sum is exact whatever happened.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::support::check;
use crate::support::config::{self, on_every_configuration_within};
use crate::support::source::{Source, numbered};
use hashlet::{
    Encoding, Error, HashMut, HashValue, Limits, ManualClock, Overwrite, Result, SetOptions, Store, Thresholds,
};

const LIMIT: usize = 400_000;
/// What growing tables may pass the limit by in stores of this size: a split segment of keys or fields, and its room.
const GROWTH: usize = 40_000;

/// Runs `test` on a limited store in each configuration.
fn with_limit(test: impl Fn(&Store)) {
    on_every_configuration_within(Limits::default().max_bytes(LIMIT), |_, store| {
        test(store);
        assert!(store.stats().bytes <= LIMIT + GROWTH, "{} bytes", store.stats().bytes);
    });
}

fn is_full<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::Full { size, limit: LIMIT }) if *size > LIMIT)
}

/// Fills the store so far that not one more byte fits.
fn fill(store: &Store) {
    store.set_many("old", [("f", "value"), ("n", "9"), ("x", "9.5"), ("room", "")]).unwrap();
    store.set("other", "f", "v").unwrap();
    for len in [20_000, 300, 20, 0] {
        let filled = (0..).find(|n| is_full(&store.set(format!("fill {len}:{n}"), "f", vec![b'x'; len])));
        assert!(filled.is_some_and(|n| n > 0) || len < 20_000);
    }
    let room = (0..).find(|n| is_full(&store.set("old", "room", vec![b'x'; *n])));
    assert!(room.is_some());
}

fn contents(store: &Store) -> BTreeMap<Vec<u8>, HashValue> {
    let mut contents = BTreeMap::new();
    store.for_each(|key, hash| drop(contents.insert(key.to_vec(), hash.to_value())));
    contents
}

/// Every way to make a store larger by a little.
type Write = fn(&Store) -> Result<()>;
const GROWING: [(&str, Write); 16] = [
    ("set, new key", |store| store.set("new", "f", "v").map(drop)),
    ("set, new field", |store| store.set("old", "g", "").map(drop)),
    ("set, longer value", |store| store.set("old", "f", "longer").map(drop)),
    ("set_many", |store| store.set_many("old", [("f", "longer"), ("g", "v")]).map(drop)),
    ("set_many, a field twice", |store| store.set_many("old", [("f", ""), ("f", "longer")]).map(drop)),
    ("set_if_absent", |store| store.set_if_absent("old", "g", "v").map(drop)),
    ("compare_and_set", |store| store.compare_and_set("old", "f", Some(b"value"), Some(b"longer")).map(drop)),
    ("increment", |store| store.increment("old", "n", 1).map(drop)),
    ("increment_float", |store| store.increment_float("old", "x", 0.75).map(drop)),
    ("rename to a longer key", |store| store.rename("old", "longer", Overwrite::Yes).map(drop)),
    ("copy", |store| store.copy("old", "new", Overwrite::No).map(drop)),
    ("copy over a smaller one", |store| store.copy("old", "other", Overwrite::Yes).map(drop)),
    ("update, set", |store| store.update("old", |hash| hash.set("g", "v").map(drop))),
    ("update, set_many", |store| store.update("new", |hash| hash.set_many([("f", "v")]).map(drop))),
    ("update, increment", |store| store.update("old", |hash| hash.increment("n", 1).map(drop))),
    ("update_many", |store| store.update_many(["new", "old"], |[new, _]| new.set("f", "v").map(drop))?),
];

/// Every way to keep its size or make it smaller; all of them keep the key `old` and its fields `f`, `n` and `x`.
const SHRINKING: [(&str, Write); 10] = [
    ("set, same length", |store| store.set("old", "f", "VALUE").map(drop)),
    ("set, shorter", |store| store.set("old", "f", "v").map(drop)),
    ("set_many", |store| store.set_many("old", [("f", "longer than before"), ("f", "")]).map(drop)),
    ("set_if_absent on what is there", |store| store.set_if_absent("old", "f", "much longer").map(drop)),
    ("compare_and_set", |store| store.compare_and_set("old", "f", Some(b""), Some(b"")).map(drop)),
    ("increment", |store| store.increment("old", "n", -1).map(drop)),
    ("increment_float", |store| store.increment_float("old", "x", -1.0).map(drop)),
    ("rename", |store| store.rename("old", "OLD", Overwrite::Yes).map(drop)),
    ("rename back", |store| store.rename("OLD", "old", Overwrite::No).map(drop)),
    ("copy over a larger one", |store| store.copy("other", "old", Overwrite::Yes).map(drop)),
];

#[test]
fn a_full_store_refuses_every_growing_write_and_changes_nothing() {
    with_limit(|store| {
        fill(store);
        let before = contents(store);
        for (name, write) in GROWING {
            let result = write(store);
            assert!(is_full(&result), "{name}: {result:?}");
            assert_eq!(contents(store), before, "{name} changed something");
        }
    });
}

#[test]
fn a_full_store_takes_every_write_that_does_not_grow() {
    with_limit(|store| {
        fill(store);
        for (name, write) in SHRINKING {
            assert_eq!(write(store), Ok(()), "{name}");
        }
        assert!(store.remove("old", "f") && store.clear("other"));
    });
}

#[test]
fn what_got_shorter_may_be_as_long_as_it_was() {
    with_limit(|store| {
        fill(store);
        let is_packed = store.encoding("old") == Some(Encoding::Packed);
        for (field, short) in [("f", "v"), ("f", ""), ("n", "")] {
            let long = store.get("old", field).unwrap();
            assert_eq!(store.set("old", field, short), Ok(false));
            // A table's garbage makes room when it is collected.
            assert!(store.set("old", field, &long) == Ok(false) || !is_packed, "{field}");
        }
    });
}

#[test]
fn removing_makes_room_again() {
    with_limit(|store| {
        fill(store);
        assert!(store.clear("fill 20000:0"));
        assert_eq!(store.set("new", "f", vec![b'y'; 15_000]), Ok(true));
        store.clear_all();
        assert_eq!(store.set("new", "f", vec![b'y'; LIMIT / 2]), Ok(true));
        assert_eq!(store.retain(|_, _| false), 1);
        assert_eq!(store.set("new", "f", vec![b'y'; LIMIT / 2]), Ok(true));
    });
}

#[test]
fn a_closure_can_use_the_room_that_it_has_made() {
    with_limit(|store| {
        let long = vec![b'x'; LIMIT / 2];
        store.set("k", "f", &long).unwrap();
        let replace = |hash: &mut HashMut<'_>| {
            assert!(is_full(&hash.set("g", &long)));
            hash.remove("f");
            hash.set("g", &long)
        };
        assert_eq!(store.update("k", replace), Ok(true));
        assert_eq!(store.get("k", "g"), Some(long.clone()));
        store.update("k", |hash| {
            hash.clear();
            assert_eq!(hash.set("h", &long), Ok(true));
            assert!(is_full(&hash.set("i", &long)), "the closure's own writes count");
        });
        store
            .update_many(["k", "l"], |[k, l]| {
                assert!(is_full(&l.set("f", &long)));
                k.clear();
                assert_eq!(l.set("f", &long), Ok(true));
            })
            .unwrap();
        assert_eq!(store.keys(), [b"l"]);
    });
}

#[test]
fn threads_cannot_share_the_last_room() {
    const VALUE: usize = 30_000;
    with_limit(|store| {
        let taken = AtomicUsize::new(0);
        thread::scope(|scope| {
            for thread in 0..4 {
                let taken = &taken;
                scope.spawn(move || {
                    for n in 0..100 {
                        let result = store.set(format!("{thread}:{n}"), "f", vec![b'x'; VALUE]);
                        assert!(result == Ok(true) || is_full(&result));
                        taken.fetch_add(usize::from(result.is_ok()), Relaxed);
                    }
                });
            }
        });
        let fits = LIMIT / VALUE;
        assert!((fits - 1..=fits).contains(&taken.into_inner()));
    });
}

#[test]
fn the_sum_stays_exact_under_random_calls() {
    with_limit(|store| {
        let mut source = Source::Seed(7);
        let mut refused = 0;
        for _ in 0..20_000 {
            let (key, other) = (numbered(source.below(40)), numbered(source.below(40)));
            let (field, value) = (numbered(source.below(300)), vec![b'x'; source.below(400)]);
            let result = match source.below(200) {
                0 => Ok(store.clear(&key)),
                1 => store.rename(&key, &other, Overwrite::Yes),
                2 => store.copy(&key, &other, Overwrite::Yes),
                3..40 => Ok(store.remove(&key, &field)),
                40..50 => store.update(&key, |hash| hash.set(&field, "")),
                _ => store.set(&key, &field, &value),
            };
            assert!(result.is_ok() || is_full(&result));
            refused += usize::from(result.is_err());
            assert!(store.stats().bytes <= LIMIT + GROWTH, "{} bytes", store.stats().bytes);
        }
        assert!(refused > 100, "{refused} writes refused");
        store.shrink_to_fit();
    });
}

#[test]
fn room_is_not_reserved_beyond_the_limit() {
    with_limit(|store| {
        for keys in [usize::MAX, 45_000, 20_000, 12_000, 5_000] {
            store.reserve(keys);
            assert!(store.stats().bytes <= LIMIT, "{} bytes for {keys} keys", store.stats().bytes);
        }
    });
}

#[test]
fn a_long_closure_neither_loses_nor_wins_room() {
    with_limit(|store| {
        let many = |len: usize| (0..200).map(move |n| (format!("f{n}"), vec![b'x'; len]));
        store.update("k", |hash| {
            for round in 0..200 {
                hash.set_many(many(round % 90)).unwrap();
                hash.set("f", "v").unwrap();
                hash.remove("f");
                if round % 3 == 0 {
                    hash.clear();
                }
            }
            for _ in 0..5_000 {
                hash.set("f", "v").unwrap();
                hash.remove("f");
            }
            hash.clear();
            assert!(is_full(&hash.set("f", vec![0; LIMIT])));
            hash.set("f", vec![0; LIMIT / 2]).unwrap();
            assert!(is_full(&hash.set("g", vec![0; LIMIT / 2])));
        });
        store.clear("k");
        store.set("k", "f", vec![0; LIMIT / 2]).unwrap();
    });
}

#[test]
fn clearing_all_makes_room_shard_by_shard() {
    let store = Store::builder().limits(Limits::default().max_bytes(LIMIT)).build();
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..2_000 {
                store.set((n % 100).to_string(), "f", vec![0; 10_000]).ok();
                if n % 40 == 0 {
                    store.clear_all();
                }
            }
        });
        for n in 0..2_000 {
            store.set(format!("other {}", n % 100), "f", vec![0; 10_000]).ok();
        }
    });
    check::store(&store);
    assert!(store.stats().bytes <= LIMIT + GROWTH);
}

#[test]
fn what_has_expired_takes_no_room() {
    const DAY: Duration = Duration::from_secs(86_400);
    for config in config::all() {
        let clock = ManualClock::new();
        let store = config.builder().limits(Limits::default().max_bytes(LIMIT)).clock(&clock).build();
        fill(&store);
        store.keys().iter().filter(|key| *key != b"old").for_each(|key| _ = store.expire(key, DAY));
        assert!(is_full(&store.set("new", "f", vec![0; LIMIT / 2])), "{}", config.name);
        clock.advance(DAY);
        assert_eq!(store.set("new", "f", vec![0; LIMIT / 2]), Ok(true), "{}", config.name);
        store.clear("new");
        fill(&store);
        store.keys().iter().filter(|key| *key != b"old").for_each(|key| _ = store.expire(key, DAY));
        assert!(is_full(&store.copy("old", "a longer key than there was", Overwrite::Yes)));
        clock.advance(DAY);
        assert_eq!(store.copy("old", "a longer key than there was", Overwrite::Yes), Ok(true), "{}", config.name);
        check::store(&store);
    }
}

/// A field over the limit is judged within the write that has claimed its room, and purges then.
#[test]
fn making_place_among_the_fields_while_room_is_claimed_counts_once() {
    const HOUR: Duration = Duration::from_secs(3_600);
    const FIELDS: usize = 2_000;
    let (clock, limits) = (ManualClock::new(), Limits::default().max_fields(FIELDS).max_bytes(LIMIT));
    let tables = Thresholds::default().max_fields(0);
    let store = Store::builder().shards(1).thresholds(tables).limits(limits).clock(&clock).build();
    store.set_many("k", (0..FIELDS - 1).map(|n| (n.to_string(), "v"))).unwrap();
    for n in 0..20 {
        let timed = SetOptions::new().expire(HOUR);
        store.set_with("k", [("long", vec![0; LIMIT / 2])], timed).unwrap();
        clock.advance(HOUR);
        // As a rule the new field is in another segment than the long one, which is removed for the number's sake only.
        assert_eq!(store.set("k", format!("new {n}"), "v"), Ok(true));
        assert_eq!(store.size("k"), FIELDS);
        assert!(store.remove("k", format!("new {n}")));
        check::store(&store);
    }
}
