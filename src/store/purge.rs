//! Purging: the removal of expired keys and fields.

use std::ops::Deref;

use crate::hash::Context;
use crate::hash::Scope;
use crate::shard::Shard;
use crate::store::Store;
use crate::sync::{CachePadded, RwLock, RwLockReadGuard, RwLockWriteGuard, hand_over};
use crate::time::Now;

/// The result of [`Store::purge_expired`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// The number of removed keys.
    pub keys: usize,
    /// The number of removed fields, including those of the removed keys.
    pub fields: usize,
    /// Whether everything that had expired when the call began is removed.
    pub is_complete: bool,
}

impl Store {
    /// Removes expired keys and fields, and returns how many. It stops after about `budget` fields. O(what is removed),
    /// and a walk through each segment of up to about 900 keys in which something has expired.
    ///
    /// No call ever sees an expired key or field, whether it is removed or not. This call gives its memory back, except
    /// for the bytes that a packed hash keeps free. Expired data that no call touches stays in memory until this is
    /// called, or until a [`Janitor`](crate::Janitor) calls it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use hashlet::{ManualClock, Store};
    ///
    /// let clock = ManualClock::new();
    /// let store = Store::builder().clock(&clock).build();
    /// store.set("session:9", "user", "ada")?;
    /// store.expire("session:9", Duration::from_secs(60));
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(store.purge_expired(1_000).keys, 1);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Locking
    /// Holds one shard's write lock at a time, for about a thousand fields, and lets other calls run in between.
    pub fn purge_expired(&self, budget: usize) -> Purged {
        let now = self.now();
        let mut purged = Purged::default();
        for shard in &self.shards {
            if purged.fields < budget && shard.read().is_overdue(&now) {
                self.purge_shard(shard, &now, |keys, fields| {
                    purged.keys += keys;
                    purged.fields += fields;
                    purged.fields < budget
                });
            }
        }
        purged.is_complete = !self.shards.iter().any(|shard| shard.read().has_overdue_segment(&now));
        purged
    }

    /// Locks a shard, after removing everything that has expired in it.
    pub(super) fn lock_purged<'a, L: Deref<Target = Shard>>(
        &self,
        shard: &'a RwLock<Shard>,
        lock: impl Fn(&'a RwLock<Shard>) -> L,
        now: &Now<'_>,
    ) -> L {
        loop {
            let locked = lock(shard);
            if !locked.is_overdue(now) {
                return locked;
            }
            drop(locked);
            self.purge_shard(shard, now, |_, _| true);
        }
    }

    /// Purges a shard slice by slice, and lets other calls run in between. After each slice it passes the numbers of
    /// removed keys and fields to `wants_more`. It ends when nothing is overdue, or when `wants_more` returns `false`.
    #[cold]
    fn purge_shard(&self, shard: &RwLock<Shard>, now: &Now<'_>, wants_more: impl FnMut(usize, usize) -> bool) {
        self.purge_shard_by(|| Some(shard.write()), now, wants_more);
    }

    /// Purges the shards whose locks are free, and returns whether the locks of all shards were free.
    #[cold]
    pub(super) fn purge_without_waiting(&self, now: &Now<'_>) -> bool {
        let purge = |shard: &CachePadded<RwLock<Shard>>| match shard.try_read().map(|shard| shard.is_overdue(now)) {
            Some(true) => self.purge_shard_by(|| shard.try_write(), now, |_, _| true),
            Some(false) => true,
            None => false,
        };
        self.shards.iter().filter(|shard| !purge(shard)).count() == 0
    }

    /// [`purge_shard`](Self::purge_shard) with a lock that may be refused. Returns `false` if the lock was refused
    /// once.
    fn purge_shard_by<'a>(
        &self,
        lock: impl Fn() -> Option<RwLockWriteGuard<'a, Shard>>,
        now: &Now<'_>,
        mut wants_more: impl FnMut(usize, usize) -> bool,
    ) -> bool {
        let mut last = None;
        loop {
            let call = self.call_at(now.clone());
            let link = call.link();
            let Some(mut shard) = lock() else { return false };
            let (keys, fields) = (shard.len(), shard.sums().fields);
            last = shard.purge_slice(last, call.context(&self.rules, &link));
            let removed = (keys - shard.len(), fields - shard.sums().fields);
            hand_over(shard);
            if last.is_none() || !wants_more(removed.0, removed.1) {
                return true;
            }
        }
    }

    /// Purges the part of a hash that a call concerns, before the call reads it. Returns a read lock under which
    /// nothing in that part has expired: the given one, or a new one.
    #[cold]
    #[inline(never)]
    pub(super) fn purge_before_look<'a>(
        &'a self,
        mut shard: RwLockReadGuard<'a, Shard>,
        hash: u64,
        key: &[u8],
        scope: Scope<'_>,
        now: &Now<'_>,
    ) -> RwLockReadGuard<'a, Shard> {
        let cx = Context::of_look(&self.rules, now);
        while shard.find(hash, key).is_some_and(|record| record.is_overdue(scope, cx)) {
            drop(shard);
            self.purge_key(hash, key, scope, now);
            shard = self.shard_of(hash).read();
        }
        shard
    }

    /// Purges a large hash slice by slice before a call changes it, so that the call does not purge much under one
    /// lock.
    #[cold]
    #[inline(never)]
    pub(super) fn purge_before_change<'a>(
        &'a self,
        mut shard: RwLockWriteGuard<'a, Shard>,
        hash: u64,
        key: &[u8],
        scope: Scope<'_>,
        now: &Now<'_>,
    ) -> RwLockWriteGuard<'a, Shard> {
        let cx = Context::of_look(&self.rules, now);
        while matches!(scope, Scope::Hash) && shard.find(hash, key).is_some_and(|record| record.needs_slices(cx)) {
            drop(shard);
            self.purge_key(hash, key, Scope::Slice, now);
            shard = self.shard_of(hash).write();
        }
        shard
    }

    /// Purges the part of a hash that a call concerns. If that is the whole hash, purges one slice of it.
    #[cold]
    pub(super) fn purge_key(&self, hash: u64, key: &[u8], scope: Scope<'_>, now: &Now<'_>) {
        let scope = if let Scope::Hash = scope { Scope::Slice } else { scope };
        let call = self.call_at(now.clone());
        let link = call.link();
        let mut shard = self.shard_of(hash).write();
        drop(shard.visit(hash, key, scope, call.context(&self.rules, &link)));
        hand_over(shard);
    }

    /// Removes everything that has expired.
    #[cold]
    pub(crate) fn purge_all(&self) {
        self.purge_expired(usize::MAX);
    }
}
