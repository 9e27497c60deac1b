//! The position of a save in what it writes.

use crate::directory::Position;
use crate::saving::saver::Saver;

/// Where the saver is in a shard or in a table. Positions are points in hash order, which splits and merges do not
/// change.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Walk {
    pub(crate) keys: Position,
    /// The next bucket of the segment at that position. If entries move meanwhile, a pass can miss some of them, and
    /// another pass follows.
    pub(crate) bucket: usize,
    /// The number of the table that is being written, and the position in it.
    pub(crate) table: Option<(u32, Position)>,
}

/// Something that was removed from the store before the running save had written it.
pub(crate) trait Unsaved: Send {
    /// Writes what is not written yet until the slice is over. Returns whether everything is written now.
    fn save_slice(&mut self, walk: &mut Walk, saver: &mut Saver<'_>) -> bool;
    fn heap_bytes(&self) -> usize;
}
