//! Clusters of three primaries and three replicas on loopback ports, of the servers whose programs `HASHLET_VALKEY_SERVER` and
//! `HASHLET_REDIS_SERVER` name. `.ci/servers cargo test --all-features --test cluster` brings both. Without them nothing is
//! tested, and each test prints so.
//!
//! Everything waits for states that the servers tell, and for as long as they take. Each server is stopped by its process
//! id, when this process ends, however it ends.

use std::ffi::OsString;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hashlet::{AnyHashes, Hashes, RemoteCluster, RemoteOptions};
use redis::{Client, Connection, ErrorKind, RedisResult, Value};

const SERVERS: [(&str, &str); 2] = [("Valkey 9.1", "HASHLET_VALKEY_SERVER"), ("Redis 8.2", "HASHLET_REDIS_SERVER")];
const PRIMARIES: usize = 3;
pub(crate) const NODES: usize = 2 * PRIMARIES;
pub(crate) const SLOTS: usize = 16_384;
/// Within this time of a busy machine, in milliseconds, no node takes another for dead.
pub(crate) const PATIENT: &str = "120000";
/// Within this time a node that is dead is taken for dead.
pub(crate) const QUICK: &str = "2000";
/// Only what never happens takes longer.
const LIMIT: Duration = Duration::from_secs(240);

/// The clusters, which are started once.
static CLUSTERS: [Mutex<Option<Cluster>>; 2] = [const { Mutex::new(None) }; 2];

/// Runs a test on each cluster, which is empty and whole. Tests wait for each other.
pub(crate) fn each(test: &str, run: impl Fn(&Cluster)) {
    for ((name, variable), cluster) in SERVERS.into_iter().zip(&CLUSTERS) {
        let Some(program) = std::env::var_os(variable) else {
            say(&format!("{test}: NOT TESTED with {name}: {variable} is not set; `.ci/servers` brings the servers"));
            continue;
        };
        let mut cluster: MutexGuard<'_, Option<Cluster>> = cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = Instant::now();
        let cluster = cluster.get_or_insert_with(|| {
            let cluster = Cluster::start(name, &program);
            say(&format!("{name}: {PRIMARIES} primaries and as many replicas are up after {:.1?}", begin.elapsed()));
            cluster
        });
        let begin = Instant::now();
        cluster.become_whole();
        say(&format!("{test}: {name} is whole after {:.1?}", begin.elapsed()));
        cluster.open().clear_all().unwrap();
        run(cluster);
    }
}

/// Writes past the test harness, which captures the output of passing tests. It must be seen if nothing was tested.
pub(crate) fn say(text: &str) {
    writeln!(std::io::stderr(), "cluster: {text}").expect("stderr is open");
}

/// Waits until something is so. The panic names the line of the caller and what is waited for if it does not happen.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LIMIT, "it does not happen: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) struct Cluster {
    pub(crate) name: &'static str,
    program: OsString,
    pub(crate) nodes: Vec<Node>,
}

impl Cluster {
    fn start(name: &'static str, program: &OsString) -> Self {
        let nodes: Vec<Node> = (0..NODES).map(|_| Node::start(program)).collect();
        let cluster = Self { name, program: program.clone(), nodes };
        let share = SLOTS / PRIMARIES + 1;
        for (at, node) in cluster.nodes.iter().enumerate() {
            node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()]).unwrap();
            if at < PRIMARIES {
                let [first, last] = [at * share, ((at + 1) * share - 1).min(SLOTS - 1)].map(|slot| slot.to_string());
                node.ask(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]).unwrap();
            }
        }
        for (at, node) in cluster.nodes.iter().enumerate() {
            for other in &cluster.nodes[at + 1..] {
                let [port, bus] = [other.port, other.bus].map(|port| port.to_string());
                node.ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).unwrap();
            }
        }
        for (at, node) in cluster.nodes.iter().enumerate().skip(PRIMARIES) {
            let primary = &cluster.nodes[at - PRIMARIES];
            wait_until("a replica knows its primary", || node.ask(&["CLUSTER", "REPLICATE", &primary.id]).is_ok());
        }
        cluster
    }

    /// Starts what was killed, and waits until each primary has a replica that is in step, and all nodes know the same.
    fn become_whole(&mut self) {
        for at in 0..NODES {
            if !self.nodes[at].is_alive() {
                self.nodes[at] = self.nodes[at].start_again(&self.program);
            }
        }
        // What a test that failed has left on the way.
        for node in &self.nodes {
            let nodes = node.text(&["CLUSTER", "NODES"]).unwrap();
            for open in nodes.split(['[', ']']).skip(1).step_by(2) {
                let slot = open.split('-').next().expect("the number of a slot");
                let _stays = node.ask(&["CLUSTER", "SETSLOT", slot, "STABLE"]);
            }
        }
        wait_until("the cluster is whole", || {
            let first = self.nodes[0].ranges();
            let owners: Vec<&String> = first.iter().map(|range| &range.ids[0]).collect();
            let slots: usize = first.iter().map(|range| range.last - range.first + 1).sum();
            let in_step = |node: &Node| node.info().contains("master_link_status:up") || owners.contains(&&node.id);
            let knows = |node: &Node| {
                let is_ok = matches!(node.text(&["CLUSTER", "INFO"]), Ok(info) if info.contains("cluster_state:ok"));
                is_ok && node.ranges() == first
            };
            slots == SLOTS
                && first.iter().all(|range| range.ids.len() == 2)
                && self.nodes.iter().all(|node| knows(node) && in_step(node))
        });
        self.take_for_dead_after(PATIENT);
    }

    /// Sets the time after which a node that does not answer is taken for dead, in milliseconds.
    pub(crate) fn take_for_dead_after(&self, millis: &str) {
        for node in self.alive() {
            node.ask(&["CONFIG", "SET", "cluster-node-timeout", millis]).unwrap();
        }
    }

    /// The name for `AnyHashes::open`, with the servers that are alive.
    pub(crate) fn name_of_all(&self) -> String {
        let hosts: Vec<String> = self.alive().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// A busy machine can stand still for longer than the usual times.
    pub(crate) fn options() -> RemoteOptions {
        let long = Duration::from_secs(120);
        RemoteOptions::new().timeout(long).connect_timeout(long).patience(LIMIT)
    }

    pub(crate) fn open(&self) -> RemoteCluster {
        let opened = RemoteCluster::open_with(&self.name_of_all(), Self::options());
        opened.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub(crate) fn open_any(&self) -> AnyHashes {
        AnyHashes::open(&self.name_of_all()).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    pub(crate) fn alive(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_alive())
    }

    pub(crate) fn is_valkey(&self) -> bool {
        self.name.starts_with("Valkey")
    }

    pub(crate) fn node(&self, id: &str) -> &Node {
        self.nodes.iter().find(|node| node.id == id).expect("a node of the cluster")
    }

    /// The primary of a slot, by its own account, and its replicas, as it knows them.
    pub(crate) fn owner(&self, slot: usize) -> (&Node, Vec<&Node>) {
        let mut found = None;
        wait_until("a slot has a primary", || {
            found = self.alive().find_map(|node| {
                let range = node.ranges().into_iter().find(|range| (range.first..=range.last).contains(&slot))?;
                (range.ids[0] == node.id).then(|| (node, range.ids[1..].iter().map(|id| self.node(id)).collect()))
            });
            found.is_some()
        });
        found.expect("a primary")
    }

    /// The primary of a slot, and its replica. After a fail-over it takes a while until the old primary is one.
    pub(crate) fn pair(&self, slot: usize) -> (&Node, &Node) {
        let mut found = None;
        wait_until("a primary has a replica", || {
            let (primary, replicas) = self.owner(slot);
            found = replicas.first().map(|replica| (primary, *replica));
            found.is_some()
        });
        found.expect("a replica")
    }

    /// Makes the replica of a slot's primary take over by CLUSTER FAILOVER, with all that the primary has.
    pub(crate) fn hand_over(&self, slot: usize) {
        let (primary, replica) = self.pair(slot);
        let mut asked: Option<Instant> = None;
        wait_until("a replica takes over", || {
            // A server gives up after five seconds. Asking earlier would make it begin anew.
            if asked.is_none_or(|asked| asked.elapsed() > Duration::from_secs(10)) {
                let _is_perhaps_too_early = replica.ask(&["CLUSTER", "FAILOVER"]);
                asked = Some(Instant::now());
            }
            self.owner(slot).0.id == replica.id
        });
        wait_until("the old primary follows", || primary.info().contains("master_link_status:up"));
    }

    /// A primary other than this one.
    pub(crate) fn other_primary(&self, than: &Node, number: usize) -> &Node {
        let others: Vec<&Node> = self.primaries().into_iter().filter(|node| node.id != than.id).collect();
        others[number % others.len()]
    }

    pub(crate) fn primaries(&self) -> Vec<&Node> {
        self.alive().filter(|node| node.ranges().iter().any(|range| range.ids[0] == node.id)).collect()
    }

    /// One of the slots of a primary.
    pub(crate) fn a_slot(&self, primary: &Node) -> usize {
        let ranges = primary.ranges();
        ranges.iter().find(|range| range.ids[0] == primary.id).expect("a primary").first
    }

    /// The slot of a key.
    pub(crate) fn slot(&self, key: &str) -> usize {
        match self.nodes[0].ask(&["CLUSTER", "KEYSLOT", key]) {
            Ok(Value::Int(slot)) => slot as usize,
            other => panic!("{other:?}"),
        }
    }

    /// Moves a slot with its keys, one key after the other. While it moves, some keys are here and some there.
    pub(crate) fn migrate(&self, slot: usize, to: &Node) {
        let (from, _) = self.owner(slot);
        let number = slot.to_string();
        to.ask(&["CLUSTER", "SETSLOT", &number, "IMPORTING", &from.id]).unwrap();
        from.ask(&["CLUSTER", "SETSLOT", &number, "MIGRATING", &to.id]).unwrap();
        loop {
            let keys = from.ask(&["CLUSTER", "GETKEYSINSLOT", &number, "1"]).unwrap();
            let Value::Array(keys) = keys else { panic!("{keys:?}") };
            let Some(Value::BulkString(key)) = keys.first() else { break };
            let mut migrate = redis::cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(to.port).arg(key).arg(0).arg(120_000);
            match from.send(&migrate) {
                Ok(_) => {}
                // A slow machine: the target has it perhaps, and it is tried again.
                Err(error) => say(&format!("{}: a key stays for now: {error}", self.name)),
            }
        }
        to.ask(&["CLUSTER", "SETSLOT", &number, "NODE", &to.id]).unwrap();
        for node in self.primaries() {
            if node.id != to.id {
                node.ask(&["CLUSTER", "SETSLOT", &number, "NODE", &to.id]).unwrap();
            }
        }
        self.wait_until_known(slot, to);
    }

    /// Waits until all nodes know that a slot has moved, and that the new primary's number of the last change is the highest.
    /// Otherwise the next one to get the slot could choose a lower number, and would drop its keys when it hears of this one.
    fn wait_until_known(&self, slot: usize, to: &Node) {
        let epoch = |node: &Node| -> Option<String> {
            let nodes = node.text(&["CLUSTER", "NODES"]).ok()?;
            let line = nodes.lines().find(|line| line.starts_with(&to.id))?;
            line.split(' ').nth(6).map(str::to_string)
        };
        let owns = |range: &Range| range.ids[0] == to.id && (range.first..=range.last).contains(&slot);
        wait_until("all nodes know where a slot is", || {
            let newest = epoch(to);
            newest.is_some() && self.alive().all(|node| epoch(node) == newest && node.ranges().iter().any(owns))
        });
    }

    /// Moves a slot at once, as Valkey can.
    pub(crate) fn migrate_at_once(&self, slot: usize, to: &Node) {
        let (from, _) = self.owner(slot);
        let number = slot.to_string();
        from.ask(&["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", &number, &number, "NODE", &to.id]).unwrap();
        wait_until("a slot has moved", || {
            let jobs = format!("{:?}", from.ask(&["CLUSTER", "GETSLOTMIGRATIONS"]).unwrap());
            let is_owner =
                to.ranges().iter().any(|range| range.ids[0] == to.id && (range.first..=range.last).contains(&slot));
            assert!(is_owner || !jobs.contains("failed"), "{jobs}");
            is_owner
        });
        self.wait_until_known(slot, to);
    }
}

/// Slots that follow each other, and the ids of their primary and its replicas.
#[derive(Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) ids: Vec<String>,
}

/// A server.
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) port: u16,
    bus: u16,
    process: Mutex<Child>,
    /// A shell that kills the server and removes its folder when this process ends.
    watch: Mutex<Child>,
    folder: PathBuf,
    was_killed: AtomicBool,
    connection: Mutex<Option<Connection>>,
}

impl Node {
    /// Starts a server on ports that are free, without others that know it.
    fn start(program: &OsString) -> Self {
        loop {
            let free = [(); 2].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
            let ports = free.each_ref().map(|listener| listener.local_addr().unwrap().port());
            drop(free);
            let folder = std::env::temp_dir().join(format!("hashlet-cluster-{}-{}", std::process::id(), ports[0]));
            std::fs::create_dir(&folder).unwrap();
            // Somebody else may have taken one meanwhile.
            if let Some(node) = Self::start_on(program, &folder, ports) {
                return node;
            }
        }
    }

    /// Starts it again after it was killed, with what it knows of the cluster and without its keys.
    fn start_again(&self, program: &OsString) -> Self {
        self.tell_watch("keep");
        Self::start_on(program, &self.folder, [self.port, self.bus])
            .expect("the ports of a server that was killed are free")
    }

    fn start_on(program: &OsString, folder: &Path, [port, bus]: [u16; 2]) -> Option<Self> {
        let [port_text, bus_text] = [port, bus].map(|port| port.to_string());
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let process = Command::new(program)
            .args(["--port", &port_text, "--cluster-port", &bus_text, "--bind", "127.0.0.1"])
            .args(["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"])
            .args(["--cluster-node-timeout", QUICK, "--cluster-replica-validity-factor", "0"])
            .args(["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"])
            // Only replicas that have got something are told to clients.
            .args(["--repl-ping-replica-period", "1"])
            .arg("--dir")
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        // Its input ends when this process ends. Whatever ends this process must not end it.
        let watch = "trap '' HUP INT TERM; dead=
            while read -r word; do
                case $word in keep) exit;; *) dead=$word;; esac
            done
            [ -n \"$dead\" ] || kill -9 \"$1\"
            rm -rf \"$2\"";
        let watch = Command::new("sh")
            .args(["-c", watch, "sh", &process.id().to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut node = Self {
            id: String::new(),
            port,
            bus,
            process: Mutex::new(process),
            watch: Mutex::new(watch),
            folder: folder.to_path_buf(),
            was_killed: AtomicBool::new(false),
            connection: Mutex::new(None),
        };
        let mut id = None;
        wait_until("a server answers", || {
            id = node.text(&["CLUSTER", "MYID"]).ok();
            id.is_some() || node.has_ended()
        });
        node.id = id?;
        // Another server would tell another process.
        let process = node.process.lock().unwrap_or_else(PoisonError::into_inner).id();
        node.info().contains(&format!("process_id:{process}\r")).then_some(node)
    }

    fn has_ended(&self) -> bool {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.try_wait().unwrap().is_some()
    }

    fn tell_watch(&self, word: &str) {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(watch.stdin.as_mut().expect("an open input"), "{word}").unwrap();
    }

    fn is_alive(&self) -> bool {
        !self.was_killed.load(Ordering::SeqCst)
    }

    /// Kills it, and returns when it is dead.
    pub(crate) fn kill(&self) {
        self.was_killed.store(true, Ordering::SeqCst);
        // From now on another process may get its id.
        self.tell_watch("dead");
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.kill().unwrap(); // SIGKILL
        process.wait().unwrap();
    }

    /// Sends a signal to its process.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).id();
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status().unwrap();
        assert!(status.success());
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn connect(&self) -> RedisResult<Connection> {
        let connection = Client::open(self.url())?.get_connection_with_timeout(Duration::from_secs(120))?;
        connection.set_read_timeout(Some(LIMIT))?;
        Ok(connection)
    }

    pub(crate) fn ask(&self, words: &[&str]) -> RedisResult<Value> {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        self.send(&command)
    }

    fn send(&self, command: &redis::Cmd) -> RedisResult<Value> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = match connection.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let answer = command.query(&mut taken);
        // What a server refuses is an answer as well.
        let is_lost = |error: &redis::RedisError| matches!(error.kind(), ErrorKind::Io | ErrorKind::Parse);
        if !answer.as_ref().is_err_and(is_lost) {
            *connection = Some(taken);
        }
        answer
    }

    pub(crate) fn text(&self, words: &[&str]) -> RedisResult<String> {
        let value = self.ask(words)?;
        Ok(redis::from_redis_value(value)?)
    }

    pub(crate) fn info(&self) -> String {
        self.text(&["INFO"]).unwrap_or_default()
    }

    /// What it knows of all slots, in their order.
    pub(crate) fn ranges(&self) -> Vec<Range> {
        let Ok(Value::Array(ranges)) = self.ask(&["CLUSTER", "SLOTS"]) else { return Vec::new() };
        let mut ranges: Vec<Range> = ranges.iter().map(range).collect();
        ranges.sort_unstable_by_key(|range| range.first);
        ranges
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if !self.was_killed.load(Ordering::SeqCst) {
            self.kill();
        }
        let watch = self.watch.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(watch.stdin.take());
        let _ended = watch.wait();
    }
}

fn range(value: &Value) -> Range {
    let Value::Array(parts) = value else { panic!("{value:?}") };
    let number = |value: &Value| match value {
        Value::Int(number) => *number as usize,
        other => panic!("{other:?}"),
    };
    let id = |node: &Value| match node {
        Value::Array(parts) => redis::from_redis_value(parts[2].clone()).unwrap(),
        other => panic!("{other:?}"),
    };
    Range { first: number(&parts[0]), last: number(&parts[1]), ids: parts[2..].iter().map(id).collect() }
}
