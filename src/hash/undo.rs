//! What it takes to roll a record back to what it was when a call got it.
//!
//! | the record was | at its first change | at each later one |
//! |---|---|---|
//! | packed | a copy of its block is kept | nothing is noted, whatever the record becomes |
//! | a table | the change is noted, with what it has replaced | the same |
//! | a table that is removed | the table is kept whole, with what was noted before | nothing |
//!
//! So nothing is removed for good before the call has ended well: [`commit`](Undo::commit) hands a kept table to the running
//! save, or to whoever drops it, as any call does. To undo never asks for room: the call has held what it has freed.

use std::cell::RefCell;

use crate::hash::effect::{Effect, Effects};
use crate::hash::packed::Packed;
use crate::hash::table::{FieldSegment, FoundField, Table};
use crate::hash::{Context, Record};
use crate::time::Deadline;

/// See the module's documentation. One for each record in the hands of a call that can be rolled back.
#[derive(Default)]
pub(crate) struct Undo(RefCell<Kept>);

#[derive(Default)]
enum Kept {
    /// Nothing has changed.
    #[default]
    Nothing,
    /// The block of a packed record.
    Block(Packed),
    /// What has happened to a table.
    Effects(Effects),
    /// A table that was removed, and what had happened to it before.
    Whole(Box<Table>, Effects),
}

impl Undo {
    /// Before the first call that may change a record.
    pub(crate) fn note_call(&self, record: &Record) {
        let Record::Packed(packed) = record else { return };
        let kept = &mut *self.0.borrow_mut();
        if let Kept::Nothing = kept {
            *kept = Kept::Block(packed.clone());
        }
    }

    /// Before a table sets a field, which was found in this segment or is not there.
    #[cold]
    #[inline(never)]
    pub(super) fn note_put(&self, segment: &FieldSegment, found: Option<&FoundField>, field: &[u8]) {
        let before = found.map(|found| segment.value(found));
        self.note(&Effect::Put { field, before });
    }

    /// Before a table removes a field, which may be in this segment.
    #[cold]
    #[inline(never)]
    pub(super) fn note_remove(&self, segment: &FieldSegment, hash: u64, field: &[u8]) {
        if let Some((value, deadline)) = segment.value_and_deadline(hash, field) {
            self.note(&Effect::Remove { field, value, deadline });
        }
    }

    /// Before a table gives a field another deadline, which may be in this segment.
    #[cold]
    #[inline(never)]
    pub(super) fn note_field_deadline(&self, segment: &FieldSegment, hash: u64, field: &[u8]) {
        if let Some((_, before)) = segment.value_and_deadline(hash, field) {
            self.note(&Effect::FieldDeadline { field, before });
        }
    }

    /// Before a table gives its key another deadline than this.
    #[cold]
    #[inline(never)]
    pub(super) fn note_key_deadline(&self, before: Deadline) {
        self.note(&Effect::KeyDeadline { before });
    }

    /// Notes an effect, unless the record was something else when the call got it.
    #[inline]
    fn note(&self, effect: &Effect<'_>) {
        let kept = &mut *self.0.borrow_mut();
        if let Kept::Nothing = kept {
            *kept = Kept::Effects(Effects::new());
        }
        if let Kept::Effects(effects) = kept {
            effects.push(effect);
        }
    }

    /// Takes a record that is removed; gives it back if it is not what the call got.
    #[cold]
    #[inline(never)]
    pub(super) fn keep(&self, removed: Record) -> Option<Record> {
        let kept = &mut *self.0.borrow_mut();
        let effects = match std::mem::take(kept) {
            Kept::Nothing => Effects::default(),
            Kept::Effects(effects) => effects,
            earlier => {
                *kept = earlier;
                return Some(removed);
            }
        };
        *kept = match removed {
            Record::Packed(packed) => Kept::Block(packed),
            Record::Table(table) => Kept::Whole(table, effects),
        };
        None
    }

    /// The changes stay: parts with what was kept. The context is one that notes nothing.
    #[inline]
    pub(crate) fn commit(&mut self, cx: Context<'_>) {
        if let Kept::Whole(..) = self.0.get_mut() {
            self.part_with_whole(cx);
        }
    }

    #[cold]
    fn part_with_whole(&mut self, cx: Context<'_>) {
        if let Kept::Whole(table, _) = self.0.take() {
            table.leave(cx);
        }
    }

    /// Takes all changes of the record back, which had so many bytes before them. The context is one that notes nothing.
    #[cold]
    #[inline(never)]
    pub(crate) fn roll_back(&mut self, record: &mut Record, bytes_before: usize, cx: Context<'_>) {
        let undo = |record: &mut Record| match self.0.take() {
            Kept::Nothing => {}
            Kept::Block(packed) => record.replace(Record::Packed(packed), cx),
            Kept::Effects(effects) => undo_effects(effects, record, bytes_before, cx),
            Kept::Whole(table, effects) => {
                record.replace(Record::Table(table), cx);
                undo_effects(effects, record, bytes_before, cx);
            }
        };
        record.measured(cx, undo);
    }
}

fn undo_effects(effects: Effects, record: &mut Record, bytes_before: usize, cx: Context<'_>) {
    if let Record::Table(table) = record {
        effects.undo(table, bytes_before, cx);
    }
}
