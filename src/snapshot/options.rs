//! The options of a save and of a load, and what they report.

use std::fmt;
use std::time::Duration;

use crate::saving::BLOCK_BYTES;

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
        Self { sync: true, block_bytes: BLOCK_BYTES, progress: Callback::default() }
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
        f.debug_struct("SaveOptions").field("sync", &self.sync).finish_non_exhaustive()
    }
}

impl fmt::Debug for LoadOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadOptions").finish_non_exhaustive()
    }
}
