//! The blocks of entries that wait to be written to one log.

use std::mem::{replace, take};

use crate::hash::push_varint;

/// Bytes in front of the entries of a block that are kept free for its head. `snapshot/format.rs` draws it.
pub(crate) const LOG_BLOCK_HEAD: usize = 24;
/// A block with this many bytes or more is full, and takes no further entry.
const BLOCK_BYTES: usize = 256 << 10;
/// The number of written blocks whose memory is kept for later ones.
const SPARES: usize = 4;

/// Blocks that wait. The last one is open.
#[derive(Default)]
#[repr(C)] // what an append needs comes first
pub(super) struct Blocks {
    open: Vec<u8>,
    full: Vec<Vec<u8>>,
    spare: Vec<Vec<u8>>,
}

impl Blocks {
    /// Appends an entry of so many bytes, and returns by how many bytes the blocks have grown.
    #[inline]
    pub(super) fn push(&mut self, len: usize, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        if self.open.len() >= BLOCK_BYTES {
            let open = self.spare.pop().unwrap_or_default();
            self.full.push(replace(&mut self.open, open));
        }
        let before = self.open.len();
        if before == 0 {
            self.open.resize(LOG_BLOCK_HEAD, 0);
        }
        push_varint(&mut self.open, len);
        let start = self.open.len();
        write(&mut self.open);
        debug_assert_eq!(self.open.len() - start, len);
        self.open.len() - before
    }

    /// Takes all blocks, to write them.
    pub(super) fn take(&mut self) -> Vec<Vec<u8>> {
        let mut blocks = take(&mut self.full);
        if !self.open.is_empty() {
            blocks.push(replace(&mut self.open, self.spare.pop().unwrap_or_default()));
        }
        blocks
    }

    /// Keeps the memory of some written blocks.
    pub(super) fn give_back(&mut self, mut written: Vec<Vec<u8>>) {
        let of_usual_size = |block: &Vec<u8>| block.capacity() <= 4 * BLOCK_BYTES;
        let wanted = SPARES.saturating_sub(self.spare.len());
        self.spare.extend(written.drain(..).filter(of_usual_size).take(wanted).map(|mut block| {
            block.clear();
            block
        }));
        if self.full.capacity() == 0 {
            self.full = written; // which is empty by now
        }
    }
}
