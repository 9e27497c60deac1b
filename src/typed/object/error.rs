//! What is wrong with an object.

use std::fmt;

use serde::de::{Expected, Unexpected};

use crate::typed::error::{CodecError, Reason};

/// What is wrong, and with which member, if it is one.
#[derive(Debug)]
pub(super) struct ObjectError {
    pub(super) member: Vec<u8>,
    pub(super) reason: Reason,
    pub(super) kind: Kind,
}

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The object's type misses this member.
    Missing(&'static str),
    /// The object's type has met a member twice.
    Twice,
    /// The object's type, or that of a member, takes no values of the type that it was given.
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

    /// The same, in what this member holds.
    pub(super) fn of(self, member: &[u8]) -> Self {
        Self { member: member.to_vec(), kind: Kind::Other, ..self }
    }

    pub(super) fn on_loading(self, key: &[u8]) -> CodecError {
        CodecError::decode(key, &self.member)(self.reason)
    }

    pub(super) fn on_saving(self, key: &[u8]) -> CodecError {
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
        let error = Self::new("the member stands there twice").of(member.as_bytes());
        Self { kind: Kind::Twice, ..error }
    }

    fn unknown_field(member: &str, _: &'static [&'static str]) -> Self {
        Self::new("there is no such member").of(member.as_bytes())
    }
}
