//! Calls on whole keys.

use crate::hash::{Context, Port, Record, Scope, Terms};
use crate::shard::Shard;
use crate::store::Store;
use crate::store::call::Call;
use crate::sync::{InClosure, RwLock};
use crate::value::HashRef;

/// # Whole keys, and all keys
/// Calls on all keys are not one instant, and some of them take long for many keys.
/// See the guide: [`guide::async_code`](crate::guide::async_code) lists for how long each call blocks.
impl Store {
    /// Returns whether the key exists. O(1).
    #[doc(alias = "EXISTS")]
    #[track_caller]
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> bool {
        self.look(key.as_ref(), Scope::Hash, |record, _| record.is_some())
    }

    /// Removes a key with its hash, and returns whether it existed. O(1) under the lock. The memory is given back after
    /// the lock is released, which is O(n) for a table.
    #[doc(alias = "DEL")]
    #[doc(alias = "UNLINK")]
    #[track_caller]
    pub fn clear(&self, key: impl AsRef<[u8]>) -> bool {
        self.change(key.as_ref(), Scope::Hash, |record, cx| record.clear(cx)).is_some()
    }

    /// Removes all keys. O(shards) under locks. The memory is given back after the locks are released.
    ///
    /// The shards are cleared one after the other, not at one instant, so writes of other threads meanwhile may
    /// survive. On a store with a journal or a [watcher](crate::StoreBuilder::watch) it is one atomic step.
    #[doc(alias = "FLUSHDB")]
    #[track_caller]
    pub fn clear_all(&self) {
        if self.audience.is_some() {
            self.purge_expired(usize::MAX); // tells what has expired apart from what is cleared
        }
        if self.clears_at_once() {
            return self.clear_all_at_once();
        }
        self.clear_each_shard(&self.call());
    }

    pub(super) fn clear_each_shard(&self, call: &Call<'_>) {
        for shard in &self.shards {
            let mut shard = shard.write();
            let terms = call.terms();
            let cx = Context::new(&self.rules, &terms);
            #[cfg(feature = "recorder")]
            shard.records().for_each(|record| record.note_clear(cx));
            clear_shard(&mut shard, call, cx);
            terms.end();
            drop(shard);
            call.pass_lock();
        }
    }

    /// Whether somebody is told that all keys are removed in one step.
    fn clears_at_once(&self) -> bool {
        #[cfg(feature = "journal")]
        if self.journal.is_some() {
            return true;
        }
        self.feed().is_some()
    }

    /// [`clear_all`](Self::clear_all) under the locks of all shards, so that it is one entry of the journal and one change
    /// for the watcher.
    #[track_caller]
    fn clear_all_at_once(&self) {
        let call = self.call();
        self.wait_for_journal();
        let mut shards: Vec<_> = self.shards.iter().map(|shard| shard.write()).collect();
        let terms = call.terms();
        call.note_clear_all();
        let cx = Context::new(&self.rules, &terms);
        shards.iter_mut().for_each(|shard| clear_shard(shard, &call, cx));
        terms.end();
        drop(shards);
        call.pass_lock();
        call.keep_promise().ignore();
    }

    /// Returns all keys, in no particular order. O(n), one shard at a time under its read lock.
    ///
    /// The result is not of one instant over all shards: a key that is added or removed meanwhile may or may not be in
    /// it.
    #[doc(alias = "KEYS")]
    #[must_use]
    #[track_caller]
    pub fn keys(&self) -> Vec<Vec<u8>> {
        self.each_shard(|shard| shard.records().map(|record| record.key().to_vec()).collect::<Vec<_>>())
            .flatten()
            .collect()
    }

    /// Returns the number of keys. O(shards). The shards are counted one after the other, not at one instant.
    #[doc(alias = "DBSIZE")]
    #[must_use]
    #[track_caller]
    pub fn key_count(&self) -> usize {
        self.each_shard(Shard::len).sum()
    }

    /// Returns whether there are no keys. O(shards). The shards are checked one after the other, not at one instant.
    #[must_use]
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.each_shard(Shard::len).all(|len| len == 0)
    }

    /// Lends each key with its hash to a closure, in no particular order, one shard at a time. O(n), plus the cost of
    /// the closure.
    ///
    /// The walk is not of one instant over all shards. A key that is added or removed meanwhile may be met or not. A
    /// key that is renamed meanwhile may be met twice or not at all.
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
    /// If the closure panics, or calls any store. A second panic while the first one unwinds aborts the process, as in
    /// [`read`](Self::read).
    ///
    /// # Locking
    /// The closure runs under the read lock of each shard in turn. Writers to a shard wait until the closure has seen
    /// all of the shard's keys. Do not wait for other threads in the closure. [`iter_keys`](Self::iter_keys) holds no
    /// lock between keys.
    #[track_caller]
    pub fn for_each(&self, mut look: impl FnMut(&[u8], &HashRef<'_>)) {
        let now = self.now();
        let terms = Terms::of_look(&now);
        let cx = Context::new(&self.rules, &terms);
        for shard in &self.shards {
            let shard = self.lock_purged(shard, RwLock::read, &now);
            let _inside = InClosure::enter();
            shard.records().for_each(|record| look(record.key(), &HashRef::new(record, cx)));
        }
    }

    /// Removes each key for whose hash a closure returns `false`, and returns the number of removed keys. O(n), plus
    /// the cost of the closure, one shard at a time. It copies the keys that it removes from a shard.
    ///
    /// The walk is not of one instant over all shards. A key that is added or removed meanwhile may be judged or not. A
    /// key that is renamed meanwhile may be judged twice or not at all. No other thread can write to a hash between its
    /// judgement and its removal.
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
    /// If the closure panics, or calls any store. The shards before are then done, and the present shard has kept all
    /// its keys.
    ///
    /// # Locking
    /// The closure runs under the write lock of each shard in turn. All other calls on that shard wait until its keys
    /// are judged and removed. Do not wait for other threads in the closure.
    #[track_caller]
    pub fn retain(&self, mut keep: impl FnMut(&[u8], &HashRef<'_>) -> bool) -> usize {
        let call = self.call();
        let mut removed = 0;
        for shard in &self.shards {
            self.wait_for_journal();
            let mut shard = self.lock_purged(shard, RwLock::write, call.now());
            let terms = call.terms();
            let cx = Context::new(&self.rules, &terms);
            // All keys are judged before the first one is removed, because a removal moves other records.
            let inside = InClosure::enter();
            let refused = shard.records().filter(|record| !keep(record.key(), &HashRef::new(record, cx)));
            let refused: Vec<Vec<u8>> = refused.map(|record| record.key().to_vec()).collect();
            drop(inside);
            for key in &refused {
                if let Some(mut visit) = shard.visit(self.rules.hash(key), key, Scope::Slice, cx) {
                    visit.run(Record::clear);
                }
            }
            removed += refused.len();
            terms.end();
            drop(shard);
            call.pass_lock();
        }
        call.keep_promise().ignore();
        removed
    }
}

fn clear_shard(shard: &mut Shard, call: &Call<'_>, cx: Context<'_>) {
    let old = Box::new(shard.take_all(cx));
    call.settle(old.heap_bytes(), 0);
    call.settle_keys(old.len(), 0);
    let is_saved = old.is_saved(cx.mark());
    cx.part_with(old, is_saved);
}
