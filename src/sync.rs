//! The tools for threads, in one place: the lock, the padding around it, and the rule that user code under a lock must
//! not call a store.
//!
//! In tests with the cfg `hashlet_shuttle`, the locks and the shared atomics are those of the crate shuttle. It tries
//! the schedules of a few threads; see `tests/schedules.rs`.

#[cfg(all(test, hashlet_shuttle))]
mod scheduled;

use std::cell::Cell;
use std::ops::Deref;
#[cfg(all(feature = "journal", not(all(test, hashlet_shuttle))))]
use std::time::Duration;

use crate::process::Process;
#[cfg(not(all(test, hashlet_shuttle)))]
pub(crate) use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
#[cfg(all(feature = "journal", test, hashlet_shuttle))]
pub(crate) use scheduled::Condvar;
#[cfg(all(test, hashlet_shuttle))]
pub(crate) use scheduled::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
#[cfg(all(test, hashlet_shuttle))]
pub(crate) use shuttle::sync::atomic;
#[cfg(all(test, hashlet_shuttle))]
use shuttle::thread_local;
#[cfg(not(all(test, hashlet_shuttle)))]
pub(crate) use std::sync::atomic;

/// Lets threads wait for a change of what a mutex guards.
#[cfg(all(feature = "journal", not(all(test, hashlet_shuttle))))]
#[derive(Debug, Default)]
pub(crate) struct Condvar(parking_lot::Condvar);

#[cfg(all(feature = "journal", not(all(test, hashlet_shuttle))))]
impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.0.wait(&mut guard);
        guard
    }

    pub(crate) fn wait_for<'a, T>(&self, mut guard: MutexGuard<'a, T>, time: Duration) -> MutexGuard<'a, T> {
        self.0.wait_for(&mut guard, time);
        guard
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// Takes a lock that the threads of `process` share. Returns `None` in a child that was forked while another thread of
/// the parent held it: nobody releases it there.
#[inline]
pub(crate) fn lock_unless_forked<T>(mutex: &Mutex<T>, process: Process) -> Option<MutexGuard<'_, T>> {
    mutex.try_lock().or_else(|| wait_for_lock(mutex, process))
}

#[cold]
fn wait_for_lock<T>(mutex: &Mutex<T>, process: Process) -> Option<MutexGuard<'_, T>> {
    process.is_current().then(|| mutex.lock())
}

/// Releases a lock and hands it to a waiting thread. Otherwise a thread that takes the same lock again and again would
/// get it again before another thread has woken up.
pub(crate) fn hand_over<T>(guard: RwLockWriteGuard<'_, T>) {
    #[cfg(not(all(test, hashlet_shuttle)))]
    RwLockWriteGuard::unlock_fair(guard);
    #[cfg(all(test, hashlet_shuttle))]
    drop(guard);
}

#[cfg(all(feature = "journal", test, hashlet_shuttle))]
pub(crate) use shuttle::thread;
#[cfg(all(feature = "journal", not(all(test, hashlet_shuttle))))]
pub(crate) use std::thread;

/// A value alone on its cache lines, so that threads which work on neighbours in a slice do not slow each other down.
/// The alignment is 128 bytes, because today's processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct CachePadded<T>(pub(crate) T);

impl<T> Deref for CachePadded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

thread_local! {
    static IN_CLOSURE: Cell<bool> = const { Cell::new(false) };
}

/// Marks this thread as running a user's closure under a lock, until it is dropped. An unwinding panic drops it too.
#[derive(Debug)]
pub(crate) struct InClosure(());

impl InClosure {
    pub(crate) fn enter() -> Self {
        IN_CLOSURE.with(|inside| inside.set(true));
        Self(())
    }
}

impl Drop for InClosure {
    fn drop(&mut self) {
        IN_CLOSURE.with(|inside| inside.set(false));
    }
}

/// Whether this thread runs a closure that a store called under its lock.
#[inline]
pub(crate) fn is_inside_closure() -> bool {
    IN_CLOSURE.with(Cell::get)
}

/// Must be called before any lock is taken.
///
/// # Panics
/// If this thread runs a closure that a store called under its lock. A call from there could wait for that very lock.
/// And two threads that use two stores in opposite order would wait for each other for ever.
#[inline]
#[track_caller]
pub(crate) fn assert_outside_closures() {
    assert!(
        !is_inside_closure(),
        "a hashlet store was called from inside a closure that a hashlet store runs under its lock: \
         do the work through the closure's argument, or after the closure has returned"
    );
}
