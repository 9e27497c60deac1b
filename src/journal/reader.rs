//! Reads one log block by block, and judges what is damaged. Every byte may be wrong, so everything is checked before it
//! is used.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::arithmetic_side_effects)]

use std::io::{self, BufReader, Cursor, Read};

use super::log::{LOG_BEGINNING, LOG_HEAD, LOG_MAGIC, LOG_VERSION, PREVIOUS, log_block_crc, log_head, log_seed};
use crate::hash::image::{Flaw, Input};
use crate::snapshot::Origin;
use crate::tail::{LOG_BLOCK_HEAD, LogEnd};

/// A log of which the beginning was read.
pub(super) struct LogReader {
    input: Box<dyn Read>,
    /// The length of the file.
    len: u64,
    pub(super) origin: Origin,
    seed: u32,
    /// The log that this one continues, and where that one ended.
    pub(super) previous: LogEnd,
    /// Where the part ends that was read.
    end: LogEnd,
    entries: Vec<u8>,
}

/// How a log begins.
pub(super) enum Beginning {
    Log(LogReader),
    /// Nothing was acknowledged in it. A new file is empty, and a loss of power may leave a part of its beginning.
    Nothing,
}

/// Why a log cannot be read.
#[derive(Debug)]
pub(super) enum LogFlaw {
    Io(io::Error),
    UnsupportedVersion { version: u16, flags: u16 },
    Corrupt { offset: u64, what: &'static str },
}

impl From<io::Error> for LogFlaw {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What comes next in a log.
pub(super) enum Next<'a> {
    /// The entries of a block.
    Entries(&'a [u8]),
    /// The file ends here.
    End,
    /// Here is something that is no block of this log.
    Damage,
}

impl LogReader {
    /// Reads the beginning of the log of a generation, in a file of this length.
    pub(super) fn begin(input: impl Read + 'static, len: u64, generation: u64) -> Result<Beginning, LogFlaw> {
        let mut input: Box<dyn Read> = Box::new(BufReader::with_capacity(READ_BYTES.min(len) as usize, input));
        let mut read = Vec::new();
        input.by_ref().take(LOG_BEGINNING as u64).read_to_end(&mut read)?;
        // The beginning was synced before anything else was written. So if there is more, the beginning was whole.
        let is_begun = len > LOG_BEGINNING as u64;
        match parse(&read) {
            Ok((origin, previous)) if origin.generation == generation => {
                let end = LogEnd { generation, blocks: 1, bytes: LOG_BEGINNING as u64 };
                let seed = log_seed(origin);
                Ok(Beginning::Log(Self { input, len, origin, seed, previous, end, entries: Vec::new() }))
            }
            Ok(_) => Err(LogFlaw::Corrupt { offset: 0, what: "the log has the name of another one" }),
            Err(LogFlaw::Corrupt { .. }) if !is_begun => Ok(Beginning::Nothing),
            Err(flaw) => Err(flaw),
        }
    }

    /// Where the part ends that was read.
    pub(super) fn end(&self) -> LogEnd {
        self.end
    }

    /// Bytes behind the part that was read.
    pub(super) fn left(&self) -> u64 {
        self.len.saturating_sub(self.end.bytes)
    }

    /// Reads the next block. After [`Next::Damage`] only [`look_behind`](Self::look_behind) may be called.
    pub(super) fn next(&mut self) -> io::Result<Next<'_>> {
        self.entries.clear();
        let (input, entries) = (&mut self.input, &mut self.entries);
        input.take(LOG_BLOCK_HEAD as u64).read_to_end(entries)?;
        if entries.is_empty() {
            return Ok(Next::End);
        }
        let Ok(head) = BlockHead::read(entries) else { return Ok(Next::Damage) };
        let left = self.len.saturating_sub(self.end.bytes).saturating_sub(LOG_BLOCK_HEAD as u64);
        if u64::from(head.length) > left || head.sequence != self.end.blocks || head.synced > self.end.bytes {
            return Ok(Next::Damage);
        }
        entries.try_reserve_exact(head.length as usize).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        input.take(head.length.into()).read_to_end(entries)?;
        let Some((numbers, entries)) = head.check(self.seed, entries) else { return Ok(Next::Damage) };
        let bytes = numbers.saturating_add(entries.len());
        self.end.bytes = self.end.bytes.saturating_add(bytes as u64);
        self.end.blocks = self.end.blocks.saturating_add(1);
        Ok(Next::Entries(entries))
    }

    /// Looks for whole blocks behind the damage that [`next`](Self::next) has met. Reads the rest of the file.
    pub(super) fn look_behind(&mut self) -> io::Result<Behind> {
        // What was read of the damaged block comes first.
        let mut rest = std::mem::take(&mut self.entries);
        self.input.read_to_end(&mut rest)?;
        let start = self.end.bytes;
        let mut work = rest.len().saturating_mul(WORK_PER_BYTE);
        let (mut at, mut next, mut verdict) = (0_usize, None, Verdict::Torn);
        while let Some(bytes) = rest.get(at..)
            && let Ok(head) = BlockHead::read(bytes)
        {
            let offset = start.saturating_add(at as u64);
            let blocks_between = head.sequence.checked_sub(self.end.blocks);
            let is_possible = blocks_between.is_some_and(|between| between <= at as u64) && head.synced <= offset;
            let mut step = 1;
            if is_possible && let Some(block) = bytes.get(..LOG_BLOCK_HEAD.saturating_add(head.length as usize)) {
                match work.checked_sub(block.len()) {
                    Some(left) => work = left,
                    None => {
                        verdict = Verdict::Unclear;
                        break;
                    }
                }
                if head.check(self.seed, block).is_some() {
                    next.get_or_insert((at, offset, head.sequence));
                    if head.synced > start {
                        verdict = Verdict::Synced;
                        break;
                    }
                    step = block.len();
                }
            }
            at = at.saturating_add(step);
        }
        let next = next.map(|(at, bytes, blocks)| (rest.split_off(at), LogEnd { bytes, blocks, ..self.end }));
        Ok(Behind { verdict, next })
    }

    /// Goes on with the first whole block behind the damage, and returns whether there is one.
    pub(super) fn resume(&mut self, behind: Behind) -> bool {
        let Some((bytes, end)) = behind.next else { return false };
        self.input = Box::new(Cursor::new(bytes));
        self.end = end;
        true
    }
}

/// What lies behind a damage.
pub(super) struct Behind {
    pub(super) verdict: Verdict,
    /// The first whole block and everything behind it, and where it begins.
    next: Option<(Vec<u8>, LogEnd)>,
}

/// Whether what is damaged had been synced. Each block says how far the log was synced before it, so a block behind the
/// damage may tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing tells that it had been.
    Torn,
    Synced,
    /// Too much behind the damage looks like blocks.
    Unclear,
}

/// The most bytes that are read from a file at a time.
const READ_BYTES: u64 = 256 << 10;

/// The most bytes of which a checksum is computed for each byte behind a damage. Values of users can look like heads of
/// blocks, and must not make this take for ever.
const WORK_PER_BYTE: usize = 16;

/// The numbers in the head of a block.
struct BlockHead {
    length: u32,
    sequence: u64,
    synced: u64,
    crc: u32,
}

impl BlockHead {
    fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        let mut input = Input::new(bytes);
        Ok(Self { length: input.u32()?, sequence: input.u64()?, synced: input.u64()?, crc: input.u32()? })
    }

    /// Returns the length of the head, and the entries, if the block is whole and matches its checksum.
    fn check<'a>(&self, seed: u32, block: &'a [u8]) -> Option<(usize, &'a [u8])> {
        let (head, entries) = block.split_at_checked(LOG_BLOCK_HEAD)?;
        let [numbers @ .., _, _, _, _] = head else { return None };
        let is_whole = entries.len() == self.length as usize && log_block_crc(seed, numbers, entries) == self.crc;
        is_whole.then_some((LOG_BLOCK_HEAD, entries))
    }
}

/// Reads the head of a log and its first block.
fn parse(beginning: &[u8]) -> Result<(Origin, LogEnd), LogFlaw> {
    let corrupt = |what| LogFlaw::Corrupt { offset: 0, what };
    let damaged = |_: Flaw| corrupt("the beginning of the log is damaged");
    let mut input = Input::new(beginning);
    if input.array() != Ok(LOG_MAGIC) {
        return Err(corrupt("the file does not begin as a log does"));
    }
    let mut numbers = || Ok((u16::from_le_bytes(input.array()?), u16::from_le_bytes(input.array()?)));
    let (version, flags) = numbers().map_err(damaged)?;
    if (version, flags) != (LOG_VERSION, 0) {
        return Err(LogFlaw::UnsupportedVersion { version, flags });
    }
    let mut origin = || Ok(Origin { folder: input.u64()?, generation: input.u64()? });
    let origin = origin().map_err(damaged)?;
    let (head, block) = beginning.split_at_checked(LOG_HEAD).ok_or(corrupt("the beginning of the log is cut off"))?;
    if head != log_head(origin) {
        return Err(corrupt("the head of the log does not match its checksum"));
    }
    let head = BlockHead::read(block).map_err(damaged)?;
    let (_, entry) = head
        .check(log_seed(origin), block)
        .filter(|_| head.sequence == 0)
        .ok_or(corrupt("the first block of the log does not match its checksum"))?;
    let mut input = Input::new(entry);
    let mut previous = || {
        let (_, kind) = (input.varint()?, input.u8()?);
        let previous = LogEnd { generation: input.u64()?, blocks: input.u64()?, bytes: input.u64()? };
        Ok((kind, previous))
    };
    match previous() {
        Ok((PREVIOUS, previous)) => Ok((origin, previous)),
        Ok(_) => Err(corrupt("the log does not say what it continues")),
        Err(flaw) => Err(damaged(flaw)),
    }
}
