//! The state that writers and a saver share. It lets a store be saved as it was at one instant while other threads go
//! on writing.
//!
//! # The instant
//! A save begins by changing the store's epoch, one atomic byte. A call that changes something reads the epoch once,
//! when it holds its last lock ([`Call::terms`](crate::store::call::Call::terms); a quiet change reads it too, under
//! its one lock). Changes by calls that read an older epoch are in the snapshot. Changes by calls that read the new
//! epoch are not. A call that begins after another one has returned never reads an older epoch than that one. So the
//! snapshot holds a prefix in time of all calls, on all shards.
//!
//! # The marks
//! Each record, and each segment of a table, has a [`Mark`]. It tells whether the running save has written the record
//! or segment. There are two marks, and they swap their meaning from one save to the next, so no mark has to be
//! cleared.
//! 1. While no save runs, every record and segment has the mark of the epoch.
//! 2. The saver walks over all shards, writes everything that has the other mark, and gives it the mark of the epoch.
//! 3. A call may be about to change a record or segment whose mark is not that of the call's epoch. It first writes the
//!    old state *ahead* of the saver. The old state goes into the queue ([`queue`]), in memory, so that no call waits
//!    for a disk.
//! 4. A new record or segment has the mark of its call's epoch. The halves of a split segment keep its mark. Only
//!    segments with equal marks are merged.
//! 5. A table may be removed before all its segments are written. It then goes to the queue as a whole. If such a table
//!    moves to another key, that key goes to the queue, because the saver may already have passed its place.
//! 6. A save that fails goes on walking without writing until 1 holds again.

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
