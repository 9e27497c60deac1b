//! Snapshots: a store in a file that is always whole.
//!
//! `saving.rs` says how a store is saved as it was at one instant while others write; `hash/image.rs` and `format.rs` draw the
//! bytes; `file.rs` puts them in the place of the old ones; `store/save.rs` and `store/load.rs` do all of it.

mod disk;
mod error;
mod file;
mod format;
mod options;
mod reader;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

pub(crate) use disk::{Disk, SystemDisk};
pub use error::SnapshotError;
pub(crate) use file::LockedPath;
pub use options::{LoadOptions, Progress, SaveOptions, SaveReport};
pub(crate) use reader::{Block, Reader};
pub(crate) use writer::Writer;
