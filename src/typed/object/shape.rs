//! The kinds of values that a type requests from a codec's deserializer.

use serde::de::{DeserializeSeed, Deserializer, Visitor};

/// What a type has requested, if that is no plain text.
pub(super) enum Shape {
    Any,
    Option,
    Unit,
    UnitStruct(&'static str),
    Seq,
    Tuple(usize),
    TupleStruct(&'static str, usize),
    Map,
    Struct(&'static str, &'static [&'static str]),
    Enum(&'static str, &'static [&'static str]),
}

/// A seed that requests the same from a codec's deserializer.
pub(super) struct Shaped<V> {
    pub(super) shape: Shape,
    pub(super) visitor: V,
}

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Shaped<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let Self { shape, visitor } = self;
        match shape {
            Shape::Any => deserializer.deserialize_any(visitor),
            Shape::Option => deserializer.deserialize_option(visitor),
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
