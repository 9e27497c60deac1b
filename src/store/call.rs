//! One call of a user: its instant, the room that it has reserved, and the things that it drops or sends at its end.

use std::cell::Cell;

use crate::error::Result;
use crate::hash::{Context, ExpiredPart, Link, Port};
use crate::options::Rules;
use crate::saving::{Mark, Saver, Saving, Unsaved};
use crate::store::listener::{Listener, Outbox};
use crate::store::room::{Reservation, Room};
use crate::time::Now;

/// Everything that one call needs besides its arguments. It is made before the first lock is taken, and dropped after
/// the last one is released.
pub(crate) struct Call<'a> {
    now: Now<'a>,
    saving: &'a Saving,
    reservation: Option<Reservation<'a>>,
    outbox: Option<Outbox<'a>>,
    /// Old values and tables to drop after the locks. Most calls have none.
    retired: Cell<Option<Box<Retired>>>,
}

#[derive(Default)]
struct Retired {
    kept: Vec<Box<dyn Send>>,
    bytes: usize,
}

/// The most bytes that a call keeps for a later drop. Without this limit, a closure that overwrites long values again
/// and again would keep all of them.
const RETIRED_MAX: usize = 8 << 20;

impl<'a> Call<'a> {
    /// Begins a call on a store, which may have a limit on its bytes and a listener.
    #[inline]
    pub(crate) fn new(
        now: Now<'a>,
        saving: &'a Saving,
        room: Option<&'a Room>,
        listener: Option<&'a Listener>,
    ) -> Self {
        Self {
            now,
            saving,
            reservation: room.map(Reservation::new),
            outbox: listener.map(Outbox::new),
            retired: Cell::new(None),
        }
    }

    pub(crate) fn now(&self) -> &Now<'a> {
        &self.now
    }

    /// The link through which the records that this call changes reach the call.
    #[inline]
    pub(crate) fn link(&self) -> Link<'_> {
        Link::new(self, self.reservation.is_some(), self.outbox.is_some())
    }

    /// The context for the records that this call changes. Call this once all locks are held, or for a call that holds
    /// one lock at a time, after each lock is taken. It reads the save epoch, which decides whether these changes
    /// belong to the running snapshot.
    #[inline]
    pub(crate) fn context<'b>(&'b self, rules: &'b Rules, link: &'b Link<'b>) -> Context<'b> {
        Context::of_change(rules, &self.now, link, self.saving.epoch())
    }

    /// Drops everything kept so far, and sends the messages so far to the listener. Calls that take one lock after the
    /// other use it between two locks.
    pub(crate) fn pass_lock(&self) {
        drop(self.retired.take());
        if let Some(outbox) = &self.outbox {
            outbox.send();
        }
    }
}

impl Port for Call<'_> {
    fn reserve(&self, bytes: usize) -> Result<()> {
        self.reservation.as_ref().map_or(Ok(()), |reservation| reservation.take(bytes))
    }

    fn reserved(&self) -> isize {
        self.reservation.as_ref().map_or(0, Reservation::bytes)
    }

    fn correct(&self, begun: isize, before: usize, after: usize) {
        if let Some(reservation) = &self.reservation {
            reservation.correct(begun, before, after);
        }
    }

    #[inline]
    fn settle(&self, before: usize, after: usize) {
        if let Some(reservation) = &self.reservation {
            reservation.settle(before, after);
        }
    }

    fn hold_freed(&self) {
        if let Some(reservation) = &self.reservation {
            reservation.hold_freed();
        }
    }

    fn is_short_of_room(&self) -> bool {
        self.reservation.as_ref().is_some_and(Reservation::is_short)
    }

    #[cold]
    fn save_ahead(&self, mark: Mark, write: &mut dyn FnMut(&mut Saver<'_>)) {
        self.saving.ahead(mark, write);
    }

    fn leave(&self, removed: Box<dyn Unsaved>) -> Option<Box<dyn Unsaved>> {
        self.saving.leave(removed)
    }

    fn table_moved(&self, key: &[u8]) {
        self.saving.table_moved(key);
    }

    fn tell_expired(&self, rules: &Rules, key: &[u8], expired: ExpiredPart<'_>) {
        if let Some(outbox) = &self.outbox {
            outbox.put(rules, key, expired);
        }
    }

    /// Drops the old memory at once if the call already keeps much.
    fn retire(&self, old: Box<dyn Send>, bytes: usize) {
        let mut retired = self.retired.take().unwrap_or_default();
        if retired.bytes + bytes <= RETIRED_MAX || retired.kept.is_empty() {
            retired.bytes += bytes;
            retired.kept.push(old);
        }
        self.retired.set(Some(retired));
    }
}
