//! The packed encoding, for small hashes. The whole hash with its key is in one allocation, its *block*.
//!
//! ```text
//! +-------+-------+--------+-----+------------+------------------+-----------------------------+------------+------+
//! | flags | n u16 | klen   | key | tags n x 1 | ends n x w       | entries                     | deadlines  | free |
//! |       |       | varint |     |            | w = 1 or 2 bytes | [flen varint][field][value] | if flagged |      |
//! +-------+-------+--------+-----+------------+------------------+-----------------------------+------------+------+
//! ```
//! - A tag is one byte that is mixed from the field's name. A lookup compares sixteen tags at a time (`tags.rs`), and
//!   then reads only entries whose tag is equal. One field in 256 has an equal tag by chance. A scan through the
//!   entries, as in a Redis listpack, would read all of them.
//! - An end says where its entry ends, counted from the beginning of the first entry. The next entry begins there.
//! - Numbers are little-endian. `deadlines.rs` draws the deadlines, and `draft.rs` makes the changes.
//! - A snapshot holds the same bytes without tags, mark and free bytes (`image.rs`).
//!
//! # With a shape
//! Hashes of one kind repeat the names of their fields. Such a hash can leave its names, with their tags, to a *shape* of
//! its store (`shapes.rs`). Its block holds the number of the shape, and its entries are values alone, in the order of
//! the shape's names:
//!
//! ```text
//! +-------+------+----------+--------+-----+------------+------------------+--------+------------+------+
//! | flags | n u8 | shape u8 | klen   | key | missing    | ends n x w       | values | deadlines  | free |
//! |       |      |          | varint |     | if flagged | w = 1 or 2 bytes |        | if flagged |      |
//! +-------+------+----------+--------+-----+------------+------------------+--------+------------+------+
//! ```
//! `missing` has a bit for each field of the shape, and is there only if one of them is missing (flag bit 5). The others
//! are counted without it: `n`, the ends and the deadlines know all fields of the shape, and the value of a missing one is
//! empty.
//!
//! So everything but names works without the shape. A field that is added or removed leads to another shape or to none
//! (`shaped.rs`). Whoever settles a record whose names have changed has it look for a shape. A snapshot knows no shapes.
//!
//! Invariants, recomputed under these numbers by `validate`:
//! 1. A block without any bytes is an empty hash with the empty key. Any other block has all parts. Its free bytes are
//!    at most a quarter of it, or at most [`STEP`] - 1 if that is more.
//! 2. The ends rise, and the last one is the length of the entries. Values may be empty, entries with names are not.
//! 3. Ends are wide (flag bit 0) exactly if the entries take more than 255 bytes.
//! 4. Each tag is that of its field, and no field occurs twice.
//! 5. The deadlines are as in `deadlines.rs`. Flag bit 1 says that the key has a deadline, and bit 2 that a field has
//!    one. A hash without fields has no deadlines.
//! 6. A shape (flag bit 4) has as many names as `n` says. At least one field is there. A missing one has neither a value
//!    nor a deadline.
//!
//! Flag bit 3 is the [`Mark`] of a save. Changes and conversions keep it. A block without any bytes has the mark in
//! which that bit is 0.
//!
//! Blocks grow in steps of 8 bytes; 64-bit allocators round up to at least that. A removed field or a shorter value
//! leaves free bytes, and up to a quarter of the block stays free. So the allocator is not called for most changes of a
//! value's length, nor for a field that is removed and set again.
//!
//! Without a shape, entries are in the order of insertion, with one exception: if a new value changes the width of the
//! ends, its entry moves to the end.
//!
//! Rejected:
//! - No tags. A miss at 128 fields would cost ten times as much.
//! - Lengths instead of ends. To find an entry, the lengths of all entries before it would have to be summed.
//! - Sorted fields. An insertion would move more bytes, and a binary search misses more cache lines than tags do.

use std::ops::Range;

mod deadlines;
mod draft;
mod image;
mod in_place;
mod shaped;

use crate::hash::entry;
use crate::hash::{Context, Effect, Pair};
use crate::options::{PACKED_MAX, Rules};
use crate::random::Random;
use crate::saving::Mark;
use crate::shapes::{Shape, Shapes, name_bytes};
use crate::tags::{LANES, MANY, first_equal, first_of_many, next_equal};
#[cfg(any(test, feature = "testing"))]
use crate::time::Deadline;
pub(crate) use deadlines::Deadlines;
use deadlines::{Tail, bitmap_len};
pub(crate) use draft::Draft;
#[cfg(feature = "snapshot")]
pub(crate) use image::read_pair;

/// Flag: ends are two bytes wide.
const WIDE: u8 = 1;
/// Flag: the key has a deadline.
const KEY_DEADLINE: u8 = 1 << 1;
/// Flag: a field has a deadline.
const FIELD_DEADLINES: u8 = 1 << 2;
/// Flags: there are deadlines.
const DEADLINES: u8 = KEY_DEADLINE | FIELD_DEADLINES;
/// The flags on which the layout of a snapshot's item depends.
const FORM: u8 = WIDE | DEADLINES;
/// Flag: the names are in a shape.
const SHAPED: u8 = 1 << 4;
/// Flag: fields of the shape are missing.
const GAPS: u8 = 1 << 5;
const _: () = assert!((FORM | SHAPED | GAPS) & Mark::FLAG == 0);
/// The most bytes that all entries together can have if the ends are one byte wide.
const NARROW_MAX: usize = u8::MAX as usize;

/// The lengths of blocks are multiples of this.
const STEP: usize = 8;

/// Blocks of this length and more fill so many cache lines that their first ones are [looked
/// at](Packed::prefetch_front) together.
const LARGE: usize = 1024;

const FLAGS_AT: usize = 0;
const COUNT_AT: usize = FLAGS_AT + 1;
/// Where the number of the shape is, if the names are in one. The number of fields has one byte then.
const SHAPE_AT: usize = COUNT_AT + 1;
const KEY_LEN_AT: usize = COUNT_AT + 2;
/// What a hash without any bytes begins with while it is changed: no flags, no fields and the empty key.
const EMPTY: [u8; KEY_LEN_AT + 1] = [0; KEY_LEN_AT + 1];

/// A packed hash.
#[derive(Clone, Default)]
pub(crate) struct Packed(Box<[u8]>);

/// Where the parts of a block are.
#[derive(Clone, Copy)]
struct Layout {
    flags: u8,
    /// The number of fields, the missing ones of a shape included.
    fields: usize,
    /// The bytes of tags, or with a shape, of the bitmap of missing fields.
    tags: usize,
    end_width: usize,
    tags_at: usize,
}

impl Layout {
    #[inline]
    fn of(bytes: &[u8]) -> Self {
        let Some(&[flags, low, high, key_len]) = bytes.first_chunk() else {
            return Self { flags: 0, fields: 0, tags: 0, end_width: 1, tags_at: 0 };
        };
        let (key_len, read) = if key_len < 0x80 { (key_len.into(), 1) } else { long_key_len(bytes) };
        let (end_width, tags_at) = (1 + usize::from(flags & WIDE), KEY_LEN_AT + read + key_len);
        if flags & SHAPED != 0 {
            let fields = low.into();
            let tags = if flags & GAPS == 0 { 0 } else { bitmap_len(fields) };
            return Self { flags, fields, tags, end_width, tags_at };
        }
        let fields = u16::from_le_bytes([low, high]).into();
        Self { flags, fields, tags: fields, end_width, tags_at }
    }

    #[inline]
    fn is_shaped(&self) -> bool {
        self.flags & SHAPED != 0
    }

    /// Whether the field at this index of a shape is missing.
    #[inline]
    fn is_missing(&self, bytes: &[u8], index: usize) -> bool {
        self.flags & GAPS != 0 && bytes[self.tags_at + index / 8] >> (index % 8) & 1 == 1
    }

    /// The number of fields that are there.
    #[inline]
    fn present(&self, bytes: &[u8]) -> usize {
        if self.flags & GAPS == 0 {
            return self.fields;
        }
        let missing: u32 = bytes[self.tags_at..self.ends_at()].iter().map(|byte| byte.count_ones()).sum();
        self.fields - missing as usize
    }

    #[inline]
    fn ends_at(&self) -> usize {
        self.tags_at + self.tags
    }

    #[inline]
    fn entries_at(&self) -> usize {
        self.ends_at() + self.fields * self.end_width
    }

    /// The range of an entry in the block.
    #[inline(always)]
    fn entry(&self, bytes: &[u8], index: usize) -> Range<usize> {
        // Each end is read together with the one before it. What is read before the first end is no end, and not used.
        let (before, end) = if self.end_width == 1 {
            let [before, end] = chunk(bytes, self.ends_at() + index - 1);
            (before.into(), end.into())
        } else {
            let [low, high, end_low, end_high] = chunk(bytes, self.ends_at() + 2 * index - 2);
            (u16::from_le_bytes([low, high]).into(), u16::from_le_bytes([end_low, end_high]).into())
        };
        let start: usize = if index == 0 { 0 } else { before };
        let end: usize = end;
        let entries_at = self.entries_at();
        entries_at + start..entries_at + end
    }

    /// The number of bytes of all entries.
    #[inline]
    fn entry_bytes(&self, bytes: &[u8]) -> usize {
        // The last end is right before the entries. If there are no fields, there is no end.
        let [low, high] = if self.fields == 0 { [0; 2] } else { chunk(bytes, self.entries_at() - 2) };
        if self.end_width == 1 { high.into() } else { u16::from_le_bytes([low, high]).into() }
    }

    /// Where the entries end and the deadlines begin.
    #[inline]
    fn tail_at(&self, bytes: &[u8]) -> usize {
        self.entries_at() + self.entry_bytes(bytes)
    }

    #[inline(never)]
    fn tail_len(&self, bytes: &[u8]) -> usize {
        self.tail(bytes).len()
    }

    /// The deadlines after the entries.
    fn tail<'a>(&self, bytes: &'a [u8]) -> Tail<'a> {
        Tail::new(self.flags, self.fields, &bytes[self.tail_at(bytes)..])
    }

    /// Where all parts end, and the free bytes begin.
    #[inline]
    fn free_at(&self, bytes: &[u8]) -> usize {
        let tail_at = self.tail_at(bytes);
        if self.flags & DEADLINES == 0 { tail_at } else { tail_at + self.tail_len(bytes) }
    }

    /// The index of a field, and the range of its value in the block. Up to sixteen fields are searched without a loop.
    /// That is enough for most lookups that programs do.
    #[inline(always)]
    fn find(&self, bytes: &[u8], tag: u8, field: &[u8], rules: &Rules) -> Option<FoundEntry> {
        if self.is_shaped() {
            let index = rules.shape(bytes[SHAPE_AT]).find(tag, field)?;
            return (!self.is_missing(bytes, index)).then(|| (index, self.entry(bytes, index)));
        }
        self.find_plain(bytes, tag, field)
    }

    /// [`find`](Self::find) in a hash without a shape.
    #[inline(always)]
    fn find_plain(&self, bytes: &[u8], tag: u8, field: &[u8]) -> Option<FoundEntry> {
        // Bytes after the tags are read as well if there are fewer than sixteen. Only tiny blocks are too short for it.
        let first = match bytes[self.tags_at..].first_chunk() {
            Some(tags) if self.fields <= LANES => first_equal(*tags, tag),
            _ => first_of_others(bytes, tag),
        };
        let first = first.filter(|first| *first < self.fields)?;
        let entry = self.entry(bytes, first);
        if let Some(value_offset) = entry::value_offset_of(&bytes[entry.clone()], field) {
            return Some((first, entry.start + value_offset..entry.end));
        }
        let index = find_behind(bytes, first, tag, field)?;
        let entry = self.entry(bytes, index);
        Some((index, entry.start + entry::value_offset(field)..entry.end))
    }
}

/// The index of the first field with this tag, in a block of more than sixteen fields or of very few bytes.
#[inline(never)]
fn first_of_others(bytes: &[u8], tag: u8) -> Option<usize> {
    let layout = Layout::of(bytes);
    let mut first = 0;
    while first < layout.fields {
        let count = (layout.fields - first).min(MANY);
        if let Some(index) = first_of_many(&bytes[layout.tags_at + first..], count, tag) {
            return Some(first + index);
        }
        first += count;
    }
    None
}

/// The index of a field whose tag other fields have too. It is searched behind this index.
#[cold]
#[inline(never)]
fn find_behind(bytes: &[u8], index: usize, tag: u8, field: &[u8]) -> Option<usize> {
    let layout = Layout::of(bytes);
    let tags = &bytes[layout.tags_at..][..layout.fields];
    let mut index = index;
    loop {
        index = next_equal(tags, index + 1, tag)?;
        if entry::value_offset_of(&bytes[layout.entry(bytes, index)], field).is_some() {
            return Some(index);
        }
    }
}

#[cold]
fn long_key_len(bytes: &[u8]) -> (usize, usize) {
    entry::read_varint(&bytes[KEY_LEN_AT..])
}

/// The `N` bytes from this place on.
#[inline(always)]
fn chunk<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("what the head promises is there")
}

impl Packed {
    /// An empty hash under this key.
    pub(crate) fn new(mark: Mark, key: &[u8]) -> Self {
        Self::assemble(mark, key, std::iter::empty())
    }

    /// A hash with this mark and key, made of tagged entries. [`fits`](Self::fits) must hold for their number and their
    /// bytes.
    pub(crate) fn assemble<'a>(mark: Mark, key: &[u8], entries: impl Iterator<Item = (u8, &'a [u8])> + Clone) -> Self {
        Self(close(Self::assemble_bytes(mark, key, entries, 0)))
    }

    /// The bytes of such a hash, in a vector with room for at least this many.
    fn assemble_bytes<'a>(
        mark: Mark,
        key: &[u8],
        entries: impl Iterator<Item = (u8, &'a [u8])> + Clone,
        room: usize,
    ) -> Vec<u8> {
        let (fields, entry_bytes) = entries.clone().fold((0, 0), |(n, sum), (_, entry)| (n + 1, sum + entry.len()));
        if fields == 0 && key.is_empty() && mark == Mark::default() {
            return Vec::new();
        }
        let wide = entry_bytes > NARROW_MAX;
        let head_len = KEY_LEN_AT + entry::varint_len(key.len()) + key.len();
        let len = head_len + fields * (2 + usize::from(wide)) + entry_bytes;
        let mut bytes = Vec::with_capacity(block_len(len).max(room));
        push_head(&mut bytes, mark.set_in(if wide { WIDE } else { 0 }), (fields as u16).to_le_bytes(), key);
        bytes.extend(entries.clone().map(|(tag, _)| tag));
        push_ends(&mut bytes, entries.clone().map(|(_, entry)| entry.len()), width(entry_bytes));
        for (_, entry) in entries {
            bytes.extend_from_slice(entry);
        }
        bytes
    }

    /// The bytes of a hash with this mark and key, made of tagged pairs.
    fn assemble_pairs<'a>(mark: Mark, key: &[u8], pairs: impl Iterator<Item = (u8, Pair<'a>)>) -> Vec<u8> {
        let pairs: Vec<_> = pairs.collect(); // walked several times
        let lens = pairs.iter().map(|(_, (field, value))| entry::len(field, value));
        let (fields, entry_bytes) = lens.clone().fold((0, 0), |(n, sum), len| (n + 1, sum + len));
        let w = width(entry_bytes);
        let len = KEY_LEN_AT + entry::varint_len(key.len()) + key.len() + fields * (1 + w) + entry_bytes;
        let mut bytes = Vec::with_capacity(block_len(len));
        push_head(&mut bytes, mark.set_in(if w == 1 { 0 } else { WIDE }), (fields as u16).to_le_bytes(), key);
        bytes.extend(pairs.iter().map(|(tag, _)| *tag));
        push_ends(&mut bytes, lens, w);
        pairs.iter().for_each(|(_, (field, value))| entry::push(&mut bytes, field, value));
        bytes
    }

    /// Whether the encoding can hold this many fields, and this many bytes of entries.
    pub(crate) fn fits(fields: usize, entry_bytes: usize) -> bool {
        fields <= PACKED_MAX && entry_bytes <= PACKED_MAX
    }

    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        Mark::of(self.flags())
    }

    /// Reads one byte of each cache line, so that the processor loads the whole block.
    #[inline]
    pub(crate) fn prefetch(&self) {
        let looked_at = self.0.iter().step_by(64).fold(0, |bits, byte| bits | byte);
        std::hint::black_box(looked_at);
    }

    /// Looks at the cache lines of a large block in which its tags and ends usually are. The few lines of a small one
    /// follow each other, and processors load them by themselves.
    #[inline(always)]
    pub(crate) fn prefetch_front(&self) {
        if let Some(front) = self.0.first_chunk::<LARGE>() {
            std::hint::black_box(front[64] | front[128] | front[192] | front[256] | front[320] | front[384]);
        } else if let Some(front) = self.0.first_chunk::<65>() {
            std::hint::black_box(front[64] | self.0[self.0.len() - 1]);
        }
    }

    /// Whether the hash has this mark and no deadlines.
    #[inline]
    pub(crate) fn is_plain(&self, mark: Mark) -> bool {
        self.flags() & (DEADLINES | Mark::FLAG) == mark.set_in(0)
    }

    pub(crate) fn set_mark(&mut self, mark: Mark) {
        match self.0.first_mut() {
            Some(flags) => *flags = mark.set_in(*flags),
            None => *self = Self::new(mark, b""),
        }
    }

    #[inline]
    fn flags(&self) -> u8 {
        self.0.first().copied().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        match &*self.0 {
            [_, _, _, len, behind @ ..] if *len < 0x80 => &behind[..usize::from(*len)],
            bytes => Self::long_key(bytes),
        }
    }

    #[cold]
    fn long_key(bytes: &[u8]) -> &[u8] {
        if bytes.is_empty() {
            return &[];
        }
        let (len, read) = long_key_len(bytes);
        &bytes[KEY_LEN_AT + read..][..len]
    }

    /// A copy with another key and mark.
    pub(crate) fn with_key(&self, mark: Mark, key: &[u8]) -> Self {
        let layout = Layout::of(&self.0);
        if layout.fields == 0 {
            return Self::new(mark, key);
        }
        let rest = &self.0[layout.tags_at..layout.free_at(&self.0)];
        let len = KEY_LEN_AT + entry::varint_len(key.len()) + key.len() + rest.len();
        let mut copy = Vec::with_capacity(block_len(len));
        copy.extend_from_slice(&self.0[..KEY_LEN_AT]);
        entry::push_varint(&mut copy, key.len());
        copy.extend_from_slice(key);
        copy.extend_from_slice(rest);
        let mut copy = Self(close(copy));
        copy.set_mark(mark);
        copy
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        Layout::of(&self.0).present(&self.0)
    }

    /// The number of fields, and the number of bytes of all entries, as a hash without a shape would have them.
    #[inline]
    pub(crate) fn size(&self, rules: &Rules) -> (usize, usize) {
        let layout = Layout::of(&self.0);
        let names = self
            .shape(rules)
            .map_or(0, |shape| shape.entry_bytes() - self.missing_names(shape).map(name_bytes).sum::<usize>());
        (layout.present(&self.0), layout.entry_bytes(&self.0) + names)
    }

    /// Whether there are at most this many fields, and at most this many bytes of entries, as a hash without a shape
    /// would have them.
    #[inline(always)]
    pub(crate) fn is_within(&self, fields: usize, entry_bytes: usize, rules: &Rules) -> bool {
        // Usually even the whole block is short enough. Then the bytes of entries need not be read.
        let is_short = self.0.len() <= entry_bytes && !self.is_shaped();
        self.len() <= fields && (is_short || self.size(rules).1 <= entry_bytes)
    }

    /// Bytes asked of the allocator.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.len()
    }

    /// Bytes of the block that are free.
    pub(crate) fn free_bytes(&self) -> usize {
        self.0.len() - Layout::of(&self.0).free_at(&self.0)
    }

    /// The value of a field. O(n / 8) for the tags, and one entry.
    #[inline(always)]
    pub(crate) fn get(&self, tag: u8, field: &[u8], rules: &Rules) -> Option<&[u8]> {
        let (_, value) = Layout::of(&self.0).find(&self.0, tag, field, rules)?;
        Some(&self.0[value])
    }

    /// The place of a field. O(n / 8) for the tags, and one entry.
    #[inline(always)]
    pub(crate) fn find(&self, tag: u8, field: &[u8], rules: &Rules) -> Option<FoundEntry> {
        Layout::of(&self.0).find(&self.0, tag, field, rules)
    }

    /// The value of a field that was found.
    #[inline]
    pub(crate) fn value(&self, found: &FoundEntry) -> &[u8] {
        &self.0[found.1.clone()]
    }

    /// Whether the encoding can hold a hash of this size after a field is set, which was found here or is new.
    #[inline]
    pub(crate) fn can_hold(
        (fields, entry_bytes): (usize, usize),
        found: Option<&FoundEntry>,
        field: &[u8],
        value: &[u8],
    ) -> bool {
        match found {
            Some((_, old)) => Self::fits(fields, entry_bytes - old.len() + value.len()),
            None => Self::fits(fields + 1, entry_bytes + entry::len(field, value)),
        }
    }

    /// Overwrites a value with one of the same length.
    #[inline]
    pub(crate) fn overwrite(&mut self, found: &FoundEntry, value: &[u8]) {
        self.0[found.1.clone()].copy_from_slice(value);
    }

    /// Notes that the field at this index is about to be removed.
    #[inline]
    pub(crate) fn record_removal(&self, index: usize, cx: Context<'_>) {
        cx.record(|| {
            let (field, value) = self.pair_at(index, cx.rules);
            Some((self.key(), Effect::Remove { field, value, deadline: self.field_deadline(index) }))
        });
    }

    /// Draws a field with its value, or returns `None` if there is none. Each is equally likely. O(1).
    pub(crate) fn draw<'a>(&'a self, random: &mut Random, rules: &'a Rules) -> Option<Pair<'a>> {
        let (layout, len) = (Layout::of(&self.0), self.len());
        let drawn = (len > 0).then(|| random.below(len))?;
        let mut present = (0..layout.fields).filter(|index| !layout.is_missing(&self.0, *index));
        let index = if len == layout.fields { Some(drawn) } else { present.nth(drawn) };
        index.map(|index| self.pair_at(index, rules))
    }

    /// The field at this index, with its value.
    pub(crate) fn pair_at<'a>(&'a self, index: usize, rules: &'a Rules) -> Pair<'a> {
        let entry = &self.0[Layout::of(&self.0).entry(&self.0, index)];
        match self.shape(rules) {
            Some(shape) => (shape.name(index), entry),
            None => entry::pair(entry),
        }
    }

    /// Gives free bytes back to the allocator.
    pub(crate) fn shrink_to_fit(&mut self) {
        let used = Layout::of(&self.0).free_at(&self.0);
        if block_len(used) < self.0.len() {
            let mut bytes = Vec::from(std::mem::take(&mut self.0));
            bytes.truncate(used);
            bytes.shrink_to(block_len(used));
            self.0 = close(bytes);
        }
    }

    pub(crate) fn pairs<'a>(&'a self, rules: &'a Rules) -> Pairs<'a> {
        self.pairs_with(rules.shapes.as_deref())
    }

    /// [`pairs`](Self::pairs) for whoever knows nothing but the shapes.
    pub(crate) fn pairs_with<'a>(&'a self, shapes: Option<&'a Shapes>) -> Pairs<'a> {
        let shape = shapes.filter(|_| self.is_shaped()).map(|shapes| shapes.get(self.0[SHAPE_AT]));
        Pairs { bytes: &self.0, layout: Layout::of(&self.0), shape, next: 0 }
    }

    /// Opens the hash for changes. Dropping the draft closes it.
    #[inline]
    pub(crate) fn draft(&mut self) -> Draft<'_> {
        Draft::open(self)
    }
}

/// The index of a field, and the range of its value in the block.
pub(crate) type FoundEntry = (usize, Range<usize>);

/// Appends the head of a block.
fn push_head(bytes: &mut Vec<u8>, flags: u8, count: [u8; 2], key: &[u8]) {
    bytes.push(flags);
    bytes.extend_from_slice(&count);
    entry::push_varint(bytes, key.len());
    bytes.extend_from_slice(key);
}

/// Appends the ends, of this width, of entries or values of these lengths.
fn push_ends(bytes: &mut Vec<u8>, lens: impl Iterator<Item = usize>, width: usize) {
    let mut end = 0;
    if width == 1 {
        bytes.extend(lens.map(|len| {
            end += len;
            end as u8
        }));
    } else {
        lens.for_each(|len| {
            end += len;
            bytes.extend_from_slice(&(end as u16).to_le_bytes());
        });
    }
}

/// The width of an end if the entries take this many bytes.
fn width(entry_bytes: usize) -> usize {
    1 + usize::from(entry_bytes > NARROW_MAX)
}

/// The length of a block that holds this many bytes.
fn block_len(used: usize) -> usize {
    used.next_multiple_of(STEP)
}

/// Makes a block of these bytes. It keeps all that was allocated for them, or less if too much of it would be free.
fn close(mut bytes: Vec<u8>) -> Box<[u8]> {
    if bytes.capacity() - bytes.len() > free_max(bytes.capacity()) {
        bytes.shrink_to(block_len(bytes.len()));
    }
    bytes.resize(bytes.capacity(), 0);
    bytes.into_boxed_slice()
}

/// The most bytes that may be free in a block of this length.
fn free_max(block: usize) -> usize {
    (block / 4).max(STEP - 1)
}

/// The tagged entries of a hash that has no shape.
#[derive(Clone)]
struct Entries<'a> {
    bytes: &'a [u8],
    layout: Layout,
    next: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (u8, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.layout.fields {
            return None;
        }
        let tag = self.bytes[self.layout.tags_at + self.next];
        let entry = &self.bytes[self.layout.entry(self.bytes, self.next)];
        self.next += 1;
        Some((tag, entry))
    }
}

/// The tagged pairs of a packed hash.
#[derive(Clone)]
pub(crate) struct Pairs<'a> {
    bytes: &'a [u8],
    layout: Layout,
    shape: Option<&'a Shape>,
    next: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (u8, Pair<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while self.next < self.layout.fields && self.layout.is_missing(self.bytes, self.next) {
            self.next += 1;
        }
        let index = self.next;
        if index == self.layout.fields {
            return None;
        }
        self.next += 1;
        let entry = &self.bytes[self.layout.entry(self.bytes, index)];
        Some(match self.shape {
            Some(shape) => (shape.tag(index), (shape.name(index), entry)),
            None => (self.bytes[self.layout.tags_at + index], entry::pair(entry)),
        })
    }
}

#[cfg(any(test, feature = "testing"))]
impl Packed {
    /// Checks the invariants of the module's documentation.
    ///
    /// # Panics
    /// If one is broken.
    pub(crate) fn validate(&self, rules: &Rules) {
        let bytes = &self.0;
        let layout = Layout::of(bytes);
        let is_needed = layout.fields > 0 || !self.key().is_empty() || self.mark() != Mark::default();
        assert!(bytes.is_empty() || is_needed, "1: bytes for nothing");
        let mut end = 0;
        for index in 0..layout.fields {
            let entry = layout.entry(bytes, index);
            let is_entry = layout.is_shaped() || !entry.is_empty();
            assert!(is_entry && entry.start == layout.entries_at() + end, "2: end {index}");
            end = entry.end - layout.entries_at();
        }
        assert_eq!(layout.entry_bytes(bytes), end, "2: the last end");
        let free = bytes.len() - layout.free_at(bytes);
        assert!(bytes.is_empty() || free <= free_max(bytes.len()), "1: {free} free bytes of {}", bytes.len());
        let deadlines = Deadlines::new(self.deadline(), self.field_deadlines());
        let mut tail = Vec::new();
        deadlines.push_tail(&mut tail, layout.fields);
        assert_eq!(deadlines.flags(), layout.flags & DEADLINES, "5: flags of deadlines");
        assert_eq!(layout.tail(bytes).bytes(), tail, "5: deadlines");
        assert!(self.len() > 0 || tail.is_empty(), "5: a deadline for nothing");
        assert_eq!(layout.end_width, width(end), "3: width of ends");
        if let Some(shape) = self.shape(rules) {
            assert!(self.len() > 0 && layout.fields == shape.fields(), "6: fields of the shape");
            let missing: Vec<usize> = (0..8 * layout.tags).filter(|at| layout.is_missing(bytes, *at)).collect();
            assert_eq!(missing.is_empty(), layout.flags & GAPS == 0, "6: missing fields");
            for at in missing {
                assert!(at < layout.fields && layout.entry(bytes, at).is_empty(), "6: missing field {at}");
                assert_eq!(self.field_deadline(at), Deadline::NEVER, "6: missing field {at}");
            }
        }
        for (index, (found, (field, _))) in self.pairs(rules).enumerate() {
            assert_eq!(found, rules.tag(field), "4: tag {index}");
            let found = layout.find(bytes, found, field, rules).map(|(at, _)| at);
            assert!(found == Some(index) || layout.flags & GAPS != 0 && found > Some(index), "4: a field stands twice");
        }
    }
}
