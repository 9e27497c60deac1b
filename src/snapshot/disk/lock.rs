//! A lock of the system: an advisory lock (`flock` on unix) on a file that stays.
//!
//! The file is never removed: somebody could hold it open and lock it when it has no name any more, while a third one
//! locks a new file of that name. Others may remove it all the same. So whoever has locked a file looks whether it is the one
//! that has the name.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use super::access::share_with_folder;
use super::identity::{is_same_file, refuse_all_but_files};
use crate::process::Process;
use crate::snapshot::SnapshotError;
use crate::snapshot::file::folder;

/// How often a lock file may be removed or replaced while it is opened, before that counts as somebody else's lock.
const TRIES: usize = 16;

/// A lock, until dropped by the process that took it.
///
/// A forked child has a copy of the open file, and the lock belongs to all copies together. Closing this process's copy
/// would leave the lock in place until a child has started its program, or has ended; so it is unlocked, which holds for
/// all copies. A forked child does not unlock, because its parent still needs the lock.
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

    /// The same while something happens each time that the file was opened and is not locked yet.
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
            let _ = self.file.unlock(); // or else closing does it
        }
    }
}

/// Opens the lock file; `None` if one came or went meanwhile.
///
/// What is no regular file is refused before it is opened, because opening a pipe waits, and opening a device can do
/// anything. It could be put there after that look, so there is another one at what was opened.
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

/// For reading and writing, which waits for nobody on Linux, not even on a pipe; some network file systems lock only files
/// that are open for writing. A file that this process may only read is as good for a lock elsewhere.
fn open_existing(path: &Path) -> io::Result<File> {
    match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(path),
        result => result,
    }
}

/// A link that leads nowhere is refused: a file would be created wherever it leads.
fn create(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the lock file's path is a link that leads nowhere"));
    }
    let file = File::options().read(true).write(true).create_new(true).open(path)?;
    let _ = share_with_folder(&file, folder(path));
    Ok(file)
}

fn refuse(metadata: &fs::Metadata) -> io::Result<()> {
    refuse_all_but_files(metadata, "the lock file's path is that of no regular file")
}
