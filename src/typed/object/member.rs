//! What a field holds becomes a member, by the type that is asked for.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Visitor};

use super::Flaw;
use crate::typed::codec::Codec;

pub(super) struct MemberDeserializer<'a, C> {
    pub(super) codec: &'a C,
    pub(super) bytes: &'a [u8],
}

impl<'de, C: Codec> MemberDeserializer<'de, C> {
    fn text(&self) -> Result<&'de str, Flaw> {
        std::str::from_utf8(self.bytes).map_err(Flaw::new)
    }

    /// Has the codec read what is no plain text.
    fn decode<V: Visitor<'de>>(self, shape: Shape, visitor: V) -> Result<V::Value, Flaw> {
        self.codec.decode(Shaped { shape, visitor }, self.bytes).map_err(Flaw::new)
    }
}

/// What a type has asked for that is no plain text.
enum Shape {
    Unit,
    UnitStruct(&'static str),
    Seq,
    Tuple(usize),
    TupleStruct(&'static str, usize),
    Map,
    Struct(&'static str, &'static [&'static str]),
    Enum(&'static str, &'static [&'static str]),
}

/// Asks a codec's deserializer for the same.
struct Shaped<V> {
    shape: Shape,
    visitor: V,
}

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Shaped<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let Self { shape, visitor } = self;
        match shape {
            Shape::Unit => deserializer.deserialize_unit(visitor),
            Shape::UnitStruct(name) => deserializer.deserialize_unit_struct(name, visitor),
            Shape::Seq => deserializer.deserialize_seq(visitor),
            Shape::Tuple(len) => deserializer.deserialize_tuple(len, visitor),
            Shape::TupleStruct(name, len) => deserializer.deserialize_tuple_struct(name, len, visitor),
            Shape::Map => deserializer.deserialize_map(visitor),
            Shape::Struct(name, members) => deserializer.deserialize_struct(name, members, visitor),
            Shape::Enum(name, variants) => deserializer.deserialize_enum(name, variants, visitor),
        }
    }
}

macro_rules! parsed {
    ($($method:ident => $visit:ident),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
            visitor.$visit(self.text()?.parse().map_err(Flaw::new)?)
        })*
    };
}

impl<'de, C: Codec> Deserializer<'de> for MemberDeserializer<'de, C> {
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Flaw> {
        Err(Flaw::new(
            "its type asks the value what it is (flatten, or an untagged or internally tagged enum?), which plain text does not tell",
        ))
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
        deserialize_char => visit_char,
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_borrowed_bytes(self.bytes)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.deserialize_bytes(visitor)
    }

    /// A member that is `None` has no field.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        match variants.iter().find(|variant| variant.as_bytes() == self.bytes) {
            Some(variant) => visitor.visit_enum(StrDeserializer::new(variant)),
            None => self.decode(Shape::Enum(name, variants), visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        visitor.visit_unit()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.decode(Shape::Unit, visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Flaw> {
        self.decode(Shape::UnitStruct(name), visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.decode(Shape::Seq, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Flaw> {
        self.decode(Shape::Tuple(len), visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        self.decode(Shape::TupleStruct(name, len), visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        self.decode(Shape::Map, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        self.decode(Shape::Struct(name, members), visitor)
    }
}
