//! Files and other things at a path and beside it, and changes of them during a save.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use hashlet::{Autosave, AutosavePolicy, SaveOptions, SnapshotError, Store};

use crate::process::make_pipe;
use crate::support::folder::Folder;
use crate::{alone, name, store};

/// Runs a call that must not wait. The time limit only ends a test that hangs.
fn at_once<R: Send + 'static>(call: impl FnOnce() -> R + Send + 'static) -> R {
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(call()));
    receiver.recv_timeout(Duration::from_secs(60)).expect("it does not wait")
}

/// Returns why a store cannot be saved to a path. A call and an autosave have to give the same reason.
fn refused(path: &Path) -> ErrorKind {
    let (store, path) = (store("new"), path.to_owned());
    let kind = |result: Result<(), SnapshotError>| match result {
        Err(SnapshotError::Io(error)) => error.kind(),
        other => panic!("{other:?}"),
    };
    at_once(move || {
        let told = kind(store.save(&path).map(drop));
        let policy = AutosavePolicy::after(Duration::from_secs(3600));
        assert_eq!(kind(Autosave::start(store, &path, policy).map(drop)), told);
        told
    })
}

/// Makes everything in a folder that is no regular file, and returns the paths, each with the error for it.
fn make_no_files(path: &Path) -> Vec<(PathBuf, ErrorKind)> {
    let [folder, pipe, socket, device] = ["folder", "pipe", "socket", "device"].map(|kind| path.join(kind));
    fs::create_dir(&folder).unwrap();
    make_pipe(&pipe);
    UnixListener::bind(&socket).unwrap();
    symlink("/dev/null", &device).unwrap();
    let of_pipe = path.join("link");
    symlink(&pipe, &of_pipe).unwrap();
    let others = [pipe, socket, device, of_pipe].map(|path| (path, ErrorKind::InvalidInput));
    [vec![(folder, ErrorKind::IsADirectory)], others.to_vec()].concat()
}

#[test]
fn a_path_that_is_no_regular_file_is_refused_and_gets_no_lock_file() {
    let _alone = alone();
    let folder = Folder::new();
    let paths = make_no_files(folder.path());
    let before = folder.names();
    for (path, told) in paths {
        assert_eq!(refused(&path), told, "{path:?}");
    }
    assert_eq!(refused(&folder.path().join("missing/store.hashlet")), ErrorKind::NotFound);
    assert_eq!(refused(&folder.path().join("device/store.hashlet")), ErrorKind::NotADirectory);
    assert_eq!(folder.names(), before);
}

#[test]
fn a_lock_file_that_is_no_file_is_refused_without_waiting() {
    let _alone = alone();
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    store("old").save(folder.file()).unwrap();
    let lock = folder.path().join("store.hashlet.lock");
    for (path, told) in make_no_files(elsewhere.path()) {
        fs::remove_file(&lock).unwrap();
        symlink(&path, &lock).unwrap();
        assert_eq!(refused(&folder.file()), told, "{path:?}");
    }
    fs::remove_file(&lock).unwrap();
    make_pipe(&lock);
    assert_eq!(refused(&folder.file()), ErrorKind::InvalidInput, "a pipe itself");
    assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.lock"]);
    assert_eq!(name(folder.file()), "old");
}

#[test]
fn a_lock_file_that_is_a_link_serves_if_it_leads_to_a_file() {
    let _alone = alone();
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let (lock, target) = (folder.path().join("store.hashlet.lock"), elsewhere.path().join("lock"));
    symlink(&target, &lock).unwrap();
    assert_eq!(refused(&folder.file()), ErrorKind::InvalidInput);
    assert_eq!(elsewhere.names(), [""; 0], "no file was made where the link leads");
    fs::write(&target, "").unwrap();
    store("new").save(folder.file()).unwrap();
    assert_eq!(name(folder.file()), "new");
}

#[test]
fn a_snapshot_is_loaded_from_a_pipe() {
    let _alone = alone();
    let folder = Folder::new();
    let mut snapshot = Vec::new();
    store("new").save_to(&mut snapshot).unwrap();
    let pipe = folder.path().join("pipe");
    make_pipe(&pipe);
    let write = {
        let pipe = pipe.clone();
        thread::spawn(move || fs::File::options().write(true).open(pipe).unwrap().write_all(&snapshot))
    };
    assert_eq!(at_once(move || name(pipe)), "new");
    write.join().unwrap().unwrap();
}

#[test]
fn a_file_name_may_be_as_long_as_the_system_allows() {
    let _alone = alone();
    for length in [1, 95, 96, 143, 208, 244, 245, 250, 251, 255] {
        let folder = Folder::new();
        let path = folder.path().join("n".repeat(length));
        for name in ["old", "new"] {
            store(name).save(&path).unwrap_or_else(|error| panic!("{length}: {error}"));
        }
        assert_eq!((name(&path).as_str(), folder.names().len()), ("new", 2), "the file and its lock file");
    }
    let folder = Folder::new();
    assert!(matches!(store("new").save(folder.path().join("n".repeat(256))), Err(SnapshotError::Io(_))));
    assert_eq!(folder.names(), [""; 0], "what cannot be saved gets no lock file");
}

#[test]
fn a_save_ends_where_it_began_when_the_current_folder_changes() {
    let _alone = alone();
    let (folder, elsewhere, before) = (Folder::new(), Folder::new(), std::env::current_dir().unwrap());
    std::env::set_current_dir(folder.path()).unwrap();
    let options = SaveOptions::new().progress(|_| std::env::set_current_dir(elsewhere.path()).unwrap());
    let saved = store("new").save_with("store.hashlet", options);
    std::env::set_current_dir(before).unwrap();
    saved.unwrap();
    assert_eq!(name(folder.file()), "new");
    assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.lock"]);
    assert_eq!(elsewhere.names(), [""; 0]);
}

/// As when two containers on one volume have the same process number, and the lock file is removed meanwhile.
#[test]
fn whoever_loses_the_lock_file_is_refused_and_the_others_file_is_whole() {
    let _alone = alone();
    for is_sync in [true, false] {
        let folder = Folder::new();
        store("old").save(folder.file()).unwrap();
        let mut others = None;
        let options = SaveOptions::new().sync(is_sync).progress(|_| {
            if others.is_none() {
                fs::remove_file(folder.path().join("store.hashlet.lock")).unwrap();
                others = Some(store("the other's").save(folder.file()).unwrap());
            }
        });
        let refused = store("this").save_with(folder.file(), options);
        assert!(matches!(refused, Err(SnapshotError::Locked)), "{refused:?}");
        assert!(others.is_some());
        assert_eq!(name(folder.file()), "the other's");
        assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.lock"]);
        store("new").save(folder.file()).unwrap();
        assert_eq!(name(folder.file()), "new");
    }
}

#[test]
fn an_autosave_that_loses_its_lock_file_to_another_store_leaves_the_file_to_it() {
    let _alone = alone();
    let folder = Folder::new();
    let policy = AutosavePolicy::after(Duration::from_secs(3600));
    let first = Autosave::start(store("first"), folder.file(), policy).unwrap();
    fs::remove_file(folder.path().join("store.hashlet.lock")).unwrap();
    let second = Autosave::start(store("second"), folder.file(), policy).unwrap();
    second.save().unwrap();
    let is_locked = |error: Arc<SnapshotError>| matches!(&*error, SnapshotError::Locked);
    assert!(first.save().is_err_and(is_locked));
    assert!(first.close().is_err_and(is_locked));
    assert_eq!(name(folder.file()), "second");
    assert!(second.close().unwrap().is_none());
    assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.lock"]);
    assert!(Store::load(folder.file()).is_ok());
}

#[test]
fn a_load_of_the_newest_snapshot_waits_for_no_pipe() {
    let _alone = alone();
    let folder = Folder::new();
    make_pipe(&folder.file());
    let load = |path: PathBuf| at_once(move || Store::load_newest(path));
    let Err(SnapshotError::NoneLoaded { tried }) = load(folder.file()).map(drop) else { panic!("a pipe was loaded") };
    assert!(matches!(&*tried, [(_, SnapshotError::Io(error))] if error.kind() == ErrorKind::InvalidInput));
    let old = |number: u32| folder.path().join(format!("store.hashlet.{number:06}.old"));
    make_pipe(&old(2));
    store("kept").save_with(old(1), SaveOptions::new().lock(false)).unwrap();
    let (loaded, report) = load(folder.file()).unwrap();
    assert_eq!(loaded.get("store", "name").as_deref(), Some(&b"kept"[..]));
    assert_eq!((report.path, report.passed_over.len()), (Some(old(1)), 2));
}
