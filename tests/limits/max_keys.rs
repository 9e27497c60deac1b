//! The limit on the keys of a store. A store that refuses creates no key beyond it; a store that evicts makes room.

use std::thread;
use std::time::Duration;

use hashlet::{Error, Eviction, HashMut, Limits, ManualClock, Overwrite, Store, TransferOutcome};

use crate::support::check;
use crate::support::config;
use crate::support::scale;
use crate::support::source::{Source, mix};

const FULL: Error = Error::TooManyKeys { size: 4, limit: 3 };

/// Runs `test` on a store of each configuration that holds three keys, and may hold no more.
fn on_full_stores(test: impl Fn(&Store, &ManualClock)) {
    for config in &config::all() {
        let _told = config::Told(config.name);
        let clock = ManualClock::new();
        let store = config.builder().limits(Limits::default().max_keys(3)).clock(&clock).build();
        for key in ["one", "two", "three"] {
            store.set(key, "f", "1").unwrap();
        }
        test(&store, &clock);
        check::store(&store);
        assert!(store.key_count() <= 3);
    }
}

type Write = fn(&Store, &str) -> Result<(), Error>;

/// Every way to create a key.
const CREATING: [(&str, Write); 13] = [
    ("set", |store, key| store.set(key, "f", "v").map(drop)),
    ("set_many", |store, key| store.set_many(key, [("f", "v"), ("g", "w")]).map(drop)),
    ("set_many_across", |store, key| store.set_many_across([(key, [("f", "v")])]).remove(0).map(drop)),
    ("set_if_absent", |store, key| store.set_if_absent(key, "f", "v").map(drop)),
    ("set_with", |store, key| store.set_with(key, [("f", "v")], hashlet::SetOptions::new()).map(drop)),
    ("compare_and_set", |store, key| store.compare_and_set(key, "f", None, Some(b"v")).map(drop)),
    ("increment", |store, key| store.increment(key, "n", 1).map(drop)),
    ("increment_float", |store, key| store.increment_float(key, "n", 1.0).map(drop)),
    ("copy", |store, key| store.copy("one", key, Overwrite::Yes).map(drop)),
    ("update", |store, key| store.update(key, |hash| hash.set("f", "v")).map(drop)),
    ("try_update", |store, key| store.try_update(key, |hash| hash.set("f", "v")).map(drop)),
    ("update_many", |store, key| {
        store
            .update_many([key, "one"], |[new, one]| {
                one.set("g", "w")?;
                new.set("f", "v")
            })?
            .map(drop)
    }),
    ("update_slice", |store, key| store.update_slice(&["one", key], |hashes| hashes[1].set("f", "v"))?.map(drop)),
];

#[test]
fn a_full_store_refuses_new_keys_and_nothing_else() {
    on_full_stores(|store, _| {
        for (name, create) in CREATING {
            assert_eq!(create(store, "new"), Err(FULL), "{name}");
            assert!(!store.contains_key("new"), "{name}");
            assert!(create(store, "two").is_ok(), "{name} on a key that is there");
        }
        assert_eq!(store.stats().refused, CREATING.len());
        assert!(FULL.is_full());
        assert_eq!(store.rename("one", "new", Overwrite::No), Ok(TransferOutcome::Done));
        assert_eq!(store.copy("new", "two", Overwrite::Yes), Ok(TransferOutcome::Done));
        // A key that a closure empties and fills again is the same key.
        store
            .update("two", |hash| {
                hash.clear();
                hash.set("f", "v")
            })
            .unwrap();
        let nothing = store.update("none", |hash| hash.len());
        assert_eq!(nothing, 0);
    });
}

#[test]
fn a_key_that_goes_makes_room() {
    on_full_stores(|store, clock| {
        type Remove = fn(&Store, &ManualClock);
        let removals: [Remove; 8] = [
            |store, _| assert!(store.clear("one")),
            |store, _| _ = store.remove_many("one", ["f", "g", "n"]),
            |store, _| assert_eq!(store.retain(|key, _| key != b"one"), 1),
            |store, _| store.update("one", |hash| hash.clear()),
            |store, _| assert_eq!(store.rename("one", "two", Overwrite::Yes), Ok(TransferOutcome::Done)),
            |store, clock| {
                store.expire("one", Duration::from_secs(1));
                clock.advance(Duration::from_secs(1));
            },
            |store, clock| {
                store.expire_fields("one", ["f", "g", "n"], Duration::from_secs(1));
                clock.advance(Duration::from_secs(1));
            },
            |store, _| {
                store.clear_all();
                ["two", "three"].iter().for_each(|key| _ = store.set(key, "f", "1").unwrap());
            },
        ];
        for (at, remove) in removals.into_iter().enumerate() {
            for (name, create) in CREATING {
                if !store.contains_key("one") {
                    store.set("one", "f", "1").unwrap();
                }
                remove(store, clock);
                if name.starts_with("copy") || name == "update_many" {
                    assert!(store.set("one", "f", "1").is_ok(), "{at}");
                    store.clear("two");
                }
                assert_eq!(create(store, "new"), Ok(()), "{name} after removal {at}");
                assert_eq!(store.set("newer", "f", "v"), Err(FULL), "{name} after removal {at}");
                store.clear("new");
                store.set("two", "f", "1").unwrap();
            }
        }
    });
}

#[test]
fn a_call_that_fails_gives_its_room_back() {
    on_full_stores(|store, _| {
        store.clear("three");
        for _ in 0..5 {
            let failed = store.try_update("new", |hash| {
                hash.set("f", "v")?;
                Err::<(), Error>(Error::Overflow)
            });
            assert_eq!(failed, Err(Error::Overflow));
            assert_eq!(store.update("new", |hash| hash.set("f", "v").map(|_| hash.clear())), Ok(()));
        }
        let both = store.try_update_many(["new", "newer"], |[new, newer]| {
            new.set("f", "v")?;
            newer.set("f", "v")
        });
        assert_eq!(both, Err(FULL));
        assert_eq!(store.key_count(), 2);
        store.set("three", "f", "v").unwrap();
    });
}

/// Keys that a call removes, or that have expired, make room for others of the same call.
#[test]
fn keys_of_one_call_take_each_others_place() {
    for policy in [Eviction::Refuse, Eviction::LeastRecent] {
        for config in &config::all() {
            let _told = config::Told(config.name);
            let clock = ManualClock::new();
            let limits = Limits::default().max_keys(2);
            let store = config.builder().limits(limits).eviction(policy).clock(&clock).build();
            let refill = || {
                store.clear_all();
                ["a", "b"].iter().for_each(|key| _ = store.set(key, "f", "v").unwrap());
            };
            refill();
            ["a", "b"].iter().for_each(|key| _ = store.expire(key, Duration::from_secs(1)));
            clock.advance(Duration::from_secs(1));
            assert_eq!(store.update_many(["a", "b", "c"], |[_, _, c]| c.set("f", "v")), Ok(Ok(true)));
            refill();
            let moved = store.try_update_many(["a", "c"], |[a, c]| {
                let value = a.get("f").map(<[u8]>::to_vec).unwrap();
                a.remove("f");
                c.set("f", value)?;
                // There is no room for both.
                let full = Error::TooManyKeys { size: 3, limit: 2 };
                assert!(policy != Eviction::Refuse || a.set("f", "v") == Err(full));
                Ok::<_, Error>(())
            });
            assert_eq!(moved, Ok(()));
            assert!(store.contains_key("b") && store.contains_key("c") && !store.contains_key("a"));
            refill();
            let both = store.update_many(["a", "b", "c"], |[a, b, c]| {
                a.clear();
                b.clear();
                c.set("f", "v")?;
                b.set("f", "v")
            });
            assert_eq!(both, Ok(Ok(true)));
            check::store(&store);
            assert_eq!(store.key_count(), 2);
        }
    }
}

#[test]
fn no_key_at_all_may_be_allowed() {
    for policy in [Eviction::Refuse, Eviction::LeastRecent] {
        let store = Store::builder().limits(Limits::default().max_keys(0)).eviction(policy).build();
        assert_eq!(store.set("k", "f", "v"), Err(Error::TooManyKeys { size: 1, limit: 0 }));
        assert!(store.is_empty());
        check::store(&store);
    }
}

#[test]
fn a_store_that_evicts_makes_room_for_keys() {
    for config in &config::all() {
        for policy in [Eviction::LeastRecent, Eviction::LeastFrequent, Eviction::SoonestDeadline, Eviction::Random] {
            let _told = config::Told(config.name);
            let store = config.builder().limits(Limits::default().max_keys(100)).eviction(policy).build();
            for n in 0..500 {
                store.set(n.to_string(), "f", "v").unwrap();
                assert!(store.contains_key(n.to_string()) && store.key_count() == 100.min(n + 1));
            }
            assert_eq!(store.stats().evicted_keys, 400);
            // The keys of one call are all there afterwards, so there must not be too many.
            let keys: Vec<String> = (0..101).map(|n| format!("new:{n}")).collect();
            let fill = |count: usize| {
                let keys: Vec<&str> = keys[..count].iter().map(String::as_str).collect();
                store.try_update_slice(&keys, |hashes| {
                    hashes.iter_mut().try_for_each(|hash| hash.set("f", "v").map(drop))
                })
            };
            assert_eq!(fill(101), Err(Error::TooManyKeys { size: 101, limit: 100 }));
            assert!(store.contains_key("499"));
            assert_eq!(fill(100), Ok(()));
            assert!(keys[..100].iter().all(|key| store.contains_key(key)));
            check::store(&store);
        }
    }
}

#[test]
fn threads_never_create_too_many_keys() {
    for policy in [Eviction::Refuse, Eviction::Random] {
        let store = Store::builder().shards(8).limits(Limits::default().max_keys(50)).eviction(policy).build();
        let turns = (20_000.0 * scale()) as u64 + 200;
        thread::scope(|scope| {
            for thread in 0..4 {
                let store = &store;
                scope.spawn(move || {
                    let mut source = Source::Seed(mix(thread));
                    for _ in 0..turns {
                        let [one, two] = [(); 2].map(|()| source.below(100).to_string());
                        match source.below(8) {
                            0..=2 => _ = store.set(&one, "f", "v"),
                            3 => _ = store.rename(&one, &two, Overwrite::Yes),
                            4 => _ = store.copy(&one, &two, Overwrite::Yes),
                            5 if one != two => {
                                let work = |[one, two]: &mut [HashMut<'_>; 2]| {
                                    one.clear();
                                    two.set("f", "v").map(drop)
                                };
                                _ = store.update_many([&one, &two], work);
                            }
                            6 => {
                                let keys = store.key_count();
                                assert!(policy != Eviction::Refuse || keys <= 58, "{keys} keys while calls run");
                            }
                            _ => _ = store.clear(&one),
                        }
                    }
                });
            }
        });
        check::store(&store);
        assert!(store.key_count() <= 50);
    }
}

#[cfg(feature = "snapshot")]
#[test]
fn a_snapshot_with_too_many_keys_is_refused() {
    let full = Store::new();
    (0..100).for_each(|n| _ = full.set(n.to_string(), "f", "v").unwrap());
    let mut snapshot = Vec::new();
    full.save_to(&mut snapshot).unwrap();
    let load = |keys: usize, policy| {
        Store::builder().limits(Limits::default().max_keys(keys)).eviction(policy).load_from(&snapshot[..])
    };
    let refused = load(99, Eviction::Refuse).unwrap_err();
    let expected = Error::TooManyKeys { size: 100, limit: 99 };
    assert!(matches!(refused, hashlet::SnapshotError::TooLarge(error) if error == expected));
    for (keys, policy) in [(100, Eviction::Refuse), (99, Eviction::LeastFrequent), (7, Eviction::Random)] {
        let store = load(keys, policy).unwrap();
        check::store(&store);
        assert_eq!(store.key_count(), keys);
        let full = store.set("new", "f", "v");
        assert_eq!(full.is_err(), policy == Eviction::Refuse);
    }
}
