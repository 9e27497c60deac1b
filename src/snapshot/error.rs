//! What can go wrong when a store is saved or loaded.

use std::fmt;
use std::io;

use crate::error::Error;

/// Why a snapshot was not saved or not loaded. A save that fails leaves the old file as it was; a load that fails leaves
/// nothing behind.
#[derive(Debug)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The system refused an operation on the file, or the reader or writer did.
    Io(io::Error),
    /// What was read does not begin as a snapshot does.
    NotASnapshot,
    /// The snapshot was written by a later version of this crate, in a format that this one does not know.
    UnsupportedVersion {
        /// The version of the format.
        version: u16,
        /// What else it says about itself.
        flags: u16,
    },
    /// The snapshot is damaged.
    Corrupt {
        /// Where, in bytes from the beginning: at this byte or, of a block, behind it.
        offset: u64,
        /// What was found there.
        what: &'static str,
    },
    /// This store is being saved already.
    Busy,
    /// Another process is saving to that file, another store of this one, or an [`Autosave`](crate::Autosave), which has the file
    /// for itself as long as it runs. Or somebody removed or replaced the lock file while this was saving, so that others may
    /// have saved meanwhile; the next save takes the lock anew.
    Locked,
    /// This process is a forked child, and what was called is its parent's: an [`Autosave`](crate::Autosave), whose thread is
    /// not there in the child, or a save that was under way when the child was forked. The child can save its store itself, to
    /// another path.
    Forked,
    /// The snapshot holds something that passes a limit of the store that was to be loaded.
    TooLarge(Error),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "input or output failed: {error}"),
            Self::NotASnapshot => f.write_str("this is no snapshot of a store"),
            Self::UnsupportedVersion { version, flags } => {
                write!(f, "the snapshot has version {version} and flags {flags:#x}, which this version does not know")
            }
            Self::Corrupt { offset, what } => write!(f, "the snapshot is damaged at byte {offset}: {what}"),
            Self::Busy => f.write_str("the store is being saved already"),
            Self::Locked => f.write_str("another process or another store is saving to that file"),
            Self::Forked => f.write_str("this process is a forked child, and only its parent can save here"),
            Self::TooLarge(error) => write!(f, "the snapshot passes a limit of the store: {error}"),
        }
    }
}

impl std::error::Error for SnapshotError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::TooLarge(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for SnapshotError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
