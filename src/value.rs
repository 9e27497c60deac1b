//! The three public types of a hash. [`HashValue`] is an owned hash. [`HashRef`] and [`HashMut`] are what a store lends
//! to closures. All three have the same methods with the same meaning, and call those of the record.

mod borrowed;
mod convert;
mod deadlines;
mod iter;
mod owned;
#[cfg(feature = "serde")]
mod serde;
mod sight;
mod text;

pub use borrowed::{HashMut, HashRef};
pub use iter::{IntoIter, Iter};
pub use owned::HashValue;
#[cfg(feature = "redis")]
pub(crate) use sight::{Parts, Seen};
pub(crate) use text::{parse, string_of};

/// The fields or pairs that a caller passes. They are kept here as they came, and lent out as slices of bytes.
pub(crate) struct Arguments<T>(Vec<T>);

impl<F: AsRef<[u8]>> Arguments<F> {
    pub(crate) fn fields(fields: impl IntoIterator<Item = F>) -> Self {
        Self(fields.into_iter().collect())
    }

    pub(crate) fn as_fields(&self) -> Vec<&[u8]> {
        self.0.iter().map(AsRef::as_ref).collect()
    }
}

impl<F: AsRef<[u8]>, V: AsRef<[u8]>> Arguments<(F, V)> {
    pub(crate) fn pairs(pairs: impl IntoIterator<Item = (F, V)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    pub(crate) fn as_pairs(&self) -> Vec<(&[u8], &[u8])> {
        self.0.iter().map(|(field, value)| (field.as_ref(), value.as_ref())).collect()
    }
}
