#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod background;
mod bytes;
mod directory;
mod error;
mod expiry;
mod hash;
mod hashing;
mod options;
mod process;
mod random;
// Records carry their save marks even in builds without snapshots, where no code uses them.
#[cfg_attr(not(feature = "snapshot"), allow(dead_code, unused_imports))]
mod saving;
mod scan;
mod shard;
#[cfg(feature = "snapshot")]
mod snapshot;
mod store;
mod sync;
#[cfg(test)]
mod tests;
mod time;
#[cfg(feature = "serde")]
mod typed;
mod value;

pub use background::Janitor;
#[cfg(feature = "snapshot")]
pub use background::{Autosave, AutosavePolicy};
pub use error::{Error, Result};
pub use expiry::{ExpireCondition, ExpireOutcome, SetOptions, Touch, Ttl, When};
pub use hash::{Encoding, Sample};
pub use options::{Limits, Thresholds};
pub use scan::{Cursor, Page};
#[cfg(feature = "snapshot")]
pub use snapshot::{LoadOptions, Progress, SaveOptions, SaveReport, SnapshotError};
pub use store::{Expired, Overwrite, Purged, Stats, Store, StoreBuilder, WhenFull};
pub use time::ManualClock;
#[cfg(feature = "bincode")]
pub use typed::Bincode;
#[cfg(feature = "json")]
pub use typed::Json;
#[cfg(feature = "serde")]
pub use typed::{Codec, CodecError, Typed};
pub use value::{HashMut, HashRef, HashValue, IntoIter, Iter};
