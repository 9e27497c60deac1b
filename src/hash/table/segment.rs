//! One segment of a table: a small hash table of *places*, each of which leads to the entry of a field.
//!
//! ```text
//! places: HashTable<u16> --> arena, in chunks: ... [length varint][flen varint][field][value] ...
//!         (or u32)                             ... [0][0][number of a box] ...
//!                                                         |
//!                                                         +--> a box: [flen varint][field][value][deadline]
//! ```
//! A place has 16 bits and counts units of two bytes, so it reaches 128 KiB. If the arena outgrows that, all places of
//! the segment get 32 bits. What is special about an entry stands in front of it: that it has a deadline, which takes 8
//! bytes after the value, and that it is in a box. `segment/arena.rs` draws all forms.
//!
//! A value that is not longer than the old one usually replaces it in place. A longer one is written anew at the end of
//! the arena, and the old entry becomes garbage. When more than a quarter of the arena is garbage, and more than 256
//! bytes, all of the arena is written anew. If the store's limit is near, that happens earlier. An entry of more than
//! [`INLINE_MAX`] bytes has a box to itself. So arenas stay below about 320 KiB, and no compaction moves a long value.
//!
//! Invariants, recomputed under these numbers by `validate`:
//! 1. Each place leads to an entry, in the arena or in a box, and no field occurs twice.
//! 2. The arena knows the sums of the lengths and of the capacities of its chunks. None is longer than a chunk may be,
//!    and each has an even length.
//! 3. `garbage` is the number of bytes of the arena that belong to no entry. The bytes that are free at the ends of
//!    chunks are not garbage.
//! 4. Each box belongs to one place. `boxed_bytes` is the sum of the lengths of all boxes.
//! 5. An entry is in a box exactly if it is longer than `INLINE_MAX`.
//! 6. `upcoming` knows each deadline that comes before its horizon.
//!
//! Rejected:
//! - A box for each field. It takes 75 bytes a field, and this takes 38.
//! - An arena in one block, with places of 32 bits. It takes 42 bytes a field, and leaves gaps between the blocks of
//!   all lengths, which take 5 more.

mod arena;
mod contents;
mod deadlines;
mod places;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::directory::Segment;
use crate::directory::upcoming::Upcoming;
use crate::hash::Context;
use crate::hash::entry;
use crate::options::Rules;
use crate::saving::Mark;
use crate::time::Deadline;
use arena::{Head, Stock};
use contents::Contents;
pub(in crate::hash) use contents::INLINE_MAX;
use places::{Place, Places};

/// See the module's documentation.
#[derive(Clone, Default)]
pub(crate) struct FieldSegment {
    places: Places,
    contents: Contents,
    upcoming: Upcoming,
    mark: Mark,
}

/// The place of a field that was found. It is valid until the segment is changed.
pub(crate) struct FoundField {
    bucket: usize,
    place: Place,
    /// The range of the value in the entry.
    value: Range<usize>,
}

impl FoundField {
    #[inline]
    pub(crate) fn value_len(&self) -> usize {
        self.value.len()
    }
}

impl FieldSegment {
    #[inline]
    pub(crate) fn get(&self, hash: u64, field: &[u8]) -> Option<&[u8]> {
        let mut value = None;
        self.places.find(hash, |place| self.look(place, field, |entry, offset| value = Some(&entry[offset..])))?;
        value
    }

    /// All entries, in no particular order.
    pub(crate) fn iter(&self) -> EntriesOf<'_> {
        EntriesOf { fields: self, places: self.places.iter() }
    }

    /// The entry in a bucket, if it holds one.
    pub(crate) fn in_bucket(&self, bucket: usize) -> Option<&[u8]> {
        self.places.in_bucket(bucket).map(|place| self.contents.entry(place))
    }

    /// Adds a field that is not there yet.
    pub(crate) fn insert(&mut self, hash: u64, field: &[u8], value: &[u8], cx: Context<'_>) {
        let place = self.contents.push(field, value, Deadline::NEVER, Stock::of(cx));
        self.insert_place(hash, place, cx.rules);
    }

    /// Finds a field, if it is there.
    #[inline]
    pub(crate) fn find(&self, hash: u64, field: &[u8]) -> Option<FoundField> {
        let mut found = None;
        let is_field = |place| self.look(place, field, |entry, offset| found = Some((place, offset..entry.len())));
        let bucket = self.places.find(hash, is_field)?;
        found.map(|(place, value)| FoundField { bucket, place, value })
    }

    /// Whether an entry is that of this field. If so, passes on the entry, and the place in it where its value begins.
    #[inline(always)]
    fn look<'a>(&'a self, place: Place, field: &[u8], pass_on: impl FnOnce(&'a [u8], usize)) -> bool {
        let entry = self.contents.entry(place);
        entry::value_offset_of(entry, field).map(|offset| pass_on(entry, offset)).is_some()
    }

    /// The value of a field that was found.
    #[inline]
    pub(crate) fn value(&self, found: &FoundField) -> &[u8] {
        &self.contents.entry(found.place)[found.value.clone()]
    }

    /// Overwrites a value with one that is not longer, if the entry can stay where it is. Returns whether it did.
    #[inline]
    pub(crate) fn overwrite(&mut self, found: &FoundField, value: &[u8], cx: Context<'_>) -> bool {
        if found.value.len() == value.len() {
            self.contents.bytes_mut(found.place, found.value.clone()).copy_from_slice(value);
            return true;
        }
        found.value.len() > value.len() && self.contents.shorten(found.place, &found.value, value, Stock::of(cx))
    }

    /// Gives a field another value. Its deadline stays.
    pub(crate) fn replace(&mut self, found: &FoundField, field: &[u8], value: &[u8], cx: Context<'_>) {
        if self.contents.replace_in_box(found.place, field, value, cx) {
            return;
        }
        let deadline = self.contents.deadline(found.place);
        self.contents.discard(found.place, &self.places, cx);
        let place = self.contents.push(field, value, deadline, Stock::of(cx));
        self.set_place(found, place, cx);
    }

    /// Gives an entry another place, after its old one was discarded.
    fn set_place(&mut self, found: &FoundField, place: Place, cx: Context<'_>) {
        self.places.set(found.bucket, place, |place| self.contents.hash(place, cx.rules));
        self.compact_if_due(cx);
    }

    /// Removes a field that was found.
    pub(crate) fn remove(&mut self, found: &FoundField, cx: Context<'_>) {
        self.places.remove(found.bucket);
        self.contents.discard(found.place, &self.places, cx);
        self.places.shrink_sparse(|place| self.contents.hash(place, cx.rules));
        self.compact_if_due(cx);
    }

    fn insert_place(&mut self, hash: u64, place: Place, rules: &Rules) {
        self.places.insert(hash, place, |place| self.contents.hash(place, rules));
    }

    fn compact_if_due(&mut self, cx: Context<'_>) {
        let stock = Stock::of(cx);
        self.contents.trim_boxes();
        if self.contents.is_compaction_due(stock) {
            let room = self.contents.growth_without_garbage(stock);
            self.contents.compact(room, &mut self.places, cx.rules);
        }
    }

    /// Gives back all unused room and garbage.
    pub(crate) fn shrink_to_fit(&mut self, rules: &Rules) {
        // The places come first, because the arena is written anew in their order. So a second call finds nothing to do.
        self.places.shrink_to_fit(|place| self.contents.hash(place, rules));
        self.contents.shrink_to_fit(&mut self.places, rules);
        self.upcoming = Upcoming::from(self.upcoming.soonest());
    }

    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    pub(crate) fn set_mark(&mut self, mark: Mark) {
        self.mark = mark;
    }

    /// All entries. Each says whether it has a deadline, and if so, its last bytes are the deadline.
    pub(crate) fn stored_entries(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.places.iter().map(|place| self.contents.stored(place))
    }

    /// Takes over one entry of another segment. Its bytes of the arena are taken off `ahead`, by which the arena may
    /// grow.
    fn adopt(&mut self, hash: u64, place: Place, head: Head, from: &mut Contents, ahead: &mut usize, rules: &Rules) {
        self.upcoming.note(from.deadline(place), hash);
        let place = self.contents.adopt(place, head, from, ahead);
        self.insert_place(hash, place, rules);
    }
}

impl Segment for FieldSegment {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn bytes(&self) -> usize {
        self.places.bytes() + self.contents.bytes() + self.upcoming.bytes()
    }

    fn buckets(&self) -> usize {
        self.places.buckets()
    }

    fn is_full(&self) -> bool {
        self.places.is_full()
    }

    fn hashes(&self, rules: &Rules) -> impl Iterator<Item = u64> {
        self.iter().map(|entry| rules.hash(entry::pair(entry).0))
    }

    fn split(&mut self, bit: u64, rules: &Rules) -> Self {
        let sibling = self.sibling();
        let Self { places, contents: mut old, .. } = std::mem::replace(self, self.sibling());
        let tagged = places.iter().map(|place| (old.hash(place, rules), place, old.head(place)));
        let tagged: Vec<(u64, Place, Head)> = tagged.collect();
        drop(places);
        let mut upper = sibling;
        for (side, upper_half) in [(&mut *self, false), (&mut upper, true)] {
            let mine = || tagged.iter().filter(|(hash, ..)| (hash & bit != 0) == upper_half);
            let mut ahead = mine().map(|(.., head)| head.arena_bytes()).sum();
            side.places = Places::with_final_capacity(mine().count(), ahead);
            side.contents.reserve_boxes(mine().filter(|(.., head)| head.as_box().is_some()).count());
            for &(hash, place, head) in mine() {
                side.adopt(hash, place, head, &mut old, &mut ahead, rules);
            }
        }
        upper
    }

    fn reserve(&mut self, entries: usize, rules: &Rules) {
        self.places.reserve(entries, |place| self.contents.hash(place, rules));
    }

    fn absorb(&mut self, other: Self, rules: &Rules) {
        let Self { places, mut contents, .. } = other;
        let mut ahead = contents.arena_bytes();
        for place in places.iter() {
            let (hash, head) = (contents.hash(place, rules), contents.head(place));
            self.adopt(hash, place, head, &mut contents, &mut ahead, rules);
        }
    }

    fn may_absorb(&self, other: &Self) -> bool {
        self.mark == other.mark
    }

    fn sibling(&self) -> Self {
        Self { mark: self.mark, ..Self::default() }
    }
}

/// The entries of a segment.
#[derive(Clone)]
pub(crate) struct EntriesOf<'a> {
    fields: &'a FieldSegment,
    places: places::Iter<'a>,
}

impl<'a> Iterator for EntriesOf<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.places.next().map(|place| self.fields.contents.entry(place))
    }
}

#[cfg(any(test, feature = "testing"))]
impl FieldSegment {
    /// Checks the invariants of the module's documentation.
    ///
    /// # Panics
    /// If one is broken.
    pub(crate) fn validate(&self, rules: &Rules) {
        for place in self.places.iter() {
            let field = self.contents.field(place);
            let hash = rules.hash(field);
            let found = self.find(hash, field);
            assert!(found.is_some_and(|found| found.place == place), "1: a field stands twice or cannot be found");
            assert!(self.upcoming.covers(self.contents.deadline(place), hash), "6: an unknown deadline");
        }
        self.contents.validate(self.places.iter());
    }
}
