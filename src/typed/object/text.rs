//! Values that are plain text: numbers, characters, strings, bytes, names of variants. Everything else says so.

use serde::Serialize;
use serde::ser::{Impossible, Serializer};

use super::Flaw;

/// What became of a value.
pub(super) enum Text {
    /// It is this.
    Plain(Vec<u8>),
    /// It is `None`.
    Absent,
    /// It is nothing that plain text can tell.
    Other,
}

/// Writes a value if it is plain text.
#[derive(Clone, Copy)]
pub(super) struct TextSerializer;

type Compound = Impossible<Text, NoText>;

/// A value turned out to be no plain text, or its own `Serialize` failed.
#[derive(Debug)]
pub(super) enum NoText {
    Other,
    Failed(Flaw),
}

impl std::fmt::Display for NoText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Other => f.write_str("no plain text"),
            Self::Failed(flaw) => flaw.fmt(f),
        }
    }
}

impl std::error::Error for NoText {}

impl serde::ser::Error for NoText {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Failed(serde::ser::Error::custom(message))
    }
}

/// The text of a value, if it has any.
pub(super) fn text_of<T: Serialize + ?Sized>(value: &T) -> Result<Text, Flaw> {
    match value.serialize(TextSerializer) {
        Ok(text) => Ok(text),
        Err(NoText::Other) => Ok(Text::Other),
        Err(NoText::Failed(flaw)) => Err(flaw),
    }
}

macro_rules! displayed {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<Text, NoText> {
            Ok(Text::Plain(value.to_string().into_bytes()))
        })*
    };
}

impl Serializer for TextSerializer {
    type Ok = Text;
    type Error = NoText;
    type SerializeSeq = Compound;
    type SerializeTuple = Compound;
    type SerializeTupleStruct = Compound;
    type SerializeTupleVariant = Compound;
    type SerializeMap = Compound;
    type SerializeStruct = Compound;
    type SerializeStructVariant = Compound;

    displayed! {
        serialize_bool: bool, serialize_char: char, serialize_str: &str, serialize_f32: f32, serialize_f64: f64,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Text, NoText> {
        Ok(Text::Plain(value.to_vec()))
    }

    fn serialize_none(self) -> Result<Text, NoText> {
        Ok(Text::Absent)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Text, NoText> {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Text, NoText> {
        Ok(Text::Plain(variant.as_bytes().to_vec()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Text, NoText> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Text, NoText> {
        Err(NoText::Other)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Text, NoText> {
        Err(NoText::Other)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Text, NoText> {
        Err(NoText::Other)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound, NoText> {
        Err(NoText::Other)
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound, NoText> {
        Err(NoText::Other)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound, NoText> {
        Err(NoText::Other)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Compound, NoText> {
        Err(NoText::Other)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound, NoText> {
        Err(NoText::Other)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound, NoText> {
        Err(NoText::Other)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Compound, NoText> {
        Err(NoText::Other)
    }
}
