//! The options of a connection to a server.

use std::time::Duration;

/// How a [`Remote`](crate::Remote) or a [`RemoteCluster`](crate::RemoteCluster) connects, waits and repeats.
///
/// ```no_run
/// use std::time::Duration;
/// use hashlet::{Remote, RemoteOptions};
///
/// let options = RemoteOptions::new().timeout(Duration::from_secs(1)).attempts(10);
/// let remote = Remote::open_with("redis://127.0.0.1/", options)?;
/// # Ok::<(), hashlet::RemoteError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct RemoteOptions {
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) idle_connections: usize,
    pub(super) retries: usize,
    pub(super) patience: Duration,
    pub(super) attempts: usize,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            idle_connections: 16,
            retries: 2,
            patience: Duration::from_secs(30),
            attempts: 1_000,
        }
    }
}

impl RemoteOptions {
    /// Returns the options that [`Remote::open`](crate::Remote::open) has.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits this long for a connection, and then this long for the first answers on it. The default is 5 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = at_least_a_millisecond(timeout);
        self
    }

    /// Waits this long for each answer, and to hand over each request. The default is 10 seconds. A call that only reads is
    /// tried up to three times ([`retries`](Self::retries)), so it can take three times as long, and connecting comes on top.
    /// An update makes two calls for each run of its closure.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = at_least_a_millisecond(timeout);
        self
    }

    /// Keeps at most this many connections open that no call uses. The default is 16. Each call has a connection of its
    /// own while it runs, so there are as many as calls that run at the same time. In a cluster, each is one connection to each
    /// node that its calls have needed.
    pub fn idle_connections(mut self, connections: usize) -> Self {
        self.idle_connections = connections;
        self
    }

    /// Repeats a call at most this often if its connection is lost and repeating does no harm: the call only reads, or
    /// the request had not left. The default is 2.
    pub fn retries(mut self, retries: usize) -> Self {
        self.retries = retries;
        self
    }

    /// Waits this long for a cluster to find the primary of a key, while a request cannot be handed over or is answered by
    /// nodes that do not hold the key. Then the call fails, and nothing was done. The default is 30 seconds, which is longer
    /// than a fail-over takes with the servers' defaults. What is made again for this reason does not count as one of the
    /// [`retries`](Self::retries). A single server is not waited for.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Runs the closure of an update at most this often, while others change what it reads, before the update is
    /// [`Contended`](crate::RemoteError::Contended). The default is 1,000. Between two runs the thread sleeps up to 10
    /// milliseconds, so the default takes some seconds.
    pub fn attempts(mut self, attempts: usize) -> Self {
        self.attempts = attempts.max(1);
        self
    }
}

/// The system takes no timeouts of zero.
fn at_least_a_millisecond(timeout: Duration) -> Duration {
    timeout.max(Duration::from_millis(1))
}
