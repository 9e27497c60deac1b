//! The errors of typed calls.

use std::error::Error as StdError;
use std::fmt;

pub(crate) use crate::error::Reason;
use crate::error::{Error, FieldError, Name, Refusal};

/// The reason why a typed call failed. A call that returns an error has changed nothing, except for
/// [`Error::Unlogged`], and for `RemoteError::Unknown` on a server. `E` is the error of what the call is on: that of a
/// store, or that of other [`Hashes`](crate::Hashes).
#[derive(Debug)]
#[non_exhaustive]
pub enum CodecError<E = Error> {
    /// The bytes in a hash are no value of the type that was asked for.
    Decode {
        /// The key of the hash.
        key: Vec<u8>,
        /// The field. For an object: the member at fault, or empty if it is the object as a whole.
        field: Vec<u8>,
        /// What the codec or the type found wrong.
        reason: Reason,
    },
    /// A value cannot be encoded.
    Encode {
        /// The key of the hash.
        key: Vec<u8>,
        /// The field. For an object: the member at fault, or empty if it is the object as a whole.
        field: Vec<u8>,
        /// What the codec or the type found wrong.
        reason: Reason,
    },
    /// The store has refused the write. On other [`Hashes`](crate::Hashes): the call itself has failed.
    Refused(E),
}

impl<E> CodecError<E> {
    pub(crate) fn decode(key: &[u8], field: &[u8]) -> impl FnOnce(Reason) -> Self {
        |reason| Self::Decode { key: key.to_vec(), field: field.to_vec(), reason }
    }

    pub(crate) fn encode(key: &[u8], field: &[u8]) -> impl FnOnce(Reason) -> Self {
        |reason| Self::Encode { key: key.to_vec(), field: field.to_vec(), reason }
    }
}

impl CodecError {
    /// Returns whether the write was refused because the store is full. See [`Error::is_full`].
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Refused(error) if error.is_full())
    }
}

impl<E: fmt::Display> fmt::Display for CodecError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode { key, field, .. } => failed(f, key, field, "read"),
            Self::Encode { key, field, .. } => failed(f, key, field, "written"),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

fn failed(f: &mut fmt::Formatter<'_>, key: &[u8], field: &[u8], what: &str) -> fmt::Result {
    if !field.is_empty() {
        write!(f, "field {} of ", Name(field))?;
    }
    write!(f, "hash {} cannot be {what}", Name(key))
}

impl<E: StdError + 'static> StdError for CodecError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Decode { reason, .. } | Self::Encode { reason, .. } => Some(&**reason),
            Self::Refused(error) => error.source(),
        }
    }
}

// Not for every `E`: that would leave the type of many a closure's error open, in all programs.
impl From<Error> for CodecError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// So that a closure can read text and typed values.
impl<E> From<FieldError<E>> for CodecError<E> {
    fn from(error: FieldError<E>) -> Self {
        match error {
            FieldError::NotText { key, field, error } | FieldError::NameNotText { key, field, error } => {
                Self::Decode { key, field, reason: error.into() }
            }
            FieldError::NotParsed { key, field, reason } => Self::Decode { key, field, reason },
            FieldError::Refused(error) => Self::Refused(error),
        }
    }
}

impl Refusal for CodecError {
    fn is_full(&self) -> bool {
        Self::is_full(self)
    }
}
