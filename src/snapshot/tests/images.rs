//! Tests of the simulated disk itself. A loss of power there keeps neither more nor less than on a real disk.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::disk::{DEFAULT_MODE, Failure, Fault, Kind, SimulatedDisk};
use super::*;
use crate::random::Random;

/// All contents that a loss of power after all operations may leave at a path.
fn left_at(disk: &SimulatedDisk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
    let mut left = BTreeSet::new();
    disk.each_image(disk.operations().len(), |image| left.extend([image.bytes(path)]));
    left
}

fn left_names(disk: &SimulatedDisk) -> BTreeSet<Vec<PathBuf>> {
    let mut left = BTreeSet::new();
    disk.each_image(disk.operations().len(), |image| left.extend([image.paths()]));
    left
}

fn names<const N: usize>(of: [&[&str]; N]) -> BTreeSet<Vec<PathBuf>> {
    of.iter().map(|names| names.iter().map(PathBuf::from).collect()).collect()
}

/// This many bytes that are 1, then bytes that are 0, then bytes that are 2.
fn bytes(ones: usize, zeros: usize, twos: usize) -> Option<Vec<u8>> {
    Some([vec![1; ones], vec![0; zeros], vec![2; twos]].concat())
}

#[test]
fn an_unsynced_write_is_lost_torn_at_a_sector_or_kept() {
    let disk = SimulatedDisk::new();
    let mut file = disk.create(Path::new("a"), false).unwrap();
    disk.sync_folder(Path::new(".")).unwrap();
    file.write_all(&[1; 600]).unwrap();
    let first = [bytes(0, 0, 0), bytes(0, 600, 0), bytes(512, 0, 0), bytes(600, 0, 0)];
    assert_eq!(left_at(&disk, "a"), first.clone().into());
    file.write_all(&[2; 500]).unwrap();
    let mut both = BTreeSet::from(first);
    for ones in [0, 512, 600] {
        both.extend([bytes(ones, 1_100 - ones, 0), bytes(ones, 600 - ones, 424), bytes(ones, 600 - ones, 500)]);
    }
    assert_eq!(left_at(&disk, "a"), both);
    disk.sync(&file).unwrap();
    assert_eq!(left_at(&disk, "a"), [bytes(600, 0, 500)].into());
}

#[test]
fn a_sync_that_failed_settles_nothing_and_the_next_one_not_what_came_before() {
    let disk = SimulatedDisk::new();
    let mut file = disk.create(Path::new("a"), false).unwrap();
    disk.sync_folder(Path::new(".")).unwrap();
    file.write_all(&[1; 100]).unwrap();
    disk.fail(Some(Fault::after(0, Failure::Damaged).of(Kind::Sync)));
    disk.sync(&file).unwrap_err();
    file.write_all(&[2; 100]).unwrap();
    disk.sync(&file).unwrap();
    assert_eq!(left_at(&disk, "a"), [bytes(100, 0, 100), bytes(0, 100, 100)].into());
}

#[test]
fn names_are_lost_or_kept_until_their_folder_is_synced() {
    let disk = SimulatedDisk::new();
    disk.put("old", b"old", DEFAULT_MODE);
    let file = disk.create(Path::new("new"), false).unwrap();
    disk.sync(&file).unwrap();
    disk.sync_folder(Path::new("elsewhere")).unwrap();
    assert_eq!(left_names(&disk), names([&["old"], &["new", "old"]]));
    disk.remove(Path::new("old")).unwrap();
    assert_eq!(left_names(&disk), names([&[], &["old"], &["new"], &["new", "old"]]));
    disk.sync_folder(Path::new(".")).unwrap();
    assert_eq!(left_names(&disk), names([&["new"]]));
    disk.rename(Path::new("new"), Path::new("newer")).unwrap();
    assert_eq!(left_names(&disk), names([&["new"], &["new", "newer"], &["newer"]]));
}

#[test]
fn a_rename_may_outlast_the_creation_before_it() {
    let disk = SimulatedDisk::new();
    disk.put("a", b"old", DEFAULT_MODE);
    let mut file = disk.create(Path::new("b"), false).unwrap();
    file.write_all(b"new").unwrap();
    disk.sync(&file).unwrap();
    disk.rename(Path::new("b"), Path::new("a")).unwrap();
    assert_eq!(left_at(&disk, "a"), [Some(b"old".to_vec()), Some(b"new".to_vec())].into());
    assert_eq!(left_names(&disk), names([&["a"], &["a", "b"]]));
}

#[test]
fn random_images_are_among_all_and_come_to_all() {
    let disk = SimulatedDisk::new();
    disk.put(PATH, b"old", DEFAULT_MODE);
    replace(&disk, PATH, false, &pattern(2, 1_300)).unwrap();
    let all = left_at(&disk, PATH);
    let mut random = Random::seeded(7);
    let draw = |_| disk.random_image(disk.operations().len(), &mut random).bytes(PATH);
    assert_eq!((0..5_000).map(draw).collect::<BTreeSet<_>>(), all);
}

#[test]
fn an_image_is_a_disk_of_its_own() {
    let disk = SimulatedDisk::new();
    let locked = SavePath::lock(&disk, Path::new(PATH)).unwrap();
    disk.each_image(disk.operations().len(), |image| {
        assert_eq!(image.operations(), []);
        replace(image, PATH, true, b"new").expect("no lock outlasts a loss of power");
        image.each_image(0, |again| assert_eq!(again.bytes(PATH), None));
    });
    drop(locked);
    assert_eq!(disk.bytes(PATH), None);
}
