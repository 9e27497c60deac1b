//! An optional thread that removes expired keys and fields.

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
/// The most fields that are removed between two checks whether to stop.
const BUDGET: usize = 10_000;

/// A thread that calls [`Store::purge_expired`] again and again.
///
/// Expired keys and fields are gone for every call even without a janitor. The janitor gives back the memory of those
/// that no call asks for any more. It holds no lock for long. It costs little while nothing has expired: it reads one
/// number for each shard.
///
/// Dropping the `Janitor` stops the thread. Unless it is dropped inside a closure that a store runs, the drop waits for
/// the thread's end. That takes at most as long as removing some thousand fields. If the thread waits for room in the
/// channel of a [`listener`](crate::StoreBuilder::listener), the drop also waits until somebody receives.
///
/// A forked child does not have the thread, so nothing is removed there, and dropping its copy does nothing.
///
/// See the guide: [`guide::expiry`](crate::guide::expiry).
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
    /// Starts the thread. It checks the store once in each period, which is at least a millisecond.
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
            // Inside a closure, joining could dead-lock: the thread could wait for the lock that the closure runs
            // under.
            if !is_inside_closure() {
                let _panicked = thread.join();
            }
        } else {
            // The thread is missing in this forked child. Dropping its handle would detach whatever thread has its
            // number now.
            let _leaked = ManuallyDrop::new(thread);
        }
    }
}

impl fmt::Debug for Janitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Janitor").finish_non_exhaustive()
    }
}
