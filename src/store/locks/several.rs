//! The locks of several keys at once.

use std::cell::OnceCell;

use crate::error::{Error, Result};
use crate::hash::{Context, Record, Scope, Terms};
use crate::shard::{Attempted, Count, Fixed, Shard, Taken};
use crate::store::Store;
use crate::store::call::Call;
use crate::sync::{RwLock, RwLockWriteGuard, assert_outside_closures};
use crate::time::Now;

/// So many keys are compared with each other sooner than they are sorted.
const FEW_KEYS: usize = 16;

impl Store {
    /// Changes the records of several keys under the write locks of their shards.
    #[track_caller]
    pub(in crate::store) fn change_many<const N: usize, R>(
        &self,
        keys: [&[u8]; N],
        change: impl FnOnce([&mut Record; N], Context<'_>) -> R,
    ) -> Result<R> {
        self.visit_many::<Fixed<N>, _>(&keys, |visits| {
            let cx = visits.cx;
            change(visits.records(), cx)
        })
    }

    /// Runs a closure on the visits of several keys.
    ///
    /// # Errors
    /// `RepeatedKey` if a key is given twice, `JournalFailed` if the journal has failed. The closure is not called then.
    /// `Unlogged` if the journal fails meanwhile.
    #[inline]
    #[track_caller]
    pub(in crate::store) fn visit_many<C: Count, R>(
        &self,
        keys: &[&[u8]],
        visit: impl FnOnce(&mut Visits<'_, C>) -> R,
    ) -> Result<R> {
        assert_outside_closures();
        if has_repeated(keys) {
            return Err(Error::RepeatedKey);
        }
        self.check_journal()?;
        self.wait_for_journal();
        let call = self.call();
        let terms = OnceCell::new();
        let result = visit(&mut Visits::new(self, keys, &call, &terms));
        call.keep_promise().or_unlogged(result)
    }

    /// Locks the shards of these hashes in ascending order, each shard once. Returns the locks, and for each hash the
    /// index of its shard's lock.
    pub(in crate::store) fn lock_in_order<'a, L>(
        &'a self,
        hashes: &[u64],
        lock: impl Fn(&'a RwLock<Shard>) -> L,
    ) -> (Vec<L>, Vec<usize>) {
        let mut order: Vec<(usize, usize)> =
            hashes.iter().enumerate().map(|(at, hash)| (self.shard_index(*hash), at)).collect();
        order.sort_unstable();
        let (mut locks, mut lock_of) = (Vec::with_capacity(hashes.len()), vec![0; hashes.len()]);
        for keys in order.chunk_by(|left, right| left.0 == right.0) {
            for (_, at) in keys {
                lock_of[*at] = locks.len();
            }
            locks.push(lock(&self.shards[keys[0].0]));
        }
        (locks, lock_of)
    }

    /// Purges these hashes slice by slice, one after the other, before a call changes them.
    #[cold]
    #[inline(never)]
    fn purge_each(&self, hashes: &[u64], keys: &[&[u8]], now: &Now<'_>) {
        for (hash, key) in hashes.iter().zip(keys) {
            drop(self.purge_before_change(self.shard_of(*hash).write(), *hash, key, Scope::Hash, now));
        }
    }
}

/// The records of several keys while one call works on them. They are settled when this is dropped, as a single visit
/// is.
pub(in crate::store) struct Visits<'a, C: Count> {
    shards: Vec<RwLockWriteGuard<'a, Shard>>,
    keys: &'a [&'a [u8]],
    /// For each key, the index of its shard's lock, and the record.
    taken: C::List<(usize, Taken)>,
    cx: Context<'a>,
    call: &'a Call<'a>,
}

impl<'a, C: Count> Visits<'a, C> {
    /// Locks the shards, and then puts the call's terms here.
    #[inline]
    pub(in crate::store) fn new(
        store: &'a Store,
        keys: &'a [&'a [u8]],
        call: &'a Call<'a>,
        terms: &'a OnceCell<Terms<'a>>,
    ) -> Self {
        let hashes = C::list(keys.len(), |at| store.rules.hash(keys[at]));
        let hashes = hashes.as_ref();
        let look = Terms::of_look(call.now());
        let (mut shards, lock_of) = loop {
            let (shards, lock_of) = store.lock_in_order(hashes, RwLock::write);
            let cx = Context::new(&store.rules, &look);
            let needs_slices = |at: usize| {
                let shard = &shards[lock_of[at]];
                shard.has_deadlines() && shard.find(hashes[at], keys[at]).is_some_and(|it| it.needs_slices(cx))
            };
            if !(0..keys.len()).any(needs_slices) {
                break (shards, lock_of);
            }
            drop(shards);
            store.purge_each(hashes, keys, call.now());
        };
        let cx = Context::new(&store.rules, terms.get_or_init(|| call.bare_terms()));
        let located = C::list(keys.len(), |at| shards[lock_of[at]].locate(hashes[at], keys[at]));
        let mut at = 0;
        let taken = C::map(located, |located| {
            at += 1;
            (lock_of[at - 1], shards[lock_of[at - 1]].take(located, keys[at - 1], cx))
        });
        Self { shards, keys, taken, cx, call }
    }
}

impl<'a, C: Count> Attempted<'a> for Visits<'a, C> {
    type Count = C;

    fn context(&self) -> Context<'a> {
        self.cx
    }

    fn records(&mut self) -> C::List<&mut Record> {
        C::each_mut(&mut self.taken, |(_, taken)| &mut taken.record)
    }

    fn uncount(&mut self) {
        for (shard, _) in self.taken.as_ref() {
            self.shards[*shard].uncount_visit();
        }
    }
}

/// Whether a key is given twice.
#[inline]
fn has_repeated(keys: &[&[u8]]) -> bool {
    if keys.len() <= FEW_KEYS {
        return keys.iter().enumerate().any(|(index, key)| keys[..index].contains(key));
    }
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

impl<C: Count> Drop for Visits<'_, C> {
    fn drop(&mut self) {
        for (shard, taken) in self.taken.as_mut() {
            self.shards[*shard].put_back(taken);
        }
        let taken = self.taken.as_mut();
        let keys = &self.keys[..taken.len()]; // so that the compiler knows how many there are
        for ((shard, taken), key) in taken.iter_mut().zip(keys) {
            self.shards[*shard].settle(taken, key, self.cx);
        }
        self.call.append();
    }
}
