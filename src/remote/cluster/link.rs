//! The connection to one node, as the cluster client uses it.
//!
//! The client repeats what fails, by the kind of the error. It may do so for redirects only. So what a connection loses has one
//! of two codes, and both are of a kind that is never repeated:
//!
//! | what was lost | code |
//! |---|---|
//! | a connection, before the request of a call was handed over whole; any request of the client's own | [`UNSENT`] |
//! | the answer to a request of a call | [`UNANSWERED`] |
//!
//! The client connects to all nodes whenever it learns the slots, and asks each whether it answers. A node that hangs would
//! delay calls on all others. So a link connects when the first request is for its node, and is asked only then, if it has
//! rested, whether it still works.

use std::cell::Cell;
use std::time::{Duration, Instant};

use redis::cluster::Connect;
use redis::{
    Arg, Cmd, Connection, ConnectionInfo, ConnectionLike, IntoConnectionInfo, RedisError, RedisResult, Value,
    make_extension_error,
};

use crate::remote::RemoteError;
use crate::remote::error::Reason;
use crate::remote::pool::{RESTED, shorter};
use crate::remote::servers::Lost;

/// The codes of errors. No server answers so.
const UNSENT: &str = "hashlet:unsent";
const UNANSWERED: &str = "hashlet:unanswered";
/// The code of a server that does not accept the user or the password.
const DENIED: &str = "WRONGPASS";

/// A connection to a node, which is opened when it is needed.
pub(crate) struct Link {
    info: ConnectionInfo,
    connect_timeout: Option<Duration>,
    read_timeout: Cell<Option<Duration>>,
    write_timeout: Cell<Option<Duration>>,
    /// The connection, and when it was last used.
    open: Option<(Connection, Instant)>,
}

/// What was lost, by the error of a link.
pub(super) fn lost(error: &RedisError) -> Option<Lost> {
    let reason = || -> Reason { error.detail().unwrap_or("no answer").into() };
    match error.code()? {
        UNSENT => Some(Lost::BeforeRequest(reason())),
        UNANSWERED => Some(Lost::AfterRequest(reason())),
        _ => None,
    }
}

fn unsent(error: RedisError) -> RedisError {
    match RemoteError::from(error.clone()) {
        RemoteError::Wire(_) => make_extension_error(UNSENT.to_string(), Some(error.to_string())),
        // With the code with which a server refuses. The client makes a call again whose error has the kind that this one has.
        RemoteError::Denied(text) => make_extension_error(DENIED.to_string(), Some(text)),
        _ => error,
    }
}

fn unanswered(error: &RedisError) -> RedisError {
    make_extension_error(UNANSWERED.to_string(), Some(error.to_string()))
}

impl Link {
    /// The connection. It is opened if there is none, or if the node does not answer on it any more.
    ///
    /// # Errors
    /// That the node cannot be reached. Nothing was sent then.
    fn connection(&mut self) -> RedisResult<&mut Connection> {
        let open = match self.open.take() {
            Some((mut connection, since)) => {
                (since.elapsed() < RESTED || self.still_works(&mut connection)).then_some(connection)
            }
            None => None,
        };
        let connection = match open {
            Some(connection) => connection,
            None => self.open().map_err(unsent)?,
        };
        Ok(&mut self.open.insert((connection, Instant::now())).0)
    }

    fn open(&self) -> RedisResult<Connection> {
        let connection = <Connection as Connect>::connect(self.info.clone(), self.connect_timeout)?;
        connection.set_read_timeout(self.read_timeout.get())?;
        connection.set_write_timeout(self.write_timeout.get())?;
        Ok(connection)
    }

    /// Whether a connection that has rested is answered.
    fn still_works(&self, connection: &mut Connection) -> bool {
        let timeout = self.read_timeout.get();
        connection.set_read_timeout(timeout.map(shorter)).is_ok()
            && connection.check_connection()
            && connection.set_read_timeout(timeout).is_ok()
    }

    /// Closes the connection if something was lost on it.
    fn used<T>(&mut self, result: RedisResult<T>) -> RedisResult<T> {
        if result.as_ref().is_err_and(|error| lost(error).is_some()) {
            self.open = None;
        } else if let Some((_, since)) = &mut self.open {
            *since = Instant::now();
        }
        result
    }

    fn receive(&mut self) -> RedisResult<Value> {
        let answer = match &mut self.open {
            Some((connection, _)) => connection.recv_response().map_err(|error| unanswered(&error)),
            None => Err(make_extension_error(UNANSWERED.to_string(), None)),
        };
        self.used(answer)
    }
}

impl Connect for Link {
    fn connect<T: IntoConnectionInfo>(info: T, timeout: Option<Duration>) -> RedisResult<Self> {
        Ok(Self {
            info: info.into_connection_info()?,
            connect_timeout: timeout,
            read_timeout: Cell::new(timeout),
            write_timeout: Cell::new(timeout),
            open: None,
        })
    }

    fn send_packed_command(&mut self, command: &[u8]) -> RedisResult<()> {
        let sent = self.connection()?.send_packed_command(command).map_err(unsent);
        self.used(sent)
    }

    fn set_write_timeout(&self, timeout: Option<Duration>) -> RedisResult<()> {
        self.write_timeout.set(timeout);
        self.open.as_ref().map_or(Ok(()), |(connection, _)| connection.set_write_timeout(timeout))
    }

    fn set_read_timeout(&self, timeout: Option<Duration>) -> RedisResult<()> {
        self.read_timeout.set(timeout);
        self.open.as_ref().map_or(Ok(()), |(connection, _)| connection.set_read_timeout(timeout))
    }

    fn recv_response(&mut self) -> RedisResult<Value> {
        self.receive()
    }
}

impl ConnectionLike for Link {
    /// A request of a call, or one of the client's own.
    fn req_command(&mut self, command: &Cmd) -> RedisResult<Value> {
        match command.args_iter().next() {
            // The client asks whether the node answers. The next request will tell.
            Some(Arg::Simple(b"PING")) => Ok(Value::SimpleString("PONG".into())),
            Some(Arg::Simple(b"CLUSTER")) => {
                let answer = self.connection()?.req_command(command).map_err(unsent);
                self.used(answer)
            }
            _ => {
                self.send_packed_command(&command.get_packed_command())?;
                self.receive()
            }
        }
    }

    /// ASKING, which the client sends before a request.
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        let answer = self.connection()?.req_packed_command(command).map_err(unsent);
        self.used(answer)
    }

    /// A pipeline of a call. What a server refuses is wrapped, because the client would drop all other answers.
    fn req_packed_commands(&mut self, commands: &[u8], offset: usize, count: usize) -> RedisResult<Vec<Value>> {
        self.send_packed_command(commands)?;
        (0..offset + count).map(|_| Ok(wrap(self.receive()?))).collect()
    }

    fn get_db(&self) -> i64 {
        0 // a cluster has no other
    }

    /// The client asks this of all nodes whenever it learns the slots.
    fn check_connection(&mut self) -> bool {
        true
    }

    fn is_open(&self) -> bool {
        true
    }
}

/// An answer as the only value of an array, or the code and the text of an error as two.
fn wrap(answer: Value) -> Value {
    let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
    Value::Array(match answer {
        Value::ServerError(error) => vec![text(error.code()), text(error.details().unwrap_or(""))],
        answer => vec![answer],
    })
}

/// The answer that was wrapped.
pub(super) fn unwrap(wrapped: Value) -> Result<Value, RemoteError> {
    let Value::Array(mut values) = wrapped else { return Err(RemoteError::unexpected(&wrapped)) };
    match (values.pop(), values.pop()) {
        (Some(answer), None) => Ok(answer),
        (Some(Value::BulkString(text)), Some(Value::BulkString(code))) => {
            Err(RemoteError::answered(&String::from_utf8_lossy(&code), &String::from_utf8_lossy(&text)))
        }
        _ => Err(RemoteError::unexpected(&Value::Nil)),
    }
}
