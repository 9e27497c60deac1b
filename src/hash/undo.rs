//! What it takes to roll a record back to what it was when a call got it.
//!
//! | the record was | at its first change | at each later one |
//! |---|---|---|
//! | packed | a copy of its block is kept | nothing is kept, whatever the record becomes |
//! | a table | the effect is noted, with what it replaces | the same |
//! | a table that is removed | the table is kept whole, with what was noted before | nothing is kept |
//!
//! So nothing is removed for good before the call has ended well. [`commit`](Undo::commit) then hands a kept table to
//! the running save, or to whoever drops it, as any call does. A rollback never reserves room: the call has held the
//! bytes that it freed.

mod log;

use std::cell::{Cell, RefCell};

use crate::hash::Effect;
use crate::hash::packed::Packed;
use crate::hash::table::Table;
use crate::hash::{Context, Record};
use log::UndoLog;

/// See the module's documentation. One for each record in the hands of a call that can be rolled back.
#[derive(Default)]
pub(crate) struct Undo {
    kept: RefCell<Kept>,
    /// What a table had allocated before its first change.
    bytes_before: Cell<usize>,
}

#[derive(Default)]
enum Kept {
    /// Nothing has changed.
    #[default]
    Nothing,
    /// The block of a packed record.
    Block(Packed),
    /// What has happened to a table.
    Effects(UndoLog),
    /// A table that was removed, and what had happened to it before.
    Whole(Box<Table>, UndoLog),
}

impl Undo {
    /// Before the first command that may change the record: keeps a copy of a packed one.
    #[cold]
    #[inline(never)]
    pub(crate) fn note_command(&self, record: &Record) {
        match (record, &mut *self.kept.borrow_mut()) {
            (Record::Packed(packed), kept @ Kept::Nothing) => *kept = Kept::Block(packed.clone()),
            (Record::Table(table), Kept::Nothing) => self.bytes_before.set(table.heap_bytes()),
            _ => {}
        }
    }

    /// Notes an effect on a table, unless the record was something else when the call got it.
    #[inline(always)] // Each kind of effect gets a copy of its own, which is short.
    pub(super) fn note(&self, effect: &Effect<'_>) {
        let kept = &mut *self.kept.borrow_mut();
        if let Kept::Nothing = kept {
            *kept = Kept::Effects(UndoLog::default());
        }
        if let Kept::Effects(effects) = kept {
            effects.push(effect);
        }
    }

    /// Keeps a record that is removed. Gives it back if it is not what the call got.
    #[cold]
    #[inline(never)]
    pub(super) fn keep(&self, removed: Record) -> Option<Record> {
        let kept = &mut *self.kept.borrow_mut();
        let effects = match std::mem::take(kept) {
            Kept::Nothing => UndoLog::default(),
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

    /// The changes stay, so this parts with what was kept. The context must note nothing for this `Undo`.
    #[inline]
    pub(crate) fn commit<'a>(&mut self, cx: impl FnOnce() -> Context<'a>) {
        if let Kept::Whole(..) = self.kept.get_mut() {
            self.part_with_whole(cx());
        }
    }

    #[cold]
    fn part_with_whole(&mut self, cx: Context<'_>) {
        if let Kept::Whole(table, _) = self.kept.take() {
            table.leave(cx);
        }
    }

    /// Takes back everything that the call did to the record. The context must note nothing for this `Undo`.
    #[cold]
    #[inline(never)]
    pub(crate) fn roll_back(&mut self, record: &mut Record, cx: Context<'_>) {
        let bytes_before = self.bytes_before.get();
        match self.kept.take() {
            Kept::Nothing => {}
            Kept::Block(packed) => record.replace(Record::Packed(packed), cx),
            Kept::Effects(effects) => effects.undo(record, bytes_before, cx),
            Kept::Whole(table, effects) => {
                record.replace(Record::Table(table), cx);
                effects.undo(record, bytes_before, cx);
            }
        }
    }
}
