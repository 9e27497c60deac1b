//! Members become a struct or a map.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::OnlyText;
use super::flaw::Flaw;
use super::hints::Hints;
use super::member::MemberDeserializer;
use super::order::{Found, InOrder};
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
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_map(self.members(&[]))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        visitor.visit_map(self.members(names))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

struct Members<'a, 'h, C> {
    codec: &'a C,
    members: InOrder<'a>,
    hints: &'h Hints<'a>,
    /// The member whose value comes next.
    value: Option<Found<'a>>,
}

impl<'de, C: Codec> MapAccess<'de> for Members<'de, '_, C> {
    type Error = Flaw;

    /// There are no more members after the end of a reading, even for a type that passes over members that it cannot read.
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Flaw> {
        self.value = if self.hints.has_ended() { None } else { self.members.next(self.hints) };
        let Some(found) = self.value else { return Ok(None) };
        let name = found.name();
        let key = seed.deserialize(MemberDeserializer::of_name(&OnlyText, name, self.hints));
        key.map(Some).map_err(|flaw: Flaw| if flaw.member.is_empty() { flaw.of(name) } else { flaw })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Flaw> {
        let found = self.value.take().ok_or_else(|| Flaw::new("a value was asked for before its name"))?;
        let value = match found {
            Found::Field(name, bytes) => seed.deserialize(MemberDeserializer::new(self.codec, name, bytes, self.hints)),
            Found::Absent(name) => seed.deserialize(Absent(name)),
        };
        value.map_err(|flaw| flaw.of(found.name()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.members.left())
    }
}

/// A member without a field: `None` for a type that asks for an option, and missing for all others.
struct Absent(&'static str);

impl<'de> Deserializer<'de> for Absent {
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Flaw> {
        Err(Flaw::missing(self.0))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any newtype_struct
    }
}
