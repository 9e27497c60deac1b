//! The purging of what has expired.

use std::ops::Deref;

use crate::hash::Context;
use crate::hash::Scope;
use crate::shard::Shard;
use crate::store::Store;
use crate::sync::{CachePadded, RwLock, RwLockReadGuard, RwLockWriteGuard, hand_over};
use crate::time::Now;

/// What [`Store::purge_expired`] has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Purged {
    /// Keys.
    pub keys: usize,
    /// Fields, those of the removed keys included.
    pub fields: usize,
    /// Whether nothing is left that had expired when the call began.
    pub is_complete: bool,
}

impl Store {
    /// Removes what has expired, of about so many fields at most, and returns how much that was. O(what is removed), and
    /// a walk through each segment of up to about 900 keys in which something has expired.
    ///
    /// Nobody ever sees what has expired, whether it is removed or not; this gives its memory back, but for what a packed
    /// hash keeps free. What nobody touches stays in memory until this is called, or a [`Janitor`](crate::Janitor) calls it.
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
    /// Holds one shard's write lock at a time, for about a thousand fields, and lets others work in between.
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

    /// Locks a shard in which nothing has expired.
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

    /// Purges a shard slice by slice, and lets others work in between, until nothing is overdue or somebody has enough,
    /// who is told the keys and fields of each slice.
    #[cold]
    fn purge_shard(&self, shard: &RwLock<Shard>, now: &Now<'_>, wants_more: impl FnMut(usize, usize) -> bool) {
        self.purge_shard_by(|| Some(shard.write()), now, wants_more);
    }

    /// Removes what has expired from the shards whose locks nobody holds, and says whether that were all.
    #[cold]
    pub(super) fn purge_without_waiting(&self, now: &Now<'_>) -> bool {
        let purge = |shard: &CachePadded<RwLock<Shard>>| match shard.try_read().map(|shard| shard.is_overdue(now)) {
            Some(true) => self.purge_shard_by(|| shard.try_write(), now, |_, _| true),
            Some(false) => true,
            None => false,
        };
        self.shards.iter().filter(|shard| !purge(shard)).count() == 0
    }

    /// [`purge_shard`](Self::purge_shard) with a lock that may not be had. Says whether it always was.
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

    /// Sees to it that nothing of the part of a hash that a call concerns has expired, under this read lock or another.
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

    /// Sees to it that a call on a whole hash need not purge much of it under one lock.
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

    /// Purges what has expired of the part of a hash that a call concerns, or a slice of it.
    #[cold]
    pub(super) fn purge_key(&self, hash: u64, key: &[u8], scope: Scope<'_>, now: &Now<'_>) {
        let scope = if let Scope::Hash = scope { Scope::Slice } else { scope };
        let call = self.call_at(now.clone());
        let link = call.link();
        let mut shard = self.shard_of(hash).write();
        drop(shard.visit(hash, key, scope, call.context(&self.rules, &link)));
        hand_over(shard);
    }

    /// Removes all that has expired.
    #[cold]
    pub(crate) fn purge_all(&self) {
        self.purge_expired(usize::MAX);
    }
}
