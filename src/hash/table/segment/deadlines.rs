//! The deadlines of a segment's fields. A deadline is the last 8 bytes of its entry.

use super::{FieldSegment, FoundField, Place, Stock, hash_at};
use crate::directory::upcoming::Upcoming;
use crate::hash::Context;
use crate::hash::entry;
use crate::time::Deadline;

impl FieldSegment {
    /// The deadline of a field that was found.
    pub(crate) fn deadline(&self, found: &FoundField) -> Deadline {
        self.deadline_at(found.place)
    }

    /// Gives a field that was found a deadline. [`Deadline::NEVER`] removes the one that it has.
    pub(crate) fn set_deadline(&mut self, hash: u64, found: &FoundField, deadline: Deadline, cx: Context<'_>) {
        let place = found.place;
        self.upcoming.note(deadline, hash);
        match (place.is_timed(), deadline != Deadline::NEVER) {
            (false, false) => {}
            (true, true) => {
                let stored = self.stored_mut(place);
                let deadline_at = stored.len() - Deadline::BYTES;
                stored[deadline_at..].copy_from_slice(&deadline.to_bytes());
            }
            _ => {
                let place = self.move_entry(place, deadline, cx);
                *self.slots.get_bucket_mut(found.bucket).expect("the bucket that was found") = place;
                self.compact_if_due(Stock::of(cx));
            }
        }
    }

    /// Gives a deadline to an entry without one, or removes the one that it has. Returns the entry's new place.
    fn move_entry(&mut self, place: Place, deadline: Deadline, cx: Context<'_>) -> Place {
        if let Some(index) = place.as_box() {
            self.resize_box(index, deadline);
            return Place::boxed(index, deadline);
        }
        let entry = self.entry(place).to_vec();
        let (field, value) = entry::pair(&entry);
        self.discard(place, cx);
        self.push(field, value, deadline, Stock::of(cx))
    }

    /// Appends a deadline to a long entry, or removes it. The entry is not copied if the allocator can resize its box
    /// in place.
    fn resize_box(&mut self, index: usize, deadline: Deadline) {
        let mut stored = std::mem::take(&mut self.boxes[index]).into_vec();
        self.boxed_bytes -= stored.len();
        if deadline == Deadline::NEVER {
            stored.truncate(stored.len() - Deadline::BYTES);
        } else {
            stored.reserve_exact(Deadline::BYTES);
            stored.extend_from_slice(&deadline.to_bytes());
        }
        self.boxed_bytes += stored.len();
        self.boxes[index] = stored.into_boxed_slice();
    }

    /// A lower bound of all deadlines in the segment.
    pub(crate) fn soonest(&self) -> Deadline {
        self.upcoming.soonest()
    }

    /// Returns the expired fields. The caller must remove them, because the segment has forgotten their deadlines.
    pub(crate) fn take_due(&mut self, cx: Context<'_>) -> Vec<Box<[u8]>> {
        let mut due = Vec::new();
        if self.upcoming.is_used_up(cx.now()) {
            let mut others = Vec::new();
            for &place in self.slots.iter().filter(|place| place.is_timed()) {
                let deadline = self.deadline_at(place);
                if deadline.is_due(cx.now()) {
                    due.push(self.field_at(place).into());
                } else {
                    others.push((deadline, place));
                }
            }
            let Self { slots, upcoming, arena, boxes, .. } = self;
            let entries = if cx.is_short_of_room() { 0 } else { slots.len() };
            upcoming.refill(entries, others, |place| hash_at(arena, boxes, place, cx.rules));
            return due;
        }
        while let Some(hash) = self.upcoming.take_due(cx.now()) {
            for &place in self.slots.iter_hash(hash).filter(|place| place.is_timed()) {
                let deadline = self.deadline_at(place);
                if deadline.is_due(cx.now()) {
                    due.push(self.field_at(place).into());
                } else {
                    self.upcoming.note(deadline, hash);
                }
            }
        }
        due
    }

    fn field_at(&self, place: Place) -> &[u8] {
        entry::pair(self.entry(place)).0
    }

    /// Removes all deadlines.
    pub(crate) fn forget_deadlines(&mut self, cx: Context<'_>) {
        let timed =
            self.slots.iter().filter(|place| place.is_timed()).map(|&place| entry::pair(self.entry(place)).0.into());
        for field in timed.collect::<Vec<Box<[u8]>>>() {
            let hash = cx.rules.hash(&field);
            if let Some(found) = self.find(hash, &field) {
                self.set_deadline(hash, &found, Deadline::NEVER, cx);
            }
        }
        self.upcoming = Upcoming::default();
    }

    pub(super) fn deadline_at(&self, place: Place) -> Deadline {
        let last = place.is_timed().then(|| self.stored(place).last_chunk()).flatten();
        last.map_or(Deadline::NEVER, |bytes| Deadline::from_bytes(*bytes))
    }
}
