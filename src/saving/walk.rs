//! The walk of a save over what it writes.

use crate::directory::Position;
use crate::saving::saver::Saver;

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
