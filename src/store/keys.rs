//! Calls on whole keys.

use crate::hash::{Encoding, Record};
use crate::shard::Shard;
use crate::store::Store;
use crate::sync::assert_outside_closures;

impl Store {
    /// Returns whether there is such a key. O(1).
    #[doc(alias = "EXISTS")]
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> bool {
        self.look(key.as_ref(), |record, _| record.is_some())
    }

    /// Removes a key with its hash, and returns whether it was there. O(1) under the lock; the memory is given back
    /// after it, which is O(n) for a table.
    #[doc(alias = "DEL")]
    #[doc(alias = "UNLINK")]
    pub fn clear(&self, key: impl AsRef<[u8]>) -> bool {
        self.change(key.as_ref(), |visit| visit.record.clear(visit.cx)).is_some()
    }

    /// Removes all keys. O(shards) under locks; the memory is given back after them.
    ///
    /// Not one instant over all shards: what other threads write meanwhile may survive.
    #[doc(alias = "FLUSHDB")]
    pub fn clear_all(&self) {
        assert_outside_closures();
        for shard in &self.shards {
            let empty = Shard::new(self.shards.len().ilog2());
            let old = std::mem::replace(&mut *shard.write(), empty);
            drop(old);
        }
    }

    /// Returns all keys, in no particular order. O(n), a shard at a time under its read lock.
    ///
    /// Not one instant over all shards: a key that comes or goes meanwhile may or may not be among them.
    #[doc(alias = "KEYS")]
    #[must_use]
    pub fn keys(&self) -> Vec<Vec<u8>> {
        self.each_shard(|shard| shard.records().map(|record| record.key().to_vec()).collect::<Vec<_>>())
            .flatten()
            .collect()
    }

    /// Returns the number of keys. O(shards), and not one instant over all of them.
    #[doc(alias = "DBSIZE")]
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.each_shard(Shard::len).sum()
    }

    /// Returns whether there are no keys. O(shards), and not one instant over all of them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.each_shard(Shard::len).all(|len| len == 0)
    }

    /// Returns how the hash of a key is stored, or `None` if there is no such key. O(1).
    #[doc(alias = "OBJECT ENCODING")]
    pub fn encoding(&self, key: impl AsRef<[u8]>) -> Option<Encoding> {
        self.look(key.as_ref(), |record, _| record.map(Record::encoding))
    }

    /// Looks at one shard after the other, each under its read lock.
    pub(super) fn each_shard<'a, R>(&'a self, look: impl Fn(&Shard) -> R + 'a) -> impl Iterator<Item = R> + 'a {
        assert_outside_closures();
        self.shards.iter().map(move |shard| look(&shard.read()))
    }
}
