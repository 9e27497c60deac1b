//! How many of the requests find their key, at equal bytes and at equal numbers of keys.
//!
//! The budget is what a store with `LeastRecent` takes that holds a tenth, or half, of the keys and nothing else. The
//! other caches of this process are made with a weight at which a full one has asked as many bytes of the allocator. A
//! server may take as many beyond what it took when it was empty.

use std::thread;

use hashlet::{Eviction, Store};

use super::PART;
use super::caches::{Cache, Capacity, Make, find, store};
use super::streams::{REQUESTS, STREAMS, stream};
use crate::child::{Figures, Task};
use crate::data::{Data, scaled};
use crate::heap;

/// A part of the keys there is room for, by the names of groups.
pub(crate) const SHARES: [(&str, usize); 2] = [("tenth", 10), ("half", 2)];

/// The bytes of a full cache should be this near to the budget.
const PRECISION: f64 = 0.005;
const ATTEMPTS: usize = 14;

/// Requests by Zipf's law with which a full cache comes to the bytes that it takes.
const SETTLING: usize = 500_000;

/// Both shares at the same time, each in a process and on a core of its own.
pub(super) fn measure(task: &Task, scale: f64) -> Figures {
    let figures = |core: usize| {
        let (share, _) = SHARES[core];
        let task = Task { part: PART.name.into(), group: share.into(), subject: task.subject.clone() };
        let figures = task.run_on(Some(core), scale).unwrap_or_else(|error| panic!("{task:?}: {error}"));
        figures.into_iter().map(|(name, figure)| (format!("{share}/{name}"), figure)).collect::<Figures>()
    };
    thread::scope(|scope| {
        let second = scope.spawn(|| figures(1));
        let mut all = figures(0);
        all.extend(second.join().expect("its figures"));
        all
    })
}

/// One share.
pub(super) fn measure_one(task: &Task, scale: f64) -> Figures {
    heap::Switched::on();
    let (_, share) = SHARES.into_iter().find(|(name, _)| *name == task.group).expect("a share that is known");
    let data = Data::new("profiles", scale);
    let cached = data.len() / share;
    let budget = Budget::of(&data, cached);
    let settling = settling(data.len(), cached, scale);
    let (make, capacity) = match find(&task.subject) {
        Capacity::Bytes(make) => (make, budget.bytes),
        Capacity::Keys(make) => (make, budget.keys),
        Capacity::Weight(make) => (make, fitting(make, &data, &settling, budget.bytes)),
    };
    let mut figures = Figures::from([("budget bytes".to_owned(), budget.bytes as f64)]);
    let mut run = |name: &str, requests: &[u32]| {
        let cache = make(capacity);
        let (warming, counted) = requests.split_at(requests.len() / 4);
        cache.serve(&data, warming);
        let hits = cache.serve(&data, counted) as f64 / counted.len() as f64;
        figures.insert(format!("{name} hits"), hits * 100.0);
        figures.insert(format!("{name} keys"), cache.keys() as f64);
        figures.insert(format!("{name} bytes"), cache.bytes() as f64);
    };
    run("full", &settling);
    for (name, _) in STREAMS {
        run(name, &stream(name, data.len(), cached, scaled(REQUESTS, scale)));
    }
    figures
}

/// Requests that fill a cache: each of twice as many keys as there is room for, and then some by Zipf's law.
fn settling(keys: usize, cached: usize, scale: f64) -> Vec<u32> {
    let mut requests: Vec<u32> = (0..2 * cached as u32).collect();
    requests.extend(stream("zipf", keys, cached, scaled(SETTLING, scale)));
    requests
}

/// What a store with `LeastRecent` takes for so many keys, and how many it holds when it is full and keys come and go.
struct Budget {
    bytes: usize,
    keys: usize,
}

impl Budget {
    fn of(data: &Data, cached: usize) -> Self {
        let fill = |store: &Store, pieces| (0..pieces).for_each(|piece| store.write(data, piece));
        let roomy = store(Eviction::LeastRecent, usize::MAX / 2);
        fill(&roomy, cached);
        let bytes = Cache::bytes(&roomy);
        drop(roomy);
        let full = store(Eviction::LeastRecent, bytes);
        fill(&full, 2 * cached);
        Self { bytes, keys: full.key_count() }
    }
}

/// The greatest weight at which a full cache takes at most so many bytes, found by halving. Tables grow in steps, so that
/// there may be none at which it takes just as many.
fn fitting(make: Make, data: &Data, settling: &[u32], bytes: usize) -> usize {
    let taken = |weight: usize| {
        let cache = make(weight);
        cache.serve(data, settling);
        cache.bytes()
    };
    let most = (bytes as f64 * (1.0 + PRECISION)) as usize;
    let (mut low, mut high) = (0, 2 * bytes);
    let mut next = bytes;
    let mut fitting = 0;
    for _ in 0..ATTEMPTS {
        let taken = taken(next);
        if taken <= most {
            (low, fitting) = (next, next);
        } else {
            high = next;
        }
        if taken <= most && taken as f64 >= bytes as f64 * (1.0 - PRECISION) {
            break;
        }
        // The first guess goes by proportion.
        let guess = (next as f64 * bytes as f64 / taken as f64) as usize;
        next = if (low + 1..high).contains(&guess) { guess } else { usize::midpoint(low, high) };
    }
    fitting
}
