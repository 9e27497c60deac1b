//! The file system as saving and loading see it. It is a private trait, so that a test can fail any operation, or
//! simulate a loss of power after it. `system.rs` implements it for the real file system.
//!
//! The protocol in `file.rs` relies on these promises of the file system:
//! 1. A creation, removal or rename is visible to every later call at once. It outlasts a loss of power once the folder
//!    was synced.
//! 2. `rename` replaces the old file by the new one in one step: at each moment the path shows one of the two.
//! 3. Everything written before a successful `sync` outlasts a loss of power, whatever name the file has then.
//! 4. A lock is held by one handle at a time, among all processes. It ends when its holder drops it, or when its holder
//!    and all children that the holder forked have ended.
//! 5. `create` fails if the file exists, and checks this in one step: if two processes try, one fails.
//! 6. A file keeps its identity (on unix its device and its inode number) as long as it is open, and no other file has
//!    that identity.
//! 7. `link` fails if the new name is taken. What happens to one name of a file leaves its other names alone.

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

/// A file system; the module's documentation lists what it must promise.
pub(crate) trait Disk {
    /// Holds a lock until it is dropped.
    type Lock;
    /// A file that is being written for the first time.
    type File: Write;
    /// A file that is being read.
    type Readable: Read + 'static;
    /// The owner and the permissions of a file.
    type Access;

    /// Returns the absolute path, which stays valid when the process changes its current folder. Looks at no file.
    fn absolute(&self, path: &Path) -> io::Result<PathBuf>;

    /// Takes the lock of this lock file, and creates the file if it is missing. Returns `Locked` if somebody else holds
    /// the lock. Anything but a regular file is an error at once: the call never waits for a pipe or a device.
    fn lock(&self, path: &Path) -> Result<Self::Lock, SnapshotError>;

    /// Whether the path still leads to the file that was locked. If not, somebody else may hold the lock of the path.
    fn is_lock_at(&self, lock: &Self::Lock, path: &Path) -> io::Result<bool>;

    /// Returns the wanted ones among the names in a folder.
    fn names(&self, folder: &Path, is_wanted: impl Fn(&OsStr) -> bool) -> io::Result<Vec<OsString>>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns the access of the file at the path. Follows links. Returns `None` if nothing is there. A folder, a
    /// device or a pipe is an error, because it must not be replaced.
    fn access(&self, path: &Path) -> io::Result<Option<Self::Access>>;

    /// Creates a file where nothing is yet. `private` is set for a file that will get the access of another file. Until
    /// then only its owner may open it: whoever opened it earlier could go on reading for ever.
    fn create(&self, path: &Path, private: bool) -> io::Result<Self::File>;

    fn set_access(&self, file: &Self::File, access: &Self::Access) -> io::Result<()>;

    /// Returns when everything that was written to the file outlasts a loss of power.
    fn sync(&self, file: &Self::File) -> io::Result<()>;

    /// Returns when everything that was written to a new file outlasts a loss of power. May leave out what nobody needs
    /// to read the file.
    #[cfg(feature = "journal")]
    fn sync_data(&self, file: &Self::File) -> io::Result<()>;

    /// Returns when everything in the file at this path outlasts a loss of power. The file may have been written by a
    /// process that is dead.
    #[cfg(feature = "journal")]
    fn sync_at(&self, path: &Path) -> io::Result<()>;

    /// Creates a folder, and those that it lies in, unless they are there. Their names outlast a loss of power then.
    #[cfg(feature = "journal")]
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// Whether the path still leads to this file.
    fn is_file_at(&self, file: &Self::File, path: &Path) -> io::Result<bool>;

    /// Whether both paths lead to the same file, without following links. Returns `false` where the system cannot tell.
    fn is_same(&self, one: &Path, other: &Path) -> io::Result<bool>;

    /// Whether nothing is at the path, not even a link that leads nowhere. A missing folder is an error.
    fn is_absent(&self, path: &Path) -> io::Result<bool>;

    /// Gives a file a second name in the same folder. Does not follow links.
    fn link(&self, file: &Path, name: &Path) -> io::Result<()>;

    /// Renames a file. A file that already has the new name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Returns when the names in this folder outlast a loss of power.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Opens a file for reading, and returns its length as well if it has one. Pipes and devices have none. Opening a
    /// pipe waits until somebody writes to it, which is what a caller who loads from a pipe wants.
    fn open(&self, path: &Path) -> io::Result<(Self::Readable, Option<u64>)>;
}
