//! Snapshots: a store in a file that is never half written.
//!
//! - `saving.rs` explains how a store is saved as it was at one instant while other threads write.
//! - `format.rs` draws the bytes. `writer.rs`, `reader.rs` and `hash/image.rs` write and read them.
//! - `walk.rs` walks over a store. `file.rs` replaces the old file by the new one, and `file/kept.rs` keeps older ones.
//! - `save.rs`, `load.rs` and `start.rs` put these together, `dump.rs` for a single hash.

mod disk;
mod dump;
mod error;
mod file;
mod format;
mod load;
mod options;
mod reader;
#[cfg(feature = "redis")]
mod records;
mod save;
mod start;
#[cfg(test)]
pub(crate) mod tests;
mod walk;
mod writer;

pub(crate) use disk::{Disk, SystemDisk};
pub use error::SnapshotError;
pub(crate) use file::SavePath;
#[cfg(feature = "journal")]
pub(crate) use file::{Pen, Temporary, is_temporary_beside, random_number, temporary_beside};
#[cfg(feature = "journal")]
pub(crate) use format::Origin;
pub use options::{LoadOptions, LoadReport, Progress, SaveOptions, SaveReport};
pub(crate) use reader::{Block, BlockReader};
#[cfg(feature = "journal")]
pub(crate) use save::Cut;
pub(crate) use writer::Writer;
