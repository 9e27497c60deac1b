//! The arena of a segment: the bytes of its entries, in chunks that stay where they are.
//!
//! ```text
//! chunks --> [ entry entry entry ... | unused ]  2 KiB
//!            [ entry entry entry ... | unused ]  2 KiB
//!            [ entry entry | free    ]           the last one grows, by up to 256 bytes at a time
//!
//! entry: [length varint        ][flen varint][field][value]                      usual
//!        [0][length varint     ][flen varint][field][value][deadline, 8 bytes]   with a deadline
//!        [0][0][number u32 LE  ]                                                 in a box
//! ```
//! `length` counts the bytes after it, the deadline included, and is never 0. The lowest bit of `number` says whether
//! the entry in the box has a deadline, and the others are the number of the box. Each entry begins at an even offset,
//! so that a place can count in units of two bytes. None lies in two chunks, so that each is one slice.
//!
//! Growth copies at most the last chunk. Most blocks have the same size, so what one segment frees fits another one, and
//! few gaps stay between them.
//!
//! The sizes are measured, in a hash of a million fields of about 28 bytes. In bytes of resident memory a field, of
//! which the first are asked of the allocator:
//!
//! | chunks of | 1 KiB | **2 KiB** | 4 KiB |
//! |---|---|---|---|
//! | growing by 1,024 bytes | 39.3, 40.9 | 38.7, 40.5 | 38.4, 41.5 |
//! | by 512 | 38.8, 41.0 | 38.2, 39.1 | 37.9, 40.6 |
//! | **by 256** | 38.5, 39.9 | **37.9, 38.8** | 37.6, 40.2 |

use std::ops::Range;

use super::places::{Place, UNIT_BYTES};
use crate::hash::Context;
use crate::hash::entry;

/// A chunk has at most this many bytes.
pub(super) const CHUNK_BYTES: usize = 2 << 10;
/// The last chunk grows by at most this many bytes at a time.
const STEP_BYTES: usize = 256;
/// A chunk that is left with this many free bytes or more gives them back.
const SPARE_BYTES: usize = CHUNK_BYTES / 16;
/// What the arena holds of an entry in a box.
const STUB_BYTES: usize = 6;

/// How much unused room and garbage a segment keeps.
#[derive(Clone, Copy)]
pub(super) enum Stock {
    Usual,
    /// In a store whose limit is near. Growth room and garbage are not reserved in advance, so little of either is kept
    /// there.
    Scant,
}

impl Stock {
    #[inline]
    pub(super) fn of(cx: Context<'_>) -> Self {
        if cx.is_short_of_room() { Self::Scant } else { Self::Usual }
    }

    /// By how much an arena of this length grows in bytes, or a vector of so many boxes, if not more is needed.
    pub(super) fn growth(self, arena_len: usize) -> usize {
        match self {
            Self::Usual => (arena_len / 8).min(STEP_BYTES),
            Self::Scant => (arena_len / 32).min(STEP_BYTES),
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

/// What the front of an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Behind this many bytes of the head lie this many bytes of the entry, its deadline included.
    Inline { start: usize, len: usize, is_timed: bool },
    /// The entry is in the box of this number.
    Boxed { number: usize, is_timed: bool },
}

impl Head {
    fn inline(len: usize, is_timed: bool) -> Self {
        Self::Inline { start: usize::from(is_timed) + entry::varint_len(len), len, is_timed }
    }

    #[inline(always)]
    fn read(bytes: &[u8]) -> Self {
        if let len @ 1..0x80 = bytes[0] {
            return Self::Inline { start: 1, len: len.into(), is_timed: false }; // the usual one
        }
        Self::read_unusual(bytes)
    }

    #[inline(never)]
    fn read_unusual(bytes: &[u8]) -> Self {
        match *bytes {
            [0, 0, a, b, c, d, ..] => {
                let number = u32::from_le_bytes([a, b, c, d]);
                Self::Boxed { number: (number >> 1) as usize, is_timed: number & 1 != 0 }
            }
            [0, ref behind @ ..] => {
                let (len, read) = entry::read_varint(behind);
                Self::Inline { start: 1 + read, len, is_timed: true }
            }
            _ => {
                let (len, start) = entry::read_varint(bytes);
                Self::Inline { start, len, is_timed: false }
            }
        }
    }

    /// Bytes of the arena that the entry takes.
    #[inline]
    pub(super) fn arena_bytes(self) -> usize {
        match self {
            Self::Inline { start, len, .. } => (start + len).next_multiple_of(UNIT_BYTES),
            Self::Boxed { .. } => STUB_BYTES,
        }
    }

    #[inline]
    pub(super) fn as_box(self) -> Option<usize> {
        match self {
            Self::Inline { .. } => None,
            Self::Boxed { number, .. } => Some(number),
        }
    }

    pub(super) fn is_timed(self) -> bool {
        let (Self::Inline { is_timed, .. } | Self::Boxed { is_timed, .. }) = self;
        is_timed
    }
}

fn stub(number: usize, is_timed: bool) -> [u8; STUB_BYTES] {
    let number = u32::try_from(number << 1 | usize::from(is_timed)).expect("fewer than 2^31 boxes in a segment");
    let [a, b, c, d] = number.to_le_bytes();
    [0, 0, a, b, c, d]
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Arena {
    chunks: Vec<Vec<u8>>,
    /// The sum of the lengths of all chunks.
    len: usize,
    /// The sum of the capacities of all chunks.
    taken: usize,
    /// Bytes within `len` that belong to no entry any more.
    garbage: usize,
}

impl Clone for Arena {
    fn clone(&self) -> Self {
        let chunks = self.chunks.clone();
        let taken = chunks.iter().map(Vec::capacity).sum(); // a clone may have less slack
        Self { chunks, taken, ..*self }
    }
}

impl Arena {
    /// Bytes asked of the allocator.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.taken + self.chunks.capacity() * size_of::<Vec<u8>>()
    }

    /// The bytes of all entries.
    pub(super) fn used(&self) -> usize {
        self.len - self.garbage
    }

    /// Whether bytes belong to no entry any more.
    pub(super) fn has_garbage(&self) -> bool {
        self.garbage > 0
    }

    /// The chunk with an entry, from the entry on.
    #[inline(always)]
    pub(super) fn at(&self, place: Place) -> &[u8] {
        &self.chunks[place.chunk()][place.offset()..]
    }

    #[inline(always)]
    fn at_mut(&mut self, place: Place) -> &mut [u8] {
        &mut self.chunks[place.chunk()][place.offset()..]
    }

    #[inline]
    pub(super) fn head(&self, place: Place) -> Head {
        Head::read(self.at(place))
    }

    /// The bytes of an entry that begins so many bytes behind the place.
    #[inline]
    pub(super) fn inline_mut(&mut self, place: Place, start: usize, len: usize) -> &mut [u8] {
        &mut self.at_mut(place)[start..][..len]
    }

    /// The bytes by which the arena would grow.
    pub(super) fn growth(&self, stock: Stock) -> usize {
        stock.growth(self.len)
    }

    /// Appends an entry of this length, its deadline included. `write` appends its bytes. If the last chunk has no room,
    /// it grows by `ahead` bytes or by what is needed.
    pub(super) fn push(&mut self, len: usize, is_timed: bool, ahead: usize, write: impl FnOnce(&mut Vec<u8>)) -> Place {
        let (place, chunk) = self.open(Head::inline(len, is_timed).arena_bytes(), ahead);
        if is_timed {
            chunk.push(0);
        }
        entry::push_varint(chunk, len);
        write(chunk);
        if chunk.len() % UNIT_BYTES != 0 {
            chunk.push(0);
        }
        place
    }

    /// Appends the stub of an entry in a box.
    pub(super) fn push_stub(&mut self, number: usize, is_timed: bool, ahead: usize) -> Place {
        let (place, chunk) = self.open(STUB_BYTES, ahead);
        chunk.extend_from_slice(&stub(number, is_timed));
        place
    }

    /// Changes the stub of an entry in a box.
    pub(super) fn set_stub(&mut self, place: Place, number: usize, is_timed: bool) {
        self.inline_mut(place, 0, STUB_BYTES).copy_from_slice(&stub(number, is_timed));
    }

    /// Makes room for `needed` bytes at the end of the last chunk, or in a new one. The caller appends as many.
    #[inline(always)]
    fn open(&mut self, needed: usize, ahead: usize) -> (Place, &mut Vec<u8>) {
        if self.chunks.last().is_none_or(|last| last.capacity() - last.len() < needed) {
            self.grow(needed, ahead);
        }
        self.len += needed;
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number];
        (Place::new(number, chunk.len()), chunk)
    }

    #[inline(never)]
    fn grow(&mut self, needed: usize, ahead: usize) {
        if self.chunks.last().is_none_or(|last| CHUNK_BYTES - last.len() < needed) {
            if let Some(full) = self.chunks.last_mut()
                && full.capacity() - full.len() >= SPARE_BYTES
            {
                self.taken -= full.capacity();
                full.shrink_to_fit();
                self.taken += full.capacity();
            }
            if self.chunks.len() == self.chunks.capacity() {
                self.chunks.reserve_exact(1 + self.chunks.len() / 8);
            }
            self.chunks.push(Vec::new());
        }
        if let Some(last) = self.chunks.last_mut() {
            self.taken -= last.capacity();
            last.reserve_exact(needed.max(ahead).min(CHUNK_BYTES - last.len()));
            self.taken += last.capacity();
        }
    }

    /// Writes a shorter value over a longer one, whose range in the entry is given. Does not if the length in front of
    /// the entry would take fewer bytes, or if too much of the arena would be garbage.
    pub(super) fn shorten(&mut self, place: Place, old: &Range<usize>, value: &[u8], stock: Stock) -> bool {
        let head = self.head(place);
        let Head::Inline { start, len, is_timed } = head else { return false };
        let shorter = Head::inline(len + value.len() - old.len(), is_timed);
        let Head::Inline { start: new_start, len: new_len, .. } = shorter else { return false };
        let freed = head.arena_bytes() - shorter.arena_bytes();
        if new_start != start || self.garbage + freed > stock.tolerated_garbage(self.len) {
            return false;
        }
        self.garbage += freed;
        let (head, stored) = self.inline_mut(place, 0, start + len).split_at_mut(start);
        entry::write_varint(&mut head[usize::from(is_timed)..], new_len);
        let value_end = old.start + value.len();
        stored[old.start..value_end].copy_from_slice(value);
        stored.copy_within(old.end.., value_end); // the deadline, if there is one
        true
    }

    /// Gives up the bytes of an entry.
    pub(super) fn discard(&mut self, head: Head) {
        self.garbage += head.arena_bytes();
    }

    /// Whether the arena should be written anew, without its garbage.
    #[inline]
    pub(super) fn is_compaction_due(&self, stock: Stock) -> bool {
        self.garbage > stock.tolerated_garbage(self.len)
    }

    /// Gives back all unused room.
    pub(super) fn shrink_to_fit(&mut self) {
        self.chunks.iter_mut().for_each(Vec::shrink_to_fit);
        self.chunks.shrink_to_fit();
        self.taken = self.chunks.iter().map(Vec::capacity).sum();
    }

    /// Appends a copy of an entry of another arena, its head included. Takes its bytes off `ahead`.
    #[inline]
    pub(super) fn copy(&mut self, place: Place, head: Head, from: &Self, ahead: &mut usize) -> Place {
        let bytes = head.arena_bytes();
        let (copy, chunk) = self.open(bytes, *ahead);
        chunk.extend_from_slice(&from.at(place)[..bytes]);
        *ahead = ahead.saturating_sub(bytes);
        copy
    }
}

#[cfg(any(test, feature = "testing"))]
impl Arena {
    /// Checks what the sums say, if the entries take so many bytes.
    ///
    /// # Panics
    /// If a sum is wrong.
    pub(super) fn validate(&self, used: usize) {
        assert_eq!(self.len, self.chunks.iter().map(Vec::len).sum::<usize>(), "2: lengths of chunks");
        assert_eq!(self.taken, self.chunks.iter().map(Vec::capacity).sum::<usize>(), "2: capacities of chunks");
        assert!(self.chunks.iter().all(|chunk| chunk.len() % UNIT_BYTES == 0), "2: half a unit");
        assert!(self.chunks.iter().all(|chunk| chunk.capacity() <= CHUNK_BYTES), "2: a chunk that is too long");
        assert_eq!(self.len, used + self.garbage, "3: garbage");
    }
}
