//! A store that evicts. A write always finds room, unless its hash would not fit in an empty store. After each call the
//! store is within its limit, and what the call has written is there. `model/` compares the answers of such stores with
//! the model's.

use std::collections::BTreeSet;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

#[cfg(feature = "watch")]
use hashlet::{Change, ChangeKind, Watch};
use hashlet::{Error, Eviction, Gone, Limits, ManualClock, Overwrite, Store, StoreBuilder, TransferOutcome, WhenFull};

use crate::support::check;
use crate::support::config;
use crate::support::scale;
use crate::support::source::{Source, mix};

const LIMIT: usize = 200_000;
const POLICIES: [Eviction; 4] =
    [Eviction::LeastRecent, Eviction::LeastFrequent, Eviction::SoonestDeadline, Eviction::Random];

/// Runs `test` on a store of each policy and configuration.
fn on_every_policy(test: impl Fn(Eviction, &Store, &ManualClock)) {
    for config in &config::all() {
        for policy in POLICIES {
            let _told = config::Told(config.name);
            let clock = ManualClock::new();
            let store = evicting(config.builder(), policy).clock(&clock).build();
            test(policy, &store, &clock);
            check::store(&store);
            assert!(store.stats().bytes <= LIMIT, "{policy:?} on {}", config.name);
        }
    }
}

fn evicting(builder: StoreBuilder, policy: Eviction) -> StoreBuilder {
    builder.limits(Limits::default().max_bytes(LIMIT)).eviction(policy)
}

/// Keys whose values are their own names, as many as fill the store several times.
fn fill(store: &Store, prefix: &str) {
    for n in 0..3 * LIMIT / 100 {
        let key = format!("{prefix}:{n}");
        store.set(&key, "f", key.repeat(5)).unwrap();
    }
}

#[test]
fn every_write_finds_room_and_is_there_afterwards() {
    on_every_policy(|policy, store, _| {
        fill(store, "key");
        let check = |call: &str| {
            let bytes = store.stats().bytes;
            assert!(bytes <= LIMIT, "{policy:?}: {bytes} bytes after {call}");
        };
        for len in [0, 1, 100, 3_000, 50_000] {
            let value = vec![b'v'; len];
            assert_eq!(store.set("one", "f", &value), Ok(true));
            check("set");
            assert_eq!(store.get("one", "f"), Some(value.clone()));
            store.update("two", |hash| hash.set("f", &value).unwrap());
            check("update");
            assert_eq!(store.value_len("two", "f"), Some(len));
            let both = store.update_many(["one", "three"], |[one, three]| {
                one.remove("f");
                three.set("f", &value)
            });
            assert_eq!(both.unwrap(), Ok(true));
            check("update_many");
            assert_eq!((store.value_len("three", "f"), store.contains_key("one")), (Some(len), false));
            assert!(store.copy("three", "one", Overwrite::Yes).is_ok_and(TransferOutcome::is_done), "{len}");
            check("copy");
            assert_eq!(store.value_len("one", "f"), Some(len));
            store.clear_many(["one", "two", "three"]);
            fill(store, "key");
        }
    });
}

#[test]
fn a_hash_that_cannot_fit_is_refused_and_evicts_nothing() {
    on_every_policy(|policy, store, _| {
        fill(store, "key");
        store.set("large", "f", vec![b'v'; LIMIT / 2]).unwrap();
        let before = store.stats();
        let refused = [
            store.set("new", "f", vec![b'v'; LIMIT]),
            store.set("large", "g", vec![b'v'; LIMIT / 2]),
            store.update("large", |hash| hash.set("g", vec![b'v'; LIMIT / 2])),
            store.try_update("new", |hash| hash.set("f", vec![b'v'; LIMIT])),
        ];
        for (at, result) in refused.into_iter().enumerate() {
            let is_full = matches!(result, Err(Error::Full { size, limit: LIMIT }) if size > LIMIT);
            assert!(is_full, "{policy:?} {at}: {result:?}");
        }
        let mut after = store.stats();
        assert_eq!(after.refused, 4, "{policy:?}");
        after.refused = 0;
        assert_eq!(after, before, "{policy:?}");
    });
}

#[test]
fn a_call_that_is_rolled_back_leaves_its_keys() {
    on_every_policy(|_, store, _| {
        fill(store, "key");
        store.set("kept", "f", "v").unwrap();
        let failed = store.try_update("kept", |hash| {
            hash.set("f", vec![b'v'; LIMIT / 2])?;
            hash.increment("f", 1)
        });
        assert_eq!(failed, Err(Error::NotAnInteger));
        assert_eq!(store.get("kept", "f").as_deref(), Some(&b"v"[..]));
    });
}

/// How many of some keys are there, without using them.
fn count(store: &Store, prefix: &str) -> usize {
    store.keys().into_iter().filter(|key| key.starts_with(prefix.as_bytes())).count()
}

#[test]
fn what_is_used_stays() {
    on_every_policy(|policy, store, _| {
        let hot: Vec<String> = (0..40).map(|n| format!("hot:{n}")).collect();
        hot.iter().for_each(|key| _ = store.set(key, "f", "v").unwrap());
        // Each of these counts as a use.
        let uses: [&dyn Fn(&String); 6] = [
            &|key| drop(store.get(key, "f")),
            &|key| assert!(store.increment(key, "n", 1).is_ok()),
            &|key| drop(store.read(key, |hash| hash.to_value())),
            &|key| store.update(key, |_| ()),
            &|key| drop(store.get_across([key], "f")),
            &|key| store.update_many([key.as_str(), "beside"], |_| ()).unwrap(),
        ];
        for turn in 0..120 {
            for n in 0..100 {
                store.set(format!("cold:{turn}:{n}"), "f", [b'c'; 60]).unwrap();
            }
            hot.iter().for_each(uses[turn % uses.len()]);
        }
        let (kept, cold) = (count(store, "hot"), count(store, "cold"));
        assert!(cold < 12_000, "{policy:?}: {cold} of 12,000 are there");
        match policy {
            Eviction::LeastRecent | Eviction::LeastFrequent => assert!(kept >= 36, "{policy:?}: {kept} of 40"),
            _ => assert!(kept < 36, "{policy:?}: {kept} of 40"),
        }
    });
}

/// What is known of the use of a key moves with it: when the table of its shard grows, is split and is merged, and when its hash
/// changes its encoding.
#[test]
fn use_is_remembered_wherever_a_key_moves() {
    const KEYS: usize = 12_000;
    for config in &config::all() {
        let _told = config::Told(config.name);
        let limits = Limits::default().max_keys(KEYS);
        let store = config.builder().limits(limits).eviction(Eviction::LeastFrequent).build();
        let hot: Vec<String> = (0..100).map(|n| format!("hot:{n}")).collect();
        for _ in 0..12 {
            hot.iter().for_each(|key| _ = store.increment(key, "n", 1).unwrap());
        }
        let fill = |prefix: &str| (0..KEYS).for_each(|n| _ = store.set(format!("{prefix}:{n}"), "f", "v").unwrap());
        hot.iter().for_each(|key| _ = store.set_many(key, (0..200).map(|n| (format!("f{n}"), "v"))).unwrap());
        hot.iter().for_each(|key| _ = store.remove_many(key, (0..200).map(|n| format!("f{n}"))));
        fill("first"); // more keys than there is room for
        assert_eq!(count(&store, "hot"), 100);
        store.retain(|key, _| key.starts_with(b"hot") || key.ends_with(b"7"));
        store.shrink_to_fit();
        store.reserve(KEYS);
        fill("second");
        check::store(&store);
        assert_eq!((count(&store, "hot"), store.key_count()), (100, KEYS));
    }
}

#[test]
fn walks_count_as_no_use() {
    on_every_policy(|policy, store, _| {
        if policy != Eviction::LeastRecent {
            return;
        }
        (0..40).for_each(|n| _ = store.set(format!("walked:{n}"), "f", "v").unwrap());
        for turn in 0..30 {
            for n in 0..200 {
                store.set(format!("cold:{turn}:{n}"), "f", [b'c'; 60]).unwrap();
            }
            store.for_each(|_, hash| assert_eq!(hash.len(), 1));
            assert_eq!(store.retain(|_, _| true), 0);
            drop((store.keys(), store.iter_keys().count(), store.stats()));
        }
        assert!(count(store, "walked") < 5, "{} of 40", count(store, "walked"));
    });
}

#[test]
fn the_soonest_deadline_goes_first_and_no_deadline_last() {
    on_every_policy(|policy, store, _| {
        if policy != Eviction::SoonestDeadline {
            return;
        }
        for n in 0..100 {
            store.set(format!("never:{n}"), "f", [b'n'; 60]).unwrap();
            store.set(format!("later:{n}"), "f", [b'l'; 60]).unwrap();
            store.expire(format!("later:{n}"), Duration::from_secs(9_000));
        }
        for n in 0..4_000 {
            store.set(format!("soon:{n}"), "f", [b's'; 60]).unwrap();
            store.expire(format!("soon:{n}"), Duration::from_secs(60 + n));
        }
        let [never, later, soon] = ["never", "later", "soon"].map(|prefix| count(store, prefix));
        assert!(never >= 95 && later >= 90 && soon < 3_000, "{never} never, {later} later, {soon} soon");
    });
}

#[test]
fn what_has_expired_goes_before_anything_is_evicted() {
    on_every_policy(|policy, store, clock| {
        for n in 0..400 {
            store.set(format!("kept:{n}"), "f", [b'k'; 20]).unwrap();
        }
        for n in 0..4_000 {
            store.set(format!("session:{n}"), "f", [b's'; 60]).unwrap();
            store.expire(format!("session:{n}"), Duration::from_secs(60));
            drop(store.get(format!("kept:{}", n % 400), "f"));
        }
        let (before, expiring) = (count(store, "kept"), count(store, "session"));
        clock.advance(Duration::from_secs(61));
        for n in 0..expiring / 2 {
            store.set(format!("new:{n}"), "f", [b'n'; 60]).unwrap();
        }
        let after = count(store, "kept");
        assert!(expiring > 60 && after + 40 >= before, "{policy:?}: {after} of {before}");
    });
}

/// Random writes by threads. Each value names its key, and nothing is ever mixed up.
#[test]
fn threads_that_evict_lose_no_byte_and_mix_nothing_up() {
    for policy in POLICIES {
        let store = evicting(Store::builder().shards(8), policy).build();
        let turns = (20_000.0 * scale()) as u64 + 200;
        thread::scope(|scope| {
            for thread in 0..4 {
                let store = &store;
                scope.spawn(move || {
                    let mut source = Source::Seed(mix(thread));
                    for _ in 0..turns {
                        let key = source.below(3_000).to_string();
                        match source.below(8) {
                            0..=2 => assert!(store.set(&key, &key, key.repeat(source.below(60))).is_ok()),
                            3 => store.update(&key, |hash| assert!(hash.set(&key, &key).is_ok())),
                            4 => store
                                .update_many([&key, "both"], |[one, both]| {
                                    one.set(&key, &key).unwrap();
                                    both.set("both", "both").unwrap();
                                })
                                .unwrap_or_else(|error| panic!("{error}")),
                            5 => _ = store.remove(&key, &key),
                            _ => {
                                let value = store.get(&key, &key).unwrap_or_default();
                                let times = value.len() / key.len();
                                assert_eq!(value, key.repeat(times).into_bytes());
                            }
                        }
                    }
                });
            }
        });
        check::store(&store);
        assert!(store.stats().bytes <= LIMIT, "{policy:?}");
    }
}

#[cfg(feature = "snapshot")]
#[test]
fn a_snapshot_that_is_too_large_for_a_store_that_evicts_fits() {
    let full = Store::new();
    for n in 0..3_000 {
        full.set(format!("key:{n}"), "f", format!("value {n}")).unwrap();
    }
    let limit = full.stats().bytes * 31 / 32;
    let mut snapshot = Vec::new();
    full.save_to(&mut snapshot).unwrap();
    for policy in POLICIES {
        let builder = Store::builder().limits(Limits::default().max_bytes(limit)).eviction(policy);
        let store = builder.load_from(&snapshot[..]).unwrap();
        check::store(&store);
        assert!(store.stats().bytes <= limit && store.key_count() < 3_000 && store.key_count() > 2_000);
        for key in store.keys() {
            assert_eq!(store.get_all(&key), full.get_all(&key));
        }
        store.set("new", "f", "v").unwrap();
        assert!(store.contains_key("new"));
    }
}

#[cfg(feature = "snapshot")]
#[test]
fn a_snapshot_of_a_much_larger_store_fits() {
    let full = Store::new();
    for n in 0..4_000 {
        full.set_many(n.to_string(), [("f", [b'v'; 80]), ("g", [b'w'; 80])]).unwrap();
    }
    let mut snapshot = Vec::new();
    full.save_to(&mut snapshot).unwrap();
    on_every_policy(|policy, empty, _| {
        let loaded = evicting(Store::builder(), policy).load_from(&snapshot[..]).unwrap();
        check::store(&loaded);
        let stats = loaded.stats();
        let (bytes, keys, evicted_keys) = (stats.bytes, stats.keys, stats.evicted_keys);
        assert!(bytes <= LIMIT && keys > 100, "{policy:?}: {keys} keys in {bytes} bytes");
        assert_eq!(keys + evicted_keys, 4_000);
        assert!(empty.is_empty());
    });
}

/// Two hashes of one call are both there afterwards, so they have to fit together.
#[test]
fn hashes_of_one_call_that_cannot_fit_together_are_refused() {
    on_every_policy(|policy, store, _| {
        fill(store, "key");
        let long = vec![b'v'; LIMIT / 20 * 11];
        store.set("one", "f", &long).unwrap();
        let keys = store.key_count();
        let second = store.update_many(["two", "one"], |[two, _]| two.set("f", &long)).unwrap();
        let both = store.try_update_many(["three", "four"], |[three, four]| {
            three.set("f", &long)?;
            four.set("f", &long)
        });
        let copy = store.copy("one", "five", Overwrite::Yes);
        for refused in [second.map(drop), both.map(drop), copy.map(drop)] {
            assert!(matches!(refused, Err(Error::Full { limit: LIMIT, .. })), "{policy:?}: {refused:?}");
        }
        assert_eq!((store.key_count(), store.value_len("one", "f")), (keys, Some(long.len())), "{policy:?}");
        assert_eq!(store.rename("one", "six", Overwrite::Yes), Ok(TransferOutcome::Done));
        assert_eq!(store.value_len("six", "f"), Some(long.len()));
    });
}

#[test]
fn a_listener_is_told_what_was_evicted_and_what_it_held() {
    for config in &config::all() {
        for policy in POLICIES {
            let _told = config::Told(config.name);
            let (sender, told) = sync_channel(10_000);
            let clock = ManualClock::new();
            let builder = evicting(config.builder(), policy).clock(&clock).listener(sender, WhenFull::Lose);
            let store = builder.build();
            for n in 0..100 {
                store.set(format!("short:{n}"), "f", "v").unwrap();
                store.expire(format!("short:{n}"), Duration::from_secs(1));
            }
            clock.advance(Duration::from_secs(1));
            for n in 0..3_000 {
                let key = format!("key:{n}");
                store.set_many(&key, [("name", key.as_str()), ("text", &key.repeat(5))]).unwrap();
                store.expire(&key, Duration::from_secs(9));
            }
            let mut gone = BTreeSet::new();
            for message in told.try_iter() {
                match message {
                    Gone::KeyEvicted { key, hash, deadline } => {
                        assert_eq!((hash.get("name"), hash.len()), (Some(&key[..]), 2));
                        assert_eq!(deadline, Some(clock.now() + Duration::from_secs(9)));
                        assert!(gone.insert(key), "told twice");
                    }
                    Gone::KeyExpired { key, .. } => assert!(key.starts_with(b"short:")),
                    other => panic!("{other:?}"),
                }
            }
            store.purge_expired(usize::MAX);
            assert_eq!(gone.len(), store.stats().evicted_keys, "{policy:?}");
            assert!(gone.len() > 500);
            for n in 0..3_000 {
                let key = format!("key:{n}");
                assert_ne!(store.contains_key(&key), gone.contains(key.as_bytes()), "{key} under {policy:?}");
            }
        }
    }
}

#[cfg(feature = "watch")]
#[test]
fn a_watcher_is_told_what_was_evicted() {
    for policy in POLICIES {
        let (sender, told) = sync_channel(10_000);
        let watch = Watch::prefix("key").fields(false).old_values(true);
        let store = evicting(Store::builder(), policy).watch(watch, sender, WhenFull::Lose).build();
        fill(&store, "key");
        let mut evicted = 0;
        for Change { key, kind, .. } in told.try_iter() {
            let ChangeKind::KeyEvicted { before: Some(hash) } = kind else { panic!("{kind:?}") };
            assert_eq!(hash.get("f"), Some(&key.repeat(5)[..]));
            evicted += 1;
        }
        assert!(evicted > 1_000);
        assert_eq!(store.stats().evicted_keys, evicted, "{policy:?}");
        // Whoever does not ask for it is not told.
        let (sender, told) = sync_channel(10_000);
        let watch = Watch::all().fields(false).evicted(false);
        let store = evicting(Store::builder(), policy).watch(watch, sender, WhenFull::Lose).build();
        fill(&store, "key");
        assert_eq!(told.try_iter().count(), 0);
    }
}

#[test]
fn without_a_limit_nothing_is_evicted() {
    for policy in POLICIES {
        let store = Store::builder().eviction(policy).build();
        (0..5_000).for_each(|n| _ = store.set(n.to_string(), "f", "v").unwrap());
        assert_eq!(store.key_count(), 5_000);
    }
}

/// However few keys a shard has.
#[test]
fn keys_that_are_used_once_push_out_each_other_under_least_frequent() {
    let kept = |policy, shards, twice: usize| {
        let limits = Limits::default().max_keys(twice * 3 / 2);
        let store = Store::builder().shards(shards).limits(limits).eviction(policy).build();
        for _ in 0..8 {
            for n in 0..twice {
                store.set(format!("twice:{n}"), "f", "t").unwrap();
            }
        }
        for n in 0..20_000 {
            store.set(format!("once:{n}"), "f", "o").unwrap();
            // Some uses, now and then, of what has been used before.
            drop(store.get(format!("twice:{}", n / 4 % twice), "f"));
        }
        count(&store, "twice")
    };
    for shards in [1, 8, 64, 1_024] {
        for twice in [20, 100, 600] {
            let frequent = kept(Eviction::LeastFrequent, shards, twice);
            assert!(frequent >= twice * 9 / 10, "{frequent} of {twice} on {shards} shards");
        }
        let recent = kept(Eviction::LeastRecent, shards, 600);
        assert!(recent < 540, "{recent} of 600 on {shards} shards");
    }
}

/// The keys of one call are all there afterwards, so they are refused if they could not be. Nothing else is left then.
#[test]
fn a_call_on_many_small_hashes_stays_within_the_limit() {
    for (limit, shards) in [(20_000, 4), (50_000, 16), (100_000, 1), (100_000, 64), (300_000, 1_024), (1 << 20, 1_024)]
    {
        for policy in POLICIES {
            let limits = Limits::default().max_bytes(limit);
            let store = Store::builder().shards(shards).limits(limits).eviction(policy).build();
            (0..200).for_each(|n| _ = store.set(format!("before:{n}"), "f", "v").unwrap());
            let keys: Vec<String> = (0..limit / 20).map(|n| n.to_string()).collect();
            let mut accepted = 0;
            for share in 1..=40 {
                let count = keys.len() * share * share / 1_600;
                let new = store.try_update_slice(&keys[..count], |hashes| {
                    hashes.iter_mut().try_for_each(|hash| hash.set("f", "v").map(drop))
                });
                assert!(new.is_ok() || new.is_err_and(|error| error.is_full()));
                accepted += usize::from(new.is_ok());
                let bytes = store.stats().bytes;
                assert!(
                    bytes <= limit,
                    "{bytes} bytes of {limit} after {count} keys on {shards} shards under {policy:?}"
                );
                assert!(new.is_err() || keys[..count].iter().all(|key| store.contains_key(key)));
            }
            assert!(accepted > 2 && accepted < 40, "{accepted} of 40 calls");
            check::store(&store);
        }
    }
}

#[cfg(feature = "snapshot")]
#[test]
fn a_load_tells_nobody_what_it_evicts() {
    let full = Store::new();
    (0..1_000).for_each(|n| _ = full.set(n.to_string(), "f", "v").unwrap());
    let mut snapshot = Vec::new();
    full.save_to(&mut snapshot).unwrap();
    let (sender, gone) = sync_channel(1);
    let limits = Limits::default().max_keys(100);
    let builder = Store::builder().limits(limits).eviction(Eviction::Random).listener(sender, WhenFull::Wait);
    let store = builder.load_from(&snapshot[..]).unwrap(); // would wait for ever
    assert_eq!((store.key_count(), store.stats().evicted_keys, gone.try_iter().count()), (100, 900, 0));
    store.set("new", "f", "v").unwrap();
    assert!(matches!(gone.try_recv(), Ok(Gone::KeyEvicted { .. })));
}

#[cfg(feature = "snapshot")]
#[test]
fn a_hash_that_would_never_fit_takes_no_others_along() {
    let full = Store::new();
    (0..100).for_each(|n| _ = full.set(n.to_string(), "f", "v").unwrap());
    full.set("large", "f", vec![b'v'; LIMIT]).unwrap();
    let mut snapshot = Vec::new();
    full.save_to(&mut snapshot).unwrap();
    for policy in POLICIES {
        let store = evicting(Store::builder(), policy).load_from(&snapshot[..]).unwrap();
        assert_eq!((store.key_count(), store.contains_key("large")), (100, false), "{policy:?}");
    }
}

#[cfg(feature = "snapshot")]
#[test]
fn a_store_that_has_no_room_for_itself_is_not_loaded() {
    let mut snapshot = Vec::new();
    let full = Store::new();
    full.set("k", "f", "v").unwrap();
    full.save_to(&mut snapshot).unwrap();
    let builder = || Store::builder().limits(Limits::default().max_bytes(1_000)).eviction(Eviction::LeastRecent);
    let refused = builder().load_from(&snapshot[..]).unwrap_err();
    assert!(refused.is_full(), "{refused}");
    let store = builder().build();
    assert!(store.set("k", "f", "v").is_err_and(|error| error.is_full()) && store.is_empty());
}
