//! Snapshots: a store in a file that is always whole.

mod error;

pub use error::SnapshotError;
