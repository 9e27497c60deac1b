//! A struct as a hash: a member in each field. What is plain text and what the codec writes, `Typed::save_object` says.

mod de;
mod member;
mod ser;
mod text;

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::Codec;
use super::error::{CodecError, Reason};
use crate::value::Iter;

/// The name of a member, and what its field holds.
pub(super) type Member = (Vec<u8>, Vec<u8>);

/// The members of a struct or a string-keyed map, without those that are absent; of a name that comes twice the last one.
pub(super) fn to_members<C: Codec, T: Serialize + ?Sized>(
    codec: &C,
    key: &[u8],
    value: &T,
) -> Result<Vec<Member>, CodecError> {
    value.serialize(ser::Object(codec)).map_err(|flaw| CodecError::encode(key, &flaw.member)(flaw.reason))
}

/// A value whose members are these fields.
pub(super) fn of_members<'a, C: Codec, T: DeserializeOwned>(
    codec: &'a C,
    key: &[u8],
    fields: Iter<'a>,
) -> Result<T, CodecError> {
    T::deserialize(de::Object { codec, fields }).map_err(|flaw| CodecError::decode(key, &flaw.member)(flaw.reason))
}

/// What is wrong, and with which member, if it is one.
#[derive(Debug)]
struct Flaw {
    member: Vec<u8>,
    reason: Reason,
}

impl Flaw {
    fn new(reason: impl Into<Reason>) -> Self {
        Self { member: Vec::new(), reason: reason.into() }
    }

    /// The same, of this member.
    fn of(self, member: &[u8]) -> Self {
        Self { member: member.to_vec(), ..self }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for Flaw {}

impl serde::ser::Error for Flaw {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl serde::de::Error for Flaw {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn missing_field(member: &'static str) -> Self {
        Self::new("the member is missing").of(member.as_bytes())
    }

    fn duplicate_field(member: &'static str) -> Self {
        Self::new("the member stands there twice").of(member.as_bytes())
    }

    fn unknown_field(member: &str, _: &'static [&'static str]) -> Self {
        Self::new("there is no such member").of(member.as_bytes())
    }
}
