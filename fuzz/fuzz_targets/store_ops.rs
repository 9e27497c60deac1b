//! Any bytes are a scenario: every call of a store, on one key, on several and on all, must get the answer of the model,
//! with every invariant intact.
//!
//! `cargo +nightly fuzz run store_ops -- -max_len=4096`. An input that crashes becomes a named test.

#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::scenario::Scenario;

fuzz_target!(|bytes: &[u8]| Scenario::from_bytes(bytes).run());
