//! A global allocator that counts. It has three figures:
//! - The bytes asked for, as `stats` and `memory_usage` promise them.
//! - The bytes really taken, as an operating system sees them.
//! - The balance of one thread, which stays exact while other threads work.
//!
//! ```ignore
//! #[global_allocator]
//! static HEAP: heap::Counting = heap::Counting;
//! ```

#![allow(unsafe_code, reason = "a global allocator cannot be written without")]
#![allow(dead_code, reason = "tests and benches read different figures")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static TAKEN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    // It is const and has no destructor. So using it never allocates, and it outlives every other thread-local.
    static BALANCE: Cell<isize> = const { Cell::new(0) };
}

/// Live bytes asked for, in the whole process.
pub(crate) fn live() -> usize {
    LIVE.load(Relaxed)
}

/// The most [`live`] has been since the last [`reset_peak`].
pub(crate) fn peak() -> usize {
    PEAK.load(Relaxed)
}

pub(crate) fn reset_peak() {
    PEAK.store(live(), Relaxed);
}

/// Live bytes taken from the system in the whole process: usable size and 8 bytes of header a block on glibc, elsewhere
/// what was asked for.
pub(crate) fn taken() -> usize {
    TAKEN.load(Relaxed)
}

/// Bytes this thread asked for less those it gave back.
pub(crate) fn balance() -> isize {
    BALANCE.get()
}

/// The system's allocator, counted.
#[derive(Debug)]
pub(crate) struct Counting;

// SAFETY: every call goes to `System` unchanged, and so do its answers; counting neither allocates nor panics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those `System` asks for.
        counted(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        counted(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        discount(taken_by(block, layout.size()), layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let taken = taken_by(block, layout.size());
        // SAFETY: as above.
        let new = unsafe { System.realloc(block, layout, size) };
        if !new.is_null() {
            discount(taken, layout.size());
            counted(new, size);
        }
        new
    }
}

/// The most live bytes of [`Bounded`]: more than any test takes, and far less than a machine has.
pub(crate) const CEILING: usize = 4 << 30;

/// The system's allocator, counted, with a ceiling. Code that trusts a length without checking it then fails its test
/// instead of taking the machine's memory.
#[derive(Debug)]
pub(crate) struct Bounded;

impl Bounded {
    fn has_room(size: usize) -> bool {
        live().checked_add(size).is_some_and(|live| live <= CEILING)
    }
}

// SAFETY: every call goes to `Counting` unchanged, and so do its answers, or is answered as by a system that has no
// memory left.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those `Counting` asks for.
        if Self::has_room(layout.size()) { unsafe { Counting.alloc(layout) } } else { ptr::null_mut() }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        if Self::has_room(layout.size()) { unsafe { Counting.alloc_zeroed(layout) } } else { ptr::null_mut() }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { Counting.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let growth = size.saturating_sub(layout.size());
        // SAFETY: as above.
        if Self::has_room(growth) { unsafe { Counting.realloc(block, layout, size) } } else { ptr::null_mut() }
    }
}

static IS_COUNTING: AtomicBool = AtomicBool::new(false);

/// The system's allocator, counted from the time it is switched on, so that what is not counted is not slowed.
#[derive(Debug)]
pub(crate) struct Switched;

impl Switched {
    pub(crate) fn on() {
        IS_COUNTING.store(true, Relaxed);
    }
}

// SAFETY: every call goes to `System` unchanged, by way of `Counting` or not, and so do its answers.
unsafe impl GlobalAlloc for Switched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that both ask for, here and below.
        if IS_COUNTING.load(Relaxed) { unsafe { Counting.alloc(layout) } } else { unsafe { System.alloc(layout) } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if IS_COUNTING.load(Relaxed) {
            // SAFETY: as above.
            unsafe { Counting.alloc_zeroed(layout) }
        } else {
            // SAFETY: as above.
            unsafe { System.alloc_zeroed(layout) }
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if IS_COUNTING.load(Relaxed) {
            // SAFETY: as above.
            unsafe { Counting.dealloc(block, layout) };
        } else {
            // SAFETY: as above.
            unsafe { System.dealloc(block, layout) };
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if IS_COUNTING.load(Relaxed) {
            // SAFETY: as above.
            unsafe { Counting.realloc(block, layout, size) }
        } else {
            // SAFETY: as above.
            unsafe { System.realloc(block, layout, size) }
        }
    }
}

fn counted(block: *mut u8, size: usize) -> *mut u8 {
    if !block.is_null() {
        let live = LIVE.fetch_add(size, Relaxed) + size;
        PEAK.fetch_max(live, Relaxed);
        TAKEN.fetch_add(taken_by(block, size), Relaxed);
        BALANCE.set(BALANCE.get() + size as isize);
    }
    block
}

fn discount(taken: usize, size: usize) {
    LIVE.fetch_sub(size, Relaxed);
    TAKEN.fetch_sub(taken, Relaxed);
    BALANCE.set(BALANCE.get() - size as isize);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn taken_by(block: *mut u8, _: usize) -> usize {
    // SAFETY: `block` is a live block of the system's malloc: `System` got it from there and has not given it back.
    (unsafe { libc::malloc_usable_size(block.cast()) }) + 8
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn taken_by(_: *mut u8, size: usize) -> usize {
    size
}
