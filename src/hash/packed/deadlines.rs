//! The deadlines of a packed hash. They are the *tail* after the entries. Each part of the tail is there only if it is
//! needed.
//!
//! ```text
//! +------------------------+-----------------------------+------------------+
//! | bitmap, a bit a field  | a deadline for each bit set | the key's        |
//! +------------------------+-----------------------------+------------------+
//!  if a field has a deadline                              if the key has one
//! ```
//! So a deadline costs 8 bytes, and the first deadline of a field also costs one bit for each field of the hash. The
//! first field has the lowest bit of the first byte. A hash without deadlines pays nothing, because all other parts are
//! before the tail, and are in the same place with it or without it.

use std::ops::Range;

use super::{DEADLINES, FIELD_DEADLINES, KEY_DEADLINE, Layout, Packed};
use crate::time::Deadline;

/// Deadlines. The flags tell if a hash has none, at the cost of one comparison.
impl Packed {
    /// Whether the key or a field has a deadline.
    #[inline]
    pub(crate) fn has_deadlines(&self) -> bool {
        self.flags() & DEADLINES != 0
    }

    /// Whether a field has a deadline.
    #[inline]
    pub(crate) fn has_field_deadlines(&self) -> bool {
        self.flags() & FIELD_DEADLINES != 0
    }

    /// The key's deadline.
    pub(crate) fn deadline(&self) -> Deadline {
        self.tail().key()
    }

    /// The soonest of all deadlines.
    pub(crate) fn soonest(&self) -> Deadline {
        self.tail().soonest()
    }

    /// The deadline of the field at this index.
    pub(crate) fn field_deadline(&self, index: usize) -> Deadline {
        self.tail().field(index)
    }

    /// The deadlines of fields with the indexes of these fields, in rising order of the indexes.
    pub(crate) fn field_deadlines(&self) -> impl Iterator<Item = (usize, Deadline)> {
        self.tail().iter()
    }

    fn tail(&self) -> Tail<'_> {
        Layout::of(&self.0).tail(&self.0)
    }

    /// Gives the key a deadline. [`Deadline::NEVER`] removes the one that it has.
    pub(crate) fn set_deadline(&mut self, deadline: Deadline) {
        let place = self.tail().find_key();
        self.put_deadline(place, deadline, |deadlines| deadlines.set_key(deadline));
    }

    /// Gives the field at this index a deadline. [`Deadline::NEVER`] removes the one that it has.
    pub(crate) fn set_field_deadline(&mut self, index: usize, deadline: Deadline) {
        let place = self.tail().find_field(index);
        self.put_deadline(place, deadline, |deadlines| deadlines.set_field(index, deadline));
    }

    /// Overwrites a deadline at its place in the tail. A deadline that is added or removed takes a draft instead.
    fn put_deadline(&mut self, place: Option<Range<usize>>, deadline: Deadline, put: impl FnOnce(&mut Deadlines)) {
        match place {
            Some(place) if deadline != Deadline::NEVER => {
                let tail_at = Layout::of(&self.0).tail_at(&self.0);
                self.0[tail_at..][place].copy_from_slice(&deadline.to_bytes());
            }
            None if deadline == Deadline::NEVER => {}
            _ => put(self.draft().deadlines()),
        }
    }

    /// Replaces all deadlines by these.
    pub(crate) fn set_deadlines(&mut self, deadlines: Deadlines) {
        *self.draft().deadlines() = deadlines;
    }
}

/// The tail of a hash with these flags and this many fields.
#[derive(Clone, Copy)]
pub(super) struct Tail<'a> {
    flags: u8,
    fields: usize,
    /// The number of bytes of the bitmap.
    bitmap: usize,
    bytes: &'a [u8],
}

impl<'a> Tail<'a> {
    /// The tail at the front of these bytes.
    pub(super) fn new(flags: u8, fields: usize, bytes: &'a [u8]) -> Self {
        let bitmap = if flags & FIELD_DEADLINES == 0 { 0 } else { bitmap_len(fields) };
        let timed: u32 = bytes[..bitmap].iter().map(|byte| byte.count_ones()).sum();
        let deadlines = timed as usize + usize::from(flags & KEY_DEADLINE != 0);
        Self { flags, bitmap, fields, bytes: &bytes[..bitmap + deadlines * Deadline::BYTES] }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    #[cfg(any(test, feature = "testing"))]
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn key(&self) -> Deadline {
        self.find_key().map_or(Deadline::NEVER, |place| self.at(place))
    }

    pub(super) fn field(&self, index: usize) -> Deadline {
        self.find_field(index).map_or(Deadline::NEVER, |place| self.at(place))
    }

    /// The deadlines of fields with the indexes of these fields, in rising order of the indexes.
    pub(super) fn iter(self) -> impl Iterator<Item = (usize, Deadline)> + use<'a> {
        let bitmap = self.bitmap();
        let deadlines = self.bytes[bitmap.len()..].as_chunks().0.iter().copied().map(Deadline::from_bytes);
        let is_set = |&index: &usize| bitmap.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
        (0..self.fields).filter(is_set).zip(deadlines)
    }

    /// The soonest of all deadlines, which are side by side.
    pub(super) fn soonest(&self) -> Deadline {
        let deadlines = self.bytes[self.bitmap().len()..].as_chunks().0.iter().copied().map(Deadline::from_bytes);
        deadlines.min().unwrap_or(Deadline::NEVER)
    }

    pub(super) fn find_key(&self) -> Option<Range<usize>> {
        let end = self.bytes.len();
        (self.flags & KEY_DEADLINE != 0).then(|| end - Deadline::BYTES..end)
    }

    pub(super) fn find_field(&self, index: usize) -> Option<Range<usize>> {
        let bitmap = self.bitmap();
        let (byte, bit) = (index / 8, 1_u8 << (index % 8));
        if bitmap.get(byte)? & bit == 0 {
            return None;
        }
        let whole: u32 = bitmap[..byte].iter().map(|byte| byte.count_ones()).sum();
        let before = whole + (bitmap[byte] & (bit - 1)).count_ones();
        let start = bitmap.len() + before as usize * Deadline::BYTES;
        Some(start..start + Deadline::BYTES)
    }

    fn bitmap(&self) -> &'a [u8] {
        &self.bytes[..self.bitmap]
    }

    fn at(&self, place: Range<usize>) -> Deadline {
        self.bytes[place].first_chunk().map_or(Deadline::NEVER, |bytes| Deadline::from_bytes(*bytes))
    }
}

pub(super) fn bitmap_len(fields: usize) -> usize {
    fields.div_ceil(8)
}

/// The deadlines of a hash while it is changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Deadlines {
    key: Deadline,
    fields: Vec<(usize, Deadline)>,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { key: Deadline::NEVER, fields: Vec::new() }
    }
}

impl Deadlines {
    /// The indexes of the fields must come in rising order.
    pub(crate) fn new(key: Deadline, fields: impl Iterator<Item = (usize, Deadline)>) -> Self {
        Self { key, fields: fields.filter(|(_, deadline)| *deadline != Deadline::NEVER).collect() }
    }

    /// The flags that say which deadlines there are.
    pub(super) fn flags(&self) -> u8 {
        let key = if self.key == Deadline::NEVER { 0 } else { KEY_DEADLINE };
        key | if self.fields.is_empty() { 0 } else { FIELD_DEADLINES }
    }

    pub(super) fn set_key(&mut self, deadline: Deadline) {
        self.key = deadline;
    }

    /// Gives a field a deadline. [`Deadline::NEVER`] removes the one that it has.
    pub(super) fn set_field(&mut self, index: usize, deadline: Deadline) {
        let at = self.fields.partition_point(|(other, _)| *other < index);
        let end = at + usize::from(self.fields.get(at).is_some_and(|(other, _)| *other == index));
        self.fields.splice(at..end, (deadline != Deadline::NEVER).then_some((index, deadline)));
    }

    /// Adds a field without a deadline. The index of each later field becomes one more.
    pub(super) fn insert_field(&mut self, index: usize) {
        let at = self.fields.partition_point(|(other, _)| *other < index);
        self.fields[at..].iter_mut().for_each(|(other, _)| *other += 1);
    }

    /// Removes a field, and returns its deadline. The index of each later field becomes one less.
    pub(super) fn remove_field(&mut self, index: usize) -> Deadline {
        let at = self.fields.partition_point(|(other, _)| *other < index);
        let removed = match self.fields.get(at) {
            Some(&(other, deadline)) if other == index => {
                self.fields.remove(at);
                deadline
            }
            _ => Deadline::NEVER,
        };
        self.fields[at..].iter_mut().for_each(|(other, _)| *other -= 1);
        removed
    }

    /// The length of the tail of a hash of this many fields.
    pub(super) fn tail_len(&self, fields: usize) -> usize {
        let bitmap = if self.fields.is_empty() { 0 } else { bitmap_len(fields) };
        bitmap + (self.fields.len() + usize::from(self.key != Deadline::NEVER)) * Deadline::BYTES
    }

    /// Appends the tail of a hash of this many fields.
    pub(super) fn push_tail(&self, bytes: &mut Vec<u8>, fields: usize) {
        if !self.fields.is_empty() {
            let bitmap_at = bytes.len();
            bytes.resize(bitmap_at + bitmap_len(fields), 0);
            for (index, deadline) in &self.fields {
                bytes[bitmap_at + index / 8] |= 1 << (index % 8);
                bytes.extend_from_slice(&deadline.to_bytes());
            }
        }
        if self.key != Deadline::NEVER {
            bytes.extend_from_slice(&self.key.to_bytes());
        }
    }
}
