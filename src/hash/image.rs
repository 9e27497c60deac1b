//! Writes records as items of a snapshot, and reads the items again. `snapshot/format.rs` draws them.
//!
//! A packed hash becomes one item: all its bytes but the tags (`packed/image.rs`). A table becomes a head and parts
//! (`table/image.rs`). `image/read.rs` reads both.

#[cfg(feature = "snapshot")]
mod input;
#[cfg(feature = "snapshot")]
mod read;

#[cfg(feature = "snapshot")]
use crate::hash::Record;
use crate::hash::packed::Packed;
#[cfg(feature = "snapshot")]
use crate::options::Rules;
#[cfg(feature = "snapshot")]
use crate::saving::Blocks;
use crate::saving::Items;
use crate::shapes::Shapes;
#[cfg(feature = "snapshot")]
pub(crate) use input::{Flaw, Input, NO_DEADLINE, REPEATED_FIELD};
#[cfg(feature = "snapshot")]
pub(crate) use read::ItemReader;

/// The kind of an item that is a packed hash. The kinds are here, because the hash layer does not know `snapshot`.
pub(super) const HASH: u8 = 1;
/// The kind of an item that is the head of a table.
pub(super) const HEAD: u8 = 2;
/// The kind of an item that is a part of a table.
pub(super) const PART: u8 = 3;
/// The kind of the item that ends a snapshot. `snapshot` writes and reads it.
#[cfg(feature = "snapshot")]
pub(crate) const END: u8 = 4;

#[cfg(feature = "snapshot")]
impl Record {
    /// Writes the whole record as the only one of its snapshot, whatever a running save has written of it.
    pub(crate) fn write_items(&self, blocks: &mut Blocks, rules: &Rules) {
        match self {
            Self::Packed(packed) => blocks.write(|items| write_hash(items, packed, rules.shapes.as_deref())),
            Self::Table(table) => table.write_items(blocks),
        }
    }
}

pub(crate) fn write_hash(items: &mut Items, packed: &Packed, shapes: Option<&Shapes>) {
    items.keys += 1;
    items.fields += packed.len() as u64;
    items.bytes.push(HASH);
    packed.write_image(&mut items.bytes, shapes);
}
