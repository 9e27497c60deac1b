//! Purging: the removal of expired keys and fields.

use crate::hash::Context;
use crate::shard::Shard;
use crate::store::Store;
use crate::sync::{RwLock, RwLockWriteGuard, hand_over};
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

/// # Removing what has expired
impl Store {
    /// Removes expired keys and fields, and returns how many. It stops after about `budget` fields. O(what is removed),
    /// plus a walk through a segment of up to about 900 keys for every 28 of them that expire one after the other.
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
    #[track_caller]
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

    /// Purges a shard slice by slice, and lets other calls run in between. After each slice it passes the numbers of
    /// removed keys and fields to `wants_more`. It ends when nothing is overdue, or when `wants_more` returns `false`.
    #[cold]
    pub(super) fn purge_shard(
        &self,
        shard: &RwLock<Shard>,
        now: &Now<'_>,
        wants_more: impl FnMut(usize, usize) -> bool,
    ) {
        self.purge_shard_by(|| Some(shard.write()), now, wants_more);
        self.evict_what_is_too_much(); // a purge may collect the next deadlines, which take some bytes
    }

    /// [`purge_shard`](Self::purge_shard) with a lock that may be refused. Returns `false` as soon as the lock is
    /// refused.
    pub(super) fn purge_shard_by<'a>(
        &self,
        lock: impl Fn() -> Option<RwLockWriteGuard<'a, Shard>>,
        now: &Now<'_>,
        mut wants_more: impl FnMut(usize, usize) -> bool,
    ) -> bool {
        let mut last = None;
        loop {
            let call = self.call_at(now.clone());
            let Some(mut shard) = lock() else { return false };
            let (keys, fields) = (shard.len(), shard.sums().fields);
            let terms = call.terms();
            last = shard.purge_slice(last, Context::new(&self.rules, &terms));
            let removed = (keys - shard.len(), fields - shard.sums().fields);
            terms.end();
            hand_over(shard);
            if last.is_none() || !wants_more(removed.0, removed.1) {
                return true;
            }
        }
    }

    /// Removes everything that has expired.
    #[cold]
    #[track_caller]
    pub(crate) fn purge_all(&self) {
        self.purge_expired(usize::MAX);
    }
}
