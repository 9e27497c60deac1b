//! A struct or map becomes members.

use serde::Serialize;
use serde::ser::{Impossible, SerializeMap, SerializeStruct, Serializer};

use super::error::ObjectError;
use super::text::bytes_of;
use super::{Member, Name, OnlyText};
use crate::typed::codec::Codec;

/// Takes a struct or a map apart. Without a codec only the names of its members count.
pub(super) struct Object<'a, C>(pub(super) Option<&'a C>);

pub(super) struct Members<'a, C> {
    codec: Option<&'a C>,
    members: Vec<Member>,
    /// The key of a map whose value comes next.
    key: Option<Name>,
}

impl<'a, C: Codec> Members<'a, C> {
    fn new(codec: Option<&'a C>, len: usize) -> Self {
        const MOST: usize = 1024; // what a type says of itself need not be so
        Self { codec, members: Vec::with_capacity(len.min(MOST)), key: None }
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
        let key = self.key.take().ok_or_else(|| ObjectError::new("a key of a map that is `None`"))?;
        self.push(key, value)
    }

    /// Different keys may have the same text.
    fn end(mut self) -> Result<Vec<Member>, ObjectError> {
        self.members.reverse();
        self.members.sort_by(|left, right| left.0.cmp(&right.0));
        self.members.dedup_by(|left, right| left.0 == right.0);
        Ok(self.members)
    }
}

type Compound = Impossible<Vec<Member>, ObjectError>;

fn no_object<R>() -> Result<R, ObjectError> {
    Err(ObjectError::new("only structs and maps have members"))
}

macro_rules! no_objects {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, _: $type) -> Result<Vec<Member>, ObjectError> {
            no_object()
        })*
    };
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

    no_objects! {
        serialize_bool: bool, serialize_char: char, serialize_str: &str, serialize_f32: f32, serialize_f64: f64,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_bytes: &[u8], serialize_unit_struct: &'static str,
    }

    fn serialize_none(self) -> Result<Vec<Member>, ObjectError> {
        no_object()
    }

    fn serialize_unit(self) -> Result<Vec<Member>, ObjectError> {
        no_object()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<Vec<Member>, ObjectError> {
        no_object()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Vec<Member>, ObjectError> {
        no_object()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound, ObjectError> {
        no_object()
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound, ObjectError> {
        no_object()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound, ObjectError> {
        no_object()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Compound, ObjectError> {
        no_object()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Compound, ObjectError> {
        no_object()
    }
}
