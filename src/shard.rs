//! The keys behind one lock. Single-threaded: a shard knows no lock and no clock.
//!
//! # Changes
//! A change of a record takes one of three ways:
//!
//! | way | for | what it costs |
//! |---|---|---|
//! | [`Shard::change_quietly`] | `set`, `remove` and `increment` of a field in the usual case | what the change itself costs |
//! | [`Shard::change`] | every command | a call, and settling the record |
//! | [`Visit`] | closures of the user | the same, on every path out of the closure |
//!
//! Most single writes concern nobody but the caller. The store has no limit and no recorder, the record is *plain*
//! ([`Record::is_plain`]: no deadlines, nothing that a running save still needs), and it keeps its encoding. Such a
//! change is *quiet*. It needs no call, asks nobody, and updates the sums by what the change adds. That takes 8 to 25 %
//! fewer instructions. A quiet change that meets any other case changes nothing, and the command runs in a call. Half
//! of the configurations of the tests make no quiet changes.
//!
//! The other two ways end alike. A command runs on the record in its slot. A closure gets the record in a visit, whose
//! `Drop` ends it, so that a return, an error and a panic take the same path.
//!
//! At the end the record is *settled*: it gets the encoding that it should have, it is removed if it is empty, and the
//! shard's sums are updated. Usually the encoding stays, and only the sums change.
//!
//! A record is purged of expired data before it is lent to anybody. An *attempt* (see `attempt.rs`) rolls back before
//! its records settle, unless it ends well.
//!
//! # The index of deadlines
//! Each segment knows its next deadlines up to a horizon (see `directory/upcoming.rs`), and the shard a bound before
//! which nothing in it expires. A settled record's soonest deadline is noted in its segment, unless it lies behind the
//! horizon. A walk through the segment collects the next deadlines when the horizon has come. The index takes less than
//! half a byte for each key, and needs no update when a record moves. An outdated entry does no harm, because whoever
//! takes it looks at the record.
//!
//! Rejected: an ordered index, which takes 37 bytes for each key, and 500 ns for each deadline that is moved. Also
//! rejected: a single bound for each segment. Each key that expires alone then costs a walk: 48 us of processor time at
//! one million keys, against 2 us here.
//!
//! Invariants, recomputed under these numbers by `validate`:
//! 1. No record is empty, and each is found under its key.
//! 2. `sums` are the sums over all records.
//! 3. No deadline is sooner than its segment's bound, and no segment's bound sooner than the shard's.
//! 4. While no save runs, each record as a whole has the mark of the store's epoch.

mod attempt;
mod census;
mod count;
mod evict;
mod segment;
mod several;
mod visit;

use std::ops::ControlFlow;

use crate::directory::{At, Directory};
use crate::hash::{Context, Encoding, Growth, Port, Record, Scope};
use crate::hashing::TAG_BITS;
use crate::options::Rules;
use crate::random::Random;
#[cfg(feature = "testing")]
use crate::saving::Epoch;
use crate::saving::{Mark, Saver, Unsaved, Walk};
use crate::scan::{Order, Selection};
use crate::sync::{CachePadded, RwLock};
use crate::time::{Deadline, Now};
pub(crate) use attempt::{Attempted, attempt};
use census::{FIRST, take_shapes};
pub(crate) use count::{AnyNumber, Count, Fixed};
pub(crate) use evict::{MOST_FOUND, Sample};
use segment::KeySegment;
pub(crate) use several::Taken;
use visit::Held;
pub(crate) use visit::Visit;

/// See the module's documentation.
pub(crate) struct Shard {
    keys: Directory<KeySegment>,
    sums: Sums,
    soonest: Deadline,
    changes: u64,
    /// So many records without a shape may come until a census is due.
    until_census: u32,
    /// How many censuses in a row have found nothing, up to a limit.
    fruitless: u8,
    /// The mark of the last save that has walked over the whole shard.
    whole: Mark,
    /// The mark of the last save during which a table was filed here that this save had not written as a whole.
    unsaved: Option<Mark>,
}

/// The most bytes that a key takes for which room is reserved. Room is reserved in segments of 1,024 slots for 784 keys
/// each, and the number of segments is a power of two. One key more than fits is therefore the worst case.
pub(crate) const RESERVED_KEY_BYTES: usize = 45;

/// The bound of a shard in which nothing has a deadline. It is not `NEVER` if [the rules need care](Rules::need_care),
/// so that calls [take it](Shard::needs_care).
fn no_deadline(rules: &Rules) -> Deadline {
    if rules.need_care() { Deadline::UNDUE } else { Deadline::NEVER }
}

/// What an empty shard takes, with its lock.
const _: () = assert!(size_of::<CachePadded<RwLock<Shard>>>() == 128 || cfg!(test));

/// Whether a command on a missing key creates it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Create {
    Yes,
    No,
}

/// The sums over the records of a shard, or the counts of one record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) fields: usize,
    pub(crate) record_bytes: usize,
    pub(crate) tables: u32,
    /// Records that have a shape.
    pub(crate) shaped: u32,
    /// Bytes that their shapes save.
    pub(crate) saved_bytes: usize,
}

impl Sums {
    #[inline]
    fn of(record: &Record, rules: &Rules) -> Self {
        let saved_bytes = record.saved_bytes(rules);
        Self {
            fields: record.len(),
            tables: u32::from(record.encoding() == Encoding::Table),
            record_bytes: record.heap_bytes(),
            shaped: u32::from(saved_bytes.is_some()),
            saved_bytes: saved_bytes.unwrap_or(0),
        }
    }

    /// Whether the names of a record with these sums have changed since it had those, as far as sums can tell.
    #[inline]
    fn tell_other_names(self, before: Self) -> bool {
        (self.fields, self.shaped) != (before.fields, before.shaped)
    }

    /// The encoding of the one record of which these are the sums.
    #[inline]
    fn encoding(self) -> Encoding {
        if self.tables == 0 { Encoding::Packed } else { Encoding::Table }
    }

    #[inline]
    fn exchange(&mut self, before: Self, after: Self) {
        self.fields = self.fields - before.fields + after.fields;
        self.tables = self.tables - before.tables + after.tables;
        self.record_bytes = self.record_bytes - before.record_bytes + after.record_bytes;
        self.shaped = self.shaped - before.shaped + after.shaped;
        self.saved_bytes = self.saved_bytes - before.saved_bytes + after.saved_bytes;
    }
}

impl Shard {
    /// An empty shard. This many bits of a hash choose among the shards of the store. Allocates nothing.
    pub(crate) fn new(shard_bits: u32, rules: &Rules) -> Self {
        Self {
            keys: Directory::new(TAG_BITS + shard_bits),
            sums: Sums::default(),
            soonest: no_deadline(rules),
            changes: 0,
            until_census: FIRST,
            fruitless: 0,
            whole: Mark::default(),
            unsaved: None,
        }
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn sums(&self) -> Sums {
        self.sums
    }

    /// The number of quiet changes, commands and visits so far. Each of them may have changed a record.
    #[cfg(feature = "snapshot")]
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Subtracts one, because settling a visit that has changed nothing will add one.
    pub(crate) fn uncount_visit(&mut self) {
        self.changes = self.changes.wrapping_sub(1);
    }

    /// Takes all keys out, and leaves an empty shard.
    pub(crate) fn take_all(&mut self, cx: Context<'_>) -> Self {
        let empty =
            Self { keys: self.keys.emptied(), changes: self.changes + 1, whole: cx.mark(), ..Self::new(0, cx.rules) };
        std::mem::replace(self, empty)
    }

    /// Whether everything in the shard is known to have this mark.
    pub(crate) fn is_saved(&self, mark: Mark) -> bool {
        self.whole == mark && self.unsaved != Some(mark)
    }

    /// Bytes asked of the allocator. O(1).
    pub(crate) fn heap_bytes(&self) -> usize {
        self.keys.heap_bytes() + self.sums.record_bytes
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.keys.segments().flat_map(|keys| keys.records.iter())
    }

    /// Makes room for this many more keys.
    pub(crate) fn reserve(&mut self, keys: usize, rules: &Rules) {
        self.keys.reserve(keys, rules);
    }

    /// Gives back the unused memory of keys and records. Records take the shapes that there are.
    pub(crate) fn shrink_to_fit(&mut self, rules: &Rules) {
        let Self { keys, sums, .. } = self;
        keys.shrink_to_fit(rules, |keys| {
            take_shapes(&mut keys.records, sums, &mut { usize::MAX }, rules);
            for record in keys.records.iter_mut() {
                let before = Sums::of(record, rules);
                record.shrink_to_fit(rules);
                sums.exchange(before, Sums::of(record, rules));
            }
            keys.shrink_to_fit(rules);
        });
    }

    /// Offers the keys to a page, in groups that follow hash order, until it is complete. It copies those that begin
    /// with a prefix.
    pub(crate) fn scan(&self, selection: &mut Selection<Vec<u8>>, prefix: &[u8], rules: &Rules) -> ControlFlow<()> {
        self.keys.segments_from(selection.from().hash()).try_for_each(|keys| {
            let keys = keys.records.iter().map(Record::key).map(|key| (Order::of_hash(rules.hash(key)), key));
            selection.offer(keys, |key| key.starts_with(prefix).then(|| key.to_vec()))
        })
    }

    /// Draws a record, each as likely as any other, or returns `None` if there are none. O(segments), and O(segment).
    pub(crate) fn draw(&self, random: &mut Random) -> Option<&Record> {
        let mut left = random.below(self.len());
        for keys in self.keys.segments() {
            let len = keys.records.len();
            if left < len {
                return keys.records.iter().nth(left);
            }
            left -= len;
        }
        None
    }

    #[inline(always)]
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<&Record> {
        self.keys.find(hash)?.find(hash, key)
    }

    /// The record that is probably that of the key with this hash. Looks only at hashes, and reads no record.
    #[inline]
    pub(crate) fn candidate(&self, hash: u64) -> Option<&Record> {
        self.keys.find(hash)?.records.iter_hash(hash).next()
    }

    /// Visits the record of a key, if there is one. First purges the part of it that the scope names. The record is
    /// empty if everything in it had expired.
    #[inline(always)]
    pub(crate) fn visit<'a>(
        &'a mut self,
        hash: u64,
        key: &[u8],
        scope: Scope<'_>,
        cx: Context<'a>,
    ) -> Option<Visit<'a>> {
        let slot = self.slot(hash, key)?;
        Some(self.visit_slot(slot, hash, scope, cx))
    }

    /// Visits the record of a key, or an empty record if there is none. An empty record is filed only if it gets a
    /// field.
    #[inline(always)]
    pub(crate) fn visit_or_new<'a>(
        &'a mut self,
        hash: u64,
        key: &[u8],
        scope: Scope<'_>,
        cx: Context<'a>,
    ) -> Visit<'a> {
        match self.slot(hash, key) {
            Some(slot) => self.visit_slot(slot, hash, scope, cx),
            None => {
                Visit { before: Sums::default(), held: Held::New(Record::new(cx.mark(), key)), shard: self, hash, cx }
            }
        }
    }

    /// Changes the record of a key quietly, if it is there and plain. Returns the result, or `None` if nothing was
    /// done. The caller has checked that the store allows it.
    #[inline(always)]
    pub(crate) fn change_quietly<R>(
        &mut self,
        hash: u64,
        key: &[u8],
        mark: Mark,
        rules: &Rules,
        change: impl FnOnce(&mut Record) -> Option<(R, Growth)>,
    ) -> Option<R> {
        let record = self.keys.find_mut(hash)?.find_mut(hash, key)?;
        if !record.is_plain(mark) {
            return None;
        }
        let (result, growth) = change(record)?;
        self.changes = self.changes.wrapping_add(1);
        self.sums.fields = self.sums.fields.wrapping_add_signed(growth.fields);
        self.sums.record_bytes = self.sums.record_bytes.wrapping_add_signed(growth.bytes);
        if growth.fields != 0 {
            self.sums.shaped = self.sums.shaped.wrapping_add_signed(growth.shaped);
            self.sums.saved_bytes = self.sums.saved_bytes.wrapping_add_signed(growth.saved);
            if record.wants_shape(rules) {
                let before = Sums::of(record, rules);
                record.settle_shape(rules, None);
                self.sums.exchange(before, Sums::of(record, rules));
            }
            if growth.shaped < 0 {
                self.note_shapeless(hash, rules, None);
            }
        }
        Some(result)
    }

    /// Runs one command on the record of a key in its slot. If there is no such key, the command gets an empty record,
    /// or it is not run if it must not create one. The same as a visit that runs one command, but a panic in the
    /// command leaves the record unsettled, so a command runs none of the user's code.
    pub(crate) fn change(
        &mut self,
        hash: u64,
        key: &[u8],
        create: Create,
        scope: Scope<'_>,
        cx: Context<'_>,
        command: &mut dyn FnMut(&mut Record, Context<'_>),
    ) {
        let slot = self.slot(hash, key);
        let (mut new, mut before) = (None, Sums::default());
        let record = match slot {
            Some(slot) => {
                let (record, sums) = self.open(slot, hash, scope, cx);
                before = sums;
                record
            }
            None if create == Create::No => return,
            None => new.insert(Record::new(cx.mark(), key)),
        };
        if create == Create::Yes || record.len() > 0 {
            record.begin_command(cx);
            command(record, cx);
        }
        if let Some(slot) = slot
            && let Some(settled) = record.settled(before, cx)
        {
            self.count(slot, hash, before, settled, cx);
        } else {
            let held = slot.map_or_else(|| Held::New(new.unwrap_or_default()), Held::Filed);
            drop(Visit { shard: self, held, cx, hash, before });
        }
    }

    #[inline(always)]
    fn slot(&self, hash: u64, key: &[u8]) -> Option<Slot> {
        let at = self.keys.locate(hash)?;
        let bucket = self.keys.at(at).find_bucket(hash, key)?;
        Some(Slot { at, bucket })
    }

    #[inline(always)]
    fn visit_slot<'a>(&'a mut self, slot: Slot, hash: u64, scope: Scope<'_>, cx: Context<'a>) -> Visit<'a> {
        let (_, before) = self.open(slot, hash, scope, cx);
        Visit { before, held: Held::Filed(slot), shard: self, hash, cx }
    }

    /// Prepares a record for a change, and purges this part of it. Returns it with its sums from before.
    #[inline(always)]
    fn open(&mut self, slot: Slot, hash: u64, scope: Scope<'_>, cx: Context<'_>) -> (&mut Record, Sums) {
        let needs_care = self.needs_care();
        if needs_care && cx.rules.tells_keys() {
            self.note_use(slot, hash, scope, cx);
        }
        let record = self.record_mut(slot);
        record.save_ahead(cx);
        let before = Sums::of(record, cx.rules);
        if needs_care {
            record.command(cx, |record| record.purge(scope, cx));
        }
        (record, before)
    }
}

/// Filing.
impl Shard {
    /// Files a record whose key is not there yet, and whose sums are counted already.
    fn insert(&mut self, hash: u64, record: Record, rules: &Rules, room: Option<&dyn Port>) {
        let (soonest, could_have_shape) = (record.soonest(), record.could_have_shape());
        let usage = room.and_then(|room| self.first_usage(hash, rules, room));
        let at = self.keys.prepare_insert(hash, rules);
        self.keys.edit(at, |keys| keys.insert(hash, record, usage, rules));
        self.lower_bounds(at, soonest, hash);
        if could_have_shape {
            self.note_shapeless(hash, rules, room);
        }
    }

    #[inline]
    fn record(&self, slot: Slot) -> &Record {
        self.keys.at(slot.at).record(slot.bucket)
    }

    #[inline]
    fn record_mut(&mut self, slot: Slot) -> &mut Record {
        self.keys.at_mut(slot.at).record_mut(slot.bucket)
    }
}

/// Where a record is filed.
#[derive(Clone, Copy)]
struct Slot {
    at: At,
    bucket: usize,
}

/// Expiry.
impl Shard {
    /// Whether anything in the shard may have a deadline, or [the rules need care](Rules::need_care). Calls on keys ask
    /// both by one comparison.
    #[inline]
    pub(crate) fn needs_care(&self) -> bool {
        self.soonest != Deadline::NEVER
    }

    /// Whether anything in the shard may have a deadline.
    #[inline]
    pub(crate) fn has_deadlines(&self) -> bool {
        self.soonest < Deadline::UNDUE
    }

    /// Whether something in the shard may have expired.
    pub(crate) fn is_overdue(&self, now: &Now<'_>) -> bool {
        self.soonest.is_due(now)
    }

    /// Whether something has expired in a segment, or may have because the segment's bound is not exact. O(segments).
    pub(crate) fn has_overdue_segment(&self, now: &Now<'_>) -> bool {
        self.is_overdue(now) && self.keys.segments().any(|keys| keys.upcoming.soonest().is_due(now))
    }

    fn lower_bounds(&mut self, at: At, soonest: Deadline, hash: u64) {
        self.keys.at_mut(at).upcoming.note(soonest, hash);
        self.soonest = self.soonest.min(soonest);
    }

    /// Purges one slice of an overdue segment, and returns the place of the segment. It takes the one with the greatest
    /// place up to `last`, or if there is none, the one with the greatest place of all. If no segment is overdue, it
    /// raises the shard's bound and returns `None`. O(segment), plus O(segments) to find it.
    pub(crate) fn purge_slice(&mut self, last: Option<At>, cx: Context<'_>) -> Option<At> {
        let is_due = |keys: &KeySegment| keys.upcoming.soonest().is_due(cx.now());
        // A segment may have been merged with one behind `last`, so part of it may be left there.
        let Some(at) = self.keys.last_until(last, is_due).or_else(|| self.keys.last_until(None, is_due)) else {
            let soonest = self.keys.segments().map(|keys| keys.upcoming.soonest()).min();
            self.soonest = no_deadline(cx.rules).min(soonest.unwrap_or(Deadline::NEVER));
            return None;
        };
        let before = self.keys.heap_bytes();
        let due = self.keys.edit(at, |keys| keys.take_due(cx));
        if let Some(room) = cx.room() {
            room.settle(before, self.keys.heap_bytes()); // the next deadlines take some bytes
        }
        for key in due {
            drop(self.visit(cx.rules.hash(&key), &key, Scope::Slice, cx));
        }
        Some(at)
    }
}

/// What saving and loading do.
#[cfg(feature = "snapshot")]
impl Shard {
    /// Writes the parts of a table that are not written yet, until the slice is over. Returns whether all are written.
    /// A missing table counts as written.
    pub(crate) fn save_key(&mut self, hash: u64, key: &[u8], walk: &mut Walk, saver: &mut Saver<'_>) -> bool {
        self.slot(hash, key).is_none_or(|slot| self.record_mut(slot).save_slice(walk, saver))
    }

    /// Files a record, unless its key is there already.
    pub(crate) fn load(&mut self, hash: u64, mut record: Record, rules: &Rules) -> bool {
        let is_new = self.slot(hash, record.key()).is_none();
        if is_new {
            if record.wants_shape(rules) {
                record.settle_shape(rules, None);
            }
            self.sums.exchange(Sums::default(), Sums::of(&record, rules));
            self.insert(hash, record, rules, None);
        }
        is_new
    }
}

impl Unsaved for Shard {
    fn save_slice(&mut self, walk: &mut Walk, saver: &mut Saver<'_>) -> bool {
        let mut behind = None;
        if let Some((at, next)) = self.keys.place(walk.keys) {
            if !self.keys.at_mut(at).save_slice(walk, saver) {
                return false;
            }
            behind = next;
        }
        match behind {
            Some(behind) => (walk.keys, walk.bucket) = (behind, 0),
            None => self.whole = saver.mark,
        }
        behind.is_none()
    }

    fn heap_bytes(&self) -> usize {
        Self::heap_bytes(self)
    }
}

#[cfg(feature = "testing")]
impl Shard {
    /// Checks the invariants of the module's documentation, and those of all parts.
    ///
    /// # Panics
    /// If one is broken.
    pub(crate) fn validate(&self, rules: &Rules, epoch: Epoch) {
        self.keys.validate(rules);
        for record in self.records() {
            record.validate(rules);
            assert!(record.len() > 0, "1: an empty record");
            assert!(epoch.is_saving() || record.is_saved(epoch.mark()), "4: a mark of another epoch");
            let found = self.find(rules.hash(record.key()), record.key());
            assert!(found.is_some_and(|found| std::ptr::eq(found, record)), "1: a key stands twice or is not found");
        }
        let mut sums = Sums::default();
        self.records().for_each(|record| sums.exchange(Sums::default(), Sums::of(record, rules)));
        assert_eq!(self.sums, sums, "2: sums");
        for keys in self.keys.segments() {
            let is_covered = |record: &Record| keys.upcoming.covers(record.soonest(), rules.hash(record.key()));
            assert!(keys.records.iter().all(is_covered), "3: a deadline that its segment does not know");
            assert!(keys.upcoming.soonest() >= self.soonest, "3: a deadline before its shard's bound");
        }
    }
}
