//! The lock of a path: an advisory lock of the system (`flock` on unix) on a lock file that stays.
//!
//! This crate never removes the lock file. If it did, one process could hold the removed file open and lock it, while
//! another process locks a new file of that name. Other programs may remove the file all the same. So a process that
//! has locked the file checks that the path still leads to it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use super::access::share_with_folder;
use super::identity::{is_same_file, refuse_all_but_files};
use crate::process::Process;
use crate::snapshot::SnapshotError;
use crate::snapshot::file::folder;

/// How many times opening is tried again because the lock file was removed or replaced meanwhile. After that, the path
/// counts as locked by somebody else.
const TRIES: usize = 16;

/// A lock, until dropped by the process that took it.
///
/// A forked child has a copy of the open file, and all copies share the lock. Merely closing this process's copy would
/// leave the lock in place until the child starts another program or ends. So the lock is released explicitly, for all
/// copies. A forked child does not unlock, because its parent still needs the lock.
#[derive(Debug)]
pub(crate) struct SystemLock {
    file: File,
    process: Process,
}

impl SystemLock {
    /// See [`Disk::lock`](super::Disk::lock).
    pub(super) fn take(path: &Path) -> Result<Self, SnapshotError> {
        Self::take_while(path, || {})
    }

    /// Does the same, and calls `happens` each time after the file was opened and before it is locked. Tests use it.
    pub(in crate::snapshot) fn take_while(path: &Path, mut happens: impl FnMut()) -> Result<Self, SnapshotError> {
        for _ in 0..TRIES {
            let Some(file) = open(path)? else { continue };
            happens();
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(SnapshotError::Locked),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
            let lock = Self { file, process: Process::current() };
            if lock.is_at(path)? {
                return Ok(lock);
            }
        }
        Err(SnapshotError::Locked)
    }

    pub(in crate::snapshot) fn is_at(&self, path: &Path) -> io::Result<bool> {
        is_same_file(&self.file, fs::metadata(path))
    }
}

impl Drop for SystemLock {
    fn drop(&mut self) {
        if self.process.is_current() {
            let _ = self.file.unlock(); // if this fails, closing the file releases the lock
        }
    }
}

/// Opens the lock file, or creates it. Returns `None` if one was created or removed meanwhile.
///
/// Anything but a regular file is refused before it is opened, because opening a pipe waits, and opening a device can
/// do anything. It could appear after that check, so the opened file is checked again.
fn open(path: &Path) -> io::Result<Option<File>> {
    let opened = match fs::metadata(path) {
        Ok(metadata) => {
            refuse(&metadata)?;
            open_existing(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path),
        Err(error) => Err(error),
    };
    let came_or_went =
        |error: &io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists);
    match opened {
        Ok(file) => refuse(&file.metadata()?).map(|()| Some(file)),
        Err(error) if came_or_went(&error) && folder(path).is_dir() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens the file for reading and writing. On Linux this never waits, not even on a pipe. Some network file systems
/// lock only files that are open for writing. Everywhere else, a file that this process may only read can be locked as
/// well.
fn open_existing(path: &Path) -> io::Result<File> {
    match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(path),
        result => result,
    }
}

/// Creates the lock file. A link that leads nowhere is refused, because the file would be created where it leads.
fn create(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the lock file's path is a link that leads nowhere"));
    }
    let file = File::options().read(true).write(true).create_new(true).open(path)?;
    let _ = share_with_folder(&file, folder(path));
    Ok(file)
}

fn refuse(metadata: &fs::Metadata) -> io::Result<()> {
    refuse_all_but_files(metadata, "the lock file's path does not lead to a regular file")
}
