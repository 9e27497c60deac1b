//! Which changes are told, and with what in them.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use hashlet::{Change, ChangeKind, Error, Gone, ManualClock, Overwrite, SetOptions, Store, Watch, WhenFull};

use crate::support::check;
use crate::support::config;
use crate::support::follower::{hash, names};

const SECOND: Duration = Duration::from_secs(1);

/// Runs `test` on each configuration with a watcher.
fn watched(watch: &Watch, test: impl Fn(&Store, &ManualClock, &dyn Fn() -> Vec<Change>)) {
    for config in config::all() {
        let _told = config::Told(config.name);
        let clock = ManualClock::new();
        let (sender, changes) = sync_channel(1_000);
        let store = config.builder().clock(&clock).watch(watch.clone(), sender, WhenFull::Lose).build();
        test(&store, &clock, &|| changes.try_iter().collect());
        check::store(&store);
    }
}

fn all() -> Watch {
    Watch::all().values(true).old_values(true)
}

#[test]
fn each_call_tells_what_it_has_changed() {
    type Make = fn(&Store);
    let calls: [(Make, &[&str]); 17] = [
        (|store| _ = store.set("k", "f", "1").unwrap(), &["k/f set"]),
        (|store| _ = store.increment("k", "f", 1).unwrap(), &["k/f set"]),
        (|store| _ = store.set_many("k", [("f", "1"), ("g", "2")]).unwrap(), &["k/f set", "k/g set"]),
        (|store| assert!(!store.set_if_absent("k", "f", "1").unwrap()), &[]),
        (|store| assert_eq!(store.increment("k", "f", i64::MAX), Err(Error::Overflow)), &[]),
        (|store| drop(store.get_all("k")), &[]),
        (|store| assert!(!store.remove("k", "none")), &[]),
        (|store| _ = store.expire_field("k", "f", SECOND), &["k/f deadline"]),
        (|store| _ = store.persist_field("k", "f"), &["k/f deadline"]),
        (|store| _ = store.expire("k", SECOND), &["k deadline"]),
        (|store| _ = store.rename("k", "l", Overwrite::Yes).unwrap(), &["k/l renamed"]),
        (|store| _ = store.copy("l", "m", Overwrite::Yes).unwrap(), &["m/l copied"]),
        (|store| assert!(store.remove("l", "g")), &["l/g removed"]),
        // The key loses its deadline before its last field.
        (|store| assert!(store.take("l", "f").is_some()), &["l deadline", "l/f removed"]),
        (|store| assert!(store.clear("m")), &["m removed"]),
        (|store| assert!(!store.clear("m")), &[]),
        (|store| store.clear_all(), &[" all removed"]),
    ];
    watched(&all(), |store, _, told| {
        for (call, expected) in calls {
            call(store);
            assert_eq!(names(&told()), expected);
        }
    });
}

#[test]
fn a_change_has_the_values_that_are_asked_for() {
    let calls = |store: &Store| {
        store.set("k", "f", "1").unwrap();
        store.set("k", "f", "2").unwrap();
        store.remove("k", "f");
        store.set("k", "f", "3").unwrap();
        store.clear("k");
    };
    for (values, old_values) in [(false, false), (true, false), (false, true), (true, true)] {
        watched(&Watch::all().values(values).old_values(old_values), |store, _, told| {
            calls(store);
            let told = told();
            let set = |value: &str, before: Option<&str>| ChangeKind::FieldSet {
                field: b"f".to_vec(),
                value: values.then(|| value.into()),
                before: before.filter(|_| old_values).map(Into::into),
                is_new: before.is_none(),
            };
            let expected = [
                set("1", None),
                set("2", Some("1")),
                ChangeKind::FieldRemoved { field: b"f".to_vec(), before: old_values.then(|| b"2".to_vec()) },
                set("3", None),
                ChangeKind::KeyRemoved { before: old_values.then(|| hash(&[("f", "3")])) },
            ];
            assert!(told.iter().map(|change| &change.kind).eq(&expected), "{told:?}");
            assert!(told.iter().map(|change| change.sequence).eq(1..=5));
            assert_eq!(told[0].key, b"k");
        });
    }
}

#[test]
fn expired_is_told_apart_from_removed_whether_somebody_listens_or_not() {
    for listens in [false, true] {
        for config in config::all() {
            let _told = config::Told(config.name);
            let clock = ManualClock::new();
            let (sender, changes) = sync_channel(1_000);
            let (listener, expired) = sync_channel(1_000);
            let mut builder = config.builder().clock(&clock).watch(all(), sender, WhenFull::Lose);
            if listens {
                builder = builder.listener(listener, WhenFull::Lose);
            }
            let store = builder.build();
            store.set_many("k", [("f", "1"), ("g", "2")]).unwrap();
            store.set_many("l", [("f", "1"), ("g", "2")]).unwrap();
            store.expire_field("k", "f", SECOND);
            store.expire("l", SECOND);
            store.set("m", "f", "1").unwrap();
            store.expire_field("m", "f", SECOND);
            assert_eq!(changes.try_iter().count(), 8);
            clock.advance(SECOND);
            assert_eq!(changes.try_iter().count(), 0, "nothing was removed yet");
            store.purge_expired(usize::MAX);
            let mut told: Vec<Change> = changes.try_iter().collect();
            told.sort_by(|left, right| left.key.cmp(&right.key));
            assert_eq!(names(&told), ["k/f expired", "l expired", "m/f expired"]);
            let expected = ChangeKind::KeyExpired { before: Some(hash(&[("f", "1"), ("g", "2")])) };
            assert_eq!(told[1].kind, expected);
            assert_eq!(told[2].kind, ChangeKind::FieldExpired { field: b"f".to_vec(), before: Some(b"1".to_vec()) });
            let heard: Vec<Gone> = expired.try_iter().collect();
            assert_eq!(heard.len(), if listens { 3 } else { 0 });
            // A call that meets it tells first what has expired, and then what it does itself.
            store.expire("k", SECOND);
            clock.advance(SECOND);
            store.set("k", "g", "3").unwrap();
            assert_eq!(names(&changes.try_iter().collect::<Vec<_>>()), ["k deadline", "k expired", "k/g set"]);
            check::store(&store);
        }
    }
}

#[test]
fn a_deadline_in_the_past_removes_and_does_not_expire() {
    watched(&Watch::all().deadlines(false), |store, _, told| {
        store.set_many("k", [("f", "1"), ("g", "2")]).unwrap();
        store.expire_field("k", "f", Duration::ZERO);
        store.expire("k", Duration::ZERO);
        store.set_with("k", [("f", "1")], SetOptions::new().expire(Duration::ZERO)).unwrap();
        let told = names(&told());
        assert_eq!(told[..4], ["k/f set", "k/g set", "k/f removed", "k removed"]);
        assert!(told[4..].iter().all(|name| !name.ends_with("expired")), "{told:?}");
    });
}

#[test]
fn a_closure_tells_each_of_its_changes_and_what_is_rolled_back_is_not_told() {
    watched(&all(), |store, _, told| {
        store.update("k", |hash| {
            hash.set("f", "1").unwrap();
            hash.set("f", "2").unwrap();
            hash.remove("f");
        });
        assert_eq!(names(&told()), ["k/f set", "k/f set", "k/f removed"]);
        store.set_many("k", [("f", "1"), ("g", "2")]).unwrap();
        drop(told());
        let failed = store.try_update("k", |hash| {
            hash.set("f", "9")?;
            hash.clear();
            hash.set("h", "x")?;
            hash.increment("h", 1)
        });
        assert_eq!((failed, names(&told())), (Err(Error::NotAnInteger), vec![]));
        let failed = store.try_update_many(["k", "l"], |[k, l]| {
            l.set("f", "1")?;
            k.remove("f");
            l.increment("f", i64::MAX)
        });
        assert_eq!((failed, names(&told())), (Err(Error::Overflow), vec![]));
        let panicked = std::panic::catch_unwind(|| {
            store.try_update("k", |hash| -> hashlet::Result<()> {
                hash.set("f", "9")?;
                std::panic::resume_unwind(Box::new(()))
            })
        });
        assert!(panicked.is_err());
        assert_eq!(told(), []);
        // The numbers go on without a gap.
        let last = 5;
        store.try_update("k", |hash| hash.set("f", "3")).unwrap();
        let told = told();
        assert_eq!((names(&told), told[0].sequence), (vec!["k/f set".to_string()], last + 1));
    });
}

#[test]
fn a_watch_chooses_kinds() {
    let fill = |store: &Store, clock: &ManualClock| {
        store.set_many("k", [("f", "1"), ("g", "2"), ("h", "3")]).unwrap();
        store.remove("k", "g");
        store.expire_field("k", "h", SECOND);
        store.expire("k", 2 * SECOND);
        clock.advance(SECOND);
        store.purge_expired(usize::MAX);
        clock.advance(SECOND);
        store.purge_expired(usize::MAX);
        store.set("k", "f", "1").unwrap();
        store.clear("k");
    };
    let fields: &[&str] = &["k/f set", "k/g set", "k/h set", "k/g removed", "k/f set"];
    let none = Watch::all().fields(false).deadlines(false).keys(false).expired(false);
    let choices: [(Watch, &[&str]); 5] = [
        (none.clone(), &[]),
        (none.clone().fields(true), fields),
        (none.clone().deadlines(true), &["k/h deadline", "k deadline"]),
        (none.clone().keys(true), &["k removed"]),
        (none.clone().expired(true), &["k/h expired", "k expired"]),
    ];
    for (watch, expected) in choices {
        watched(&watch, |store, clock, told| {
            fill(store, clock);
            assert_eq!(names(&told()), expected);
        });
    }
}

#[test]
fn a_hash_that_comes_from_a_key_that_is_not_watched_is_told_whole() {
    watched(&Watch::prefix("a:").values(true), |store, _, told| {
        store.set_many("b:1", [("f", "1"), ("g", "2")]).unwrap();
        store.expire_field("b:1", "g", SECOND);
        store.expire("b:1", 2 * SECOND);
        assert_eq!(told(), []);
        store.copy("b:1", "a:1", Overwrite::No).unwrap();
        let mut sets = names(&told());
        sets[..2].sort();
        assert_eq!(sets, ["a:1/f set", "a:1/g set", "a:1/g deadline", "a:1 deadline"]);
        store.rename("b:1", "a:1", Overwrite::Yes).unwrap();
        assert_eq!(names(&told())[0], "a:1 removed");
        store.rename("a:1", "b:1", Overwrite::Yes).unwrap();
        assert_eq!(names(&told()), ["a:1/b:1 renamed"]);
        store.copy("b:1", "b:2", Overwrite::Yes).unwrap();
        store.set("a", "f", "1").unwrap(); // not as long as the prefix
        store.clear("b:1");
        assert_eq!(told(), []);
    });
}

#[cfg(feature = "snapshot")]
#[test]
fn a_save_and_a_load_tell_nothing() {
    watched(&all(), |store, _, told| {
        store.set_many("k", [("f", "1"), ("g", "2")]).unwrap();
        drop(told());
        let mut snapshot = Vec::new();
        store.save_to(&mut snapshot).unwrap();
        assert_eq!(told(), []);
        let (sender, changes) = sync_channel(10);
        let loaded = Store::builder().watch(all(), sender, WhenFull::Lose).load_from(&snapshot[..]).unwrap();
        assert_eq!(changes.try_iter().count(), 0);
        loaded.set("k", "f", "2").unwrap();
        assert_eq!(changes.recv().unwrap().sequence, 1);
    });
}

#[cfg(feature = "journal")]
#[test]
fn the_recovery_of_a_journal_tells_nothing_and_the_calls_on_it_are_told() {
    use crate::support::folder::Folder;
    use hashlet::JournalOptions;

    let open = |folder: &Folder| {
        let (sender, changes): (_, std::sync::mpsc::Receiver<Change>) = sync_channel(100);
        let builder = Store::builder().watch(all(), sender, WhenFull::Lose);
        (builder.open(folder.path(), JournalOptions::new()).unwrap(), changes)
    };
    let folder = Folder::in_memory();
    let (durable, changes) = open(&folder);
    durable.set_many("k", [("f", "1"), ("g", "2")]).unwrap();
    durable.store().rename("k", "l", Overwrite::Yes).unwrap();
    durable.store().clear_all();
    durable.set("k", "f", "1").unwrap();
    let told: Vec<Change> = changes.try_iter().collect();
    assert_eq!(names(&told), ["k/f set", "k/g set", "k/l renamed", " all removed", "k/f set"]);
    durable.close().unwrap();
    let (durable, changes) = open(&folder);
    assert_eq!((durable.store().get("k", "f"), changes.try_iter().count()), (Some(b"1".to_vec()), 0));
    durable
        .store()
        .try_update("k", |hash| -> Result<(), ()> { hash.set("f", "2").map(drop).or(Err(())).and(Err(())) })
        .unwrap_err();
    durable.store().remove("k", "f");
    assert_eq!(names(&changes.try_iter().collect::<Vec<_>>()), ["k/f removed"]);
}
