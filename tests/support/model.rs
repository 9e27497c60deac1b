//! The naive model of a store: a map of maps that follows the rules of the documentation word by word, with std's own
//! parsing and printing of numbers. It knows no encodings, no hashes and no locks; where it and the store disagree, the
//! store is wrong.

use std::collections::BTreeMap;

use hashlet::{Error, Limits, Overwrite, Result};

pub(crate) type Fields = BTreeMap<Vec<u8>, Vec<u8>>;

/// The limits as plain numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) fields: usize,
    pub(crate) string: usize,
    pub(crate) key: usize,
}

impl Bounds {
    pub(crate) const DEFAULT: Self = Self { fields: u32::MAX as usize, string: 512 << 20, key: 64 << 10 };

    pub(crate) fn limits(self) -> Limits {
        Limits::default().max_fields(self.fields).max_string(self.string).max_key(self.key)
    }
}

#[derive(Debug)]
pub(crate) struct Model {
    bounds: Bounds,
    hashes: BTreeMap<Vec<u8>, Fields>,
}

impl Model {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, hashes: BTreeMap::new() }
    }

    /// The one way to a hash: a missing key is an empty hash, an empty hash has no key, an over-long key refuses every
    /// write.
    pub(crate) fn hash<R>(&mut self, key: &[u8], work: impl FnOnce(&mut ModelHash<'_>) -> R) -> R {
        if key.len() > self.bounds.key {
            let refused = Some(Error::KeyTooLong { size: key.len(), limit: self.bounds.key });
            return work(&mut ModelHash { bounds: self.bounds, refused, fields: &mut Fields::new() });
        }
        if !self.hashes.contains_key(key) {
            self.hashes.insert(key.to_vec(), Fields::new());
        }
        let fields = self.hashes.get_mut(key).expect("just filed");
        let result = work(&mut ModelHash { bounds: self.bounds, refused: None, fields });
        if fields.is_empty() {
            self.hashes.remove(key);
        }
        result
    }

    /// A copy of a hash: it keeps the limits, and has no key that could be refused.
    pub(crate) fn on_copy<R>(&self, key: &[u8], work: impl FnOnce(&mut ModelHash<'_>) -> R) -> R {
        let mut fields = self.hashes.get(key).cloned().unwrap_or_default();
        work(&mut ModelHash { bounds: self.bounds, refused: None, fields: &mut fields })
    }

    pub(crate) fn clear(&mut self, key: &[u8]) -> bool {
        self.hashes.remove(key).is_some()
    }

    pub(crate) fn rename(&mut self, key: &[u8], new: &[u8], overwrite: Overwrite) -> Result<bool> {
        let is_done = self.copy(key, new, overwrite)?;
        if is_done && key != new {
            self.clear(key);
        }
        Ok(is_done)
    }

    pub(crate) fn copy(&mut self, key: &[u8], new: &[u8], overwrite: Overwrite) -> Result<bool> {
        let (size, limit) = (new.len(), self.bounds.key);
        if size > limit {
            return Err(Error::KeyTooLong { size, limit });
        }
        let Some(fields) = self.hashes.get(key) else { return Ok(false) };
        let allowed = overwrite == Overwrite::Yes || !self.contains_key(new);
        if allowed {
            self.hashes.insert(new.to_vec(), fields.clone());
        }
        Ok(allowed)
    }

    pub(crate) fn clear_all(&mut self) {
        self.hashes.clear();
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&[u8], &ModelHash<'_>) -> bool) -> usize {
        let (bounds, before) = (self.bounds, self.hashes.len());
        self.hashes.retain(|key, fields| keep(key, &ModelHash { bounds, refused: None, fields }));
        before - self.hashes.len()
    }

    pub(crate) fn contains_key(&self, key: &[u8]) -> bool {
        self.hashes.contains_key(key)
    }

    pub(crate) fn keys(&self) -> Vec<Vec<u8>> {
        self.hashes.keys().cloned().collect()
    }

    pub(crate) fn hashes(&self) -> &BTreeMap<Vec<u8>, Fields> {
        &self.hashes
    }

    pub(crate) fn key_count(&self) -> usize {
        self.hashes.len()
    }

    pub(crate) fn field_count(&self) -> usize {
        self.hashes.values().map(BTreeMap::len).sum()
    }
}

/// One hash of the model, with the words of `hashlet::HashMut`.
#[derive(Debug)]
pub(crate) struct ModelHash<'a> {
    bounds: Bounds,
    refused: Option<Error>,
    fields: &'a mut Fields,
}

impl<'a> ModelHash<'a> {
    /// A hash that belongs to no model: what a `HashValue` is to a store.
    pub(crate) fn alone(fields: &'a mut Fields) -> Self {
        Self { bounds: Bounds::DEFAULT, refused: None, fields }
    }

    pub(crate) fn get(&self, field: impl AsRef<[u8]>) -> Option<&[u8]> {
        self.fields.get(field.as_ref()).map(Vec::as_slice)
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
        self.fields.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|(field, value)| (&field[..], &value[..]))
    }

    /// The first field, which is as good an example as any.
    pub(crate) fn random_field(&self) -> Option<(&[u8], &[u8])> {
        self.iter().next()
    }

    pub(crate) fn set(&mut self, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        let is_new = !self.contains(&field);
        self.admit(field.as_ref(), value.as_ref())?;
        if is_new {
            self.admit_size(self.len() + 1)?;
        }
        self.extend([(field, value)]);
        Ok(is_new)
    }

    /// A value that was extended past its limit still takes what adds no field.
    pub(crate) fn set_many<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        pairs: impl IntoIterator<Item = (F, V)>,
    ) -> Result<usize> {
        let pairs: Vec<(F, V)> = pairs.into_iter().collect();
        self.admit_key()?;
        for (field, value) in &pairs {
            self.admit(field.as_ref(), value.as_ref())?;
        }
        let mut new: Vec<&[u8]> =
            pairs.iter().map(|(field, _)| field.as_ref()).filter(|field| !self.fields.contains_key(*field)).collect();
        new.sort_unstable();
        new.dedup();
        let new = new.len();
        if new > 0 {
            self.admit_size(self.len() + new)?;
        }
        self.extend(pairs);
        Ok(new)
    }

    /// Knows no limits.
    pub(crate) fn extend<F: AsRef<[u8]>, V: AsRef<[u8]>>(&mut self, pairs: impl IntoIterator<Item = (F, V)>) {
        let owned = |(field, value): (F, V)| (field.as_ref().to_vec(), value.as_ref().to_vec());
        self.fields.extend(pairs.into_iter().map(owned));
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
        self.admit(field, new.unwrap_or_default())?;
        if self.get(field) != expected {
            return Ok(false);
        }
        match new {
            Some(value) => drop(self.set(field, value)?),
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
        self.fields.remove(field.as_ref())
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) -> usize {
        let before = self.len();
        self.fields.retain(|field, value| keep(field, value));
        before - self.len()
    }

    pub(crate) fn increment(&mut self, field: impl AsRef<[u8]>, by: i64) -> Result<i64> {
        let field = field.as_ref();
        self.admit(field, b"")?;
        let sum = self.get(field).map_or(Ok(0), integer)?.checked_add(by).ok_or(Error::Overflow)?;
        self.set(field, sum.to_string())?;
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
        self.set(field, sum.to_string())?;
        Ok(sum)
    }

    pub(crate) fn clear(&mut self) {
        self.fields.clear();
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

    fn admit_size(&self, size: usize) -> Result<()> {
        let limit = self.bounds.fields;
        if size > limit { Err(Error::TooManyFields { size, limit }) } else { Ok(()) }
    }
}

/// Canonical means: it is what the number itself prints.
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
