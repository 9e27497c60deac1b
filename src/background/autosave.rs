//! A thread that saves a store, for programs that want one.

use std::fmt;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::process::Process;
use crate::snapshot::{LockedPath, SaveOptions, SaveReport, SnapshotError, SystemDisk};
use crate::store::Store;
use crate::sync::{Mutex, assert_outside_closures, is_inside_closure};

/// How often the store is asked for its changes.
const POLL: Duration = Duration::from_millis(50);
/// How long it takes after a save that has failed until the next one; twice as long each time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// When an [`Autosave`] saves: so long after the last save, or after so many changes, whichever comes first. Not at all as
/// long as nothing was changed. Whatever was changed since the store was made or loaded counts, also before the start.
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

    /// Saves earlier when so many calls have changed something, or could have; a call on several keys counts once for each.
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
/// It holds the file's lock all the time, so that no other process saves there. What was changed after the last save that
/// succeeded is lost when the process is killed or the power fails; [`close`](Self::close) saves a last time and says whether
/// that went well. Dropping it instead stops the thread, waits for a save that is under way, and saves nothing more. (Inside a
/// closure that a store runs it does not wait: the thread ends by itself.)
///
/// A save that fails is tried again after a while, which gets longer up to a minute, whatever the policy says;
/// [`last`](Self::last) tells. If somebody removes the lock file meanwhile, the next save makes it anew.
///
/// A forked child has the value, but not the thread: there [`save`](Self::save) and `close` return
/// [`SnapshotError::Forked`], and dropping it does nothing. Its parent's goes on.
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
    /// Starts the thread. The first save comes by the policy. Its time is counted from now, and its changes from when the store
    /// was made or loaded: what was written before the start counts as not saved yet.
    ///
    /// # Errors
    /// [`SnapshotError::Locked`] if another process or store saves to the path, [`SnapshotError::Io`] if its lock file cannot
    /// be opened, or the path is that of a folder, a pipe or a device.
    ///
    /// # Panics
    /// If the system cannot start a thread.
    pub fn start(store: Arc<Store>, path: impl AsRef<Path>, policy: AutosavePolicy) -> Result<Self, SnapshotError> {
        assert_outside_closures();
        let path = LockedPath::lock(&SystemDisk, path.as_ref())?;
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

    /// Saves now, whatever the policy, and returns when that is done.
    ///
    /// # Errors
    /// As of [`Store::save`]; [`SnapshotError::Busy`] if the store is being saved to another path;
    /// [`SnapshotError::Forked`] in a forked child.
    ///
    /// # Panics
    /// Inside a closure that a store runs.
    pub fn save(&self) -> Result<SaveReport, Arc<SnapshotError>> {
        self.ask(Request::Save)
    }

    /// Returns the result of the last save, whoever wanted it, or `None` if there was none yet. In a forked child, that is
    /// [`SnapshotError::Forked`].
    #[must_use]
    pub fn last(&self) -> Option<Result<SaveReport, Arc<SnapshotError>>> {
        if !self.process.is_current() {
            return Some(Err(Arc::new(SnapshotError::Forked))); // the thread may have held the lock for ever
        }
        self.last.lock().clone()
    }

    /// Saves a last time if anything was changed since the last save, or if the store is not empty and there is no file at the
    /// path. Then stops the thread, and releases the file's lock. Returns the report, or `None` if no save was needed.
    ///
    /// # Errors
    /// As of [`save`](Self::save). The thread is stopped nevertheless; the store can be saved by [`Store::save`].
    ///
    /// # Panics
    /// Inside a closure that a store runs.
    pub fn close(self) -> Result<Option<SaveReport>, Arc<SnapshotError>> {
        self.ask(Request::Close)
    }

    fn ask<R>(&self, request: impl FnOnce(Reply<R>) -> Request) -> Result<R, Arc<SnapshotError>> {
        assert_outside_closures();
        if !self.process.is_current() {
            return Err(Arc::new(SnapshotError::Forked)); // nobody would answer
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
            // Both belong to a thread that is not there: it may have held a lock of the channel, and the system may have given
            // its number to another thread.
            let _leaked = ManuallyDrop::new((self.requests.take(), self.thread.take()));
            return;
        }
        self.requests = None; // which the thread takes for its end
        // Inside a closure, its save could wait for the lock that the closure runs under.
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

/// What the thread has.
struct Worker {
    store: Arc<Store>,
    path: LockedPath<'static, SystemDisk>,
    policy: AutosavePolicy,
    /// How many changes there were when the last save began that succeeded.
    saved_changes: u64,
    /// When the last save ended, or this was started; and how long after a failure the next try comes.
    since: Instant,
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
                // Who does not wait for the answer any more does not want it.
                Ok(Request::Save(reply)) => _ = reply.send(self.save()),
                Ok(Request::Close(reply)) => {
                    _ = reply.send(if self.is_last_needed() { self.save().map(Some) } else { Ok(None) });
                    return;
                }
            }
        }
    }

    /// A save that has failed is tried again after the pause, whoever wanted it and however long the period is.
    fn is_due(&self) -> bool {
        let passed = self.since.elapsed();
        if self.pause > Duration::ZERO {
            passed >= self.pause
        } else {
            self.policy.is_due(passed, self.unsaved_changes())
        }
    }

    /// A store that was loaded from elsewhere has no changes and no file yet. If the system does not tell whether there is
    /// one, the save will tell why.
    fn is_last_needed(&self) -> bool {
        let has_changed = self.unsaved_changes() > 0 || self.pause > Duration::ZERO;
        has_changed || (!self.store.is_empty() && self.path.is_free().unwrap_or(true))
    }

    fn unsaved_changes(&self) -> u64 {
        self.store.changes() - self.saved_changes
    }

    fn save(&mut self) -> LastSave {
        self.store.purge_all(); // as the save does, which would count as a change otherwise
        let changes = self.store.changes(); // those of others meanwhile may be in the snapshot or not
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
