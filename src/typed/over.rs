//! `TypedHashes`: typed values and objects over everything that has the vocabulary of a store.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::Codec;
use super::error::CodecError;
use super::field;
use super::lent::TypedMut;
use super::object::{change, load, member, member_bytes, save, save_with, to_members};
use crate::expiry::{SetOptions, Touch};
use crate::hashes::Hashes;

type Result<T, H> = std::result::Result<T, CodecError<<H as Hashes>::Error>>;

/// A view of [`Hashes`] whose fields hold values of any serde type, and whose hashes can hold structs: what
/// [`Typed`](crate::Typed) is for a [`Store`](crate::Store), for code that runs on a store and on a server alike.
///
/// Each method does what that of the same name does in `Typed`, which has the full documentation. The bytes are the
/// same, so a store and a server can exchange them. Closures may run again, as in [`Hashes::update`].
///
/// ```
/// # #[cfg(feature = "json")] {
/// use hashlet::{CodecError, Hashes, Json, Store, TypedHashes};
///
/// fn add_score<H: Hashes>(hashes: &H, user: &str, score: u32) -> Result<usize, CodecError<H::Error>> {
///     let scores = TypedHashes::new(hashes, Json).update(user, "scores", |scores: Option<Vec<u32>>| {
///         let mut scores = scores.unwrap_or_default();
///         scores.push(score);
///         Some(scores)
///     })?;
///     Ok(scores.map_or(0, |scores| scores.len()))
/// }
///
/// let store = Store::new();
/// assert_eq!(add_score(&store, "user:1", 3)?, 1);
/// assert_eq!(store.typed(Json).get::<Vec<u32>>("user:1", "scores")?, Some(vec![3]));
/// # }
/// # Ok::<(), hashlet::CodecError>(())
/// ```
///
/// # Cost
/// A method that reads a value and changes it, such as [`update`](Self::update), fetches the whole hash from a server,
/// O(n), but is disturbed only by changes of the same field. All others fetch only what they name.
///
/// # Errors
/// [`CodecError::Decode`] and [`CodecError::Encode`] as in `Typed`. [`CodecError::Refused`] has the error of the hashes.
#[derive(Clone, Copy)]
pub struct TypedHashes<H, C> {
    hashes: H,
    codec: C,
}

impl<H: fmt::Debug, C> fmt::Debug for TypedHashes<H, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedHashes").field("hashes", &self.hashes).finish_non_exhaustive()
    }
}

/// Values in fields.
impl<H: Hashes, C: Codec> TypedHashes<H, C> {
    /// Returns a view of hashes, whose fields hold values that this codec writes. References and
    /// [`Arc`](std::sync::Arc)s of [`Hashes`] are `Hashes` too, so the view can borrow them or own them. O(1).
    #[must_use]
    pub fn new(hashes: H, codec: C) -> Self {
        Self { hashes, codec }
    }

    /// Returns the value of a field; see [`Typed::get`](crate::Typed::get).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn get<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<T>, H> {
        let (key, field) = (key.as_ref(), field.as_ref());
        let bytes = self.hashes.get(key, field).map_err(failed::<H>)?;
        bytes.map(|bytes| self.decode(key, field, &bytes)).transpose()
    }

    /// Returns the values of fields, of one instant; see [`Typed::get_many`](crate::Typed::get_many).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn get_many<T: DeserializeOwned, F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<T>>, H> {
        let key = key.as_ref();
        let fields: Vec<F> = fields.into_iter().collect();
        let values = self.hashes.get_many(key, &fields).map_err(failed::<H>)?.into_iter().zip(&fields);
        values.map(|(bytes, field)| bytes.map(|bytes| self.decode(key, field.as_ref(), &bytes)).transpose()).collect()
    }

    /// Returns all fields with their values, of one instant; see [`Typed::get_all`](crate::Typed::get_all).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn get_all<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Vec<(Vec<u8>, T)>, H> {
        let key = key.as_ref();
        let decode = |(field, bytes): (&[u8], &[u8])| Ok((field.to_vec(), self.decode(key, field, bytes)?));
        self.hashes.get_all(key).map_err(failed::<H>)?.iter().map(decode).collect()
    }

    /// Sets a field, and returns whether it is new; see [`Typed::set`](crate::Typed::set).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn set<T: Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: &T,
    ) -> Result<bool, H> {
        let (key, field) = (key.as_ref(), field.as_ref());
        self.hashes.set(key, field, self.encode(key, field, value)?).map_err(failed::<H>)
    }

    /// Sets fields in one atomic step, and returns how many are new; see [`Typed::set_many`](crate::Typed::set_many).
    ///
    /// # Errors
    /// As [the type](Self#errors) says. Nothing is changed then, except for `RemoteError::Unknown`.
    pub fn set_many<'v, F: AsRef<[u8]>, T: Serialize + ?Sized + 'v>(
        &self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, &'v T)>,
    ) -> Result<usize, H> {
        let key = key.as_ref();
        self.hashes.set_many(key, field::encode_all(&self.codec, key, pairs)?).map_err(failed::<H>)
    }

    /// Sets fields with deadlines or on conditions; see [`Typed::set_with`](crate::Typed::set_with).
    ///
    /// # Errors
    /// As of [`set_many`](Self::set_many).
    pub fn set_with<'v, F: AsRef<[u8]>, T: Serialize + ?Sized + 'v>(
        &self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, &'v T)>,
        options: SetOptions,
    ) -> Result<Option<usize>, H> {
        let key = key.as_ref();
        self.hashes.set_with(key, field::encode_all(&self.codec, key, pairs)?, options).map_err(failed::<H>)
    }

    /// Returns the value of a field and changes its deadline; see
    /// [`Typed::get_and_expire`](crate::Typed::get_and_expire).
    ///
    /// # Errors
    /// As [the type](Self#errors) says. The deadline stays as it was if the field holds no `T`.
    pub fn get_and_expire<T: DeserializeOwned>(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        touch: impl Into<Touch>,
    ) -> Result<Option<T>, H> {
        let (field, touch) = (field.as_ref(), touch.into());
        self.change(key, |hash| hash.get_and_expire(field, touch))
    }

    /// Removes a field, and returns the value that it had; see [`Typed::take`](crate::Typed::take).
    ///
    /// # Errors
    /// As [the type](Self#errors) says. The field stays if it holds no `T`.
    pub fn take<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<T>, H> {
        let field = field.as_ref();
        self.change(key, |hash| hash.take(field))
    }

    /// Removes all fields in one atomic step, and returns them with their values; see
    /// [`Typed::take_all`](crate::Typed::take_all).
    ///
    /// # Errors
    /// As [the type](Self#errors) says. All fields stay if one holds no `T`.
    pub fn take_all<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Vec<(Vec<u8>, T)>, H> {
        self.change(key, |hash| hash.take_all())
    }

    /// Passes the value of a field to a closure, and replaces it by what the closure returns; see
    /// [`Typed::update`](crate::Typed::update).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn update<T: Serialize + DeserializeOwned>(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        mut update: impl FnMut(Option<T>) -> Option<T>,
    ) -> Result<Option<T>, H> {
        let field = field.as_ref();
        self.change(key, |hash| hash.update(field, &mut update))
    }

    /// Sets a field to `new` if its value is `expected`; see
    /// [`Typed::compare_and_set`](crate::Typed::compare_and_set).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn compare_and_set<T: Serialize + DeserializeOwned + PartialEq>(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        expected: Option<&T>,
        new: Option<&T>,
    ) -> Result<bool, H> {
        let (key, field) = (key.as_ref(), field.as_ref());
        let new = new.map(|value| self.encode(key, field, value)).transpose()?;
        self.change(key, |hash| hash.compare_and_put(field, expected, new.as_deref()))
    }

    /// Changes a hash through the view that closures have, which has changed nothing when it fails.
    fn change<R>(
        &self,
        key: impl AsRef<[u8]>,
        mut change: impl FnMut(&mut TypedMut<'_, '_, &C>) -> std::result::Result<R, CodecError>,
    ) -> Result<R, H> {
        let changed = self.hashes.update(key, |hash| change(&mut hash.typed(&self.codec)));
        changed.map_err(failed::<H>)?.map_err(of_closure::<H>)
    }

    fn decode<T: DeserializeOwned>(&self, key: &[u8], field: &[u8], bytes: &[u8]) -> Result<T, H> {
        field::decode(&self.codec, key, field, bytes)
    }

    fn encode<T: Serialize + ?Sized>(&self, key: &[u8], field: &[u8], value: &T) -> Result<Vec<u8>, H> {
        field::encode(&self.codec, key, field, value)
    }
}

/// Structs as hashes. `Typed` says in which notation the members are.
impl<H: Hashes, C: Codec> TypedHashes<H, C> {
    /// Replaces a hash by a struct in one atomic step; see [`Typed::save_object`](crate::Typed::save_object).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn save_object<T: Serialize + ?Sized>(&self, key: impl AsRef<[u8]>, value: &T) -> Result<(), H> {
        let key = key.as_ref();
        let members = to_members(&self.codec, key, value)?;
        self.hashes.update(key, |hash| save(hash, &members)).map_err(failed::<H>)?.map_err(refused::<H>)
    }

    /// Replaces a hash by a struct with deadlines or on conditions, in one atomic step, and returns whether it was saved;
    /// see [`Typed::save_object_with`](crate::Typed::save_object_with).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn save_object_with<T: Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        value: &T,
        options: SetOptions,
    ) -> Result<bool, H> {
        let key = key.as_ref();
        let members = to_members(&self.codec, key, value)?;
        let saved = self.hashes.update(key, |hash| save_with(hash, &members, options));
        saved.map_err(failed::<H>)?.map_err(refused::<H>)
    }

    /// Reads a struct from a hash; see [`Typed::load_object`](crate::Typed::load_object).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn load_object<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Option<T>, H> {
        let key = key.as_ref();
        load(&self.codec, key, self.hashes.get_all(key).map_err(failed::<H>)?.view())
    }

    /// Reads a struct from a hash, passes it to a closure, and writes it back in one atomic step, whatever the closure
    /// returns; see [`Typed::update_object`](crate::Typed::update_object). For a closure that can fail, use
    /// [`try_update_object`](Self::try_update_object).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn update_object<T: Serialize + DeserializeOwned, R>(
        &self,
        key: impl AsRef<[u8]>,
        mut update: impl FnMut(&mut T) -> R,
    ) -> Result<Option<R>, H> {
        self.change(key, |hash| hash.update_object(&mut update))
    }

    /// [`update_object`](Self::update_object), but if the closure returns `Err`, nothing is written; see
    /// [`Typed::try_update_object`](crate::Typed::try_update_object).
    ///
    /// # Errors
    /// Those of the closure, and those of `update_object`.
    pub fn try_update_object<T: Serialize + DeserializeOwned, R, E: From<CodecError<H::Error>>>(
        &self,
        key: impl AsRef<[u8]>,
        mut update: impl FnMut(&mut T) -> std::result::Result<R, E>,
    ) -> std::result::Result<Option<R>, E> {
        let updated = self.hashes.update(key, |hash| change::<C, T, R, H::Error, E>(&self.codec, hash, &mut update));
        updated.map_err(failed::<H>)?
    }

    /// Sets one member of an object, and returns whether its field is new; see
    /// [`Typed::set_member`](crate::Typed::set_member).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn set_member<T: Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
        value: &T,
    ) -> Result<bool, H> {
        let (key, member) = (key.as_ref(), member.as_ref());
        match member_bytes::<C, T, H::Error>(&self.codec, key, member, value)? {
            Some(bytes) => self.hashes.set(key, member, bytes).map_err(failed::<H>),
            None => {
                self.hashes.remove(key, member).map_err(failed::<H>)?;
                Ok(false)
            }
        }
    }

    /// Returns one member of an object; see [`Typed::get_member`](crate::Typed::get_member).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn get_member<T: DeserializeOwned>(
        &self,
        key: impl AsRef<[u8]>,
        name: impl AsRef<[u8]>,
    ) -> Result<Option<T>, H> {
        let (key, name) = (key.as_ref(), name.as_ref());
        let bytes = self.hashes.get(key, name).map_err(failed::<H>)?;
        bytes.map(|bytes| member(&self.codec, key, name, &bytes)).transpose()
    }
}

/// The error of a call on the hashes.
fn failed<H: Hashes>(error: H::Error) -> CodecError<H::Error> {
    CodecError::Refused(error)
}

/// The error of a closure's call on its hash.
fn refused<H: Hashes>(error: crate::error::Error) -> CodecError<H::Error> {
    CodecError::Refused(error.into())
}

/// The error of a call on the view that closures have.
fn of_closure<H: Hashes>(error: CodecError) -> CodecError<H::Error> {
    match error {
        CodecError::Decode { key, field, reason } => CodecError::Decode { key, field, reason },
        CodecError::Encode { key, field, reason } => CodecError::Encode { key, field, reason },
        CodecError::Refused(error) => refused::<H>(error),
    }
}
