//! What up to 64 cores would meet in hashlet's locks, simulated from times that two cores can measure.
//!
//! 1. The machine's own costs: how long a cache line takes from one core to the other, a yield, and a wake.
//! 2. How long calls hold the lock of a shard. That is the processor's time of a call on one thread, less the time of
//!    reading its request and hashing its key. Taking and releasing the free lock is counted as holding it, and so is
//!    what a call does before and after. So this is an upper bound.
//! 3. The simulation with these times; see [`simulation`]. For one thread and for two, its figures stand beside
//!    measured ones.
//!
//! Up to 8 threads, a line takes as long as between the two cores here. With more threads it takes at least 100 ns, as
//! between the dies of large processors. That is an assumption.
//!
//! Hot data makes calls short, so each kind of keys has its own times: uniform, by Zipf's law, and one hot hash. Memory
//! is taken to be as fast for 64 cores as for one. On a real machine the cores share its bandwidth.

mod simulation;

use std::cell::RefCell;
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::thread;
use std::time::{Duration, Instant};

use hashlet::Store;

use self::simulation::{Costs, Work, simulate};
use super::Part;
use super::threads::{THREADS, rounds};
use crate::child::{Figures, Task};
use crate::data::{Data, scaled};
use crate::operations::Operation::{self, Get, Mixed, SetOther, SetSame, Update};
use crate::operations::Requests;
use crate::support::random::{Random, Zipf};
use crate::support::rounds::median;
use crate::support::workload::SEED;
use crate::threads::{cpu_time, stay_on};

pub(crate) const PART: Part = Part {
    name: "cores",
    about: "what up to 64 cores would meet, simulated",
    groups: &["profiles"],
    subjects: |_| super::alone(),
    repeats: 1,
    minutes: 1.0,
    run: measure,
};

pub(crate) const CORES: [usize; 6] = [2, 4, 8, 16, 32, 64];
pub(crate) const SHARDS: [usize; 3] = [64, 256, 1024];
/// What the threads do, and how often it is a write. Values of other lengths come last: some of them are no numbers.
pub(crate) const MIXES: [(&str, usize, Operation); 5] = [
    ("100/0", 0, Mixed { writes: 0 }),
    ("95/5", 5, Mixed { writes: 5 }),
    ("50/50", 50, Mixed { writes: 50 }),
    ("update", 100, Update),
    ("set_other", 100, SetOther),
];
pub(crate) const KEYS: [&str; 3] = ["uniform", "zipf", "hot"];
/// The most cores of one die, and what a line takes at least from one die to another, in nanoseconds.
const NEAR: usize = 8;
const FAR: f64 = 100.0;
/// Nanoseconds of other work after each call.
pub(crate) const THINKING: [usize; 2] = [0, 1_000];
/// The shards with which the simulation is compared with what is measured.
const CHECKED: usize = 64;

/// Requests of a measurement, and calls of a simulation.
const REQUESTS: usize = 2_000;
const CALLS: usize = 60_000;
const ROUNDS: usize = 15;

fn measure(task: &Task, scale: f64) -> Figures {
    let data = Data::new(&task.group, scale);
    let zipf = Zipf::new(data.len());
    let costs = costs();
    let mut figures = Figures::from([
        ("costs/line ns".into(), costs.transfer),
        ("costs/yield ns".into(), costs.yielding),
        ("costs/wake ns".into(), costs.wake),
        ("costs/waking ns".into(), costs.waking),
    ]);
    let mut rows = Vec::new();
    for keys in KEYS {
        let piece = |random: &mut Random| match keys {
            "uniform" => random.below(data.len()),
            "zipf" => zipf.sample(random),
            _ => 0,
        };
        let store = Store::builder().shards(CHECKED).build();
        data.fill(&store, 0..data.len());
        let random = RefCell::new(Random::new(SEED));
        let draw =
            |operation| Requests::draw(&data, operation, scaled(REQUESTS, scale), &mut random.borrow_mut(), piece);
        let hasher = ahash::RandomState::with_seeds(1, 2, 3, 4);
        let hash = |requests: &Requests| requests.each(|[key, ..]| hasher.hash_one(key) as usize & 1);
        let between = time(|| draw(Get), hash);
        let mut hold = |name: &str, operation| {
            let hold = (time(|| draw(operation), |requests| requests.work(&store)) - between).max(0.0);
            figures.insert(format!("holds/{keys}/{name} ns"), hold);
            hold
        };
        let (read, same) = (hold("get", Get), hold("set_same", SetSame));
        for (mix, writes, operation) in MIXES {
            let write = if let Mixed { .. } = operation { same } else { hold(mix, operation) };
            let data = moved(keys, writes);
            let work = Work { writes, read, write, data, between };
            let measured = rounds(&store, |_| draw(operation));
            for (threads, rounds) in THREADS.iter().zip(&measured) {
                let rate = median(rounds.iter().map(|round| round.rate).collect());
                rows.push((format!("check/{keys}/{mix}/{threads}/measured Mop/s"), rate));
            }
            let run = |threads: usize, shards: usize, thinking: f64| {
                let shard = |random: &mut Random| shard_of(piece(random), shards);
                let work = Work { between: work.between + thinking, ..work };
                let far = Costs { transfer: costs.transfer.max(FAR), ..costs };
                let costs = if threads > NEAR { far } else { costs };
                simulate((threads, shards, (scaled(CALLS, scale) / threads).max(200)), costs, work, SEED, &shard)
            };
            for threads in THREADS {
                let rate = run(threads, CHECKED, 0.0).rate * 1e3;
                rows.push((format!("check/{keys}/{mix}/{threads}/simulated Mop/s"), rate));
            }
            for shards in SHARDS {
                for thinking in THINKING {
                    let one = run(1, shards, thinking as f64).rate;
                    for threads in CORES {
                        let outcome = run(threads, shards, thinking as f64);
                        let name = format!("{keys}/{mix}/{shards}/{thinking}/{threads}");
                        rows.push((format!("{name} x"), outcome.rate / one));
                        rows.push((format!("{name} waiting"), outcome.waiting));
                        rows.push((format!("{name} slept"), outcome.slept));
                    }
                }
            }
        }
        figures.insert(format!("holds/{keys}/between ns"), between);
        super::leave(store);
    }
    figures.extend(rows);
    figures
}

/// The processor's time of one request in nanoseconds, in the middle of some rounds.
fn time(mut draw: impl FnMut() -> Requests, work: impl Fn(&Requests) -> usize) -> f64 {
    let round = |_| {
        let requests = draw();
        let start = cpu_time();
        black_box(work(&requests));
        nanoseconds(cpu_time() - start) / requests.len() as f64
    };
    median((0..ROUNDS).map(round).collect())
}

/// The cache lines, besides that of the lock, that a reader and a writer fetch from the core that held the lock before.
///
/// The shard's counters move to whoever writes. In one hot hash the head of the record and the line of the value move
/// too. Readers fetch what a writer has changed.
fn moved(keys: &str, writes: usize) -> [f64; 2] {
    let lines = if keys == "hot" { 3.0 } else { 1.0 };
    [lines * writes as f64 / 100.0, lines]
}

/// The shard of a key, as evenly spread as by hashing the key.
fn shard_of(piece: usize, shards: usize) -> usize {
    Random::new(piece as u64).below(shards)
}

/// Measures what the machine takes.
fn costs() -> Costs {
    let (wakes, waking): (Vec<f64>, Vec<f64>) = (0..8 * ROUNDS).map(|_| wake()).unzip();
    Costs {
        transfer: median((0..ROUNDS).map(|_| line_transfer()).collect()),
        yielding: median((0..ROUNDS).map(|_| yielding()).collect()),
        wake: lower_quarter(wakes),
        waking: lower_quarter(waking),
    }
}

/// The figure that a quarter of all figures is below: a wake takes longer if another program is on the core.
fn lower_quarter(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 4]
}

fn nanoseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// The time that a line takes to another core: two threads in turn write what the other one waits for. The best of some
/// spells, because an interruption of either thread holds up both.
fn line_transfer() -> f64 {
    const TURNS: usize = 200;
    const SPELLS: usize = 20;
    let turn = AtomicUsize::new(0);
    let play = |side: usize| {
        stay_on(side);
        let mut best = f64::INFINITY;
        for spell in 0..SPELLS {
            let start = Instant::now();
            for number in 0..TURNS {
                let mine = 2 * (spell * TURNS + number) + side;
                while turn.load(Acquire) != mine {
                    spin_loop();
                }
                turn.store(mine + 1, Release);
            }
            best = best.min(nanoseconds(start.elapsed()) / (2 * TURNS) as f64);
        }
        best
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| play(1));
        let mine = scope.spawn(|| play(0)).join().expect("no panic");
        mine.max(other.join().expect("no panic"))
    })
}

/// The processor's time of a yield.
fn yielding() -> f64 {
    const TIMES: usize = 100;
    let start = cpu_time();
    (0..TIMES).for_each(|_| thread::yield_now());
    nanoseconds(cpu_time() - start) / TIMES as f64
}

/// The time from waking a thread on another core until it runs, and the time that waking takes.
fn wake() -> (f64, f64) {
    const UNTIL_IT_SLEEPS: Duration = Duration::from_micros(300);
    let is_woken = AtomicBool::new(false);
    let wake_another = || {
        stay_on(0);
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                stay_on(1);
                while !is_woken.load(Acquire) {
                    thread::park();
                }
                Instant::now()
            });
            thread::sleep(UNTIL_IT_SLEEPS);
            let start = Instant::now();
            is_woken.store(true, Release);
            sleeper.thread().unpark();
            let waking = start.elapsed();
            let awake = sleeper.join().expect("no panic");
            (nanoseconds(awake.saturating_duration_since(start)), nanoseconds(waking))
        })
    };
    thread::scope(|scope| scope.spawn(wake_another).join().expect("no panic"))
}
