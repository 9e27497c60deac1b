//! The replacement of a file on a disk without faults.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::disk::Kind::{
    Access, Create, List, Lock, LookAtFile, LookAtLock, Read, Remove, Rename, SetAccess, Sync, SyncFolder,
    Write as Writes,
};
use super::disk::{DEFAULT_MODE, SimulatedDisk};
use super::*;

fn assert_only(disk: &SimulatedDisk, paths: &[&str]) {
    assert_eq!(disk.paths(), paths.iter().map(PathBuf::from).collect::<Vec<_>>());
}

#[test]
fn the_new_file_is_synced_before_it_gets_its_name() {
    let disk = SimulatedDisk::new();
    disk.put(PATH, &pattern(1, LENGTH), 0o640);
    disk.put(STALE, b"half", DEFAULT_MODE);
    let new = pattern(2, LENGTH);
    replace(&disk, PATH, true, &new).unwrap();
    let operations = disk.operations();
    assert_eq!(operations[..5], [Access, Lock, LookAtLock, List, Remove]);
    assert_eq!(operations[5..11], [Access, Create, SetAccess, Writes, Writes, Writes]);
    assert_eq!(operations[11..], [Sync, LookAtLock, LookAtFile, Rename, SyncFolder]);
    assert_eq!((disk.bytes(PATH), disk.mode(PATH)), (Some(new), Some(0o640)));
    assert_only(&disk, &[PATH, "folder/store.hashlet.lock"]);
}

#[test]
fn without_sync_nothing_is_synced() {
    let disk = SimulatedDisk::new();
    let new = pattern(2, LENGTH);
    replace(&disk, PATH, false, &new).unwrap();
    let operations = disk.operations();
    assert_eq!(operations[..6], [Access, Lock, LookAtLock, List, Access, Create]);
    assert_eq!(operations[6..], [Writes, Writes, Writes, LookAtLock, LookAtFile, Rename]);
    assert_eq!((disk.bytes(PATH), disk.mode(PATH)), (Some(new), Some(DEFAULT_MODE)));
}

#[test]
fn only_temporaries_of_this_path_are_taken_for_stale() {
    // `*` stands for digits of the right number.
    let digits = "0123456789abcdef0123456789abcdef";
    let kept = [
        "elsewhere/store.hashlet.1-*.tmp",
        "folder/other.hashlet.1-*.tmp",
        "folder/store.hashlet-1-*.tmp",
        "folder/store.hashlet.+1-*.tmp",
        "folder/store.hashlet.-*.tmp",
        "folder/store.hashlet.01-*.tmp",
        "folder/store.hashlet.1-.tmp",
        "folder/store.hashlet.1-1.tmp",
        "folder/store.hashlet.1-0*.tmp",
        "folder/store.hashlet.1-+123456789abcdef0123456789abcdef.tmp",
        "folder/store.hashlet.1-123456789abcdef0123456789abcdef.tmp",
        "folder/store.hashlet.1-0123456789ABCDEF0123456789ABCDEF.tmp",
        "folder/store.hashlet.1-0123456789abcdeg0123456789abcdef.tmp",
        "folder/store.hashlet.1-*",
        "folder/store.hashlet.1-1-*.tmp",
        "folder/store.hashlet.1-*.tmp.lock",
        "folder/store.hashlet.1-*.tmp.tmp",
        "folder/store.hashlet.*.tmp",
        "folder/store.hashlet.4294967296-*.tmp",
        "folder/store.hashlet.old",
        "folder/store.hashlet.tmp",
        "folder/store.hashlet2.1-*.tmp",
        "folder/store.hashle\u{301}t.1-*.tmp",
        "store.hashlet.1-*.tmp",
    ]
    .map(|path| path.replace('*', digits));
    let stale = ["0-00000000000000000000000000000000", "1-*", "4294967295-ffffffffffffffffffffffffffffffff"];
    let disk = SimulatedDisk::new();
    kept.iter().for_each(|path| disk.put(path, b"another's", DEFAULT_MODE));
    for ending in stale {
        disk.put(format!("{PATH}.{}.tmp", ending.replace('*', digits)), b"half", DEFAULT_MODE);
    }
    replace(&disk, PATH, true, b"new").unwrap();
    kept.iter().for_each(|path| assert_eq!(disk.bytes(path).as_deref(), Some(&b"another's"[..]), "{path}"));
    assert_eq!(disk.paths().len(), kept.len() + 2, "and the file and its lock file");
}

#[test]
fn a_path_without_a_folder_is_in_the_current_one() {
    let disk = SimulatedDisk::new();
    disk.put("store.hashlet.4711-0123456789abcdef0123456789abcdef.tmp", b"half", DEFAULT_MODE);
    replace(&disk, "store.hashlet", true, b"new").unwrap();
    assert_only(&disk, &["store.hashlet", "store.hashlet.lock"]);
    let operations = disk.operations().len();
    disk.each_image(operations, |image| assert_eq!(image.bytes("store.hashlet").as_deref(), Some(&b"new"[..])));
}

#[test]
fn a_path_that_ends_in_no_name_is_refused_before_anything_is_done() {
    let disk = SimulatedDisk::new();
    for path in ["", "/", ".", "..", "folder/..", "folder/", "folder/."] {
        let Err(SnapshotError::Io(error)) = replace(&disk, path, true, b"new") else { panic!("{path} was taken") };
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{path}");
    }
    assert_eq!(disk.operations(), []);
}

#[test]
fn a_writer_that_fails_leaves_the_old_file_and_no_temporary() {
    let disk = SimulatedDisk::new();
    disk.put(PATH, b"old", DEFAULT_MODE);
    let result = SavePath::lock(&disk, Path::new(PATH)).unwrap().replace(true, |file| {
        file.write_all(b"half of it")?;
        Err::<(), _>(SnapshotError::Busy)
    });
    assert!(matches!(result, Err(SnapshotError::Busy)));
    assert_eq!(disk.operations(), [Access, Lock, LookAtLock, List, Access, Create, SetAccess, Writes, Remove]);
    assert_eq!(disk.bytes(PATH).as_deref(), Some(&b"old"[..]));
    assert_only(&disk, &[PATH, "folder/store.hashlet.lock"]);
}

#[test]
fn a_writer_that_panics_leaves_the_old_file_and_no_temporary() {
    let disk = SimulatedDisk::new();
    disk.put(PATH, b"old", DEFAULT_MODE);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        SavePath::lock(&disk, Path::new(PATH)).unwrap().replace(true, |file| {
            file.write_all(b"half of it")?;
            std::panic::resume_unwind(Box::new("the writer's panic"));
            #[expect(unreachable_code, reason = "it gives the closure its type")]
            Ok(())
        })
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"the writer's panic"));
    assert_eq!(disk.bytes(PATH).as_deref(), Some(&b"old"[..]));
    assert_only(&disk, &[PATH, "folder/store.hashlet.lock"]);
    replace(&disk, PATH, true, b"new").expect("the lock is free again");
}

#[test]
fn a_lock_held_serves_many_replacements_and_keeps_others_out() {
    let disk = SimulatedDisk::new();
    let mut locked = SavePath::lock(&disk, Path::new(PATH)).unwrap();
    for n in 0..3 {
        let length = locked.replace(true, |file| Ok(file.write(&pattern(n, 100))?)).unwrap();
        assert_eq!((length, disk.bytes(PATH)), (100, Some(pattern(n, 100))));
        assert!(matches!(replace(&disk, PATH, true, b"another's"), Err(SnapshotError::Locked)));
    }
    replace(&disk, "folder/other", true, b"another file has another lock").unwrap();
    drop(locked);
    replace(&disk, PATH, true, b"new").unwrap();
    assert_eq!(disk.bytes(PATH).as_deref(), Some(&b"new"[..]));
}

#[test]
fn what_was_written_is_what_is_read() {
    let disk = SimulatedDisk::new();
    let new = pattern(1, LENGTH);
    replace(&disk, PATH, true, &new).unwrap();
    disk.settle();
    let (mut reader, length) = disk.open(Path::new(PATH)).unwrap();
    assert_eq!(length, Some(LENGTH as u64));
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut read).unwrap();
    assert_eq!(read, new);
    assert!(disk.operations().contains(&Read));
    assert_eq!(disk.open(Path::new(STALE)).map(drop).unwrap_err().kind(), std::io::ErrorKind::NotFound);
}
