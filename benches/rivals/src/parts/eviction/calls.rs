//! What noting the use of keys takes: `get` on a store with a policy, by `get` on one without, of keys that are there.
//!
//! All stores are in one process, have the same keys, and work in turns on the same requests. Times are the processor's.
//! The whole is done in several processes, each on one core, because where a store happens to lie in memory changes its
//! times by some percent. Each figure is the median of theirs.

use std::collections::BTreeMap;

use hashlet::{Eviction, Store};

use super::PART;
use super::caches::store;
use crate::child::{Figures, Task};
use crate::data::{Data, scaled};
use crate::operations::Operation::Get;
use crate::operations::Requests;
use crate::support::random::Random;
use crate::support::rounds::{Rounds, median};
use crate::support::workload::SEED;
use crate::threads::cpu_time;

/// The subject of the processes that this one starts.
pub(super) const ONCE: &str = "once";

const PROCESSES: usize = 7;
const ROUNDS: usize = 25;
const REQUESTS: usize = 50_000;
pub(crate) const KEYS: [usize; 2] = [100_000, 1_000_000];
/// More bytes than the keys take.
const ROOMY: usize = 4 << 30;

pub(super) fn measure(scale: f64) -> Figures {
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for process in 0..PROCESSES {
        let task = Task { part: PART.name.into(), group: super::CALLS.into(), subject: ONCE.into() };
        let figures = task.run_on(Some(process % 2), scale).unwrap_or_else(|error| panic!("{task:?}: {error}"));
        figures.into_iter().for_each(|(name, figure)| all.entry(name).or_default().push(figure));
    }
    all.into_iter().map(|(name, figures)| (name, median(figures))).collect()
}

pub(super) fn measure_once(scale: f64) -> Figures {
    KEYS.into_iter().flat_map(|keys| measure_on(keys, scale)).collect()
}

fn measure_on(keys: usize, scale: f64) -> Figures {
    let data: Data = (0..scaled(keys, scale)).map(crate::data::profile).collect();
    let stores = [
        Store::new(),
        store(Eviction::Refuse, ROOMY),
        store(Eviction::LeastRecent, ROOMY),
        store(Eviction::LeastFrequent, ROOMY),
    ];
    stores.iter().for_each(|store| data.fill(store, 0..data.len()));
    let count = scaled(REQUESTS, scale);
    let work = |store: &Store, round: usize| {
        let mut random = Random::new(SEED ^ round as u64);
        let requests = Requests::draw(&data, Get, count, &mut random, |random| random.below(data.len()));
        let start = cpu_time();
        let sum = requests.work(store);
        let time = cpu_time() - start;
        requests.check(sum);
        time
    };
    let [none, refuse, recent, frequent] = &stores;
    let rounds = Rounds::run(
        ROUNDS,
        &mut [
            &mut |round| work(none, round),
            &mut |round| work(refuse, round),
            &mut |round| work(recent, round),
            &mut |round| work(frequent, round),
        ],
    );
    let nanos = |subject| rounds.median(subject) / count as f64 * 1e9;
    let mut figures = Figures::new();
    for (subject, name) in ["none", "refuse", "recent", "frequent"].into_iter().enumerate() {
        figures.insert(format!("{keys}/{name} ns"), nanos(subject));
        figures.insert(format!("{keys}/{name} x_none"), rounds.ratio(subject, 0));
        figures.insert(format!("{keys}/{name} x_refuse"), rounds.ratio(subject, 1));
    }
    stores.into_iter().for_each(crate::parts::leave);
    figures
}
