//! The new file before it takes the old one's place.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::process::Process;
use crate::snapshot::SnapshotError;
use crate::snapshot::disk::Disk;

/// A new file without its final name, removed on drop unless it was renamed.
pub(super) struct Temporary<'d, D: Disk> {
    disk: &'d D,
    path: PathBuf,
    process: Process,
    is_renamed: bool,
}

/// What a new file is written by. A forked child writes nothing: the child's copy of the handle writes to the same file, at the
/// same place, and would mix its bytes with its parent's.
pub(super) struct Pen<F> {
    pub(super) file: F,
    process: Process,
}

impl<'d, D: Disk> Temporary<'d, D> {
    /// The pen comes second so that it is dropped first: not every system removes a file that is open.
    pub(super) fn create(disk: &'d D, path: PathBuf, private: bool) -> io::Result<(Self, Pen<D::File>)> {
        let file = disk.create(&path, private)?;
        let process = Process::current();
        Ok((Self { disk, path, process, is_renamed: false }, Pen { file, process }))
    }

    /// Gives the file its final name, if it still is the one that was written: somebody who took it for a dead one's may
    /// have removed it, and made another of its name.
    pub(super) fn rename(mut self, pen: Pen<D::File>, to: &Path) -> io::Result<()> {
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
    /// A failure is not reported: it must not hide what led here. A forked child leaves its parent's file alone.
    fn drop(&mut self) {
        if !self.is_renamed && self.process.is_current() {
            let _ = self.disk.remove(&self.path);
        }
    }
}

impl<F> Pen<F> {
    pub(super) fn refuse_in_a_forked_child(&self) -> Result<(), SnapshotError> {
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
