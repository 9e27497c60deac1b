//! Writes a table as items of a snapshot: a head, and parts with its fields. `snapshot/format.rs` draws both.

use super::FieldSegment;
#[cfg(feature = "snapshot")]
use super::Table;
use crate::hash::entry;
use crate::hash::image::{HEAD, PART};
use crate::saving::{Blocks, Items};
use crate::time::Deadline;

/// A part with this many bytes of entries or more is closed, and another one begins.
const PART_BYTES: usize = 32 << 10;

#[cfg(feature = "snapshot")]
impl Table {
    /// Writes the whole table as the only one of its snapshot.
    pub(crate) fn write_items(&self, blocks: &mut Blocks) {
        const ID: u32 = 0;
        blocks.write(|items| write_head(items, ID, self.key(), self.deadline(), self.len()));
        self.fields.segments().for_each(|fields| write_parts(blocks, ID, fields));
    }
}

pub(crate) fn write_head(items: &mut Items, id: u32, key: &[u8], deadline: Deadline, fields: usize) {
    items.keys += 1;
    items.fields += fields as u64;
    items.bytes.push(HEAD);
    items.bytes.extend_from_slice(&id.to_le_bytes());
    items.bytes.extend_from_slice(&deadline.to_bytes());
    entry::push_varint(&mut items.bytes, fields);
    entry::push_varint(&mut items.bytes, key.len());
    items.bytes.extend_from_slice(key);
}

pub(crate) fn write_parts(blocks: &mut Blocks, id: u32, fields: &FieldSegment) {
    let mut entries = fields.stored_entries().peekable();
    while entries.peek().is_some() {
        blocks.write(|items| {
            let bytes = &mut items.bytes;
            bytes.push(PART);
            bytes.extend_from_slice(&id.to_le_bytes());
            let count_at = bytes.len();
            bytes.extend_from_slice(&[0; 4]);
            let (mut count, end) = (0_u32, bytes.len() + PART_BYTES);
            while bytes.len() < end
                && let Some((stored, is_timed)) = entries.next()
            {
                let entry_len = stored.len() - if is_timed { Deadline::BYTES } else { 0 };
                entry::push_varint(bytes, entry_len << 1 | usize::from(is_timed));
                bytes.extend_from_slice(stored);
                count += 1;
            }
            bytes[count_at..][..4].copy_from_slice(&count.to_le_bytes());
        });
    }
}
