//! `Typed`: a view of a store whose fields hold values of serde types.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::Codec;
use super::error::CodecError;
use super::field;
use crate::expiry::{SetOptions, Touch};
use crate::store::Store;
use crate::value::Arguments;

pub(super) type Result<T> = std::result::Result<T, CodecError>;

/// A view of a [`Store`] whose fields hold values of any serde type, written by a [`Codec`]; see [`Store::typed`].
///
/// The view gives a meaning to the bytes that the store holds, and adds nothing else. The store's own methods read and
/// write the same bytes. Two views with different codecs can share a store as long as they do not share fields.
///
/// `S` is what leads to the store: a `&Store`, or an [`Arc<Store>`](std::sync::Arc) for a view that owns it; see
/// [`Typed::new`].
///
/// In a closure of [`Store::update`] and its like, no store may be called. There, [`HashMut::typed`](crate::HashMut::typed)
/// has the same methods for the hash that the closure gets.
///
/// See the guide: [`guide::typed`](crate::guide::typed). The example programs `user_profile`, `shopping_cart`,
/// `configuration`, `hierarchical` and `cache` work with typed values from several threads.
#[derive(Clone, Copy)]
pub struct Typed<S, C> {
    pub(super) store: S,
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
    pub fn typed<C: Codec>(&self, codec: C) -> Typed<&Self, C> {
        Typed { store: self, codec }
    }
}

impl<S: Deref<Target = Store>, C> fmt::Debug for Typed<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Typed").field("store", &*self.store).finish_non_exhaustive()
    }
}

/// A view that owns its store.
impl<S: Deref<Target = Store>, C: Codec> Typed<S, C> {
    /// Returns a view that holds `store`: an [`Arc<Store>`](std::sync::Arc), a [`Durable`](crate::Durable), or a reference
    /// to a store, for which [`Store::typed`] is the shorter way. O(1).
    ///
    /// With an `Arc`, the view is `Clone`, `Send`, `Sync` and `'static`, so it can be a part of the state that a server
    /// gives to each of its handlers. A clone is one more reference to the same store.
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use std::sync::Arc;
    /// use std::thread;
    /// use hashlet::{Json, Store, Typed};
    ///
    /// #[derive(Clone)]
    /// struct App {
    ///     users: Typed<Arc<Store>, Json>,
    /// }
    ///
    /// let app = App { users: Typed::new(Arc::new(Store::new()), Json) };
    /// let handler = {
    ///     let app = app.clone();
    ///     thread::spawn(move || app.users.set("user:1", "scores", &[3, 5]))
    /// };
    /// handler.join().unwrap()?;
    /// assert_eq!(app.users.get::<Vec<u32>>("user:1", "scores")?, Some(vec![3, 5]));
    /// assert_eq!(app.users.store().size("user:1"), 1);
    /// # }
    /// # Ok::<(), hashlet::CodecError>(())
    /// ```
    #[must_use]
    pub fn new(store: S, codec: C) -> Self {
        Self { store, codec }
    }

    /// Returns the store, for the calls that have nothing to do with types. O(1).
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }
}

/// Values in fields.
///
/// # Locking
/// Values are decoded and compared in place, under the lock of their hash. [`update`](Self::update) also encodes under
/// that lock; all other methods encode before they take it. A type's own code must therefore not call any store, which
/// would panic, and not wait for other threads.
impl<S: Deref<Target = Store>, C: Codec> Typed<S, C> {
    /// Returns the value of a field, or `None` if there is no such field or key. Costs as much as [`Store::get`], and
    /// decoding the value. Members of objects are written in another notation, which [`get_member`](Self::get_member)
    /// reads.
    ///
    /// # Errors
    /// [`CodecError::Decode`] if the field holds no `T`.
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<T>> {
        self.store.read(key, |hash| hash.typed(&self.codec).get(field))
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
        let fields = Arguments::fields(fields);
        self.store.read(key, |hash| hash.typed(&self.codec).get_many(fields.as_fields()))
    }

    /// Returns all fields with their values, in no particular order, all of one instant. A missing key has no fields.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for a field that holds no `T`.
    #[track_caller]
    pub fn get_all<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Vec<(Vec<u8>, T)>> {
        self.store.read(key, |hash| hash.typed(&self.codec).get_all())
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
        self.store.update(key, |hash| hash.typed(&self.codec).get_and_expire(field, touch))
    }

    /// Removes a field, as [`Store::take`] does, and returns the value that it had.
    ///
    /// # Errors
    /// [`CodecError::Decode`] if the field holds no `T`. The field stays then.
    #[track_caller]
    pub fn take<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<T>> {
        self.store.update(key, |hash| hash.typed(&self.codec).take(field))
    }

    /// Removes all fields in one atomic step, and returns them with the values that they had, in no particular order. A
    /// field that another thread sets meanwhile is either returned or stays.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for a field that holds no `T`. All fields stay then.
    #[track_caller]
    pub fn take_all<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Vec<(Vec<u8>, T)>> {
        self.store.update(key, |hash| hash.typed(&self.codec).take_all())
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
        self.store.update(key, |hash| hash.typed(&self.codec).update(field, update))
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
        self.store
            .update_with_room(key, |hash| hash.typed(&self.codec).compare_and_put(field, expected, new.as_deref()))
    }

    fn encode<T: Serialize + ?Sized>(&self, key: &[u8], field: &[u8], value: &T) -> Result<Vec<u8>> {
        field::encode(&self.codec, key, field, value)
    }
}
