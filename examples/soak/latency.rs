//! The latency of calls. Calls are counted in buckets that are an eighth of a power of two wide, so a figure is exact
//! to 12 %.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const STEPS_BITS: u32 = 3;
const BUCKETS: usize = 64 << STEPS_BITS;

/// Counts that one thread adds to and another thread takes.
pub(crate) struct Latencies {
    counts: [AtomicU64; BUCKETS],
    longest: AtomicU64,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; BUCKETS], longest: AtomicU64::new(0) }
    }

    pub(crate) fn count(&self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)].fetch_add(1, Relaxed);
        self.longest.fetch_max(nanos, Relaxed);
    }
}

/// The counts of several threads since they were taken last.
pub(crate) struct Distribution {
    counts: [u64; BUCKETS],
    longest: u64,
}

impl Distribution {
    pub(crate) fn take(latencies: &[Latencies]) -> Self {
        let sum = |bucket: usize| latencies.iter().map(|of| of.counts[bucket].swap(0, Relaxed)).sum();
        let longest: Option<u64> = latencies.iter().map(|of| of.longest.swap(0, Relaxed)).max();
        Self { counts: std::array::from_fn(sum), longest: longest.unwrap_or(0) }
    }

    pub(crate) fn calls(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The latency in nanoseconds that this share of the calls does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        let wanted = (share * self.calls() as f64).ceil() as u64;
        let mut calls = 0;
        let reached = self.counts.iter().position(|count| {
            calls += count;
            calls >= wanted
        });
        reached.map_or(0, end).min(self.longest)
    }

    pub(crate) fn longest(&self) -> u64 {
        self.longest
    }
}

/// The bucket of a latency: the position of its leading bit, and the three bits after it.
fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(1 << STEPS_BITS);
    let steps = nanos.ilog2() - STEPS_BITS;
    ((steps as usize) << STEPS_BITS) + (nanos >> steps) as usize - (1 << STEPS_BITS)
}

/// The largest latency in a bucket.
fn end(bucket: usize) -> u64 {
    let (steps, leading) = (bucket >> STEPS_BITS, bucket & ((1 << STEPS_BITS) - 1));
    (((leading + (1 << STEPS_BITS)) as u64 + 1) << steps) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_ends_at_most_an_eighth_above_what_falls_into_it() {
        for nanos in (8..100_000).chain((8..62).map(|bits| 1 << bits)) {
            let end = end(bucket(nanos));
            assert!(nanos <= end && end <= nanos + nanos / 8, "{nanos} ends at {end}");
        }
    }

    #[test]
    fn a_quantile_is_the_latency_of_the_call_at_this_place() {
        let latencies = Latencies::new();
        (1..=100).for_each(|micros| latencies.count(Duration::from_micros(micros)));
        let all = Distribution::take(std::slice::from_ref(&latencies));
        assert_eq!((all.calls(), all.longest(), all.quantile(1.0)), (100, 100_000, 100_000));
        assert!((50_000..=56_250).contains(&all.quantile(0.5)));
        assert_eq!(Distribution::take(&[latencies]).calls(), 0);
    }
}
