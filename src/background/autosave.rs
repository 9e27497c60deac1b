//! An optional thread that saves a store.

use std::fmt;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::process::Process;
use crate::snapshot::{SaveOptions, SavePath, SaveReport, SnapshotError, SystemDisk};
use crate::store::Store;
use crate::sync::{Mutex, assert_outside_closures, is_inside_closure};

/// The time between two checks whether a save is due.
const POLL: Duration = Duration::from_millis(50);
/// The pause after a failed save until the next try. It doubles with each failure.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Decides when an [`Autosave`] saves: some time after the last save, or after some number of changes, whichever comes
/// first. It never saves while nothing was changed. All changes since the store was made or loaded count, also those
/// before the start.
///
/// ```
/// use std::time::Duration;
/// use hashlet::AutosavePolicy;
///
/// let policy = AutosavePolicy::after(Duration::from_secs(60)).or_changes(10_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct AutosavePolicy {
    period: Duration,
    changes: u64,
}

impl AutosavePolicy {
    /// Saves this long after the last save, if anything was changed since then.
    #[doc(alias = "CONFIG SET save")]
    pub const fn after(period: Duration) -> Self {
        Self { period, changes: u64::MAX }
    }

    /// Saves earlier if this many calls have changed something, or could have. A call on several keys counts once for
    /// each key.
    pub const fn or_changes(mut self, changes: u64) -> Self {
        self.changes = changes;
        self
    }

    fn is_due(&self, passed: Duration, changes: u64) -> bool {
        changes > 0 && (changes >= self.changes || passed >= self.period)
    }
}

/// A thread that saves a store to a file again and again, as [`Store::save`] does.
///
/// It holds the file's lock all the time, so that no other process saves there. If the process is killed or the power
/// fails, all changes after the last successful save are lost. [`close`](Self::close) saves a last time and reports
/// whether that succeeded. Dropping the `Autosave` instead stops the thread, waits for a running save, and does not
/// save again. (A drop inside a closure that a store runs does not wait; the thread ends by itself.)
///
/// A failed save is tried again after a pause, whatever the policy says. The pause gets longer with each failure, up to
/// a minute. [`last`](Self::last) returns the result of the last try. If somebody removes the lock file, the next save
/// makes it anew.
///
/// A forked child has a copy of the value, but not the thread. There, [`save`](Self::save) and `close` return
/// [`SnapshotError::Forked`], and dropping the copy does nothing. The parent's thread goes on.
///
/// See the guide: [`guide::snapshots`](crate::guide::snapshots) tells what is durable. The example program `soak` runs
/// a mixed load beside saves.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use hashlet::{Autosave, AutosavePolicy, Store};
/// # let path = std::env::temp_dir().join(format!("hashlet-autosave-{}", std::process::id()));
///
/// let store = Arc::new(Store::new());
/// let policy = AutosavePolicy::after(Duration::from_secs(60)).or_changes(10_000);
/// let autosave = Autosave::start(Arc::clone(&store), &path, policy)?;
/// store.set("user:1", "name", "Ada")?;
/// // ... as long as the program works with the store ...
/// autosave.close()?;
/// assert!(Store::load(&path)?.contains_key("user:1"));
/// # std::fs::remove_file(&path)?;
/// # std::fs::remove_file(format!("{}.lock", path.display()))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping it stops the thread"]
pub struct Autosave {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    last: Arc<Mutex<Option<LastSave>>>,
    process: Process,
}

type LastSave = Result<SaveReport, Arc<SnapshotError>>;
type Reply<R> = Sender<Result<R, Arc<SnapshotError>>>;

enum Request {
    Save(Reply<SaveReport>),
    Close(Reply<Option<SaveReport>>),
}

impl Autosave {
    /// Starts the thread. The policy decides when the first save comes. Time counts from now. Changes count from when
    /// the store was made or loaded: changes before the start count as not saved yet.
    ///
    /// # Errors
    /// [`SnapshotError::Locked`] if another process or store saves to the path. [`SnapshotError::Io`] if the lock file
    /// cannot be opened, or if a folder, a pipe or a device is at the path.
    ///
    /// # Panics
    /// If the system cannot start a thread.
    #[track_caller]
    pub fn start(store: Arc<Store>, path: impl AsRef<Path>, policy: AutosavePolicy) -> Result<Self, SnapshotError> {
        assert_outside_closures();
        let path = SavePath::lock(&SystemDisk, path.as_ref())?;
        let (requests, received) = channel();
        let last = Arc::new(Mutex::new(None));
        let worker = Worker {
            saved_changes: 0,
            store,
            path,
            policy,
            since: Instant::now(),
            pause: Duration::ZERO,
            last: Arc::clone(&last),
        };
        let thread = thread::Builder::new().name("hashlet-autosave".into()).spawn(move || worker.run(&received));
        let thread = Some(thread.expect("the system starts threads"));
        Ok(Self { requests: Some(requests), thread, last, process: Process::current() })
    }

    /// Saves now, whatever the policy says, and returns when the save is done.
    ///
    /// # Errors
    /// As of [`Store::save`]. [`SnapshotError::Busy`] if the store is being saved to another path.
    /// [`SnapshotError::Forked`] in a forked child.
    ///
    /// # Panics
    /// Inside a closure that a store runs.
    #[track_caller]
    pub fn save(&self) -> Result<SaveReport, Arc<SnapshotError>> {
        self.ask(Request::Save)
    }

    /// Returns the result of the last save, whether the policy or a call started it. Returns `None` before the first
    /// save. In a forked child, the result is [`SnapshotError::Forked`].
    #[must_use]
    pub fn last(&self) -> Option<Result<SaveReport, Arc<SnapshotError>>> {
        if !self.process.is_current() {
            return Some(Err(Arc::new(SnapshotError::Forked))); // the parent's thread may have held the lock at the fork
        }
        self.last.lock().clone()
    }

    /// Saves a last time if anything was changed since the last save, or if the store is not empty and there is no file
    /// at the path. Then stops the thread, and releases the file's lock. Returns the report, or `None` if no save was
    /// needed.
    ///
    /// # Errors
    /// As of [`save`](Self::save). The thread stops even then, and [`Store::save`] can still save the store.
    ///
    /// # Panics
    /// Inside a closure that a store runs.
    #[track_caller]
    pub fn close(self) -> Result<Option<SaveReport>, Arc<SnapshotError>> {
        self.ask(Request::Close)
    }

    #[track_caller]
    fn ask<R>(&self, request: impl FnOnce(Reply<R>) -> Request) -> Result<R, Arc<SnapshotError>> {
        assert_outside_closures();
        if !self.process.is_current() {
            return Err(Arc::new(SnapshotError::Forked)); // the child has no thread that would answer
        }
        let (reply, replies) = channel();
        let sent = self.requests.as_ref().map(|requests| requests.send(request(reply)));
        debug_assert!(matches!(sent, Some(Ok(()))), "the thread runs until this is dropped");
        replies.recv().expect("the thread answers")
    }
}

impl Drop for Autosave {
    fn drop(&mut self) {
        if !self.process.is_current() {
            // Both belong to the parent's thread, which is missing here. That thread may have held a lock of the
            // channel, and the system may have given its number to another thread.
            let _leaked = ManuallyDrop::new((self.requests.take(), self.thread.take()));
            return;
        }
        self.requests = None; // the thread ends when the channel is closed
        // Inside a closure, joining could dead-lock: a save could wait for the lock that the closure runs under.
        if let Some(thread) = self.thread.take().filter(|_| !is_inside_closure()) {
            let _panicked = thread.join();
        }
    }
}

impl fmt::Debug for Autosave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Autosave").field("last", &self.last()).finish_non_exhaustive()
    }
}

/// The state of the thread.
struct Worker {
    store: Arc<Store>,
    path: SavePath<'static, SystemDisk>,
    policy: AutosavePolicy,
    /// The number of changes at the beginning of the last successful save.
    saved_changes: u64,
    /// The end of the last save, or the start of the thread if there was no save yet.
    since: Instant,
    /// The pause until the next try if the last save has failed, or zero.
    pause: Duration,
    last: Arc<Mutex<Option<LastSave>>>,
}

impl Worker {
    fn run(mut self, requests: &Receiver<Request>) {
        loop {
            match requests.recv_timeout(POLL) {
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    if self.is_due() {
                        let _told_by_last = self.save();
                    }
                }
                // A failed send means that the caller no longer waits for the answer.
                Ok(Request::Save(reply)) => _ = reply.send(self.save()),
                Ok(Request::Close(reply)) => {
                    _ = reply.send(if self.is_last_needed() { self.save().map(Some) } else { Ok(None) });
                    return;
                }
            }
        }
    }

    /// A failed save is tried again after the pause, whether the policy or a call started it, and however long the
    /// period is.
    fn is_due(&self) -> bool {
        let passed = self.since.elapsed();
        if self.pause > Duration::ZERO {
            passed >= self.pause
        } else {
            self.policy.is_due(passed, self.unsaved_changes())
        }
    }

    /// Whether `close` has to save. A store that was loaded from elsewhere has no changes, but no file at this path
    /// yet. If the system does not tell whether there is a file, saving is right, because the save reports the reason.
    fn is_last_needed(&self) -> bool {
        let has_changed = self.unsaved_changes() > 0 || self.pause > Duration::ZERO;
        has_changed || (!self.store.is_empty() && self.path.is_free().unwrap_or(true))
    }

    fn unsaved_changes(&self) -> u64 {
        self.store.changes() - self.saved_changes
    }

    fn save(&mut self) -> LastSave {
        self.store.purge_all(); // before counting, because the purge of the save would otherwise count as a change
        let changes = self.store.changes(); // later changes may be in the snapshot or not, so they count as not saved
        let turn = self.store.save_turn();
        let saved = turn.and_then(|turn| self.store.replace(&mut self.path, &turn, SaveOptions::new()));
        self.since = Instant::now();
        if saved.is_ok() {
            self.saved_changes = changes;
            self.pause = Duration::ZERO;
        } else {
            self.pause = (2 * self.pause).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        }
        let saved = saved.map_err(Arc::new);
        *self.last.lock() = Some(saved.clone());
        saved
    }
}
