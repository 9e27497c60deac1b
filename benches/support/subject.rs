//! One hash in each encoding, and the bare map it is measured against.

use hashlet::{HashValue, Thresholds};

use super::maps::{Fields, set_field};

/// What holds the fields of one hash.
pub(crate) trait Subject {
    const NAME: &str;
    fn new() -> Self;
    /// Fills an empty hash at once.
    fn build(fields: &[String], value: &str) -> Self;
    fn get(&self, field: &str) -> Option<&[u8]>;
    /// Sets a field and says whether it is new.
    fn set(&mut self, field: &str, value: &str) -> bool;
}

/// Packed, however big.
pub(crate) struct Packed(pub(crate) HashValue);

/// A table, however small.
pub(crate) struct Table(pub(crate) HashValue);

/// std's map, which is hashbrown's.
pub(crate) struct Hashbrown(Fields);

macro_rules! subject_in_one_encoding {
    ($subject:ident, $name:literal, $thresholds:expr) => {
        impl Subject for $subject {
            const NAME: &str = $name;

            fn new() -> Self {
                Self(HashValue::with_thresholds($thresholds))
            }

            fn build(fields: &[String], value: &str) -> Self {
                let mut new = Self::new();
                let added = new.0.set_many(fields.iter().map(|field| (field, value)));
                assert_eq!(added, Ok(fields.len()));
                new
            }

            #[inline]
            fn get(&self, field: &str) -> Option<&[u8]> {
                self.0.get(field)
            }

            #[inline]
            fn set(&mut self, field: &str, value: &str) -> bool {
                self.0.set(field, value).expect("within limits")
            }
        }
    };
}

subject_in_one_encoding!(
    Packed,
    "packed",
    Thresholds::default().max_fields(65_535).max_string(usize::MAX).max_packed_bytes(65_535)
);
subject_in_one_encoding!(Table, "table", Thresholds::default().max_fields(0));

impl Subject for Hashbrown {
    const NAME: &str = "hashbrown";

    fn new() -> Self {
        Self(Fields::default())
    }

    fn build(fields: &[String], value: &str) -> Self {
        let mut new = Self::new();
        new.0.reserve(fields.len());
        for field in fields {
            new.set(field, value);
        }
        new
    }

    #[inline]
    fn get(&self, field: &str) -> Option<&[u8]> {
        self.0.get(field.as_bytes()).map(|value| &value[..])
    }

    #[inline]
    fn set(&mut self, field: &str, value: &str) -> bool {
        set_field(&mut self.0, field.as_bytes(), value.as_bytes())
    }
}
