//! The real file system, in a folder for temporary files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::*;
use crate::snapshot::disk::SystemDisk;

/// A folder for one test. Dropping it removes it with everything in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static FOLDERS: AtomicU64 = AtomicU64::new(0);
        let name = format!("hashlet-{}-{}", std::process::id(), FOLDERS.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> PathBuf {
        self.0.join("store.hashlet")
    }

    fn lock(&self) -> PathBuf {
        self.0.join("store.hashlet.lock")
    }

    /// The only file that is being written.
    fn temporary(&self) -> PathBuf {
        let names = self.names();
        self.0.join(names.iter().find(|name| name.ends_with(".tmp")).expect("a file is being written"))
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_file_is_created_and_replaced() {
    let folder = Folder::new();
    for sync in [true, false] {
        for n in 0..3 {
            replace(&SystemDisk, folder.path(), sync, &pattern(n, LENGTH)).unwrap();
            assert_eq!(fs::read(folder.path()).unwrap(), pattern(n, LENGTH));
            assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.lock"]);
        }
    }
    let (mut file, length) = SystemDisk.open(&folder.path()).unwrap();
    let mut read = Vec::new();
    file.read_to_end(&mut read).unwrap();
    assert_eq!((read, length), (pattern(2, LENGTH), Some(LENGTH as u64)));
}

#[test]
fn stale_temporaries_are_removed_and_other_files_kept() {
    let folder = Folder::new();
    let ending = |process: &str| format!("store.hashlet.{process}-0123456789abcdef0123456789abcdef.tmp");
    for name in [&*ending("1"), &*ending("99"), &*ending("01"), "store.hashlet.old"] {
        fs::write(folder.0.join(name), b"something").unwrap();
    }
    fs::create_dir(folder.0.join(ending("2"))).unwrap();
    replace(&SystemDisk, folder.path(), true, b"new").unwrap();
    let left = [
        "store.hashlet",
        &ending("01"),
        &ending("2"), // a folder cannot be removed like a file, and does not matter
        "store.hashlet.lock",
        "store.hashlet.old",
    ];
    assert_eq!(folder.names(), left);
}

#[test]
fn a_path_that_somebody_else_has_locked_is_left_alone() {
    let folder = Folder::new();
    replace(&SystemDisk, folder.path(), true, b"old").unwrap();
    let somebody = File::open(folder.0.join("store.hashlet.lock")).unwrap();
    somebody.lock().unwrap();
    assert!(matches!(replace(&SystemDisk, folder.path(), true, b"new"), Err(SnapshotError::Locked)));
    assert_eq!(fs::read(folder.path()).unwrap(), b"old");
    drop(somebody);
    replace(&SystemDisk, folder.path(), true, b"new").unwrap();
    assert_eq!(fs::read(folder.path()).unwrap(), b"new");
}

#[test]
fn two_writers_of_one_process_keep_each_other_out() {
    let folder = Folder::new();
    let first = SavePath::lock(&SystemDisk, &folder.path()).unwrap();
    assert!(matches!(SavePath::lock(&SystemDisk, &folder.path()), Err(SnapshotError::Locked)));
    SavePath::lock(&SystemDisk, &folder.0.join("other")).unwrap();
    drop(first);
    SavePath::lock(&SystemDisk, &folder.path()).unwrap();
}

#[test]
fn many_writers_and_a_reader_find_the_file_whole() {
    let folder = Folder::new();
    let path = folder.path();
    replace(&SystemDisk, &path, false, &pattern(0, LENGTH)).unwrap();
    let replaced = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for writer in 1..4 {
            let (path, replaced) = (&path, &replaced);
            scope.spawn(move || {
                for _ in 0..100 {
                    match replace(&SystemDisk, path, false, &pattern(writer, LENGTH)) {
                        Ok(()) => drop(replaced.fetch_add(1, Relaxed)),
                        Err(error) => assert!(matches!(error, SnapshotError::Locked), "{error}"),
                    }
                }
            });
        }
        for _ in 0..300 {
            let read = fs::read(&path).unwrap();
            assert!((0..4).any(|writer| read == pattern(writer, LENGTH)), "{} bytes", read.len());
        }
    });
    assert!(replaced.into_inner() > 0);
    assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.lock"]);
}

#[test]
fn the_file_is_whole_while_somebody_removes_the_lock_file_again_and_again() {
    let folder = Folder::new();
    let (path, is_over, replaced) = (folder.path(), AtomicBool::new(false), AtomicU64::new(0));
    replace(&SystemDisk, &path, false, &pattern(0, LENGTH)).unwrap();
    let assert_whole = || {
        let read = fs::read(&path).unwrap();
        assert!((0..4).any(|writer| read == pattern(writer, LENGTH)), "{} bytes", read.len());
    };
    std::thread::scope(|scope| {
        let write = |writer| {
            for _ in 0..300 {
                // If two writers believe that they have the lock, one may remove the other's temporary.
                match replace(&SystemDisk, &path, false, &pattern(writer, LENGTH)) {
                    Ok(()) => drop(replaced.fetch_add(1, Relaxed)),
                    Err(error) => assert!(matches!(error, SnapshotError::Locked | SnapshotError::Io(_)), "{error}"),
                }
                assert_whole();
            }
        };
        let writers = [1, 2, 3].map(|writer| scope.spawn(move || write(writer)));
        scope.spawn(|| {
            while !is_over.load(Relaxed) {
                let _ = fs::remove_file(folder.lock());
                std::thread::yield_now();
            }
        });
        let ended = writers.map(std::thread::ScopedJoinHandle::join);
        is_over.store(true, Relaxed);
        assert!(ended.iter().all(Result::is_ok));
    });
    assert!(replaced.into_inner() > 0);
    replace(&SystemDisk, &path, false, &pattern(0, LENGTH)).unwrap();
    assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.lock"]);
}

#[test]
fn a_folder_in_the_place_is_an_error_before_anything_is_written() {
    let folder = Folder::new();
    let is_refused = |result: Result<(), SnapshotError>| match result {
        Err(SnapshotError::Io(error)) => error.kind() == io::ErrorKind::IsADirectory,
        _ => false,
    };
    fs::create_dir(folder.path()).unwrap();
    assert!(is_refused(SavePath::lock(&SystemDisk, &folder.path()).map(drop)));
    assert_eq!(folder.names(), ["store.hashlet"], "it has no lock file");

    fs::remove_dir(folder.path()).unwrap();
    let mut locked = SavePath::lock(&SystemDisk, &folder.path()).unwrap();
    fs::create_dir(folder.path()).unwrap();
    assert!(is_refused(locked.replace(true, |_| panic!("it is asked to write"))));
    assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.lock"]);
}

#[test]
fn a_folder_that_is_missing_is_an_error() {
    let folder = Folder::new();
    let result = replace(&SystemDisk, folder.0.join("missing/store.hashlet"), true, b"new");
    assert!(matches!(result, Err(SnapshotError::Io(error)) if error.kind() == io::ErrorKind::NotFound));
    assert_eq!(folder.names(), [""; 0]);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;
    use crate::snapshot::disk::SystemLock;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn a_lock_file_that_is_removed_while_it_is_locked_is_made_again() {
        let folder = Folder::new();
        let mut removals = 0;
        let lock = SystemLock::take_while(&folder.lock(), || {
            if removals < 3 {
                fs::remove_file(folder.lock()).unwrap();
                removals += 1;
            }
        });
        assert!(lock.unwrap().is_at(&folder.lock()).unwrap(), "the lock is that of the path");
        let removed = SystemLock::take_while(&folder.lock(), || fs::remove_file(folder.lock()).unwrap());
        assert!(matches!(removed, Err(SnapshotError::Locked)), "it is not tried for ever");
    }

    #[test]
    fn permissions_stay_as_they_are() {
        let folder = Folder::new();
        fs::write(folder.path(), b"old").unwrap();
        for kept in [0o600, 0o666, 0o640, 0o400, 0o444, 0o777] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(kept)).unwrap();
            let before = fs::metadata(folder.path()).unwrap().ino();
            let mut locked = SavePath::lock(&SystemDisk, &folder.path()).unwrap();
            let during = locked.replace(true, |_| Ok(mode(&folder.temporary()))).unwrap();
            assert_eq!((during, mode(&folder.path())), (kept, kept), "{kept:o}");
            assert_ne!(fs::metadata(folder.path()).unwrap().ino(), before, "it was replaced");
        }
    }

    #[test]
    fn a_file_that_will_not_be_public_never_is() {
        let folder = Folder::new();
        let created = SystemDisk.create(&folder.path(), true).unwrap();
        assert_eq!(created.metadata().unwrap().permissions().mode() & 0o077, 0);
    }

    #[test]
    fn a_first_file_has_the_permissions_of_any_new_one() {
        let folder = Folder::new();
        fs::write(folder.0.join("other"), b"").unwrap();
        replace(&SystemDisk, folder.path(), true, b"new").unwrap();
        assert_eq!(mode(&folder.path()), mode(&folder.0.join("other")));
    }

    #[test]
    fn a_link_is_replaced_and_what_it_led_to_kept() {
        let folder = Folder::new();
        let target = folder.0.join("target");
        fs::write(&target, b"old").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&target, folder.path()).unwrap();
        replace(&SystemDisk, folder.path(), true, b"new").unwrap();
        assert!(fs::symlink_metadata(folder.path()).unwrap().is_file());
        assert_eq!((fs::read(folder.path()).unwrap(), mode(&folder.path())), (b"new".to_vec(), 0o600));
        assert_eq!(fs::read(&target).unwrap(), b"old");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_replaced() {
        let folder = Folder::new();
        symlink("nowhere", folder.path()).unwrap();
        replace(&SystemDisk, folder.path(), true, b"new").unwrap();
        assert_eq!(folder.names(), ["store.hashlet", "store.hashlet.lock"]);
        assert_eq!(fs::read(folder.path()).unwrap(), b"new");
    }

    #[cfg(target_os = "linux")] // elsewhere the file system may insist on it
    #[test]
    fn names_need_not_be_text() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let folder = Folder::new();
        let path = folder.0.join(OsStr::from_bytes(b"st\xffre"));
        let stale = folder.0.join(OsStr::from_bytes(b"st\xffre.1-0123456789abcdef0123456789abcdef.tmp"));
        let kept = folder.0.join(OsStr::from_bytes(b"st\xffre.\xff-0123456789abcdef0123456789abcdef.tmp"));
        fs::write(&stale, b"half").unwrap();
        fs::write(&kept, b"another's").unwrap();
        replace(&SystemDisk, &path, true, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert!(!stale.exists() && kept.exists());
    }

    #[test]
    fn a_pipe_has_no_length() {
        assert_eq!(SystemDisk.open(Path::new("/dev/null")).unwrap().1, None);
    }
}
