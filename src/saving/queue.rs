//! What calls leave to a saver, and the one saver that takes it.

use std::collections::BTreeSet;
use std::mem::take;

use crate::saving::blocks::{Blocks, Items};
use crate::saving::mark::{Epoch, Mark};
use crate::saving::saver::Saver;
use crate::saving::walk::Unsaved;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::SeqCst};

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
    is_taken: AtomicBool,
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
            write(&mut Saver::ahead(&mut queue.blocks, mark, &self.next_table));
            queue.has_grown();
        }
    }

    /// Leaves something to the saver that is removed; gives it back if nobody wants it.
    #[cold]
    pub(crate) fn leave(&self, removed: Box<dyn Unsaved>) -> Option<Box<dyn Unsaved>> {
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

/// The turn to save a store, until dropped.
pub(crate) struct SaveTurn<'a>(&'a Saving);

impl Drop for SaveTurn<'_> {
    fn drop(&mut self) {
        self.0.is_taken.store(false, SeqCst);
    }
}

/// What the saver does.
impl Saving {
    /// Takes the turn to save, unless somebody else has it.
    pub(crate) fn take_turn(&self) -> Option<SaveTurn<'_>> {
        let is_taken = self.is_taken.swap(true, SeqCst);
        (!is_taken).then(|| SaveTurn(self))
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
        Saver::of_slice(blocks, mark, &self.next_table)
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
