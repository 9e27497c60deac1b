//! Reads and writes on one thread and on two that draw from the same profiles: mixed, and two kinds of writes alone.
//!
//! Each thread stays on a core of its own. Rounds are short, and rounds on one thread and on two take turns. A round
//! counts only if no other program has interrupted it, unless there are too few of these. There are three figures for
//! each operation:
//! - `Mop/s`, millions of operations a second, from the first begun to the last done.
//! - `cpu ns`, the processor's time of one operation. On two threads it grows by the cache lines that move between the
//!   cores, and by spinning.
//! - `waits`, how often a thread slept in a million operations, mostly for a lock.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::Part;
use crate::child::{Figures, Task};
use crate::data::Data;
use crate::operations::Operation::{self, Mixed, OwnField, SetOther};
use crate::operations::Requests;
use crate::rivals::with_rival;
use crate::support::random::{Random, Zipf};
use crate::support::rival::Rival;
use crate::support::rounds::median;
use crate::support::workload::SEED;
use crate::threads::{Switches, cpu_time, stay_on};

pub(crate) const PART: Part = Part {
    name: "threads",
    about: "reads and writes on one thread and on two",
    groups: &["profiles"],
    subjects: |_| [super::shared(), super::servers()].concat(),
    repeats: usize::MAX,
    minutes: 15.0,
    run: |task, scale| with_rival!(shared task.subject.as_str(), R => measure::<R>(task, scale)),
};

/// Requests of each thread in a round, which takes about a millisecond.
const REQUESTS: usize = 1_000;
/// Rounds without interruptions that are enough, and the most rounds of all.
const ENOUGH: usize = 25;
const MOST: usize = 60;
/// With fewer rounds without interruptions than this, all rounds count.
const FEWEST: usize = 3;
/// Values of other lengths come last, because what they write over is not restored.
pub(crate) const OPERATIONS: [Operation; 5] =
    [Mixed { writes: 0 }, Mixed { writes: 5 }, Mixed { writes: 50 }, OwnField { thread: 0 }, SetOther];
pub(crate) const THREADS: [usize; 2] = [1, 2];

/// What one round has shown.
pub(super) struct Round {
    /// Millions of operations a second.
    pub(super) rate: f64,
    /// Nanoseconds of a processor for an operation.
    pub(super) cpu: f64,
    /// Waits in a million operations.
    waits: f64,
    pub(super) was_interrupted: bool,
}

fn measure<R: Rival + Sync>(task: &Task, scale: f64) -> Figures {
    let data = Data::new(&task.group, scale);
    let store = R::new();
    data.fill(&store, 0..data.len());
    let count = super::operations::requests::<R>(REQUESTS, scale);
    let zipf = Zipf::new(data.len());
    let mut random = Random::new(SEED);
    let mut figures = Figures::new();
    for operation in OPERATIONS {
        for distribution in ["uniform", "zipf"] {
            let pick = |random: &mut Random| match distribution {
                "zipf" => zipf.sample(random),
                _ => random.below(data.len()),
            };
            let draw = |thread| Requests::draw(&data, operation.of_thread(thread), count, &mut random, pick);
            for (threads, rounds) in THREADS.iter().zip(rounds(&store, draw)) {
                let name = format!("{}/{threads}/{distribution}", operation.name());
                figures.insert(format!("{name} Mop/s"), median(rounds.iter().map(|round| round.rate).collect()));
                if R::IN_PROCESS {
                    figures.insert(format!("{name} cpu ns"), median(rounds.iter().map(|round| round.cpu).collect()));
                    let waits: f64 = rounds.iter().map(|round| round.waits).sum();
                    figures.insert(format!("{name} waits"), waits / rounds.len() as f64);
                }
            }
        }
    }
    super::leave(store);
    figures
}

/// Rounds on one thread and rounds on two, on requests that are drawn for each thread of each round.
pub(super) fn rounds<R: Rival + Sync>(store: &R, mut draw: impl FnMut(usize) -> Requests) -> [Vec<Round>; 2] {
    let mut all = THREADS.map(|_| Vec::new());
    for round in 0..MOST {
        for (threads, rounds) in THREADS.iter().zip(&mut all) {
            rounds.push(together(store, &(0..*threads).map(&mut draw).collect::<Vec<_>>(), round));
        }
        if all.iter().all(|rounds| quiet(rounds) >= ENOUGH) {
            break;
        }
    }
    for rounds in &mut all {
        if quiet(rounds) >= FEWEST {
            rounds.retain(|round| !round.was_interrupted);
        }
    }
    all
}

/// How many of these rounds were not interrupted.
fn quiet(rounds: &[Round]) -> usize {
    rounds.iter().filter(|round| !round.was_interrupted).count()
}

/// Works on each list in a thread and on a core of its own. The round tells which core is the first.
pub(super) fn together<R: Rival + Sync>(store: &R, lists: &[Requests], round: usize) -> Round {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let arrived = AtomicUsize::new(0);
    let wait_for_all = |times: usize| {
        arrived.fetch_add(1, SeqCst);
        while arrived.load(SeqCst) < times * lists.len() {
            std::hint::spin_loop();
        }
    };
    let work = &|thread: usize, requests: &Requests| {
        stay_on((round + thread) % cores);
        store.key_count(); // a server has to be connected to first
        wait_for_all(1);
        let switches = Switches::so_far();
        wait_for_all(2);
        let (start, cpu) = (Instant::now(), cpu_time());
        let sum = requests.work(store);
        let (end, cpu) = (Instant::now(), cpu_time() - cpu);
        let switches = Switches::so_far().since(switches);
        requests.check(sum);
        (start, end, cpu, switches)
    };
    let times: Vec<_> = std::thread::scope(|scope| {
        let start = |(thread, list)| scope.spawn(move || work(thread, list));
        let threads: Vec<_> = lists.iter().enumerate().map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let start = times.iter().map(|(start, ..)| *start).min().expect("a thread");
    let end = times.iter().map(|(_, end, ..)| *end).max().expect("a thread");
    let cpu: Duration = times.iter().map(|(_, _, cpu, _)| *cpu).sum();
    let done = lists.iter().map(Requests::len).sum::<usize>() as f64;
    Round {
        rate: done / (end - start).as_secs_f64() / 1e6,
        cpu: cpu.as_secs_f64() * 1e9 / done,
        waits: times.iter().map(|(.., switches)| switches.waits).sum::<u64>() as f64 / done * 1e6,
        was_interrupted: times.iter().any(|(.., switches)| switches.interruptions > 0),
    }
}
