//! The counts that a store keeps.

use crate::hash::{Record, Scope};
use crate::shard::Shard;
use crate::store::Store;
use crate::store::listener::Listener;

/// Counts over a whole [`Store`]; see [`Store::stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The number of keys.
    pub keys: usize,
    /// The number of fields of all hashes.
    pub fields: usize,
    /// The number of hashes in the packed encoding.
    pub packed: usize,
    /// The number of hashes in the table encoding.
    pub tables: usize,
    /// Bytes that the store has asked of the allocator and not given back. They include everything but the `Store`
    /// value itself. Bytes that the allocator adds (rounding, its own records) are not counted.
    pub bytes: usize,
    /// The number of expired keys and fields for which the channel of a [`listener`](crate::StoreBuilder::listener) had
    /// no room.
    pub lost: usize,
}

/// # Memory
/// See the guide: [`guide::limits`](crate::guide::limits). The example program `packages` compares the memory of real
/// records.
impl Store {
    /// Returns the bytes that the hash of a key has asked of the allocator, its key included, or `None` if there is no
    /// such key. O(1).
    ///
    /// The slot that points at the hash takes 17 bytes, plus its share of the free slots. It is not counted here, but
    /// in [`stats`](Self::stats).
    #[doc(alias = "MEMORY USAGE")]
    #[track_caller]
    pub fn memory_usage(&self, key: impl AsRef<[u8]>) -> Option<usize> {
        self.look(key.as_ref(), Scope::Hash, |record, _| record.map(Record::heap_bytes))
    }

    /// Returns counts over the whole store. O(shards). The shards are counted one after the other, not at one instant.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("point", [("x", "3"), ("y", "4")])?;
    /// let stats = store.stats();
    /// assert_eq!((stats.keys, stats.fields, stats.packed, stats.tables), (1, 2, 1, 0));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "INFO")]
    #[must_use]
    #[track_caller]
    pub fn stats(&self) -> Stats {
        let empty = Stats { bytes: size_of_val::<[_]>(&self.shards), ..Stats::default() };
        let stats = self.each_shard(Stats::of).fold(empty, Stats::plus);
        Stats { lost: self.listener.as_ref().map_or(0, Listener::lost), ..stats }
    }
}

impl Stats {
    fn of(shard: &Shard) -> Self {
        let (keys, sums) = (shard.len(), shard.sums());
        Self {
            keys,
            fields: sums.fields,
            packed: keys - sums.tables,
            tables: sums.tables,
            bytes: shard.heap_bytes(),
            lost: 0,
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            keys: self.keys + other.keys,
            fields: self.fields + other.fields,
            packed: self.packed + other.packed,
            tables: self.tables + other.tables,
            bytes: self.bytes + other.bytes,
            lost: self.lost + other.lost,
        }
    }
}
