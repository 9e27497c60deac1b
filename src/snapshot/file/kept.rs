//! The older snapshots that are kept beside the newest one.
//!
//! ```text
//! store.hashlet                 the newest
//! store.hashlet.000042.old      the one before
//! store.hashlet.000041.old      the one before that
//! ```
//!
//! A replacement that keeps older ones does this besides what `file.rs` says:
//!
//! ```text
//! when the new file is written and synced, and the lock is still ours
//!               remove the numbers that the old file has already
//!               link the old file to the next number
//!               sync the folder
//! when the new file is in place, and the folder is synced
//!               remove the surplus, those with the lowest numbers
//! ```
//!
//! These promises hold:
//! 1. The path shows a whole file all the time, because the old file keeps its name until the rename takes it away.
//! 2. After any crash, all snapshots that should be kept are there. The second name of the old file outlasts a loss of
//!    power before the rename begins, and the surplus is removed only after the rename outlasts one. A kept file is never
//!    renamed and never written over, so no order in which names reach the disk can lose one.
//! 3. A crash, or a failure, between the link and the rename leaves the old file with two names. The next replacement
//!    removes the second one, so that no snapshot is kept twice and takes the place of another. Any other crash leaves a
//!    surplus of one, which the next replacement removes at its end. Where the system cannot tell that two names are of one file, which is
//!    so on all but Unix, the second name stays as one of the snapshots, until it is the oldest of too many.
//! 4. A higher number is a newer snapshot.
//!
//! Without sync, none of these promises holds after a loss of power.
//!
//! Rejected:
//! - `<path>.1` for the one before, `<path>.2` for the one before that, all renamed by each save. Each rename would need
//!   a sync of its own, because the next one writes over the name that it has freed. And whoever copies a kept file, or
//!   loads it, would see another one under its name.
//! - A rename of the old file instead of a link. Until the new file has its name, there would be none at the path.
//! - A copy where the file system has no hard links. It would double the work of each save.

use std::io;
use std::path::{Path, PathBuf};

use super::{Names, SavePath, file_name, folder};
use crate::snapshot::SnapshotError;
use crate::snapshot::disk::Disk;

/// Returns the paths of the older snapshots beside the file at this path, the newest first.
pub(in crate::snapshot) fn older<D: Disk>(disk: &D, path: &Path) -> io::Result<Vec<PathBuf>> {
    let names = Names::beside(file_name(path)?);
    Ok(numbers(disk, path, &names)?.into_iter().filter_map(|number| at(path, &names, number)).collect())
}

/// Returns the numbers of the older snapshots, the highest first.
fn numbers<D: Disk>(disk: &D, path: &Path, names: &Names) -> io::Result<Vec<u64>> {
    let found = disk.names(folder(path), |name| names.old_number(name).is_some())?;
    let mut numbers: Vec<u64> = found.iter().filter_map(|name| names.old_number(name)).collect();
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    Ok(numbers)
}

fn at(path: &Path, names: &Names, number: u64) -> Option<PathBuf> {
    names.old(number).map(|name| path.with_file_name(name))
}

impl<D: Disk> SavePath<'_, D> {
    /// Has later replacements keep this many snapshots, the new one among them. 0 is taken for 1.
    ///
    /// # Errors
    /// `Io` if older snapshots cannot be kept at this path: because its file's name is too long, or because there is no
    /// lock.
    pub(crate) fn keep(&mut self, count: usize) -> Result<(), SnapshotError> {
        let refuse = |what| Err(io::Error::new(io::ErrorKind::InvalidInput, what).into());
        if count > 1 && self.lock.is_none() {
            return refuse("a save without a lock cannot keep older snapshots");
        }
        if count > 1 && self.names.old(0).is_none() {
            return refuse("the name of the file is too long to keep older snapshots beside it");
        }
        self.keep = count.max(1);
        Ok(())
    }

    /// Gives the file at the path a second name, if there is one. Takes away those that an interrupted replacement gave
    /// it: nobody knows whether they outlast a loss of power.
    pub(super) fn keep_old(&self, sync: bool) -> io::Result<()> {
        if self.disk.is_absent(&self.path)? {
            return Ok(());
        }
        let numbers = numbers(self.disk, &self.path, &self.names)?;
        let next = numbers.first().copied().unwrap_or_default().checked_add(1);
        let Some(kept) = next.and_then(|next| at(&self.path, &self.names, next)) else {
            return Err(io::Error::other("there is no higher number for one more older snapshot"));
        };
        for path in numbers.into_iter().filter_map(|number| at(&self.path, &self.names, number)) {
            if !self.disk.is_same(&self.path, &path)? {
                break;
            }
            self.disk.remove(&path)?;
        }
        self.disk.link(&self.path, &kept)?;
        if sync {
            self.disk.sync_folder(folder(&self.path))?;
        }
        Ok(())
    }

    /// Removes the older snapshots that are too many. One that cannot be removed only costs room on the disk, and the
    /// new file is in place already, so a failure is not reported.
    pub(super) fn remove_surplus(&self) {
        let older = older(self.disk, &self.path).unwrap_or_default();
        for path in older.iter().skip(self.keep - 1) {
            let _ = self.disk.remove(path);
        }
    }
}
