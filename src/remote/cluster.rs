//! The vocabulary of a store on a cluster of Redis or Valkey servers, over the cluster client of the crate `redis`.
//!
//! | file | content |
//! |---|---|
//! | `name.rs` | `redis+cluster://a,b,c` |
//! | `nodes.rs` | what is different in a cluster: slots, redirects, and which servers there are |
//! | `link.rs` | the connection to one node, which is opened when it is needed, and tells whether a request has left |
//!
//! The client knows the slots, follows redirects and connects to new primaries. A request that was lost is not its business:
//! it would send an increment a second time. So the connections that it is given say so in a way that it does not repeat, and
//! `call.rs` decides, as for one server.
//!
//! Rejected: the client's pipelines and its calls on several nodes. Where an answer to a pipeline is a redirect it is returned
//! as an error, and a call on all primaries panics if the client has to learn the slots meanwhile.

mod link;
mod name;
mod nodes;

use std::fmt;
use std::sync::Arc;

use super::answer::text;
use super::call::Caller;
use super::request::Request;
use super::servers::{Server, Servers, check_server};
use super::{RemoteError, RemoteOptions};
use crate::sync::assert_outside_closures;
use crate::value::HashMut;
pub(super) use name::SCHEME;
use nodes::Nodes;

/// Hashes on a cluster of Redis or Valkey servers, with the methods of [`Hashes`](crate::Hashes). Clones share their
/// connections. It needs Redis 8.0 or Valkey 9.1.
///
/// Everything that stands at [`Remote`](crate::Remote) holds here, for each key on its primary. This is different:
///
/// * **Keys of one call must be in one slot.** Otherwise the error is [`RemoteError::CrossSlot`], before anything is
///   sent. That is so for `rename`, `copy` and `clear_many`. Keys with the same tag, the part of a key in `{}`, are in one
///   slot: `{user:1}profile` and `{user:1}cart`.
/// * **Updates of several hashes** are [`update_tagged`](Self::update_tagged).
/// * **A `scan` of one hash** goes on in another order after the slot of the hash has moved or its primary has changed, and can
///   leave out fields that were there all the time. [`get_all`](crate::Hashes::get_all) and [`read`](crate::Hashes::read) see
///   the whole hash.
/// * **`keys`, `key_count`, `is_empty`, `clear_all`, `clear_matching`, and scans of keys** ask one primary after the other. They
///   are not one step. If slots move or primaries change meanwhile, a key may be counted twice or not at all. If one primary fails after
///   `clear_all` has emptied another, the error is [`RemoteError::Unknown`].
///
/// ```no_run
/// use hashlet::{Hashes, RemoteCluster, RemoteError};
///
/// let cluster = RemoteCluster::open("redis+cluster://10.0.0.1,10.0.0.2,10.0.0.3")?;
/// cluster.set("user:1", "name", "Ada")?;
/// cluster.try_update_tagged("ada", ["account", "savings"], |[account, savings]| -> Result<(), RemoteError> {
///     account.increment("balance", -30)?;
///     savings.increment("balance", 30)?;
///     Ok(())
/// })?;
/// assert_eq!(cluster.get("{ada}savings", "balance")?.as_deref(), Some(&b"30"[..]));
/// # Ok::<(), RemoteError>(())
/// ```
///
/// # Slots that move, and primaries that die
/// A server that does not hold a key says so and does nothing. Then the call is made where the key is now. If the primary of a
/// key cannot be reached or is not elected yet, calls that were not sent are made again, at most for
/// [`RemoteOptions::patience`]. Those about all keys begin anew in that case. A call whose request had left when the connection
/// was lost is [`RemoteError::Unknown`], unless it only reads. No change is ever made twice.
///
/// While a slot moves key by key, a call on several keys of it waits until all are on one server: `update_tagged`, `rename`,
/// `copy` and `clear_many`. A key that does not exist is on none, so a call with such a key waits until the whole slot has
/// moved. If patience ends before, nothing was done, and the error is [`RemoteError::Server`] with `TRYAGAIN`.
///
/// A node that hangs, without closing its connections, is noticed by calls on its own keys after
/// [`RemoteOptions::timeout`]. Calls on other nodes connect anew then. They ask one of the servers that were named for the slots:
/// if that is the one that hangs, up to twice [`RemoteOptions::connect_timeout`] passes before the next is asked, and it is
/// asked last for a minute. A call that is redirected may ask it too, and calls about all keys need it if it is a primary.
///
/// A primary that dies takes the changes with it that no replica has yet, acknowledged ones too. See the guide:
/// [`guide::cluster`](crate::guide::cluster).
///
/// # Connections
/// Each call that runs has a connection to its node, and keeps those that calls before it have opened to other nodes. So there
/// are usually as many as primaries, times calls that run at the same time. Calls are answered by primaries only. A replica
/// gets a connection only to be asked for the slots.
///
/// # Users
/// A user needs the permissions that [`Remote`](crate::Remote#users) names, and
/// CLUSTER SLOTS and PING, and for [copies](crate::Store::copy_from) CLUSTER NODES.
///
/// # Panics
/// Every method panics inside a closure that a store or a server's update runs, as those of a store do.
#[derive(Clone)]
pub struct RemoteCluster(Arc<Caller<Nodes>>);

impl RemoteCluster {
    /// Connects to a cluster, and checks that its primaries can do everything that [`Hashes`](crate::Hashes) needs. Those that
    /// cannot be reached are not checked.
    ///
    /// Names are `redis+cluster://[user][:password@]host[:port],host[:port],…`. Each of the hosts is asked for the others, so
    /// one is enough while it is there, and several are better. Port 6379 need not be named. O(nodes).
    ///
    /// # Errors
    /// [`RemoteError::Wire`] if none of the hosts or none of the primaries can be reached. [`RemoteError::Denied`] if they do not accept the user or the
    /// password. [`RemoteError::Unsupported`] if the name is none, or if a server is older than Redis 8.0 or Valkey 9.1, or
    /// no node of a cluster.
    #[track_caller]
    pub fn open(name: &str) -> Result<Self, RemoteError> {
        Self::open_with(name, RemoteOptions::new())
    }

    /// [`open`](Self::open) with options.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use hashlet::{RemoteCluster, RemoteOptions};
    ///
    /// let options = RemoteOptions::new().patience(Duration::from_secs(60));
    /// let cluster = RemoteCluster::open_with("redis+cluster://10.0.0.1,10.0.0.2", options)?;
    /// # Ok::<(), hashlet::RemoteError>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[track_caller]
    pub fn open_with(name: &str, options: RemoteOptions) -> Result<Self, RemoteError> {
        assert_outside_closures();
        let nodes = Nodes::new(name::read(name)?);
        // Without the cluster client, which would not tell why a server that is no node of a cluster is of no use.
        let mut unreachable = None;
        for server in nodes.servers()? {
            match server.info(&options) {
                Ok(info) => {
                    check_server(&info, true)?;
                    unreachable = None;
                    break;
                }
                Err(error @ RemoteError::Wire(_)) => unreachable = Some(error),
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = unreachable {
            return Err(error);
        }
        let caller = Caller::new(nodes, options);
        let mut checks = Vec::new();
        for node in caller.nodes()? {
            match caller.ask(Request::to_node("INFO", &node).arg("server"), |info| check_server(&text(info)?, true)) {
                Err(error) if !matches!(error, RemoteError::Wire(_)) => return Err(error),
                check => checks.push(check),
            }
        }
        // One that cannot be reached has perhaps just died. The others hold their keys all the same.
        if checks.iter().all(Result::is_err) {
            checks.into_iter().collect::<Result<(), _>>()?;
        }
        Ok(Self(Arc::new(caller)))
    }

    /// Lends the hashes of several keys with one tag to a closure, which can read and change all of them in one atomic step.
    /// The key of a name is `{tag}name`. What the closure did stays done, whatever it returns. It may run again, as in
    /// [`Hashes::update`](crate::Hashes::update). O(n): all these hashes are fetched.
    ///
    /// ```no_run
    /// use hashlet::RemoteCluster;
    ///
    /// let cluster = RemoteCluster::open("redis+cluster://10.0.0.1,10.0.0.2,10.0.0.3")?;
    /// let items = cluster.update_tagged("user:1", ["cart", "orders"], |[cart, orders]| {
    ///     cart.iter().for_each(|(item, count)| _ = orders.set(item, count));
    ///     cart.clear()
    /// })?;
    /// # Ok::<(), hashlet::RemoteError>(())
    /// ```
    ///
    /// # Errors
    /// [`RemoteError::Refused`] if a name is given twice. [`RemoteError::CrossSlot`] if the tag is empty or begins with `}`,
    /// because it is none then. Nothing is sent in these cases.
    /// Otherwise as [`Hashes`](crate::Hashes#errors) says.
    #[doc(alias = "MULTI")]
    #[track_caller]
    pub fn update_tagged<K: AsRef<[u8]>, const N: usize, R>(
        &self,
        tag: impl AsRef<[u8]>,
        names: [K; N],
        mut update: impl FnMut(&mut [HashMut<'_>; N]) -> R,
    ) -> Result<R, RemoteError> {
        self.try_update_tagged(tag, names, |hashes| Ok(update(hashes)))
    }

    /// [`update_tagged`](Self::update_tagged), but if the closure returns `Err` or panics, nothing is changed.
    ///
    /// ```no_run
    /// use hashlet::{RemoteCluster, RemoteError};
    ///
    /// let cluster = RemoteCluster::open("redis+cluster://10.0.0.1,10.0.0.2,10.0.0.3")?;
    /// cluster.try_update_tagged("ada", ["account", "savings"], |[account, savings]| -> Result<(), RemoteError> {
    ///     account.increment("balance", -30)?;
    ///     savings.increment("balance", 30)?;
    ///     Ok(())
    /// })?;
    /// # Ok::<(), RemoteError>(())
    /// ```
    ///
    /// # Errors
    /// Those of the closure, and those of `update_tagged`.
    #[doc(alias = "MULTI")]
    #[track_caller]
    pub fn try_update_tagged<K: AsRef<[u8]>, const N: usize, R, E: From<RemoteError>>(
        &self,
        tag: impl AsRef<[u8]>,
        names: [K; N],
        update: impl FnMut(&mut [HashMut<'_>; N]) -> Result<R, E>,
    ) -> Result<R, E> {
        let tag = tag.as_ref();
        if matches!(tag, [] | [b'}', ..]) {
            return Err(RemoteError::CrossSlot.into()); // a key has a tag up to its first } only if that is not empty
        }
        let keys = names.map(|name| [b"{", tag, b"}", name.as_ref()].concat());
        self.0.update_copies(keys.each_ref().map(|key| &key[..]), update)
    }

    pub(super) fn caller(&self) -> &Caller<Nodes> {
        &self.0
    }
}

impl fmt::Debug for RemoteCluster {
    /// Shows the servers that [`open`](Self::open) was given, without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteCluster").field("servers", &self.0.servers().addresses()).finish_non_exhaustive()
    }
}
