//! All tests that can share a process, in one binary, because a binary for each file takes minutes to build.
//!
//! `cargo test --all-features --test suite scans::` runs those of `scans.rs`. Six files stand apart: `corpus.rs`
//! is no part of the package; `memory.rs`, `snapshot_memory.rs` and `typed_hostile.rs` count what is allocated;
//! `snapshot_kill.rs` runs itself again and is killed; and `snapshot_system.rs` forks, and changes its user and folder.

#[cfg(feature = "snapshot")]
mod folder;
mod support;
#[cfg(feature = "snapshot")]
mod traffic;

#[path = "support/heap.rs"]
mod heap;

/// So that no test takes more than the ceiling.
#[global_allocator]
static HEAP: heap::Bounded = heap::Bounded;

#[cfg(any(feature = "json", feature = "bincode"))]
#[macro_use]
#[path = "support/codecs.rs"]
mod codecs;

#[cfg(feature = "snapshot")]
mod autosave;
mod boundaries;
mod closures;
mod deadlines;
mod differential;
mod encodings;
mod expired;
mod expiry;
mod field_expiry;
mod fields;
mod hash_order;
mod hash_value;
#[cfg(all(feature = "json", feature = "bincode"))]
mod hash_value_serde;
mod keyspace;
mod limits;
mod linearizable;
mod listener;
mod many;
mod max_bytes;
#[cfg(feature = "testing")]
mod model;
mod numbers;
#[cfg(any(feature = "json", feature = "bincode"))]
mod object_members;
#[cfg(any(feature = "json", feature = "bincode"))]
mod object_types;
#[cfg(any(feature = "json", feature = "bincode"))]
mod object_updates;
#[cfg(any(feature = "json", feature = "bincode"))]
mod objects;
mod purge;
#[cfg(feature = "json")]
mod recipes;
mod rollback;
mod sampling;
mod scans;
#[cfg(feature = "snapshot")]
mod snapshot;
#[cfg(all(feature = "snapshot", feature = "testing"))]
mod snapshot_golden;
#[cfg(feature = "snapshot")]
mod snapshot_hostile;
#[cfg(feature = "snapshot")]
mod snapshot_limits;
#[cfg(all(feature = "snapshot", feature = "testing"))]
mod snapshot_model;
#[cfg(feature = "snapshot")]
mod snapshot_threads;
#[cfg(feature = "snapshot")]
mod snapshot_traffic;
mod threads;
#[cfg(any(feature = "json", feature = "bincode"))]
mod typed;
#[cfg(all(feature = "json", feature = "bincode"))]
mod typed_bincode;
#[cfg(any(feature = "json", feature = "bincode"))]
mod typed_people;
#[cfg(all(feature = "json", feature = "bincode"))]
mod typed_round_trips;

#[test]
fn no_test_takes_the_whole_memory() {
    let mut bytes: Vec<u8> = Vec::new();
    assert!(bytes.try_reserve_exact(heap::CEILING).is_err());
    assert!(bytes.try_reserve_exact(heap::CEILING / 16).is_ok());
}
