//! A wrapper around the serializer of a format without names or end marks. It refuses values that such a format would
//! read back as other values.
//!
//! 1. **Members.** The format writes values one after the other, and its reader expects every member in its place. If a
//!    member is left out (`skip_serializing_if`), each member after it is read in the place of the one before.
//! 2. **Lengths.** The format writes the number of elements before the elements. If a type announces another number
//!    than it writes, everything after it is misread.

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// A value that is serialized with these checks, as are all values nested in it.
pub(super) struct Exact<'a, T: ?Sized>(pub(super) &'a T);

impl<T: Serialize + ?Sized> Serialize for Exact<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Refusing::new(serializer))
    }
}

/// The format's serializer, or what it returns for a compound value whose length is determined by its type.
struct Refusing<S> {
    inner: S,
}

impl<S> Refusing<S> {
    #[inline]
    fn new(inner: S) -> Self {
        Self { inner }
    }
}

/// What the format's serializer returns for a sequence or a map, whose announced length is already written.
struct Counting<S> {
    inner: S,
    /// How many announced elements are not written yet.
    left: usize,
}

impl<S> Counting<S> {
    #[inline]
    fn new(inner: S, len: Option<usize>) -> Self {
        Self { inner, left: len.unwrap_or(0) }
    }

    #[inline]
    fn count<E: Error>(&mut self) -> Result<(), E> {
        self.left = self.left.checked_sub(1).ok_or_else(another_number)?;
        Ok(())
    }

    fn check<E: Error>(&self) -> Result<(), E> {
        if self.left == 0 { Ok(()) } else { Err(another_number()) }
    }
}

#[cold]
fn another_number<E: Error>() -> E {
    E::custom(
        "a list or map announces another number of elements than it writes, and the format writes that number first",
    )
}

#[cold]
fn left_out<E: Error>(member: &str) -> E {
    E::custom(format_args!(
        "member `{member}` is left out, and the format writes no names that could tell which one is missing: write it \
         always, without `skip_serializing_if`"
    ))
}

impl<S: Serializer> Serializer for Refusing<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Counting<S::SerializeSeq>;
    type SerializeTuple = Refusing<S::SerializeTuple>;
    type SerializeTupleStruct = Refusing<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Refusing<S::SerializeTupleVariant>;
    type SerializeMap = Counting<S::SerializeMap>;
    type SerializeStruct = Refusing<S::SerializeStruct>;
    type SerializeStructVariant = Refusing<S::SerializeStructVariant>;

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    forward_to_inner! { element: Exact, counted: Counting::new, fixed: Refusing::new }
}

impl<S: SerializeSeq> SerializeSeq for Counting<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.count()?;
        self.inner.serialize_element(&Exact(value))
    }

    #[inline]
    fn end(self) -> Result<S::Ok, S::Error> {
        self.check()?;
        self.inner.end()
    }
}

impl<S: SerializeMap> SerializeMap for Counting<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        self.count()?;
        self.inner.serialize_key(&Exact(key))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.inner.serialize_value(&Exact(value))
    }

    #[inline]
    fn end(self) -> Result<S::Ok, S::Error> {
        self.check()?;
        self.inner.end()
    }
}

/// Implements compound types without names for their elements. Their length is determined by the type.
macro_rules! fixed {
    ($($part:ident: $method:ident),* $(,)?) => {
        $(impl<S: $part> $part for Refusing<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.inner.$method(&Exact(value))
            }

            #[inline]
            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        })*
    };
}

fixed! {
    SerializeTuple: serialize_element, SerializeTupleStruct: serialize_field, SerializeTupleVariant: serialize_field,
}

/// Implements compound types with named members. The names are not written, so no member may be left out.
macro_rules! named {
    ($($part:ident),* $(,)?) => {
        $(impl<S: $part> $part for Refusing<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                member: &'static str,
                value: &T,
            ) -> Result<(), S::Error> {
                self.inner.serialize_field(member, &Exact(value))
            }

            fn skip_field(&mut self, member: &'static str) -> Result<(), S::Error> {
                Err(left_out(member))
            }

            #[inline]
            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        })*
    };
}

named! { SerializeStruct, SerializeStructVariant }
