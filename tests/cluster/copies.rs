//! Everything that a store holds goes to a cluster and comes back, with all deadlines, while slots move or not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hashlet::{CopyOptions, Hashes, SetOptions, Store};

use super::servers::{each, say};
use crate::support::scale;

/// Hashes at full scale.
const HASHES: f64 = 100_000.0;

fn far(seconds: usize) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(4_102_444_800 + seconds as u64)
}

/// Small hashes, of which some have deadlines, and one large hash.
fn store(hashes: usize) -> Store {
    let store = Store::new();
    for n in 0..hashes {
        let key = format!("user:{n}");
        store
            .set_many(&key, [("name", format!("Name {n}")), ("visits", n.to_string()), ("note", String::new())])
            .unwrap();
        if n % 4 == 0 {
            store.set_with(&key, [("token", "x")], SetOptions::new().expire(far(n % 7))).unwrap();
        }
        if n % 8 == 0 {
            store.expire(&key, far(n % 11));
        }
    }
    store.set_many("large", (0..20_000).map(|n| (format!("field {n}"), "v".repeat(n % 100)))).unwrap();
    store.expire_fields("large", (0..15_000).map(|n| format!("field {n}")), far(5));
    store
}

type Contents = (BTreeMap<Vec<u8>, (Vec<u8>, Option<SystemTime>)>, Option<SystemTime>);

fn contents(store: &Store, key: &[u8]) -> Contents {
    store.read(key, |hash| {
        let field = |(field, value): (&[u8], &[u8])| (field.to_vec(), (value.to_vec(), hash.field_deadline(field)));
        (hash.iter().map(field).collect(), hash.deadline())
    })
}

/// MIGRATE hands over how long a key has left. So the deadline of a key is later by the time that this takes, and that of a
/// field is the same.
fn assert_equal(copy: &Store, store: &Store, slots_have_moved: bool, name: &str) {
    assert_eq!(copy.key_count(), store.key_count(), "{name}");
    for key in store.iter_keys() {
        let ((copied, copied_deadline), (fields, deadline)) = (contents(copy, &key), contents(store, &key));
        assert_eq!(copied, fields, "{name}: {}", key.escape_ascii());
        match (slots_have_moved, copied_deadline, deadline) {
            (true, Some(copied), Some(deadline)) => {
                let later = copied.duration_since(deadline).expect("it is not earlier");
                assert!(later < Duration::from_secs(600), "{name}: {}, later by {later:?}", key.escape_ascii());
            }
            (_, copied, deadline) => assert_eq!(copied, deadline, "{name}: {}", key.escape_ascii()),
        }
    }
}

#[test]
fn hashes_go_out_and_come_back_equal() {
    let store = store((HASHES * scale()) as usize + 1_000);
    each("copies", |cluster| {
        let remote = cluster.open();
        remote.set("user:1", "old", "to be replaced").unwrap();
        let begin = Instant::now();
        let mut told = 0;
        let options = CopyOptions::new().progress(|so_far| told = so_far.keys);
        let out = store.copy_to(&remote, options).unwrap();
        let (out_time, begin) = (begin.elapsed(), Instant::now());
        assert_eq!((out.keys as usize, told), (store.key_count(), out.keys), "{}", cluster.name);
        assert_eq!(remote.key_count().unwrap(), store.key_count(), "{}", cluster.name);
        let copy = Store::new();
        let back = copy.copy_from(&remote, CopyOptions::new()).unwrap();
        assert!(!out.topology_changed && !back.topology_changed, "{}: {out:?} {back:?}", cluster.name);
        assert_equal(&copy, &store, false, cluster.name);
        say(&format!("{} hashes to {} in {out_time:.1?} and back in {:.1?}", out.keys, cluster.name, begin.elapsed()));
    });
}

/// Another client replaces hashes by strings during the copy. That is as if it had removed them.
#[test]
fn a_key_that_becomes_another_type_meanwhile_is_left_out() {
    each("copies of other types", |cluster| {
        let remote = cluster.open();
        remote.set_many("stays", [("f", "v")]).unwrap();
        let mut client = cluster.owner(cluster.slot("{t}")).0.connect().unwrap();
        let has_ended = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !has_ended.load(Ordering::SeqCst) {
                    let mut changes = redis::pipe();
                    for n in 0..20 {
                        changes.cmd("SET").arg(format!("{{t}}{n}")).arg("a string");
                    }
                    changes.exec(&mut client).unwrap();
                    let mut changes = redis::pipe();
                    for n in 0..20 {
                        changes.cmd("DEL").arg(format!("{{t}}{n}"));
                        changes.cmd("HSET").arg(format!("{{t}}{n}")).arg("f").arg("v");
                    }
                    changes.exec(&mut client).unwrap();
                }
            });
            let copies: Vec<_> = (0..100)
                .map(|_| {
                    let copy = Store::new();
                    copy.copy_from(&remote, CopyOptions::new()).map(|_| copy)
                })
                .collect();
            has_ended.store(true, Ordering::SeqCst);
            for copy in copies {
                let copy = copy.unwrap_or_else(|error| panic!("{}: {error}", cluster.name));
                assert_eq!(copy.get("stays", "f").as_deref(), Some(&b"v"[..]), "{}", cluster.name);
                assert!(copy.iter_keys().all(|key| copy.get(key, "f").as_deref() == Some(&b"v"[..])));
            }
        });
    });
}

#[test]
fn a_copy_reports_slots_that_have_moved() {
    let store = store(2_000);
    each("copies while slots move", |cluster| {
        let remote = cluster.open();
        let slots: Vec<usize> = (0..20).map(|n| cluster.slot(&format!("user:{n}"))).collect();
        let has_ended = AtomicBool::new(false);
        let (mut out_changed, mut back_changed) = (0, 0);
        thread::scope(|scope| {
            let mover = scope.spawn(|| {
                for at in 0.. {
                    if has_ended.load(Ordering::SeqCst) {
                        break;
                    }
                    let slot = slots[at % slots.len()];
                    let (from, _) = cluster.owner(slot);
                    cluster.migrate(slot, cluster.other_primary(from, at));
                }
            });
            while (out_changed == 0 || back_changed == 0) && !mover.is_finished() {
                let out = store.copy_to(&remote, CopyOptions::new()).unwrap();
                out_changed += usize::from(out.topology_changed);
                let copy = Store::new();
                let back = copy.copy_from(&remote, CopyOptions::new()).unwrap();
                back_changed += usize::from(back.topology_changed);
                if !back.topology_changed {
                    assert_equal(&copy, &store, true, cluster.name);
                }
            }
            has_ended.store(true, Ordering::SeqCst);
        });
        assert!(out_changed > 0 && back_changed > 0, "{}", cluster.name);
        // Nothing that went out is missing, wherever it is now.
        let copy = Store::new();
        assert!(!copy.copy_from(&remote, CopyOptions::new()).unwrap().topology_changed);
        assert_equal(&copy, &store, true, cluster.name);
    });
}

/// A move that was interrupted leaves a slot open, until somebody closes it.
#[test]
fn a_slot_that_stays_open_counts_as_one_that_moves() {
    let store = store(100);
    each("copies with an open slot", |cluster| {
        let remote = cluster.open();
        let slot = cluster.slot("user:1");
        let (from, _) = cluster.owner(slot);
        let (to, number) = (cluster.other_primary(from, 0), slot.to_string());
        to.ask(&["CLUSTER", "SETSLOT", &number, "IMPORTING", &from.id]).unwrap();
        from.ask(&["CLUSTER", "SETSLOT", &number, "MIGRATING", &to.id]).unwrap();
        for is_open in [true, false] {
            if !is_open {
                to.ask(&["CLUSTER", "SETSLOT", &number, "STABLE"]).unwrap();
                from.ask(&["CLUSTER", "SETSLOT", &number, "STABLE"]).unwrap();
            }
            let out = store.copy_to(&remote, CopyOptions::new()).unwrap();
            let copy = Store::new();
            let back = copy.copy_from(&remote, CopyOptions::new()).unwrap();
            let name = cluster.name;
            assert_eq!((out.topology_changed, back.topology_changed), (is_open, is_open), "{name}: {out:?} {back:?}");
        }
    });
}
