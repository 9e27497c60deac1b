//! Checkpoints: a new base, and the log that continues it. `tail.rs` explains the cut between the two.
//!
//! ```text
//! checkpoint                                   healing, after a failure
//! ------------------------------------------   ------------------------------------------
//! create log 8 (done ahead of time)            create log 8
//!                                              begin log 8: it continues base 8 alone
//! the epoch changes: the instant of base 8     the epoch changes: the instant of base 8
//! end log 7: write, sync
//! begin log 8: it continues log 7
//! write base 8 as a temporary, sync            write base 8 as a temporary, sync
//! rename it, sync the folder                   rename it, sync the folder
//!                                              log 8 takes entries
//! remove base 7 and log 7                      remove base 7 and log 7
//! ```
//! If a checkpoint fails after the cut, log 8 goes on as the log after log 7, and the next checkpoint is for base 9.

use std::io::{self, Write};
use std::sync::Arc;

use super::log::{LogWriter, base_path, log_path};
use super::{Journal, JournalError};
use crate::saving::{Mark, SaveTurn, Saving};
use crate::snapshot::{Cut, Disk, Origin, Pen, SaveOptions, SaveReport, SnapshotError, Temporary, temporary_beside};
use crate::tail::{LogEnd, LogFile, Unlogged};

/// Bytes of a base that are written between two syncs. One sync of everything would hold up the syncs of the log.
const SYNC_BYTES: usize = 8 << 20;

impl<D: Disk + Clone + Send + 'static> Journal<D>
where
    D::File: Send + 'static,
{
    /// Makes a checkpoint. If the journal has failed, that heals it.
    ///
    /// # Errors
    /// `Busy` if the store is being saved. `Closed` after the end. Otherwise what has failed.
    pub(crate) fn checkpoint(&self) -> Result<SaveReport, JournalError> {
        let turn = self.store.save_turn().map_err(|error| JournalError::of_base(&self.folder, error))?;
        let result = self.checkpoint_in_turn(&turn);
        self.files.lock().checkpoint_failure = result.as_ref().err().cloned();
        result
    }

    fn checkpoint_in_turn(&self, turn: &SaveTurn<'_>) -> Result<SaveReport, JournalError> {
        let status = self.tail.status();
        if status.is_closed {
            return Err(JournalError::Closed);
        }
        self.check_lock()?;
        let (generation, file) = self.take_next_log()?;
        let origin = Origin { folder: self.number, generation };
        let next = if status.failure.is_some() {
            let itself = LogEnd { generation, ..LogEnd::default() };
            let log = LogWriter::begin(self.disk.clone(), file, origin, itself);
            NextLog::OfHealing(Box::new(
                log.map_err(|error| JournalError::io(&log_path(&self.folder, generation), error))?,
            ))
        } else {
            NextLog::NotBegun(file)
        };
        let mut cut = LogCut { journal: self, origin, next };
        let written = self.write_base(turn, origin, &mut cut);
        match (written, cut.next) {
            (Ok(report), next) => {
                if let NextLog::OfHealing(log) = next {
                    self.tail.heal(log);
                }
                self.has_new_base(generation, report.bytes);
                Ok(report)
            }
            (Err(error), NextLog::OfHealing(_)) => {
                self.tail.fail_to_heal(Arc::new(io::Error::other(error.clone())));
                Err(error)
            }
            (Err(error), _) => Err(self.tail.status().failure.map_or(error, |error| JournalError::Failed { error })),
        }
    }

    /// Writes a base, and gives it its name.
    fn write_base(
        &self,
        turn: &SaveTurn<'_>,
        origin: Origin,
        cut: &mut LogCut<'_, D>,
    ) -> Result<SaveReport, JournalError> {
        let path = base_path(&self.folder, origin.generation);
        let io = |error| JournalError::io(&path, error);
        let temporary = path.with_file_name(temporary_beside(path.file_name().unwrap_or_default()));
        let (temporary, pen) = Temporary::create(&self.disk, temporary, false).map_err(io)?;
        let mut out = SyncingPen { disk: &self.disk, pen, unsynced: 0 };
        let written = self.store.write_cutting(&mut out, turn, SaveOptions::new(), Some(origin), cut);
        let report = written.map_err(|error| JournalError::of_base(&path, error))?;
        self.disk.sync(&out.pen.file).map_err(io)?;
        self.check_lock()?;
        temporary.rename(out.pen, &path).map_err(io)?;
        self.disk.sync_folder(&self.folder).map_err(|error| JournalError::io(&self.folder, error))?;
        Ok(report)
    }
}

/// The instant of a checkpoint, which cuts the log.
struct LogCut<'j, D: Disk> {
    journal: &'j Journal<D>,
    origin: Origin,
    next: NextLog<D>,
}

/// The log that continues the new base.
enum NextLog<D: Disk> {
    NotBegun(D::File),
    /// It takes entries once the base is durable.
    OfHealing(Box<dyn LogFile>),
    /// The tail has it.
    Begun,
}

impl<D: Disk + Clone + Send + 'static> Cut for LogCut<'_, D>
where
    D::File: Send + 'static,
{
    fn change_epoch(&mut self, saving: &Saving, block_bytes: usize) -> Mark {
        let (tail, generation) = (&self.journal.tail, self.origin.generation);
        match self.next {
            NextLog::OfHealing(_) => tail.begin_healing(generation),
            _ => tail.begin_cut(generation),
        }
        saving.begin_with_other_log(block_bytes)
    }

    fn end(&mut self) -> Result<(), SnapshotError> {
        let Self { journal, origin, next } = self;
        let file = match std::mem::replace(next, NextLog::Begun) {
            NextLog::NotBegun(file) => file,
            other => {
                *next = other;
                return Ok(());
            }
        };
        // A call of the old epoch has read it under its last lock, and keeps its locks until it has appended.
        journal.store.shards.iter().for_each(|shard| drop(shard.read()));
        let cut = journal.tail.cut(|end| {
            let log = LogWriter::begin(journal.disk.clone(), file, *origin, end)?;
            let mut files = journal.files.lock();
            files.bytes_before += end.bytes;
            files.logs += 1;
            Ok(Box::new(log))
        });
        cut.map_err(|Unlogged| SnapshotError::Io(io::Error::other("the journal has failed")))
    }
}

/// The writer of a base, which syncs it again and again.
struct SyncingPen<'d, D: Disk> {
    disk: &'d D,
    pen: Pen<D::File>,
    unsynced: usize,
}

impl<D: Disk> Write for SyncingPen<'_, D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.pen.write(bytes)?;
        self.unsynced += written;
        if self.unsynced >= SYNC_BYTES {
            self.unsynced = 0;
            self.disk.sync_data(&self.pen.file)?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pen.flush()
    }
}
