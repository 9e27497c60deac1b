//! One hash as bytes: a snapshot that holds nothing else. So it has the snapshot's version, checksums and checks.

use crate::hash::image::{Flaw, ItemReader};
use crate::hash::{Context, Record, Scope, Terms};
use crate::saving::{BLOCK_BYTES, Blocks};
use crate::snapshot::{Block, BlockReader, SnapshotError, Writer};
use crate::store::{Overwrite, Store, TransferOutcome};
use crate::sync::assert_outside_closures;
use crate::time::Now;

const NOT_ONE: Flaw = Flaw::Corrupt("the bytes are not a dump, because they do not hold exactly one hash");

/// Both need the feature `snapshot`.
impl Store {
    /// Returns a hash as bytes, with its deadlines and that of the key, or `None` if there is no such key. What has
    /// expired is left out. O(n).
    ///
    /// The bytes are a snapshot of the one hash, so every later version can read them, and
    /// [`load_from`](Self::load_from) takes them as well. [`restore`](Self::restore) gives the hash to any key of any
    /// store. Deadlines are points in time: they pass while the bytes lie somewhere.
    ///
    /// ```
    /// use hashlet::{Overwrite, Store, TransferOutcome};
    ///
    /// let store = Store::new();
    /// store.set_many("cart:7", [("apples", "2"), ("pears", "3")])?;
    /// let bytes = store.dump("cart:7").expect("it is there");
    /// assert_eq!(store.dump("cart:8"), None);
    ///
    /// let other = Store::new();
    /// assert_eq!(other.restore("cart:restored", &bytes, Overwrite::No)?, TransferOutcome::Done);
    /// assert_eq!(other.get_all("cart:restored"), store.get_all("cart:7"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Locking
    /// Holds the read lock of the key's shard while the hash is copied.
    #[doc(alias = "DUMP")]
    #[must_use]
    #[track_caller]
    pub fn dump(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let mut blocks = Blocks::of(BLOCK_BYTES);
        self.look(key.as_ref(), Scope::Hash, |record, cx| {
            record.map(|record| record.write_items(&mut blocks, cx.rules))
        })?;
        let blocks = blocks.take_all();
        let mut dump = Vec::with_capacity(blocks.iter().map(|items| items.bytes.len()).sum::<usize>() + DUMP_BYTES);
        let write = |dump: &mut Vec<u8>| {
            let mut writer = Writer::begin(dump, 1, None)?;
            blocks.into_iter().try_for_each(|items| writer.write(items))?;
            writer.end()
        };
        write(&mut dump).ok()?; // a vector takes everything
        Some(dump)
    }

    /// Gives the hash that [`dump`](Self::dump) has made bytes of to a key, with its deadlines, in one atomic step. The
    /// hash may have had another key. That key is in the bytes, so it must not be longer than the
    /// [`Limits::max_key`](crate::Limits::max_key) of this store either. O(n).
    ///
    /// What has expired meanwhile is left out. If nothing else is in it, the outcome is
    /// [`NoSource`](TransferOutcome::NoSource), and nothing is changed.
    ///
    /// Every byte is checked before it is used, and before anything is changed. Whatever the bytes claim, the memory of
    /// the call is limited: to what the hash takes in this store, a table of its fields, and at most 64 KiB and 16
    /// bytes for each of the bytes.
    ///
    /// # Errors
    /// Nothing is changed then.
    /// - [`NotASnapshot`](SnapshotError::NotASnapshot), [`UnsupportedVersion`](SnapshotError::UnsupportedVersion) or
    ///   [`Corrupt`](SnapshotError::Corrupt) if the bytes are no dump, or are damaged.
    /// - [`TooLarge`](SnapshotError::TooLarge) if the hash, or the key that it had when it was dumped, exceeds one of the
    ///   limits of this store.
    /// - [`Refused`](SnapshotError::Refused) if the new key is too long, if there is no room for the hash or its
    ///   deadlines, or if the journal has failed.
    #[doc(alias = "RESTORE")]
    #[track_caller]
    pub fn restore(
        &self,
        key: impl AsRef<[u8]>,
        dump: impl AsRef<[u8]>,
        overwrite: Overwrite,
    ) -> Result<TransferOutcome, SnapshotError> {
        let (key, dump) = (key.as_ref(), dump.as_ref());
        assert_outside_closures();
        self.rules.check_key(key).map_err(SnapshotError::Refused)?;
        let now = Now::on(&self.clock);
        let terms = Terms::of_look(&now);
        match read(dump, Context::new(&self.rules, &terms))? {
            Some(hash) => self.put_hash(key, &hash, &self.rules, overwrite).map_err(SnapshotError::Refused),
            None => Ok(TransferOutcome::NoSource),
        }
    }
}

/// The bytes around the blocks of a dump: its head, and the block with its end.
const DUMP_BYTES: usize = 64;

/// Reads the hash in a dump, unless everything in it has expired.
fn read(dump: &[u8], cx: Context<'_>) -> Result<Option<Record>, SnapshotError> {
    let len = Some(dump.len() as u64);
    let mut reader = BlockReader::begin(dump, len)?;
    let mut images = ItemReader::new(len);
    let mut hash = None;
    let told = loop {
        match reader.read()? {
            Block::End { keys, fields } => break (keys, fields),
            Block::Items(mut items) => {
                let mut read = || {
                    while !items.is_empty() {
                        let record = images.read(&mut items, cx)?;
                        if images.keys > 1 {
                            return Err(NOT_ONE);
                        }
                        hash = record.or(hash.take());
                    }
                    Ok(())
                };
                if let Err(flaw) = read() {
                    let left = items.len();
                    return Err(reader.flaw(left, flaw));
                }
            }
        }
    };
    let flaw = |flaw| reader.flaw(0, flaw);
    if images.keys != 1 || told != (images.keys, images.fields) {
        return Err(flaw(NOT_ONE));
    }
    images.end().map_err(flaw)?;
    Ok(hash)
}
