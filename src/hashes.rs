//! The vocabulary of a store as traits, so that a program can be written once for a store in its process, for a
//! server and for a cluster: [`Hashes`], [`Across`] and [`ExactExpiry`].
//!
//! | file | content |
//! |---|---|
//! | `across.rs` | the traits `Across` and `ExactExpiry`, which not everything with the vocabulary has |
//! | `forward.rs` | the list of the methods, and the implementations that only pass calls on |

mod across;
mod forward;

use std::borrow::Borrow;
use std::str::FromStr;
use std::time::SystemTime;

use crate::error::{Error, FieldError};
use crate::expiry::{ExpireCondition, ExpireOutcome, SetOptions, Touch, Ttl, When};
use crate::hash::Sample;
use crate::pattern::KeyPattern;
use crate::random::Random;
use crate::scan::{Cursor, KEYS_A_PAGE, Page, in_pages};
use crate::store::{Overwrite, TransferOutcome};
use crate::value::{HashMut, HashRef, HashValue, parse, string_of};
pub use across::{Across, ExactExpiry};
#[cfg(feature = "redis")]
pub(crate) use forward::vocabulary;

/// Fields with their values.
pub(crate) type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// The vocabulary of a [`Store`](crate::Store), for code that runs on a store in the process and on a server alike.
///
/// A `Store` implements it at no cost: each method calls the store's own one of the same name, which has the full
/// documentation. So do [`Durable`](crate::Durable), references and [`Arc`](std::sync::Arc)s. With the feature `redis`,
/// [`Remote`](crate::Remote) implements it over a Redis or Valkey server, and [`RemoteCluster`](crate::RemoteCluster) over a
/// cluster of them. [`Across`] has the updates of several keys, and
/// [`ExactExpiry`] is a promise that only stores in the process keep.
///
/// ```
/// use hashlet::{Hashes, Store};
///
/// fn visit<H: Hashes>(hashes: &H, user: &str) -> Result<i64, H::Error> {
///     hashes.increment(format!("user:{user}"), "visits", 1)
/// }
///
/// let store = Store::new();
/// assert_eq!(visit(&store, "ada")?, 1);
/// assert_eq!(store.get("user:ada", "visits").as_deref(), Some(&b"1"[..])); // the store's own method: no `Result`
/// # Ok::<(), hashlet::Error>(())
/// ```
///
/// # What differs from a store
/// * **Every method can fail**, because a network can. On a store, the methods that cannot be refused return `Ok`.
/// * **A closure may run again.** The closures of updates are `FnMut`: a server that was changed meanwhile makes them
///   run once more, on the new state. On a store each runs once.
/// * **What has expired** is absent for every call that returns fields or values, and for updates. A server removes it
///   some time later. Until then the counts (`size`, `key_count`) include it, and some answers about a field or a key that
///   has expired are those of one that is there: see [`Remote`](crate::Remote#what-has-expired). Everything is exact with
///   [`ExactExpiry`].
/// * **Keys of other types** exist on a server. Calls that are about a field fail for them. Calls that are about a whole key
///   do not look what it holds: `clear`, `clear_many`, `rename`, `copy`, `contains_key`, `ttl`, `deadline`, `expire`,
///   `expire_if`, `persist`, and `set_with` if its condition on the key is not met. `clear_all` removes them, and `key_count`
///   counts them.
/// * **On a cluster, the keys of one call must be in one slot**: `rename`, `copy` and `clear_many` fail otherwise, and change
///   nothing. Calls about all keys ask one server after the other. See [`RemoteCluster`](crate::RemoteCluster).
/// * `save`, `for_each`, `retain`, `stats`, `encoding`, `memory_usage` and `get_across` are not in it: they could not
///   mean the same on a server. [`get_many_across`](Self::get_many_across) promises one instant only for each key.
///
/// # Methods will be added
/// As [`Store`](crate::Store) gets new calls, so does this trait: with a default implementation, or in a new major version.
/// A type outside this crate that implements the trait keeps to one major version of it.
///
/// # Which method is called
/// A type's own methods win over those of a trait. So `store.get(…)` on a `Store` or a `&Store` stays what it is, even
/// where this trait is imported. On an `Arc<Store>` or a `Durable`, whose methods are those of the store inside, the
/// trait's methods win where it is imported, also by `use hashlet::*`: `(*arc).get(…)` calls the store's.
///
/// # Errors
/// On a store, those that the store's own method names. On a server, also those of the network, and what the server
/// refuses.
#[allow(clippy::type_complexity, reason = "the answers are those of the store's own methods")]
pub trait Hashes {
    /// The error of every method. It is [`hashlet::Error`](crate::Error) for a store. It can hold such an error, because
    /// the closures of updates meet them.
    type Error: std::error::Error + From<Error> + Send + Sync + 'static;

    /// Sets a field, and returns whether it is new. O(1). See [`Store::set`](crate::Store::set).
    ///
    /// # Errors
    /// That a limit is exceeded, as in `Store::set`. Otherwise as [the trait](Self#errors) says; so in all methods.
    #[doc(alias = "HSET")]
    fn set(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>)
    -> Result<bool, Self::Error>;

    /// Sets many fields, all or none, and returns how many of them are new. O(pairs). See
    /// [`Store::set_many`](crate::Store::set_many).
    ///
    /// # Errors
    /// As [`set`](Self::set). Nothing is changed then.
    #[doc(alias = "HSET")]
    fn set_many<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, V)>,
    ) -> Result<usize, Self::Error>;

    /// Returns the value of a field, or `None` if there is no such field or key. O(1). See
    /// [`Store::get`](crate::Store::get).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HGET")]
    fn get(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Returns the value of a field as text, or `None` if there is no such field or key. O(1), plus a look at each byte of
    /// the value. See [`Store::get_string`](crate::Store::get_string).
    ///
    /// # Errors
    /// [`FieldError::NotText`] if the value is not UTF-8. [`FieldError::Refused`] with the error of the call, as
    /// [the trait](Self#errors) says.
    #[doc(alias = "HGET")]
    #[track_caller]
    fn get_string(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
    ) -> Result<Option<String>, FieldError<Self::Error>> {
        let (key, field) = (key.as_ref(), field.as_ref());
        let value = self.get(key, field).map_err(FieldError::Refused)?;
        value.map(|value| string_of(key, field, value)).transpose()
    }

    /// Reads a value of any type that is [`FromStr`] from the text of a field. Returns `None` if there is no such field or
    /// key, and changes nothing. O(1), plus what the type takes. See [`Store::get_parsed`](crate::Store::get_parsed).
    ///
    /// ```
    /// use hashlet::{FieldError, Hashes, Store};
    ///
    /// fn visits<H: Hashes>(hashes: &H, user: &str) -> Result<u64, FieldError<H::Error>> {
    ///     Ok(hashes.get_parsed(user, "visits")?.unwrap_or(0))
    /// }
    ///
    /// let store = Store::new();
    /// store.set("user:1", "visits", "3")?;
    /// assert_eq!(visits(&store, "user:1")?, 3);
    /// assert_eq!(visits(&store, "user:2")?, 0);
    /// # Ok::<(), FieldError>(())
    /// ```
    ///
    /// # Errors
    /// [`FieldError::NotParsed`] if the type refuses the text. [`FieldError::NotText`] if the value is not UTF-8.
    /// [`FieldError::Refused`] with the error of the call, as [the trait](Self#errors) says.
    #[doc(alias = "HGET")]
    #[track_caller]
    fn get_parsed<T>(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
    ) -> Result<Option<T>, FieldError<Self::Error>>
    where
        T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let (key, field) = (key.as_ref(), field.as_ref());
        let value = self.get(key, field).map_err(FieldError::Refused)?;
        value.map(|value| parse(key, field, &value)).transpose()
    }

    /// Returns the value of each of these fields, in their order and of one instant. O(fields asked for). See
    /// [`Store::get_many`](crate::Store::get_many).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HMGET")]
    fn get_many<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<Vec<u8>>>, Self::Error>;

    /// Returns the values of these fields in each of these hashes: for each key, in their order, what
    /// [`get_many`](Self::get_many) returns, of one instant. O(keys × fields). A single server gets all requests at once.
    /// See [`Store::get_many_across`](crate::Store::get_many_across).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HMGET")]
    fn get_many_across<K: AsRef<[u8]>, F: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Vec<Option<Vec<u8>>>>, Self::Error> {
        let fields: Vec<F> = fields.into_iter().collect();
        keys.into_iter().map(|key| self.get_many(key, &fields)).collect()
    }

    /// Sets fields of many hashes, one hash after the other, and returns for each key, in their order, what
    /// [`set_many`](Self::set_many) returns. Each key is one step. A key that is refused does not keep those behind it
    /// from being set. O(pairs). A server is asked once for each key, so this takes a round trip a key. See
    /// [`Store::set_many_across`](crate::Store::set_many_across).
    ///
    /// # Errors
    /// Each key has its own, as in `set_many`.
    #[doc(alias = "HSET")]
    #[must_use = "a key that was refused has an `Err` in it"]
    fn set_many_across<K, P, F, V>(&self, hashes: impl IntoIterator<Item = (K, P)>) -> Vec<Result<usize, Self::Error>>
    where
        K: AsRef<[u8]>,
        P: IntoIterator<Item = (F, V)>,
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        hashes.into_iter().map(|(key, pairs)| self.set_many(key, pairs)).collect()
    }

    /// Returns a copy of the whole hash, which is empty if the key is missing. O(n). See
    /// [`Store::get_all`](crate::Store::get_all).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HGETALL")]
    fn get_all(&self, key: impl AsRef<[u8]>) -> Result<HashValue, Self::Error>;

    /// Returns all fields of a hash, in no particular order. O(n). See [`Store::fields`](crate::Store::fields).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HKEYS")]
    fn fields(&self, key: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, Self::Error>;

    /// Returns all values of a hash, in no particular order. O(n). See [`Store::values`](crate::Store::values).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HVALS")]
    fn values(&self, key: impl AsRef<[u8]>) -> Result<Vec<Vec<u8>>, Self::Error>;

    /// Returns whether the field exists. O(1). See [`Store::contains`](crate::Store::contains).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HEXISTS")]
    fn contains(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<bool, Self::Error>;

    /// Returns the length of a value in bytes, or `None` if there is no such field. O(1). See
    /// [`Store::value_len`](crate::Store::value_len).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HSTRLEN")]
    fn value_len(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<usize>, Self::Error>;

    /// Returns the number of fields of a hash. O(1). A server also counts fields that have expired and that it has not
    /// removed yet. See [`Store::size`](crate::Store::size).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HLEN")]
    fn size(&self, key: impl AsRef<[u8]>) -> Result<usize, Self::Error>;

    /// Sets a field if it is absent, and returns whether it was. O(1). See
    /// [`Store::set_if_absent`](crate::Store::set_if_absent).
    ///
    /// # Errors
    /// As [`set`](Self::set).
    #[doc(alias = "HSETNX")]
    fn set_if_absent(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<bool, Self::Error>;

    /// Sets a field to `new` (`None` removes it) if its value is `expected` (`None` for an absent field), and returns
    /// whether it was. O(1). See [`Store::compare_and_set`](crate::Store::compare_and_set).
    ///
    /// # Errors
    /// As [`set`](Self::set).
    fn compare_and_set(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool, Self::Error>;

    /// [`compare_and_set`](Self::compare_and_set), but a field that gets another value keeps the deadline that it has.
    /// O(1). See [`Store::compare_and_set_keep_ttl`](crate::Store::compare_and_set_keep_ttl).
    ///
    /// # Errors
    /// As [`set`](Self::set).
    #[doc(alias = "KEEPTTL")]
    fn compare_and_set_keep_ttl(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool, Self::Error> {
        let field = field.as_ref();
        self.try_update(key, |hash| Ok(hash.compare_and_set_keep_ttl(field, expected, new)?))
    }

    /// Removes a field, and returns whether it existed. O(1). See [`Store::remove`](crate::Store::remove).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HDEL")]
    fn remove(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<bool, Self::Error>;

    /// Removes many fields in one step, and returns how many existed. O(fields). See
    /// [`Store::remove_many`](crate::Store::remove_many).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HDEL")]
    fn remove_many<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<usize, Self::Error>;

    /// Removes a field, and returns the value that it had. O(1). See [`Store::take`](crate::Store::take).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HGETDEL")]
    fn take(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Removes many fields in one step, and returns the value that each had, in their order. O(fields). See
    /// [`Store::take_many`](crate::Store::take_many).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HGETDEL")]
    fn take_many<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<Vec<u8>>>, Self::Error> {
        let fields: Vec<F> = fields.into_iter().collect();
        self.update(key, |hash| hash.take_many(&fields))
    }

    /// Adds to the integer in a field, and returns the sum. O(1). A key that is not there gets this one field: for a number
    /// in an object use [`increment_existing`](Self::increment_existing). See
    /// [`Store::increment`](crate::Store::increment).
    ///
    /// # Errors
    /// That the value is no integer, or that the sum does not fit. Otherwise as [`set`](Self::set).
    #[doc(alias = "HINCRBY")]
    fn increment(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: i64) -> Result<i64, Self::Error>;

    /// Adds to the integer in a field if the key is there, and returns the sum. Returns `None` and changes nothing if there
    /// is no such key. O(1) on a store. On a server it is an [`update_existing`](Self::update_existing). See
    /// [`Store::increment_existing`](crate::Store::increment_existing).
    ///
    /// # Errors
    /// As [`increment`](Self::increment).
    #[doc(alias = "HINCRBY")]
    #[track_caller]
    fn increment_existing(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        amount: i64,
    ) -> Result<Option<i64>, Self::Error> {
        let field = field.as_ref();
        self.try_update_existing(key, |hash| Ok(hash.increment(field, amount)?))
    }

    /// Adds to the floating-point number in a field, and returns the sum. The text is the same on a store and on a
    /// server. O(1). See [`Store::increment_float`](crate::Store::increment_float).
    ///
    /// # Errors
    /// That the value or the amount is no finite number, or that the sum is not. Otherwise as [`set`](Self::set).
    #[doc(alias = "HINCRBYFLOAT")]
    fn increment_float(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: f64) -> Result<f64, Self::Error>;

    /// Lends a hash to a closure, and returns what the closure returns. O(1) on a store, plus the cost of the closure.
    /// A server sends a copy of the whole hash, of one instant. See [`Store::read`](crate::Store::read).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    ///
    /// # Locking
    /// On a store the closure runs under a lock, so it must not call a store. It must not do that on a server either.
    fn read<R>(&self, key: impl AsRef<[u8]>, read: impl FnOnce(&HashRef<'_>) -> R) -> Result<R, Self::Error>;

    /// Lends a hash to a closure, which can read and change it in one atomic step. What the closure did stays done,
    /// whatever it returns. See [`Store::update`](crate::Store::update).
    ///
    /// On a server the closure works on a copy, and runs again if somebody else has meanwhile changed what it read.
    /// So it should have no other effects.
    ///
    /// ```
    /// use hashlet::{Hashes, Store};
    ///
    /// fn drop_empty<H: Hashes>(hashes: &H, cart: &str) -> Result<usize, H::Error> {
    ///     hashes.update(cart, |cart| cart.retain(|_, count| count != b"0"))
    /// }
    ///
    /// let store = Store::new();
    /// store.set_many("cart:7", [("apples", "2"), ("pears", "0")])?;
    /// assert_eq!(drop_empty(&store, "cart:7")?, 1);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "MULTI")]
    fn update<R>(&self, key: impl AsRef<[u8]>, update: impl FnMut(&mut HashMut<'_>) -> R) -> Result<R, Self::Error>;

    /// [`update`](Self::update), but if the closure returns `Err` or panics, nothing is changed. See
    /// [`Store::try_update`](crate::Store::try_update). The closure's error type must be able to hold an error of the
    /// call itself.
    ///
    /// # Errors
    /// Those of the closure, and those of `update`.
    #[doc(alias = "MULTI")]
    fn try_update<R, E: From<Self::Error>>(
        &self,
        key: impl AsRef<[u8]>,
        update: impl FnMut(&mut HashMut<'_>) -> Result<R, E>,
    ) -> Result<R, E>;

    /// [`update`](Self::update) of a hash that is there. Returns what the closure returns, or `None` if there is no such
    /// key. The closure does not run then, and nothing is created. On a server, the hash must still be there when it is
    /// changed. See [`Store::update_existing`](crate::Store::update_existing).
    ///
    /// ```
    /// use std::time::Duration;
    /// use hashlet::{Hashes, Store};
    ///
    /// fn prolong<H: Hashes>(hashes: &H, id: &str) -> Result<bool, H::Error> {
    ///     Ok(hashes.update_existing(id, |session| session.expire(Duration::from_secs(1_800)))?.is_some())
    /// }
    ///
    /// let store = Store::new();
    /// store.set("session:9", "user", "ada")?;
    /// assert!(prolong(&store, "session:9")?);
    /// assert!(!prolong(&store, "session:10")?);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "MULTI")]
    #[doc(alias = "XX")]
    #[track_caller]
    fn update_existing<R>(
        &self,
        key: impl AsRef<[u8]>,
        mut update: impl FnMut(&mut HashMut<'_>) -> R,
    ) -> Result<Option<R>, Self::Error> {
        self.update(key, |hash| (!hash.is_empty()).then(|| update(hash)))
    }

    /// [`try_update`](Self::try_update) of a hash that is there. Returns what the closure returns, or `Ok(None)` if there is
    /// no such key. The closure does not run then, and nothing is created. See
    /// [`Store::try_update_existing`](crate::Store::try_update_existing).
    ///
    /// # Errors
    /// Those of the closure, and those of `update`.
    #[doc(alias = "MULTI")]
    #[doc(alias = "XX")]
    #[track_caller]
    fn try_update_existing<R, E: From<Self::Error>>(
        &self,
        key: impl AsRef<[u8]>,
        mut update: impl FnMut(&mut HashMut<'_>) -> Result<R, E>,
    ) -> Result<Option<R>, E> {
        self.try_update(key, |hash| if hash.is_empty() { Ok(None) } else { update(hash).map(Some) })
    }

    /// Returns a random field with its value. O(1). See [`Store::random_field`](crate::Store::random_field).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HRANDFIELD")]
    fn random_field(&self, key: impl AsRef<[u8]>) -> Result<Option<(Vec<u8>, Vec<u8>)>, Self::Error>;

    /// Returns random fields with their values. O(fields returned). See
    /// [`Store::random_fields`](crate::Store::random_fields).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HRANDFIELD")]
    fn random_fields(&self, key: impl AsRef<[u8]>, sample: Sample) -> Result<Pairs, Self::Error>;

    /// Returns random fields without their values. O(fields returned). See
    /// [`Store::random_field_names`](crate::Store::random_field_names).
    ///
    /// The default implementation drops the values of [`random_fields`](Self::random_fields).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HRANDFIELD")]
    fn random_field_names(&self, key: impl AsRef<[u8]>, sample: Sample) -> Result<Vec<Vec<u8>>, Self::Error> {
        Ok(self.random_fields(key, sample)?.into_iter().map(|(field, _)| field).collect())
    }

    /// Returns a random key of a hash, or `None` if there is none. See [`Store::random_key`](crate::Store::random_key).
    ///
    /// A server takes O(1), and chooses among keys of all types, all about equally likely. If sixteen in a row are of
    /// other types, the call walks over the keys until it finds a hash, which is O(n). In a cluster, the number of a server's
    /// keys decides how likely it is asked.
    ///
    /// The default implementation goes through all keys, which is O(n). All are equally likely if
    /// [`iter_keys`](Self::iter_keys) meets each once.
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "RANDOMKEY")]
    fn random_key(&self) -> Result<Option<Vec<u8>>, Self::Error> {
        let (mut random, mut chosen) = (Random::of_process(), None);
        for (others, key) in self.iter_keys().enumerate() {
            let key = key?;
            if random.below(others + 1) == 0 {
                chosen = Some(key);
            }
        }
        Ok(chosen)
    }

    /// Returns whether the key exists. O(1). On a server, keys of other types exist too. See
    /// [`Store::contains_key`](crate::Store::contains_key).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "EXISTS")]
    fn contains_key(&self, key: impl AsRef<[u8]>) -> Result<bool, Self::Error>;

    /// Removes a key with its hash, and returns whether it existed. O(1). See [`Store::clear`](crate::Store::clear).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "DEL")]
    #[doc(alias = "UNLINK")]
    fn clear(&self, key: impl AsRef<[u8]>) -> Result<bool, Self::Error>;

    /// Removes many keys with their hashes, and returns how many existed. O(keys). See
    /// [`Store::clear_many`](crate::Store::clear_many).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "DEL")]
    fn clear_many<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<usize, Self::Error>;

    /// Moves a hash to another key. See [`Store::rename`](crate::Store::rename).
    ///
    /// # Errors
    /// That the new key is too long. Otherwise as [the trait](Self#errors) says.
    #[doc(alias = "RENAME")]
    fn rename(
        &self,
        key: impl AsRef<[u8]>,
        new: impl AsRef<[u8]>,
        overwrite: Overwrite,
    ) -> Result<TransferOutcome, Self::Error>;

    /// Copies a hash to another key. O(n). See [`Store::copy`](crate::Store::copy). A server does not tell why it did not
    /// copy, so it is asked afterwards whether there is a hash.
    ///
    /// # Errors
    /// That the new key is too long. Otherwise as [the trait](Self#errors) says.
    #[doc(alias = "COPY")]
    fn copy(
        &self,
        key: impl AsRef<[u8]>,
        new: impl AsRef<[u8]>,
        overwrite: Overwrite,
    ) -> Result<TransferOutcome, Self::Error>;

    /// Returns all keys of hashes, in no particular order and not of one instant. O(n). See
    /// [`Store::keys`](crate::Store::keys).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "KEYS")]
    fn keys(&self) -> Result<Vec<Vec<u8>>, Self::Error>;

    /// Returns the number of keys. O(shards), or O(1) on a server, which also counts keys of other types and keys that
    /// have expired and that it has not removed yet. See [`Store::key_count`](crate::Store::key_count).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "DBSIZE")]
    fn key_count(&self) -> Result<usize, Self::Error>;

    /// Returns whether there are no keys. As [`key_count`](Self::key_count).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    fn is_empty(&self) -> Result<bool, Self::Error> {
        Ok(self.key_count()? == 0)
    }

    /// Removes all keys; on a server, those of other types too. See [`Store::clear_all`](crate::Store::clear_all).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "FLUSHDB")]
    fn clear_all(&self) -> Result<(), Self::Error>;

    /// Returns a page of a hash, and the cursor of the next page. O(count). See [`Store::scan`](crate::Store::scan). A
    /// server may return a field twice, and pages that are longer or shorter than asked for, or even empty.
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HSCAN")]
    fn scan(
        &self,
        key: impl AsRef<[u8]>,
        cursor: Option<Cursor>,
        count: usize,
    ) -> Result<Page<(Vec<u8>, Vec<u8>)>, Self::Error>;

    /// Returns a page of the fields of a hash without their values, and the cursor of the next page. O(count). See
    /// [`Store::scan_fields`](crate::Store::scan_fields), and for servers [`scan`](Self::scan), whose cursors are the same.
    ///
    /// The default implementation drops the values of `scan`.
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HSCAN")]
    fn scan_fields(
        &self,
        key: impl AsRef<[u8]>,
        cursor: Option<Cursor>,
        count: usize,
    ) -> Result<Page<Vec<u8>>, Self::Error> {
        Ok(self.scan(key, cursor, count)?.without_values())
    }

    /// Returns a page of all keys of hashes, and the cursor of the next page. O(count). See
    /// [`Store::scan_keys`](crate::Store::scan_keys). A server may return a key twice, as in [`scan`](Self::scan).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "SCAN")]
    fn scan_keys(&self, cursor: Option<Cursor>, count: usize) -> Result<Page<Vec<u8>>, Self::Error>;

    /// Returns an iterator over all keys of hashes, which fetches them in pages of [`scan_keys`](Self::scan_keys). It
    /// ends after its first error. See [`Store::iter_keys`](crate::Store::iter_keys).
    ///
    /// # Errors
    /// The items can be errors, as [the trait](Self#errors) says.
    #[doc(alias = "SCAN")]
    fn iter_keys(&self) -> impl Iterator<Item = Result<Vec<u8>, Self::Error>> {
        in_pages(|cursor| self.scan_keys(cursor, KEYS_A_PAGE))
    }

    /// Looks at about `count` keys of hashes, and returns those that match a pattern, with the cursor of the next page. A page
    /// can be empty though others follow. O(count). See [`Store::scan_keys_matching`](crate::Store::scan_keys_matching). A
    /// server may return a key twice, as in [`scan`](Self::scan).
    ///
    /// The default implementation drops the keys of [`scan_keys`](Self::scan_keys) that do not match.
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "SCAN")]
    fn scan_keys_matching(
        &self,
        pattern: impl Borrow<KeyPattern>,
        cursor: Option<Cursor>,
        count: usize,
    ) -> Result<Page<Vec<u8>>, Self::Error> {
        let (pattern, mut page) = (pattern.borrow(), self.scan_keys(cursor, count)?);
        page.items.retain(|key| pattern.matches(key));
        Ok(page)
    }

    /// Returns an iterator over the keys of hashes that match a pattern, which fetches them in pages of
    /// [`scan_keys_matching`](Self::scan_keys_matching). It ends after its first error. See
    /// [`Store::iter_keys_matching`](crate::Store::iter_keys_matching).
    ///
    /// # Errors
    /// The items can be errors, as [the trait](Self#errors) says.
    #[doc(alias = "SCAN")]
    #[doc(alias = "KEYS")]
    fn iter_keys_matching<P: Borrow<KeyPattern>>(
        &self,
        pattern: P,
    ) -> impl Iterator<Item = Result<Vec<u8>, Self::Error>> {
        in_pages(move |cursor| self.scan_keys_matching(pattern.borrow(), cursor, KEYS_A_PAGE))
    }

    /// Removes all hashes whose keys match a pattern, page by page, and returns how many it has removed. It is not one
    /// step. After an error some are removed, and another call goes on. O(n). See
    /// [`Store::clear_matching`](crate::Store::clear_matching).
    ///
    /// Keys of other types stay on a server, unless they replace a hash at the very moment. A single server removes the
    /// keys of a page in one round trip. A cluster takes one for each key.
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "SCAN")]
    #[doc(alias = "UNLINK")]
    fn clear_matching(&self, pattern: impl Borrow<KeyPattern>) -> Result<usize, Self::Error> {
        let mut removed = 0;
        for key in self.iter_keys_matching(pattern) {
            removed += usize::from(self.clear(key?)?);
        }
        Ok(removed)
    }

    /// Gives a key a deadline. O(1). A server counts a [`Duration`](std::time::Duration) from its own time, so it does
    /// not matter whether the clocks agree. See [`Store::expire`](crate::Store::expire).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says. A server refuses deadlines that it cannot hold, which are later than the
    /// year 4199.
    #[doc(alias = "EXPIRE")]
    fn expire(&self, key: impl AsRef<[u8]>, when: impl Into<When>) -> Result<ExpireOutcome, Self::Error> {
        self.expire_if(key, when, ExpireCondition::Always)
    }

    /// Gives a key a deadline if a condition is met. O(1). See [`Store::expire_if`](crate::Store::expire_if).
    ///
    /// # Errors
    /// As [`expire`](Self::expire).
    #[doc(alias = "EXPIRE")]
    fn expire_if(
        &self,
        key: impl AsRef<[u8]>,
        when: impl Into<When>,
        condition: ExpireCondition,
    ) -> Result<ExpireOutcome, Self::Error>;

    /// Returns how long a key has left to live. O(1). See [`Store::ttl`](crate::Store::ttl).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "PTTL")]
    fn ttl(&self, key: impl AsRef<[u8]>) -> Result<Ttl, Self::Error>;

    /// Returns when a key will expire. O(1). See [`Store::deadline`](crate::Store::deadline).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "PEXPIRETIME")]
    fn deadline(&self, key: impl AsRef<[u8]>) -> Result<Option<SystemTime>, Self::Error>;

    /// Removes a key's deadline, and returns whether it had one. O(1). See [`Store::persist`](crate::Store::persist).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "PERSIST")]
    fn persist(&self, key: impl AsRef<[u8]>) -> Result<bool, Self::Error>;

    /// Gives a field a deadline. O(1). See [`Store::expire_field`](crate::Store::expire_field).
    ///
    /// # Errors
    /// As [`expire`](Self::expire).
    #[doc(alias = "HEXPIRE")]
    fn expire_field(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        when: impl Into<When>,
    ) -> Result<ExpireOutcome, Self::Error> {
        self.expire_field_if(key, field, when, ExpireCondition::Always)
    }

    /// Gives a field a deadline if a condition is met. O(1). See
    /// [`Store::expire_field_if`](crate::Store::expire_field_if).
    ///
    /// # Errors
    /// As [`expire`](Self::expire).
    #[doc(alias = "HEXPIRE")]
    fn expire_field_if(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        when: impl Into<When>,
        condition: ExpireCondition,
    ) -> Result<ExpireOutcome, Self::Error>;

    /// Gives many fields a deadline in one step. O(fields). See [`Store::expire_fields`](crate::Store::expire_fields).
    ///
    /// # Errors
    /// As [`expire`](Self::expire).
    #[doc(alias = "HEXPIRE")]
    fn expire_fields<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
        when: impl Into<When>,
    ) -> Result<Vec<ExpireOutcome>, Self::Error> {
        self.expire_fields_if(key, fields, when, ExpireCondition::Always)
    }

    /// Gives many fields a deadline if a condition is met, in one step. O(fields). See
    /// [`Store::expire_fields_if`](crate::Store::expire_fields_if).
    ///
    /// # Errors
    /// As [`expire`](Self::expire).
    #[doc(alias = "HEXPIRE")]
    fn expire_fields_if<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
        when: impl Into<When>,
        condition: ExpireCondition,
    ) -> Result<Vec<ExpireOutcome>, Self::Error>;

    /// Returns how long a field has left to live by its own deadline. O(1). See
    /// [`Store::field_ttl`](crate::Store::field_ttl).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HPTTL")]
    fn field_ttl(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<Ttl, Self::Error>;

    /// Returns how long each of these fields has left to live, in their order. O(fields). See
    /// [`Store::field_ttls`](crate::Store::field_ttls).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HPTTL")]
    fn field_ttls<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Ttl>, Self::Error>;

    /// Returns when a field will expire by its own deadline. O(1). See
    /// [`Store::field_deadline`](crate::Store::field_deadline).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HPEXPIRETIME")]
    fn field_deadline(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>)
    -> Result<Option<SystemTime>, Self::Error>;

    /// Returns when each of these fields will expire, in their order. O(fields). See
    /// [`Store::field_deadlines`](crate::Store::field_deadlines).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HPEXPIRETIME")]
    fn field_deadlines<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<SystemTime>>, Self::Error>;

    /// Removes a field's deadline, and returns whether it had one. O(1). See
    /// [`Store::persist_field`](crate::Store::persist_field).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HPERSIST")]
    fn persist_field(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Result<bool, Self::Error>;

    /// Removes the deadlines of many fields in one step. O(fields). See
    /// [`Store::persist_fields`](crate::Store::persist_fields).
    ///
    /// # Errors
    /// As [the trait](Self#errors) says.
    #[doc(alias = "HPERSIST")]
    fn persist_fields<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<bool>, Self::Error>;

    /// Sets many fields in one step, with deadlines and on conditions. Returns how many fields are new, or `None` if a
    /// condition is not met. O(pairs). See [`Store::set_with`](crate::Store::set_with).
    ///
    /// # Errors
    /// As [`set`](Self::set) and [`expire`](Self::expire).
    #[doc(alias = "HSETEX")]
    fn set_with<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, V)>,
        options: SetOptions,
    ) -> Result<Option<usize>, Self::Error>;

    /// Returns the value of a field, and changes the field's deadline in the same step. O(1). See
    /// [`Store::get_and_expire`](crate::Store::get_and_expire).
    ///
    /// # Errors
    /// As [`expire`](Self::expire). On a store also that there is no room for the deadline.
    #[doc(alias = "HGETEX")]
    fn get_and_expire(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        touch: impl Into<Touch>,
    ) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Returns the values of many fields, and changes the fields' deadlines, in one step. O(fields). See
    /// [`Store::get_many_and_expire`](crate::Store::get_many_and_expire).
    ///
    /// # Errors
    /// As [`get_and_expire`](Self::get_and_expire).
    #[doc(alias = "HGETEX")]
    fn get_many_and_expire<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
        touch: impl Into<Touch>,
    ) -> Result<Vec<Option<Vec<u8>>>, Self::Error>;

    /// Adds to the integer in a field, and gives the field a deadline if it has none, in one step: a counter that
    /// starts anew when its time is over. O(1). See
    /// [`Store::increment_and_expire`](crate::Store::increment_and_expire).
    ///
    /// # Errors
    /// As [`increment`](Self::increment) and [`expire`](Self::expire).
    #[doc(alias = "HINCRBY")]
    fn increment_and_expire(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        amount: i64,
        when: impl Into<When>,
    ) -> Result<i64, Self::Error>;
}
