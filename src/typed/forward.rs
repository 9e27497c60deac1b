//! The methods that every serde serializer has to have and that several serializers here would repeat.

/// Implements the methods of a wrapper `{ inner: S }` around the serializer `S`: each calls the same method of `inner`.
///
/// * `element` turns a nested value into the one that `inner` gets.
/// * `counted` turns what `inner` returns for a sequence or a map, and its announced length, into the wrapper's type.
/// * `fixed` does so for the other compound types, whose length the type itself determines.
macro_rules! forward_to_inner {
    (element: $element:expr, counted: $counted:expr, fixed: $fixed:expr $(,)?) => {
        forward_to_inner! {
            @scalars
            serialize_bool(value: bool), serialize_char(value: char), serialize_str(value: &str),
            serialize_bytes(value: &[u8]), serialize_f32(value: f32), serialize_f64(value: f64),
            serialize_i8(value: i8), serialize_i16(value: i16), serialize_i32(value: i32), serialize_i64(value: i64),
            serialize_i128(value: i128), serialize_u8(value: u8), serialize_u16(value: u16), serialize_u32(value: u32),
            serialize_u64(value: u64), serialize_u128(value: u128), serialize_none(), serialize_unit(),
            serialize_unit_struct(name: &'static str),
            serialize_unit_variant(name: &'static str, index: u32, variant: &'static str),
        }

        #[inline]
        fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
            self.inner.collect_str(value)
        }

        forward_to_inner! {
            @nested $element;
            serialize_some(), serialize_newtype_struct(name: &'static str),
            serialize_newtype_variant(name: &'static str, index: u32, variant: &'static str),
        }

        #[inline]
        fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
            Ok($counted(self.inner.serialize_seq(len)?, len))
        }

        #[inline]
        fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
            Ok($counted(self.inner.serialize_map(len)?, len))
        }

        forward_to_inner! {
            @fixed $fixed;
            serialize_tuple(len: usize) -> SerializeTuple,
            serialize_tuple_struct(name: &'static str, len: usize) -> SerializeTupleStruct,
            serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
                -> SerializeTupleVariant,
            serialize_struct(name: &'static str, len: usize) -> SerializeStruct,
            serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize)
                -> SerializeStructVariant,
        }
    };
    (@scalars $($method:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(#[inline]
        fn $method(self, $($argument: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($argument),*)
        })*
    };
    (@nested $element:expr; $($method:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(#[inline]
        fn $method<T: Serialize + ?Sized>(self, $($argument: $type,)* value: &T) -> Result<S::Ok, S::Error> {
            self.inner.$method($($argument,)* &$element(value))
        })*
    };
    (@fixed $fixed:expr; $($method:ident($($argument:ident: $type:ty),*) -> $compound:ident),* $(,)?) => {
        $(#[inline]
        fn $method(self, $($argument: $type),*) -> Result<Self::$compound, S::Error> {
            Ok($fixed(self.inner.$method($($argument),*)?))
        })*
    };
}

/// Implements methods that do nothing but fail with an error.
macro_rules! refused {
    ($error:expr; $($method:ident$(<$value:ident>)?($($type:ty),*) -> $ok:ty),* $(,)?) => {
        $(fn $method$(<$value: Serialize + ?Sized>)?(self, $(_: $type),*) -> Result<$ok, Self::Error> {
            Err($error)
        })*
    };
}
