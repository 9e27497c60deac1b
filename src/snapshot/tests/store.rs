//! A store on a disk that fails or loses power. A load always returns one of the saved stores, complete and unchanged.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::ErrorKind;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::disk::{DEFAULT_MODE, Failure, Fault, Kind, SimulatedDisk};
use super::*;
use crate::random::Random;
use crate::{Encoding, LoadOptions, SaveOptions, Store, Thresholds};

/// All that a store holds: for each key the deadline and the fields, and for each field the value and the deadline.
type Contents = BTreeMap<Vec<u8>, (Option<SystemTime>, BTreeMap<Vec<u8>, (Vec<u8>, Option<SystemTime>)>)>;

fn contents(store: &Store) -> Contents {
    #[cfg(feature = "testing")]
    store.validate();
    let hash = |key: &Vec<u8>| {
        let fields = store.read(key, |hash| {
            hash.iter().map(|(field, value)| (field.to_vec(), (value.to_vec(), hash.field_deadline(field)))).collect()
        });
        (store.deadline(key), fields)
    };
    store.keys().into_iter().map(|key| (key.clone(), hash(&key))).collect()
}

/// A store in which a hash of more than eight fields is a table.
fn new_store() -> Store {
    Store::builder().shards(4).thresholds(Thresholds::default().max_fields(8)).build()
}

fn save(store: &Store, disk: &SimulatedDisk, block_bytes: usize) -> Result<(), SnapshotError> {
    let options = SaveOptions { block_bytes, ..SaveOptions::new() };
    store.replace(&mut SavePath::lock(disk, Path::new(PATH))?, &store.save_turn()?, options).map(drop)
}

fn load(disk: &SimulatedDisk) -> Result<Contents, SnapshotError> {
    let builder = Store::builder().shards(2).thresholds(Thresholds::default().max_fields(8));
    builder.load_on(disk, Path::new(PATH), LoadOptions::new()).map(|store| contents(&store))
}

fn temporaries(disk: &SimulatedDisk) -> usize {
    disk.paths().iter().filter(|path| path.extension().is_some_and(|ending| ending == "tmp")).count()
}

/// Makes changes of all kinds: sets, replaces, removes, renames, copies, clears, converts, and sets deadlines.
fn change(store: &Store, size: usize, random: &mut Random) {
    let far = |random: &mut Random| UNIX_EPOCH + Duration::from_secs(10_000_000_000 + random.below(1_000) as u64);
    for _ in 0..size {
        let key = format!("key:{}", random.below(size));
        let field = format!("field:{}", random.below(24));
        match random.below(12) {
            0 => _ = store.clear(&key),
            1 => _ = store.rename(&key, format!("key:{}", random.below(size)), crate::Overwrite::Yes),
            2 => _ = store.copy(&key, format!("key:{}", random.below(size)), crate::Overwrite::Yes),
            3 => _ = store.remove_many(&key, (0..20).map(|n| format!("field:{n}"))),
            4 => _ = store.set_many(&key, (0..20).map(|n| (format!("field:{n}"), pattern(n + size, random.below(20))))),
            5 => _ = store.expire(&key, far(random)),
            6 => _ = store.expire_field(&key, &field, far(random)),
            _ => _ = store.set(&key, &field, pattern(random.below(250), random.below(40))),
        }
    }
}

#[test]
fn a_loss_of_power_leaves_the_old_store_or_the_new_one() {
    let store = new_store();
    store.set_many("user:1", [("name", "Ada"), ("visits", "1")]).unwrap();
    store.set_many("table", (0..12).map(|n| (format!("f{n}"), "old"))).unwrap();
    store.set("gone", "field", "value").unwrap();
    let disk = SimulatedDisk::new();
    save(&store, &disk, 1 << 16).unwrap();
    disk.put(STALE, b"half", DEFAULT_MODE);
    disk.settle();
    let old = contents(&store);

    store.set("user:1", "visits", "2").unwrap();
    store.expire_field("user:1", "visits", UNIX_EPOCH + Duration::from_secs(10_000_000_000));
    store.set("table", "f3", "new").unwrap();
    store.rename("gone", "come", crate::Overwrite::No).unwrap();
    // There are three writes, for head, items and end. With a block for each hash and each table there are six.
    for block_bytes in [1 << 16, 1] {
        let disk = disk.random_image(0, &mut Random::seeded(0));
        save(&store, &disk, block_bytes).unwrap();
        let new = contents(&store);
        assert_eq!(store.encoding("table"), Some(Encoding::Table));
        let operations = disk.operations();
        let mut seen = [0; 2];
        for done in 0..=operations.len() {
            disk.each_image(done, |image| {
                let left = load(image).unwrap_or_else(|error| panic!("{:?}: {error}", &operations[..done]));
                assert!(left == new || left == old, "{:?}: {left:?}", &operations[..done]);
                assert!(left == new || done < operations.len(), "the new store is lost");
                seen[usize::from(left == new)] += 1;
            });
        }
        assert!(seen[0] > 300 && seen[1] > 5, "too few images: {seen:?}");
    }
}

/// One of many saves in a row.
struct Saved {
    began: usize,
    ended: usize,
    contents: Contents,
    is_safe: bool,
    is_in_place: bool,
}

/// Saves in a row with changes in between. Some fail, but the next one that succeeds is complete.
fn many(store: &Store, disk: &SimulatedDisk, random: &mut Random) -> Vec<Saved> {
    let failures = [Failure::Damaged, Failure::NoSpace, Failure::Interrupted, Failure::Short];
    let saves = (0..1 + random.below(5)).map(|_| {
        change(store, 40, random);
        let contents = contents(store);
        if random.below(3) == 0 {
            let failure = failures[random.below(failures.len())];
            let fault = Fault::after(random.below(28), failure);
            // A write that is always interrupted would be retried for ever.
            let is_sticky = failure != Failure::Interrupted && random.below(2) == 0;
            disk.fail(Some(if is_sticky { fault.sticky() } else { fault }));
        }
        let began = disk.operations().len();
        let is_safe = save(store, disk, 512).is_ok();
        disk.fail(None);
        let is_in_place = load(disk).is_ok_and(|left| left == contents);
        assert!(is_in_place || !is_safe);
        Saved { began, ended: disk.operations().len(), contents, is_safe, is_in_place }
    });
    saves.collect()
}

#[test]
fn losses_of_power_between_many_saves_leave_the_last_one_that_succeeded_or_a_later_one() {
    const SCENARIO: usize = 50;
    let mut blocks = 0;
    for seed in 0..scaled(50_000).div_ceil(SCENARIO) {
        let mut random = Random::seeded(seed as u64);
        let (store, disk) = (new_store(), SimulatedDisk::new());
        change(&store, 100, &mut random);
        let saves = many(&store, &disk, &mut random);
        let operations = disk.operations();
        blocks = blocks.max(operations.iter().filter(|&&kind| kind == Kind::Write).count() / saves.len());
        for _ in 0..SCENARIO {
            let done = random.below(operations.len() + 1);
            let image = disk.random_image(done, &mut random);
            let safe = saves.iter().rposition(|one| one.is_safe && one.ended <= done);
            let left = match load(&image) {
                Err(SnapshotError::Io(error)) if error.kind() == ErrorKind::NotFound && safe.is_none() => continue,
                left => left.unwrap_or_else(|error| panic!("seed {seed}, {:?}: {error}", &operations[..done])),
            };
            let mut possible = saves[safe.unwrap_or(0)..]
                .iter()
                .filter(|one| one.began < done && (one.is_in_place || one.ended > done));
            assert!(possible.any(|one| one.contents == left), "seed {seed}, {:?}: {left:?}", &operations[..done]);
        }
    }
    assert!(blocks > 5, "{blocks} blocks a save are too few");
}

fn assert_same(left: &Contents, right: &Contents, told: &impl Debug) {
    assert!(left == right, "{told:?}: {left:?} instead of {right:?}");
}

/// A store, a disk with a snapshot of it and a dead writer's temporary, and the contents of the snapshot. The store has
/// changed since the snapshot.
fn prepared() -> (Store, SimulatedDisk, Contents) {
    let (store, disk, mut random) = (new_store(), SimulatedDisk::new(), Random::seeded(7));
    change(&store, 40, &mut random);
    save(&store, &disk, 256).unwrap();
    disk.put(STALE, b"half", DEFAULT_MODE);
    disk.settle();
    let old = contents(&store);
    change(&store, 20, &mut random);
    (store, disk, old)
}

/// Makes every operation fail in turn. Asserts that the save returns the error and the old snapshot stays. When the
/// disk is healed and the store has changed further, the next save is complete.
fn assert_failures_are_told(is_sticky: bool) {
    let (store, disk, _) = prepared();
    save(&store, &disk, 256).unwrap();
    let operations = disk.operations();
    assert!(operations.iter().filter(|&&kind| kind == Kind::Write).count() > 6);
    for (number, kind) in operations.into_iter().enumerate() {
        for (failure, told) in [
            (Failure::Damaged, ErrorKind::Other),
            (Failure::NoSpace, ErrorKind::StorageFull),
            (Failure::Interrupted, ErrorKind::Interrupted),
            (Failure::Short, ErrorKind::WriteZero),
        ] {
            let is_harmless = failure == Failure::Short
                || (kind == Kind::Remove && !is_sticky)
                || (kind, failure) == (Kind::Write, Failure::Interrupted);
            if is_harmless && is_sticky && failure == Failure::Interrupted {
                continue; // it would be retried for ever
            }
            let case = (failure, number, kind);
            let (store, disk, old) = prepared();
            let fault = Fault::after(number, failure);
            disk.fail(Some(if is_sticky { fault.sticky() } else { fault }));
            match save(&store, &disk, 256) {
                Ok(()) => assert!(is_harmless, "{case:?} is not told"),
                Err(SnapshotError::Io(error)) => assert!(!is_harmless && error.kind() == told, "{case:?}: {error}"),
                Err(error) => panic!("{case:?}: {error}"),
            }
            disk.fail(None);
            let is_in_place = is_harmless || kind == Kind::SyncFolder;
            let expected = if is_in_place { contents(&store) } else { old };
            assert_same(&load(&disk).unwrap(), &expected, &case);
            if !is_sticky {
                // The dead writer's temporary is left if the save failed before its removal or at it.
                let is_left = number <= REMOVAL && failure != Failure::Short;
                assert_eq!(temporaries(&disk), usize::from(is_left), "{case:?}");
            }
            change(&store, 20, &mut Random::seeded(number as u64));
            save(&store, &disk, 256).unwrap();
            assert_same(&load(&disk).unwrap(), &contents(&store), &case);
            assert_eq!(temporaries(&disk), 0, "{case:?}");
        }
    }
}

#[test]
fn a_save_that_fails_once_leaves_the_old_store_and_the_next_one_is_complete() {
    assert_failures_are_told(false);
}

#[test]
fn a_save_on_a_disk_that_fails_for_good_leaves_the_old_store_and_one_on_a_healed_disk_is_complete() {
    assert_failures_are_told(true);
}
