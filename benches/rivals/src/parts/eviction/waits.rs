//! How long a `set` into a full store takes that has to evict, where no hash is larger than 64 KiB.
//!
//! Each call is timed twice: by the clock, and by the processor's time of the thread, which leaves out interruptions by
//! the system. The longest call and the one that 9,999 of 10,000 do not exceed are medians of some runs.

use std::time::Instant;

use hashlet::{Eviction, Store};

use super::caches::store;
use crate::child::Figures;
use crate::data::scaled;
use crate::support::random::Random;
use crate::support::rounds::median;
use crate::support::workload::{SEED, profile_key};
use crate::threads::{cpu_time, stay_on};

const CALLS: usize = 200_000;
const RUNS: usize = 5;
/// The limit of a store, and the keys that values are set for: more than there is room for.
const LIMIT: usize = 64 << 20;
const KEYS: usize = 2_000_000;
const SHORTEST: usize = 50;
const LONGEST: usize = (64 << 10) - 100;
static VALUE: [u8; LONGEST] = [b'v'; LONGEST];

pub(crate) const POLICIES: [(&str, Eviction); 4] = [
    ("recent", Eviction::LeastRecent),
    ("frequent", Eviction::LeastFrequent),
    ("deadline", Eviction::SoonestDeadline),
    ("random", Eviction::Random),
];
/// How long the values are.
pub(crate) const MIXES: [&str; 2] = ["even", "rare"];

pub(super) fn measure(scale: f64) -> Figures {
    stay_on(1);
    let mut figures = Figures::new();
    for mix in MIXES {
        for (name, policy) in POLICIES {
            let runs: Vec<[f64; 4]> = (0..RUNS).map(|run| run_once(policy, mix, run, scale)).collect();
            let names = ["clock longest", "clock most", "processor longest", "processor most"];
            for (figure, unit) in names.into_iter().enumerate() {
                let median = median(runs.iter().map(|run| run[figure]).collect());
                figures.insert(format!("{mix}/{name} {unit} ms"), median);
            }
        }
    }
    figures
}

/// The length of the next value. In the one mix as many are between 50 and 100 bytes as between 100 and 200, and so on.
/// In the other nearly all are short, and one of a hundred is of 64 KiB, so that a long one has to push out hundreds.
fn length(mix: &str, random: &mut Random) -> usize {
    match mix {
        "even" => {
            let part = random.below(1_000_000) as f64 / 1e6;
            (SHORTEST as f64 * (LONGEST as f64 / SHORTEST as f64).powf(part)) as usize
        }
        _ if random.below(100) == 0 => LONGEST,
        _ => SHORTEST,
    }
}

fn run_once(policy: Eviction, mix: &str, run: usize, scale: f64) -> [f64; 4] {
    let store: Store = store(policy, LIMIT);
    let mut random = Random::new(SEED ^ run as u64);
    let mut draw = || (profile_key(random.below(KEYS)), length(mix, &mut random));
    let set = |key: &[u8], length: usize| store.set(key, "body", &VALUE[..length]).expect("it evicts");
    let mut written = 0;
    while written < 2 * LIMIT {
        let (key, length) = draw();
        set(&key, length);
        written += length;
    }
    let count = scaled(CALLS, scale);
    let mut times: [Vec<f64>; 2] = [Vec::with_capacity(count), Vec::with_capacity(count)];
    for _ in 0..count {
        let (key, length) = draw();
        let (clock, processor) = (Instant::now(), cpu_time());
        set(&key, length);
        times[1].push((cpu_time() - processor).as_secs_f64() * 1e3);
        times[0].push(clock.elapsed().as_secs_f64() * 1e3);
    }
    assert!(store.stats().bytes <= LIMIT);
    let [clock, processor] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        [times[count - 1], times[count - 1 - count / 10_000]]
    });
    [clock[0], clock[1], processor[0], processor[1]]
}
