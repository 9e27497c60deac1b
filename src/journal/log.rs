//! Writes one log. `snapshot/format.rs` draws its bytes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::hash::push_varint;
use crate::process::Process;
use crate::snapshot::{Disk, Origin, SnapshotError};
use crate::tail::{LOG_BLOCK_HEAD, LogEnd, LogFile};

pub(super) const LOG_MAGIC: [u8; 8] = *b"\x89hashlog";
pub(super) const LOG_VERSION: u16 = 1;
pub(super) const LOG_HEAD: usize = 32;
/// The kind of the only effect in the first block of a log.
pub(super) const PREVIOUS: u8 = 10;
/// The kind of the only effect in the last block of a log that was closed.
pub(super) const CLOSED: u8 = 11;
/// The bytes of an entry that says which log comes before, with its length.
pub(super) const PREVIOUS_ENTRY: usize = 2 + 3 * size_of::<u64>();
/// The bytes of a log without entries: its head and its first block. They are synced before anything else is written.
pub(super) const LOG_BEGINNING: usize = LOG_HEAD + LOG_BLOCK_HEAD + PREVIOUS_ENTRY;

const BLOCK_CRC_AT: usize = LOG_BLOCK_HEAD - size_of::<u32>();
/// The most bytes that are written at a time, because the system may hold other calls up for as long as one write takes.
const WRITE_MAX: usize = 1 << 20;

/// The head of a log.
pub(super) fn log_head(origin: Origin) -> [u8; LOG_HEAD] {
    let mut head = [0; LOG_HEAD];
    let (before, crc) = head.split_at_mut(LOG_HEAD - size_of::<u32>());
    before[..8].copy_from_slice(&LOG_MAGIC);
    before[8..10].copy_from_slice(&LOG_VERSION.to_le_bytes()); // and no flags
    before[12..20].copy_from_slice(&origin.folder.to_le_bytes());
    before[20..].copy_from_slice(&origin.generation.to_le_bytes());
    crc.copy_from_slice(&crc32c::crc32c(before).to_le_bytes());
    head
}

/// With what the checksums of a log's blocks begin, so that no block of another log is taken for one of this log.
pub(super) fn log_seed(origin: Origin) -> u32 {
    let folder = crc32c::crc32c(&origin.folder.to_le_bytes());
    crc32c::crc32c_append(folder, &origin.generation.to_le_bytes())
}

/// The checksum of a block: over the three numbers in front of it, and the entries behind it.
pub(super) fn log_block_crc(seed: u32, numbers: &[u8], entries: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(seed, numbers), entries)
}

/// A log file that is being written. In a forked child it writes nothing, because the child shares the file with its
/// parent.
pub(super) struct LogWriter<D: Disk> {
    disk: D,
    file: D::File,
    seed: u32,
    end: LogEnd,
    /// The part of the log that is known to outlast a loss of power.
    synced: u64,
    process: Process,
}

impl<D: Disk> LogWriter<D> {
    /// Begins a log that continues another one, in a new file. Returns when the beginning outlasts a loss of power, if
    /// the file's name does.
    pub(super) fn begin(disk: D, file: D::File, origin: Origin, previous: LogEnd) -> io::Result<Self> {
        let end = LogEnd { generation: origin.generation, ..LogEnd::default() };
        let mut log = Self { disk, file, seed: log_seed(origin), end, synced: 0, process: Process::current() };
        let mut entry = vec![PREVIOUS];
        for number in [previous.generation, previous.blocks, previous.bytes] {
            entry.extend_from_slice(&number.to_le_bytes());
        }
        let mut beginning = log_head(origin).to_vec();
        log.end.bytes = LOG_HEAD as u64;
        let mut block = block_of(&entry);
        log.seal(&mut block)?;
        beginning.extend_from_slice(&block);
        debug_assert_eq!(beginning.len(), LOG_BEGINNING);
        log.write_all(&beginning)?;
        log.end.bytes = beginning.len() as u64;
        log.end.blocks = 1;
        log.sync()?;
        Ok(log)
    }

    /// Writes the head of a block in front of its entries.
    fn seal(&self, block: &mut [u8]) -> io::Result<()> {
        let too_long = |_| io::Error::new(io::ErrorKind::FileTooLarge, "one call has changed more than 4 GiB");
        let (head, entries) = block.split_at_mut(LOG_BLOCK_HEAD);
        head[..4].copy_from_slice(&u32::try_from(entries.len()).map_err(too_long)?.to_le_bytes());
        head[4..12].copy_from_slice(&self.end.blocks.to_le_bytes());
        head[12..20].copy_from_slice(&self.synced.to_le_bytes());
        let crc = log_block_crc(self.seed, &head[..BLOCK_CRC_AT], entries);
        head[BLOCK_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        Ok(())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.refuse_in_a_forked_child()?;
        bytes.chunks(WRITE_MAX).try_for_each(|piece| self.file.write_all(piece))
    }

    fn refuse_in_a_forked_child(&self) -> io::Result<()> {
        if self.process.is_current() { Ok(()) } else { Err(io::Error::other(SnapshotError::Forked)) }
    }
}

/// Writes that the log was closed, and syncs it. Everything before is synced already.
pub(super) fn mark_closed(log: &mut dyn LogFile) -> io::Result<()> {
    log.write(&mut [block_of(&[CLOSED])])?;
    log.sync()
}

impl<D: Disk + Send> LogFile for LogWriter<D>
where
    D::File: Send,
{
    fn write(&mut self, blocks: &mut [Vec<u8>]) -> io::Result<()> {
        for block in blocks {
            self.seal(block)?;
            self.write_all(block)?;
            self.end.bytes += block.len() as u64;
            self.end.blocks += 1;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        LogWriter::sync(self)
    }

    fn end(&self) -> LogEnd {
        self.end
    }
}

impl<D: Disk> LogWriter<D> {
    fn sync(&mut self) -> io::Result<()> {
        self.refuse_in_a_forked_child()?;
        self.disk.sync_data(&self.file)?;
        self.synced = self.end.bytes;
        Ok(())
    }
}

/// A block with one entry, without its head.
pub(super) fn block_of(entry: &[u8]) -> Vec<u8> {
    let mut block = vec![0; LOG_BLOCK_HEAD];
    push_varint(&mut block, entry.len());
    block.extend_from_slice(entry);
    block
}

/// The file of a generation in a journal's folder.
pub(super) fn log_path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("log-{generation}"))
}

/// The snapshot with which a generation begins.
pub(super) fn base_path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("base-{generation}"))
}
