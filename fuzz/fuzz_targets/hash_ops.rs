//! Any bytes are a scenario: an owned value, which takes the calls of all its keys, must give the answers of the model,
//! with every invariant intact.
//!
//! `cargo +nightly fuzz run hash_ops`. An input that crashes becomes a named test.

#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::scenario::Scenario;

fuzz_target!(|bytes: &[u8]| Scenario::from_bytes(bytes).run_on_value());
