//! The error of reading a field as text, or as a type that is read from text.

use std::error::Error as StdError;
use std::fmt;
use std::str::Utf8Error;

use crate::error::{Error, Name, Reason};

/// The reason why a field was not read as text, or as the type that was asked for. It names the key and the field. Nothing
/// was changed. The key is empty if the hash is a [`HashValue`](crate::HashValue), which has none.
///
/// `E` is the error of what the call is on: that of a store, or that of other [`Hashes`](crate::Hashes). So it can be the
/// error of a closure that reads and writes:
///
/// ```
/// use hashlet::{FieldError, Store};
///
/// let store = Store::new();
/// store.set("cart:7", "apples", "2")?;
/// let double = |field: &str| {
///     store.try_update("cart:7", |cart| -> Result<u32, FieldError> {
///         let count = cart.get_parsed::<u32>(field)?.unwrap_or(0) * 2;
///         cart.set(field, count.to_string())?;
///         Ok(count)
///     })
/// };
/// assert_eq!(double("apples")?, 4);
/// store.set("cart:7", "note", "a gift")?;
/// let error = double("note").unwrap_err();
/// assert_eq!(error.to_string(), r#"field "note" of hash "cart:7" cannot be parsed"#);
/// let source = std::error::Error::source(&error).expect("what the type found wrong");
/// assert_eq!(source.to_string(), "invalid digit found in string");
/// # Ok::<(), FieldError>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum FieldError<E = Error> {
    /// The value is not text, because it is not UTF-8.
    NotText {
        /// The key of the hash.
        key: Vec<u8>,
        /// The field.
        field: Vec<u8>,
        /// Where the value is no UTF-8.
        error: Utf8Error,
    },
    /// The name of a field is not text, because it is not UTF-8.
    NameNotText {
        /// The key of the hash.
        key: Vec<u8>,
        /// The field.
        field: Vec<u8>,
        /// Where the name is no UTF-8.
        error: Utf8Error,
    },
    /// The value is text, but not that of a value of the type that was asked for.
    NotParsed {
        /// The key of the hash.
        key: Vec<u8>,
        /// The field.
        field: Vec<u8>,
        /// The error of the type's [`FromStr`](std::str::FromStr).
        reason: Box<dyn StdError + Send + Sync>,
    },
    /// A write of the same closure was refused. On other [`Hashes`](crate::Hashes) than a store: the call itself has failed.
    Refused(E),
}

impl<E> FieldError<E> {
    pub(crate) fn not_text(key: &[u8], field: &[u8]) -> impl FnOnce(Utf8Error) -> Self {
        |error| Self::NotText { key: key.to_vec(), field: field.to_vec(), error }
    }

    pub(crate) fn name_not_text(key: &[u8], field: &[u8]) -> impl FnOnce(Utf8Error) -> Self {
        |error| Self::NameNotText { key: key.to_vec(), field: field.to_vec(), error }
    }

    pub(crate) fn not_parsed(key: &[u8], field: &[u8]) -> impl FnOnce(Reason) -> Self {
        |reason| Self::NotParsed { key: key.to_vec(), field: field.to_vec(), reason }
    }
}

impl FieldError {
    /// Returns whether a write of the closure was refused because the store is full. See [`Error::is_full`].
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Refused(error) if error.is_full())
    }
}

impl<E: fmt::Display> fmt::Display for FieldError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText { key, field, .. } => write!(f, "field {}{} is not text", Name(field), OfHash(key)),
            Self::NameNotText { key, field, .. } => {
                write!(f, "the name {} of a field{} is not text", Name(field), OfHash(key))
            }
            Self::NotParsed { key, field, .. } => write!(f, "field {}{} cannot be parsed", Name(field), OfHash(key)),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

/// The hash of a field, unless it is one without a key.
struct OfHash<'a>(&'a [u8]);

impl fmt::Display for OfHash<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " of hash {}", Name(self.0)) }
    }
}

impl<E: StdError + 'static> StdError for FieldError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::NotText { error, .. } | Self::NameNotText { error, .. } => Some(error),
            Self::NotParsed { reason, .. } => Some(&**reason),
            Self::Refused(error) => error.source(),
        }
    }
}

// Not for every `E`: that would leave the type of many a closure's error open, in all programs.
impl From<Error> for FieldError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}
