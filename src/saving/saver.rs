//! The writer of records that a save has not written yet, and the length of one slice of its work.

use crate::saving::blocks::Blocks;
use crate::saving::mark::Mark;
use crate::shapes::Shapes;
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// A slice, the work of a saver under one lock, ends after this many bytes of items. It is so short that a thread which
/// waits for the lock gets it before the system puts the thread to sleep.
const SLICE_BYTES: usize = 4 << 10;
/// Writes what has not been written yet. The saver uses one, and so does a call that writes ahead of it.
pub(crate) struct Saver<'a> {
    pub(crate) blocks: &'a mut Blocks,
    pub(crate) mark: Mark,
    /// The shapes of the records.
    pub(crate) shapes: Option<&'a Shapes>,
    /// The slice is over when this many bytes wait in the blocks.
    until: usize,
    next_table: &'a AtomicU32,
}

impl<'a> Saver<'a> {
    /// A saver that writes one slice.
    pub(super) fn of_slice(
        blocks: &'a mut Blocks,
        mark: Mark,
        shapes: Option<&'a Shapes>,
        next_table: &'a AtomicU32,
    ) -> Self {
        let until = blocks.bytes() + blocks.block_bytes().min(SLICE_BYTES);
        Self { blocks, mark, shapes, until, next_table }
    }

    /// A saver that writes a single record or segment of any length, ahead of the walk.
    pub(super) fn ahead(
        blocks: &'a mut Blocks,
        mark: Mark,
        shapes: Option<&'a Shapes>,
        next_table: &'a AtomicU32,
    ) -> Self {
        Self { blocks, mark, shapes, until: usize::MAX, next_table }
    }

    /// Returns a new number for a table, which its parts carry in this snapshot. There are always enough numbers: a
    /// table takes some hundred bytes, so there are fewer than 2^32 tables.
    pub(crate) fn next_table(&self) -> u32 {
        self.next_table.fetch_add(1, SeqCst)
    }

    /// Whether the slice is over, so that the lock should be released for other calls.
    pub(crate) fn is_slice_over(&self) -> bool {
        self.blocks.bytes() >= self.until
    }
}
