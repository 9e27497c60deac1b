//! What a type accepts, found out by offering it sample values that are no members.
//!
//! The values that the type makes of the samples are thrown away. A sample list or map notes whether the type has
//! looked into it, because a type that accepts none does not look.

use std::cell::RefCell;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::candidates::Guess;
use super::error::{Kind, ObjectError};
use super::facts::{Answer, Number, Question};
use super::shape::{Shape, Shaped};
use crate::typed::codec::Codec;

/// How many numbers a list may have if their types are to be remembered.
const MAX_NUMBERS: usize = 32;
/// The key of a map that stands for a number. serde_json and crates of numbers use it among themselves.
const NUMBER: &str = "$serde_json::private::Number";

/// Asks a type, by its visitor.
pub(super) fn ask<'de, V: Visitor<'de>>(question: Question, visitor: V) -> Answer {
    match question {
        Question::Bool => yes_if(visitor.visit_bool::<ObjectError>(true).is_ok()),
        Question::Unit => yes_if(is_accepted(&visitor.visit_unit())),
        Question::One(Guess::Text) => yes_if(is_accepted(&visitor.visit_str("1"))),
        Question::One(Guess::Unsigned) => yes_if(is_accepted(&visitor.visit_u64(1))),
        Question::One(Guess::Signed) => yes_if(is_accepted(&visitor.visit_i64(1))),
        Question::One(Guess::HugeUnsigned) => yes_if(is_accepted(&visitor.visit_u128(1))),
        Question::One(Guess::HugeSigned) => yes_if(is_accepted(&visitor.visit_i128(1))),
        Question::One(Guess::Float) => yes_if(is_accepted(&visitor.visit_f64(1.0))),
        Question::One(Guess::Bytes) => yes_if(is_accepted(&visitor.visit_bytes(b"1"))),
        Question::One(Guess::Written) => Answer::Yes,
        Question::List => {
            let list = RefCell::new(List::default());
            let is_read = visitor.visit_seq(Ones(&list)).is_ok();
            match list.into_inner() {
                List { is_touched: false, .. } => yes_if(is_read),
                List { has_others: false, numbers, .. } if is_read => Answer::Numbers(numbers),
                _ => Answer::Yes,
            }
        }
        Question::Map => {
            let mut map = Map::Untouched;
            let is_read = visitor.visit_map(&mut map).is_ok();
            yes_if(match map {
                Map::Untouched => is_read,
                Map::Number => false,
                Map::Asked | Map::NumberKey => true,
            })
        }
    }
}

fn yes_if(yes: bool) -> Answer {
    if yes { Answer::Yes } else { Answer::No }
}

/// Whether the type accepts samples of this kind. It may refuse this one value, but not as a wrong type.
fn is_accepted<T>(result: &Result<T, ObjectError>) -> bool {
    !matches!(result, Err(ObjectError { kind: Kind::WrongType, .. }))
}

/// The error that stops a type once its answer is known.
fn answered() -> ObjectError {
    ObjectError::new("the type was only asked what it accepts")
}

/// How a type has read a list of ones.
#[derive(Default)]
struct List {
    is_touched: bool,
    /// The types of the numbers that it has asked for.
    numbers: Vec<Number>,
    /// Whether it has asked for something else than numbers, or for too many of them.
    has_others: bool,
}

/// A list of ones.
struct Ones<'l>(&'l RefCell<List>);

impl<'de> SeqAccess<'de> for Ones<'_> {
    type Error = ObjectError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ObjectError> {
        self.0.borrow_mut().is_touched = true;
        seed.deserialize(One(self.0)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.borrow_mut().is_touched = true;
        None
    }
}

/// An element of such a list.
struct One<'l>(&'l RefCell<List>);

macro_rules! ones {
    ($($method:ident => $visit:ident($one:expr), $number:ident;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
            let mut list = self.0.borrow_mut();
            if list.numbers.len() == MAX_NUMBERS {
                list.has_others = true;
                return Err(answered());
            }
            list.numbers.push(Number::$number);
            drop(list);
            visitor.$visit($one)
        })*
    };
}

impl<'de> Deserializer<'de> for One<'_> {
    type Error = ObjectError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ObjectError> {
        self.0.borrow_mut().has_others = true;
        Err(answered())
    }

    ones! {
        deserialize_i8 => visit_i8(1), I8;
        deserialize_i16 => visit_i16(1), I16;
        deserialize_i32 => visit_i32(1), I32;
        deserialize_i64 => visit_i64(1), I64;
        deserialize_i128 => visit_i128(1), I128;
        deserialize_u8 => visit_u8(1), U8;
        deserialize_u16 => visit_u16(1), U16;
        deserialize_u32 => visit_u32(1), U32;
        deserialize_u64 => visit_u64(1), U64;
        deserialize_u128 => visit_u128(1), U128;
        deserialize_f32 => visit_f32(1.0), F32;
        deserialize_f64 => visit_f64(1.0), F64;
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ObjectError> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

/// Whether a codec can read these bytes as a list of numbers of these types, or of the first few of them.
pub(super) fn is_list_of<C: Codec>(codec: &C, numbers: &[Number], bytes: &[u8]) -> bool {
    let is_list = |len: usize, shape: Shape| {
        let visitor = Numbers(numbers.get(..len).unwrap_or(numbers));
        codec.decode(Shaped { shape, visitor }, bytes).is_ok()
    };
    (0..=numbers.len()).any(|len| is_list(len, Shape::Seq) || is_list(len, Shape::Tuple(len)))
}

/// Reads a list of numbers of these types.
struct Numbers<'n>(&'n [Number]);

impl<'de> Visitor<'de> for Numbers<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for number in self.0 {
            list.next_element_seed(*number)?.ok_or_else(|| A::Error::custom("too short a list"))?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Number {
    type Value = IgnoredAny;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<IgnoredAny, D::Error> {
        match self {
            Self::I8 => deserializer.deserialize_i8(IgnoredAny),
            Self::I16 => deserializer.deserialize_i16(IgnoredAny),
            Self::I32 => deserializer.deserialize_i32(IgnoredAny),
            Self::I64 => deserializer.deserialize_i64(IgnoredAny),
            Self::I128 => deserializer.deserialize_i128(IgnoredAny),
            Self::U8 => deserializer.deserialize_u8(IgnoredAny),
            Self::U16 => deserializer.deserialize_u16(IgnoredAny),
            Self::U32 => deserializer.deserialize_u32(IgnoredAny),
            Self::U64 => deserializer.deserialize_u64(IgnoredAny),
            Self::U128 => deserializer.deserialize_u128(IgnoredAny),
            Self::F32 => deserializer.deserialize_f32(IgnoredAny),
            Self::F64 => deserializer.deserialize_f64(IgnoredAny),
        }
    }
}

/// How a type has read a map that has the key of a number.
enum Map {
    Untouched,
    /// It has asked for a key.
    Asked,
    /// It has asked for the name of a member, and accepted the key of a number.
    NumberKey,
    /// It has then asked for the text of the number.
    Number,
}

impl<'de> MapAccess<'de> for &mut Map {
    type Error = ObjectError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ObjectError> {
        **self = Map::Asked;
        let mut is_name = false;
        let key = seed.deserialize(Key(&mut is_name))?;
        if is_name {
            **self = Map::NumberKey;
        }
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ObjectError> {
        seed.deserialize(NumberText(self))
    }

    fn size_hint(&self) -> Option<usize> {
        None
    }
}

/// The key of that map. It notes whether the type asks for the name of a member.
struct Key<'m>(&'m mut bool);

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = ObjectError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ObjectError> {
        Err(answered())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        *self.0 = true;
        visitor.visit_str(NUMBER)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct enum ignored_any newtype_struct
    }
}

/// The value in that map.
struct NumberText<'m>(&'m mut Map);

impl<'de> Deserializer<'de> for NumberText<'_> {
    type Error = ObjectError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ObjectError> {
        Err(answered())
    }

    fn deserialize_str<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ObjectError> {
        if matches!(self.0, Map::NumberKey) {
            *self.0 = Map::Number;
        }
        Err(answered())
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ObjectError> {
        self.deserialize_str(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any newtype_struct
    }
}
