//! Finds out what a journal holds, and makes a store of it.
//!
//! # Which files count
//! 1. The base of the highest generation that is whole. Without a base, the store is empty.
//! 2. The log of the base's generation, then the log that says that it continues that one, and so on.
//!
//! # What is damage, and what is a torn tail
//! Each log but the last must be whole up to where the next one says that it ended. The last log may be torn: a process
//! may have died, or the power may have failed, while it was written. That is no damage, because nothing was
//! acknowledged that was not synced before. The log itself tells what was synced (`reader.rs`). What is torn is left
//! out, and the file stays as it is. The next log says where this one ends.
//!
//! Nothing is changed here.

use std::io::Read;
use std::mem::take;
use std::path::{Path, PathBuf};

use super::folder::Files;
use super::log::{base_path, log_path};
use super::reader::{Beginning, LogReader, Next, Verdict};
use super::replay::{Replayed, replay_block};
use super::{Damage, JournalError, JournalOptions, Recovery};
use crate::hash::image::Flaw;
use crate::snapshot::{BlockReader, Disk, LoadOptions, SnapshotError};
use crate::store::Muted;
use crate::store::room::Room;
use crate::store::{Store, StoreBuilder};
use crate::tail::LogEnd;
use crate::time::{Deadline, Now};

type Result<T> = std::result::Result<T, JournalError>;

/// What a folder holds.
pub(super) struct Recovered {
    pub(super) store: Store,
    /// The room of the store. Nothing is counted while effects are done again, because the store had the room for them.
    room: Option<Room>,
    /// Those who are told nothing of what is done again.
    pub(super) muted: Muted,
    pub(super) recovery: Recovery,
    pub(super) files: Files,
    /// The number of the folder, or `None` if no journal was begun in it.
    pub(super) folder: Option<u64>,
    /// The generation of the base, or 0 if there is none.
    pub(super) base: u64,
    pub(super) base_bytes: u64,
    /// The logs in which something was begun.
    pub(super) begun: Vec<u64>,
    pub(super) log_bytes: u64,
    /// Where the last log ends, without what is torn.
    pub(super) last: LogEnd,
    /// Whether it goes on without what is damaged.
    is_lenient: bool,
}

/// A log of which the beginning was read.
struct Log {
    generation: u64,
    path: PathBuf,
    /// The log that it continues, and where that one ended.
    previous: LogEnd,
    has_entries: bool,
}

/// Reads everything in a folder. If something is damaged, and that is wanted, reads what is whole.
pub(super) fn recover<D: Disk>(
    disk: &D,
    folder: &Path,
    builder: &StoreBuilder,
    options: &JournalOptions,
) -> Result<Recovered> {
    let files = Files::list(disk, folder)?;
    let recovered = match read_whole(disk, folder, builder, &files) {
        Err(JournalError::Corrupt { .. }) if options.salvage => salvage(disk, folder, builder, &files)?,
        recovered => recovered?,
    };
    recovered.with_room()
}

/// Reads the highest base that is whole, and the logs that continue it.
fn read_whole<D: Disk>(disk: &D, folder: &Path, builder: &StoreBuilder, files: &Files) -> Result<Recovered> {
    let mut damaged: Vec<(u64, JournalError)> = Vec::new();
    // The last one is for the time before the first checkpoint.
    for base in files.bases.iter().rev().copied().chain([0]) {
        let mut recovered = Recovered::new(builder, files, base, false);
        let begun = recovered.load(disk, folder).and_then(|()| {
            let logs = recovered.read_beginnings(disk, folder)?;
            recovered.chain(folder, logs)
        });
        match begun {
            // An older base with all logs since then holds the same. The log of a base is begun before the base is
            // complete, so it is there.
            Ok(chain) if damaged.iter().all(|(base, _)| chain.iter().any(|log| log.generation == *base)) => {
                recovered.replay_all(disk, chain)?;
                return Ok(recovered);
            }
            Ok(_) => {}
            Err(error @ JournalError::Corrupt { .. }) => damaged.push((base, error)),
            Err(error) => return Err(error),
        }
    }
    Err(damaged.swap_remove(0).1)
}

/// Reads as much of the highest base as is whole, and of all logs since then.
fn salvage<D: Disk>(disk: &D, folder: &Path, builder: &StoreBuilder, files: &Files) -> Result<Recovered> {
    let base = files.bases.last().copied().unwrap_or(0);
    let mut recovered = Recovered::new(builder, files, base, true);
    if let Err(error) = recovered.load(disk, folder) {
        let len = open(disk, &base_path(folder, base))?.1;
        let offset = if let JournalError::Corrupt { offset, .. } = error { offset } else { 0 };
        recovered.give_up(error, len.saturating_sub(offset))?;
    }
    let logs = recovered.read_beginnings(disk, folder)?;
    let chain = recovered.chain(folder, logs)?;
    recovered.replay_all(disk, chain)?;
    Ok(recovered)
}

/// Loads a base into an empty store. Nothing expires meanwhile. Returns the number of its folder.
fn load(file: impl Read, len: u64, generation: u64, store: &mut Store) -> std::result::Result<u64, SnapshotError> {
    let reader = BlockReader::begin(file, Some(len))?;
    let number = match reader.origin() {
        Some(origin) if origin.generation == generation => origin.folder,
        _ => return Err(SnapshotError::corrupt(0, "the file is no base, or that of another generation")),
    };
    store.read_snapshot(reader, Some(len), &Now::frozen_at(Deadline::FIRST), LoadOptions::new())?;
    Ok(number)
}

/// Opens a file, and returns its length as well. Refuses a pipe or a device, which could make this wait for ever.
fn open<D: Disk>(disk: &D, path: &Path) -> Result<(D::Readable, u64)> {
    let opened = disk.access(path).and_then(|_| disk.open(path));
    let (file, len) = opened.map_err(|error| JournalError::io(path, error))?;
    Ok((file, len.unwrap_or(0)))
}

const MISSING: &str = "the file is missing";

fn missing(file: PathBuf) -> JournalError {
    JournalError::Corrupt { file, offset: 0, what: MISSING }
}

impl Recovered {
    fn new(builder: &StoreBuilder, files: &Files, base: u64, is_lenient: bool) -> Self {
        let mut store = builder.clone().build();
        Self {
            room: store.room.take(),
            muted: store.mute(),
            store,
            recovery: Recovery::default(),
            files: files.clone(),
            folder: None,
            base,
            base_bytes: 0,
            begun: Vec::new(),
            log_bytes: 0,
            last: LogEnd::default(),
            is_lenient,
        }
    }

    /// Loads the base, if there is one.
    fn load<D: Disk>(&mut self, disk: &D, folder: &Path) -> Result<()> {
        if self.base > 0 {
            let path = base_path(folder, self.base);
            let (file, len) = open(disk, &path)?;
            let loaded = load(file, len, self.base, &mut self.store);
            let number = loaded.map_err(|error| JournalError::of_base(&path, error))?;
            (self.folder, self.base_bytes, self.recovery.base) = (Some(number), len, Some(path));
        }
        Ok(())
    }

    /// Reads the beginnings of all logs since the base.
    fn read_beginnings<D: Disk>(&mut self, disk: &D, folder: &Path) -> Result<Vec<Log>> {
        let mut logs = Vec::new();
        let since = self.files.logs.iter().copied().filter(|generation| *generation >= self.base);
        for generation in since.collect::<Vec<_>>() {
            let path = log_path(folder, generation);
            let (file, len) = open(disk, &path)?;
            match LogReader::begin(file, len, generation) {
                Ok(Beginning::Nothing) => {}
                Ok(Beginning::Log(reader)) => {
                    self.begun.push(generation);
                    let number = reader.origin.folder;
                    if *self.folder.get_or_insert(number) == number {
                        let has_entries = reader.left() > 0;
                        logs.push(Log { generation, path, previous: reader.previous, has_entries });
                    } else {
                        let what = "the log belongs to another folder";
                        self.give_up(JournalError::Corrupt { file: path, offset: 0, what }, len)?;
                    }
                }
                Err(flaw) => {
                    self.begun.push(generation);
                    self.give_up(JournalError::of_log(&path, flaw), len)?;
                }
            }
        }
        Ok(logs)
    }

    /// The logs that continue the base, each one the log before it.
    fn chain(&mut self, folder: &Path, mut logs: Vec<Log>) -> Result<Vec<Log>> {
        let base = self.base;
        // A log that continues nothing but its own base. It takes no entries before the base is complete.
        let needs_base = |log: &Log| log.generation != base && log.previous.generation == log.generation;
        for log in logs.iter().filter(|log| needs_base(log) && log.has_entries) {
            self.give_up(missing(base_path(folder, log.generation)), 0)?;
        }
        logs.retain(|log| !needs_base(log));
        let mut chain: Vec<Log> = Vec::new();
        if base > 0 {
            match logs.iter().position(|log| log.generation == base) {
                Some(at) => chain.push(logs.remove(at)),
                None => self.give_up(missing(log_path(folder, base)), 0)?,
            }
        }
        let mut last = base;
        while !logs.is_empty() {
            // What continues a missing log is the best that is left. That is given up below.
            let next = logs.iter().position(|log| log.previous.generation == last).unwrap_or(0);
            let log = logs.remove(next);
            let previous = log.previous.generation;
            if previous != last {
                let path = if previous == 0 { base_path(folder, last) } else { log_path(folder, previous) };
                self.give_up(missing(path), 0)?;
            }
            last = log.generation;
            chain.push(log);
        }
        Ok(chain)
    }

    fn replay_all<D: Disk>(&mut self, disk: &D, chain: Vec<Log>) -> Result<()> {
        let mut next = chain.iter().skip(1).map(|log| log.previous).collect::<Vec<_>>().into_iter();
        chain.into_iter().try_for_each(|log| {
            let generation = log.generation;
            self.replay(disk, log, next.next().filter(|end| end.generation == generation))
        })
    }

    /// Does a log again, up to where the next one says that it ended.
    fn replay<D: Disk>(&mut self, disk: &D, log: Log, end: Option<LogEnd>) -> Result<()> {
        let Log { generation, path, .. } = log;
        let (file, len) = open(disk, &path)?;
        let beginning = LogReader::begin(file, len, generation).map_err(|flaw| JournalError::of_log(&path, flaw))?;
        let Beginning::Log(mut reader) = beginning else { return Err(missing(path)) };
        let mut replayed = Replayed::default();
        let corrupt = |offset, what| JournalError::Corrupt { file: path.clone(), offset, what };
        let io = |error| JournalError::io(&path, error);
        let mut whole = reader.end();
        while end.is_none_or(|end| reader.end().bytes < end.bytes) {
            let at = reader.end();
            match reader.next().map_err(io)? {
                Next::Entries(block) => {
                    match replay_block(&mut self.store, block, &mut replayed) {
                        Ok(()) => {}
                        Err(Flaw::Corrupt(what)) => self.give_up(corrupt(at.bytes, what), block.len() as u64)?,
                        Err(Flaw::TooLarge(error)) => return Err(JournalError::TooLarge { file: path, error }),
                    }
                    whole = reader.end();
                }
                Next::End => break,
                Next::Damage => {
                    let left = reader.left();
                    let behind = reader.look_behind().map_err(io)?;
                    let what = match behind.verdict {
                        Verdict::Torn if end.is_none() => {
                            self.recovery.bytes_cut = left;
                            break;
                        }
                        Verdict::Torn | Verdict::Synced => {
                            "the block does not match its checksum, and was acknowledged"
                        }
                        Verdict::Unclear => "the log is damaged, and too much behind it looks like blocks",
                    };
                    let goes_on = reader.resume(behind);
                    let lost = if goes_on { reader.end().bytes.saturating_sub(at.bytes) } else { left };
                    self.give_up(corrupt(at.bytes, what), lost)?;
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        if end.is_some_and(|end| end != whole) {
            let what = "the log does not end where the next one says";
            // What is missing was told already if it is damaged.
            if self.recovery.damage.iter().all(|damage| damage.file != path) {
                self.give_up(corrupt(whole.bytes, what), 0)?;
            }
        }
        self.recovery.logs.push(path);
        self.recovery.entries += replayed.entries.saturating_sub(replayed.is_closed.into());
        self.recovery.was_closed = replayed.is_closed;
        self.log_bytes += whole.bytes;
        self.last = whole;
        Ok(())
    }

    /// Goes on without what is damaged, if that is wanted.
    fn give_up(&mut self, error: JournalError, bytes: u64) -> Result<()> {
        match error {
            // It was told already why the file is not read.
            JournalError::Corrupt { file, what: MISSING, .. }
                if self.is_lenient && self.recovery.damage.iter().any(|damage| damage.file == file) =>
            {
                Ok(())
            }
            JournalError::Corrupt { file, offset, what } if self.is_lenient => {
                self.recovery.damage.push(Damage { file, offset, bytes, what });
                Ok(())
            }
            error => Err(error),
        }
    }

    /// Counts what was read against the limit of the store.
    fn with_room(mut self) -> Result<Self> {
        let path = self.recovery.logs.last().or(self.recovery.base.as_ref()).cloned().unwrap_or_default();
        self.store.room = self.room.take();
        self.store.take_room().map_err(|error| JournalError::of_base(&path, error))?;
        Ok(self)
    }

    /// What is told to the user.
    pub(super) fn take_recovery(&mut self) -> Recovery {
        take(&mut self.recovery)
    }
}
