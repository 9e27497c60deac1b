//! The names of temporaries and lock files, as they appear on a disk.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::disk::SimulatedDisk;
use super::*;

/// The names of the lock file and of the temporary beside a file of this name, while it is written.
fn beside(name: &str) -> (String, String) {
    let disk = SimulatedDisk::new();
    let path = PathBuf::from(format!("folder/{name}"));
    let find = |ending: &str| {
        let text = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        disk.paths().iter().map(text).find(|name| name.ends_with(ending)).unwrap()
    };
    let written = |_: &mut dyn Write| Ok((find(".lock"), find(".tmp")));
    let names = SavePath::lock(&disk, &path).unwrap().replace(false, written).unwrap();
    assert_eq!(disk.paths().len(), 2, "the file and its lock file");
    names
}

#[test]
fn no_two_temporaries_have_the_same_name() {
    let mut names = BTreeSet::new();
    std::thread::scope(|scope| {
        let draw = || (0..200).map(|_| beside("store.hashlet").1).collect::<Vec<_>>();
        let threads = [(); 4].map(|()| scope.spawn(draw));
        threads.into_iter().for_each(|thread| names.extend(thread.join().unwrap()));
    });
    assert_eq!(names.len(), 800);
    let own = format!("store.hashlet.{}-", std::process::id());
    let digits: Vec<_> = names.iter().map(|name| &name.strip_prefix(&own).unwrap()[..32]).collect();
    // Among this many names, every random digit takes all 16 values.
    let drawn = |at: usize| digits.iter().map(|digits| digits.as_bytes()[at]).collect::<BTreeSet<_>>().len();
    assert!((0..32).all(|at| drawn(at) == 16), "{digits:?}");
}

#[test]
fn long_names_are_shortened_and_stay_their_own() {
    for length in [1, 2, 94, 95, 96, 97, 143, 207, 208, 244, 245, 250, 255, 1_000] {
        let name = "n".repeat(length);
        let (lock, temporary) = beside(&name);
        let stem = lock.strip_suffix(".lock").unwrap();
        assert!(temporary.starts_with(&format!("{stem}.{}-", std::process::id())), "{temporary}");
        assert!(lock.len() <= 143 && temporary.len() <= 143, "{temporary}");
        assert_eq!(stem == name, length <= 95, "{length}");
        // A name that differs only in its last letter has another lock, and so other temporaries.
        let other = format!("{}m", &name[1..]);
        assert_ne!(beside(&other).0, lock);
    }
}

#[test]
fn a_long_name_is_cut_between_two_characters() {
    for shift in 0..4 {
        let name = format!("{}{}", "n".repeat(shift), "\u{1f980}".repeat(60));
        let (lock, _) = beside(&name);
        let (beginning, checksum) = lock.strip_suffix(".lock").unwrap().rsplit_once('~').unwrap();
        assert!(name.starts_with(beginning) && beginning.len() > 80, "{lock}");
        assert_eq!(checksum, format!("{:08x}", crc32c::crc32c(name.as_bytes())));
    }
}

#[test]
fn a_dead_writers_temporary_of_a_long_name_is_removed() {
    let name = "n".repeat(255);
    let (lock, _) = beside(&name);
    let stale = format!("folder/{}.4711-0123456789abcdef0123456789abcdef.tmp", lock.strip_suffix(".lock").unwrap());
    let disk = SimulatedDisk::new();
    disk.put(&stale, b"half", super::disk::DEFAULT_MODE);
    replace(&disk, format!("folder/{name}"), true, b"new").unwrap();
    assert_eq!(disk.bytes(&stale), None);
}
