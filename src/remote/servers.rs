//! Where requests go: to one server, or to the nodes of a cluster. Everything else about a call is the same for both.

use std::collections::HashMap;
use std::time::Duration;

use redis::cluster_routing::Slot;
use redis::{Client, Connection, ConnectionLike, IntoConnectionInfo, ProtocolVersion, Value};

use super::answer::text;
use super::call::Caller;
use super::error::Reason;
use super::pipeline::Pipeline;
use super::request::Request;
use super::{RemoteError, RemoteOptions};

type Result<T> = std::result::Result<T, RemoteError>;

/// One server, or the nodes of a cluster.
pub(super) trait Servers: Send + Sync + Sized {
    /// What a call uses alone while it runs: a connection to the server, or connections to all nodes.
    type Connection: Send;

    /// Whether keys may be on different servers.
    const SPLITS_KEYS: bool;

    fn connect(&self, options: &RemoteOptions) -> Result<Self::Connection>;

    /// Whether a connection that has rested is answered in this time. Afterwards it waits as the options say again.
    fn still_works(connection: &mut Self::Connection, shorter: Duration, options: &RemoteOptions) -> bool;

    /// # Errors
    /// `CrossSlot` if the keys of a request may be on different servers.
    fn check(request: &Request) -> Result<()>;

    /// Sends a request and receives its answer.
    fn exchange(connection: &mut Self::Connection, request: &Request) -> Exchanged<Value>;

    /// Sends a pipeline to the server of its first key, and receives all answers.
    fn exchange_all(connection: &mut Self::Connection, pipeline: &Pipeline) -> Exchanged<Vec<Result<Value>>>;

    /// The servers, and the keys that are on each.
    fn topology(caller: &Caller<Self>) -> Result<Topology>;

    /// What a server tells of itself.
    fn account(caller: &Caller<Self>, node: &Node) -> Result<Account>;
}

/// An answer or a refusal, or what has kept it from arriving.
pub(super) type Exchanged<T> = std::result::Result<Result<T>, Lost>;

/// Why there is no answer.
pub(super) enum Lost {
    /// The request was not handed over whole, so the server has not done it.
    BeforeRequest(Reason),
    AfterRequest(Reason),
    /// The server has done nothing, and says that another one, or the same one later, does it.
    Elsewhere(RemoteError),
}

/// A server that holds keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    /// A number that it keeps.
    pub(super) id: u64,
    pub(super) host: String,
    pub(super) port: u16,
}

/// Which servers hold which keys, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topology {
    /// In the order of their numbers.
    pub(super) nodes: Vec<Node>,
    /// The first and last slot of a range, and the place of its server in `nodes`.
    pub(super) slots: Vec<(u16, u16, usize)>,
}

/// What a server of a cluster tells of itself. A single server tells nothing. Two are equal if the server has the same slots
/// and the same part in the cluster, and if neither has changed between them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    /// Its id, its part, its primary, and the number of the last change of its slots.
    pub(super) part: String,
    /// The first and last slot of each range that it holds.
    pub(super) slots: Vec<(u16, u16)>,
    /// The slots that are on their way to it or from it, each with the other server.
    pub(super) on_the_way: Vec<String>,
}

impl Account {
    pub(super) fn has_slots_on_the_way(&self) -> bool {
        !self.on_the_way.is_empty()
    }
}

impl Topology {
    /// Whether each server holds those slots that this says, by its own account. There is one for each server. A server that
    /// tells of others may have old news.
    pub(super) fn agrees_with<'a>(&self, accounts: impl Iterator<Item = &'a Account>) -> bool {
        accounts.enumerate().all(|(at, account)| {
            let told = self.slots.iter().filter(|(_, _, place)| *place == at);
            told.map(|(first, last, _)| (*first, *last)).eq(account.slots.iter().copied())
        })
    }

    /// The place in `nodes` of the server of each slot that one holds.
    pub(super) fn places(&self) -> HashMap<Slot, usize> {
        let of_range = |(first, last, place): &(u16, u16, usize)| {
            let place = *place;
            (*first..=*last).filter_map(move |slot| Some((Slot::new(slot)?, place)))
        };
        self.slots.iter().flat_map(of_range).collect()
    }
}

/// One server.
pub(super) struct Server(Client);

impl Server {
    /// A client for a URL. Whatever protocol the URL names, it speaks RESP2, whose answers `answer.rs` reads.
    pub(super) fn new(url: impl IntoConnectionInfo) -> Result<Self> {
        let info = url.into_connection_info()?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        Ok(Self(Client::open(info.set_redis_settings(settings))?))
    }

    /// Its address, without user and password.
    pub(super) fn address(&self) -> String {
        self.0.get_connection_info().addr().to_string()
    }

    /// Connects once, and asks what it is.
    pub(super) fn info(&self, options: &RemoteOptions) -> Result<String> {
        let mut info = redis::cmd("INFO");
        text(self.connect(options)?.req_command(info.arg("server"))?)
    }
}

impl Servers for Server {
    type Connection = Connection;

    const SPLITS_KEYS: bool = false;

    fn connect(&self, options: &RemoteOptions) -> Result<Connection> {
        let connection = self.0.get_connection_with_timeout(options.connect_timeout)?;
        connection.set_read_timeout(Some(options.timeout))?;
        connection.set_write_timeout(Some(options.timeout))?;
        Ok(connection)
    }

    fn still_works(connection: &mut Connection, shorter: Duration, options: &RemoteOptions) -> bool {
        if connection.set_read_timeout(Some(shorter)).is_err() {
            return false;
        }
        let is_answered = match connection.req_command(&redis::cmd("PING")) {
            Ok(answer) => matches!(answer, Value::SimpleString(_)),
            // The server refuses for now. It will tell the call why.
            Err(error) => !matches!(RemoteError::from(error), RemoteError::Wire(_)),
        };
        is_answered && connection.set_read_timeout(Some(options.timeout)).is_ok()
    }

    fn check(_: &Request) -> Result<()> {
        Ok(())
    }

    fn exchange(connection: &mut Connection, request: &Request) -> Exchanged<Value> {
        connection
            .send_packed_command(&request.command.get_packed_command())
            .map_err(|error| Lost::BeforeRequest(Box::new(error)))?;
        receive(connection)
    }

    fn exchange_all(connection: &mut Connection, pipeline: &Pipeline) -> Exchanged<Vec<Result<Value>>> {
        connection.send_packed_command(pipeline.bytes()).map_err(|error| Lost::BeforeRequest(Box::new(error)))?;
        let answers: std::result::Result<_, Lost> = (0..pipeline.commands()).map(|_| receive(connection)).collect();
        answers.map(Ok)
    }

    fn topology(_: &Caller<Self>) -> Result<Topology> {
        Ok(Topology { nodes: vec![Node { id: 0, host: String::new(), port: 0 }], slots: Vec::new() })
    }

    fn account(_: &Caller<Self>, _: &Node) -> Result<Account> {
        Ok(Account::default())
    }
}

/// Receives one answer, or what the server refuses.
fn receive(connection: &mut Connection) -> Exchanged<Value> {
    Ok(match connection.recv_response().map_err(|error| Lost::AfterRequest(Box::new(error)))? {
        Value::ServerError(error) => Err(RemoteError::answered(error.code(), error.details().unwrap_or(""))),
        answer => Ok(answer),
    })
}

/// Fails if a server cannot do everything, or is a node of a cluster where none is wanted or the other way round. Its INFO
/// tells.
pub(super) fn check_server(info: &str, in_cluster: bool) -> Result<()> {
    let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let (name, version, least) = match (value("valkey_version"), value("redis_version")) {
        (Some(version), _) => ("Valkey", version, (9, 1)),
        (None, Some(version)) => ("Redis", version, (8, 0)),
        (None, None) => return Err(RemoteError::Unsupported("a server that does not tell its version".into())),
    };
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let found: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < least {
        let (major, minor) = least;
        return Err(RemoteError::Unsupported(format!(
            "{name} {version}; {name} {major}.{minor} is the oldest that is"
        )));
    }
    let is_node = value("redis_mode") == Some("cluster") || value("server_mode") == Some("cluster");
    match (in_cluster, is_node) {
        (false, true) => Err(RemoteError::Unsupported(format!(
            "{name} as a node of a cluster, by a URL for one server; begin it with redis+cluster:"
        ))),
        (true, false) => Err(RemoteError::Unsupported(format!(
            "{name} without a cluster, by a URL for a cluster; begin it with redis:"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_and_servers_of_the_other_kind_are_refused() {
        let info = |lines: &[&str]| check_server(&lines.join("\r\n"), false);
        assert!(info(&["# Server", "redis_version:8.2.3", "redis_mode:standalone"]).is_ok());
        assert!(info(&["redis_version:8.0.0"]).is_ok());
        assert!(info(&["server_name:valkey", "redis_version:7.2.4", "valkey_version:9.1.2"]).is_ok());
        for lines in [
            &["redis_version:7.4.9"][..],
            &["redis_version:7.2.4", "valkey_version:9.0.9"],
            &["redis_version:8.2.3", "redis_mode:cluster"],
            &["redis_version:new"],
            &["name:other"],
        ] {
            assert!(matches!(info(lines), Err(RemoteError::Unsupported(_))), "{lines:?}");
        }
        assert!(check_server("redis_version:8.2.3\r\nredis_mode:cluster", true).is_ok());
        assert!(check_server("valkey_version:9.1.2\r\nserver_mode:cluster", true).is_ok());
        assert!(check_server("redis_version:8.2.3\r\nredis_mode:standalone", true).is_err());
        assert!(check_server("redis_version:7.2.3\r\nredis_mode:cluster", true).is_err());
    }
}
