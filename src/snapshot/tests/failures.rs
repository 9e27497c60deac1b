//! Each operation of the disk fails in each possible way.

use super::disk::{DEFAULT_MODE, Failure, Fault, Kind, SimulatedDisk};
use super::*;

/// A disk with an old file and a dead writer's temporary, the old file's bytes, and the operations of a replacement.
fn prepared() -> (SimulatedDisk, Vec<u8>, Vec<Kind>) {
    let old = pattern(1, 1_500);
    let prepare = || {
        let disk = SimulatedDisk::new();
        disk.put(PATH, &old, 0o640);
        disk.put(STALE, b"half", DEFAULT_MODE);
        disk
    };
    let trial = prepare();
    replace(&trial, PATH, true, &pattern(2, LENGTH)).unwrap();
    let operations = trial.operations();
    (prepare(), old, operations)
}

fn temporaries(disk: &SimulatedDisk) -> usize {
    disk.paths().iter().filter(|path| path.extension().is_some_and(|ending| ending == "tmp")).count()
}

/// Asserts that after a failure the disk shows the old file, or the new one if it was in place. A loss of power must
/// leave one of the two. On the healed disk, another replacement must succeed, outlast a loss of power and leave no
/// temporary.
fn assert_recovers(disk: &SimulatedDisk, old: &[u8], new: &[u8], is_in_place: bool, told: &str) {
    assert_eq!(disk.bytes(PATH).as_deref(), Some(if is_in_place { new } else { old }), "{told}");
    disk.each_image(disk.operations().len(), |image| {
        let left = image.bytes(PATH).expect("the old file was there for long");
        assert!(left == old || (is_in_place && left == new), "{told}: {left:?}");
    });
    disk.fail(None);
    replace(disk, PATH, true, new).expect(told);
    assert_eq!((disk.bytes(PATH).as_deref(), disk.mode(PATH)), (Some(new), Some(0o640)), "{told}");
    assert_eq!(temporaries(disk), 0, "{told}");
    let mut random = crate::random::Random::seeded(1);
    for _ in 0..100 {
        let image = disk.random_image(disk.operations().len(), &mut random);
        assert_eq!(image.bytes(PATH).as_deref(), Some(new), "{told}");
    }
}

/// What the disk has said.
fn cause(error: &SnapshotError) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

#[test]
fn an_operation_that_fails_once_leaves_the_old_file_and_no_temporary() {
    let new = pattern(2, LENGTH);
    for (number, kind) in prepared().2.into_iter().enumerate() {
        for failure in [Failure::Damaged, Failure::NoSpace, Failure::Interrupted] {
            let told = format!("{failure:?} at {number}, {kind:?}");
            let (disk, old, _) = prepared();
            disk.fail(Some(Fault::after(number, failure)));
            let result = replace(&disk, PATH, true, &new);
            let is_harmless = kind == Kind::Remove || (kind, failure) == (Kind::Write, Failure::Interrupted);
            match result {
                Ok(()) => assert!(is_harmless, "{told} is not told"),
                Err(error) => assert!(!is_harmless && cause(&error).contains("fault 0"), "{told}: {error}"),
            }
            // The dead writer's temporary is left if the writer failed before its removal or at it.
            assert_eq!(temporaries(&disk), usize::from(number <= REMOVAL), "{told}");
            if is_harmless {
                disk.settle();
            }
            let is_in_place = is_harmless || kind == Kind::SyncFolder;
            assert_recovers(&disk, &old, &new, is_in_place, &told);
        }
    }
}

#[test]
fn a_disk_that_fails_for_good_leaves_the_old_file_and_tells_the_first_failure() {
    let new = pattern(2, LENGTH);
    for (number, kind) in prepared().2.into_iter().enumerate() {
        for failure in [Failure::Damaged, Failure::NoSpace, Failure::Interrupted] {
            if (kind, failure) == (Kind::Write, Failure::Interrupted) {
                continue; // it would be retried for ever
            }
            let told = format!("{failure:?} from {number} on, {kind:?}");
            let (disk, old, _) = prepared();
            disk.fail(Some(Fault::after(number, failure).sticky()));
            let error = replace(&disk, PATH, true, &new).expect_err(&told);
            let first =
                if kind == Kind::Remove { "fault 1 of a Access".into() } else { format!("fault 0 of a {kind:?}") };
            assert!(cause(&error).contains(&first), "{told}: {error}");
            assert_recovers(&disk, &old, &new, kind == Kind::SyncFolder, &told);
        }
    }
}

#[test]
fn short_and_interrupted_writes_are_continued() {
    let new = pattern(2, LENGTH);
    for number in 0..3 {
        for fault in [
            Fault::after(number, Failure::Short),
            Fault::after(number, Failure::Short).sticky(),
            Fault::after(number, Failure::Interrupted),
        ] {
            let (disk, ..) = prepared();
            disk.fail(Some(fault.of(Kind::Write)));
            replace(&disk, PATH, true, &new).unwrap();
            assert_eq!(disk.bytes(PATH).as_ref(), Some(&new), "{fault:?}");
            assert!(disk.operations().iter().filter(|&&kind| kind == Kind::Write).count() > 3, "{fault:?}");
        }
    }
}

#[test]
fn a_failed_sync_is_final_and_keeps_the_old_file() {
    let (disk, old, _) = prepared();
    disk.fail(Some(Fault::after(0, Failure::Damaged).of(Kind::Sync)));
    replace(&disk, PATH, true, &pattern(2, LENGTH)).unwrap_err();
    let operations = disk.operations();
    assert_eq!(operations[operations.len() - 2..], [Kind::Sync, Kind::Remove]);
    assert_eq!(operations.iter().filter(|&&kind| kind == Kind::Sync).count(), 1);
    assert_eq!(disk.bytes(PATH), Some(old));
}

#[test]
fn a_temporary_that_cannot_be_removed_is_removed_by_the_next_writer() {
    let (disk, old, _) = prepared();
    disk.fail(Some(Fault::after(0, Failure::Damaged).of(Kind::Remove).sticky()));
    let failed = SavePath::lock(&disk, Path::new(PATH)).unwrap().replace(true, |file| {
        file.write_all(b"half of it")?;
        Err::<(), _>(SnapshotError::Busy)
    });
    assert!(matches!(failed, Err(SnapshotError::Busy)), "the first error, not the removal's");
    assert_eq!((temporaries(&disk), disk.bytes(PATH)), (2, Some(old)));
    replace(&disk, PATH, true, b"new").expect("temporaries do not stop it");
    assert_eq!((temporaries(&disk), disk.bytes(PATH).as_deref()), (2, Some(&b"new"[..])));
    disk.fail(None);
    replace(&disk, PATH, true, b"newer").unwrap();
    assert_eq!(temporaries(&disk), 0);
}

#[test]
fn a_lock_that_could_not_be_taken_is_free_for_the_next_one() {
    let (disk, ..) = prepared();
    disk.fail(Some(Fault::after(0, Failure::Damaged).of(Kind::Lock)));
    assert!(matches!(SavePath::lock(&disk, Path::new(PATH)).map(drop), Err(SnapshotError::Io(_))));
    SavePath::lock(&disk, Path::new(PATH)).unwrap();
}
