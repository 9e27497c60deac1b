//! Typed values in the fields of a store.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::Codec;
use super::error::CodecError;
use crate::expiry::{SetOptions, Touch};
use crate::store::Store;
use crate::value::{Arguments, HashMut};

pub(super) type Result<T> = std::result::Result<T, CodecError>;

/// A [`Store`] whose fields hold values of any type that serde knows, written by a [`Codec`]; see [`Store::typed`].
///
/// It adds a meaning to what the store holds, and nothing else: the bytes can be read and written by the store's own methods
/// too, and two views with different codecs can share a store as long as they do not share fields.
pub struct Typed<'a, C> {
    pub(super) store: &'a Store,
    pub(super) codec: C,
}

impl Store {
    /// Returns a view whose fields hold values that this codec writes, and whose hashes can hold structs.
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use hashlet::{Json, Store};
    ///
    /// let store = Store::new();
    /// let typed = store.typed(Json);
    /// typed.set("user:1", "scores", &vec![3, 5])?;
    /// typed.update("user:1", "scores", |scores: Option<Vec<u32>>| {
    ///     let mut scores = scores.unwrap_or_default();
    ///     scores.push(8);
    ///     Some(scores)
    /// })?;
    /// assert_eq!(typed.get::<Vec<u32>>("user:1", "scores")?, Some(vec![3, 5, 8]));
    /// # }
    /// # Ok::<(), hashlet::CodecError>(())
    /// ```
    pub fn typed<C: Codec>(&self, codec: C) -> Typed<'_, C> {
        Typed { store: self, codec }
    }
}

impl<C> fmt::Debug for Typed<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Typed").field("store", self.store).finish_non_exhaustive()
    }
}

impl<C: Clone> Clone for Typed<'_, C> {
    fn clone(&self) -> Self {
        Self { store: self.store, codec: self.codec.clone() }
    }
}

impl<C: Copy> Copy for Typed<'_, C> {}

/// Values in fields.
///
/// # Locking
/// What is read is decoded in place, under the lock of its hash, and compared there, and what [`update`](Self::update) writes is
/// encoded there; everything else is encoded before the lock is taken. A type's own code must therefore not call any store (it
/// would panic), nor wait for other threads.
impl<C: Codec> Typed<'_, C> {
    /// Returns the value of a field, or `None` if there is no such field or key. As [`Store::get`], and decoding. The fields of
    /// objects have another notation: [`get_member`](Self::get_member) reads them.
    ///
    /// # Errors
    /// [`CodecError::Decode`] if it is no `T`.
    pub fn get<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<T>> {
        let (key, field) = (key.as_ref(), field.as_ref());
        self.store.read(key, |hash| hash.get(field).map(|bytes| self.decode(key, field, bytes)).transpose())
    }

    /// Returns the value of each of these fields, in their order, all of one instant.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for the first that is no `T`.
    pub fn get_many<T: DeserializeOwned, F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<T>>> {
        let (key, fields) = (key.as_ref(), Arguments::fields(fields));
        self.store.read(key, |hash| {
            let fields = fields.as_fields().into_iter();
            fields.map(|field| hash.get(field).map(|bytes| self.decode(key, field, bytes)).transpose()).collect()
        })
    }

    /// Returns all fields with their values, in no particular order, all of one instant; none when the key is missing.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for one that is no `T`.
    pub fn get_all<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Vec<(Vec<u8>, T)>> {
        let key = key.as_ref();
        let decode = |(field, bytes): (&[u8], &[u8])| Ok((field.to_vec(), self.decode(key, field, bytes)?));
        self.store.read(key, |hash| hash.iter().map(decode).collect())
    }

    /// Sets a field, and returns whether it is new. As [`Store::set`]. The field holds what the codec writes: of a string as
    /// JSON that is with quotes. The fields of objects have another notation: [`set_member`](Self::set_member) writes them.
    ///
    /// # Errors
    /// [`CodecError::Encode`] if the codec or the value itself refuses, [`CodecError::Refused`] if the store does.
    pub fn set<T: Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: &T,
    ) -> Result<bool> {
        let (key, field) = (key.as_ref(), field.as_ref());
        let bytes = self.encode(key, field, value)?;
        Ok(self.store.set(key, field, bytes)?)
    }

    /// Sets fields, and returns how many are new, all in one step. As [`Store::set_many`].
    ///
    /// # Errors
    /// As of [`set`](Self::set); nothing is changed then.
    pub fn set_many<'v, F: AsRef<[u8]>, T: Serialize + ?Sized + 'v>(
        &self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, &'v T)>,
    ) -> Result<usize> {
        let key = key.as_ref();
        Ok(self.store.set_many(key, self.encode_all(key, pairs)?)?)
    }

    /// Sets fields with deadlines or on conditions, and returns how many are new, or `None` if a condition is not met. As
    /// [`Store::set_with`].
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use std::time::Duration;
    /// use hashlet::{Json, SetOptions, Store};
    ///
    /// let store = Store::new();
    /// let for_a_minute = SetOptions::new().expire(Duration::from_secs(60));
    /// store.typed(Json).set_with("cache", [("answer", &42)], for_a_minute)?;
    /// assert!(store.field_ttl("cache", "answer").left().is_some());
    /// # }
    /// # Ok::<(), hashlet::CodecError>(())
    /// ```
    ///
    /// # Errors
    /// As of [`set`](Self::set); nothing is changed then.
    pub fn set_with<'v, F: AsRef<[u8]>, T: Serialize + ?Sized + 'v>(
        &self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, &'v T)>,
        options: SetOptions,
    ) -> Result<Option<usize>> {
        let key = key.as_ref();
        Ok(self.store.set_with(key, self.encode_all(key, pairs)?, options)?)
    }

    /// Returns the value of a field and changes its deadline, in one step. As [`Store::get_and_expire`].
    ///
    /// # Errors
    /// [`CodecError::Decode`] if it is no `T`, [`CodecError::Refused`] if there is no room for a deadline that the field has
    /// not had; the deadline stays then.
    pub fn get_and_expire<T: DeserializeOwned>(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        touch: impl Into<Touch>,
    ) -> Result<Option<T>> {
        let touch = touch.into();
        self.with_value(key.as_ref(), field.as_ref(), |hash, field| hash.get_and_expire(field, touch).map(drop))
    }

    /// Removes a field, and returns the value that it had. As [`Store::take`].
    ///
    /// # Errors
    /// [`CodecError::Decode`] if it is no `T`; the field stays then.
    pub fn take<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<T>> {
        self.with_value(key.as_ref(), field.as_ref(), |hash, field| {
            hash.remove(field);
            Ok(())
        })
    }

    /// Removes all fields, and returns them with the values that they had, in no particular order and in one step: what another
    /// thread sets is either among them or stays.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for one that is no `T`; all of them stay then.
    pub fn take_all<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Vec<(Vec<u8>, T)>> {
        let key = key.as_ref();
        let decode = |(field, bytes): (&[u8], &[u8])| Ok((field.to_vec(), self.decode(key, field, bytes)?));
        self.store.update(key, |hash| {
            let all = hash.iter().map(decode).collect::<Result<_>>()?;
            hash.clear();
            Ok(all)
        })
    }

    /// Lends the value of a field to a closure, and puts what that returns in its place, in one atomic step: `None` is an
    /// absent field, before and afterwards. Returns what the closure has returned. A deadline that the field has stays, as in
    /// an increment.
    ///
    /// # Errors
    /// As of [`get`](Self::get) and [`set`](Self::set); the field is as it was then.
    ///
    /// # Panics
    /// If the closure does, or calls any store; the field is as it was then.
    pub fn update<T: Serialize + DeserializeOwned>(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        update: impl FnOnce(Option<T>) -> Option<T>,
    ) -> Result<Option<T>> {
        let (key, field) = (key.as_ref(), field.as_ref());
        self.store.update(key, |hash| {
            let old = hash.get(field).map(|bytes| self.decode(key, field, bytes)).transpose()?;
            let new = update(old);
            self.replace(key, field, new.as_ref(), hash)?;
            Ok(new)
        })
    }

    /// Sets a field, or with `None` removes it, if its value equals the expected one, where `None` means absent. Returns
    /// whether it did. Values are compared, not their bytes. As [`Store::compare_and_set`]; a deadline of the field goes.
    ///
    /// # Errors
    /// As of [`get`](Self::get) and [`set`](Self::set); the field is as it was then.
    pub fn compare_and_set<T: Serialize + DeserializeOwned + PartialEq>(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        expected: Option<&T>,
        new: Option<&T>,
    ) -> Result<bool> {
        let (key, field) = (key.as_ref(), field.as_ref());
        let new = new.map(|value| self.encode(key, field, value)).transpose()?;
        self.store.update_with_room(key, |hash| {
            let old = hash.get(field).map(|bytes| self.decode::<T>(key, field, bytes)).transpose()?;
            if old.as_ref() != expected {
                return Ok(false);
            }
            match &new {
                Some(bytes) => _ = hash.set(field, bytes)?,
                None => _ = hash.remove(field),
            }
            Ok(true)
        })
    }

    fn with_value<T: DeserializeOwned>(
        &self,
        key: &[u8],
        field: &[u8],
        change: impl FnOnce(&mut HashMut<'_>, &[u8]) -> crate::error::Result<()>,
    ) -> Result<Option<T>> {
        self.store.update(key, |hash| {
            let Some(bytes) = hash.get(field) else { return Ok(None) };
            let value = self.decode(key, field, bytes)?;
            change(hash, field)?;
            Ok(Some(value))
        })
    }

    fn replace<T: Serialize>(&self, key: &[u8], field: &[u8], new: Option<&T>, hash: &mut HashMut<'_>) -> Result<()> {
        match new {
            Some(value) => {
                let bytes = self.encode(key, field, value)?;
                hash.set_keeping_deadline(field, &bytes)?;
            }
            None => _ = hash.remove(field),
        }
        Ok(())
    }

    fn decode<T: DeserializeOwned>(&self, key: &[u8], field: &[u8], bytes: &[u8]) -> Result<T> {
        self.codec.decode(PhantomData, bytes).map_err(CodecError::decode(key, field))
    }

    fn encode<T: Serialize + ?Sized>(&self, key: &[u8], field: &[u8], value: &T) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.codec.encode(value, &mut bytes).map_err(CodecError::encode(key, field))?;
        Ok(bytes)
    }

    fn encode_all<'v, F: AsRef<[u8]>, T: Serialize + ?Sized + 'v>(
        &self,
        key: &[u8],
        pairs: impl IntoIterator<Item = (F, &'v T)>,
    ) -> Result<Vec<(F, Vec<u8>)>> {
        let pairs = pairs.into_iter();
        pairs.map(|(field, value)| self.encode(key, field.as_ref(), value).map(|bytes| (field, bytes))).collect()
    }
}
