//! Connections to one server. A call takes one out of the pool, and puts it back if the answer has arrived whole. A
//! connection on which anything failed is closed.

use std::time::{Duration, Instant};

use redis::{Client, Connection, ConnectionLike, Value};

use super::answer::text;
use super::{RemoteError, RemoteOptions};
use crate::process::Process;
use crate::sync::Mutex;

/// A connection that has rested this long is asked first whether it still works. A server may have closed it, and then
/// the next request would leave and never be answered.
const RESTED: Duration = Duration::from_secs(1);

pub(super) struct Pool {
    client: Client,
    options: RemoteOptions,
    idle: Mutex<Idle>,
}

struct Idle {
    connections: Vec<(Connection, Instant)>,
    /// A forked child must not share the sockets of its parent.
    process: Process,
}

impl Pool {
    /// Connects once, and checks that the server can do everything.
    pub(super) fn open(url: &str, options: RemoteOptions) -> Result<Self, RemoteError> {
        let idle = Mutex::new(Idle { connections: Vec::new(), process: Process::current() });
        let pool = Self { client: Client::open(url)?, options, idle };
        let mut connection = pool.connect()?;
        let mut info = redis::cmd("INFO");
        check_server(&text(connection.req_command(info.arg("server"))?)?)?;
        pool.put(connection);
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
    pub(super) fn take(&self) -> Result<Connection, RemoteError> {
        loop {
            let Some((mut connection, since)) = self.take_idle() else { return self.connect() };
            if since.elapsed() < RESTED
                || matches!(connection.req_command(&redis::cmd("PING")), Ok(Value::SimpleString(_)))
            {
                return Ok(connection);
            }
        }
    }

    fn take_idle(&self) -> Option<(Connection, Instant)> {
        let mut idle = self.idle.lock();
        if !idle.process.is_current() {
            // Dropping them closes the child's copies of the sockets, and leaves the parent's alone.
            *idle = Idle { connections: Vec::new(), process: Process::current() };
        }
        idle.connections.pop()
    }

    pub(super) fn put(&self, connection: Connection) {
        let mut idle = self.idle.lock();
        if idle.connections.len() < self.options.idle_connections {
            idle.connections.push((connection, Instant::now()));
        }
    }
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
