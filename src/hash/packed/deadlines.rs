//! The deadlines of a packed hash's fields: a tail behind its entries, there only while a field has one.
//!
//! ```text
//! +------------------------+----------------------------+
//! | bitmap, a bit a field  | a deadline for each bit set |
//! +------------------------+----------------------------+
//! ```
//! So a deadline costs 8 bytes, and the first one a bit for each field besides. Bits count from the lowest of the first byte.

use std::ops::Range;

use crate::time::Deadline;

fn bitmap_len(fields: usize) -> usize {
    fields.div_ceil(8)
}

/// Where the deadline of a field is in the tail, if it has one.
pub(super) fn find(tail: &[u8], fields: usize, index: usize) -> Option<Range<usize>> {
    let bitmap = &tail[..bitmap_len(fields)];
    let (byte, bit) = (index / 8, 1_u8 << (index % 8));
    if bitmap[byte] & bit == 0 {
        return None;
    }
    let whole: u32 = bitmap[..byte].iter().map(|byte| byte.count_ones()).sum();
    let before = whole + (bitmap[byte] & (bit - 1)).count_ones();
    let start = bitmap.len() + before as usize * Deadline::BYTES;
    Some(start..start + Deadline::BYTES)
}

/// The deadlines in a tail, with the indexes of their fields, in rising order.
pub(super) fn iter(tail: &[u8], fields: usize) -> impl Iterator<Item = (usize, Deadline)> {
    let (bitmap, deadlines) = tail.split_at(if tail.is_empty() { 0 } else { bitmap_len(fields) });
    let is_set = |&index: &usize| bitmap.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
    let deadlines = deadlines.as_chunks().0.iter().copied().map(Deadline::from_bytes);
    (0..fields).filter(is_set).zip(deadlines)
}

/// The deadlines of a hash in the course of being changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldDeadlines(Vec<(usize, Deadline)>);

impl FromIterator<(usize, Deadline)> for FieldDeadlines {
    /// Takes indexes in rising order.
    fn from_iter<I: IntoIterator<Item = (usize, Deadline)>>(deadlines: I) -> Self {
        Self(deadlines.into_iter().filter(|(_, deadline)| *deadline != Deadline::NEVER).collect())
    }
}

impl FieldDeadlines {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives a field a deadline, or with [`Deadline::NEVER`] takes its own away.
    pub(super) fn set(&mut self, index: usize, deadline: Deadline) {
        let at = self.0.partition_point(|(other, _)| *other < index);
        let end = at + usize::from(self.0.get(at).is_some_and(|(other, _)| *other == index));
        self.0.splice(at..end, (deadline != Deadline::NEVER).then_some((index, deadline)));
    }

    /// Forgets a field, moves those behind it to its place, and returns its deadline.
    pub(super) fn remove(&mut self, index: usize) -> Deadline {
        let at = self.0.partition_point(|(other, _)| *other < index);
        let removed = match self.0.get(at) {
            Some(&(other, deadline)) if other == index => {
                self.0.remove(at);
                deadline
            }
            _ => Deadline::NEVER,
        };
        self.0[at..].iter_mut().for_each(|(other, _)| *other -= 1);
        removed
    }

    /// Appends the tail of a hash of so many fields.
    pub(super) fn push_tail(&self, bytes: &mut Vec<u8>, fields: usize) {
        let bitmap_at = bytes.len();
        bytes.reserve_exact(bitmap_len(fields) + self.0.len() * Deadline::BYTES);
        bytes.resize(bitmap_at + bitmap_len(fields), 0);
        for (index, _) in &self.0 {
            bytes[bitmap_at + index / 8] |= 1 << (index % 8);
        }
        for (_, deadline) in &self.0 {
            bytes.extend_from_slice(&deadline.to_bytes());
        }
    }
}
