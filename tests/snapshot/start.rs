//! A store at the start of a program: the file may be absent, or damaged, and older snapshots may be beside it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::support::config::on_every_configuration;
use crate::support::folder::Folder;
use hashlet::{Error, Limits, LoadReport, SaveOptions, SnapshotError, Store};

fn visits(store: &Store) -> Option<String> {
    store.get("user:1", "visits").map(|value| String::from_utf8(value).unwrap())
}

/// Saves stores with these numbers of visits, one after the other, and keeps all snapshots.
fn save_all(path: &Path, visits: &[u32]) {
    let store = Store::new();
    for number in visits {
        store.set("user:1", "visits", number.to_string()).unwrap();
        store.save_with(path, SaveOptions::new().keep(10)).unwrap();
    }
}

fn old(folder: &Folder, number: u32) -> PathBuf {
    folder.path().join(format!("store.hashlet.{number:06}.old"))
}

fn flip_a_bit(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn io_error<R>(result: Result<R, SnapshotError>) -> ErrorKind {
    match result.map(drop) {
        Err(SnapshotError::Io(error)) => error.kind(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_absent_file_is_an_empty_store_and_a_file_is_loaded() {
    on_every_configuration(|config, store| {
        let folder = Folder::in_memory();
        let load = || {
            let one = config.builder().load_or_new(folder.file()).unwrap();
            let (other, report) = config.builder().load_newest_or_new(folder.file()).unwrap();
            assert_eq!(one.keys(), other.keys());
            assert!(report.passed_over.is_empty());
            assert_eq!(report.path, folder.file().exists().then(|| folder.file()));
            one
        };
        let empty = load();
        assert!(empty.is_empty());
        empty.set("user:1", "visits", "1").expect("it is a store like any other");
        assert_eq!(folder.names(), [""; 0], "a load leaves nothing behind");
        assert_eq!(io_error(config.builder().load_newest(folder.file())), ErrorKind::NotFound);

        store.set_many("user:1", (0..40).map(|n| (format!("field:{n}"), "value"))).unwrap();
        store.save(folder.file()).unwrap();
        let loaded = load();
        assert_eq!(loaded.size("user:1"), 40);
        assert_eq!(config.builder().load_newest(folder.file()).unwrap().0.size("user:1"), 40);
    });
}

#[test]
fn the_builder_chooses_the_options_of_the_empty_store_too() {
    let folder = Folder::new();
    let builder = || Store::builder().limits(Limits::default().max_string(3));
    let stores =
        [builder().load_or_new(folder.file()).unwrap(), builder().load_newest_or_new(folder.file()).unwrap().0];
    for store in stores {
        assert!(matches!(store.set("k", "f", "long"), Err(Error::ValueTooLong { .. })));
    }
}

#[test]
fn nothing_but_an_absent_file_is_taken_for_one() {
    let folder = Folder::new();
    let refused = |path: &Path| {
        let told = io_error(Store::load_or_new(path));
        assert_eq!(io_error(Store::load_newest(path)), told);
        assert_eq!(io_error(Store::load_newest_or_new(path)), told);
        told
    };
    assert_eq!(refused(&folder.path().join("missing").join("store.hashlet")), ErrorKind::NotFound);
    for no_file in ["", ".", "..", "/", "missing/", "missing/."] {
        assert_eq!(refused(Path::new(no_file)), ErrorKind::InvalidInput, "{no_file}");
    }
    fs::write(folder.file(), "").unwrap();
    assert!(Store::load_or_new(folder.file()).is_err(), "an empty file is no snapshot");
    assert!(Store::load_newest_or_new(folder.file()).is_err());
    save_all(&folder.path().join("whole"), &[1]);
    let whole = fs::read(folder.path().join("whole")).unwrap();
    for length in [1, 20, whole.len() - 1] {
        fs::write(folder.file(), &whole[..length]).unwrap();
        assert!(Store::load_or_new(folder.file()).is_err(), "{length} bytes");
        assert!(Store::load_newest_or_new(folder.file()).is_err(), "{length} bytes");
    }
    fs::remove_file(folder.file()).unwrap();
    fs::create_dir(folder.file()).unwrap();
    assert_eq!(io_error(Store::load_or_new(folder.file())), ErrorKind::IsADirectory);
    assert!(matches!(Store::load_newest_or_new(folder.file()), Err(SnapshotError::NoneLoaded { .. })));
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_no_absent_file() {
    let folder = Folder::new();
    std::os::unix::fs::symlink("elsewhere", folder.file()).unwrap();
    assert_eq!(io_error(Store::load_or_new(folder.file())), ErrorKind::NotFound);
    assert!(matches!(Store::load_newest_or_new(folder.file()), Err(SnapshotError::NoneLoaded { .. })));
    save_all(&folder.path().join("elsewhere"), &[1]);
    assert_eq!(visits(&Store::load_or_new(folder.file()).unwrap()).as_deref(), Some("1"));
}

#[test]
fn the_last_snapshots_are_kept_in_order_of_their_numbers() {
    let folder = Folder::new();
    let store = Store::new();
    for number in 0..7 {
        store.set("user:1", "visits", number.to_string()).unwrap();
        store.save_with(folder.file(), SaveOptions::new().keep(3).sync(number % 2 == 0)).unwrap();
        let newest = Store::load_newest(folder.file()).unwrap();
        assert_eq!((visits(&newest.0), newest.1.path), (Some(number.to_string()), Some(folder.file())));
    }
    let names = ["store.hashlet", "store.hashlet.000005.old", "store.hashlet.000006.old", "store.hashlet.lock"];
    assert_eq!(folder.names(), names);
    assert_eq!(visits(&Store::load(old(&folder, 6)).unwrap()).as_deref(), Some("5"));
    assert_eq!(visits(&Store::load(old(&folder, 5)).unwrap()).as_deref(), Some("4"));

    store.save(folder.file()).unwrap();
    assert_eq!(folder.names(), names, "a save that keeps none removes none");
    store.save_with(folder.file(), SaveOptions::new().keep(2)).unwrap();
    assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.000007.old", "store.hashlet.lock"]);
    for options in [SaveOptions::new().keep(0), SaveOptions::new().keep(1)] {
        store.save_with(folder.path().join("another"), options).unwrap();
    }
    assert_eq!(folder.names()[..2], ["another", "another.lock"]);
}

#[test]
fn a_save_interrupted_between_its_two_names_keeps_no_snapshot_twice() {
    let folder = Folder::new();
    save_all(&folder.file(), &[1, 2]);
    // As after a kill between the link and the rename.
    fs::hard_link(folder.file(), old(&folder, 2)).unwrap();
    let store = Store::new();
    store.set("user:1", "visits", "3").unwrap();
    store.save_with(folder.file(), SaveOptions::new().keep(3)).unwrap();
    let names = ["store.hashlet", "store.hashlet.000001.old", "store.hashlet.000003.old", "store.hashlet.lock"];
    assert_eq!(folder.names(), names);
    assert_eq!(visits(&Store::load(old(&folder, 3)).unwrap()).as_deref(), Some("2"));
}

#[test]
fn the_newest_whole_snapshot_is_loaded_and_the_others_are_named() {
    let folder = Folder::new();
    save_all(&folder.file(), &[1, 2, 3, 4]);
    let load = || Store::load_newest(folder.file());
    let names = |report: &LoadReport| report.passed_over.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    flip_a_bit(&folder.file());
    let (store, report) = load().unwrap();
    assert_eq!(visits(&store).as_deref(), Some("3"));
    assert_eq!((report.path.clone(), names(&report)), (Some(old(&folder, 3)), vec![folder.file()]));
    let (_, error) = &report.passed_over[0];
    assert!(matches!(error, SnapshotError::Corrupt { path: Some(path), .. } if *path == folder.file()), "{error}");

    fs::write(old(&folder, 3), "another program's").unwrap();
    fs::remove_file(folder.file()).unwrap();
    let (store, report) = load().unwrap();
    assert_eq!(visits(&store).as_deref(), Some("2"));
    assert_eq!(names(&report), [folder.file(), old(&folder, 3)]);
    assert!(matches!(&report.passed_over[0].1, SnapshotError::Io(error) if error.kind() == ErrorKind::NotFound));
    assert!(matches!(&report.passed_over[1].1, SnapshotError::NotASnapshot));
    let (store, report) = Store::load_newest_or_new(folder.file()).unwrap();
    assert_eq!((visits(&store).as_deref(), names(&report).len()), (Some("2"), 2));

    flip_a_bit(&old(&folder, 1));
    flip_a_bit(&old(&folder, 2));
    let before = folder.names();
    for result in [load(), Store::load_newest_or_new(folder.file())] {
        let error = result.map(drop).unwrap_err();
        let told = error.to_string();
        let SnapshotError::NoneLoaded { tried } = error else { panic!("{told}") };
        let paths: Vec<_> = tried.into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, [folder.file(), old(&folder, 3), old(&folder, 2), old(&folder, 1)]);
        assert!(paths.iter().all(|path| told.contains(&format!("{path:?}"))), "{told}");
    }
    assert_eq!(folder.names(), before, "the files stay as they are");
}

#[test]
fn a_whole_snapshot_is_never_passed_over() {
    let folder = Folder::new();
    save_all(&folder.file(), &[1, 2_000]);
    let load = || Store::builder().limits(Limits::default().max_string(6)).load_newest(folder.file());
    assert_eq!(visits(&load().unwrap().0).as_deref(), Some("2000"));
    let small = || Store::builder().limits(Limits::default().max_string(3)).load_newest(folder.file());
    let Err(SnapshotError::NoneLoaded { tried }) = small().map(drop) else { panic!("an older one fits") };
    assert!(matches!(&*tried, [(path, SnapshotError::TooLarge(_))] if *path == folder.file()), "{tried:?}");

    let mut later = fs::read(folder.file()).unwrap();
    later[8] += 1; // the version follows eight bytes of magic
    fs::write(folder.file(), later).unwrap();
    let Err(SnapshotError::NoneLoaded { tried }) = load().map(drop) else { panic!("it is of a later version") };
    assert!(matches!(&*tried, [(_, SnapshotError::UnsupportedVersion { .. })]), "{tried:?}");
}

#[test]
fn a_damaged_file_counts_among_those_that_are_kept() {
    let folder = Folder::new();
    save_all(&folder.file(), &[1, 2]);
    flip_a_bit(&folder.file());
    let (store, _) = Store::load_newest(folder.file()).unwrap();
    store.save_with(folder.file(), SaveOptions::new().keep(3)).unwrap();
    assert_eq!(visits(&Store::load(folder.file()).unwrap()).as_deref(), Some("1"));
    assert!(Store::load(old(&folder, 2)).is_err());
    assert_eq!(visits(&Store::load(old(&folder, 1)).unwrap()).as_deref(), Some("1"));
}

#[test]
fn what_cannot_be_kept_is_refused_and_changes_nothing() {
    let folder = Folder::new();
    let store = Store::new();
    let long = folder.path().join("n".repeat(96));
    store.save(&long).unwrap();
    let before = fs::read(&long).unwrap();
    store.set("user:1", "visits", "1").unwrap();
    assert_eq!(io_error(store.save_with(&long, SaveOptions::new().keep(2))), ErrorKind::InvalidInput);
    assert_eq!(fs::read(&long).unwrap(), before);
    let unlocked = SaveOptions::new().lock(false).keep(2);
    assert_eq!(io_error(store.save_with(folder.file(), unlocked)), ErrorKind::InvalidInput);
    assert!(!folder.file().exists());
    assert_eq!(Store::load_newest(&long).unwrap().1.path, Some(long));
}

#[test]
fn a_save_without_a_lock_leaves_nothing_but_the_file() {
    let folder = Folder::new();
    let store = Store::new();
    for turn in 0..3 {
        store.set("user:1", "visits", turn.to_string()).unwrap();
        store.save_with(folder.file(), SaveOptions::new().lock(false)).unwrap();
        assert_eq!(folder.names(), ["store.hashlet"]);
        assert_eq!(visits(&Store::load(folder.file()).unwrap()), Some(turn.to_string()));
    }
    let failed = store.save_with(folder.path().join("missing/store"), SaveOptions::new().lock(false));
    assert_eq!(io_error(failed), ErrorKind::NotFound);
}

#[test]
fn saves_without_a_lock_at_the_same_time_leave_a_whole_file() {
    let folder = Folder::in_memory();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let folder = &folder;
            scope.spawn(move || {
                let store = Store::new();
                store.set("user:1", "visits", thread.to_string()).unwrap();
                for _ in 0..20 {
                    store.save_with(folder.file(), SaveOptions::new().lock(false).sync(false)).unwrap();
                    assert!(visits(&Store::load(folder.file()).unwrap()).is_some());
                }
            });
        }
    });
    assert_eq!(folder.names(), ["store.hashlet"]);
}
