//! Replaces a file by a new one that is written from its first byte to its last, so that the path never shows anything
//! but one of the two in full. The new file is written beside the old one, under a name of its own, and then renamed:
//!
//! ```text
//! lock  remove the temporaries of the dead  create  write ...  sync  rename  sync the folder
//!                                           |                      |  |       |
//!                  a failure from here on removes the temporary  --'  |       '-- only now: for good
//!                                                  the new file is in place
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
//!
//! The lock is the file `<path>.lock`, which stays. Temporaries are `<path>.<process>-<number>.tmp`, both in canonical
//! decimal; a file of such a name is taken for one, whoever made it.
//!
//! A link at the path is replaced by a file, and what it led to stays as it was, as do other hard links of the old file.
//! The new file has the old one's permissions, where the system knows any, even if they forbid writing: the folder's
//! decide. Its owner and group are the writer's.
//!
//! Rejected: writing over the old file (needs a journal), a random temporary name (cannot be told from another's file),
//! and removing the lock file (see `SystemDisk::lock`).

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::SnapshotError;
use super::disk::Disk;

/// A path that nobody else replaces while this is there.
#[derive(Debug)]
pub(crate) struct LockedPath<'d, D: Disk> {
    disk: &'d D,
    path: PathBuf,
    name: OsString,
    _lock: D::Lock,
}

impl<'d, D: Disk> LockedPath<'d, D> {
    /// Takes the path's lock, for one replacement or many.
    ///
    /// # Errors
    /// `Locked` if somebody else has it; `Io` if the lock file cannot be opened or the path does not end in a file's
    /// name.
    pub(crate) fn lock(disk: &'d D, path: &Path) -> Result<Self, SnapshotError> {
        let name = file_name(path)?;
        let lock = disk.lock(&beside(path, name, ".lock"))?;
        Ok(Self { disk, path: path.into(), name: name.into(), _lock: lock })
    }

    /// Puts what `write` writes in the place of the file; see the module's documentation. `&mut`, because a second one
    /// at the same time would take the first one's temporary for a dead one's.
    ///
    /// # Errors
    /// What `write` returns; `Io` if an operation on a file fails or a folder stands in the place.
    pub(crate) fn replace<R>(
        &mut self,
        sync: bool,
        write: impl FnOnce(&mut D::File) -> Result<R, SnapshotError>,
    ) -> Result<R, SnapshotError> {
        self.remove_temporaries()?;
        let permissions = self.disk.permissions(&self.path)?;
        let temporary = beside(&self.path, &self.name, &next_ending());
        let (temporary, mut file) = Temporary::create(self.disk, temporary, permissions.is_some())?;
        if let Some(permissions) = &permissions {
            self.disk.set_permissions(&file, permissions)?;
        }
        let result = write(&mut file)?;
        file.flush()?;
        if sync {
            self.disk.sync(&file)?;
        }
        drop(file);
        temporary.rename(&self.path)?;
        if sync {
            self.disk.sync_folder(folder(&self.path))?;
        }
        Ok(result)
    }

    /// One that cannot be removed costs room on the disk and nothing else, so it does not stop the replacement.
    fn remove_temporaries(&self) -> io::Result<()> {
        for name in self.disk.names(folder(&self.path), |name| is_temporary(name, &self.name))? {
            let _ = self.disk.remove(&self.path.with_file_name(name));
        }
        Ok(())
    }
}

/// A new file without its final name, removed on drop unless it was renamed.
struct Temporary<'d, D: Disk> {
    disk: &'d D,
    path: PathBuf,
    is_renamed: bool,
}

impl<'d, D: Disk> Temporary<'d, D> {
    /// The file comes second so that it is dropped first: not every system removes a file that is open.
    fn create(disk: &'d D, path: PathBuf, private: bool) -> io::Result<(Self, D::File)> {
        let file = disk.create(&path, private)?;
        Ok((Self { disk, path, is_renamed: false }, file))
    }

    fn rename(mut self, to: &Path) -> io::Result<()> {
        self.disk.rename(&self.path, to)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl<D: Disk> Drop for Temporary<'_, D> {
    /// A failure is not reported: it must not hide what led here.
    fn drop(&mut self) {
        if !self.is_renamed {
            let _ = self.disk.remove(&self.path);
        }
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

fn beside(path: &Path, name: &OsStr, ending: &str) -> PathBuf {
    let mut name = name.to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// What a temporary's name has behind the file's; no two in this process are the same.
fn next_ending() -> String {
    static TEMPORARIES: AtomicU64 = AtomicU64::new(0);
    format!(".{}-{}.tmp", std::process::id(), TEMPORARIES.fetch_add(1, Relaxed))
}

/// Whether this is the name of a temporary of the file of the other name.
fn is_temporary(name: &OsStr, of: &OsStr) -> bool {
    let ending = name.as_encoded_bytes().strip_prefix(of.as_encoded_bytes());
    let ending = ending.and_then(|ending| std::str::from_utf8(ending).ok());
    let numbers = ending.and_then(|ending| ending.strip_prefix('.')?.strip_suffix(".tmp")?.split_once('-'));
    numbers.is_some_and(|(process, number)| is_canonical::<u32>(process) && is_canonical::<u64>(number))
}

fn is_canonical<N: FromStr + ToString>(text: &str) -> bool {
    text.parse::<N>().is_ok_and(|number| number.to_string() == text)
}
