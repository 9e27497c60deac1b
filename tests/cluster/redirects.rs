//! Servers that answer as a test wants: redirects, lost answers and clusters that are down, each exactly when it matters. They
//! need no real servers.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hashlet::{CopyError, CopyOptions, Hashes, RemoteCluster, RemoteError, RemoteOptions, Store};

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

/// Some servers, of which one has all slots.
struct Fakes {
    ports: Vec<u16>,
    owner: AtomicUsize,
    /// A number that tells one process of a server from another.
    process: AtomicUsize,
    /// The requests that each server has got, but for those that a client makes for itself.
    requests: Mutex<Vec<(usize, Vec<String>)>>,
    answer: Box<Answer>,
}

impl Fakes {
    fn start(number: usize, answer: impl Fn(&Self, usize, &[String]) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        let listeners: Vec<TcpListener> = (0..number).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
        let fakes = Arc::new(Self {
            ports: listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect(),
            owner: AtomicUsize::new(0),
            process: AtomicUsize::new(0),
            requests: Mutex::default(),
            answer: Box::new(answer),
        });
        for (node, listener) in listeners.into_iter().enumerate() {
            let fakes = Arc::clone(&fakes);
            thread::spawn(move || {
                for client in listener.incoming().flatten() {
                    let fakes = Arc::clone(&fakes);
                    thread::spawn(move || fakes.serve(node, &client));
                }
            });
        }
        fakes
    }

    fn serve(&self, node: usize, mut client: &TcpStream) {
        let mut requests = BufReader::new(client.try_clone().unwrap());
        while let Some(words) = read_request(&mut requests) {
            let reply = match words[0].as_str() {
                "CLIENT" | "ASKING" => text("+OK"),
                "PING" => text("+PONG"),
                "INFO" => {
                    let process = self.process.load(Ordering::SeqCst);
                    bulk(&format!("redis_version:8.2.3\r\nredis_mode:cluster\r\nrun_id:{process}\r\n"))
                }
                "CLUSTER" if words[1] == "NODES" => {
                    let (id, port) = ((node + 1).to_string().repeat(40), self.ports[node]);
                    bulk(&format!("{id} 127.0.0.1:{port}@1 myself,master - 0 0 1 connected 0-16383\n"))
                }
                "CLUSTER" => {
                    let owner = self.owner.load(Ordering::SeqCst);
                    let id = (owner + 1).to_string().repeat(40);
                    let port = self.ports[owner];
                    text(&format!("*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:{port}\r\n$40\r\n{id}"))
                }
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
        RemoteCluster::open_with(&format!("redis+cluster://127.0.0.1:{}", self.ports[0]), options).unwrap()
    }
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
            fakes.owner.store(1, Ordering::SeqCst);
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
    assert!(matches!(remote.set("k", "f", "v"), Err(error @ RemoteError::Server(_)) if error.is_full()));
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
                fakes.owner.store(1, Ordering::SeqCst);
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
