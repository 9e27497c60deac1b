//! Saving.

use std::io::Write;
use std::time::Instant;

use crate::snapshot::{Progress, SaveOptions, SaveReport, SnapshotError, Writer};
use crate::store::Store;
use crate::store::walk::SaveWalk;
use crate::sync::assert_outside_closures;

impl Store {
    /// Writes a snapshot of the store into a writer: all keys with their hashes and deadlines, of one instant, between the
    /// begin of the call and its end. Others read and write meanwhile. O(n).
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
    /// Holds one shard's write lock at a time, for about 64 KiB, or one long hash or value, and lets others work in between.
    /// None is held while the writer works. A call that changes what is not written yet copies it for the save first: the
    /// hash, or the one part of a table.
    #[doc(alias = "BGSAVE")]
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
        assert_outside_closures();
        let SaveOptions { block_bytes, mut progress, .. } = options;
        let begin = Instant::now();
        let expected_keys = self.shards.iter().map(|shard| shard.read().len() as u64).sum();
        let mut walk = SaveWalk::begin(self, block_bytes).ok_or(SnapshotError::Busy)?;
        let mut writer = Writer::begin(out, expected_keys)?;
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
