//! The three faces of a hash: [`HashValue`] is an owned one, [`HashRef`] and [`HashMut`] are what closures of a store
//! get. All three say the same words, and mean the same by them: the record's.

mod borrowed;
mod convert;
mod deadlines;
mod iter;
mod owned;
#[cfg(feature = "serde")]
mod serde;

pub use borrowed::{HashMut, HashRef};
pub use iter::{IntoIter, Iter};
pub use owned::HashValue;

/// Arguments turned into bytes: what a caller passes by value is kept here, and lent out as slices.
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
