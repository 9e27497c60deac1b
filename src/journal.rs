//! The journal: a log of what calls have done, in a folder, so that it outlasts a crash.
//!
//! - `tail.rs` explains how calls append to the log, how they wait for the disk, and what happens when it fails.
//! - `snapshot/format.rs` draws the bytes. `log.rs` writes a log, and `reader.rs` reads one.
//! - `folder.rs` names the files. `recovery.rs` finds out which of them count, and `replay.rs` does their entries again.
//! - `checkpoint.rs` writes a new base, and begins a new log.
//! - `durable.rs` is what users see. `worker.rs` is its thread.
//!
//! # Promises
//! 1. After any crash, the store is as after a prefix of all calls, in an order that agrees with real time. A call on
//!    several keys is in it as a whole or not at all.
//! 2. That prefix has every call for which the level of durability, or a sync that has returned, promises it.
//! 3. Acknowledged data that was damaged on the disk is refused by name, and never left out silently. There is one
//!    limit: nothing tells where the last log ended. So damage in its last synced block, a cut or zeros at its end, and
//!    its loss as a whole look like a crash.
//! 4. Nobody waits for a disk while holding a lock. Reads never wait.
//! 5. No file is written after it was opened again, and none is shortened. Opening a journal begins a new log.
//!
//! Rejected:
//! - A log of commands. Closures cannot be written down, and commands depend on the clock.
//! - A log for each shard. There would be no prefix over all shards, and they could not share a sync.
//! - A list of the files in a file of its own. The names tell which files count, and a rename is the commit.

mod checkpoint;
mod durable;
mod error;
mod folder;
mod log;
mod options;
mod reader;
mod recovery;
mod replay;
#[cfg(test)]
mod tests;
mod worker;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::durable::Durable;
pub use self::error::JournalError;
use self::folder::Files;
use self::log::{LOG_BEGINNING, LogWriter, log_path};
pub use self::options::{Damage, Durability, JournalOptions, JournalStatus, OnFailure, Recovery};
use self::recovery::{Recovered, recover};
use crate::snapshot::{Disk, Origin, SnapshotError, random_number};
use crate::store::{Store, StoreBuilder};
use crate::sync::{Mutex, lock_unless_forked, thread};
use crate::tail::{Failing, LogEnd, LogFile, Reached, Tail, Unlogged};

type Result<T> = std::result::Result<T, JournalError>;

/// A checkpoint comes at the latest when the logs have so many bytes, whatever the size of the base.
const MOST_LOG_BYTES: u64 = 16 << 30;
/// The same for the number of logs. Each opening begins one.
const MOST_LOGS: u64 = 16;

/// An open journal.
pub(crate) struct Journal<D: Disk> {
    disk: D,
    /// The folder, as an absolute path.
    folder: PathBuf,
    /// The folder's number, which all of its files have.
    number: u64,
    lock: D::Lock,
    pub(crate) store: Arc<Store>,
    pub(crate) tail: Arc<Tail>,
    files: Mutex<JournalFiles<D>>,
    options: JournalOptions,
}

/// What is known of the files.
struct JournalFiles<D: Disk> {
    /// The next generation that nobody has tried to begin.
    next_generation: u64,
    /// The next log, if its file was created ahead of time.
    next_log: Option<(u64, D::File)>,
    base_bytes: u64,
    /// Bytes of the logs since the base, without the one that is written to.
    bytes_before: u64,
    /// The number of logs since the base.
    logs: u64,
    /// Whether the files before the next base are damaged, and are therefore kept.
    is_damaged: bool,
    checkpoint_failure: Option<JournalError>,
}

impl<D: Disk + Clone + Send + 'static> Journal<D>
where
    D::File: Send + 'static,
{
    /// Opens the journal in a folder, or begins one there.
    pub(crate) fn open(
        disk: D,
        folder: &Path,
        builder: &StoreBuilder,
        options: JournalOptions,
    ) -> Result<(Self, Recovery)> {
        let begin = Instant::now();
        let at_folder = |error| JournalError::io(folder, error);
        let path = disk.absolute(folder).map_err(at_folder)?;
        disk.create_folder(&path).map_err(at_folder)?;
        let lock = lock(&disk, &path)?;
        let mut recovered = recover(&disk, &path, builder, &options)?;
        let mut recovery = recovered.take_recovery();
        let Recovered { mut store, muted, files, base, base_bytes, begun, log_bytes, last, .. } = recovered;
        let number = recovered.folder.unwrap_or_else(random_number);
        let is_damaged = !recovery.damage.is_empty();
        let generation = files.next_generation();
        let file = create_log(&disk, &path, generation)?;
        if !is_damaged {
            // The names that count are safe by now.
            files.remove_dead(&disk, &path, base, |generation| !begun.contains(&generation));
            if last.blocks > 0 {
                // The process that wrote it may have died before it was synced. From now on it counts.
                let ended = log_path(&path, last.generation);
                disk.sync_at(&ended).map_err(|error| JournalError::io(&ended, error))?;
            }
        }
        // What was salvaged is not continued. It gets a new base at once, and until then this log counts for nothing.
        let previous = if is_damaged { LogEnd { generation, ..LogEnd::default() } } else { last };
        let log = LogWriter::begin(disk.clone(), file, Origin { folder: number, generation }, previous);
        let log = log.map_err(|error| JournalError::io(&log_path(&path, generation), error))?;
        let (promise, failing) = (options.promise(), options.failing());
        let tail = Arc::new(Tail::new(Box::new(log), promise, options.max_waiting, failing));
        store.attach(Arc::clone(&tail), muted);
        let files = JournalFiles {
            next_generation: generation + 1,
            next_log: None,
            base_bytes,
            bytes_before: log_bytes,
            logs: recovery.logs.len() as u64 + 1,
            is_damaged,
            checkpoint_failure: None,
        };
        let journal =
            Self { disk, folder: path, number, lock, store: Arc::new(store), tail, files: Mutex::new(files), options };
        if is_damaged {
            journal.checkpoint()?;
        }
        journal.create_next_log();
        recovery.duration = begin.elapsed();
        Ok((journal, recovery))
    }

    /// Fails if somebody else may have the journal open by now, because the lock file was removed.
    fn check_lock(&self) -> Result<()> {
        let is_ours = self.disk.is_lock_at(&self.lock, &self.folder.join(LOCK));
        let is_ours = is_ours.map_err(|error| JournalError::io(&self.folder, error))?;
        if is_ours { Ok(()) } else { Err(JournalError::Locked { folder: self.folder.clone() }) }
    }

    /// Creates the file of the next log ahead of time, so that a checkpoint does not wait for it. If that fails, the
    /// checkpoint tries it again, and tells of it.
    pub(crate) fn create_next_log(&self) {
        if self.files.lock().next_log.is_none()
            && let Ok(next) = self.create_log()
        {
            self.files.lock().next_log.get_or_insert(next);
        }
    }

    /// The generation and the file of the next log. No generation is used twice.
    fn take_next_log(&self) -> Result<(u64, D::File)> {
        let next = self.files.lock().next_log.take();
        next.map_or_else(|| self.create_log(), Ok)
    }

    fn create_log(&self) -> Result<(u64, D::File)> {
        let mut files = self.files.lock();
        let generation = files.next_generation;
        files.next_generation += 1;
        drop(files); // the thread of the journal must not wait for the disk because of this
        Ok((generation, create_log(&self.disk, &self.folder, generation)?))
    }

    /// A new base is durable, so nothing before it is needed.
    fn has_new_base(&self, generation: u64, bytes: u64) {
        let mut files = self.files.lock();
        (files.base_bytes, files.bytes_before, files.logs) = (bytes, 0, 1);
        let was_damaged = std::mem::take(&mut files.is_damaged);
        drop(files);
        if let Ok(there) = Files::list(&self.disk, &self.folder) {
            if was_damaged {
                there.set_aside(&self.disk, &self.folder, generation);
            } else {
                there.remove_dead(&self.disk, &self.folder, generation, |_| false);
            }
        }
    }

    /// Whether the logs are so long that a checkpoint should be made.
    fn is_checkpoint_due(&self) -> bool {
        let end = self.tail.status().end;
        let files = self.files.lock();
        let log_bytes = (end.bytes + files.bytes_before).saturating_sub(LOG_BEGINNING as u64);
        let share = (files.base_bytes as f64 * self.options.checkpoint_ratio) as u64;
        let wanted = self.options.checkpoint_bytes.max(share);
        let is_long = log_bytes > MOST_LOG_BYTES || files.logs > MOST_LOGS;
        log_bytes > wanted || (is_long && self.options.checkpoint_bytes < u64::MAX)
    }

    /// Returns when everything that calls have done so far outlasts a loss of power.
    pub(crate) fn sync(&self) -> Result<()> {
        self.tail.wait(self.tail.appended(), Reached::Synced).map_err(|Unlogged| failure(&self.tail))
    }

    /// Writes and syncs everything, and closes the journal. `marks` says whether the log gets a mark that it was closed.
    pub(crate) fn close(&self, marks: bool) -> Result<()> {
        let healed = loop {
            if self.tail.status().failure.is_none() {
                break Ok(());
            }
            match self.checkpoint() {
                Err(JournalError::Busy) => thread::sleep(BUSY_PAUSE), // perhaps that is the healing
                result => break result.map(drop),
            }
        };
        let before = failure(&self.tail);
        let end = |log: &mut dyn LogFile| if marks { log::mark_closed(log) } else { Ok(()) };
        let closed = self.tail.close(end).map_err(|error| match error {
            Some(error) => JournalError::Failed { error: Arc::new(error) },
            None => before,
        });
        let unused = self.files.lock().next_log.take();
        if let Some((generation, _)) = unused {
            let _costs_only_room = self.disk.remove(&log_path(&self.folder, generation));
        }
        healed.and(closed)
    }

    fn status(&self) -> JournalStatus {
        let tail = self.tail.status();
        let files = lock_unless_forked(&self.files, self.tail.process());
        let (bytes_before, base_bytes, checkpoint_failure) =
            files.map_or((0, 0, None), |it| (it.bytes_before, it.base_bytes, it.checkpoint_failure.clone()));
        JournalStatus {
            waiting_bytes: tail.waiting_bytes,
            log_bytes: bytes_before + tail.end.bytes,
            base_bytes,
            failure: tail.failure,
            checkpoint_failure,
            is_closed: tail.is_closed,
        }
    }
}

/// How long the end of a journal that has failed waits between two looks whether another save is over.
const BUSY_PAUSE: Duration = Duration::from_millis(1);

/// Why something could not be made durable.
fn failure(tail: &Tail) -> JournalError {
    let status = tail.status();
    match status.failure {
        _ if !tail.process().is_current() => JournalError::Forked,
        Some(error) => JournalError::Failed { error },
        None if status.is_closed => JournalError::Closed,
        None => JournalError::Failed { error: Arc::new(io::Error::other("it had failed, and works again by now")) },
    }
}

impl JournalOptions {
    /// What a call waits for.
    fn promise(&self) -> Reached {
        match self.durability {
            Durability::Always => Reached::Synced,
            Durability::Os => Reached::Written,
            Durability::Every(_) => Reached::Appended,
        }
    }

    fn failing(&self) -> Failing {
        match self.on_failure {
            OnFailure::Refuse => Failing::Refuses,
            OnFailure::Abort => Failing::Aborts,
        }
    }
}

/// The name of the lock file.
const LOCK: &str = "lock";

/// Takes the folder's lock.
fn lock<D: Disk>(disk: &D, folder: &Path) -> Result<D::Lock> {
    disk.lock(&folder.join(LOCK)).map_err(|error| match error {
        SnapshotError::Locked => JournalError::Locked { folder: folder.to_path_buf() },
        error => JournalError::of_base(&folder.join(LOCK), error),
    })
}

/// Creates the file of a log. Its name outlasts a loss of power then.
fn create_log<D: Disk>(disk: &D, folder: &Path, generation: u64) -> Result<D::File> {
    let path = log_path(folder, generation);
    let file = disk.create(&path, false).map_err(|error| JournalError::io(&path, error))?;
    disk.sync_folder(folder).map_err(|error| JournalError::io(folder, error))?;
    Ok(file)
}
