//! Snapshots: a store in a file that is always whole.
//!
//! `saving.rs` says how a store is saved as it was at one instant while others write. `format.rs` and `hash/image.rs` draw the
//! bytes. `walk.rs` walks over a store, `file.rs` puts the new file in the place of the old one, and `save.rs` and `load.rs` do
//! all of it.

mod disk;
mod error;
mod file;
mod format;
mod load;
mod options;
mod reader;
mod save;
#[cfg(test)]
pub(crate) mod tests;
mod walk;
mod writer;

pub(crate) use disk::{Disk, SystemDisk};
pub use error::SnapshotError;
pub(crate) use file::LockedPath;
pub use options::{LoadOptions, Progress, SaveOptions, SaveReport};
pub(crate) use reader::{Block, Reader};
pub(crate) use writer::Writer;
