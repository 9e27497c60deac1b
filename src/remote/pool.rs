//! Connections. A call takes one out of the pool, and puts it back if the answer has arrived whole. A
//! connection on which anything failed is closed, and so are all that were opened before it failed: what has closed one
//! (a restart, a firewall, a fail-over) has probably closed all. Otherwise each repetition of a call would find another
//! dead connection, until there are no repetitions left.
//!
//! For a cluster, a connection is one of its client's, which knows the slots and has a connection to each node for which it
//! had a request. A new one asks the cluster where the slots are now.

use std::time::{Duration, Instant};

use super::servers::Servers;
use super::{RemoteError, RemoteOptions};
use crate::process::Process;
use crate::sync::Mutex;

/// A connection that has rested this long is asked first whether it still works. A server may have closed it, and then
/// the next request would leave and never be answered.
pub(super) const RESTED: Duration = Duration::from_secs(1);
/// The longest wait for the answer to that question. If none comes, opening a connection costs little.
const LONGEST_PING: Duration = Duration::from_secs(1);

/// How long to wait for that answer, if other answers are waited for as long as this.
pub(super) fn shorter(timeout: Duration) -> Duration {
    LONGEST_PING.min(timeout / 4).max(Duration::from_millis(1))
}

pub(super) struct Pool<S: Servers> {
    pub(super) servers: S,
    options: RemoteOptions,
    idle: Mutex<Idle<S::Connection>>,
}

struct Idle<C> {
    connections: Vec<(C, Instant)>,
    /// How often all connections were given up.
    generation: u64,
    /// A forked child must not share the sockets of its parent.
    process: Process,
}

/// A connection that a call uses.
pub(super) struct Taken<C> {
    pub(super) connection: C,
    generation: u64,
}

impl<S: Servers> Pool<S> {
    pub(super) fn new(servers: S, options: RemoteOptions) -> Self {
        let idle = Mutex::new(Idle { connections: Vec::new(), generation: 0, process: Process::current() });
        Self { servers, options, idle }
    }

    /// Returns a connection that nobody else uses.
    pub(super) fn take(&self) -> Result<Taken<S::Connection>, RemoteError> {
        loop {
            let (generation, idle) = self.take_idle();
            let Some((connection, since)) = idle else {
                return Ok(Taken { connection: self.servers.connect(&self.options)?, generation });
            };
            let mut taken = Taken { connection, generation };
            if since.elapsed() < RESTED || self.still_works(&mut taken.connection) {
                return Ok(taken);
            }
            self.give_up(&taken);
        }
    }

    /// Whether a connection that has rested is answered.
    fn still_works(&self, connection: &mut S::Connection) -> bool {
        S::still_works(connection, shorter(self.options.timeout), &self.options)
    }

    fn take_idle(&self) -> (u64, Option<(S::Connection, Instant)>) {
        let mut idle = self.idle.lock();
        if !idle.process.is_current() {
            // Dropping them closes the child's copies of the sockets, and leaves the parent's alone.
            idle.connections.clear();
            idle.process = Process::current();
        }
        (idle.generation, idle.connections.pop())
    }

    /// Takes a connection back that has answered.
    pub(super) fn put(&self, taken: Taken<S::Connection>) {
        let mut idle = self.idle.lock();
        if taken.generation == idle.generation && idle.connections.len() < self.options.idle_connections {
            idle.connections.push((taken.connection, Instant::now()));
        }
    }

    /// Closes all connections that are as old as one that was lost, now or when they are put back.
    pub(super) fn give_up(&self, lost: &Taken<S::Connection>) {
        let mut idle = self.idle.lock();
        if lost.generation == idle.generation {
            idle.generation += 1;
            let closed = std::mem::take(&mut idle.connections);
            drop(idle);
            drop(closed);
        }
    }
}
