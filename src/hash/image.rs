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
mod input;
#[cfg(feature = "snapshot")]
mod read;

use crate::hash::packed::Packed;
use crate::saving::Items;
#[cfg(feature = "snapshot")]
pub(crate) use input::{Flaw, Input};
#[cfg(feature = "snapshot")]
pub(crate) use read::ItemReader;

pub(super) const HASH: u8 = 1;
pub(super) const HEAD: u8 = 2;
pub(super) const PART: u8 = 3;
/// The last item of a snapshot; `snapshot/format.rs` draws it.
#[cfg(feature = "snapshot")]
pub(crate) const END: u8 = 4;

pub(crate) fn write_hash(items: &mut Items, packed: &Packed) {
    items.keys += 1;
    items.fields += packed.len() as u64;
    items.bytes.push(HASH);
    packed.write_image(&mut items.bytes);
}
