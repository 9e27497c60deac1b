//! Journals that are opened again after something unusual.

use super::*;
use crate::journal::MOST_LOGS;
use crate::options::Limits;
use crate::random::Random;
use crate::snapshot::tests::disk::{DEFAULT_MODE, Failure, Fault};
use crate::store::Overwrite;

/// What a killed process has only written, but not synced, counts from the next opening on. So it must be synced then.
#[test]
fn what_a_killed_process_has_left_outlasts_a_loss_of_power_after_the_next_opening() {
    for seed in 0..50 {
        let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
        let journal = open(&disk, &clock, Durability::Os).unwrap().0;
        journal.store.set("a", "f", "1").unwrap();
        drop(journal);
        let journal = open(&disk, &clock, Durability::Always).unwrap().0;
        journal.store.set("b", "f", "2").unwrap();
        let image = disk.random_image(disk.operations().len(), &mut Random::seeded(seed));
        let (journal, _) = open(&image, &clock, Durability::Always).unwrap();
        assert!(journal.store.contains_key("a") && journal.store.contains_key("b"));
    }
}

/// The store had the room for what its calls did, one after the other. In the end everything is counted.
#[test]
fn a_limit_refuses_nothing_that_is_done_again() {
    let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
    let open = || {
        let builder = builder(&clock).limits(Limits::default().max_bytes(3 << 20));
        let options = JournalOptions::new().durability(Durability::Always);
        Journal::open(disk.clone(), Path::new(FOLDER), &builder, options).unwrap().0
    };
    let journal = open();
    journal.store.set("big", "f", "x".repeat(2 << 20)).unwrap();
    journal.store.set("small", "f", "1").unwrap();
    journal.checkpoint().unwrap();
    journal.store.clear("big");
    journal.store.copy("small", "other", Overwrite::Yes).unwrap();
    journal.store.rename("small", "a key that is longer", Overwrite::Yes).unwrap();
    journal.store.set("big", "g", "y".repeat(2 << 20)).unwrap();
    let expected = contents(&journal.store);
    drop(journal);
    let journal = open();
    assert_eq!(contents(&journal.store), expected);
    #[cfg(feature = "testing")]
    journal.store.validate();
    assert!(matches!(journal.store.set("more", "f", "z".repeat(2 << 20)), Err(crate::Error::Full { .. })));
}

#[test]
fn many_openings_make_a_checkpoint_due() {
    let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
    for _ in 0..MOST_LOGS {
        let (journal, _) = open(&disk, &clock, Durability::Always).unwrap();
        assert!(!journal.is_checkpoint_due());
    }
    let (journal, _) = open(&disk, &clock, Durability::Always).unwrap();
    assert!(journal.is_checkpoint_due());
    journal.checkpoint().unwrap();
    assert!(!journal.is_checkpoint_due());
}

/// The log of a healing continues nothing but its own base.
#[test]
fn a_log_whose_base_is_missing_is_refused_if_it_has_entries() {
    let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
    let journal = open(&disk, &clock, Durability::Always).unwrap().0;
    journal.store.set("a", "f", "1").unwrap();
    disk.fail(Some(Fault::after(0, Failure::Damaged)));
    assert_eq!(journal.store.set("a", "g", "1"), Err(crate::Error::Unlogged));
    disk.fail(None);
    journal.checkpoint().unwrap();
    journal.store.set("b", "f", "1").unwrap();
    drop(journal);
    let copy = SimulatedDisk::new();
    for path in disk.paths().into_iter().filter(|path| !path.to_string_lossy().contains("base")) {
        copy.put(&path, &disk.bytes(&path).unwrap(), DEFAULT_MODE);
    }
    let refused = open(&copy, &clock, Durability::Always).map(drop);
    assert!(matches!(&refused, Err(JournalError::Corrupt { file, .. }) if file.ends_with("base-2")), "{refused:?}");
}

/// A call inside a closure is refused before it waits for anything.
#[test]
fn a_call_inside_a_closure_panics_even_if_the_journal_has_failed() {
    let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
    let journal = open(&disk, &clock, Durability::Always).unwrap().0;
    disk.fail(Some(Fault::after(0, Failure::Damaged)));
    assert_eq!(journal.store.set("a", "f", "1"), Err(crate::Error::Unlogged));
    let call = || journal.store.read("a", |_| journal.store.set("a", "g", "1"));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err());
}

/// A hash that comes from elsewhere is a write like any other.
#[test]
fn a_hash_that_is_put_tells_that_the_journal_has_failed() {
    let from = crate::Store::new();
    from.set("a", "f", "1").unwrap();
    let dump = from.dump("a").unwrap();
    for by_dump in [false, true] {
        let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
        let journal = open(&disk, &clock, Durability::Always).unwrap().0;
        disk.fail(Some(Fault::after(0, Failure::Damaged)));
        if by_dump {
            let put = journal.store.restore("b", &dump, crate::Overwrite::Yes);
            assert!(matches!(put, Err(crate::SnapshotError::Refused(crate::Error::Unlogged))), "{put:?}");
        } else {
            let put = from.copy_into("a", &journal.store, "b", crate::Overwrite::Yes);
            assert_eq!(put, Err(crate::Error::Unlogged));
        }
        assert!(journal.store.contains("b", "f"));
    }
}
