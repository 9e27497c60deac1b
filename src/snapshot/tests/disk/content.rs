//! Files, their names, the changes that an operation makes to them, and the parts of a change that a loss of power may
//! leave.
//!
//! A name leads to a file by the file's number, and numbers are not used again. Data and names reach the disk
//! independently. A rename refers to the file's number, so it may reach the disk even if the creation before it was
//! lost.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// The bytes of a write that reach the disk in one piece.
const SECTOR: usize = 512;

/// Permissions as unix writes them.
pub(crate) type Mode = u32;

/// The permissions of a new file, unless others are asked for.
pub(crate) const DEFAULT_MODE: Mode = 0o644;

#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
}

#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    pub(super) mode: Mode,
}

/// The change that an operation makes.
#[derive(Debug)]
pub(super) enum Change {
    Create {
        path: PathBuf,
        mode: Mode,
    },
    SetMode {
        number: usize,
        mode: Mode,
    },
    Write {
        number: usize,
        at: usize,
        bytes: Vec<u8>,
    },
    /// A sync changes what a loss of power leaves. So does a sync that failed: what it should have settled stays
    /// unsettled for ever, even if a later sync succeeds, as on Linux.
    Sync {
        number: usize,
        succeeded: bool,
    },
    Rename {
        number: usize,
        from: PathBuf,
        to: PathBuf,
    },
    Link {
        number: usize,
        name: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    SyncFolder {
        folder: PathBuf,
        succeeded: bool,
    },
}

impl Change {
    /// The number of ways in which an unsettled change may reach the disk. The first, 0, is that nothing of it does.
    /// The last is that all of it does.
    pub(super) fn outcomes(&self) -> usize {
        match self {
            Self::Create { .. } | Self::SetMode { .. } | Self::Link { .. } | Self::Remove { .. } => 2,
            Self::Rename { .. } => 3, // also: both names are there
            Self::Write { at, bytes, .. } => 3 + cuts(*at, bytes.len()), // also: only the length, or torn at a sector
            Self::Sync { .. } | Self::SyncFolder { .. } => 1,
        }
    }
}

/// The number of ends of sectors inside a write.
fn cuts(at: usize, length: usize) -> usize {
    (at + length).div_ceil(SECTOR).saturating_sub(at / SECTOR + 1)
}

impl Content {
    pub(super) fn files(&self) -> usize {
        self.files.len()
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.names.keys().map(PathBuf::as_path)
    }

    pub(super) fn number(&self, path: &Path) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn is_at(&self, number: usize, path: &Path) -> bool {
        self.names.get(path) == Some(&number)
    }

    pub(super) fn numbered(&self, number: usize) -> &File {
        &self.files[number]
    }

    pub(super) fn file(&self, path: &Path) -> Option<&File> {
        self.names.get(path).map(|&number| &self.files[number])
    }

    pub(super) fn put(&mut self, path: &Path, bytes: &[u8], mode: Mode) {
        self.names.insert(path.to_owned(), self.files.len());
        self.files.push(File { bytes: bytes.to_owned(), mode });
    }

    /// Makes a change, with this outcome.
    pub(super) fn make(&mut self, change: &Change, outcome: usize) {
        let is_lost = outcome == 0;
        let is_whole = outcome == change.outcomes() - 1;
        match change {
            Change::Create { path, mode } => {
                if !is_lost {
                    self.names.insert(path.clone(), self.files.len());
                }
                self.files.push(File { bytes: Vec::new(), mode: *mode });
            }
            Change::SetMode { number, mode } if !is_lost => self.files[*number].mode = *mode,
            Change::Write { number, at, bytes } if !is_lost => {
                let kept = match outcome {
                    _ if is_whole => bytes.len(),
                    1 => 0,
                    cut => (at / SECTOR + cut - 1) * SECTOR - at,
                };
                let end = if outcome == 1 { at + bytes.len() } else { at + kept };
                let file = &mut self.files[*number].bytes;
                file.resize(file.len().max(end), 0);
                file[*at..at + kept].copy_from_slice(&bytes[..kept]);
            }
            Change::Rename { number, from, to } if !is_lost => {
                self.names.insert(to.clone(), *number);
                if is_whole {
                    self.names.remove(from);
                }
            }
            Change::Link { number, name } if !is_lost => drop(self.names.insert(name.clone(), *number)),
            Change::Remove { path } if !is_lost => drop(self.names.remove(path)),
            _ => {}
        }
    }
}
