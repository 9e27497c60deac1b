//! What waits for a journal: syncs, futures, writers that are too fast; and what its thread does by itself.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use hashlet::{Durability, JournalError, Store};

use super::{LEVELS, open, quiet};
use crate::support::folder::Folder;
use crate::support::waiting::wait_until;

type Synced = Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send>>;

/// A waker that counts.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll(future: &mut Synced, woken: &Arc<Woken>) -> Poll<Result<(), JournalError>> {
    future.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(woken))))
}

#[test]
fn a_sync_and_a_future_that_is_ready_leave_nothing_to_lose() {
    let folder = Folder::in_memory();
    let journal = open(folder.path());
    for n in 1..20 {
        journal.set("key", "n", n.to_string()).unwrap();
        assert!(journal.status().waiting_bytes > 0);
        assert_eq!(open(folder.copy().path()).get("key", "n").map(|n| n.len()).is_none(), n == 1, "nobody has waited");
        if n % 2 == 0 {
            journal.sync().unwrap();
        } else {
            let mut synced: Synced = Box::pin(journal.synced());
            let woken = Arc::new(Woken::default());
            while poll(&mut synced, &woken).is_pending() {
                wait_until(|| woken.0.swap(0, SeqCst) > 0);
            }
        }
        assert_eq!(journal.status().waiting_bytes, 0);
        assert_eq!(open(folder.copy().path()).get("key", "n"), Some(n.to_string().into_bytes()));
    }
}

#[test]
fn calls_have_waited_when_they_return_as_their_level_promises() {
    for level in LEVELS {
        let folder = Folder::in_memory();
        let journal = Store::builder().open(folder.path(), quiet().durability(level)).unwrap();
        let is_written = || open(folder.copy().path()).get("key", "n");
        let waits = !matches!(level, Durability::Every(_));
        journal.set("key", "n", "1").unwrap();
        assert_eq!(is_written().is_some(), waits, "{level:?}");
        journal.increment("key", "n", 1).unwrap();
        assert_eq!(is_written() == Some(b"2".to_vec()), waits, "{level:?}");
        assert!(journal.remove("key", "n"));
        assert!(is_written().is_none(), "{level:?}");
        journal.update("key", |hash| hash.set("n", "3").unwrap());
        assert_eq!(is_written() == Some(b"3".to_vec()), waits, "{level:?}");
        assert_eq!(journal.status().waiting_bytes == 0, waits, "{level:?}");
    }
}

#[test]
fn many_tasks_wait_for_syncs_and_some_of_them_give_up() {
    let folder = Folder::in_memory();
    let journal = open(folder.path());
    let woken: Vec<Arc<Woken>> = (0..200).map(|_| Arc::default()).collect();
    let mut futures: Vec<Option<Synced>> = Vec::new();
    for (n, woken) in woken.iter().enumerate() {
        journal.set("key", n.to_string(), "v").unwrap();
        let mut future: Synced = Box::pin(journal.synced());
        if n % 3 > 0 {
            // The thread of the journal may be faster.
            if poll(&mut future, woken).is_ready() {
                woken.0.fetch_add(1, SeqCst);
                futures.push(None);
                continue;
            }
        }
        futures.push(Some(future));
    }
    let mut dropped = 0;
    for future in futures.iter_mut().step_by(7) {
        dropped += usize::from(future.take().is_some());
    }
    assert!(dropped > 0);
    for (n, future) in futures.iter_mut().enumerate() {
        let Some(mut future) = future.take() else { continue };
        let (others, own) = (&woken[n], Arc::new(Woken::default()));
        if n % 3 > 0 {
            wait_until(|| others.0.load(SeqCst) > 0);
        }
        while poll(&mut future, &own).is_pending() {
            wait_until(|| own.0.swap(0, SeqCst) > 0);
        }
    }
    assert_eq!(open(folder.copy().path()).size("key"), 200);
    // A future that moves to another task wakes the last one only.
    journal.set("key", "last", "v").unwrap();
    let mut future: Synced = Box::pin(journal.synced());
    let wakers: [Arc<Woken>; 2] = Default::default();
    let polls = wakers.each_ref().map(|woken| poll(&mut future, woken).is_pending());
    if polls == [true; 2] {
        wait_until(|| wakers[1].0.load(SeqCst) == 1);
    }
    drop(future);
    // A future outlives the journal that it is of.
    journal.set("key", "after", "v").unwrap();
    let (before, mut after): (Synced, Synced) = (Box::pin(journal.synced()), Box::pin(journal.synced()));
    drop(journal);
    assert!(matches!(poll(&mut after, &Arc::default()), Poll::Ready(Ok(()))), "the drop has synced");
    drop(before);
    let journal = open(folder.path());
    let nothing = pin!(journal.synced()).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(nothing, Poll::Ready(Ok(()))), "nothing waits");
}

#[test]
fn threads_wait_for_a_sync_together() {
    let folder = Folder::in_memory();
    let journal = Store::builder().open(folder.path(), quiet().durability(Durability::Always)).unwrap();
    thread::scope(|scope| {
        for thread in 0..8 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..100 {
                    journal.set(format!("key:{thread}"), n.to_string(), "v").unwrap();
                    if n % 10 == thread {
                        journal
                            .checkpoint()
                            .map(drop)
                            .or_else(|error| matches!(error, JournalError::Busy).then_some(()).ok_or(error))
                            .unwrap();
                    }
                }
            });
        }
    });
    let copy = open(folder.copy().path());
    assert!((0..8).all(|thread| copy.size(format!("key:{thread}")) == 100));
}

#[test]
fn writers_wait_while_too_much_waits_to_be_written() {
    let folder = Folder::in_memory();
    let journal = Store::builder().open(folder.path(), quiet().max_waiting(10_000)).unwrap();
    thread::scope(|scope| {
        for thread in 0..4 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..300 {
                    journal.set(format!("key:{thread}"), n.to_string(), vec![b'x'; 1_000]).unwrap();
                    let waiting = journal.status().waiting_bytes;
                    assert!(waiting <= 10_000 + 4 * 1_100, "{waiting} bytes wait");
                }
            });
        }
    });
    journal.set("large", "f", vec![b'x'; 100_000]).unwrap();
    journal.remove("large", "f");
    drop(journal);
    assert_eq!(open(folder.path()).stats().fields, 1_200);
}

#[test]
fn the_thread_of_the_journal_syncs_in_time() {
    let folder = Folder::in_memory();
    let level = Durability::Every(Duration::from_millis(10));
    let journal = Store::builder().open(folder.path(), quiet().durability(level)).unwrap();
    for n in 0..5 {
        journal.set("key", "n", n.to_string()).unwrap();
        let begin = Instant::now();
        wait_until(|| open(folder.copy().path()).get("key", "n") == Some(n.to_string().into_bytes()));
        assert!(begin.elapsed() < Duration::from_secs(10));
        assert_eq!(journal.status().waiting_bytes, 0);
    }
}

/// Also if a sync is far away, because the thread then sleeps until that.
#[test]
fn the_thread_of_the_journal_makes_checkpoints_at_every_level() {
    for level in LEVELS.into_iter().chain([Durability::Every(Duration::MAX)]) {
        let folder = Folder::in_memory();
        let options = quiet().durability(level).checkpoint_after(10_000, 0.0);
        let journal = Store::builder().open(folder.path(), options).unwrap();
        for round in 1..4 {
            // In one call, so that no checkpoint comes in the middle and leaves too little in the log for the next one.
            journal.set_many("key", (0..100).map(|n| (n.to_string(), format!("{round}").repeat(200)))).unwrap();
            journal.sync().unwrap();
            wait_until(|| journal.status().base_bytes > 20_000 && journal.status().log_bytes < 10_000);
        }
        assert!(journal.status().checkpoint_failure.is_none());
        drop(journal);
        let journal = open(folder.path());
        assert!(journal.recovery().base.is_some());
        assert_eq!(journal.get("key", "99"), Some(b"3".repeat(200)));
    }
}
