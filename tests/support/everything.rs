//! A struct that has a member of each type that serde knows, for the tests and the fuzzer.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Everything {
    pub(crate) boolean: bool,
    pub(crate) i8: i8,
    pub(crate) i16: i16,
    pub(crate) i32: i32,
    pub(crate) i64: i64,
    pub(crate) i128: i128,
    pub(crate) u8: u8,
    pub(crate) u16: u16,
    pub(crate) u32: u32,
    pub(crate) u64: u64,
    pub(crate) u128: u128,
    pub(crate) f32: f32,
    pub(crate) f64: f64,
    pub(crate) character: char,
    #[serde(rename = "a text")]
    pub(crate) text: String,
    pub(crate) bytes: Bytes,
    pub(crate) byte_array: [u8; 3],
    pub(crate) option: Option<u32>,
    pub(crate) option_of_many: Option<Vec<i64>>,
    pub(crate) option_of_option: Option<Option<String>>,
    pub(crate) unit: (),
    pub(crate) unit_struct: UnitStruct,
    pub(crate) variant: Variant,
    pub(crate) optional_variant: Option<Variant>,
    pub(crate) newtype: Newtype,
    pub(crate) newtype_of_option: NewtypeOfOption,
    pub(crate) sequence: Vec<String>,
    pub(crate) nothings: Vec<()>,
    pub(crate) tuple: (u8, String, f64),
    pub(crate) tuple_struct: TupleStruct,
    pub(crate) map: BTreeMap<String, f64>,
    pub(crate) numbered: BTreeMap<i32, Vec<u8>>,
    pub(crate) structure: Structure,
    pub(crate) tree: Option<Tree>,
    #[serde(default)]
    pub(crate) defaulted: u16,
    #[serde(skip)]
    pub(crate) skipped: u16,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct UnitStruct;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Variant {
    #[default]
    Unit,
    #[serde(rename = "another unit")]
    Renamed,
    Newtype(u64),
    Tuple(i8, String),
    Struct {
        text: String,
        option: Option<Box<Variant>>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Newtype(pub(crate) String);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct NewtypeOfOption(pub(crate) Option<u8>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TupleStruct(pub(crate) u32, pub(crate) Option<i16>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Structure {
    pub(crate) bytes: Bytes,
    pub(crate) big: u128,
    pub(crate) variants: Vec<Variant>,
    pub(crate) unit: UnitStruct,
}

/// A recursive type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tree(pub(crate) Vec<Tree>);

/// A type that has to know its variant before its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tag", content = "content")]
pub(crate) enum Tagged {
    Unit,
    Newtype(String),
    Tuple(u8, Vec<u16>),
    Struct { number: i64, option: Option<Asking> },
}

/// A type that asks what it is given (`deserialize_any`), and accepts only numbers, short strings and lists.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Asking(pub(crate) u64);

impl<'de> Deserialize<'de> for Asking {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Some;
        impl<'de> Visitor<'de> for Some {
            type Value = Asking;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a short string or a list")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Asking, E> {
                Ok(Asking(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Asking, E> {
                if text.len() < 4 { Ok(Asking(text.len() as u64)) } else { Err(E::invalid_length(text.len(), &self)) }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Asking, A::Error> {
                let mut len = 0;
                while sequence.next_element::<Tree>()?.is_some() {
                    len += 1;
                }
                Ok(Asking(len))
            }
        }
        deserializer.deserialize_any(Some)
    }
}

/// Bytes as serde's byte array. A `Vec<u8>` would be a sequence of numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = sequence.next_element()? {
                    bytes.push(byte);
                }
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Any)
    }
}
