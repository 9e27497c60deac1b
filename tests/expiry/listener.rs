//! A listener is told once of each expired key and field, and of nothing else. The janitor removes those that no call
//! asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::support::check;
use crate::support::config;
use hashlet::{Gone, HashValue, Janitor, ManualClock, Overwrite, SetOptions, Store, WhenFull};

const SECOND: Duration = Duration::from_secs(1);

/// Runs `test` on each configuration with a listener whose channel has room for this many messages.
fn with_listener(room: usize, test: impl Fn(&Store, &ManualClock, &Receiver<Gone>)) {
    for config in config::all() {
        let clock = ManualClock::new();
        let (sender, expired) = sync_channel(room);
        let store = config.builder().clock(&clock).listener(sender, WhenFull::Lose).build();
        test(&store, &clock, &expired);
        check::store(&store);
    }
}

/// All that was received: expired hashes under their keys, and expired fields under `key/field`.
fn received(expired: &Receiver<Gone>) -> BTreeMap<String, HashValue> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let mut all = BTreeMap::new();
    for expired in expired.try_iter() {
        let (name, hash) = match expired {
            Gone::KeyExpired { key, hash } => (text(key), hash),
            Gone::FieldExpired { key, field, value } => {
                (text(key) + "/" + &text(field.clone()), [(field, value)].into_iter().collect())
            }
            _ => unreachable!("keys and fields"),
        };
        assert!(all.insert(name, hash).is_none(), "told twice");
    }
    all
}

fn names(expired: &Receiver<Gone>) -> Vec<String> {
    received(expired).into_keys().collect()
}

#[test]
fn each_expired_key_and_field_is_told_once_with_what_it_held() {
    with_listener(10_000, |store, clock, expired| {
        let pairs: Vec<(String, String)> = (0..2_000).map(|n| (format!("f{n:04}"), format!("v{n}"))).collect();
        store.set_many("big", pairs.iter().map(|(field, value)| (field, value))).unwrap();
        store.set_many("small", [("a", "1"), ("b", "2"), ("c", "3")]).unwrap();
        store.set_many("key", [("a", "1"), ("b", "2")]).unwrap();
        for (field, _) in &pairs[..1_000] {
            store.expire_field("big", field, SECOND);
        }
        store.expire_field("small", "b", SECOND);
        store.expire("key", SECOND);
        store.expire_field("key", "b", SECOND);
        clock.advance(SECOND);
        assert_eq!(names(expired), [""; 0], "nothing was removed yet");
        assert_eq!(store.purge_expired(usize::MAX).fields, 1_003);
        let told = received(expired);
        assert_eq!(told.len(), 1_003);
        assert_eq!(told["small/b"].get("b"), Some(&b"2"[..]));
        assert_eq!(told["key"], [("a", "1")].into_iter().collect(), "b has expired by itself");
        assert_eq!(told["key/b"].get("b"), Some(&b"2"[..]));
        assert!(
            pairs[..1_000]
                .iter()
                .all(|(field, value)| { told[&format!("big/{field}")].get(field) == Some(value.as_bytes()) })
        );
        assert_eq!(store.purge_expired(usize::MAX).fields, 0);
        assert_eq!(names(expired), [""; 0]);
    });
}

#[test]
fn whichever_call_meets_it_tells() {
    type Meet = fn(&Store);
    let meets: [(&str, Meet); 14] = [
        ("get", |store| drop(store.get("k", "f"))),
        ("size", |store| _ = store.size("k")),
        ("set", |store| _ = store.set("k", "f", "new")),
        ("remove", |store| _ = store.remove("k", "f")),
        ("clear", |store| _ = store.clear("k")),
        ("update", |store| store.update("k", |hash| assert!(hash.is_empty()))),
        ("update_many", |store| store.update_many(["k", "l"], |_| ()).unwrap()),
        ("get_across", |store| drop(store.get_across(["k", "l"], "f"))),
        ("get_many_across", |store| drop(store.get_many_across(["k", "l"], ["f"]))),
        ("update_slice", |store| store.update_slice(&["k", "l"], |_| ()).unwrap()),
        ("rename", |store| _ = store.rename("k", "l", Overwrite::Yes)),
        ("key_count", |store| _ = store.key_count()),
        ("for_each", |store| store.for_each(|_, _| panic!("nothing is there"))),
        ("scan_keys", |store| drop(store.scan_keys(None, 10))),
    ];
    for (name, meet) in meets {
        with_listener(10, |store, clock, expired| {
            for by_key in [true, false] {
                store.clear("k");
                store.set("k", "f", "v").unwrap();
                if by_key {
                    store.expire("k", SECOND);
                } else {
                    store.expire_field("k", "f", SECOND);
                }
                clock.advance(SECOND);
                meet(store);
                assert_eq!(names(expired), [if by_key { "k" } else { "k/f" }], "{name}");
            }
        });
    }
}

#[test]
fn what_is_removed_or_overwritten_has_not_expired() {
    with_listener(10, |store, clock, expired| {
        store.set_many("k", [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]).unwrap();
        for field in ["a", "b", "c", "d"] {
            store.expire_field("k", field, SECOND);
        }
        store.remove("k", "a");
        store.set("k", "b", "new").unwrap();
        store.expire_field("k", "c", Duration::ZERO);
        store.persist_field("k", "d");
        store.set_with("past", [("a", "1")], SetOptions::new().expire(Duration::ZERO)).unwrap();
        store.set("gone", "a", "1").unwrap();
        store.expire("gone", Duration::ZERO);
        clock.advance(SECOND);
        assert_eq!((store.size("k"), store.key_count()), (2, 1));
        assert_eq!(names(expired), [""; 0]);
    });
}

#[test]
fn a_full_channel_loses_and_counts_or_waits() {
    with_listener(10, |store, clock, expired| {
        for n in 0..100 {
            store.set(format!("k{n}"), "f", "v").unwrap();
            store.expire(format!("k{n}"), SECOND);
        }
        clock.advance(SECOND);
        assert_eq!(store.key_count(), 0);
        assert_eq!(store.stats().lost, 90);
        assert_eq!(received(expired).len(), 10);
    });
    let clock = ManualClock::new();
    let (sender, expired) = sync_channel(0);
    let store = Store::builder().clock(&clock).listener(sender, WhenFull::Wait).build();
    for n in 0..100 {
        store.set(format!("k{n}"), "f", "v").unwrap();
        store.expire(format!("k{n}"), SECOND);
    }
    clock.advance(SECOND);
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(store.purge_expired(usize::MAX).keys, 100));
        assert_eq!(expired.iter().take(100).count(), 100);
    });
    assert_eq!((store.stats().lost, expired.try_recv()), (0, Err(TryRecvError::Empty)));
}

#[test]
fn a_listener_that_has_gone_disturbs_nobody() {
    let clock = ManualClock::new();
    let (sender, expired) = sync_channel(0);
    let store = Store::builder().clock(&clock).listener(sender, WhenFull::Wait).build();
    drop(expired);
    store.set("k", "f", "v").unwrap();
    store.expire("k", SECOND);
    clock.advance(SECOND);
    assert!(store.is_empty());
    assert_eq!(store.stats().lost, 0);
}

#[test]
fn the_janitor_removes_what_nobody_asks_for() {
    let clock = ManualClock::new();
    let (sender, expired) = sync_channel(50_000);
    let store = Arc::new(Store::builder().clock(&clock).listener(sender, WhenFull::Lose).build());
    for n in 0..30_000 {
        store.set(n.to_string(), "f", "v").unwrap();
        store.expire(n.to_string(), SECOND);
    }
    store.set("stays", "f", "v").unwrap();
    let janitor = Janitor::start(Arc::clone(&store), Duration::from_millis(1));
    clock.advance(SECOND);
    assert_eq!(expired.iter().take(30_000).count(), 30_000);
    drop(janitor);
    assert_eq!(store.keys(), [b"stays"]);
    assert_eq!(Arc::strong_count(&store), 1, "the thread has ended");
}

#[test]
fn a_janitor_that_waits_long_stops_at_once() {
    let store = Arc::new(Store::new());
    drop(Janitor::start(Arc::clone(&store), Duration::from_secs(1_000_000)));
    assert_eq!(Arc::strong_count(&store), 1);
}

#[test]
fn a_key_that_ends_before_its_fields_is_told_as_a_key_however_late() {
    for looked_after in [1, 3] {
        with_listener(10, |store, clock, expired| {
            store.set_many("k", [("early", "1"), ("late", "2"), ("never", "3")]).unwrap();
            store.expire("k", SECOND);
            store.expire_field("k", "early", SECOND);
            store.expire_field("k", "late", 2 * SECOND);
            clock.advance(looked_after * SECOND);
            assert!(!store.contains_key("k"));
            let told = received(expired);
            assert_eq!(told.keys().collect::<Vec<_>>(), ["k", "k/early"], "after {looked_after} s");
            assert_eq!(told["k"], [("late", "2"), ("never", "3")].into_iter().collect());
        });
    }
}

#[test]
fn clearing_all_tells_what_had_expired_and_counting_knows_what_it_lost() {
    with_listener(10, |store, clock, expired| {
        for n in 0..25 {
            store.set(n.to_string(), "f", "v").unwrap();
        }
        (0..5).for_each(|n| _ = store.expire(n.to_string(), SECOND));
        clock.advance(SECOND);
        store.clear_all();
        assert_eq!(names(expired), ["0", "1", "2", "3", "4"]);
        (0..25).for_each(|n| {
            store.set(n.to_string(), "f", "v").unwrap();
            store.expire(n.to_string(), SECOND);
        });
        clock.advance(SECOND);
        assert_eq!(store.stats().lost, 15);
    });
}

/// Calls remove the rest, and see nothing that has expired in either case.
#[test]
fn a_janitor_that_is_dropped_while_it_works_leaves_the_rest() {
    const KEYS: usize = 60_000;
    let clock = ManualClock::new();
    let (sender, expired) = sync_channel(1);
    let store = Arc::new(Store::builder().clock(&clock).listener(sender, WhenFull::Wait).build());
    for n in 0..KEYS {
        store.set_with(n.to_string(), [("f", "v")], SetOptions::new().expire_key(SECOND)).unwrap();
    }
    clock.advance(SECOND);
    let janitor = Janitor::start(Arc::clone(&store), SECOND);
    expired.recv().unwrap(); // the janitor is at work, and waits until its next message is received
    let received = thread::spawn(move || expired.iter().count());
    drop(janitor);
    let left = store.purge_expired(usize::MAX).keys;
    assert!(left > KEYS / 2, "{left} of {KEYS} keys were left");
    drop(store);
    assert_eq!(received.join().unwrap(), KEYS - 1);
}
