//! The methods of a serializer around another one that hand on what holds no other values.

/// Hands these calls to the serializer in `inner`.
macro_rules! scalars_handed_on {
    () => {
        scalars_handed_on! {
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
    };
    ($($method:ident($($argument:ident: $type:ty),*)),* $(,)?) => {
        $(#[inline]
        fn $method(self, $($argument: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($argument),*)
        })*
    };
}
