//! How a record is written to a snapshot, and read again.
//!
//! ```text
//! hash  +---+-------+-------+------+-----+--------------+-----------------------------+------------------+
//!       | 1 | flags | n u16 | klen | key | ends n x w   | entries                     | deadlines        |
//!       |   |       |       |      |     | w = 1 or 2   | [flen][field][value] ...    | if flagged       |
//!       +---+-------+-------+------+-----+--------------+-----------------------------+------------------+
//! head  +---+--------+--------------+----------+------+-----+
//!       | 2 | id u32 | deadline u64 | n varint | klen | key |
//!       +---+--------+--------------+----------+------+-----+
//! part  +---+--------+-------+---------------------------------------------------------+
//!       | 3 | id u32 | n u32 | [2 x length + t][flen][field][value][deadline if t] ... |
//!       +---+--------+-------+---------------------------------------------------------+
//! ```
//! A small hash is one item: its packed form without tags, which depend on the process (see `packed.rs` and
//! `packed/deadlines.rs`; flags are bits 0 to 2). A table is a head, which says how many fields it has, and parts with its
//! fields, in any order: whoever reads knows them by their id. The length of a field's entry is that of `[flen][field][value]`,
//! and `t` is 1 if a deadline follows it. `klen`, `flen`, `n` of a head and lengths are varints (LEB128); all other numbers are
//! little-endian; a deadline is in milliseconds after 1970, and in a head 2^64 - 1 is none.

#[cfg(feature = "snapshot")]
mod cursor;
#[cfg(feature = "snapshot")]
mod read;

use crate::hash::entry;
use crate::hash::packed::Packed;
use crate::hash::table::Fields;
use crate::saving::{Blocks, Items};
use crate::time::Deadline;
#[cfg(feature = "snapshot")]
pub(crate) use cursor::{Cursor, Flaw};
#[cfg(feature = "snapshot")]
pub(crate) use read::Reader;

const HASH: u8 = 1;
const HEAD: u8 = 2;
const PART: u8 = 3;
/// The last item of a snapshot; `snapshot/format.rs` draws it.
#[cfg(feature = "snapshot")]
pub(crate) const END: u8 = 4;

/// Bytes of entries at which a part ends and another one begins.
const PART_BYTES: usize = 32 << 10;

pub(crate) fn write_hash(items: &mut Items, packed: &Packed) {
    items.keys += 1;
    items.fields += packed.len() as u64;
    items.bytes.push(HASH);
    packed.write_image(&mut items.bytes);
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

pub(crate) fn write_parts(blocks: &mut Blocks, id: u32, fields: &Fields) {
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
                && let Some((is_timed, stored)) = entries.next()
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
