//! Replaces a file by a new one. The path always shows either the old file or the new one, complete. The new file, the
//! *temporary*, is written beside the old one, under a name of its own, and then renamed:
//!
//! ```text
//! once          is a file there, or nothing?  lock
//!
//! each time     is the lock still ours? if not, lock anew
//!               remove the temporaries of the dead
//!               create, write ..., sync               from here on, a failure removes the temporary
//!               is the lock still ours?               if not, give up
//!               keep the old file under another name, if that is wanted (`file/kept.rs`)
//!               is the temporary still what was written?
//!               rename                                the new file is in place
//!               sync the folder                       only now: for good
//!               remove the older snapshots that are too many
//! ```
//!
//! These promises hold:
//! 1. Until the rename has succeeded, the path shows the old file, or nothing if there was none.
//! 2. If anything fails before the rename, even by a panic of the writer, the temporary is removed and the first error
//!    is returned. If the temporary cannot be removed, or the process ends, the next writer of the path removes it.
//! 3. After `Ok` with `sync`, a loss of power leaves the new file. Without `sync` a loss of power may leave the new
//!    file damaged, but the mere end of the process does not.
//! 4. If the sync of the folder fails, that error is returned, although the new file is in place. A loss of power then
//!    leaves one of the two files.
//! 5. A file whose sync has failed is given up. The system may have dropped data that it could not write, and a second
//!    sync would still report success.
//! 6. Only the holder of the path's lock writes. So every temporary of the path that it finds belongs to a dead
//!    process.
//! 7. The file that is renamed is the file that was written, even if 6 is broken. It breaks if somebody removes the
//!    lock file, and a second writer locks a new one. No other writer gives a file the name of this temporary
//!    (`file/names.rs`). The second writer may take the temporary for that of a dead process and remove it; then the
//!    first writer has nothing to rename. A writer that has lost its lock gives up before the rename. If it loses the
//!    lock after that last check, one complete file replaces another complete file.
//! 8. A folder, a pipe or a device at the path gets no lock file.
//! 9. A replacement without a lock removes no temporaries, because these may belong to somebody who is alive. A locked
//!    writer of the same path takes its temporary for that of a dead process; then 7 holds, and it has nothing to rename.
//! 10. A forked child does not write, rename, remove or unlock any file of its parent (`process.rs`).
//!
//! The lock is the file `<path>.lock`. It is never removed; `disk/lock.rs` says why.
//!
//! A link at the path is replaced by a file. The file that it led to stays as it was, and so do other hard links of the
//! old file. The new file has the old one's permissions, where the system knows any. The old file may even forbid
//! writing, because only the folder's permissions decide about a rename. The new file has the old one's owner and group
//! as far as the writer may set them (`disk/access.rs`).
//!
//! Rejected:
//! - Writing over the old file, which needs a journal.
//! - Temporaries numbered by process and counter. Two containers on one volume can have the same process number, and
//!   one of them could rename the file that the other is still writing.
//! - A lock on the file itself. The file is replaced, so two writers could lock two files of one name.
//! - Taking the lock anew if it turns out to be lost just before the rename. Another writer may have held it meanwhile
//!   and saved something newer.

mod kept;
mod names;
mod temporary;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(super) use self::kept::older;
use self::names::Names;
#[cfg(feature = "journal")]
pub(crate) use self::temporary::Pen;
pub(crate) use self::temporary::Temporary;
use super::SnapshotError;
use super::disk::Disk;

/// A path whose file is replaced. It usually holds the path's lock, so that no other writer replaces the file.
#[derive(Debug)]
pub(crate) struct SavePath<'d, D: Disk> {
    disk: &'d D,
    path: PathBuf,
    names: Names,
    lock: Option<D::Lock>,
    /// The number of snapshots that are left after a replacement, the new one among them.
    keep: usize,
}

impl<'d, D: Disk> SavePath<'d, D> {
    /// Takes the path's lock, for one replacement or many. The path is made absolute first, so the process may change
    /// its current folder meanwhile.
    ///
    /// # Errors
    /// `Locked` if somebody else holds the lock. `Io` if the lock file cannot be opened, if the path does not end in a
    /// file's name, or if something other than a regular file is there.
    pub(crate) fn lock(disk: &'d D, path: &Path) -> Result<Self, SnapshotError> {
        let mut unlocked = Self::without_lock(disk, path)?;
        unlocked.lock = Some(disk.lock(&unlocked.lock_path())?);
        Ok(unlocked)
    }

    /// Takes no lock, and leaves no lock file. Others may replace the file at the same time.
    ///
    /// # Errors
    /// As of [`lock`](Self::lock), but for the lock.
    pub(crate) fn without_lock(disk: &'d D, path: &Path) -> Result<Self, SnapshotError> {
        file_name(path)?; // checked first, because `absolute` drops a trailing `/.`
        let path = disk.absolute(path)?;
        let names = Names::beside(file_name(&path)?);
        disk.access(&path)?;
        Ok(Self { disk, path, names, lock: None, keep: 1 })
    }

    /// Whether nothing is at the path.
    ///
    /// # Errors
    /// `Io` if the system does not tell, or if something other than a regular file is there.
    pub(crate) fn is_free(&self) -> io::Result<bool> {
        Ok(self.disk.access(&self.path)?.is_none())
    }

    /// Replaces the file by one with the content that `write` writes; see the module's documentation. It takes `&mut
    /// self`, because a second replacement at the same time would take the first one's temporary for that of a dead
    /// process.
    ///
    /// # Errors
    /// The error of `write`, if there is one. `Io` if an operation on a file fails, or if a folder is at the path.
    /// `Locked` if somebody has removed or replaced the lock file. `Forked` in a child that was forked meanwhile.
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
        if self.keep > 1 {
            self.keep_old(sync)?;
        }
        temporary.rename(pen, &self.path)?;
        if sync {
            self.disk.sync_folder(folder(&self.path))?;
        }
        if self.keep > 1 {
            self.remove_surplus();
        }
        Ok(result)
    }

    fn lock_path(&self) -> PathBuf {
        self.path.with_file_name(self.names.lock())
    }

    /// Whether the lock is not lost. There is nothing to lose without one.
    fn has_lock(&self) -> io::Result<bool> {
        self.lock.as_ref().map_or(Ok(true), |lock| self.disk.is_lock_at(lock, &self.lock_path()))
    }

    /// Takes the lock anew if it was lost. A lock can be held for long, and somebody may remove its file meanwhile, as
    /// when tidying up.
    fn renew_lock(&mut self) -> Result<(), SnapshotError> {
        if !self.has_lock()? {
            self.lock = Some(self.disk.lock(&self.lock_path())?);
        }
        Ok(())
    }

    /// Removes the temporaries of dead processes. One that cannot be removed only costs room on the disk, so that does
    /// not stop the replacement. Without the lock, nobody knows which process is dead.
    fn remove_temporaries(&self) -> io::Result<()> {
        if self.lock.is_none() {
            return Ok(());
        }
        for name in self.disk.names(folder(&self.path), |name| self.names.is_temporary(name))? {
            let _ = self.disk.remove(&self.path.with_file_name(name));
        }
        Ok(())
    }
}

/// A new name for a temporary of the file of this name.
#[cfg(feature = "journal")]
pub(crate) fn temporary_beside(name: &OsStr) -> std::ffi::OsString {
    Names::beside(name).temporary()
}

/// Whether this is the name of a temporary of the file of this name.
#[cfg(feature = "journal")]
pub(crate) fn is_temporary_beside(file: &OsStr, name: &OsStr) -> bool {
    Names::beside(file).is_temporary(name)
}

/// A number that no other process draws.
#[cfg(feature = "journal")]
pub(crate) fn random_number() -> u64 {
    names::random() as u64
}

/// The folder of the file at this path. It is the current folder if the path names none.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The name of the file that a path ends in. std also finds a file's name in `a/` and `a/.`, but for the system these
/// are folders.
pub(super) fn file_name(path: &Path) -> io::Result<&OsStr> {
    let ends_in = |name: &&OsStr| path.as_os_str().as_encoded_bytes().ends_with(name.as_encoded_bytes());
    let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a file's name");
    path.file_name().filter(ends_in).ok_or_else(no_name)
}
