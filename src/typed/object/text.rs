//! A member becomes the bytes of its field. Booleans, numbers, characters, strings, bytes and variants without data
//! become plain text. Everything else is written by the codec.

use std::fmt;

use serde::Serialize;
use serde::ser::{Impossible, Serializer};

use super::error::ObjectError;
use super::human_readable::HumanReadable;
use crate::typed::codec::Codec;

/// Returns the bytes of a member, or `None` if it is absent. Without a codec it only finds out whether the member is
/// absent, and the bytes of all others are empty.
pub(super) fn bytes_of<C: Codec, T: Serialize + ?Sized>(
    codec: Option<&C>,
    value: &T,
) -> Result<Option<Vec<u8>>, ObjectError> {
    MemberSerializer { codec, inside: false }.write(value).map_err(|error| match error {
        TextError::NoText => ObjectError::new("no plain text"),
        TextError::Failed(error) => error,
    })
}

/// Writes a member.
struct MemberSerializer<'a, C> {
    codec: Option<&'a C>,
    /// Whether the value is inside of a `Some` or a newtype, where a `None` cannot be an absent field.
    inside: bool,
}

type Bytes = Option<Vec<u8>>;
type Compound = Impossible<Bytes, TextError>;

/// Why a value is not written as plain text.
#[derive(Debug)]
enum TextError {
    /// It has no plain text, so the codec has to write it.
    NoText,
    /// It cannot be written at all.
    Failed(ObjectError),
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoText => f.write_str("no plain text"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TextError {}

impl serde::ser::Error for TextError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Failed(serde::ser::Error::custom(message))
    }
}

impl<C: Codec> MemberSerializer<'_, C> {
    /// Writes a value as plain text or by the codec. The codec gets the value without a `Some` or newtype around it,
    /// because that is also how the value is requested when it is read.
    fn write<T: Serialize + ?Sized>(self, value: &T) -> Result<Bytes, TextError> {
        let codec = self.codec;
        match value.serialize(self) {
            Err(TextError::NoText) => {
                let mut bytes = Vec::new();
                if let Some(codec) = codec {
                    codec
                        .encode(&HumanReadable(value), &mut bytes)
                        .map_err(|reason| TextError::Failed(ObjectError::new(reason)))?;
                }
                Ok(Some(bytes))
            }
            done => done,
        }
    }

    fn text(&self, value: impl fmt::Display) -> Bytes {
        Some(if self.codec.is_some() { value.to_string().into_bytes() } else { Vec::new() })
    }

    fn bytes(&self, value: &[u8]) -> Bytes {
        Some(if self.codec.is_some() { value.to_vec() } else { Vec::new() })
    }

    fn write_inside<T: Serialize + ?Sized>(self, value: &T) -> Result<Bytes, TextError> {
        Self { inside: true, ..self }.write(value)
    }
}

macro_rules! displayed {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<Bytes, TextError> {
            Ok(self.text(value))
        })*
    };
}

impl<C: Codec> Serializer for MemberSerializer<'_, C> {
    type Ok = Bytes;
    type Error = TextError;
    type SerializeSeq = Compound;
    type SerializeTuple = Compound;
    type SerializeTupleStruct = Compound;
    type SerializeTupleVariant = Compound;
    type SerializeMap = Compound;
    type SerializeStruct = Compound;
    type SerializeStructVariant = Compound;

    displayed! {
        serialize_bool: bool, serialize_char: char, serialize_f32: f32, serialize_f64: f64,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
    }

    fn serialize_str(self, value: &str) -> Result<Bytes, TextError> {
        Ok(self.bytes(value.as_bytes()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Bytes, TextError> {
        Ok(self.bytes(value))
    }

    fn serialize_none(self) -> Result<Bytes, TextError> {
        if self.inside { Err(TextError::NoText) } else { Ok(None) }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Bytes, TextError> {
        if self.inside { Err(TextError::NoText) } else { self.write_inside(value) }
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Bytes, TextError> {
        self.write_inside(value)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Bytes, TextError> {
        Ok(self.bytes(variant.as_bytes()))
    }

    refused! {
        TextError::NoText;
        serialize_unit() -> Bytes, serialize_unit_struct(&'static str) -> Bytes,
        serialize_newtype_variant<T>(&'static str, u32, &'static str, &T) -> Bytes,
        serialize_seq(Option<usize>) -> Compound, serialize_map(Option<usize>) -> Compound,
        serialize_tuple(usize) -> Compound, serialize_tuple_struct(&'static str, usize) -> Compound,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Compound,
        serialize_struct(&'static str, usize) -> Compound,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Compound,
    }
}
