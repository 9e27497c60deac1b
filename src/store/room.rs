//! The room of a store: the bytes that it may ask of the allocator if it has a limit.
//!
//! The bytes that a write really takes are known only when its record is settled, because tables grow in steps. So a
//! write first *reserves* the bytes that its fields, values, deadlines and key take by themselves. It is refused if the
//! room left is smaller. When its records are settled, the bytes really asked of the allocator replace the reservation.
//! A reservation counts for all threads from the instant at which it is made, so that two writers cannot both take the
//! last room.

use std::cell::Cell;

use crate::error::{Error, Result};
use crate::sync::CachePadded;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Room is short if less than this part of the limit is left (one divided by this number).
const SHORT_SHARE: usize = 16;

/// The limit of a store, and how much of it is taken.
pub(crate) struct Room {
    limit: usize,
    /// Bytes that the store has asked of the allocator, plus bytes that calls have reserved. Every write changes this
    /// number, and every read needs what the store keeps beside its room. So it has cache lines of its own.
    taken: CachePadded<AtomicUsize>,
    /// The millisecond of the last complete purge.
    purged_at: AtomicU64,
    /// How often something was refused for good.
    refused: AtomicUsize,
}

impl Room {
    pub(crate) fn new(limit: usize, taken: usize) -> Self {
        Self {
            limit,
            taken: CachePadded(AtomicUsize::new(taken)),
            purged_at: AtomicU64::new(u64::MAX),
            refused: AtomicUsize::new(0),
        }
    }

    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Relaxed)
    }

    /// What was refused last is tried once more.
    pub(crate) fn uncount_refusal(&self) {
        self.refused.fetch_sub(1, Relaxed);
    }

    #[cold]
    fn count_refusal(&self, error: &Error) {
        debug_assert!(matches!(error, Error::Full { .. }));
        self.refused.fetch_add(1, Relaxed);
    }

    fn try_take(&self, bytes: usize) -> Result<()> {
        let limit = self.limit;
        let more = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= limit);
        let refused = |taken: usize| Error::Full { size: taken.saturating_add(bytes), limit };
        self.taken.fetch_update(Relaxed, Relaxed, more).map(drop).map_err(refused)
    }

    fn add(&self, bytes: isize) {
        if bytes != 0 {
            // Two's complement: adding a negative number subtracts.
            let before = self.taken.fetch_add(bytes.cast_unsigned(), Relaxed);
            debug_assert!(before.checked_add_signed(bytes).is_some(), "{bytes} bytes beside {before} taken");
        }
    }

    /// Whether so little room is left that no memory should be kept in reserve.
    pub(crate) fn is_short(&self) -> bool {
        self.taken.load(Relaxed) > self.limit - self.limit / SHORT_SHARE
    }

    pub(crate) fn was_purged_at(&self, millis: u64) -> bool {
        self.purged_at.load(Relaxed) == millis
    }

    pub(crate) fn note_purged_at(&self, millis: u64) {
        self.purged_at.store(millis, Relaxed);
    }

    #[cfg(feature = "snapshot")]
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    #[cfg(feature = "testing")]
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }
}

/// Bytes this call has reserved but not yet replaced by measured ones. Unused ones return on drop. In a call on several
/// records, settling the first one gives back the reservations of all. What the others really take is counted as each
/// is settled, under the same locks.
pub(crate) struct Reservation<'a> {
    room: &'a Room,
    unsettled: Cell<isize>,
    /// The unsettled bytes of the present command, less the footprint of its records.
    begun: Cell<isize>,
    /// The room counts at least this much for the reservation, so that no other call takes the bytes that this call may
    /// have to put back.
    floor: Cell<isize>,
}

impl<'a> Reservation<'a> {
    pub(crate) fn new(room: &'a Room) -> Self {
        Self { room, unsettled: Cell::new(0), begun: Cell::new(0), floor: Cell::new(isize::MIN) }
    }

    pub(crate) fn is_short(&self) -> bool {
        self.room.is_short()
    }

    /// See [`Port::begin`](crate::hash::Port::begin).
    pub(crate) fn begin(&self, footprint: usize) {
        self.begun.set(self.unsettled.get() - footprint.cast_signed());
    }

    /// See [`Port::take_for_good`](crate::hash::Port::take_for_good).
    pub(crate) fn take_for_good(&self, bytes: usize) -> bool {
        self.room.try_take(bytes).is_ok()
    }

    /// Reserves this many more bytes, or fails if there is no room for them.
    pub(crate) fn take(&self, bytes: usize) -> Result<()> {
        if bytes > 0 {
            let unsettled = self.unsettled.get() + bytes.cast_signed();
            // Freed bytes that are held are taken first.
            let more = (self.held(unsettled) - self.held(self.unsettled.get())).cast_unsigned();
            self.room.try_take(more).inspect_err(|error| self.room.count_refusal(error))?;
            self.unsettled.set(unsettled);
        }
        Ok(())
    }

    /// See [`Port::raise`](crate::hash::Port::raise).
    pub(crate) fn raise(&self, footprint: usize) {
        self.count(self.unsettled.get().max(self.begun.get() + footprint.cast_signed()));
    }

    /// See [`Port::measure`](crate::hash::Port::measure).
    pub(crate) fn measure(&self, footprint: usize) {
        self.count(self.begun.get() + footprint.cast_signed());
    }

    fn count(&self, unsettled: isize) {
        self.room.add(self.held(unsettled) - self.held(self.unsettled.replace(unsettled)));
    }

    /// See [`Port::hold_freed`](crate::hash::Port::hold_freed).
    pub(crate) fn hold_freed(&self) {
        self.floor.set(self.unsettled.get());
    }

    /// What the room counts for a reservation of this many bytes.
    #[inline]
    fn held(&self, unsettled: isize) -> isize {
        unsettled.max(self.floor.get())
    }

    /// Replaces the reserved bytes by measured ones: the call has changed a shard's memory from `before` to `after`
    /// bytes.
    #[inline]
    pub(crate) fn settle(&self, before: usize, after: usize) {
        let held = self.held(self.unsettled.take());
        self.floor.set(isize::MIN);
        self.room.add(after.cast_signed() - before.cast_signed() - held);
    }
}

impl Drop for Reservation<'_> {
    #[inline]
    fn drop(&mut self) {
        self.settle(0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_frees_and_holds_is_free_for_that_call_alone() {
        let room = Room::new(100, 90);
        let call = Reservation::new(&room);
        call.begin(10);
        call.measure(5); // freed before it holds anything
        assert_eq!(room.taken.load(Relaxed), 85);
        call.hold_freed();
        call.begin(60);
        call.measure(0);
        assert_eq!((call.unsettled.get(), room.taken.load(Relaxed)), (-65, 85));
        assert!(Reservation::new(&room).take(16).is_err(), "nobody else gets what is held");
        call.begin(0);
        assert_eq!(call.take(75), Ok(()), "15 beyond what it held");
        assert_eq!((call.unsettled.get(), room.taken.load(Relaxed)), (10, 100));
        assert!(call.take(1).is_err());
        call.raise(70); // less than what is reserved
        assert_eq!(room.taken.load(Relaxed), 100);
        call.measure(75);
        call.begin(75);
        call.measure(0);
        assert_eq!(room.taken.load(Relaxed), 85);
        // All is as before, but for what was freed first.
        call.settle(90, 85);
        assert_eq!((call.unsettled.get(), room.taken.load(Relaxed)), (0, 85));
    }
}
