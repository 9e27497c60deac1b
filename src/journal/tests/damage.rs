//! Every flipped bit and every truncation of a file is refused by name, or is a torn tail. Which of the two is said by the
//! rules in `snapshot/format.rs`, which are written down here a second time.

use std::path::PathBuf;

use super::*;
use crate::journal::log::{LOG_BEGINNING, base_path, log_path};
use crate::snapshot::tests::disk::DEFAULT_MODE;

/// A block of a log, and what the store held after it.
struct Block {
    start: usize,
    synced: usize,
    contents: Contents,
}

/// A log, and its blocks after the first one.
struct Log {
    path: PathBuf,
    blocks: Vec<Block>,
    /// What the store held before it.
    before: Contents,
}

/// Makes calls on a journal, each of which is a block. Every third call is synced if that is wanted.
fn write(disk: &SimulatedDisk, clock: &ManualClock, calls: usize, syncs: bool) -> Log {
    let (journal, _) = open(disk, clock, Durability::Os).unwrap();
    let path = log_path(Path::new(FOLDER), journal.tail.status().end.generation);
    let before = contents(&journal.store);
    let blocks = (0..calls).map(|n| {
        let start = journal.tail.status().end.bytes as usize;
        journal.store.set(format!("key:{}", n % 2), format!("field:{n}"), format!("{}", before.len())).unwrap();
        let head = &disk.bytes(&path).unwrap()[start..];
        let synced = u64::from_le_bytes(*head[12..].first_chunk().unwrap()) as usize;
        if syncs && n % 3 == 2 {
            journal.sync().unwrap();
        }
        Block { start, synced, contents: contents(&journal.store) }
    });
    let blocks = blocks.collect();
    Log { path, blocks, before }
}

/// What opening must find.
#[derive(Debug, PartialEq)]
enum Found {
    Store(Contents),
    Corrupt { file: PathBuf, offset: Option<usize> },
}

/// Opens a copy of a disk in which one file has other bytes.
fn open_with(disk: &SimulatedDisk, clock: &ManualClock, path: &Path, bytes: &[u8]) -> Found {
    let copy = SimulatedDisk::new();
    for other in disk.paths() {
        copy.put(&other, &disk.bytes(&other).unwrap(), DEFAULT_MODE);
    }
    copy.put(path, bytes, DEFAULT_MODE);
    let before: Vec<_> = copy.paths().into_iter().map(|path| (copy.bytes(&path), path)).collect();
    match open(&copy, clock, Durability::Os) {
        Ok((journal, _)) => Found::Store(contents(&journal.store)),
        Err(error) => {
            let after: Vec<_> = copy.paths().into_iter().map(|path| (copy.bytes(&path), path)).collect();
            assert_eq!(before, after, "a journal that is refused stays as it is");
            match error {
                JournalError::Corrupt { file, offset, .. } => Found::Corrupt { file, offset: Some(offset as usize) },
                JournalError::UnsupportedVersion { file, .. } => Found::Corrupt { file, offset: None },
                error => panic!("{error}"),
            }
        }
    }
}

impl Log {
    /// What the rules say of damage that begins at this place, if the whole blocks behind it are still there.
    fn judge(&self, place: usize, is_last: bool, has_blocks_behind: bool) -> Found {
        let corrupt = |offset| Found::Corrupt { file: self.path.clone(), offset };
        if place < LOG_BEGINNING {
            return corrupt(None);
        }
        let at = self.blocks.iter().rposition(|block| block.start <= place).unwrap();
        let start = self.blocks[at].start;
        let was_synced = has_blocks_behind && self.blocks[at + 1..].iter().any(|block| block.synced > start);
        if was_synced || !is_last {
            return corrupt(Some(start));
        }
        Found::Store(at.checked_sub(1).map_or(&self.before, |before| &self.blocks[before].contents).clone())
    }
}

fn assert_found(found: &Found, expected: &Found, told: &str) {
    match (found, expected) {
        (Found::Corrupt { file, .. }, Found::Corrupt { file: expected, offset: None }) => {
            assert_eq!(file, expected, "{told}");
        }
        _ => assert_eq!(found, expected, "{told}"),
    }
}

/// Flips every bit of a log and cuts it at every byte.
fn damage_all(disk: &SimulatedDisk, clock: &ManualClock, log: &Log, is_last: bool) -> [usize; 2] {
    let bytes = disk.bytes(&log.path).unwrap();
    let mut seen = [0; 2];
    for place in 0..bytes.len() {
        let expected = log.judge(place, is_last, true);
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            let found = open_with(disk, clock, &log.path, &flipped);
            assert_found(&found, &expected, &format!("bit {bit} of byte {place}"));
            seen[usize::from(matches!(found, Found::Corrupt { .. }))] += 1;
        }
        let cut = open_with(disk, clock, &log.path, &bytes[..place]);
        let expected = match log.judge(place, is_last, false) {
            // A log that ends in its beginning is one in which nothing was begun.
            Found::Corrupt { .. } if place <= LOG_BEGINNING && is_last => Found::Store(log.before.clone()),
            expected => expected,
        };
        let cut_told = format!("cut at byte {place}");
        match (&cut, &expected) {
            (Found::Corrupt { file, .. }, Found::Corrupt { .. }) => assert_eq!(*file, log.path, "{cut_told}"),
            _ => assert_found(&cut, &expected, &cut_told),
        }
        // Zeros in place of the rest, as a loss of power can leave them.
        let mut zeroed = bytes.clone();
        zeroed[place..].fill(0);
        let is_begun = zeroed[..LOG_BEGINNING] == bytes[..LOG_BEGINNING];
        let place = if is_begun { place.max(LOG_BEGINNING) } else { place };
        let zeroed = open_with(disk, clock, &log.path, &zeroed);
        if is_begun {
            let expected = log.judge(place, is_last, false);
            // A block may end in zeros of its own.
            if zeroed != Found::Store(log.blocks.last().unwrap().contents.clone()) {
                assert_found(&zeroed, &expected, &format!("zeros from byte {place} on"));
            }
        } else {
            assert!(matches!(zeroed, Found::Corrupt { .. }), "zeros from byte {place} on");
        }
    }
    seen
}

#[test]
fn damage_of_the_last_log_is_refused_where_a_later_block_says_that_it_was_synced() {
    let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
    let log = write(&disk, &clock, 7, true);
    let seen = damage_all(&disk, &clock, &log, true);
    assert!(seen[0] > 300 && seen[1] > 1_000, "{seen:?}");
}

#[test]
fn damage_of_what_was_never_synced_is_a_torn_tail() {
    let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
    let log = write(&disk, &clock, 4, false);
    let [torn, refused] = damage_all(&disk, &clock, &log, true);
    assert_eq!(refused, 8 * LOG_BEGINNING);
    assert!(torn > 1_000, "{torn}");
}

#[test]
fn damage_of_a_log_that_another_one_continues_is_always_refused() {
    let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
    let log = write(&disk, &clock, 4, false);
    write(&disk, &clock, 2, false);
    let [accepted, refused] = damage_all(&disk, &clock, &log, false);
    assert!(accepted == 0 && refused > 1_000, "{accepted}, {refused}");
}

#[test]
fn damage_of_a_base_is_refused() {
    let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
    let (journal, _) = open(&disk, &clock, Durability::Os).unwrap();
    journal.store.set_many("key", (0..20).map(|n| (n.to_string(), "value"))).unwrap();
    journal.checkpoint().unwrap();
    drop(journal);
    let path = base_path(Path::new(FOLDER), 2);
    let bytes = disk.bytes(&path).unwrap();
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        for damaged in [&flipped, &bytes[..place]] {
            let found = open_with(&disk, &clock, &path, damaged);
            assert!(matches!(&found, Found::Corrupt { file, .. } if *file == path), "byte {place}: {found:?}");
        }
    }
}

#[test]
fn a_missing_file_is_refused_by_its_name() {
    let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
    let logs: Vec<Log> = (0..3).map(|_| write(&disk, &clock, 2, true)).collect();
    for (at, log) in logs.iter().enumerate() {
        let copy = SimulatedDisk::new();
        for other in disk.paths().into_iter().filter(|path| *path != log.path) {
            copy.put(&other, &disk.bytes(&other).unwrap(), DEFAULT_MODE);
        }
        let opened = open(&copy, &clock, Durability::Os);
        if at == 2 {
            assert_eq!(contents(&opened.unwrap().0.store), log.before, "nothing tells of the last log");
        } else {
            assert!(matches!(opened, Err(JournalError::Corrupt { file, .. }) if file == log.path));
        }
    }
}

#[test]
fn an_older_base_with_all_its_logs_stands_in_for_a_damaged_one() {
    let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
    write(&disk, &clock, 3, true);
    let before: Vec<_> = disk.paths().into_iter().map(|path| (disk.bytes(&path).unwrap(), path)).collect();
    let (journal, _) = open(&disk, &clock, Durability::Os).unwrap();
    journal.store.set("key", "field", "value").unwrap();
    let second = log_path(Path::new(FOLDER), journal.tail.status().end.generation);
    let second_bytes = disk.bytes(&second);
    let expected = contents(&journal.store);
    journal.checkpoint().unwrap();
    drop(journal);
    // The files from before the checkpoint come back, as if they had not been removed, and the new base is damaged.
    before.iter().for_each(|(bytes, path)| disk.put(path, bytes, DEFAULT_MODE));
    disk.put(&second, &second_bytes.unwrap(), DEFAULT_MODE);
    let base = disk.paths().into_iter().find(|path| path.to_string_lossy().contains("base-")).unwrap();
    let mut bytes = disk.bytes(&base).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    assert_eq!(open_with(&disk, &clock, &base, &bytes), Found::Store(expected));
}
