//! The errors of reading and writing objects.

use std::fmt;

use serde::de::{Expected, Unexpected};

use crate::typed::error::{CodecError, Reason};

/// What is wrong with an object, or with one of its members.
#[derive(Debug)]
pub(super) struct ObjectError {
    /// The member at fault, or empty if it is the object as a whole.
    pub(super) member: Vec<u8>,
    pub(super) reason: Reason,
    pub(super) kind: Kind,
}

/// The errors that a caller treats differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The object's type needs this member, and it has no field.
    Missing(&'static str),
    /// The object's type has got a member twice.
    Twice,
    /// The type of the object or of a member accepts no values of the kind that it was offered.
    WrongType,
    Other,
}

impl ObjectError {
    pub(super) fn new(reason: impl Into<Reason>) -> Self {
        Self { member: Vec::new(), reason: reason.into(), kind: Kind::Other }
    }

    pub(super) fn missing(member: &str) -> Self {
        Self::new("the member is missing").of(member.as_bytes())
    }

    /// The same error, with this member at fault. The callers no longer treat it differently then.
    pub(super) fn of(self, member: &[u8]) -> Self {
        Self { member: member.to_vec(), kind: Kind::Other, ..self }
    }

    pub(super) fn on_loading<E>(self, key: &[u8]) -> CodecError<E> {
        CodecError::decode(key, &self.member)(self.reason)
    }

    pub(super) fn on_saving<E>(self, key: &[u8]) -> CodecError<E> {
        CodecError::encode(key, &self.member)(self.reason)
    }
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for ObjectError {}

impl serde::ser::Error for ObjectError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl serde::de::Error for ObjectError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let error = Self::new(format!("invalid type: {unexpected}, expected {expected}"));
        Self { kind: Kind::WrongType, ..error }
    }

    fn missing_field(member: &'static str) -> Self {
        Self { kind: Kind::Missing(member), ..Self::missing(member) }
    }

    fn duplicate_field(member: &'static str) -> Self {
        let error = Self::new("the object has this member twice").of(member.as_bytes());
        Self { kind: Kind::Twice, ..error }
    }

    fn unknown_field(member: &str, _: &'static [&'static str]) -> Self {
        Self::new("the type has no such member").of(member.as_bytes())
    }
}
