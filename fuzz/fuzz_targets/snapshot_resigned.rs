//! Any bytes say how a good snapshot is changed and signed again; the rest of them are calls on what it was loaded into:
//! an error, or a sound store that is the same when it is saved and loaded again.
//!
//! `cargo +nightly fuzz run snapshot_resigned`. An input that crashes becomes a named test.

#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use std::sync::LazyLock;

use hashlet::ManualClock;
use libfuzzer_sys::fuzz_target;
use support::forge::Forge;
use support::source::Source;
use support::specimen::{self, builder, check_loaded};

static SPECIMENS: LazyLock<[Forge; 2]> =
    LazyLock::new(|| [3, 150].map(|fields| Forge::parse(&specimen::snapshot(fields))));

fuzz_target!(|bytes: &[u8]| {
    let mut source = Source::Bytes(bytes);
    let mut forge = SPECIMENS[source.below(2)].clone();
    for _ in 0..=source.below(8) {
        forge.mutate(&mut source);
    }
    let clock = ManualClock::new();
    if let Ok(store) = builder(&clock).load_from(&forge.render()[..]) {
        check_loaded(&store, &clock, &mut source, 20);
    }
});
