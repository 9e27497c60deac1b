//! One hash of the model: a map from fields to values, with their deadlines.

use std::collections::{BTreeMap, BTreeSet};

use hashlet::{Error, Result};

use super::Bounds;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Hash {
    pub(super) deadline: Option<u64>,
    pub(super) fields: BTreeMap<Vec<u8>, Field>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Field {
    pub(super) value: Vec<u8>,
    pub(super) deadline: Option<u64>,
}

impl Hash {
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn contains(&self, field: impl AsRef<[u8]>) -> bool {
        self.fields.contains_key(field.as_ref())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|(field, Field { value, .. })| (&field[..], &value[..]))
    }
}

/// A hash during one call. It has the methods of `hashlet::HashMut`.
#[derive(Debug)]
pub(crate) struct ModelHash<'a> {
    pub(super) bounds: Bounds,
    pub(super) now: u64,
    refused: Option<Error>,
    pub(super) hash: &'a mut Hash,
}

impl<'a> ModelHash<'a> {
    pub(super) fn new(bounds: Bounds, now: u64, hash: &'a mut Hash) -> Self {
        Self { bounds, now, refused: None, hash }
    }

    /// A hash under a key that refuses every write.
    pub(super) fn refusing(bounds: Bounds, now: u64, refused: Error, hash: &'a mut Hash) -> Self {
        Self { refused: Some(refused), ..Self::new(bounds, now, hash) }
    }

    /// A hash outside of a model, as a `HashValue` is a hash outside of a store.
    pub(crate) fn alone(hash: &'a mut Hash) -> Self {
        Self::new(Bounds::DEFAULT, 0, hash)
    }

    pub(crate) fn get(&self, field: impl AsRef<[u8]>) -> Option<&[u8]> {
        self.hash.fields.get(field.as_ref()).map(|field| &field.value[..])
    }

    pub(crate) fn get_many<F: AsRef<[u8]>>(&self, fields: impl IntoIterator<Item = F>) -> Vec<Option<&[u8]>> {
        fields.into_iter().map(|field| self.get(field)).collect()
    }

    pub(crate) fn contains(&self, field: impl AsRef<[u8]>) -> bool {
        self.get(field).is_some()
    }

    pub(crate) fn value_len(&self, field: impl AsRef<[u8]>) -> Option<usize> {
        self.get(field).map(<[u8]>::len)
    }

    pub(crate) fn len(&self) -> usize {
        self.hash.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.hash.iter()
    }

    /// The first field, which serves as the random one.
    pub(crate) fn random_field(&self) -> Option<(&[u8], &[u8])> {
        self.iter().next()
    }

    pub(crate) fn set(&mut self, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        self.set_many([(field, value)]).map(|new| new > 0)
    }

    pub(crate) fn set_many<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        pairs: impl IntoIterator<Item = (F, V)>,
    ) -> Result<usize> {
        let pairs: Vec<(F, V)> = pairs.into_iter().collect();
        self.admit_each(&pairs)?;
        let new = self.admit_growth(&pairs)?;
        self.extend(pairs);
        Ok(new)
    }

    /// No limits apply here.
    pub(crate) fn extend<F: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, pairs: impl IntoIterator<Item = (F, V)>) {
        pairs.into_iter().for_each(|(field, value)| self.overwrite(field.as_ref(), value.as_ref()));
    }

    /// A field that is overwritten loses its deadline.
    pub(super) fn overwrite(&mut self, field: &[u8], value: &[u8]) {
        self.write(field, value);
        self.persist_field(field);
    }

    /// The deadline of the field stays.
    pub(super) fn write(&mut self, field: &[u8], value: &[u8]) {
        let deadline = self.hash.fields.get(field).and_then(|field| field.deadline);
        self.hash.fields.insert(field.to_vec(), Field { value: value.to_vec(), deadline });
    }

    pub(crate) fn set_if_absent(&mut self, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        self.compare_and_set(field, None, Some(value.as_ref()))
    }

    pub(crate) fn compare_and_set(
        &mut self,
        field: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool> {
        let field = field.as_ref();
        let is_set = self.compare_and_set_keep_ttl(field, expected, new)?;
        if is_set {
            self.persist_field(field);
        }
        Ok(is_set)
    }

    pub(crate) fn compare_and_set_keep_ttl(
        &mut self,
        field: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool> {
        let field = field.as_ref();
        self.admit(field, new.unwrap_or_default())?;
        if self.get(field) != expected {
            return Ok(false);
        }
        match new {
            Some(value) => {
                let pair = [(field, value)];
                self.admit_growth(&pair)?;
                self.write(field, value);
            }
            None => drop(self.remove(field)),
        }
        Ok(true)
    }

    pub(crate) fn remove(&mut self, field: impl AsRef<[u8]>) -> bool {
        self.take(field).is_some()
    }

    pub(crate) fn remove_many<F: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = F>) -> usize {
        fields.into_iter().filter(|field| self.remove(field)).count()
    }

    pub(crate) fn take(&mut self, field: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let taken = self.hash.fields.remove(field.as_ref());
        self.hash.forget_if_empty();
        Some(taken?.value)
    }

    pub(crate) fn take_many<F: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = F>) -> Vec<Option<Vec<u8>>> {
        fields.into_iter().map(|field| self.take(field)).collect()
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) -> usize {
        let before = self.len();
        self.hash.fields.retain(|field, Field { value, .. }| keep(field, value));
        self.hash.forget_if_empty();
        before - self.len()
    }

    pub(crate) fn increment(&mut self, field: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        let field = field.as_ref();
        self.admit(field, b"")?;
        let sum = self.get(field).map_or(Ok(0), integer)?.checked_add(by).ok_or(Error::Overflow)?;
        self.rewrite(field, &sum.to_string())?;
        Ok(sum)
    }

    pub(crate) fn increment_float(&mut self, field: impl AsRef<[u8]>, by: f64) -> Result<f64> {
        let field = field.as_ref();
        self.admit(field, b"")?;
        if !by.is_finite() {
            return Err(Error::NotFinite);
        }
        let sum = self.get(field).map_or(Ok(0.0), float)? + by;
        if !sum.is_finite() {
            return Err(Error::Overflow);
        }
        let sum = if sum == 0.0 { 0.0 } else { sum };
        self.rewrite(field, &sum.to_string())?;
        Ok(sum)
    }

    pub(crate) fn clear(&mut self) {
        *self.hash = Hash::default();
    }

    /// Writes the result of an increment. The deadline of the field stays.
    fn rewrite(&mut self, field: &[u8], text: &str) -> Result<()> {
        let pair = [(field, text)];
        self.admit_each(&pair)?;
        self.admit_growth(&pair)?;
        self.write(field, text.as_bytes());
        Ok(())
    }

    fn admit_key(&self) -> Result<()> {
        self.refused.map_or(Ok(()), Err)
    }

    fn admit(&self, field: &[u8], value: &[u8]) -> Result<()> {
        let limit = self.bounds.string;
        self.admit_key()?;
        if field.len() > limit {
            return Err(Error::FieldTooLong { size: field.len(), limit });
        }
        if value.len() > limit {
            return Err(Error::ValueTooLong { size: value.len(), limit });
        }
        Ok(())
    }

    /// Checks the arguments of a call against the limits on single keys, fields and values.
    pub(super) fn admit_each<F: AsRef<[u8]>, V: AsRef<[u8]>>(&self, pairs: &[(F, V)]) -> Result<()> {
        self.admit_key()?;
        pairs.iter().try_for_each(|(field, value)| self.admit(field.as_ref(), value.as_ref()))
    }

    /// Checks the number of new fields. An owned hash that was extended past its limit still accepts writes that add
    /// none.
    pub(super) fn admit_growth<F: AsRef<[u8]>, V: AsRef<[u8]>>(&self, pairs: &[(F, V)]) -> Result<usize> {
        let fields = pairs.iter().map(|(field, _)| field.as_ref());
        let new = fields.filter(|field| !self.contains(field)).collect::<BTreeSet<_>>().len();
        if new > 0 {
            self.admit_size(self.len() + new)?;
        }
        Ok(new)
    }

    fn admit_size(&self, size: usize) -> Result<()> {
        let limit = self.bounds.fields;
        if size > limit { Err(Error::TooManyFields { size, limit }) } else { Ok(()) }
    }
}

/// A text is canonical if the number prints as the same text.
fn integer(text: &[u8]) -> Result<i64> {
    let number: i64 = str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Error::NotAnInteger)?;
    if number.to_string().as_bytes() == text { Ok(number) } else { Err(Error::NotAnInteger) }
}

fn float(text: &[u8]) -> Result<f64> {
    if text.len() >= 5_120 {
        return Err(Error::NotAFloat);
    }
    let number: f64 = str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Error::NotAFloat)?;
    if number.is_finite() { Ok(number) } else { Err(Error::NotAFloat) }
}
