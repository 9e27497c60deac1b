//! Hashes that leave a store whole: copies into another store, and dumps. Deadlines go with them.

use std::thread;
use std::time::Duration;

use crate::support::config::on_every_configuration_with_clock;
use crate::support::specimen::{contents, fill};
use crate::support::{check, pattern, scale};
use hashlet::{Error, ExpireOutcome, Limits, ManualClock, Overwrite, SnapshotError, Store, TransferOutcome};

const HOUR: Duration = Duration::from_secs(3_600);

/// A way to give a hash of one store to another, under another key.
type Give = fn(&Store, &str, &Store, &str, Overwrite) -> hashlet::Result<TransferOutcome>;

fn by_dump(from: &Store, key: &str, to: &Store, new: &str, overwrite: Overwrite) -> hashlet::Result<TransferOutcome> {
    let Some(dump) = from.dump(key) else { return Ok(TransferOutcome::NoSource) };
    to.restore(new, dump, overwrite).map_err(|error| match error {
        SnapshotError::TooLarge(error) | SnapshotError::Refused(error) => error,
        error => panic!("{error}"),
    })
}

const WAYS: &[Give] = &[|from, key, to, new, overwrite| from.copy_into(key, to, new, overwrite), by_dump];

#[test]
fn a_hash_comes_to_another_store_with_its_fields_and_deadlines() {
    on_every_configuration_with_clock(|config, store, clock| {
        for give in WAYS {
            store.clear_all();
            fill(store, 300);
            let other = config.builder().clock(clock).build();
            for key in store.keys() {
                let key = std::str::from_utf8(&key).unwrap();
                let new = format!("new {key}");
                assert_eq!(give(store, key, &other, &new, Overwrite::No), Ok(TransferOutcome::Done));
                assert_eq!(contents(&other, new.as_bytes()), contents(store, key.as_bytes()));
            }
            assert_eq!(other.key_count(), store.key_count());
            check::store(&other);
            check::store(store);
        }
    });
}

#[test]
fn the_key_that_gets_the_hash_is_overwritten_as_a_whole_or_not_at_all() {
    on_every_configuration_with_clock(|_, store, _| {
        for give in WAYS {
            let other = Store::new();
            for fields in [1, 200] {
                store.clear_all();
                store.set_many("k", (0..fields).map(|n| (n.to_string(), "v"))).unwrap();
                for old in [1, 200] {
                    other.set_many("k", (0..old).map(|n| (format!("old {n}"), "w"))).unwrap();
                    other.expire("k", HOUR);
                    let before = contents(&other, b"k");
                    assert_eq!(give(store, "k", &other, "k", Overwrite::No), Ok(TransferOutcome::TargetExists));
                    assert_eq!(give(store, "none", &other, "k", Overwrite::Yes), Ok(TransferOutcome::NoSource));
                    assert_eq!(contents(&other, b"k"), before);
                    assert_eq!(give(store, "k", &other, "k", Overwrite::Yes), Ok(TransferOutcome::Done));
                    assert_eq!(contents(&other, b"k"), contents(store, b"k"));
                }
            }
            // To the store itself, and to the key itself.
            assert_eq!(give(store, "k", store, "l", Overwrite::No), Ok(TransferOutcome::Done));
            assert_eq!(give(store, "k", store, "k", Overwrite::Yes), Ok(TransferOutcome::Done));
            assert_eq!(store.get_all("k"), store.get_all("l"));
            check::store(store);
        }
    });
}

#[test]
fn what_has_expired_does_not_come_along() {
    on_every_configuration_with_clock(|config, store, clock| {
        for give in WAYS {
            for fields in [2, 200] {
                store.clear_all();
                let other = config.builder().clock(clock).build();
                store.set_many("k", (0..fields).map(|n| (format!("f{n}"), "v"))).unwrap();
                store.set("l", "f", "v").unwrap();
                assert_eq!(store.expire_field("k", "f0", Duration::from_millis(10)), ExpireOutcome::Set);
                assert_eq!(store.expire("l", Duration::from_millis(10)), ExpireOutcome::Set);
                clock.advance(Duration::from_millis(10));
                assert_eq!(give(store, "k", &other, "k", Overwrite::No), Ok(TransferOutcome::Done));
                assert_eq!((other.size("k"), other.contains("k", "f0")), (fields - 1, false));
                assert_eq!(give(store, "l", &other, "l", Overwrite::No), Ok(TransferOutcome::NoSource));
            }
        }
    });
}

#[test]
fn a_store_that_cannot_take_the_hash_refuses_it_and_stays_as_it_is() {
    let store = Store::new();
    store.set_many("k", [("a", "1"), ("b", "22")]).unwrap();
    store.set("large", "f", pattern(1, 100_000)).unwrap();
    let limits = Limits::default().max_key(5).max_fields(1).max_string(2);
    let (small, full) = (limits, Limits::default().max_bytes(64 << 10));
    for give in WAYS {
        let other = Store::builder().limits(small).build();
        other.set("k", "f", "v").unwrap();
        let too_long = Err(Error::KeyTooLong { size: 8, limit: 5 });
        assert_eq!(give(&store, "k", &other, "too long", Overwrite::Yes), too_long);
        assert_eq!(give(&store, "k", &other, "k", Overwrite::Yes), Err(Error::TooManyFields { size: 2, limit: 1 }));
        assert_eq!(other.get("k", "f").as_deref(), Some(&b"v"[..]));

        let other = Store::builder().limits(full).shards(1).build();
        other.set("large", "f", "v").unwrap();
        assert!(matches!(give(&store, "large", &other, "large", Overwrite::Yes), Err(Error::Full { .. })));
        assert_eq!(other.get("large", "f").as_deref(), Some(&b"v"[..]));
        check::store(&other);
    }
}

#[test]
fn an_iterator_tells_the_deadline_of_each_field() {
    on_every_configuration_with_clock(|_, store, _| {
        fill(store, 300);
        for key in store.keys() {
            let (deadline, fields) = contents(store, &key);
            let pairs: Vec<_> = fields.iter().map(|(field, (value, when))| (&field[..], &value[..], *when)).collect();
            store.read(&key, |hash| {
                let mut met: Vec<_> = hash.iter_with_deadlines().collect();
                met.sort_unstable();
                assert_eq!((met, hash.deadline()), (pairs.clone(), deadline));
            });
            store.update(&key, |hash| assert_eq!(hash.iter_with_deadlines().count(), pairs.len()));
        }
    });
}

#[test]
fn deadlines_pass_while_a_dump_lies_somewhere() {
    on_every_configuration_with_clock(|config, store, clock| {
        for fields in [2, 200] {
            store.clear_all();
            store.set_many("k", (0..fields).map(|n| (format!("f{n}"), "v"))).unwrap();
            store.expire_field("k", "f0", HOUR);
            store.expire("k", 2 * HOUR);
            let dump = store.dump("k").unwrap();
            let other = config.builder().clock(clock).build();
            other.set("k", "old", "v").unwrap();
            clock.advance(HOUR);
            assert_eq!(other.restore("k", &dump, Overwrite::Yes).unwrap(), TransferOutcome::Done);
            assert_eq!((other.size("k"), other.contains("k", "f0")), (fields - 1, false));
            assert_eq!(other.deadline("k"), Some(clock.now() + HOUR));
            clock.advance(HOUR);
            other.set("k", "old", "v").unwrap();
            assert_eq!(other.restore("k", &dump, Overwrite::Yes).unwrap(), TransferOutcome::NoSource);
            assert!(other.contains("k", "old"), "nothing is changed");
        }
    });
}

#[test]
fn a_dump_is_a_snapshot_of_one_hash() {
    on_every_configuration_with_clock(|_, store, clock| {
        fill(store, 300);
        for key in store.keys() {
            let dump = store.dump(&key).unwrap();
            let loaded = Store::builder().clock(clock).load_from(&dump[..]).unwrap();
            assert_eq!((loaded.key_count(), contents(&loaded, &key)), (1, contents(store, &key)));
            let bytes: usize =
                store.read(&key, |hash| hash.iter().map(|(field, value)| field.len() + value.len()).sum());
            assert!(dump.len() < key.len() + 2 * bytes + 16 * store.size(&key) + 100, "{} of {bytes}", dump.len());
        }
    });
}

/// Every truncation, every flipped bit, and what is a snapshot but no dump.
#[test]
fn bytes_that_are_no_dump_are_refused_and_change_nothing() {
    let store = Store::new();
    store.set("old", "f", "v").unwrap();
    let refused = |bytes: &[u8], what: &str| {
        let error = store.restore("old", bytes, Overwrite::Yes).expect_err(what);
        assert!(!matches!(error, SnapshotError::Refused(_) | SnapshotError::TooLarge(_)), "{what}: {error}");
        assert_eq!(store.get("old", "f").as_deref(), Some(&b"v"[..]), "{what}");
    };
    let source = Store::new();
    source.set_many("packed", [("a", "1"), ("b", "22")]).unwrap();
    source.set_many("table", (0..150).map(|n| (n.to_string(), "v"))).unwrap();
    source.expire_field("table", "7", HOUR);
    for key in ["packed", "table"] {
        let dump = source.dump(key).unwrap();
        for len in 0..dump.len() {
            refused(&dump[..len], &format!("{len} bytes of {key}"));
        }
        for bit in 0..dump.len() * 8 {
            let mut dump = dump.clone();
            dump[bit / 8] ^= 1 << (bit % 8);
            refused(&dump, &format!("{key} with bit {bit} flipped"));
        }
        refused(&[&dump[..], b"x"].concat(), "a byte too many");
    }
    let mut two = Vec::new();
    source.save_to(&mut two).unwrap();
    refused(&two, "two hashes");
    let mut none = Vec::new();
    Store::new().save_to(&mut none).unwrap();
    refused(&none, "no hash");
}

#[test]
fn a_hash_that_has_expired_when_it_comes_replaces_nothing() {
    on_every_configuration_with_clock(|config, store, clock| {
        let late = ManualClock::new();
        late.set(clock.now() + HOUR);
        let other = config.builder().clock(&late).build();
        other.set("k", "old", "1").unwrap();
        let before = contents(&other, b"k");
        store.set_many("key", [("f", "v"), ("g", "w")]).unwrap();
        assert_eq!(store.expire("key", HOUR), ExpireOutcome::Set);
        store.set("fields", "f", "v").unwrap();
        assert_eq!(store.expire_field("fields", "f", HOUR), ExpireOutcome::Set);
        for give in WAYS {
            for key in ["key", "fields"] {
                for overwrite in [Overwrite::Yes, Overwrite::No] {
                    let outcome = give(store, key, &other, "new", overwrite);
                    assert_eq!(outcome, Ok(TransferOutcome::NoSource), "{key} {overwrite:?}");
                }
                assert_eq!(give(store, key, &other, "k", Overwrite::Yes), Ok(TransferOutcome::NoSource), "{key}");
                assert_eq!((contents(&other, b"k"), other.contains_key("new")), (before.clone(), false));
            }
        }
        check::store(&other);
    });
}

/// A copy into the same store is a copy, which is one step and leaves a key that is copied to itself alone.
#[test]
fn a_copy_into_the_same_store_is_one_step() {
    let store = Store::new();
    store.set("k", "n", "0").unwrap();
    let turns = (20_000.0 * scale()) as i64 + 100;
    thread::scope(|scope| {
        scope.spawn(|| (0..turns).for_each(|_| _ = store.increment("k", "n", 1).unwrap()));
        for _ in 0..turns {
            assert_eq!(store.copy_into("k", &store, "k", Overwrite::Yes), Ok(TransferOutcome::Done));
        }
    });
    assert_eq!(store.get_parsed("k", "n").unwrap(), Some(turns));
}
