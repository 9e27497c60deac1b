//! Redis and Valkey: a server of our own for each run, behind a unix socket. Each call is a round trip, but the values
//! of `get_across` and its like travel together.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use redis::{Cmd, Connection, FromRedisValue, Pipeline};

use crate::folder::Folder;
use crate::operations::Requests;
use crate::server::{self, Server, Settings};
use crate::support::rival::{Pair, Rival};

/// The names of the servers and the variables that name their sockets.
pub(crate) const SERVERS: [(&str, &str); 2] = [("redis", "HASHLET_REDIS_SOCKET"), ("valkey", "HASHLET_VALKEY_SOCKET")];

/// The program of a server, where there is one.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let (_, variable) = SERVERS.iter().find(|(server, _)| *server == name)?;
    server::program(&format!("{name}-server"), variable)
}

/// What a server says of itself.
pub(crate) fn version(name: &str) -> Option<String> {
    let output = Command::new(program(name)?).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().find_map(|word| word.strip_prefix("v=")).map(str::to_owned)
}

thread_local! {
    /// Each thread has a connection of its own.
    static CONNECTION: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

/// A server and the folder it lives in.
pub(crate) struct Remote<const VALKEY: bool> {
    /// What it had taken when it was empty.
    at_first: usize,
    server: Mutex<Server>,
    folder: Folder,
}

pub(crate) type Redis = Remote<false>;
pub(crate) type Valkey = Remote<true>;

impl<const VALKEY: bool> Remote<VALKEY> {
    /// A server with these settings.
    pub(crate) fn start(settings: Settings) -> Self {
        CONNECTION.take(); // this thread may have had another server
        let folder = Folder::new();
        let program = program(Self::NAME).expect("a server that was found before");
        let server = Mutex::new(Server::start(&program, folder.path(), settings));
        let mut new = Self { at_first: 0, server, folder };
        new.at_first = new.used_memory();
        new
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a field for each request, all of them in one round trip.
    pub(crate) fn set_together(&self, requests: &Requests) {
        let batch = RefCell::new(redis::pipe());
        requests.each(|[key, field, value]| {
            batch.borrow_mut().add_command(hset(key, &[(field, value)])).ignore();
            0
        });
        self.send::<()>(&batch.into_inner());
    }

    /// How long it takes to start again with what its files hold.
    pub(crate) fn restart(&self) -> Duration {
        let keys = self.key_count();
        let time = self.server.lock().expect("no panic before").restart(keys);
        CONNECTION.take();
        time
    }

    fn with_connection<R>(&self, work: impl FnOnce(&mut Connection) -> redis::RedisResult<R>) -> R {
        CONNECTION.with_borrow_mut(|connection| {
            let connection = connection.get_or_insert_with(|| {
                self.server.lock().expect("no panic before").connect().expect("the server answers")
            });
            work(connection).expect("the server answers")
        })
    }

    fn call<R: FromRedisValue>(&self, command: &Cmd) -> R {
        self.with_connection(|connection| command.query(connection))
    }

    fn send<R: FromRedisValue>(&self, pipeline: &Pipeline) -> R {
        self.with_connection(|connection| pipeline.query(connection))
    }

    fn used_memory(&self) -> usize {
        let info: String = self.call(redis::cmd("INFO").arg("memory"));
        let told = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        told.and_then(|bytes| bytes.trim().parse().ok()).expect("the server tells what it has taken")
    }
}

impl<const VALKEY: bool> Rival for Remote<VALKEY> {
    const NAME: &str = SERVERS[VALKEY as usize].0;
    const IN_PROCESS: bool = false;
    type Whole = Vec<(Vec<u8>, Vec<u8>)>;

    fn new() -> Self {
        Self::start(&["--appendonly", "no"])
    }

    fn set_many(&self, key: &[u8], pairs: &[Pair<'_>]) -> usize {
        self.call(&hset(key, pairs))
    }

    fn set_all(&self, hashes: &[(&[u8], Vec<Pair<'_>>)]) -> usize {
        let mut batch = redis::pipe();
        for (key, pairs) in hashes {
            batch.add_command(hset(key, pairs));
        }
        self.send::<Vec<usize>>(&batch).into_iter().sum()
    }

    fn set(&self, key: &[u8], field: &[u8], value: &[u8]) -> bool {
        self.set_many(key, &[(field, value)]) == 1
    }

    fn look<R>(&self, key: &[u8], field: &[u8], at: impl FnOnce(Option<&[u8]>) -> R) -> R {
        at(self.get(key, field).as_deref())
    }

    fn get(&self, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
        self.call(redis::cmd("HGET").arg(key).arg(field))
    }

    fn contains(&self, key: &[u8], field: &[u8]) -> bool {
        self.call(redis::cmd("HEXISTS").arg(key).arg(field))
    }

    fn get_all(&self, key: &[u8]) -> Self::Whole {
        self.call(redis::cmd("HGETALL").arg(key))
    }

    fn len(whole: &Self::Whole) -> usize {
        whole.len()
    }

    fn get_across(&self, keys: &[&[u8]], field: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut batch = redis::pipe();
        for key in keys {
            batch.cmd("HGET").arg(key).arg(field);
        }
        self.send(&batch)
    }

    fn get_many_across(&self, keys: &[&[u8]], fields: &[&[u8]]) -> Vec<Vec<Option<Vec<u8>>>> {
        let mut batch = redis::pipe();
        for key in keys {
            batch.cmd("HMGET").arg(key).arg(fields);
        }
        self.send(&batch)
    }

    fn remove(&self, key: &[u8], field: &[u8]) -> bool {
        self.call(redis::cmd("HDEL").arg(key).arg(field))
    }

    fn increment(&self, key: &[u8], field: &[u8], amount: i64) -> i64 {
        self.call(redis::cmd("HINCRBY").arg(key).arg(field).arg(amount))
    }

    fn update(&self, key: &[u8], counter: &[u8], pairs: [Pair<'_>; 2]) -> i64 {
        let mut transaction = redis::pipe();
        transaction.atomic().add_command(hset(key, &pairs)).ignore().cmd("HINCRBY").arg(key).arg(counter).arg(1);
        let [sum] = self.send(&transaction);
        sum
    }

    fn key_count(&self) -> usize {
        self.call(&redis::cmd("DBSIZE"))
    }

    fn process(&self) -> u32 {
        self.server.lock().expect("no panic before").process()
    }

    fn bytes(&self) -> Option<usize> {
        Some(self.used_memory() - self.at_first)
    }
}

fn hset(key: &[u8], pairs: &[Pair<'_>]) -> Cmd {
    let mut command = redis::cmd("HSET");
    command.arg(key);
    for (field, value) in pairs {
        command.arg(field).arg(value);
    }
    command
}
