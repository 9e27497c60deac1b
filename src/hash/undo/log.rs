//! The effects of one call on one table, one behind the other, so that to note one allocates nothing as a rule.
//!
//! They are read from the end, so each has its lengths behind its strings:
//!
//! ```text
//! [field][value][deadline u64][length of the field u32][length of the value u32][kind u8]
//! ```
//! It holds only what it takes to undo an effect: the value and the deadline from before.

use crate::hash::Effect;
use crate::hash::{Context, Record};
use crate::time::Deadline;

const PUT: u8 = 0;
const PUT_NEW: u8 = 1;
const REMOVE: u8 = 2;
const FIELD_DEADLINE: u8 = 3;
const KEY_DEADLINE: u8 = 4;

/// Bytes behind field and value.
const TAIL: usize = Deadline::BYTES + 2 * size_of::<u32>() + 1;

/// Bytes that are kept here before anything is allocated: enough for what most calls do.
const INLINE: usize = 192;

/// The effects on one table, in their order.
pub(super) struct UndoLog {
    inline: [u8; INLINE],
    inline_len: usize,
    /// The effects since the first one that did not fit.
    rest: Vec<u8>,
}

impl Default for UndoLog {
    #[inline]
    fn default() -> Self {
        Self { inline: [0; INLINE], inline_len: 0, rest: Vec::new() }
    }
}

impl UndoLog {
    /// Notes an effect. A table that is removed is kept whole, so nothing is noted of that.
    #[inline(always)]
    pub(super) fn push(&mut self, effect: &Effect<'_>) {
        let (kind, field, value, deadline): (_, &[u8], &[u8], _) = match *effect {
            Effect::Put { field, before: Some(value), .. } => (PUT, field, value, Deadline::NEVER),
            Effect::Put { field, before: None, .. } => (PUT_NEW, field, &[], Deadline::NEVER),
            Effect::Remove { field, value, deadline } => (REMOVE, field, value, deadline),
            Effect::FieldDeadline { field, before, .. } => (FIELD_DEADLINE, field, &[], before),
            Effect::KeyDeadline { before, .. } => (KEY_DEADLINE, &[], &[], before),
            Effect::Clear { .. } | Effect::MoveTo { .. } | Effect::CopyTo { .. } => return,
        };
        let mut tail = [kind; TAIL];
        tail[..8].copy_from_slice(&deadline.to_bytes());
        // No string has 2^32 bytes.
        tail[8..12].copy_from_slice(&(field.len() as u32).to_le_bytes());
        tail[12..16].copy_from_slice(&(value.len() as u32).to_le_bytes());
        let len = field.len() + value.len() + TAIL;
        if let Some(free) = self.inline[self.inline_len..].get_mut(..len)
            && self.rest.is_empty()
        {
            let (for_field, free) = free.split_at_mut(field.len());
            let (for_value, for_tail) = free.split_at_mut(value.len());
            for_field.copy_from_slice(field);
            for_value.copy_from_slice(value);
            for_tail.copy_from_slice(&tail);
            self.inline_len += len;
        } else {
            self.rest.extend([field, value, &tail].into_iter().flatten());
        }
    }

    /// The last effects: those of the rest, or if there is none, those that are inline.
    fn bytes(&self) -> &[u8] {
        if self.rest.is_empty() { &self.inline[..self.inline_len] } else { &self.rest }
    }

    fn truncate(&mut self, len: usize) {
        if self.rest.is_empty() {
            self.inline_len = len;
        } else {
            self.rest.truncate(len);
        }
    }

    /// The last effect, and the number of bytes before it. It can be undone, but not done again.
    fn last(&self) -> Option<(Effect<'_>, usize)> {
        let (strings, tail) = self.bytes().split_last_chunk::<TAIL>()?;
        let [deadline @ .., _, _, _, _, _, _, _, _, kind] = tail;
        let len = |at| u32::from_le_bytes(*tail[at..].first_chunk().expect("four bytes")) as usize;
        let start = strings.len() - len(8) - len(12);
        let (field, value) = strings[start..].split_at(len(8));
        let before = Deadline::from_bytes(*deadline);
        let (after, new) = (Deadline::NEVER, &[][..]); // nobody undoes what came after
        let effect = match *kind {
            PUT => Effect::Put { field, value: new, before: Some(value) },
            PUT_NEW => Effect::Put { field, value: new, before: None },
            REMOVE => Effect::Remove { field, value, deadline: before },
            FIELD_DEADLINE => Effect::FieldDeadline { field, deadline: after, before },
            _ => Effect::KeyDeadline { deadline: after, before },
        };
        Some((effect, start))
    }

    /// Takes back all effects of a call, the last one first. The table took `bytes_before` bytes before the call. The
    /// context must not note that in turn.
    pub(super) fn undo(mut self, record: &mut Record, bytes_before: usize, cx: Context<'_>) {
        let bytes = record.heap_bytes();
        let mut touched = Vec::new();
        while let Some((effect, start)) = self.last() {
            effect.undo(record, cx);
            touched.extend(effect.field().map(|field| cx.rules.hash(field)));
            self.truncate(start);
        }
        // The segments may have more free room now than was held for the call. Also, calls that are rolled back one
        // after the other must not make a table larger and larger.
        let most = if cx.is_short_of_room() { bytes.min(bytes_before) } else { bytes_before };
        if record.heap_bytes() > most
            && let Record::Table(table) = record
        {
            touched.sort_unstable();
            touched.dedup();
            touched.into_iter().for_each(|hash| table.shrink_at(hash, cx.rules));
        }
    }
}
