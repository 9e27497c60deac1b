//! What is refused: calls after a close, folders that cannot be opened, and contents that exceed the limits of a store.

use std::fs;
use std::sync::Arc;

use hashlet::{Durable, Error, JournalError, Limits, Store, StoreBuilder};

use super::{HOUR, LEVELS, contents, files, open, quiet};
use crate::support::folder::Folder;

/// Checks a store whose journal is closed.
fn assert_refuses(store: &Store) {
    let before = contents(store);
    let failed = Err(Error::JournalFailed);
    assert_eq!(store.set("key", "f", "v").map(drop), failed);
    assert_eq!(store.set("new", "f", "v").map(drop), failed);
    assert_eq!(store.set_many("key", [("f", "v")]).map(drop), failed);
    assert_eq!(store.set_if_absent("key", "new", "v").map(drop), failed);
    assert_eq!(store.compare_and_set("key", "f", Some(b"0"), Some(b"1")).map(drop), failed);
    assert_eq!(store.increment("key", "n", 1).map(drop), failed);
    assert_eq!(store.increment_float("key", "n", 1.0).map(drop), failed);
    assert_eq!(store.rename("key", "new", hashlet::Overwrite::Yes).map(drop), failed);
    assert_eq!(store.copy("key", "new", hashlet::Overwrite::Yes).map(drop), failed);
    assert_eq!(store.update("key", |hash| hash.set("f", "v").map(drop)), failed);
    let both = store.update_many(["key", "new"], |[key, new]| (key.set("f", "v").map(drop), new.increment("n", 1)));
    assert!(matches!(both, Err(Error::JournalFailed) | Ok((Err(Error::JournalFailed), Err(Error::JournalFailed)))));
    assert_eq!(store.try_update("key", |hash| hash.set("f", "v").map(drop)), failed);
    assert_eq!(contents(store), before, "nothing was changed");
    // What a full store does, too, is done in memory.
    assert_eq!(store.get("key", "f").as_deref(), Some(&b"0"[..]));
    assert_eq!(store.expire_field("key", "f", HOUR), hashlet::ExpireOutcome::Set);
    assert!(store.persist_field("key", "f"));
    assert!(store.remove("key", "f"));
    assert_eq!(store.take("key", "n").as_deref(), Some(&b"7"[..]));
    assert!(store.update("other", |hash| hash.remove("f")));
    assert!(!store.contains_key("key") && !store.contains_key("other"));
    assert!(store.clear("third"));
    store.clear_all();
    assert!(store.is_empty());
}

#[test]
fn after_the_end_of_its_journal_a_store_refuses_what_can_be_refused() {
    for level in LEVELS {
        for ends in [drop as fn(Durable), |journal| journal.close().unwrap()] {
            let folder = Folder::in_memory();
            let journal = Store::builder().open(folder.path(), quiet().durability(level)).unwrap();
            journal.set_many("key", [("f", "0"), ("n", "7")]).unwrap();
            journal.set("other", "f", "v").unwrap();
            journal.set("third", "f", "v").unwrap();
            let before = contents(&journal);
            let store = Arc::clone(journal.store());
            ends(journal);
            assert_refuses(&store);
            let journal = open(folder.path());
            assert_eq!(contents(&journal), before, "nobody was told that the removals are durable");
            assert!(store.is_empty());
        }
    }
}

#[test]
fn a_journal_is_open_once() {
    let folder = Folder::in_memory();
    let journal = open(folder.path());
    let again = || Store::builder().open(folder.path(), quiet());
    assert!(matches!(again(), Err(JournalError::Locked { folder: locked }) if locked == folder.path()));
    // Another way to the same folder.
    let around = folder.path().join("..").join(folder.path().file_name().unwrap());
    assert!(matches!(Store::builder().open(around, quiet()), Err(JournalError::Locked { .. })));
    let store = Arc::clone(journal.store());
    drop(journal);
    drop(again().expect("a store without its journal locks nothing"));
    drop(store);
}

#[test]
fn a_checkpoint_is_refused_if_the_lock_file_was_removed() {
    let folder = Folder::in_memory();
    let journal = open(folder.path());
    journal.set("key", "f", "v").unwrap();
    fs::remove_file(folder.path().join("lock")).unwrap();
    let before = files(folder.path());
    assert!(matches!(journal.checkpoint(), Err(JournalError::Locked { .. })));
    assert!(matches!(journal.status().checkpoint_failure, Some(JournalError::Locked { .. })));
    assert_eq!(files(folder.path()).keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    journal.sync().unwrap();
    drop(journal);
    assert!(open(folder.path()).contains_key("key"));
}

#[test]
fn a_folder_is_created_and_anything_else_in_its_place_is_an_error() {
    let folder = Folder::in_memory();
    let deep = folder.path().join("a").join("b").join("c");
    open(&deep).set("key", "f", "v").unwrap();
    assert!(open(&deep).contains_key("key"));
    fs::write(folder.file(), "a file").unwrap();
    for place in [folder.file(), folder.file().join("deeper")] {
        let refused = Store::builder().open(&place, quiet());
        assert!(matches!(refused, Err(JournalError::Io { .. })), "{refused:?}");
    }
    assert_eq!(fs::read(folder.file()).unwrap(), b"a file");
    let refused = Store::builder().open("", quiet());
    assert!(matches!(refused, Err(JournalError::Io { .. })), "{refused:?}");
}

#[test]
fn files_of_others_are_left_alone() {
    let folder = Folder::in_memory();
    let others = [
        "base",
        "base-",
        "base-0",
        "base-01",
        "base-x",
        "base-1.damaged",
        "base-18446744073709551615",
        "log-0",
        "log-01",
        "log-1.damaged",
        "log--1",
        "log-+1",
        "Log-1",
        "store.hashlet",
        "notes.txt",
        "base-1.notes",
        ".hidden",
        "base-1.12.tmp",
    ];
    for name in others {
        fs::write(folder.path().join(name), "another's").unwrap();
    }
    fs::create_dir(folder.path().join("folder")).unwrap();
    for n in 0..4 {
        let journal = open(folder.path());
        assert_eq!(journal.increment("counter", "n", 1), Ok(n + 1));
        if n % 2 == 1 {
            journal.checkpoint().unwrap();
        }
    }
    let files = files(folder.path());
    assert!(others.iter().all(|name| files[*name] == b"another's"));
    assert!(folder.path().join("folder").is_dir());
}

/// Asserts that a store with these limits cannot open the journal, and that nothing is changed.
fn assert_too_large(folder: &Folder, builder: StoreBuilder, is_right: impl Fn(Error) -> bool) {
    let before = files(folder.path());
    match builder.open(folder.path(), quiet().salvage(true)) {
        Err(JournalError::TooLarge { file, error }) => {
            assert!(is_right(error), "{error}");
            assert!(file.starts_with(folder.path()) && file.is_file(), "{}", file.display());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(files(folder.path()), before);
}

#[test]
fn contents_that_exceed_a_limit_of_the_new_store_are_refused_and_stay() {
    for has_base in [false, true] {
        let folder = Folder::in_memory();
        let journal = open(folder.path());
        journal.set_many("a long key", (0..50).map(|n| (format!("f{n}"), "x".repeat(100)))).unwrap();
        for n in 0..100 {
            journal.set(format!("key:{n}"), "f", "x".repeat(500)).unwrap();
        }
        if has_base {
            journal.checkpoint().unwrap();
        }
        let before = contents(&journal);
        journal.close().unwrap();
        let limited = |limits: Limits| Store::builder().limits(limits);
        let limits = Limits::default();
        assert_too_large(&folder, limited(limits.max_fields(49)), |error| matches!(error, Error::TooManyFields { .. }));
        assert_too_large(&folder, limited(limits.max_string(499)), |error| matches!(error, Error::ValueTooLong { .. }));
        assert_too_large(&folder, limited(limits.max_key(9)), |error| matches!(error, Error::KeyTooLong { .. }));
        assert_too_large(&folder, limited(limits.max_bytes(40_000)), |error| matches!(error, Error::Full { .. }));
        let exact = limits.max_fields(50).max_string(500).max_key(10).max_bytes(2_000_000);
        let journal = limited(exact).open(folder.path(), quiet()).unwrap();
        assert_eq!(contents(&journal), before);
        let full = (0..).find_map(|n| journal.set(format!("more:{n}"), "f", "x".repeat(500)).err());
        assert!(matches!(full, Some(Error::Full { .. })), "the limit holds from now on");
    }
}

#[test]
fn a_store_that_was_full_for_a_while_is_opened_again() {
    let folder = Folder::in_memory();
    let open = || {
        let builder = Store::builder().shards(1).limits(Limits::default().max_bytes(100_000));
        builder.open(folder.path(), quiet()).unwrap()
    };
    let journal = open();
    let mut refused = 0;
    for n in 0..3_000 {
        if journal.set(format!("key:{}", n % 700), n.to_string(), "x".repeat(n % 400)).is_err() {
            refused += 1;
            journal.clear(format!("key:{}", n % 350));
        }
    }
    assert!(refused > 10);
    let before = contents(&journal);
    drop(journal);
    assert_eq!(contents(&open()), before);
}
