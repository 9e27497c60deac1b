#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
//! hashlet is Redis's hashes as a Rust library. It keeps millions of small `key -> {field -> value}` objects in one
//! process, packs them tightly, and shares them among many threads. There is no server. Every operation on one key is
//! atomic.
//!
//! ```
//! use hashlet::Store;
//!
//! let store = Store::new(); // Send + Sync; share it by & or in an Arc
//! store.set("user:123", "name", "John Doe")?; // true: the field is new
//! store.set_many("user:123", [("email", "john@example.com"), ("visits", "0")])?;
//! let name: Option<Vec<u8>> = store.get("user:123", "name"); // a copy; `None` if there is no such field
//! assert_eq!(name.as_deref(), Some(&b"John Doe"[..]));
//! assert_eq!(store.get_string("user:123", "name")?.as_deref(), Some("John Doe"));
//! store.increment_existing("user:123", "visits", 1)?; // no increment of any thread is lost; does nothing without the user
//! assert_eq!(store.get_parsed::<u64>("user:123", "visits")?, Some(1));
//! store.try_update("cart:7", |cart| -> hashlet::Result<()> {
//!     cart.increment("apples", 2)?; // many reads and writes, one atomic step: all of it, or on `Err` nothing
//!     cart.set("touched", "1")?;
//!     Ok(())
//! })?;
//! assert_eq!(store.size("cart:7"), 2);
//! # Ok::<(), hashlet::FieldError>(())
//! ```
//!
//! # Where to look
//! - [`Store`] is the keyspace, and has almost all methods. Search for a Redis command, such as `HINCRBY`, to find its
//!   method.
//! - The [`guide`] has a page for each task: [commands](guide::commands), [atomic updates](guide::atomic),
//!   [expiry](guide::expiry), [watching](guide::watching), [typed values](guide::typed), [snapshots](guide::snapshots), [the
//!   journal](guide::journal), [limits, eviction and memory](guide::limits), [async code](guide::async_code), [many
//!   threads](guide::many_threads), [outgrowing one process](guide::outgrowing), [clusters](guide::cluster), and moving from [DashMap](guide::from_dashmap), [moka](guide::from_moka) or
//!   [Redis](guide::from_redis).
//! - [`HashRef`] and [`HashMut`] are the hashes that closures get. [`HashValue`] is a hash outside of a store.
//! - The repository's README compares hashlet with other libraries, and has figures.
//!
//! # What it is not
//! - It is no database. All data is in memory. Without a journal, what was written after the last snapshot is lost with
//!   the process. The feature `journal` keeps it; [`guide::journal`] tells what outlasts what.
//! - One hash is behind one lock. Threads that write to one hash wait for each other, so use many keys.
//! - Calls over all keys are not one instant, except for a snapshot. [`guide::atomic`] lists which calls are one step.
//!
//! # Features
//!
//! | feature | what it adds | crates more (build dependencies not counted) |
//! |---|---|---|
//! | (without features) | hashes, expiry, scans | 11 besides hashlet |
//! | `snapshot`, on by default | [`Store::save`], [`Store::load`], [`Autosave`] | 1 |
//! | `journal` | [`StoreBuilder::open`], [`Durable`]: changes that outlast a crash | 1, that of `snapshot` |
//! | `watch` | [`StoreBuilder::watch`]: a feed of all changes | none |
//! | `redis` | [`Remote`], [`RemoteCluster`], [`AnyHashes`]: the same calls on a Redis or Valkey server or cluster | 40, that of `snapshot` included |
//! | `serde` | [`Store::typed`] with a [`Codec`] of your own; [`HashValue`] for serde | 2 |
//! | `json` | [`Json`] | 6, those of `serde` included |
//! | `postcard` | [`Postcard`] | 5, those of `serde` included |
//! | `bincode` | [`Bincode`] | 4, those of `serde` included |

// Without these features, some of the items that this page links to do not exist.
#![cfg_attr(
    not(all(
        feature = "bincode",
        feature = "journal",
        feature = "json",
        feature = "postcard",
        feature = "redis",
        feature = "watch"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]

// The documentation shows the methods of `Store` in the order of these groups: the store's own ones come first.
mod store;

#[cfg(feature = "snapshot")]
mod snapshot;

#[cfg(feature = "journal")]
mod journal;

mod hashes;

#[cfg(feature = "redis")]
mod remote;

#[cfg(feature = "serde")]
mod typed;

mod background;
mod bytes;
mod directory;
mod error;
mod eviction;
mod expiry;
pub mod guide;
mod hash;
mod hashing;
mod options;
mod pattern;
mod process;
mod random;
// Records carry their save marks even in builds without snapshots, where no code uses them.
#[cfg_attr(not(feature = "snapshot"), allow(dead_code, unused_imports))]
mod saving;
mod scan;
mod shapes;
mod shard;
mod sync;
mod tags;
#[cfg(feature = "journal")]
mod tail;
#[cfg(test)]
mod tests;
mod time;
mod value;

/// The examples of the README are run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

pub use background::Janitor;
#[cfg(feature = "snapshot")]
pub use background::{Autosave, AutosavePolicy, AutosaveStats};
pub use error::{Error, FieldError, Result};
pub use eviction::Eviction;
pub use expiry::{ExpireCondition, ExpireOutcome, SetOptions, Touch, Ttl, When, unix_millis};
pub use hash::{Encoding, Sample};
pub use hashes::{Across, ExactExpiry, Hashes};
#[cfg(feature = "journal")]
pub use journal::{Damage, Durability, Durable, JournalError, JournalOptions, JournalStatus, OnFailure, Recovery};
pub use options::{Limits, Thresholds};
pub use pattern::KeyPattern;
#[cfg(feature = "redis")]
pub use remote::{
    AnyHashes, CopyError, CopyOptions, CopyReport, CopySource, CopyTarget, Remote, RemoteCluster, RemoteError,
    RemoteOptions,
};
pub use scan::{Cursor, Page};
#[cfg(feature = "snapshot")]
pub use snapshot::{LoadOptions, LoadReport, Progress, SaveOptions, SaveReport, SnapshotError};
#[cfg(feature = "watch")]
pub use store::{Change, ChangeKind, Watch};
pub use store::{Gone, Overwrite, Purged, Stats, Store, StoreBuilder, TransferOutcome, WhenFull};
pub use time::ManualClock;
#[cfg(feature = "bincode")]
pub use typed::Bincode;
#[cfg(feature = "json")]
pub use typed::Json;
#[cfg(feature = "postcard")]
pub use typed::Postcard;
#[cfg(feature = "serde")]
pub use typed::{Codec, CodecError, Typed, TypedHashes, TypedMut, TypedRef, check_codec};
pub use value::{HashMut, HashRef, HashValue, IntoIter, Iter};
