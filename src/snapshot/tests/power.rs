//! Losses of power after each operation. Each may keep or lose any part of the data that was not synced.

use super::disk::{DEFAULT_MODE, Failure, Fault, Kind, SimulatedDisk};
use super::*;
use crate::random::Random;

/// Loses power after every operation of one replacement. Asserts that the path then shows the old content or the new
/// one, and after the replacement has returned the new one. The permissions must be those of the old file. The next
/// replacement must succeed and leave no temporary.
fn assert_old_or_new(disk: &SimulatedDisk, old: Option<&[u8]>) {
    let (new, newer) = (pattern(2, LENGTH), pattern(3, 600));
    let mode = disk.mode(PATH).unwrap_or(DEFAULT_MODE);
    replace(disk, PATH, true, &new).unwrap();
    let operations = disk.operations();
    let mut seen = [0; 2];
    for done in 0..=operations.len() {
        disk.each_image(done, |image| {
            let left = image.bytes(PATH);
            let is_new = left.as_deref() == Some(&new[..]);
            assert!(is_new || left.as_deref() == old, "{:?}: {left:?}", &operations[..done]);
            assert!(is_new || done < operations.len(), "the new file is lost");
            seen[usize::from(is_new)] += 1;
            assert!(image.mode(PATH).is_none_or(|left| left == mode));
            replace(image, PATH, true, &newer).unwrap();
            assert_eq!(image.bytes(PATH).as_ref(), Some(&newer));
            assert_eq!(image.paths().len(), 2, "the file and its lock file");
        });
    }
    assert!(seen[0] > 300 && seen[1] > 5, "too few images: {seen:?}");
}

#[test]
fn a_loss_of_power_leaves_the_old_file_or_the_new_one() {
    let disk = SimulatedDisk::new();
    let old = pattern(1, 1_500);
    disk.put(PATH, &old, 0o640);
    disk.put(STALE, b"half", DEFAULT_MODE);
    assert_old_or_new(&disk, Some(&old));
}

#[test]
fn a_loss_of_power_leaves_no_file_or_the_first_one() {
    assert_old_or_new(&SimulatedDisk::new(), None);
}

/// Loses power after all operations of a replacement, in each possible way. Returns whether any way leaves something
/// that is neither the old file nor the new one, and whether any way leaves the old file.
fn worst_after_all(sync: bool, spoil: Option<Fault>) -> (bool, bool) {
    let disk = SimulatedDisk::new();
    let (old, new) = (pattern(1, 1_500), pattern(2, LENGTH));
    disk.put(PATH, &old, DEFAULT_MODE);
    disk.fail(spoil);
    let _ = replace(&disk, PATH, sync, &new);
    let (mut is_damaged, mut is_old) = (false, false);
    disk.each_image(disk.operations().len(), |image| {
        let left = image.bytes(PATH).unwrap();
        is_old |= left == old;
        is_damaged |= left != old && left != new;
    });
    (is_damaged, is_old)
}

#[test]
fn without_sync_a_loss_of_power_may_leave_anything() {
    assert_eq!(worst_after_all(false, None), (true, true));
    assert_eq!(worst_after_all(true, None), (false, false));
}

#[test]
fn after_a_failed_sync_of_the_folder_a_loss_of_power_leaves_one_of_the_two() {
    let fault = Fault::after(0, Failure::Damaged).of(Kind::SyncFolder);
    assert_eq!(worst_after_all(true, Some(fault)), (false, true));
}

/// One of many replacements in a row.
struct Replaced {
    began: usize,
    ended: usize,
    bytes: Vec<u8>,
    is_safe: bool,
    is_in_place: bool,
}

/// Some replacements in a row, some of which fail.
fn many(disk: &SimulatedDisk, random: &mut Random) -> Vec<Replaced> {
    let failures = [Failure::Damaged, Failure::NoSpace, Failure::Interrupted, Failure::Short];
    let replacements = (0..1 + random.below(5)).map(|n| {
        let bytes = pattern(n + 1, random.below(2 * LENGTH));
        if random.below(3) == 0 {
            let failure = failures[random.below(failures.len())];
            let fault = Fault::after(random.below(17), failure);
            // A write that is always interrupted would be retried for ever.
            let is_sticky = failure != Failure::Interrupted && random.below(2) == 0;
            disk.fail(Some(if is_sticky { fault.sticky() } else { fault }));
        }
        let began = disk.operations().len();
        let is_safe = replace(disk, PATH, true, &bytes).is_ok();
        disk.fail(None);
        let is_in_place = disk.bytes(PATH).as_ref() == Some(&bytes);
        assert!(is_in_place || !is_safe);
        Replaced { began, ended: disk.operations().len(), bytes, is_safe, is_in_place }
    });
    replacements.collect()
}

#[test]
fn losses_of_power_between_many_replacements_leave_the_last_one_that_succeeded_or_a_later_one() {
    const SCENARIO: usize = 50;
    for seed in 0..scaled(50_000).div_ceil(SCENARIO) {
        let mut random = Random::seeded(seed as u64);
        let disk = SimulatedDisk::new();
        let replaced = many(&disk, &mut random);
        for _ in 0..SCENARIO {
            let done = random.below(disk.operations().len() + 1);
            let image = disk.random_image(done, &mut random);
            let left = image.bytes(PATH);
            let safe = replaced.iter().rposition(|one| one.is_safe && one.ended <= done);
            let mut possible = replaced[safe.unwrap_or(0)..]
                .iter()
                .filter(|one| one.began < done && (one.is_in_place || one.ended > done));
            let is_possible = match &left {
                None => safe.is_none(),
                Some(left) => possible.any(|one| one.bytes == *left),
            };
            assert!(is_possible, "seed {seed}, {:?}: {left:?}", &disk.operations()[..done]);
            replace(&image, PATH, true, b"new").unwrap();
            assert_eq!(image.paths().len(), 2, "the file and its lock file");
            image.each_image(image.operations().len(), |image| {
                assert_eq!(image.bytes(PATH).as_deref(), Some(&b"new"[..]), "seed {seed}");
            });
        }
    }
}
