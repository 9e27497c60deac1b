//! The encoding of large hashes: a directory of segments, each of which holds its fields and values itself.
//!
//! ```text
//! Box<Table> --> key, flags, sums
//!                Directory<FieldSegment> --> segment, segment, segment ... of up to about 900 fields each
//! ```
//! Every operation on a field is O(1) and touches one segment; growing splits one segment at a time.
//!
//! Invariants, recomputed under these numbers by `validate`:
//! 1. `entry_bytes` is the sum of the lengths of all entries. A packed hash would take as many bytes for them.
//! 2. `oversized` counts the fields and the values longer than the thresholds' `max_string`.
//! 3. No field's deadline is sooner than `soonest`. Setting a deadline lowers it, and purging raises it again.
//! 4. `head` is the mark of key and deadline, and each segment has a mark of its own. If `whole` is the mark of the
//!    store's epoch, then head and segments have it too.

pub(super) mod image;
mod segment;

use std::mem::size_of;

use crate::directory::{At, Directory, Position, Segment, Segments};
use crate::hash::Context;
use crate::hash::Effect;
use crate::hash::entry;
use crate::hash::packed::{Deadlines, Packed};
use crate::hash::purge::report_field;
use crate::hashing::TAG_BITS;
use crate::options::Rules;
use crate::random::Random;
use crate::saving::{Mark, Saver, Unsaved, Walk};
use crate::time::{Deadline, Now};
pub(super) use segment::INLINE_MAX;
use segment::{EntriesOf, FieldSegment, FoundField};

/// The number of empty buckets after which a draw counts entries instead.
const MAX_DRAWS: usize = 64;

/// A field that was looked for. It is valid until the table is changed.
pub(crate) struct FoundInTable {
    hash: u64,
    /// Its segment and its place in it, if it is there.
    field: Option<(At, FoundField)>,
}

impl FoundInTable {
    #[inline]
    pub(crate) fn is_there(&self) -> bool {
        self.field.is_some()
    }

    /// The length of the value, 0 if the field is not there.
    pub(crate) fn value_len(&self) -> usize {
        self.field.as_ref().map_or(0, |(_, found)| found.value_len())
    }
}

/// See the module's documentation.
#[derive(Clone)]
pub(crate) struct Table {
    key: Box<[u8]>,
    fields: Directory<FieldSegment>,
    entry_bytes: usize,
    oversized: usize,
    deadline: Deadline,
    soonest: Deadline,
    /// The number of this table in the running snapshot, once its head is written.
    saved_as: u32,
    head: Mark,
    whole: Mark,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(mark: Mark, key: &[u8], deadline: Deadline) -> Self {
        Self {
            key: key.into(),
            fields: Directory::new(TAG_BITS),
            entry_bytes: 0,
            oversized: 0,
            deadline,
            soonest: Deadline::NEVER,
            saved_as: 0,
            head: mark,
            whole: mark,
        }
    }

    pub(crate) fn from_packed(packed: &Packed, cx: Context<'_>) -> Self {
        let terms = cx.terms_noting_nothing(); // the hash stays what it is
        let cx = cx.on(&terms);
        let mut table = Self::new(packed.mark(), packed.key(), packed.deadline());
        for (_, (field, value)) in packed.pairs(cx.rules) {
            table.set(cx.rules.hash(field), field, value, cx);
        }
        for (index, deadline) in packed.field_deadlines() {
            let (field, _) = packed.pair_at(index, cx.rules);
            table.set_field_deadline(cx.rules.hash(field), field, deadline, cx);
        }
        table
    }

    /// The same hash, packed. The caller has checked that it [`fits`](Packed::fits).
    pub(crate) fn to_packed(&self, rules: &Rules) -> Packed {
        let tagged = |entry| (rules.tag(entry::pair(entry).0), entry);
        let entries: Vec<(u8, &[u8])> = self.entries().map(tagged).collect();
        let mut packed = Packed::assemble(self.mark(), &self.key, entries.iter().copied());
        if self.deadline.min(self.soonest) != Deadline::NEVER {
            let fields = entries.iter().map(|(_, entry)| entry::pair(entry).0);
            let deadline = |field| self.field_deadline(rules.hash(field), field).unwrap_or(Deadline::NEVER);
            packed.set_deadlines(Deadlines::new(self.deadline, fields.map(deadline).enumerate()));
        }
        packed
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// A copy under another key.
    pub(crate) fn with_key(&self, mark: Mark, key: &[u8]) -> Self {
        let mut copy = Self { key: key.into(), fields: self.fields.clone(), ..*self };
        copy.set_mark(mark);
        copy
    }

    pub(crate) fn set_key(&mut self, key: &[u8]) {
        self.key = key.into();
    }

    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The number of fields, and the number of bytes of all entries.
    #[inline]
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.len(), self.entry_bytes)
    }

    pub(crate) fn entry_bytes(&self) -> usize {
        self.entry_bytes
    }

    pub(crate) fn oversized(&self) -> usize {
        self.oversized
    }

    /// Bytes asked of the allocator, including those of the box around this table. O(1).
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.key.len() + self.fields.heap_bytes()
    }

    #[inline(never)]
    pub(crate) fn get(&self, field: &[u8], rules: &Rules) -> Option<&[u8]> {
        let hash = rules.hash(field);
        self.fields.find(hash)?.get(hash, field)
    }

    /// Makes room for this many more fields.
    #[cfg(feature = "snapshot")]
    pub(crate) fn reserve(&mut self, fields: usize, rules: &Rules) {
        self.fields.reserve(fields, rules);
    }

    /// Gives all unused memory back. O(n).
    pub(crate) fn shrink_to_fit(&mut self, rules: &Rules) {
        self.fields.shrink_to_fit(rules, |fields| fields.shrink_to_fit(rules));
    }

    pub(crate) fn entries(&self) -> Entries<'_> {
        self.fields.segments().flat_map(FieldSegment::iter)
    }

    /// Draws an entry, each as likely as any other, if there is one. O(1), but O(segments) if most buckets are empty.
    ///
    /// It draws buckets until one holds an entry. Usually every second to tenth bucket does. In a sparse table it draws
    /// the number of an entry instead. That is as even, but the entries have to be counted.
    pub(crate) fn draw(&self, random: &mut Random) -> Option<&[u8]> {
        for _ in 0..MAX_DRAWS {
            let (fields, bucket) = self.fields.draw_bucket(random)?;
            if let Some(entry) = fields.in_bucket(bucket) {
                return Some(entry);
            }
        }
        let mut number = random.below(self.len());
        for fields in self.fields.segments() {
            if number < fields.len() {
                return fields.iter().nth(number);
            }
            number -= fields.len();
        }
        None
    }

    /// The segments in hash order, beginning with the one for this hash.
    pub(crate) fn segments_from(&self, hash: u64) -> impl Iterator<Item = &FieldSegment> {
        self.fields.segments_from(hash)
    }

    /// Looks for a field.
    #[inline]
    pub(crate) fn find(&self, hash: u64, field: &[u8]) -> FoundInTable {
        let at = self.fields.locate(hash);
        FoundInTable { hash, field: at.and_then(|at| Some((at, self.fields.at(at).find(hash, field)?))) }
    }

    /// The value of a field that was found.
    #[inline]
    pub(crate) fn value(&self, found: &FoundInTable) -> Option<&[u8]> {
        found.field.as_ref().map(|(at, found)| self.fields.at(*at).value(found))
    }

    /// Sets a field, and returns whether it is new.
    pub(crate) fn set(&mut self, hash: u64, field: &[u8], value: &[u8], cx: Context<'_>) -> bool {
        self.set_found(self.find(hash, field), field, value, cx)
    }

    /// Sets a field that was looked for, and returns whether it is new.
    pub(crate) fn set_found(&mut self, found: FoundInTable, field: &[u8], value: &[u8], cx: Context<'_>) -> bool {
        let rules = cx.rules;
        let FoundInTable { hash, field: found } = found;
        if let Some((at, found)) = found {
            self.save_ahead_at(at, cx);
            let segment = self.fields.at(at);
            cx.note(|| Some((&self.key, Effect::Put { field, value, before: Some(segment.value(&found)) })));
            let old_len = found.value_len();
            if !self.fields.at_mut(at).overwrite(&found, value, cx) {
                self.fields.edit(at, |fields| fields.replace(&found, field, value, cx));
            }
            if old_len != value.len() {
                self.oversized = self.oversized + usize::from(rules.is_oversized(value.len()))
                    - usize::from(rules.is_oversized(old_len));
                self.entry_bytes = self.entry_bytes - old_len + value.len();
            }
            return false;
        }
        if let Some(at) = self.fields.locate(hash) {
            self.save_ahead_at(at, cx); // before it is split
        }
        let at = self.fields.prepare_insert(hash, rules);
        self.save_ahead_at(at, cx); // the first segment has no mark yet
        cx.note(|| Some((&self.key, Effect::Put { field, value, before: None })));
        self.fields.edit(at, |fields| fields.insert(hash, field, value, cx));
        self.oversized += [field, value].into_iter().filter(|string| rules.is_oversized(string.len())).count();
        self.entry_bytes += entry::len(field, value);
        true
    }

    /// Removes a field, and returns whether it was there.
    pub(crate) fn remove(&mut self, hash: u64, field: &[u8], cx: Context<'_>) -> bool {
        self.remove_found(&self.find(hash, field), field, cx)
    }

    /// Removes a field that was looked for, and returns whether it was there.
    pub(crate) fn remove_found(&mut self, found: &FoundInTable, field: &[u8], cx: Context<'_>) -> bool {
        let Some((at, found)) = &found.field else { return false };
        let at = *at;
        if self.len() == 1 && self.deadline != Deadline::NEVER {
            self.set_deadline(Deadline::NEVER, cx); // first, so that no record without fields ever has one
        }
        self.save_ahead_at(at, cx);
        let segment = self.fields.at(at);
        cx.note(|| {
            let (value, deadline) = (segment.value(found), segment.deadline(found));
            Some((&self.key, Effect::Remove { field, value, deadline }))
        });
        self.fields.edit(at, |fields| fields.remove(found, cx));
        let strings = [field.len(), found.value_len()];
        self.oversized -= strings.into_iter().filter(|&len| cx.rules.is_oversized(len)).count();
        self.entry_bytes -= entry::len(field, b"") + found.value_len();
        self.fields.shrink_after_removal(at, cx.rules);
        true
    }

    /// Disposes of a table that was removed from the store. The running save gets it if it has not written it
    /// completely. Otherwise it is dropped when no lock is held any more.
    pub(crate) fn leave(self: Box<Self>, cx: Context<'_>) {
        let is_saved = self.is_saved(cx.mark());
        cx.part_with(self, is_saved);
    }

    /// Gives the unused memory back of the segment for this hash.
    pub(crate) fn shrink_at(&mut self, hash: u64, rules: &Rules) {
        if let Some(at) = self.fields.locate(hash) {
            self.fields.edit(at, |fields| fields.shrink_to_fit(rules));
        }
    }
}

/// What saves need. See `saving.rs`.
impl Table {
    /// The mark of key and deadline.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        self.head
    }

    /// Gives all parts this mark.
    pub(crate) fn set_mark(&mut self, mark: Mark) {
        (self.head, self.whole) = (mark, mark);
        self.fields.edit_all(|fields| fields.set_mark(mark));
    }

    /// Whether all parts have this mark.
    pub(crate) fn is_saved(&self, mark: Mark) -> bool {
        self.whole == mark
    }

    fn save_head(&mut self, saver: &mut Saver<'_>) {
        self.saved_as = saver.next_table();
        saver.blocks.write(|items| image::write_head(items, self.saved_as, &self.key, self.deadline, self.len()));
    }

    /// Writes the head to the running snapshot, before key or deadline are changed.
    pub(crate) fn save_head_ahead(&mut self, cx: Context<'_>) {
        cx.save_ahead(|saver| self.save_head(saver));
        self.head = cx.mark();
    }

    /// Writes a segment to the running snapshot before it is changed, if that has not happened yet.
    #[inline]
    fn save_ahead_at(&mut self, at: At, cx: Context<'_>) {
        if self.fields.at(at).mark() != cx.mark() {
            self.save_part_ahead(at, cx);
        }
    }

    #[cold]
    fn save_part_ahead(&mut self, at: At, cx: Context<'_>) {
        let (id, fields) = (self.saved_as, self.fields.at_mut(at));
        if fields.len() > 0 {
            cx.save_ahead(|saver| image::write_parts(saver.blocks, id, fields));
        }
        fields.set_mark(cx.mark());
    }

    /// Writes everything to the running snapshot before the table leaves the store.
    pub(crate) fn save_all_ahead(&mut self, cx: Context<'_>) {
        let mut next = Some(Position::default());
        while let Some((at, behind)) = next.and_then(|position| self.fields.place(position)) {
            self.save_ahead_at(at, cx);
            next = behind;
        }
    }
}

impl Unsaved for Table {
    fn save_slice(&mut self, walk: &mut Walk, saver: &mut Saver<'_>) -> bool {
        let mark = saver.mark;
        if self.is_saved(mark) {
            return true;
        }
        if self.mark() != mark {
            self.save_head(saver);
            self.head = mark;
        }
        let id = self.saved_as;
        let mut next = match walk.table {
            Some((table, position)) if table == id => Some(position),
            _ => Some(Position::default()),
        };
        while let Some((at, behind)) = next.and_then(|position| self.fields.place(position)) {
            if saver.is_slice_over() {
                walk.table = next.map(|position| (id, position));
                return false;
            }
            let fields = self.fields.at_mut(at);
            if fields.mark() != mark {
                image::write_parts(saver.blocks, id, fields);
                fields.set_mark(mark);
            }
            next = behind;
        }
        self.whole = mark;
        true
    }

    fn heap_bytes(&self) -> usize {
        Self::heap_bytes(self)
    }
}

/// Deadlines.
impl Table {
    /// The key's deadline.
    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline
    }

    pub(crate) fn set_deadline(&mut self, deadline: Deadline, cx: Context<'_>) {
        cx.note(|| Some((&self.key, Effect::KeyDeadline { deadline, before: self.deadline })));
        self.deadline = deadline;
    }

    /// The deadline of a field, if it is there.
    pub(crate) fn field_deadline(&self, hash: u64, field: &[u8]) -> Option<Deadline> {
        self.found_deadline(&self.find(hash, field))
    }

    /// The deadline of a field that was looked for, if it is there.
    pub(crate) fn found_deadline(&self, found: &FoundInTable) -> Option<Deadline> {
        found.field.as_ref().map(|(at, found)| self.fields.at(*at).deadline(found))
    }

    /// Gives a field a deadline, if the field is there. [`Deadline::NEVER`] removes the one that it has.
    pub(crate) fn set_field_deadline(&mut self, hash: u64, field: &[u8], deadline: Deadline, cx: Context<'_>) {
        self.set_found_deadline(&self.find(hash, field), field, deadline, cx);
    }

    /// [`set_field_deadline`](Self::set_field_deadline) for a field that was looked for.
    pub(crate) fn set_found_deadline(
        &mut self,
        found: &FoundInTable,
        field: &[u8],
        deadline: Deadline,
        cx: Context<'_>,
    ) {
        let hash = found.hash;
        if let Some((at, found)) = &found.field {
            self.save_ahead_at(*at, cx);
            let segment = self.fields.at(*at);
            cx.note(|| Some((&self.key, Effect::FieldDeadline { field, deadline, before: segment.deadline(found) })));
            self.fields.edit(*at, |fields| fields.set_deadline(hash, found, deadline, cx));
            self.soonest = self.soonest.min(deadline);
        }
    }

    /// A lower bound of the deadlines of all fields.
    pub(crate) fn soonest(&self) -> Deadline {
        self.soonest
    }

    /// Whether a field in the segment for this hash may have expired.
    pub(crate) fn is_due_at(&self, hash: u64, now: &Now<'_>) -> bool {
        self.soonest.is_due(now) && self.fields.find(hash).is_some_and(|fields| fields.soonest().is_due(now))
    }

    /// Whether there is a segment with fields of which none can have expired. O(segments), usually O(1).
    pub(crate) fn surely_lives(&self, now: &Now<'_>) -> bool {
        self.fields.segments().any(|fields| fields.len() > 0 && !fields.soonest().is_due(now))
    }

    /// Purges segment after segment until one has a field left.
    pub(crate) fn purge_until_one_lives(&mut self, cx: Context<'_>) {
        while !self.surely_lives(cx.now())
            && let Some(at) = self.last_due(None, cx.now())
        {
            self.purge_segment(at, cx);
        }
    }

    /// Removes the expired fields of the segment for this hash.
    pub(crate) fn purge_at(&mut self, hash: u64, cx: Context<'_>) {
        while self.is_due_at(hash, cx.now())
            && let Some(at) = self.fields.locate(hash)
        {
            self.purge_segment(at, cx);
        }
    }

    /// Removes all expired fields. O(segments and expired fields).
    pub(crate) fn purge(&mut self, cx: Context<'_>) {
        while self.soonest.is_due(cx.now()) {
            let mut last = None;
            while let Some(at) = self.last_due(last, cx.now()) {
                self.purge_segment(at, cx);
                last = Some(at);
            }
            self.find_soonest();
        }
    }

    /// [`purge`](Self::purge) for the one segment in which something expires next.
    pub(crate) fn purge_slice(&mut self, cx: Context<'_>) {
        let Some((at, soonest, others)) = self.fields.least(FieldSegment::soonest) else { return };
        self.soonest = soonest;
        if soonest.is_due(cx.now()) {
            let segments = self.fields.segment_count();
            self.soonest = self.purge_segment(at, cx).min(others.unwrap_or(Deadline::NEVER));
            if self.fields.segment_count() < segments {
                self.find_soonest(); // a merged segment may know deadlines of fields that are gone by now
            }
        }
    }

    fn last_due(&self, last: Option<At>, now: &Now<'_>) -> Option<At> {
        self.fields.last_until(last, |fields| fields.soonest().is_due(now))
    }

    fn find_soonest(&mut self) {
        self.soonest = self.fields.segments().map(FieldSegment::soonest).min().unwrap_or(Deadline::NEVER);
    }

    /// Removes the expired fields of a segment. Returns a lower bound of the deadlines of its other fields.
    fn purge_segment(&mut self, at: At, cx: Context<'_>) -> Deadline {
        let (due, soonest) = self.fields.edit(at, |fields| (fields.take_due(cx), fields.soonest()));
        for field in due {
            if let Some(value) = self.get(&field, cx.rules) {
                report_field(&self.key, (&field, value), cx);
            }
            self.remove(cx.rules.hash(&field), &field, cx);
        }
        soonest
    }

    /// Removes all deadlines.
    pub(crate) fn forget_deadlines(&mut self, cx: Context<'_>) {
        self.fields.edit_all(|fields| fields.forget_deadlines(cx));
        self.deadline = Deadline::NEVER;
        self.soonest = Deadline::NEVER;
    }
}

/// The entries of a table, in no particular order.
pub(crate) type Entries<'a> =
    std::iter::FlatMap<Segments<'a, FieldSegment>, EntriesOf<'a>, fn(&'a FieldSegment) -> EntriesOf<'a>>;

#[cfg(any(test, feature = "testing"))]
impl Table {
    /// Checks the invariants of the module's documentation, and those of all parts.
    ///
    /// # Panics
    /// If one is broken.
    pub(crate) fn validate(&self, rules: &Rules) {
        self.fields.validate(rules);
        self.fields.segments().for_each(|fields| fields.validate(rules));
        assert_eq!(self.entry_bytes, self.entries().map(<[u8]>::len).sum::<usize>(), "1: bytes of entries");
        let strings = self.entries().flat_map(|entry| <[&[u8]; 2]>::from(entry::pair(entry)));
        let oversized = strings.filter(|string| rules.is_oversized(string.len())).count();
        assert_eq!(self.oversized, oversized, "2: oversized strings");
        assert!(self.fields.segments().all(|fields| fields.soonest() >= self.soonest), "3: the soonest deadline");
        let has_mark = |fields: &FieldSegment| fields.len() == 0 || fields.mark() == self.whole;
        assert!(self.head != self.whole || self.fields.segments().all(has_mark), "4: marks");
    }
}
