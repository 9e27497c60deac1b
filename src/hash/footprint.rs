//! What a record takes of its store's room (see `room.rs`): guessed before a write, measured after it.

use crate::call::Context;
use crate::error::Result;
use crate::hash::{Pair, Record, entry};

/// What a field takes beside its entry: a tag and an end where it is packed, ...
const PACKED_FIELD_BYTES: usize = 4;
/// ... and in a table a slot with its share of free ones, and room in the arena.
const TABLE_FIELD_BYTES: usize = 12;
/// What a key takes beside its bytes: the head of its record, and the slot that points at it.
const KEY_BYTES: usize = 24;

impl Record {
    fn footprint(&self) -> usize {
        if self.len() == 0 { 0 } else { self.heap_bytes() + KEY_BYTES }
    }

    /// Does a work that takes about so many bytes more, unless the store has a limit and no room for them, and makes known
    /// what it really took.
    #[inline]
    pub(crate) fn grow<R>(
        &mut self,
        growth: impl FnOnce(&Self) -> usize,
        cx: Context<'_>,
        work: impl FnOnce(&mut Self) -> R,
    ) -> Result<R> {
        let claimed = match cx.claim() {
            Some(claim) => {
                let begun = claim.begin();
                claim.take(growth(self))?;
                Some((claim, begun, self.footprint()))
            }
            None => None,
        };
        let result = work(self);
        if let Some((claim, begun, before)) = claimed {
            claim.correct(begun, before, self.footprint());
        }
        Ok(result)
    }

    /// Does a work that is never refused, and makes known what it took or left.
    #[inline]
    pub(crate) fn measured<R>(&mut self, cx: Context<'_>, work: impl FnOnce(&mut Self) -> R) -> R {
        let claimed = cx.claim().map(|claim| (claim, claim.begin(), self.footprint()));
        let result = work(self);
        if let Some((claim, begun, before)) = claimed {
            claim.correct(begun, before, self.footprint());
        }
        result
    }

    /// What setting these pairs takes beyond what they replace.
    #[cold]
    pub(super) fn growth_by(&self, pairs: &[Pair<'_>], cx: Context<'_>) -> usize {
        match pairs {
            [pair] => self.growth_by_distinct(std::iter::once(*pair), cx),
            _ => self.growth_by_distinct(last_of_each(pairs).into_iter(), cx),
        }
    }

    fn growth_by_distinct<'a>(&self, pairs: impl ExactSizeIterator<Item = Pair<'a>>, cx: Context<'_>) -> usize {
        let stays_packed = self.len() + pairs.len() <= cx.rules.thresholds.max_fields;
        let field_bytes = if stays_packed { PACKED_FIELD_BYTES } else { TABLE_FIELD_BYTES };
        let (mut before, mut after) = (0, 0);
        for (field, value) in pairs {
            after += field_bytes + entry::len(field, value);
            before += self.get(field, cx).map_or(0, |old| field_bytes + entry::len(field, old));
        }
        if self.len() == 0 && after > 0 {
            after += KEY_BYTES + self.key().len();
        }
        after.saturating_sub(before + if stays_packed { self.free_bytes() } else { 0 })
    }

    /// What a packed hash has room for without asking the allocator.
    fn free_bytes(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.free_bytes(),
            Self::Table(_) => 0,
        }
    }

    /// What another key for this record takes beyond what the record in its place does.
    pub(crate) fn growth_in_place_of(&self, replaced: &Self, new_key: &[u8], keeps_old: bool) -> usize {
        let before = replaced.footprint() + if keeps_old { 0 } else { self.footprint() };
        let copy = (self.footprint() + new_key.len()).saturating_sub(self.key().len() + self.free_bytes());
        copy.saturating_sub(before)
    }
}

/// The pairs that count: of a repeated field the last one.
pub(super) fn last_of_each<'a>(pairs: &[Pair<'a>]) -> Vec<Pair<'a>> {
    let mut last: Vec<Pair<'a>> = pairs.iter().rev().copied().collect();
    last.sort_by_key(|pair| pair.0);
    last.dedup_by_key(|pair| pair.0);
    last
}
