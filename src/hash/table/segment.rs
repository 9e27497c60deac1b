//! One segment of a table: a small hash table of *places*, each of which leads to the entry of a field.
//!
//! ```text
//! slots: HashTable<Place>
//!  place with top bit 0 --> arena: ... [length varint][flen varint][field][value][deadline] ...
//!  place with top bit 1 --> a box:                    [flen varint][field][value][deadline]
//! ```
//! A place has 32 bits. Its second bit says whether the entry has a deadline, which takes 8 bytes after the value. If
//! the bit is 0, nothing is there. `length` counts the bytes after it, the deadline included.
//!
//! A value that is not longer than the old one usually replaces it in place. A longer one is written anew at the end of
//! the arena, and the old entry becomes garbage. When more than a quarter of the arena is garbage, and more than 256
//! bytes, all of the arena is written anew. If the store's limit is near, that happens earlier. An entry of more than
//! [`INLINE_MAX`] bytes has a box to itself. So arenas stay below about 1 MiB, and no compaction moves a long value.
//!
//! Invariants, recomputed under these numbers by `validate`:
//! 1. Each place leads to an entry, in the arena or in a box, and no field occurs twice.
//! 2. `garbage` is the number of bytes of the arena that belong to no entry.
//! 3. Each box belongs to one place. `boxed_bytes` is the sum of the lengths of all boxes.
//! 4. An entry is in a box exactly if it is longer than [`INLINE_MAX`], or if the arena was too long to address it.
//! 5. `upcoming` knows each deadline that comes before its horizon.
//!
//! Rejected: a box for each field. It takes 75 bytes a field, and this takes 43.

mod deadlines;
mod place;

use std::mem::size_of;
use std::ops::Range;

use hashbrown::HashTable;

use crate::directory::upcoming::Upcoming;
use crate::directory::{Segment, slots};
use crate::hash::Context;
use crate::hash::entry;
use crate::options::Rules;
use crate::saving::Mark;
use crate::time::Deadline;
use place::Place;

/// The longest entry that the arena takes.
pub(crate) const INLINE_MAX: usize = 1024;

/// How much unused room and garbage a segment keeps.
#[derive(Clone, Copy)]
enum Stock {
    Usual,
    /// In a store whose limit is near. Growth room and garbage are not reserved in advance, so little of either is kept
    /// there.
    Scant,
}

impl Stock {
    #[inline]
    fn of(cx: Context<'_>) -> Self {
        if cx.is_short_of_room() { Self::Scant } else { Self::Usual }
    }

    /// An arena grows at least by its length divided by this.
    fn growth_share(self) -> usize {
        match self {
            Self::Usual => 8,
            Self::Scant => 32,
        }
    }

    /// The most bytes of garbage with which an arena of this length is left as it is.
    fn tolerated_garbage(self, arena_len: usize) -> usize {
        match self {
            Self::Usual => (arena_len / 4).max(256),
            Self::Scant => arena_len / 32,
        }
    }
}

/// See the module's documentation.
#[derive(Clone)]
pub(crate) struct FieldSegment {
    slots: HashTable<Place>,
    arena: Vec<u8>,
    boxes: Vec<Box<[u8]>>,
    boxed_bytes: usize,
    upcoming: Upcoming,
    garbage: u32, // enough, because places address less than 2^30 bytes of the arena
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

impl Default for FieldSegment {
    fn default() -> Self {
        Self {
            slots: HashTable::new(),
            arena: Vec::new(),
            boxes: Vec::new(),
            boxed_bytes: 0,
            upcoming: Upcoming::default(),
            garbage: 0,
            mark: Mark::default(),
        }
    }
}

impl FieldSegment {
    #[inline]
    pub(crate) fn get(&self, hash: u64, field: &[u8]) -> Option<&[u8]> {
        let mut value = None;
        let is_field = |&place: &Place| self.look(place, hash, field, |entry, offset| value = Some(&entry[offset..]));
        self.slots.find(hash, is_field)?;
        value
    }

    /// All entries, in no particular order.
    pub(crate) fn iter(&self) -> EntriesOf<'_> {
        EntriesOf { fields: self, places: self.slots.iter() }
    }

    /// The entry in a bucket, if it holds one.
    pub(crate) fn in_bucket(&self, bucket: usize) -> Option<&[u8]> {
        self.slots.get_bucket(bucket).map(|&place| self.entry(place))
    }

    /// Adds a field that is not there yet.
    pub(crate) fn insert(&mut self, hash: u64, field: &[u8], value: &[u8], cx: Context<'_>) {
        let place = self.push(field, value, Deadline::NEVER, Stock::of(cx));
        self.insert_place(hash, place, cx.rules);
    }

    /// Finds a field, if it is there.
    #[inline]
    pub(crate) fn find(&self, hash: u64, field: &[u8]) -> Option<FoundField> {
        let mut found = None;
        let is_field =
            |&place: &Place| self.look(place, hash, field, |entry, offset| found = Some((place, offset..entry.len())));
        let bucket = self.slots.find_bucket_index(hash, is_field)?;
        found.map(|(place, value)| FoundField { bucket, place, value })
    }

    /// Whether an entry is that of this field. If so, passes on the entry, and the place in it where its value begins.
    #[inline(always)]
    fn look<'a>(&'a self, place: Place, hash: u64, field: &[u8], pass_on: impl FnOnce(&'a [u8], usize)) -> bool {
        slots::prefetch(&self.slots, hash, |place| *place);
        let entry = self.entry(place);
        entry::value_offset_of(entry, field).map(|offset| pass_on(entry, offset)).is_some()
    }

    /// The value of a field that was found.
    #[inline]
    pub(crate) fn value(&self, found: &FoundField) -> &[u8] {
        &self.stored(found.place)[found.value.clone()]
    }

    /// Overwrites a value with one that is not longer, if the entry can stay where it is. Returns whether it did.
    #[inline]
    pub(crate) fn overwrite(&mut self, found: &FoundField, value: &[u8], cx: Context<'_>) -> bool {
        if found.value.len() == value.len() {
            self.stored_mut(found.place)[found.value.clone()].copy_from_slice(value);
            return true;
        }
        found.value.len() > value.len() && found.place.as_box().is_none() && self.shorten(found, value, Stock::of(cx))
    }

    /// Writes a shorter value over a longer one in the arena. Does not if the length in front of the entry would take
    /// fewer bytes, or if too much of the arena would be garbage.
    fn shorten(&mut self, found: &FoundField, value: &[u8], stock: Stock) -> bool {
        let saved = found.value.len() - value.len();
        let tolerated = stock.tolerated_garbage(self.arena.len());
        let behind = &mut self.arena[found.place.number()..];
        let (old_len, read) = entry::read_varint(behind);
        let new_len = old_len - saved;
        if entry::varint_len(new_len) != read || self.garbage as usize + saved > tolerated {
            return false;
        }
        let (len, stored) = behind[..read + old_len].split_at_mut(read);
        entry::write_varint(len, new_len);
        let value_end = found.value.start + value.len();
        stored[found.value.start..value_end].copy_from_slice(value);
        stored.copy_within(found.value.end.., value_end); // the deadline, if there is one
        self.garbage += saved as u32;
        true
    }

    /// Gives a field another value. Its deadline stays.
    pub(crate) fn replace(&mut self, found: &FoundField, field: &[u8], value: &[u8], cx: Context<'_>) {
        let deadline = self.deadline_at(found.place);
        self.discard(found.place, cx);
        let place = self.push(field, value, deadline, Stock::of(cx));
        *self.slots.get_bucket_mut(found.bucket).expect("the bucket that was found") = place;
        self.compact_if_due(Stock::of(cx));
    }

    /// Removes a field that was found.
    pub(crate) fn remove(&mut self, found: &FoundField, cx: Context<'_>) {
        let entry = self.slots.get_bucket_entry(found.bucket).expect("the bucket that was found");
        entry.remove();
        self.discard(found.place, cx);
        let Self { slots: table, arena, boxes, .. } = self;
        slots::shrink_sparse(table, |&place| hash_at(arena, boxes, place, cx.rules));
        self.compact_if_due(Stock::of(cx));
    }

    fn insert_place(&mut self, hash: u64, place: Place, rules: &Rules) {
        let Self { slots: table, arena, boxes, .. } = self;
        slots::insert(table, hash, place, |&place| hash_at(arena, boxes, place, rules));
    }

    fn entry(&self, place: Place) -> &[u8] {
        entry_at(&self.arena, &self.boxes, place)
    }

    /// An entry with its deadline.
    fn stored(&self, place: Place) -> &[u8] {
        stored_at(&self.arena, &self.boxes, place)
    }

    fn stored_mut(&mut self, place: Place) -> &mut [u8] {
        match place.as_box() {
            Some(index) => &mut self.boxes[index],
            None => {
                let behind = &mut self.arena[place.number()..];
                let (len, read) = entry::read_varint(behind);
                &mut behind[read..][..len]
            }
        }
    }

    /// Writes an entry to the arena, or to a box if it is too long for the arena.
    fn push(&mut self, field: &[u8], value: &[u8], deadline: Deadline, stock: Stock) -> Place {
        let timed = deadline.to_bytes();
        let timed = if deadline == Deadline::NEVER { &[] } else { &timed[..] };
        let len = entry::len(field, value);
        if self.belongs_in_box(len) {
            let mut bytes = Vec::with_capacity(timed.len() + len);
            entry::push(&mut bytes, field, value);
            bytes.extend_from_slice(timed);
            return Place::boxed(self.push_box(bytes.into_boxed_slice()), deadline);
        }
        let place = Place::inline(self.open_inline(timed.len() + len, stock), deadline);
        entry::push(&mut self.arena, field, value);
        self.arena.extend_from_slice(timed);
        place
    }

    fn belongs_in_box(&self, entry_len: usize) -> bool {
        entry_len > INLINE_MAX || self.arena.len() >= Place::END
    }

    /// Adds a box, and returns its number.
    fn push_box(&mut self, stored: Box<[u8]>) -> usize {
        self.boxed_bytes += stored.len();
        self.boxes.push(stored);
        self.boxes.len() - 1
    }

    /// Begins an entry at the end of the arena, and returns its offset. The caller appends its `len` bytes.
    fn open_inline(&mut self, len: usize, stock: Stock) -> usize {
        let needed = inline_len(len);
        if self.arena.capacity() - self.arena.len() < needed {
            self.arena.reserve_exact(needed.max(self.arena.len() / stock.growth_share()));
        }
        let offset = self.arena.len();
        entry::push_varint(&mut self.arena, len);
        offset
    }

    /// Gives up the bytes of an entry whose slot is gone or about to be changed.
    fn discard(&mut self, place: Place, cx: Context<'_>) {
        let Some(index) = place.as_box() else {
            self.garbage += self.inline_bytes(place) as u32;
            return;
        };
        let last = self.boxes.len() - 1;
        if index != last {
            let hash = cx.rules.hash(entry::pair(&self.boxes[last]).0);
            let moved = self.slots.find_mut(hash, |place| place.as_box() == Some(last)).expect("each box has a slot");
            *moved = moved.moved(index);
        }
        let old = self.boxes.swap_remove(index);
        self.boxed_bytes -= old.len();
        let bytes = old.len();
        cx.retire(old, bytes);
    }

    fn compact_if_due(&mut self, stock: Stock) {
        if self.boxes.len() < self.boxes.capacity() / 4 {
            self.boxes.shrink_to(self.boxes.len() * 2);
        }
        if self.garbage() > stock.tolerated_garbage(self.arena.len()) {
            self.compact((self.arena.len() - self.garbage()) / stock.growth_share());
        }
    }

    /// Gives back all unused room and garbage.
    pub(crate) fn shrink_to_fit(&mut self, rules: &Rules) {
        self.compact(0);
        self.boxes.shrink_to_fit();
        self.upcoming = Upcoming::from(self.upcoming.soonest());
        let Self { slots: table, arena, boxes, .. } = self;
        table.shrink_to_fit(|&place| hash_at(arena, boxes, place, rules));
    }

    /// Writes the arena anew, without garbage and with this many bytes of room to grow.
    fn compact(&mut self, room: usize) {
        let mut arena = Vec::with_capacity(self.arena.len() - self.garbage() + room);
        for place in &mut self.slots {
            if place.as_box().is_none() {
                let stored = stored_at(&self.arena, &self.boxes, *place);
                *place = place.moved(arena.len());
                entry::push_varint(&mut arena, stored.len());
                arena.extend_from_slice(stored);
            }
        }
        self.arena = arena;
        self.garbage = 0;
    }

    /// Bytes of the arena that belong to no entry any more.
    fn garbage(&self) -> usize {
        self.garbage as usize
    }

    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    pub(crate) fn set_mark(&mut self, mark: Mark) {
        self.mark = mark;
    }

    /// All entries. Each says whether it has a deadline, and if so, its last bytes are the deadline.
    pub(crate) fn stored_entries(&self) -> impl Iterator<Item = (bool, &[u8])> {
        self.slots.iter().map(|&place| (place.is_timed(), self.stored(place)))
    }

    /// Takes over one entry of another segment.
    fn adopt(&mut self, hash: u64, place: Place, from: &mut Self, rules: &Rules) {
        self.upcoming.note(from.deadline_at(place), hash);
        let number = match place.as_box() {
            Some(index) => self.push_box(std::mem::take(&mut from.boxes[index])),
            None => {
                let stored = from.stored(place);
                let offset = self.open_inline(stored.len(), Stock::Usual);
                self.arena.extend_from_slice(stored);
                offset
            }
        };
        self.insert_place(hash, place.moved(number), rules);
    }

    /// Bytes of the arena that an entry takes.
    fn inline_bytes(&self, place: Place) -> usize {
        if place.as_box().is_some() { 0 } else { inline_len(self.stored(place).len()) }
    }
}

/// Bytes of the arena for an entry that has this length, its deadline included.
fn inline_len(stored_len: usize) -> usize {
    entry::varint_len(stored_len) + stored_len
}

#[inline]
fn stored_at<'a>(arena: &'a [u8], boxes: &'a [Box<[u8]>], place: Place) -> &'a [u8] {
    match place.as_box() {
        Some(index) => &boxes[index],
        None => {
            let behind = &arena[place.number()..];
            let (len, read) = entry::read_varint(behind);
            &behind[read..][..len]
        }
    }
}

#[inline]
fn entry_at<'a>(arena: &'a [u8], boxes: &'a [Box<[u8]>], place: Place) -> &'a [u8] {
    let stored = stored_at(arena, boxes, place);
    &stored[..stored.len() - place.deadline_len()]
}

fn hash_at(arena: &[u8], boxes: &[Box<[u8]>], place: Place, rules: &Rules) -> u64 {
    rules.hash(entry::pair(entry_at(arena, boxes, place)).0)
}

impl Segment for FieldSegment {
    fn len(&self) -> usize {
        self.slots.len()
    }

    fn bytes(&self) -> usize {
        let boxes = self.boxes.capacity() * size_of::<Box<[u8]>>() + self.boxed_bytes;
        self.slots.allocation_size() + self.arena.capacity() + boxes + self.upcoming.bytes()
    }

    fn buckets(&self) -> usize {
        self.slots.num_buckets()
    }

    fn is_full(&self) -> bool {
        slots::is_full(&self.slots)
    }

    fn hashes(&self, rules: &Rules) -> impl Iterator<Item = u64> {
        self.iter().map(|entry| rules.hash(entry::pair(entry).0))
    }

    fn split(&mut self, bit: u64, rules: &Rules) -> Self {
        let sibling = self.sibling();
        let mut old = std::mem::replace(self, self.sibling());
        let places = std::mem::take(&mut old.slots);
        let tagged: Vec<(u64, Place)> =
            places.iter().map(|&place| (hash_at(&old.arena, &old.boxes, place, rules), place)).collect();
        let mut upper = sibling;
        for (side, upper_half) in [(&mut *self, false), (&mut upper, true)] {
            let mine = || tagged.iter().filter(|(hash, _)| (hash & bit != 0) == upper_half);
            side.slots = slots::with_final_capacity(mine().count());
            side.arena.reserve_exact(mine().map(|&(_, place)| old.inline_bytes(place)).sum());
            side.boxes.reserve_exact(mine().filter(|(_, place)| place.as_box().is_some()).count());
            for &(hash, place) in mine() {
                side.adopt(hash, place, &mut old, rules);
            }
        }
        upper
    }

    fn reserve(&mut self, entries: usize, rules: &Rules) {
        let Self { slots: table, arena, boxes, .. } = self;
        slots::reserve(table, entries, |&place| hash_at(arena, boxes, place, rules));
    }

    fn absorb(&mut self, mut other: Self, rules: &Rules) {
        let places = std::mem::take(&mut other.slots);
        self.arena.reserve_exact(other.arena.len() - other.garbage());
        for &place in &places {
            let hash = hash_at(&other.arena, &other.boxes, place, rules);
            self.adopt(hash, place, &mut other, rules);
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
    places: hashbrown::hash_table::Iter<'a, Place>,
}

impl<'a> Iterator for EntriesOf<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.places.next().map(|&place| self.fields.entry(place))
    }
}

#[cfg(any(test, feature = "testing"))]
impl FieldSegment {
    /// Checks the invariants of the module's documentation.
    ///
    /// # Panics
    /// If one is broken.
    pub(crate) fn validate(&self, rules: &Rules) {
        let mut boxed = std::collections::HashSet::new();
        let mut inline_bytes = 0;
        for &place in &self.slots {
            let entry = self.entry(place);
            let field = entry::pair(entry).0;
            assert!(self.upcoming.covers(self.deadline_at(place), rules.hash(field)), "5: an unknown deadline");
            let found = self.find(rules.hash(field), field);
            assert!(found.is_some_and(|found| found.place == place), "1: a field stands twice or cannot be found");
            inline_bytes += self.inline_bytes(place);
            match place.as_box() {
                Some(index) => {
                    let is_long = entry.len() > INLINE_MAX || self.arena.len() >= Place::END;
                    assert!(boxed.insert(index), "3: two places for box {index}");
                    assert!(is_long, "4: {} bytes in a box", entry.len());
                }
                None => assert!(entry.len() <= INLINE_MAX, "4: {} bytes in the arena", entry.len()),
            }
        }
        assert_eq!(self.arena.len(), inline_bytes + self.garbage(), "2: garbage");
        assert_eq!(boxed.len(), self.boxes.len(), "3: boxes");
        assert_eq!(self.boxed_bytes, self.boxes.iter().map(|entry| entry.len()).sum::<usize>(), "3: bytes of boxes");
    }
}
