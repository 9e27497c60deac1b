//! One call of a user: its instant, the room that it has reserved, and the things that it drops or sends at its end.

use std::cell::Cell;

#[cfg(feature = "journal")]
use crate::error::Error;
use crate::error::Result;
use crate::hash::{Effect, GonePart, Port, Recorded, Terms};
use crate::saving::{Mark, Saver, Unsaved};
use crate::store::Store;
#[cfg(feature = "journal")]
use crate::store::journaled::Journaled;
use crate::store::journaled::TermsUnderLock;
use crate::store::outbox::Outbox;
use crate::store::room::Reservation;
use crate::time::Now;

/// Everything that one call needs besides its arguments. It is dropped after the last lock is released.
pub(crate) struct Call<'a> {
    now: Now<'a>,
    store: &'a Store,
    reservation: Option<Reservation<'a>>,
    outbox: Option<Outbox<'a>>,
    #[cfg(feature = "journal")]
    pub(super) journaled: Option<Journaled<'a>>,
    /// Whether the call is refused what can be refused, because the journal has failed.
    #[cfg(feature = "journal")]
    is_refused: Cell<bool>,
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
            store,
            reservation: store.room.as_ref().map(|room| Reservation::new(room, store)),
            outbox: store.audience.as_ref().map(|audience| Outbox::new(audience, &store.rules)),
            #[cfg(feature = "journal")]
            journaled: store.journal.as_deref().map(Journaled::new),
            #[cfg(feature = "journal")]
            is_refused: Cell::new(false),
            retired: Cell::new(None),
        }
    }

    pub(crate) fn now(&self) -> &Now<'a> {
        &self.now
    }

    /// The terms for the records that this call changes. Call this once all locks are held, or for a call that holds
    /// one lock at a time, after each lock is taken, and drop the terms before the locks. It reads the save epoch, which
    /// decides whether these changes belong to the running snapshot, and to which log.
    #[inline]
    pub(crate) fn terms(&self) -> TermsUnderLock<'_> {
        TermsUnderLock::new(self.bare_terms(), self)
    }

    /// The same terms for a caller that calls [`append`](Self::append) itself before it releases its locks.
    #[inline]
    pub(crate) fn bare_terms(&self) -> Terms<'_> {
        let epoch = self.store.saving.epoch();
        let has_limit = self.reservation.is_some();
        let (has_listener, has_feed) =
            self.outbox.as_ref().map_or((false, false), |outbox| (outbox.has_listener(), outbox.has_feed()));
        #[cfg(feature = "journal")]
        let has_limit = has_limit || self.is_refused.get();
        let terms = Terms::of_change(&self.now, epoch, self, has_limit, has_listener).recording(has_feed);
        #[cfg(feature = "recorder")]
        let terms = terms.recording(has_feed || self.store.recorder.is_on());
        #[cfg(feature = "journal")]
        if let Some(journaled) = &self.journaled {
            journaled.begin(epoch);
            return terms.recording(true);
        }
        terms
    }

    /// Has the commands of the call refused, if the journal has failed. For closures, which may do both what can be
    /// refused and what cannot.
    #[inline]
    pub(crate) fn ask_journal(&self) {
        #[cfg(feature = "journal")]
        self.is_refused.set(self.journaled.as_ref().is_some_and(Journaled::is_refusing));
    }

    /// Notes for the journal and the watcher that the call removes all keys.
    pub(super) fn note_clear_all(&self) {
        if let Some(outbox) = &self.outbox {
            outbox.put_clear_all();
        }
        #[cfg(feature = "journal")]
        if let Some(journaled) = &self.journaled {
            journaled.push_clear_all();
        }
    }

    /// Appends what the call has done under its present locks to the journal, and to what the watcher will be told.
    #[inline]
    pub(crate) fn append(&self) {
        if let Some(outbox) = self.outbox.as_ref().filter(|_| cfg!(feature = "watch")) {
            outbox.seal();
        }
        #[cfg(feature = "journal")]
        if let Some(journaled) = &self.journaled {
            journaled.append();
        }
    }

    /// Drops everything kept so far, and sends the messages so far to the listener and the watcher. Calls that take one
    /// lock after the other use it between two locks.
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
        #[cfg(feature = "journal")]
        if self.is_refused.get() {
            return Err(Error::JournalFailed);
        }
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

    fn reserve_key(&self) -> Result<()> {
        self.reservation.as_ref().map_or(Ok(()), Reservation::take_key)
    }

    fn settle_keys(&self, before: usize, after: usize) {
        if let Some(reservation) = &self.reservation {
            reservation.settle_keys(before, after);
        }
    }

    fn hold_freed(&self) {
        if let Some(reservation) = &self.reservation {
            reservation.hold_freed();
        }
    }

    fn take_for_good(&self, bytes: usize) -> bool {
        self.reservation.as_ref().is_none_or(|reservation| reservation.take_for_good(bytes))
    }

    fn is_short_of_room(&self) -> bool {
        self.reservation.as_ref().is_some_and(Reservation::is_short)
    }

    fn uses(&self, hash: u64, bytes: usize) -> u8 {
        self.reservation.as_ref().map_or(0, |reservation| reservation.uses(hash, bytes))
    }

    fn arrives(&self, hash: u64) -> u8 {
        self.reservation.as_ref().map_or(0, |reservation| reservation.arrives(hash))
    }

    #[cold]
    fn save_ahead(&self, mark: Mark, write: &mut dyn FnMut(&mut Saver<'_>)) {
        self.store.saving.ahead(mark, write);
    }

    fn leave(&self, removed: Box<dyn Unsaved>) -> Option<Box<dyn Unsaved>> {
        self.store.saving.leave(removed)
    }

    fn table_moved(&self, key: &[u8]) {
        self.store.saving.table_moved(key);
    }

    fn tell_gone(&self, key: &[u8], part: GonePart<'_>) {
        if let Some(outbox) = &self.outbox {
            outbox.put_gone(key, part);
        }
    }

    fn count_expired(&self, keys: usize, fields: usize) {
        self.store.expired.add(keys, fields);
    }

    // A store has a recorder or a journal, not both.

    fn record(&self, key: &[u8], effect: &Effect<'_>) {
        if let Some(outbox) = &self.outbox {
            outbox.put_effect(key, effect, &self.now);
        }
        #[cfg(feature = "recorder")]
        if self.store.recorder.is_on() {
            self.store.recorder.push(key, effect, &self.store.rules);
        }
        #[cfg(feature = "journal")]
        if let Some(journaled) = &self.journaled {
            journaled.push(key, effect);
        }
    }

    fn recorded(&self) -> Recorded {
        let told = self.outbox.as_ref().map_or(0, Outbox::changes);
        #[cfg(feature = "recorder")]
        if self.store.recorder.is_on() {
            return Recorded { logged: self.store.recorder.len(), told };
        }
        #[cfg(feature = "journal")]
        let logged = self.journaled.as_ref().map_or(0, Journaled::len);
        #[cfg(not(feature = "journal"))]
        let logged = 0;
        Recorded { logged, told }
    }

    fn forget_recorded(&self, kept: Recorded) {
        if let Some(outbox) = &self.outbox {
            outbox.forget_changes(kept.told);
        }
        #[cfg(feature = "recorder")]
        if self.store.recorder.is_on() {
            self.store.recorder.truncate(kept.logged);
        }
        #[cfg(feature = "journal")]
        if let Some(journaled) = &self.journaled {
            journaled.truncate(kept.logged);
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
