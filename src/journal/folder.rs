//! The files in a journal's folder.
//!
//! ```text
//! data/   lock   base-7   log-7   log-8
//! ```
//! Generation 8 began while base 8 was being written. Once base 8 has its name, everything before it is removed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::JournalError;
use super::log::{base_path, log_path};
use crate::snapshot::{Disk, is_temporary_beside};

/// The generations of the files in a folder, each list in rising order.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    pub(super) bases: Vec<u64>,
    pub(super) logs: Vec<u64>,
    /// What a dead process has not finished.
    temporaries: Vec<PathBuf>,
}

const BASE: &str = "base-";
const LOG: &str = "log-";

impl Files {
    pub(super) fn list<D: Disk>(disk: &D, folder: &Path) -> Result<Self, JournalError> {
        let names = disk.names(folder, |_| true).map_err(|error| JournalError::io(folder, error))?;
        let mut files = Self::default();
        for name in &names {
            if let Some(generation) = generation(name, BASE) {
                files.bases.push(generation);
            } else if let Some(generation) = generation(name, LOG) {
                files.logs.push(generation);
            } else if is_temporary_of_base(name) {
                files.temporaries.push(folder.join(name));
            }
        }
        files.bases.sort_unstable();
        files.logs.sort_unstable();
        Ok(files)
    }

    /// A generation after all that were ever begun here.
    pub(super) fn next_generation(&self) -> u64 {
        self.bases.iter().chain(&self.logs).max().map_or(1, |last| last + 1)
    }

    /// The files of the generations before a base.
    fn before(&self, folder: &Path, base: u64) -> impl Iterator<Item = PathBuf> {
        let is_before = move |generation: &&u64| **generation < base;
        let bases = self.bases.iter().filter(is_before).map(|generation| base_path(folder, *generation));
        bases.chain(self.logs.iter().filter(is_before).map(|generation| log_path(folder, *generation)))
    }

    /// Removes what a dead process has not finished, what is older than this base, and logs in which nothing was
    /// begun. A file that cannot be removed only costs room on the disk.
    pub(super) fn remove_dead<D: Disk>(&self, disk: &D, folder: &Path, base: u64, is_dead_log: impl Fn(u64) -> bool) {
        let dead = self.logs.iter().filter(|generation| **generation >= base && is_dead_log(**generation));
        let dead = dead.map(|generation| log_path(folder, *generation));
        for path in self.before(folder, base).chain(dead).chain(self.temporaries.iter().cloned()) {
            let _costs_only_room = disk.remove(&path);
        }
    }

    /// Gives damaged files other names, under which they do not count.
    pub(super) fn set_aside<D: Disk>(&self, disk: &D, folder: &Path, base: u64) {
        for path in self.before(folder, base) {
            let mut aside = path.clone().into_os_string();
            aside.push(".damaged");
            let _is_older_than_the_base = disk.rename(&path, Path::new(&aside));
        }
    }
}

fn generation(name: &OsStr, kind: &str) -> Option<u64> {
    let digits = name.to_str()?.strip_prefix(kind)?;
    digits.parse().ok().filter(|number: &u64| number.to_string() == digits && (1..u64::MAX / 2).contains(number))
}

fn is_temporary_of_base(name: &OsStr) -> bool {
    let base = name.to_str().and_then(|name| name.split_once('.')).map(|(base, _)| OsStr::new(base));
    base.is_some_and(|base| generation(base, BASE).is_some() && is_temporary_beside(base, name))
}
