//! The candidates for a member: what its bytes can be taken for, and in which order a type is offered that.
//!
//! Plain text is offered before the value that the codec reads, unless the codec reads a list or a map. In that case
//! the member was probably written as one. It could only be a string that looks like one.

use std::cell::Cell;
use std::fmt;
use std::str::from_utf8;

use serde::de::{Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::ObjectError;
use super::shape::{Shape, Shaped};
use crate::typed::codec::Codec;

/// What a member can be taken for. A number that fits in 64 bits is offered in 64 bits, as self-describing formats do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Guess {
    Text,
    Unsigned,
    Signed,
    HugeUnsigned,
    HugeSigned,
    Float,
    /// The value that the codec reads.
    Written,
    Bytes,
}

use Guess::{Bytes, Float, HugeSigned, HugeUnsigned, Signed, Text, Unsigned, Written};

const ORDER: [Guess; 8] = [Text, Unsigned, Signed, HugeUnsigned, HugeSigned, Float, Written, Bytes];
const ORDER_OF_A_LIST_OR_MAP: [Guess; 8] = [Written, Text, Unsigned, Signed, HugeUnsigned, HugeSigned, Float, Bytes];
/// The text `-0` is a float, because no integer is written like that.
const ORDER_OF_NEGATIVE_ZERO: [Guess; 8] = [Text, Float, Unsigned, Signed, HugeUnsigned, HugeSigned, Written, Bytes];

impl Guess {
    pub(super) fn is_integer(self) -> bool {
        matches!(self, Unsigned | Signed | HugeUnsigned | HugeSigned)
    }

    /// Offers a member to a visitor as what it is taken for.
    pub(super) fn offer<'a, C: Codec, V: Visitor<'a>>(
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

/// A set of guesses, one bit for each.
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

/// All that the bytes of a member can be taken for.
#[derive(Clone, Copy)]
pub(super) struct Candidates {
    guesses: Guesses,
    order: &'static [Guess; 8],
    /// Whether the codec could have written `()` as these bytes.
    pub(super) can_be_unit: bool,
}

impl Candidates {
    /// Finds what these bytes can be taken for.
    pub(super) fn of<C: Codec>(codec: &C, is_self_describing: bool, bytes: &[u8]) -> Self {
        let text = from_utf8(bytes).ok();
        let float = text.and_then(|text| text.parse::<f64>().ok());
        // The text of every integer is the text of a float too. Most texts are neither, and are parsed only once.
        let number = text.filter(|_| float.is_some());
        let (unsigned, signed) =
            (number.and_then(|text| text.parse::<u128>().ok()), number.and_then(|text| text.parse::<i128>().ok()));
        let written = if is_self_describing { WrittenAs::in_bytes(codec, bytes) } else { None };
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
            can_be_unit: if is_self_describing {
                matches!(written, Some(WrittenAs::Unit))
            } else {
                codec.decode(Shaped { shape: Shape::Unit, visitor: IgnoredAny }, bytes).is_ok()
            },
        }
    }

    pub(super) fn in_order(self) -> impl Iterator<Item = Guess> + Clone {
        self.order.iter().copied().filter(move |guess| self.guesses.contains(*guess))
    }
}

/// Whether a codec's bytes tell what they are. JSON is self-describing, bincode is not.
pub(super) fn is_self_describing<C: Codec>(codec: &C) -> bool {
    let mut bytes = Vec::new();
    codec.encode(&[1_u8][..], &mut bytes).is_ok() && WrittenAs::in_bytes(codec, &bytes) == Some(WrittenAs::ListOrMap)
}

/// What a self-describing codec has written a member as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WrittenAs {
    /// A list, a map, or a variant with data.
    ListOrMap,
    Unit,
    Other,
}

impl WrittenAs {
    fn in_bytes<C: Codec>(codec: &C, bytes: &[u8]) -> Option<Self> {
        let found = Cell::new(Self::Other);
        codec.decode(Shaped { shape: Shape::Any, visitor: WrittenAsVisitor(&found) }, bytes).ok()?;
        Some(found.get())
    }
}

/// Notes as what a value was written, and ignores the value itself.
struct WrittenAsVisitor<'a>(&'a Cell<WrittenAs>);

macro_rules! ignored {
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

    ignored! {
        visit_bool: bool, visit_i64: i64, visit_i128: i128, visit_u64: u64, visit_u128: u128, visit_f64: f64,
        visit_str: &str, visit_bytes: &[u8],
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.set(WrittenAs::Unit);
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
