//! The locks of several keys at once.

use std::cell::OnceCell;

use crate::error::{Error, Result};
use crate::hash::{Context, Record, Scope, Terms};
use crate::shard::{Attempted, Shard, Taken};
use crate::store::Store;
use crate::store::call::Call;
use crate::sync::{RwLock, RwLockWriteGuard, assert_outside_closures};

impl Store {
    /// Changes the records of several keys under the write locks of their shards.
    #[track_caller]
    pub(in crate::store) fn change_many<const N: usize, R>(
        &self,
        keys: [&[u8]; N],
        change: impl FnOnce([&mut Record; N], Context<'_>) -> R,
    ) -> Result<R> {
        self.visit_many(keys, |visits| {
            let cx = visits.cx;
            change(visits.records(), cx)
        })
    }

    /// Runs a closure on the visits of several keys.
    ///
    /// # Errors
    /// `RepeatedKey` if a key is given twice, `JournalFailed` if the journal has failed. The closure is not called then.
    /// `Unlogged` if the journal fails meanwhile.
    #[track_caller]
    pub(in crate::store) fn visit_many<const N: usize, R>(
        &self,
        keys: [&[u8]; N],
        visit: impl FnOnce(&mut Visits<'_, N>) -> R,
    ) -> Result<R> {
        assert_outside_closures();
        let is_repeated = |(index, key): (usize, &&[u8])| keys[..index].contains(key);
        if keys.iter().enumerate().any(is_repeated) {
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
        let (mut locks, mut lock_of) = (Vec::new(), vec![0; hashes.len()]);
        for keys in order.chunk_by(|left, right| left.0 == right.0) {
            for (_, at) in keys {
                lock_of[*at] = locks.len();
            }
            locks.push(lock(&self.shards[keys[0].0]));
        }
        (locks, lock_of)
    }
}

/// The records of several keys while one call works on them. They are settled when this is dropped, as a single visit
/// is.
pub(in crate::store) struct Visits<'a, const N: usize> {
    shards: Vec<RwLockWriteGuard<'a, Shard>>,
    keys: [&'a [u8]; N],
    /// For each key, the index of its shard's lock, and the record.
    taken: [(usize, Taken); N],
    cx: Context<'a>,
    call: &'a Call<'a>,
}

impl<'a, const N: usize> Visits<'a, N> {
    /// Locks the shards, and then puts the call's terms here.
    pub(in crate::store) fn new(
        store: &'a Store,
        keys: [&'a [u8]; N],
        call: &'a Call<'a>,
        terms: &'a OnceCell<Terms<'a>>,
    ) -> Self {
        let hashes = keys.map(|key| store.rules.hash(key));
        let look = Terms::of_look(call.now());
        let (mut shards, lock_of) = loop {
            let (shards, lock_of) = store.lock_in_order(&hashes, RwLock::write);
            let cx = Context::new(&store.rules, &look);
            let needs_slices = |at: &usize| {
                let shard = &shards[lock_of[*at]];
                shard.has_deadlines() && shard.find(hashes[*at], keys[*at]).is_some_and(|it| it.needs_slices(cx))
            };
            let Some(at) = (0..N).find(needs_slices) else { break (shards, lock_of) };
            drop(shards);
            store.purge_key(hashes[at], keys[at], Scope::Slice, cx.now());
        };
        let cx = Context::new(&store.rules, terms.get_or_init(|| call.bare_terms()));
        let located: [_; N] = std::array::from_fn(|at| shards[lock_of[at]].locate(hashes[at], keys[at]));
        let mut at = 0;
        let taken = located.map(|located| {
            at += 1;
            (lock_of[at - 1], shards[lock_of[at - 1]].take(located, keys[at - 1], cx))
        });
        Self { shards, keys, taken, cx, call }
    }
}

impl<'a, const N: usize> Attempted<'a, N> for Visits<'a, N> {
    fn context(&self) -> Context<'a> {
        self.cx
    }

    fn records(&mut self) -> [&mut Record; N] {
        self.taken.each_mut().map(|(_, taken)| &mut taken.record)
    }

    fn uncount(&mut self) {
        for (shard, _) in &self.taken {
            self.shards[*shard].uncount_visit();
        }
    }
}

impl<const N: usize> Drop for Visits<'_, N> {
    fn drop(&mut self) {
        for (shard, taken) in &mut self.taken {
            self.shards[*shard].put_back(taken);
        }
        for ((shard, taken), key) in self.taken.iter_mut().zip(self.keys) {
            self.shards[*shard].settle(taken, key, self.cx);
        }
        self.call.append();
    }
}
