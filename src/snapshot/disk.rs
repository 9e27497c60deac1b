//! The file system as saving and loading see it: one private trait, so that a test can fail any operation or lose power
//! after it. `system.rs` is the system's own.
//!
//! What the protocol in `file.rs` relies on, and a file system has to give:
//! 1. A file created, removed or renamed is so for every later call at once, and for good once its folder was synced.
//! 2. `rename` puts the new file in the place of the old one in one step: whoever looks finds one of the two.
//! 3. What was written before a `sync` that succeeded outlasts a loss of power, under whatever name the file has then.
//! 4. A lock is held by one handle at a time, among all processes. It is gone when its holder drops it, or has ended with all
//!    the children that it forked.
//! 5. `create` makes a file where none was, in one step: of two that try, one fails.
//! 6. A file keeps its identity (on unix its device and its number) as long as it is open, and no other file has it.

mod access;
mod identity;
mod lock;
mod system;

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::SnapshotError;
#[cfg(all(test, unix))]
pub(in crate::snapshot) use lock::SystemLock;
pub(crate) use system::SystemDisk;

/// See the module's documentation.
pub(crate) trait Disk {
    /// Holds a lock until it is dropped.
    type Lock;
    /// A file that is being written for the first time.
    type File: Write;
    /// A file that is being read.
    type Reader: Read;
    /// Who owns a file, and who may do what with it.
    type Access;

    /// The path from the root on, so that it stays the same when the process changes its current folder. Looks at no file.
    fn absolute(&self, path: &Path) -> io::Result<PathBuf>;

    /// Takes the lock that this file stands for, and creates the file if it is missing. `Locked` if somebody else holds
    /// the lock. What is no regular file is an error, and nobody waits for it.
    fn lock(&self, path: &Path) -> Result<Self::Lock, SnapshotError>;

    /// Whether the path still is that of the file that was locked. If it is not, somebody else can have the lock of the path.
    fn is_lock_at(&self, lock: &Self::Lock, path: &Path) -> io::Result<bool>;

    /// The wanted ones among the names of all that is in a folder.
    fn names(&self, folder: &Path, is_wanted: impl Fn(&OsStr) -> bool) -> io::Result<Vec<OsString>>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The access to the file, or to the file that a link leads to; `None` where no file is. A folder is an error, and so
    /// is a device or a pipe, which must not be replaced.
    fn access(&self, path: &Path) -> io::Result<Option<Self::Access>>;

    /// Creates a file where nothing is yet. One that is to have the access of another begins with no more than
    /// its owner's: who opens a file in the moment between could read it ever after.
    fn create(&self, path: &Path, private: bool) -> io::Result<Self::File>;

    fn set_access(&self, file: &Self::File, access: &Self::Access) -> io::Result<()>;

    /// Returns when all that was written to the file would outlast a loss of power.
    fn sync(&self, file: &Self::File) -> io::Result<()>;

    /// Whether the path still is that of this file.
    fn is_file_at(&self, file: &Self::File, path: &Path) -> io::Result<bool>;

    /// Renames a file; one that has the new name already is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Returns when the names in this folder would outlast a loss of power.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Opens a file for reading; with its length if it has one, as pipes and devices have not. A pipe is waited for until
    /// somebody writes to it: whoever loads from one wants that.
    fn open(&self, path: &Path) -> io::Result<(Self::Reader, Option<u64>)>;
}
