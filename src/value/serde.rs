//! A hash as serde's map, from fields to values: strings where a format is for people, bytes elsewhere.

use std::fmt;
use std::str::from_utf8;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error, Serialize, Serializer};

use crate::value::HashValue;

/// A map from strings to strings in formats for people, as JSON, where it fails if a field or a value is no UTF-8; from bytes
/// to bytes in others, as bincode.
impl Serialize for HashValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.collect_map(self.iter().map(|(field, value)| (Bytes(field), Bytes(value))));
        }
        let text = |bytes| {
            from_utf8(bytes).map_err(|error| S::Error::custom(format!("a hash of other bytes than text: {error}")))
        };
        let pairs = self.iter().map(|(field, value)| Ok((text(field)?, text(value)?)));
        serializer.collect_map(pairs.collect::<Result<Vec<_>, _>>()?)
    }
}

/// From a map of strings or bytes; of a field that comes twice the last value counts.
impl<'de> Deserialize<'de> for HashValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = HashValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from fields to values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HashValue, A::Error> {
                let mut value = HashValue::new();
                while let Some((ByteBuf(field), ByteBuf(bytes))) = map.next_entry()? {
                    value.set(field, bytes).map_err(serde::de::Error::custom)?;
                }
                Ok(value)
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

struct ByteBuf(Vec<u8>);

impl<'de> Deserialize<'de> for ByteBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = ByteBuf;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or bytes")
            }

            fn visit_str<E>(self, text: &str) -> Result<ByteBuf, E> {
                Ok(ByteBuf(text.into()))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<ByteBuf, E> {
                Ok(ByteBuf(bytes.into()))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<ByteBuf, E> {
                Ok(ByteBuf(bytes))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<ByteBuf, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = sequence.next_element()? {
                    bytes.push(byte);
                }
                Ok(ByteBuf(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Any)
    }
}
