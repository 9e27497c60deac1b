//! The real file system, through std.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::Disk;
use super::access::Access;
use super::identity::{are_same, is_same_file, refuse_all_but_files};
use super::lock::SystemLock;
use crate::snapshot::SnapshotError;
use crate::snapshot::file::folder;

#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemDisk;

impl Disk for SystemDisk {
    type Lock = SystemLock;
    type File = File;
    type Readable = File;
    type Access = Access;

    fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        std::path::absolute(path)
    }

    fn lock(&self, path: &Path) -> Result<SystemLock, SnapshotError> {
        SystemLock::take(path)
    }

    fn is_lock_at(&self, lock: &SystemLock, path: &Path) -> io::Result<bool> {
        lock.is_at(path)
    }

    fn names(&self, folder: &Path, is_wanted: impl Fn(&OsStr) -> bool) -> io::Result<Vec<OsString>> {
        let names = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name()));
        names.filter(|name| name.as_ref().map_or(true, |name| is_wanted(name))).collect()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn access(&self, path: &Path) -> io::Result<Option<Access>> {
        match fs::metadata(path) {
            Ok(metadata) => {
                refuse_all_but_files(&metadata, "the path does not lead to a regular file")?;
                Ok(Some(Access::of(&metadata)))
            }
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

    fn set_access(&self, file: &File, access: &Access) -> io::Result<()> {
        access.give_to(file)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    #[cfg(feature = "journal")]
    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// On Linux a file may be synced that is open only for reading.
    #[cfg(feature = "journal")]
    fn sync_at(&self, path: &Path) -> io::Result<()> {
        File::options().read(true).write(!cfg!(unix)).open(path)?.sync_data()
    }

    #[cfg(feature = "journal")]
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        let parent = folder(path);
        self.create_folder(parent)?;
        match fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => Err(error),
            _ => self.sync_folder(parent),
        }
    }

    /// A link to the file does not count as the file, because a rename would move the link.
    fn is_file_at(&self, file: &File, path: &Path) -> io::Result<bool> {
        is_same_file(file, fs::symlink_metadata(path))
    }

    fn is_same(&self, one: &Path, other: &Path) -> io::Result<bool> {
        are_same(&fs::symlink_metadata(one)?, &fs::symlink_metadata(other)?)
    }

    fn is_absent(&self, path: &Path) -> io::Result<bool> {
        match fs::symlink_metadata(path) {
            Ok(_) => Ok(false),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Err(_) if folder(path).is_dir() => Ok(true),
            Err(_) => Err(io::Error::new(io::ErrorKind::NotFound, "the folder of the file does not exist")),
        }
    }

    fn link(&self, file: &Path, name: &Path) -> io::Result<()> {
        fs::hard_link(file, name)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Some file systems cannot sync a folder, and report so. That is not an error here, because they offer nothing
    /// better.
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
