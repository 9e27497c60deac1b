//! Who writes what a save has not written yet, and how far one slice of it goes.

use crate::saving::blocks::Blocks;
use crate::saving::mark::Mark;
use crate::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// Bytes of items from which on a slice is over: what is saved under one lock. So short that whoever meets the lock gets it
/// before the system has put the thread to sleep.
const SLICE_BYTES: usize = 4 << 10;
/// Who writes what has not been written yet: the saver, or a call ahead of it.
pub(crate) struct Saver<'a> {
    pub(crate) blocks: &'a mut Blocks,
    pub(crate) mark: Mark,
    /// Bytes that wait at the end of the slice.
    until: usize,
    next_table: &'a AtomicU32,
}

impl<'a> Saver<'a> {
    /// One that goes on for a slice.
    pub(super) fn of_slice(blocks: &'a mut Blocks, mark: Mark, next_table: &'a AtomicU32) -> Self {
        let until = blocks.bytes() + blocks.block_bytes().min(SLICE_BYTES);
        Self { blocks, mark, until, next_table }
    }

    /// One that writes a single thing, however long, ahead of the saver.
    pub(super) fn ahead(blocks: &'a mut Blocks, mark: Mark, next_table: &'a AtomicU32) -> Self {
        Self { blocks, mark, until: usize::MAX, next_table }
    }

    /// A number by which the parts of a table are known in this snapshot. There are fewer tables than such numbers: each
    /// takes some hundred bytes.
    pub(crate) fn next_table(&self) -> u32 {
        self.next_table.fetch_add(1, SeqCst)
    }

    /// Whether so much was written that others should work in between.
    pub(crate) fn is_slice_over(&self) -> bool {
        self.blocks.bytes() >= self.until
    }
}
