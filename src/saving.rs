//! What writers and a saver have in common, so that a store can be saved as it was at one instant while everybody works
//! on.
//!
//! # The instant
//! A save begins by changing the store's epoch, one atomic byte. A call that changes something reads the epoch once,
//! when it holds its last lock ([`Context::of_change`](crate::store::call::Call::context)). What the calls of the epochs before have
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

mod blocks;
mod mark;
mod queue;
mod saver;
mod walk;

pub(crate) use blocks::{BLOCK_BYTES, BLOCK_HEAD, Blocks, Items};
pub(crate) use mark::{Epoch, Mark};
pub(crate) use queue::{Left, SaveTurn, Saving};
pub(crate) use saver::Saver;
pub(crate) use walk::{Unsaved, Walk};
