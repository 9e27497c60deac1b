//! One call on a server: a request, and the answer to it.
//!
//! # What is repeated
//! A connection can be lost at three moments:
//!
//! | moment | what is known | a call that only reads | any other call |
//! |---|---|---|---|
//! | before the request is handed over whole | the server has not done it: it does not act on a part | again | again |
//! | before the answer is there whole | nothing | again | `Unknown`, at once |
//! | after that | everything | is not repeated | is not repeated |
//!
//! A call is repeated at most [`RemoteOptions::retries`](crate::RemoteOptions::retries) times, each time on a connection
//! that was opened after the one before was lost.
//!
//! An answer of an unexpected kind is as good as none: a change is `Unknown` then. The connection may be out of step, so it
//! is closed.
//!
//! In a cluster there is a fourth case: a server answers that it has done nothing, because another one holds the keys, or
//! because the keys are moving, or because there is no primary now. Then, and where a request could not be handed over, the
//! call is made again until [`RemoteOptions::patience`](crate::RemoteOptions::patience) is over, however often that is.

use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use redis::{Script, ToRedisArgs, Value};

use super::answer::text;
use super::pool::{Pool, Taken};
use super::request::Request;
use super::servers::{Exchanged, Lost, Node, Servers, Topology};
use super::{RemoteError, RemoteOptions};
use crate::options::Rules;
use crate::sync::assert_outside_closures;

type Result<T> = std::result::Result<T, RemoteError>;

/// The pause before the first repetition, by which each further one is longer, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(200)];

/// What a repetition of a call would do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// No harm: the call only reads.
    Harmless,
    /// Perhaps the same change a second time.
    Doubles,
}

/// Makes calls on servers. Everything that [`Remote`](crate::Remote) and [`RemoteCluster`](crate::RemoteCluster) can do.
pub(super) struct Caller<S: Servers> {
    pool: Pool<S>,
    options: RemoteOptions,
    /// Those of a store with the default limits.
    rules: Rules,
}

impl<S: Servers> Caller<S> {
    pub(super) fn new(servers: S, options: RemoteOptions) -> Self {
        Self { pool: Pool::new(servers, options), options, rules: Rules::default() }
    }

    pub(super) fn servers(&self) -> &S {
        &self.pool.servers
    }

    pub(super) fn options(&self) -> &RemoteOptions {
        &self.options
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The servers, and which keys each holds.
    #[track_caller]
    pub(super) fn topology(&self) -> Result<Topology> {
        S::topology(self)
    }

    /// Asks a server what it is, on a connection that calls use after it. It is not asked a second time.
    pub(super) fn first_info(&self) -> Result<String> {
        let (mut taken, mut info) = (self.pool.take()?, Request::to_any("INFO"));
        match S::exchange(&mut taken.connection, info.arg("server")) {
            Ok(answer) => {
                self.pool.put(taken);
                text(answer?)
            }
            Err(Lost::BeforeRequest(reason) | Lost::AfterRequest(reason)) => Err(RemoteError::Wire(reason)),
            Err(Lost::Elsewhere(error)) => Err(error),
        }
    }

    /// The servers that hold keys.
    #[track_caller]
    pub(super) fn nodes(&self) -> Result<Vec<Node>> {
        self.topology().map(|topology| topology.nodes)
    }

    /// Does something on each server that holds keys. If one of them cannot be reached or holds none any more, all is done again
    /// on those that do then, as long as patience lasts.
    #[track_caller]
    pub(super) fn on_all<T>(&self, mut step: impl FnMut(&Node) -> Result<T>) -> Result<Vec<T>> {
        self.patiently(|| self.nodes()?.iter().map(&mut step).collect())
    }

    /// Does something that asks certain nodes of a cluster. If one of them cannot be reached or says that another one holds its
    /// keys, it is done again from its beginning, as long as patience lasts.
    #[track_caller]
    pub(super) fn patiently<T>(&self, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
        let begin = Instant::now();
        loop {
            match attempt() {
                Err(error) if Self::is_gone(&error) && begin.elapsed() < self.options.patience => {
                    thread::sleep(PAUSES[1]);
                }
                result => return result,
            }
        }
    }

    /// Whether an error says that a node of a cluster cannot be reached, or that another one holds its keys.
    pub(super) fn is_gone(error: &RemoteError) -> bool {
        S::SPLITS_KEYS && (matches!(error, RemoteError::Wire(_)) || error.is_elsewhere())
    }

    /// Makes a call that only reads, and reads its answer.
    #[track_caller]
    pub(super) fn ask<T>(&self, request: &Request, read: impl FnMut(Value) -> Result<T>) -> Result<T> {
        self.call(request, Repeat::Harmless, read)
    }

    /// Makes a call that changes something, and reads its answer.
    #[track_caller]
    pub(super) fn tell<T>(&self, request: &Request, read: impl FnMut(Value) -> Result<T>) -> Result<T> {
        self.call(request, Repeat::Doubles, read)
    }

    /// Runs a script, and reads its answer. The server gets its text only if it does not know it yet.
    #[track_caller]
    pub(super) fn run<T>(
        &self,
        call: &ScriptCall,
        repeat: Repeat,
        mut read: impl FnMut(Value) -> Result<T>,
    ) -> Result<T> {
        match self.call(&call.request, repeat, &mut read) {
            // The server has done nothing. The text goes where the call goes: in a cluster that may be any server.
            Err(RemoteError::Server(text)) if text.starts_with("NOSCRIPT") => {
                self.call(&call.request.with_text(call.script.text), repeat, read)
            }
            result => result,
        }
    }

    #[track_caller]
    pub(super) fn call<T>(
        &self,
        request: &Request,
        repeat: Repeat,
        mut read: impl FnMut(Value) -> Result<T>,
    ) -> Result<T> {
        assert_outside_closures();
        S::check(request)?;
        // What is for a certain server is not waited for: another one may have taken its place.
        let patience = if request.node().is_none() { self.options.patience } else { Duration::ZERO };
        self.exchange(repeat, patience, |connection| Ok(S::exchange(connection, request)?.and_then(&mut read)))
    }

    /// Sends something and receives the answers to it, on a connection of its own. Does it again if that is allowed.
    pub(super) fn exchange<T>(
        &self,
        repeat: Repeat,
        patience: Duration,
        mut exchange: impl FnMut(&mut S::Connection) -> Exchanged<T>,
    ) -> Result<T> {
        let begin = Instant::now();
        let [pause, longest_pause] = PAUSES;
        let (mut waited, mut repeated) = (0, 0);
        loop {
            let tried = match self.pool.take() {
                Ok(mut taken) => {
                    let result = exchange(&mut taken.connection);
                    self.exchanged(taken, repeat, result)
                }
                Err(error) if matches!(error, RemoteError::Wire(_)) || Self::is_gone(&error) => Tried::NotDone(error),
                Err(error) => Tried::Done(Err(error)),
            };
            match tried {
                Tried::Done(result) => return result,
                Tried::NotDone(_) if S::SPLITS_KEYS && begin.elapsed() < patience => waited += 1,
                Tried::NotDone(_) | Tried::Unanswered(_) if repeated < self.options.retries => repeated += 1,
                Tried::NotDone(error) | Tried::Unanswered(error) => return Err(error),
            }
            thread::sleep(longest_pause.min(pause * u32::try_from(waited + repeated).unwrap_or(u32::MAX)));
        }
    }

    /// Puts a connection back or gives it up, and says what the result of its use means.
    fn exchanged<T>(&self, taken: Taken<S::Connection>, repeat: Repeat, result: Exchanged<T>) -> Tried<T> {
        let unanswered = |reason| match repeat {
            Repeat::Harmless => Tried::Unanswered(RemoteError::Wire(reason)),
            Repeat::Doubles => Tried::Done(Err(RemoteError::Unknown(reason))),
        };
        match result {
            Ok(Err(RemoteError::Wire(unexpected))) => {
                self.pool.give_up(&taken);
                unanswered(unexpected)
            }
            // What it tells of the cluster is of no use.
            Ok(Err(error)) if S::SPLITS_KEYS && error.is_elsewhere() => {
                self.pool.give_up(&taken);
                Tried::NotDone(error)
            }
            // After a fail-over. The name of the server may lead to another one now.
            Ok(Err(RemoteError::Server(text))) if text.contains("READONLY") => {
                self.pool.give_up(&taken);
                Tried::Done(Err(RemoteError::Server(text)))
            }
            Ok(answer) => {
                self.pool.put(taken);
                Tried::Done(answer)
            }
            Err(lost) => {
                self.pool.give_up(&taken);
                match lost {
                    Lost::BeforeRequest(reason) => Tried::NotDone(RemoteError::Wire(reason)),
                    Lost::AfterRequest(reason) => unanswered(reason),
                    Lost::Elsewhere(error) => Tried::NotDone(error),
                }
            }
        }
    }
}

/// What became of a try.
enum Tried<T> {
    Done(Result<T>),
    /// No server has done anything.
    NotDone(RemoteError),
    /// It is not known whether a server has done it. Doing it again does no harm.
    Unanswered(RemoteError),
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
    pub(super) request: Request,
}

impl ScriptCall {
    pub(super) fn new(script: &'static LazyLock<ServerScript>, keys: &[&[u8]]) -> Self {
        let script = &**script;
        Self { script, request: Request::of_script("EVALSHA", &script.hash, keys) }
    }

    pub(super) fn push(&mut self, word: impl AsRef<[u8]>) {
        self.request.arg(word.as_ref());
    }

    pub(super) fn push_number(&mut self, number: impl ToRedisArgs) {
        self.request.arg(number);
    }
}
