//! Children that this process forks.

#![allow(unsafe_code, reason = "std does not fork")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

/// A forked child, until it has ended.
#[must_use]
pub(crate) struct Child(libc::pid_t);

/// What [`fork`] returns, in which process.
pub(crate) enum Side {
    Parent(Child),
    Child,
}

pub(crate) fn fork() -> Side {
    // SAFETY: the child runs what a single thread may run after a fork on Linux: memory can be allocated, and of locks only those
    // are taken that no other thread of the tests holds. It ends by `end`.
    match unsafe { libc::fork() } {
        -1 => panic!("no fork: {}", std::io::Error::last_os_error()),
        0 => Side::Child,
        id => Side::Parent(Child(id)),
    }
}

/// Ends this process, a forked child, without the rest of the tests. It tells its parent whether all was as it should be.
pub(crate) fn end(is_right: impl FnOnce() -> bool) -> ! {
    let is_right = catch_unwind(AssertUnwindSafe(is_right)).unwrap_or(false);
    // SAFETY: it ends the process, and runs nothing of it any more.
    unsafe { libc::_exit(i32::from(!is_right)) }
}

/// Does something in a forked child, which returns whether all was as it should be.
pub(crate) fn in_child(work: impl FnOnce() -> bool) -> Child {
    match fork() {
        Side::Parent(child) => child,
        Side::Child => end(work),
    }
}

impl Child {
    /// Waits for the end of the child, which says that all was right. A child that hangs is killed after a while.
    #[track_caller]
    pub(crate) fn assert_right(self) {
        let (begin, mut status) = (Instant::now(), 0);
        loop {
            // SAFETY: `status` is there to be written to, and the child is this process's and was not waited for yet.
            let ended = unsafe { libc::waitpid(self.0, &raw mut status, libc::WNOHANG) };
            assert_ne!(ended, -1, "{}", std::io::Error::last_os_error());
            if ended == self.0 {
                break;
            }
            if begin.elapsed() > Duration::from_secs(60) {
                // SAFETY: as above: the number is still that of the child.
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

/// Makes this process, a forked child, one of a user and a group.
pub(crate) fn become_user(user: u32, group: u32) {
    // SAFETY: no pointer is followed, as no groups are given.
    let results = unsafe { [libc::setgroups(0, std::ptr::null()), libc::setgid(group), libc::setuid(user)] };
    assert_eq!(results, [0; 3], "{}", std::io::Error::last_os_error());
}

/// Sets what new files of this process, a forked child, may not be used for.
pub(crate) fn set_mask(mode: libc::mode_t) {
    // SAFETY: it cannot fail, and other threads are not there.
    unsafe { libc::umask(mode) };
}

pub(crate) fn is_root() -> bool {
    // SAFETY: it only tells.
    (unsafe { libc::geteuid() }) == 0
}
