//! The deadlines of a segment's fields. A deadline is the last 8 bytes of its entry.

use super::arena::Stock;
use super::{FieldSegment, FoundField};
use crate::directory::upcoming::Upcoming;
use crate::hash::Context;
use crate::time::Deadline;

impl FieldSegment {
    /// The deadline of a field that was found.
    pub(crate) fn deadline(&self, found: &FoundField) -> Deadline {
        self.contents.deadline(found.place)
    }

    /// Gives a field that was found a deadline. [`Deadline::NEVER`] removes the one that it has.
    pub(crate) fn set_deadline(&mut self, hash: u64, found: &FoundField, deadline: Deadline, cx: Context<'_>) {
        let place = found.place;
        self.upcoming.note(deadline, hash);
        match (self.contents.is_timed(place), deadline != Deadline::NEVER) {
            (false, false) => {}
            (true, true) => {
                let stored = self.contents.stored_mut(place);
                let deadline_at = stored.len() - Deadline::BYTES;
                stored[deadline_at..].copy_from_slice(&deadline.to_bytes());
            }
            _ => {
                let place = self.contents.change_deadline(place, deadline, Stock::of(cx));
                self.set_place(found, place, cx);
            }
        }
    }

    /// A lower bound of all deadlines in the segment.
    pub(crate) fn soonest(&self) -> Deadline {
        self.upcoming.soonest()
    }

    /// Returns the expired fields. The caller must remove them, because the segment has forgotten their deadlines.
    pub(crate) fn take_due(&mut self, cx: Context<'_>) -> Vec<Box<[u8]>> {
        let Self { places, contents, upcoming, .. } = self;
        let mut due = Vec::new();
        if upcoming.is_used_up(cx.now()) {
            let mut others = Vec::new();
            for place in places.iter() {
                let deadline = contents.deadline(place);
                if deadline.is_due(cx.now()) {
                    due.push(contents.field(place).into());
                } else if deadline != Deadline::NEVER {
                    others.push((deadline, place));
                }
            }
            let entries = if cx.is_short_of_room() { 0 } else { places.len() };
            upcoming.refill(entries, others, |place| contents.hash(place, cx.rules));
            return due;
        }
        while let Some(hash) = upcoming.take_due(cx.now()) {
            for place in places.with_hash(hash) {
                let deadline = contents.deadline(place);
                if deadline.is_due(cx.now()) {
                    due.push(contents.field(place).into());
                } else {
                    upcoming.note(deadline, hash); // nothing, if it has none
                }
            }
        }
        due
    }

    /// Removes all deadlines.
    pub(crate) fn forget_deadlines(&mut self, cx: Context<'_>) {
        let timed = self.places.iter().filter(|place| self.contents.is_timed(*place));
        for field in timed.map(|place| self.contents.field(place).into()).collect::<Vec<Box<[u8]>>>() {
            let hash = cx.rules.hash(&field);
            if let Some(found) = self.find(hash, &field) {
                self.set_deadline(hash, &found, Deadline::NEVER, cx);
            }
        }
        self.upcoming = Upcoming::default();
    }
}
