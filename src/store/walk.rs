//! A saver's walk over a store: all that the save's instant holds, each record once.

use crate::saving::{Blocks, Items, Left, Mark, SaveClaim, Unsaved, Walk};
use crate::store::Store;
use crate::sync::hand_over;

/// What is waiting to be written, a few blocks at a time, each saved under a lock of its own. Dropped too early, it walks on
/// without writing.
pub(super) struct SaveWalk<'a> {
    store: &'a Store,
    _claim: &'a SaveClaim<'a>,
    mark: Mark,
    at: At,
    walk: Walk,
    blocks: Blocks,
    most_waiting: usize,
}

/// Where it is.
enum At {
    Shard(usize),
    /// A table that was given another key.
    Moved(Box<[u8]>),
    /// What was removed.
    Removed(Box<dyn Unsaved>),
    /// Nowhere: what was left to the saver comes next.
    Queue,
    End,
}

impl<'a> SaveWalk<'a> {
    /// Begins a save, in this instant.
    pub(super) fn begin(store: &'a Store, claim: &'a SaveClaim<'a>, block_bytes: usize) -> Self {
        let mark = store.saving.begin(block_bytes);
        let blocks = Blocks::of(block_bytes);
        Self { store, _claim: claim, mark, at: At::Shard(0), walk: Walk::default(), blocks, most_waiting: 0 }
    }

    /// Bytes that other threads have left to the saver at most, at the end.
    pub(super) fn most_waiting(&self) -> usize {
        self.most_waiting
    }

    /// Saves until a block is full, or as much as is done under one lock.
    fn step(&mut self) {
        let Self { store, mark, at, walk, blocks, .. } = self;
        let mut saver = store.saving.saver(blocks, *mark);
        let is_done = match at {
            At::Shard(index) => {
                let mut shard = store.shards[*index].write();
                let is_done = shard.save_slice(walk, &mut saver);
                hand_over(shard);
                is_done
            }
            At::Moved(key) => {
                let hash = store.rules.hash(key);
                let mut shard = store.shard_of(hash).write();
                let is_done = shard.save_key(hash, key, walk, &mut saver);
                hand_over(shard);
                is_done
            }
            At::Removed(removed) => removed.save_slice(walk, &mut saver),
            At::Queue | At::End => true,
        };
        if is_done {
            self.walk = Walk::default();
            self.at = match self.at {
                At::Shard(index) if index + 1 < store.shards.len() => At::Shard(index + 1),
                At::End => At::End,
                _ => At::Queue,
            };
        }
    }

    fn take_left(&mut self) -> Vec<Items> {
        match self.store.saving.take_or_end() {
            Ok(Left::Blocks(blocks)) => return blocks,
            Ok(Left::Moved(key)) => self.at = At::Moved(key),
            Ok(Left::Removed(removed)) => self.at = At::Removed(removed),
            Err(most_waiting) => {
                self.most_waiting = most_waiting;
                self.at = At::End;
                return self.blocks.take_all();
            }
        }
        Vec::new()
    }
}

impl Iterator for SaveWalk<'_> {
    type Item = Vec<Items>;

    fn next(&mut self) -> Option<Vec<Items>> {
        loop {
            let mut ready = match self.at {
                At::End => return None,
                At::Queue => self.take_left(),
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
        if !matches!(self.at, At::End) {
            self.store.saving.fail();
            self.for_each(drop);
        }
    }
}
