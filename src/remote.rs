//! The vocabulary of a store on a Redis or Valkey server, over the crate `redis`.
//!
//! | file | content |
//! |---|---|
//! | `commands.rs` | the methods of `Hashes`: one command for each, where a server has one |
//! | `set_with.rs` | `set_with`, the only call with many options |
//! | `update.rs` | updates in a closure: load, run, compare and apply |
//! | `changes.rs` | what is compared, and the commands that make one hash of another |
//! | `scripts/` | what a server does in one step and has no command for |
//! | `call.rs` | one request and its answer; what is repeated when a connection is lost |
//! | `pipeline.rs` | many requests at once |
//! | `pool.rs` | connections, and what a server must be able to do |
//! | `answer.rs`, `deadline.rs` | the server's values as Rust's, and Rust's deadlines as the server's |
//! | `any.rs` | `AnyHashes`, a store or a server by name |
//! | `copy.rs` | `copy_to` and `copy_from` |
//! | `error.rs`, `options.rs` | `RemoteError`, `RemoteOptions` |
//!
//! Rejected for updates: WATCH. It needs a connection of its own, and it is lost when a cluster sends a client to
//! another server. The script compares only what the closure has read.

mod answer;
mod any;
mod call;
mod changes;
mod commands;
mod copy;
mod deadline;
mod error;
mod options;
mod pipeline;
mod pool;
mod set_with;
mod update;

use std::fmt;
use std::sync::Arc;

pub use any::AnyHashes;
pub use copy::{CopyError, CopyOptions, CopyReport, CopySource, CopyTarget};
pub use error::RemoteError;
pub use options::RemoteOptions;

use crate::options::Rules;
use crate::sync::assert_outside_closures;
use pool::Pool;

/// Hashes on a Redis or Valkey server, with the methods of [`Hashes`](crate::Hashes) and [`Across`](crate::Across).
/// Clones share their connections. It needs Redis 8.0 or Valkey 9.1, and no cluster.
///
/// Calls have the meaning that they have on a [`Store`](crate::Store), and refuse the same keys and values. What
/// differs stands at [`Hashes`](crate::Hashes). Each call on one key is one atomic step on the server.
///
/// ```no_run
/// use hashlet::{Hashes, Remote, RemoteError};
///
/// let remote = Remote::open("redis://127.0.0.1/")?;
/// remote.set("user:1", "name", "Ada")?;
/// remote.try_update("cart:7", |cart| -> Result<(), RemoteError> {
///     cart.increment("apples", 2)?; // on a copy, which is compared and written back in one step
///     cart.set("touched", "1")?;
///     Ok(())
/// })?;
/// assert_eq!(remote.size("cart:7")?, 2);
/// # Ok::<(), RemoteError>(())
/// ```
///
/// # Updates
/// The closure of an update runs on a copy of the hash. Then the server compares what the closure has read with what is
/// there now. If all is the same, it writes what the closure has changed, in the same step. Otherwise the closure runs
/// again on the new state, at most [`RemoteOptions::attempts`] times. So closures should have no other effects, and two
/// updates that read different fields do not disturb each other. If a closure panics, nothing is changed. An update
/// that changes nothing takes one round trip, any other takes two.
///
/// # Lost connections
/// A call that only reads is repeated. So is any call whose request had not left. Otherwise the error is
/// [`RemoteError::Unknown`], and no change is ever made twice.
///
/// # Panics
/// Every method panics inside a closure that a store or a server's update runs, as those of a store do.
///
/// See the guide: [`guide::outgrowing`](crate::guide::outgrowing).
#[derive(Clone)]
pub struct Remote(Arc<Inner>);

struct Inner {
    pool: Pool,
    options: RemoteOptions,
    /// Those of a store with the default limits.
    rules: Rules,
    server: String,
}

impl Remote {
    /// Connects to a server, and checks that it can do everything that [`Hashes`](crate::Hashes) needs.
    ///
    /// URLs are `redis://[user][:password@]host[:port][/database]` and `unix:///path/of/a/socket[?db=database]`.
    ///
    /// # Errors
    /// [`RemoteError::Wire`] if the server cannot be reached. [`RemoteError::Unsupported`] if the URL is none, or if the
    /// server is older than Redis 8.0 or Valkey 9.1, or a node of a cluster.
    #[track_caller]
    pub fn open(url: &str) -> Result<Self, RemoteError> {
        Self::open_with(url, RemoteOptions::new())
    }

    /// [`open`](Self::open) with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[track_caller]
    pub fn open_with(url: &str, options: RemoteOptions) -> Result<Self, RemoteError> {
        assert_outside_closures();
        let pool = Pool::open(url, options)?;
        let server = pool.address();
        Ok(Self(Arc::new(Inner { pool, options, rules: Rules::default(), server })))
    }

    fn pool(&self) -> &Pool {
        &self.0.pool
    }

    fn options(&self) -> &RemoteOptions {
        &self.0.options
    }

    fn rules(&self) -> &Rules {
        &self.0.rules
    }
}

impl fmt::Debug for Remote {
    /// Shows the address of the server, without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("server", &self.0.server).finish_non_exhaustive()
    }
}
