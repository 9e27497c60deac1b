//! What can go wrong in a write. Reads cannot fail.

use std::fmt;

/// The result of a call that can be refused.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a write was refused. Whatever the reason, the call that returned it changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The key is longer than the store takes (see [`Limits::max_key`](crate::Limits::max_key)).
    KeyTooLong {
        /// Length of the key in bytes.
        size: usize,
        /// The longest key that is taken, in bytes.
        limit: usize,
    },
    /// The field's name is longer than the store takes (see [`Limits::max_string`](crate::Limits::max_string)).
    FieldTooLong {
        /// Length of the field in bytes.
        size: usize,
        /// The longest field that is taken, in bytes.
        limit: usize,
    },
    /// The value is longer than the store takes (see [`Limits::max_string`](crate::Limits::max_string)).
    ValueTooLong {
        /// Length of the value in bytes.
        size: usize,
        /// The longest value that is taken, in bytes.
        limit: usize,
    },
    /// The hash would hold more fields than allowed (see [`Limits::max_fields`](crate::Limits::max_fields)).
    TooManyFields {
        /// Number of fields that the call would have led to.
        size: usize,
        /// The most fields that a hash may hold.
        limit: usize,
    },
    /// The store would hold more bytes than allowed (see [`Limits::max_bytes`](crate::Limits::max_bytes)).
    Full {
        /// Bytes that the store would have held after the call.
        size: usize,
        /// The most bytes that the store may hold.
        limit: usize,
    },
    /// One key stands twice among those of a call on several keys.
    RepeatedKey,
    /// An increment met a value that is not a canonical 64-bit integer: `0` or `-?[1-9][0-9]*` within [`i64`].
    NotAnInteger,
    /// A float increment met a value that is not the text of a finite [`f64`] in less than 5,120 bytes.
    NotAFloat,
    /// The amount of a float increment is infinite or not a number.
    NotFinite,
    /// The sum of an increment lies outside [`i64`], or is no finite [`f64`].
    Overflow,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyTooLong { size, limit } => too_long(f, "key", *size, *limit),
            Self::FieldTooLong { size, limit } => too_long(f, "field", *size, *limit),
            Self::ValueTooLong { size, limit } => too_long(f, "value", *size, *limit),
            Self::TooManyFields { size, limit } => {
                write!(f, "the hash would have {size} fields, the limit is {limit}")
            }
            Self::Full { size, limit } => write!(f, "the store would hold {size} bytes, the limit is {limit}"),
            Self::RepeatedKey => f.write_str("the call names one key twice"),
            Self::NotAnInteger => f.write_str("the value is not a canonical 64-bit integer"),
            Self::NotAFloat => f.write_str("the value is not a finite floating-point number"),
            Self::NotFinite => f.write_str("the increment is infinite or not a number"),
            Self::Overflow => f.write_str("the increment would overflow"),
        }
    }
}

fn too_long(f: &mut fmt::Formatter<'_>, what: &str, size: usize, limit: usize) -> fmt::Result {
    write!(f, "the {what} has {size} bytes, the limit is {limit}")
}

impl std::error::Error for Error {}

/// What a write can fail with.
pub(crate) trait Refusal {
    /// Whether the store has no room.
    fn is_full(&self) -> bool;
}

impl Refusal for Error {
    fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }
}
