//! A wrapper around a deserializer that trusts its bytes, for bytes that cannot be trusted.
//!
//! 1. **Lengths.** An element of a sequence or map takes at least one byte, unless it takes none at all, like `()`. So
//!    all announced lengths together are at most the number of bytes. A length beyond that is refused before anything
//!    is allocated or iterated. An allowance is added for elements that take no bytes.
//! 2. **Depth.** Hostile bytes could nest a recursive type until the stack overflows, so the number of levels is
//!    limited.
//! 3. **Strings.** They are requested as borrowed, so their bytes are known to be there before they are copied.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

/// How many elements that take no bytes a value may have.
const MAX_EMPTY_ELEMENTS: usize = 1024;
/// How many levels of nested values a value may have, as in serde_json.
const MAX_DEPTH: usize = 128;

/// How many more elements a value may announce.
pub(super) struct Budget {
    left: Cell<usize>,
    /// Why the value was refused, for a format whose errors do not keep it.
    refusal: Cell<Option<&'static str>>,
}

impl Budget {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { left: Cell::new(bytes.len().saturating_add(MAX_EMPTY_ELEMENTS)), refusal: Cell::new(None) }
    }

    /// Wraps a deserializer, seed, visitor or access, so that it stays within the budget.
    pub(super) fn bounding<T>(&self, inner: T) -> Bounded<'_, T> {
        Bounded { inner, budget: self, depth: MAX_DEPTH }
    }

    /// Why the value was refused, if it was for its lengths or its depth.
    #[cfg(feature = "postcard")]
    pub(super) fn refusal(&self) -> Option<&'static str> {
        self.refusal.get()
    }

    #[cold]
    fn refuse<E: Error>(&self, reason: &'static str) -> E {
        self.refusal.set(Some(reason));
        E::custom(reason)
    }
}

/// A deserializer, seed, visitor or access of serde, and the limits within which it stays.
pub(super) struct Bounded<'b, T> {
    inner: T,
    budget: &'b Budget,
    /// How many levels may be nested in this one.
    depth: usize,
}

impl<'b, T> Bounded<'b, T> {
    /// Wraps another part of the same level.
    fn beside<U>(&self, inner: U) -> Bounded<'b, U> {
        Bounded { inner, budget: self.budget, depth: self.depth }
    }

    /// Wraps a part of the next level.
    fn below<U, E: Error>(&self, inner: U) -> Result<Bounded<'b, U>, E> {
        let depth = self.depth.checked_sub(1);
        let depth = depth.ok_or_else(|| self.budget.refuse("values are nested more than 128 levels deep"))?;
        Ok(Bounded { inner, budget: self.budget, depth })
    }

    /// Takes an announced length off the budget.
    fn charge<E: Error>(&self, len: Option<usize>) -> Result<(), E> {
        let left = self.budget.left.get().checked_sub(len.unwrap_or(0));
        self.budget.left.set(left.ok_or_else(|| self.budget.refuse("a length exceeds the number of bytes"))?);
        Ok(())
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.beside(deserializer);
        self.inner.deserialize(deserializer)
    }
}

/// Methods that only call one of the inner deserializer.
macro_rules! forwarded {
    ($($method:ident => $to:ident),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$to(visitor)
        })*
    };
}

/// Methods for values that hold other values: those are one level deeper.
macro_rules! deeper {
    ($($method:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = self.below(Fixed(visitor))?;
            self.inner.$method($($argument,)* visitor)
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<'_, D> {
    type Error = D::Error;

    forwarded! {
        deserialize_any => deserialize_any, deserialize_ignored_any => deserialize_ignored_any,
        deserialize_identifier => deserialize_identifier, deserialize_unit => deserialize_unit,
        deserialize_bool => deserialize_bool, deserialize_char => deserialize_char,
        deserialize_i8 => deserialize_i8, deserialize_i16 => deserialize_i16, deserialize_i32 => deserialize_i32,
        deserialize_i64 => deserialize_i64, deserialize_i128 => deserialize_i128,
        deserialize_u8 => deserialize_u8, deserialize_u16 => deserialize_u16, deserialize_u32 => deserialize_u32,
        deserialize_u64 => deserialize_u64, deserialize_u128 => deserialize_u128,
        deserialize_f32 => deserialize_f32, deserialize_f64 => deserialize_f64,
        deserialize_str => deserialize_str, deserialize_string => deserialize_str,
        deserialize_bytes => deserialize_bytes, deserialize_byte_buf => deserialize_bytes,
    }

    deeper! {
        deserialize_option(),
        deserialize_newtype_struct(name: &'static str),
        deserialize_tuple(len: usize),
        deserialize_tuple_struct(name: &'static str, len: usize),
        deserialize_struct(name: &'static str, members: &'static [&'static str]),
        deserialize_enum(name: &'static str, variants: &'static [&'static str]),
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.below(Counted(visitor))?;
        self.inner.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let visitor = self.below(Counted(visitor))?;
        self.inner.deserialize_map(visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A visitor of a value whose length is determined by its type.
struct Fixed<V>(V);

/// A visitor of a value whose length is announced in the bytes.
struct Counted<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Bounded<'_, Fixed<V>> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.0.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.0.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.beside(deserializer);
        self.inner.0.visit_some(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.beside(deserializer);
        self.inner.0.visit_newtype_struct(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<V::Value, A::Error> {
        let sequence = self.beside(sequence);
        self.inner.0.visit_seq(sequence)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        let variant = self.beside(variant);
        self.inner.0.visit_enum(variant)
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Bounded<'_, Counted<V>> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.0.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<V::Value, A::Error> {
        self.charge(sequence.size_hint())?;
        let sequence = self.beside(sequence);
        self.inner.0.visit_seq(sequence)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.charge(map.size_hint())?;
        let map = self.beside(map);
        self.inner.0.visit_map(map)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let seed = self.beside(seed);
        self.inner.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let seed = self.beside(seed);
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        let seed = self.beside(seed);
        self.inner.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<'b, A> {
    type Error = A::Error;
    type Variant = Bounded<'b, A::Variant>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self::Variant), A::Error> {
        let Self { inner, budget, depth } = self;
        let (value, variant) = inner.variant_seed(seed)?;
        Ok((value, Bounded { inner: variant, budget, depth }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        let seed = self.beside(seed);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.beside(Fixed(visitor));
        self.inner.tuple_variant(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        members: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = self.beside(Fixed(visitor));
        self.inner.struct_variant(members, visitor)
    }
}
