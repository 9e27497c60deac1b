//! The errors of calls on a server.

use std::error::Error as StdError;
use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind, Value};

use crate::error::Error;
#[cfg(feature = "journal")]
use crate::journal::JournalError;
#[cfg(feature = "serde")]
use crate::typed::CodecError;

/// What the client or the network has found wrong.
pub(super) type Reason = Box<dyn StdError + Send + Sync>;

/// Why a call on a server failed. A call that returns an error has changed nothing, except for
/// [`Unknown`](Self::Unknown). What a user may not do is asked before the first of several changes.
///
/// See the guide: [`guide::outgrowing`](crate::guide::outgrowing).
#[derive(Debug)]
#[non_exhaustive]
pub enum RemoteError {
    /// The call was refused for the reason for which a [`Store`](crate::Store) refuses it: a value is no number, a key
    /// is too long.
    Refused(Error),
    /// The server has refused the call with this text: it has no memory left, or it is a replica that may only be read, or its
    /// cluster has no primary for the key.
    Server(String),
    /// The server does not accept the user or the password, or the user may not do this. Such a call is not repeated.
    Denied(String),
    /// The server cannot be reached, or its answer to a call that only reads did not arrive or is none to what was asked,
    /// not even after the call was repeated. Or it was restarted or replaced during a copy or a walk over all keys.
    Wire(Reason),
    /// The request has left, and no answer to it has arrived, or one that is none to what was asked. It is not known
    /// whether the server has done it. Read the state to find out; or repeat the call, if that does no harm. Also if
    /// [`clear_all`](crate::Hashes::clear_all) has emptied some primaries of a cluster, and another one has failed.
    Unknown(Reason),
    /// The key holds something other than a hash.
    WrongType,
    /// The keys of the call are not in the same slot of a cluster. Nothing was sent. Keys with the same tag are in one slot:
    /// see [`RemoteCluster`](crate::RemoteCluster).
    CrossSlot,
    /// Others have changed what an update's closure has read, each time that it ran. Nothing was changed.
    Contended {
        /// How often the closure ran.
        attempts: usize,
    },
    /// This cannot be done with this server or this build: the server is too old, or a node of a cluster where none is wanted
    /// or the other way round; a deadline is later than the server can hold; or the name of a store needs a feature that is
    /// off. The text says which.
    Unsupported(String),
    /// The journal that [`AnyHashes::open`](crate::AnyHashes::open) names was not opened.
    #[cfg(feature = "journal")]
    Journal(JournalError),
}

impl RemoteError {
    /// The error that a server has answered with.
    pub(super) fn answered(code: &str, detail: &str) -> Self {
        // In a script, the text is followed by the place in the script.
        match (code, detail) {
            ("WRONGTYPE", _) => Self::WrongType,
            ("CROSSSLOT", _) => Self::CrossSlot,
            (_, text) if text.starts_with("hash value is not an integer") => Self::Refused(Error::NotAnInteger),
            (_, text) if text.starts_with("increment or decrement would overflow") => Self::Refused(Error::Overflow),
            ("NOPERM" | "NOAUTH" | "WRONGPASS", text) => Self::Denied(text.to_string()),
            (_, text) if text.starts_with("ACL failure in script") => Self::Denied(text.to_string()),
            ("", text) | (text, "") => Self::Server(text.to_string()),
            (code, text) => Self::Server(format!("{code} {text}")),
        }
    }

    /// Whether a node of a cluster says that it has done nothing, because another one holds the keys or because it or the
    /// cluster cannot answer now.
    pub(super) fn is_elsewhere(&self) -> bool {
        let Self::Server(text) = self else { return false };
        let code = text.split(' ').next().unwrap_or_default();
        ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "LOADING", "READONLY"].contains(&code)
    }

    /// The server was restarted, or another one has taken its place, during a call that needs one and the same.
    pub(super) fn replaced() -> Self {
        Self::Wire("it was restarted or replaced during the call".into())
    }

    /// The same error of a call of which another server has done a part already.
    pub(super) fn after_a_part(self) -> Self {
        if matches!(self, Self::Unknown(_)) { self } else { Self::Unknown(Box::new(self)) }
    }

    /// An answer that is none to what was asked. The text tells its kind, and nothing of what a program keeps in hashes.
    pub(super) fn unexpected(answer: &Value) -> Self {
        let kind = match answer {
            Value::Nil => "nothing".to_string(),
            Value::Int(number) => format!("the number {number}"),
            Value::BulkString(bytes) => format!("a string of {} bytes", bytes.len()),
            Value::Array(values) => format!("an array of {} values", values.len()),
            Value::Okay | Value::SimpleString(_) => "a status".to_string(),
            Value::ServerError(_) => "an error inside an array".to_string(),
            _ => "a kind of another protocol".to_string(),
        };
        Self::Wire(format!("an unexpected answer: {kind}").into())
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Server(text) => write!(f, "the server refuses: {text}"),
            Self::Denied(text) => write!(f, "the server does not allow it: {text}"),
            Self::Wire(reason) => write!(f, "the server cannot be reached: {reason}"),
            Self::Unknown(reason) => write!(f, "it is not known whether the server has done the call: {reason}"),
            Self::WrongType => f.write_str("the key holds something other than a hash"),
            Self::CrossSlot => f.write_str("the keys are not in the same slot of the cluster"),
            Self::Contended { attempts } => {
                write!(f, "others have changed what the update has read, {attempts} times in a row")
            }
            Self::Unsupported(what) => write!(f, "not supported: {what}"),
            #[cfg(feature = "journal")]
            Self::Journal(error) => error.fmt(f),
        }
    }
}

impl StdError for RemoteError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Wire(reason) | Self::Unknown(reason) => Some(&**reason),
            #[cfg(feature = "journal")]
            Self::Journal(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for RemoteError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

#[cfg(feature = "serde")]
impl From<RemoteError> for CodecError<RemoteError> {
    fn from(error: RemoteError) -> Self {
        Self::Refused(error)
    }
}

#[cfg(feature = "journal")]
impl From<JournalError> for RemoteError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl From<RedisError> for RemoteError {
    /// What a server has answered is what it means. Everything else is [`Wire`](Self::Wire).
    fn from(error: RedisError) -> Self {
        let is_answer = matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension);
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::CrossSlot) => Self::CrossSlot,
            ErrorKind::AuthenticationFailed => Self::Denied(error.to_string()),
            _ if is_answer => Self::answered(error.code().unwrap_or(""), error.detail().unwrap_or("")),
            ErrorKind::InvalidClientConfig => Self::Unsupported(error.to_string()),
            _ => Self::Wire(Box::new(error)),
        }
    }
}
