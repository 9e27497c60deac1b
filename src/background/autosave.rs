//! An optional thread that saves a store.

use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle, ThreadId};
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
/// before the start. A loaded store that was not changed counts as changed if nothing is at the path.
///
/// It also says how many snapshots are kept.
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
    keep: usize,
}

impl AutosavePolicy {
    /// Saves this long after the last save, if anything was changed since then.
    #[doc(alias = "CONFIG SET save")]
    pub const fn after(period: Duration) -> Self {
        Self { period, changes: u64::MAX, keep: 1 }
    }

    /// Saves earlier if this many calls have changed something, or could have. A call on several keys counts once for
    /// each key.
    pub const fn or_changes(mut self, changes: u64) -> Self {
        self.changes = changes;
        self
    }

    /// Keeps this many snapshots, as [`SaveOptions::keep`] does; the default is 1. With a period of an hour and 24
    /// snapshots, there is one of each of the last 24 hours in which something was changed.
    pub const fn keep(mut self, count: usize) -> Self {
        self.keep = if count == 0 { 1 } else { count };
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
/// a minute. A closure given to [`start_with`](Self::start_with) gets each result, [`last`](Self::last) returns that of
/// the last try, and [`stats`](Self::stats) counts them. If somebody removes the lock file, the next save makes it anew.
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
/// let store = Arc::new(Store::load_or_new(&path)?);
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
    /// The thread ends when this is dropped.
    requests: Option<Sender<Request>>,
    thread: ThreadId,
    ending: Mutex<Ending>,
    told: Arc<Told>,
    process: Process,
}

/// How many times an [`Autosave`] has saved, for the metrics of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AutosaveStats {
    /// Saves that have succeeded, whether the policy or a call started them.
    pub saves: u64,
    /// Saves that have failed.
    pub failed_saves: u64,
}

/// What is left to do at the end, and what came of it.
#[derive(Default)]
struct Ending {
    thread: Option<JoinHandle<()>>,
    /// The answer to the first `close`.
    closed: Option<Result<Option<SaveReport>, Arc<SnapshotError>>>,
}

/// What the thread tells of its saves.
#[derive(Default)]
struct Told {
    last: Mutex<Option<LastSave>>,
    /// These are no part of the mutex, because a forked child may find it locked for ever.
    saves: AtomicU64,
    failed_saves: AtomicU64,
}

type LastSave = Result<SaveReport, Arc<SnapshotError>>;
type Reply<R> = Sender<Result<R, Arc<SnapshotError>>>;

enum Request {
    Save(Reply<SaveReport>),
    Close(Reply<Option<SaveReport>>),
}

impl Autosave {
    /// Starts the thread. The policy decides when the first save comes. Time counts from now. Changes count from when
    /// the store was made or loaded: changes before the start count as not saved yet. A store that was loaded, and not
    /// changed, is saved as well if nothing is at the path now.
    ///
    /// # Errors
    /// [`SnapshotError::Locked`] if another process or store saves to the path. [`SnapshotError::Io`] if the lock file
    /// cannot be opened, if a folder, a pipe or a device is at the path, or if the policy keeps several snapshots and the
    /// path's file name is too long for that.
    ///
    /// # Panics
    /// If the system cannot start a thread.
    #[track_caller]
    pub fn start(store: Arc<Store>, path: impl AsRef<Path>, policy: AutosavePolicy) -> Result<Self, SnapshotError> {
        Self::start_with(store, path, policy, |_| {})
    }

    /// [`start`](Self::start) with a closure that gets the result of each save, for a log or an alarm. The thread calls
    /// it after each save that the policy or a call has started, and before that call returns. After
    /// [`close`](Self::close) has returned, it is not called any more.
    ///
    /// The closure may use the store. The next save waits until it returns. If it panics, the panic's message is printed
    /// as that of any thread, the thread goes on, and the closure is called again after the next save. Inside of it,
    /// [`save`](Self::save) and `close` of this `Autosave` return [`SnapshotError::Busy`], because they would wait for
    /// themselves.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use hashlet::{Autosave, AutosavePolicy, Store};
    /// # let path = std::env::temp_dir().join(format!("hashlet-start-with-{}", std::process::id()));
    ///
    /// let store = Arc::new(Store::load_or_new(&path)?);
    /// let policy = AutosavePolicy::after(Duration::from_secs(60));
    /// let autosave = Autosave::start_with(Arc::clone(&store), &path, policy, |result| match result {
    ///     Ok(report) => println!("saved {} keys in {:?}", report.keys, report.duration),
    ///     Err(error) => eprintln!("not saved: {error}"),
    /// })?;
    /// store.set("user:1", "name", "Ada")?;
    /// autosave.save()?;
    /// assert_eq!(autosave.stats().saves, 1);
    /// # autosave.close()?;
    /// # std::fs::remove_file(&path)?;
    /// # std::fs::remove_file(format!("{}.lock", path.display()))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    ///
    /// # Panics
    /// If the system cannot start a thread.
    ///
    /// # Locking
    /// The closure runs with no lock of the store held. The path's lock is held.
    #[track_caller]
    pub fn start_with(
        store: Arc<Store>,
        path: impl AsRef<Path>,
        policy: AutosavePolicy,
        report: impl FnMut(&Result<SaveReport, Arc<SnapshotError>>) + Send + 'static,
    ) -> Result<Self, SnapshotError> {
        assert_outside_closures();
        let mut path = SavePath::lock(&SystemDisk, path.as_ref())?;
        path.keep(policy.keep)?;
        let (requests, received) = channel();
        let told = Arc::new(Told::default());
        let worker = Worker {
            saved_changes: 0,
            has_no_file: !store.is_empty() && path.is_free()?,
            store,
            path,
            policy,
            since: Instant::now(),
            pause: Duration::ZERO,
            told: Arc::clone(&told),
            report: Box::new(report),
        };
        let thread = thread::Builder::new().name("hashlet-autosave".into()).spawn(move || worker.run(&received));
        let thread = thread.expect("the system starts threads");
        let id = thread.thread().id();
        let ending = Mutex::new(Ending { thread: Some(thread), closed: None });
        Ok(Self { requests: Some(requests), thread: id, ending, told, process: Process::current() })
    }

    /// Saves now, whatever the policy says, and returns when the save is done.
    ///
    /// # Errors
    /// As of [`Store::save`]. [`SnapshotError::Busy`] if the store is being saved to another path, or inside the closure
    /// that [`start_with`](Self::start_with) got. [`SnapshotError::Closed`] after [`close`](Self::close).
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
        self.told.last.lock().clone()
    }

    /// Returns how many saves have succeeded, and how many have failed, since the start.
    #[must_use]
    pub fn stats(&self) -> AutosaveStats {
        let Told { saves, failed_saves, .. } = &*self.told;
        AutosaveStats { saves: saves.load(Relaxed), failed_saves: failed_saves.load(Relaxed) }
    }

    /// Saves a last time if anything was changed since the last save, or if the store is not empty and there is no file
    /// at the path. Then stops the thread, and releases the file's lock. Returns the report, or `None` if no save was
    /// needed.
    ///
    /// Closing again does nothing, and returns what the first call has returned. If another thread is closing already,
    /// the call waits for it.
    ///
    /// # Errors
    /// As of [`save`](Self::save). The thread stops even then, and [`Store::save`] can still save the store.
    /// [`SnapshotError::Busy`] inside the closure that [`start_with`](Self::start_with) got, and
    /// [`SnapshotError::Forked`] in a forked child; both change nothing.
    ///
    /// # Panics
    /// Inside a closure that a store runs.
    #[track_caller]
    pub fn close(&self) -> Result<Option<SaveReport>, Arc<SnapshotError>> {
        self.check()?;
        let mut ending = self.ending.lock();
        if let Some(closed) = &ending.closed {
            return closed.clone();
        }
        let closed = self.ask(Request::Close);
        if let Some(thread) = ending.thread.take() {
            let _panicked = thread.join();
        }
        ending.closed = Some(closed.clone());
        closed
    }

    /// Fails where the thread would not answer.
    #[track_caller]
    fn check(&self) -> Result<(), Arc<SnapshotError>> {
        assert_outside_closures();
        if !self.process.is_current() {
            Err(Arc::new(SnapshotError::Forked)) // the child does not have the thread
        } else if self.is_own_thread() {
            Err(Arc::new(SnapshotError::Busy))
        } else {
            Ok(())
        }
    }

    fn is_own_thread(&self) -> bool {
        thread::current().id() == self.thread
    }

    #[track_caller]
    fn ask<R>(&self, request: impl FnOnce(Reply<R>) -> Request) -> Result<R, Arc<SnapshotError>> {
        self.check()?;
        let (reply, replies) = channel();
        let requests = self.requests.as_ref().expect("only a drop takes it");
        let sent = requests.send(request(reply)).ok();
        // The thread has ended if it does not take the request, or drops it.
        let answer = sent.and_then(|()| replies.recv().ok());
        answer.unwrap_or_else(|| Err(Arc::new(SnapshotError::Closed)))
    }
}

impl Drop for Autosave {
    fn drop(&mut self) {
        let ending = mem::take(&mut self.ending);
        if !self.process.is_current() {
            // Both belong to the parent's thread, which is missing here. That thread may have held a lock of the
            // channel, and the system may have given its number to another thread.
            let _leaked = ManuallyDrop::new((self.requests.take(), ending));
            return;
        }
        self.requests = None; // the thread ends when the channel is closed
        // Inside a closure, joining could dead-lock: a save could wait for the lock that the closure runs under. The
        // thread itself drops this if its closure had the last reference.
        let thread = ending.lock().thread.take();
        if let Some(thread) = thread.filter(|_| !is_inside_closure() && !self.is_own_thread()) {
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
    /// Whether the store had something at the start, and there was no file, and no save has succeeded since. A loaded
    /// store has it without any change.
    has_no_file: bool,
    told: Arc<Told>,
    report: Box<dyn FnMut(&LastSave) + Send>,
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
        (self.store.changes() - self.saved_changes).max(self.has_no_file.into())
    }

    fn save(&mut self) -> LastSave {
        self.store.purge_all(); // before counting, because the purge of the save would otherwise count as a change
        let changes = self.store.changes(); // later changes may be in the snapshot or not, so they count as not saved
        let turn = self.store.save_turn();
        let saved =
            turn.and_then(|turn| self.store.replace(&mut self.path, &turn, SaveOptions::new().keep(self.policy.keep)));
        self.since = Instant::now();
        if saved.is_ok() {
            self.saved_changes = changes;
            self.has_no_file = false;
            self.pause = Duration::ZERO;
        } else {
            self.pause = (2 * self.pause).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        }
        let saved = saved.map_err(Arc::new);
        let count = if saved.is_ok() { &self.told.saves } else { &self.told.failed_saves };
        count.fetch_add(1, Relaxed);
        *self.told.last.lock() = Some(saved.clone());
        self.report(&saved);
        saved
    }

    /// Calls the user's closure. If it panics, the panic has been printed already, and the saves have to go on.
    fn report(&mut self, saved: &LastSave) {
        let report = &mut self.report;
        let _panicked = catch_unwind(AssertUnwindSafe(|| report(saved)));
    }
}
