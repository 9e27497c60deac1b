//! What the bytes of a member can be taken for, and in which order that is tried.
//!
//! Plain text comes before what the codec reads there, except for lists and maps. A member whose bytes the codec reads as one
//! of those was written as one, unless somebody has saved a string that looks like it.

use std::cell::Cell;
use std::fmt;
use std::str::from_utf8;

use serde::de::{Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::ObjectError;
use super::shape::{Shape, Shaped};
use crate::typed::codec::Codec;

/// What a member can be taken for. A number is handed out in 64 bits if it fits, as formats do that know numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Guess {
    Text,
    Unsigned,
    Signed,
    HugeUnsigned,
    HugeSigned,
    Float,
    /// What the codec reads there.
    Written,
    Bytes,
}

use Guess::{Bytes, Float, HugeSigned, HugeUnsigned, Signed, Text, Unsigned, Written};

const ORDER: [Guess; 8] = [Text, Unsigned, Signed, HugeUnsigned, HugeSigned, Float, Written, Bytes];
const ORDER_OF_A_LIST_OR_MAP: [Guess; 8] = [Written, Text, Unsigned, Signed, HugeUnsigned, HugeSigned, Float, Bytes];
/// No integer is written as `-0`.
const ORDER_OF_NEGATIVE_ZERO: [Guess; 8] = [Text, Float, Unsigned, Signed, HugeUnsigned, HugeSigned, Written, Bytes];

impl Guess {
    pub(super) fn is_integer(self) -> bool {
        matches!(self, Unsigned | Signed | HugeUnsigned | HugeSigned)
    }

    /// Hands a member out as what it is taken for.
    pub(super) fn hand<'a, C: Codec, V: Visitor<'a>>(
        self,
        visitor: V,
        codec: &'a C,
        bytes: &'a [u8],
    ) -> Result<V::Value, ObjectError> {
        let text = || from_utf8(bytes).map_err(ObjectError::new);
        match self {
            Text => visitor.visit_borrowed_str(text()?),
            Unsigned => visitor.visit_u64(text()?.parse().map_err(ObjectError::new)?),
            Signed => visitor.visit_i64(text()?.parse().map_err(ObjectError::new)?),
            HugeUnsigned => visitor.visit_u128(text()?.parse().map_err(ObjectError::new)?),
            HugeSigned => visitor.visit_i128(text()?.parse().map_err(ObjectError::new)?),
            Float => visitor.visit_f64(text()?.parse().map_err(ObjectError::new)?),
            Written => codec.decode(Shaped { shape: Shape::Any, visitor }, bytes).map_err(ObjectError::new),
            Bytes => visitor.visit_borrowed_bytes(bytes),
        }
    }
}

/// A set of guesses, a bit for each.
#[derive(Clone, Copy, Default)]
pub(super) struct Guesses(u8);

impl Guesses {
    pub(super) fn with(self, guess: Guess) -> Self {
        Self(self.0 | 1 << guess as u8)
    }

    pub(super) fn contains(self, guess: Guess) -> bool {
        self.0 & 1 << guess as u8 != 0
    }
}

/// What bytes can be.
#[derive(Clone, Copy)]
pub(super) struct Candidates {
    guesses: Guesses,
    order: &'static [Guess; 8],
    /// Whether the codec writes `()` like this.
    pub(super) can_be_nothing: bool,
}

impl Candidates {
    /// What these bytes can be, for a codec that tells or does not tell what it has written.
    pub(super) fn of<C: Codec>(codec: &C, tells: bool, bytes: &[u8]) -> Self {
        let text = from_utf8(bytes).ok();
        let float = text.and_then(|text| text.parse::<f64>().ok());
        // What is an integer is a float too: most texts are neither.
        let number = text.filter(|_| float.is_some());
        let (unsigned, signed) =
            (number.and_then(|text| text.parse::<u128>().ok()), number.and_then(|text| text.parse::<i128>().ok()));
        let written = if tells { WrittenAs::in_bytes(codec, bytes) } else { None };
        let is = |guess: &Guess| match guess {
            Text => text.is_some(),
            Unsigned => unsigned.is_some_and(|number| u64::try_from(number).is_ok()),
            HugeUnsigned => unsigned.is_some_and(|number| u64::try_from(number).is_err()),
            Signed => signed.is_some_and(|number| i64::try_from(number).is_ok()),
            HugeSigned => signed.is_some_and(|number| i64::try_from(number).is_err()),
            Float => float.is_some(),
            Written => written.is_some(),
            Bytes => true,
        };
        Self {
            guesses: ORDER.into_iter().filter(is).fold(Guesses::default(), Guesses::with),
            order: match (written, float) {
                (Some(WrittenAs::ListOrMap), _) => &ORDER_OF_A_LIST_OR_MAP,
                (_, Some(float)) if float == 0.0 && float.is_sign_negative() => &ORDER_OF_NEGATIVE_ZERO,
                _ => &ORDER,
            },
            can_be_nothing: if tells {
                matches!(written, Some(WrittenAs::Nothing))
            } else {
                codec.decode(Shaped { shape: Shape::Unit, visitor: IgnoredAny }, bytes).is_ok()
            },
        }
    }

    pub(super) fn in_order(self) -> impl Iterator<Item = Guess> + Clone {
        self.order.iter().copied().filter(move |guess| self.guesses.contains(*guess))
    }
}

/// Whether a codec tells what its bytes are, as JSON does and bincode does not.
pub(super) fn tells<C: Codec>(codec: &C) -> bool {
    let mut bytes = Vec::new();
    codec.encode(&[1_u8][..], &mut bytes).is_ok() && WrittenAs::in_bytes(codec, &bytes) == Some(WrittenAs::ListOrMap)
}

/// What a codec that tells has found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WrittenAs {
    ListOrMap,
    Nothing,
    Other,
}

impl WrittenAs {
    fn in_bytes<C: Codec>(codec: &C, bytes: &[u8]) -> Option<Self> {
        let found = Cell::new(Self::Other);
        codec.decode(Shaped { shape: Shape::Any, visitor: WrittenAsVisitor(&found) }, bytes).ok()?;
        Some(found.get())
    }
}

/// Notes what it is given, and passes over it.
struct WrittenAsVisitor<'a>(&'a Cell<WrittenAs>);

macro_rules! passed_over {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method<E: Error>(self, _: $type) -> Result<(), E> {
            Ok(())
        })*
    };
}

impl<'de> Visitor<'de> for WrittenAsVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    passed_over! {
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64, visit_str: &str,
        visit_bytes: &[u8],
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.set(WrittenAs::Nothing);
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<(), A::Error> {
        self.0.set(WrittenAs::ListOrMap);
        IgnoredAny.visit_seq(sequence).map(|_| ())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.set(WrittenAs::ListOrMap);
        IgnoredAny.visit_map(map).map(|_| ())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<(), A::Error> {
        self.0.set(WrittenAs::ListOrMap);
        IgnoredAny.visit_enum(variant).map(|_| ())
    }
}
