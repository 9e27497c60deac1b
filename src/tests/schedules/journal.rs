//! Calls on a store with a journal, while the log is cut, fails, or is closed.

use std::path::Path;
use std::sync::{Arc, Mutex};

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::explore::explore;
use super::scene::{Shape, builder};
use crate::Error;
use crate::journal::{Durability, Journal, JournalOptions};
use crate::random::Random;
use crate::snapshot::tests::disk::{Failure, Fault, SimulatedDisk};

const WRITERS: usize = 2;
const CALLS: usize = 3;

type Opened = Journal<SimulatedDisk>;

fn open(disk: &SimulatedDisk, shape: Shape, options: JournalOptions) -> Opened {
    Journal::open(disk.clone(), Path::new("data"), &builder(shape), options).unwrap().0
}

fn always() -> JournalOptions {
    JournalOptions::new().durability(Durability::Always)
}

/// The calls of each writer that were acknowledged, and those that may be lost.
type Acknowledged = Arc<Mutex<[(usize, usize); WRITERS]>>;

/// Moves one from a key that all share to the writer's own key, again and again. Both in one step.
fn write(journal: &Opened, writer: usize, acknowledged: &Acknowledged) {
    for _ in 0..CALLS {
        let own = format!("own:{writer}");
        let moved = journal.store.update_many([own.as_str(), "shared"], |[own, shared]| {
            own.increment("n", 1)?;
            shared.increment("n", -1)
        });
        let acknowledged = &mut acknowledged.lock().unwrap()[writer];
        match moved {
            Ok(Ok(_)) => acknowledged.0 += 1,
            Err(Error::Unlogged) => acknowledged.1 += 1,
            Ok(Err(Error::JournalFailed)) | Err(Error::JournalFailed) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn number(journal: &Opened, key: &str) -> i64 {
    let value = journal.store.get(key, "n");
    value.map_or(0, |value| String::from_utf8(value).unwrap().parse().unwrap())
}

/// Asserts that a journal has what was acknowledged, perhaps what may be lost, and no half of a call.
fn assert_holds(disk: &SimulatedDisk, shape: Shape, acknowledged: [(usize, usize); WRITERS], all: usize) {
    let journal = open(disk, shape, always());
    let mut sum = number(&journal, "shared");
    for (writer, (done, _)) in acknowledged.into_iter().enumerate() {
        let found = number(&journal, &format!("own:{writer}"));
        assert!((done as i64..=all as i64).contains(&found), "writer {writer}: {found} of {done}");
        sum += found;
    }
    assert_eq!(sum, 0, "half of a call");
}

/// Two writers, and something that happens meanwhile. Then the power fails at a moment that was drawn, and must leave
/// everything that was acknowledged before.
fn lose_power(may_fail: bool, beside: impl Fn(&Arc<Opened>, &SimulatedDisk) + Send + Sync + 'static) {
    let beside = Arc::new(beside);
    explore(move || {
        let (disk, shape) = (SimulatedDisk::new(), Shape::draw(2));
        let journal = Arc::new(open(&disk, shape, always()));
        let acknowledged = Acknowledged::default();
        let mut threads: Vec<thread::JoinHandle<()>> = (0..WRITERS)
            .map(|writer| {
                let (journal, acknowledged) = (Arc::clone(&journal), Arc::clone(&acknowledged));
                thread::spawn(move || write(&journal, writer, &acknowledged))
            })
            .collect();
        let (own, own_disk, beside) = (Arc::clone(&journal), disk.clone(), Arc::clone(&beside));
        threads.push(thread::spawn(move || beside(&own, &own_disk)));
        for _ in 0..thread_rng().gen_range(0..30) {
            thread::yield_now();
        }
        let before = *acknowledged.lock().unwrap();
        let done = disk.operations().len();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let image = disk.random_image(done, &mut Random::seeded(thread_rng().r#gen()));
        assert_holds(&image, shape, before, CALLS);
        // Without a loss of power.
        disk.fail(None);
        let after = *acknowledged.lock().unwrap();
        assert!(may_fail || after == [(CALLS, 0); WRITERS], "{after:?}");
        drop(journal);
        assert_holds(&disk, shape, after, CALLS);
    });
}

#[test]
fn a_checkpoint_beside_writers_loses_nothing() {
    lose_power(false, |journal, _| _ = journal.checkpoint().unwrap());
}

#[test]
fn two_checkpoints_and_a_save_beside_writers_lose_nothing() {
    lose_power(false, |journal, _| {
        journal.checkpoint().unwrap();
        journal.store.save_to(std::io::sink()).unwrap();
        journal.create_next_log();
        journal.checkpoint().unwrap();
    });
}

#[test]
fn a_log_that_fails_beside_writers_keeps_what_was_acknowledged() {
    lose_power(true, |journal, disk| {
        let failing = thread_rng().gen_range(0..12);
        disk.fail(Some(Fault::after(failing, Failure::Damaged)));
        let _may_fail = journal.checkpoint();
    });
}

#[test]
fn a_healing_beside_writers_makes_all_safe() {
    lose_power(true, |journal, disk| {
        disk.fail(Some(Fault::after(thread_rng().gen_range(0..6), Failure::NoSpace)));
        let _may_fail = journal.sync();
        thread::yield_now();
        disk.fail(None);
        if journal.checkpoint().is_ok() && journal.tail.status().failure.is_none() {
            assert!(journal.sync().is_ok());
        }
    });
}

#[test]
fn a_journal_that_is_closed_beside_writers_keeps_what_was_acknowledged() {
    lose_power(true, |journal, _| journal.close(true).unwrap());
}

#[test]
fn a_close_beside_a_checkpoint_keeps_what_was_acknowledged() {
    lose_power(true, |journal, _| {
        let own = Arc::clone(journal);
        let checkpoint = thread::spawn(move || _ = own.checkpoint());
        journal.close(true).unwrap();
        checkpoint.join().unwrap();
    });
}

/// Nobody waits for ever if more waits to be written than may.
#[test]
fn writers_wait_for_room_without_a_lock() {
    explore(|| {
        let disk = SimulatedDisk::new();
        let every = Durability::Every(std::time::Duration::from_secs(1));
        let options = JournalOptions::new().durability(every).max_waiting(1);
        let journal = Arc::new(open(&disk, Shape::draw(2), options));
        let acknowledged = Acknowledged::default();
        let threads: Vec<thread::JoinHandle<()>> = (0..WRITERS)
            .map(|writer| {
                let (journal, acknowledged) = (Arc::clone(&journal), Arc::clone(&acknowledged));
                thread::spawn(move || write(&journal, writer, &acknowledged))
            })
            .collect();
        while acknowledged.lock().unwrap().iter().any(|(done, _)| *done < CALLS) {
            journal.sync().unwrap();
            thread::yield_now();
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Calls that wait for nothing are written all the same, if they return before the journal is closed.
#[test]
fn a_close_beside_a_checkpoint_writes_what_was_done_before() {
    explore(|| {
        let (disk, shape) = (SimulatedDisk::new(), Shape::draw(2));
        let every = JournalOptions::new().durability(Durability::Every(std::time::Duration::from_secs(1)));
        let journal = Arc::new(open(&disk, shape, every));
        let acknowledged = Acknowledged::default();
        let (own, own_acknowledged) = (Arc::clone(&journal), Arc::clone(&acknowledged));
        let writer = thread::spawn(move || write(&own, 0, &own_acknowledged));
        let own = Arc::clone(&journal);
        let checkpoint = thread::spawn(move || _ = own.checkpoint());
        for _ in 0..thread_rng().gen_range(0..30) {
            thread::yield_now();
        }
        let before = *acknowledged.lock().unwrap();
        journal.close(false).unwrap();
        writer.join().unwrap();
        checkpoint.join().unwrap();
        drop(journal);
        assert_holds(&disk, shape, before, CALLS);
    });
}
