//! Effects that are done again on a store: those that a recorder has kept, and those in the entries of a journal.
//!
//! Nothing expires meanwhile, whatever the clock says, because the removal of what had expired is an effect of its own.
//! Otherwise a field that was set after its key had expired could get lost with it.

use std::cell::OnceCell;
#[cfg(feature = "journal")]
use std::hint::black_box;

use crate::error::Result;
use crate::hash::{Context, Record, Scope, Source};
use crate::shard::{Attempted, Fixed};
use crate::store::Store;
use crate::store::locks::Visits;
use crate::time::{Deadline, Now};

impl Store {
    /// Visits a record at an instant at which nothing has expired yet.
    pub(crate) fn visit_unexpired<R>(&self, key: &[u8], visit: impl FnOnce(&mut Record, Context<'_>) -> R) -> R {
        let call = self.call_at(Now::frozen_at(Deadline::FIRST));
        let hash = self.rules.hash(key);
        let mut shard = self.shard_of(hash).write();
        let terms = call.terms();
        let cx = Context::new(&self.rules, &terms);
        shard.visit_or_new(hash, key, Scope::Hash, cx).run(visit)
    }

    /// Visits two records at such an instant.
    pub(super) fn visit_two_unexpired<R>(
        &self,
        keys: [&[u8]; 2],
        visit: impl FnOnce([&mut Record; 2], Context<'_>) -> R,
    ) -> R {
        let call = self.call_at(Now::frozen_at(Deadline::FIRST));
        let terms = OnceCell::new();
        let mut visits = Visits::<Fixed<2>>::new(self, &keys, &call, &terms);
        let cx = visits.context();
        visit(visits.records(), cx)
    }

    /// Looks at the records of these keys, so that the processor waits for memory once, not once for each record.
    #[cfg(feature = "journal")]
    pub(crate) fn look_ahead<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) {
        let hashes: Vec<u64> = keys.map(|key| self.rules.hash(key)).collect();
        let mut each = |look: fn(&Record) -> usize| {
            for &hash in &hashes {
                let index = self.shard_index(hash);
                black_box(self.shards[index].0.get_mut().candidate(hash).map(look));
            }
        };
        each(Record::heap_bytes); // where it lies
        each(Record::len); // what lies there
    }

    /// Fails if a key is too long for this store.
    #[cfg(feature = "journal")]
    pub(crate) fn check_logged_key(&self, key: &[u8]) -> Result<()> {
        self.rules.check_key(key)
    }

    /// Removes all keys. The listener is not told of those that have expired meanwhile.
    #[cfg(feature = "journal")]
    pub(crate) fn redo_clear_all(&self) {
        self.clear_each_shard(&self.call_at(Now::frozen_at(Deadline::FIRST)));
    }

    /// Gives a hash, or a copy of it, to another key, as [`rename`](Self::rename) and [`copy`](Self::copy) do.
    pub(crate) fn redo_transfer(&self, key: &[u8], new: &[u8], source: Source) -> Result<()> {
        self.rules.check_key(new)?;
        if key == new {
            return Ok(()); // nothing that was noted
        }
        self.visit_two_unexpired([key, new], |[from, to], cx| from.transfer(to, new, source, cx))
    }
}
