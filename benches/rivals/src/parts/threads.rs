//! Reads and writes mixed, on one thread and on two that draw from the same profiles.

use std::sync::Barrier;
use std::time::Instant;

use super::Part;
use crate::child::{Figures, Task};
use crate::data::Data;
use crate::operations::{Operation, Requests};
use crate::rivals::with_rival;
use crate::support::random::{Random, Zipf};
use crate::support::rival::Rival;
use crate::support::rounds::median;
use crate::support::workload::SEED;

pub(crate) const PART: Part = Part {
    name: "threads",
    about: "reads and writes mixed, on one thread and on two",
    groups: &["profiles"],
    subjects: || [super::shared(), super::servers()].concat(),
    repeats: usize::MAX,
    minutes: 8.0,
    run: |task, scale| with_rival!(shared task.subject.as_str(), R => measure::<R>(task, scale)),
};

/// Requests of each thread.
const REQUESTS: usize = 100_000;
const ROUNDS: usize = 3;
/// How many of a hundred are writes.
const WRITES: [usize; 3] = [0, 5, 50];
const THREADS: [usize; 2] = [1, 2];

fn measure<R: Rival + Sync>(task: &Task, scale: f64) -> Figures {
    let data = Data::new(&task.group, scale);
    let store = R::new();
    data.fill(&store, 0..data.len());
    let count = super::operations::requests::<R>(REQUESTS, scale);
    let zipf = Zipf::new(data.len());
    let mut random = Random::new(SEED);
    let mut figures = Figures::new();
    for writes in WRITES {
        let operation = Operation::Mixed { writes };
        for threads in THREADS {
            let mut rounds = |pick: &dyn Fn(&mut Random) -> usize| {
                let round = |_| {
                    let draw = |_| Requests::draw(&data, operation, count, &mut random, pick);
                    together(&store, &(0..threads).map(draw).collect::<Vec<_>>())
                };
                median((0..ROUNDS).map(round).collect())
            };
            let name = format!("{}/{threads}", operation.name());
            figures.insert(format!("{name}/uniform Mop/s"), rounds(&|random| random.below(data.len())));
            figures.insert(format!("{name}/zipf Mop/s"), rounds(&|random| zipf.sample(random)));
        }
    }
    super::leave(store);
    figures
}

/// Millions of operations a second, a thread for each list, from the first begun to the last done.
fn together<R: Rival + Sync>(store: &R, lists: &[Requests]) -> f64 {
    let barrier = Barrier::new(lists.len());
    let work = |requests: &Requests| {
        store.key_count(); // a server has to be connected to first
        barrier.wait();
        let start = Instant::now();
        let sum = requests.work(store);
        let end = Instant::now();
        requests.check(sum);
        (start, end)
    };
    let times: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = lists.iter().map(|list| scope.spawn(|| work(list))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let start = times.iter().map(|(start, _)| *start).min().expect("a thread");
    let end = times.iter().map(|(_, end)| *end).max().expect("a thread");
    let done: usize = lists.iter().map(Requests::len).sum();
    done as f64 / (end - start).as_secs_f64() / 1e6
}
