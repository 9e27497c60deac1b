//! One call of a user: its instant, the room that it has reserved, and the things that it drops or sends at its end.

use std::cell::Cell;

use crate::error::Result;
#[cfg(feature = "recorder")]
use crate::hash::Effect;
use crate::hash::{ExpiredPart, Port, Terms};
use crate::options::Rules;
use crate::saving::{Mark, Saver, Saving, Unsaved};
use crate::store::Store;
use crate::store::listener::Outbox;
#[cfg(feature = "recorder")]
use crate::store::recorder::Recorder;
use crate::store::room::Reservation;
use crate::time::Now;

/// Everything that one call needs besides its arguments. It is dropped after the last lock is released.
pub(crate) struct Call<'a> {
    now: Now<'a>,
    saving: &'a Saving,
    reservation: Option<Reservation<'a>>,
    outbox: Option<Outbox<'a>>,
    #[cfg(feature = "recorder")]
    recorder: &'a Recorder,
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
    /// Begins a call on a store at an instant.
    #[inline]
    pub(super) fn new(store: &'a Store, now: Now<'a>) -> Self {
        Self {
            now,
            saving: &store.saving,
            reservation: store.room.as_ref().map(Reservation::new),
            outbox: store.listener.as_ref().map(Outbox::new),
            #[cfg(feature = "recorder")]
            recorder: &store.recorder,
            retired: Cell::new(None),
        }
    }

    pub(crate) fn now(&self) -> &Now<'a> {
        &self.now
    }

    /// The terms for the records that this call changes. Call this once all locks are held, or for a call that holds
    /// one lock at a time, after each lock is taken. It reads the save epoch, which decides whether these changes
    /// belong to the running snapshot.
    #[inline]
    pub(crate) fn terms(&self) -> Terms<'_> {
        let (has_limit, has_listener) = (self.reservation.is_some(), self.outbox.is_some());
        let terms = Terms::of_change(&self.now, self.saving.epoch(), self, has_limit, has_listener);
        #[cfg(feature = "recorder")]
        let terms = terms.recording(self.recorder.is_on());
        terms
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
    fn begin(&self, footprint: usize) {
        if let Some(reservation) = &self.reservation {
            reservation.begin(footprint);
        }
    }

    fn reserve(&self, bytes: usize) -> Result<()> {
        self.reservation.as_ref().map_or(Ok(()), |reservation| reservation.take(bytes))
    }

    fn raise(&self, footprint: usize) {
        if let Some(reservation) = &self.reservation {
            reservation.raise(footprint);
        }
    }

    fn measure(&self, footprint: usize) {
        if let Some(reservation) = &self.reservation {
            reservation.measure(footprint);
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

    #[cfg(feature = "recorder")]
    fn record(&self, key: &[u8], effect: &Effect<'_>) {
        self.recorder.push(key, effect);
    }

    #[cfg(feature = "recorder")]
    fn recorded(&self) -> usize {
        self.recorder.len()
    }

    #[cfg(feature = "recorder")]
    fn forget_recorded(&self, kept: usize) {
        self.recorder.truncate(kept);
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
