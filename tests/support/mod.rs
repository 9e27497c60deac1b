//! The code that the tests, the fuzz targets and the benches share: the list of configurations, the naive model, and
//! the scenarios that drive a store and the model side by side.
//!
//! `tests/README.md` lists the places to which a new command has to be added, in this folder and outside of it.

#![allow(dead_code, unused_macros, reason = "every test binary takes the part it needs")]

pub(crate) mod check;
#[cfg(all(test, any(feature = "json", feature = "bincode", feature = "postcard")))]
#[macro_use]
mod codecs;
pub(crate) mod config;
pub(crate) mod deadline_calls;
pub(crate) mod even;
#[cfg(feature = "serde")]
pub(crate) mod everything;
#[cfg(any(all(test, feature = "snapshot"), feature = "journal"))]
pub(crate) mod folder;
#[cfg(feature = "watch")]
pub(crate) mod follower;
#[cfg(feature = "snapshot")]
pub(crate) mod forge;
pub(crate) mod hash_calls;
#[cfg(test)] // the fuzz targets have no libc
pub(crate) mod heap;
#[cfg(all(feature = "journal", feature = "testing"))]
pub(crate) mod journaled;
pub(crate) mod model;
pub(crate) mod number;
pub(crate) mod ops;
pub(crate) mod process;
pub(crate) mod reply;
#[cfg(all(feature = "snapshot", feature = "testing"))]
pub(crate) mod saving;
pub(crate) mod scenario;
pub(crate) mod source;
#[cfg(feature = "snapshot")]
pub(crate) mod specimen;
pub(crate) mod store_calls;
pub(crate) mod targets;
pub(crate) mod time;
#[cfg(test)]
pub(crate) mod told;
#[cfg(feature = "recorder")]
pub(crate) mod twin;
#[cfg(feature = "serde")]
pub(crate) mod typed_reads;
#[cfg(feature = "serde")]
pub(crate) mod user;
pub(crate) mod waiting;

/// The boundaries at which lengths and counts change their form: one byte, a one-byte varint, a `u8`, a `u16`.
pub(crate) const BOUNDARIES: [usize; 8] = [0, 1, 127, 128, 255, 256, 65_535, 65_536];

/// How much of the heavy suites to run: 1 is the full load, `HASHLET_SCALE` sets it, a plain `cargo test` runs a
/// fiftieth.
pub(crate) fn scale() -> f64 {
    let Ok(text) = std::env::var("HASHLET_SCALE") else { return 0.02 };
    text.parse().expect("HASHLET_SCALE is a number, 1 for the full load")
}

/// `len` bytes that differ from one position to the next and from one `seed` to the next, so that a shifted copy never
/// compares equal.
pub(crate) fn pattern(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| seed.wrapping_mul(31).wrapping_add((at % 251) as u8)).collect()
}
