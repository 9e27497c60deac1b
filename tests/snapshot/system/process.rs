//! Children that this process forks.

#![allow(unsafe_code, reason = "std does not fork")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

/// A forked child, until it has ended.
#[must_use]
pub(crate) struct Child(libc::pid_t);

/// What [`fork`] returns in the parent and in the child.
pub(crate) enum Side {
    Parent(Child),
    Child,
}

pub(crate) fn fork() -> Side {
    // SAFETY: on Linux, a child with a single thread may run what these tests run: it may allocate memory, and it takes
    // only locks that no other thread of the tests holds. It ends by `end`.
    match unsafe { libc::fork() } {
        -1 => panic!("no fork: {}", std::io::Error::last_os_error()),
        0 => Side::Child,
        id => Side::Parent(Child(id)),
    }
}

/// Ends this process, a forked child, without running other tests. Its status tells the parent whether `is_right`
/// holds.
pub(crate) fn end(is_right: impl FnOnce() -> bool) -> ! {
    let is_right = catch_unwind(AssertUnwindSafe(is_right)).unwrap_or(false);
    // SAFETY: it ends the process, and runs no more of its code.
    unsafe { libc::_exit(i32::from(!is_right)) }
}

/// Runs `work` in a forked child. It returns whether everything was right.
pub(crate) fn in_child(work: impl FnOnce() -> bool) -> Child {
    match fork() {
        Side::Parent(child) => child,
        Side::Child => end(work),
    }
}

impl Child {
    /// Waits until the child ends, and asserts that it reports success. A child that hangs is killed after a minute.
    #[track_caller]
    pub(crate) fn assert_right(self) {
        let (begin, mut status) = (Instant::now(), 0);
        loop {
            // SAFETY: `status` can be written to. The child belongs to this process, and has not been waited for.
            let ended = unsafe { libc::waitpid(self.0, &raw mut status, libc::WNOHANG) };
            assert_ne!(ended, -1, "{}", std::io::Error::last_os_error());
            if ended == self.0 {
                break;
            }
            if begin.elapsed() > Duration::from_secs(60) {
                // SAFETY: the child has not been waited for, so the number is still its own.
                unsafe { libc::kill(self.0, libc::SIGKILL) };
            }
            thread::sleep(Duration::from_millis(1));
        }
        assert!(libc::WIFEXITED(status), "the child was killed: {status:#x}");
        assert_eq!(libc::WEXITSTATUS(status), 0, "the child says that it was wrong");
    }
}

/// Makes a pipe with a name.
pub(crate) fn make_pipe(path: &std::path::Path) {
    let path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the path is a string that ends in a zero.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0, "{}", std::io::Error::last_os_error());
}

/// Gives this process, a forked child, another user and group.
pub(crate) fn become_user(user: u32, group: u32) {
    // SAFETY: the pointer is not followed, because no groups are given.
    let results = unsafe { [libc::setgroups(0, std::ptr::null()), libc::setgid(group), libc::setuid(user)] };
    assert_eq!(results, [0; 3], "{}", std::io::Error::last_os_error());
}

/// Sets the permissions that new files of this process, a forked child, do not get.
pub(crate) fn set_mask(mode: libc::mode_t) {
    // SAFETY: it cannot fail, and there are no other threads.
    unsafe { libc::umask(mode) };
}

pub(crate) fn is_root() -> bool {
    // SAFETY: it only returns a number.
    (unsafe { libc::geteuid() }) == 0
}
