//! Conversions from and to the maps of the standard library.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use crate::value::HashValue;

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
