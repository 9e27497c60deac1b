#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]
// What a saver does stands beside what it saves.
#![cfg_attr(not(feature = "snapshot"), allow(dead_code))]

#[cfg(feature = "snapshot")]
mod autosave;
mod bytes;
mod call;
mod directory;
#[cfg(test)]
mod effort;
mod error;
mod expiry;
mod hash;
mod janitor;
mod listener;
mod process;
mod random;
mod room;
mod rules;
mod saving;
mod scan;
mod shard;
#[cfg(feature = "snapshot")]
mod snapshot;
mod store;
mod sync;
mod time;
#[cfg(feature = "serde")]
mod typed;
mod value;

#[cfg(feature = "snapshot")]
pub use autosave::{Autosave, AutosavePolicy};
pub use error::{Error, Result};
pub use expiry::{Condition, Expire, SetOptions, Touch, Ttl, When};
pub use hash::{Encoding, Sample};
pub use janitor::Janitor;
pub use listener::{Expired, WhenFull};
pub use rules::{Limits, Thresholds};
pub use scan::{Cursor, Page};
#[cfg(feature = "snapshot")]
pub use snapshot::{LoadOptions, Progress, SaveOptions, SaveReport, SnapshotError};
pub use store::{Builder, Overwrite, Purged, Stats, Store};
pub use time::ManualClock;
#[cfg(feature = "bincode")]
pub use typed::Bincode;
#[cfg(feature = "json")]
pub use typed::Json;
#[cfg(feature = "serde")]
pub use typed::{Codec, CodecError, Typed};
pub use value::{HashMut, HashRef, HashValue, IntoIter, Iter};
