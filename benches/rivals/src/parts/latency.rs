//! How long the memory itself takes: a chain of pointers through a working set, each a cache line that only the one
//! before it leads to.

use std::hint::black_box;
use std::time::Instant;

use super::Part;
use crate::child::Figures;
use crate::support::random::Random;
use crate::support::rounds::median;
use crate::support::workload::SEED;

pub(crate) const PART: Part = Part {
    name: "latency",
    about: "pointer chase by working set",
    groups: &["memory"],
    subjects: |_| vec!["pointer_chase"],
    repeats: usize::MAX,
    minutes: 0.5,
    run: |_, scale| measure(scale),
};

/// 32 KiB to 2 GiB.
const SIZES: std::ops::RangeInclusive<u32> = 15..=31;
const STEPS: usize = 1_000_000;
const ROUNDS: usize = 3;

/// A cache line with the number of the next.
#[derive(Clone)]
#[repr(align(64))]
struct Line(u32);

fn measure(scale: f64) -> Figures {
    let largest = ((1_u64 << SIZES.end()) as f64 * scale) as u64;
    let sizes = SIZES.map(|power| 1 << power).filter(|bytes| *bytes <= largest.max(1 << 20));
    sizes.map(|bytes: u64| (format!("{bytes} ns"), chase(bytes as usize / size_of::<Line>()))).collect()
}

fn chase(lines: usize) -> f64 {
    let mut chain: Vec<Line> = (0..lines as u32).map(Line).collect();
    let mut random = Random::new(SEED);
    // Sattolo's shuffle: one cycle through all of them.
    for line in (1..lines).rev() {
        let other = random.below(line);
        let (low, high) = chain.split_at_mut(line);
        std::mem::swap(&mut low[other], &mut high[0]);
    }
    let round = |_| {
        let start = Instant::now();
        let mut at = 0;
        for _ in 0..STEPS {
            at = chain[at as usize].0;
        }
        black_box(at);
        start.elapsed().as_secs_f64() * 1e9 / STEPS as f64
    };
    median((0..ROUNDS).map(round).collect())
}
