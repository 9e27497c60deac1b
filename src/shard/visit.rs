//! The visit: one record lent to a closure, and settled when the visit is dropped.

use std::mem::take;

use crate::hash::{Context, Record};
use crate::shard::{Shard, Slot, Sums};
use crate::time::Deadline;

/// One record while a call works on it. See the documentation of `shard.rs`.
pub(crate) struct Visit<'a> {
    pub(super) shard: &'a mut Shard,
    pub(super) held: Held,
    pub(super) cx: Context<'a>,
    pub(super) hash: u64,
    pub(super) before: Sums,
}

/// Where the record of a visit is.
pub(super) enum Held {
    /// In its slot.
    Filed(Slot),
    /// Here, because it is new.
    New(Record),
}

impl Drop for Visit<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Held::Filed(slot) = self.held
            && let Some(settled) = self.shard.record(slot).settled(self.before, self.cx)
        {
            self.shard.count(slot, self.hash, self.before, settled, self.cx);
        } else {
            self.shard.changes = self.shard.changes.wrapping_add(1);
            self.settle();
        }
    }
}

/// What a record that stays where it is counts, and what it says of itself.
#[derive(Clone, Copy)]
pub(super) struct Settled {
    sums: Sums,
    is_saved: bool,
    /// The record's lower bound of its deadlines, if it has any.
    soonest: Option<Deadline>,
}

impl Record {
    /// Usually a record stays in its slot in the encoding that it had. `None` if there is more to settle.
    #[inline(always)]
    pub(super) fn settled(&self, before: Sums, cx: Context<'_>) -> Option<Settled> {
        let sums = Sums::of(self, cx.rules);
        let stays = sums.fields > 0
            && sums.tables == before.tables
            && self.has_its_encoding(before.encoding(), cx.rules)
            && sums.shaped >= before.shaped
            && !(sums.tell_other_names(before) && self.wants_shape(cx.rules));
        stays.then(|| Settled {
            sums,
            is_saved: self.is_saved(cx.mark()),
            soonest: self.has_deadlines().then(|| self.soonest()),
        })
    }
}

impl Shard {
    /// Settles a record that stays where it is.
    #[inline(always)]
    pub(super) fn count(&mut self, slot: Slot, hash: u64, before: Sums, settled: Settled, cx: Context<'_>) {
        self.changes = self.changes.wrapping_add(1);
        if let Some(room) = cx.room() {
            room.settle(before.record_bytes, settled.sums.record_bytes);
        }
        self.sums.exchange(before, settled.sums);
        if !settled.is_saved {
            self.unsaved = Some(cx.mark());
        }
        if let Some(soonest) = settled.soonest {
            self.lower_bounds(slot.at, soonest, hash);
        }
    }
}

impl<'a> Visit<'a> {
    /// Runs one command on the record.
    #[inline]
    pub(crate) fn run<R>(&mut self, command: impl FnOnce(&mut Record, Context<'a>) -> R) -> R {
        let (record, cx) = self.lend();
        record.begin_command(cx);
        command(record, cx)
    }

    /// Lends the record to a closure of the user, which runs one command after the other.
    #[inline]
    pub(crate) fn lend(&mut self) -> (&mut Record, Context<'a>) {
        let record = match &mut self.held {
            Held::Filed(slot) => self.shard.record_mut(*slot),
            Held::New(record) => record,
        };
        (record, self.cx)
    }

    #[inline(never)]
    fn settle(&mut self) {
        let limited = self.cx.room().map(|room| (room, self.shard.heap_bytes(), self.shard.len()));
        self.file();
        if let Some((room, bytes, keys)) = limited {
            room.settle(bytes, self.shard.heap_bytes());
            room.settle_keys(keys, self.shard.len());
        }
    }

    /// Has the record choose its encoding, and files it under its key, or removes it if it is empty.
    fn file(&mut self) {
        let (rules, before, room) = (self.cx.rules, self.before, self.cx.room());
        let (record, cx) = self.lend();
        record.choose_encoding(before.encoding(), cx);
        if Sums::of(record, rules).tell_other_names(before) && record.wants_shape(rules) {
            record.settle_shape(rules, room);
        }
        let after = if record.len() == 0 { Sums::default() } else { Sums::of(record, rules) };
        let (is_saved, soonest) = (record.is_saved(cx.mark()), record.soonest());
        self.shard.sums.exchange(before, after);
        if !is_saved {
            self.shard.unsaved = Some(cx.mark());
        }
        match &mut self.held {
            Held::Filed(slot) if after.fields > 0 => self.shard.lower_bounds(slot.at, soonest, self.hash),
            Held::Filed(Slot { at, bucket }) => {
                self.shard.keys.edit(*at, |keys| keys.remove(*bucket, rules));
                self.shard.keys.shrink_after_removal(*at, rules);
            }
            Held::New(record) if after.fields > 0 => self.shard.insert(self.hash, take(record), rules, room),
            Held::New(_) => {}
        }
        if after.shaped < before.shaped && after.fields > 0 && after.tables == 0 {
            self.shard.note_shapeless(self.hash, rules, room);
        }
    }
}
