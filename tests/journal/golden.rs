//! Journals in version 1 of the format can be read for ever. `HASHLET_GOLDEN=write` writes the files anew, which is right
//! only for a version that was never released.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::PathBuf;

use hashlet::{ManualClock, Overwrite, StoreBuilder, Thresholds, When};

use super::*;
use crate::support::folder::Folder;
use crate::support::pattern;
use crate::support::time::time;

/// The first of January 2100, in milliseconds since 1970.
const LATER: u64 = 4_102_444_800_000;

fn later() -> When {
    When::At(time(LATER))
}

/// Calls before the first checkpoint, so that their results are in the base.
fn first(store: &Store) {
    store.set_many("user:1", [("name", "Ada"), ("visits", "0"), ("", "")]).unwrap();
    store.set_many("big", (0..40).map(|n| (format!("field:{n}"), pattern(n, 20)))).unwrap();
    store.expire("user:1", later());
    store.expire_field("big", "field:7", later());
    store.set("gone", "f", "v").unwrap();
}

/// Calls of which each effect is in the log after the base.
fn second(store: &Store) {
    store.set("user:1", "name", "Ada Lovelace").unwrap();
    store.increment("user:1", "visits", 41).unwrap();
    store.set_many("user:2", [("name", "Grace"), ("token", "x"), ("note", "y")]).unwrap();
    store.expire_field("user:2", "token", later());
    store.remove("user:2", "note");
    store.persist("user:1");
    store.expire("user:2", later());
    store.remove("big", "field:0");
    store.persist_field("big", "field:7");
    store.copy("user:2", "copy", Overwrite::Yes).unwrap();
    store.rename("user:2", "moved", Overwrite::Yes).unwrap();
    store.clear("gone");
    store.set("long", "value", pattern(3, 300)).unwrap();
}

/// Calls in the last log, which is closed.
fn third(store: &Store) {
    let moved = store.update_many(["user:1", "moved"], |[from, to]| {
        let name = from.take("name").unwrap();
        to.set("name", name)
    });
    moved.unwrap().unwrap();
}

/// Calls on a journal without a base. The last log is not closed.
fn cleared(store: &Store) {
    store.set("a", "f", "v").unwrap();
    store.clear_all();
    store.set("b", "f", "v").unwrap();
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("journal/golden").join(name)
}

/// A store whose hashes become tables early, so that the base has one.
fn builder() -> StoreBuilder {
    Store::builder().thresholds(Thresholds::default().max_fields(16)).clock(&ManualClock::new())
}

fn write(name: &str, work: impl FnOnce(&Path)) {
    if std::env::var("HASHLET_GOLDEN").is_ok_and(|what| what == "write") {
        drop(fs::remove_dir_all(path(name)));
        fs::create_dir_all(path(name)).unwrap();
        work(&path(name));
        fs::remove_file(path(name).join("lock")).unwrap();
    }
}

/// Opens a copy of a golden journal. It must hold what these calls leave in a store.
fn assert_opens(name: &str, calls: &[fn(&Store)], is_closed: bool) {
    let folder = Folder::new();
    for (file, bytes) in files(&path(name)) {
        fs::write(folder.path().join(file), bytes).unwrap();
    }
    let journal = builder().open(folder.path(), quiet()).unwrap();
    let store = builder().build();
    calls.iter().for_each(|call| call(&store));
    assert_eq!(contents(&journal), contents(&store));
    assert_eq!((journal.recovery().was_closed, journal.recovery().bytes_cut), (is_closed, 0));
    assert!(journal.recovery().damage.is_empty());
}

#[test]
fn golden_journals_hold_what_their_calls_have_done() {
    write("v1", |path| {
        let open = || builder().open(path, quiet()).unwrap();
        let journal = open();
        first(&journal);
        journal.checkpoint().unwrap();
        second(&journal);
        drop(journal);
        let journal = open();
        third(&journal);
        journal.close().unwrap();
    });
    assert_opens("v1", &[first, second, third], true);
    write("v1-cleared", |path| cleared(builder().open(path, quiet()).unwrap().deref()));
    assert_opens("v1-cleared", &[cleared], false);
}

/// Every kind of effect is in the golden files.
#[test]
fn golden_journals_have_every_kind_of_effect() {
    let mut kinds = BTreeSet::new();
    for (name, log) in [("v1", "log-2"), ("v1", "log-3"), ("v1-cleared", "log-1")] {
        let bytes = fs::read(path(name).join(log)).unwrap();
        let mut at = 32; // behind the head
        while at < bytes.len() {
            let length = u32::from_le_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
            let mut block = &bytes[at + 24..at + 24 + length];
            while !block.is_empty() {
                let mut entry = string(&mut block);
                while !entry.is_empty() {
                    kinds.insert(effect(&mut entry));
                }
            }
            at += 24 + length;
        }
    }
    assert_eq!(kinds, (1..=12).collect());
}

fn number(bytes: &mut &[u8]) -> usize {
    let (mut number, mut shift) = (0, 0);
    loop {
        let (byte, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            return number;
        }
    }
}

fn string<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let len = number(bytes);
    bytes.split_off(..len).unwrap()
}

/// Skips an effect, as `src/snapshot/format.rs` draws it, and returns its kind.
fn effect(entry: &mut &[u8]) -> u8 {
    let kind = *entry.split_off_first().unwrap();
    let (strings, numbers) = match kind {
        1 | 3 | 7 | 8 => (1, 0),
        2 => (2, 0),
        4 => (1, 1),
        5 => (0, 1),
        6 | 9 | 11 => (0, 0),
        10 => (0, 3),
        12 => (3, 0),
        _ => panic!("kind {kind}"),
    };
    (0..strings).for_each(|_| _ = string(entry));
    entry.split_off(..8 * numbers).unwrap();
    kind
}
