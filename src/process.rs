//! Which process this is, for what a forked child must leave alone.
//!
//! A child that this process forks has a copy of all its memory and of its open files, but of its threads only the one that
//! forked. So a lock, a temporary file or a handle of a thread that was copied is still the parent's. Whoever holds one
//! remembers the process that made it, and compares before it uses or gives back what the parent still needs.

/// A process: the one that called [`current`](Self::current).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(u32);

impl Process {
    pub(crate) fn current() -> Self {
        Self(id())
    }

    /// Whether this is still that process. A forked child asks about its parent, and is told no.
    pub(crate) fn is_current(self) -> bool {
        self.0 == id()
    }

    /// The number that the system knows it by.
    #[cfg(feature = "snapshot")]
    pub(crate) fn id(self) -> u32 {
        self.0
    }
}

#[cfg(any(unix, windows))]
fn id() -> u32 {
    std::process::id()
}

/// Elsewhere std may know no processes and panic. Nothing forks there.
#[cfg(not(any(unix, windows)))]
fn id() -> u32 {
    0
}
