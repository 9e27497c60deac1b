//! The options of a journal, and what it reports.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a call that has returned outlasts.
///
/// | level | a call that has returned outlasts | what the call waits for |
/// |---|---|---|
/// | [`Always`](Self::Always) | a loss of power | a sync of the disk, shared by all calls that wait at the time |
/// | [`Os`](Self::Os) | the end of the process, even by `kill -9` | a write to the operating system |
/// | [`Every`](Self::Every) | a loss of power, if it is older than this time and one flush | nothing |
///
/// [`Durable::sync`](crate::Durable::sync) gives the safety of `Always` on demand, at any level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// Calls return when the disk has what they did.
    Always,
    /// Calls return when the operating system has what they did.
    Os,
    /// Calls return at once. A thread writes and syncs what they did (a *flush*) after each such time, which is at least
    /// a millisecond. If it is very long, only [`Durable::sync`](crate::Durable::sync) and checkpoints do.
    Every(Duration),
}

impl Default for Durability {
    /// `Every` 100 milliseconds.
    fn default() -> Self {
        Self::Every(Duration::from_millis(100))
    }
}

/// What happens when the journal cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnFailure {
    /// Calls that return a [`Result`](crate::Result) are refused with
    /// [`Error::JournalFailed`](crate::Error::JournalFailed), until a checkpoint has made everything durable again.
    /// Removals and deadlines go on in memory.
    #[default]
    Refuse,
    /// The process is aborted. For programs that need [`Durability::Always`] to hold for calls that return no `Result`
    /// as well.
    Abort,
}

/// How a journal works.
///
/// ```
/// use std::time::Duration;
/// use hashlet::{Durability, JournalOptions};
///
/// let options = JournalOptions::new().durability(Durability::Every(Duration::from_millis(10)));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct JournalOptions {
    pub(super) durability: Durability,
    pub(super) max_waiting: usize,
    pub(super) checkpoint_bytes: u64,
    pub(super) checkpoint_ratio: f64,
    pub(super) on_failure: OnFailure,
    pub(super) salvage: bool,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            max_waiting: 64 << 20,
            checkpoint_bytes: 64 << 20,
            checkpoint_ratio: 1.0,
            on_failure: OnFailure::Refuse,
            salvage: false,
        }
    }
}

impl JournalOptions {
    /// Returns the defaults: [`Durability::Every`] 100 milliseconds, at most 64 MiB that wait, and a checkpoint when the
    /// logs have 64 MiB and are as large as the base.
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses what a call that has returned outlasts.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// While more than this many bytes of changes wait to be written, writers wait before they take a lock. Readers
    /// never wait. The default is 64 MiB.
    pub fn max_waiting(mut self, bytes: usize) -> Self {
        self.max_waiting = bytes;
        self
    }

    /// Makes a checkpoint when the logs have at least this many bytes, and at least this multiple of the bytes of the
    /// base. The default is 64 MiB and 1. A smaller ratio makes recovery faster, and writes the base more often. With
    /// `u64::MAX` bytes only [`Durable::checkpoint`](crate::Durable::checkpoint) makes one.
    pub fn checkpoint_after(mut self, bytes: u64, ratio: f64) -> Self {
        (self.checkpoint_bytes, self.checkpoint_ratio) = (bytes, ratio);
        self
    }

    /// Chooses what happens when the journal cannot be written.
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    /// Opens a damaged journal as well. What is whole is read, in its order, and [`Recovery::damage`] says what was not.
    /// A checkpoint is then made. All files before it keep their content under names that end in `.damaged`. The
    /// default is `false`: a journal in which acknowledged data is damaged is refused.
    pub fn salvage(mut self, salvage: bool) -> Self {
        self.salvage = salvage;
        self
    }
}

/// What was found when a journal was opened.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Recovery {
    /// The snapshot with which it began, or `None` if there was none yet, or none that could be read.
    pub base: Option<PathBuf>,
    /// The logs that were done again, in their order.
    pub logs: Vec<PathBuf>,
    /// The entries in these logs: calls that had changed something, and removals of what had expired.
    pub entries: u64,
    /// Bytes at the end of the last log that were left out, because a crash has torn them.
    pub bytes_cut: u64,
    /// Whether the journal had been [closed](crate::Durable::close).
    pub was_closed: bool,
    /// What was damaged and is left out. Empty unless [`JournalOptions::salvage`] was set.
    pub damage: Vec<Damage>,
    /// How long it took.
    pub duration: Duration,
}

/// A part of a journal that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The path of the file before it got its new name.
    pub file: PathBuf,
    /// Where the damaged part begins, in bytes from the beginning.
    pub offset: u64,
    /// The length of the damaged part, in bytes.
    pub bytes: u64,
    /// What is wrong, as a clause.
    pub what: &'static str,
}

/// The state of a journal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JournalStatus {
    /// Bytes of changes that wait to be written.
    pub waiting_bytes: usize,
    /// Bytes of all logs that continue the base.
    pub log_bytes: u64,
    /// Bytes of the base.
    pub base_bytes: u64,
    /// Why the journal does not work, or `None` if it works.
    pub failure: Option<Arc<io::Error>>,
    /// Why the last checkpoint was not made, or `None` if it was, or if there was none yet.
    pub checkpoint_failure: Option<crate::JournalError>,
    /// Whether the journal was closed.
    pub is_closed: bool,
}
