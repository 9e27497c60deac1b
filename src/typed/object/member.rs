//! The bytes of a field become a member of the type that is requested. The name of a field becomes the key of a map.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, Visitor};

use super::error::ObjectError;
use super::guess;
use super::hints::Hints;
use super::shape::{Shape, Shaped};
use crate::typed::codec::Codec;

/// What is read from the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The name of a field.
    Name,
    /// A member.
    Member,
    /// The value inside of a `Some` or a newtype, where a `None` is not an absent field.
    Inside,
}

/// A deserializer for the bytes of a field, or for its name.
pub(super) struct MemberDeserializer<'a, 'h, C> {
    codec: &'a C,
    name: &'a [u8],
    bytes: &'a [u8],
    role: Role,
    hints: &'h Hints<'a>,
}

impl<'de, 'h, C: Codec> MemberDeserializer<'de, 'h, C> {
    pub(super) fn new(codec: &'de C, name: &'de [u8], bytes: &'de [u8], hints: &'h Hints<'de>) -> Self {
        Self { codec, name, bytes, role: Role::Member, hints }
    }

    pub(super) fn of_name(codec: &'de C, name: &'de [u8], hints: &'h Hints<'de>) -> Self {
        Self { codec, name, bytes: name, role: Role::Name, hints }
    }

    /// The same bytes as the value inside of a `Some` or a newtype.
    fn inside(self) -> Self {
        Self { role: Role::Inside, ..self }
    }

    fn text(&self) -> Result<&'de str, ObjectError> {
        std::str::from_utf8(self.bytes).map_err(ObjectError::new)
    }

    /// Lets the codec read a value that is no plain text.
    fn decode<V: Visitor<'de>>(self, shape: Shape, visitor: V) -> Result<V::Value, ObjectError> {
        self.codec.decode(Shaped { shape, visitor }, self.bytes).map_err(ObjectError::new)
    }

    /// Whether the codec has written a variant here. If not, the text is the name of a variant. An unknown name does
    /// not prove that the codec has written it, because a type with `#[serde(other)]` accepts every name.
    fn holds_variant(&self, name: &'static str, variants: &'static [&'static str]) -> bool {
        let mut is_variant = false;
        let probe = Shaped {
            shape: Shape::Enum(name, variants),
            visitor: VariantProbe { variants, is_variant: &mut is_variant },
        };
        _ = self.codec.decode(probe, self.bytes);
        is_variant
    }
}

/// A visitor that notes whether a codec has found a variant, and reads nothing else.
struct VariantProbe<'a> {
    variants: &'static [&'static str],
    is_variant: &'a mut bool,
}

impl<'de> Visitor<'de> for VariantProbe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a variant")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<(), A::Error> {
        access.variant_seed(self).map(|_| ())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        *self.is_variant = usize::try_from(number).is_ok_and(|number| number < self.variants.len());
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        *self.is_variant = true;
        Ok(())
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<(), E> {
        *self.is_variant = true;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for VariantProbe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

macro_rules! parsed {
    ($($method:ident => $visit:ident),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
            visitor.$visit(self.text()?.parse().map_err(ObjectError::new)?)
        })*
    };
}

macro_rules! decoded {
    ($($method:ident($($argument:ident: $type:ty),*) => $shape:expr),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, ObjectError> {
            self.decode($shape, visitor)
        })*
    };
}

impl<'de, C: Codec> Deserializer<'de> for MemberDeserializer<'de, '_, C> {
    type Error = ObjectError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        if self.role == Role::Name {
            return self.deserialize_identifier(visitor);
        }
        guess::answer(visitor, self.hints, self.codec, self.name, self.bytes)
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

    decoded! {
        deserialize_unit() => Shape::Unit,
        deserialize_unit_struct(name: &'static str) => Shape::UnitStruct(name),
        deserialize_seq() => Shape::Seq,
        deserialize_tuple(len: usize) => Shape::Tuple(len),
        deserialize_tuple_struct(name: &'static str, len: usize) => Shape::TupleStruct(name, len),
        deserialize_map() => Shape::Map,
        deserialize_struct(name: &'static str, members: &'static [&'static str]) => Shape::Struct(name, members),
    }

    /// Bytes that are no text are offered as bytes, for types that accept both, such as `HashValue`.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        match self.text() {
            Ok(text) => visitor.visit_borrowed_str(text),
            Err(_) => visitor.visit_borrowed_bytes(self.bytes),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        visitor.visit_borrowed_bytes(self.bytes)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        self.deserialize_bytes(visitor)
    }

    /// Bytes that are no text are no error here: a struct ignores fields that it does not know.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        self.deserialize_str(visitor)
    }

    /// A member that is `None` has no field, so a field always holds a `Some`. Inside of a member, the codec has
    /// written the option.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        match self.role {
            Role::Name | Role::Member => visitor.visit_some(self.inside()),
            Role::Inside => self.decode(Shape::Option, visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ObjectError> {
        visitor.visit_newtype_struct(self.inside())
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ObjectError> {
        match self.text() {
            Ok(text) if variants.contains(&text) || !self.holds_variant(name, variants) => {
                visitor.visit_enum(StrDeserializer::new(text))
            }
            _ => self.decode(Shape::Enum(name, variants), visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        if self.role != Role::Name {
            self.hints.ignore(self.name);
        }
        visitor.visit_unit()
    }
}
