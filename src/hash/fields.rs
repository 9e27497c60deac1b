//! The commands on fields. Each rule stands here once, for both encodings, and for stores, closures and stand-alone
//! values alike.

use crate::error::{Error, Result};
use crate::hash::footprint::last_of_each;
use crate::hash::found::Found;
use crate::hash::number::{FloatText, IntegerText, add_floats, parse_float, parse_integer};
use crate::hash::{Context, Pair, Record};

impl Record {
    /// Redis's HSET for one field: whether it is new.
    #[inline]
    pub(crate) fn set(&mut self, field: &[u8], value: &[u8], cx: Context<'_>) -> Result<bool> {
        let is_new = self.set_keeping_deadline(field, value, cx)?;
        self.drop_field_deadline(field, cx);
        Ok(is_new)
    }

    /// [`set`](Self::set), but a deadline that the field has stays.
    #[inline]
    pub(crate) fn set_keeping_deadline(&mut self, field: &[u8], value: &[u8], cx: Context<'_>) -> Result<bool> {
        self.admit(field, value, cx)?;
        self.reserve(|record| record.growth_by(&[(field, value)], 0, cx), cx)?;
        self.put(field, value, cx)
    }

    /// Sets a field that was looked for and admitted, if there is room. A deadline that it has stays.
    #[inline]
    fn set_found(&mut self, found: Found, field: &[u8], value: &[u8], cx: Context<'_>) -> Result<bool> {
        self.reserve(|record| record.growth_by(&[(field, value)], 0, cx), cx)?;
        self.put_found(found, field, value, cx)
    }

    /// Redis's HSET: the number of new fields. All or nothing. Of a repeated field the last value counts.
    pub(crate) fn set_many(&mut self, pairs: &[Pair<'_>], cx: Context<'_>) -> Result<usize> {
        self.admit_many(pairs, cx)?;
        self.prepare(pairs, |_| 0, cx)?;
        let new = self.put_many(pairs, cx);
        pairs.iter().for_each(|(field, _)| self.drop_field_deadline(field, cx));
        Ok(new)
    }

    /// Checks the number of fields, and reserves the bytes, before these pairs are set together with deadlines of this
    /// many bytes.
    pub(super) fn prepare(
        &mut self,
        pairs: &[Pair<'_>],
        deadline_bytes: impl FnOnce(&Self) -> usize,
        cx: Context<'_>,
    ) -> Result<()> {
        if cx.rules.check_fields(self.len() + pairs.len()).is_err() {
            let new = self.count_new(pairs, cx);
            if new > 0 {
                self.check_growth(new, cx)?;
            }
        }
        self.reserve(|record| record.growth_by(pairs, deadline_bytes(record), cx), cx)
    }

    /// [`admit`](Self::admit) for many.
    pub(super) fn admit_many(&self, pairs: &[Pair<'_>], cx: Context<'_>) -> Result<()> {
        self.check_key(cx)?;
        for (field, value) in pairs {
            cx.rules.check_pair(field, value)?;
        }
        Ok(())
    }

    /// Redis's HSETNX: whether the field was set, because it was absent.
    pub(crate) fn set_if_absent(&mut self, field: &[u8], value: &[u8], cx: Context<'_>) -> Result<bool> {
        self.compare_and_set(field, None, Some(value), cx)
    }

    /// Sets a field, or removes it if `new` is `None`, if its value is the expected one. `None` expects a missing
    /// field. A deadline that the field has is removed.
    pub(crate) fn compare_and_set(
        &mut self,
        field: &[u8],
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
        cx: Context<'_>,
    ) -> Result<bool> {
        let is_set = self.compare_and_set_keep_ttl(field, expected, new, cx)?;
        if is_set && new.is_some() {
            self.drop_field_deadline(field, cx);
        }
        Ok(is_set)
    }

    /// [`compare_and_set`](Self::compare_and_set), but a field that is overwritten keeps its deadline.
    pub(crate) fn compare_and_set_keep_ttl(
        &mut self,
        field: &[u8],
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
        cx: Context<'_>,
    ) -> Result<bool> {
        self.admit(field, new.unwrap_or_default(), cx)?;
        let found = self.find(field, cx.rules);
        if self.value(&found) != expected {
            return Ok(false);
        }
        match new {
            Some(value) => _ = self.set_found(found, field, value, cx)?,
            None => _ = self.remove_found(&found, field, cx),
        }
        Ok(true)
    }

    /// Redis's HGETDEL for one field: the value that was removed.
    pub(crate) fn take(&mut self, field: &[u8], cx: Context<'_>) -> Option<Vec<u8>> {
        let found = self.find(field, cx.rules);
        let value = self.value(&found)?.to_vec();
        self.remove_found(&found, field, cx);
        Some(value)
    }

    /// Redis's HGETDEL: the values that were removed.
    pub(crate) fn take_many(&mut self, fields: &[&[u8]], cx: Context<'_>) -> Vec<Option<Vec<u8>>> {
        fields.iter().map(|field| self.take(field, cx)).collect()
    }

    /// Redis's HDEL: the number of fields that were removed.
    pub(crate) fn remove_many(&mut self, fields: &[&[u8]], cx: Context<'_>) -> usize {
        fields.iter().filter(|field| self.remove(field, cx)).count()
    }

    /// Removes the fields for which a closure returns `false`, and returns their number. The closure judges all fields
    /// before the first one is removed.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool, cx: Context<'_>) -> usize {
        let refused = self.pairs(cx.rules).filter(|(field, value)| !keep(field, value));
        let refused: Vec<Vec<u8>> = refused.map(|(field, _)| field.to_vec()).collect();
        refused.iter().filter(|field| self.remove(field, cx)).count()
    }

    /// Redis's HINCRBY: the sum. An absent field counts as 0.
    pub(crate) fn increment(&mut self, field: &[u8], amount: i64, cx: Context<'_>) -> Result<i64> {
        let found = self.find(field, cx.rules);
        let sum = self.sum(&found, field, amount, cx)?;
        let text = IntegerText::of(sum);
        self.admit(field, text.as_bytes(), cx)?;
        self.set_found(found, field, text.as_bytes(), cx)?;
        Ok(sum)
    }

    /// The sum of the number in a field that was looked for, and an amount.
    #[inline]
    pub(super) fn sum(&self, found: &Found, field: &[u8], amount: i64, cx: Context<'_>) -> Result<i64> {
        self.admit(field, b"", cx)?;
        let number = self.value(found).map_or(Ok(0), parse_integer)?;
        number.checked_add(amount).ok_or(Error::Overflow)
    }

    /// Redis's HINCRBYFLOAT: the sum. An absent field counts as 0.
    pub(crate) fn increment_float(&mut self, field: &[u8], amount: f64, cx: Context<'_>) -> Result<f64> {
        self.admit(field, b"", cx)?;
        if !amount.is_finite() {
            return Err(Error::NotFinite);
        }
        let found = self.find(field, cx.rules);
        let number = self.value(&found).map_or(Ok(0.0), parse_float)?;
        let sum = add_floats(number, amount)?;
        let text = FloatText::of(sum);
        self.admit(field, text.as_bytes(), cx)?;
        self.set_found(found, field, text.as_bytes(), cx)?;
        Ok(sum)
    }

    /// Checks the arguments of a call against the limits, before the hash is looked at.
    #[inline]
    pub(super) fn admit(&self, field: &[u8], value: &[u8], cx: Context<'_>) -> Result<()> {
        self.check_key(cx)?;
        cx.rules.check_pair(field, value)
    }

    /// Checks the length of the key, unless it has fields. It was then checked when it got the first one.
    #[inline]
    fn check_key(&self, cx: Context<'_>) -> Result<()> {
        if self.len() == 0 { cx.rules.check_key(self.key()) } else { Ok(()) }
    }

    /// The number of different fields of these pairs that are missing.
    fn count_new(&self, pairs: &[Pair<'_>], cx: Context<'_>) -> usize {
        last_of_each(pairs).into_iter().filter(|(field, _)| self.get(field, cx.rules).is_none()).count()
    }
}
