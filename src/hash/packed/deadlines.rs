//! The deadlines of a packed hash: a tail behind its entries, each part of which is there only if it is needed.
//!
//! ```text
//! +------------------------+-----------------------------+------------------+
//! | bitmap, a bit a field  | a deadline for each bit set | the key's        |
//! +------------------------+-----------------------------+------------------+
//!  if a field has a deadline                              if the key has one
//! ```
//! So a deadline costs 8 bytes, and the first one of a field a bit for each field besides. Bits count from the lowest of
//! the first byte. At the end they cost a hash without deadlines nothing: what stands before them is where it always is.

use std::ops::Range;

use super::{FIELD_DEADLINES, KEY_DEADLINE};
use crate::time::Deadline;

/// The tail of a hash of these flags and so many fields.
#[derive(Clone, Copy)]
pub(super) struct Tail<'a> {
    flags: u8,
    fields: usize,
    bytes: &'a [u8],
}

impl<'a> Tail<'a> {
    pub(super) fn new(flags: u8, fields: usize, bytes: &'a [u8]) -> Self {
        Self { flags, fields, bytes }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn key(&self) -> Deadline {
        self.find_key().map_or(Deadline::NEVER, |place| self.at(place))
    }

    pub(super) fn field(&self, index: usize) -> Deadline {
        self.find_field(index).map_or(Deadline::NEVER, |place| self.at(place))
    }

    /// The deadlines of fields, with the fields' indexes, in rising order.
    pub(super) fn iter(self) -> impl Iterator<Item = (usize, Deadline)> + use<'a> {
        let bitmap = self.bitmap();
        let deadlines = self.bytes[bitmap.len()..].as_chunks().0.iter().copied().map(Deadline::from_bytes);
        let is_set = |&index: &usize| bitmap.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
        (0..self.fields).filter(is_set).zip(deadlines)
    }

    /// The first of all deadlines, which stand side by side.
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
        &self.bytes[..if self.flags & FIELD_DEADLINES == 0 { 0 } else { bitmap_len(self.fields) }]
    }

    fn at(&self, place: Range<usize>) -> Deadline {
        self.bytes[place].first_chunk().map_or(Deadline::NEVER, |bytes| Deadline::from_bytes(*bytes))
    }
}

fn bitmap_len(fields: usize) -> usize {
    fields.div_ceil(8)
}

/// The deadlines of a hash in the course of being changed.
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
    /// Takes those of fields with their indexes in rising order.
    pub(crate) fn new(key: Deadline, fields: impl Iterator<Item = (usize, Deadline)>) -> Self {
        Self { key, fields: fields.filter(|(_, deadline)| *deadline != Deadline::NEVER).collect() }
    }

    /// The flags that tell what is there.
    pub(super) fn flags(&self) -> u8 {
        let key = if self.key == Deadline::NEVER { 0 } else { KEY_DEADLINE };
        key | if self.fields.is_empty() { 0 } else { FIELD_DEADLINES }
    }

    pub(super) fn set_key(&mut self, deadline: Deadline) {
        self.key = deadline;
    }

    /// Gives a field a deadline, or with [`Deadline::NEVER`] takes its own away.
    pub(super) fn set_field(&mut self, index: usize, deadline: Deadline) {
        let at = self.fields.partition_point(|(other, _)| *other < index);
        let end = at + usize::from(self.fields.get(at).is_some_and(|(other, _)| *other == index));
        self.fields.splice(at..end, (deadline != Deadline::NEVER).then_some((index, deadline)));
    }

    /// Forgets a field, moves those behind it to its place, and returns its deadline.
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

    /// Appends the tail of a hash of so many fields.
    pub(super) fn push_tail(&self, bytes: &mut Vec<u8>, fields: usize) {
        if !self.fields.is_empty() {
            let bitmap_at = bytes.len();
            bytes.reserve_exact(bitmap_len(fields) + (self.fields.len() + 1) * Deadline::BYTES);
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
