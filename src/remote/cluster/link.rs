//! The connection to one node, as the cluster client uses it.
//!
//! The client repeats what fails, by the kind of the error. It may do so for redirects only. So what a connection loses has one
//! of two codes, and both are of a kind that is never repeated:
//!
//! | what was lost | code |
//! |---|---|
//! | a connection, before the request of a call was handed over whole; any request of the client's own | [`UNSENT`] |
//! | the answer to a request of a call | [`UNANSWERED`] |

use std::time::Duration;

use redis::cluster::Connect;
use redis::{
    Arg, Cmd, Connection, ConnectionLike, IntoConnectionInfo, RedisError, RedisResult, Value, make_extension_error,
};

use crate::remote::RemoteError;
use crate::remote::error::Reason;
use crate::remote::servers::Lost;

/// The codes of errors. No server answers so.
const UNSENT: &str = "hashlet:unsent";
const UNANSWERED: &str = "hashlet:unanswered";
/// The code of a server that does not accept the user or the password.
pub(super) const DENIED: &str = "WRONGPASS";

/// A connection to a node.
pub(crate) struct Link(Connection);

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
        // As a server says it, because the client would try again.
        RemoteError::Denied(text) => make_extension_error(DENIED.to_string(), Some(text)),
        _ => error,
    }
}

fn unanswered(error: &RedisError) -> RedisError {
    make_extension_error(UNANSWERED.to_string(), Some(error.to_string()))
}

impl Link {
    fn receive(&mut self) -> RedisResult<Value> {
        self.0.recv_response().map_err(|error| unanswered(&error))
    }
}

impl Connect for Link {
    fn connect<T: IntoConnectionInfo>(info: T, timeout: Option<Duration>) -> RedisResult<Self> {
        let connection = <Connection as Connect>::connect(info, timeout).map_err(unsent)?;
        // The client sends a PING before it sets its own.
        connection.set_read_timeout(timeout)?;
        connection.set_write_timeout(timeout)?;
        Ok(Self(connection))
    }

    fn send_packed_command(&mut self, command: &[u8]) -> RedisResult<()> {
        self.0.send_packed_command(command).map_err(unsent)
    }

    fn set_write_timeout(&self, timeout: Option<Duration>) -> RedisResult<()> {
        self.0.set_write_timeout(timeout)
    }

    fn set_read_timeout(&self, timeout: Option<Duration>) -> RedisResult<()> {
        self.0.set_read_timeout(timeout)
    }

    fn recv_response(&mut self) -> RedisResult<Value> {
        self.receive()
    }
}

impl ConnectionLike for Link {
    /// A request of a call, or one of the client's own.
    fn req_command(&mut self, command: &Cmd) -> RedisResult<Value> {
        let is_own = |name: Arg<&[u8]>| matches!(name, Arg::Simple(b"CLUSTER" | b"PING"));
        if command.args_iter().next().is_some_and(is_own) {
            return self.0.req_command(command).map_err(unsent);
        }
        self.send_packed_command(&command.get_packed_command())?;
        self.receive()
    }

    /// ASKING, which the client sends before a request.
    fn req_packed_command(&mut self, command: &[u8]) -> RedisResult<Value> {
        self.0.req_packed_command(command).map_err(unsent)
    }

    /// A pipeline of a call. What a server refuses is wrapped, because the client would drop all other answers.
    fn req_packed_commands(&mut self, commands: &[u8], offset: usize, count: usize) -> RedisResult<Vec<Value>> {
        self.send_packed_command(commands)?;
        (0..offset + count).map(|_| Ok(wrap(self.receive()?))).collect()
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }

    fn check_connection(&mut self) -> bool {
        self.0.check_connection()
    }

    fn is_open(&self) -> bool {
        self.0.is_open()
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
