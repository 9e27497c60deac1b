//! A store answers as the naive model does, for all calls and all configurations. Short scenarios come from proptest,
//! which shrinks a failing one. Long scenarios come from seeds: 5,000,000 calls at the full `HASHLET_SCALE`, or the one
//! scenario of `HASHLET_SEED`.

use std::fmt;
use std::hash::BuildHasher;

use crate::support::scale;
use crate::support::scenario::Scenario;
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, Strategy, any, proptest};

const CALLS: f64 = 5_000_000.0;
const CASES: f64 = 5_000.0;

fn cases() -> ProptestConfig {
    ProptestConfig { cases: (CASES * scale()) as u32, failure_persistence: None, ..ProptestConfig::default() }
}

/// Bytes that print as a literal for a regression test.
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

fn input() -> impl Strategy<Value = Input> {
    vec(any::<u8>(), 0..3_000).prop_map(Input)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_store_answers_as_the_model(bytes in input()) {
        Scenario::from_bytes(&bytes.0).run();
    }

    #[test]
    fn an_owned_value_answers_as_the_model(bytes in input()) {
        Scenario::from_bytes(&bytes.0).run_on_value();
    }
}

#[test]
fn a_store_answers_as_the_model_for_millions_of_calls() {
    if let Ok(seed) = std::env::var("HASHLET_SEED") {
        Scenario::from_seed(seed.parse().expect("HASHLET_SEED is the number a failure printed")).run();
        return;
    }
    // Each run has other scenarios: the operating system seeds std's hasher.
    let first: u32 = std::hash::RandomState::new().hash_one(0) as u32;
    let mut left = (CALLS * scale()) as usize;
    for seed in u64::from(first).. {
        let scenario = Scenario::from_seed(seed);
        scenario.run();
        left = left.saturating_sub(scenario.ops.len());
        if left == 0 {
            break;
        }
    }
}
