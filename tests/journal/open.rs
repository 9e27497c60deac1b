//! What a journal holds when it is opened again: after a drop, a close, a checkpoint, or in a copy of its folder.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use hashlet::{
    Durability, Error, JournalError, KeyPattern, ManualClock, Overwrite, Recovery, SaveOptions, Store, WhenFull,
};

use super::{LEVELS, contents, files, open, quiet};
use crate::support::config::{self, Told};
use crate::support::folder::Folder;
use crate::support::waiting::wait_until;
use crate::support::{check, specimen};

#[test]
fn everything_is_there_again_after_a_drop_and_after_a_close() {
    for config in config::all() {
        let _told = Told(config.name);
        for level in LEVELS {
            for closes in [false, true] {
                let folder = Folder::in_memory();
                let clock = ManualClock::new();
                let open = |config: &config::Config| {
                    config.builder().clock(&clock).open(folder.path(), quiet().durability(level)).unwrap()
                };
                let journal = open(&config);
                let mut recovery = journal.recovery().clone();
                recovery.duration = Duration::ZERO;
                assert_eq!(recovery, Recovery::default());
                specimen::fill(&journal, 150);
                let before = contents(&journal);
                if closes {
                    journal.close().unwrap();
                } else {
                    drop(journal);
                }
                for (n, other) in [config, config::all()[3]].into_iter().enumerate() {
                    let journal = open(&other);
                    let recovery = journal.recovery();
                    assert_eq!((recovery.was_closed, recovery.bytes_cut), (closes && n == 0, 0));
                    assert!(recovery.base.is_none() && recovery.damage.is_empty());
                    assert!(recovery.entries >= 33, "{recovery:?}");
                    check::store(&journal);
                    assert_eq!(contents(&journal), before);
                }
            }
        }
    }
}

#[test]
fn what_was_removed_by_a_pattern_is_gone_after_a_crash() {
    let folder = Folder::in_memory();
    let journal = open(folder.path());
    for n in 0..1_000 {
        journal.set(format!("session:{n}"), "user", "ada").unwrap();
        journal.set(format!("user:{n}"), "name", "Ada").unwrap();
    }
    assert_eq!(journal.clear_matching(KeyPattern::glob("session:*[0-8]")), 900);
    journal.sync().unwrap();
    let copy = folder.copy();
    let again = open(copy.path());
    assert_eq!(contents(&again), contents(&journal));
    assert_eq!(again.key_count(), 1_100);
}

#[test]
fn a_checkpoint_replaces_all_files_before_it() {
    let folder = Folder::in_memory();
    let journal = open(folder.path());
    for n in 0..100 {
        journal.set(format!("user:{n}"), "name", "Ada").unwrap();
    }
    let report = journal.checkpoint().unwrap();
    assert_eq!((report.keys, report.fields), (100, 100));
    assert_eq!(folder.names(), ["base-2", "lock", "log-2", "log-3"], "log 3 is there ahead of time");
    journal.set("user:100", "name", "Eve").unwrap();
    assert_eq!(journal.status().base_bytes, report.bytes);
    journal.close().unwrap();
    assert_eq!(folder.names(), ["base-2", "lock", "log-2"]);
    let journal = open(folder.path());
    let recovery = journal.recovery();
    assert_eq!(recovery.base.as_deref(), Some(&*folder.path().join("base-2")));
    assert_eq!((&recovery.logs[..], recovery.entries), (&[folder.path().join("log-2")][..], 1));
    assert_eq!(journal.key_count(), 101);
}

#[test]
fn each_opening_continues_the_journal_with_a_log_of_its_own() {
    let folder = Folder::in_memory();
    for n in 0..20 {
        let journal = open(folder.path());
        assert_eq!(journal.recovery().logs.len(), n);
        assert_eq!(journal.recovery().entries, n as u64);
        assert_eq!(journal.increment("counter", "n", 1), Ok(n as i64 + 1));
        if n % 3 == 0 {
            journal.close().unwrap();
        }
    }
}

#[test]
fn a_copy_that_is_taken_while_the_journal_is_used_holds_a_prefix_of_all_calls() {
    for level in [Durability::Always, Durability::Os, Durability::Every(Duration::from_millis(1))] {
        let folder = Folder::in_memory();
        let journal = Store::builder().open(folder.path(), quiet().durability(level)).unwrap();
        journal.checkpoint().unwrap();
        let (is_over, begun) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                for n in 1.. {
                    begun.store(n, SeqCst);
                    journal.set("first", "n", n.to_string()).unwrap();
                    journal.set_many("second", [("n", n.to_string()), ("x", "y".repeat(n as usize % 300))]).unwrap();
                    if is_over.load(SeqCst) {
                        break;
                    }
                    if n % 20 == 0 {
                        thread::sleep(Duration::from_micros(500)); // the log stays short
                    }
                }
            });
            for _ in 0..10 {
                let done = begun.load(SeqCst).saturating_sub(1);
                journal.sync().unwrap();
                let copy = folder.copy();
                let last = begun.load(SeqCst);
                let copied = open(copy.path());
                let n = |key| copied.get(key, "n").map_or(0, |n| str::from_utf8(&n).unwrap().parse().unwrap());
                let (first, second): (u64, u64) = (n("first"), n("second"));
                assert!((done..=last).contains(&first), "{first} is not in {done}..={last}");
                assert!(second == first || second + 1 == first, "{first}, {second}");
            }
            is_over.store(true, SeqCst);
        });
    }
}

#[test]
fn what_expires_while_the_journal_is_closed_is_gone_and_the_listener_is_not_told() {
    let (folder, clock) = (Folder::in_memory(), ManualClock::new());
    let (sender, told) = sync_channel(100);
    let open = || {
        let builder = Store::builder().clock(&clock).listener(sender.clone(), WhenFull::Lose);
        builder.open(folder.path(), quiet()).unwrap()
    };
    let journal = open();
    for (key, seconds) in [("early", 1), ("late", 10), ("later", 100)] {
        journal.set_many(key, [("f", "v"), ("g", "w")]).unwrap();
        journal.expire(key, Duration::from_secs(seconds));
    }
    journal.set_many("fields", [("early", "v"), ("late", "v"), ("stays", "v")]).unwrap();
    journal.expire_field("fields", "early", Duration::from_secs(1));
    journal.expire_field("fields", "late", Duration::from_secs(10));
    clock.advance(Duration::from_secs(2));
    assert!(!journal.contains_key("early"));
    journal.purge_expired(usize::MAX);
    assert_eq!(told.try_iter().count(), 2, "while it is open");
    // A new hash under the key has no deadline.
    journal.set("early", "new", "v").unwrap();
    journal.set("fields", "early", "new").unwrap();
    drop(journal);
    clock.advance(Duration::from_secs(20));
    for _ in 0..3 {
        let journal = open();
        assert_eq!(journal.stats().keys, 3, "what has expired takes no memory");
        assert!(journal.contains_key("early") && journal.contains_key("later") && !journal.contains_key("late"));
        assert_eq!(journal.deadline("early"), None);
        let mut fields = journal.fields("fields");
        fields.sort();
        assert_eq!(fields, [b"early".to_vec(), b"stays".to_vec()]);
        assert_eq!(journal.field_deadline("fields", "early"), None);
        check::store(&journal);
        assert_eq!(told.try_iter().count(), 0, "it expired while nobody had it open");
        journal.checkpoint().unwrap();
        // A log in which everything is removed afterwards.
        journal.set("brief", "f", "v").unwrap();
        journal.expire("brief", Duration::from_secs(5));
        let held = super::contents(&journal);
        journal.clear_all();
        for (key, (deadline, fields)) in held.iter().filter(|(key, _)| *key != b"brief") {
            journal.set_many(key, fields.iter().map(|(field, (value, _))| (field, value))).unwrap();
            if let Some(deadline) = deadline {
                journal.expire(key, *deadline);
            }
        }
        drop(journal);
        clock.advance(Duration::from_secs(10));
    }
    // When the clock steps back, what was gone stays gone.
    clock.set(clock.now() - Duration::from_secs(20));
    assert!(!open().contains_key("late"));
}

#[test]
fn a_panic_in_a_closure_leaves_what_was_done_and_a_rollback_leaves_nothing() {
    for level in LEVELS {
        let folder = Folder::in_memory();
        let journal = Store::builder().open(folder.path(), quiet().durability(level)).unwrap();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            journal.update("one", |hash| {
                hash.set("done", "1").unwrap();
                panic!("an intended panic");
            })
        }));
        assert!(panicked.is_err());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _ = journal.update_many(["two", "three"], |[two, three]| {
                two.set("done", "2").unwrap();
                three.set("done", "3").unwrap();
                panic!("an intended panic");
            });
        }));
        assert!(panicked.is_err());
        journal.sync().unwrap();
        let written = journal.status().log_bytes;
        let undone = journal.try_update("one", |hash| {
            hash.set("undone", "1")?;
            hash.remove("done");
            Err::<(), _>(Error::Overflow)
        });
        assert_eq!(undone, Err(Error::Overflow));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _ = journal.try_update_many(["two", "four"], |[two, four]| {
                two.clear();
                four.set("undone", "4")?;
                if four.contains("undone") {
                    panic!("an intended panic");
                }
                Ok::<_, Error>(())
            });
        }));
        assert!(panicked.is_err());
        journal.sync().unwrap();
        assert_eq!(journal.status().log_bytes, written, "nothing was written for what was undone");
        let before = contents(&journal);
        assert_eq!(before.len(), 3);
        drop(journal);
        let journal = open(folder.path());
        assert_eq!(contents(&journal), before);
        assert_eq!(journal.recovery().entries, 2);
    }
}

#[test]
fn calls_that_change_nothing_are_not_written() {
    let folder = Folder::in_memory();
    let journal = open(folder.path());
    journal.set("key", "field", "value").unwrap();
    journal.sync().unwrap();
    let written = journal.status().log_bytes;
    journal.get("key", "field");
    journal.remove("key", "missing");
    journal.clear("missing");
    journal.set_if_absent("key", "field", "other").unwrap();
    journal.compare_and_set("key", "field", Some(b"other"), None).unwrap();
    journal.rename("missing", "other", Overwrite::Yes).unwrap();
    journal.update("key", |hash| drop(hash.get("field").map(<[u8]>::to_vec)));
    journal.shrink_to_fit();
    journal.purge_expired(usize::MAX);
    journal.sync().unwrap();
    assert_eq!(journal.status().log_bytes, written);
}

#[test]
fn a_save_beside_the_journal_changes_nothing_in_it() {
    let folder = Folder::in_memory();
    let journal = open(folder.path());
    for n in 0..5_000 {
        journal.set(format!("user:{n}"), "name", "x".repeat(100)).unwrap();
    }
    journal.sync().unwrap();
    let before = files(folder.path());
    let mut busy = 0;
    let mut snapshot = Vec::new();
    let options = SaveOptions::new().progress(|_| {
        busy += usize::from(matches!(journal.checkpoint(), Err(JournalError::Busy)));
        journal.set("during", "the", "save").unwrap();
    });
    journal.save_to_with(&mut snapshot, options).unwrap();
    assert!(busy > 0, "no checkpoint is made meanwhile");
    assert_eq!(files(folder.path()).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert_eq!(Store::builder().load_from(&snapshot[..]).unwrap().key_count(), 5_000);
    drop(journal);
    assert_eq!(open(folder.path()).key_count(), 5_001);
}

#[test]
fn a_drop_inside_a_closure_waits_for_nothing_and_loses_nothing() {
    for own in [false, true] {
        let folder = Folder::in_memory();
        let journal = open(folder.path());
        journal.set("before", "f", "v").unwrap();
        let store = if own { journal.store().clone() } else { std::sync::Arc::new(Store::new()) };
        let mut dropped = Some(journal);
        store.update("key", |hash| {
            hash.set("f", "v").unwrap();
            drop(dropped.take());
        });
        assert!(store.contains_key("key"));
        wait_until(|| Store::builder().open(folder.path(), quiet()).is_ok());
        assert!(open(folder.path()).contains_key("before"));
    }
}

#[test]
fn calls_that_wait_panic_inside_closures() {
    let folder = Folder::in_memory();
    let journal = open(folder.path());
    let store = Store::new();
    let calls: [&dyn Fn(); 3] =
        [&|| drop(journal.sync()), &|| drop(journal.checkpoint()), &|| drop(Store::builder().open("nowhere", quiet()))];
    for call in calls {
        assert!(catch_unwind(AssertUnwindSafe(|| store.update("key", |_| call()))).is_err());
    }
    let mut closed = Some(open(Folder::in_memory().path()));
    let close = || store.update("key", |_| drop(closed.take().unwrap().close()));
    assert!(catch_unwind(AssertUnwindSafe(close)).is_err());
    assert!(!std::path::Path::new("nowhere").exists());
    journal.set("key", "f", "v").unwrap();
    journal.sync().unwrap();
}
