//! `HashValue` as a serde map from fields to values: strings in human-readable formats, bytes in all others.

use std::fmt;
use std::str::from_utf8;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error, Serialize, Serializer};

use crate::value::HashValue;

/// In human-readable formats, such as JSON, YAML and RON, a hash is a map from strings to strings. Serializing fails
/// there if a field or a value is not UTF-8. In other formats, such as bincode, a hash is a map from bytes to bytes.
impl Serialize for HashValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.collect_map(self.iter().map(|(field, value)| (Bytes(field), Bytes(value))));
        }
        let text = |bytes| {
            from_utf8(bytes).map_err(|error| S::Error::custom(format!("the hash holds other bytes than text: {error}")))
        };
        let pairs = self.iter().map(|(field, value)| Ok((text(field)?, text(value)?)));
        serializer.collect_map(pairs.collect::<Result<Vec<_>, _>>()?)
    }
}

/// A hash is read from a map of strings in human-readable formats, and from a map of bytes in others. If a field is
/// repeated, it gets its last value.
impl<'de> Deserialize<'de> for HashValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let string = if deserializer.is_human_readable() { Strings::Text } else { Strings::Bytes };
        deserializer.deserialize_map(Pairs(string))
    }
}

/// What fields and values are requested as. It has to be the same as they were written as, because YAML and RON write
/// strings and bytes differently.
#[derive(Clone, Copy)]
enum Strings {
    Text,
    Bytes,
}

impl<'de> DeserializeSeed<'de> for Strings {
    type Value = Vec<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<u8>, D::Error> {
        match self {
            Self::Text => deserializer.deserialize_string(Owned),
            Self::Bytes => deserializer.deserialize_byte_buf(Owned),
        }
    }
}

/// A visitor that reads a hash.
struct Pairs(Strings);

impl<'de> Visitor<'de> for Pairs {
    type Value = HashValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from fields to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HashValue, A::Error> {
        let mut hash = HashValue::new();
        while let Some((field, value)) = map.next_entry_seed(self.0, self.0)? {
            hash.set(field, value).map_err(serde::de::Error::custom)?;
        }
        Ok(hash)
    }
}

/// A visitor that accepts both strings and bytes. Both occur in every format, because a tagged enum buffers its content
/// without noting from which format it came.
struct Owned;

impl<'de> Visitor<'de> for Owned {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or bytes")
    }

    fn visit_str<E>(self, text: &str) -> Result<Vec<u8>, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Vec<u8>, E> {
        Ok(text.into())
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.into())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<u8>, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = sequence.next_element()? {
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

/// A field or a value that is serialized as bytes.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
