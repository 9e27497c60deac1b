//! The requests that caches are asked: which key comes next. They are drawn before anything is measured, and are the
//! same for everybody.

use crate::support::random::{Random, Zipf};
use crate::support::workload::SEED;

/// Requests of a stream. The first quarter warms up and is not counted.
pub(super) const REQUESTS: usize = 4_000_000;
/// Requests after which a scan begins, and those of the scan.
const BETWEEN_SCANS: usize = 400_000;
const SCAN: usize = 200_000;
/// Requests after which the hot set moves.
const SHIFT: usize = 1_000_000;
/// How many of ten requests go to the hot set.
const HOT: usize = 9;

/// The streams, and what each is.
pub(crate) const STREAMS: [(&str, &str); 4] = [
    ("zipf", "Zipf's law, exponent 0.99"),
    ("scan", "the same, with scans through it"),
    ("loop", "a loop, a tenth longer than the cache"),
    ("shift", "a hot set that shifts"),
];

/// A stream over so many keys, for a cache that has room for some of them.
pub(super) fn stream(name: &str, keys: usize, cached: usize, requests: usize) -> Vec<u32> {
    let mut random = Random::new(SEED);
    // Parts of a stream are shorter where there are fewer requests.
    let part = |full: usize| (full * requests / REQUESTS).max(1);
    match name {
        "zipf" => {
            let zipf = Zipf::new(keys);
            (0..requests).map(|_| zipf.sample(&mut random) as u32).collect()
        }
        "scan" => {
            let zipf = Zipf::new(keys);
            let (between, scan) = (part(BETWEEN_SCANS), part(SCAN));
            let mut scanned = (0..keys as u32).cycle();
            let mut next = |number: usize| {
                if number % (between + scan) < between {
                    zipf.sample(&mut random) as u32
                } else {
                    scanned.next().expect("a cycle has no end")
                }
            };
            (0..requests).map(&mut next).collect()
        }
        "loop" => scattered(keys, &mut random).into_iter().take(cached + cached / 10).cycle().take(requests).collect(),
        "shift" => {
            let keys = scattered(keys, &mut random);
            let (hot, period) = (cached / 2, part(SHIFT));
            let next = |number: usize| {
                // It moves by more than its length, so that no two that follow each other have keys in common.
                let first = (number / period) * hot * 7 / 3;
                let is_hot = random.below(10) < HOT;
                keys[if is_hot { (first + random.below(hot)) % keys.len() } else { random.below(keys.len()) }]
            };
            (0..requests).map(next).collect()
        }
        name => panic!("no stream is called {name}"),
    }
}

/// All keys in a random order.
fn scattered(keys: usize, random: &mut Random) -> Vec<u32> {
    let mut keys: Vec<u32> = (0..keys as u32).collect();
    random.shuffle(&mut keys);
    keys
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_stream_has_the_keys_that_it_should() {
        let of = |name| stream(name, 1_000, 100, 4_000);
        let distinct = |keys: &[u32]| keys.iter().collect::<HashSet<_>>().len();
        for (name, _) in STREAMS {
            let keys = of(name);
            assert_eq!((keys.len(), keys == of(name)), (4_000, true), "{name}");
            assert!(keys.iter().all(|key| *key < 1_000), "{name}");
        }
        assert_eq!(distinct(&of("loop")), 110);
        assert_eq!(of("scan")[400..600], (0..200).collect::<Vec<u32>>());
        let most = |keys: &[u32]| {
            let mut counts = vec![0; 1_000];
            keys.iter().for_each(|key| counts[*key as usize] += 1);
            let hot: HashSet<usize> = (0..1_000).filter(|key| counts[*key] > 8).collect();
            hot
        };
        let shift = of("shift");
        let hot: Vec<_> = shift.chunks(1_000).map(most).collect();
        assert!(hot.iter().all(|hot| (40..=50).contains(&hot.len())), "{hot:?}");
        assert!(hot.windows(2).all(|two| two[0].is_disjoint(&two[1])));
    }
}
