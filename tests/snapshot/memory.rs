//! A hostile snapshot never makes a load ask for more memory than a small multiple of the bytes that were really read.
//! This is a single test, so that no other test allocates meanwhile.

#![cfg(feature = "snapshot")]

#[path = "../support/mod.rs"]
mod support;

use std::fs;

use hashlet::{ManualClock, Store, StoreBuilder};
use support::folder::Folder;
use support::forge::{Forge, Item};
use support::source::{Source, mix};
use support::{heap, scale, specimen};

#[global_allocator]
static HEAP: heap::Bounded = heap::Bounded;

/// The bytes that a load may take in addition to the multiple of its input: for the locks of an empty store, its first
/// tables of keys, and buffers.
const CONSTANT: usize = 64 << 10;
const TIMES: usize = 16;

/// The most bytes that a load holds at any time.
fn peak(load: impl FnOnce(StoreBuilder)) -> usize {
    let builder = Store::builder().clock(&ManualClock::new());
    let before = heap::live();
    heap::reset_peak();
    load(builder);
    heap::peak() - before
}

/// Loads from an input of unknown length and from a file, whose length is known, and checks the memory of both.
#[track_caller]
fn check(what: &str, snapshot: &[u8]) {
    thread_local!(static FOLDER: Folder = Folder::new());
    let path = FOLDER.with(Folder::file);
    fs::write(&path, snapshot).unwrap();
    let unknown = peak(|builder| drop(builder.load_from(snapshot)));
    let known = peak(|builder| drop(builder.load(&path)));
    for (peak, length) in [(unknown, "unknown"), (known, "known")] {
        let most = CONSTANT + TIMES * snapshot.len();
        assert!(peak <= most, "{what}: {peak} bytes for {} of input of {length} length", snapshot.len());
    }
}

fn varint(number: u64) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..9).map(|byte| (number >> (7 * byte)) as u8 & 0x7f).collect();
    while bytes.len() > 1 && bytes.last() == Some(&0) {
        bytes.pop();
    }
    let last = bytes.len() - 1;
    bytes[..last].iter_mut().for_each(|byte| *byte |= 0x80);
    bytes
}

#[test]
fn hostile_numbers_allocate_nothing_to_speak_of() {
    let good = Forge::parse(&specimen::snapshot(1_000));
    check("a good one", &good.render());
    for keys in [1 << 20, 1 << 32, 1 << 40, u64::MAX] {
        check("a hint of keys", &Forge { keys, ..Forge::of(vec![]) }.render());
        check("a hint of keys", &Forge { keys, ..good.clone() }.render());
    }
    for len in [1_u32 << 20, 1 << 30, u32::MAX] {
        let mut snapshot = good.render();
        snapshot[24..28].copy_from_slice(&len.to_le_bytes());
        check("a long block", &snapshot);
    }
    for number in [1 << 16, 1 << 20, 1 << 32, 1 << 40, 1 << 62] {
        let head = |fields: u64, key: u64| {
            let numbers = [varint(fields), varint(key)].concat();
            Item::raw([&[2, 1, 0, 0, 0][..], &[0xff; 8], &numbers, b"k"].concat())
        };
        check("a head of many fields", &Forge::of(vec![head(number, 1)]).render());
        check("a head with a long key", &Forge::of(vec![head(1, number)]).render());
        let entry = |len: u64, field: u64| [varint(len), varint(field), b"f".to_vec()].concat();
        let part =
            |entry: Vec<u8>, count: u32| Item::raw([&[3, 1, 0, 0, 0][..], &count.to_le_bytes(), &entry].concat());
        check("a part of many", &Forge::of(vec![head(1, 1), part(entry(4, 1), number as u32)]).render());
        check("a long entry", &Forge::of(vec![head(1, 1), part(entry(number, 1), 1)]).render());
        check("a long field", &Forge::of(vec![head(1, 1), part(entry(4, number), 1)]).render());
        let hash = |fields: u16, key: u64| {
            Item::raw([&[1, 0][..], &fields.to_le_bytes(), &varint(key), &[b'k', 2, 1, b'f']].concat())
        };
        check("a hash with a long key", &Forge::of(vec![hash(1, number)]).render());
        check("a hash of many fields", &Forge::of(vec![hash(u16::MAX, 1)]).render());
    }
    let heads = (0..5_000).map(|id| Item::head(id, u64::MAX, u32::MAX as usize, &id.to_le_bytes()));
    check("many heads of many fields", &Forge::of(heads.collect()).render());
    for parts in [2_000, 20_000] {
        let some: Vec<String> = (0..400).map(|n| format!("{n:03}")).collect();
        let some: Vec<(&[u8], &[u8])> = some.iter().map(|field| (field.as_bytes(), &b""[..])).collect();
        let begun = [Item::head(0, u64::MAX, u32::MAX as usize - 1, b"k"), Item::part(0, &some)];
        let headless = (1..parts).map(|id| Item::part(id, &[(b"", b"")]));
        let forge = Forge { keys: u64::MAX, ..Forge::of(begun.into_iter().chain(headless).collect()) };
        check("a table that claims much before parts without heads", &forge.render());
    }
    let smallest: &[(&[u8], &[u8])] = &[(b"", b"")];
    let small: &[(&[u8], &[u8])] = &[(b"f", b"v")];
    for pairs in [smallest, small] {
        let headless = (0..5_000).map(|id| Item::part(id, pairs));
        check("parts without heads", &Forge::of(headless.collect()).render());
        let pair = |id: u32, fields| [Item::head(id, u64::MAX, fields, &id.to_le_bytes()), Item::part(id, pairs)];
        check("complete tables of a field", &Forge::of((0..5_000).flat_map(|id| pair(id, 1)).collect()).render());
        check("tables that lack a field", &Forge::of((0..5_000).flat_map(|id| pair(id, 2)).collect()).render());
        let late = (0..5_000).flat_map(|id| pair(id, 2)).rev();
        check("heads behind their parts", &Forge::of(late.collect()).render());
    }
    for seed in 0..(4_000.0 * scale()).max(200.0) as u64 {
        let mut source = Source::Seed(mix(seed));
        let mut forge = good.clone();
        (0..3).for_each(|_| forge.mutate(&mut source));
        check("a mutation", &forge.render());
    }
}
