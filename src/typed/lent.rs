//! `TypedRef` and `TypedMut`: values and structs in a hash that is lent to a closure. `Typed` and `TypedHashes` use them
//! in their own closures.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::Codec;
use super::error::CodecError;
use super::field;
use super::object::{change, load, member, member_bytes, save, save_with, to_members};
use super::view::Result;
use crate::error::Error;
use crate::expiry::{SetOptions, Touch};
use crate::value::{HashMut, HashRef};

/// # Typed values
impl<'a> HashRef<'a> {
    /// Returns a view of the hash, whose fields hold values that this codec writes and which can hold a struct. It has
    /// the reading methods of [`Typed`](crate::Typed), for closures of [`Store::read`](crate::Store::read) and its like.
    /// O(1).
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use hashlet::{CodecError, Json, Store};
    ///
    /// let store = Store::new();
    /// store.typed(Json).set_many("scores", [("ada", &vec![3, 5]), ("eve", &vec![8])])?;
    /// let both = store.read("scores", |hash| {
    ///     let scores = hash.typed(Json);
    ///     let of = |name| Ok::<_, CodecError>(scores.get::<Vec<u32>>(name)?.unwrap_or_default());
    ///     Ok::<_, CodecError>([of("ada")?, of("eve")?].concat()) // both of one instant
    /// })?;
    /// assert_eq!(both, [3, 5, 8]);
    /// # }
    /// # Ok::<(), hashlet::CodecError>(())
    /// ```
    pub fn typed<C: Codec>(&self, codec: C) -> TypedRef<'a, C> {
        TypedRef { hash: *self, codec }
    }
}

/// # Typed values
impl<'a> HashMut<'a> {
    /// Returns a view of the hash, whose fields hold values that this codec writes and which can hold a struct. It has
    /// the methods of [`Typed`](crate::Typed), for closures of [`Store::update`](crate::Store::update),
    /// [`update_many`](crate::Store::update_many) and those that roll back. O(1).
    ///
    /// ```
    /// # #[cfg(feature = "json")] {
    /// use hashlet::{CodecError, Json, Store};
    ///
    /// let store = Store::new();
    /// store.typed(Json).set("queue:1", "job:7", &("mail", 3))?;
    /// // The job moves to another queue in one step, with one more try. If a value cannot be read, it stays.
    /// store.try_update_many(["queue:1", "queue:2"], |[from, to]| -> Result<(), CodecError> {
    ///     if let Some((job, tries)) = from.typed(Json).take::<(String, u32)>("job:7")? {
    ///         to.typed(Json).set("job:7", &(job, tries + 1))?;
    ///     }
    ///     Ok(())
    /// })?;
    /// assert_eq!(store.typed(Json).get("queue:2", "job:7")?, Some(("mail".to_owned(), 4)));
    /// # }
    /// # Ok::<(), hashlet::CodecError>(())
    /// ```
    pub fn typed<C: Codec>(&mut self, codec: C) -> TypedMut<'_, 'a, C> {
        TypedMut { hash: self, codec }
    }
}

/// A view of a hash that is lent to a closure, or of a [`HashValue`](crate::HashValue) through its
/// [`view`](crate::HashValue::view). It reads values of any serde type; see [`HashRef::typed`].
///
/// Each method does what that of the same name does in [`Typed`](crate::Typed), which has the full documentation.
///
/// # Errors
/// [`CodecError::Decode`] names the key of the hash, which is empty for a `HashValue`.
///
/// # Locking
/// Values are decoded in place, under the lock that the closure runs under. A type's own code must therefore not call
/// any store, which would panic, and not wait for other threads.
#[derive(Clone, Copy)]
pub struct TypedRef<'a, C> {
    hash: HashRef<'a>,
    codec: C,
}

impl<C> fmt::Debug for TypedRef<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedRef").field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl<C: Codec> TypedRef<'_, C> {
    /// Returns the value of a field, or `None` if there is no such field; see [`Typed::get`](crate::Typed::get). O(1),
    /// plus reading the value.
    ///
    /// # Errors
    /// [`CodecError::Decode`] if the field holds no `T`.
    pub fn get<T: DeserializeOwned>(&self, field: impl AsRef<[u8]>) -> Result<Option<T>> {
        let field = field.as_ref();
        self.hash.get(field).map(|bytes| self.decode(field, bytes)).transpose()
    }

    /// Returns the value of each of these fields, in their order; see [`Typed::get_many`](crate::Typed::get_many).
    /// O(fields), plus reading the values.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for the first field that holds no `T`.
    pub fn get_many<T: DeserializeOwned, F: AsRef<[u8]>>(
        &self,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<T>>> {
        fields.into_iter().map(|field| self.get(field)).collect()
    }

    /// Returns all fields with their values, in no particular order; see [`Typed::get_all`](crate::Typed::get_all).
    /// O(n), plus reading the values.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for a field that holds no `T`.
    pub fn get_all<T: DeserializeOwned>(&self) -> Result<Vec<(Vec<u8>, T)>> {
        self.hash.iter().map(|(field, bytes)| Ok((field.to_vec(), self.decode(field, bytes)?))).collect()
    }

    /// Reads a struct from the hash, or returns `None` if it has no fields; see
    /// [`Typed::load_object`](crate::Typed::load_object). O(members).
    ///
    /// # Errors
    /// [`CodecError::Decode`] if the hash holds no `T`.
    pub fn load_object<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        load(&self.codec, self.hash.key(), self.hash)
    }

    /// Returns one member of an object, or `None` if there is no such field; see
    /// [`Typed::get_member`](crate::Typed::get_member). O(1), plus reading the value.
    ///
    /// # Errors
    /// [`CodecError::Decode`] if the member is no `T`.
    pub fn get_member<T: DeserializeOwned>(&self, name: impl AsRef<[u8]>) -> Result<Option<T>> {
        let name = name.as_ref();
        self.hash.get(name).map(|bytes| member(&self.codec, self.hash.key(), name, bytes)).transpose()
    }

    fn decode<T: DeserializeOwned>(&self, field: &[u8], bytes: &[u8]) -> Result<T> {
        field::decode(&self.codec, self.hash.key(), field, bytes)
    }
}

/// A view of a hash that is lent to a closure. It reads and writes values of any serde type; see [`HashMut::typed`].
///
/// Each method does what that of the same name does in [`Typed`](crate::Typed), which has the full documentation. The
/// view borrows the hash: with `let mut typed = hash.typed(Json);` its methods can be called one after the other, and
/// afterwards those of the hash itself again.
///
/// # Errors
/// [`CodecError::Decode`] and [`CodecError::Encode`] as in `Typed`. [`CodecError::Refused`] if the hash refuses the write.
/// A method that returns an error has changed nothing. What the closure did before stays done, unless the call rolls back
/// ([`Store::try_update`](crate::Store::try_update)).
///
/// # Locking
/// Values are encoded and decoded under the lock that the closure runs under. A type's own code must therefore not call
/// any store, which would panic, and not wait for other threads.
pub struct TypedMut<'h, 'a, C> {
    hash: &'h mut HashMut<'a>,
    codec: C,
}

impl<C> fmt::Debug for TypedMut<'_, '_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedMut").field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// Values in fields.
impl<C: Codec> TypedMut<'_, '_, C> {
    /// Returns a view that can only read the hash. O(1).
    #[must_use]
    pub fn view(&self) -> TypedRef<'_, &C> {
        TypedRef { hash: self.hash.view(), codec: &self.codec }
    }

    /// Returns the value of a field, or `None` if there is no such field; see [`Typed::get`](crate::Typed::get). O(1),
    /// plus reading the value.
    ///
    /// # Errors
    /// [`CodecError::Decode`] if the field holds no `T`.
    pub fn get<T: DeserializeOwned>(&self, field: impl AsRef<[u8]>) -> Result<Option<T>> {
        self.view().get(field)
    }

    /// Returns the value of each of these fields, in their order; see [`Typed::get_many`](crate::Typed::get_many).
    /// O(fields), plus reading the values.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for the first field that holds no `T`.
    pub fn get_many<T: DeserializeOwned, F: AsRef<[u8]>>(
        &self,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<T>>> {
        self.view().get_many(fields)
    }

    /// Returns all fields with their values, in no particular order; see [`Typed::get_all`](crate::Typed::get_all).
    /// O(n), plus reading the values.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for a field that holds no `T`.
    pub fn get_all<T: DeserializeOwned>(&self) -> Result<Vec<(Vec<u8>, T)>> {
        self.view().get_all()
    }

    /// Sets a field, and returns whether it is new; see [`Typed::set`](crate::Typed::set). O(1), plus writing the value.
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn set<T: Serialize + ?Sized>(&mut self, field: impl AsRef<[u8]>, value: &T) -> Result<bool> {
        let field = field.as_ref();
        let bytes = self.encode(field, value)?;
        Ok(self.hash.set(field, bytes)?)
    }

    /// Sets fields, all or none, and returns how many are new; see [`Typed::set_many`](crate::Typed::set_many).
    /// O(pairs), plus writing the values.
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn set_many<'v, F: AsRef<[u8]>, T: Serialize + ?Sized + 'v>(
        &mut self,
        pairs: impl IntoIterator<Item = (F, &'v T)>,
    ) -> Result<usize> {
        let pairs = field::encode_all(&self.codec, self.hash.view().key(), pairs)?;
        Ok(self.hash.set_many(pairs)?)
    }

    /// Sets fields with deadlines or on conditions; see [`Typed::set_with`](crate::Typed::set_with). O(pairs), plus
    /// writing the values.
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn set_with<'v, F: AsRef<[u8]>, T: Serialize + ?Sized + 'v>(
        &mut self,
        pairs: impl IntoIterator<Item = (F, &'v T)>,
        options: SetOptions,
    ) -> Result<Option<usize>> {
        let pairs = field::encode_all(&self.codec, self.hash.view().key(), pairs)?;
        Ok(self.hash.set_with(pairs, options)?)
    }

    /// Returns the value of a field and changes its deadline; see
    /// [`Typed::get_and_expire`](crate::Typed::get_and_expire). O(1), plus reading the value.
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn get_and_expire<T: DeserializeOwned>(
        &mut self,
        field: impl AsRef<[u8]>,
        touch: impl Into<Touch>,
    ) -> Result<Option<T>> {
        let field = field.as_ref();
        let value = self.get(field)?;
        if value.is_some() {
            self.hash.get_and_expire(field, touch)?;
        }
        Ok(value)
    }

    /// Removes a field, and returns the value that it had; see [`Typed::take`](crate::Typed::take). O(1), plus reading
    /// the value.
    ///
    /// # Errors
    /// [`CodecError::Decode`] if the field holds no `T`. The field stays then.
    pub fn take<T: DeserializeOwned>(&mut self, field: impl AsRef<[u8]>) -> Result<Option<T>> {
        let field = field.as_ref();
        let value = self.get(field)?;
        if value.is_some() {
            self.hash.remove(field);
        }
        Ok(value)
    }

    /// Removes all fields, and returns them with the values that they had; see
    /// [`Typed::take_all`](crate::Typed::take_all). O(n), plus reading the values.
    ///
    /// # Errors
    /// [`CodecError::Decode`] for a field that holds no `T`. All fields stay then.
    pub fn take_all<T: DeserializeOwned>(&mut self) -> Result<Vec<(Vec<u8>, T)>> {
        let all = self.get_all()?;
        self.hash.clear();
        Ok(all)
    }

    /// Passes the value of a field to a closure, and replaces it by what the closure returns; see
    /// [`Typed::update`](crate::Typed::update). O(1), plus reading and writing the value.
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn update<T: Serialize + DeserializeOwned>(
        &mut self,
        field: impl AsRef<[u8]>,
        update: impl FnOnce(Option<T>) -> Option<T>,
    ) -> Result<Option<T>> {
        let field = field.as_ref();
        let new = update(self.get(field)?);
        match &new {
            Some(value) => {
                let bytes = self.encode(field, value)?;
                self.hash.set_keeping_deadline(field, &bytes)?;
            }
            None => _ = self.hash.remove(field),
        }
        Ok(new)
    }

    /// Sets a field to `new` (`None` removes it) if its value is `expected`, and returns whether it was; see
    /// [`Typed::compare_and_set`](crate::Typed::compare_and_set). O(1), plus reading and writing the value.
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn compare_and_set<T: Serialize + DeserializeOwned + PartialEq>(
        &mut self,
        field: impl AsRef<[u8]>,
        expected: Option<&T>,
        new: Option<&T>,
    ) -> Result<bool> {
        let field = field.as_ref();
        let new = new.map(|value| self.encode(field, value)).transpose()?;
        self.compare_and_put(field, expected, new.as_deref())
    }

    /// The same with a new value that is encoded already.
    pub(super) fn compare_and_put<T: DeserializeOwned + PartialEq>(
        &mut self,
        field: &[u8],
        expected: Option<&T>,
        new: Option<&[u8]>,
    ) -> Result<bool> {
        if self.get::<T>(field)?.as_ref() != expected {
            return Ok(false);
        }
        match new {
            Some(bytes) => _ = self.hash.set(field, bytes)?,
            None => _ = self.hash.remove(field),
        }
        Ok(true)
    }

    fn encode<T: Serialize + ?Sized>(&self, field: &[u8], value: &T) -> Result<Vec<u8>> {
        field::encode(&self.codec, self.hash.view().key(), field, value)
    }
}

/// A struct that is the hash. [`Typed`](crate::Typed) says in which notation the members are.
impl<C: Codec> TypedMut<'_, '_, C> {
    /// Replaces the hash by a struct; see [`Typed::save_object`](crate::Typed::save_object). O(members).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn save_object<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let members = to_members(&self.codec, self.hash.view().key(), value)?;
        Ok(save(self.hash, &members)?)
    }

    /// Replaces the hash by a struct, with deadlines or on conditions, and returns whether it was saved; see
    /// [`Typed::save_object_with`](crate::Typed::save_object_with). O(members).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn save_object_with<T: Serialize + ?Sized>(&mut self, value: &T, options: SetOptions) -> Result<bool> {
        let members = to_members(&self.codec, self.hash.view().key(), value)?;
        Ok(save_with(self.hash, &members, options)?)
    }

    /// Reads a struct from the hash, or returns `None` if it has no fields; see
    /// [`Typed::load_object`](crate::Typed::load_object). O(members).
    ///
    /// # Errors
    /// [`CodecError::Decode`] if the hash holds no `T`.
    pub fn load_object<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        self.view().load_object()
    }

    /// Reads a struct from the hash, passes it to a closure, and writes it back; see
    /// [`Typed::update_object`](crate::Typed::update_object). For a closure that can fail, use
    /// [`try_update_object`](Self::try_update_object). O(members).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn update_object<T: Serialize + DeserializeOwned, R>(
        &mut self,
        update: impl FnOnce(&mut T) -> R,
    ) -> Result<Option<R>> {
        self.try_update_object(|value| Ok(update(value)))
    }

    /// [`update_object`](Self::update_object) by a closure that can fail: if it returns `Err`, nothing is written; see
    /// [`Typed::try_update_object`](crate::Typed::try_update_object). O(members).
    ///
    /// # Errors
    /// Those of the closure, and those of `update_object`, converted to the closure's error type.
    pub fn try_update_object<T: Serialize + DeserializeOwned, R, E: From<CodecError>>(
        &mut self,
        update: impl FnOnce(&mut T) -> std::result::Result<R, E>,
    ) -> std::result::Result<Option<R>, E> {
        change::<C, T, R, Error, E>(&self.codec, self.hash, update)
    }

    /// Sets one member of an object, and returns whether its field is new; see
    /// [`Typed::set_member`](crate::Typed::set_member). O(1), plus writing the value.
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn set_member<T: Serialize + ?Sized>(&mut self, name: impl AsRef<[u8]>, value: &T) -> Result<bool> {
        let name = name.as_ref();
        match member_bytes::<C, T, Error>(&self.codec, self.hash.view().key(), name, value)? {
            Some(bytes) => Ok(self.hash.set(name, bytes)?),
            None => {
                self.hash.remove(name);
                Ok(false)
            }
        }
    }

    /// Returns one member of an object, or `None` if there is no such field; see
    /// [`Typed::get_member`](crate::Typed::get_member). O(1), plus reading the value.
    ///
    /// # Errors
    /// [`CodecError::Decode`] if the member is no `T`.
    pub fn get_member<T: DeserializeOwned>(&self, name: impl AsRef<[u8]>) -> Result<Option<T>> {
        self.view().get_member(name)
    }
}
