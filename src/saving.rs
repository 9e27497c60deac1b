//! What writers and a saver have in common, so that a store can be saved as it was at one instant while everybody works
//! on.
//!
//! # The instant
//! A save begins by changing the store's epoch, one atomic byte. A call that changes something reads the epoch once,
//! when it holds its last lock ([`Context::of_change`](crate::call::Context::of_change)). What the calls of the epochs before have
//! done is in the snapshot, of what the others do nothing is. A call that began after another one had returned cannot
//! have read an older epoch, so the snapshot holds a prefix in time of all calls, on whatever shards.
//!
//! # The marks
//! Each record, and each segment of a table, has a [`Mark`]: whether the save at hand has written it. From one save to the
//! next the two marks change their meaning, so nobody has to take them off again.
//! 1. While no save is on, everything has the mark of the epoch.
//! 2. The saver walks over all shards, writes what has the other mark, and gives it that of the epoch.
//! 3. A call that is about to change a record or a segment with another mark than its epoch's writes it first, *ahead* of
//!    the saver, as it is: into the [`Queue`], in memory, because nobody waits for a disk.
//! 4. What is new has the mark of its call's epoch. Halves have that of what was split; only segments of one mark are merged.
//! 5. A table that is removed with segments that are not written yet goes to the queue as a whole; of one that moves to
//!    another key the queue is told the key, because the saver may have passed it already.
//! 6. A save that fails walks on without writing until 1 holds again.

use std::collections::BTreeSet;
use std::mem::take;

use crate::directory::Position;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::SeqCst};

/// Bytes of items from which on a block is full: what is written at a time.
pub(crate) const BLOCK_BYTES: usize = 64 << 10;
/// Bytes of items from which on a slice is over: what is saved under one lock. So short that whoever meets the lock gets it
/// before the system has put the thread to sleep.
const SLICE_BYTES: usize = 4 << 10;
/// Bytes that are kept free before the items of a block, for its head.
pub(crate) const BLOCK_HEAD: usize = 12;

/// Which of two turns it was when a save wrote something last: see the module's documentation. One bit among flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark(u8);

impl Mark {
    pub(crate) const FLAG: u8 = 1 << 3;

    #[cfg(test)]
    pub(crate) const fn other(self) -> Self {
        Self(self.0 ^ Self::FLAG)
    }

    #[inline]
    pub(crate) const fn of(flags: u8) -> Self {
        Self(flags & Self::FLAG)
    }

    /// The flags with this mark.
    #[inline]
    pub(crate) const fn set_in(self, flags: u8) -> u8 {
        flags & !Self::FLAG | self.0
    }
}

/// The mark that everything has, or is about to get, and whether a save is on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Epoch(u8);

impl Epoch {
    const SAVING: u8 = 1;

    #[inline]
    pub(crate) fn mark(self) -> Mark {
        Mark::of(self.0)
    }

    #[inline]
    pub(crate) fn is_saving(self) -> bool {
        self.0 & Self::SAVING != 0
    }

    /// The epoch of the next save.
    fn next(self) -> Self {
        Self((self.0 ^ Mark::FLAG) | Self::SAVING)
    }

    /// The epoch after a save.
    fn end(self) -> Self {
        Self(self.0 & !Self::SAVING)
    }
}

/// The items of a block, with room for its head in front of them. `hash/image.rs` draws them.
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
    /// Bytes in all of them.
    bytes: usize,
}

impl Blocks {
    /// None, and such that so many bytes fill one.
    pub(crate) fn of(block_bytes: usize) -> Self {
        Self { block_bytes, ..Self::default() }
    }

    /// Writes an item.
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

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Who writes what has not been written yet: the saver, or a call ahead of it.
pub(crate) struct Saver<'a> {
    pub(crate) blocks: &'a mut Blocks,
    pub(crate) mark: Mark,
    /// Bytes that wait at the end of the slice.
    until: usize,
    next_table: &'a AtomicU32,
}

impl Saver<'_> {
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

/// Where the saver is in a shard, or in a table: in hash order, which splits and merges do not change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Walk {
    pub(crate) keys: Position,
    /// The next bucket there. When entries have moved, some may be left behind.
    pub(crate) bucket: usize,
    /// The table at hand, and where in it.
    pub(crate) table: Option<(u32, Position)>,
}

/// Something that left the store before it was written.
pub(crate) trait Unsaved: Send {
    /// Writes what is not written yet until the slice is over, and says whether that was all.
    fn save_slice(&mut self, walk: &mut Walk, saver: &mut Saver<'_>) -> bool;
    fn heap_bytes(&self) -> usize;
}

/// What calls leave to the saver.
#[derive(Default)]
struct Queue {
    blocks: Blocks,
    removed: Vec<Box<dyn Unsaved>>,
    removed_bytes: usize,
    moved: BTreeSet<Box<[u8]>>,
    moved_bytes: usize,
    /// Of the blocks that were taken last, which are being written.
    taken_bytes: usize,
    most_bytes: usize,
    has_failed: bool,
}

impl Queue {
    fn has_grown(&mut self) {
        self.most_bytes =
            self.most_bytes.max(self.blocks.bytes() + self.removed_bytes + self.moved_bytes + self.taken_bytes);
    }

    fn take(&mut self, take: impl FnOnce(&mut Blocks) -> Vec<Items>) -> Vec<Items> {
        let waiting = self.blocks.bytes();
        let taken = take(&mut self.blocks);
        self.taken_bytes = waiting - self.blocks.bytes();
        taken
    }
}

/// What the saver takes out of the queue.
pub(crate) enum Left {
    Blocks(Vec<Items>),
    Removed(Box<dyn Unsaved>),
    /// A table that was given this key.
    Moved(Box<[u8]>),
}

/// See the module's documentation.
#[derive(Default)]
pub(crate) struct Saving {
    is_claimed: AtomicBool,
    epoch: AtomicU8,
    next_table: AtomicU32,
    queue: Mutex<Option<Queue>>,
}

/// What calls do.
impl Saving {
    #[inline]
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(SeqCst))
    }

    /// Writes something ahead of the saver; nothing if no save is on, or it has failed.
    #[cold]
    pub(crate) fn ahead(&self, mark: Mark, write: impl FnOnce(&mut Saver<'_>)) {
        if let Some(queue) = &mut *self.queue.lock()
            && !queue.has_failed
        {
            write(&mut Saver { blocks: &mut queue.blocks, mark, until: usize::MAX, next_table: &self.next_table });
            queue.has_grown();
        }
    }

    /// Leaves something to the saver that is removed; gives it back if nobody wants it.
    #[cold]
    pub(crate) fn leave<U: Unsaved + 'static>(&self, removed: Box<U>) -> Option<Box<U>> {
        match &mut *self.queue.lock() {
            Some(queue) if !queue.has_failed => {
                queue.removed_bytes += removed.heap_bytes();
                queue.removed.push(removed);
                queue.has_grown();
                None
            }
            _ => Some(removed),
        }
    }

    /// Tells the saver that a table which is not written as a whole has another key.
    #[cold]
    pub(crate) fn table_moved(&self, key: &[u8]) {
        if let Some(queue) = &mut *self.queue.lock()
            && queue.moved.insert(key.into())
        {
            queue.moved_bytes += key.len();
            queue.has_grown();
        }
    }
}

/// The right to save a store, until dropped.
pub(crate) struct SaveClaim<'a>(&'a Saving);

impl Drop for SaveClaim<'_> {
    fn drop(&mut self) {
        self.0.is_claimed.store(false, SeqCst);
    }
}

/// What the saver does.
impl Saving {
    /// Claims the right to save, unless somebody else has it.
    pub(crate) fn claim(&self) -> Option<SaveClaim<'_>> {
        let is_claimed = self.is_claimed.swap(true, SeqCst);
        (!is_claimed).then(|| SaveClaim(self))
    }

    /// Begins a save, of blocks of about so many bytes. None is on.
    pub(crate) fn begin(&self, block_bytes: usize) -> Mark {
        let mut queue = self.queue.lock();
        *queue = Some(Queue { blocks: Blocks::of(block_bytes), ..Queue::default() });
        self.next_table.store(0, SeqCst);
        let epoch = self.epoch().next();
        self.epoch.store(epoch.0, SeqCst);
        epoch.mark()
    }

    /// A saver that writes into these blocks, for one slice.
    pub(crate) fn saver<'a>(&'a self, blocks: &'a mut Blocks, mark: Mark) -> Saver<'a> {
        let until = blocks.bytes + blocks.block_bytes.min(SLICE_BYTES);
        Saver { blocks, mark, until, next_table: &self.next_table }
    }

    /// From now on, nothing is written any more.
    pub(crate) fn fail(&self) {
        let waiting = self.queue.lock().as_mut().map(|queue| {
            queue.has_failed = true;
            (take(&mut queue.removed), take(&mut queue.blocks))
        });
        drop(waiting); // with no lock held
    }

    /// The blocks that wait and are full. Those that were taken before are written.
    pub(crate) fn take_full(&self) -> Vec<Items> {
        self.queue.lock().as_mut().map(|queue| queue.take(Blocks::take_full)).unwrap_or_default()
    }

    /// Something that was left to the saver, who has walked over all shards; or, if nothing is left, ends the save, and
    /// says how many bytes waited at most.
    pub(crate) fn take_or_end(&self) -> Result<Left, usize> {
        let mut open = self.queue.lock();
        let Some(queue) = &mut *open else { return Err(0) };
        if let Some(key) = queue.moved.pop_first() {
            queue.moved_bytes -= key.len();
            return Ok(Left::Moved(key));
        }
        if let Some(removed) = queue.removed.pop() {
            queue.removed_bytes -= removed.heap_bytes();
            return Ok(Left::Removed(removed));
        }
        let blocks = queue.take(Blocks::take_all);
        if !blocks.is_empty() {
            return Ok(Left::Blocks(blocks));
        }
        let most_bytes = queue.most_bytes;
        self.epoch.store(self.epoch().end().0, SeqCst);
        *open = None;
        Err(most_bytes)
    }
}
