//! All tests that can share a process, in one binary, because a binary for each file takes minutes to build. Almost every
//! module is a family of promises: a folder, whose `mod.rs` says what it is about and lists its files.
//!
//! `cargo test --all-features --test suite keys::scans::` runs those of `keys/scans.rs`. Six binaries stand apart:
//! `corpus.rs` is no part of the package; `limits/memory.rs`, `snapshot/memory.rs` and `typed/hostile.rs` count what is
//! allocated; `snapshot/kill.rs` runs itself again and is killed; and `snapshot/system` forks, and changes its user and
//! folder. `Cargo.toml` has their names.

#[macro_use]
mod support;

use support::heap;

/// So that no test takes more than the ceiling.
#[global_allocator]
static HEAP: heap::Bounded = heap::Bounded;

mod differential;
mod encodings;
mod expiry;
mod fields;
mod keys;
mod limits;
#[cfg(feature = "testing")]
mod model;
#[cfg(feature = "json")]
mod recipes;
#[cfg(feature = "snapshot")]
mod snapshot;
mod threads;
#[cfg(any(feature = "json", feature = "bincode"))]
mod typed;

#[test]
fn no_test_takes_the_whole_memory() {
    let mut bytes: Vec<u8> = Vec::new();
    assert!(bytes.try_reserve_exact(heap::CEILING).is_err());
    assert!(bytes.try_reserve_exact(heap::CEILING / 16).is_ok());
}
