//! Connections to one server. A call takes one out of the pool, and puts it back if the answer has arrived whole. A
//! connection on which anything failed is closed, and so are all that were opened before it failed: what has closed one
//! (a restart, a firewall, a fail-over) has probably closed all. Otherwise each repetition of a call would find another
//! dead connection, until there are no repetitions left.

use std::time::{Duration, Instant};

use redis::{Client, Connection, ConnectionLike, IntoConnectionInfo, ProtocolVersion, Value};

use super::answer::text;
use super::{RemoteError, RemoteOptions};
use crate::process::Process;
use crate::sync::Mutex;

/// A connection that has rested this long is asked first whether it still works. A server may have closed it, and then
/// the next request would leave and never be answered.
const RESTED: Duration = Duration::from_secs(1);
/// The longest wait for the answer to that question. If none comes, opening a connection costs little.
const LONGEST_PING: Duration = Duration::from_secs(1);

pub(super) struct Pool {
    client: Client,
    options: RemoteOptions,
    idle: Mutex<Idle>,
}

struct Idle {
    connections: Vec<(Connection, Instant)>,
    /// How often all connections were given up.
    generation: u64,
    /// A forked child must not share the sockets of its parent.
    process: Process,
}

/// A connection that a call uses.
pub(super) struct Taken {
    pub(super) connection: Connection,
    generation: u64,
}

impl Pool {
    /// Connects once, and checks that the server can do everything.
    pub(super) fn open(url: &str, options: RemoteOptions) -> Result<Self, RemoteError> {
        let idle = Mutex::new(Idle { connections: Vec::new(), generation: 0, process: Process::current() });
        let pool = Self { client: client(url)?, options, idle };
        let mut taken = pool.take()?;
        let mut info = redis::cmd("INFO");
        check_server(&text(taken.connection.req_command(info.arg("server"))?)?)?;
        pool.put(taken);
        Ok(pool)
    }

    /// The address of the server, without user and password.
    pub(super) fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    fn connect(&self) -> Result<Connection, RemoteError> {
        let connection = self.client.get_connection_with_timeout(self.options.connect_timeout)?;
        connection.set_read_timeout(Some(self.options.timeout))?;
        connection.set_write_timeout(Some(self.options.timeout))?;
        Ok(connection)
    }

    /// Returns a connection that nobody else uses.
    pub(super) fn take(&self) -> Result<Taken, RemoteError> {
        loop {
            let (generation, idle) = self.take_idle();
            let Some((connection, since)) = idle else {
                return Ok(Taken { connection: self.connect()?, generation });
            };
            let mut taken = Taken { connection, generation };
            if since.elapsed() < RESTED || self.still_works(&mut taken.connection) {
                return Ok(taken);
            }
            self.give_up(&taken);
        }
    }

    /// Whether a connection that has rested is answered.
    fn still_works(&self, connection: &mut Connection) -> bool {
        let timeout = self.options.timeout;
        let shorter = LONGEST_PING.min(timeout / 4).max(Duration::from_millis(1));
        if connection.set_read_timeout(Some(shorter)).is_err() {
            return false;
        }
        let is_answered = match connection.req_command(&redis::cmd("PING")) {
            Ok(answer) => matches!(answer, Value::SimpleString(_)),
            // The server refuses for now. It will tell the call why.
            Err(error) => !matches!(RemoteError::from(error), RemoteError::Wire(_)),
        };
        is_answered && connection.set_read_timeout(Some(timeout)).is_ok()
    }

    fn take_idle(&self) -> (u64, Option<(Connection, Instant)>) {
        let mut idle = self.idle.lock();
        if !idle.process.is_current() {
            // Dropping them closes the child's copies of the sockets, and leaves the parent's alone.
            idle.connections.clear();
            idle.process = Process::current();
        }
        (idle.generation, idle.connections.pop())
    }

    /// Takes a connection back that has answered.
    pub(super) fn put(&self, taken: Taken) {
        let mut idle = self.idle.lock();
        if taken.generation == idle.generation && idle.connections.len() < self.options.idle_connections {
            idle.connections.push((taken.connection, Instant::now()));
        }
    }

    /// Closes all connections that are as old as one that was lost, now or when they are put back.
    pub(super) fn give_up(&self, lost: &Taken) {
        let mut idle = self.idle.lock();
        if lost.generation == idle.generation {
            idle.generation += 1;
            let closed = std::mem::take(&mut idle.connections);
            drop(idle);
            drop(closed);
        }
    }
}

/// A client for a URL. Whatever protocol the URL names, it speaks RESP2, whose answers `answer.rs` reads.
fn client(url: &str) -> Result<Client, RemoteError> {
    let info = url.into_connection_info()?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
    Ok(Client::open(info.set_redis_settings(settings))?)
}

/// Fails if the server cannot do everything, judging by its INFO.
fn check_server(info: &str) -> Result<(), RemoteError> {
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
    if value("redis_mode") == Some("cluster") || value("server_mode") == Some("cluster") {
        return Err(RemoteError::Unsupported(format!("{name} as a node of a cluster")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_and_clusters_are_refused() {
        let info = |lines: &[&str]| check_server(&lines.join("\r\n"));
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
    }
}
