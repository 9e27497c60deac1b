//! The vocabulary of a store on a Redis or Valkey server or cluster, over the crate `redis`.
//!
//! | file | content |
//! |---|---|
//! | `commands.rs` | the methods of `Hashes`: one command for each, where a server has one |
//! | `set_with.rs` | `set_with`, the only call with many options |
//! | `update.rs` | updates in a closure: load, run, compare and apply |
//! | `changes.rs` | what is compared, and the commands that make one hash of another |
//! | `scripts/` | what a server does in one step and has no command for |
//! | `call.rs` | `Caller`: one request and its answer; what is repeated when a connection is lost |
//! | `request.rs`, `pipeline.rs` | one request, and many at once |
//! | `servers.rs` | where requests go: the trait that one server and a cluster have in common; one server |
//! | `cluster.rs` | `RemoteCluster`: the nodes of a cluster |
//! | `walk.rs` | walks over all keys, each on one process of a server; whether the servers have changed meanwhile |
//! | `pool.rs` | connections |
//! | `forward.rs` | `Remote` and `RemoteCluster` have the methods of `Caller` |
//! | `answer.rs`, `deadline.rs` | the server's values as Rust's, and Rust's deadlines as the server's |
//! | `any.rs` | `AnyHashes`, a store, a server or a cluster by name |
//! | `copy.rs` | `copy_to` and `copy_from` |
//! | `error.rs`, `options.rs` | `RemoteError`, `RemoteOptions` |
//!
//! Rejected for updates: WATCH. It needs a connection of its own, and it is lost when a cluster sends a client to
//! another server. The script compares only what the closure has read.

mod answer;
mod any;
mod call;
mod changes;
mod cluster;
mod commands;
mod copy;
mod deadline;
mod error;
mod forward;
mod options;
mod pipeline;
mod pool;
mod request;
mod servers;
mod set_with;
mod update;
mod walk;

use std::fmt;
use std::sync::Arc;

pub use any::AnyHashes;
pub use cluster::RemoteCluster;
pub use copy::{CopyError, CopyOptions, CopyReport, CopySource, CopyTarget};
pub use error::RemoteError;
pub use options::RemoteOptions;

use crate::sync::assert_outside_closures;
use call::Caller;
use servers::{Server, check_server};

/// Hashes on a Redis or Valkey server, with the methods of [`Hashes`](crate::Hashes) and [`Across`](crate::Across).
/// Clones share their connections. It needs Redis 8.0 or Valkey 9.1. For a cluster, see [`RemoteCluster`].
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
/// [`RemoteError::Unknown`], and no change is ever made twice. When a connection is lost, or a server says that it is a
/// replica now, all connections that no call uses are closed, because they are probably lost too.
///
/// A cursor is of one process of a server. If the server is restarted meanwhile, or another one takes its place,
/// [`keys`](crate::Hashes::keys), [`clear_matching`](crate::Hashes::clear_matching) and
/// [`Store::copy_from`](crate::Store::copy_from) begin anew. The pages of [`scan`](crate::Hashes::scan),
/// [`scan_keys`](crate::Hashes::scan_keys), [`iter_keys`](crate::Hashes::iter_keys) and their like then go on in another
/// order, and can leave out what was there all the time.
///
/// # What has expired
/// A field or key that has expired is absent for every call that returns fields, values or deadlines of fields, for
/// conditions on fields, and in closures. A server removes it some time later: usually within a second, or later if there
/// is much to remove. These answers are different until then:
///
/// | what has expired | call | answer | why |
/// |---|---|---|---|
/// | a field | `size` | counts it | HLEN is a count that is kept, and nothing is looked at |
/// | a field, on Redis only | `set`, `set_many` | `false`, not counted as new | HSET overwrites what is still there |
/// | a field, on Redis only | `remove`, `remove_many` | `true`, counted | HDEL removes what is still there |
/// | most fields of a hash, on Valkey only | `random_field`, `random_fields`, `random_field_names` | none or fewer, though there are others | HRANDFIELD gives up after some attempts |
/// | all fields of a hash | `contains_key`, `expire`, `persist`, `ttl`, `deadline`, `rename`, `copy`, `clear`, `clear_matching`, `keys` and scans of keys, `random_key`, `key_count` | as for a hash that is there | the server removes the key with its last field, and that is not removed yet |
/// | all fields of a hash | `set_with` on the condition that the key is absent or present | as for a hash that is there | the same |
/// | all fields of a hash whose key has a deadline | `set` and all other calls that set a field, outside a closure | the hash keeps the deadline of its key | the same |
///
/// In a closure of `update` and its like such a hash is empty, and what is set there begins without a deadline. So where
/// this matters, use an update: `update(key, |hash| hash.set(field, value))` returns what a store would return.
///
/// # Users
/// A user of the server needs the permission for the commands of hashes, keys and connections, and for EVAL, EVALSHA,
/// TIME, INFO and FLUSHDB. What a user may not do is refused as [`RemoteError::Denied`], and nothing is changed.
///
/// # Panics
/// Every method panics inside a closure that a store or a server's update runs, as those of a store do.
///
/// See the guide: [`guide::outgrowing`](crate::guide::outgrowing).
#[derive(Clone)]
pub struct Remote(Arc<Caller<Server>>);

impl Remote {
    /// Connects to a server, and checks that it can do everything that [`Hashes`](crate::Hashes) needs.
    ///
    /// URLs are `redis://[user][:password@]host[:port][/database]` and `unix:///path/of/a/socket[?db=database]`. If a URL
    /// names a version of the protocol, that has no effect: `Remote` always speaks RESP2.
    ///
    /// # Errors
    /// [`RemoteError::Wire`] if the server cannot be reached. [`RemoteError::Denied`] if it does not accept the user or the
    /// password. [`RemoteError::Unsupported`] if the URL is none, or if the
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
        let caller = Caller::new(Server::new(url)?, options);
        check_server(&caller.first_info()?, false)?;
        Ok(Self(Arc::new(caller)))
    }

    fn caller(&self) -> &Caller<Server> {
        &self.0
    }
}

impl fmt::Debug for Remote {
    /// Shows the address of the server, without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("server", &self.0.servers().address()).finish_non_exhaustive()
    }
}
