//! Snapshots: a store in a file that is always whole.
//!
//! `saving.rs` says how a store is saved as it was at one instant while others write, `hash/image.rs` and `format.rs` draw the
//! bytes, `store/snapshot.rs` does both.

mod error;
mod format;
mod options;
mod reader;
mod writer;

pub use error::SnapshotError;
pub use options::{LoadOptions, Progress, SaveOptions, SaveReport};
pub(crate) use reader::{Block, Reader};
pub(crate) use writer::Writer;
