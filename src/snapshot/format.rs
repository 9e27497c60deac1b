//! The disk formats of a snapshot and of a journal, complete on this page.
//!
//! # Snapshots
//!
//! A snapshot is a head, then blocks, and nothing after the last block. A block holds items, and each item lies
//! completely in one block. An item is a hash, a piece of a hash, or the end of the snapshot.
//!
//! ```text
//! head of the      +----------------+-------------+-----------+----------+----------------------------+-------------+
//! snapshot         | magic, 8 bytes | version u16 | flags u16 | keys u64 | folder u64, generation u64 | CRC-32C u32 |
//!                  +----------------+-------------+-----------+----------+----------------------------+-------------+
//!                                                                          if flag 1
//!
//! block            +------------+--------------+-------------+-----------+
//!                  | length u32 | sequence u32 | CRC-32C u32 | items ... |
//!                  +------------+--------------+-------------+-----------+
//!
//! items:           kind u8
//! packed hash      +---+----------+-------+-------------+-----+-------------------+-----------+-----------+
//!                  | 1 | flags u8 | n u16 | klen varint | key | n x end u8 or u16 | n x entry | deadlines |
//!                  +---+----------+-------+-------------+-----+-------------------+-----------+-----------+
//! head of a table  +---+--------+--------------+----------+-------------+-----+
//!                  | 2 | id u32 | deadline u64 | n varint | klen varint | key |
//!                  +---+--------+--------------+----------+-------------+-----+
//! part of a table  +---+--------+-------+-------------------------------------------------------------+
//!                  | 3 | id u32 | n u32 | n x ( 2 x length + t varint | entry | deadline u64 if t = 1 ) |
//!                  +---+--------+-------+-------------------------------------------------------------+
//! end              +---+----------+------------+
//!                  | 4 | keys u64 | fields u64 |
//!                  +---+----------+------------+
//!
//! entry            +-------------+-------+-------+
//!                  | flen varint | field | value |
//!                  +-------------+-------+-------+
//! deadlines of a   +-------------------------+-------------------------+-------------+
//! packed hash      | bitmap of fields        | u64 for each bit set    | u64 for key |
//!                  +-------------------------+-------------------------+-------------+
//!                    if flag 4                 if flag 4                 if flag 2
//! ```
//!
//! # Numbers
//! - `u8` to `u64` are unsigned and little-endian. Nothing is aligned or padded.
//! - A varint is an unsigned LEB128 number: seven bits a byte, the lowest bits first. The top bit of a byte says that
//!   another byte follows. The number is below 2^64, and written in as few bytes as possible.
//! - A deadline counts milliseconds since 1970-01-01 00:00 UTC. Its key or field has expired from that millisecond on.
//!   2^64 - 1 means that there is no deadline. Only the head of a table may have that value.
//! - CRC-32C is the Castagnoli checksum. Of the nine bytes `123456789` it is 0xe3069283.
//!
//! # Head
//! The magic is the byte 0x89 and then `hashlet`. This page describes version 1. Flag 1, the lowest bit, says that the
//! snapshot is the base of a journal, with the number of the journal's folder and its own generation. All other flags
//! are 0. `keys` is an estimate of the number of keys, with which a reader can make room. Any number is valid. The
//! checksum covers all bytes of the head before it.
//!
//! # Blocks
//! `length` is the number of bytes of the items, at least 1. `sequence` is 0 in the first block, and one more in each
//! following block, modulo 2^32. The checksum covers everything in the block except itself. This crate closes a block
//! when its items take 64 KiB, but a block of any length is valid.
//!
//! # Items
//! Keys, fields and values are any bytes, and may be empty. `klen` is the length of the key, and `flen` that of the
//! field. The value takes the rest of its entry.
//!
//! 1. A packed hash is a whole hash. `n` is the number of its fields, at least 1.
//!    - Flag 1, the lowest bit, says that each end is a `u16`, not a `u8`. Flag 2 says that the key has a deadline, and
//!      flag 4 that at least one field has one. All other bits are 0.
//!    - An end is where its entry ends, counted in bytes from the beginning of the first entry. So each end is greater
//!      than the one before, and the last one is the length of all entries. It is more than 255 exactly if the ends are
//!      `u16`.
//!    - The bitmap has one bit for each field, and takes `n` / 8 bytes, rounded up. The first field has the lowest bit
//!      of the first byte. At least one bit is set, but none after that of the last field. One deadline follows for
//!      each bit that is set, in the order of the fields.
//! 2. The head of a table makes a whole hash together with the table's parts. `n` is the number of fields in all parts,
//!    at least 1.
//! 3. A part of a table has `n` entries, at least 1. `length` is the number of bytes of the entry. `t` is 1 if the
//!    field has a deadline, and otherwise 0. This crate closes a part when its entries take 32 KiB, but a part of any
//!    length is valid.
//! 4. The end is the only item of the last block, and in no other block. `keys` is the number of items 1 and 2 in the
//!    snapshot, and `fields` is the sum of their `n`.
//!
//! The head and the parts of a table have the same `id`, which no other table in the snapshot has. They come in any
//! order, and other items may stand between them. Hashes and fields have no order either.
//!
//! # What a reader must refuse
//! A snapshot that breaks a rule of this page is refused as a whole. That includes these cases:
//! - The magic, the version, the flags, a checksum, a sequence number or a kind is not as described.
//! - Something reaches beyond the end of its entry, its block or the snapshot. This must be checked before memory is
//!   allocated for it, because a hostile snapshot can have right checksums.
//! - A number is out of its range, or a varint is longer than necessary.
//! - A table has no head or two of them, or not as many fields as its head says.
//! - A key occurs twice in the snapshot, or a field occurs twice in its hash.
//! - The end says other numbers than were read. Keys and fields that have expired count, although they are left out of
//!   the store.
//! - Anything follows the end, in its block or after it, or there is no end.
//!
//! This crate overlooks two faults. It does not notice a repeated key if one of the two has expired, nor an `id` that
//! is used again after its first table is complete.
//!
//! This crate writes no key longer than 64 KiB, no field or value longer than 512 MiB, and no hash of more than
//! 2^32 - 1 fields. A reader may have limits of its own, as this crate has with [`Limits`](crate::Limits).
//!
//! # Versions
//! Every later version of this crate will read version 1.
//!
//! # Journals
//! A journal is a folder with a lock file, snapshots (*bases*) and logs. A log is a head, then blocks. A block holds entries, and each entry lies completely in one
//! block. An entry is what one call has done: a row of effects.
//!
//! ```text
//! head of a log    +----------------+-------------+-----------+------------+----------------+-------------+
//!                  | magic, 8 bytes | version u16 | flags u16 | folder u64 | generation u64 | CRC-32C u32 |
//!                  +----------------+-------------+-----------+------------+----------------+-------------+
//!
//! block            +------------+--------------+------------+-------------+-------------+
//!                  | length u32 | sequence u64 | synced u64 | CRC-32C u32 | entries ... |
//!                  +------------+--------------+------------+-------------+-------------+
//!
//! entry            +---------------+-------------+
//!                  | length varint | effects ... |
//!                  +---------------+-------------+
//!
//! effects:         kind u8
//! key              +---+-------------+-----+
//!                  | 1 | klen varint | key |                                  the key of the effects that follow
//!                  +---+-------------+-----+
//! put              +---+-------------+-------+-------------+-------+
//!                  | 2 | flen varint | field | vlen varint | value |
//!                  +---+-------------+-------+-------------+-------+
//! put at key       +----+-------------+-----+-------------+-------+-------------+-------+
//!                  | 12 | klen varint | key | flen varint | field | vlen varint | value |   key and put in one
//!                  +----+-------------+-----+-------------+-------+-------------+-------+
//! remove           +---+-------------+-------+
//!                  | 3 | flen varint | field |
//!                  +---+-------------+-------+
//! field deadline   +---+-------------+-------+--------------+
//!                  | 4 | flen varint | field | deadline u64 |
//!                  +---+-------------+-------+--------------+
//! key deadline     +---+--------------+
//!                  | 5 | deadline u64 |
//!                  +---+--------------+
//! clear            +---+
//!                  | 6 |                                                      the key is removed with its hash
//!                  +---+
//! move to, copy to +--------+-------------+-----+
//!                  | 7 or 8 | klen varint | key |                             the hash, or a copy, gets this key
//!                  +--------+-------------+-----+
//! clear all        +---+
//!                  | 9 |                                                      all keys are removed
//!                  +---+
//! previous         +----+----------------+------------+-----------+
//!                  | 10 | generation u64 | blocks u64 | bytes u64 |           the log that this one continues
//!                  +----+----------------+------------+-----------+
//! closed           +----+
//!                  | 11 |                                                     the log was closed
//!                  +----+
//! ```
//!
//! - The magic is the byte 0x89 and then `hashlog`. The version is 1, and the flags are 0. `folder` is a number that all
//!   bases and logs of a folder have. The name of a log is `log-` and its generation, that of a base `base-` and its
//!   generation. The checksum of the head covers the 28 bytes before it.
//! - `length` is the number of bytes of the entries, at least 1. `sequence` is 0 in the first block, and one more in each
//!   following block. `synced` is the length of the beginning of the file that was known to outlast a loss of power when
//!   the block was written. The checksum of a block covers `folder` and `generation` of the head, the three numbers of
//!   the block, and its entries.
//! - The first block has one entry, which has the one effect *previous*: the generation of the log that this one
//!   continues, and the number of its blocks and bytes that count. A generation of 0 means that there was none. A log
//!   that names its own generation continues nothing but the base of that generation. The head and the first block are
//!   82 bytes, and are synced before anything else is written. So a file of at most 82 bytes in which they are not whole
//!   is a log that was not begun, and holds nothing. In a longer file, that is damage.
//! - The last block of a log that was closed has one entry with the one effect *closed*. Neither of these two effects
//!   occurs elsewhere.
//! - A deadline of 2^64 - 1 means that there is none any more. Put keeps the deadline of the field. Remove takes it along.
//!   When the last field is removed, the key is gone with its deadline. Clear takes along all deadlines. Move and copy
//!   give the hash, with all of its deadlines, to the other key. What that key had is gone, even if there is no hash to
//!   give; but to the same key, they change nothing. Any other effect on a key or a field that is not there changes
//!   nothing, except for put. (Only a forged log has such effects.)
//! - Effects depend on no clock. What had expired was removed by an effect of its own.
//!
//! A block is *whole* if its checksum and its sequence are right, and `synced` is at most the place of its beginning.
//!
//! These files count:
//! 1. The base of the highest generation. Without a base, the journal begins empty.
//! 2. The log of the base's generation, then the log that continues it, and so on. Without a base, the first one is the
//!    log that continues nothing. Each of these logs but the last counts up to the end that the next one states.
//!
//! Logs that were not begun do not count, nor logs of a generation before the base. Nor do logs that continue nothing but
//! a base which is not there, because such a base was never completed. If the base of the highest generation is damaged,
//! an older one takes its place, provided that all logs since then are there.
//!
//! It is damage if one of these files is missing or belongs to another folder, if a base breaks a rule, or if a log is
//! not whole up to the end that the next one states. What follows the last whole block of the last log is a torn tail,
//! and does not count. But it is damage if a whole block behind it has a `synced` beyond the beginning of the tail. This
//! crate also takes a tail for damage if so much in it looks like blocks that looking for them would take too long.
//!
//! Rejected for snapshots:
//! - Bincode or another library's format, because files outlive libraries.
//! - Compression. It costs more than it saves where a disk writes faster than 500 MB a second. `save_to` into a
//!   compressing writer provides it.
//! - Tags and hashes of fields, because they depend on the process that computes them.

use crate::saving::BLOCK_HEAD;

pub(super) const MAGIC: [u8; 8] = *b"\x89hashlet";
pub(super) const VERSION: u16 = 1;
/// The flag of a snapshot that is the base of a journal.
pub(super) const BASE: u16 = 1;
/// The bytes of a head that are the same for every snapshot, without its checksum.
pub(super) const HEAD_START: usize = 20;
/// The bytes of a head that only a base has.
pub(super) const ORIGIN_LEN: usize = 16;

pub(super) const CRC_LEN: usize = 4;
const BLOCK_CRC_AT: usize = BLOCK_HEAD - CRC_LEN;

/// What a base says of its journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The number of the journal's folder.
    pub(crate) folder: u64,
    pub(crate) generation: u64,
}

/// The head of a snapshot of about this many keys.
pub(super) fn head(keys: u64, origin: Option<Origin>) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&if origin.is_some() { BASE } else { 0 }.to_le_bytes());
    head.extend_from_slice(&keys.to_le_bytes());
    if let Some(Origin { folder, generation }) = origin {
        head.extend_from_slice(&folder.to_le_bytes());
        head.extend_from_slice(&generation.to_le_bytes());
    }
    head.extend_from_slice(&crc32c::crc32c(&head).to_le_bytes());
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
