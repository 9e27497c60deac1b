//! The nodes of a cluster: which one a request is for, what their answers mean, and which there are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::cluster::{ClusterClient, ClusterConnection};
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{ConnectionInfo, ConnectionLike, ProtocolVersion, RedisError, Value};

use super::link::{DENIED, Link, lost, unwrap};
use super::{Caller, RemoteError, RemoteOptions, Server, Servers};
use crate::remote::answer::{array, count, integer, text};
use crate::remote::pipeline::Pipeline;
use crate::remote::request::Request;
use crate::remote::servers::{Exchanged, Lost, Node, Topology};

type Result<T> = std::result::Result<T, RemoteError>;

/// How often the client follows redirects, and waits for a cluster that says that it cannot answer now, before `call.rs`
/// begins anew with the slots as they are then.
const REDIRECTS: u32 = 8;
/// The shortest and longest of these waits, in milliseconds.
const WAITS: [u64; 2] = [5, 100];

/// The nodes of a cluster.
pub(crate) struct Nodes {
    /// Those that are asked for the others.
    named: Vec<ConnectionInfo>,
    /// How many connections there were. Each begins with another node, because one may tell old news.
    connections: AtomicUsize,
}

impl Nodes {
    pub(super) fn new(named: Vec<ConnectionInfo>) -> Self {
        Self { named, connections: AtomicUsize::new(0) }
    }

    /// The servers that were named, each by itself.
    pub(super) fn servers(&self) -> Result<Vec<Server>> {
        self.named.iter().map(|info| Server::new(info.clone())).collect()
    }

    /// Their addresses, without user and password.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.named.iter().map(|info| info.addr().to_string()).collect()
    }
}

impl Servers for Nodes {
    type Connection = ClusterConnection<Link>;

    const SPLITS_KEYS: bool = true;

    fn connect(&self, options: &RemoteOptions) -> Result<Self::Connection> {
        let mut named = self.named.clone();
        let first = self.connections.fetch_add(1, Ordering::Relaxed) % named.len();
        named.rotate_left(first);
        let [shortest, longest] = WAITS;
        let client = ClusterClient::builder(named)
            .use_protocol(ProtocolVersion::RESP2)
            .connection_timeout(options.connect_timeout)
            .response_timeout(options.timeout)
            .retries(REDIRECTS)
            .min_retry_wait(shortest)
            .max_retry_wait(longest)
            .build()?;
        let connection = client.get_generic_connection::<Link>().map_err(|error| match error.to_string() {
            // The client collects the reasons of all servers in one text.
            text if text.contains(DENIED) => RemoteError::Denied(text),
            _ => error.into(),
        })?;
        connection.set_write_timeout(Some(options.timeout))?;
        Ok(connection)
    }

    fn still_works(connection: &mut Self::Connection, shorter: Duration, options: &RemoteOptions) -> bool {
        connection.set_read_timeout(Some(shorter)).is_ok()
            && connection.check_connection()
            && connection.set_read_timeout(Some(options.timeout)).is_ok()
    }

    fn check(request: &Request) -> Result<()> {
        let mut slots = request.keys().map(Slot::for_key);
        let first = slots.next();
        if slots.all(|slot| Some(slot) == first) { Ok(()) } else { Err(RemoteError::CrossSlot) }
    }

    fn exchange(connection: &mut Self::Connection, request: &Request) -> Exchanged<Value> {
        let route = match (request.node(), request.keys().next()) {
            (Some(node), _) => SingleNodeRoutingInfo::ByAddress { host: node.host.clone(), port: node.port },
            (None, Some(key)) => SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master)),
            (None, None) => SingleNodeRoutingInfo::Random,
        };
        answered(connection.route_command(&request.command, RoutingInfo::SingleNode(route)))
    }

    fn exchange_all(connection: &mut Self::Connection, pipeline: &Pipeline) -> Exchanged<Vec<Result<Value>>> {
        let answers = answered(connection.req_packed_commands(pipeline.bytes(), 0, pipeline.commands()))?;
        Ok(answers.map(|answers| answers.into_iter().map(unwrap).collect()))
    }

    fn topology(caller: &Caller<Self>) -> Result<Topology> {
        // A node whose address the others do not know is reached as the first one is.
        let named = &caller.servers().named[0];
        let host = match named.addr() {
            redis::ConnectionAddr::Tcp(host, _) => host.clone(),
            other => other.to_string(),
        };
        let mut slots = Request::to_any("CLUSTER");
        slots.arg("SLOTS");
        caller.ask(&slots, |answer| topology(answer, &host))
    }

    fn slots(caller: &Caller<Self>, node: &Node) -> Result<String> {
        let nodes = caller.ask(Request::to_node("CLUSTER", node).arg("NODES"), text)?;
        own_slots(&nodes).ok_or_else(|| RemoteError::unexpected(&Value::Nil))
    }
}

/// What an answer of the client means.
fn answered<T>(answer: redis::RedisResult<T>) -> Exchanged<T> {
    let error: RedisError = match answer {
        Ok(answer) => return Ok(Ok(answer)),
        Err(error) => error,
    };
    if let Some(lost) = lost(&error) {
        return Err(lost);
    }
    match RemoteError::from(error) {
        // The client has found no connection, or did not understand what a node told of the slots.
        RemoteError::Wire(reason) => Err(Lost::BeforeRequest(reason)),
        refused if refused.is_elsewhere() => Err(Lost::Elsewhere(refused)),
        refused => Ok(Err(refused)),
    }
}

/// Reads what a node tells of itself in its answer to CLUSTER NODES. The words of a line are: id, address, flags, primary, the
/// times of two messages, the number of the last change of slots, the link, and the slots. Those that are moving are in brackets.
fn own_slots(nodes: &str) -> Option<String> {
    let line = nodes.lines().find(|line| line.split(' ').nth(2).is_some_and(|flags| flags.contains("myself")))?;
    let words: Vec<&str> = line.split(' ').collect();
    let [id, _, flags, primary, _, _, number, _, slots @ ..] = &words[..] else { return None };
    Some([&[*id, *flags, *primary, *number], slots].concat().join(" "))
}

/// Reads the answer to CLUSTER SLOTS: first slot, last slot, the primary and its replicas, each with host, port and id.
fn topology(answer: Value, host_of_the_unknown: &str) -> Result<Topology> {
    let mut ranges = Vec::new();
    for range in array(answer)? {
        let mut parts = array(range)?.into_iter();
        let mut next = || parts.next().ok_or_else(|| RemoteError::unexpected(&Value::Nil));
        let (first, last) = (slot(next()?)?, slot(next()?)?);
        let mut parts = array(next()?)?.into_iter();
        let mut next = || parts.next().ok_or_else(|| RemoteError::unexpected(&Value::Nil));
        let (host, port, id) = (next()?, next()?, text(next()?)?);
        let host = match host {
            Value::Nil => host_of_the_unknown.to_string(),
            host => {
                Some(text(host)?).filter(|host| !host.is_empty()).unwrap_or_else(|| host_of_the_unknown.to_string())
            }
        };
        let port = u16::try_from(integer(port)?).map_err(|_| RemoteError::unexpected(&Value::Nil))?;
        // Ids are 40 random digits.
        let id = id.get(..16).and_then(|id| u64::from_str_radix(id, 16).ok());
        let id = id.ok_or_else(|| RemoteError::unexpected(&Value::Nil))?;
        ranges.push((first, last, Node { id, host, port }));
    }
    ranges.sort_unstable();
    let mut nodes: Vec<Node> = ranges.iter().map(|(_, _, node)| node.clone()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    if nodes.is_empty() {
        return Err(RemoteError::Server("CLUSTERDOWN no node of the cluster holds keys".into()));
    }
    let place = |node| nodes.binary_search(node).unwrap_or_default();
    let slots = ranges.iter().map(|(first, last, node)| (*first, *last, place(node))).collect();
    Ok(Topology { nodes, slots })
}

fn slot(value: Value) -> Result<u16> {
    u16::try_from(count(value)?).map_err(|_| RemoteError::unexpected(&Value::Nil))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_tells_which_slots_are_moving() {
        let nodes = "aa 127.0.0.1:1@2 master - 0 17 3 connected 0-5\nbb 127.0.0.1:3@4 myself,master - 0 0 7 connected 6-9 [7->-aa]\n";
        assert_eq!(own_slots(nodes).as_deref(), Some("bb myself,master - 7 6-9 [7->-aa]"));
        assert_eq!(own_slots("aa 127.0.0.1:1@2 master - 0 17 3 connected 0-5\n"), None);
        assert_eq!(own_slots(""), None);
    }

    #[test]
    fn slots_are_read_with_the_hosts_that_nodes_do_not_know() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |host, port, id: &str| {
            Value::Array(vec![host, Value::Int(port), text(&id.repeat(20)), Value::Array(vec![])])
        };
        let range = |first, last, node| Value::Array(vec![Value::Int(first), Value::Int(last), node]);
        let slots = Value::Array(vec![
            range(9, 16_383, node(text("b"), 2, "0b")),
            range(0, 4, node(text(""), 1, "0c")),
            range(5, 8, node(Value::Nil, 1, "0c")),
        ]);
        let topology = topology(slots, "a").unwrap();
        let [b, c] = [("b", 2, 0x0b), ("a", 1, 0x0c)].map(|(host, port, id): (&str, u16, u64)| Node {
            id: id * 0x0101_0101_0101_0101,
            host: host.into(),
            port,
        });
        assert_eq!(topology.nodes, [b, c]);
        assert_eq!(topology.slots, [(0, 4, 1), (5, 8, 1), (9, 16_383, 0)]);
        assert_eq!(topology.places().len(), 16_384);
        for odd in [
            Value::Nil,
            Value::Okay,
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![range(0, 70_000, Value::Nil)]),
        ] {
            super::topology(odd, "a").unwrap_err();
        }
    }
}
