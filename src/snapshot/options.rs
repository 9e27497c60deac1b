//! The options of a save and of a load, and what they report.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::saving::BLOCK_BYTES;
use crate::snapshot::SnapshotError;

/// The progress of a save or a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Keys written or read so far.
    pub keys: u64,
    /// The estimated number of keys in all. Keys that are added or removed meanwhile make it inexact.
    pub expected_keys: u64,
    /// Bytes written or read so far.
    pub bytes: u64,
}

/// The result of a save.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SaveReport {
    /// Keys in the snapshot.
    pub keys: u64,
    /// Fields in the snapshot.
    pub fields: u64,
    /// Bytes of the snapshot.
    pub bytes: u64,
    /// The most memory, in bytes, that waiting data took at any moment. Other threads copy data for the save, or leave
    /// it to the save, if they change or remove it before the save has written it. At worst, when the disk is much
    /// slower than these threads, that is one copy of the store. [`Limits::max_bytes`](crate::Limits::max_bytes) does
    /// not count it.
    pub waiting_bytes: usize,
    /// How long the save took.
    pub duration: Duration,
}

/// Which snapshot [`load_newest`](crate::Store::load_newest) has loaded.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LoadReport {
    /// The path of the snapshot that was loaded. `None` only from
    /// [`load_newest_or_new`](crate::Store::load_newest_or_new), if there was none and the store is new.
    pub path: Option<PathBuf>,
    /// The newer snapshots that could not be loaded, the newest first, and why. If this is not empty, what was written
    /// after the loaded snapshot is lost.
    pub passed_over: Vec<(PathBuf, SnapshotError)>,
}

/// How a store is saved. The example program `progress` draws a bar while it saves.
/// See the guide: [`guide::snapshots`](crate::guide::snapshots).
///
/// ```
/// use hashlet::{SaveOptions, Store};
///
/// let store = Store::new();
/// store.set("user:1", "name", "Ada")?;
/// let mut snapshot = Vec::new();
/// let options = SaveOptions::new().progress(|so_far| println!("{} of {}", so_far.keys, so_far.expected_keys));
/// let report = store.save_to_with(&mut snapshot, options)?;
/// assert_eq!((report.keys, report.bytes), (1, snapshot.len() as u64));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct SaveOptions<'a> {
    pub(crate) sync: bool,
    pub(crate) keep: usize,
    pub(crate) lock: bool,
    pub(crate) block_bytes: usize,
    pub(crate) progress: Callback<'a>,
}

/// How a store is loaded.
///
/// ```
/// use hashlet::{LoadOptions, Store};
/// # let store = Store::new();
/// # store.set("user:1", "name", "Ada")?;
/// # let mut snapshot = Vec::new();
/// # store.save_to(&mut snapshot)?;
///
/// let options = LoadOptions::new().progress(|so_far| println!("{} of {}", so_far.keys, so_far.expected_keys));
/// let store = Store::builder().load_from_with(&snapshot[..], options)?;
/// assert!(store.contains_key("user:1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
#[must_use]
pub struct LoadOptions<'a> {
    pub(crate) progress: Callback<'a>,
}

#[derive(Default)]
pub(crate) struct Callback<'a>(Option<Box<dyn FnMut(Progress) + 'a>>);

impl Callback<'_> {
    pub(crate) fn call(&mut self, progress: Progress) {
        if let Some(callback) = &mut self.0 {
            callback(progress);
        }
    }
}

impl Default for SaveOptions<'_> {
    fn default() -> Self {
        Self { sync: true, keep: 1, lock: true, block_bytes: BLOCK_BYTES, progress: Callback::default() }
    }
}

impl<'a> SaveOptions<'a> {
    /// Returns the options that [`Store::save`](crate::Store::save) has.
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses whether a save waits until the disk has everything; the default is `true`. Without it, a loss of power
    /// soon after the save can leave the old file, or a damaged one, which a load refuses. The mere end of the process
    /// cannot.
    pub fn sync(mut self, sync: bool) -> Self {
        self.sync = sync;
        self
    }

    /// Keeps this many snapshots, the new one among them; the default is 1, and 0 is taken for 1. The old file gets the
    /// name `<path>.<number>.old`. The number has at least six digits: `store.hashlet.000042.old`. A higher number is a
    /// newer snapshot. [`load_newest`](crate::Store::load_newest) finds the newest one that is whole.
    ///
    /// No kept snapshot is ever renamed or written over. After any crash, all that should be kept are there; there may
    /// be one more. All that are too many are removed once the new one is in place. A save with the default removes
    /// none, and does not keep the old file.
    ///
    /// The old file is kept without a look into it, even if it is damaged. Every file with such a name counts as a kept
    /// snapshot, whoever made it.
    ///
    /// A save that keeps takes a few more operations on the folder, whatever the size of the files. The file system has
    /// to have hard links. The save is refused as [`Io`](crate::SnapshotError::Io), and the old file stays, if it has
    /// none, if the path's file name is longer than 95 bytes, or if the save has no [`lock`](Self::lock).
    ///
    /// ```
    /// use hashlet::{SaveOptions, Store};
    /// # let folder = std::env::temp_dir().join(format!("hashlet-keep-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("store.hashlet");
    ///
    /// let store = Store::new();
    /// for visits in 1..=5 {
    ///     store.set("user:1", "visits", visits.to_string())?;
    ///     store.save_with(&path, SaveOptions::new().keep(3))?;
    /// }
    /// let visits = |store: Store| store.get("user:1", "visits");
    /// assert_eq!(visits(Store::load(&path)?).as_deref(), Some(&b"5"[..]));
    /// assert_eq!(visits(Store::load(folder.join("store.hashlet.000004.old"))?).as_deref(), Some(&b"4"[..]));
    /// assert_eq!(visits(Store::load(folder.join("store.hashlet.000003.old"))?).as_deref(), Some(&b"3"[..]));
    /// assert!(!folder.join("store.hashlet.000002.old").exists());
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keep(mut self, count: usize) -> Self {
        self.keep = count.max(1);
        self
    }

    /// Chooses whether a save takes the path's lock; the default is `true`. A save without it leaves no file
    /// `<path>.lock` behind, which suits a path that is used once: a temporary place, or a name with a date.
    ///
    /// The file is whole whoever else saves to the path at the same time. But the last one to end wins, even if its
    /// snapshot is the older one; and a save that does take the lock can make this one fail as
    /// [`Io`](crate::SnapshotError::Io). If the process is killed during the save, its temporary stays until a save to
    /// this path takes the lock.
    pub fn lock(mut self, lock: bool) -> Self {
        self.lock = lock;
        self
    }

    /// Calls a closure after each 64 KiB or so. The closure runs on the thread that saves, with no lock held, so it may
    /// call the store. If it panics, the save fails.
    pub fn progress(mut self, progress: impl FnMut(Progress) + 'a) -> Self {
        self.progress = Callback(Some(Box::new(progress)));
        self
    }

    /// Writes blocks of this many bytes. With 1, tests can do something between any two records.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn block_bytes(mut self, block_bytes: usize) -> Self {
        self.block_bytes = block_bytes.max(1);
        self
    }
}

impl<'a> LoadOptions<'a> {
    /// Returns the options that [`Store::load`](crate::Store::load) has.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls a closure after each 64 KiB or so. If it panics, nothing is loaded.
    pub fn progress(mut self, progress: impl FnMut(Progress) + 'a) -> Self {
        self.progress = Callback(Some(Box::new(progress)));
        self
    }
}

impl fmt::Debug for SaveOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaveOptions")
            .field("sync", &self.sync)
            .field("keep", &self.keep)
            .field("lock", &self.lock)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LoadOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadOptions").finish_non_exhaustive()
    }
}
