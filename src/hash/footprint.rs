//! The bytes that a record takes of its store's room (see `store/room.rs`): estimated before a write, measured after
//! it.

use crate::error::Result;
use crate::hash::Context;
use crate::hash::table::INLINE_MAX;
use crate::hash::{Pair, Port, Record, entry};
use crate::options::Thresholds;
use crate::time::Deadline;

/// The bytes that a field takes beside its entry in a packed hash: a tag and an end.
const PACKED_FIELD_BYTES: usize = 4;
/// The bytes that a field with a short value takes beside its entry in a table: a slot, its share of free slots, the
/// entry's length, and unused room of the arena.
const TABLE_FIELD_BYTES: usize = 12;
/// The bytes that a long entry of a table takes besides, because it has a box. They are more than for an entry that is
/// just short enough for the arena, so that a longer value never needs less room.
const BOX_BYTES: usize = INLINE_MAX / 10 + 1;
/// The bytes that a key takes beside its own: the head of its record, and the slot that points at the record.
const KEY_BYTES: usize = 24;
/// The bytes that a table takes beside its fields.
const TABLE_BYTES: usize = 320;

impl Record {
    /// Bytes that the record takes of the room.
    pub(super) fn footprint(&self) -> usize {
        if self.len() == 0 { 0 } else { self.heap_bytes() + KEY_BYTES }
    }

    /// Runs one command on the record, and counts what it took or freed against the store's limit. Everybody who
    /// changes a record of a store does it in a command, so no command has to count for itself.
    #[inline]
    pub(crate) fn command<R>(&mut self, cx: Context<'_>, command: impl FnOnce(&mut Self) -> R) -> R {
        match cx.room() {
            Some(room) => self.counted_command(room, command),
            None => command(self),
        }
    }

    #[cold]
    #[inline(never)]
    fn counted_command<R>(&mut self, room: &dyn Port, command: impl FnOnce(&mut Self) -> R) -> R {
        room.begin(self.footprint());
        let result = command(self);
        room.measure(self.footprint());
        result
    }

    /// Begins the command of a call that runs only one. Settling the record then counts what the command took.
    #[inline]
    pub(crate) fn begin_command(&self, cx: Context<'_>) {
        if let Some(room) = cx.room() {
            room.begin(self.footprint());
        }
    }

    /// Reserves about this many bytes, beyond what the record takes now, before the command changes anything.
    ///
    /// # Errors
    /// `Full` if there is no room for them, and `TooManyKeys` if there is none for the key.
    #[inline]
    pub(super) fn reserve(&self, growth: impl FnOnce(&Self) -> usize, cx: Context<'_>) -> Result<()> {
        match cx.room() {
            Some(room) => self.reserve_in(room, growth(self)),
            None => Ok(()),
        }
    }

    #[cold]
    #[inline(never)]
    fn reserve_in(&self, room: &dyn Port, bytes: usize) -> Result<()> {
        room.measure(self.footprint()); // the command may have purged the record
        if self.len() == 0 && bytes > 0 {
            room.reserve_key()?;
        }
        room.reserve(bytes)
    }

    /// The bytes that these pairs and deadlines of this many bytes take, beyond those of what they replace.
    #[cold]
    pub(super) fn growth_by(&self, pairs: &[Pair<'_>], deadline_bytes: usize, cx: Context<'_>) -> usize {
        match pairs {
            [pair] => self.growth_by_distinct(std::iter::once(*pair), deadline_bytes, cx),
            _ => self.growth_by_distinct(last_of_each(pairs).into_iter(), deadline_bytes, cx),
        }
    }

    fn growth_by_distinct<'a>(
        &self,
        pairs: impl Iterator<Item = Pair<'a>>,
        deadline_bytes: usize,
        cx: Context<'_>,
    ) -> usize {
        let Thresholds { max_fields, max_packed_bytes, .. } = cx.rules.thresholds;
        // Bytes and numbers of entries.
        let (mut before, mut after, mut replaced, mut written) = (0, 0, 0, 0);
        // Bytes beside the entries in a table.
        let (mut beside_before, mut beside_after) = (0, 0);
        let mut is_oversized = false;
        let mut new_field = None;
        for (field, value) in pairs {
            let len = entry::len(field, value);
            after += len;
            beside_after += beside_in_table(len);
            written += 1;
            is_oversized |= cx.rules.is_oversized(field.len()) || cx.rules.is_oversized(value.len());
            if let Some(old) = self.get(field, cx.rules) {
                let len = entry::len(field, old);
                before += len;
                beside_before += beside_in_table(len);
                replaced += 1;
            } else {
                new_field = Some(field);
            }
        }
        let fields = self.len() + written - replaced;
        let key = if self.len() == 0 && written > 0 { KEY_BYTES + self.key().len() } else { 0 };
        let with = |beside| after + beside + key + deadline_bytes;
        match self {
            Self::Table(_) => with(beside_after).saturating_sub(before + beside_before),
            Self::Packed(packed) => {
                // In a closure the hash may have passed the thresholds already.
                let becomes_table = |passes: bool| passes && packed.is_within(max_fields, max_packed_bytes, cx.rules);
                let entry_bytes = packed.size(cx.rules).1 + after - before;
                if is_oversized || becomes_table(fields > max_fields || entry_bytes > max_packed_bytes) {
                    let names = packed.saved_bytes(cx.rules).unwrap_or(0); // a table has its names itself
                    let converted = TABLE_BYTES + names + self.len() * (TABLE_FIELD_BYTES - PACKED_FIELD_BYTES);
                    (with(beside_after) + converted).saturating_sub(before + beside_before)
                } else {
                    // A hash that loses its shape takes its names back.
                    let new = written - replaced;
                    let loses_shape =
                        new > 1 || new_field.is_some_and(|field| packed.loses_shape_with(field, cx.rules));
                    let names = packed.saved_bytes(cx.rules).filter(|_| loses_shape).unwrap_or(0);
                    let free = packed.free_bytes();
                    let beside_before = replaced * PACKED_FIELD_BYTES;
                    (with(written * PACKED_FIELD_BYTES) + names).saturating_sub(before + beside_before + free)
                }
            }
        }
    }

    /// The bytes that a deadline of the key takes, 0 if the key has one already. A table always has a place for it.
    pub(super) fn key_deadline_bytes(&self) -> usize {
        let has_place = self.deadline() != Deadline::NEVER || matches!(self, Self::Table(_));
        if has_place { 0 } else { Deadline::BYTES }
    }

    /// The bytes that deadlines of this many more fields take, with the bitmap that says which fields have one.
    pub(super) fn field_deadline_bytes(&self, fields: usize) -> usize {
        let has_bits = matches!(self, Self::Table(_)) || self.has_field_deadlines() || fields == 0;
        fields * Deadline::BYTES + if has_bits { 0 } else { (self.len() + fields).div_ceil(8) }
    }

    /// The number of these fields that have no deadline, or are missing.
    pub(super) fn count_untimed<'a>(&self, fields: impl Iterator<Item = &'a [u8]>, cx: Context<'_>) -> usize {
        let untimed =
            |field: &&[u8]| self.field_deadline(field, cx.rules).is_none_or(|deadline| deadline == Deadline::NEVER);
        let mut fields: Vec<&[u8]> = fields.filter(untimed).collect();
        fields.sort_unstable();
        fields.dedup();
        fields.len()
    }
}

/// The bytes that a table takes beside an entry of this length, at most.
fn beside_in_table(entry_len: usize) -> usize {
    let more = if entry_len > INLINE_MAX {
        BOX_BYTES
    } else {
        // The longer the entries of a chunk are, the fewer share its head and the bytes that are free at its end, and the
        // more likely their places take four bytes.
        entry_len / 10
    };
    TABLE_FIELD_BYTES + more
}

/// The pairs without those whose field occurs again later.
pub(super) fn last_of_each<'a>(pairs: &[Pair<'a>]) -> Vec<Pair<'a>> {
    let mut last: Vec<Pair<'a>> = pairs.iter().rev().copied().collect();
    last.sort_by_key(|pair| pair.0);
    last.dedup_by_key(|pair| pair.0);
    last
}
