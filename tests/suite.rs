//! All tests that can share a process, in one binary, because one binary for each file would take minutes to build.
//! Almost every module is a family of promises. It is a folder whose `mod.rs` names the subject and lists the files.
//!
//! `cargo test --all-features --test suite keys::scans::` runs the tests of `keys/scans.rs`. Nine binaries are separate,
//! and `tests/Cargo.toml` has their names:
//! - `corpus.rs` replays the inputs of the fuzz targets.
//! - `limits/memory.rs`, `snapshot/memory.rs` and `typed/hostile.rs` count allocated bytes.
//! - `remote/` talks to servers, and runs itself again.
//! - `snapshot/kill.rs` and `journal/kill.rs` run themselves again and are killed.
//! - `snapshot/system` forks, and changes its user and its folder. `journal/system` forks, fills a disk and is aborted.

#[macro_use]
mod support;

use support::heap;

/// The allocator fails any test that takes more than the ceiling.
#[global_allocator]
static HEAP: heap::Bounded = heap::Bounded;

mod differential;
mod encodings;
mod errors;
mod expiry;
mod fields;
#[cfg(feature = "journal")]
mod journal;
mod keys;
mod limits;
#[cfg(feature = "testing")]
mod model;
#[cfg(feature = "json")]
mod recipes;
mod rollback;
#[cfg(feature = "snapshot")]
mod snapshot;
mod threads;
#[cfg(any(feature = "json", feature = "bincode", feature = "postcard"))]
mod typed;
#[cfg(feature = "watch")]
mod watching;

#[test]
fn no_test_takes_the_whole_memory() {
    let mut bytes: Vec<u8> = Vec::new();
    assert!(bytes.try_reserve_exact(heap::CEILING).is_err());
    assert!(bytes.try_reserve_exact(heap::CEILING / 16).is_ok());
}
