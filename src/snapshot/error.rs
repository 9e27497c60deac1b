//! The errors of a save and of a load.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Why a snapshot was not saved or not loaded. A save that fails leaves the old file as it was; a load that fails
/// leaves nothing behind.
#[derive(Debug)]
#[non_exhaustive]
pub enum SnapshotError {
    /// An operation on the file failed, or the reader or the writer returned an error.
    Io(io::Error),
    /// The input does not begin as a snapshot does.
    NotASnapshot,
    /// The snapshot was written by a later version of this crate, in a format that this one does not know.
    UnsupportedVersion {
        /// The version of the format.
        version: u16,
        /// The flags of the format. Version 1 has only flag 1, for the base of a journal.
        flags: u16,
    },
    /// The snapshot is damaged. It cannot be repaired: load an older copy of it, if there is one.
    Corrupt {
        /// The path of the file, or `None` if the snapshot came from a reader.
        path: Option<PathBuf>,
        /// The place where the damage was noticed, in bytes from the beginning. If a whole block is damaged, that is
        /// the beginning of the block. A flaw inside a block is noticed after its place, at the latest at the end of
        /// the snapshot.
        offset: u64,
        /// What is wrong, as a clause: for example "the block does not match its checksum".
        what: &'static str,
    },
    /// This store is being saved already.
    Busy,
    /// The file is locked by another process, by another store of this process, or by an [`Autosave`](crate::Autosave),
    /// which keeps the lock as long as it runs. Or somebody removed or replaced the lock file during this save, so that
    /// others may have saved meanwhile. The next save takes the lock anew.
    Locked,
    /// This process is a forked child, and the call needs something that only its parent has. That is the thread of an
    /// [`Autosave`](crate::Autosave), or a save that was running when the child was forked. The child can save its
    /// store itself, to another path.
    Forked,
    /// The [`Autosave`](crate::Autosave) is closed.
    Closed,
    /// None of the snapshots at a path could be loaded.
    NoneLoaded {
        /// The paths that were tried, the newest snapshot first, and why each was not loaded.
        tried: Vec<(PathBuf, SnapshotError)>,
    },
    /// The snapshot holds something that exceeds a limit of the store that is being loaded.
    TooLarge(Error),
    /// The store has refused the hash that [`Store::restore`](crate::Store::restore) would have put into it. Nothing
    /// else returns this.
    Refused(Error),
}

impl SnapshotError {
    /// Returns whether the snapshot holds more bytes than the store that is being loaded may. See [`Error::is_full`]. It is
    /// `false` for a full disk.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::TooLarge(error) | Self::Refused(error) if error.is_full())
    }

    /// A damaged snapshot from a reader, whose path is not known.
    pub(crate) fn corrupt(offset: u64, what: &'static str) -> Self {
        Self::Corrupt { path: None, offset, what }
    }

    /// The same error, with the path of the file that is damaged.
    pub(crate) fn in_file(self, file: &Path) -> Self {
        match self {
            Self::Corrupt { offset, what, .. } => Self::Corrupt { path: Some(file.to_path_buf()), offset, what },
            other => other,
        }
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("input or output failed"),
            Self::NotASnapshot => f.write_str("the input is not a hashlet snapshot"),
            Self::UnsupportedVersion { version, flags } => {
                write!(f, "this version of hashlet cannot read format version {version} with flags {flags:#x}")
            }
            Self::Corrupt { path, offset, what } => {
                f.write_str("the snapshot ")?;
                if let Some(path) = path {
                    write!(f, "{path:?} ")?;
                }
                write!(f, "is damaged at byte {offset}: {what}; it cannot be repaired, so load an older copy of it")
            }
            Self::Busy => f.write_str("the store is being saved already"),
            Self::Locked => f.write_str("the file is locked by another process or store, or its lock was lost"),
            Self::Forked => f.write_str("this process is a forked child, and only its parent can save here"),
            Self::Closed => f.write_str("the autosave is closed"),
            Self::NoneLoaded { tried } => {
                f.write_str("no snapshot could be loaded")?;
                let separators = std::iter::once(": ").chain(std::iter::repeat("; "));
                tried
                    .iter()
                    .zip(separators)
                    .try_for_each(|((path, error), before)| write!(f, "{before}{path:?}: {error}"))
            }
            Self::TooLarge(_) => f.write_str("the snapshot exceeds a limit of the store"),
            Self::Refused(_) => f.write_str("the store has refused the hash"),
        }
    }
}

impl std::error::Error for SnapshotError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::TooLarge(error) | Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for SnapshotError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
