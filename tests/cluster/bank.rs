//! Accounts in pairs, each pair with a tag of its own, and amounts that four threads transfer between the two. Each account
//! counts its transfers, and each thread remembers those that were acknowledged. So lost ones and double ones show.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use hashlet::{Hashes, RemoteCluster, RemoteError};

use super::servers::{Cluster, SLOTS};
use crate::support::source::Source;

pub(crate) const THREADS: usize = 4;
pub(crate) const TAGS: usize = 8;
/// What each account has at the beginning.
const BALANCE: i64 = 1_000_000;

/// The tag of a pair.
pub(crate) fn tag(number: usize) -> String {
    format!("pair:{number}")
}

/// The slots of the tags.
pub(crate) fn slots(cluster: &Cluster) -> Vec<usize> {
    let slots: Vec<usize> = (0..TAGS).map(|number| cluster.slot(&format!("{{{}}}", tag(number)))).collect();
    assert!(slots.iter().all(|slot| *slot < SLOTS));
    slots
}

/// How a transfer ended.
pub(crate) enum Outcome {
    Done,
    /// Done or not.
    Unknown,
    /// Nothing was done.
    Failed,
}

/// What makes transfers.
pub(crate) trait Teller {
    fn transfer(&mut self, tag: &str, amount: i64) -> Outcome;
    /// Adds one to a counter.
    fn count(&mut self, tag: &str) -> Outcome;
}

impl Teller for RemoteCluster {
    fn transfer(&mut self, tag: &str, amount: i64) -> Outcome {
        outcome(self.try_update_tagged(tag, ["a", "b"], |[from, to]| -> Result<(), RemoteError> {
            from.increment("balance", -amount)?;
            to.increment("balance", amount)?;
            from.increment("transfers", 1)?;
            to.increment("transfers", 1)?;
            Ok(())
        }))
    }

    fn count(&mut self, tag: &str) -> Outcome {
        outcome(self.increment(format!("{{{tag}}}count"), "n", 1).map(drop))
    }
}

fn outcome(result: Result<(), RemoteError>) -> Outcome {
    match result {
        Ok(()) => Outcome::Done,
        Err(RemoteError::Unknown(_)) => Outcome::Unknown,
        Err(error @ (RemoteError::Wire(_) | RemoteError::Server(_) | RemoteError::Contended { .. })) => {
            super::servers::say(&format!("a transfer failed: {error}"));
            Outcome::Failed
        }
        Err(error) => panic!("{error}"),
    }
}

/// What the threads know of the transfers, or of the counts, of a tag.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) done: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) failed: AtomicU64,
}

impl Known {
    fn note(&self, outcome: &Outcome) {
        let number = match outcome {
            Outcome::Done => &self.done,
            Outcome::Unknown => &self.unknown,
            Outcome::Failed => &self.failed,
        };
        number.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn numbers(&self) -> [u64; 3] {
        [&self.done, &self.unknown, &self.failed].map(|number| number.load(Ordering::SeqCst))
    }
}

#[derive(Default)]
pub(crate) struct Books {
    pub(crate) transfers: [Known; TAGS],
    pub(crate) counts: [Known; TAGS],
}

impl Books {
    /// All transfers and counts, by their outcomes.
    pub(crate) fn sums(&self) -> [u64; 3] {
        let numbers = self.transfers.iter().chain(&self.counts).map(Known::numbers);
        numbers.fold([0; 3], |sums, numbers| std::array::from_fn(|at| sums[at] + numbers[at]))
    }
}

/// Opens the accounts.
pub(crate) fn open(cluster: &RemoteCluster) {
    for number in 0..TAGS {
        let balance = BALANCE.to_string();
        for name in ["a", "b"] {
            cluster.set(format!("{{{}}}{name}", tag(number)), "balance", &balance).unwrap();
        }
    }
}

/// What the accounts say: the sum of the balances, the transfers of both accounts, and the counter.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) balance: i64,
    pub(crate) transfers: [u64; 2],
    pub(crate) count: u64,
}

pub(crate) fn found(cluster: &RemoteCluster, number: usize) -> Found {
    let value = |name: &str, field: &str| -> i64 {
        let value = cluster.get(format!("{{{}}}{name}", tag(number)), field).unwrap();
        value.map_or(0, |value| String::from_utf8(value).unwrap().parse().unwrap())
    };
    Found {
        balance: value("a", "balance") + value("b", "balance") - 2 * BALANCE,
        transfers: ["a", "b"].map(|name| value(name, "transfers") as u64),
        count: value("count", "n") as u64,
    }
}

/// Runs four threads that transfer and count. Each makes this many steps at least, and goes on until something else, which
/// runs meanwhile, has ended.
pub(crate) fn work<T: Teller + Send>(
    books: &Books,
    steps: usize,
    teller: impl Fn() -> T,
    meanwhile: impl FnOnce() + Send,
) {
    let has_ended = AtomicBool::new(false);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (mut teller, has_ended) = (teller(), &has_ended);
            scope.spawn(move || {
                let mut source = Source::Seed(thread as u64 + 1);
                for step in 0.. {
                    if step >= steps && has_ended.load(Ordering::SeqCst) {
                        break;
                    }
                    let number = source.below(TAGS);
                    if step % 4 == 0 {
                        books.counts[number].note(&teller.count(&tag(number)));
                    } else {
                        books.transfers[number].note(&teller.transfer(&tag(number), source.below(100) as i64));
                    }
                }
            });
        }
        // So that the threads end even if it panics.
        let ended = Ended(&has_ended);
        meanwhile();
        drop(ended);
    });
}

struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
