//! The older snapshots that a replacement keeps: after any crash and any failure, all that should be kept are there.

use std::path::PathBuf;

use super::disk::Kind::{
    Access, Compare, Create, Link, List, Lock, LookAtFile, LookAtLock, LookAtPath, Remove, Rename, SetAccess, Sync,
    SyncFolder, Write as Writes,
};
use super::disk::{DEFAULT_MODE, Failure, Fault, Kind, SimulatedDisk};
use super::*;
use crate::random::Random;
use crate::{SaveOptions, Store};

fn replace_keeping(disk: &SimulatedDisk, keep: usize, sync: bool, bytes: &[u8]) -> Result<(), SnapshotError> {
    let mut path = SavePath::lock(disk, Path::new(PATH))?;
    path.keep(keep)?;
    path.replace(sync, |file| Ok(file.write_all(bytes)?))
}

/// The contents of the snapshots, the newest first.
fn kept(disk: &SimulatedDisk) -> Vec<Vec<u8>> {
    let path = Path::new(PATH);
    let older = crate::snapshot::file::older(disk, path).unwrap();
    std::iter::once(path.to_owned()).chain(older).filter_map(|path| disk.bytes(path)).collect()
}

/// The same, without a snapshot that has two names.
fn kept_once(disk: &SimulatedDisk) -> Vec<Vec<u8>> {
    let mut kept = kept(disk);
    kept.dedup();
    kept
}

fn contents(seed: usize) -> Vec<u8> {
    pattern(seed, 600 + seed)
}

/// A disk on which this many snapshots were made, the last of them with the highest number, and settled.
fn with_snapshots(keep: usize, count: usize) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    for n in 0..count {
        replace_keeping(&disk, keep, true, &contents(n)).unwrap();
    }
    disk.settle();
    disk
}

/// The contents of the snapshots with these numbers, and of those before them, as many as are kept.
fn expected(keep: usize, newest: usize) -> Vec<Vec<u8>> {
    (0..=newest).rev().take(keep).map(contents).collect()
}

#[test]
fn the_last_ones_are_kept_and_no_more() {
    for keep in 1..5 {
        let disk = SimulatedDisk::new();
        for n in 0..8 {
            replace_keeping(&disk, keep, n % 2 == 0, &contents(n)).unwrap();
            assert_eq!(kept(&disk), expected(keep, n));
            assert_eq!(disk.paths().len(), keep.min(n + 1) + 1, "these and the lock file");
        }
    }
}

#[test]
fn the_second_name_is_synced_before_the_new_file_gets_its_own() {
    let disk = with_snapshots(2, 3);
    replace_keeping(&disk, 2, true, &contents(3)).unwrap();
    let operations = disk.operations();
    assert_eq!(operations[..7], [Access, Lock, LookAtLock, List, Access, Create, SetAccess]);
    assert_eq!(operations[7..15], [Writes, Sync, LookAtLock, LookAtPath, List, Compare, Link, SyncFolder]);
    assert_eq!(operations[15..], [LookAtFile, Rename, SyncFolder, List, Remove]);
    assert_eq!(disk.paths()[1..3], ["folder/store.hashlet.000003.old", "folder/store.hashlet.lock"].map(PathBuf::from));
}

#[test]
fn a_replacement_that_keeps_nothing_leaves_older_ones_alone() {
    let disk = with_snapshots(3, 3);
    replace_keeping(&disk, 1, true, &contents(3)).unwrap();
    assert_eq!(kept(&disk), [3, 1, 0].map(contents), "the one between was not kept");
    replace_keeping(&disk, 2, true, &contents(4)).unwrap();
    assert_eq!(kept(&disk), [4, 3].map(contents));
}

#[test]
fn a_loss_of_power_loses_none_that_should_be_kept() {
    for keep in 2..4 {
        for before in [0, 1, 2, 5] {
            let disk = with_snapshots(keep, before);
            replace_keeping(&disk, keep, true, &contents(before)).unwrap();
            let operations = disk.operations();
            for done in 0..=operations.len() {
                disk.each_image(done, |image| {
                    let left = kept_once(image);
                    let old = before.checked_sub(1).map_or(Vec::new(), |newest| expected(keep, newest));
                    let is_whole = left.starts_with(&old) || left.starts_with(&expected(keep, before));
                    assert!(is_whole, "{keep}, {before}, {:?}: {:?}", &operations[..done], image.paths());
                    assert!(done < operations.len() || left.starts_with(&expected(keep, before)));
                    let mut possible = left;
                    replace_keeping(image, keep, true, b"new").unwrap();
                    possible.insert(0, b"new".to_vec());
                    possible.truncate(keep);
                    assert_eq!(kept(image), possible);
                    assert_eq!(image.paths().len(), possible.len() + 1, "these and the lock file");
                });
            }
        }
    }
}

#[test]
fn a_failure_loses_none_that_should_be_kept() {
    const KEEP: usize = 3;
    let trial = with_snapshots(KEEP, 5);
    replace_keeping(&trial, KEEP, true, &contents(5)).unwrap();
    for number in 0..trial.operations().len() {
        for is_sticky in [false, true] {
            let disk = with_snapshots(KEEP, 5);
            let fault = Fault::after(number, Failure::Damaged);
            disk.fail(Some(if is_sticky { fault.sticky() } else { fault }));
            let result = replace_keeping(&disk, KEEP, true, &contents(5));
            disk.fail(None);
            let kinds = disk.operations();
            let told = format!("{:?} at {number}: {result:?}", kinds[number]);
            let newest = if kept(&disk)[0] == contents(5) { 5 } else { 4 };
            assert!(result.is_err() || newest == 5, "{told}");
            assert!(kept_once(&disk).starts_with(&expected(KEEP, newest)), "{told}");
            // Then another one succeeds, and loses none even if the power fails.
            replace_keeping(&disk, KEEP, true, b"new").expect(&told);
            let mut all = expected(KEEP - 1, newest);
            all.insert(0, b"new".to_vec());
            assert_eq!(kept(&disk), all, "{told}");
            let mut random = Random::seeded(number as u64);
            for _ in 0..200 {
                let done = kinds.len() + random.below(disk.operations().len() - kinds.len() + 1);
                let left = kept_once(&disk.random_image(done, &mut random));
                let possible = [expected(KEEP, 4), expected(KEEP, 5), all.clone()];
                // If the folder could not be synced after a rename, its file may be back under the older name alone.
                let is_there = |possible: &Vec<Vec<u8>>| possible.iter().all(|one| left.contains(one));
                assert!(possible.iter().any(is_there), "{told}: {}", left.len());
                assert!(possible.iter().any(|possible| left[0] == possible[0]), "{told}");
            }
        }
    }
}

#[test]
fn crashes_and_failures_in_a_row_lose_none_that_should_be_kept() {
    for seed in 0..scaled(10_000) {
        let mut random = Random::seeded(seed as u64);
        let keep = 2 + random.below(3);
        let mut disk = with_snapshots(keep, random.below(6));
        let mut possible = kept(&disk);
        for turn in 0..6 {
            let new = pattern(100 + turn, 300);
            if random.below(3) == 0 {
                disk.fail(Some(Fault::after(random.below(22), Failure::Damaged)));
            }
            let result = replace_keeping(&disk, keep, true, &new);
            disk.fail(None);
            let operations = disk.operations().len();
            let done = if random.below(2) == 0 { operations } else { random.below(operations + 1) };
            let with_new = || std::iter::once(new.clone()).chain(possible.iter().take(keep - 1).cloned()).collect();
            let image = disk.random_image(done, &mut random);
            let left = kept_once(&image);
            let all: Vec<_> = with_new();
            let is_new = left.starts_with(&all);
            assert!(is_new || left.starts_with(&possible), "seed {seed}, turn {turn}: {:?}", image.paths());
            assert!(is_new || result.is_err() || done < operations, "seed {seed}, turn {turn}: it is lost");
            possible = if is_new { all } else { possible };
            disk = image;
        }
    }
}

#[test]
fn only_names_with_a_number_are_taken_for_older_snapshots() {
    let not_older = [
        "elsewhere/store.hashlet.000001.old",
        "folder/other.hashlet.000001.old",
        "folder/store.hashlet.old",
        "folder/store.hashlet..old",
        "folder/store.hashlet.1.old",
        "folder/store.hashlet.00001.old",
        "folder/store.hashlet.0000001.old",
        "folder/store.hashlet.+00001.old",
        "folder/store.hashlet.00000a.old",
        "folder/store.hashlet.000001",
        "folder/store.hashlet.000001.old.old",
        "folder/store.hashlet.18446744073709551616.old",
        "folder/store.hashlet-000001.old",
    ];
    let disk = SimulatedDisk::new();
    not_older.iter().for_each(|path| disk.put(path, b"another's", DEFAULT_MODE));
    for n in 0..4 {
        replace_keeping(&disk, 2, true, &contents(n)).unwrap();
    }
    assert_eq!(kept(&disk), [3, 2].map(contents));
    assert_eq!(disk.bytes("folder/store.hashlet.000003.old"), Some(contents(2)));
    not_older.iter().for_each(|path| assert_eq!(disk.bytes(path).as_deref(), Some(&b"another's"[..]), "{path}"));
    assert_eq!(disk.paths().len(), not_older.len() + 3);
}

#[test]
fn numbers_are_compared_as_numbers_and_can_run_out() {
    let disk = SimulatedDisk::new();
    disk.put(PATH, b"newest", DEFAULT_MODE);
    for (number, bytes) in [("999999", b"9"), ("1000000", b"a")] {
        disk.put(format!("{PATH}.{number}.old"), bytes, DEFAULT_MODE);
    }
    replace_keeping(&disk, 3, true, b"new").unwrap();
    assert_eq!(kept(&disk), [&b"new"[..], b"newest", b"a"]);
    disk.put(format!("{PATH}.{}.old", u64::MAX), b"last", DEFAULT_MODE);
    assert!(matches!(replace_keeping(&disk, 3, true, b"newer"), Err(SnapshotError::Io(_))));
    assert_eq!(kept(&disk), [&b"new"[..], b"last", b"newest", b"a"], "nothing was changed");
    assert!(!disk.paths().iter().any(|path| path.extension().is_some_and(|ending| ending == "tmp")));
}

#[test]
fn what_cannot_be_kept_is_refused_before_anything_is_written() {
    let disk = SimulatedDisk::new();
    let long = format!("folder/{}", "n".repeat(96));
    let refused = |result: Result<(), SnapshotError>| matches!(result, Err(SnapshotError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidInput);
    assert!(refused(SavePath::lock(&disk, Path::new(&long)).unwrap().keep(2)));
    SavePath::lock(&disk, Path::new(&long)).unwrap().keep(1).unwrap();
    SavePath::lock(&disk, Path::new(&long[..long.len() - 1])).unwrap().keep(2).unwrap();
    assert!(refused(SavePath::without_lock(&disk, Path::new(PATH)).unwrap().keep(2)));
    SavePath::without_lock(&disk, Path::new(PATH)).unwrap().keep(0).unwrap();
}

#[test]
fn without_a_lock_there_is_no_lock_file_and_the_file_is_whole() {
    let disk = SimulatedDisk::new();
    let (old, new) = (contents(1), contents(2));
    disk.put(PATH, &old, DEFAULT_MODE);
    disk.put(STALE, b"half", DEFAULT_MODE);
    let replace = |disk: &SimulatedDisk| {
        let mut path = SavePath::without_lock(disk, Path::new(PATH))?;
        path.replace(true, |file| Ok(file.write_all(&new)?))
    };
    replace(&disk).unwrap();
    assert_eq!(disk.operations(), [Access, Access, Create, SetAccess, Writes, Sync, LookAtFile, Rename, SyncFolder]);
    assert_eq!(disk.paths(), [PATH, STALE].map(PathBuf::from), "nobody knows whether the other writer is alive");
    for done in 0..=disk.operations().len() {
        disk.each_image(done, |image| {
            let left = image.bytes(PATH).unwrap();
            assert!(left == new || (left == old && done < disk.operations().len()));
        });
    }
}

#[test]
fn a_writer_without_a_lock_gives_way_to_one_with_it() {
    let disk = SimulatedDisk::new();
    let result = SavePath::without_lock(&disk, Path::new(PATH)).unwrap().replace(true, |file| {
        file.write_all(b"half of it")?;
        super::replace(&disk, PATH, true, b"another's")
    });
    assert!(matches!(result, Err(SnapshotError::Io(_))), "{result:?}");
    assert_eq!(kept(&disk), [b"another's"]);
}

#[test]
fn the_newest_snapshot_that_can_be_read_is_loaded() {
    let save = |disk: &SimulatedDisk, store: &Store| {
        let mut path = SavePath::lock(disk, Path::new(PATH)).unwrap();
        store.replace(&mut path, &store.save_turn().unwrap(), SaveOptions::new().keep(3)).unwrap();
    };
    let disk = SimulatedDisk::new();
    let store = Store::builder().shards(1).build();
    for n in 0..3 {
        store.set("user:1", "visits", n.to_string()).unwrap();
        save(&disk, &store);
    }
    let load = || Store::builder().shards(1).load_newest_on(&disk, Path::new(PATH));
    let paths = [PATH, "folder/store.hashlet.000002.old", "folder/store.hashlet.000001.old"].map(PathBuf::from);
    let begun = disk.operations().len();
    load().unwrap();
    let reads = disk.operations()[begun..].iter().filter(|one| **one == Kind::Read).count();
    for (kind, at) in [(Kind::Open, 0), (Kind::Read, 0), (Kind::Read, reads - 1)] {
        disk.fail(Some(Fault::after(at, Failure::Damaged).of(kind)));
        let (loaded, report) = load().unwrap().unwrap();
        assert_eq!(loaded.get("user:1", "visits").as_deref(), Some(&b"1"[..]));
        assert_eq!(report.path.as_ref(), Some(&paths[1]));
        let [(passed_over, SnapshotError::Io(_))] = &*report.passed_over else { panic!("{report:?}") };
        assert_eq!(passed_over, &paths[0]);
    }
    disk.fail(Some(Fault::after(0, Failure::Damaged).of(Kind::Open).sticky()));
    let Err(SnapshotError::NoneLoaded { tried }) = load().map(drop) else { panic!("nothing can be read") };
    assert!(tried.iter().map(|(path, _)| path).eq(&paths), "{tried:?}");
    disk.fail(Some(Fault::after(0, Failure::Damaged).of(Kind::Access).sticky()));
    assert!(matches!(load(), Err(SnapshotError::NoneLoaded { tried }) if tried.len() == 3));
    disk.fail(None);
    assert!(Store::builder().load_newest_on(&disk, Path::new("folder/another")).unwrap().is_none());
}
