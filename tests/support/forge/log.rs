//! The same for a log of a journal: a second writer, which takes logs apart and puts them together changed.

use super::{push_varint, read_varint};
use crate::support::source::Source;

const HEAD_LEN: usize = 32;
const BLOCK_HEAD: usize = 24;
const PREVIOUS: u8 = 10;

/// A log in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForgedLog {
    pub(crate) folder: u64,
    pub(crate) generation: u64,
    /// The log that this one continues: its generation, blocks and bytes.
    pub(crate) previous: [u64; 3],
    pub(crate) blocks: Vec<Block>,
    /// Bytes behind the last block.
    pub(crate) tail: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) entries: Vec<Vec<u8>>,
    /// How far the log was synced, or as far as it goes if this is more.
    pub(crate) synced: u64,
    /// What the sequence number and the checksum differ by from the right ones.
    pub(crate) wrong: (u64, u32),
}

impl Block {
    pub(crate) fn of(entries: Vec<Vec<u8>>) -> Self {
        Self { entries, synced: 0, wrong: (0, 0) }
    }
}

fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    bytes[at..][..len].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

impl ForgedLog {
    /// A log that continues nothing.
    pub(crate) fn of(blocks: Vec<Block>) -> Self {
        Self { folder: 7, generation: 1, previous: [0; 3], blocks, tail: Vec::new() }
    }

    /// Takes a valid log apart.
    pub(crate) fn parse(log: &[u8]) -> Self {
        let mut forge = Self::of(Vec::new());
        (forge.folder, forge.generation) = (number(log, 12, 8), number(log, 20, 8));
        let mut at = HEAD_LEN;
        while at < log.len() {
            let (len, synced) = (number(log, at, 4) as usize, number(log, at + 12, 8));
            let mut rest = &log[at + BLOCK_HEAD..][..len];
            at += BLOCK_HEAD + len;
            let mut block = Block { synced, ..Block::of(Vec::new()) };
            while !rest.is_empty() {
                let (len, read) = read_varint(rest);
                block.entries.push(rest[read..][..len].to_vec());
                rest = &rest[read + len..];
            }
            match &block.entries[0][..] {
                [PREVIOUS, numbers @ ..] => forge.previous = [0, 8, 16].map(|at| number(numbers, at, 8)),
                _ => forge.blocks.push(block),
            }
        }
        assert_eq!(forge.render(), log, "another reading of the format");
        forge
    }

    /// The bytes of the log, with the right lengths, sequence numbers and checksums.
    pub(crate) fn render(&self) -> Vec<u8> {
        let mut out = b"\x89hashlog\x01\0\0\0".to_vec();
        let origin = [self.folder.to_le_bytes(), self.generation.to_le_bytes()].concat();
        out.extend(&origin);
        out.extend(crc32c::crc32c(&out).to_le_bytes());
        let mut first = vec![PREVIOUS];
        first.extend(self.previous.iter().flat_map(|number| number.to_le_bytes()));
        let first = Block::of(vec![first]);
        for (sequence, block) in std::iter::once(&first).chain(&self.blocks).enumerate() {
            let mut entries = Vec::new();
            for entry in &block.entries {
                push_varint(&mut entries, entry.len());
                entries.extend(entry);
            }
            let synced = block.synced.min(out.len() as u64);
            let mut head = (entries.len() as u32).to_le_bytes().to_vec();
            head.extend((sequence as u64).wrapping_add(block.wrong.0).to_le_bytes());
            head.extend(synced.to_le_bytes());
            let crc = crc32c::crc32c(&[&origin, &head, &entries].map(|part| &part[..]).concat()) ^ block.wrong.1;
            out.extend(head);
            out.extend(crc.to_le_bytes());
            out.extend(entries);
        }
        out.extend(&self.tail);
        out
    }

    /// Changes one thing.
    pub(crate) fn mutate(&mut self, source: &mut Source<'_>) {
        let blocks = self.blocks.len().max(1);
        let (at, other) = (source.below(blocks), source.below(blocks));
        match source.below(24) {
            0 => self.previous[source.below(3)] = source.one_of(&[0, 1, 2, 3, 82, 83, 1 << 40, u64::MAX]),
            1 => self.generation = source.one_of(&[0, 1, 2, 3, u64::MAX]),
            2 => self.folder ^= 1,
            3 => self.tail = (0..source.below(300)).map(|_| source.below(256) as u8).collect(),
            4 => self.tail = vec![0; source.below(5_000)],
            _ if self.blocks.is_empty() => {}
            5 => drop(self.blocks.remove(at)),
            6 => self.blocks.swap(at, other),
            7 => self.blocks.push(self.blocks[at].clone()),
            8 => self.blocks[at].synced = source.one_of(&[0, 82, 83, 200, 1_000, u64::MAX]),
            9 => self.blocks[at].wrong.0 = source.one_of(&[1, 2, u64::MAX, 1 << 32]),
            10..=11 => self.blocks[at].wrong.1 = 1 << source.below(32),
            12 => {
                let entries = self.blocks[other].entries.clone();
                self.blocks[at].entries.extend(entries);
            }
            _ => self.change_entry(at, source),
        }
    }

    fn change_entry(&mut self, block: usize, source: &mut Source<'_>) {
        let entries = &mut self.blocks[block].entries;
        let Some(at) = (!entries.is_empty()).then(|| source.below(entries.len())) else { return };
        let entry = &mut entries[at];
        let place = source.below(entry.len() + 1);
        match source.below(8) {
            0 => drop(entries.remove(at)),
            1 => entries.push(entries[at].clone()),
            2 => entry.truncate(place),
            3..=4 => drop(entry.splice(place..place, (0..=source.below(20)).map(|_| source.below(256) as u8))),
            _ if place < entry.len() => {
                entry[place] =
                    if source.one_in(2) { source.below(256) as u8 } else { entry[place] ^ 1 << source.below(8) };
            }
            _ => {}
        }
    }
}
