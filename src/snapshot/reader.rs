//! Reads a snapshot block by block. Every byte may be wrong, so everything is checked before it is used.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::arithmetic_side_effects)]

use std::io::{self, ErrorKind, Read};

use super::SnapshotError;
use super::format::{BASE, CRC_LEN, HEAD_START, MAGIC, ORIGIN_LEN, Origin, VERSION, block_crc, head};
use crate::hash::image::{END, Flaw, Input};
use crate::saving::BLOCK_HEAD;

/// Most keys take at least this many bytes in a snapshot, with their hashes. Whatever a head claims, room is reserved
/// for no more keys than that.
const USUAL_KEY_BYTES: u64 = 16;

pub(crate) struct BlockReader<R> {
    input: R,
    offset: u64,
    /// The length of the input, if it is known.
    len: Option<u64>,
    sequence: u32,
    keys: u64,
    origin: Option<Origin>,
    items: Vec<u8>,
}

/// A block that was read.
pub(crate) enum Block<'a> {
    Items(Input<'a>),
    /// The last block, with the numbers of keys and fields.
    End {
        keys: u64,
        fields: u64,
    },
}

impl<R: Read> BlockReader<R> {
    /// Reads the head.
    pub(crate) fn begin(mut input: R, len: Option<u64>) -> Result<Self, SnapshotError> {
        let mut read = Vec::new();
        input.by_ref().take(HEAD_START as u64).read_to_end(&mut read)?;
        let mut fields = Input::new(&read);
        if fields.array() != Ok(MAGIC) {
            return Err(SnapshotError::NotASnapshot);
        }
        let mut parse =
            || Ok((u16::from_le_bytes(fields.array()?), u16::from_le_bytes(fields.array()?), fields.u64()?));
        let (version, flags, keys) = parse().map_err(|_: Flaw| ends_early(read.len() as u64))?;
        if version != VERSION || flags & !BASE != 0 {
            return Err(SnapshotError::UnsupportedVersion { version, flags });
        }
        let is_base = flags == BASE;
        let rest = if is_base { CRC_LEN.saturating_add(ORIGIN_LEN) } else { CRC_LEN };
        input.by_ref().take(rest as u64).read_to_end(&mut read)?;
        let mut fields = Input::new(read.get(HEAD_START..).unwrap_or_default());
        let mut parse = || Ok(Origin { folder: fields.u64()?, generation: fields.u64()? });
        let origin = is_base.then(|| parse().map_err(|_: Flaw| ends_early(read.len() as u64))).transpose()?;
        if read != head(keys, origin) {
            return Err(SnapshotError::corrupt(0, "the head does not match its checksum"));
        }
        Ok(Self { input, offset: read.len() as u64, len, sequence: 0, keys, origin, items: Vec::new() })
    }

    /// What the snapshot says of its journal, if it is the base of one.
    #[cfg_attr(not(feature = "journal"), expect(dead_code, reason = "only a journal asks"))]
    pub(crate) fn origin(&self) -> Option<Origin> {
        self.origin
    }

    /// The estimated number of keys: the number in the head, but no more than the rest of the input can hold if each
    /// key takes [`USUAL_KEY_BYTES`].
    pub(crate) fn expected_keys(&self) -> u64 {
        self.left().map_or(self.keys, |left| self.keys.min(left / USUAL_KEY_BYTES))
    }

    /// The number of keys for which room may be reserved before they are read. It is 0 if the length is unknown,
    /// because a head of a few bytes can claim any number.
    pub(crate) fn reservable_keys(&self) -> u64 {
        self.left().map_or(0, |_| self.expected_keys())
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes that are left to be read, if the length is known.
    pub(crate) fn left(&self) -> Option<u64> {
        self.len.map(|len| len.saturating_sub(self.offset))
    }

    /// Reads a block, and checks its checksum.
    pub(crate) fn read(&mut self) -> Result<Block<'_>, SnapshotError> {
        let mut head = [0; BLOCK_HEAD];
        let start = self.offset;
        let corrupt = |what| Err(SnapshotError::corrupt(start, what));
        self.input.read_exact(&mut head).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => ends_early(start),
            _ => error.into(),
        })?;
        self.offset = self.offset.saturating_add(BLOCK_HEAD as u64);
        let mut fields = Input::new(&head);
        let mut parse = || Ok((fields.u32()?, fields.u32()?, fields.u32()?));
        let (length, sequence, crc) = parse().map_err(|flaw| at(start, flaw))?;
        if self.left().is_some_and(|left| u64::from(length) > left) {
            return corrupt("the block is longer than the rest of the file");
        }
        self.items.clear();
        if self.len.is_some() {
            self.items.try_reserve_exact(length as usize).map_err(|_| io::Error::from(ErrorKind::OutOfMemory))?;
        }
        // If the length is unknown, this allocates as it reads: at most twice the bytes that really arrive.
        self.input.by_ref().take(length.into()).read_to_end(&mut self.items)?;
        if self.items.len() != length as usize {
            return corrupt("the input ends before the end of the block");
        }
        self.offset = self.offset.saturating_add(length.into());
        let [checked @ .., _, _, _, _] = &head;
        if block_crc(checked, &self.items) != crc {
            return corrupt("the block does not match its checksum");
        }
        if sequence != self.sequence {
            return corrupt("the sequence number of the block is wrong, so a block is missing or out of order");
        }
        self.sequence = self.sequence.wrapping_add(1);
        match self.items.first() {
            None => corrupt("the block has no items"),
            Some(&END) => self.read_end(start),
            Some(_) => Ok(Block::Items(Input::new(&self.items))),
        }
    }

    fn read_end(&mut self, start: u64) -> Result<Block<'_>, SnapshotError> {
        let mut end = Input::new(&self.items);
        let mut parse = || Ok((end.u8()?, end.u64()?, end.u64()?));
        let (_, keys, fields) = parse().map_err(|flaw| at(start, flaw))?;
        let mut behind = Vec::new();
        self.input.by_ref().take(1).read_to_end(&mut behind)?;
        if !end.is_empty() || !behind.is_empty() {
            return Err(SnapshotError::corrupt(self.offset, "the end of the snapshot is followed by more bytes"));
        }
        Ok(Block::End { keys, fields })
    }

    /// The error for a flaw in the item that was read last. `left` is the number of bytes of its block that follow it.
    pub(crate) fn flaw(&self, left: usize, flaw: Flaw) -> SnapshotError {
        at(self.offset.saturating_sub(left as u64), flaw)
    }
}

fn at(offset: u64, flaw: Flaw) -> SnapshotError {
    match flaw {
        Flaw::Corrupt(what) => SnapshotError::corrupt(offset, what),
        Flaw::TooLarge(error) => SnapshotError::TooLarge(error),
    }
}

fn ends_early(offset: u64) -> SnapshotError {
    SnapshotError::corrupt(offset, "the input ends before the end of the snapshot")
}
