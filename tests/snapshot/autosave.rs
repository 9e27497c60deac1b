//! The autosave thread: when it saves, when it does not, and what it reports when it fails. Tests wait for an expected
//! save however long it takes. For a save that must not happen they wait a moment.

use std::fs;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::support::config::on_every_configuration;
use crate::support::folder::Folder;
use hashlet::{Autosave, AutosavePolicy, ManualClock, SaveOptions, SetOptions, SnapshotError, Store};

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(200);

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(120), "in vain: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn store() -> Arc<Store> {
    let store = Store::new();
    store.set("user:1", "visits", "0").unwrap();
    Arc::new(store)
}

fn start(store: &Arc<Store>, path: impl AsRef<Path>, policy: AutosavePolicy) -> Autosave {
    Autosave::start(Arc::clone(store), path, policy).unwrap()
}

fn visits(path: impl AsRef<Path>) -> Option<String> {
    Store::load(path).ok().map(|store| String::from_utf8(store.get("user:1", "visits").unwrap()).unwrap())
}

fn io_error<R: std::fmt::Debug>(result: Result<R, Arc<SnapshotError>>) -> ErrorKind {
    let error = result.unwrap_err();
    let SnapshotError::Io(error) = &*error else { panic!("{error}") };
    error.kind()
}

#[test]
fn a_change_is_saved_when_the_period_has_passed() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(Duration::from_millis(10)));
    for turn in ["1", "2"] {
        store.set("user:1", "visits", turn).unwrap();
        wait_until("a save", || visits(folder.file()).as_deref() == Some(turn));
    }
    wait_until("a report", || autosave.last().is_some_and(|last| last.unwrap().keys == 1));
    assert_eq!(folder.temporaries(), 0);
}

#[test]
fn enough_changes_are_saved_before_the_period_has_passed() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR).or_changes(10));
    autosave.save().unwrap();
    for turn in 0..3 {
        let before = fs::read(folder.file()).ok();
        for _ in 0..9 {
            store.increment("user:1", "visits", 1).unwrap();
        }
        thread::sleep(MOMENT);
        assert_eq!(fs::read(folder.file()).ok(), before, "nine are not ten");
        store.increment("user:1", "visits", 1).unwrap();
        wait_until("a save", || visits(folder.file()) == Some((10 * (turn + 1)).to_string()));
        wait_until("its end", || folder.temporaries() == 0 && autosave.last().is_some());
        // Changes are counted from the beginning of a save, and the report comes after that.
        autosave.save().unwrap();
    }
}

#[test]
fn nothing_is_saved_when_nothing_was_changed() {
    let (folder, before) = (Folder::new(), SystemTime::now() - HOUR);
    store().save(folder.file()).unwrap();
    fs::File::open(folder.file()).unwrap().set_modified(before).unwrap();
    let store = Arc::new(Store::load(folder.file()).unwrap());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(Duration::ZERO).or_changes(0));
    store.get("user:1", "visits");
    store.contains_key("user:2");
    thread::sleep(MOMENT);
    assert!(autosave.last().is_none());
    assert!(autosave.close().unwrap().is_none());
    assert_eq!(fs::metadata(folder.file()).unwrap().modified().unwrap(), before);
}

#[test]
fn an_empty_store_that_was_never_changed_leaves_no_file() {
    let folder = Folder::new();
    let policy = AutosavePolicy::after(Duration::ZERO).or_changes(0);
    let autosave = start(&Arc::new(Store::new()), folder.file(), policy);
    thread::sleep(MOMENT);
    assert!(autosave.close().unwrap().is_none());
    assert_eq!(folder.names(), ["store.hashlet.lock"]);
}

#[test]
fn what_was_written_before_the_start_is_saved() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    assert_eq!(autosave.close().unwrap().map(|report| report.keys), Some(1));
    assert_eq!(visits(folder.file()).as_deref(), Some("0"));

    store.set("user:1", "visits", "1").unwrap();
    let autosave = start(&store, folder.file(), AutosavePolicy::after(Duration::ZERO));
    wait_until("a save", || visits(folder.file()).as_deref() == Some("1"));
    drop(autosave);

    store.set("user:1", "visits", "2").unwrap();
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR).or_changes(3));
    wait_until("a save", || visits(folder.file()).as_deref() == Some("2"));
    drop(autosave);
}

#[test]
fn close_writes_a_store_that_has_no_file_yet() {
    let (folder, mut snapshot) = (Folder::new(), Vec::new());
    store().save_to(&mut snapshot).unwrap();
    let store = Arc::new(Store::load_from(&snapshot[..]).unwrap());
    for is_removed in [true, false] {
        let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
        assert_eq!(autosave.close().unwrap().is_some(), is_removed, "the store was not changed");
        assert_eq!(visits(folder.file()).as_deref(), Some("0"));
    }
}

#[test]
fn a_lock_file_that_is_removed_is_made_anew_by_the_next_save() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    let lock = folder.path().join("store.hashlet.lock");
    for turn in 0..3 {
        fs::remove_file(&lock).unwrap();
        store.set("user:1", "visits", turn.to_string()).unwrap();
        autosave.save().unwrap();
        assert_eq!(visits(folder.file()), Some(turn.to_string()));
        assert!(matches!(store.save(folder.file()), Err(SnapshotError::Locked)));
    }
    fs::remove_file(&lock).unwrap();
    let another = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    assert!(matches!(&*autosave.save().unwrap_err(), SnapshotError::Locked), "the path is another's");
    drop(another);
    assert!(autosave.close().unwrap().is_some());
}

#[test]
fn a_write_during_a_save_is_in_the_file_after_close() {
    const KEYS: u64 = 50_000;
    let folder = Folder::new();
    let store = Store::new();
    for n in 0..KEYS {
        store.set(format!("user:{n}"), "visits", "0").unwrap();
    }
    let store = Arc::new(store);
    let temporary = || folder.names().into_iter().find(|name| name.ends_with(".tmp"));
    for round in 1.. {
        assert!(round < 100, "no write came during a save");
        // The policy causes the first save, and no second one.
        let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR).or_changes(KEYS));
        let mut name = None;
        wait_until("the first block of a save", || {
            name = temporary();
            let length = |name: &String| fs::metadata(folder.path().join(name)).map_or(0, |metadata| metadata.len());
            name.as_ref().is_some_and(|name| length(name) > 1 << 10) || autosave.last().is_some()
        });
        store.set("user:1", "visits", round.to_string()).unwrap();
        let was_saving = name.is_some() && temporary() == name && autosave.last().is_none();
        assert!(autosave.close().unwrap().is_some());
        assert_eq!(visits(folder.file()), Some(round.to_string()));
        if was_saving {
            return;
        }
    }
}

#[test]
fn a_save_on_demand_returns_when_the_file_is_there() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    for turn in 0..10 {
        store.set("user:1", "visits", turn.to_string()).unwrap();
        let report = autosave.save().unwrap();
        assert_eq!(visits(folder.file()), Some(turn.to_string()));
        assert_eq!(report.bytes, fs::metadata(folder.file()).unwrap().len());
        assert_eq!(autosave.last().unwrap().unwrap(), report);
    }
    assert_eq!(autosave.save().unwrap().keys, 1, "changed or not");
}

#[test]
fn saves_on_demand_from_many_threads_all_hold_what_was_set_before() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(Duration::ZERO));
    thread::scope(|scope| {
        for n in 0..4 {
            let (store, autosave, folder) = (&store, &autosave, &folder);
            scope.spawn(move || {
                for turn in 0..10 {
                    store.set(format!("thread:{n}"), format!("turn:{turn}"), "").unwrap();
                    autosave.save().unwrap();
                    let saved = Store::load(folder.file()).unwrap();
                    assert!(saved.contains(format!("thread:{n}"), format!("turn:{turn}")));
                }
            });
        }
    });
}

#[test]
fn close_saves_a_last_time_and_gives_back_the_path_and_the_store() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    store.set("user:1", "visits", "1").unwrap();
    assert_eq!(autosave.close().unwrap().map(|report| report.keys), Some(1));
    assert_eq!(visits(folder.file()).as_deref(), Some("1"));
    assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.lock"]);

    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    store.set("user:1", "visits", "2").unwrap();
    autosave.save().unwrap();
    let before = fs::metadata(folder.file()).unwrap().modified().unwrap();
    assert!(autosave.close().unwrap().is_none(), "nothing was changed since the last save");
    assert_eq!(fs::metadata(folder.file()).unwrap().modified().unwrap(), before);
    store.save(folder.file()).expect("the path is free");
    assert!(Arc::try_unwrap(store).is_ok(), "the thread has ended");
}

#[test]
fn drop_saves_nothing_and_ends_the_thread() {
    let (folder, store) = (Folder::new(), store());
    drop(start(&store, folder.file(), AutosavePolicy::after(HOUR)));
    for expected in [None, Some("0")] {
        let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
        store.set("user:1", "visits", "1").unwrap();
        drop(autosave);
        assert_eq!(visits(folder.file()).as_deref(), expected);
        store.set("user:1", "visits", "0").unwrap();
        store.save(folder.file()).expect("the path is free");
    }
    assert!(Arc::try_unwrap(store).is_ok(), "the thread has ended");
}

/// An autosave that cannot save, because there is a folder at the path, and tries again and again. Once the folder is
/// removed, it begins a save. The save cannot end as long as a closure reads the only key.
fn blocked(store: &Arc<Store>, folder: &Folder) -> Autosave {
    let autosave = start(store, folder.file(), AutosavePolicy::after(HOUR));
    fs::create_dir(folder.file()).unwrap();
    assert_eq!(io_error(autosave.save()), ErrorKind::IsADirectory);
    autosave
}

fn unblock_and_wait_for_a_save(folder: &Folder) {
    fs::remove_dir(folder.file()).unwrap();
    wait_until("a save", || folder.temporaries() == 1);
}

#[test]
fn drop_waits_for_the_save_that_is_under_way() {
    let (folder, store) = (Folder::new(), store());
    let autosave = blocked(&store, &folder);
    let (release, released) = channel();
    let (begun, is_begun) = channel();
    let is_dropped = AtomicBool::new(false);
    thread::scope(|scope| {
        let (store, folder) = (&store, &folder);
        scope.spawn(move || {
            store.read("user:1", |_| {
                unblock_and_wait_for_a_save(folder);
                begun.send(()).unwrap();
                released.recv().unwrap();
            });
        });
        is_begun.recv().unwrap();
        scope.spawn(|| {
            drop(autosave);
            is_dropped.store(true, SeqCst);
        });
        thread::sleep(MOMENT);
        assert!(!is_dropped.load(SeqCst), "it has not waited");
        release.send(()).unwrap();
    });
    assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.lock"]);
    assert_eq!(visits(folder.file()).as_deref(), Some("0"));
}

#[test]
fn drop_inside_a_closure_does_not_wait_for_a_save_that_waits_for_the_closure() {
    for close in [false, true] {
        let (folder, store) = (Folder::new(), store());
        let autosave = blocked(&store, &folder);
        let result = catch_unwind(AssertUnwindSafe(|| {
            store.read("user:1", |_| {
                unblock_and_wait_for_a_save(&folder);
                if close { drop(autosave.close()) } else { drop(autosave) }
            });
        }));
        assert_eq!(result.is_err(), close, "a call panics, a drop does not");
        wait_until("the end of the thread", || Arc::strong_count(&store) == 1);
        assert_eq!(visits(folder.file()).as_deref(), Some("0"));
    }
}

#[test]
fn a_missing_folder_is_told_and_tried_again_until_it_is_there() {
    let (folder, store) = (Folder::new(), store());
    let path = folder.path().join("inner").join("store.hashlet");
    let missing = Autosave::start(Arc::clone(&store), &path, AutosavePolicy::after(HOUR)).map(drop);
    assert!(matches!(missing, Err(SnapshotError::Io(error)) if error.kind() == ErrorKind::NotFound));

    fs::create_dir(path.parent().unwrap()).unwrap();
    let autosave = start(&store, &path, AutosavePolicy::after(Duration::ZERO));
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    store.set("user:1", "visits", "1").unwrap();
    wait_until("a failure", || autosave.last().is_some());
    assert_eq!(io_error(autosave.last().unwrap()), ErrorKind::NotFound);
    fs::create_dir(path.parent().unwrap()).unwrap();
    wait_until("another try", || visits(&path).as_deref() == Some("1"));
    wait_until("its report", || autosave.last().is_some_and(|last| last.is_ok()));
    assert!(autosave.close().unwrap().is_none(), "all is saved");
}

#[test]
fn a_failure_is_tried_again_long_before_the_period_has_passed() {
    let (folder, store) = (Folder::new(), store());
    let autosave = blocked(&store, &folder);
    assert_eq!(io_error(autosave.last().unwrap()), ErrorKind::IsADirectory);
    fs::remove_dir(folder.file()).unwrap();
    wait_until("another try", || visits(folder.file()).as_deref() == Some("0"));
}

#[test]
fn close_tells_why_the_last_save_has_failed() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    fs::create_dir(folder.file()).unwrap();
    store.set("user:1", "visits", "1").unwrap();
    assert_eq!(io_error(autosave.close()), ErrorKind::IsADirectory);
    fs::remove_dir(folder.file()).unwrap();

    let autosave = blocked(&store, &folder);
    assert_eq!(io_error(autosave.close()), ErrorKind::IsADirectory, "what was wanted before is not saved yet");
    fs::remove_dir(folder.file()).unwrap();
    store.save(folder.file()).expect("the path is free");
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_to_is_told_and_tried_again() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    let mode = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o500);
    if fs::write(folder.path().join("probe"), "").is_err() {
        assert_eq!(io_error(autosave.save()), ErrorKind::PermissionDenied);
        mode(0o700);
        wait_until("another try", || visits(folder.file()).as_deref() == Some("0"));
    } // else nothing is forbidden to whoever runs this
    mode(0o700);
}

#[test]
fn one_at_a_time_saves_to_a_path() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    let second = Autosave::start(Arc::new(Store::new()), folder.file(), AutosavePolicy::after(HOUR)).map(drop);
    assert!(matches!(second, Err(SnapshotError::Locked)));
    assert!(matches!(store.save(folder.file()), Err(SnapshotError::Locked)));
    store.save(folder.path().join("another")).expect("another path is another's");
    drop(autosave);
    drop(start(&store, folder.file(), AutosavePolicy::after(HOUR)));
}

#[test]
fn a_store_that_somebody_else_saves_is_busy_and_saved_when_it_is_not() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    let mut told = 0;
    let ask = SaveOptions::new().progress(|_| {
        assert!(matches!(&*autosave.save().unwrap_err(), SnapshotError::Busy));
        told += 1;
    });
    store.save_to_with(io::sink(), ask).unwrap();
    assert!(told > 0);
    wait_until("another try", || visits(folder.file()).as_deref() == Some("0"));
}

#[test]
fn a_relative_path_stays_where_it_was_when_the_current_folder_changes() {
    let (folder, elsewhere, store) = (Folder::new(), Folder::new(), store());
    let before = std::env::current_dir().unwrap();
    // No other test of this process has a relative path.
    std::env::set_current_dir(folder.path()).unwrap();
    let autosave = start(&store, "store.hashlet", AutosavePolicy::after(HOUR));
    std::env::set_current_dir(elsewhere.path()).unwrap();
    autosave.save().unwrap();
    assert_eq!((visits(folder.file()).as_deref(), elsewhere.names().len()), (Some("0"), 0));
    std::env::set_current_dir(before).unwrap();
}

#[test]
fn calls_inside_a_closure_panic_and_say_why() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    let another = folder.path().join("another");
    let told = |call: &mut dyn FnMut()| {
        let panicked = catch_unwind(AssertUnwindSafe(|| store.read("user:1", |_| call()))).unwrap_err();
        let sentence = panicked.downcast_ref::<String>().map(String::as_str);
        sentence.or(panicked.downcast_ref::<&str>().copied()).unwrap().to_owned()
    };
    let mut autosave = Some(autosave);
    let sentences = [
        told(&mut || drop(autosave.as_ref().unwrap().save())),
        told(&mut || drop(Autosave::start(Arc::clone(&store), &another, AutosavePolicy::after(HOUR)))),
        told(&mut || drop(autosave.take().unwrap().close())),
    ];
    assert!(sentences.iter().all(|told| told.contains("called from inside a closure")), "{sentences:?}");
    assert_eq!(folder.names(), ["store.hashlet.lock"], "nothing was begun");
}

#[test]
fn an_autosave_is_sync_and_has_a_debug_form() {
    fn assert_shared<T: Send + Sync + 'static>(_: &T) {}
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    assert_shared(&autosave);
    assert!(format!("{autosave:?}").contains("last: None"));
}

#[test]
fn a_purge_by_the_save_itself_is_no_change() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let (folder, clock) = (Folder::new(), ManualClock::new());
    let store = Arc::new(Store::builder().clock(&clock).build());
    for n in 0..1_000 {
        store.set_with(n.to_string(), [("f", "v")], SetOptions::new().expire_key(HOUR)).unwrap();
    }
    store.set("stays", "f", "v").unwrap();
    clock.advance(HOUR);
    let autosave = Autosave::start(Arc::clone(&store), folder.file(), AutosavePolicy::after(HOUR)).unwrap();
    assert_eq!(autosave.save().unwrap().keys, 1);
    assert!(autosave.close().unwrap().is_none());
}

#[test]
fn a_store_that_was_filled_before_and_is_never_changed_is_saved() {
    on_every_configuration(|config, store| {
        let folder = Folder::in_memory();
        store.set("user:1", "visits", "0").unwrap();
        let mut snapshot = Vec::new();
        store.save_to(&mut snapshot).unwrap();
        // One that was filled by calls, and one that was loaded from elsewhere, which changed nothing in it.
        let filled = config.builder().build();
        filled.set("user:1", "visits", "0").unwrap();
        for store in [filled, config.builder().load_from(&snapshot[..]).unwrap()] {
            let autosave = start(&Arc::new(store), folder.file(), AutosavePolicy::after(Duration::ZERO));
            wait_until("a save", || autosave.last().is_some());
            assert_eq!(visits(folder.file()).as_deref(), Some("0"));
            thread::sleep(2 * MOMENT / 3);
            assert_eq!(autosave.stats().saves, 1, "once is enough");
            assert!(autosave.close().unwrap().is_none());
            fs::remove_file(folder.file()).unwrap();
        }
    });
}

/// Starts an autosave, and returns what its closure was told: the keys that were saved, or nothing for a failure.
fn start_telling(
    store: &Arc<Store>,
    folder: &Folder,
    policy: AutosavePolicy,
) -> (Autosave, Arc<Mutex<Vec<Option<u64>>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let report = move |result: &Result<_, Arc<SnapshotError>>| {
        tell.lock().unwrap().push(result.as_ref().ok().map(|report: &hashlet::SaveReport| report.keys));
    };
    (Autosave::start_with(Arc::clone(store), folder.file(), policy, report).unwrap(), told)
}

#[test]
fn each_result_is_told_before_the_call_returns() {
    let (folder, store) = (Folder::new(), store());
    let (autosave, told) = start_telling(&store, &folder, AutosavePolicy::after(HOUR));
    autosave.save().unwrap();
    assert_eq!(*told.lock().unwrap(), [Some(1)]);
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
    autosave.save().unwrap_err();
    assert_eq!(told.lock().unwrap()[..2], [Some(1), None]);
    fs::remove_dir(folder.file()).unwrap();
    store.set("user:2", "visits", "0").unwrap();
    autosave.close().unwrap();
    let all = told.lock().unwrap().clone();
    assert_eq!((all.last(), Arc::strong_count(&told)), (Some(&Some(2)), 1), "the closure is gone");
    let stats = autosave.stats();
    let saved = all.iter().filter(|one| one.is_some()).count() as u64;
    assert_eq!((stats.saves, stats.failed_saves), (saved, all.len() as u64 - saved));
}

#[test]
fn each_result_of_the_policy_is_told() {
    let (folder, store) = (Folder::new(), store());
    let (autosave, told) = start_telling(&store, &folder, AutosavePolicy::after(Duration::ZERO));
    wait_until("a save", || *told.lock().unwrap() == [Some(1)]);
    store.set("user:2", "visits", "0").unwrap();
    wait_until("another", || *told.lock().unwrap() == [Some(1), Some(2)]);
    assert_eq!(autosave.stats().saves, 2);
    assert_eq!(autosave.last().unwrap().unwrap().keys, 2);
}

#[test]
fn a_closure_that_panics_does_not_end_the_saves() {
    let (folder, store) = (Folder::new(), store());
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let report = move |_: &Result<_, _>| {
        count.fetch_add(1, SeqCst);
        std::panic::resume_unwind(Box::new("intended"));
    };
    let policy = AutosavePolicy::after(Duration::ZERO);
    let autosave = Autosave::start_with(Arc::clone(&store), folder.file(), policy, report).unwrap();
    for turn in 1..4 {
        store.set("user:1", "visits", turn.to_string()).unwrap();
        wait_until("a save", || visits(folder.file()) == Some(turn.to_string()));
    }
    autosave.save().unwrap();
    store.set("user:1", "visits", "4").unwrap();
    autosave.close().unwrap();
    assert_eq!(visits(folder.file()).as_deref(), Some("4"));
    assert_eq!(calls.load(SeqCst) as u64, autosave.stats().saves);
}

#[test]
fn the_closure_may_use_the_store_but_not_wait_for_its_own_thread() {
    let (folder, store) = (Folder::new(), store());
    let own = Arc::new(OnceLock::<Autosave>::new());
    let told = Arc::new(Mutex::new(Vec::new()));
    let (inner, tell, used, elsewhere) =
        (Arc::clone(&own), Arc::clone(&told), Arc::clone(&store), folder.path().join("elsewhere"));
    let report = move |_: &Result<_, _>| {
        let autosave: &Autosave = inner.get().unwrap();
        let is_busy = |error: Arc<SnapshotError>| matches!(*error, SnapshotError::Busy);
        let refused = [is_busy(autosave.save().unwrap_err()), is_busy(autosave.close().unwrap_err())];
        used.set("told", "at", "1").unwrap();
        used.save(&elsewhere).unwrap();
        tell.lock().unwrap().push((refused, autosave.stats().saves));
    };
    let autosave = Autosave::start_with(Arc::clone(&store), folder.file(), AutosavePolicy::after(HOUR), report);
    own.set(autosave.unwrap()).unwrap();
    own.get().unwrap().save().unwrap();
    assert_eq!(*told.lock().unwrap(), [([true, true], 1)]);
    assert!(Store::load(folder.path().join("elsewhere")).unwrap().contains_key("told"));
    assert!(own.get().unwrap().close().unwrap().is_some(), "the closure has changed the store");
}

#[test]
fn a_closure_may_drop_the_autosave_that_calls_it() {
    let (folder, store) = (Folder::new(), store());
    let own = Arc::new(Mutex::new(None));
    let inner = Arc::clone(&own);
    let report = move |_: &Result<_, _>| drop(inner.lock().unwrap().take());
    {
        // The first save comes later than the start, and then waits for this.
        let mut own = own.lock().unwrap();
        let policy = AutosavePolicy::after(Duration::ZERO);
        *own = Some(Autosave::start_with(Arc::clone(&store), folder.file(), policy, report).unwrap());
    }
    wait_until("the end of the thread", || Arc::strong_count(&store) == 1);
    assert!(own.lock().unwrap().is_none());
    store.save(folder.file()).expect("the path is free");
}

#[test]
fn closing_again_returns_the_same_and_saves_nothing() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    let report = autosave.close().unwrap();
    assert!(report.is_some());
    store.set("user:1", "visits", "1").unwrap();
    assert_eq!(autosave.close().unwrap(), report);
    assert!(matches!(&*autosave.save().unwrap_err(), SnapshotError::Closed));
    assert_eq!((autosave.stats().saves, visits(folder.file()).as_deref()), (1, Some("0")));
    assert_eq!(autosave.last().unwrap().ok(), report);
    store.save(folder.file()).expect("the path is free, though the value is still there");
    drop(autosave);

    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.path().join("in the way")).unwrap();
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
    fs::rename(folder.path().join("in the way"), folder.file()).unwrap();
    let error = autosave.close().unwrap_err();
    fs::remove_dir(folder.file()).unwrap();
    assert!(Arc::ptr_eq(&autosave.close().unwrap_err(), &error), "a failure is not forgotten");
    assert_eq!((autosave.stats().saves, autosave.stats().failed_saves), (0, 1));
}

#[test]
fn many_threads_may_save_and_close_at_the_same_time() {
    let (folder, store) = (Folder::in_memory(), store());
    for _ in 0..10 {
        let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR));
        store.increment("user:1", "visits", 1).unwrap();
        let closed = thread::scope(|scope| {
            let autosave = &autosave;
            for _ in 0..2 {
                scope.spawn(|| match autosave.save() {
                    Err(error) => assert!(matches!(*error, SnapshotError::Closed)),
                    Ok(report) => assert_eq!(report.keys, 1),
                });
            }
            let closers = [(); 3].map(|()| scope.spawn(|| autosave.close().unwrap()));
            closers.map(|closer| closer.join().unwrap())
        });
        assert!(closed.iter().all(|one| *one == closed[0]));
        assert_eq!(visits(folder.file()), Some(String::from_utf8(store.get("user:1", "visits").unwrap()).unwrap()));
    }
}

#[test]
fn an_autosave_keeps_as_many_snapshots_as_its_policy_says() {
    let (folder, store) = (Folder::new(), store());
    let autosave = start(&store, folder.file(), AutosavePolicy::after(HOUR).keep(2));
    for turn in 0..4 {
        store.set("user:1", "visits", turn.to_string()).unwrap();
        autosave.save().unwrap();
    }
    autosave.close().unwrap();
    let old = folder.path().join("store.hashlet.000003.old");
    assert_eq!((visits(folder.file()).as_deref(), visits(&old).as_deref()), (Some("3"), Some("2")));
    assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.000003.old", "store.hashlet.lock"]);

    assert_eq!(AutosavePolicy::after(HOUR).keep(0), AutosavePolicy::after(HOUR));
    let long = folder.path().join("n".repeat(96));
    let refused = Autosave::start(Arc::clone(&store), &long, AutosavePolicy::after(HOUR).keep(2)).map(drop);
    assert!(matches!(refused, Err(SnapshotError::Io(error)) if error.kind() == ErrorKind::InvalidInput));
}
