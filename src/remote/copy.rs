//! Copies of all hashes between a store and a server or a cluster.
//!
//! | file | content |
//! |---|---|
//! | `out.rs` | from a store to servers |
//! | `into.rs` | from servers into a store |
//!
//! Rejected: DUMP and RESTORE. Their bytes depend on the version of the server.

mod into;
mod out;

use std::fmt;
use std::time::Duration;

use super::{Remote, RemoteCluster, RemoteError};
use crate::error::Error;
use crate::snapshot::Progress;

/// What [`Store::copy_to`](crate::Store::copy_to) can copy to: a [`Remote`] or a [`RemoteCluster`].
pub trait CopyTarget: sealed::Place {}

/// What [`Store::copy_from`](crate::Store::copy_from) can copy from: a [`Remote`] or a [`RemoteCluster`].
pub trait CopySource: sealed::Place {}

impl CopyTarget for Remote {}
impl CopySource for Remote {}
impl CopyTarget for RemoteCluster {}
impl CopySource for RemoteCluster {}

mod sealed {
    use super::{Remote, RemoteCluster};

    /// One of the places to copy to and from.
    #[derive(Debug)]
    pub enum Which<'a> {
        Remote(&'a Remote),
        Cluster(&'a RemoteCluster),
    }

    pub trait Place {
        fn which(&self) -> Which<'_>;
    }

    impl Place for Remote {
        fn which(&self) -> Which<'_> {
            Which::Remote(self)
        }
    }

    impl Place for RemoteCluster {
        fn which(&self) -> Which<'_> {
            Which::Cluster(self)
        }
    }
}

/// How hashes are copied.
#[derive(Default)]
#[must_use]
pub struct CopyOptions<'a> {
    progress: Option<Box<dyn FnMut(Progress) + 'a>>,
}

impl<'a> CopyOptions<'a> {
    /// Returns options without a closure.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls a closure after each request or so. The closure runs on the thread that copies, with no lock held.
    pub fn progress(mut self, progress: impl FnMut(Progress) + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    fn tell(&mut self, so_far: &CopyReport, expected_keys: u64) {
        if let Some(progress) = &mut self.progress {
            progress(Progress { keys: so_far.keys, expected_keys, bytes: so_far.bytes });
        }
    }
}

impl fmt::Debug for CopyOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyOptions").finish_non_exhaustive()
    }
}

/// The result of a copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyReport {
    /// Hashes copied. `copy_from` counts a hash twice, here and below, if the server names its key twice. It may do that
    /// while its number of keys changes much.
    pub keys: u64,
    /// Fields copied.
    pub fields: u64,
    /// Bytes of the keys, fields and values copied.
    pub bytes: u64,
    /// How long it took.
    pub duration: Duration,
    /// Whether slots of the cluster moved, or primaries changed, were started again or could not be reached at the end, or nodes
    /// did not agree about the slots. Then [`copy_from`](crate::Store::copy_from) may have missed hashes, and a primary that
    /// died may have lost what [`copy_to`](crate::Store::copy_to) had copied. So call it again, but not without end: a slot that
    /// is on its way counts as one that moves, and if its move was interrupted, it stays so until somebody mends it. Slots that
    /// only move take nothing from `copy_to`. It is `false` for a single server: there a copy begins anew, or fails.
    pub topology_changed: bool,
}

impl CopyReport {
    fn count(&mut self, key: &[u8], fields: usize, bytes: usize) {
        self.keys += 1;
        self.fields += fields as u64;
        self.bytes += (key.len() + bytes) as u64;
    }
}

/// Why a copy has failed. What was copied before is there, unless the server has lost it.
#[derive(Debug)]
#[non_exhaustive]
pub enum CopyError {
    /// A call on the server has failed.
    Remote(RemoteError),
    /// The store refuses a hash, because it exceeds a limit or the journal has failed.
    Refused {
        /// The key of the hash.
        key: Vec<u8>,
        /// The reason.
        error: Error,
    },
    /// A hash has a deadline that no server can hold: it is after the year 4199.
    TooLate {
        /// The key of the hash.
        key: Vec<u8>,
    },
    /// The store is being saved or copied already.
    Busy,
}

impl fmt::Display for CopyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(error) => error.fmt(f),
            Self::Refused { key, error } => write!(f, "the hash \"{}\" is refused: {error}", key.escape_ascii()),
            Self::TooLate { key } => {
                write!(f, "the hash \"{}\" has a deadline after the year 4199", key.escape_ascii())
            }
            Self::Busy => f.write_str("the store is being saved or copied already"),
        }
    }
}

impl std::error::Error for CopyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Remote(error) => Some(error),
            Self::Refused { error, .. } => Some(error),
            Self::TooLate { .. } | Self::Busy => None,
        }
    }
}

impl From<RemoteError> for CopyError {
    fn from(error: RemoteError) -> Self {
        Self::Remote(error)
    }
}
