//! Whatever happens during a save, the snapshot holds the state of the model at the beginning of the save. The store
//! goes on as the model does. `HASHLET_SCALE=1` runs the full load, and `HASHLET_SEED` runs the one scenario of a
//! failure.

use std::hash::BuildHasher;

use crate::support::scale;
use crate::support::scenario::Scenario;

/// The number of scenarios at the full load, with twelve saves each.
const SCENARIOS: f64 = 240.0;

/// Runs scenarios on one shard or on many. Even seeds choose a configuration with one shard, odd seeds one with many.
fn run(on_many_shards: bool) {
    let which = u64::from(on_many_shards);
    if let Ok(seed) = std::env::var("HASHLET_SEED") {
        let seed: u64 = seed.parse().expect("HASHLET_SEED is the number a failure printed");
        if seed % 2 == which {
            Scenario::of_saves(seed).run();
        }
        return;
    }
    // Each run has other scenarios: the operating system seeds std's hasher.
    let first: u32 = std::hash::RandomState::new().hash_one(0) as u32;
    for scenario in 0..(SCENARIOS * scale() / 2.0).max(4.0) as u64 {
        Scenario::of_saves(u64::from(first) * 2 + scenario * 2 + which).run();
    }
}

#[test]
fn a_snapshot_of_one_shard_is_the_store_as_it_was_when_the_save_began() {
    run(false);
}

#[test]
fn a_snapshot_of_many_shards_is_the_store_as_it_was_when_the_save_began() {
    run(true);
}
