//! The fault of a simulated disk: the operation that fails, and how it fails.

use std::io;

/// The kind of an operation. Tests count operations by kind, and make some kinds fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Lock,
    LookAtLock,
    List,
    Remove,
    Access,
    Create,
    SetAccess,
    Write,
    Sync,
    LookAtFile,
    LookAtPath,
    Compare,
    Link,
    Rename,
    SyncFolder,
    Open,
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// EIO.
    Damaged,
    /// ENOSPC.
    NoSpace,
    /// EINTR.
    Interrupted,
    /// Half of the bytes are written or read, at least one. It does nothing to an operation without bytes.
    Short,
}

/// See the module's documentation. A fault counts operations from the moment when it is given to the disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    nth: usize,
    of: Option<Kind>,
    failure: Failure,
    sticky: bool,
    passed: usize,
}

impl Fault {
    /// Fails one operation, after this many others.
    pub(crate) fn after(passing: usize, failure: Failure) -> Self {
        Self { nth: passing, of: None, failure, sticky: false, passed: 0 }
    }

    /// Counts and fails operations of this kind only.
    pub(crate) fn of(self, kind: Kind) -> Self {
        Self { of: Some(kind), ..self }
    }

    /// Fails all operations from then on, not only one.
    pub(crate) fn sticky(self) -> Self {
        Self { sticky: true, ..self }
    }

    /// Fails the operation, or returns how many of its bytes it processes.
    pub(super) fn strike(&mut self, kind: Kind, bytes: usize) -> io::Result<usize> {
        if self.of.is_some_and(|of| of != kind) {
            return Ok(bytes);
        }
        let number = self.passed;
        self.passed += 1;
        if number < self.nth || (number > self.nth && !self.sticky) {
            return Ok(bytes);
        }
        let failed = match self.failure {
            Failure::Damaged => io::ErrorKind::Other, // std has no name for it
            Failure::NoSpace => io::ErrorKind::StorageFull,
            Failure::Interrupted => io::ErrorKind::Interrupted,
            Failure::Short => return Ok(bytes.div_ceil(2)),
        };
        Err(io::Error::new(failed, format!("fault {} of a {kind:?}", number - self.nth)))
    }
}
