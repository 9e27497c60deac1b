//! Whatever happens while a store is saved, the snapshot holds what the model held when the save began, and the store
//! goes on as the model does. `HASHLET_SCALE=1` runs the full load, `HASHLET_SEED` the one scenario of a failure.

#![cfg(all(feature = "snapshot", feature = "testing"))]

mod support;

use std::hash::BuildHasher;

use support::scale;
use support::scenario::Scenario;

/// Twelve saves each.
const SCENARIOS: f64 = 240.0;

#[test]
fn a_snapshot_is_the_store_as_it_was_when_the_save_began() {
    if let Ok(seed) = std::env::var("HASHLET_SEED") {
        Scenario::of_saves(seed.parse().expect("HASHLET_SEED is the number a failure printed")).run();
        return;
    }
    // Other scenarios every time: std's hasher is seeded by the operating system.
    let first: u32 = std::hash::RandomState::new().hash_one(0) as u32;
    for scenario in 0..(SCENARIOS * scale()).max(8.0) as u64 {
        Scenario::of_saves(u64::from(first) + scenario).run();
    }
}
