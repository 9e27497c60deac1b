//! Codecs: formats that turn values into bytes and bytes into values.

#[cfg(any(feature = "bincode", feature = "postcard"))]
mod bounded;
mod check;
#[cfg(any(feature = "bincode", feature = "postcard"))]
mod exact;
#[cfg(feature = "postcard")]
mod flavors;
#[cfg(feature = "postcard")]
mod reason;

use serde::Serialize;
use serde::de::DeserializeSeed;

use super::error::Reason;
pub use check::check_codec;

/// A format for values, used by [`Store::typed`](crate::Store::typed). The crate provides [`Json`], [`Postcard`] and
/// [`Bincode`], and programs may write their own codecs. The guide has one for
/// [MessagePack](crate::guide::typed#task-a-codec-of-your-own).
///
/// A codec has to keep four rules:
///
/// * [`decode`](Self::decode) reads the bytes that [`encode`](Self::encode) has appended as an equal value.
/// * Bytes that are left after the value are an error.
/// * A store's fields can hold anything. Bytes that are no encoded value cause an error, never a panic, and decoding
///   takes no more memory than a small multiple of their length.
/// * Neither method calls any store, because both can run under the lock of a hash.
///
/// [`check_codec`] tests the first three of them. A reference to a codec is a codec, too.
///
/// ```
/// # #[cfg(feature = "json")] {
/// use hashlet::{Codec, Store};
/// use serde::{Serialize, de::DeserializeSeed};
///
/// /// JSON with line breaks and indentation.
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
    /// If the format cannot represent the value, or the value itself refuses.
    fn encode<T: Serialize + ?Sized>(&self, value: &T, bytes: &mut Vec<u8>) -> Result<(), Reason>;

    /// Reads one value from these bytes, and uses all of them.
    ///
    /// # Errors
    /// If the bytes are not exactly one such value.
    fn decode<'de, S: DeserializeSeed<'de>>(&self, seed: S, bytes: &'de [u8]) -> Result<S::Value, Reason>;
}

impl<C: Codec> Codec for &C {
    #[inline]
    fn encode<T: Serialize + ?Sized>(&self, value: &T, bytes: &mut Vec<u8>) -> Result<(), Reason> {
        (**self).encode(value, bytes)
    }

    #[inline]
    fn decode<'de, S: DeserializeSeed<'de>>(&self, seed: S, bytes: &'de [u8]) -> Result<S::Value, Reason> {
        (**self).decode(seed, bytes)
    }
}

/// JSON: readable by people, by other programs, and by later versions of a program whose types have changed.
///
/// JSON has no NaN and no infinity; both are written as `null`. `Some(None)`, `Some(())` and a `Some` of NaN are
/// written as `null` too, and come back as `None`. Values are read to a depth of 128 levels. White space after a value
/// belongs to it, and anything else is an error.
/// See the guide: [`guide::typed`](crate::guide::typed).
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

/// bincode 2 in its standard configuration: small and fast, but **it can read bytes of another type as garbage, without
/// an error**.
///
/// It writes one value after the other, without names, types or end marks. That has two traps:
///
/// 1. **Bytes of another type can be read without an error, as garbage.** An earlier version of the same struct is
///    another type, too. Read a value only as exactly the type that was written.
/// 2. **A type that reads itself in another way than it writes itself comes back as another value, without an error:**
///     * An enum with a skipped variant. Variants are written as numbers, and only the writer counts the skipped ones:
///       in `enum Role { #[serde(skip)] Nobody, Guest, Admin }` a `Guest` comes back as an `Admin`.
///     * A member that is written but not read, or read but not written. With `skip_serializing` on `a` in
///       `struct Pair { a: u8, b: u8 }`, the bytes of `b` are read as `a`. `skip` is safe, because it does neither.
///
/// ```
/// # #[cfg(feature = "bincode")] {
/// use hashlet::{Bincode, Store};
///
/// let store = Store::new();
/// let typed = store.typed(Bincode);
/// typed.set("balance", "ada", &-3_i64)?;
/// assert_eq!(typed.get::<i64>("balance", "ada")?, Some(-3));
/// assert_eq!(typed.get::<u64>("balance", "ada")?, Some(5)); // trap 1: no error
/// # }
/// # Ok::<(), hashlet::CodecError>(())
/// ```
///
/// bincode is [no longer maintained](https://rustsec.org/advisories/RUSTSEC-2025-0141). No defect is known in the
/// version used, but its authors will fix none. [`Postcard`] is a maintained format of the same kind. Prefer [`Json`] for
/// data that has to outlive a program.
/// See the guide: [`guide::typed`](crate::guide::typed).
///
/// Saving a value refuses two cases of the second trap, wherever in the value they occur: a member that
/// `skip_serializing_if` leaves out, and a list or map that announces another number of elements than it writes. In a
/// tuple struct, a left-out member cannot be detected. Members of an object
/// ([`save_object`](crate::Typed::save_object)) have names and may be left out.
///
/// These cannot be read from bincode:
///
/// * types that need a self-describing format (`#[serde(untagged)]`, `#[serde(flatten)]`, `serde_json::Value`,
///   `rust_decimal::Decimal`),
/// * values nested more than 128 levels deep,
/// * more than 1,024 elements that take no bytes, as in a `Vec<()>`.
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

    /// bincode trusts the lengths that it finds in the bytes. Its own limit is a compile-time constant, which has to
    /// allow for the longest value: 512 MiB of numbers, which take 16 times as much memory when decoded. So `bounded`
    /// sets a limit for each value, by the number of its bytes.
    fn decode<'de, S: DeserializeSeed<'de>>(&self, seed: S, bytes: &'de [u8]) -> Result<S::Value, Reason> {
        const LIMIT: usize = if usize::BITS > 32 { 1 << 33 } else { 1 << 30 };
        let budget = bounded::Budget::of(bytes);
        let config = bincode::config::standard().with_limit::<LIMIT>();
        match bincode::serde::seed_decode_from_slice(budget.bounding(seed), bytes, config)? {
            (value, read) if read == bytes.len() => Ok(value),
            _ => Err(LEFT.into()),
        }
    }
}

/// [postcard](https://postcard.jamesmunns.com/wire-format): small and fast, and maintained, but **it can read bytes of
/// another type as garbage, without an error**.
///
/// It writes one value after the other, without names, types or end marks, as [`Bincode`] does. Both have the same two
/// traps, and saving a value refuses the same cases of the second one. Its wire format is specified, and other programs
/// can read it.
///
/// ```
/// # #[cfg(feature = "postcard")] {
/// use hashlet::{Postcard, Store};
///
/// let store = Store::new();
/// let typed = store.typed(Postcard);
/// typed.set("balance", "ada", &-3_i64)?;
/// assert_eq!(typed.get::<i64>("balance", "ada")?, Some(-3));
/// assert_eq!(typed.get::<u64>("balance", "ada")?, Some(5)); // trap 1: no error
/// # }
/// # Ok::<(), hashlet::CodecError>(())
/// ```
///
/// These cannot be read from postcard:
///
/// * types that need a self-describing format (`#[serde(untagged)]`, `#[serde(flatten)]`, `serde_json::Value`,
///   `rust_decimal::Decimal`),
/// * values nested more than 128 levels deep,
/// * more than 1,024 elements that take no bytes, as in a `Vec<()>`.
///
/// Where a type itself refuses to be read, postcard does not keep the reason, so the error cannot tell it.
/// See the guide: [`guide::typed`](crate::guide::typed).
#[cfg(feature = "postcard")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

#[cfg(feature = "postcard")]
impl Codec for Postcard {
    fn encode<T: Serialize + ?Sized>(&self, value: &T, bytes: &mut Vec<u8>) -> Result<(), Reason> {
        let written = postcard::serialize_with_flavor(&exact::Exact(value), flavors::Appended(bytes));
        written.map_err(|error| reason::reason(value).unwrap_or_else(|| error.into()))
    }

    /// postcard trusts the lengths that it finds in the bytes, so `bounded` sets a limit for each value.
    fn decode<'de, S: DeserializeSeed<'de>>(&self, seed: S, bytes: &'de [u8]) -> Result<S::Value, Reason> {
        let budget = bounded::Budget::of(bytes);
        let mut deserializer = postcard::Deserializer::from_flavor(flavors::Bytes(bytes));
        let value = match budget.bounding(seed).deserialize(&mut deserializer) {
            Ok(value) => value,
            Err(postcard::Error::SerdeDeCustom) => {
                return Err(budget.refusal().unwrap_or("the type does not accept these bytes").into());
            }
            Err(error) => return Err(error.into()),
        };
        if deserializer.finalize()?.is_empty() { Ok(value) } else { Err(LEFT.into()) }
    }
}

#[cfg(any(feature = "bincode", feature = "postcard"))]
const LEFT: &str = "there are bytes left after the value";
