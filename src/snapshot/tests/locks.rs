//! Lock files that somebody removes or replaces while they are held. Two containers on one volume, together with a
//! clean-up of `*.lock`, can do that. A writer that loses the lock gives up, and the file is whole in any case.

use std::path::PathBuf;

use super::disk::{DEFAULT_MODE, Kind, SimulatedDisk};
use super::*;
use crate::random::Random;

const LOCK: &str = "folder/store.hashlet.lock";

/// A disk with an old file.
fn prepared() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    disk.put(PATH, b"old", DEFAULT_MODE);
    disk
}

fn lock(disk: &SimulatedDisk) -> SavePath<'_, SimulatedDisk> {
    SavePath::lock(disk, Path::new(PATH)).unwrap()
}

/// The only file that is being written.
fn temporary(disk: &SimulatedDisk) -> PathBuf {
    disk.paths().into_iter().find(|path| path.extension().is_some_and(|ending| ending == "tmp")).unwrap()
}

fn assert_left(disk: &SimulatedDisk, bytes: &[u8]) {
    assert_eq!(disk.bytes(PATH).as_deref(), Some(bytes));
    assert_eq!(disk.paths(), [PATH, LOCK].map(PathBuf::from), "the file and its lock file");
}

#[test]
fn whoever_loses_the_lock_to_another_writer_leaves_the_others_file_whole() {
    for is_sync in [true, false] {
        let disk = prepared();
        let result = lock(&disk).replace(is_sync, |file| {
            file.write_all(b"half of ")?;
            disk.remove(Path::new(LOCK))?;
            replace(&disk, PATH, is_sync, b"the other's").unwrap();
            Ok(file.write_all(b"this")?)
        });
        assert!(matches!(result, Err(SnapshotError::Locked)), "{result:?}");
        assert_left(&disk, b"the other's");
        let mut random = Random::seeded(1);
        for _ in 0..if is_sync { 300 } else { 0 } {
            let image = disk.random_image(disk.operations().len(), &mut random);
            assert_eq!(image.bytes(PATH).as_deref(), Some(&b"the other's"[..]), "whatever a loss of power takes");
        }
        replace(&disk, PATH, is_sync, b"new").expect("the next one takes the lock anew");
        assert_left(&disk, b"new");
    }
}

#[test]
fn whoever_loses_the_lock_to_a_writer_that_is_not_done_does_not_come_before_it() {
    let disk = prepared();
    let mut first = lock(&disk);
    let mut second = None;
    let result = first.replace(true, |file| {
        disk.remove(Path::new(LOCK))?;
        second = Some(lock(&disk));
        Ok(file.write_all(b"the first's")?)
    });
    assert!(matches!(result, Err(SnapshotError::Locked)));
    assert!(matches!(first.replace(true, |_| panic!("it is asked to write")), Err::<(), _>(SnapshotError::Locked)));
    assert_left(&disk, b"old");
    second.unwrap().replace(true, |file| Ok(file.write_all(b"the second's")?)).unwrap();
    assert_left(&disk, b"the second's");
    first.replace(true, |file| Ok(file.write_all(b"new")?)).expect("the lock is free again");
    assert_left(&disk, b"new");
}

#[test]
fn a_lock_file_that_is_removed_between_two_replacements_is_taken_anew_and_keeps_others_out() {
    let disk = prepared();
    let mut locked = lock(&disk);
    disk.remove(Path::new(LOCK)).unwrap();
    locked
        .replace(true, |file| {
            assert!(matches!(replace(&disk, PATH, true, b"another's"), Err(SnapshotError::Locked)));
            Ok(file.write_all(b"new")?)
        })
        .unwrap();
    assert!(matches!(replace(&disk, PATH, true, b"another's"), Err(SnapshotError::Locked)));
    drop(locked);
    assert_left(&disk, b"new");
    replace(&disk, PATH, true, b"newer").expect("the lock is free again");
}

#[test]
fn a_lock_file_that_is_removed_and_not_replaced_is_noticed_before_the_rename() {
    let disk = prepared();
    let result = lock(&disk).replace(true, |file| {
        file.write_all(b"new")?;
        Ok(disk.remove(Path::new(LOCK))?)
    });
    assert!(matches!(result, Err(SnapshotError::Locked)), "{result:?}");
    assert_eq!(disk.bytes(PATH).as_deref(), Some(&b"old"[..]));
    assert_eq!(disk.paths(), [PathBuf::from(PATH)]);
    replace(&disk, PATH, true, b"new").unwrap();
    assert_left(&disk, b"new");
}

#[test]
fn a_temporary_that_was_replaced_is_not_renamed() {
    let disk = prepared();
    let result = lock(&disk).replace(true, |file| {
        file.write_all(b"new")?;
        let temporary = temporary(&disk);
        disk.remove(&temporary)?;
        Ok(disk.create(&temporary, false)?.write_all(b"half of another's")?)
    });
    assert!(matches!(result, Err(SnapshotError::Io(_))), "{result:?}");
    assert!(!disk.operations().contains(&Kind::Rename));
    assert_left(&disk, b"old");
}

#[test]
fn a_temporary_that_was_removed_is_told() {
    let disk = prepared();
    let result = lock(&disk).replace(true, |file| {
        file.write_all(b"new")?;
        Ok(disk.remove(&temporary(&disk))?)
    });
    assert!(matches!(result, Err(SnapshotError::Io(_))), "{result:?}");
    assert_left(&disk, b"old");
}
