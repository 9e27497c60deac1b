//! The calls that give back the memory of expired keys and fields, and clocks that jump meanwhile.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::check;
use crate::support::config::{on_every_configuration_with_clock, table};
use hashlet::{ExpireCondition, ExpireOutcome, ManualClock, Store, Ttl, When};

const HOUR: Duration = Duration::from_secs(3_600);
const SOON: Duration = Duration::from_millis(10);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);

fn name(n: usize) -> String {
    format!("f{n}")
}

#[test]
fn purging_counts_what_it_removes_and_gives_its_memory_back() {
    on_every_configuration_with_clock(|config, store, clock| {
        let none = store.purge_expired(usize::MAX);
        assert_eq!((none.keys, none.fields, none.is_complete), (0, 0, true));
        for key in 0..3_000 {
            store.set_many(key.to_string(), [("f", "v"), ("g", "w"), ("h", "x")]).unwrap();
            match key % 5 {
                0 => _ = store.expire(key.to_string(), SOON),
                1 => _ = store.expire_field(key.to_string(), "f", SOON),
                2 => _ = store.expire_fields(key.to_string(), ["f", "g", "h"], SOON),
                3 => _ = store.expire(key.to_string(), HOUR),
                _ => {}
            }
        }
        clock.advance(SOON);
        let purged = store.purge_expired(usize::MAX);
        assert_eq!((purged.keys, purged.fields, purged.is_complete), (1_200, 600 * 7, true));
        assert_eq!((store.stats().keys, store.stats().fields), (1_800, 9_000 - 4_200));
        check::store(store);
        clock.advance(HOUR);
        let purged = store.purge_expired(usize::MAX);
        assert_eq!((purged.keys, purged.fields, purged.is_complete), (600, 1_800, true));
        store.clear_many(store.keys());
        assert_eq!(check::counts(store), check::counts(&config.store()));
    });
}

#[test]
fn a_table_with_thousands_of_expired_fields_is_purged_in_parts() {
    for due in [6_000, 5_999, 3_000] {
        let clock = ManualClock::new();
        let store = Store::builder().thresholds(table()).clock(&clock).build();
        store.set_many("k", (0..6_000).map(|n| (name(n), "v"))).unwrap();
        store.update("k", |hash| hash.expire_fields((0..due).map(name), SOON));
        clock.advance(SOON);
        let first = store.purge_expired(1);
        assert!(first.fields > 0 && first.fields <= 2_000 && !first.is_complete, "{first:?}");
        let mut purged = first.fields;
        let mut keys = 0;
        for _ in 0..100 {
            let part = store.purge_expired(100);
            purged += part.fields;
            keys += part.keys;
            check::store(&store);
            if part.is_complete {
                break;
            }
        }
        assert_eq!((purged, keys, store.size("k")), (due, usize::from(due == 6_000), 6_000 - due));
        store.shrink_to_fit();
        assert!(store.stats().bytes < 64 * 256 + 200 + (6_000 - due) * 50, "{}", store.stats().bytes);
    }
}

/// Once, the first of many shards used up the budget, and the others were purged all the same.
#[test]
fn a_budget_holds_for_all_shards_together() {
    let clock = ManualClock::new();
    let store = Store::builder().shards(64).clock(&clock).build();
    for key in 0..6_400 {
        store.set_many(key.to_string(), (0..10).map(|n| (name(n), "v"))).unwrap();
        store.expire(key.to_string(), SOON);
    }
    clock.advance(SOON);
    let purged = store.purge_expired(100);
    assert!(purged.fields >= 100 && purged.fields <= 100 + 2_048, "{purged:?}");
    assert!(!purged.is_complete);
}

#[test]
fn a_purge_is_complete_when_its_budget_is_what_had_expired() {
    on_every_configuration_with_clock(|_, store, clock| {
        store.set_many("k", [("f", "v"), ("g", "w")]).unwrap();
        store.expire_field("k", "f", SOON);
        clock.advance(SOON);
        let purged = store.purge_expired(1);
        assert_eq!((purged.fields, purged.is_complete), (1, true));
    });
}

/// Whichever call sees something as expired, no later call sees it again.
#[test]
fn a_clock_that_steps_back_revives_nothing_that_was_seen_as_gone() {
    type Look = (&'static str, fn(&Store) -> bool);
    const LOOKS: &[Look] = &[
        ("get", |s| s.get("k", "f0").is_none()),
        ("get_many", |s| s.get_many("k", ["f0"]) == [None]),
        ("get_across", |s| s.get_across(["k"], "f0") == [None]),
        ("get_many_across", |s| s.get_many_across(["k"], ["f0"]) == [[None]]),
        ("get_all", |s| s.get_all("k").get("f0").is_none()),
        ("fields", |s| !s.fields("k").contains(&b"f0".to_vec())),
        ("contains", |s| !s.contains("k", "f0")),
        ("value_len", |s| s.value_len("k", "f0").is_none()),
        ("field_ttl", |s| s.field_ttl("k", "f0") == Ttl::Missing),
        ("scan", |s| s.scan("k", None, 10_000).items.iter().all(|(field, _)| field != b"f0")),
        ("size", |s| s.size("k") < 3_001),
        ("ttl", |s| s.ttl("k") != Ttl::Left(SOON)),
        ("random_field", |s| s.random_field("k").is_none_or(|(field, _)| field != b"f0")),
        ("stats", |s| s.stats().fields < 3_001),
        ("read", |s| s.read("k", |hash| !hash.contains("f0"))),
        ("update", |s| s.update("k", |hash| !hash.contains("f0"))),
        ("for_each", |s| {
            s.for_each(|_, hash| assert!(!hash.contains("f0")));
            true
        }),
        ("key_count", |s| s.key_count() < 2),
        ("contains_key", |s| s.contains_key("k") || !s.contains("k", "f0")),
        ("scan_keys", |s| s.scan_keys(None, 10).items.len() < 2),
        ("is_empty", |s| !s.is_empty() && s.key_count() < 2),
        ("keys", |s| s.keys().len() < 2),
        ("remove", |s| !s.remove("k", "f0")),
        ("expire_field", |s| s.expire_field("k", "f0", HOUR) == ExpireOutcome::Missing),
        ("purge_expired", |s| s.purge_expired(usize::MAX).fields > 0),
    ];
    on_every_configuration_with_clock(|config, store, clock| {
        let fields = if config.name.starts_with("packed") { 30 } else { 3_001 };
        for of_key in [true, false] {
            for (name_of_look, look) in LOOKS {
                store.clear_all();
                store.set("other", "f", "v").unwrap();
                store.set_many("k", (0..fields).map(|n| (name(n), "v"))).unwrap();
                if of_key {
                    store.expire("k", SOON);
                } else {
                    store.update("k", |hash| hash.expire_fields((0..fields).map(name), SOON));
                }
                let before = clock.now();
                clock.advance(SOON);
                assert!(look(store), "{name_of_look}");
                clock.set(before);
                assert!(!store.contains("k", "f0"), "revived after {name_of_look}");
                if of_key {
                    assert!(!store.contains_key("k"), "revived after {name_of_look}");
                }
                check::store(store);
            }
        }
    });
}

#[test]
fn both_ends_of_time_are_safe() {
    let first = UNIX_EPOCH - YEAR;
    let last = UNIX_EPOCH + Duration::from_secs(i64::MAX as u64);
    on_every_configuration_with_clock(|_, store, clock| {
        for now in [first, UNIX_EPOCH, last, UNIX_EPOCH + YEAR] {
            clock.set(now);
            for field in [false, true] {
                let expire = |when: When| {
                    store.set_many("k", [("f", "v"), ("g", "v")]).unwrap();
                    if field {
                        store.expire_field("k", "f", when)
                    } else {
                        store.expire_if("k", when, ExpireCondition::Always)
                    }
                };
                let is_last = now == last;
                let ahead = if is_last { ExpireOutcome::Deleted } else { ExpireOutcome::Set };
                for far in [When::After(Duration::MAX), When::At(last), When::After(Duration::from_nanos(1))] {
                    assert_eq!(expire(far), ahead, "{now:?} {far:?}");
                    let left = if field { store.field_ttl("k", "f") } else { store.ttl("k") };
                    assert_eq!(matches!(left, Ttl::Left(_)), !is_last, "{now:?} {far:?} {left:?}");
                    assert_eq!(store.deadline("k").is_some(), !is_last && !field);
                }
                for past in [When::After(Duration::ZERO), When::At(first), When::At(UNIX_EPOCH)] {
                    assert_eq!(expire(past), ExpireOutcome::Deleted, "{now:?} {past:?}");
                }
                store.clear("k");
                expire(When::After(Duration::MAX));
                clock.advance(Duration::MAX);
                assert!(!store.contains("k", "f"), "the end of time is a deadline as well");
                store.purge_expired(usize::MAX);
                store.clear("k");
                clock.set(now);
            }
        }
        store.set("forever", "f", "v").unwrap();
        clock.advance(Duration::MAX);
        assert!(store.contains_key("forever"), "no deadline is later than any");
    });
}

#[test]
fn now_stands_still_within_a_call() {
    on_every_configuration_with_clock(|_, store, clock| {
        store.set_many("k", [("f", "v"), ("g", "w")]).unwrap();
        store.expire("k", SOON * 2);
        store.expire_field("k", "f", SOON);
        store.update("k", |hash| {
            clock.advance(HOUR);
            assert_eq!((hash.len(), hash.get("f")), (2, Some(&b"v"[..])));
            assert_eq!((hash.ttl(), hash.field_ttl("f")), (Ttl::Left(SOON * 2), Ttl::Left(SOON)));
            assert_eq!(hash.expire_field("g", SOON), ExpireOutcome::Set);
            assert_eq!((hash.set("h", "x"), hash.len(), hash.field_ttl("g")), (Ok(true), 3, Ttl::Left(SOON)));
        });
        assert!(store.is_empty());
        store.set("k", "f", "v").unwrap();
        store.expire("k", SOON);
        store.read("k", |hash| {
            clock.advance(HOUR);
            assert_eq!((hash.len(), hash.ttl()), (1, Ttl::Left(SOON)));
        });
        assert!(!store.contains_key("k"));
    });
}

#[test]
fn the_systems_clock_lets_fields_and_keys_expire() {
    let store = Store::new();
    store.set_many("k", [("f", "v"), ("g", "w")]).unwrap();
    store.expire_field("k", "f", Duration::from_millis(1));
    while store.contains("k", "f") {
        thread::yield_now();
    }
    assert_eq!(store.size("k"), 1);
    store.expire("k", SystemTime::now() + Duration::from_millis(1));
    while !store.is_empty() {
        thread::yield_now();
    }
}

#[test]
fn threads_read_and_write_while_the_clock_runs() {
    let clock = ManualClock::new();
    let store = Store::builder().shards(4).clock(&clock).build();
    let done = AtomicBool::new(false);
    let key = |n: usize| format!("k{}", n % 7);
    thread::scope(|scope| {
        let (store, done, clock) = (&store, &done, &clock);
        for writer in 0..3_usize {
            scope.spawn(move || {
                for n in 0..8_000 {
                    let field = name(n * 31 % 2_500);
                    let key = key(n + writer);
                    store.set(&key, &field, "v").unwrap();
                    match n % 5 {
                        0 => _ = store.expire_field(&key, &field, Duration::from_millis((n % 50) as u64)),
                        1 => _ = store.increment_and_expire(&key, "count", 1, SOON).unwrap(),
                        2 if n % 97 == 2 => _ = store.expire(&key, SOON),
                        3 => _ = store.update_many([&key, "k7"], |[from, to]| (from.take(&field), to.set(&field, "v"))),
                        _ => {}
                    }
                }
                done.store(true, Relaxed);
            });
        }
        scope.spawn(move || {
            while !done.load(Relaxed) {
                clock.advance(Duration::from_millis(1));
                store.purge_expired(50);
                thread::yield_now();
            }
        });
        for reader in 0..2 {
            scope.spawn(move || {
                for n in (reader..).take_while(|_| !done.load(Relaxed)) {
                    let all = store.get_all(key(n));
                    assert_eq!(all.iter().count(), all.len());
                    store.get_across((0..8).map(key), "count");
                    store.for_each(|_, hash| assert!(!hash.is_empty()));
                    assert!(store.key_count() <= 8);
                }
            });
        }
    });
    clock.advance(HOUR);
    let mut fields = 0;
    store.for_each(|_, hash| {
        fields += hash.len();
        assert!(hash.ttl() == Ttl::Never && hash.iter().all(|(field, _)| hash.field_ttl(field) == Ttl::Never));
    });
    assert_eq!((store.stats().fields, store.stats().keys), (fields, store.keys().len()));
    check::store(&store);
}

/// Two segments of a table are merged while one of them is purged, and what is left is found in time.
#[test]
fn segments_that_are_merged_by_a_purge_know_their_deadlines() {
    // How many fields are left where decides when the segments are merged, so names and numbers differ.
    for (round, kept) in (0..8).flat_map(|round| (205..222).map(move |kept| (round, kept))) {
        let clock = ManualClock::new();
        let store = Store::builder().thresholds(table()).clock(&clock).build();
        for n in 0..1_000 {
            let field = name(1_000 * (round + 8 * kept) + n);
            store.set("hash", &field, "v").unwrap();
            let when = if n < kept { HOUR } else { SOON };
            assert_eq!(store.expire_field("hash", &field, when), ExpireOutcome::Set);
        }
        clock.advance(SOON);
        let mut purged = 0;
        while purged < 1_000 - kept {
            let now = store.purge_expired(1).fields;
            assert!(now > 0, "{purged} of {}", 1_000 - kept);
            purged += now;
            check::store(&store);
        }
        assert_eq!((purged, store.size("hash")), (1_000 - kept, kept));
        clock.advance(HOUR);
        assert_eq!(store.purge_expired(usize::MAX).fields, kept);
        assert!(store.is_empty());
    }
}

/// Keys and fields that expire one after the other, in an order of their own, are purged each at its time, although
/// deadlines move, and keys come and go meanwhile.
#[test]
fn what_expires_in_a_trickle_is_purged_at_its_time() {
    on_every_configuration_with_clock(|_, store, clock| {
        let key = |n: u64| format!("k{}", n * 7_919 % 3_000);
        for n in 0..3_000 {
            store.set(key(n), "f", "v").unwrap();
            store.expire(key(n), Duration::from_millis(n + 1));
            store.set("fields", key(n), "v").unwrap();
            store.expire_field("fields", key(n), Duration::from_millis(n + 1));
        }
        let mut left = 3_000;
        for n in 0..3_000 {
            match n % 4 {
                // Another one of those to come lives for another hour from now on, or none.
                0 if n + 500 < 3_000 => {
                    assert_eq!(store.expire(key(n + 500), HOUR), ExpireOutcome::Set);
                    assert_eq!(store.expire_field("fields", key(n + 500), HOUR), ExpireOutcome::Set);
                    left -= 1;
                }
                1 if n + 900 < 3_000 => {
                    store.clear(key(n + 900));
                    store.remove("fields", key(n + 900));
                    store.set(key(n + 900), "f", "w").unwrap();
                    store.set("fields", key(n + 900), "w").unwrap();
                    left -= 1;
                }
                _ => {}
            }
            clock.advance(Duration::from_millis(1));
            store.purge_expired(usize::MAX);
            if n % 500 == 499 {
                check::store(store);
            }
        }
        let stats = store.stats();
        assert_eq!((stats.keys, stats.fields), (3_000 - left + 1, 2 * (3_000 - left)));
    });
}
