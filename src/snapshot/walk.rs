//! A saver's walk over a store. It yields everything that the store held at the save's instant, each record once.

use crate::saving::{Blocks, Items, Left, Mark, SaveTurn, Unsaved, Walk};
use crate::shard::Shard;
use crate::store::Store;
use crate::sync::{RwLock, RwLockWriteGuard, hand_over};

/// An iterator over the blocks to write, a few at a time. The walk goes from shard to shard, and saves one slice of
/// each under its lock. So a thread that waits for one lock gets it while the saver works on other shards. If the
/// iterator is dropped before its end, it walks on without writing.
pub(super) struct SaveWalk<'a> {
    store: &'a Store,
    _turn: &'a SaveTurn<'a>,
    mark: Mark,
    task: Task,
    /// The shards that are not saved completely yet.
    shards: Vec<(&'a RwLock<Shard>, Walk)>,
    /// The position in a table that was moved or removed.
    walk: Walk,
    blocks: Blocks,
    most_waiting: usize,
}

/// The thing that the walk saves next.
enum Task {
    /// One of the remaining shards.
    Shard(usize),
    /// A table that was moved to this key.
    Moved(Box<[u8]>),
    /// Something that was removed from the store.
    Removed(Box<dyn Unsaved>),
    /// Nothing yet. The next thing comes out of the queue.
    Queue,
    End,
}

impl<'a> SaveWalk<'a> {
    /// Begins the walk of a save whose instant has just passed. This is the mark of its epoch.
    pub(super) fn begin(store: &'a Store, turn: &'a SaveTurn<'a>, mark: Mark, block_bytes: usize) -> Self {
        Self {
            mark,
            task: Task::Shard(0),
            shards: store.shards.iter().map(|shard| (&**shard, Walk::default())).collect(),
            walk: Walk::default(),
            blocks: Blocks::of(block_bytes),
            most_waiting: 0,
            _turn: turn,
            store,
        }
    }

    /// The most bytes from other threads that waited at any moment. It is known at the end of the walk.
    pub(super) fn most_waiting(&self) -> usize {
        self.most_waiting
    }

    /// Saves one slice.
    fn step(&mut self) {
        let Self { store, mark, task, shards, walk, blocks, .. } = self;
        let mut saver = store.saving.saver(blocks, *mark);
        match task {
            Task::Shard(index) => {
                let (shard, walk) = &mut shards[*index];
                let mut shard = shard.write();
                let is_saved = shard.save_slice(walk, &mut saver);
                release(shard, shards.len() == 1);
                let next = if is_saved {
                    shards.swap_remove(*index);
                    *index
                } else {
                    *index + 1
                };
                *task = match shards.len() {
                    0 => Task::Queue,
                    len => Task::Shard(next % len),
                };
            }
            Task::Moved(key) => {
                let hash = store.rules.hash(key);
                let mut shard = store.shard_of(hash).write();
                let is_saved = shard.save_key(hash, key, walk, &mut saver);
                release(shard, true);
                if is_saved {
                    *task = Task::Queue;
                }
            }
            Task::Removed(removed) => {
                if removed.save_slice(walk, &mut saver) {
                    *task = Task::Queue;
                }
            }
            Task::Queue | Task::End => {}
        }
    }

    fn take_left(&mut self) -> Vec<Items> {
        self.walk = Walk::default();
        match self.store.saving.take_or_end() {
            Ok(Left::Blocks(blocks)) => return blocks,
            Ok(Left::Moved(key)) => self.task = Task::Moved(key),
            Ok(Left::Removed(removed)) => self.task = Task::Removed(removed),
            Err(most_waiting) => {
                self.most_waiting = most_waiting;
                self.task = Task::End;
                return self.blocks.take_all();
            }
        }
        Vec::new()
    }
}

/// Releases a lock. If the saver takes it again at once, waiting threads get it first.
fn release(shard: RwLockWriteGuard<'_, Shard>, comes_back: bool) {
    if comes_back {
        hand_over(shard);
    }
}

impl Iterator for SaveWalk<'_> {
    type Item = Vec<Items>;

    fn next(&mut self) -> Option<Vec<Items>> {
        loop {
            let mut ready = match self.task {
                Task::End => return None,
                Task::Queue => self.take_left(),
                _ => {
                    self.step();
                    self.store.saving.take_full()
                }
            };
            ready.extend(self.blocks.take_full());
            if !ready.is_empty() {
                return Some(ready);
            }
        }
    }
}

impl Drop for SaveWalk<'_> {
    fn drop(&mut self) {
        if !matches!(self.task, Task::End) {
            self.store.saving.fail();
            self.for_each(drop);
        }
    }
}
