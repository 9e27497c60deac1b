//! Writes a packed hash as an item of a snapshot, which `snapshot/format.rs` draws. The item has the parts of the block
//! as they are, without tags, mark and free bytes. So whoever changes those parts changes the disk format.

#[cfg(feature = "snapshot")]
mod read;

use super::{COUNT_AT, DEADLINES, FORM, Layout, Packed, WIDE, push_ends, push_head, width};
use crate::hash::entry;
use crate::shapes::Shapes;
#[cfg(feature = "snapshot")]
pub(crate) use read::read_pair;

impl Packed {
    /// A hash that has a shape is written with its names, as it would be without.
    pub(crate) fn write_image(&self, image: &mut Vec<u8>, shapes: Option<&Shapes>) {
        let layout = Layout::of(&self.0);
        if layout.is_shaped() {
            self.write_with_names(layout, image, shapes);
            return;
        }
        image.push(layout.flags & FORM);
        image.extend_from_slice(&self.0[COUNT_AT..layout.tags_at]);
        image.extend_from_slice(&self.0[layout.ends_at()..layout.free_at(&self.0)]);
    }

    fn write_with_names(&self, layout: Layout, image: &mut Vec<u8>, shapes: Option<&Shapes>) {
        let pairs = self.pairs_with(shapes).map(|(_, pair)| pair);
        let lens = pairs.clone().map(|(field, value)| entry::len(field, value));
        let w = width(lens.clone().sum());
        let flags = layout.flags & DEADLINES | if w == 1 { 0 } else { WIDE };
        push_head(image, flags, [self.len() as u8, 0], self.key());
        push_ends(image, lens, w);
        pairs.for_each(|(field, value)| entry::push(image, field, value));
        self.deadlines_of_present().push_tail(image, self.len());
    }
}
