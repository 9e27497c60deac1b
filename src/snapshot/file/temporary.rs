//! The temporary: the new file before it takes the old one's place.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::process::Process;
use crate::snapshot::SnapshotError;
use crate::snapshot::disk::Disk;

/// A new file under a temporary name. It is removed on drop unless it was renamed.
pub(crate) struct Temporary<'d, D: Disk> {
    disk: &'d D,
    path: PathBuf,
    process: Process,
    is_renamed: bool,
}

/// The writer of a new file. In a forked child it writes nothing. The child's copy of the handle shares the parent's
/// file and position in it, so the bytes of both would be mixed.
pub(crate) struct Pen<F> {
    pub(crate) file: F,
    process: Process,
}

impl<'d, D: Disk> Temporary<'d, D> {
    /// Returns the pen second, so that it is dropped first: some systems cannot remove a file that is open.
    pub(crate) fn create(disk: &'d D, path: PathBuf, private: bool) -> io::Result<(Self, Pen<D::File>)> {
        let file = disk.create(&path, private)?;
        let process = Process::current();
        Ok((Self { disk, path, process, is_renamed: false }, Pen { file, process }))
    }

    /// Gives the file its final name, if the file of the temporary name still is the one that was written. Another
    /// process may have taken it for the temporary of a dead process, removed it, and made another file of that name.
    pub(crate) fn rename(mut self, pen: Pen<D::File>, to: &Path) -> io::Result<()> {
        if !self.disk.is_file_at(&pen.file, &self.path)? {
            return Err(io::Error::other("the new file was removed or replaced before it was in place"));
        }
        drop(pen);
        self.disk.rename(&self.path, to)?;
        self.is_renamed = true;
        Ok(())
    }
}

impl<D: Disk> Drop for Temporary<'_, D> {
    /// A failure is not reported, because it must not hide the error that led here. A forked child leaves its parent's
    /// file alone.
    fn drop(&mut self) {
        if !self.is_renamed && self.process.is_current() {
            let _ = self.disk.remove(&self.path);
        }
    }
}

impl<F> Pen<F> {
    pub(crate) fn refuse_in_a_forked_child(&self) -> Result<(), SnapshotError> {
        if self.process.is_current() { Ok(()) } else { Err(SnapshotError::Forked) }
    }
}

impl<F: Write> Write for Pen<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.refuse_in_a_forked_child().map_err(io::Error::other)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
