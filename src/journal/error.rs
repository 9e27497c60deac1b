//! The errors of a journal.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::reader::LogFlaw;
use crate::error::Error;
use crate::snapshot::SnapshotError;

/// Why a journal was not opened, or could not make something durable.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum JournalError {
    /// An operation on a file or folder failed.
    Io {
        /// The path of the file or folder.
        path: PathBuf,
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// A file of the journal is damaged or missing, and what is lost had been acknowledged. Nothing was changed. Restore
    /// the folder from a copy, or open it with [`JournalOptions::salvage`](crate::JournalOptions::salvage).
    Corrupt {
        /// The path of the file.
        file: PathBuf,
        /// The place where the damage was noticed, in bytes from the beginning.
        offset: u64,
        /// What is wrong, as a clause: for example "the block does not match its checksum".
        what: &'static str,
    },
    /// A file of the journal was written by a later version of this crate, in a format that this one does not know.
    UnsupportedVersion {
        /// The path of the file.
        file: PathBuf,
        /// The version of the format.
        version: u16,
        /// The flags of the format.
        flags: u16,
    },
    /// Another process, or another [`Durable`](crate::Durable) of this one, has the journal open. Or somebody has removed
    /// the lock file, so that another process may have it open.
    Locked {
        /// The path of the folder.
        folder: PathBuf,
    },
    /// The journal holds something that exceeds a limit of the store that is being opened.
    TooLarge {
        /// The path of the file.
        file: PathBuf,
        /// The limit.
        error: Error,
    },
    /// The store is being saved already, so no checkpoint can be made now.
    Busy,
    /// The journal has failed, with this error of the system. It tries to heal itself by a checkpoint.
    Failed {
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// The journal was closed.
    Closed,
    /// This process is a forked child, and only its parent can write to the journal.
    Forked,
}

impl JournalError {
    /// Returns whether the journal holds more bytes than the store that is being opened may. See [`Error::is_full`]. It is
    /// `false` for a full disk.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::TooLarge { error, .. } if error.is_full())
    }

    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), error: Arc::new(error) }
    }

    pub(super) fn of_log(file: &Path, flaw: LogFlaw) -> Self {
        let file = file.to_path_buf();
        match flaw {
            LogFlaw::Io(error) => Self::Io { path: file, error: Arc::new(error) },
            LogFlaw::UnsupportedVersion { version, flags } => Self::UnsupportedVersion { file, version, flags },
            LogFlaw::Corrupt { offset, what } => Self::Corrupt { file, offset, what },
        }
    }

    /// The error of a snapshot that is the base of a journal.
    pub(super) fn of_base(file: &Path, error: SnapshotError) -> Self {
        let file = file.to_path_buf();
        match error {
            SnapshotError::Io(error) => Self::Io { path: file, error: Arc::new(error) },
            SnapshotError::NotASnapshot => {
                Self::Corrupt { file, offset: 0, what: "the file does not begin as a base does" }
            }
            SnapshotError::UnsupportedVersion { version, flags } => Self::UnsupportedVersion { file, version, flags },
            SnapshotError::Corrupt { offset, what, .. } => Self::Corrupt { file, offset, what },
            SnapshotError::Busy => Self::Busy,
            SnapshotError::Locked => Self::Locked { folder: file },
            SnapshotError::Forked => Self::Forked,
            SnapshotError::TooLarge(error) | SnapshotError::Refused(error) => Self::TooLarge { file, error },
            // Only an autosave, and a load of the newest snapshot, return these.
            other @ (SnapshotError::Closed | SnapshotError::NoneLoaded { .. }) => {
                Self::Io { path: file, error: Arc::new(io::Error::other(other)) }
            }
        }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, .. } => write!(f, "input or output of {path:?} failed"),
            Self::Corrupt { file, offset, what } => write!(
                f,
                "{file:?} is damaged at byte {offset}: {what}; restore a copy of the folder, or salvage what is whole"
            ),
            Self::UnsupportedVersion { file, version, flags } => write!(
                f,
                "this version of hashlet cannot read {file:?}, which has format version {version} with flags {flags:#x}"
            ),
            Self::Locked { folder } => {
                write!(f, "the journal in {folder:?} is open elsewhere, or its lock file was removed")
            }
            Self::TooLarge { file, .. } => write!(f, "{file:?} exceeds a limit of the store"),
            Self::Busy => f.write_str("the store is being saved already"),
            Self::Failed { .. } => f.write_str("the journal has failed"),
            Self::Closed => f.write_str("the journal was closed"),
            Self::Forked => f.write_str("this process is a forked child, and only its parent can write to the journal"),
        }
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { error, .. } | Self::Failed { error } => Some(&**error),
            Self::TooLarge { error, .. } => Some(error),
            _ => None,
        }
    }
}
