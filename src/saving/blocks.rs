//! Blocks of items. A snapshot is written one block at a time.

use std::mem::take;

/// A block with this many bytes of items or more is full, and is written as one piece.
pub(crate) const BLOCK_BYTES: usize = 64 << 10;
/// Bytes in front of the items of a block that are kept free for its head.
pub(crate) const BLOCK_HEAD: usize = 12;

/// The items of a block, with room for its head in front of them. `snapshot/format.rs` draws both.
#[derive(Debug)]
pub(crate) struct Items {
    pub(crate) bytes: Vec<u8>,
    pub(crate) keys: u64,
    pub(crate) fields: u64,
}

impl Default for Items {
    fn default() -> Self {
        let mut bytes = Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 8);
        bytes.resize(BLOCK_HEAD, 0);
        Self { bytes, keys: 0, fields: 0 }
    }
}

impl Items {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() == BLOCK_HEAD
    }
}

/// Blocks of items that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    full: Vec<Items>,
    open: Option<Items>,
    block_bytes: usize,
    /// Bytes of items in all blocks.
    bytes: usize,
}

impl Blocks {
    /// No blocks yet. Each is full at this many bytes.
    pub(crate) fn of(block_bytes: usize) -> Self {
        Self { block_bytes, ..Self::default() }
    }

    /// Appends an item, and closes the block if that fills it.
    pub(crate) fn write(&mut self, write: impl FnOnce(&mut Items)) {
        let items = self.open.get_or_insert_default();
        let before = items.bytes.len();
        write(items);
        self.bytes += items.bytes.len() - before;
        if items.bytes.len() - BLOCK_HEAD >= self.block_bytes {
            self.full.extend(self.open.take());
        }
    }

    pub(crate) fn take_full(&mut self) -> Vec<Items> {
        let full = take(&mut self.full);
        self.bytes -= full.iter().map(|items| items.bytes.len() - BLOCK_HEAD).sum::<usize>();
        full
    }

    pub(crate) fn take_all(&mut self) -> Vec<Items> {
        self.full.extend(self.open.take().filter(|items| !items.is_empty()));
        self.take_full()
    }

    pub(super) fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
