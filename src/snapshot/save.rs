//! Saving a store to a file or a writer.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::saving::{Mark, SaveTurn, Saving};
use crate::snapshot::format::Origin;
use crate::snapshot::walk::SaveWalk;
use crate::snapshot::{Disk, Progress, SaveOptions, SavePath, SaveReport, SnapshotError, SystemDisk, Writer};
use crate::store::Store;
use crate::sync::assert_outside_closures;

/// # Saving
/// See the guide: [`guide::snapshots`](crate::guide::snapshots) tells what is durable.
impl Store {
    /// Writes a snapshot of the store to a file: all keys with their hashes and deadlines, as they were at one instant
    /// during the call. Other threads can read and write meanwhile. Everything that has expired when the call begins is
    /// removed first, and is not in the snapshot. O(n).
    ///
    /// The file is never half written. The snapshot is written to a new file beside it, a *temporary* named
    /// `<path>.<process>-<32 hex digits>.tmp`. It replaces the old file once the disk has everything. When this returns
    /// `Ok`, the new file outlasts a loss of power. If the call fails, or the power fails during it, the old file is
    /// there as before. Temporaries that a killed process has left behind are removed.
    ///
    /// A file `<path>.lock` keeps two processes from saving to the same path. It is never removed, because a process could
    /// hold the removed file while another one locks a new file of that name. A save with [`SaveOptions::lock`]`(false)`
    /// makes none. If somebody else removes it during a save, that save is refused at its end, and the file is still
    /// whole. If the file name is
    /// longer than 95 bytes, the names of lock file and temporary use its beginning and a checksum.
    ///
    /// The old file is gone then, unless [`SaveOptions::keep`] keeps it.
    ///
    /// The new file has the permissions of the old one, and its owner and group if this process may set them. If the
    /// group cannot be kept, the file's group gets only the rights that everybody has. A symbolic link at the path is
    /// replaced, not followed. A relative path starts from the folder that is current when the call begins.
    ///
    /// The folder has to allow new files and renames. A file that is mounted by itself, as into a container, therefore
    /// cannot be saved to; mount its folder instead. On a network file system without locks (`flock`), the save may be
    /// refused. If it is not, two machines can save to the path at the same time; the file is whole even then.
    ///
    /// ```
    /// # use hashlet::Store;
    /// # let path = std::env::temp_dir().join(format!("hashlet-doc-{}", std::process::id()));
    /// let store = Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// let report = store.save(&path)?;
    /// assert_eq!(report.keys, 1);
    /// let store = Store::load(&path)?;
    /// assert_eq!(store.get("user:1", "name").as_deref(), Some(&b"Ada"[..]));
    /// # std::fs::remove_file(&path)?;
    /// # std::fs::remove_file(format!("{}.lock", path.display()))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// - [`Io`](SnapshotError::Io) if an operation on a file fails. The last operation makes the new file's name
    ///   outlast a loss of power. If only that one fails, the new file is in place already. `Io` also if a folder, a
    ///   pipe or a device is at the path or at the path of the lock file. The call never waits for such a thing.
    /// - [`Busy`](SnapshotError::Busy) if the store is being saved already.
    /// - [`Locked`](SnapshotError::Locked) if another process or another store is saving to the path, or if an
    ///   [`Autosave`](crate::Autosave) has locked it. If that is the autosave of this store, call its
    ///   [`save`](crate::Autosave::save) instead. `Locked` also if the lock file was removed or replaced during the
    ///   save.
    ///
    /// A save that fails still walks over the store to its end.
    ///
    /// # Locking
    /// As [`save_to`](Self::save_to).
    ///
    /// # Forks
    /// A child that this process forks has a copy of the store, but none of the other threads. A lock that another
    /// thread held at that moment stays held in the child for ever. So fork when no other thread uses the store, or do
    /// not use the store in the child. If another thread was saving the store, it stays [`Busy`](SnapshotError::Busy)
    /// in the child. If the closure of [`SaveOptions::progress`] forks, the save fails in the child as
    /// [`Forked`](SnapshotError::Forked), and goes on in the parent. If the parent is killed, the file stays locked
    /// until all children that it forked during the save have ended.
    #[doc(alias = "SAVE")]
    #[doc(alias = "BGSAVE")]
    #[track_caller]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<SaveReport, SnapshotError> {
        self.save_with(path, SaveOptions::new())
    }

    /// [`save`](Self::save) with options.
    ///
    /// # Errors
    /// As of [`save`](Self::save). [`Io`](SnapshotError::Io) also if [`SaveOptions::keep`] cannot keep the old file.
    ///
    /// # Panics
    /// If the options' closure panics. The old file is there as before.
    #[track_caller]
    pub fn save_with(&self, path: impl AsRef<Path>, options: SaveOptions<'_>) -> Result<SaveReport, SnapshotError> {
        let turn = self.save_turn()?;
        let take = if options.lock { SavePath::lock } else { SavePath::without_lock };
        let mut path = take(&SystemDisk, path.as_ref())?; // dropped before `turn`, so it is released first
        self.replace(&mut path, &turn, options)
    }

    /// Writes a snapshot of the store into a writer: all keys with their hashes and deadlines, as they were at one
    /// instant during the call. Other threads can read and write meanwhile. Everything that has expired is removed
    /// first. O(n).
    ///
    /// The writer gets pieces of 64 KiB and more, and is flushed at the end. The caller decides whether the bytes reach
    /// a disk.
    ///
    /// ```
    /// # use hashlet::Store;
    /// # let store = Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// let mut snapshot = Vec::new();
    /// store.save_to(&mut snapshot)?;
    /// let copy = Store::load_from(&snapshot[..])?;
    /// assert_eq!(copy.get("user:1", "name").as_deref(), Some(&b"Ada"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SnapshotError::Io`] if the writer fails, [`SnapshotError::Busy`] if the store is being saved already.
    ///
    /// # Locking
    /// Holds one shard's write lock at a time, while it copies about 4 KiB, then goes on to another shard. A packed
    /// hash, or a segment of a table (up to about 900 fields with their values), is copied in one piece even if it is
    /// longer. No lock is held while the writer works. A call may change a packed hash or a segment that is not written
    /// yet. It first copies that hash or segment for the save.
    #[track_caller]
    pub fn save_to(&self, out: impl Write) -> Result<SaveReport, SnapshotError> {
        self.save_to_with(out, SaveOptions::new())
    }

    /// [`save_to`](Self::save_to) with options. [`sync`](SaveOptions::sync), [`keep`](SaveOptions::keep) and
    /// [`lock`](SaveOptions::lock) have no effect here.
    ///
    /// # Errors
    /// As of [`save_to`](Self::save_to).
    ///
    /// # Panics
    /// If the options' closure panics.
    #[track_caller]
    pub fn save_to_with(&self, out: impl Write, options: SaveOptions<'_>) -> Result<SaveReport, SnapshotError> {
        self.write(out, &self.save_turn()?, options)
    }

    /// The number of calls so far that have changed something, or could have.
    pub(crate) fn changes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.read().changes()).sum()
    }

    /// Takes the exclusive right to save the store.
    ///
    /// # Panics
    /// Inside a closure that a store runs.
    #[track_caller]
    pub(crate) fn save_turn(&self) -> Result<SaveTurn<'_>, SnapshotError> {
        assert_outside_closures();
        self.saving.take_turn().ok_or(SnapshotError::Busy)
    }

    /// Replaces a file by a snapshot.
    pub(crate) fn replace<D: Disk>(
        &self,
        path: &mut SavePath<'_, D>,
        turn: &SaveTurn<'_>,
        options: SaveOptions<'_>,
    ) -> Result<SaveReport, SnapshotError> {
        path.keep(options.keep)?;
        path.replace(options.sync, |file| self.write(file, turn, options))
    }

    fn write(
        &self,
        out: impl Write,
        turn: &SaveTurn<'_>,
        options: SaveOptions<'_>,
    ) -> Result<SaveReport, SnapshotError> {
        self.write_cutting(out, turn, options, None, &mut NoCut)
    }

    /// Writes a snapshot, whose instant may cut the log of a journal.
    pub(crate) fn write_cutting(
        &self,
        out: impl Write,
        turn: &SaveTurn<'_>,
        options: SaveOptions<'_>,
        origin: Option<Origin>,
        cut: &mut impl Cut,
    ) -> Result<SaveReport, SnapshotError> {
        let SaveOptions { block_bytes, mut progress, .. } = options;
        let begin = Instant::now();
        // Expired data is then neither counted nor written. The second purge is for data that expires during the first.
        self.purge_all();
        self.purge_all();
        let expected_keys = self.shards.iter().map(|shard| shard.read().len() as u64).sum();
        let mut writer = Writer::begin(out, expected_keys, origin)?;
        let mark = cut.change_epoch(&self.saving, block_bytes);
        let mut walk = SaveWalk::begin(self, turn, mark, block_bytes);
        cut.end()?;
        for blocks in &mut walk {
            for items in blocks {
                writer.write(items)?;
                progress.call(Progress { keys: writer.keys(), expected_keys, bytes: writer.bytes() });
            }
        }
        writer.end()?;
        Ok(SaveReport {
            keys: writer.keys(),
            fields: writer.fields(),
            bytes: writer.bytes(),
            waiting_bytes: walk.most_waiting(),
            duration: begin.elapsed(),
        })
    }
}

/// What the instant of a save cuts beside the store.
pub(crate) trait Cut {
    /// Changes the epoch, which is the instant of the snapshot.
    fn change_epoch(&mut self, saving: &Saving, block_bytes: usize) -> Mark;
    /// Does what has to be done after the instant.
    fn end(&mut self) -> Result<(), SnapshotError>;
}

/// The instant of a save that concerns nothing but the store.
struct NoCut;

impl Cut for NoCut {
    fn change_epoch(&mut self, saving: &Saving, block_bytes: usize) -> Mark {
        saving.begin(block_bytes)
    }

    fn end(&mut self) -> Result<(), SnapshotError> {
        Ok(())
    }
}
