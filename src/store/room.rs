//! The room of a store: the bytes that it may ask of the allocator, and the keys that it may hold, if it has a limit.
//!
//! The bytes that a write really takes are known only when its record is settled, because tables grow in steps. So a
//! write first *reserves* the bytes that its fields, values, deadlines and key take by themselves. It is refused if the
//! room left is smaller. When its records are settled, the bytes really asked of the allocator replace the reservation.
//! A reservation counts for all threads from the instant at which it is made, so that two writers cannot both take the
//! last room. Room for a new key is reserved in the same way.
//!
//! A store that evicts refuses a write only if the hashes of its call would not fit in an empty store. The write takes
//! what it needs, and nothing is reserved. When the call ends, after its last lock, it evicts keys until the store is
//! within its limits (see `evict.rs`). So what a call writes and rolls back evicts nothing.

use std::cell::{Cell, RefCell};

use crate::error::{Error, Result};
use crate::eviction::{Ticks, Used};
use crate::options::{Limits, Rules};
use crate::shard::RESERVED_KEY_BYTES;
use crate::store::Store;
use crate::sync::CachePadded;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Room is short if less than this part of the limit is left (one divided by this number).
const SHORT_SHARE: usize = 16;
/// The hashes of a call are not accepted if less than this part of the limit (one divided by this number) would be left
/// beside them. That is for tables around them, which are larger than what is reserved.
const KEPT_SHARE: usize = 16;

/// The most bytes that a key takes because its use is noted, with its share of the free slots.
const NOTED_BYTES: usize = 3;

/// The most bytes that a shard takes for its first keys, beside what is counted for each key.
const FIRST_SEGMENT_BYTES: usize = 512;

/// The limits of a store, and how much of them is taken.
pub(crate) struct Room {
    limit: usize,
    max_keys: Option<usize>,
    /// Bytes that the store has asked of the allocator, plus bytes that calls have reserved. Every write changes this
    /// number, and every read needs what the store keeps beside its room. So it has cache lines of its own.
    taken: CachePadded<AtomicUsize>,
    /// The keys of the store, plus keys for which calls have reserved room. See [`counts_keys`](Self::counts_keys).
    keys: CachePadded<AtomicUsize>,
    /// The millisecond of the last complete purge.
    purged_at: AtomicU64,
    /// If the store evicts: the most bytes of the hashes of one call.
    most_of_one: Option<usize>,
    pub(super) ticks: Ticks,
    /// How often something was refused for good.
    refused: AtomicUsize,
    evicted: AtomicUsize,
}

impl Room {
    /// The room of a store with a limit, which takes this many bytes while it is empty. `None` if there is no limit.
    pub(crate) fn new(rules: &Rules, empty: usize, shards: usize) -> Option<Self> {
        if !rules.limits.are_on_store() {
            return None;
        }
        let Limits { max_bytes, max_keys, .. } = rules.limits;
        let limit = max_bytes.unwrap_or(usize::MAX);
        let ticks = Ticks::new(rules.eviction, shards);
        let empty = empty + ticks.heap_bytes();
        let most_of_one = || limit.saturating_sub(empty).saturating_sub(limit / KEPT_SHARE);
        Some(Self {
            limit,
            max_keys,
            taken: CachePadded(AtomicUsize::new(empty)),
            keys: CachePadded::default(),
            purged_at: AtomicU64::new(u64::MAX),
            most_of_one: rules.eviction.evicts().then(most_of_one),
            ticks,
            refused: AtomicUsize::new(0),
            evicted: AtomicUsize::new(0),
        })
    }

    /// Counts everything that was loaded.
    #[cfg(feature = "snapshot")]
    pub(crate) fn count_loaded(&self, bytes: usize, keys: usize) {
        self.taken.store(bytes, Relaxed);
        self.keys.store(if self.counts_keys() { keys } else { 0 }, Relaxed);
    }

    /// Whether a store that does not evict may hold so many keys.
    ///
    /// # Errors
    /// `TooManyKeys` if it may not.
    #[cfg(feature = "snapshot")]
    pub(crate) fn check_keys(&self, size: usize) -> Result<()> {
        match self.max_keys {
            Some(limit) if size > limit && !self.evicts() => Err(Error::TooManyKeys { size, limit }),
            _ => Ok(()),
        }
    }

    /// Whether somebody asks for the number of keys.
    fn counts_keys(&self) -> bool {
        self.max_keys.is_some() || self.evicts()
    }

    /// Whether a hash of so many bytes would not fit in a store that evicts, however many others are evicted.
    #[cfg(feature = "snapshot")]
    pub(crate) fn never_fits(&self, bytes: usize) -> bool {
        self.most_of_one.is_some_and(|most| bytes > most)
    }

    pub(crate) fn evicts(&self) -> bool {
        self.most_of_one.is_some()
    }

    /// Bytes asked of the allocator.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.ticks.heap_bytes()
    }

    /// Whether a store that evicts has as many bytes left as the slots of a shard with so many keys can take. It never
    /// evicts keys to have free slots.
    pub(crate) fn has_left_for_keys(&self, keys: usize) -> bool {
        let bytes = keys * (RESERVED_KEY_BYTES + NOTED_BYTES) + FIRST_SEGMENT_BYTES;
        !self.evicts() || self.taken.load(Relaxed).saturating_add(bytes) <= self.limit
    }

    /// Whether keys have to be evicted.
    #[inline]
    pub(crate) fn is_exceeded(&self) -> bool {
        self.evicts()
            && (self.taken.load(Relaxed) > self.limit
                || self.max_keys.is_some_and(|limit| self.keys.load(Relaxed) > limit))
    }

    /// About how many keys have to go.
    pub(crate) fn keys_over(&self) -> usize {
        let (taken, keys) = (self.taken.load(Relaxed), self.keys.load(Relaxed));
        let bytes_a_key = (taken / keys.max(1)).max(1);
        let for_bytes = taken.saturating_sub(self.limit) / bytes_a_key;
        for_bytes.max(self.max_keys.map_or(0, |limit| keys.saturating_sub(limit)))
    }

    pub(crate) fn evicted(&self) -> usize {
        self.evicted.load(Relaxed)
    }

    pub(crate) fn count_evicted(&self, keys: usize) {
        self.evicted.fetch_add(keys, Relaxed);
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
        debug_assert!(error.is_full());
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

    /// Whether so little room is left that no memory should be kept in reserve. A store that evicts is always full, and
    /// never short.
    pub(crate) fn is_short(&self) -> bool {
        !self.evicts() && self.taken.load(Relaxed) > self.limit - self.limit / SHORT_SHARE
    }

    /// The same for room for keys.
    pub(crate) fn is_short_of_keys(&self) -> bool {
        let is_short = |limit: usize| self.keys.load(Relaxed) >= limit - limit / SHORT_SHARE;
        !self.evicts() && self.max_keys.is_some_and(is_short)
    }

    /// Counts a key more, if the store may hold one more.
    fn try_take_key(&self, limit: usize) -> Result<()> {
        let more = |keys: usize| (keys < limit).then_some(keys + 1);
        let refused = |keys: usize| Error::TooManyKeys { size: keys + 1, limit };
        self.keys.fetch_update(Relaxed, Relaxed, more).map(drop).map_err(refused)
    }

    fn add_keys(&self, keys: isize) {
        if keys != 0 && self.counts_keys() {
            let before = self.keys.fetch_add(keys.cast_unsigned(), Relaxed);
            debug_assert!(before.checked_add_signed(keys).is_some(), "{keys} keys beside {before}");
        }
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

    /// The number of keys, if it is counted.
    #[cfg(feature = "testing")]
    pub(crate) fn keys(&self) -> Option<usize> {
        self.counts_keys().then(|| self.keys.load(Relaxed))
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
    /// Where the call evicts at its end.
    store: &'a Store,
    /// The keys that the call uses, if [the rules](Rules::tells_keys) want to know it.
    used: RefCell<Used>,
    /// Their number before the call, and the bytes of their records.
    used_keys: Cell<usize>,
    used_bytes: Cell<usize>,
    /// The number of keys of the call that have fields now.
    live_keys: Cell<usize>,
    /// Whether the records of the present command have fields.
    is_live: Cell<bool>,
    /// Keys for which room is reserved, or which the call has removed, and in whose place it may put others.
    held_keys: Cell<usize>,
}

impl<'a> Reservation<'a> {
    pub(crate) fn new(room: &'a Room, store: &'a Store) -> Self {
        let (unsettled, begun, floor) = (Cell::new(0), Cell::new(0), Cell::new(isize::MIN));
        Self {
            room,
            unsettled,
            begun,
            floor,
            store,
            used: RefCell::default(),
            used_keys: Cell::new(0),
            used_bytes: Cell::new(0),
            live_keys: Cell::new(0),
            is_live: Cell::new(false),
            held_keys: Cell::new(0),
        }
    }

    /// See [`Port::uses`](crate::hash::Port::uses).
    pub(crate) fn uses(&self, hash: u64, bytes: usize) -> u8 {
        if self.used.borrow_mut().insert(hash) {
            self.used_keys.set(self.used_keys.get() + 1);
            self.live_keys.set(self.live_keys.get() + 1);
            self.used_bytes.set(self.used_bytes.get() + bytes);
        }
        self.room.ticks.now()
    }

    /// See [`Port::arrives`](crate::hash::Port::arrives).
    pub(crate) fn arrives(&self, hash: u64) -> u8 {
        self.used.borrow_mut().insert(hash);
        let Self { room, store, .. } = self;
        room.ticks.arrive(store.rules.eviction, store.shard_index(hash), hash, room.keys.load(Relaxed))
    }

    #[cold]
    #[inline(never)]
    fn evict(&self) {
        self.store.evict(self.room, &self.used.borrow());
    }

    /// See [`Port::reserve_key`](crate::hash::Port::reserve_key).
    pub(crate) fn take_key(&self) -> Result<()> {
        let Some(limit) = self.room.max_keys else { return Ok(()) };
        let size = self.live_keys.get() + 1;
        if size > limit {
            let refused = Error::TooManyKeys { size, limit };
            self.room.count_refusal(&refused);
            return Err(refused);
        }
        if !self.room.evicts() && size > self.used_keys.get() + self.held_keys.get() {
            self.room.try_take_key(limit).inspect_err(|error| self.room.count_refusal(error))?;
            self.held_keys.set(self.held_keys.get() + 1);
        }
        Ok(())
    }

    /// See [`Port::settle_keys`](crate::hash::Port::settle_keys).
    pub(crate) fn settle_keys(&self, before: usize, after: usize) {
        let mut more = after.cast_signed() - before.cast_signed();
        // What a call on certain keys removes keeps its room, because another key of the call may come in its place.
        if !self.room.evicts() && (more > 0 || !self.used.borrow().is_empty()) {
            let held = self.held_keys.get().saturating_add_signed(-more);
            more += held.cast_signed() - self.held_keys.replace(held).cast_signed();
        }
        self.room.add_keys(more);
    }

    /// Notes whether the records of the present command have fields.
    fn note_live(&self, is_live: bool) {
        if is_live != self.is_live.replace(is_live) {
            let keys = self.live_keys.get();
            self.live_keys.set(if is_live { keys + 1 } else { keys.saturating_sub(1) });
        }
    }

    pub(crate) fn is_short(&self) -> bool {
        self.room.is_short()
    }

    /// See [`Port::begin`](crate::hash::Port::begin).
    pub(crate) fn begin(&self, footprint: usize) {
        self.begun.set(self.unsettled.get() - footprint.cast_signed());
        self.is_live.set(footprint > 0);
    }

    /// See [`Port::take_for_good`](crate::hash::Port::take_for_good).
    pub(crate) fn take_for_good(&self, bytes: usize) -> bool {
        if self.room.evicts() {
            self.room.add(bytes.cast_signed());
            return true;
        }
        self.room.try_take(bytes).is_ok()
    }

    /// Reserves this many more bytes, or fails if there is no room for them.
    pub(crate) fn take(&self, bytes: usize) -> Result<()> {
        if bytes > 0 {
            let unsettled = self.unsettled.get() + bytes.cast_signed();
            // Freed bytes that are held are taken first.
            let more = (self.held(unsettled) - self.held(self.unsettled.get())).cast_unsigned();
            match self.room.most_of_one {
                None => self.room.try_take(more).inspect_err(|error| self.room.count_refusal(error))?,
                Some(most) => {
                    let size = self.used_bytes.get().saturating_add_signed(unsettled) + self.slot_bytes();
                    if size > most {
                        let refused = Error::Full { size: self.room.limit - most + size, limit: self.room.limit };
                        self.room.count_refusal(&refused);
                        return Err(refused);
                    }
                }
            }
            self.unsettled.set(unsettled);
        }
        Ok(())
    }

    /// The most bytes that the slots of the call's keys take, beyond what is counted with the records.
    fn slot_bytes(&self) -> usize {
        let keys = self.live_keys.get() + usize::from(!self.is_live.get());
        keys * (RESERVED_KEY_BYTES + NOTED_BYTES) + keys.min(self.store.shards.len()) * FIRST_SEGMENT_BYTES
    }

    /// See [`Port::raise`](crate::hash::Port::raise).
    pub(crate) fn raise(&self, footprint: usize) {
        self.note_live(footprint > 0);
        self.count(self.unsettled.get().max(self.begun.get() + footprint.cast_signed()));
    }

    /// See [`Port::measure`](crate::hash::Port::measure).
    pub(crate) fn measure(&self, footprint: usize) {
        self.note_live(footprint > 0);
        self.count(self.begun.get() + footprint.cast_signed());
    }

    fn count(&self, unsettled: isize) {
        self.room.add(self.held(unsettled) - self.held(self.unsettled.replace(unsettled)));
    }

    /// See [`Port::hold_freed`](crate::hash::Port::hold_freed).
    pub(crate) fn hold_freed(&self) {
        self.floor.set(self.unsettled.get());
    }

    /// What the room counts for a reservation of this many bytes: nothing in a store that evicts.
    #[inline]
    fn held(&self, unsettled: isize) -> isize {
        if self.room.evicts() { 0 } else { unsettled.max(self.floor.get()) }
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
        self.room.add_keys(-self.held_keys.get().cast_signed());
        if !self.used.get_mut().is_empty() && self.room.is_exceeded() {
            self.evict();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_call_frees_and_holds_is_free_for_that_call_alone() {
        let rules = Rules { limits: Limits::default().max_bytes(100), ..Rules::default() };
        let room = Room::new(&rules, 90, 1).expect("there is a limit");
        let store = Store::new(); // is not asked
        let call = Reservation::new(&room, &store);
        call.begin(10);
        call.measure(5); // freed before it holds anything
        assert_eq!(room.taken.load(Relaxed), 85);
        call.hold_freed();
        call.begin(60);
        call.measure(0);
        assert_eq!((call.unsettled.get(), room.taken.load(Relaxed)), (-65, 85));
        assert!(Reservation::new(&room, &store).take(16).is_err(), "nobody else gets what is held");
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
