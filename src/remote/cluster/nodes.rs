//! The nodes of a cluster: which one a request is for, what their answers mean, and which there are.

use std::time::{Duration, Instant};

use redis::cluster::{ClusterClient, ClusterConnection};
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{ConnectionAddr, ConnectionInfo, ConnectionLike, ProtocolVersion, RedisError, Value};

use super::link::{Link, lost, unwrap};
use super::{Caller, RemoteError, RemoteOptions, Server, Servers};
use crate::remote::answer::{array, count, integer, text};
use crate::remote::call::Repeat;
use crate::remote::pipeline::Pipeline;
use crate::remote::request::Request;
use crate::remote::servers::{Account, Exchanged, Lost, Node, Topology};
use crate::sync::{Mutex, assert_outside_closures};

type Result<T> = std::result::Result<T, RemoteError>;

/// How often the client follows redirects, and waits for a cluster that says that it cannot answer now, before `call.rs`
/// begins anew with the slots as they are then.
const REDIRECTS: u32 = 8;
/// The shortest and longest of these waits, in milliseconds.
const WAITS: [u64; 2] = [5, 100];

/// A server that was named and could not be reached is asked last for this long.
const ILL: Duration = Duration::from_secs(60);

/// The nodes of a cluster.
pub(crate) struct Nodes {
    /// Those that are asked for the others.
    named: Vec<ConnectionInfo>,
    /// The numbers of those that were named, in the order in which the next connection asks them, and when one could not be
    /// reached. One that has answered goes to the end, because what it tells may be out of date.
    next: Mutex<Vec<(usize, Option<Instant>)>>,
}

/// Connections to the nodes of a cluster for one call at a time.
pub(crate) struct Connections {
    client: ClusterConnection<Link>,
    /// The server that was asked for the others.
    asked: (String, u16),
}

impl Nodes {
    pub(super) fn new(named: Vec<ConnectionInfo>) -> Self {
        let next = (0..named.len()).map(|number| (number, None)).collect();
        Self { named, next: Mutex::new(next) }
    }

    /// The numbers of those that were named, those at the end that could not be reached lately.
    fn in_order(&self) -> Vec<usize> {
        let mut order = self.next.lock().clone();
        order.sort_by_key(|(_, failed)| failed.is_some_and(|failed| failed.elapsed() < ILL));
        order.into_iter().map(|(number, _)| number).collect()
    }

    fn was_asked(&self, number: usize, failed: Option<Instant>) {
        let mut next = self.next.lock();
        next.retain(|(other, _)| *other != number);
        next.push((number, failed));
    }

    /// Connects by way of one of those that were named.
    fn connect_by(&self, number: usize, options: &RemoteOptions) -> Result<Connections> {
        let named = &self.named[number];
        let asked = match named.addr() {
            ConnectionAddr::Tcp(host, port) => (host.clone(), *port),
            other => return Err(RemoteError::Unsupported(format!("{other} as a server of a cluster"))),
        };
        let [shortest, longest] = WAITS;
        let client = ClusterClient::builder([named.clone()])
            .use_protocol(ProtocolVersion::RESP2)
            .connection_timeout(options.connect_timeout)
            .response_timeout(options.timeout)
            .retries(REDIRECTS)
            .min_retry_wait(shortest)
            .max_retry_wait(longest)
            .build()?;
        let client = client.get_generic_connection::<Link>().map_err(|error| match lost(&error) {
            Some(Lost::BeforeRequest(reason) | Lost::AfterRequest(reason)) => RemoteError::Wire(reason),
            _ => error.into(),
        })?;
        client.set_write_timeout(Some(options.timeout))?;
        Ok(Connections { client, asked })
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
    type Connection = Connections;

    const SPLITS_KEYS: bool = true;

    fn connect(&self, options: &RemoteOptions) -> Result<Connections> {
        let mut last = None;
        for number in self.in_order() {
            let connected = self.connect_by(number, options);
            self.was_asked(number, connected.is_err().then(Instant::now));
            match connected {
                Err(error) if !matches!(error, RemoteError::Denied(_)) => last = Some(error),
                result => return result,
            }
        }
        Err(last.unwrap_or_else(|| RemoteError::unexpected(&Value::Nil)))
    }

    /// Links ask for themselves, each when it is needed.
    fn still_works(_: &mut Connections, _: Duration, _: &RemoteOptions) -> bool {
        true
    }

    fn check(request: &Request) -> Result<()> {
        let mut slots = request.keys().map(Slot::for_key);
        let first = slots.next();
        if slots.all(|slot| Some(slot) == first) { Ok(()) } else { Err(RemoteError::CrossSlot) }
    }

    fn exchange(connection: &mut Connections, request: &Request) -> Exchanged<Value> {
        let by_address = |host: &str, port| SingleNodeRoutingInfo::ByAddress { host: host.to_string(), port };
        let route = match (request.node(), request.keys().next()) {
            (Some(node), _) => by_address(&node.host, node.port),
            (None, Some(key)) => SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master)),
            (None, None) => by_address(&connection.asked.0, connection.asked.1),
        };
        answered(connection.client.route_command(&request.command, RoutingInfo::SingleNode(route)))
    }

    fn exchange_all(connection: &mut Connections, pipeline: &Pipeline) -> Exchanged<Vec<Result<Value>>> {
        let answers = answered(connection.client.req_packed_commands(pipeline.bytes(), 0, pipeline.commands()))?;
        Ok(answers.map(|answers| answers.into_iter().map(unwrap).collect()))
    }

    fn topology(caller: &Caller<Self>) -> Result<Topology> {
        assert_outside_closures();
        let mut slots = Request::to_any("CLUSTER");
        slots.arg("SLOTS");
        let patience = caller.options().patience;
        caller.exchange(Repeat::Harmless, patience, |connection| {
            let answer = Self::exchange(connection, &slots)?;
            Ok(answer.and_then(|answer| topology(answer, &connection.asked.0)))
        })
    }

    fn account(caller: &Caller<Self>, node: &Node) -> Result<Account> {
        let nodes = caller.ask(Request::to_node("CLUSTER", node).arg("NODES"), text)?;
        account(&nodes).ok_or_else(|| RemoteError::unexpected(&Value::Nil))
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
fn account(nodes: &str) -> Option<Account> {
    let line = nodes.lines().find(|line| line.split(' ').nth(2).is_some_and(|flags| flags.contains("myself")))?;
    let words: Vec<&str> = line.split(' ').collect();
    let [id, _, flags, primary, _, _, number, _, slots @ ..] = &words[..] else { return None };
    let (on_the_way, held): (Vec<&str>, Vec<&str>) = slots.iter().partition(|word| word.starts_with('['));
    let range = |word: &str| {
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    let mut slots: Vec<(u16, u16)> = held.into_iter().map(range).collect::<Option<_>>()?;
    slots.sort_unstable();
    Some(Account {
        part: [*id, *flags, *primary, *number].join(" "),
        slots,
        on_the_way: on_the_way.into_iter().map(str::to_string).collect(),
    })
}

/// Reads the answer to CLUSTER SLOTS: first slot, last slot, the primary and its replicas, each with host, port and id. The
/// client does the same.
fn topology(answer: Value, answered_by: &str) -> Result<Topology> {
    let mut ranges = Vec::new();
    for range in array(answer)? {
        let mut parts = array(range)?.into_iter();
        let mut next = || parts.next().ok_or_else(|| RemoteError::unexpected(&Value::Nil));
        let (first, last) = (slot(next()?)?, slot(next()?)?);
        let first_known = parts.map(|node| node_of(node, answered_by)).find_map(Result::transpose);
        ranges.extend(first_known.transpose()?.map(|node| (first, last, node)));
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

/// Reads a node, unless the one that answers does not know where it is.
fn node_of(value: Value, answered_by: &str) -> Result<Option<Node>> {
    let mut parts = array(value)?.into_iter();
    let mut next = || parts.next().ok_or_else(|| RemoteError::unexpected(&Value::Nil));
    let (host, port, id) = (next()?, integer(next()?)?, text(next()?)?);
    let host = match host {
        Value::Nil => String::new(),
        host => text(host)?,
    };
    let host = match &host[..] {
        "?" => return Ok(None),
        // The one that answers, which does not know its own address.
        "" | "0.0.0.0" | "::" => answered_by.to_string(),
        _ => host,
    };
    let port = u16::try_from(port).map_err(|_| RemoteError::unexpected(&Value::Nil))?;
    // Ids are 40 random digits.
    let id = id.get(..16).and_then(|id| u64::from_str_radix(id, 16).ok());
    let id = id.ok_or_else(|| RemoteError::unexpected(&Value::Nil))?;
    Ok(Some(Node { id, host, port }))
}

fn slot(value: Value) -> Result<u16> {
    u16::try_from(count(value)?).map_err(|_| RemoteError::unexpected(&Value::Nil))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_tells_which_slots_it_has_and_which_are_moving() {
        let nodes = "aa 127.0.0.1:1@2 master - 0 17 3 connected 0-5\nbb 127.0.0.1:3@4 myself,master - 0 0 7 connected 9 3-5 [7->-aa]\n";
        let bb = account(nodes).unwrap();
        assert_eq!((&bb.part[..], &bb.slots[..]), ("bb myself,master - 7", &[(3, 5), (9, 9)][..]));
        assert_eq!(bb.on_the_way, ["[7->-aa]"]);
        assert!(bb.has_slots_on_the_way());
        for odd in
            ["aa 127.0.0.1:1@2 master - 0 17 3 connected 0-5\n", "bb a:1@2 myself,master - 0 0 7 connected x", ""]
        {
            assert_eq!(account(odd), None, "{odd}");
        }
        let topology = |slots: &[(u16, u16, usize)]| Topology { nodes: Vec::new(), slots: slots.to_vec() };
        assert!(topology(&[(0, 2, 1), (3, 5, 0), (9, 9, 0)]).agrees_with([&bb].into_iter()));
        assert!(!topology(&[(3, 5, 0)]).agrees_with([&bb].into_iter()), "it has one more");
        assert!(!topology(&[(3, 5, 0), (9, 10, 0)]).agrees_with([&bb].into_iter()), "it has one less");
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
            Value::Array(vec![Value::Int(5), Value::Int(6), node(text("?"), 3, "0d"), node(Value::Nil, 1, "0c")]),
            range(7, 8, node(text("0.0.0.0"), 1, "0c")),
        ]);
        let topology = topology(slots, "a").unwrap();
        let [b, c] = [("b", 2, 0x0b), ("a", 1, 0x0c)].map(|(host, port, id): (&str, u16, u64)| Node {
            id: id * 0x0101_0101_0101_0101,
            host: host.into(),
            port,
        });
        assert_eq!(topology.nodes, [b, c]);
        assert_eq!(topology.slots, [(0, 4, 1), (5, 6, 1), (7, 8, 1), (9, 16_383, 0)]);
        assert_eq!(topology.places().len(), 16_384);
        for odd in [
            Value::Nil,
            Value::Okay,
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![range(0, 70_000, Value::Nil)]),
            Value::Array(vec![range(0, 7, node(text("?"), 3, "0d"))]),
            Value::Array(vec![range(0, 7, node(text("a"), 70_000, "0d"))]),
        ] {
            super::topology(odd, "a").unwrap_err();
        }
    }
}
