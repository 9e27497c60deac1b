//! A store with a journal.

use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};

use super::worker::Worker;
use super::{Journal, JournalError, JournalOptions, JournalStatus, Recovery, failure};
use crate::process::Process;
use crate::snapshot::{SaveReport, SystemDisk};
use crate::store::{Store, StoreBuilder};
use crate::sync::{assert_outside_closures, is_inside_closure};
use crate::tail::{Position, Tail, Unlogged};

/// # A store with a journal
impl StoreBuilder {
    /// Opens the journal in a folder, or begins one there. Creates the folder, and those that it lies in. Returns a store that holds everything that calls had done
    /// when the journal was last used, as far as it is durable. From now on the journal gets everything that calls do.
    ///
    /// See the guide: [`guide::journal`](crate::guide::journal). The store has the shards, thresholds, limits, clock and
    /// listener of this builder. What has expired meanwhile is removed, and no listener is told of it. O(n), plus the
    /// entries of the logs since the last checkpoint.
    ///
    /// ```
    /// use hashlet::{JournalOptions, Store};
    /// # let folder = std::env::temp_dir().join(format!("hashlet-open-{}", std::process::id()));
    ///
    /// let store = Store::builder().open(&folder, JournalOptions::new())?;
    /// store.set("user:1", "name", "Ada")?; // every call of a store
    /// store.sync()?; // now it outlasts a loss of power
    /// drop(store); // or the process is killed
    ///
    /// let store = Store::builder().open(&folder, JournalOptions::new())?;
    /// assert_eq!(store.get("user:1", "name").as_deref(), Some(&b"Ada"[..]));
    /// # drop(store);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// - [`Locked`](JournalError::Locked) if the journal is open, in this process or another one.
    /// - [`Corrupt`](JournalError::Corrupt) if acknowledged data is damaged or missing. The folder is left as it is. A
    ///   torn end of the last log is no damage.
    /// - [`UnsupportedVersion`](JournalError::UnsupportedVersion) or [`TooLarge`](JournalError::TooLarge) if this
    ///   version, or a store with these limits, cannot hold what is there.
    /// - [`Io`](JournalError::Io) if an operation on a file or folder fails.
    ///
    /// # Panics
    /// Inside a closure that a store runs. If the system cannot start a thread.
    #[track_caller]
    pub fn open(self, folder: impl AsRef<Path>, options: JournalOptions) -> Result<Durable, JournalError> {
        assert_outside_closures();
        let (journal, recovery) = Journal::open(SystemDisk, folder.as_ref(), &self, options)?;
        Ok(Durable::start(journal, recovery))
    }
}

/// A [`Store`] whose changes are written to a journal, so that they outlast a crash. It has every method of a store.
///
/// Dropping it writes and syncs what waits, and stops its thread; a failure of that is told to nobody, so call
/// [`close`](Self::close) where it matters. (A drop inside a closure that a store runs does not wait for that.) After
/// that, calls on a clone of [`store`](Self::store) that return a [`Result`](crate::Result) are refused with
/// [`Error::JournalFailed`](crate::Error::JournalFailed). Removals and deadlines still change the memory, and nothing else.
///
/// # What a call promises
/// A call that returns a [`Result`](crate::Result) tells whether the journal has what it did, as safely as the
/// [`Durability`](crate::Durability) says: it returns [`Error::JournalFailed`](crate::Error::JournalFailed) and changes
/// nothing if the journal had failed before, and [`Error::Unlogged`](crate::Error::Unlogged) if it fails meanwhile. A
/// call that returns anything else, such as [`remove`](Store::remove), cannot tell. Nor can [`update`](Store::update)
/// and [`try_update`](Store::try_update), which return what their closures return. Call [`sync`](Self::sync) after them.
///
/// See the guide: [`guide::journal`](crate::guide::journal).
#[must_use = "dropping it closes the journal"]
pub struct Durable {
    journal: Arc<Journal<SystemDisk>>,
    recovery: Recovery,
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    process: Process,
}

impl Deref for Durable {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.journal.store
    }
}

impl Durable {
    fn start(journal: Journal<SystemDisk>, recovery: Recovery) -> Self {
        let (journal, is_stopped) = (Arc::new(journal), Arc::new(AtomicBool::new(false)));
        let worker = Worker::new(Arc::clone(&journal), Arc::clone(&is_stopped));
        let thread = thread::Builder::new().name("hashlet-journal".into()).spawn(move || worker.run());
        let thread = Some(thread.expect("the system starts threads"));
        Self { journal, recovery, is_stopped, thread, process: Process::current() }
    }

    /// Returns the store, to share it with what needs an `Arc<Store>`.
    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.journal.store
    }

    /// Waits until everything that calls of any thread have done so far outlasts a loss of power. The cost is one sync of
    /// the disk, which all threads that wait at the time share.
    ///
    /// # Errors
    /// [`Failed`](JournalError::Failed) if the journal does not work. [`Closed`](JournalError::Closed) after the end,
    /// [`Forked`](JournalError::Forked) in a forked child.
    ///
    /// # Panics
    /// Inside a closure that a store runs.
    #[doc(alias = "fsync")]
    #[doc(alias = "WAITAOF")]
    #[track_caller]
    pub fn sync(&self) -> Result<(), JournalError> {
        assert_outside_closures();
        self.journal.sync()
    }

    /// [`sync`](Self::sync) for asynchronous code: a future that is ready when everything that calls have done before
    /// this call outlasts a loss of power. The journal's thread does the work, and tasks that wait at the time share it.
    ///
    /// ```
    /// # use hashlet::{JournalOptions, Store};
    /// # let folder = std::env::temp_dir().join(format!("hashlet-synced-{}", std::process::id()));
    /// # fn block_on<F: std::future::Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop {
    /// #         if let std::task::Poll::Ready(result) = future.as_mut().poll(&mut context) { break result }
    /// #         std::thread::yield_now();
    /// #     }
    /// # }
    /// # block_on(async {
    /// let store = Store::builder().open(&folder, JournalOptions::new())?;
    /// store.set("user:1", "name", "Ada")?;
    /// store.synced().await?;
    /// # drop(store);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As of [`sync`](Self::sync).
    pub fn synced(&self) -> impl Future<Output = Result<(), JournalError>> + use<> {
        let tail = Arc::clone(&self.journal.tail);
        Synced { position: tail.appended(), tail, number: None }
    }

    /// Writes a snapshot of the store, from which the journal then continues, and removes what came before. If the
    /// journal has failed, that heals it. The journal does this by itself when its logs are long; see
    /// [`JournalOptions::checkpoint_after`]. O(n). Other threads can read and write meanwhile.
    ///
    /// # Errors
    /// [`Busy`](JournalError::Busy) if the store is being saved. [`Locked`](JournalError::Locked) if somebody has
    /// removed the lock file. [`Io`](JournalError::Io) if the snapshot cannot be written. The journal goes on then.
    /// Otherwise as of [`sync`](Self::sync).
    ///
    /// # Panics
    /// Inside a closure that a store runs.
    #[doc(alias = "BGREWRITEAOF")]
    #[track_caller]
    pub fn checkpoint(&self) -> Result<SaveReport, JournalError> {
        assert_outside_closures();
        if !self.process.is_current() {
            return Err(JournalError::Forked);
        }
        let report = self.journal.checkpoint();
        self.journal.create_next_log();
        report
    }

    /// Returns what was found when the journal was opened.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Returns the state of the journal. Takes no lock of the store. In a forked child, it is the state at the fork, or that
    /// of a closed journal.
    #[must_use]
    pub fn status(&self) -> JournalStatus {
        self.journal.status()
    }

    /// Writes and syncs everything, marks the log as closed, and stops the thread. Damage inside of a closed log is told
    /// as [`Corrupt`](JournalError::Corrupt) when it is opened.
    ///
    /// # Errors
    /// As of [`sync`](Self::sync). The journal is closed even then.
    ///
    /// # Panics
    /// Inside a closure that a store runs.
    #[track_caller]
    pub fn close(self) -> Result<(), JournalError> {
        assert_outside_closures();
        if !self.process.is_current() {
            return Err(JournalError::Forked);
        }
        self.journal.close(true)
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if !self.process.is_current() {
            // The thread belongs to the parent. Dropping its handle would detach whatever thread has its number here.
            let _leaked = ManuallyDrop::new(thread);
            return;
        }
        self.is_stopped.store(true, SeqCst);
        self.journal.tail.wake_worker();
        // Inside a closure, joining could dead-lock: a checkpoint could wait for the lock that the closure runs under.
        // The thread itself gets here if it wakes a task that holds the last `Durable`.
        if !is_inside_closure() && thread.thread().id() != thread::current().id() {
            let _panicked = thread.join();
        }
    }
}

impl fmt::Debug for Durable {
    /// Shows the folder and the number of shards. Takes no lock, and shows no contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable")
            .field("folder", &self.journal.folder)
            .field("store", self.store())
            .finish_non_exhaustive()
    }
}

/// The future of [`Durable::synced`].
struct Synced {
    tail: Arc<Tail>,
    position: Position,
    /// The number of the waker that the tail keeps.
    number: Option<u64>,
}

impl Future for Synced {
    type Output = Result<(), JournalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { tail, position, number } = &mut *self;
        tail.poll_synced(*position, number, context.waker()).map_err(|Unlogged| failure(tail))
    }
}

impl Drop for Synced {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.tail.forget_waker(number);
        }
    }
}
