//! Loading any bytes gives an error or a valid store. It never panics, and never returns half a store.

use std::io::{self, ErrorKind, Read};

use crate::support::folder::Folder;
use crate::support::forge::{Forge, Item};
use crate::support::source::{Source, mix};
use crate::support::specimen::{self, builder};
use crate::support::time::{BEGINNING, END, time};
use crate::support::{scale, specimen::check_loaded};
use hashlet::{ManualClock, SnapshotError, Store};

fn load(snapshot: &[u8]) -> Result<Store, SnapshotError> {
    builder(&ManualClock::new()).load_from(snapshot)
}

fn loads(forge: &Forge) -> bool {
    load(&forge.render()).is_ok()
}

/// A snapshot of about 64 KiB with everything that there can be, in two blocks and the end.
fn large() -> Vec<u8> {
    let snapshot = specimen::snapshot(5_200);
    assert!((60_000..80_000).contains(&snapshot.len()), "{} bytes", snapshot.len());
    load(&snapshot).unwrap();
    snapshot
}

/// All offsets in a snapshot at the full scale. At a smaller scale, some offsets that are spread evenly.
fn places(len: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by((1.0 / scale()).clamp(1.0, 97.0) as usize)
}

#[test]
fn every_truncation_is_refused() {
    let snapshot = large();
    for len in places(snapshot.len()) {
        let error = load(&snapshot[..len]).unwrap_err();
        let is_expected = match len {
            ..8 => matches!(error, SnapshotError::NotASnapshot),
            _ => matches!(error, SnapshotError::Corrupt { offset, .. } if offset <= len as u64),
        };
        assert!(is_expected, "{len} bytes of {}: {error}", snapshot.len());
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let mut snapshot = large();
    for at in places(snapshot.len()) {
        for bit in 0..8 {
            snapshot[at] ^= 1 << bit;
            let error = load(&snapshot).unwrap_err();
            let is_expected = match at {
                ..8 => matches!(error, SnapshotError::NotASnapshot),
                10 if bit == 0 => matches!(error, SnapshotError::Corrupt { .. }), // flag 1 is known
                8..12 => matches!(error, SnapshotError::UnsupportedVersion { .. }),
                _ => matches!(error, SnapshotError::Corrupt { offset, .. } if offset <= snapshot.len() as u64),
            };
            assert!(is_expected, "bit {bit} of byte {at}: {error}");
            snapshot[at] ^= 1 << bit;
        }
    }
}

#[test]
fn the_error_of_a_damaged_file_names_the_file_and_what_to_do() {
    let folder = Folder::new();
    let mut snapshot = large();
    snapshot[100] ^= 1;
    std::fs::write(folder.file(), &snapshot).unwrap();
    let error = Store::load(folder.file()).unwrap_err();
    assert!(matches!(&error, SnapshotError::Corrupt { path: Some(path), .. } if *path == folder.file()), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("the snapshot {:?} is damaged at byte ", folder.file())), "{text}");
    assert!(text.ends_with("; it cannot be repaired, so load an older copy of it"), "{text}");

    let error = load(&snapshot).unwrap_err();
    assert!(matches!(error, SnapshotError::Corrupt { path: None, .. }), "{error:?}");
    assert!(error.to_string().starts_with("the snapshot is damaged at byte "), "{error}");
}

#[test]
fn bytes_behind_the_end_are_refused() {
    let mut snapshot = specimen::snapshot(200);
    let end = snapshot.len() as u64;
    snapshot.push(0);
    assert!(matches!(load(&snapshot), Err(SnapshotError::Corrupt { offset, .. }) if offset == end));
    snapshot.pop();
    let twice = [&snapshot[..], &snapshot].concat();
    assert!(matches!(load(&twice), Err(SnapshotError::Corrupt { offset, .. }) if offset == end));
}

#[test]
fn other_versions_flags_and_formats_are_told_apart() {
    let mut forge = Forge::parse(&specimen::snapshot(200));
    for (version, flags) in [(0, 0), (2, 0), (u16::MAX, 0), (1, 2), (1, 0x8000), (2, 3)] {
        (forge.version, forge.flags) = (version, flags);
        let refused = load(&forge.render()).unwrap_err();
        let told =
            matches!(refused, SnapshotError::UnsupportedVersion { version: v, flags: f } if (v, f) == (version, flags));
        assert!(told, "{refused}");
    }
    for other in [&b""[..], b"\x89", b"\x89hashle", b"REDIS0011\xfa\x09", &[0; 100]] {
        assert!(matches!(load(other), Err(SnapshotError::NotASnapshot)), "{}", other.escape_ascii());
    }
}

#[test]
fn mutations_with_good_checksums_are_refused_or_give_a_sound_store() {
    let specimen = Forge::parse(&specimen::snapshot(1_000));
    let small = Forge::parse(&specimen::snapshot(3));
    let (mut loaded, mut refused) = (0, 0);
    let cases = (20_000.0 * scale()).max(500.0) as u64;
    for seed in 0..cases {
        let mut source = Source::Seed(mix(seed));
        let mut forge = if source.one_in(4) { specimen.clone() } else { small.clone() };
        for _ in 0..source.one_of(&[1, 1, 1, 2, 5]) {
            forge.mutate(&mut source);
        }
        let clock = ManualClock::new();
        match builder(&clock).load_from(&forge.render()[..]) {
            Ok(store) => {
                loaded += 1;
                check_loaded(&store, &clock, &mut source, if seed % 4 == 0 { 1_000 } else { 20 });
            }
            Err(SnapshotError::Corrupt { .. } | SnapshotError::TooLarge(_)) => refused += 1,
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    assert!(loaded > cases / 20 && refused > cases / 20, "{loaded} loaded, {refused} refused");
}

#[test]
fn tables_that_do_not_add_up_are_refused() {
    let part = |id, fields: &[&str]| {
        Item::part(id, &fields.iter().map(|field| (field.as_bytes(), &b"v"[..])).collect::<Vec<_>>())
    };
    let head = |id, fields, key: &str| Item::head(id, u64::MAX, fields, key.as_bytes());
    // A table may have any number, any number of parts, and its items in any order.
    assert!(loads(&Forge::of(vec![part(7, &["a"]), head(7, 2, "k"), part(7, &["b"])])));
    assert!(loads(&Forge::of(vec![head(u32::MAX, 1, "k"), head(0, 1, "l"), part(0, &["a"]), part(u32::MAX, &["a"])])));
    assert!(!loads(&Forge::of(vec![head(1, 1, "k"), part(1, &[]), part(1, &["a"])])), "an empty part");
    assert!(!loads(&Forge::of(vec![])), "a block without items");
    for (what, items) in [
        ("no head", vec![part(1, &["a"])]),
        ("no head and no field", vec![part(1, &[])]),
        ("no part", vec![head(1, 1, "k")]),
        ("no field", vec![head(1, 0, "k")]),
        ("too few", vec![head(1, 3, "k"), part(1, &["a", "b"])]),
        ("too many", vec![head(1, 1, "k"), part(1, &["a", "b"])]),
        ("two heads", vec![head(1, 1, "k"), head(1, 1, "l"), part(1, &["a"])]),
        ("a field twice", vec![head(1, 2, "k"), part(1, &["a"]), part(1, &["a"])]),
        ("a key twice", vec![head(1, 1, "k"), head(2, 1, "k"), part(1, &["a"]), part(2, &["b"])]),
        ("an unknown kind", vec![head(1, 1, "k"), part(1, &["a"]), Item::raw([5])]),
        ("an end within", vec![head(1, 1, "k"), Item::raw([4; 17]), part(1, &["a"])]),
    ] {
        assert!(matches!(load(&Forge::of(items).render()), Err(SnapshotError::Corrupt { .. })), "{what}");
    }
}

/// Each block is sound in itself, and the numbers of keys and fields agree.
#[test]
fn blocks_out_of_their_order_are_refused() {
    const HEAD: usize = 24;
    const BLOCK_HEAD: usize = 12;
    let store = Store::new();
    (0..3).for_each(|n| assert_eq!(store.set(format!("key {n}"), "field", vec![n; 100_000]), Ok(true)));
    let mut snapshot = Vec::new();
    store.save_to(&mut snapshot).unwrap();
    let (head, mut rest) = snapshot.split_at(HEAD);
    let mut blocks = Vec::new();
    while let Some(length) = rest.first_chunk() {
        let (block, behind) = rest.split_at(BLOCK_HEAD + u32::from_le_bytes(*length) as usize);
        blocks.push(block);
        rest = behind;
    }
    assert_eq!(blocks.len(), 4, "three of a hash each, and the end");
    let load_in_order = |order: [usize; 4]| load(&[&[head], &order.map(|at| blocks[at])[..]].concat().concat());
    assert_eq!(load_in_order([0, 1, 2, 3]).unwrap().key_count(), 3);
    for order in [[1, 0, 2, 3], [0, 2, 1, 3], [2, 1, 0, 3]] {
        assert!(matches!(load_in_order(order), Err(SnapshotError::Corrupt { .. })), "{order:?}");
    }
}

#[test]
fn wrong_counts_in_the_end_are_refused() {
    let forge = Forge::parse(&specimen::snapshot(200));
    let store = load(&forge.render()).unwrap();
    let (keys, fields) = (store.stats().keys as u64, store.stats().fields as u64);
    assert!(loads(&Forge { told: Some((keys, fields)), ..forge.clone() }));
    for told in [(keys - 1, fields), (keys + 1, fields), (keys, fields - 1), (keys, fields + 1), (0, 0)] {
        assert!(!loads(&Forge { told: Some(told), ..forge.clone() }), "{told:?}");
    }
    // The number of keys in the head is only a hint.
    for keys in [0, 1, u64::MAX] {
        assert!(loads(&Forge { keys, ..forge.clone() }));
    }
}

#[test]
fn what_has_expired_is_counted_and_left_out() {
    let snapshot = specimen::snapshot(200);
    let clock = ManualClock::new();
    clock.set(time(BEGINNING + 10_000_000));
    let store = builder(&clock).load_from(&snapshot[..]).unwrap();
    assert_eq!(store.key_count(), 41 - 3);
    assert_eq!((store.size("k3"), store.size("k6")), (14, 180));
    clock.set(time(END));
    assert!(!builder(&clock).load_from(&snapshot[..]).unwrap().is_empty());
}

/// A reader that returns one byte at a time, is interrupted in between, and fails after this many bytes.
struct Slow<'a> {
    bytes: &'a [u8],
    fails_behind: usize,
    calls: usize,
}

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.calls += 1;
        if self.calls.is_multiple_of(3) {
            return Err(ErrorKind::Interrupted.into());
        }
        let Some(left) = self.fails_behind.checked_sub(1) else { return Err(ErrorKind::ConnectionReset.into()) };
        let (Some((&first, rest)), [into, ..]) = (self.bytes.split_first(), into) else { return Ok(0) };
        (*into, self.bytes, self.fails_behind) = (first, rest, left);
        Ok(1)
    }
}

#[test]
fn a_reader_may_be_slow_and_be_interrupted() {
    let snapshot = specimen::snapshot(200);
    let slow = Slow { bytes: &snapshot, fails_behind: usize::MAX, calls: 0 };
    let store = builder(&ManualClock::new()).load_from(slow).unwrap();
    assert_eq!(store.key_count(), 41);
}

#[test]
fn the_error_of_the_reader_is_returned() {
    let snapshot = specimen::snapshot(3);
    for fails_behind in 0..=snapshot.len() {
        let error = Store::load_from(Slow { bytes: &snapshot, fails_behind, calls: 0 }).unwrap_err();
        let told = matches!(&error, SnapshotError::Io(error) if error.kind() == ErrorKind::ConnectionReset);
        assert!(told, "behind {fails_behind} bytes: {error}");
    }
}
