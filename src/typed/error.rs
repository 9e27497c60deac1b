//! What can go wrong between values and bytes.

use std::error::Error as StdError;
use std::fmt;

use crate::error::{Error, Refusal};

/// The reason of a codec.
pub(crate) type Reason = Box<dyn StdError + Send + Sync>;

/// Why a typed call has failed. It has changed nothing then.
#[derive(Debug)]
#[non_exhaustive]
pub enum CodecError {
    /// What a field holds is not what was asked for.
    Decode {
        /// The key of the hash.
        key: Vec<u8>,
        /// The field; or, of a struct that is a hash, the member, if one is to blame.
        field: Vec<u8>,
        /// What the codec or the type found wrong.
        reason: Reason,
    },
    /// A value cannot be written.
    Encode {
        /// The key of the hash.
        key: Vec<u8>,
        /// The field; or, of a struct that is a hash, the member, if one is to blame.
        field: Vec<u8>,
        /// What the codec or the type found wrong.
        reason: Reason,
    },
    /// The store has refused the write.
    Refused(Error),
}

impl CodecError {
    pub(crate) fn decode(key: &[u8], field: &[u8]) -> impl FnOnce(Reason) -> Self {
        |reason| Self::Decode { key: key.to_vec(), field: field.to_vec(), reason }
    }

    pub(crate) fn encode(key: &[u8], field: &[u8]) -> impl FnOnce(Reason) -> Self {
        |reason| Self::Encode { key: key.to_vec(), field: field.to_vec(), reason }
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode { key, field, reason } => {
                write!(f, "{} of {} cannot be read: {reason}", field.escape_ascii(), key.escape_ascii())
            }
            Self::Encode { key, field, reason } => {
                write!(f, "{} of {} cannot be written: {reason}", field.escape_ascii(), key.escape_ascii())
            }
            Self::Refused(error) => error.fmt(f),
        }
    }
}

impl StdError for CodecError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Decode { reason, .. } | Self::Encode { reason, .. } => Some(&**reason),
            Self::Refused(error) => Some(error),
        }
    }
}

impl From<Error> for CodecError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Refusal for CodecError {
    fn is_full(&self) -> bool {
        matches!(self, Self::Refused(error) if error.is_full())
    }
}
