//! The format of a snapshot.
//!
//! ```text
//! head   +-----------+-------------+-----------+----------+-------------+
//!        | magic, 8  | version u16 | flags u16 | keys u64 | CRC-32C u32 |
//!        +-----------+-------------+-----------+----------+-------------+
//! block  +------------+--------------+-------------+-------------------+
//!        | length u32 | sequence u32 | CRC-32C u32 | items ...         |   as many as there are
//!        +------------+--------------+-------------+-------------------+
//! end    a block with one item:  +---+----------+------------+
//!                                | 4 | keys u64 | fields u64 |   and nothing behind it
//!                                +---+----------+------------+
//! ```
//! `hash/image.rs` draws the items of the other blocks. All numbers are little-endian. The head's `keys` is an
//! estimate, which lets a reader make room; the counts in the end are exact. A checksum covers everything in its head
//! or block except itself. A block's length is that of its items. Sequence numbers begin at 0. Each item lies
//! completely in one block. A block is about 64 KiB long, or longer if one long item makes it so.
//!
//! Version 1 has no flags. Every later version of this crate will read version 1. This version of the crate refuses
//! versions and flags that it does not know.
//!
//! Rejected:
//! - Bincode or another library's format, because files outlive libraries.
//! - Compression. It costs more than it saves where a disk writes faster than 500 MB a second. `save_to` into a
//!   compressing writer provides it.

use crate::saving::BLOCK_HEAD;

pub(super) const MAGIC: [u8; 8] = *b"\x89hashlet";
pub(super) const VERSION: u16 = 1;
pub(super) const FLAGS: u16 = 0;
pub(super) const HEAD_LEN: usize = 24;

const CRC_LEN: usize = 4;
const HEAD_CRC_AT: usize = HEAD_LEN - CRC_LEN;
const BLOCK_CRC_AT: usize = BLOCK_HEAD - CRC_LEN;

/// The head of a snapshot of about this many keys.
pub(super) fn head(keys: u64) -> [u8; HEAD_LEN] {
    let mut head = [0; HEAD_LEN];
    let (before, crc) = head.split_at_mut(HEAD_CRC_AT);
    before[..8].copy_from_slice(&MAGIC);
    before[8..10].copy_from_slice(&VERSION.to_le_bytes());
    before[10..12].copy_from_slice(&FLAGS.to_le_bytes());
    before[12..].copy_from_slice(&keys.to_le_bytes());
    crc.copy_from_slice(&crc32c::crc32c(before).to_le_bytes());
    head
}

/// Writes the head of a block in front of its items.
pub(super) fn seal(block: &mut [u8], sequence: u32) {
    let length = (block.len() - BLOCK_HEAD) as u32;
    block[..4].copy_from_slice(&length.to_le_bytes());
    block[4..8].copy_from_slice(&sequence.to_le_bytes());
    let crc = block_crc(&block[..BLOCK_CRC_AT], &block[BLOCK_HEAD..]);
    block[BLOCK_CRC_AT..BLOCK_HEAD].copy_from_slice(&crc.to_le_bytes());
}

/// The checksum of a block: over its length, its sequence number and its items.
pub(super) fn block_crc(length_and_sequence: &[u8], items: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(length_and_sequence), items)
}
