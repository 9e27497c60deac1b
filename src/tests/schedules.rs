//! Calls of a few threads on a small store, in many orders that a scheduler chooses. The crate shuttle runs one thread
//! at a time. At each lock and each atomic, it chooses the thread that goes on.
//!
//! A test here is a *model*: some threads, their calls, and what must hold. Most models are tables of calls for
//! `linear`. It requires that all answers, and the contents at the end, are as if the calls had been made one after the
//! other. Each model is tried in 20,000 random schedules and in 5,000 of probabilistic concurrency testing (Burckhardt,
//! Kothari, Musuvathi and Nagarakatte, 2010), times `HASHLET_SCALE`. For each schedule, shards, thresholds and hash
//! function of the store are drawn as well.
//!
//! ```sh
//! .ci/schedules         # all models
//! .ci/schedules room    # those of schedules/room.rs
//! ```
//!
//! A model that fails prints two commands that make it fail again:
//!
//! ```sh
//! HASHLET_SEED=7 .ci/schedules room::NAME              # all its schedules, the same ones as before
//! HASHLET_SCHEDULE='91029...' .ci/schedules room::NAME # only the failing one, which shuttle prints between quotes
//! ```
//! A schedule only fits while the calls take the same locks. So after a repair, use the seed. (shuttle also prints a
//! "failing seed". `HASHLET_SEED` accepts it as well, and the failing random schedule then comes first.)
//!
//! These tests cannot find everything:
//! - shuttle treats every atomic as sequentially consistent.
//! - The channel of a listener, and the threads of `Janitor` and `Autosave`, are those of the operating system.
//! - No store here is so large that segments are split or merged.

#![allow(clippy::unit_arg, reason = "a call that answers nothing says so")]

mod expiry;
mod explore;
mod fields;
#[cfg(feature = "journal")]
mod journal;
mod keys;
mod linear;
mod many;
mod panics;
mod rollback;
mod room;
mod saves;
mod scans;
mod scene;
mod shapes;
