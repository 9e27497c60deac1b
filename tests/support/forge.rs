//! A second, independent writer of snapshots, made from the drawing in `snapshot/format.rs`. It takes snapshots apart
//! and puts them together changed. All lengths and checksums are right, so a reader gets as far as the changed
//! contents.

#[cfg(feature = "journal")]
pub(crate) mod log;
mod mutate;

use std::ops::Range;

const HEAD_LEN: usize = 24;
const BLOCK_HEAD: usize = 12;
const HASH: u8 = 1;
const HEAD: u8 = 2;
const PART: u8 = 3;
const END: u8 = 4;

/// A snapshot in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forge {
    pub(crate) version: u16,
    pub(crate) flags: u16,
    /// The approximate number of keys, as the head of the snapshot tells it.
    pub(crate) keys: u64,
    pub(crate) blocks: Vec<Vec<Item>>,
    /// The numbers of keys and fields that the end tells, if they differ from what there is.
    pub(crate) told: Option<(u64, u64)>,
}

/// An item, and the places of the numbers in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) bytes: Vec<u8>,
    numbers: Vec<Number>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Number {
    at: Range<usize>,
    is_varint: bool,
}

/// A parser for an item that is known to be valid.
struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
    numbers: Vec<Number>,
}

impl Parser<'_> {
    fn fixed(&mut self, len: usize) -> u64 {
        let at = self.at..self.at + len;
        self.at = at.end;
        self.numbers.push(Number { at: at.clone(), is_varint: false });
        self.bytes[at].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }

    fn varint(&mut self) -> usize {
        let (number, len) = read_varint(&self.bytes[self.at..]);
        self.numbers.push(Number { at: self.at..self.at + len, is_varint: true });
        self.at += len;
        number
    }

    fn string(&mut self) {
        self.at += self.varint();
    }

    fn item(mut self) -> Item {
        match self.fixed(1) as u8 {
            HASH => {
                let (flags, fields) = (self.fixed(1), self.fixed(2) as usize);
                self.string();
                let width = 1 + (flags & 1) as usize;
                let ends: Vec<usize> = (0..fields).map(|_| self.fixed(width) as usize).collect();
                let entries = self.at;
                for end in ends {
                    self.varint();
                    self.at = entries + end;
                }
                let mut deadlines = flags >> 1 & 1;
                if flags & 4 != 0 {
                    deadlines += (0..fields.div_ceil(8)).map(|_| u64::from(self.fixed(1).count_ones())).sum::<u64>();
                }
                for _ in 0..deadlines {
                    self.fixed(8);
                }
            }
            HEAD => {
                self.fixed(4);
                self.fixed(8);
                self.varint();
                self.string();
            }
            PART => {
                self.fixed(4);
                for _ in 0..self.fixed(4) {
                    let len = self.varint();
                    let entry = self.at;
                    self.varint();
                    self.at = entry + (len >> 1);
                    if len & 1 == 1 {
                        self.fixed(8);
                    }
                }
            }
            kind => panic!("an item of kind {kind}"),
        }
        Item { bytes: self.bytes[..self.at].to_vec(), numbers: self.numbers }
    }
}

impl Item {
    /// Any bytes as an item, even if they are none.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), numbers: Vec::new() }
    }

    pub(crate) fn head(id: u32, deadline: u64, fields: usize, key: &[u8]) -> Self {
        let mut bytes = vec![HEAD];
        bytes.extend(id.to_le_bytes());
        bytes.extend(deadline.to_le_bytes());
        push_varint(&mut bytes, fields);
        push_varint(&mut bytes, key.len());
        bytes.extend(key);
        Self::raw(bytes)
    }

    /// A part of fields without deadlines.
    pub(crate) fn part(id: u32, pairs: &[(&[u8], &[u8])]) -> Self {
        let mut bytes = vec![PART];
        bytes.extend(id.to_le_bytes());
        bytes.extend((pairs.len() as u32).to_le_bytes());
        for (field, value) in pairs {
            let mut entry = Vec::new();
            push_varint(&mut entry, field.len());
            entry.extend([*field, *value].concat());
            push_varint(&mut bytes, entry.len() << 1);
            bytes.extend(entry);
        }
        Self::raw(bytes)
    }

    /// The pieces of the item, without the number of its table. Fields of a part are single pieces, because they have
    /// no order.
    fn pieces(&self) -> Vec<Vec<u8>> {
        let (kind, rest) = (self.bytes[0], &self.bytes[1..]);
        match kind {
            HEAD => vec![[&[kind], &rest[4..]].concat()],
            PART => {
                let (mut entries, mut pieces) = (&rest[8..], Vec::new());
                while !entries.is_empty() {
                    let (len, read) = read_varint(entries);
                    let (entry, others) = entries.split_at(read + (len >> 1) + 8 * (len & 1));
                    pieces.push(entry.to_vec());
                    entries = others;
                }
                pieces
            }
            _ => vec![self.bytes.clone()],
        }
    }

    /// The numbers of keys and fields that the item announces.
    fn counts(&self) -> (u64, u64) {
        match self.bytes[..] {
            [HASH, _, low, high, ..] => (1, u16::from_le_bytes([low, high]).into()),
            [HEAD, ..] if self.bytes.len() > 13 => (1, read_varint(&self.bytes[13..]).0 as u64),
            _ => (0, 0),
        }
    }
}

impl Forge {
    /// A snapshot of these items, in one block.
    pub(crate) fn of(items: Vec<Item>) -> Self {
        Self { version: 1, flags: 0, keys: items.len() as u64, blocks: vec![items], told: None }
    }

    /// Takes a valid snapshot apart.
    pub(crate) fn parse(snapshot: &[u8]) -> Self {
        let number = |at: usize, len: usize| {
            snapshot[at..][..len].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
        };
        let (version, flags, keys) = (number(8, 2) as u16, number(10, 2) as u16, number(12, 8));
        let mut forge = Self { version, flags, keys, blocks: Vec::new(), told: None };
        let mut at = HEAD_LEN;
        while at < snapshot.len() {
            let len = number(at, 4) as usize;
            let mut items = &snapshot[at + BLOCK_HEAD..][..len];
            at += BLOCK_HEAD + len;
            if items[0] == END {
                break;
            }
            let mut block = Vec::new();
            while !items.is_empty() {
                let item = Parser { bytes: items, at: 0, numbers: Vec::new() }.item();
                items = &items[item.bytes.len()..];
                block.push(item);
            }
            forge.blocks.push(block);
        }
        assert_eq!(forge.render(), snapshot, "another reading of the format");
        forge
    }

    /// The bytes of the snapshot, with the right lengths, sequence numbers and checksums.
    pub(crate) fn render(&self) -> Vec<u8> {
        let mut out = b"\x89hashlet".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend(self.flags.to_le_bytes());
        out.extend(self.keys.to_le_bytes());
        out.extend(crc32c::crc32c(&out).to_le_bytes());
        let mut counts = (0_u64, 0_u64);
        for (sequence, block) in self.blocks.iter().enumerate() {
            for (keys, fields) in block.iter().map(Item::counts) {
                counts = (counts.0.wrapping_add(keys), counts.1.wrapping_add(fields));
            }
            let items: Vec<&[u8]> = block.iter().map(|item| &item.bytes[..]).collect();
            push_block(&mut out, sequence as u32, &items.concat());
        }
        let (keys, fields) = self.told.unwrap_or(counts);
        let mut end = vec![END];
        end.extend(keys.to_le_bytes());
        end.extend(fields.to_le_bytes());
        push_block(&mut out, self.blocks.len() as u32, &end);
        out
    }

    /// The pieces of a valid snapshot, sorted, because hashes have no order.
    pub(crate) fn pieces(&self) -> Vec<Vec<u8>> {
        let mut pieces: Vec<Vec<u8>> = self.blocks.iter().flatten().flat_map(Item::pieces).collect();
        pieces.sort_unstable();
        pieces
    }
}

fn push_block(out: &mut Vec<u8>, sequence: u32, items: &[u8]) {
    let mut head = (items.len() as u32).to_le_bytes().to_vec();
    head.extend(sequence.to_le_bytes());
    let crc = crc32c::crc32c(&[&head, items].concat());
    head.extend(crc.to_le_bytes());
    out.extend(head);
    out.extend(items);
}

fn read_varint(bytes: &[u8]) -> (usize, usize) {
    let mut number = 0_u64;
    for (at, &byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f).checked_shl(7 * at as u32).unwrap_or(0);
        if byte < 0x80 {
            return (number as usize, at + 1);
        }
    }
    (0, bytes.len().min(10))
}

fn push_varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}
