//! Calls on whole keys.

use crate::directory::RESERVE_MAX;
use crate::hash::{Context, Port};
use crate::hash::{Encoding, Record, Scope};
use crate::shard::{RESERVED_KEY_BYTES, Shard};
use crate::store::Store;
use crate::store::call::Call;
use crate::sync::{InClosure, RwLock};
use crate::value::HashRef;

impl Store {
    /// Returns whether there is such a key. O(1).
    #[doc(alias = "EXISTS")]
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> bool {
        self.look(key.as_ref(), Scope::Hash, |record, _| record.is_some())
    }

    /// Removes a key with its hash, and returns whether it was there. O(1) under the lock; the memory is given back
    /// after it, which is O(n) for a table.
    #[doc(alias = "DEL")]
    #[doc(alias = "UNLINK")]
    pub fn clear(&self, key: impl AsRef<[u8]>) -> bool {
        self.change(key.as_ref(), Scope::Hash, |visit| visit.record.clear(visit.cx)).is_some()
    }

    /// Removes all keys. O(shards) under locks; the memory is given back after them.
    ///
    /// Not one instant over all shards: what other threads write meanwhile may survive.
    #[doc(alias = "FLUSHDB")]
    pub fn clear_all(&self) {
        if self.listener.is_some() {
            self.purge_expired(usize::MAX); // which tells what has expired; what is cleared has not
        }
        let call = self.call();
        let link = call.link();
        for shard in &self.shards {
            let mut shard = shard.write();
            let cx = call.context(&self.rules, &link);
            let old = Box::new(shard.take_all(cx));
            call.settle(old.heap_bytes(), 0);
            let is_saved = old.is_saved(cx.mark());
            cx.part_with(old, is_saved);
            drop(shard);
            call.pass_lock();
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

    /// Lends each key with its hash to a closure, in no particular order. O(n) and what the closure does, a shard at a
    /// time.
    ///
    /// Not one instant over all shards: a key that comes or goes meanwhile may or may not be among them, and one that is
    /// renamed may be met twice or not at all.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("cart:1", [("apples", "2"), ("pears", "3")])?;
    /// store.set("cart:2", "apples", "1")?;
    /// let mut with_pears = Vec::new();
    /// store.for_each(|key, cart| {
    ///     if cart.contains("pears") {
    ///         with_pears.push(key.to_vec());
    ///     }
    /// });
    /// assert_eq!(with_pears, [b"cart:1"]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the closure panics, or calls any store; a second panic while the first unwinds aborts the process, as in
    /// [`read`](Self::read).
    ///
    /// # Locking
    /// The closure runs under the read lock of each shard in turn, and writers to that shard wait until it has seen all
    /// its keys. Do not wait for other threads in it. [`iter_keys`](Self::iter_keys) holds no lock between keys.
    pub fn for_each(&self, mut look: impl FnMut(&[u8], &HashRef<'_>)) {
        let now = self.now();
        let cx = Context::of_look(&self.rules, &now);
        for shard in &self.shards {
            let shard = self.lock_purged(shard, RwLock::read, &now);
            let _inside = InClosure::enter();
            shard.records().for_each(|record| look(record.key(), &HashRef::new(record, cx)));
        }
    }

    /// Removes each key for whose hash a closure says `false`, and returns how many that were. O(n) and what the closure
    /// does, a shard at a time; the keys removed of one shard are copied meanwhile.
    ///
    /// Not one instant over all shards: a key that comes or goes meanwhile may or may not be asked about, and one that
    /// is renamed may be asked about twice or not at all. What was removed is what the closure has seen: nobody can
    /// write to it in between.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("session:1", [("user", "ada"), ("token", "x")])?;
    /// store.set("session:2", "user", "grace")?;
    /// assert_eq!(store.retain(|_, session| session.contains("token")), 1);
    /// assert_eq!(store.keys(), [b"session:1"]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the closure panics, or calls any store. The shards before are done then, and the one at hand has kept all its
    /// keys.
    ///
    /// # Locking
    /// The closure runs under the write lock of each shard in turn: everybody else on that shard waits until all its
    /// keys are judged and removed. Do not wait for other threads in it.
    pub fn retain(&self, mut keep: impl FnMut(&[u8], &HashRef<'_>) -> bool) -> usize {
        let call = self.call();
        let link = call.link();
        let mut removed = 0;
        for shard in &self.shards {
            let mut shard = self.lock_purged(shard, RwLock::write, call.now());
            let cx = call.context(&self.rules, &link);
            // All are judged before the first is removed, because a removal moves the others.
            let inside = InClosure::enter();
            let refused = shard.records().filter(|record| !keep(record.key(), &HashRef::new(record, cx)));
            let refused: Vec<Vec<u8>> = refused.map(|record| record.key().to_vec()).collect();
            drop(inside);
            for key in &refused {
                if let Some(mut visit) = shard.visit(self.rules.hash(key), key, Scope::Hash, cx) {
                    visit.record.clear(cx);
                }
            }
            removed += refused.len();
            drop(shard);
            call.pass_lock();
        }
        removed
    }

    /// Returns how the hash of a key is stored, or `None` if there is no such key. O(1).
    #[doc(alias = "OBJECT ENCODING")]
    pub fn encoding(&self, key: impl AsRef<[u8]>) -> Option<Encoding> {
        self.look(key.as_ref(), Scope::Hash, |record, _| record.map(Record::encoding))
    }

    /// Makes room for so many more keys, so that setting them need not grow the tables of keys: 30 to 45 bytes a key, beside
    /// which the hashes are allocated one by one. A hint: room for at most 16,777,216 keys is made at once, none where it
    /// would pass [`Limits::max_bytes`](crate::Limits::max_bytes), and it goes with removals. O(n and the keys), a shard at
    /// a time.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.reserve(100_000);
    /// for n in 0..100_000 {
    ///     store.set(format!("key:{n}"), "field", "value")?;
    /// }
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Locking
    /// Holds each shard's write lock while it makes room there.
    pub fn reserve(&self, keys: usize) {
        let call = self.call();
        let keys = keys.min(RESERVE_MAX).div_ceil(self.shards.len());
        let spread = 4 * keys.isqrt(); // keys fall on shards at random: four standard deviations
        for shard in &self.shards {
            if keys == 0 || call.reserve((keys + spread) * RESERVED_KEY_BYTES).is_err() {
                return;
            }
            resize(&mut shard.write(), &call, |shard| shard.reserve(keys + spread, &self.rules));
            call.pass_lock();
        }
    }

    /// Gives back to the allocator what growth and removals have left over: slack of keys and tables, and the free bytes of
    /// packed hashes, up to a quarter of each. What is set afterwards has to grow again. O(n), a shard at a time.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("big", (0..10_000).map(|n| (format!("field:{n}"), "value")))?;
    /// let before = store.stats().bytes;
    /// store.shrink_to_fit();
    /// assert!(store.stats().bytes < before);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Locking
    /// Holds each shard's write lock while it works on all of the shard's keys and hashes.
    pub fn shrink_to_fit(&self) {
        let call = self.call();
        for shard in &self.shards {
            resize(&mut shard.write(), &call, |shard| shard.shrink_to_fit(&self.rules));
            call.pass_lock();
        }
    }

    /// Looks at one shard after the other, each under its read lock.
    pub(super) fn each_shard<'a, R>(&'a self, look: impl Fn(&Shard) -> R + 'a) -> impl Iterator<Item = R> + 'a {
        let now = self.now();
        self.shards.iter().map(move |shard| look(&self.lock_purged(shard, RwLock::read, &now)))
    }
}

/// Changes what a shard has allocated, and accounts for it.
fn resize(shard: &mut Shard, call: &Call<'_>, resize: impl FnOnce(&mut Shard)) {
    let before = shard.heap_bytes();
    resize(shard);
    call.settle(before, shard.heap_bytes());
}
