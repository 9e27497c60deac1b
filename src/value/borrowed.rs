//! `HashRef` and `HashMut`: one hash of a store, lent to a closure for as long as the lock is held.

use std::fmt;

use crate::error::Result;
use crate::hash::{Context, Encoding, Record, Sample, Undo};
use crate::options::Rules;
use crate::time::Now;
use crate::value::iter::write_pairs;
#[cfg(feature = "redis")]
use crate::value::sight::Seen;
use crate::value::sight::Sight;
use crate::value::{Arguments, HashValue, Iter};

/// One hash, borrowed for reading. [`Store::read`](crate::Store::read), [`for_each`](crate::Store::for_each) and
/// [`retain`](crate::Store::retain) lend it to their closures. All its methods see the hash at one instant. Only
/// [`random_fields`](Self::random_fields) and [`to_value`](Self::to_value) copy fields and values.
///
/// ```
/// # let store = hashlet::Store::new();
/// store.set_many("point", [("x", "3"), ("y", "4")])?;
/// let longer = store.read("point", |point| point.get("x") > point.get("y"));
/// assert!(!longer);
/// # Ok::<(), hashlet::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct HashRef<'a> {
    pub(super) record: &'a Record,
    pub(super) rules: &'a Rules,
    pub(super) now: &'a Now<'a>,
    /// Where it is noted what the closure sees, if somebody wants to know.
    #[cfg(feature = "redis")]
    seen: Option<&'a Seen>,
}

impl<'a> HashRef<'a> {
    pub(crate) fn new(record: &'a Record, cx: Context<'a>) -> Self {
        Self {
            record,
            rules: cx.rules,
            now: cx.now(),
            #[cfg(feature = "redis")]
            seen: None,
        }
    }

    /// The key of the hash. It is empty for a `HashValue`, and where there is no such key.
    #[cfg(feature = "serde")]
    pub(crate) fn key(&self) -> &'a [u8] {
        self.record.key()
    }

    /// Notes what a method looks at.
    #[inline]
    #[cfg_attr(not(feature = "redis"), expect(unused_variables, clippy::unused_self, reason = "nobody wants to know"))]
    pub(super) fn see(&self, sight: Sight<'_>) {
        #[cfg(feature = "redis")]
        if let Some(seen) = self.seen {
            seen.note(sight);
        }
    }

    /// Returns the value of a field, or `None` if there is no such field. O(1); a packed hash looks at one byte of each
    /// of its fields.
    #[doc(alias = "HGET")]
    #[inline]
    pub fn get(&self, field: impl AsRef<[u8]>) -> Option<&'a [u8]> {
        let field = field.as_ref();
        self.see(Sight::Value(field));
        self.record.get(field, self.rules)
    }

    /// Returns the value of each of these fields, in their order, or `None` for an absent one. O(fields asked for).
    #[doc(alias = "HMGET")]
    pub fn get_many<F: AsRef<[u8]>>(&self, fields: impl IntoIterator<Item = F>) -> Vec<Option<&'a [u8]>> {
        fields.into_iter().map(|field| self.get(field)).collect()
    }

    /// Returns whether the hash has this field. O(1).
    #[doc(alias = "HEXISTS")]
    pub fn contains(&self, field: impl AsRef<[u8]>) -> bool {
        self.get(field).is_some()
    }

    /// Returns the length of a field's value in bytes, or `None` if there is no such field. O(1).
    #[doc(alias = "HSTRLEN")]
    pub fn value_len(&self, field: impl AsRef<[u8]>) -> Option<usize> {
        self.get(field).map(<[u8]>::len)
    }

    /// Returns the number of fields. O(1).
    #[doc(alias = "HLEN")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.see(Sight::Size);
        self.record.len()
    }

    /// Returns whether the hash has no fields, as the hash of a missing key. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.see(Sight::Presence);
        self.record.len() == 0
    }

    /// Returns an iterator over all fields and values, in no particular order. O(1), and each step O(1).
    #[doc(alias = "HGETALL")]
    #[must_use]
    pub fn iter(&self) -> Iter<'a> {
        self.see(Sight::All);
        Iter::of(self.record, self.rules)
    }

    /// Returns a random field with its value, or `None` if there are no fields. Every field is equally likely. O(1).
    /// Do not use it for secrets: the random numbers can be guessed.
    #[doc(alias = "HRANDFIELD")]
    pub fn random_field(&self) -> Option<(&'a [u8], &'a [u8])> {
        self.see(Sight::All);
        self.record.random_field(self.rules)
    }

    /// Returns copies of random fields with their values, as
    /// [`Store::random_fields`](crate::Store::random_fields) does. O(fields returned).
    #[doc(alias = "HRANDFIELD")]
    pub fn random_fields(&self, sample: Sample) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.see(Sight::All);
        self.record.random_fields(sample, self.rules)
    }

    /// Returns how the hash is stored. O(1).
    #[doc(alias = "OBJECT ENCODING")]
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.see(Sight::All);
        self.record.encoding()
    }

    /// Returns an owned copy. O(n); a packed hash takes one allocation.
    #[doc(alias = "HGETALL")]
    #[must_use]
    pub fn to_value(&self) -> HashValue {
        self.see(Sight::All);
        HashValue::copy_of(self.record, self.rules)
    }
}

impl<'a> IntoIterator for HashRef<'a> {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &HashRef<'a> {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl fmt::Debug for HashRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pairs(f, self.iter())
    }
}

/// One hash, borrowed for reading and changing. [`Store::update`](crate::Store::update),
/// [`try_update`](crate::Store::try_update), [`update_many`](crate::Store::update_many) and
/// [`try_update_many`](crate::Store::try_update_many) lend it to their closures. Nobody else sees the hash before the
/// closure has returned.
///
/// If a call on the hash fails, the changes of earlier calls stay. If the closure of a `try_update` returns an error or
/// panics, the store takes back all changes of the closure.
///
/// ```
/// # let store = hashlet::Store::new();
/// let left = store.try_update("stock", |stock| {
///     stock.set_if_absent("apples", "10")?;
///     stock.increment("apples", -3)
/// })?;
/// assert_eq!(left, 7);
/// # Ok::<(), hashlet::Error>(())
/// ```
pub struct HashMut<'a> {
    record: &'a mut Record,
    cx: Context<'a>,
    /// The undo log of the call, until it has been told of the first change. `None` if the call cannot be rolled back.
    undo: Option<&'a Undo>,
    /// Where it is noted what the closure sees, if somebody wants to know.
    #[cfg(feature = "redis")]
    seen: Option<&'a Seen>,
}

impl<'a> HashMut<'a> {
    pub(crate) fn new(record: &'a mut Record, cx: Context<'a>) -> Self {
        Self {
            record,
            cx,
            undo: cx.undo(),
            #[cfg(feature = "redis")]
            seen: None,
        }
    }

    /// The same for somebody who wants to know what the closure sees.
    #[cfg(feature = "redis")]
    pub(crate) fn watched(record: &'a mut Record, cx: Context<'a>, seen: &'a Seen) -> Self {
        Self { seen: Some(seen), ..Self::new(record, cx) }
    }

    /// Notes what a method looks at, besides what [`change`](Self::change) notes.
    #[inline]
    pub(super) fn see(&self, sight: Sight<'_>) {
        self.view().see(sight);
    }

    /// Runs a command, which looks at this part of the hash and may change it.
    #[inline]
    pub(super) fn change<R>(&mut self, sight: Sight<'_>, command: impl FnOnce(&mut Record, Context<'a>) -> R) -> R {
        self.see(sight);
        if let Some(undo) = self.undo.take() {
            undo.note_command(self.record);
        }
        let cx = self.cx;
        #[cfg(feature = "redis")]
        let had_fields = self.seen.is_some() && self.record.len() > 0;
        let result = self.record.command(cx, |record| command(record, cx));
        #[cfg(feature = "redis")]
        if had_fields
            && self.record.len() == 0
            && let Some(seen) = self.seen
        {
            seen.note_emptied();
        }
        result
    }

    /// Returns a view that can only read the hash. O(1).
    #[must_use]
    pub fn view(&self) -> HashRef<'_> {
        HashRef {
            #[cfg(feature = "redis")]
            seen: self.seen,
            ..HashRef::new(self.record, self.cx)
        }
    }

    /// Returns the value of a field, or `None` if there is no such field. O(1); a packed hash looks at one byte of each
    /// of its fields.
    #[doc(alias = "HGET")]
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
        self.view().len()
    }

    /// Returns whether the hash has no fields. If it has none when the closure returns, its key is removed. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.see(Sight::Presence);
        self.record.len() == 0
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
    pub fn random_field(&self) -> Option<(&[u8], &[u8])> {
        self.view().random_field()
    }

    /// Returns copies of random fields with their values, as
    /// [`Store::random_fields`](crate::Store::random_fields) does. O(fields returned).
    #[doc(alias = "HRANDFIELD")]
    pub fn random_fields(&self, sample: Sample) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.view().random_fields(sample)
    }

    /// Returns how the hash is stored at this moment. Its encoding is chosen anew when the closure has returned. O(1).
    #[doc(alias = "OBJECT ENCODING")]
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.view().encoding()
    }

    /// Returns an owned copy. O(n); a packed hash takes one allocation.
    #[doc(alias = "HGETALL")]
    #[must_use]
    pub fn to_value(&self) -> HashValue {
        self.view().to_value()
    }

    /// Sets a field, and returns whether it is new. O(1); if the length of a value changes, a packed hash moves the
    /// bytes after it.
    ///
    /// # Errors
    /// If the call would exceed a limit: [`Error::KeyTooLong`](crate::Error::KeyTooLong),
    /// [`FieldTooLong`](crate::Error::FieldTooLong), [`ValueTooLong`](crate::Error::ValueTooLong),
    /// [`TooManyFields`](crate::Error::TooManyFields) or [`Full`](crate::Error::Full). Nothing is changed then.
    #[doc(alias = "HSET")]
    pub fn set(&mut self, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        let field = field.as_ref();
        self.change(Sight::Field(field), |record, cx| record.set(field, value.as_ref(), cx))
    }

    /// [`set`](Self::set) of what a field's value has become: a deadline that the field has stays.
    #[cfg(feature = "serde")]
    pub(crate) fn set_keeping_deadline(&mut self, field: &[u8], value: &[u8]) -> Result<bool> {
        self.change(Sight::Field(field), |record, cx| record.set_keeping_deadline(field, value, cx))
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
        let pairs = pairs.as_pairs();
        self.change(Sight::Pairs(&pairs), |record, cx| record.set_many(&pairs, cx))
    }

    /// Sets a field if it is absent, and returns whether it was absent. O(1).
    ///
    /// # Errors
    /// As [`set`](Self::set).
    #[doc(alias = "HSETNX")]
    pub fn set_if_absent(&mut self, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        let field = field.as_ref();
        self.change(Sight::Field(field), |record, cx| record.set_if_absent(field, value.as_ref(), cx))
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
        let field = field.as_ref();
        self.change(Sight::Field(field), |record, cx| record.compare_and_set(field, expected, new, cx))
    }

    /// [`compare_and_set`](Self::compare_and_set), but a field that gets another value keeps the deadline that it has.
    /// O(1).
    ///
    /// # Errors
    /// As [`set`](Self::set).
    #[doc(alias = "KEEPTTL")]
    pub fn compare_and_set_keep_ttl(
        &mut self,
        field: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool> {
        let field = field.as_ref();
        self.change(Sight::Field(field), |record, cx| record.compare_and_set_keep_ttl(field, expected, new, cx))
    }

    /// Removes a field, and returns whether it was there. O(1); a packed hash moves the bytes after it.
    #[doc(alias = "HDEL")]
    pub fn remove(&mut self, field: impl AsRef<[u8]>) -> bool {
        let field = field.as_ref();
        self.change(Sight::Field(field), |record, cx| record.remove(field, cx))
    }

    /// Removes many fields, and returns how many were there. O(fields).
    #[doc(alias = "HDEL")]
    pub fn remove_many<F: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = F>) -> usize {
        let fields = Arguments::fields(fields);
        let fields = fields.as_fields();
        self.change(Sight::Fields(&fields), |record, cx| record.remove_many(&fields, cx))
    }

    /// Removes a field. Returns the value that it had, or `None` if there is no such field. O(1).
    #[doc(alias = "HGETDEL")]
    pub fn take(&mut self, field: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let field = field.as_ref();
        self.change(Sight::Field(field), |record, cx| record.take(field, cx))
    }

    /// Removes many fields. Returns the value that each had, in their order, or `None` if there is no such field. O(fields).
    #[doc(alias = "HGETDEL")]
    pub fn take_many<F: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = F>) -> Vec<Option<Vec<u8>>> {
        let fields = Arguments::fields(fields);
        let fields = fields.as_fields();
        self.change(Sight::Fields(&fields), |record, cx| record.take_many(&fields, cx))
    }

    /// Adds to the integer in a field, and returns the sum. An absent field counts as 0. O(1).
    ///
    /// An increment by 0 is no way to read a number: it leaves a field where there was none. Use
    /// [`get_parsed`](Self::get_parsed).
    ///
    /// # Errors
    /// [`Error::NotAnInteger`](crate::Error::NotAnInteger) if the value is no canonical integer.
    /// [`Overflow`](crate::Error::Overflow) if the sum does not fit in an `i64`. Otherwise as [`set`](Self::set). The
    /// value stays as it was then.
    #[doc(alias = "HINCRBY")]
    pub fn increment(&mut self, field: impl AsRef<[u8]>, amount: i64) -> Result<i64> {
        let field = field.as_ref();
        self.change(Sight::Field(field), |record, cx| record.increment(field, amount, cx))
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
        let field = field.as_ref();
        self.change(Sight::Field(field), |record, cx| record.increment_float(field, amount, cx))
    }

    /// Removes every field for which a closure returns `false`, and returns how many fields that were. O(n); the
    /// removed fields are copied meanwhile.
    ///
    /// # Panics
    /// If the closure panics. Nothing is removed then.
    pub fn retain(&mut self, keep: impl FnMut(&[u8], &[u8]) -> bool) -> usize {
        self.change(Sight::All, |record, cx| record.retain(keep, cx))
    }

    /// Removes all fields. O(1) for a packed hash; the memory of a table is freed after the lock is released.
    #[doc(alias = "DEL")]
    pub fn clear(&mut self) {
        self.see(Sight::Key);
        self.change(Sight::All, |record, cx| record.clear(cx));
    }
}

impl<'h> IntoIterator for &'h HashMut<'_> {
    type Item = (&'h [u8], &'h [u8]);
    type IntoIter = Iter<'h>;

    fn into_iter(self) -> Iter<'h> {
        self.iter()
    }
}

impl fmt::Debug for HashMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pairs(f, self.iter())
    }
}
