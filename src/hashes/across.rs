//! What only some of those have that have the vocabulary of a store.

use super::Hashes;
use crate::value::HashMut;

/// Updates of several hashes in one atomic step. A store does them, and a single server. A cluster of servers does not,
/// because the keys may be on different ones; it has updates of keys with one tag, by methods of its own.
///
/// ```
/// use hashlet::{Across, Store};
///
/// fn transfer<H: Across>(hashes: &H, keys: [&str; 2], amount: i64) -> Result<(), H::Error> {
///     hashes.try_update_many(keys, |[from, to]| {
///         from.increment("balance", -amount)?;
///         to.increment("balance", amount)?;
///         Ok(())
///     })
/// }
///
/// let store = Store::new();
/// transfer(&store, ["account:1", "account:2"], 30)?;
/// assert_eq!(store.get("account:2", "balance").as_deref(), Some(&b"30"[..]));
/// # Ok::<(), hashlet::Error>(())
/// ```
pub trait Across: Hashes {
    /// Lends the hashes of several keys to a closure, which can read and change all of them in one atomic step. See
    /// [`Store::update_many`](crate::Store::update_many). On a server the closure may run again, as in
    /// [`Hashes::update`].
    ///
    /// # Errors
    /// That a key is given twice. Otherwise as [`Hashes`](Hashes#errors) says.
    #[doc(alias = "MULTI")]
    fn update_many<K: AsRef<[u8]>, const N: usize, R>(
        &self,
        keys: [K; N],
        update: impl FnMut(&mut [HashMut<'_>; N]) -> R,
    ) -> Result<R, Self::Error>;

    /// [`update_many`](Self::update_many), but if the closure returns `Err` or panics, nothing is changed. See
    /// [`Store::try_update_many`](crate::Store::try_update_many).
    ///
    /// # Errors
    /// Those of the closure, and those of `update_many`.
    #[doc(alias = "MULTI")]
    fn try_update_many<K: AsRef<[u8]>, const N: usize, R, E: From<Self::Error>>(
        &self,
        keys: [K; N],
        update: impl FnMut(&mut [HashMut<'_>; N]) -> Result<R, E>,
    ) -> Result<R, E>;

    /// [`update_many`](Self::update_many) for a number of keys that is known only at run time. See
    /// [`Store::update_slice`](crate::Store::update_slice).
    ///
    /// # Errors
    /// Those of `update_many`.
    #[doc(alias = "MULTI")]
    fn update_slice<K: AsRef<[u8]>, R>(
        &self,
        keys: &[K],
        update: impl FnMut(&mut [HashMut<'_>]) -> R,
    ) -> Result<R, Self::Error>;

    /// [`try_update_many`](Self::try_update_many) for a number of keys that is known only at run time. See
    /// [`Store::try_update_slice`](crate::Store::try_update_slice).
    ///
    /// # Errors
    /// Those of the closure, and those of `update_many`.
    #[doc(alias = "MULTI")]
    fn try_update_slice<K: AsRef<[u8]>, R, E: From<Self::Error>>(
        &self,
        keys: &[K],
        update: impl FnMut(&mut [HashMut<'_>]) -> Result<R, E>,
    ) -> Result<R, E>;
}

/// A promise: what has expired is never counted, to the millisecond. [`Store`](crate::Store) and
/// [`Durable`](crate::Durable) keep it. A server counts what has expired until it has removed it, and takes a key whose
/// fields have all expired for one that is there.
///
/// A program whose rules depend on exact counts asks for it, and then does not compile with a server:
///
/// ```
/// use hashlet::{ExactExpiry, Store};
///
/// fn is_within<H: ExactExpiry>(hashes: &H, client: &str, most: usize) -> Result<bool, H::Error> {
///     Ok(hashes.size(client)? <= most) // one field for each open request, each with a deadline
/// }
///
/// assert!(is_within(&Store::new(), "client:1", 10)?);
/// # Ok::<(), hashlet::Error>(())
/// ```
pub trait ExactExpiry: Hashes {}
