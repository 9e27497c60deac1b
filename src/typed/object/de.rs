//! Members become a struct or a map.

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::member::MemberDeserializer;
use super::{Flaw, OnlyText};
use crate::typed::codec::Codec;
use crate::value::Iter;

/// The fields of a hash, as one value.
pub(super) struct Object<'a, 'i, C> {
    pub(super) codec: &'a C,
    pub(super) fields: Iter<'a>,
    /// Takes the names of those that the type has no use for.
    pub(super) ignored: &'i mut Vec<Vec<u8>>,
}

impl<'de, C: Codec> Deserializer<'de> for Object<'de, '_, C> {
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_map(Members { object: self, value: None })
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

struct Members<'a, 'i, C> {
    object: Object<'a, 'i, C>,
    /// The member whose value comes next.
    value: Option<(&'a [u8], &'a [u8])>,
}

impl<'de, C: Codec> MapAccess<'de> for Members<'de, '_, C> {
    type Error = Flaw;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Flaw> {
        self.value = self.object.fields.next();
        let Some((name, _)) = self.value else { return Ok(None) };
        let key = seed.deserialize(MemberDeserializer::of_name(&OnlyText, name, &mut false));
        key.map(Some).map_err(|flaw: Flaw| if flaw.member.is_empty() { flaw.of(name) } else { flaw })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Flaw> {
        let (name, bytes) = self.value.take().ok_or_else(|| Flaw::new("a value was asked for before its name"))?;
        let mut is_ignored = false;
        let member = MemberDeserializer::new(self.object.codec, bytes, &mut is_ignored);
        let value = seed.deserialize(member).map_err(|flaw| flaw.of(name))?;
        if is_ignored {
            self.object.ignored.push(name.to_vec());
        }
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.object.fields.len())
    }
}
