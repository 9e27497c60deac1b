//! Writes a packed hash as an item of a snapshot, which `snapshot/format.rs` draws. The item has the parts of the block
//! as they are, without tags, mark and free bytes. So whoever changes those parts changes the disk format.

#[cfg(feature = "snapshot")]
mod read;

use super::{COUNT_AT, FORM, Layout, Packed};
#[cfg(feature = "snapshot")]
pub(crate) use read::read_pair;

impl Packed {
    pub(crate) fn write_image(&self, image: &mut Vec<u8>) {
        let layout = Layout::of(&self.0);
        image.push(layout.flags & FORM);
        image.extend_from_slice(&self.0[COUNT_AT..layout.tags_at]);
        image.extend_from_slice(&self.0[layout.ends_at()..layout.free_at(&self.0)]);
    }
}
