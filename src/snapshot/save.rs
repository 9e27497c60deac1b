//! Saving.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::saving::SaveTurn;
use crate::snapshot::walk::SaveWalk;
use crate::snapshot::{Disk, LockedPath, Progress, SaveOptions, SaveReport, SnapshotError, SystemDisk, Writer};
use crate::store::Store;
use crate::sync::assert_outside_closures;

impl Store {
    /// Writes a snapshot of the store to a file: all keys with their hashes and deadlines, of one instant, between the begin
    /// of the call and its end. Others read and write meanwhile. What has expired when the call begins is removed first, and is
    /// not in the snapshot. O(n).
    ///
    /// The file is always whole: the snapshot is written to a new file beside it, `<path>.<process>-<32 hex digits>.tmp`,
    /// which takes its place when the disk has everything. When this returns, the new one outlasts a loss of power; if it fails,
    /// or the power does meanwhile, the old one is there as before. Old temporaries that a process left when it was killed are
    /// removed. A file `<path>.lock` keeps two processes from saving to the same path, and stays. If somebody removes it
    /// during a save, that save is refused in the end, and the file is whole nevertheless. If the file name is longer than 95
    /// bytes, both names use its beginning and a checksum.
    ///
    /// The file has the permissions of the one before, and its owner and group if this process may give them. If the
    /// group cannot be kept, the file's group gets only the rights that everybody has. A symbolic link at the path is replaced, not followed. A relative path is taken
    /// from the folder that is the current one when the call begins.
    ///
    /// The folder has to allow new files and a rename. So a file that is mounted by itself, as into a container, cannot be
    /// saved to: mount its folder. On a network file system without locks (`flock`), the save is refused, or nothing keeps
    /// two machines apart; the file is whole even then.
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
    /// [`SnapshotError::Io`] if the system refuses something. If it refused to make the new file's name outlast a loss of power,
    /// which is the last thing, the new file is in place already. `Io` too if the path, or that of the lock file, is that of a
    /// folder, a pipe or a device; nothing is waited for.
    ///
    /// [`Busy`](SnapshotError::Busy) if the store is being saved already. [`Locked`](SnapshotError::Locked) if another process or
    /// store saves to the path, or an [`Autosave`](crate::Autosave), this store's own too, which has a
    /// [`save`](crate::Autosave::save) of its own; also if the lock file was removed or replaced during the save.
    ///
    /// A save that fails walks over the store to its end nevertheless.
    ///
    /// # Locking
    /// As [`save_to`](Self::save_to).
    ///
    /// # Forks
    /// A child that this process forks has a copy of the store, but none of the other threads. A lock that another thread held
    /// at that moment stays held in the child for ever. So fork when no other thread uses the store, or do not use the store in
    /// the child. If another thread was saving the store, it stays [`Busy`](SnapshotError::Busy) in the child. If the closure of
    /// [`SaveOptions::progress`] forks, the save fails in the child as [`Forked`](SnapshotError::Forked), and goes on in the
    /// parent. A parent that is killed keeps the file locked until the children have ended that it forked meanwhile.
    #[doc(alias = "SAVE")]
    #[doc(alias = "BGSAVE")]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<SaveReport, SnapshotError> {
        self.save_with(path, SaveOptions::new())
    }

    /// [`save`](Self::save) with options.
    ///
    /// # Errors
    /// As of [`save`](Self::save).
    ///
    /// # Panics
    /// If the options' closure does. The old file is there as before.
    pub fn save_with(&self, path: impl AsRef<Path>, options: SaveOptions<'_>) -> Result<SaveReport, SnapshotError> {
        let turn = self.save_turn()?;
        let mut path = LockedPath::lock(&SystemDisk, path.as_ref())?; // which is released first
        self.replace(&mut path, &turn, options)
    }

    /// Writes a snapshot of the store into a writer: all keys with their hashes and deadlines, of one instant, between the
    /// begin of the call and its end. Others read and write meanwhile. What has expired is removed first. O(n).
    ///
    /// The writer gets pieces of 64 KiB and more and is flushed at the end; whether it ends on a disk is the caller's concern.
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
    /// Holds one shard's write lock at a time, for about 4 KiB, or one packed hash, or one segment of a table (up to about 900
    /// fields with their values), and goes on to another shard. None is held while the writer works. A call that changes what
    /// is not written yet copies it for the save first: the packed hash, or the segment.
    pub fn save_to(&self, out: impl Write) -> Result<SaveReport, SnapshotError> {
        self.save_to_with(out, SaveOptions::new())
    }

    /// [`save_to`](Self::save_to) with options, of which [`sync`](SaveOptions::sync) means nothing here.
    ///
    /// # Errors
    /// As of [`save_to`](Self::save_to).
    ///
    /// # Panics
    /// If the options' closure does.
    pub fn save_to_with(&self, out: impl Write, options: SaveOptions<'_>) -> Result<SaveReport, SnapshotError> {
        self.write(out, &self.save_turn()?, options)
    }

    /// How many calls have changed something so far, or could have.
    pub(crate) fn changes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.read().changes()).sum()
    }

    /// The right to save the store.
    ///
    /// # Panics
    /// Inside a closure that a store runs.
    pub(crate) fn save_turn(&self) -> Result<SaveTurn<'_>, SnapshotError> {
        assert_outside_closures();
        self.saving.take_turn().ok_or(SnapshotError::Busy)
    }

    /// Puts a snapshot in the place of a file.
    pub(crate) fn replace<D: Disk>(
        &self,
        path: &mut LockedPath<'_, D>,
        turn: &SaveTurn<'_>,
        options: SaveOptions<'_>,
    ) -> Result<SaveReport, SnapshotError> {
        path.replace(options.sync, |file| self.write(file, turn, options))
    }

    fn write(
        &self,
        out: impl Write,
        turn: &SaveTurn<'_>,
        options: SaveOptions<'_>,
    ) -> Result<SaveReport, SnapshotError> {
        let SaveOptions { block_bytes, mut progress, .. } = options;
        let begin = Instant::now();
        // What has expired is neither counted nor written. The second time is for what expired during the first.
        self.purge_all();
        self.purge_all();
        let expected_keys = self.shards.iter().map(|shard| shard.read().len() as u64).sum();
        let mut writer = Writer::begin(out, expected_keys)?;
        let mut walk = SaveWalk::begin(self, turn, block_bytes);
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
