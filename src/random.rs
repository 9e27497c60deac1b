//! Random numbers for samples. Each call has a small generator. It is fast and evenly distributed, but not fit for
//! secrets.
//!
//! The generator is SplitMix64 (Steele, Lea and Flood, 2014), which mixes a counter. Each thread counts its generators,
//! beginning at a number of its own. A generator starts at the hash of this count. The store's secret seeds make the
//! numbers differ between processes, and no two threads share a cache line for the count.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::options::Rules;

/// The step of the counter: 2^64 divided by the golden ratio, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn of_call(rules: &Rules) -> Self {
        thread_local! {
            static CALLS: Cell<u64> = Cell::new(first_of_thread());
        }
        let call = CALLS.get();
        CALLS.set(call.wrapping_add(1));
        Self(rules.hash(&call.to_le_bytes()))
    }

    /// For what belongs to no store.
    pub(crate) fn of_process() -> Self {
        Self(RandomState::new().hash_one(()))
    }

    #[cfg(test)]
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number. All are equally likely.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// A number below the bound, or 0 for a bound of 0. All numbers are equally likely, up to one part in 2^64 / bound.
    #[inline]
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.number()) * bound as u128) >> 64) as usize
    }
}

/// Draws the place of one of these numbers, each as likely as it is large. `None` if all are 0.
pub(crate) fn weighted(counts: &[usize], random: &mut Random) -> Option<usize> {
    let mut left = random.below(counts.iter().sum());
    counts.iter().position(|&count| {
        let is_here = left < count;
        left = left.saturating_sub(count);
        is_here
    })
}

/// The number at which a thread begins to count. These numbers are so far apart that threads do not reach each other's.
fn first_of_thread() -> u64 {
    static THREADS: AtomicU64 = AtomicU64::new(0);
    mix(THREADS.fetch_add(1, Relaxed).wrapping_mul(STEP))
}

fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Pearson's test for evenly distributed counts. The bound is ten standard deviations plus twenty. An even
    /// distribution fails once in more than 10^8 runs; with a fixed seed it never fails.
    pub(crate) fn assert_even(counts: &[usize]) {
        let total: usize = counts.iter().sum();
        let expected = total as f64 / counts.len() as f64;
        let statistic: f64 = counts.iter().map(|&count| (count as f64 - expected).powi(2) / expected).sum();
        let freedom = counts.len() as f64 - 1.0;
        let bound = freedom + 10.0 * (2.0 * freedom).sqrt() + 20.0;
        assert!(statistic < bound, "chi squared is {statistic:.1} over {freedom} degrees of freedom");
    }

    #[test]
    fn numbers_below_a_bound_are_even() {
        for bound in [1, 2, 3, 7, 100, 1_024, 4_999] {
            let mut random = Random::seeded(7);
            let mut counts = vec![0; bound];
            (0..bound * 50).for_each(|_| counts[random.below(bound)] += 1);
            assert_even(&counts);
        }
        assert_eq!(Random::seeded(7).below(0), 0);
        assert!(Random::seeded(7).below(usize::MAX) < usize::MAX);
    }

    #[test]
    fn first_numbers_of_neighbouring_calls_are_even() {
        let rules = Rules::default();
        let mut pairs = vec![0; 100];
        let mut before = 0;
        for _ in 0..20_000 {
            let now = Random::of_call(&rules).below(10);
            pairs[10 * before + now] += 1;
            before = now;
        }
        assert_even(&pairs);
    }

    #[test]
    fn threads_draw_different_numbers() {
        let draw = || {
            let rules = Rules::default();
            (0..8).map(|_| Random::of_call(&rules).number()).collect::<Vec<_>>()
        };
        let drawn = [(); 4].map(|()| std::thread::spawn(draw).join().unwrap()).concat();
        let different: std::collections::HashSet<u64> = drawn.iter().copied().collect();
        assert_eq!(different.len(), drawn.len());
    }
}
