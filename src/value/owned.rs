//! `HashValue`: a hash outside of a store.

use std::fmt;

use crate::error::Result;
use crate::hash::Context;
use crate::hash::{Encoding, Record, Sample};
use crate::options::{Rules, Thresholds};
use crate::saving::Mark;
use crate::value::iter::write_pairs;
use crate::value::{Arguments, HashMut, HashRef, IntoIter, Iter};

/// A hash outside of a store: an owned map from fields to values, with the same two encodings, operations and errors as
/// the hashes in a [`Store`](crate::Store). [`Store::get_all`](crate::Store::get_all) returns one. Without a store, it
/// is useful as a small map in few allocations.
///
/// It keeps its own thresholds, limits and hash function, which take about a hundred bytes in addition to what it
/// allocates. A copy from a store has those of the store, and may share the names of its fields with the hashes there
/// ([shapes](crate::guide::limits#shapes)). An empty hash allocates nothing.
///
/// Two hashes are equal if they have the same fields with the same values, whatever their encodings and thresholds.
///
/// ```
/// use hashlet::HashValue;
///
/// let mut user: HashValue = [("name", "Ada"), ("visits", "1")].into_iter().collect();
/// assert_eq!(user.get("name"), Some(&b"Ada"[..]));
/// assert_eq!(user.increment("visits", 1), Ok(2));
/// assert_eq!(user.len(), 2);
/// ```
#[derive(Default)]
pub struct HashValue {
    record: Record,
    rules: Rules,
}

impl HashValue {
    /// Returns an empty hash.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an empty hash that changes its encoding at these thresholds.
    #[must_use]
    pub fn with_thresholds(thresholds: Thresholds) -> Self {
        Self { record: Record::default(), rules: Rules::with_thresholds(thresholds) }
    }

    /// Copies a record. The call that has lent the record may not have chosen its encoding yet.
    pub(crate) fn copy_of(record: &Record, rules: &Rules) -> Self {
        if record.len() == 0 { Self::empty(rules) } else { Self::of(record.with_key(Mark::default(), b""), rules) }
    }

    /// Turns a record that leaves its store into a hash. The record has the empty key.
    pub(crate) fn of(record: Record, rules: &Rules) -> Self {
        let rules = rules.of_value(record.lend_shapes(rules));
        let mut value = Self { record, rules };
        let (cx, began) = (Context::of_value(&value.rules), value.record.encoding());
        value.record.forget_deadlines(cx);
        value.record.choose_encoding(began, cx);
        value
    }

    /// Returns an empty hash with the rules of a store.
    pub(crate) fn empty(rules: &Rules) -> Self {
        Self { record: Record::default(), rules: rules.of_value(None) }
    }

    /// Runs one call that changes the hash, and chooses the encoding at its end.
    fn change<R>(&mut self, change: impl FnOnce(HashMut<'_>) -> R) -> R {
        let cx = Context::of_value(&self.rules);
        let began = self.record.encoding();
        let result = change(HashMut::new(&mut self.record, cx));
        self.record.choose_encoding(began, cx);
        result
    }

    /// Returns a view that can only read the hash. O(1).
    #[must_use]
    pub fn view(&self) -> HashRef<'_> {
        HashRef::new(&self.record, Context::of_value(&self.rules))
    }

    /// Returns the value of a field, or `None` if there is no such field. O(1); a packed hash looks at one byte of each
    /// of its fields.
    #[doc(alias = "HGET")]
    #[inline]
    pub fn get(&self, field: impl AsRef<[u8]>) -> Option<&[u8]> {
        self.view().get(field)
    }

    /// Returns the value of each of these fields, in their order, or `None` for an absent one. O(fields asked for).
    #[doc(alias = "HMGET")]
    pub fn get_many<F: AsRef<[u8]>>(&self, fields: impl IntoIterator<Item = F>) -> Vec<Option<&[u8]>> {
        self.view().get_many(fields)
    }

    /// Returns whether the hash has this field. O(1).
    #[doc(alias = "HEXISTS")]
    pub fn contains(&self, field: impl AsRef<[u8]>) -> bool {
        self.view().contains(field)
    }

    /// Returns the length of a field's value in bytes, or `None` if there is no such field. O(1).
    #[doc(alias = "HSTRLEN")]
    pub fn value_len(&self, field: impl AsRef<[u8]>) -> Option<usize> {
        self.view().value_len(field)
    }

    /// Returns the number of fields. O(1).
    #[doc(alias = "HLEN")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.record.len()
    }

    /// Returns whether the hash has no fields. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns an iterator over all fields and values, in no particular order. O(1), and each step O(1).
    #[doc(alias = "HGETALL")]
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.view().iter()
    }

    /// Returns a random field with its value, or `None` if there are no fields. Every field is equally likely. O(1).
    /// Do not use it for secrets: the random numbers can be guessed.
    #[doc(alias = "HRANDFIELD")]
    #[must_use]
    pub fn random_field(&self) -> Option<(&[u8], &[u8])> {
        self.view().random_field()
    }

    /// Returns copies of random fields with their values, as
    /// [`Store::random_fields`](crate::Store::random_fields) does. O(fields returned).
    #[doc(alias = "HRANDFIELD")]
    #[must_use]
    pub fn random_fields(&self, sample: Sample) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.view().random_fields(sample)
    }

    /// Returns how the hash is stored. O(1).
    #[doc(alias = "OBJECT ENCODING")]
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.record.encoding()
    }

    /// Gives back to the allocator what growth and removals have left over. O(n).
    pub fn shrink_to_fit(&mut self) {
        self.record.shrink_to_fit(&self.rules);
    }

    /// Returns the bytes that the hash has asked of the allocator, without those of the value itself. O(1). Names that it
    /// shares with the store from which it comes are not counted.
    #[doc(alias = "MEMORY USAGE")]
    #[must_use]
    pub fn memory_usage(&self) -> usize {
        self.record.heap_bytes()
    }

    /// Sets a field, and returns whether it is new. O(1); if the length of a value changes, a packed hash moves the
    /// bytes after it.
    ///
    /// # Errors
    /// If the call would exceed one of the [`Limits`](crate::Limits), which are the default ones or those of the store
    /// that the hash was copied from: [`Error::FieldTooLong`](crate::Error::FieldTooLong),
    /// [`ValueTooLong`](crate::Error::ValueTooLong) or [`TooManyFields`](crate::Error::TooManyFields). Nothing is
    /// changed then.
    #[doc(alias = "HSET")]
    pub fn set(&mut self, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        self.change(|mut hash| hash.set(field, value))
    }

    /// Sets many fields, all or none, and returns how many are new. If a field is repeated, it gets its last value and
    /// is counted once. O(pairs).
    ///
    /// # Errors
    /// As [`set`](Self::set). Nothing is changed then.
    #[doc(alias = "HSET")]
    #[doc(alias = "HMSET")]
    pub fn set_many<F, V>(&mut self, pairs: impl IntoIterator<Item = (F, V)>) -> Result<usize>
    where
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let pairs = Arguments::pairs(pairs);
        self.change(|mut hash| hash.set_many(pairs.as_pairs()))
    }

    /// Sets a field if it is absent, and returns whether it was absent. O(1).
    ///
    /// # Errors
    /// As [`set`](Self::set).
    #[doc(alias = "HSETNX")]
    pub fn set_if_absent(&mut self, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        self.change(|mut hash| hash.set_if_absent(field, value))
    }

    /// Sets a field to `new` (`None` removes it) if its value is `expected` (`None` for an absent field). Returns
    /// whether the value was as expected. O(1).
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn compare_and_set(
        &mut self,
        field: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool> {
        self.change(|mut hash| hash.compare_and_set(field, expected, new))
    }

    /// Removes a field, and returns whether it was there. O(1); a packed hash moves the bytes after it.
    #[doc(alias = "HDEL")]
    pub fn remove(&mut self, field: impl AsRef<[u8]>) -> bool {
        self.change(|mut hash| hash.remove(field))
    }

    /// Removes many fields, and returns how many were there. O(fields).
    #[doc(alias = "HDEL")]
    pub fn remove_many<F: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = F>) -> usize {
        let fields = Arguments::fields(fields);
        self.change(|mut hash| hash.remove_many(fields.as_fields()))
    }

    /// Removes a field. Returns the value that it had, or `None` if there is no such field. O(1).
    #[doc(alias = "HGETDEL")]
    pub fn take(&mut self, field: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.change(|mut hash| hash.take(field))
    }

    /// Removes many fields. Returns the value that each had, in their order, or `None` if there is no such field. O(fields).
    #[doc(alias = "HGETDEL")]
    pub fn take_many<F: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = F>) -> Vec<Option<Vec<u8>>> {
        let fields = Arguments::fields(fields);
        self.change(|mut hash| hash.take_many(fields.as_fields()))
    }

    /// Removes every field for which a closure returns `false`, and returns how many fields that were. O(n); the
    /// removed fields are copied meanwhile.
    ///
    /// ```
    /// # use hashlet::HashValue;
    /// let mut stock: HashValue = [("apples", "2"), ("pears", "0")].into_iter().collect();
    /// assert_eq!(stock.retain(|_, count| count != b"0"), 1);
    /// assert!(stock.contains("apples"));
    /// ```
    ///
    /// # Panics
    /// If the closure panics. Nothing is removed then.
    pub fn retain(&mut self, keep: impl FnMut(&[u8], &[u8]) -> bool) -> usize {
        self.change(|mut hash| hash.retain(keep))
    }

    /// Adds to the integer in a field, and returns the sum. An absent field counts as 0. O(1).
    ///
    /// # Errors
    /// [`Error::NotAnInteger`](crate::Error::NotAnInteger) if the value is no canonical integer.
    /// [`Overflow`](crate::Error::Overflow) if the sum does not fit in an `i64`. Otherwise as [`set`](Self::set). The
    /// value stays as it was then.
    #[doc(alias = "HINCRBY")]
    pub fn increment(&mut self, field: impl AsRef<[u8]>, amount: i64) -> Result<i64> {
        self.change(|mut hash| hash.increment(field, amount))
    }

    /// Adds to the floating-point number in a field, and returns the sum. An absent field counts as 0. O(1).
    ///
    /// # Errors
    /// [`Error::NotAFloat`](crate::Error::NotAFloat) if the value is no finite number, or has 5,120 bytes or more.
    /// [`NotFinite`](crate::Error::NotFinite) if the amount is infinite or not a number.
    /// [`Overflow`](crate::Error::Overflow) if the sum is too large for a finite `f64`. Otherwise as
    /// [`set`](Self::set). The value stays as it was then.
    #[doc(alias = "HINCRBYFLOAT")]
    pub fn increment_float(&mut self, field: impl AsRef<[u8]>, amount: f64) -> Result<f64> {
        self.change(|mut hash| hash.increment_float(field, amount))
    }

    /// Removes all fields. O(n), because their memory is freed.
    #[doc(alias = "DEL")]
    pub fn clear(&mut self) {
        self.record = Record::default();
    }

    /// Checks every invariant of the encoding.
    ///
    /// # Panics
    /// If an invariant is broken.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn validate(&self) {
        self.record.validate(&self.rules);
    }
}

impl Clone for HashValue {
    fn clone(&self) -> Self {
        Self::copy_of(&self.record, &self.rules)
    }
}

impl PartialEq for HashValue {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(field, value)| other.get(field) == Some(value))
    }
}

impl Eq for HashValue {}

impl fmt::Debug for HashValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pairs(f, self.iter())
    }
}

impl<F: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(F, V)> for HashValue {
    /// Collects fields and values. If a field is repeated, it gets its last value.
    fn from_iter<I: IntoIterator<Item = (F, V)>>(pairs: I) -> Self {
        let mut hash = Self::new();
        hash.extend(pairs);
        hash
    }
}

impl<F: AsRef<[u8]>, V: AsRef<[u8]>> Extend<(F, V)> for HashValue {
    /// Sets all these fields. `Extend` cannot return an error, so no limits apply: the hash also takes fields, values
    /// and numbers of fields that a store would refuse.
    fn extend<I: IntoIterator<Item = (F, V)>>(&mut self, pairs: I) {
        let cx = Context::of_value(&self.rules);
        let began = self.record.encoding();
        self.record.put_many(&Arguments::pairs(pairs).as_pairs(), cx);
        self.record.choose_encoding(began, cx);
    }
}

impl<'a> IntoIterator for &'a HashValue {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl IntoIterator for HashValue {
    type Item = (Vec<u8>, Vec<u8>);
    type IntoIter = IntoIter;

    /// Copies all fields and values. O(n).
    fn into_iter(self) -> IntoIter {
        IntoIter::of(&self.record, &self.rules)
    }
}
