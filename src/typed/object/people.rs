//! What a codec writes of a member is written as for people.
//!
//! Some types are one thing in formats for people and another one elsewhere: they ask by `is_human_readable`. A member is
//! serialised twice: first as plain text (human readable: yes), and if that fails, by the codec. Both must answer the same,
//! because the reader of members answers yes.
//!
//! What is in the member, as the elements of a vector, asks the codec alone, on saving and on loading.

use std::convert::identity;

use serde::ser::{Serialize, Serializer};

/// A member, to be handed to a codec.
pub(super) struct ForPeople<'a, T: ?Sized>(pub(super) &'a T);

impl<T: Serialize + ?Sized> Serialize for ForPeople<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Answering { inner: serializer })
    }
}

/// A codec's serializer, but for its answer.
struct Answering<S> {
    inner: S,
}

impl<S: Serializer> Serializer for Answering<S> {
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
