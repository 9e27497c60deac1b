//! Reads the log of a journal, as `src/snapshot/format.rs` draws it.

use std::fmt;
use std::ops::Range;

use crate::bytes::{Damage, Flaw, Input};
use crate::contents::{Contents, Effect};
use crate::snapshot::Origin;

pub(crate) const MAGIC: [u8; 8] = *b"\x89hashlog";
/// The bytes of the head and the first block.
const BEGINNING: usize = 82;
const HEAD: usize = 32;
const BLOCK_HEAD: usize = 24;
const NEVER: u64 = u64::MAX;
/// The most bytes of which a checksum is computed for each byte behind a damage. Values may look like blocks.
const WORK_PER_BYTE: usize = 16;
const NAMES: [&str; 10] =
    ["key", "put", "remove", "field deadline", "key deadline", "clear", "move", "copy", "clear all", "closed"];

/// A log as far as it could be read.
pub(crate) struct Log {
    bytes: Vec<u8>,
    /// `None` if the log was not begun.
    pub(crate) head: Option<Head>,
    blocks: Vec<Block>,
    entries: u64,
    effects: [u64; NAMES.len()],
    is_closed: bool,
    pub(crate) rest: Rest,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) origin: Origin,
    pub(crate) previous: End,
}

/// Where a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) generation: u64,
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
}

/// A whole block.
struct Block {
    /// Where its entries are.
    entries: Range<usize>,
    synced: u64,
}

/// What follows the last whole block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    Nothing,
    /// If the log is the last one, this does not count. Otherwise it is damage, before the end that the next log states.
    Torn {
        at: u64,
    },
    Damage(Damage),
}

impl Log {
    pub(crate) fn read(bytes: Vec<u8>) -> Self {
        let is_begun = bytes.len() > BEGINNING;
        let mut log = Self {
            bytes,
            head: None,
            blocks: Vec::new(),
            entries: 0,
            effects: [0; NAMES.len()],
            is_closed: false,
            rest: Rest::Nothing,
        };
        match read_beginning(&log.bytes) {
            Ok(head) => {
                log.head = Some(head);
                log.blocks.push(Block { entries: HEAD + BLOCK_HEAD..BEGINNING, synced: 0 });
                log.read_blocks(head);
            }
            // The beginning is synced before anything else is written.
            Err(what) if is_begun => log.rest = Rest::Damage(Damage { at: 0, what }),
            Err(_) => {}
        }
        log
    }

    fn read_blocks(&mut self, head: Head) {
        loop {
            let at = self.end_of_blocks();
            if at == self.bytes.len() {
                return;
            }
            let Some(block) = read_block(&self.bytes, at, head.origin).filter(|it| it.0 == self.blocks.len() as u64)
            else {
                self.rest = self.judge(at, head.origin);
                return;
            };
            if let Err(what) = self.count(&block.1) {
                self.rest = Rest::Damage(Damage { at: at as u64, what });
                return;
            }
            self.blocks.push(block.1);
        }
    }

    /// Judges what is no block: a torn tail, or damage, if a whole block behind it says that it was synced.
    fn judge(&self, start: usize, origin: Origin) -> Rest {
        let mut work = (self.bytes.len() - start).saturating_mul(WORK_PER_BYTE);
        let damage = |what| Rest::Damage(Damage { at: start as u64, what });
        for at in start + 1..self.bytes.len() {
            let Some((sequence, length, synced)) = read_numbers(&self.bytes, at) else { continue };
            let is_possible = synced <= at as u64
                && sequence >= self.blocks.len() as u64
                && length <= self.bytes.len() - at - BLOCK_HEAD;
            if !is_possible {
                continue;
            }
            let Some(left) = work.checked_sub(BLOCK_HEAD + length) else {
                return damage("something is damaged, and too much behind it looks like blocks");
            };
            work = left;
            if synced > start as u64 && read_block(&self.bytes, at, origin).is_some() {
                return damage("the block does not match its checksum, but a later one says that it was synced");
            }
        }
        Rest::Torn { at: start as u64 }
    }

    /// The length of the file.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    fn end_of_blocks(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.entries.end)
    }

    /// Counts the entries and effects of a block, and checks them.
    fn count(&mut self, block: &Block) -> Result<(), Flaw> {
        if self.is_closed {
            return Err("a block follows the end of a closed log");
        }
        let mut entries = Input(&self.bytes[block.entries.clone()]);
        let is_alone = entries.0 == [1, 11];
        while !entries.is_empty() {
            let mut entry = Input(entries.string()?);
            let mut has_key = false;
            self.entries += 1;
            while !entry.is_empty() {
                let effect = Logged::read(&mut entry)?;
                has_key |= matches!(effect, Logged::Key(_) | Logged::PutAtKey { .. });
                match effect {
                    Logged::OnKey(_) if !has_key => return Err("an effect has no key"),
                    Logged::Closed if !is_alone => return Err("a log is closed in the middle"),
                    Logged::Closed => (self.is_closed, self.entries) = (true, self.entries - 1),
                    _ => {}
                }
                self.effects[effect.index()] += 1;
            }
        }
        Ok(())
    }

    /// Does the entries again, up to where the next log says that this one ended. Without a next log, up to its end.
    pub(crate) fn redo(&self, contents: &mut Contents, end: Option<End>) -> Result<(), Damage> {
        let blocks = match end {
            None => self.blocks.len(),
            Some(end) => {
                let at = |block: &Block| block.entries.end as u64;
                let is_there = end.blocks.checked_sub(1).and_then(|last| self.blocks.get(usize::try_from(last).ok()?));
                if is_there.map(at) != Some(end.bytes) {
                    let what = "the log does not end where the next one says";
                    return Err(Damage { at: self.end_of_blocks() as u64, what });
                }
                end.blocks as usize
            }
        };
        if let (Rest::Damage(damage), None) = (&self.rest, end) {
            return Err(damage.clone());
        }
        for block in self.blocks[..blocks].iter().skip(1) {
            redo_block(&self.bytes[block.entries.clone()], contents)
                .map_err(|what| Damage { at: (block.entries.start - BLOCK_HEAD) as u64, what })?;
        }
        Ok(())
    }
}

fn read_beginning(bytes: &[u8]) -> Result<Head, Flaw> {
    let mut input = Input(bytes);
    if input.take(8).ok() != Some(&MAGIC) {
        return Err("the file does not begin as a log does");
    }
    if (input.u16()?, input.u16()?) != (1, 0) {
        return Err("the version or the flags are unknown");
    }
    let origin = Origin::read(&mut input)?;
    if input.u32()? != crc32c::crc32c(&bytes[..HEAD - 4]) {
        return Err("the head does not match its checksum");
    }
    let (sequence, block) = read_block(bytes, HEAD, origin).ok_or("the first block does not match its checksum")?;
    let mut entry = Input(&bytes[block.entries.clone()]);
    if sequence != 0 || block.entries.end != BEGINNING || (entry.varint()?, entry.u8()?) != (25, 10) {
        return Err("the first block does not say what the log continues");
    }
    let previous = End { generation: entry.u64()?, blocks: entry.u64()?, bytes: entry.u64()? };
    Ok(Head { origin, previous })
}

/// The sequence number of a block, the length of its entries, and how far the log was synced before it.
fn read_numbers(bytes: &[u8], at: usize) -> Option<(u64, usize, u64)> {
    let mut input = Input(bytes.get(at..at.checked_add(BLOCK_HEAD)?)?);
    let (length, sequence, synced) = (input.u32().ok()?, input.u64().ok()?, input.u64().ok()?);
    Some((sequence, length as usize, synced))
}

/// A block with a right checksum at this place, and its sequence number.
fn read_block(bytes: &[u8], at: usize, origin: Origin) -> Option<(u64, Block)> {
    let (sequence, length, synced) = read_numbers(bytes, at)?;
    let entries = at + BLOCK_HEAD..(at + BLOCK_HEAD).checked_add(length)?;
    let covered = bytes.get(entries.clone())?;
    let (numbers, crc) = bytes[at..at + BLOCK_HEAD].split_at(BLOCK_HEAD - 4);
    let sum = [&origin.folder.to_le_bytes()[..], &origin.generation.to_le_bytes(), numbers, covered]
        .iter()
        .fold(0, |sum, bytes| crc32c::crc32c_append(sum, bytes));
    let is_whole = sum.to_le_bytes() == crc && length > 0 && synced <= at as u64;
    is_whole.then_some((sequence, Block { entries, synced }))
}

/// One effect of an entry.
#[derive(Clone, Copy)]
enum Logged<'a> {
    Key(&'a [u8]),
    /// A key, and the first effect on it.
    PutAtKey {
        key: &'a [u8],
        put: Effect<'a>,
    },
    OnKey(Effect<'a>),
    ClearAll,
    Closed,
}

impl<'a> Logged<'a> {
    fn read(input: &mut Input<'a>) -> Result<Self, Flaw> {
        let deadline = |input: &mut Input<'a>| input.u64().map(|deadline| Some(deadline).filter(|it| *it != NEVER));
        Ok(match input.u8()? {
            1 => Self::Key(input.string()?),
            2 => Self::OnKey(Effect::Put { field: input.string()?, value: input.string()? }),
            3 => Self::OnKey(Effect::Remove { field: input.string()? }),
            4 => Self::OnKey(Effect::FieldDeadline { field: input.string()?, deadline: deadline(input)? }),
            5 => Self::OnKey(Effect::KeyDeadline { deadline: deadline(input)? }),
            6 => Self::OnKey(Effect::Clear),
            7 => Self::OnKey(Effect::MoveTo { key: input.string()? }),
            8 => Self::OnKey(Effect::CopyTo { key: input.string()? }),
            9 => Self::ClearAll,
            12 => Self::PutAtKey {
                key: input.string()?,
                put: Effect::Put { field: input.string()?, value: input.string()? },
            },
            11 => Self::Closed,
            _ => return Err("an effect has an unknown kind"),
        })
    }

    /// The place of its name.
    fn index(self) -> usize {
        match self {
            Self::Key(_) => 0,
            Self::OnKey(Effect::Put { .. }) | Self::PutAtKey { .. } => 1,
            Self::OnKey(Effect::Remove { .. }) => 2,
            Self::OnKey(Effect::FieldDeadline { .. }) => 3,
            Self::OnKey(Effect::KeyDeadline { .. }) => 4,
            Self::OnKey(Effect::Clear) => 5,
            Self::OnKey(Effect::MoveTo { .. }) => 6,
            Self::OnKey(Effect::CopyTo { .. }) => 7,
            Self::ClearAll => 8,
            Self::Closed => 9,
        }
    }
}

fn redo_block(entries: &[u8], contents: &mut Contents) -> Result<(), Flaw> {
    let mut entries = Input(entries);
    while !entries.is_empty() {
        let mut entry = Input(entries.string()?);
        let mut key = None;
        while !entry.is_empty() {
            match Logged::read(&mut entry)? {
                Logged::Key(next) => key = Some(next),
                Logged::PutAtKey { key: next, put } => {
                    key = Some(next);
                    contents.redo(next, put);
                }
                Logged::OnKey(effect) => contents.redo(key.ok_or("an effect has no key")?, effect),
                Logged::ClearAll => contents.0.clear(),
                Logged::Closed => {}
            }
        }
    }
    Ok(())
}

impl fmt::Display for Log {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Head { origin, previous }) = self.head else {
            return match &self.rest {
                Rest::Damage(Damage { at, what }) => writeln!(out, "  state      damaged at byte {at}: {what}"),
                _ => writeln!(out, "  state      not begun, so it holds nothing"),
            };
        };
        writeln!(
            out,
            "  head       version 1, flags 0x0, generation {}, in the journal {:016x}",
            origin.generation, origin.folder
        )?;
        let End { generation, blocks, bytes } = previous;
        match generation {
            0 => writeln!(out, "  continues  nothing")?,
            _ if generation == origin.generation => writeln!(out, "  continues  nothing but base {generation}")?,
            _ => writeln!(out, "  continues  log {generation}, of which {blocks} blocks with {bytes} bytes count")?,
        }
        writeln!(out, "  blocks     {}, with {} entries", self.blocks.len(), self.entries)?;
        let counted = NAMES.iter().zip(self.effects).filter(|(_, count)| *count > 0);
        let counted: Vec<_> = counted.map(|(name, count)| format!("{count} {name}")).collect();
        writeln!(out, "  effects    {}", if counted.is_empty() { "none".into() } else { counted.join(", ") })?;
        let synced = self.blocks.iter().map(|block| block.synced).max().unwrap_or(0);
        writeln!(out, "  synced     at least the first {synced} bytes")?;
        match &self.rest {
            Rest::Nothing if self.is_closed => writeln!(out, "  state      whole, and closed"),
            Rest::Nothing => writeln!(out, "  state      whole, but not closed"),
            Rest::Torn { at } => {
                writeln!(out, "  state      {} bytes from byte {at} on are no block", self.bytes.len() as u64 - at)
            }
            Rest::Damage(Damage { at, what }) => writeln!(out, "  state      damaged at byte {at}: {what}"),
        }
    }
}
