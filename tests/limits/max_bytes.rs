//! A store with a limit on its bytes. A write that needs more room than there is gets refused and changes nothing. A
//! write that shrinks is never refused. The sum of bytes stays exact whatever happens.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::support::config::{self, on_every_configuration_within};
use crate::support::source::{Source, numbered};
use crate::support::{check, scale};
use hashlet::{
    Encoding, Error, ExpireCondition, ExpireOutcome, HashMut, HashValue, Limits, ManualClock, Overwrite, Result,
    SetOptions, Store, Thresholds, TransferOutcome, When,
};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

const LIMIT: usize = 400_000;
/// How many bytes one call may exceed the limit by when a table splits a segment and doubles its directory.
const STEP: usize = 16 << 10;
/// How many bytes growing tables may exceed the limit by in stores of this size.
const GROWTH: usize = LIMIT / 32 + STEP;

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

/// Fills the store until not one more byte fits.
fn fill(store: &Store) {
    // A table has this value in a box, which takes a byte more for each byte of the value, and as much room.
    let long = vec![b'x'; 400];
    let pairs: [(&str, &[u8]); 4] = [("f", b"value"), ("n", b"9"), ("x", b"9.5"), ("room", &long)];
    store.set_many("old", pairs).unwrap();
    store.set("other", "f", "v").unwrap();
    for len in [20_000, 300, 20, 0] {
        let filled = (0..).find(|n| is_full(&store.set(format!("fill {len}:{n}"), "f", vec![b'x'; len])));
        assert!(filled.is_some_and(|n| n > 0) || len < 20_000);
    }
    let room = (long.len()..).find(|n| is_full(&store.set("old", "room", vec![b'x'; *n])));
    assert!(room.is_some());
}

/// What a store knows of its next deadlines takes no room that it has not got.
#[test]
fn purging_a_full_store_takes_no_room() {
    let clock = ManualClock::new();
    let limits = Limits::default().max_bytes(LIMIT);
    for (thresholds, fields) in [(config::table(), 20), (Thresholds::default(), 2)] {
        let store = Store::builder().limits(limits).thresholds(thresholds).shards(64).clock(&clock).build();
        'full: for key in 0_u64.. {
            for field in 0..fields {
                let key = key.to_string();
                let soon = Duration::from_millis(2 + 10 * field); // the first one of each table in the first turn
                if is_full(&store.set(&key, field.to_string(), "v"))
                    || store.expire_field(&key, field.to_string(), soon) == ExpireOutcome::Full
                {
                    break 'full;
                }
            }
        }
        let before = store.stats().bytes;
        for _ in 0..fields {
            clock.advance(Duration::from_millis(10));
            store.purge_expired(usize::MAX);
            let bytes = store.stats().bytes;
            assert!(bytes <= before, "{bytes} bytes, {before} before");
            check::store(&store);
        }
    }
}

fn contents(store: &Store) -> BTreeMap<Vec<u8>, HashValue> {
    let mut contents = BTreeMap::new();
    store.for_each(|key, hash| drop(contents.insert(key.to_vec(), hash.to_value())));
    contents
}

/// Every way to make a store larger by a little.
type Write = fn(&Store) -> Result<()>;
const GROWING: [(&str, Write); 23] = [
    ("set, new key", |store| store.set("new", "f", "v").map(drop)),
    ("set, new field", |store| store.set("old", "g", "").map(drop)),
    ("set, longer value", |store| store.set("old", "f", "longer").map(drop)),
    ("set_many", |store| store.set_many("old", [("f", "longer"), ("g", "v")]).map(drop)),
    ("set_many, a field twice", |store| store.set_many("old", [("f", ""), ("f", "longer")]).map(drop)),
    ("set_if_absent", |store| store.set_if_absent("old", "g", "v").map(drop)),
    ("compare_and_set", |store| store.compare_and_set("old", "f", Some(b"value"), Some(b"longer")).map(drop)),
    ("compare_and_set_keep_ttl", |store| {
        store.compare_and_set_keep_ttl("old", "f", Some(b"value"), Some(b"longer")).map(drop)
    }),
    ("set_many_across", |store| {
        let mut answers = store.set_many_across([("old", [("f", "value")]), ("new", [("f", "v")])]).into_iter();
        assert_eq!(answers.next(), Some(Ok(0)));
        answers.next().unwrap().map(drop)
    }),
    ("copy_into", |store| store.copy_into("old", store, "new", Overwrite::No).map(drop)),
    ("update_slice", |store| store.update_slice(&["new", "old"], |hashes| hashes[0].set("f", "v").map(drop))?),
    ("increment", |store| store.increment("old", "n", 1).map(drop)),
    ("increment_existing", |store| store.increment_existing("old", "n", 1).map(drop)),
    ("increment_float", |store| store.increment_float("old", "x", 0.75).map(drop)),
    ("rename to a longer key", |store| store.rename("old", "longer", Overwrite::Yes).map(drop)),
    ("copy", |store| store.copy("old", "new", Overwrite::No).map(drop)),
    ("copy over a smaller one", |store| store.copy("old", "other", Overwrite::Yes).map(drop)),
    ("update, set", |store| store.update("old", |hash| hash.set("g", "v").map(drop))),
    ("update, set_many", |store| store.update("new", |hash| hash.set_many([("f", "v")]).map(drop))),
    ("update, increment", |store| store.update("old", |hash| hash.increment("n", 1).map(drop))),
    ("update_existing", |store| store.update_existing("old", |hash| hash.set("g", "v")).unwrap().map(drop)),
    ("try_update_existing", |store| store.try_update_existing("old", |hash| hash.set("g", "v")).map(drop)),
    ("update_many", |store| store.update_many(["new", "old"], |[new, _]| new.set("f", "v").map(drop))?),
];

/// Every way to keep its size or make it smaller; all of them keep the key `old` and its fields `f`, `n` and `x`.
const SHRINKING: [(&str, Write); 11] = [
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
    ("copy_into in place of itself", |store| store.copy_into("old", store, "old", Overwrite::Yes).map(drop)),
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
fn a_value_that_got_shorter_may_become_as_long_as_it_was() {
    with_limit(|store| {
        fill(store);
        let is_packed = store.encoding("old") == Some(Encoding::Packed);
        for (field, short) in [("f", "v"), ("f", ""), ("n", "")] {
            let long = store.get("old", field).unwrap();
            assert_eq!(store.set("old", field, short), Ok(false));
            // A table may refuse: its garbage takes room until it is collected.
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
                1 => store.rename(&key, &other, Overwrite::Yes).map(TransferOutcome::is_done),
                2 => store.copy(&key, &other, Overwrite::Yes).map(TransferOutcome::is_done),
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
fn a_closure_with_many_calls_neither_loses_nor_gains_room() {
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

/// Gives every key but `old` a deadline, after making room for the deadlines.
fn expire_all_but_old(store: &Store) {
    assert!(store.clear("fill 20000:0"));
    let keys = store.keys();
    keys.iter().filter(|key| *key != b"old").for_each(|key| assert_eq!(store.expire(key, DAY), ExpireOutcome::Set));
}

#[test]
fn what_has_expired_takes_no_room() {
    for config in config::all() {
        let clock = ManualClock::new();
        let store = config.builder().limits(Limits::default().max_bytes(LIMIT)).clock(&clock).build();
        fill(&store);
        expire_all_but_old(&store);
        assert!(is_full(&store.set("new", "f", vec![0; LIMIT / 2])), "{}", config.name);
        clock.advance(DAY);
        assert_eq!(store.set("new", "f", vec![0; LIMIT / 2]), Ok(true), "{}", config.name);
        store.clear("new");
        fill(&store);
        expire_all_but_old(&store);
        store.set("old", "room", vec![0; 15_000]).unwrap();
        assert!(is_full(&store.copy("old", "a longer key than there was", Overwrite::Yes)));
        clock.advance(DAY);
        let copied = store.copy("old", "a longer key than there was", Overwrite::Yes);
        assert_eq!(copied, Ok(TransferOutcome::Done), "{}", config.name);
        check::store(&store);
    }
}

/// A write that would exceed the limit on fields purges the hash after it has reserved its bytes. The purge must not
/// count those bytes a second time.
#[test]
fn a_purge_within_a_write_that_has_reserved_bytes_counts_them_once() {
    const FIELDS: usize = 2_000;
    let (clock, limits) = (ManualClock::new(), Limits::default().max_fields(FIELDS).max_bytes(LIMIT));
    let tables = Thresholds::default().max_fields(0);
    let store = Store::builder().shards(1).thresholds(tables).limits(limits).clock(&clock).build();
    store.set_many("k", (0..FIELDS - 1).map(|n| (n.to_string(), "v"))).unwrap();
    for n in 0..20 {
        let timed = SetOptions::new().expire(HOUR);
        store.set_with("k", [("long", vec![0; LIMIT / 2])], timed).unwrap();
        clock.advance(HOUR);
        // The new field is usually in another segment than the long one. So the long one is removed only because of the
        // limit on fields.
        assert_eq!(store.set("k", format!("new {n}"), "v"), Ok(true));
        assert_eq!(store.size("k"), FIELDS);
        assert!(store.remove("k", format!("new {n}")));
        check::store(&store);
    }
}

/// Every way to give a deadline to a field or key that has none. Returns whether the store was too full for it.
type Timing = fn(&Store) -> bool;
const TIMING: [(&str, Timing); 16] = [
    ("expire", |store| store.expire("old", HOUR) == ExpireOutcome::Full),
    ("expire_if", |store| store.expire_if("old", When::After(DAY), ExpireCondition::IfNone) == ExpireOutcome::Full),
    ("expire_field", |store| store.expire_field("old", "f", DAY) == ExpireOutcome::Full),
    ("expire_fields", |store| {
        store.expire_fields("old", ["f", "none", "f"], DAY)
            == [ExpireOutcome::Full, ExpireOutcome::Missing, ExpireOutcome::Full]
    }),
    ("touch", |store| is_full(&store.get_and_expire("old", "f", HOUR))),
    ("get_many_and_expire", |store| is_full(&store.get_many_and_expire("old", ["f", "none", "n"], HOUR))),
    ("set_with, fields", |store| is_full(&store.set_with("old", [("f", "value")], SetOptions::new().expire(DAY)))),
    ("set_with, key", |store| is_full(&store.set_with("old", [("f", "value")], SetOptions::new().expire_key(DAY)))),
    ("increment_and_expire", |store| is_full(&store.increment_and_expire("old", "n", 0, HOUR))),
    ("update, expire", |store| store.update("old", |hash| hash.expire(HOUR)) == ExpireOutcome::Full),
    ("update, expire_field", |store| store.update("old", |hash| hash.expire_field("f", HOUR)) == ExpireOutcome::Full),
    ("update, expire_fields", |store| {
        store.update("old", |hash| hash.expire_fields(["f"], HOUR)) == [ExpireOutcome::Full]
    }),
    ("update, touch", |store| store.update("old", |hash| is_full(&hash.get_and_expire("f", HOUR)))),
    ("update, get_many_and_expire", |store| {
        store.update("old", |hash| is_full(&hash.get_many_and_expire(["f"], HOUR)))
    }),
    ("update, set_with", |store| {
        store.update("old", |hash| is_full(&hash.set_with([("f", "value")], SetOptions::new().expire(HOUR))))
    }),
    ("update_many", |store| {
        store.update_many(["old", "other"], |[old, _]| old.expire_field("f", HOUR)) == Ok(ExpireOutcome::Full)
    }),
];

#[test]
fn a_full_store_refuses_every_deadline_that_needs_room_and_changes_nothing() {
    with_limit(|store| {
        fill(store);
        if store.encoding("old") == Some(Encoding::Table) {
            return; // which keeps a place for its key's, and takes room in steps
        }
        let state = || (contents(store), store.deadline("old"), store.field_deadlines("old", ["f", "n", "x", "room"]));
        let before = state();
        for (name, is_refused) in TIMING {
            assert!(is_refused(store), "{name}");
            assert_eq!(state(), before, "{name} changed something");
        }
    });
}

#[test]
fn a_full_store_moves_and_takes_deadlines() {
    with_limit(|store| {
        store.set_many("timed", [("f", "value"), ("n", "1")]).unwrap();
        store.expire("timed", HOUR);
        store.expire_fields("timed", ["f", "n"], HOUR);
        fill(store);
        assert_eq!(store.expire("timed", 2 * HOUR), ExpireOutcome::Set);
        assert_eq!(store.expire_fields("timed", ["f", "n"], DAY), [ExpireOutcome::Set; 2]);
        assert_eq!(store.get_and_expire("timed", "f", HOUR), Ok(Some(b"value".to_vec())));
        assert_eq!(store.get_many_and_expire("timed", ["f", "f"], HOUR).map(|values| values.len()), Ok(2));
        assert_eq!(store.increment_and_expire("timed", "n", 1, HOUR), Ok(2));
        assert!(store.persist("timed") && store.persist_field("timed", "f"));
        // A deadline that deletes at once takes no room either.
        assert_eq!(store.get_and_expire("old", "f", Duration::ZERO), Ok(Some(b"value".to_vec())));
        assert_eq!(store.expire_field("old", "n", Duration::ZERO), ExpireOutcome::Deleted);
        assert_eq!(store.expire("other", Duration::ZERO), ExpireOutcome::Deleted);
    });
}

#[test]
fn deadlines_of_tiny_fields_do_not_pass_the_limit() {
    let limits = [150_000, 1 << 20, 10 << 20];
    for limit in limits.into_iter().take(if scale() < 1.0 { 2 } else { 3 }) {
        for config in config::all() {
            if config.name.starts_with("packed") {
                continue; // all fields in one block, which takes quadratic time
            }
            let clock = ManualClock::new();
            let store = config.builder().limits(Limits::default().max_bytes(limit)).clock(&clock).build();
            let _told = config::Told(format!("{}, {limit} bytes", config.name));
            for n in 0.. {
                if store.set(numbered(n / 100_000), numbered(n), "").is_err() {
                    break;
                }
            }
            let bound = limit + limit / 32 + STEP;
            let mut refused = 0;
            for round in 0..3 {
                for key in store.keys() {
                    let fields = store.fields(&key);
                    for field in &fields {
                        refused += usize::from(store.expire_field(&key, field, HOUR) == ExpireOutcome::Full);
                        if round == 1 {
                            store.persist_field(&key, field);
                        }
                    }
                    refused += usize::from(store.expire(&key, HOUR) == ExpireOutcome::Full);
                }
                let bytes = store.stats().bytes;
                assert!(
                    bytes <= bound,
                    "round {round}: {bytes} bytes, {:.3} of the limit",
                    bytes as f64 / limit as f64
                );
            }
            assert!(refused > 0);
            check::store(&store);
        }
    }
}

/// The excess that the documentation of `Limits::max_bytes` allows.
#[test]
fn no_call_exceeds_the_limit_by_more_than_documented() {
    for limit in [60_000, 150_000, 1 << 20, 4 << 20] {
        for config in config::all() {
            let _told = config::Told(format!("{}, {limit} bytes", config.name));
            let clock = ManualClock::new();
            let store = config.builder().limits(Limits::default().max_bytes(limit)).clock(&clock).build();
            let mut source = Source::Seed(limit as u64);
            let mut worst = 0;
            for step in 0..(60_000.0 * scale().max(0.2)) as usize {
                let key = numbered(source.below(limit / 5_000));
                let fields = if source.one_in(3) { 2_000 } else { 60 };
                let (field, len) = (numbered(source.below(fields)), source.one_of(&[0, 1, 7, 30, 100, 300, 1_100]));
                let value = vec![b'x'; source.below(len + 1)];
                match source.below(16) {
                    0 => _ = store.expire_field(&key, &field, HOUR),
                    1 => _ = store.persist_field(&key, &field),
                    2 => _ = store.expire(&key, HOUR),
                    3 if source.one_in(20) => _ = store.clear(&key),
                    4 => _ = store.remove(&key, &field),
                    5 => {
                        // Values become shorter and longer by turns, which takes no room in sum and leaves garbage.
                        let turn = |(n, (field, value)): (usize, (Vec<u8>, Vec<u8>))| {
                            (
                                field,
                                vec![b'y'; if n % 2 == 0 { value.len() + 1 } else { value.len().saturating_sub(1) }],
                            )
                        };
                        let pairs = store.get_all(&key).into_iter().take(200).enumerate().map(turn);
                        _ = store.set_many(&key, pairs.collect::<Vec<_>>());
                    }
                    6 => {
                        // The values have as many bytes as before in sum, but now one of them has all.
                        let all: Vec<(Vec<u8>, Vec<u8>)> = store.get_all(&key).into_iter().collect();
                        let sum: usize = all.iter().map(|(_, value)| value.len()).sum();
                        let pairs = all.iter().enumerate();
                        let pairs = pairs.map(|(n, (field, _))| (field, vec![b'z'; if n == 0 { sum } else { 0 }]));
                        _ = store.set_many(&key, pairs.take(100));
                    }
                    7 if source.one_in(10) => {
                        let first = source.below(1_000);
                        _ = store.set_many(&key, (first..first + 500).map(|n| (numbered(n), &value)));
                    }
                    8 if source.one_in(10) => {
                        _ = store.rename(&key, numbered(source.below(limit / 5_000)), Overwrite::Yes);
                    }
                    9 if source.one_in(10) => {
                        _ = store.copy(&key, numbered(source.below(limit / 5_000)), Overwrite::Yes);
                    }
                    _ => _ = store.set(&key, &field, &value),
                }
                if step % 16 == 0 {
                    worst = worst.max(store.stats().bytes.saturating_sub(limit));
                }
            }
            assert!(
                worst <= limit / 32 + STEP,
                "{worst} bytes beyond, {:.3} of the limit",
                worst as f64 / limit as f64
            );
            check::store(&store);
        }
    }
}

#[test]
fn a_closure_finds_the_room_of_what_has_expired() {
    type Closure = fn(&Store) -> Result<bool>;
    let closures: [(&str, Closure); 3] = [
        ("update", |store| store.update("new", |hash| hash.set("f", vec![0; 10_000]))),
        ("update_many", |store| store.update_many(["new", "old"], |[new, _]| new.set("f", vec![0; 10_000]))?),
        ("update, deadline", |store| {
            store
                .update("old", |hash| Ok(hash.expire_field("f", HOUR) == ExpireOutcome::Set && hash.persist_field("f")))
        }),
    ];
    for config in config::all() {
        for (name, closure) in closures {
            let _told = config::Told(format!("{}, {name}", config.name));
            let clock = ManualClock::new();
            let store = config.builder().limits(Limits::default().max_bytes(LIMIT)).clock(&clock).build();
            store.set_with("old", [("f", "v")], SetOptions::new()).unwrap();
            let session = SetOptions::new().expire_key(HOUR);
            while store.set_with(numbered(store.key_count()), [("f", [0; 500])], session).is_ok() {}
            clock.advance(HOUR);
            assert_eq!(closure(&store), Ok(true));
            check::store(&store);
        }
    }
}

/// A call that makes many values shorter reserves no bytes, and leaves garbage in every segment.
#[test]
fn many_shorter_values_at_once_do_not_pass_the_limit() {
    for limit in [1 << 20, 10 << 20] {
        for len in [30, 200, 247, 248, 249, 250, 251, 252, 253, 300, 800, 1_000] {
            let _told = config::Told(format!("{len} bytes, limit {limit}"));
            let store = Store::builder().limits(Limits::default().max_bytes(limit)).build();
            let mut fields = 0;
            while store.stats().bytes < limit / 100 * 93 && store.set("k", numbered(fields), vec![b'x'; len]).is_ok() {
                fields += 1;
            }
            let shorter = (0..fields).map(|n| (numbered(n), vec![b'x'; len - 1]));
            assert_eq!(store.set_many("k", shorter), Ok(0));
            let bytes = store.stats().bytes;
            assert!(
                bytes <= limit + limit / 32 + STEP,
                "{bytes} bytes, {:.3} of the limit",
                bytes as f64 / limit as f64
            );
        }
    }
}

/// What a table takes beside an entry depends on the entry's length: bytes are left at the ends of chunks, and long
/// entries have boxes.
#[test]
fn many_values_of_any_length_at_once_do_not_pass_the_limit() {
    const LIMIT: usize = 4 << 20;
    for len in [1, 30, 100, 200, 235, 246, 248, 249, 250, 251, 252, 300, 330, 500, 1_000] {
        for at_once in [500_000, 50_000] {
            let _told = config::Told(format!("{len} bytes, {at_once} at once"));
            let store = Store::builder().limits(Limits::default().max_bytes(LIMIT)).build();
            let (mut fields, mut more) = (0, at_once / (len + 20));
            while more > 0 {
                let pairs = (fields..fields + more).map(|n| (numbered(n), vec![b'x'; len]));
                match store.set_many("k", pairs) {
                    Ok(_) => fields += more,
                    Err(_) => more = more / 50 * 49,
                }
            }
            let bytes = store.stats().bytes;
            assert!(
                bytes <= LIMIT + LIMIT / 32 + STEP,
                "{bytes} bytes, {:.3} of the limit",
                bytes as f64 / LIMIT as f64
            );
            assert!(bytes >= LIMIT / 100 * 85, "{bytes} bytes, {:.3} of the limit", bytes as f64 / LIMIT as f64);
        }
    }
}

#[test]
fn many_deadlines_at_once_find_the_same_room_as_one_by_one() {
    let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for limit in (500..1_500).step_by(20) {
        let store = || {
            let clock = ManualClock::new();
            let store = Store::builder().shards(1).limits(Limits::default().max_bytes(limit)).clock(&clock).build();
            let filled = store.set_many("k", names.iter().map(|name| (name, "v")));
            (filled.is_ok(), store, clock)
        };
        let (is_filled, together, clock) = store();
        if !is_filled {
            continue;
        }
        let (_, apart, _) = store();
        let outcomes = together.expire_fields("k", &names, HOUR);
        let one_by_one: Vec<ExpireOutcome> = names.iter().map(|name| apart.expire_field("k", name, HOUR)).collect();
        assert_eq!(outcomes, one_by_one, "{limit} bytes");
        let absent = together.expire_fields("k", ["none"; 100], HOUR);
        assert_eq!(absent, [ExpireOutcome::Missing; 100]);
        clock.advance(HOUR);
        assert_eq!(together.is_empty(), outcomes.iter().all(|outcome| *outcome == ExpireOutcome::Set));
    }
}

/// A closure holds the lock of its key, and may run for long.
#[test]
fn a_closure_in_a_full_store_waits_for_no_other_keys_lock() {
    let clock = ManualClock::new();
    let store = Store::builder().shards(64).limits(Limits::default().max_bytes(LIMIT)).clock(&clock).build();
    let session = SetOptions::new().expire_key(HOUR);
    while store.set_with(numbered(store.key_count()), [("f", [0; 500])], session).is_ok() {}
    clock.advance(HOUR);
    thread::scope(|scope| {
        let (entered, told) = std::sync::mpsc::channel();
        let (done, may_leave) = std::sync::mpsc::channel();
        let store = &store;
        scope.spawn(move || {
            let left = store.update("slow", |_| {
                entered.send(()).unwrap();
                // If the others wait for this closure, the test fails after this time instead of hanging.
                may_leave.recv_timeout(Duration::from_secs(20))
            });
            assert_eq!(left, Ok(()), "nobody else could work");
        });
        told.recv().unwrap();
        // Some of these keys may share the lock, and wait. The first one that does not ends the slow closure.
        for n in 0..8 {
            let done = done.clone();
            scope.spawn(move || {
                store.update(format!("quick {n}"), |hash| hash.set("f", "v")).unwrap();
                done.send(()).ok();
            });
        }
    });
}

/// The first pairs are set while the hash is packed, and the others once it is a table. The last pair makes the first
/// one short again.
#[test]
fn a_call_that_sets_a_field_long_and_then_short_counts_both() {
    for thresholds in [config::tiny(), Thresholds::default(), Thresholds::default().max_fields(2)] {
        let store =
            Store::builder().shards(1).thresholds(thresholds).limits(Limits::default().max_bytes(LIMIT)).build();
        for len in [7, 1_000, 4_000, 5_000] {
            let long = vec![b'x'; len];
            let pairs: Vec<(String, &[u8])> = vec![("f".into(), &long)];
            let others = (0..200).map(|n| (n.to_string(), &b""[..]));
            let pairs: Vec<_> = pairs.into_iter().chain(others).chain([("f".into(), &b"v"[..])]).collect();
            assert_eq!(store.set_many("k", pairs.clone()), Ok(201));
            store.update("k", |hash| {
                hash.clear();
                assert_eq!(hash.set_many(pairs), Ok(201));
            });
            check::store(&store);
            store.clear("k");
        }
    }
}
