//! Several records of a shard while one call works on them. A record that is missing from its slot can neither be found
//! nor moved. So all records are found before the first one is taken out, and all are put back before the first one is
//! settled.

use std::mem::{replace, swap, take};

use crate::hash::{Context, Record, Scope};
use crate::shard::visit::{Held, Visit};
use crate::shard::{Shard, Slot, Sums};

impl Shard {
    pub(crate) fn locate(&self, hash: u64, key: &[u8]) -> Located {
        Located { hash, slot: self.slot(hash, key) }
    }

    /// Takes the record out and purges it, or makes an empty one.
    pub(crate) fn take(&mut self, Located { hash, slot }: Located, key: &[u8], cx: Context<'_>) -> Taken {
        if let Some(slot) = slot
            && cx.rules.tells_keys()
        {
            self.note_use(slot, hash, Scope::Hash, cx);
        }
        let mut record = slot.map_or_else(|| Record::new(cx.mark(), key), |slot| self.take_out(slot, cx));
        let before = if slot.is_some() { Sums::of(&record, cx.rules) } else { Sums::default() };
        record.command(cx, |record| record.purge(Scope::Hash, cx));
        Taken { hash, slot, before, record }
    }

    /// Puts the record back as it is. It must be settled afterwards.
    pub(crate) fn put_back(&mut self, taken: &mut Taken) {
        if let Some(slot) = taken.slot {
            swap(self.record_mut(slot), &mut taken.record);
        }
    }

    /// Settles a record that was put back, as a visit does, or a new record.
    pub(crate) fn settle(&mut self, taken: &mut Taken, key: &[u8], cx: Context<'_>) {
        // A census changes other records, which may have been put back and not settled yet. So none is taken now.
        let until_census = replace(&mut self.until_census, u32::MAX);
        self.settle_one(taken, key, cx);
        let noted = u32::MAX - self.until_census;
        self.until_census = until_census.saturating_sub(noted).max(1);
    }

    fn settle_one(&mut self, taken: &mut Taken, key: &[u8], cx: Context<'_>) {
        let mut visit = match taken.slot {
            // Another one that was settled before may have moved it.
            Some(_) => {
                let slot = self.slot(taken.hash, key).expect("the record was put back");
                self.visit_slot(slot, taken.hash, Scope::Hash, cx)
            }
            None => Visit {
                held: Held::New(take(&mut taken.record)),
                shard: self,
                hash: taken.hash,
                cx,
                before: taken.before,
            },
        };
        visit.before = taken.before;
    }

    /// Takes a record out of its slot, beside others.
    fn take_out(&mut self, slot: Slot, cx: Context<'_>) -> Record {
        let record = self.record_mut(slot);
        record.save_ahead(cx);
        take(record)
    }
}

/// Where the record of a key is, if there is one.
pub(crate) struct Located {
    hash: u64,
    slot: Option<Slot>,
}

/// A record outside its slot.
pub(crate) struct Taken {
    hash: u64,
    slot: Option<Slot>,
    before: Sums,
    pub(crate) record: Record,
}
