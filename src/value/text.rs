//! Values as text, and as what is read from text.

use std::str::{FromStr, from_utf8};

use crate::error::{FieldError, Reason};
use crate::value::{HashMut, HashRef, HashValue};

/// Turns a value that was copied into text.
pub(crate) fn string_of<E>(key: &[u8], field: &[u8], value: Vec<u8>) -> Result<String, FieldError<E>> {
    String::from_utf8(value).map_err(|error| FieldError::not_text(key, field)(error.utf8_error()))
}

/// Reads a value of a type from its text.
pub(crate) fn parse<T, E>(key: &[u8], field: &[u8], value: &[u8]) -> Result<T, FieldError<E>>
where
    T: FromStr<Err: Into<Reason>>,
{
    let text = from_utf8(value).map_err(FieldError::not_text(key, field))?;
    text.parse().map_err(|error: T::Err| FieldError::not_parsed(key, field)(error.into()))
}

impl<'a> HashRef<'a> {
    /// Returns the value of a field as text, or `None` if there is no such field. O(1), plus a look at each byte of the
    /// value. Nothing is copied.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// let is_ada = store.read("user:1", |user| Ok::<_, hashlet::FieldError>(user.get_str("name")? == Some("Ada")))?;
    /// assert!(is_ada);
    /// # Ok::<(), hashlet::FieldError>(())
    /// ```
    ///
    /// # Errors
    /// [`FieldError::NotText`] if the value is not UTF-8.
    #[doc(alias = "HGET")]
    pub fn get_str(&self, field: impl AsRef<[u8]>) -> Result<Option<&'a str>, FieldError> {
        let field = field.as_ref();
        let text =
            self.get(field).map(|value| from_utf8(value).map_err(FieldError::not_text(self.record.key(), field)));
        text.transpose()
    }

    /// Reads a value of any type that is [`FromStr`] from the text of a field. Returns `None` if there is no such field.
    /// O(1), plus what the type takes.
    ///
    /// [`Store::get_parsed`](crate::Store::get_parsed) tells which types it takes, and how numbers differ from those of
    /// [`HashMut::increment`].
    ///
    /// # Errors
    /// [`FieldError::NotParsed`] if the type refuses the text. [`FieldError::NotText`] if the value is not UTF-8.
    ///
    /// # Locking
    /// In a closure of a store, the type's own code runs under the lock of the closure. It must not call a store.
    #[doc(alias = "HGET")]
    pub fn get_parsed<T>(&self, field: impl AsRef<[u8]>) -> Result<Option<T>, FieldError>
    where
        T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let field = field.as_ref();
        self.get(field).map(|value| parse(self.record.key(), field, value)).transpose()
    }
}

impl HashMut<'_> {
    /// Returns the value of a field as text, as [`HashRef::get_str`] does.
    ///
    /// # Errors
    /// As [`HashRef::get_str`].
    #[doc(alias = "HGET")]
    pub fn get_str(&self, field: impl AsRef<[u8]>) -> Result<Option<&str>, FieldError> {
        self.view().get_str(field)
    }

    /// Reads a value of any type that is [`FromStr`] from the text of a field, as [`HashRef::get_parsed`] does.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set("stock", "apples", "5")?;
    /// let sold = store.try_update("stock", |stock| -> Result<bool, hashlet::FieldError> {
    ///     if stock.get_parsed::<i64>("apples")?.unwrap_or(0) < 3 {
    ///         return Ok(false);
    ///     }
    ///     stock.increment("apples", -3)?;
    ///     Ok(true)
    /// })?;
    /// assert!(sold);
    /// # Ok::<(), hashlet::FieldError>(())
    /// ```
    ///
    /// # Errors
    /// As [`HashRef::get_parsed`].
    ///
    /// # Locking
    /// As [`HashRef::get_parsed`].
    #[doc(alias = "HGET")]
    pub fn get_parsed<T>(&self, field: impl AsRef<[u8]>) -> Result<Option<T>, FieldError>
    where
        T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        self.view().get_parsed(field)
    }
}

impl HashValue {
    /// Returns the value of a field as text, as [`HashRef::get_str`] does. An error names no key.
    ///
    /// # Errors
    /// As [`HashRef::get_str`].
    #[doc(alias = "HGET")]
    pub fn get_str(&self, field: impl AsRef<[u8]>) -> Result<Option<&str>, FieldError> {
        self.view().get_str(field)
    }

    /// Reads a value of any type that is [`FromStr`] from the text of a field, as [`HashRef::get_parsed`] does. An error
    /// names no key.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("point", [("x", "3"), ("y", "4.5")])?;
    /// let point = store.get_all("point");
    /// let [x, y] = ["x", "y"].map(|field| point.get_parsed::<f64>(field));
    /// assert_eq!((x?, y?), (Some(3.0), Some(4.5)));
    /// # Ok::<(), hashlet::FieldError>(())
    /// ```
    ///
    /// # Errors
    /// As [`HashRef::get_parsed`].
    #[doc(alias = "HGET")]
    pub fn get_parsed<T>(&self, field: impl AsRef<[u8]>) -> Result<Option<T>, FieldError>
    where
        T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        self.view().get_parsed(field)
    }
}
