//! What can happen to a table's fields and deadlines, each with what it takes to undo it.
//!
//! [`Effects`] keeps the effects of a call one behind the other in one vector, so that to note one allocates nothing as a
//! rule. They are read from the end, so each has its lengths behind it:
//!
//! ```text
//! [field][value][deadline][length of the field, u32][length of the value, u32][kind]
//! ```

use crate::hash::Context;
use crate::hash::table::Table;
use crate::time::Deadline;

/// One change of a table.
pub(super) enum Effect<'a> {
    /// A field is set, which has this value before, or is not there. Its deadline stays.
    Put { field: &'a [u8], before: Option<&'a [u8]> },
    /// A field is removed.
    Remove { field: &'a [u8], value: &'a [u8], deadline: Deadline },
    /// A field is given another deadline than this.
    FieldDeadline { field: &'a [u8], before: Deadline },
    /// The key is given another deadline than this.
    KeyDeadline { before: Deadline },
}

const PUT: u8 = 0;
const PUT_NEW: u8 = 1;
const REMOVE: u8 = 2;
const FIELD_DEADLINE: u8 = 3;
const KEY_DEADLINE: u8 = 4;

/// Bytes behind field and value.
const TAIL: usize = Deadline::BYTES + 2 * size_of::<u32>() + 1;

/// The changes of one table, in their order.
#[derive(Default)]
pub(super) struct Effects(Vec<u8>);

impl Effects {
    /// No effects, and room for what most calls do.
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(256))
    }

    #[inline]
    pub(super) fn push(&mut self, effect: &Effect<'_>) {
        let (kind, field, value, deadline): (_, _, &[u8], _) = match *effect {
            Effect::Put { field, before: Some(value) } => (PUT, field, value, Deadline::NEVER),
            Effect::Put { field, before: None } => (PUT_NEW, field, &[], Deadline::NEVER),
            Effect::Remove { field, value, deadline } => (REMOVE, field, value, deadline),
            Effect::FieldDeadline { field, before } => (FIELD_DEADLINE, field, &[], before),
            Effect::KeyDeadline { before } => (KEY_DEADLINE, &[][..], &[], before),
        };
        let mut tail = [kind; TAIL];
        tail[..8].copy_from_slice(&deadline.to_bytes());
        // No string has 2^32 bytes.
        tail[8..12].copy_from_slice(&(field.len() as u32).to_le_bytes());
        tail[12..16].copy_from_slice(&(value.len() as u32).to_le_bytes());
        self.0.reserve(field.len() + value.len() + TAIL);
        self.0.extend_from_slice(field);
        self.0.extend_from_slice(value);
        self.0.extend_from_slice(&tail);
    }

    /// The last effect, and how many bytes come before it.
    fn last(&self) -> Option<(Effect<'_>, usize)> {
        let (strings, tail) = self.0.split_last_chunk::<TAIL>()?;
        let [deadline @ .., _, _, _, _, _, _, _, _, kind] = tail;
        let len = |at| u32::from_le_bytes(*tail[at..].first_chunk().expect("four bytes")) as usize;
        let before = strings.len() - len(8) - len(12);
        let (field, value) = strings[before..].split_at(len(8));
        let deadline = Deadline::from_bytes(*deadline);
        let effect = match *kind {
            PUT => Effect::Put { field, before: Some(value) },
            PUT_NEW => Effect::Put { field, before: None },
            REMOVE => Effect::Remove { field, value, deadline },
            FIELD_DEADLINE => Effect::FieldDeadline { field, before: deadline },
            _ => Effect::KeyDeadline { before: deadline },
        };
        Some((effect, before))
    }

    /// Takes back all effects of a call that got the table with so many bytes, the last one first. The context must not note
    /// that in turn.
    pub(super) fn undo(mut self, table: &mut Table, bytes_before: usize, cx: Context<'_>) {
        let bytes = table.heap_bytes();
        let mut touched = Vec::new();
        while let Some((effect, before)) = self.last() {
            touched.extend(effect.undo(table, cx));
            self.0.truncate(before);
        }
        // Room that is left over in the segments now could be more than what was held for the call, and calls that are rolled
        // back one after the other must not make a table larger and larger.
        let most = if cx.is_short_of_room() { bytes.min(bytes_before) } else { bytes_before };
        if table.heap_bytes() > most {
            touched.sort_unstable();
            touched.dedup();
            touched.into_iter().for_each(|hash| table.shrink_at(hash, cx.rules));
        }
    }
}

impl Effect<'_> {
    /// Takes the effect back, and returns the hash of its field.
    fn undo(&self, table: &mut Table, cx: Context<'_>) -> Option<u64> {
        let hash = |field: &[u8]| cx.rules.hash(field);
        match *self {
            Self::Put { field, before: Some(value) } => {
                table.set(hash(field), field, value, cx);
                Some(hash(field))
            }
            Self::Put { field, before: None } => {
                table.remove(hash(field), field, cx);
                Some(hash(field))
            }
            Self::Remove { field, value, deadline } => {
                table.set(hash(field), field, value, cx);
                if deadline != Deadline::NEVER {
                    table.set_field_deadline(hash(field), field, deadline, cx);
                }
                Some(hash(field))
            }
            Self::FieldDeadline { field, before } => {
                table.set_field_deadline(hash(field), field, before, cx);
                Some(hash(field))
            }
            Self::KeyDeadline { before } => {
                table.set_deadline(before, cx);
                None
            }
        }
    }
}
