//! Members become a struct or a map.

use serde::de::value::{BytesDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::Flaw;
use super::member::MemberDeserializer;
use crate::typed::codec::Codec;
use crate::value::Iter;

/// The fields of a hash, as one value.
pub(super) struct Object<'a, C> {
    pub(super) codec: &'a C,
    pub(super) fields: Iter<'a>,
}

impl<'de, C: Codec> Deserializer<'de> for Object<'de, C> {
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_map(Members { codec: self.codec, fields: self.fields, value: None })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

struct Members<'a, C> {
    codec: &'a C,
    fields: Iter<'a>,
    /// The member whose value comes next.
    value: Option<(&'a [u8], &'a [u8])>,
}

impl<'de, C: Codec> MapAccess<'de> for Members<'de, C> {
    type Error = Flaw;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Flaw> {
        self.value = self.fields.next();
        let Some((name, _)) = self.value else { return Ok(None) };
        let key = match std::str::from_utf8(name) {
            Ok(text) => seed.deserialize(Name(text)),
            Err(_) => seed.deserialize(BytesDeserializer::new(name)),
        };
        key.map(Some).map_err(|flaw: Flaw| if flaw.member.is_empty() { flaw.of(name) } else { flaw })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Flaw> {
        let (name, bytes) = self.value.take().ok_or_else(|| Flaw::new("a value was asked for before its name"))?;
        seed.deserialize(MemberDeserializer { codec: self.codec, bytes }).map_err(|flaw| flaw.of(name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.fields.len())
    }
}

/// The name of a member: a string, and for maps of other keys what its text tells.
struct Name<'a>(&'a str);

macro_rules! parsed {
    ($($method:ident => $visit:ident),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
            visitor.$visit(self.0.parse().map_err(Flaw::new)?)
        })*
    };
}

impl<'de> Deserializer<'de> for Name<'de> {
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_borrowed_str(self.0)
    }

    parsed! {
        deserialize_bool => visit_bool,
        deserialize_i8 => visit_i8,
        deserialize_i16 => visit_i16,
        deserialize_i32 => visit_i32,
        deserialize_i64 => visit_i64,
        deserialize_i128 => visit_i128,
        deserialize_u8 => visit_u8,
        deserialize_u16 => visit_u16,
        deserialize_u32 => visit_u32,
        deserialize_u64 => visit_u64,
        deserialize_u128 => visit_u128,
        deserialize_f32 => visit_f32,
        deserialize_f64 => visit_f64,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        visitor.visit_enum(StrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
