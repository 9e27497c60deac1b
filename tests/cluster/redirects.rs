//! Servers that answer as a test wants: redirects, lost answers and clusters that are down, each exactly when it matters. They
//! need no real servers.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hashlet::{CopyError, CopyOptions, Hashes, RemoteCluster, RemoteError, RemoteOptions, Store};

use redis::cluster_routing::Slot;

use super::servers::wait_until;

enum Reply {
    Text(String),
    /// The connection is closed without an answer.
    Close,
}

fn text(text: &str) -> Reply {
    Reply::Text(format!("{text}\r\n"))
}

fn bulk(words: &str) -> Reply {
    Reply::Text(format!("${}\r\n{words}\r\n", words.len()))
}

/// The answer of a server, by its number, to the words of a request.
type Answer = dyn Fn(&Fakes, usize, &[String]) -> Reply + Send + Sync;

/// Some servers, of which those that own something share all slots. The others are replicas.
struct Fakes {
    ports: Vec<u16>,
    owners: Mutex<Vec<usize>>,
    /// A number that tells one process of a server from another.
    process: AtomicUsize,
    /// The requests that each server has got, but for those that a client makes for itself.
    requests: Mutex<Vec<(usize, Vec<String>)>>,
    /// How often somebody has connected to each server.
    connections: Vec<AtomicUsize>,
    /// Servers that close each connection at its first request.
    dead: Mutex<Vec<usize>>,
    /// Servers that answer nothing, and close nothing.
    hanging: Mutex<Vec<usize>>,
    /// What CLUSTER SLOTS is answered with next time. Nothing closes the connection.
    odd_slots: Mutex<Option<&'static str>>,
    /// The host in the answers to CLUSTER SLOTS.
    host: Mutex<&'static str>,
    /// The slots that a server says are its own, where they are not what CLUSTER SLOTS tells.
    odd_account: Mutex<Option<&'static str>>,
    answer: Box<Answer>,
}

impl Fakes {
    fn start(number: usize, answer: impl Fn(&Self, usize, &[String]) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        let listeners: Vec<TcpListener> = (0..number).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
        let fakes = Arc::new(Self {
            ports: listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect(),
            owners: Mutex::new(vec![0]),
            process: AtomicUsize::new(0),
            requests: Mutex::default(),
            connections: (0..number).map(|_| AtomicUsize::new(0)).collect(),
            dead: Mutex::default(),
            hanging: Mutex::default(),
            odd_slots: Mutex::default(),
            host: Mutex::new("127.0.0.1"),
            odd_account: Mutex::default(),
            answer: Box::new(answer),
        });
        for (node, listener) in listeners.into_iter().enumerate() {
            let fakes = Arc::clone(&fakes);
            thread::spawn(move || {
                for client in listener.incoming().flatten() {
                    fakes.connections[node].fetch_add(1, Ordering::SeqCst);
                    let fakes = Arc::clone(&fakes);
                    thread::spawn(move || fakes.serve(node, &client));
                }
            });
        }
        fakes
    }

    /// Shares the slots among these servers.
    fn own(&self, owners: &[usize]) {
        *self.owners.lock().unwrap() = owners.to_vec();
    }

    /// The owners, each with its first and last slot.
    fn shares(&self) -> Vec<(usize, usize, usize)> {
        let owners = self.owners.lock().unwrap();
        let begin = |at: usize| 16_384 * at / owners.len();
        owners.iter().enumerate().map(|(at, owner)| (*owner, begin(at), begin(at + 1) - 1)).collect()
    }

    /// A key of this server.
    fn key_of(&self, node: usize) -> String {
        let (_, first, last) = self.shares().into_iter().find(|(owner, _, _)| *owner == node).expect("an owner");
        let has = |slot| (first..=last).any(|own| Slot::new(own as u16) == Some(slot));
        (0..).map(|n| format!("k{n}")).find(|key| has(Slot::for_key(key))).expect("a key")
    }

    /// The answer to CLUSTER SLOTS.
    fn slots(&self) -> Reply {
        match self.odd_slots.lock().unwrap().take() {
            Some("") => return Reply::Close,
            Some(odd) => return text(odd),
            None => {}
        }
        let (shares, host) = (self.shares(), *self.host.lock().unwrap());
        let node = |node: usize| {
            let (length, port, id) = (host.len(), self.ports[node], id(node));
            format!("*3\r\n${length}\r\n{host}\r\n:{port}\r\n$40\r\n{id}")
        };
        let replicas: Vec<String> =
            (0..self.ports.len()).filter(|at| shares.iter().all(|(owner, _, _)| owner != at)).map(node).collect();
        let mut answer = vec![format!("*{}", shares.len())];
        for (owner, first, last) in shares {
            answer.extend([format!("*{}\r\n:{first}\r\n:{last}", 3 + replicas.len()), node(owner)]);
            answer.extend(replicas.iter().cloned());
        }
        text(&answer.join("\r\n"))
    }

    /// What a server tells of itself when it is asked for CLUSTER NODES.
    fn account(&self, node: usize) -> Reply {
        let shares = self.shares().into_iter().filter(|(owner, _, _)| *owner == node);
        let slots = shares.map(|(_, first, last)| format!(" {first}-{last}")).collect::<String>();
        let slots = self.odd_account.lock().unwrap().map_or(slots, str::to_string);
        bulk(&format!("{} 127.0.0.1:{}@1 myself,master - 0 0 1 connected{slots}\n", id(node), self.ports[node]))
    }

    fn serve(&self, node: usize, mut client: &TcpStream) {
        let mut requests = BufReader::new(client.try_clone().unwrap());
        while let Some(words) = read_request(&mut requests) {
            if self.dead.lock().unwrap().contains(&node) {
                return drop(client.shutdown(std::net::Shutdown::Both));
            }
            if self.hanging.lock().unwrap().contains(&node) {
                continue;
            }
            let reply = match words[0].as_str() {
                "CLIENT" | "ASKING" => text("+OK"),
                "PING" => text("+PONG"),
                "INFO" => {
                    let process = self.process.load(Ordering::SeqCst);
                    bulk(&format!("redis_version:8.2.3\r\nredis_mode:cluster\r\nrun_id:{process}\r\n"))
                }
                "CLUSTER" if words[1] == "NODES" => self.account(node),
                "CLUSTER" => self.slots(),
                _ => (self.answer)(self, node, &words),
            };
            if !["CLIENT", "PING", "INFO", "CLUSTER"].contains(&words[0].as_str()) {
                self.requests.lock().unwrap().push((node, words));
            }
            match reply {
                Reply::Text(answer) if client.write_all(answer.as_bytes()).is_ok() => {}
                _ => return drop(client.shutdown(std::net::Shutdown::Both)),
            }
        }
    }

    /// The numbers of the servers that have got requests of this name.
    fn got(&self, name: &str) -> Vec<usize> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|(_, words)| words[0] == name).map(|(node, _)| *node).collect()
    }

    fn open(&self, options: RemoteOptions) -> RemoteCluster {
        self.open_by(&[0], options).unwrap()
    }

    /// Opens the cluster by the names of these servers.
    fn open_by(&self, nodes: &[usize], options: RemoteOptions) -> Result<RemoteCluster, RemoteError> {
        let hosts: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", self.ports[*node])).collect();
        RemoteCluster::open_with(&format!("redis+cluster://{}", hosts.join(",")), options)
    }

    fn connections(&self, node: usize) -> usize {
        self.connections[node].load(Ordering::SeqCst)
    }
}

/// The id of a server.
fn id(node: usize) -> String {
    (node + 1).to_string().repeat(40)
}

fn read_request(from: &mut impl BufRead) -> Option<Vec<String>> {
    let mut number = |kind: char| {
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        let number: usize = line.trim_end().strip_prefix(kind)?.parse().ok()?;
        if kind == '*' {
            return Some((number, String::new()));
        }
        let mut word = vec![0; number + 2];
        from.read_exact(&mut word).ok()?;
        Some((number, String::from_utf8_lossy(&word[..number]).into_owned()))
    };
    let (words, _) = number('*')?;
    (0..words).map(|_| Some(number('$')?.1)).collect()
}

fn patient() -> RemoteOptions {
    RemoteOptions::new().patience(Duration::from_secs(240))
}

#[test]
fn a_change_whose_answer_is_lost_is_unknown_and_not_sent_again() {
    let losses = AtomicUsize::new(1);
    let fakes = Fakes::start(1, move |_, _, _| {
        let is_lost = losses.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if is_lost { Reply::Close } else { text(":7") }
    });
    let remote = fakes.open(patient());
    let unknown = remote.increment("k", "n", 1);
    assert!(matches!(unknown, Err(RemoteError::Unknown(_))), "{unknown:?}");
    assert_eq!(fakes.got("HINCRBY"), [0], "it was sent once");
    assert_eq!(remote.increment("k", "n", 1).unwrap(), 7);
    assert_eq!(fakes.got("HINCRBY"), [0, 0]);
}

#[test]
fn a_read_whose_answer_is_lost_is_made_again_some_times() {
    let losses = Arc::new(AtomicUsize::new(2));
    let left = Arc::clone(&losses);
    let fakes = Fakes::start(1, move |_, _, _| {
        let is_lost = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if is_lost { Reply::Close } else { text("$1\r\nv") }
    });
    let remote = fakes.open(patient().retries(2));
    assert_eq!(remote.get("k", "f").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(fakes.got("HGET"), [0, 0, 0]);
    losses.store(3, Ordering::SeqCst);
    let lost = remote.get("k", "f");
    assert!(matches!(lost, Err(RemoteError::Wire(_))), "{lost:?}");
    assert_eq!(fakes.got("HGET").len(), 6);
}

#[test]
fn a_redirect_is_followed_and_what_is_lost_behind_it_is_unknown() {
    for kind in ["MOVED", "ASK"] {
        let losses = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&losses);
        let fakes = Fakes::start(2, move |fakes, node, _| {
            if node == 0 {
                return text(&format!("-{kind} 7 127.0.0.1:{}", fakes.ports[1]));
            }
            let is_lost = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            if is_lost { Reply::Close } else { text(":7") }
        });
        let remote = fakes.open(patient());
        assert_eq!(remote.increment("k", "n", 1).unwrap(), 7, "{kind}");
        assert_eq!(fakes.got("HINCRBY"), [0, 1], "{kind}");
        assert_eq!(fakes.got("ASKING").len(), usize::from(kind == "ASK"));
        losses.store(1, Ordering::SeqCst);
        let unknown = remote.increment("k", "n", 1);
        assert!(matches!(unknown, Err(RemoteError::Unknown(_))), "{kind}: {unknown:?}");
        assert_eq!(fakes.got("HINCRBY"), [0, 1, 0, 1], "{kind}: it reached the second server once");
    }
}

#[test]
fn a_call_waits_for_a_cluster_that_cannot_answer_now() {
    for refusal in
        ["CLUSTERDOWN The cluster is down", "TRYAGAIN Multiple keys", "LOADING It is loading", "READONLY Replica"]
    {
        let refusals = AtomicUsize::new(20); // more than the client itself repeats
        let fakes = Fakes::start(1, move |_, _, _| {
            let refuses = refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            if refuses { text(&format!("-{refusal}")) } else { text(":7") }
        });
        assert_eq!(fakes.open(patient()).increment("k", "n", 1).unwrap(), 7, "{refusal}");
        assert_eq!(fakes.got("HINCRBY").len(), 21, "{refusal}");
    }
}

#[test]
fn patience_ends_and_nothing_was_done() {
    let fakes = Fakes::start(1, |_, _, _| text("-CLUSTERDOWN The cluster is down"));
    let remote = fakes.open(RemoteOptions::new().patience(Duration::from_millis(1)).retries(0));
    let down = remote.increment("k", "n", 1);
    assert!(matches!(&down, Err(RemoteError::Server(text)) if text.starts_with("CLUSTERDOWN")), "{down:?}");
    // A primary that is not there any more.
    let gone = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let moved = Fakes::start(1, move |_, _, _| text(&format!("-MOVED 7 127.0.0.1:{gone}")));
    let remote = moved.open(RemoteOptions::new().patience(Duration::from_millis(1)).retries(0));
    let unreachable = remote.increment("k", "n", 1);
    assert!(matches!(unreachable, Err(RemoteError::Wire(_))), "{unreachable:?}");
    // It is elected anew while the call waits.
    let fakes = Fakes::start(2, |fakes, node, _| match node {
        0 => {
            fakes.own(&[1]);
            text("-CLUSTERDOWN Hash slot not served")
        }
        _ => text(":7"),
    });
    assert_eq!(fakes.open(patient()).increment("k", "n", 1).unwrap(), 7);
}

#[test]
fn what_a_server_refuses_is_told_as_it_is() {
    let fakes = Fakes::start(1, |_, _, words| match words[0].as_str() {
        "AUTH" => text("-WRONGPASS invalid username-password pair"),
        "HSET" => text("-OOM command not allowed"),
        "HGET" => text("-WRONGTYPE Operation against a key"),
        _ => text("-NOPERM no permissions"),
    });
    let port = fakes.ports[0];
    let denied = RemoteCluster::open(&format!("redis+cluster://ada:sEcret@127.0.0.1:{port}"));
    assert!(matches!(&denied, Err(RemoteError::Denied(text)) if !text.contains("sEcret")), "{denied:?}");
    let remote = fakes.open(RemoteOptions::new());
    assert!(matches!(remote.set("k", "f", "v"), Err(RemoteError::Server(text)) if text.starts_with("OOM")));
    assert!(matches!(remote.get("k", "f"), Err(RemoteError::WrongType)));
    assert!(matches!(remote.remove("k", "f"), Err(RemoteError::Denied(_))));
    assert_eq!(fakes.got("HSET").len() + fakes.got("HGET").len() + fakes.got("HDEL").len(), 3, "each was sent once");
    assert_eq!(format!("{remote:?}"), format!(r#"RemoteCluster {{ servers: ["127.0.0.1:{port}"], .. }}"#));
}

/// Calls about all keys ask those servers that hold keys when they are made, and others if these do not answer.
#[test]
fn all_keys_are_asked_for_where_they_are_now() {
    let asked = AtomicUsize::new(0);
    let fakes = Fakes::start(2, move |fakes, node, words| match (node, words[0].as_str()) {
        (0, _) => {
            if asked.fetch_add(1, Ordering::SeqCst) == 5 {
                fakes.own(&[1]);
            }
            Reply::Close
        }
        (_, "DBSIZE") => text(":7"),
        (_, "SCAN") => text("*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk"),
        _ => text("+OK"),
    });
    let remote = fakes.open(patient());
    assert_eq!(remote.key_count().unwrap(), 7);
    assert_eq!(remote.keys().unwrap(), [b"k"]);
    remote.clear_all().unwrap();
    assert_eq!(fakes.got("FLUSHDB"), [1]);
}

/// Each process of a server has its keys in another order, so it has other keys after the same cursor. And it may not have what
/// was copied to the one before.
#[test]
fn a_primary_that_is_restarted_during_a_call_about_all_keys_is_noticed() {
    let restarts = Arc::new(AtomicUsize::new(0));
    let left = Arc::clone(&restarts);
    let fakes = Fakes::start(1, move |fakes, _, words| match words[0].as_str() {
        "SCAN" => {
            let (is_first, process) = (words[1] == "0", fakes.process.load(Ordering::SeqCst));
            let key = if is_first == (process % 2 == 0) { "a" } else { "b" };
            if is_first && left.load(Ordering::SeqCst) > 0 {
                left.fetch_sub(1, Ordering::SeqCst);
                fakes.process.fetch_add(1, Ordering::SeqCst);
            }
            text(&format!("*2\r\n$1\r\n{}\r\n*1\r\n$1\r\n{key}", if is_first { 5 } else { 0 }))
        }
        "HSET" | "UNLINK" => {
            fakes.process.fetch_add(left.swap(0, Ordering::SeqCst), Ordering::SeqCst);
            text(":1")
        }
        "DBSIZE" => text(":2"),
        "HLEN" => text(":1"),
        _ => text("*5\r\n$1\r\n1\r\n$1\r\n0\r\n:-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n*0"), // a hash
    });
    let remote = fakes.open(patient().retries(1));
    for restarted in 0..=1 {
        restarts.store(restarted, Ordering::SeqCst);
        assert_eq!(remote.keys().unwrap(), [b"a", b"b"]);
        restarts.store(restarted, Ordering::SeqCst);
        let store = Store::new();
        let report = store.copy_from(&remote, CopyOptions::new()).unwrap();
        assert_eq!((report.keys, store.key_count(), report.topology_changed), (2, 2, restarted > 0));
        restarts.store(restarted, Ordering::SeqCst);
        let report = store.copy_to(&remote, CopyOptions::new()).unwrap();
        assert_eq!((report.keys, report.topology_changed), (2, restarted > 0));
    }
    // All servers are asked anew as long as patience lasts, and a copy fails.
    restarts.store(2, Ordering::SeqCst);
    assert_eq!(remote.keys().unwrap(), [b"a", b"b"]);
    restarts.store(2, Ordering::SeqCst);
    let copied = Store::new().copy_from(&remote, CopyOptions::new());
    assert!(matches!(copied, Err(CopyError::Remote(RemoteError::Wire(_)))), "{copied:?}");
}

/// A password that is changed while a program runs.
#[test]
fn a_password_that_is_refused_later_is_denied_at_once() {
    let is_changed = Arc::new(AtomicUsize::new(0));
    let changed = Arc::clone(&is_changed);
    let fakes = Fakes::start(1, move |_, _, words| match (words[0].as_str(), changed.load(Ordering::SeqCst)) {
        ("AUTH", 0) => text("+OK"),
        ("AUTH", _) => text("-WRONGPASS invalid username-password pair"),
        ("HGET", _) => Reply::Close, // so that it connects anew
        _ => text(":7"),
    });
    let name = format!("redis+cluster://ada:sEcret@127.0.0.1:{}", fakes.ports[0]);
    let remote = RemoteCluster::open_with(&name, patient()).unwrap();
    assert_eq!(remote.increment("k", "n", 1).unwrap(), 7);
    is_changed.store(1, Ordering::SeqCst);
    let denied = remote.get("k", "f");
    assert!(matches!(&denied, Err(RemoteError::Denied(text)) if !text.contains("sEcret")), "{denied:?}");
}

#[test]
fn what_cannot_be_opened_is_refused() {
    let gone = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let wire = RemoteCluster::open(&format!("redis+cluster://127.0.0.1:{gone}"));
    assert!(matches!(wire, Err(RemoteError::Wire(_))), "{wire:?}");
    for name in ["redis://127.0.0.1", "redis+cluster://", "memory:"] {
        assert!(matches!(RemoteCluster::open(name), Err(RemoteError::Unsupported(_))), "{name}");
    }
    // One of those that are named is enough.
    let fakes = Fakes::start(1, |_, _, _| text(":7"));
    let name = format!("redis+cluster://127.0.0.1:{gone},127.0.0.1:{}", fakes.ports[0]);
    assert_eq!(RemoteCluster::open(&name).unwrap().increment("k", "n", 1).unwrap(), 7);
}

/// A store with one hash.
fn a_store() -> Store {
    let store = Store::new();
    store.set("k", "f", "v").unwrap();
    store
}

/// The answer of a server with one hash, `k` with the field `f`.
fn one_hash(words: &[String]) -> Reply {
    match words[0].as_str() {
        "SCAN" => text("*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk"),
        "EVALSHA" => text("*5\r\n$1\r\n1\r\n$1\r\n0\r\n:-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n*0"),
        "FLUSHDB" => text("+OK"),
        "HGET" => text("$1\r\nv"),
        _ => text(":1"),
    }
}

#[test]
fn clear_all_is_unknown_if_only_some_primaries_are_empty_and_empties_none_twice() {
    let (refusals, refusing) = (Arc::new(AtomicUsize::new(20)), Arc::new(AtomicUsize::new(1)));
    let (left, which) = (Arc::clone(&refusals), Arc::clone(&refusing));
    let fakes = Fakes::start(2, move |_, node, _| {
        let refuses = || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let is_down = node == which.load(Ordering::SeqCst) && refuses();
        text(if is_down { "-CLUSTERDOWN The cluster is down" } else { "+OK" })
    });
    fakes.own(&[0, 1]);
    let times = |node| fakes.got("FLUSHDB").into_iter().filter(|got| *got == node).count();
    fakes.open(patient()).clear_all().unwrap();
    assert_eq!((times(0), times(1)), (1, 21));
    let remote = fakes.open(RemoteOptions::new().patience(Duration::from_millis(1)).retries(0));
    refusals.store(1_000, Ordering::SeqCst);
    let half = remote.clear_all();
    assert!(matches!(&half, Err(RemoteError::Unknown(why)) if why.to_string().contains("CLUSTERDOWN")), "{half:?}");
    assert_eq!(times(0), 2);
    // The first one refuses, so nothing was done.
    refusing.store(0, Ordering::SeqCst);
    let none = remote.clear_all();
    assert!(matches!(&none, Err(RemoteError::Server(text)) if text.starts_with("CLUSTERDOWN")), "{none:?}");
}

#[test]
fn slots_are_asked_for_again_if_the_answer_is_lost_or_refused_for_now() {
    for odd in ["", "-LOADING It is loading", "-CLUSTERDOWN It is down", "*0"] {
        let losses = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&losses);
        let fakes = Fakes::start(1, move |_, _, words| {
            let is_lost = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            if is_lost { Reply::Close } else { one_hash(words) }
        });
        let remote = fakes.open(patient());
        losses.store(1, Ordering::SeqCst); // so that it connects anew
        *fakes.odd_slots.lock().unwrap() = Some(odd);
        assert_eq!(remote.get("k", "f").unwrap().as_deref(), Some(&b"v"[..]), "{odd}");
        assert_eq!(*fakes.odd_slots.lock().unwrap(), None, "{odd}: it was asked");
    }
    // It stays so: the error is not one of the client's own.
    let fakes = Fakes::start(1, |_, _, _| Reply::Close);
    let remote = fakes.open(RemoteOptions::new().patience(Duration::from_millis(1)).retries(0));
    fakes.dead.lock().unwrap().push(0);
    for _ in 0..2 {
        let lost = remote.get("k", "f");
        assert!(matches!(&lost, Err(RemoteError::Wire(why)) if !why.to_string().contains("hashlet:")), "{lost:?}");
    }
}

#[test]
fn a_read_that_has_waited_is_made_again_if_its_answer_is_lost() {
    let calls = AtomicUsize::new(0);
    let fakes = Fakes::start(1, move |_, _, words| match calls.fetch_add(1, Ordering::SeqCst) {
        0..30 => text("-CLUSTERDOWN The cluster is down"),
        30 | 31 => Reply::Close,
        _ => one_hash(words),
    });
    let remote = fakes.open(patient().retries(2));
    assert_eq!(remote.get("k", "f").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(fakes.got("HGET").len(), 33);
}

/// It was removed from the cluster and reset, and a connection still leads to it.
#[test]
fn a_node_that_knows_no_slots_is_not_the_last_word() {
    let fakes = Fakes::start(1, |_, _, _| text(":7"));
    let remote = fakes.open(patient());
    *fakes.odd_slots.lock().unwrap() = Some("*0");
    assert_eq!(remote.key_count().unwrap(), 7);
}

#[test]
fn a_host_that_is_not_known_is_that_of_the_server_that_was_asked() {
    let gone = TcpListener::bind(("127.0.0.2", 0)).unwrap().local_addr().unwrap().port();
    for host in ["", "0.0.0.0"] {
        let fakes = Fakes::start(1, |_, _, _| text(":7"));
        *fakes.host.lock().unwrap() = host;
        let name = format!("redis+cluster://127.0.0.2:{gone},127.0.0.1:{}", fakes.ports[0]);
        let remote = RemoteCluster::open_with(&name, patient().retries(0)).unwrap();
        assert_eq!(remote.increment("k", "n", 1).unwrap(), 7, "{host:?}");
        assert_eq!(remote.key_count().unwrap(), 7, "{host:?}");
    }
}

#[test]
fn a_cluster_is_opened_while_some_of_its_primaries_are_dead() {
    let fakes = Fakes::start(3, |_, _, words| one_hash(words));
    fakes.own(&[1, 2]);
    *fakes.dead.lock().unwrap() = vec![1];
    let remote = fakes.open(RemoteOptions::new());
    assert_eq!(remote.get(fakes.key_of(2), "f").unwrap().as_deref(), Some(&b"v"[..]));
    *fakes.dead.lock().unwrap() = vec![1, 2];
    let none = fakes.open_by(&[0], RemoteOptions::new());
    assert!(matches!(none, Err(RemoteError::Wire(_))), "{none:?}");
}

/// As soon as somebody has tried to connect to the dead one a few times, another one is elected.
#[test]
fn calls_about_all_keys_wait_for_a_new_primary() {
    type Call = fn(&RemoteCluster) -> Result<u64, RemoteError>;
    let calls: [(&str, Call); 6] = [
        ("keys", |remote| Ok(remote.keys()?.len() as u64)),
        ("key_count", |remote| Ok(remote.key_count()? as u64)),
        ("scan_keys", |remote| Ok(remote.scan_keys(None, 10)?.items.len() as u64)),
        ("iter_keys", |remote| Ok(remote.iter_keys().collect::<Result<Vec<_>, _>>()?.len() as u64)),
        ("copy_from", |remote| match Store::new().copy_from(remote, CopyOptions::new()) {
            Ok(report) => Ok(report.keys),
            Err(CopyError::Remote(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }),
        ("copy_to", |remote| match a_store().copy_to(remote, CopyOptions::new()) {
            Ok(report) => Ok(report.keys),
            Err(CopyError::Remote(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }),
    ];
    for (name, call) in calls {
        let fakes = Fakes::start(3, |_, _, words| one_hash(words));
        fakes.own(&[1]);
        let remote = fakes.open(patient().retries(0));
        fakes.dead.lock().unwrap().push(1);
        let before = fakes.connections(1);
        thread::scope(|scope| {
            scope.spawn(|| {
                wait_until("calls find the primary dead", || fakes.connections(1) > before + 3);
                fakes.own(&[2]);
            });
            assert_eq!(call(&remote).unwrap_or_else(|error| panic!("{name}: {error}")), 1, "{name}");
        });
    }
}

#[test]
fn a_primary_that_dies_during_a_copy_is_a_change() {
    let fakes = Fakes::start(2, |fakes, node, words| {
        if words[0] == "HSET" {
            fakes.dead.lock().unwrap().push(node); // it still answers this
        }
        one_hash(words)
    });
    fakes.own(&[1]);
    let remote = fakes.open(patient());
    let report = a_store().copy_to(&remote, CopyOptions::new()).unwrap();
    assert_eq!((report.keys, report.topology_changed), (1, true));
}

/// All nodes that are asked for the slots may have the same old news.
#[test]
fn primaries_that_do_not_agree_with_the_slots_are_a_change() {
    let fakes = Fakes::start(1, |_, _, words| one_hash(words));
    let remote = fakes.open(patient());
    for (odd, is_change) in [(None, false), (Some(" 0-99 101-16383"), true), (Some(""), true), (None, false)] {
        *fakes.odd_account.lock().unwrap() = odd;
        let report = Store::new().copy_from(&remote, CopyOptions::new()).unwrap();
        assert_eq!((report.keys, report.topology_changed), (1, is_change), "{odd:?}");
        let report = a_store().copy_to(&remote, CopyOptions::new()).unwrap();
        assert_eq!((report.keys, report.topology_changed), (1, is_change), "{odd:?}");
    }
}

#[test]
fn what_is_no_tag_is_refused_before_anything_is_sent() {
    let fakes = Fakes::start(1, |_, _, words| one_hash(words));
    let remote = fakes.open(patient());
    for tag in ["", "}", "}x"] {
        let one = remote.update_tagged(tag, ["a"], |_| panic!("{tag}"));
        assert!(matches!(one, Err(RemoteError::CrossSlot)), "{tag}: {one:?}");
        let two = remote.update_tagged(tag, ["a", "b"], |_| panic!("{tag}"));
        assert!(matches!(two, Err(RemoteError::CrossSlot)), "{tag}: {two:?}");
    }
    assert_eq!(fakes.requests.lock().unwrap().len(), 0);
    for tag in ["{", "a{b", "a}b"] {
        remote.update_tagged(tag, ["b{c}"], |_| ()).unwrap_or_else(|error| panic!("{tag}: {error}"));
    }
}

/// Nobody waits for a node for which there is no request.
#[test]
fn a_node_that_hangs_is_left_alone_by_calls_on_other_nodes() {
    let losses = Arc::new(AtomicUsize::new(0));
    let left = Arc::clone(&losses);
    let fakes = Fakes::start(3, move |_, _, words| {
        let is_lost = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if is_lost { Reply::Close } else { one_hash(words) }
    });
    fakes.own(&[0, 1]);
    let (well, ill) = (fakes.key_of(0), fakes.key_of(1));
    let tries = || [1, 2].map(|node| fakes.connections(node));
    let long = Duration::from_secs(120);
    let remote = fakes.open(patient().connect_timeout(long).timeout(long).retries(20));
    *fakes.hanging.lock().unwrap() = vec![1, 2];
    let before = tries();
    losses.store(20, Ordering::SeqCst); // so that it connects anew each time
    assert_eq!(remote.get(&well, "f").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!((losses.load(Ordering::SeqCst), tries()), (0, before));
    // Nor after a call on it has failed.
    let short = Duration::from_millis(500);
    *fakes.hanging.lock().unwrap() = Vec::new();
    let remote = fakes.open(RemoteOptions::new().patience(short).connect_timeout(short).retries(0));
    *fakes.hanging.lock().unwrap() = vec![1, 2];
    losses.store(1, Ordering::SeqCst);
    remote.get(&well, "f").unwrap_err();
    let failed = remote.set(&ill, "f", "v");
    assert!(matches!(failed, Err(RemoteError::Wire(_))), "nothing was sent: {failed:?}");
    let before = tries();
    wait_until("others answer", || remote.get(&well, "f").is_ok());
    assert_eq!(tries(), before);
    // Those that were named are not asked again and again.
    *fakes.hanging.lock().unwrap() = Vec::new();
    let remote = fakes.open_by(&[0, 1, 2], patient().connect_timeout(short).timeout(long).retries(20)).unwrap();
    *fakes.hanging.lock().unwrap() = vec![1, 2];
    let before = tries();
    losses.store(20, Ordering::SeqCst);
    assert_eq!(remote.get(&well, "f").unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(losses.load(Ordering::SeqCst), 0);
    let asked: usize = tries().iter().zip(before).map(|(now, before)| now - before).sum();
    assert!(asked < 10, "{asked}");
}
