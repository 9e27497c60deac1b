//! Conversions from and to the maps of the standard library.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use crate::error::FieldError;
use crate::value::HashValue;
use crate::value::text::string_of;

impl<F: AsRef<[u8]>, V: AsRef<[u8]>, S> From<HashMap<F, V, S>> for HashValue {
    fn from(map: HashMap<F, V, S>) -> Self {
        map.into_iter().collect()
    }
}

impl<F: AsRef<[u8]>, V: AsRef<[u8]>> From<BTreeMap<F, V>> for HashValue {
    fn from(map: BTreeMap<F, V>) -> Self {
        map.into_iter().collect()
    }
}

impl<F: AsRef<[u8]>, V: AsRef<[u8]>, const N: usize> From<[(F, V); N]> for HashValue {
    /// Collects fields and values. If a field is repeated, it gets its last value.
    ///
    /// ```
    /// use hashlet::HashValue;
    ///
    /// let point = HashValue::from([("x", "3"), ("y", "4")]);
    /// assert_eq!(point.get("y"), Some(&b"4"[..]));
    /// ```
    fn from(pairs: [(F, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<S: BuildHasher + Default> From<HashValue> for HashMap<Vec<u8>, Vec<u8>, S> {
    fn from(hash: HashValue) -> Self {
        hash.into_iter().collect()
    }
}

impl From<HashValue> for BTreeMap<Vec<u8>, Vec<u8>> {
    fn from(hash: HashValue) -> Self {
        hash.into_iter().collect()
    }
}

impl<S: BuildHasher + Default> TryFrom<HashValue> for HashMap<String, String, S> {
    type Error = FieldError;

    /// Fields and values as text. O(n).
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use hashlet::HashValue;
    ///
    /// let user = HashValue::from([("name", "Ada"), ("visits", "1")]);
    /// let user: HashMap<String, String> = user.try_into()?;
    /// assert_eq!(user["name"], "Ada");
    /// # Ok::<(), hashlet::FieldError>(())
    /// ```
    ///
    /// # Errors
    /// The error names the field whose value or name is not UTF-8.
    fn try_from(hash: HashValue) -> Result<Self, FieldError> {
        hash.into_iter().map(text).collect()
    }
}

impl TryFrom<HashValue> for BTreeMap<String, String> {
    type Error = FieldError;

    /// Fields and values as text, in the order of the fields. O(n log n).
    ///
    /// # Errors
    /// The error names the field whose value or name is not UTF-8.
    fn try_from(hash: HashValue) -> Result<Self, FieldError> {
        hash.into_iter().map(text).collect()
    }
}

/// A field and its value as text.
fn text((field, value): (Vec<u8>, Vec<u8>)) -> Result<(String, String), FieldError> {
    let value = string_of(b"", &field, value)?;
    match String::from_utf8(field) {
        Ok(field) => Ok((field, value)),
        Err(error) => Err(FieldError::name_not_text(b"", error.as_bytes())(error.utf8_error())),
    }
}
