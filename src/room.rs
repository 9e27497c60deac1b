//! The bytes that a whole store may ask of the allocator, where it was given a limit.
//!
//! What a write will take is known for sure only when its record is settled: tables grow in steps. So a write first
//! *claims* what its fields, values and key take by themselves, and is refused if that is more than the room left;
//! when its records are settled, the claim gives way to what the allocator was really asked for. Claims of all threads
//! count from the instant they are made, so that two writers cannot both take the last room.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::error::{Error, Result};

/// A limit, and how much of it is taken.
pub(crate) struct Room {
    limit: usize,
    /// What the store has asked of the allocator, and what calls have claimed.
    taken: AtomicUsize,
}

impl Room {
    pub(crate) fn new(limit: usize, taken: usize) -> Self {
        Self { limit, taken: AtomicUsize::new(taken) }
    }

    fn try_take(&self, bytes: usize) -> Result<()> {
        let limit = self.limit;
        let more = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= limit);
        let refused = |taken: usize| Error::Full { size: taken.saturating_add(bytes), limit };
        self.taken.fetch_update(Relaxed, Relaxed, more).map(drop).map_err(refused)
    }

    fn add(&self, bytes: isize) {
        self.taken.fetch_add(bytes.cast_unsigned(), Relaxed); // two's complement: adding a negative number subtracts
    }

    #[cfg(feature = "testing")]
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }
}

/// What one call has claimed beyond what is settled. Its `Drop` gives the difference back.
pub(crate) struct Claim<'a> {
    room: &'a Room,
    unsettled: Cell<isize>,
}

impl<'a> Claim<'a> {
    pub(crate) fn new(room: &'a Room) -> Self {
        Self { room, unsettled: Cell::new(0) }
    }

    /// So many bytes are about to take the place of others. Refused if they are more, and there is no room for them.
    pub(crate) fn exchange(&self, before: usize, after: usize) -> Result<()> {
        match after.checked_sub(before) {
            Some(0) => {}
            Some(growth) => {
                self.room.try_take(growth)?;
                self.unsettled.set(self.unsettled.get().wrapping_add_unsigned(growth));
            }
            None => self.give_back(before - after),
        }
        Ok(())
    }

    /// So many bytes are there no more.
    pub(crate) fn give_back(&self, bytes: usize) {
        self.room.add(bytes.cast_signed().wrapping_neg());
        self.unsettled.set(self.unsettled.get().wrapping_sub_unsigned(bytes));
    }

    /// The allocator's bytes of a shard have changed by the call's doing.
    pub(crate) fn settle(&self, before: usize, after: usize) {
        let change = after.wrapping_sub(before).cast_signed();
        self.unsettled.set(self.unsettled.get() - change);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if self.unsettled.get() != 0 {
            self.room.add(-self.unsettled.get());
        }
    }
}
