//! Any bytes are loaded: an error, or a sound store that is the same when it is saved and loaded again.
//!
//! `cargo +nightly fuzz run snapshot_load`, with the files of `tests/golden` as the first inputs. An input that crashes
//! becomes a named test.

#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use hashlet::ManualClock;
use libfuzzer_sys::fuzz_target;
use support::source::Source;
use support::specimen::{builder, check_loaded};

fuzz_target!(|bytes: &[u8]| {
    let clock = ManualClock::new();
    if let Ok(store) = builder(&clock).load_from(bytes) {
        check_loaded(&store, &clock, &mut Source::Seed(0), 10);
    }
});
