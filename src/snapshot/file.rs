//! Replaces a file by a new one that is written from its first byte to its last, so that the path never shows anything
//! but one of the two in full. The new file is written beside the old one, under a name of its own, and then renamed:
//!
//! ```text
//! once          is a file there, or nothing?  lock
//!
//! each time     is the lock still ours? if not, lock anew
//!               remove the temporaries of the dead
//!               create, write ..., sync               from here on, a failure removes the temporary
//!               is the lock still ours?               if not, give up
//!               is the temporary still what was written?
//!               rename                                the new file is in place
//!               sync the folder                       only now: for good
//! ```
//!
//! What holds:
//! 1. Until the rename has succeeded the path shows the old file, or none if there was none.
//! 2. Whatever fails before it, a panic of the writer too, the temporary is removed and the first error returned. If it
//!    cannot be removed, or the process ends, the next one to replace the file removes it.
//! 3. After `Ok` with `sync` a loss of power leaves the new file. Without `sync` it may leave the new file damaged; the
//!    end of the process alone does not.
//! 4. If the sync of the folder fails, that is the error returned, though the new file is in place: a loss of power
//!    leaves one of the two.
//! 5. A file whose sync has failed is given up: the system may have dropped what it could not write, and would report
//!    success the second time.
//! 6. One writer at a time: whoever holds the lock of the path. So every temporary of the path that it finds is dead.
//! 7. What is renamed is what was written, even if 6 does not hold, because somebody removed the lock file and a second
//!    writer locked a new one. Nobody else gives a file the name of this temporary (`file/names.rs`). The second writer may take
//!    it for a dead one's and remove it; then the first has nothing to rename. A writer that has lost its lock gives up before
//!    the rename. It may still lose it after that look: then one whole file takes the place of another whole one.
//! 8. A folder, a pipe or a device at the path gets no lock file.
//! 9. A forked child writes, renames, removes and unlocks nothing of its parent's (`process.rs`).
//!
//! The lock is the file `<path>.lock`, which stays: `disk/lock.rs` says why.
//!
//! A link at the path is replaced by a file, and what it led to stays as it was, as do other hard links of the old file.
//! The new file has the old one's permissions, where the system knows any, even if they forbid writing: the folder's
//! decide. It has the old one's owner and group as far as the writer may give them (`disk/access.rs`).
//!
//! Rejected:
//! - Writing over the old file: needs a journal.
//! - Temporaries numbered by process and counter: two containers on one volume have the same process, and one of them could
//!   rename what the other is still writing.
//! - A lock on the file itself: it is replaced, so two writers could lock two files of one name.
//! - Taking the lock anew when it turns out to be lost just before the rename: whoever had it meanwhile may have saved
//!   something newer.

mod names;
mod temporary;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use self::names::Names;
use self::temporary::Temporary;
use super::SnapshotError;
use super::disk::Disk;

/// A path that nobody else replaces while this is there.
#[derive(Debug)]
pub(crate) struct LockedPath<'d, D: Disk> {
    disk: &'d D,
    path: PathBuf,
    names: Names,
    lock: D::Lock,
}

impl<'d, D: Disk> LockedPath<'d, D> {
    /// Takes the path's lock, for one replacement or many. The path is taken from the root on, so the process may change its
    /// current folder meanwhile.
    ///
    /// # Errors
    /// `Locked` if somebody else has it; `Io` if the lock file cannot be opened, the path does not end in a file's
    /// name, or what stands there is no file.
    pub(crate) fn lock(disk: &'d D, path: &Path) -> Result<Self, SnapshotError> {
        file_name(path)?; // before what gives it away is tidied up
        let path = disk.absolute(path)?;
        let names = Names::beside(file_name(&path)?);
        disk.access(&path)?;
        let lock = disk.lock(&path.with_file_name(names.lock()))?;
        Ok(Self { disk, path, names, lock })
    }

    /// Whether there is no file at the path.
    ///
    /// # Errors
    /// `Io` if the system does not tell, or something else than a file is there.
    pub(crate) fn is_free(&self) -> io::Result<bool> {
        Ok(self.disk.access(&self.path)?.is_none())
    }

    /// Puts what `write` writes in the place of the file; see the module's documentation. `&mut`, because a second one
    /// at the same time would take the first one's temporary for a dead one's.
    ///
    /// # Errors
    /// What `write` returns; `Io` if an operation on a file fails or a folder stands in the place; `Locked` if somebody
    /// has removed or replaced the lock file; `Forked` in a child that was forked meanwhile.
    pub(crate) fn replace<R>(
        &mut self,
        sync: bool,
        write: impl FnOnce(&mut dyn Write) -> Result<R, SnapshotError>,
    ) -> Result<R, SnapshotError> {
        self.renew_lock()?;
        self.remove_temporaries()?;
        let access = self.disk.access(&self.path)?;
        let temporary = self.path.with_file_name(self.names.temporary());
        let (temporary, mut pen) = Temporary::create(self.disk, temporary, access.is_some())?;
        if let Some(access) = &access {
            self.disk.set_access(&pen.file, access)?;
        }
        let result = write(&mut pen);
        pen.refuse_in_a_forked_child()?;
        let result = result?;
        pen.flush()?;
        if sync {
            self.disk.sync(&pen.file)?;
        }
        if !self.has_lock()? {
            return Err(SnapshotError::Locked);
        }
        temporary.rename(pen, &self.path)?;
        if sync {
            self.disk.sync_folder(folder(&self.path))?;
        }
        Ok(result)
    }

    fn lock_path(&self) -> PathBuf {
        self.path.with_file_name(self.names.lock())
    }

    fn has_lock(&self) -> io::Result<bool> {
        self.disk.is_lock_at(&self.lock, &self.lock_path())
    }

    /// A lock can be held for long, and its file be removed in the meantime, as by somebody who tidies up.
    fn renew_lock(&mut self) -> Result<(), SnapshotError> {
        if !self.has_lock()? {
            self.lock = self.disk.lock(&self.lock_path())?;
        }
        Ok(())
    }

    /// One that cannot be removed costs room on the disk and nothing else, so it does not stop the replacement.
    fn remove_temporaries(&self) -> io::Result<()> {
        for name in self.disk.names(folder(&self.path), |name| self.names.is_temporary(name))? {
            let _ = self.disk.remove(&self.path.with_file_name(name));
        }
        Ok(())
    }
}

/// The folder that a file of this path is in: the current one if the path names none.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// std sees a file's name in `a/` and `a/.` too, but to the system these are folders.
fn file_name(path: &Path) -> io::Result<&OsStr> {
    let ends_in = |name: &&OsStr| path.as_os_str().as_encoded_bytes().ends_with(name.as_encoded_bytes());
    let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a file's name");
    path.file_name().filter(ends_in).ok_or_else(no_name)
}
