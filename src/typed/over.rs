//! `TypedHashes`: typed values and objects over everything that has the vocabulary of a store.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::Codec;
use super::error::CodecError;
use super::field;
use super::object::{change, load, member, member_bytes, save, to_members};
use crate::expiry::{SetOptions, Touch};
use crate::hashes::Hashes;
use crate::value::HashMut;

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
pub struct TypedHashes<'a, H, C> {
    hashes: &'a H,
    codec: C,
}

impl<H: fmt::Debug, C> fmt::Debug for TypedHashes<'_, H, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedHashes").field("hashes", self.hashes).finish_non_exhaustive()
    }
}

impl<H, C: Clone> Clone for TypedHashes<'_, H, C> {
    fn clone(&self) -> Self {
        Self { hashes: self.hashes, codec: self.codec.clone() }
    }
}

impl<H, C: Copy> Copy for TypedHashes<'_, H, C> {}

/// Values in fields.
impl<'a, H: Hashes, C: Codec> TypedHashes<'a, H, C> {
    /// Returns a view of hashes, whose fields hold values that this codec writes. O(1).
    #[must_use]
    pub fn new(hashes: &'a H, codec: C) -> Self {
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
        let touch = touch.into();
        self.with_value(key.as_ref(), field.as_ref(), |hash, field| hash.get_and_expire(field, touch).map(drop))
    }

    /// Removes a field, and returns the value that it had; see [`Typed::take`](crate::Typed::take).
    ///
    /// # Errors
    /// As [the type](Self#errors) says. The field stays if it holds no `T`.
    pub fn take<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<T>, H> {
        self.with_value(key.as_ref(), field.as_ref(), |hash, field| {
            hash.remove(field);
            Ok(())
        })
    }

    /// Removes all fields in one atomic step, and returns them with their values; see
    /// [`Typed::take_all`](crate::Typed::take_all).
    ///
    /// # Errors
    /// As [the type](Self#errors) says. All fields stay if one holds no `T`.
    pub fn take_all<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Vec<(Vec<u8>, T)>, H> {
        let key = key.as_ref();
        self.change(key, |hash| {
            let decode = |(field, bytes): (&[u8], &[u8])| Ok((field.to_vec(), self.decode(key, field, bytes)?));
            let all = hash.iter().map(decode).collect::<Result<_, H>>()?;
            hash.clear();
            Ok(all)
        })
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
        let (key, field) = (key.as_ref(), field.as_ref());
        self.change(key, |hash| {
            let old = hash.get(field).map(|bytes| self.decode(key, field, bytes)).transpose()?;
            let new = update(old);
            match &new {
                Some(value) => {
                    let bytes = self.encode(key, field, value)?;
                    hash.set_keeping_deadline(field, &bytes).map_err(refused::<H>)?;
                }
                None => _ = hash.remove(field),
            }
            Ok(new)
        })
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
        self.change(key, |hash| {
            let old = hash.get(field).map(|bytes| self.decode::<T>(key, field, bytes)).transpose()?;
            if old.as_ref() != expected {
                return Ok(false);
            }
            match &new {
                Some(bytes) => _ = hash.set(field, bytes).map_err(refused::<H>)?,
                None => _ = hash.remove(field),
            }
            Ok(true)
        })
    }

    /// Changes a hash by a closure that has changed nothing when it fails.
    fn change<R, E: From<CodecError<H::Error>>>(
        &self,
        key: &[u8],
        change: impl FnMut(&mut HashMut<'_>) -> std::result::Result<R, E>,
    ) -> std::result::Result<R, E> {
        self.hashes.update(key, change).map_err(failed::<H>)?
    }

    /// Reads the value of a field, and then changes the field.
    fn with_value<T: DeserializeOwned>(
        &self,
        key: &[u8],
        field: &[u8],
        change: impl Fn(&mut HashMut<'_>, &[u8]) -> crate::error::Result<()>,
    ) -> Result<Option<T>, H> {
        self.change(key, |hash| {
            let Some(bytes) = hash.get(field) else { return Ok(None) };
            let value = self.decode(key, field, bytes)?;
            change(hash, field).map_err(refused::<H>)?;
            Ok(Some(value))
        })
    }

    fn decode<T: DeserializeOwned>(&self, key: &[u8], field: &[u8], bytes: &[u8]) -> Result<T, H> {
        field::decode(&self.codec, key, field, bytes)
    }

    fn encode<T: Serialize + ?Sized>(&self, key: &[u8], field: &[u8], value: &T) -> Result<Vec<u8>, H> {
        field::encode(&self.codec, key, field, value)
    }
}

/// Structs as hashes. `Typed` says in which notation the members are.
impl<H: Hashes, C: Codec> TypedHashes<'_, H, C> {
    /// Replaces a hash by a struct in one atomic step; see [`Typed::save_object`](crate::Typed::save_object).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn save_object<T: Serialize + ?Sized>(&self, key: impl AsRef<[u8]>, value: &T) -> Result<(), H> {
        let key = key.as_ref();
        let members = to_members(&self.codec, key, value)?;
        self.change(key, |hash| save(hash, &members).map_err(refused::<H>))
    }

    /// Reads a struct from a hash; see [`Typed::load_object`](crate::Typed::load_object).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn load_object<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Option<T>, H> {
        let key = key.as_ref();
        load(&self.codec, key, self.hashes.get_all(key).map_err(failed::<H>)?.view())
    }

    /// Reads a struct from a hash, passes it to a closure, and writes it back in one atomic step; see
    /// [`Typed::update_object`](crate::Typed::update_object).
    ///
    /// # Errors
    /// As [the type](Self#errors) says.
    pub fn update_object<T: Serialize + DeserializeOwned, R>(
        &self,
        key: impl AsRef<[u8]>,
        mut update: impl FnMut(&mut T) -> R,
    ) -> Result<Option<R>, H> {
        let key = key.as_ref();
        self.change(key, |hash| change(&self.codec, key, hash, |value| Ok(update(value))))
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
        let key = key.as_ref();
        self.change(key, |hash| change::<C, T, R, H::Error, E>(&self.codec, key, hash, &mut update))
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
