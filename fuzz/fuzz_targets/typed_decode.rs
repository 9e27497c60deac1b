//! Any bytes go through every typed read of one of the codecs: a value or an error that names key and field, and what the store
//! holds stays.
//!
//! `cargo +nightly fuzz run typed_decode -- -max_len=4096`. An input that crashes becomes a named test.

#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::typed_reads;

fuzz_target!(|bytes: &[u8]| {
    let [how, member, bytes @ ..] = bytes else { return };
    let (table, member) = (how & 1 == 1, usize::from(*member));
    match how & 2 {
        0 => typed_reads::run_in(hashlet::Json, bytes, table, member),
        _ => typed_reads::run_in(hashlet::Bincode, bytes, table, member),
    }
});
