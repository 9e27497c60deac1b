//! The queue between calls and the saver. Calls put into it what the saver must still write. At most one saver runs at
//! a time, and takes it out.

use std::collections::BTreeSet;
use std::mem::take;
use std::sync::Arc;

use crate::saving::blocks::{Blocks, Items};
use crate::saving::mark::{Epoch, Mark};
use crate::saving::saver::Saver;
use crate::saving::walk::Unsaved;
use crate::shapes::Shapes;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::SeqCst};

/// Everything that calls have left for the saver.
#[derive(Default)]
struct Queue {
    blocks: Blocks,
    removed: Vec<Box<dyn Unsaved>>,
    removed_bytes: usize,
    moved: BTreeSet<Box<[u8]>>,
    moved_bytes: usize,
    /// Bytes of the blocks that the saver took last and is writing now.
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

/// One thing that the saver takes out of the queue.
pub(crate) enum Left {
    Blocks(Vec<Items>),
    Removed(Box<dyn Unsaved>),
    /// The new key of a table that was moved before it was written completely.
    Moved(Box<[u8]>),
}

/// The state of saving of one store: the epoch, and the queue while a save runs. See `saving.rs`.
#[derive(Default)]
pub(crate) struct Saving {
    is_taken: AtomicBool,
    epoch: AtomicU8,
    next_table: AtomicU32,
    queue: Mutex<Option<Queue>>,
    /// The shapes of what is saved.
    shapes: Option<Arc<Shapes>>,
}

/// The methods that calls use.
impl Saving {
    /// No save is running on a store with these shapes.
    pub(crate) fn new(shapes: Option<Arc<Shapes>>) -> Self {
        Self { shapes, ..Self::default() }
    }

    #[inline]
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(SeqCst))
    }

    /// Writes something ahead of the saver. Writes nothing if no save is running, or if the save has failed.
    #[cold]
    pub(crate) fn ahead(&self, mark: Mark, write: impl FnOnce(&mut Saver<'_>)) {
        if let Some(queue) = &mut *self.queue.lock()
            && !queue.has_failed
        {
            write(&mut Saver::ahead(&mut queue.blocks, mark, self.shapes.as_deref(), &self.next_table));
            queue.has_grown();
        }
    }

    /// Leaves something that was removed from the store to the saver. Returns it if no save needs it.
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

    /// Tells the saver the new key of a table that was moved before it was written completely.
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

/// The exclusive right to save a store, until dropped.
pub(crate) struct SaveTurn<'a>(&'a Saving);

impl Drop for SaveTurn<'_> {
    fn drop(&mut self) {
        self.0.is_taken.store(false, SeqCst);
    }
}

/// The methods that the saver uses.
impl Saving {
    /// Takes the turn to save, or returns `None` if another saver has it.
    pub(crate) fn take_turn(&self) -> Option<SaveTurn<'_>> {
        let is_taken = self.is_taken.swap(true, SeqCst);
        (!is_taken).then(|| SaveTurn(self))
    }

    /// Begins a save that writes blocks of about this many bytes. The caller makes sure that no save is running.
    pub(crate) fn begin(&self, block_bytes: usize) -> Mark {
        self.begin_epoch(block_bytes, self.epoch().next())
    }

    /// [`begin`](Self::begin) for a save that cuts the log: calls of the new epoch append to the other one.
    #[cfg(feature = "journal")]
    pub(crate) fn begin_with_other_log(&self, block_bytes: usize) -> Mark {
        self.begin_epoch(block_bytes, self.epoch().next().with_other_log())
    }

    fn begin_epoch(&self, block_bytes: usize, epoch: Epoch) -> Mark {
        let mut queue = self.queue.lock();
        *queue = Some(Queue { blocks: Blocks::of(block_bytes), ..Queue::default() });
        self.next_table.store(0, SeqCst);
        self.epoch.store(epoch.0, SeqCst);
        epoch.mark()
    }

    /// Returns a saver that writes one slice into these blocks.
    pub(crate) fn saver<'a>(&'a self, blocks: &'a mut Blocks, mark: Mark) -> Saver<'a> {
        Saver::of_slice(blocks, mark, self.shapes.as_deref(), &self.next_table)
    }

    /// Marks the running save as failed: nothing is written any more.
    pub(crate) fn fail(&self) {
        let waiting = self.queue.lock().as_mut().map(|queue| {
            queue.has_failed = true;
            (take(&mut queue.removed), take(&mut queue.blocks))
        });
        drop(waiting); // after the lock is released, because dropping much takes long
    }

    /// Takes the full blocks that wait. The caller has written those that it took before.
    pub(crate) fn take_full(&self) -> Vec<Items> {
        self.queue.lock().as_mut().map(|queue| queue.take(Blocks::take_full)).unwrap_or_default()
    }

    /// Takes one thing out of the queue. The caller has walked over all shards. If the queue is empty, this ends the
    /// save and returns, as the error, the most bytes that ever waited.
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
