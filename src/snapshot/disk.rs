//! The file system as saving and loading see it: one private trait, so that a test can fail any operation or lose power
//! after it, and the system's own.
//!
//! What the protocol in `file.rs` relies on, and a file system has to give:
//! 1. A file created, removed or renamed is so for every later call at once, and for good once its folder was synced.
//! 2. `rename` puts the new file in the place of the old one in one step: whoever looks finds one of the two.
//! 3. What was written before a `sync` that succeeded outlasts a loss of power, under whatever name the file has then.
//! 4. A lock is held by one handle at a time, among all processes, and is gone when its holder is.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

use super::SnapshotError;

/// See the module's documentation.
pub(crate) trait Disk {
    /// Holds a lock until it is dropped.
    type Lock;
    /// A file that is being written for the first time.
    type File: Write;
    /// A file that is being read.
    type Reader: Read;
    /// Who may do what with a file.
    type Permissions;

    /// Takes the lock that this file stands for, and creates it if it is missing: `Locked` if somebody else holds it.
    fn lock(&self, path: &Path) -> Result<Self::Lock, SnapshotError>;

    /// The wanted ones among the names of all that is in a folder.
    fn names(&self, folder: &Path, is_wanted: impl Fn(&OsStr) -> bool) -> io::Result<Vec<OsString>>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The permissions of the file, or of the file that a link leads to; `None` where no file is. A folder is an error,
    /// and so is a device or a pipe, which must not be replaced.
    fn permissions(&self, path: &Path) -> io::Result<Option<Self::Permissions>>;

    /// Creates a file where nothing is yet. One that is to have the permissions of another begins with no more than
    /// its owner's: who opens a file in the moment between could read it ever after.
    fn create(&self, path: &Path, private: bool) -> io::Result<Self::File>;

    fn set_permissions(&self, file: &Self::File, permissions: &Self::Permissions) -> io::Result<()>;

    /// Returns when all that was written to the file would outlast a loss of power.
    fn sync(&self, file: &Self::File) -> io::Result<()>;

    /// Renames a file; one that has the new name already is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Returns when the names in this folder would outlast a loss of power.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Opens a file for reading; with its length if it has one, as pipes and devices have not.
    fn open(&self, path: &Path) -> io::Result<(Self::Reader, Option<u64>)>;
}

/// The file system of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemDisk;

impl Disk for SystemDisk {
    type Lock = File;
    type File = File;
    type Reader = File;
    type Permissions = Permissions;

    /// The lock file is never removed: somebody could hold it open and lock it when it has no name any more, while a
    /// third one locks a new file of that name.
    fn lock(&self, path: &Path) -> Result<File, SnapshotError> {
        let file = File::options().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(SnapshotError::Locked),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    fn names(&self, folder: &Path, is_wanted: impl Fn(&OsStr) -> bool) -> io::Result<Vec<OsString>> {
        let names = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name()));
        names.filter(|name| name.as_ref().map_or(true, |name| is_wanted(name))).collect()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn permissions(&self, path: &Path) -> io::Result<Option<Permissions>> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(metadata) if !metadata.is_file() => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is that of no regular file"))
            }
            Ok(metadata) => Ok(Some(metadata.permissions())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create(&self, path: &Path, private: bool) -> io::Result<File> {
        let mut options = File::options();
        options.write(true).create_new(true);
        if private {
            only_for_the_owner(&mut options);
        }
        options.open(path)
    }

    /// A file system that knows no permissions gives every file the same, and may refuse to set even those.
    #[cfg(unix)]
    fn set_permissions(&self, file: &File, permissions: &Permissions) -> io::Result<()> {
        if file.metadata()?.permissions() == *permissions {
            return Ok(());
        }
        file.set_permissions(permissions.clone())
    }

    /// Elsewhere std knows only whether a file may be written to, and the folder decides about the rest.
    #[cfg(not(unix))]
    fn set_permissions(&self, _: &File, _: &Permissions) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Some file systems know no sync of a folder and say so; there is nothing better to be had from them.
    #[cfg(unix)]
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        match File::open(folder)?.sync_all() {
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
            result => result,
        }
    }

    #[cfg(not(unix))]
    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn open(&self, path: &Path) -> io::Result<(File, Option<u64>)> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let length = metadata.is_file().then_some(metadata.len());
        Ok((file, length))
    }
}

#[cfg(unix)]
fn only_for_the_owner(options: &mut fs::OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn only_for_the_owner(_: &mut fs::OpenOptions) {}
