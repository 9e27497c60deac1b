//! Damaged files. Acknowledged data that is damaged is refused by name, and salvage reads what is whole.

use std::fs;
use std::path::PathBuf;

use hashlet::{JournalError, Store};

use super::{contents, files, open, quiet};
use crate::support::config::Told;
use crate::support::folder::Folder;
use crate::support::source::Source;
use crate::support::{scale, targets};

/// A folder with base 2, log 2 and log 3. Each holds a hash of its own, and what is in a log was synced in steps.
fn folder() -> Folder {
    let folder = Folder::in_memory();
    let journal = open(folder.path());
    for n in 0..200 {
        journal.set("base", n.to_string(), "a value").unwrap();
    }
    journal.checkpoint().unwrap();
    fill(&journal, "log-2");
    drop(journal);
    let journal = open(folder.path());
    fill(&journal, "log-3");
    journal.close().unwrap();
    assert_eq!(folder.names(), ["base-2", "lock", "log-2", "log-3"]);
    folder
}

fn fill(journal: &hashlet::Durable, key: &str) {
    for n in 0..10 {
        journal.set(key, n.to_string(), "a value").unwrap();
        journal.sync().unwrap();
    }
}

/// Changes a byte of a file.
fn damage(folder: &Folder, name: &str, at: usize) -> PathBuf {
    let path = folder.path().join(name);
    let mut bytes = fs::read(&path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(&path, bytes).unwrap();
    path
}

#[track_caller]
fn assert_refused(folder: &Folder, damaged: &PathBuf, told: impl std::fmt::Display) {
    let before = files(folder.path());
    match Store::builder().open(folder.path(), quiet()) {
        Err(JournalError::Corrupt { file, .. }) => assert_eq!(&file, damaged, "{told}"),
        other => panic!("{told}: {other:?}"),
    }
    assert_eq!(files(folder.path()), before, "{told}: nothing was changed");
}

/// Salvages, and returns how many fields of the base and the two logs there are.
#[track_caller]
fn salvage(folder: &Folder, told: impl std::fmt::Display) -> [usize; 3] {
    let before = files(folder.path());
    let journal = Store::builder().open(folder.path(), quiet().salvage(true));
    let journal = journal.unwrap_or_else(|error| panic!("{told}: {error}"));
    let recovery = journal.recovery();
    assert!(!recovery.damage.is_empty(), "{told}: {recovery:?}");
    let found = ["base", "log-2", "log-3"].map(|key| journal.size(key));
    let after = files(folder.path());
    for (name, bytes) in before {
        let kept = after.get(&format!("{name}.damaged"));
        assert_eq!(kept, Some(&bytes), "{told}: {name} is gone, there are {:?}", after.keys());
    }
    journal.set("after", "the", "damage").unwrap();
    let held = contents(&journal);
    journal.close().unwrap();
    let journal = open(folder.path());
    assert!(journal.recovery().damage.is_empty() && journal.recovery().was_closed, "{told}");
    assert_eq!(contents(&journal), held, "{told}");
    found
}

#[test]
fn a_damaged_block_is_refused_and_salvage_reads_all_others() {
    for (name, expected) in [("log-2", [200, 9, 10]), ("log-3", [200, 10, 9])] {
        let folder = folder();
        let len = fs::metadata(folder.path().join(name)).unwrap().len() as usize;
        let end = if name == "log-2" { len } else { len - 26 };
        // The head and the first block have 82 bytes, and ten blocks of the same length follow.
        let at = 82 + (end - 82) / 10 * 5 + 30;
        let path = damage(&folder, name, at);
        assert_refused(&folder, &path, name);
        let found = salvage(&folder, name);
        assert_eq!(found[..2], expected[..2], "of {name}");
        assert!(found[2] == expected[2], "of {name}: {found:?}");
    }
}

#[test]
fn a_damaged_base_is_refused_and_salvage_reads_the_logs() {
    for at in [9, 30, 45, 500] {
        let folder = folder();
        let path = damage(&folder, "base-2", at);
        if at == 9 {
            // The version cannot be told from that of a later format.
            let refused = Store::builder().open(folder.path(), quiet().salvage(true));
            assert!(matches!(refused, Err(JournalError::UnsupportedVersion { .. })), "{refused:?}");
            continue;
        }
        assert_refused(&folder, &path, at);
        assert_eq!(salvage(&folder, at), [0, 10, 10]);
    }
}

#[test]
fn a_damaged_beginning_of_a_log_is_refused_and_salvage_reads_the_rest() {
    // The magic, the folder, the generation, the checksum, and the log that it continues.
    for at in [3, 13, 21, 29, 60] {
        for (name, expected) in [("log-2", [200, 0, 10]), ("log-3", [200, 10, 0])] {
            let folder = folder();
            let path = damage(&folder, name, at);
            assert_refused(&folder, &path, format!("byte {at} of {name}"));
            assert_eq!(salvage(&folder, format!("byte {at} of {name}")), expected, "byte {at} of {name}");
        }
    }
}

#[test]
fn a_missing_log_is_refused_and_salvage_reads_the_rest() {
    for (name, expected) in [("log-2", [200, 0, 10]), ("base-2", [0, 10, 10])] {
        let folder = folder();
        fs::remove_file(folder.path().join(name)).unwrap();
        let refused = Store::builder().open(folder.path(), quiet());
        assert!(matches!(refused, Err(JournalError::Corrupt { .. })), "{name}: {refused:?}");
        let journal = Store::builder().open(folder.path(), quiet().salvage(true));
        let journal = journal.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(["base", "log-2", "log-3"].map(|key| journal.size(key)), expected, "{name}");
        assert_eq!(journal.recovery().damage.len(), 1, "{:?}", journal.recovery());
        let held = contents(&journal);
        drop(journal);
        assert_eq!(contents(&open(folder.path())), held, "{name}");
    }
}

#[test]
fn a_missing_log_between_two_others_loses_nothing_of_them() {
    let folder = folder();
    let journal = open(folder.path());
    fill(&journal, "log-4");
    drop(journal);
    fs::remove_file(folder.path().join("log-3")).unwrap();
    let journal = Store::builder().open(folder.path(), quiet().salvage(true)).unwrap();
    assert_eq!(["base", "log-2", "log-3", "log-4"].map(|key| journal.size(key)), [200, 10, 0, 10]);
    let damage = &journal.recovery().damage;
    assert_eq!((damage.len(), &damage[0].file), (1, &folder.path().join("log-3")), "{damage:?}");
}

#[test]
fn a_log_that_is_cut_off_is_a_torn_tail_unless_something_tells_that_it_was_longer() {
    let folder = folder();
    let whole = files(folder.path());
    let log = &whole["log-3"];
    let path = folder.path().join("log-3");
    let mut fields = Vec::new();
    for len in 82..=log.len() {
        let copy = folder.copy();
        fs::write(copy.path().join("log-3"), &log[..len]).unwrap();
        let journal = open(copy.path());
        fields.push(journal.size("log-3"));
        assert_eq!(journal.recovery().was_closed, len == log.len());
        let cut = journal.recovery().bytes_cut;
        // The next opening knows what counts.
        drop(journal);
        let journal = open(copy.path());
        assert_eq!(journal.recovery().bytes_cut, 0, "{cut} bytes were cut before");
        assert_eq!(journal.size("log-3"), *fields.last().unwrap());
    }
    assert!(fields.is_sorted() && fields.first() == Some(&0) && fields.last() == Some(&10));
    // Log 3 says how long log 2 was.
    let log = &whole["log-2"];
    for len in [0, 10, 82, 83, 200, log.len() - 1] {
        fs::write(folder.path().join("log-2"), &log[..len]).unwrap();
        let refused = Store::builder().open(folder.path(), quiet());
        assert!(matches!(refused, Err(JournalError::Corrupt { .. })), "{len} bytes: {refused:?}");
    }
    fs::write(folder.path().join("log-2"), log).unwrap();
    // Zeros at the end of a log that was not closed are a torn tail. So are the bytes of another log.
    let unclosed = &whole["log-3"][..whole["log-3"].len() - 26];
    for tail in [&[0; 5000][..], &[0xff; 30], &log[82..]] {
        fs::write(&path, [unclosed, tail].concat()).unwrap();
        let copy = folder.copy();
        let journal = open(copy.path());
        assert_eq!((journal.recovery().bytes_cut, journal.size("log-3")), (tail.len() as u64, 10));
    }
}

#[test]
fn random_logs_are_refused_or_opened_twice_with_the_same_contents() {
    let mut source = Source::Seed(3);
    let cases = (20_000.0 * scale()) as usize;
    let mut opened = [0; 3];
    for _ in 0..cases {
        let kind = source.below(3) as u8;
        let mut bytes = vec![kind];
        while bytes.len() < source.one_of(&[5, 30, 200]) {
            match source.below(64) {
                0 => bytes.push(source.below(256) as u8),
                _ if kind == 1 => bytes.extend(effect(&mut source)),
                _ => bytes.push(source.below(256) as u8),
            }
        }
        let _told = Told(bytes.escape_ascii().to_string());
        opened[usize::from(kind)] += usize::from(targets::opens_log(&bytes));
    }
    assert!(cases < 100 || opened[1] > cases / 30 && opened[2] > cases / 30, "{opened:?} of {cases}");
}

/// An effect on a key, as `snapshot/format.rs` draws it. A high byte may end its entry, or its block.
fn effect(source: &mut Source<'_>) -> Vec<u8> {
    let names: [&[u8]; 4] = [b"\0", b"\x01a", b"\x01b", b"\x02ab"];
    let (mut effect, mut kind) = (vec![1], 2 + source.below(9) as u8);
    if kind == 10 {
        (effect[0], kind) = (12, 2);
    }
    effect.extend(source.one_of(&names));
    if effect[0] == 1 {
        effect.push(kind);
    }
    if matches!(kind, 2..=4 | 7 | 8) {
        effect.extend(source.one_of(&names));
    }
    if kind == 2 {
        effect.extend(source.one_of(&names));
    }
    if matches!(kind, 4 | 5) {
        effect.extend([source.below(200) as u8, 1, 2, 3, 4, 5, source.below(2) as u8, 0]);
    }
    effect.extend(source.one_of::<&[u8]>(&[b"", b"", b"\xff", b"\xfe"]));
    effect
}
