//! A thread that removes what has expired, for programs that want one.

use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::process::Process;
use crate::store::Store;
use crate::sync::is_inside_closure;

const SHORTEST_PERIOD: Duration = Duration::from_millis(1);
/// Fields that are removed before it is asked whether to stop.
const BUDGET: usize = 10_000;

/// A thread that calls [`Store::purge_expired`] again and again. Dropping it stops the thread and, unless inside a closure of
/// a store, waits for its end,
/// which takes as long as removing some thousand fields at most; and if it just waits for room in the channel of a
/// [`listener`](crate::StoreBuilder::listener), until somebody receives.
///
/// In a forked child the thread is not there, so nothing is removed, and dropping it does nothing.
///
/// What has expired is gone for everybody without it; it gives the memory back that nobody asks for any more. It holds
/// no lock for long, and costs little where nothing has expired: one number for each shard is looked at.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use hashlet::{Janitor, Store};
///
/// let store = Arc::new(Store::new());
/// let janitor = Janitor::start(Arc::clone(&store), Duration::from_millis(100));
/// // ... as long as the program works with the store ...
/// drop(janitor);
/// ```
#[must_use = "dropping it stops the thread"]
pub struct Janitor {
    is_stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    process: Process,
}

impl Janitor {
    /// Starts the thread, which looks at the store each time this much has passed, a millisecond at least.
    ///
    /// # Panics
    /// If the system cannot start a thread.
    pub fn start(store: Arc<Store>, period: Duration) -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_stopped);
        let work = move || {
            while !stop.load(SeqCst) {
                if store.purge_expired(BUDGET).is_complete {
                    thread::park_timeout(period.max(SHORTEST_PERIOD));
                }
            }
        };
        let thread = thread::Builder::new().name("hashlet-janitor".into()).spawn(work);
        let thread = Some(thread.expect("the system starts threads"));
        Self { is_stopped, thread, process: Process::current() }
    }
}

impl Drop for Janitor {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        if self.process.is_current() {
            self.is_stopped.store(true, SeqCst);
            thread.thread().unpark();
            // Inside a closure, it could wait for the lock that the closure runs under.
            if !is_inside_closure() {
                let _panicked = thread.join();
            }
        } else {
            // There is no such thread: the system may have given its number to another one, which this would detach.
            let _leaked = ManuallyDrop::new(thread);
        }
    }
}

impl fmt::Debug for Janitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Janitor").finish_non_exhaustive()
    }
}
