//! The entries of a segment: short ones in the arena, long ones in boxes.

use std::ops::Range;

use super::arena::{Arena, Head, Stock};
use super::places::{Place, Places};
use crate::hash::Context;
use crate::hash::entry;
use crate::options::Rules;
use crate::time::Deadline;

/// The longest entry that the arena takes.
///
/// A longer entry often costs less in a box. A box takes 28 bytes beside the entry, and what the allocator adds. In
/// chunks, entries of this length leave up to 36 bytes each at the ends, and entries of up to 350 bytes up to 67. The
/// arena gives such bytes back, but they are gaps that only shorter blocks fill.
pub(in crate::hash) const INLINE_MAX: usize = 256;
/// The longest box that is dropped at once. A longer one is dropped when no lock is held any more.
const DROPPED_AT_ONCE: usize = 1024;

/// See the module's documentation.
#[derive(Clone, Default)]
pub(super) struct Contents {
    arena: Arena,
    boxes: Vec<Box<[u8]>>,
    /// The sum of the lengths of all boxes.
    boxed_bytes: usize,
}

impl Contents {
    /// Bytes asked of the allocator.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.arena.bytes() + self.boxes.capacity() * size_of::<Box<[u8]>>() + self.boxed_bytes
    }

    /// The bytes of the arena that belong to entries.
    pub(super) fn arena_bytes(&self) -> usize {
        self.arena.used()
    }

    /// What the front of an entry says.
    #[inline]
    pub(super) fn head(&self, place: Place) -> Head {
        self.arena.head(place)
    }

    /// An entry without its deadline.
    #[inline(always)]
    pub(super) fn entry(&self, place: Place) -> &[u8] {
        let bytes = self.arena.at(place);
        match bytes {
            [len @ 1..0x80, behind @ ..] => &behind[..usize::from(*len)], // the usual one
            _ => self.unusual_entry(place),
        }
    }

    #[inline(never)]
    fn unusual_entry(&self, place: Place) -> &[u8] {
        let (stored, is_timed) = self.stored(place);
        &stored[..stored.len() - if is_timed { Deadline::BYTES } else { 0 }]
    }

    /// Some bytes of an entry.
    #[inline(always)]
    pub(super) fn bytes_mut(&mut self, place: Place, range: Range<usize>) -> &mut [u8] {
        match self.arena.at(place)[0] {
            1..0x80 => self.arena.inline_mut(place, 1 + range.start, range.len()), // the usual one
            _ => &mut self.stored_mut(place)[range],
        }
    }

    /// An entry with its deadline, and whether it has one.
    pub(super) fn stored(&self, place: Place) -> (&[u8], bool) {
        match self.arena.head(place) {
            Head::Inline { start, len, is_timed } => (&self.arena.at(place)[start..][..len], is_timed),
            Head::Boxed { number, is_timed } => (&self.boxes[number], is_timed),
        }
    }

    #[inline(never)]
    pub(super) fn stored_mut(&mut self, place: Place) -> &mut [u8] {
        match self.arena.head(place) {
            Head::Inline { start, len, .. } => self.arena.inline_mut(place, start, len),
            Head::Boxed { number, .. } => &mut self.boxes[number],
        }
    }

    pub(super) fn field(&self, place: Place) -> &[u8] {
        entry::pair(self.entry(place)).0
    }

    pub(super) fn hash(&self, place: Place, rules: &Rules) -> u64 {
        rules.hash(self.field(place))
    }

    pub(super) fn is_timed(&self, place: Place) -> bool {
        self.arena.head(place).is_timed()
    }

    #[inline]
    pub(super) fn deadline(&self, place: Place) -> Deadline {
        // The usual entry has none, and says so in its first byte.
        if self.arena.at(place)[0] == 0 { self.unusual_deadline(place) } else { Deadline::NEVER }
    }

    #[inline(never)]
    fn unusual_deadline(&self, place: Place) -> Deadline {
        let (stored, is_timed) = self.stored(place);
        let last = if is_timed { stored.last_chunk() } else { None };
        last.map_or(Deadline::NEVER, |bytes| Deadline::from_bytes(*bytes))
    }

    /// Writes an entry to the arena, or to a box if it is too long for the arena.
    pub(super) fn push(&mut self, field: &[u8], value: &[u8], deadline: Deadline, stock: Stock) -> Place {
        let ahead = self.arena.growth(stock);
        let is_timed = deadline != Deadline::NEVER;
        if is_long(field, value) {
            let number = self.push_box(boxed(field, value, deadline), stock);
            return self.arena.push_stub(number, is_timed, ahead);
        }
        let len = stored_len(field, value, deadline);
        self.arena.push(len, is_timed, ahead, |bytes| write(bytes, field, value, deadline))
    }

    /// Gives an entry in a box another value, if the entry stays in a box. Returns whether it does.
    pub(super) fn replace_in_box(&mut self, place: Place, field: &[u8], value: &[u8], cx: Context<'_>) -> bool {
        let Head::Boxed { number, .. } = self.head(place) else { return false };
        if !is_long(field, value) {
            return false;
        }
        let new = boxed(field, value, self.deadline(place));
        self.boxed_bytes += new.len();
        let old = std::mem::replace(&mut self.boxes[number], new);
        self.retire(old, cx);
        true
    }

    /// Disposes of a box that was taken out.
    fn retire(&mut self, old: Box<[u8]>, cx: Context<'_>) {
        let bytes = old.len();
        self.boxed_bytes -= bytes;
        if bytes > DROPPED_AT_ONCE {
            cx.retire(old, bytes);
        }
    }

    /// Adds a box, and returns its number.
    fn push_box(&mut self, stored: Box<[u8]>, stock: Stock) -> usize {
        if self.boxes.len() == self.boxes.capacity() {
            self.boxes.reserve_exact(1 + stock.growth(self.boxes.len()));
        }
        self.boxed_bytes += stored.len();
        self.boxes.push(stored);
        self.boxes.len() - 1
    }

    /// Takes an entry out of another segment. Its bytes of the arena are taken off `ahead`, by which the arena may grow.
    pub(super) fn adopt(&mut self, place: Place, head: Head, from: &mut Self, ahead: &mut usize) -> Place {
        let copy = self.arena.copy(place, head, &from.arena, ahead);
        if let Head::Boxed { number, is_timed } = head {
            let number = self.push_box(std::mem::take(&mut from.boxes[number]), Stock::Usual);
            self.arena.set_stub(copy, number, is_timed);
        }
        copy
    }

    /// Makes room for exactly so many more boxes.
    pub(super) fn reserve_boxes(&mut self, boxes: usize) {
        self.boxes.reserve_exact(boxes);
    }

    /// Writes a shorter value over a longer one, whose range in the entry is given, if the entry is in the arena and can
    /// stay where it is. Returns whether it did.
    pub(super) fn shorten(&mut self, place: Place, old: &Range<usize>, value: &[u8], stock: Stock) -> bool {
        self.arena.shorten(place, old, value, stock)
    }

    /// Gives a deadline to an entry without one, or removes the one that it has. Returns the entry's new place.
    pub(super) fn change_deadline(&mut self, place: Place, deadline: Deadline, stock: Stock) -> Place {
        let head = self.arena.head(place);
        if let Head::Boxed { number, .. } = head {
            self.resize_box(number, deadline);
            self.arena.set_stub(place, number, deadline != Deadline::NEVER);
            return place;
        }
        let entry = self.entry(place).to_vec();
        let (field, value) = entry::pair(&entry);
        self.arena.discard(head);
        self.push(field, value, deadline, stock)
    }

    /// Appends a deadline to a long entry, or removes it. The entry is not copied if the allocator can resize its box
    /// in place.
    fn resize_box(&mut self, number: usize, deadline: Deadline) {
        let mut stored = std::mem::take(&mut self.boxes[number]).into_vec();
        self.boxed_bytes -= stored.len();
        if deadline == Deadline::NEVER {
            stored.truncate(stored.len() - Deadline::BYTES);
        } else {
            stored.reserve_exact(Deadline::BYTES);
            stored.extend_from_slice(&deadline.to_bytes());
        }
        self.boxed_bytes += stored.len();
        self.boxes[number] = stored.into_boxed_slice();
    }

    /// Gives up the bytes of an entry whose place is gone or about to be changed. The last box takes the number of one
    /// that is dropped.
    pub(super) fn discard(&mut self, place: Place, places: &Places, cx: Context<'_>) {
        let head = self.arena.head(place);
        self.arena.discard(head);
        let Head::Boxed { number, .. } = head else { return };
        let last = self.boxes.len() - 1;
        if number != last {
            let hash = cx.rules.hash(entry::pair(&self.boxes[last]).0);
            let is_last = |place| self.arena.head(place).as_box() == Some(last);
            let bucket = places.find(hash, is_last);
            let place = bucket.and_then(|bucket| places.in_bucket(bucket)).expect("each box has a place");
            self.arena.set_stub(place, number, self.is_timed(place));
        }
        let old = self.boxes.swap_remove(number);
        self.retire(old, cx);
    }

    /// Gives back room for boxes that are gone.
    pub(super) fn trim_boxes(&mut self) {
        if self.boxes.len() < self.boxes.capacity() / 4 {
            self.boxes.shrink_to(self.boxes.len() * 2);
        }
    }

    #[inline]
    pub(super) fn is_compaction_due(&self, stock: Stock) -> bool {
        self.arena.is_compaction_due(stock)
    }

    /// The bytes by which the arena would grow if it had no garbage.
    pub(super) fn growth_without_garbage(&self, stock: Stock) -> usize {
        stock.growth(self.arena.used())
    }

    /// Writes the arena anew, without garbage and with this many bytes of room to grow. The entries get new places.
    pub(super) fn compact(&mut self, room: usize, places: &mut Places, rules: &Rules) {
        let (arena, moved) = self.compacted(room, places);
        self.arena = arena;
        places.move_all(moved, |place| self.hash(place, rules));
    }

    /// The arena without garbage and with this many bytes of room to grow, and the new places in the order of all.
    fn compacted(&self, room: usize, places: &Places) -> (Arena, Vec<Place>) {
        let mut ahead = self.arena.used() + room;
        let mut arena = Arena::default();
        let moved = places.iter().map(|place| arena.copy(place, self.head(place), &self.arena, &mut ahead)).collect();
        (arena, moved)
    }

    /// Gives back all unused room and garbage.
    pub(super) fn shrink_to_fit(&mut self, places: &mut Places, rules: &Rules) {
        self.boxes.shrink_to_fit();
        self.arena.shrink_to_fit();
        if !self.arena.has_garbage() {
            return;
        }
        let (mut arena, moved) = self.compacted(0, places);
        arena.shrink_to_fit();
        // In another order the entries may need one chunk more.
        if arena.bytes() < self.arena.bytes() && places.can_lead_to(&moved) {
            self.arena = arena;
            places.move_all(moved, |place| self.hash(place, rules));
        }
    }
}

/// Whether an entry belongs in a box.
fn is_long(field: &[u8], value: &[u8]) -> bool {
    entry::len(field, value) > INLINE_MAX
}

/// The length of an entry, its deadline included.
fn stored_len(field: &[u8], value: &[u8], deadline: Deadline) -> usize {
    entry::len(field, value) + if deadline == Deadline::NEVER { 0 } else { Deadline::BYTES }
}

/// Appends an entry with its deadline, if it has one.
fn write(bytes: &mut Vec<u8>, field: &[u8], value: &[u8], deadline: Deadline) {
    entry::push(bytes, field, value);
    if deadline != Deadline::NEVER {
        bytes.extend_from_slice(&deadline.to_bytes());
    }
}

fn boxed(field: &[u8], value: &[u8], deadline: Deadline) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(stored_len(field, value, deadline));
    write(&mut bytes, field, value, deadline);
    bytes.into_boxed_slice()
}

#[cfg(any(test, feature = "testing"))]
impl Contents {
    /// Checks what can be told without the hash table of the places.
    ///
    /// # Panics
    /// If an invariant of the segment is broken.
    pub(super) fn validate(&self, places: impl Iterator<Item = Place>) {
        let mut boxed = std::collections::HashSet::new();
        let mut used = 0;
        for place in places {
            let len = self.entry(place).len();
            let head = self.head(place);
            used += head.arena_bytes();
            match head.as_box() {
                Some(number) => {
                    assert!(boxed.insert(number), "4: two places for box {number}");
                    assert!(len > INLINE_MAX, "5: {len} bytes in a box");
                }
                None => assert!(len <= INLINE_MAX, "5: {len} bytes in the arena"),
            }
        }
        self.arena.validate(used);
        assert_eq!(boxed.len(), self.boxes.len(), "4: boxes");
        assert_eq!(self.boxed_bytes, self.boxes.iter().map(|entry| entry.len()).sum::<usize>(), "4: bytes of boxes");
    }
}
