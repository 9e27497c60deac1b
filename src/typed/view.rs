//! `Typed`: a view of a store whose fields hold values of serde types.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::Codec;
use super::error::CodecError;
use super::field;
use crate::expiry::{SetOptions, Touch};
use crate::store::Store;
use crate::value::{Arguments, HashMut};

pub(super) type Result<T> = std::result::Result<T, CodecError>;

/// A view of a [`Store`] whose fields hold values of any serde type, written by a [`Codec`]; see [`Store::typed`].
///
/// The view gives a meaning to the bytes that the store holds, and adds nothing else. The store's own methods read and
/// write the same bytes. Two views with different codecs can share a store as long as they do not share fields.
///
/// See the guide: [`guide::typed`](crate::guide::typed). The example programs `user_profile`, `shopping_cart`,
/// `configuration`, `hierarchical` and `cache` work with typed values from several threads.
pub struct Typed<'a, C> {
    pub(super) store: &'a Store,
    pub(super) codec: C,
}

/// # Typed values
impl Store {
    /// Returns a view of the store, whose fields hold values that this codec writes and whose hashes can hold structs.
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
    #[track_caller]
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
/// Values are decoded and compared in place, under the lock of their hash. [`update`](Self::update) also encodes under
/// that lock; all other methods encode before they take it. A type's own code must therefore not call any store, which
/// would panic, and not wait for other threads.
impl<C: Codec> Typed<'_, C> {
    /// Returns the value of a field, or `None` if there is no such field or key. Costs as much as [`Store::get`], and
    /// decoding the value. Members of objects are written in another notation, which [`get_member`](Self::get_member)
    /// reads.
    ///
    /// # Errors
    /// [`CodecError::Decode`] if the field holds no `T`.
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<T>> {
        let (key, field) = (key.as_ref(), field.as_ref());
        self.store.read(key, |hash| hash.get(field).map(|bytes| self.decode(key, field, bytes)).transpose())
    }

    /// Returns the value of each of these fields, in their order, all of one instant. `None` stands for an absent
    /// field.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for the first field that holds no `T`.
    #[track_caller]
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

    /// Returns all fields with their values, in no particular order, all of one instant. A missing key has no fields.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for a field that holds no `T`.
    #[track_caller]
    pub fn get_all<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Vec<(Vec<u8>, T)>> {
        let key = key.as_ref();
        let decode = |(field, bytes): (&[u8], &[u8])| Ok((field.to_vec(), self.decode(key, field, bytes)?));
        self.store.read(key, |hash| hash.iter().map(decode).collect())
    }

    /// Sets a field, as [`Store::set`] does, and returns whether it is new. The field then holds what the codec writes;
    /// JSON, for example, puts a string in quotes. Members of objects are written in another notation, by
    /// [`set_member`](Self::set_member).
    ///
    /// # Errors
    /// [`CodecError::Encode`] if the codec or the value itself refuses, [`CodecError::Refused`] if the store does.
    #[track_caller]
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

    /// Sets fields in one atomic step, as [`Store::set_many`] does, and returns how many are new.
    ///
    /// # Errors
    /// As [`set`](Self::set). Nothing is changed then.
    #[track_caller]
    pub fn set_many<'v, F: AsRef<[u8]>, T: Serialize + ?Sized + 'v>(
        &self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, &'v T)>,
    ) -> Result<usize> {
        let key = key.as_ref();
        Ok(self.store.set_many(key, field::encode_all(&self.codec, key, pairs)?)?)
    }

    /// Sets fields with deadlines or on conditions, as [`Store::set_with`] does. Returns how many are new, or `None` if
    /// a condition is not met.
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
    /// As [`set`](Self::set). Nothing is changed then.
    #[track_caller]
    pub fn set_with<'v, F: AsRef<[u8]>, T: Serialize + ?Sized + 'v>(
        &self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, &'v T)>,
        options: SetOptions,
    ) -> Result<Option<usize>> {
        let key = key.as_ref();
        Ok(self.store.set_with(key, field::encode_all(&self.codec, key, pairs)?, options)?)
    }

    /// Returns the value of a field and changes its deadline, in one atomic step, as [`Store::get_and_expire`] does.
    ///
    /// # Errors
    /// [`CodecError::Decode`] if the field holds no `T`. [`CodecError::Refused`] if the field had no deadline and there
    /// is no room for one. The deadline stays as it was then.
    #[track_caller]
    pub fn get_and_expire<T: DeserializeOwned>(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        touch: impl Into<Touch>,
    ) -> Result<Option<T>> {
        let touch = touch.into();
        self.with_value(key.as_ref(), field.as_ref(), |hash, field| hash.get_and_expire(field, touch).map(drop))
    }

    /// Removes a field, as [`Store::take`] does, and returns the value that it had.
    ///
    /// # Errors
    /// [`CodecError::Decode`] if the field holds no `T`. The field stays then.
    #[track_caller]
    pub fn take<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<T>> {
        self.with_value(key.as_ref(), field.as_ref(), |hash, field| {
            hash.remove(field);
            Ok(())
        })
    }

    /// Removes all fields in one atomic step, and returns them with the values that they had, in no particular order. A
    /// field that another thread sets meanwhile is either returned or stays.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for a field that holds no `T`. All fields stay then.
    #[track_caller]
    pub fn take_all<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Vec<(Vec<u8>, T)>> {
        let key = key.as_ref();
        let decode = |(field, bytes): (&[u8], &[u8])| Ok((field.to_vec(), self.decode(key, field, bytes)?));
        self.store.update(key, |hash| {
            let all = hash.iter().map(decode).collect::<Result<_>>()?;
            hash.clear();
            Ok(all)
        })
    }

    /// Passes the value of a field to a closure, and replaces it by what the closure returns, in one atomic step.
    /// `None` stands for an absent field, both before and afterwards. Returns what the closure has returned. A deadline
    /// of the field stays, as in an increment.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`set`](Self::set). The field stays as it was then.
    ///
    /// # Panics
    /// If the closure panics or calls any store. The field stays as it was then.
    #[track_caller]
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

    /// Sets a field to `new` (`None` removes it) if its value is `expected` (`None` for an absent field), and returns
    /// whether it was, as [`Store::compare_and_set`] does. The values are compared, not their bytes. A deadline of the
    /// field is removed.
    ///
    /// # Errors
    /// As [`get`](Self::get) and [`set`](Self::set). The field stays as it was then.
    #[track_caller]
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

    /// Reads the value of a field, and then changes the field.
    #[track_caller]
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
        field::decode(&self.codec, key, field, bytes)
    }

    fn encode<T: Serialize + ?Sized>(&self, key: &[u8], field: &[u8], value: &T) -> Result<Vec<u8>> {
        field::encode(&self.codec, key, field, value)
    }
}
