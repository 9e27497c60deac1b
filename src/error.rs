//! The errors of calls on a store, and what all error types of the crate have in common.
//!
//! | file | content |
//! |---|---|
//! | `field.rs` | `FieldError`, of reads that ask for text or for a type that is read from text |
//! | `name.rs` | how errors show keys and fields |
//!
//! An error either shows what has caused it, or returns it as its `source`, and never both. One that only holds another
//! error shows that one, and has its `source`.

mod field;
mod name;

use std::fmt;

pub use field::FieldError;
pub(crate) use name::Name;

/// What somebody else has found wrong: a codec, a type, or a client.
pub(crate) type Reason = Box<dyn std::error::Error + Send + Sync>;

/// The result of a call that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason why a write was refused. A call that returns an error has changed nothing, except for
/// [`Unlogged`](Self::Unlogged).
///
/// [`JournalFailed`](Self::JournalFailed) and [`Unlogged`](Self::Unlogged) come only from a store with a journal, and
/// there from every call that writes and returns a [`Result`]. The methods do not name them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The key is longer than the store accepts (see [`Limits::max_key`](crate::Limits::max_key)).
    KeyTooLong {
        /// Length of the key in bytes.
        size: usize,
        /// The length of the longest key that is accepted, in bytes.
        limit: usize,
    },
    /// The field's name is longer than the store accepts (see [`Limits::max_string`](crate::Limits::max_string)).
    FieldTooLong {
        /// Length of the field in bytes.
        size: usize,
        /// The length of the longest field that is accepted, in bytes.
        limit: usize,
    },
    /// The value is longer than the store accepts (see [`Limits::max_string`](crate::Limits::max_string)).
    ValueTooLong {
        /// Length of the value in bytes.
        size: usize,
        /// The length of the longest value that is accepted, in bytes.
        limit: usize,
    },
    /// The hash would hold more fields than allowed (see [`Limits::max_fields`](crate::Limits::max_fields)).
    TooManyFields {
        /// Number of fields that the hash would have had after the call.
        size: usize,
        /// The most fields that a hash may hold.
        limit: usize,
    },
    /// The store would hold more bytes than allowed (see [`Limits::max_bytes`](crate::Limits::max_bytes)).
    Full {
        /// Bytes that the store would have held after the call. In a store that evicts, the limit with which the hashes
        /// of the call would fit by themselves.
        size: usize,
        /// The most bytes that the store may hold.
        limit: usize,
    },
    /// The store would hold more keys than allowed (see [`Limits::max_keys`](crate::Limits::max_keys)).
    TooManyKeys {
        /// Number of keys that the store would have held after the call.
        size: usize,
        /// The most keys that the store may hold.
        limit: usize,
    },
    /// A call on several keys names one of them twice.
    RepeatedKey,
    /// An integer increment met a value that is not a canonical 64-bit integer: `0` or `-?[1-9][0-9]*` within [`i64`].
    NotAnInteger,
    /// A float increment met a value that is not the text of a finite [`f64`], or has 5,120 bytes or more.
    NotAFloat,
    /// The amount of a float increment is infinite or not a number.
    NotFinite,
    /// The sum of an increment does not fit in an [`i64`], or is not a finite [`f64`].
    Overflow,
    /// The journal of the store has failed, or is closed. Nothing was changed. Reads, removals and deadlines work
    /// without it.
    JournalFailed,
    /// The journal of the store has failed during the call. The change is made in memory, and it is not known whether a
    /// crash loses it. This is the only error of a call that has changed something.
    Unlogged,
}

impl Error {
    /// Returns whether the store is full: whether this is [`Full`](Self::Full) or [`TooManyKeys`](Self::TooManyKeys).
    /// Every error that can hold one of them has a method of this name, and so has
    /// [`ExpireOutcome`](crate::ExpireOutcome). So one question finds out whether a call needs an answer to a full
    /// store.
    ///
    /// ```
    /// use std::time::Duration;
    /// use hashlet::{Limits, Store};
    ///
    /// let store = Store::builder().limits(Limits::default().max_bytes(1 << 20)).build();
    /// let error = store.set("page:1", "body", vec![b'x'; 2 << 20]).unwrap_err();
    /// assert!(error.is_full()); // remove something, or tell your caller
    /// let error = store.increment_float("page:1", "score", f64::NAN).unwrap_err();
    /// assert!(!error.is_full());
    /// assert!(!store.expire("page:1", Duration::from_secs(60)).is_full()); // `Missing`
    /// ```
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::TooManyKeys { .. })
    }
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
            Self::TooManyKeys { size, limit } => write!(f, "the store would hold {size} keys, the limit is {limit}"),
            Self::RepeatedKey => f.write_str("the call names one key twice"),
            Self::NotAnInteger => f.write_str("the value is not a canonical 64-bit integer"),
            Self::NotAFloat => f.write_str("the value is not a finite floating-point number"),
            Self::NotFinite => f.write_str("the increment is infinite or not a number"),
            Self::Overflow => f.write_str("the increment would overflow"),
            Self::JournalFailed => f.write_str("the journal has failed or is closed, so nothing is written"),
            Self::Unlogged => f.write_str("the change is made, but the journal has failed, so a crash may lose it"),
        }
    }
}

fn too_long(f: &mut fmt::Formatter<'_>, what: &str, size: usize, limit: usize) -> fmt::Result {
    write!(f, "the {what} has {size} bytes, the limit is {limit}")
}

impl std::error::Error for Error {}

/// An error of a write, for code that works with several error types.
pub(crate) trait Refusal: From<Error> {
    /// Whether the write was refused because the store is full.
    fn is_full(&self) -> bool;
}

impl Refusal for Error {
    fn is_full(&self) -> bool {
        Self::is_full(self)
    }
}
