//! How a value becomes bytes and a value again.

#[cfg(feature = "bincode")]
mod bounded;
#[cfg(feature = "bincode")]
mod exact;

use serde::Serialize;
use serde::de::DeserializeSeed;

use super::error::Reason;

/// A format in which values are written, for [`Store::typed`](crate::Store::typed). The crate has two, [`Json`] and
/// [`Bincode`], and programs may write their own:
///
/// * What [`encode`](Self::encode) has appended, [`decode`](Self::decode) reads as an equal value.
/// * Bytes that nobody has encoded are an error, never a panic, and take no more memory than a small multiple of their length:
///   a store's fields can hold anything.
/// * Both run under the lock of a hash: they must not call any store.
///
/// ```
/// # #[cfg(feature = "json")] {
/// use hashlet::{Codec, Store};
/// use serde::{Serialize, de::DeserializeSeed};
///
/// /// JSON with a line for each member.
/// struct Pretty;
///
/// impl Codec for Pretty {
///     fn encode<T: Serialize + ?Sized>(
///         &self,
///         value: &T,
///         bytes: &mut Vec<u8>,
///     ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///         Ok(serde_json::to_writer_pretty(bytes, value)?)
///     }
///
///     fn decode<'de, S: DeserializeSeed<'de>>(
///         &self,
///         seed: S,
///         bytes: &'de [u8],
///     ) -> Result<S::Value, Box<dyn std::error::Error + Send + Sync>> {
///         hashlet::Json.decode(seed, bytes)
///     }
/// }
///
/// let store = Store::new();
/// store.typed(Pretty).set("user:1", "scores", &[1, 2])?;
/// assert_eq!(store.get("user:1", "scores").unwrap(), b"[\n  1,\n  2\n]");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Codec {
    /// Appends the bytes of a value.
    ///
    /// # Errors
    /// If the format, or the value itself, does not allow it.
    fn encode<T: Serialize + ?Sized>(&self, value: &T, bytes: &mut Vec<u8>) -> Result<(), Reason>;

    /// Reads a value from all of these bytes.
    ///
    /// # Errors
    /// If they are not the bytes of such a value.
    fn decode<'de, S: DeserializeSeed<'de>>(&self, seed: S, bytes: &'de [u8]) -> Result<S::Value, Reason>;
}

/// JSON: readable by people and by everything else, and by later versions of a program whose types have changed.
///
/// It has no NaN and no infinity, which it writes as `null`, and is read to a depth of 128 levels. `Some(None)`, `Some(())`
/// and a `Some` of NaN are `null` too, and come back as `None`.
#[cfg(feature = "json")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

#[cfg(feature = "json")]
impl Codec for Json {
    fn encode<T: Serialize + ?Sized>(&self, value: &T, bytes: &mut Vec<u8>) -> Result<(), Reason> {
        Ok(serde_json::to_writer(bytes, value)?)
    }

    fn decode<'de, S: DeserializeSeed<'de>>(&self, seed: S, bytes: &'de [u8]) -> Result<S::Value, Reason> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let value = seed.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    }
}

/// bincode 2 in its standard configuration: small and fast, and readable only as the very type that was written.
///
/// It writes neither names nor ends, only one value behind the other. A type that is not read as it is written comes back as
/// **another value, and without an error**:
///
/// * An enum with a skipped variant. Variants are numbered, and reader and writer count differently: in
///   `enum Role { #[serde(skip)] Nobody, Guest, Admin }` a `Guest` comes back as an `Admin`.
/// * A member that is written but not read, or read but not written: with `skip_serializing` on `a` in
///   `struct Pair { a: u8, b: u8 }` what was written as `b` is read as `a`. `skip` is neither written nor read, and safe.
///
/// What can be seen when a value is saved is refused, wherever in the value it stands: a member that
/// `skip_serializing_if` leaves out, and a list or map that says another number of elements than it has. In a tuple struct, a
/// left-out member cannot be detected. Members of an object ([`save_object`](crate::Typed::save_object)) have names and may be left out.
///
/// bincode is [no longer maintained](https://rustsec.org/advisories/RUSTSEC-2025-0141). No flaw is known in the version used,
/// but none will be mended by its authors. Data that has to outlive a program is better kept as [`Json`].
///
/// Types that ask what they are given (`#[serde(untagged)]`, `#[serde(flatten)]`, `serde_json::Value`,
/// `rust_decimal::Decimal`) cannot be read from it, nor values more than 128 levels deep, nor more than 1,024 elements that
/// take no bytes, as of a `Vec<()>`.
#[cfg(feature = "bincode")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Bincode;

#[cfg(feature = "bincode")]
impl Codec for Bincode {
    fn encode<T: Serialize + ?Sized>(&self, value: &T, bytes: &mut Vec<u8>) -> Result<(), Reason> {
        struct Appended<'a>(&'a mut Vec<u8>);
        impl bincode::enc::write::Writer for Appended<'_> {
            fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
                self.0.extend_from_slice(bytes);
                Ok(())
            }
        }
        Ok(bincode::serde::encode_into_writer(exact::Exact(value), Appended(bytes), bincode::config::standard())?)
    }

    /// bincode believes what bytes say of themselves. Its limit is a constant of the program, so that it can only be as high
    /// as the longest value needs, 512 MiB of numbers that take 16 times as much outside: `bounded` judges by the bytes.
    fn decode<'de, S: DeserializeSeed<'de>>(&self, seed: S, bytes: &'de [u8]) -> Result<S::Value, Reason> {
        const LIMIT: usize = if usize::BITS > 32 { 1 << 33 } else { 1 << 30 };
        let budget = bounded::Budget::of(bytes);
        let config = bincode::config::standard().with_limit::<LIMIT>();
        match bincode::serde::seed_decode_from_slice(budget.bounding(seed), bytes, config)? {
            (value, read) if read == bytes.len() => Ok(value),
            _ => Err("bytes behind the value".into()),
        }
    }
}
