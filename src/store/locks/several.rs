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
        self.visit_many(&keys, |visits| {
            let cx = visits.cx;
            change(visits.array(), cx)
        })
    }

    /// Runs a closure on the visits of several keys.
    ///
    /// # Errors
    /// `RepeatedKey` if a key is given twice, `JournalFailed` if the journal has failed. The closure is not called then.
    /// `Unlogged` if the journal fails meanwhile.
    #[track_caller]
    pub(in crate::store) fn visit_many<R>(
        &self,
        keys: &[&[u8]],
        visit: impl FnOnce(&mut Visits<'_>) -> R,
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
pub(in crate::store) struct Visits<'a> {
    shards: Vec<RwLockWriteGuard<'a, Shard>>,
    keys: &'a [&'a [u8]],
    /// For each key, the index of its shard's lock, and the record.
    taken: Vec<(usize, Taken)>,
    cx: Context<'a>,
    call: &'a Call<'a>,
}

impl<'a> Visits<'a> {
    /// Locks the shards, and then puts the call's terms here.
    pub(in crate::store) fn new(
        store: &'a Store,
        keys: &'a [&'a [u8]],
        call: &'a Call<'a>,
        terms: &'a OnceCell<Terms<'a>>,
    ) -> Self {
        let hashes: Vec<u64> = keys.iter().map(|key| store.rules.hash(key)).collect();
        let look = Terms::of_look(call.now());
        let (mut shards, lock_of) = loop {
            let (shards, lock_of) = store.lock_in_order(&hashes, RwLock::write);
            let cx = Context::new(&store.rules, &look);
            let needs_slices = |at: &usize| {
                let shard = &shards[lock_of[*at]];
                shard.has_deadlines() && shard.find(hashes[*at], keys[*at]).is_some_and(|it| it.needs_slices(cx))
            };
            let Some(at) = (0..keys.len()).find(needs_slices) else { break (shards, lock_of) };
            drop(shards);
            store.purge_key(hashes[at], keys[at], Scope::Slice, cx.now());
        };
        let cx = Context::new(&store.rules, terms.get_or_init(|| call.bare_terms()));
        let located = (0..keys.len()).map(|at| shards[lock_of[at]].locate(hashes[at], keys[at]));
        let located: Vec<_> = located.collect();
        let shard_and_key = lock_of.into_iter().zip(keys);
        let taken = located.into_iter().zip(shard_and_key);
        let taken = taken.map(|(located, (shard, key))| (shard, shards[shard].take(located, key, cx))).collect();
        Self { shards, keys, taken, cx, call }
    }

    /// The records, of which there are `N`.
    pub(in crate::store) fn array<const N: usize>(&mut self) -> [&mut Record; N] {
        let mut records = self.records();
        std::array::from_fn(|_| records.next().expect("a record for each key"))
    }
}

impl<'a> Attempted<'a> for Visits<'a> {
    fn context(&self) -> Context<'a> {
        self.cx
    }

    fn records(&mut self) -> impl Iterator<Item = &mut Record> {
        self.taken.iter_mut().map(|(_, taken)| &mut taken.record)
    }

    fn uncount(&mut self) {
        for (shard, _) in &self.taken {
            self.shards[*shard].uncount_visit();
        }
    }
}

/// Whether a key is given twice.
fn has_repeated(keys: &[&[u8]]) -> bool {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

impl Drop for Visits<'_> {
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
