//! One call on a server: a request, and the answer to it.
//!
//! # What is repeated
//! A connection can be lost at three moments:
//!
//! | moment | what is known | a call that only reads | any other call |
//! |---|---|---|---|
//! | before the request is handed over whole | the server has not done it: it does not act on a part | again | again |
//! | before the answer is there whole | nothing | again | `Unknown`, at once |
//! | after that | everything | | |
//!
//! A call is repeated at most [`RemoteOptions::retries`](crate::RemoteOptions::retries) times, each time on a connection
//! that was opened after the one before was lost.
//!
//! An answer of an unexpected kind is as good as none: a change is `Unknown` then. The connection may be out of step, so it
//! is closed.

use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use redis::{Cmd, Connection, RedisError, Script, ToRedisArgs, Value};

use super::pool::Taken;
use super::{Remote, RemoteError};
use crate::sync::assert_outside_closures;

type Result<T> = std::result::Result<T, RemoteError>;

/// The pause before the first repetition. Each further one is longer by this.
const PAUSE: Duration = Duration::from_millis(10);

/// What a repetition of a call would do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// No harm: the call only reads.
    Harmless,
    /// Perhaps the same change a second time.
    Doubles,
}

impl Remote {
    /// Makes a call that only reads, and reads its answer.
    #[track_caller]
    pub(super) fn ask<T>(&self, command: &Cmd, read: impl FnMut(Value) -> Result<T>) -> Result<T> {
        self.call(command, Repeat::Harmless, read)
    }

    /// Makes a call that changes something, and reads its answer.
    #[track_caller]
    pub(super) fn tell<T>(&self, command: &Cmd, read: impl FnMut(Value) -> Result<T>) -> Result<T> {
        self.call(command, Repeat::Doubles, read)
    }

    /// Runs a script, and reads its answer. The server gets its text only if it does not know it yet.
    #[track_caller]
    pub(super) fn run<T>(
        &self,
        call: &ScriptCall,
        repeat: Repeat,
        mut read: impl FnMut(Value) -> Result<T>,
    ) -> Result<T> {
        match self.call(&call.command, repeat, &mut read) {
            // The server has done nothing.
            Err(RemoteError::Server(text)) if text.starts_with("NOSCRIPT") => {
                self.ask(redis::cmd("SCRIPT").arg("LOAD").arg(call.script.text), Ok)?;
                self.call(&call.command, repeat, read)
            }
            result => result,
        }
    }

    #[track_caller]
    pub(super) fn call<T>(&self, command: &Cmd, repeat: Repeat, mut read: impl FnMut(Value) -> Result<T>) -> Result<T> {
        assert_outside_closures();
        let request = command.get_packed_command();
        self.exchange(repeat, |connection| {
            connection.send_packed_command(&request).map_err(Lost::BeforeRequest)?;
            match receive(connection)? {
                Ok(answer) => Ok(read(answer)),
                Err(refusal) => Ok(Err(refusal)),
            }
        })
    }

    /// Sends something and receives the answers to it, on a connection of its own. Does it again if that is allowed.
    pub(super) fn exchange<T>(
        &self,
        repeat: Repeat,
        mut exchange: impl FnMut(&mut Connection) -> std::result::Result<Result<T>, Lost>,
    ) -> Result<T> {
        let retries = self.options().retries;
        let mut repeated = 0;
        loop {
            let tried = self.pool().take().and_then(|mut taken| {
                let result = exchange(&mut taken.connection);
                self.exchanged(taken, repeat, result)
            });
            match tried {
                Err(RemoteError::Wire(_)) if repeated < retries => {}
                result => return result,
            }
            repeated += 1;
            thread::sleep(PAUSE * u32::try_from(repeated).unwrap_or(u32::MAX));
        }
    }

    /// Puts a connection back or gives it up, and says what the result of its use means.
    fn exchanged<T>(&self, taken: Taken, repeat: Repeat, result: std::result::Result<Result<T>, Lost>) -> Result<T> {
        let unanswered = |reason| match repeat {
            Repeat::Harmless => RemoteError::Wire(reason),
            Repeat::Doubles => RemoteError::Unknown(reason),
        };
        match result {
            Ok(Err(RemoteError::Wire(unexpected))) => {
                self.pool().give_up(&taken);
                Err(unanswered(unexpected))
            }
            // After a fail-over. The name of the server may lead to another one now.
            Ok(Err(RemoteError::Server(text))) if text.contains("READONLY") => {
                self.pool().give_up(&taken);
                Err(RemoteError::Server(text))
            }
            Ok(answer) => {
                self.pool().put(taken);
                answer
            }
            Err(lost) => {
                self.pool().give_up(&taken);
                Err(match lost {
                    Lost::BeforeRequest(error) => RemoteError::Wire(Box::new(error)),
                    Lost::AfterRequest(error) => unanswered(Box::new(error)),
                })
            }
        }
    }
}

/// Receives one answer, or what the server refuses.
pub(super) fn receive(connection: &mut Connection) -> std::result::Result<Result<Value>, Lost> {
    Ok(match connection.recv_response().map_err(Lost::AfterRequest)? {
        Value::ServerError(error) => Err(RemoteError::answered(error.code(), error.details().unwrap_or(""))),
        answer => Ok(answer),
    })
}

/// When a connection was lost.
pub(super) enum Lost {
    /// The request was not handed over whole, so the server has not done it.
    BeforeRequest(RedisError),
    AfterRequest(RedisError),
}

/// A script.
pub(super) struct ServerScript {
    text: &'static str,
    hash: String,
}

/// Declares scripts, whose texts are files.
macro_rules! scripts {
    ($($name:ident = $file:literal;)*) => {$(
        pub(super) static $name: LazyLock<ServerScript> = LazyLock::new(|| {
            let text = include_str!(concat!("scripts/", $file));
            ServerScript { text, hash: Script::new(text).get_hash().to_owned() }
        });
    )*};
}

scripts! {
    LOAD = "load.lua";
    APPLY = "apply.lua";
    EXPIRE = "expire.lua";
    EXPIRE_FIELDS = "expire_fields.lua";
    INCREMENT_AND_EXPIRE = "increment_and_expire.lua";
    SET_WITH = "set_with.lua";
}

/// A script with its keys and arguments.
pub(super) struct ScriptCall {
    script: &'static ServerScript,
    command: Cmd,
}

impl ScriptCall {
    pub(super) fn new(script: &'static LazyLock<ServerScript>, keys: &[&[u8]]) -> Self {
        let script = &**script;
        let mut command = redis::cmd("EVALSHA");
        command.arg(&script.hash).arg(keys.len()).arg(keys);
        Self { script, command }
    }

    pub(super) fn push(&mut self, word: impl AsRef<[u8]>) {
        self.command.arg(word.as_ref());
    }

    pub(super) fn push_number(&mut self, number: impl ToRedisArgs) {
        self.command.arg(number);
    }
}
