//! A struct or a map becomes members.

use serde::Serialize;
use serde::ser::{Impossible, SerializeMap, SerializeStruct, Serializer};

use super::error::ObjectError;
use super::text::bytes_of;
use super::{Member, Name, OnlyText};
use crate::typed::codec::Codec;

/// A serializer that takes a struct or a map apart. Without a codec, only the names of its members count.
pub(super) struct Object<'a, C>(pub(super) Option<&'a C>);

/// The members of a struct or a map, as far as they have been serialized.
pub(super) struct Members<'a, C> {
    codec: Option<&'a C>,
    members: Vec<Member>,
    /// The key of a map whose value comes next.
    key: Option<Name>,
}

impl<'a, C: Codec> Members<'a, C> {
    fn new(codec: Option<&'a C>, len: usize) -> Self {
        const MAX_RESERVED: usize = 1024; // the length that a type announces need not be true
        Self { codec, members: Vec::with_capacity(len.min(MAX_RESERVED)), key: None }
    }

    fn push<T: Serialize + ?Sized>(&mut self, name: Name, value: &T) -> Result<(), ObjectError> {
        match bytes_of(self.codec, value) {
            Ok(Some(bytes)) => self.members.push((name, bytes)),
            Ok(None) => {}
            Err(error) => return Err(error.of(&name)),
        }
        Ok(())
    }
}

impl<C: Codec> SerializeStruct for Members<'_, C> {
    type Ok = Vec<Member>;
    type Error = ObjectError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), ObjectError> {
        self.push(Name::Borrowed(name.as_bytes()), value)
    }

    fn end(self) -> Result<Vec<Member>, ObjectError> {
        Ok(self.members)
    }
}

impl<C: Codec> SerializeMap for Members<'_, C> {
    type Ok = Vec<Member>;
    type Error = ObjectError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ObjectError> {
        self.key = bytes_of(Some(&OnlyText), key)?.map(Name::Owned);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ObjectError> {
        let key = self.key.take().ok_or_else(|| ObjectError::new("a key of a map is `None`"))?;
        self.push(key, value)
    }

    /// Removes all but the last of the members with the same name, because different keys may have the same text.
    fn end(mut self) -> Result<Vec<Member>, ObjectError> {
        self.members.reverse();
        self.members.sort_by(|left, right| left.0.cmp(&right.0));
        self.members.dedup_by(|left, right| left.0 == right.0);
        Ok(self.members)
    }
}

type Compound = Impossible<Vec<Member>, ObjectError>;

fn no_object() -> ObjectError {
    ObjectError::new("only structs and maps have members")
}

impl<'a, C: Codec> Serializer for Object<'a, C> {
    type Ok = Vec<Member>;
    type Error = ObjectError;
    type SerializeSeq = Compound;
    type SerializeTuple = Compound;
    type SerializeTupleStruct = Compound;
    type SerializeTupleVariant = Compound;
    type SerializeMap = Members<'a, C>;
    type SerializeStruct = Members<'a, C>;
    type SerializeStructVariant = Compound;

    fn serialize_map(self, len: Option<usize>) -> Result<Members<'a, C>, ObjectError> {
        Ok(Members::new(self.0, len.unwrap_or(0)))
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Members<'a, C>, ObjectError> {
        Ok(Members::new(self.0, len))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Vec<Member>, ObjectError> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Vec<Member>, ObjectError> {
        value.serialize(self)
    }

    refused! {
        no_object();
        serialize_bool(bool) -> Self::Ok, serialize_char(char) -> Self::Ok, serialize_str(&str) -> Self::Ok,
        serialize_bytes(&[u8]) -> Self::Ok, serialize_f32(f32) -> Self::Ok, serialize_f64(f64) -> Self::Ok,
        serialize_i8(i8) -> Self::Ok, serialize_i16(i16) -> Self::Ok, serialize_i32(i32) -> Self::Ok,
        serialize_i64(i64) -> Self::Ok, serialize_i128(i128) -> Self::Ok, serialize_u8(u8) -> Self::Ok,
        serialize_u16(u16) -> Self::Ok, serialize_u32(u32) -> Self::Ok, serialize_u64(u64) -> Self::Ok,
        serialize_u128(u128) -> Self::Ok, serialize_none() -> Self::Ok, serialize_unit() -> Self::Ok,
        serialize_unit_struct(&'static str) -> Self::Ok,
        serialize_unit_variant(&'static str, u32, &'static str) -> Self::Ok,
        serialize_newtype_variant<T>(&'static str, u32, &'static str, &T) -> Self::Ok,
        serialize_seq(Option<usize>) -> Compound, serialize_tuple(usize) -> Compound,
        serialize_tuple_struct(&'static str, usize) -> Compound,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Compound,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Compound,
    }
}
