//! Any bytes are a scenario: its calls must get the model's answers from a store and from an owned value, with every
//! invariant intact.
//!
//! `cargo +nightly fuzz run hash_ops`. An input that crashes becomes a named test.

#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::scenario::Scenario;

fuzz_target!(|bytes: &[u8]| {
    let scenario = Scenario::from_bytes(bytes);
    scenario.run();
    scenario.run_on_value();
});
