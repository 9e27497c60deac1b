//! A writer of snapshots of its own, by the drawings in `snapshot/format.rs` and `hash/image.rs`, which takes them apart
//! and puts them together again otherwise: with every length and checksum right, so that what is wrong inside is read.

use std::ops::Range;

use super::source::Source;

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
    /// About how many keys there are.
    pub(crate) keys: u64,
    pub(crate) blocks: Vec<Vec<Item>>,
    /// What the end tells of keys and fields, if that is not what there is.
    pub(crate) told: Option<(u64, u64)>,
}

/// An item, and where its numbers are.
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

/// Reads an item whose form is known to be good.
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
                (self.fixed(4), self.fixed(8), self.varint());
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
    /// Bytes that are no item at all, perhaps.
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

    pub(crate) fn is_part(&self) -> bool {
        self.bytes.first() == Some(&PART)
    }

    /// What it says to hold: keys and fields.
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

    /// Takes a good snapshot apart.
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

    /// The bytes of it, with lengths, sequence and checksums as they have to be.
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

    /// Changes one thing.
    pub(crate) fn mutate(&mut self, source: &mut Source<'_>) {
        match source.below(32) {
            0..=11 => self.change_number(source),
            12..=18 => self.change_byte(source),
            19..=22 => self.change_length(source),
            23..=24 => {
                if let Some(at) = self.pick(source) {
                    let copy = self.blocks[at.0][at.1].clone();
                    let to = source.below(self.blocks.len());
                    self.blocks[to].push(copy);
                }
            }
            25 => {
                if let Some((block, item)) = self.pick(source) {
                    self.blocks[block].remove(item);
                }
            }
            26..=27 => {
                if let (Some(one), Some(other)) = (self.pick(source), self.pick(source)) {
                    let copy = self.blocks[other.0][other.1].clone();
                    let old = std::mem::replace(&mut self.blocks[one.0][one.1], copy);
                    self.blocks[other.0][other.1] = old;
                }
            }
            28 if !self.blocks.is_empty() => {
                let (one, other) = (source.below(self.blocks.len()), source.below(self.blocks.len()));
                self.blocks.swap(one, other);
            }
            29 if !self.blocks.is_empty() => {
                let block = self.blocks[source.below(self.blocks.len())].clone();
                self.blocks.push(block);
            }
            30 => self.keys = boundary(source),
            _ => self.told = Some((boundary(source), boundary(source))),
        }
    }

    /// Some item.
    fn pick(&self, source: &mut Source<'_>) -> Option<(usize, usize)> {
        let block = source.below(self.blocks.len().max(1));
        let items = self.blocks.get(block)?.len();
        (items > 0).then(|| (block, source.below(items)))
    }

    fn change_number(&mut self, source: &mut Source<'_>) {
        let Some((block, item)) = self.pick(source) else { return };
        let Item { bytes, numbers } = &mut self.blocks[block][item];
        if numbers.is_empty() {
            return;
        }
        let Number { at, is_varint } = numbers.remove(source.below(numbers.len()));
        if at.end > bytes.len() {
            return;
        }
        let old = if is_varint {
            read_varint(&bytes[at.clone()]).0 as u64
        } else {
            bytes[at.clone()].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
        };
        let new = match source.below(4) {
            0 => old.wrapping_add(1),
            1 => old.wrapping_sub(1),
            _ => boundary(source),
        };
        let mut written = Vec::new();
        if is_varint {
            push_varint(&mut written, new as usize);
        } else {
            written.extend(&new.to_le_bytes()[..at.len()]);
        }
        if written.len() != at.len() {
            numbers.clear(); // which are elsewhere now
        }
        bytes.splice(at, written);
    }

    fn change_byte(&mut self, source: &mut Source<'_>) {
        let Some((block, item)) = self.pick(source) else { return };
        let bytes = &mut self.blocks[block][item].bytes;
        if !bytes.is_empty() {
            let at = source.below(bytes.len());
            bytes[at] = if source.one_in(2) { source.below(256) as u8 } else { bytes[at] ^ 1 << source.below(8) };
        }
    }

    fn change_length(&mut self, source: &mut Source<'_>) {
        let Some((block, item)) = self.pick(source) else { return };
        let Item { bytes, numbers } = &mut self.blocks[block][item];
        let (at, count) = (source.below(bytes.len() + 1), source.one_of(&[1, 1, 2, 8]));
        if source.one_in(2) {
            bytes.splice(at..at, std::iter::repeat_n(source.below(256) as u8, count));
        } else {
            bytes.drain(at..(at + count).min(bytes.len()));
        }
        numbers.clear();
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

fn boundary(source: &mut Source<'_>) -> u64 {
    let power = 1_u64 << source.one_of(&[0, 7, 8, 14, 15, 16, 20, 31, 32, 40, 62, 63]);
    match source.below(6) {
        0 => 0,
        1 => u64::MAX,
        2 => power - 1,
        3 => power + 1,
        4 => source.below(256) as u64,
        _ => power,
    }
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
