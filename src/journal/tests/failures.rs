//! Each operation of the disk fails in each possible way.

use super::*;
use crate::error::Error;
use crate::random::Random;
use crate::snapshot::tests::disk::{Failure, Fault, Kind};

/// What the calls of a thread were answered.
#[derive(Default)]
struct Answers {
    /// Fields whose write was acknowledged.
    done: Vec<usize>,
    /// Fields whose write was made in memory, and perhaps on the disk.
    unlogged: Vec<usize>,
    refused: usize,
}

impl Answers {
    fn call(&mut self, journal: &Journal<SimulatedDisk>, n: usize) {
        match journal.store.set("key", n.to_string(), "value") {
            Ok(is_new) => {
                assert!(is_new);
                self.done.push(n);
            }
            Err(Error::Unlogged) => self.unlogged.push(n),
            Err(Error::JournalFailed) => self.refused += 1,
            Err(error) => panic!("{error}"),
        }
    }

    /// Asserts that a store has what was acknowledged, and nothing that was refused.
    fn assert_in(&self, store: &Store, told: &str) {
        for n in 0..100 {
            let is_there = store.contains("key", n.to_string());
            let (is_done, is_unlogged) = (self.done.contains(&n), self.unlogged.contains(&n));
            assert!(is_there || !is_done, "{told}: {n} is lost");
            assert!(!is_there || is_done || is_unlogged, "{told}: {n} was refused");
        }
    }
}

/// Writes, makes a checkpoint, and writes again, as far as the disk allows.
fn work(journal: &Journal<SimulatedDisk>) -> (Answers, bool) {
    let mut answers = Answers::default();
    (0..3).for_each(|n| answers.call(journal, n));
    let is_made = journal.checkpoint().is_ok();
    journal.create_next_log();
    (3..6).for_each(|n| answers.call(journal, n));
    (answers, is_made)
}

#[test]
fn a_failure_of_any_operation_is_told_and_healed_and_loses_nothing_acknowledged() {
    let clock = ManualClock::new();
    let trial = SimulatedDisk::new();
    let (journal, _) = open(&trial, &clock, Durability::Always).unwrap();
    let opened = trial.operations().len();
    work(&journal);
    let operations = trial.operations();
    let (mut refused, mut unlogged, mut failed_checkpoints) = (0, 0, 0);
    for (number, kind) in operations.iter().enumerate().skip(opened) {
        for (failure, sticky) in
            [(Failure::Damaged, false), (Failure::Damaged, true), (Failure::NoSpace, false), (Failure::NoSpace, true)]
        {
            let told = format!("{failure:?} at {number}, {kind:?}, sticky: {sticky}");
            let disk = SimulatedDisk::new();
            let (journal, _) = open(&disk, &clock, Durability::Always).unwrap();
            let fault = Fault::after(number - opened, failure);
            disk.fail(Some(if sticky { fault.sticky() } else { fault }));
            let (mut answers, is_made) = work(&journal);
            failed_checkpoints += usize::from(!is_made);
            unlogged += answers.unlogged.len();
            refused += answers.refused;
            let has_failed = journal.tail.status().failure.is_some();
            assert_eq!(has_failed, journal.sync().is_err() && answers.refused + answers.unlogged.len() > 0, "{told}");
            // Memory has what was acknowledged or made, and reads and removals work.
            answers.assert_in(&journal.store, &told);
            assert!(!journal.store.remove("key", "missing"), "{told}");
            // A loss of power leaves what was acknowledged.
            let mut random = Random::seeded(number as u64);
            let lose_power = |answers: &Answers, random: &mut Random| {
                for _ in 0..10 {
                    let image = disk.random_image(disk.operations().len(), random);
                    let (journal, _) =
                        open(&image, &clock, Durability::Always).unwrap_or_else(|error| panic!("{told}: {error}"));
                    answers.assert_in(&journal.store, &told);
                }
            };
            lose_power(&answers, &mut random);
            // The disk works again.
            disk.fail(None);
            if has_failed {
                assert!(matches!(journal.sync(), Err(JournalError::Failed { .. })), "{told}");
                journal.checkpoint().unwrap_or_else(|error| panic!("{told}: {error}"));
            }
            journal.sync().unwrap_or_else(|error| panic!("{told}: {error}"));
            // What was only in memory is safe by now.
            let made = std::mem::take(&mut answers.unlogged);
            answers.done.extend(made);
            (10..13).for_each(|n| answers.call(&journal, n));
            assert_eq!(answers.unlogged, [0; 0], "{told}");
            lose_power(&answers, &mut random);
            let now = contents(&journal.store);
            drop(journal);
            let (journal, _) = open(&disk, &clock, Durability::Always).unwrap();
            assert_eq!(contents(&journal.store), now, "{told}");
        }
    }
    assert!(refused > 20 && unlogged > 5 && failed_checkpoints > 20, "{refused}, {unlogged}, {failed_checkpoints}");
}

#[test]
fn an_open_that_fails_leaves_everything_as_it_was() {
    let clock = ManualClock::new();
    let prepare = || {
        let disk = SimulatedDisk::new();
        let (journal, _) = open(&disk, &clock, Durability::Always).unwrap();
        (0..3).for_each(|n| _ = journal.store.set("key", n.to_string(), "value").unwrap());
        journal.checkpoint().unwrap();
        (3..6).for_each(|n| _ = journal.store.set("key", n.to_string(), "value").unwrap());
        let expected = contents(&journal.store);
        drop(journal);
        disk.settle();
        (disk, expected)
    };
    let (trial, _) = prepare();
    drop(open(&trial, &clock, Durability::Always).unwrap());
    for (number, kind) in trial.operations().iter().enumerate() {
        for sticky in [false, true] {
            let told = format!("at {number}, {kind:?}, sticky: {sticky}");
            let (disk, expected) = prepare();
            let fault = Fault::after(number, Failure::Damaged);
            disk.fail(Some(if sticky { fault.sticky() } else { fault }));
            match open(&disk, &clock, Durability::Always) {
                // What does not stop it: files that cannot be removed, or created ahead of time.
                Ok(_) => assert!(matches!(kind, Kind::Remove | Kind::Create | Kind::SyncFolder), "{told}"),
                Err(JournalError::Io { .. }) => {}
                Err(error) => panic!("{told}: {error}"),
            }
            disk.fail(None);
            let (journal, _) =
                open(&disk, &clock, Durability::Always).unwrap_or_else(|error| panic!("{told}: {error}"));
            assert_eq!(contents(&journal.store), expected, "{told}");
        }
    }
}

#[test]
fn a_failed_checkpoint_leaves_the_journal_working() {
    let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
    let (journal, _) = open(&disk, &clock, Durability::Always).unwrap();
    journal.store.set("key", "before", "value").unwrap();
    // The rename of the base fails.
    disk.fail(Some(Fault::after(0, Failure::Damaged).of(Kind::Rename)));
    assert!(matches!(journal.checkpoint(), Err(JournalError::Io { .. })));
    let status = journal.status();
    assert!(status.failure.is_none() && status.checkpoint_failure.is_some());
    journal.store.set("key", "after", "value").unwrap();
    assert!(disk.paths().iter().all(|path| !path.to_string_lossy().contains("base")), "{:?}", disk.paths());
    let expected = contents(&journal.store);
    drop(journal);
    let (journal, recovery) = open(&disk, &clock, Durability::Always).unwrap();
    assert_eq!((contents(&journal.store), recovery.logs.len()), (expected, 2));
    journal.checkpoint().unwrap();
    assert!(journal.status().checkpoint_failure.is_none());
    assert_eq!(disk.paths().len(), 3, "the lock, the base and its log: {:?}", disk.paths());
}
