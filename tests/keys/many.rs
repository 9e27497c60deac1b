//! Calls on several keys. Each is one atomic step in any order of the keys, and never dead-locks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::support::check;
use crate::support::config;
use hashlet::TransferOutcome::{self, Done, NoSource, TargetExists};
use hashlet::{Encoding, Error, Limits, Overwrite, Store};

type Call = fn(&Store, &str, &str, Overwrite) -> hashlet::Result<TransferOutcome>;

/// The two calls that give a hash another key.
const CALLS: [Call; 2] = [
    |store, key, new, overwrite| store.rename(key, new, overwrite),
    |store, key, new, overwrite| store.copy(key, new, overwrite),
];

fn pairs(count: usize) -> Vec<(String, String)> {
    (0..count).map(|n| (format!("field{n}"), format!("value{n}"))).collect()
}

#[test]
fn rename_moves_the_whole_hash() {
    config::on_every_configuration(|_, store| {
        for (turn, count) in [0, 1, 3, 200].into_iter().enumerate() {
            let (from, to) = (format!("from{turn}"), format!("to{turn}"));
            store.set_many(&from, pairs(count)).unwrap();
            let before = store.get_all(&from);
            assert_eq!(store.rename(&from, &to, Overwrite::No), Ok(if count > 0 { Done } else { NoSource }));
            assert_eq!(store.get_all(&to), before);
            assert!(!store.contains_key(&from));
            check::key(store, &to);
        }
    });
}

#[test]
fn copy_leaves_the_source_and_is_independent_of_it() {
    config::on_every_configuration(|_, store| {
        for (turn, count) in [0, 1, 3, 200].into_iter().enumerate() {
            let (from, to) = (format!("from{turn}"), format!("to{turn}"));
            store.set_many(&from, pairs(count)).unwrap();
            assert_eq!(store.copy(&from, &to, Overwrite::No), Ok(if count > 0 { Done } else { NoSource }));
            assert_eq!(store.get_all(&to), store.get_all(&from));
            store.set(&to, "field0", "changed").unwrap();
            assert_ne!(store.get(&from, "field0").as_deref(), Some(&b"changed"[..]));
        }
    });
}

#[test]
fn the_new_key_is_overwritten_only_when_told() {
    config::on_every_configuration(|_, store| {
        for call in CALLS {
            store.clear_all();
            store.set_many("a", pairs(150)).unwrap();
            store.set("b", "old", "1").unwrap();
            assert_eq!(call(store, "a", "b", Overwrite::No), Ok(TargetExists));
            assert_eq!((store.size("a"), store.size("b")), (150, 1));
            assert_eq!(call(store, "a", "b", Overwrite::Yes), Ok(Done));
            assert_eq!(store.size("b"), 150);
            assert!(!store.contains("b", "old"));
            assert_eq!(call(store, "nowhere", "b", Overwrite::Yes), Ok(NoSource));
            assert_eq!(store.size("b"), 150);
        }
    });
}

#[test]
fn a_key_given_its_own_name_stays_as_it_is() {
    config::on_every_configuration(|_, store| {
        for call in CALLS {
            assert_eq!(call(store, "missing", "missing", Overwrite::Yes), Ok(NoSource));
            store.set("k", "f", "v").unwrap();
            assert_eq!(call(store, "k", "k", Overwrite::Yes), Ok(Done));
            assert_eq!(call(store, "k", "k", Overwrite::No), Ok(TargetExists));
            assert_eq!(store.size("k"), 1);
        }
    });
}

#[test]
fn a_new_key_past_the_limit_changes_nothing() {
    let store = Store::builder().limits(Limits::default().max_key(3)).build();
    store.set("k", "f", "v").unwrap();
    let refused = Err(Error::KeyTooLong { size: 4, limit: 3 });
    assert_eq!(store.rename("k", "long", Overwrite::Yes), refused);
    assert_eq!(store.copy("k", "long", Overwrite::Yes), refused);
    assert_eq!(store.keys(), [b"k"]);
}

#[test]
fn update_many_lends_the_hashes_in_the_order_of_the_keys() {
    config::on_every_configuration(|_, store| {
        for number in 0..100 {
            store.set(format!("k{number}"), "n", number.to_string()).unwrap();
        }
        let keys: [String; 40] = std::array::from_fn(|n| format!("k{}", (n * 37) % 100));
        store
            .update_many(keys.each_ref(), |hashes| {
                for (hash, key) in hashes.iter_mut().zip(&keys) {
                    assert_eq!(hash.get("n"), Some(&key.as_bytes()[1..]));
                    hash.increment("n", 1_000).unwrap();
                }
            })
            .unwrap();
        for key in &keys {
            let number: usize = key[1..].parse().unwrap();
            assert_eq!(store.get(key, "n"), Some((number + 1_000).to_string().into_bytes()));
        }
    });
}

#[test]
fn update_many_makes_and_removes_keys() {
    config::on_every_configuration(|_, store| {
        store.set_many("full", pairs(200)).unwrap();
        store.set("", "the empty key", "too").unwrap();
        let sizes = store.update_many(["full", "new", "", "none"], |[full, new, empty, none]| {
            for (field, value) in pairs(200) {
                full.remove(&field);
                new.set(field, value).unwrap();
            }
            empty.set("more", "1").unwrap();
            [full.len(), new.len(), empty.len(), none.len()]
        });
        assert_eq!(sizes, Ok([0, 200, 2, 0]));
        let mut keys = store.keys();
        keys.sort();
        assert_eq!(keys, [&b""[..], b"new"]);
        assert_eq!(store.stats().fields, 202);
    });
}

#[test]
fn many_keys_of_one_segment_come_and_go_in_one_call() {
    let store = Store::builder().shards(1).build();
    for number in 0..895 {
        store.set(number.to_string(), "f", "v").unwrap();
    }
    let keys: [String; 300] = std::array::from_fn(|n| (n + 700).to_string());
    store
        .update_many(keys, |hashes| {
            for hash in hashes {
                if !hash.remove("f") {
                    hash.set("f", "new").unwrap();
                }
            }
        })
        .unwrap();
    check::store(&store);
    assert_eq!(store.key_count(), 700 + 105);
}

#[test]
fn a_repeated_key_is_an_error_and_the_closure_is_not_called() {
    let store = Store::new();
    let result = store.update_many(["a", "b", "a"], |_| panic!("called"));
    assert_eq!(result, Err(Error::RepeatedKey));
}

#[test]
fn a_panic_in_update_many_settles_every_hash() {
    config::on_every_configuration(|_, store| {
        store.set_many("a", pairs(200)).unwrap();
        store.set("b", "f", "v").unwrap();
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            store.update_many(["a", "b", "c"], |[a, b, c]| {
                a.clear();
                b.set_many(pairs(200)).unwrap();
                c.set("f", "v").unwrap();
                panic!("on purpose");
            })
        }));
        assert!(unwound.is_err());
        assert_eq!((store.size("a"), store.size("b"), store.size("c")), (0, 201, 1));
        assert_eq!(store.key_count(), 2);
        assert_ne!(store.encoding("a"), Some(Encoding::Table));
    });
}

#[test]
fn opposite_directions_do_not_dead_lock() {
    const TURNS: usize = 5_000;
    config::on_every_configuration(|_, store| {
        store.set("a", "n", "1000000").unwrap();
        store.set("b", "n", "1000000").unwrap();
        thread::scope(|scope| {
            for (from, to) in [("a", "b"), ("b", "a")] {
                scope.spawn(move || {
                    for _ in 0..TURNS {
                        let moved = store.update_many([from, to], |[from, to]| {
                            from.increment("n", -1)?;
                            to.increment("n", 1)
                        });
                        moved.unwrap().unwrap();
                        let sum = store.get_across([to, from], "n").into_iter().flatten();
                        let sum: i64 = sum.map(|text| String::from_utf8(text).unwrap().parse::<i64>().unwrap()).sum();
                        assert_eq!(sum, 2_000_000, "both are of one instant");
                    }
                });
            }
            scope.spawn(|| {
                for turn in 0..TURNS {
                    let (from, to) = if turn % 2 == 0 { ("x", "y") } else { ("y", "x") };
                    store.set(from, "f", "v").unwrap();
                    store.rename(from, to, Overwrite::Yes).unwrap();
                    store.copy(to, from, Overwrite::No).unwrap();
                }
            });
        });
        assert_eq!(store.get("a", "n"), Some(b"1000000".to_vec()));
    });
}

#[test]
fn get_across_answers_as_many_gets() {
    config::on_every_configuration(|_, store| {
        for number in 0..150 {
            store.set(format!("k{number}"), if number % 3 == 0 { "f" } else { "g" }, number.to_string()).unwrap();
        }
        for count in [0, 1, 63, 64, 65, 300] {
            let keys: Vec<String> = (0..count).map(|n| format!("k{}", n * 7 % 200)).collect();
            let single: Vec<_> = keys.iter().map(|key| store.get(key, "f")).collect();
            assert_eq!(store.get_across(&keys, "f"), single);
        }
    });
}

#[test]
fn get_many_across_answers_as_many_get_manys() {
    config::on_every_configuration(|_, store| {
        for number in 0..150 {
            let fields = if number % 10 == 0 { 200 } else { number % 7 };
            store.set_many(format!("k{number}"), pairs(fields)).unwrap();
        }
        let fields = ["field3", "missing", "field0", "field3"];
        for count in [0, 1, 63, 64, 65, 300] {
            let keys: Vec<String> = (0..count).map(|n| format!("k{}", n * 7 % 200)).collect();
            let single: Vec<_> = keys.iter().map(|key| store.get_many(key, fields)).collect();
            assert_eq!(store.get_many_across(&keys, fields), single);
        }
    });
}

#[test]
fn set_many_across_answers_as_many_set_manys() {
    config::on_every_configuration(|config, store| {
        let other = config.store();
        for count in [0, 1, 63, 64, 65, 300] {
            // Some keys are new, some are given twice, and some become tables.
            let hashes: Vec<(String, Vec<(String, String)>)> =
                (0..count).map(|n| (format!("k{}", n * 7 % 200), pairs([1, 0, 3, 150][n % 4]))).collect();
            let single: Vec<_> = hashes.iter().map(|(key, pairs)| other.set_many(key, pairs.clone())).collect();
            assert_eq!(store.set_many_across(hashes), single);
        }
        let sorted = |store: &Store| {
            let mut hashes: Vec<_> = store.keys().into_iter().map(|key| (store.get_all(&key), key)).collect();
            hashes.sort_by(|left, right| left.1.cmp(&right.1));
            hashes
        };
        assert_eq!(sorted(store), sorted(&other));
        check::store(store);
    });
}

#[test]
fn set_many_across_sets_what_is_behind_a_refused_key() {
    let store = Store::builder().limits(Limits::default().max_key(3).max_string(5)).build();
    let answers = store.set_many_across([
        ("a", vec![("f", "v"), ("g", "w")]),
        ("long", vec![("f", "v")]),
        ("b", vec![("f", "v"), ("g", "too long")]),
        ("a", vec![("f", "x"), ("h", "y")]),
    ]);
    let too_long = Error::ValueTooLong { size: 8, limit: 5 };
    assert_eq!(answers, [Ok(2), Err(Error::KeyTooLong { size: 4, limit: 3 }), Err(too_long), Ok(1)]);
    assert_eq!(store.keys(), [b"a"]);
    assert_eq!((store.size("a"), store.get("a", "f").as_deref()), (3, Some(&b"x"[..])));
}

#[test]
fn update_slice_lends_the_hashes_in_the_order_of_the_keys() {
    config::on_every_configuration(|_, store| {
        for count in [0, 1, 3, 80] {
            let keys: Vec<String> = (0..count).map(|n| format!("k{}", n * 37 % 100)).collect();
            let lent = store.update_slice(&keys, |hashes| {
                for (hash, key) in hashes.iter_mut().zip(&keys) {
                    hash.set_many(pairs(key.len())).unwrap();
                    hash.set("name", key).unwrap();
                }
                hashes.len()
            });
            assert_eq!(lent, Ok(count));
            for key in &keys {
                assert_eq!(store.get(key, "name").as_deref(), Some(key.as_bytes()));
            }
        }
        check::store(store);
    });
}

#[test]
fn a_repeated_key_in_a_slice_is_an_error_and_the_closure_is_not_called() {
    let store = Store::new();
    let mut keys: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    keys[900] = "7".into();
    assert_eq!(store.update_slice(&keys, |_| panic!("called")), Err(Error::RepeatedKey));
    assert_eq!(store.try_update_slice(&keys, |_| -> hashlet::Result<()> { panic!("called") }), Err(Error::RepeatedKey));
}

#[test]
fn try_update_slice_keeps_all_or_nothing() {
    config::on_every_configuration(|_, store| {
        let keys: Vec<String> = (0..40).map(|n| format!("k{n}")).collect();
        for (number, key) in keys.iter().enumerate() {
            store.set_many(key, pairs(number * 5)).unwrap();
        }
        let before: Vec<_> = keys.iter().map(|key| store.get_all(key)).collect();
        let update = |hashes: &mut [hashlet::HashMut<'_>]| -> hashlet::Result<()> {
            for (number, hash) in hashes.iter_mut().enumerate() {
                if number % 3 == 0 {
                    hash.clear();
                }
                hash.set_many(pairs(200 - number * 5))?;
                hash.increment("number", 1)?;
            }
            hashes[7].increment("field0", 1).map(drop) // is no number
        };
        assert_eq!(store.try_update_slice(&keys, update), Err(Error::NotAnInteger));
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            store.try_update_slice(&keys, |hashes| -> hashlet::Result<()> {
                hashes.iter_mut().for_each(hashlet::HashMut::clear);
                panic!("on purpose");
            })
        }));
        assert!(unwound.is_err());
        let after: Vec<_> = keys.iter().map(|key| store.get_all(key)).collect();
        assert_eq!(after, before);
        check::store(store);
        let done = store.try_update_slice(&keys, |hashes| {
            hashes.iter_mut().try_for_each(|hash| hash.increment("number", 1).map(drop))
        });
        assert_eq!(done, Ok(()));
        assert_eq!(store.get_across(&keys, "number"), vec![Some(b"1".to_vec()); 40]);
        check::store(store);
    });
}

#[test]
fn clear_many_counts_what_was_there() {
    config::on_every_configuration(|_, store| {
        store.set("a", "f", "v").unwrap();
        store.set_many("b", pairs(200)).unwrap();
        assert_eq!(store.clear_many(["a", "missing", "b", "a"]), 2);
        assert!(store.is_empty());
    });
}
