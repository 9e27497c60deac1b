//! The place of an entry in a segment.

use crate::time::Deadline;

/// An offset in the arena or the number of a box, and whether the entry there has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    const BOXED: u32 = 1 << 31;
    const TIMED: u32 = 1 << 30;
    /// All offsets and numbers are less than this.
    pub(super) const END: usize = Self::TIMED as usize;

    pub(super) fn inline(offset: usize, deadline: Deadline) -> Self {
        Self::new(offset, deadline)
    }

    pub(super) fn boxed(index: usize, deadline: Deadline) -> Self {
        Self(Self::new(index, deadline).0 | Self::BOXED)
    }

    fn new(number: usize, deadline: Deadline) -> Self {
        debug_assert!(number < Self::END);
        Self(number as u32 | if deadline == Deadline::NEVER { 0 } else { Self::TIMED })
    }

    /// The same kind of place at another offset or number.
    pub(super) fn moved(self, number: usize) -> Self {
        debug_assert!(number < Self::END);
        Self(self.0 & (Self::BOXED | Self::TIMED) | number as u32)
    }

    #[inline]
    pub(super) fn number(self) -> usize {
        (self.0 & !(Self::BOXED | Self::TIMED)) as usize
    }

    #[inline]
    pub(super) fn as_box(self) -> Option<usize> {
        (self.0 & Self::BOXED != 0).then_some(self.number())
    }

    #[inline]
    pub(super) fn is_timed(self) -> bool {
        self.0 & Self::TIMED != 0
    }

    /// The length of the entry's deadline, 0 if it has none.
    #[inline]
    pub(super) fn deadline_len(self) -> usize {
        if self.is_timed() { Deadline::BYTES } else { 0 }
    }
}
