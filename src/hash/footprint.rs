//! What a record takes of its store's room, as far as it can be told before it is written (see `room.rs`).

use crate::call::Context;
use crate::error::Result;
use crate::hash::{Pair, Record, entry};

/// What a field takes beside its entry: a tag and an end where it is packed, a slot in a table.
const FIELD_BYTES: usize = 4;
/// What a key takes beside its bytes: the head of its record, and the slot that points at it.
const KEY_BYTES: usize = 24;

impl Record {
    fn footprint(&self) -> usize {
        if self.len() == 0 { 0 } else { self.heap_bytes() + KEY_BYTES }
    }

    /// Claims what these pairs will take beyond what they replace, if the store has a limit. A call that must fail
    /// because of the number of fields fails before.
    #[inline]
    pub(super) fn claim_pairs(&self, pairs: &[Pair<'_>], cx: Context<'_>) -> Result<()> {
        if cx.claim().is_some() { self.claim_growth(pairs, cx) } else { Ok(()) }
    }

    #[cold]
    fn claim_growth(&self, pairs: &[Pair<'_>], cx: Context<'_>) -> Result<()> {
        let (mut before, mut after, mut new) = (0, 0, 0);
        for (field, value) in last_of_each(pairs) {
            after += FIELD_BYTES + entry::len(field, value);
            match self.get(field, cx) {
                Some(old) => before += FIELD_BYTES + entry::len(field, old),
                None => new += 1,
            }
        }
        if new > 0 {
            cx.rules.check_fields(self.len() + new)?;
        }
        if self.len() == 0 && new > 0 {
            after += KEY_BYTES + self.key().len();
        }
        cx.exchange(before, after)
    }

    /// Claims what this record will take in the place of another. Of a renamed one the old key's place is free then.
    pub(crate) fn claim_place(&self, replaced: &Self, new_key: &[u8], keeps_old: bool, cx: Context<'_>) -> Result<()> {
        let before = replaced.footprint() + if keeps_old { 0 } else { self.footprint() };
        cx.exchange(before, self.footprint() - self.key().len() + new_key.len())
    }

    /// Runs what makes the record smaller, and gives back the room that it leaves.
    #[inline]
    pub(super) fn shrink<R>(&mut self, cx: Context<'_>, shrink: impl FnOnce(&mut Self) -> R) -> R {
        let Some(claim) = cx.claim() else { return shrink(self) };
        let before = self.footprint();
        let result = shrink(self);
        claim.give_back(before.saturating_sub(self.footprint()));
        result
    }
}

/// The pairs that count: of a repeated field the last one.
pub(super) fn last_of_each<'a>(pairs: &[Pair<'a>]) -> Vec<Pair<'a>> {
    let mut last: Vec<Pair<'a>> = pairs.iter().rev().copied().collect();
    last.sort_by_key(|pair| pair.0);
    last.dedup_by_key(|pair| pair.0);
    last
}
