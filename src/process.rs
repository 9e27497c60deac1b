//! The identity of a process. With it, code notices that it runs in a forked child, which must leave the parent's
//! things alone.
//!
//! A forked child has a copy of the parent's memory and open files, but of the threads it has only the one that forked.
//! So a copied lock, temporary file or thread handle still belongs to the parent. The owner of such a thing remembers
//! the process that made it. It compares that process with the current one before it uses or releases the thing.

/// The process that called [`current`](Self::current).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process(u32);

impl Process {
    pub(crate) fn current() -> Self {
        Self(id())
    }

    /// Whether the calling process is this process. It is `false` in a forked child that asks about its parent.
    pub(crate) fn is_current(self) -> bool {
        self.0 == id()
    }

    /// The process number that the system uses.
    #[cfg(feature = "snapshot")]
    pub(crate) fn id(self) -> u32 {
        self.0
    }
}

#[cfg(any(unix, windows))]
fn id() -> u32 {
    std::process::id()
}

/// On other platforms std may have no processes and panic. Nothing forks there.
#[cfg(not(any(unix, windows)))]
fn id() -> u32 {
    0
}
