//! A forked child has a copy of the store, and of the open files. It writes nothing to them.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hashlet::{Durability, Error, JournalError, JournalOptions, Store};

use crate::process::in_child;
use crate::support::folder::Folder;
use crate::{HOUR, alone, contents, open};

const LEVELS: [Durability; 3] = [Durability::Always, Durability::Os, Durability::Every(HOUR)];

fn options(level: Durability) -> JournalOptions {
    JournalOptions::new().durability(level).checkpoint_after(u64::MAX, 1.0)
}

fn is_forked<R>(result: Result<R, JournalError>) -> bool {
    result.is_err_and(|error| matches!(error, JournalError::Forked))
}

#[test]
fn a_forked_child_writes_nothing_and_its_parent_goes_on() {
    for level in LEVELS {
        let _alone = alone();
        let folder = Folder::in_memory();
        let journal = Store::builder().open(folder.path(), options(level)).unwrap();
        journal.set("parent", "before", "v").unwrap();
        journal.sync().unwrap();
        journal.set("parent", "waiting", "v").unwrap();
        let names = folder.names();
        let mut journal = Some(journal);
        let child = in_child(|| {
            let journal = journal.take().unwrap();
            let written = journal.set("child", "f", "v");
            let is_told = match level {
                // Nobody is told at this level, unless there is a sync, or the thread of the journal was busy.
                Durability::Every(_) => written.is_ok() || written == Err(Error::Unlogged),
                _ => written == Err(Error::Unlogged),
            };
            let now = pin!(journal.synced()).poll(&mut Context::from_waker(Waker::noop()));
            let is_refused = is_forked(journal.sync())
                && matches!(now, Poll::Ready(Err(JournalError::Forked)))
                && is_forked(journal.checkpoint())
                && is_forked(journal.checkpoint());
            journal.remove("parent", "before");
            let in_memory = journal.contains("child", "f") && !journal.contains("parent", "before");
            let store = Arc::clone(journal.store());
            is_told && is_refused && in_memory && is_forked(journal.close()) && store.contains_key("parent")
        });
        child.assert_right();
        in_child(|| {
            drop(journal.take());
            true
        })
        .assert_right();
        assert_eq!(folder.names(), names);
        let journal = journal.unwrap();
        assert!(
            matches!(Store::builder().open(folder.path(), options(level)), Err(JournalError::Locked { .. })),
            "the children have unlocked it"
        );
        journal.set("parent", "after", "v").unwrap();
        journal.sync().unwrap();
        journal.checkpoint().unwrap();
        journal.set("parent", "last", "v").unwrap();
        let held = contents(&journal);
        journal.close().unwrap();
        let journal = open(folder.path());
        assert_eq!(contents(&journal), held, "{level:?}");
        assert_eq!(journal.fields("parent").len(), 4);
        assert!(!journal.contains_key("child"));
    }
}

/// The thread of a journal that was just opened is busy. A child may be forked while that thread holds the lock of what
/// waits to be written.
#[test]
fn a_forked_child_does_not_wait_for_the_lock_of_a_thread_that_it_does_not_have() {
    for level in LEVELS.into_iter().cycle().take(60) {
        let _alone = alone();
        let folder = Folder::in_memory();
        let journal = Store::builder().open(folder.path(), options(level)).unwrap();
        in_child(|| {
            let written = journal.set("key", "of", "the child");
            let now = pin!(journal.synced()).poll(&mut Context::from_waker(Waker::noop()));
            let (before, synced) = (journal.status(), journal.sync());
            let again = journal.set("key", "of", "the child again");
            before.waiting_bytes < 100
                && [written.map(drop), again.map(drop)].iter().all(|it| matches!(it, Ok(()) | Err(Error::Unlogged)))
                && matches!(now, Poll::Ready(Err(JournalError::Forked)))
                && is_forked(synced)
        })
        .assert_right();
    }
}

#[test]
fn a_forked_child_does_not_wait_for_a_writer_that_it_does_not_have() {
    let _alone = alone();
    let folder = Folder::in_memory();
    let level = Durability::Every(HOUR);
    let journal = Store::builder().open(folder.path(), options(level).max_waiting(1_000)).unwrap();
    in_child(|| {
        // What the child did cannot wait for ever in its memory.
        let unlogged = |n: &i32| journal.set("key", n.to_string(), "x".repeat(200)) == Err(Error::Unlogged);
        (0..100).filter(unlogged).count() > 90 && journal.size("key") == 100 && journal.status().waiting_bytes <= 1_000
    })
    .assert_right();
    for n in 0..100 {
        journal.set("key", n.to_string(), "y".repeat(200)).unwrap();
    }
    journal.close().unwrap();
    assert_eq!(open(folder.path()).size("key"), 100);
}

#[test]
fn a_forked_child_can_have_a_journal_of_its_own() {
    let _alone = alone();
    let (parents, childs) = (Folder::in_memory(), Folder::in_memory());
    let journal = open(parents.path());
    journal.set("key", "of", "the parent").unwrap();
    in_child(|| {
        let own = open(childs.path());
        own.set("key", "of", "the child").is_ok()
            && own.sync().is_ok()
            && own.checkpoint().is_ok()
            && own.close().is_ok()
    })
    .assert_right();
    journal.close().unwrap();
    assert_eq!(open(childs.path()).get("key", "of").as_deref(), Some(&b"the child"[..]));
    assert_eq!(open(parents.path()).get("key", "of").as_deref(), Some(&b"the parent"[..]));
}
