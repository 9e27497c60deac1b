//! The human-readable form of members that are written by a codec.
//!
//! Some types have one form for human-readable formats and another one for all others. They ask the serializer which
//! one to write (`is_human_readable`). A member is serialized as plain text first, where the answer is yes, and if that
//! fails, by the codec. The codec's serializer has to give the same answer, because the deserializer of members gives
//! it too.
//!
//! Values inside of the member, such as the elements of a vector, get the codec's own answer, on saving and on loading.

use std::convert::identity;

use serde::ser::{Serialize, Serializer};

/// A member that a codec is to write in its human-readable form.
pub(super) struct HumanReadable<'a, T: ?Sized>(pub(super) &'a T);

impl<T: Serialize + ?Sized> Serialize for HumanReadable<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(HumanReadableSerializer { inner: serializer })
    }
}

/// A codec's serializer, except that it says that its format is human-readable.
struct HumanReadableSerializer<S> {
    inner: S,
}

impl<S: Serializer> Serializer for HumanReadableSerializer<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = S::SerializeSeq;
    type SerializeTuple = S::SerializeTuple;
    type SerializeTupleStruct = S::SerializeTupleStruct;
    type SerializeTupleVariant = S::SerializeTupleVariant;
    type SerializeMap = S::SerializeMap;
    type SerializeStruct = S::SerializeStruct;
    type SerializeStructVariant = S::SerializeStructVariant;

    fn is_human_readable(&self) -> bool {
        true
    }

    forward_to_inner! { element: identity, counted: |inner, _| inner, fixed: identity }
}
