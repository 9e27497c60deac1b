//! Members become a struct or a map.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::OnlyText;
use super::error::ObjectError;
use super::hints::Hints;
use super::member::MemberDeserializer;
use super::order::{InOrder, NextMember};
use crate::typed::codec::Codec;
use crate::value::HashRef;

/// The fields of a hash, as one value.
pub(super) struct Object<'a, 'h, C> {
    pub(super) codec: &'a C,
    pub(super) hash: HashRef<'a>,
    pub(super) hints: &'h Hints<'a>,
}

impl<'a, 'h, C> Object<'a, 'h, C> {
    fn members(self, names: &'static [&'static str]) -> Members<'a, 'h, C> {
        Members { codec: self.codec, members: InOrder::new(self.hash, names), hints: self.hints, value: None }
    }
}

impl<'de, C: Codec> Deserializer<'de> for Object<'de, '_, C> {
    type Error = ObjectError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        visitor.visit_map(self.members(&[]))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ObjectError> {
        visitor.visit_map(self.members(names))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ObjectError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

/// The members of a struct or a map, in the order in which it gets them.
struct Members<'a, 'h, C> {
    codec: &'a C,
    members: InOrder<'a>,
    hints: &'h Hints<'a>,
    /// The member whose value comes next.
    value: Option<NextMember<'a>>,
}

impl<'de, C: Codec> MapAccess<'de> for Members<'de, '_, C> {
    type Error = ObjectError;

    /// Once the reading has ended, there are no more members, even for a type that ignores members that it cannot read.
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ObjectError> {
        self.value = if self.hints.has_ended() { None } else { self.members.next(self.hints) };
        let Some(member) = self.value else { return Ok(None) };
        let name = member.name();
        let key = seed.deserialize(MemberDeserializer::of_name(&OnlyText, name, self.hints));
        key.map(Some).map_err(|error: ObjectError| if error.member.is_empty() { error.of(name) } else { error })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ObjectError> {
        let member = self.value.take().ok_or_else(|| ObjectError::new("a value was asked for before its name"))?;
        let value = match member {
            NextMember::Field(name, bytes) => {
                seed.deserialize(MemberDeserializer::new(self.codec, name, bytes, self.hints))
            }
            NextMember::Absent(name) => seed.deserialize(Absent(name)),
        };
        value.map_err(|error| error.of(member.name()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.members.left())
    }
}

/// A member without a field. For a type that asks for an option it is `None`, for all others it is missing.
struct Absent(&'static str);

impl<'de> Deserializer<'de> for Absent {
    type Error = ObjectError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ObjectError> {
        Err(ObjectError::missing(self.0))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any newtype_struct
    }
}
