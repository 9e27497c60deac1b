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
//! A call is repeated at most [`RemoteOptions::retries`](crate::RemoteOptions::retries) times, each time on another
//! connection.

use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use redis::{Cmd, Connection, RedisError, Script, ToRedisArgs, Value};

use super::{Remote, RemoteError};
use crate::sync::assert_outside_closures;

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
    /// Makes a call that only reads.
    #[track_caller]
    pub(super) fn ask(&self, command: &Cmd) -> Result<Value, RemoteError> {
        self.call(command, Repeat::Harmless)
    }

    /// Makes a call that changes something.
    #[track_caller]
    pub(super) fn tell(&self, command: &Cmd) -> Result<Value, RemoteError> {
        self.call(command, Repeat::Doubles)
    }

    /// Runs a script. The server gets its text only if it does not know it yet.
    #[track_caller]
    pub(super) fn run(&self, call: &ScriptCall, repeat: Repeat) -> Result<Value, RemoteError> {
        match self.call(&call.command, repeat) {
            // The server has done nothing.
            Err(RemoteError::Server(text)) if text.starts_with("NOSCRIPT") => {
                self.ask(redis::cmd("SCRIPT").arg("LOAD").arg(call.script.text))?;
                self.call(&call.command, repeat)
            }
            result => result,
        }
    }

    #[track_caller]
    fn call(&self, command: &Cmd, repeat: Repeat) -> Result<Value, RemoteError> {
        assert_outside_closures();
        let request = command.get_packed_command();
        let answer = self.exchange(repeat, |connection| {
            connection.send_packed_command(&request).map_err(Lost::BeforeRequest)?;
            receive(connection)
        })?;
        match answer {
            Value::ServerError(error) => Err(RemoteError::answered(error.code(), error.details().unwrap_or(""))),
            answer => Ok(answer),
        }
    }

    /// Sends something and receives the answers to it, on a connection of its own. Does it again if that is allowed.
    pub(super) fn exchange<R>(
        &self,
        repeat: Repeat,
        exchange: impl Fn(&mut Connection) -> Result<R, Lost>,
    ) -> Result<R, RemoteError> {
        let retries = self.options().retries;
        let mut repeated = 0;
        loop {
            let tried = self.pool().take().and_then(|mut connection| {
                let result = exchange(&mut connection);
                if result.is_ok() {
                    self.pool().put(connection);
                }
                match result {
                    Err(Lost::AfterRequest(error)) if repeat == Repeat::Doubles => {
                        Err(RemoteError::Unknown(Box::new(error)))
                    }
                    Err(Lost::BeforeRequest(error) | Lost::AfterRequest(error)) => {
                        Err(RemoteError::Wire(Box::new(error)))
                    }
                    Ok(answer) => Ok(answer),
                }
            });
            match tried {
                Err(RemoteError::Wire(_)) if repeated < retries => {}
                result => return result,
            }
            repeated += 1;
            thread::sleep(PAUSE * u32::try_from(repeated).unwrap_or(u32::MAX));
        }
    }
}

/// Receives one answer, which may be an error of the server.
pub(super) fn receive(connection: &mut Connection) -> Result<Value, Lost> {
    connection.recv_response().map_err(Lost::AfterRequest)
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
