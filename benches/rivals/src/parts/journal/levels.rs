//! Overwriting a value at the levels where no call waits for the disk, beside a store without a journal.

use std::time::Duration;

use hashlet::Store;

use super::calls::{Ring, Seen, together};
use super::{Stores, spell};
use crate::child::Figures;
use crate::data::{Data, scaled};
use crate::parts::THREADS;
use crate::support::random::Random;
use crate::support::rival::Rival;
use crate::support::rounds::median;
use crate::support::workload::SEED;

const ROUNDS: usize = 7;
/// A round at the level `Every` contains some syncs.
const TIME: Duration = Duration::from_millis(300);
/// Sets of each thread that are different ones: more than a cache holds. In lists that take some milliseconds.
const SETS: (usize, usize) = (200, 5_000);

/// The stores that take turns. The first one is what the others are compared with.
const LEVELS: [&str; 3] = ["none", "every", "os"];

pub(super) fn measure(stores: &Stores, scale: f64) -> Figures {
    let by_level: [&Store; LEVELS.len()] = [&stores.none, &stores.every, &stores.os];
    let mut rings = rings(&stores.data, scale);
    let mut seen = THREADS.map(|_| LEVELS.map(|_| Vec::new()));
    for round in 0..ROUNDS {
        for (threads, seen) in THREADS.iter().zip(&mut seen) {
            for turn in 0..LEVELS.len() {
                let level = (round + turn) % LEVELS.len();
                let set = |[key, field, value]: [&[u8]; 3]| Rival::set(by_level[level], key, field, value);
                seen[level].push(together(&mut rings[..*threads], Some(round), spell(TIME, scale), &set));
            }
        }
    }
    let mut figures = Figures::new();
    for (threads, seen) in THREADS.iter().zip(seen) {
        for (level, name) in LEVELS.iter().enumerate() {
            let mut insert = |unit: &str, figure: &dyn Fn(&Seen, &Seen) -> f64| {
                let of_rounds = seen[level].iter().zip(&seen[0]).map(|(seen, none)| figure(seen, none));
                figures.insert(format!("{name}/{threads} {unit}"), median(of_rounds.collect()));
            };
            insert("Mop/s", &|seen, _| seen.rate / 1e6);
            insert("ns", &|seen, _| seen.nanoseconds);
            insert("x_none", &|seen, none| seen.nanoseconds / none.nanoseconds);
            insert("cpu ns", &|seen, _| seen.on_processor);
            insert("x_none_cpu", &|seen, none| seen.on_processor / none.on_processor);
        }
    }
    figures
}

/// The requests of as many threads as there are at most.
pub(super) fn rings(data: &Data, scale: f64) -> Vec<Ring> {
    let mut random = Random::new(SEED);
    let most = THREADS[THREADS.len() - 1];
    (0..most).map(|_| Ring::draw(data, (scaled(SETS.0, scale), SETS.1), &mut random)).collect()
}
