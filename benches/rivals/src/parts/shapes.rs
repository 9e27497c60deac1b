//! What shapes take in time: the time of a store that learns them, divided by that of one that does not.
//!
//! Both stores are in one process and work in turns on the same requests. Times are the processor's, and each figure is
//! the median of the rounds' own ratios. Where names are unique, hashes get no shape, and only building is measured.

use std::time::Duration;

use hashlet::Store;

use super::{Part, threads};
use crate::child::{Figures, Task};
use crate::data::{Data, Piece, generator, scaled};
use crate::operations::Operation::{self, Get, GetAll, Look, MissingField, SetOther, SetSame};
use crate::operations::Requests;
use crate::support::random::Random;
use crate::support::rival::{Pair, Rival};
use crate::support::rounds::Rounds;
use crate::support::workload::SEED;
use crate::threads::cpu_time;

pub(crate) const PART: Part = Part {
    name: "shapes",
    about: "time with shapes by time without",
    groups: &["profiles", "cached", "unique"],
    subjects: |_| super::alone(),
    repeats: usize::MAX,
    minutes: 2.0,
    run: measure,
};

pub(crate) const OPERATIONS: [Operation; 6] = [Get, Look, MissingField, GetAll, SetSame, SetOther];
/// Profiles that lie in the cache.
const CACHED: usize = 1_000;
/// Only shards of some keys look for shapes. These are so few that each has enough of the cached ones.
const SHARDS: usize = 16;
const ROUNDS: usize = 25;
const REQUESTS: usize = 20_000;
/// Requests of each of two threads in a round, which takes less than a millisecond.
const REQUESTS_OF_TWO: usize = 1_000;
/// How often such a round is tried until no other program interrupts it.
const ATTEMPTS: usize = 20;
/// Hashes that are built in a round.
const BUILT: usize = 5_000;

fn measure(task: &Task, scale: f64) -> Figures {
    let is_unique = task.group == "unique";
    let (count, piece) = generator(if is_unique { "unique" } else { "profiles" });
    let count = scaled(if task.group == "cached" { CACHED } else { count }, scale);
    let data: Data = (0..count).map(piece).collect();
    let stores = [true, false].map(|shapes| Store::builder().shards(SHARDS).shapes(shapes).build());
    for store in &stores {
        data.fill(store, 0..data.len());
    }
    let build = |set: fn(&Store, &[u8], &[Pair<'_>]) -> usize| build(&stores, (data.len(), piece), scale, set);
    // Building comes first: it gives the shape to the hashes that were there before it.
    let mut figures = vec![("set_each".to_owned(), build(set_each)), ("set_many".to_owned(), build(Rival::set_many))];
    if !is_unique {
        figures.extend(OPERATIONS.map(|operation| (operation.name(), operate(&stores, &data, operation, scale))));
        figures.push(("get_all_by_two".to_owned(), get_all_by_two(&stores, &data, scale)));
    }
    figures.push(("shaped".to_owned(), stores[0].stats().shaped as f64 / data.len() as f64));
    stores.into_iter().for_each(super::leave);
    figures.into_iter().map(|(name, ratio)| (format!("{name} x"), ratio)).collect()
}

fn set_each(store: &Store, key: &[u8], pairs: &[Pair<'_>]) -> usize {
    pairs.iter().filter(|(field, value)| Rival::set(store, key, field, value)).count()
}

/// The median ratio of the times that a turn takes on the two stores.
fn ratio(stores: &[Store; 2], turn: impl Fn(&Store, usize) -> Duration) -> f64 {
    let [with, without] = stores;
    Rounds::run(ROUNDS, &mut [&mut |round| turn(with, round), &mut |round| turn(without, round)]).ratio(0, 1)
}

/// Hashes that were there are removed, and built again.
fn build(
    stores: &[Store; 2],
    (pieces, piece): (usize, fn(usize) -> Piece),
    scale: f64,
    set: fn(&Store, &[u8], &[Pair<'_>]) -> usize,
) -> f64 {
    let count = scaled(BUILT, scale).min(pieces);
    ratio(stores, |store, round| {
        // A large prime scatters the numbers, and stays one-to-one.
        let numbers = (round * count..(round + 1) * count).map(|number| number * 2_654_435_761 % pieces);
        let data: Data = numbers.map(piece).collect();
        let hashes: Vec<(&[u8], Vec<Pair<'_>>)> =
            (0..count).map(|piece| (data.key(piece), data.pairs(piece).collect())).collect();
        assert!(hashes.iter().all(|(key, _)| store.clear(key)), "they are there");
        let start = cpu_time();
        let new: usize = hashes.iter().map(|(key, pairs)| set(store, key, pairs)).sum();
        let time = cpu_time() - start;
        assert_eq!(new, hashes.iter().map(|(_, pairs)| pairs.len()).sum::<usize>(), "every field is new");
        time
    })
}

fn draw(data: &Data, operation: Operation, count: usize, seed: usize) -> Requests {
    let mut random = Random::new(SEED ^ seed as u64);
    Requests::draw(data, operation, count, &mut random, |random| random.below(data.len()))
}

fn operate(stores: &[Store; 2], data: &Data, operation: Operation, scale: f64) -> f64 {
    ratio(stores, |store, round| {
        let requests = draw(data, operation, scaled(REQUESTS, scale), round);
        let start = cpu_time();
        let sum = requests.work(store);
        let time = cpu_time() - start;
        requests.check(sum);
        if operation == SetOther {
            requests.undo(store, data);
        }
        time
    })
}

/// Whole hashes copied by two threads at once.
fn get_all_by_two(stores: &[Store; 2], data: &Data, scale: f64) -> f64 {
    ratio(stores, |store, round| {
        let attempt = |attempt: usize| {
            let seed = 2 * (round * ATTEMPTS + attempt);
            let lists = [seed, seed + 1].map(|seed| draw(data, GetAll, scaled(REQUESTS_OF_TWO, scale), seed));
            threads::together(store, &lists, round)
        };
        let mut last = attempt(0);
        for number in 1..ATTEMPTS {
            if !last.was_interrupted {
                break;
            }
            last = attempt(number);
        }
        Duration::from_secs_f64(last.cpu / 1e9)
    })
}
