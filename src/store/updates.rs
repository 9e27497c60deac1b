//! Updates in a closure: those that keep what they did before an error, and those that are undone as a whole.

use crate::error::Error;
#[cfg(feature = "serde")]
use crate::error::Refusal;
use crate::hash::Scope;
use crate::shard::{AnyNumber, Attempted, Fixed, attempt};
use crate::store::Store;
use crate::store::journaled::Logged;
use crate::sync::InClosure;
use crate::value::HashMut;

/// # Updates in a closure
/// A closure reads and changes one hash, or several, in one atomic step. What [`update`](Self::update) and
/// [`update_many`](Self::update_many) did before an error or a panic stays done. [`try_update`](Self::try_update) and
/// [`try_update_many`](Self::try_update_many) undo it.
///
/// See the guide: [`guide::atomic`](crate::guide::atomic). The example programs `versioned` and `session_store` use
/// updates from several threads.
impl Store {
    /// Lends a hash to a closure, which can read and change it in one atomic step. Returns what the closure returns. A
    /// missing key is an empty hash. If the hash is empty at the end, the key is gone. O(1), plus the cost of the
    /// closure.
    ///
    /// What the closure did before an error or a panic stays done. For a closure that can fail halfway, use
    /// [`try_update`](Self::try_update), which undoes it.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("cart:7", [("apples", "2"), ("pears", "0")])?;
    /// let removed = store.update("cart:7", |cart| cart.retain(|_, count| count != b"0"));
    /// assert_eq!((removed, store.size("cart:7")), (1, 1));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the closure panics, or calls any store. If the `Drop` of a value calls a store while the closure unwinds,
    /// this second panic aborts the process.
    ///
    /// # Locking
    /// The closure runs under the write lock of the key's shard, and all other calls on that shard wait for it. Do not
    /// wait for other threads in the closure.
    #[doc(alias = "MULTI")]
    #[track_caller]
    pub fn update<R>(&self, key: impl AsRef<[u8]>, update: impl FnOnce(&mut HashMut<'_>) -> R) -> R {
        let (result, logged) = self.update_logged(key.as_ref(), update);
        logged.ignore();
        result
    }

    /// [`update`](Self::update) of a hash that is there. Returns what the closure returns, or `None` if there is no such
    /// key. The closure does not run then, and nothing is created. O(1), plus the cost of the closure.
    ///
    /// Use it where a hash that somebody else has removed must stay gone, and where a hash without all of its fields is
    /// of no use: objects, sessions, carts.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let store = hashlet::Store::new();
    /// store.set("session:9", "user", "ada")?;
    /// let prolong = |id: &str| {
    ///     store.update_existing(id, |session| {
    ///         session.expire(Duration::from_secs(1_800));
    ///         session.increment("pages", 1)
    ///     })
    /// };
    /// assert_eq!(prolong("session:9"), Some(Ok(1)));
    /// assert_eq!(prolong("session:10"), None);
    /// assert!(!store.contains_key("session:10"));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Panics
    /// As [`update`](Self::update).
    ///
    /// # Locking
    /// As [`update`](Self::update).
    #[doc(alias = "MULTI")]
    #[doc(alias = "XX")]
    #[track_caller]
    pub fn update_existing<R>(&self, key: impl AsRef<[u8]>, update: impl FnOnce(&mut HashMut<'_>) -> R) -> Option<R> {
        self.make_room();
        let (result, logged) = self.visit_existing(key.as_ref(), |visit| {
            let (record, cx) = visit.lend();
            let _inside = InClosure::enter();
            update(&mut HashMut::new(record, cx))
        });
        logged.ignore();
        result
    }

    #[inline]
    #[track_caller]
    fn update_logged<R>(&self, key: &[u8], update: impl FnOnce(&mut HashMut<'_>) -> R) -> (R, Logged) {
        self.make_room();
        self.visit(key, Scope::Hash, |visit| {
            let (record, cx) = visit.lend();
            let _inside = InClosure::enter();
            update(&mut HashMut::new(record, cx))
        })
    }

    /// [`update`](Self::update) for closures of this crate which change nothing before their first call that can be
    /// refused. If the store is full, this purges everything expired and runs the closure once more.
    #[cfg(feature = "serde")]
    #[track_caller]
    pub(crate) fn update_with_room<R, E: Refusal>(
        &self,
        key: &[u8],
        update: impl Fn(&mut HashMut<'_>) -> std::result::Result<R, E>,
    ) -> std::result::Result<R, E> {
        self.with_room(|| {
            let (result, logged) = self.update_logged(key, &update);
            Ok(logged.or_unlogged(result?)?)
        })
    }

    /// Lends a hash to a closure, which can read and change it in one atomic step. If the closure returns `Ok`,
    /// everything that it did is kept. If it returns `Err` or panics, all of it is undone. Returns what the closure
    /// returns. A missing key is an empty hash. If the hash is empty at the end, the key is gone.
    ///
    /// After an `Err` or a panic, fields, values, deadlines and the key are as they were before the call. Only what had
    /// already expired stays removed. [`update`](Self::update) keeps what was done before an error. Use it for closures
    /// that cannot fail, or that want to keep what they did.
    ///
    /// O(1), plus the cost of the closure and of undoing its changes. A packed hash is copied before its first change.
    /// A table keeps a copy of the field and the value of each change until the call ends. A table that is cleared is
    /// kept as a whole until then. These copies do not count against [`max_bytes`](crate::Limits::max_bytes). Bytes
    /// that the closure frees become free for other keys after the call. If a call is rolled back, segments of a table
    /// that have grown in it shrink again. A segment that was split stays split.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("cart:7", [("apples", "2"), ("note", "gift")])?;
    /// let failed = store.try_update("cart:7", |cart| {
    ///     cart.increment("apples", 1)?;
    ///     cart.increment("note", 1) // not a number
    /// });
    /// assert_eq!(failed, Err(hashlet::Error::NotAnInteger));
    /// assert_eq!(store.get("cart:7", "apples").as_deref(), Some(&b"2"[..])); // as before
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of the closure, and no others.
    ///
    /// # Panics
    /// If the closure panics, or calls any store. The hash is then as it was before the call. If the `Drop` of a value
    /// calls a store while the closure unwinds, this second panic aborts the process.
    ///
    /// # Locking
    /// The closure runs under the write lock of the key's shard. All other calls on that shard wait for it, and for the
    /// rollback. Do not wait for other threads in the closure.
    #[doc(alias = "MULTI")]
    #[doc(alias = "DISCARD")]
    #[doc(alias = "rollback")]
    #[track_caller]
    pub fn try_update<R, E>(
        &self,
        key: impl AsRef<[u8]>,
        update: impl FnOnce(&mut HashMut<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let (result, logged) = self.try_update_logged(key.as_ref(), update);
        logged.ignore();
        result
    }

    /// [`try_update`](Self::try_update) that also tells whether the journal has what was done.
    #[inline]
    #[track_caller]
    pub(super) fn try_update_logged<R, E>(
        &self,
        key: &[u8],
        update: impl FnOnce(&mut HashMut<'_>) -> Result<R, E>,
    ) -> (Result<R, E>, Logged) {
        self.make_room();
        self.visit(key, Scope::Hash, |visit| {
            attempt(visit, 1, |[(record, cx)]| {
                let _inside = InClosure::enter();
                update(&mut HashMut::new(record, cx))
            })
        })
    }

    /// [`try_update`](Self::try_update) of a hash that is there. Returns what the closure returns, or `Ok(None)` if there is
    /// no such key. The closure does not run then, and nothing is created. O(1), plus the costs of `try_update`.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("account:1", [("owner", "ada"), ("balance", "100")])?;
    /// let pay = |account: &str, amount: i64| {
    ///     store.try_update_existing(account, |account| match account.increment("balance", -amount)? {
    ///         left @ 0.. => Ok::<i64, Box<dyn std::error::Error>>(left),
    ///         _ => Err("not enough".into()),
    ///     })
    /// };
    /// assert_eq!(pay("account:1", 30).unwrap(), Some(70));
    /// assert!(pay("account:1", 300).is_err());
    /// assert_eq!(pay("account:2", 30).unwrap(), None);
    /// assert_eq!(store.get_parsed("account:1", "balance").unwrap(), Some(70));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of the closure, and no others. Everything that it did is undone then.
    ///
    /// # Panics
    /// As [`try_update`](Self::try_update).
    ///
    /// # Locking
    /// As [`try_update`](Self::try_update).
    #[doc(alias = "MULTI")]
    #[doc(alias = "XX")]
    #[track_caller]
    pub fn try_update_existing<R, E>(
        &self,
        key: impl AsRef<[u8]>,
        update: impl FnOnce(&mut HashMut<'_>) -> Result<R, E>,
    ) -> Result<Option<R>, E> {
        self.make_room();
        let (result, logged) = self.visit_existing(key.as_ref(), |visit| {
            attempt(visit, 1, |[(record, cx)]| {
                let _inside = InClosure::enter();
                update(&mut HashMut::new(record, cx))
            })
        });
        logged.ignore();
        result.transpose()
    }

    /// Lends the hashes of several keys to a closure, which can read and change all of them in one atomic step. Returns
    /// what the closure returns. A missing key is an empty hash, and a hash that is empty at the end loses its key.
    /// O(N log N), plus the cost of the closure.
    ///
    /// What the closure did before an error or a panic stays done, as in [`update`](Self::update). For a closure that
    /// can fail halfway, use [`try_update_many`](Self::try_update_many), which undoes it.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("queue:1", [("job:1", "mail"), ("job:2", "report")])?;
    /// let moved = store.update_many(["queue:1", "queue:2"], |[from, to]| {
    ///     let job = from.take("job:2")?;
    ///     to.set("job:2", job).ok()
    /// })?;
    /// assert_eq!(moved, Some(true));
    /// assert_eq!(store.get("queue:2", "job:2").as_deref(), Some(&b"report"[..]));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::RepeatedKey`] if a key is given twice. The closure is not called then.
    ///
    /// # Panics
    /// If the closure panics, or calls any store. A second panic while the first one unwinds aborts the process, as in
    /// [`read`](Self::read).
    ///
    /// # Locking
    /// The closure runs under the write locks of the shards of all keys. Every call takes such locks in the same order,
    /// so calls with the same keys in different orders cannot deadlock. Do not wait for other threads in the closure.
    #[doc(alias = "MULTI")]
    #[allow(clippy::needless_pass_by_value, reason = "an array written in place reads best")]
    #[track_caller]
    pub fn update_many<K: AsRef<[u8]>, const N: usize, R>(
        &self,
        keys: [K; N],
        update: impl FnOnce(&mut [HashMut<'_>; N]) -> R,
    ) -> crate::error::Result<R> {
        let keys = keys.each_ref().map(AsRef::as_ref);
        self.make_room();
        self.change_many(keys, |records, cx| {
            let _inside = InClosure::enter();
            update(&mut records.map(|record| HashMut::new(record, cx)))
        })
    }

    /// Lends the hashes of several keys to a closure, which can read and change all of them in one atomic step. If the
    /// closure returns `Ok`, everything that it did is kept. If it returns `Err` or panics, all of it is undone, in
    /// every hash. Otherwise this is like [`try_update`](Self::try_update). O(N log N), plus the costs named there.
    ///
    /// The closure's error type must be able to hold an [`Error`], because the call itself can fail with one.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set("account:1", "balance", "100")?;
    /// let transfer = |amount| {
    ///     store.try_update_many(["account:1", "account:2"], |[from, to]| -> Result<(), Box<dyn std::error::Error>> {
    ///         to.increment("balance", amount)?;
    ///         if from.increment("balance", -amount)? < 0 {
    ///             return Err("not enough".into());
    ///         }
    ///         Ok(())
    ///     })
    /// };
    /// assert!(transfer(30).is_ok());
    /// assert!(transfer(300).is_err());
    /// let balances = store.get_across(["account:1", "account:2"], "balance");
    /// assert_eq!(balances, [Some(b"70".to_vec()), Some(b"30".to_vec())]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::RepeatedKey`] if a key is given twice. The closure is not called then. Otherwise the errors of the
    /// closure.
    ///
    /// # Panics
    /// If the closure panics, or calls any store. The hashes are then as they were before the call. A second panic
    /// while the first one unwinds aborts the process, as in [`try_update`](Self::try_update).
    ///
    /// # Locking
    /// The closure runs under the write locks of the shards of all keys, as in [`update_many`](Self::update_many). Do
    /// not wait for other threads in the closure.
    #[doc(alias = "MULTI")]
    #[doc(alias = "DISCARD")]
    #[doc(alias = "transaction")]
    #[allow(clippy::needless_pass_by_value, reason = "an array written in place reads best")]
    #[track_caller]
    pub fn try_update_many<K: AsRef<[u8]>, const N: usize, R, E: From<Error>>(
        &self,
        keys: [K; N],
        update: impl FnOnce(&mut [HashMut<'_>; N]) -> Result<R, E>,
    ) -> Result<R, E> {
        let keys = keys.each_ref().map(AsRef::as_ref);
        self.make_room();
        self.visit_many::<Fixed<N>, _>(&keys, |visits| {
            attempt(visits, N, |records| {
                let _inside = InClosure::enter();
                update(&mut records.map(|(record, cx)| HashMut::new(record, cx)))
            })
        })?
    }

    /// [`update_many`](Self::update_many) for a number of keys that is known only at run time. The closure gets a slice
    /// with the hash of each key, in their order. O(N log N), plus the cost of the closure. For a closure that can fail use
    /// [`try_update_slice`](Self::try_update_slice).
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// let order = vec![("apples", "2"), ("pears", "1")]; // as it came
    /// let keys: Vec<String> = order.iter().map(|(name, _)| format!("stock:{name}")).collect();
    /// for key in &keys {
    ///     store.set(key, "left", "5")?;
    /// }
    /// let are_counted = store.update_slice(&keys, |stocks| {
    ///     let counted = stocks.iter_mut().zip(&order).map(|(stock, (_, count))| stock.set("left", count).is_ok());
    ///     counted.filter(|is_counted| *is_counted).count()
    /// })?;
    /// assert_eq!(are_counted, 2);
    /// assert_eq!(store.get_across(&keys, "left"), [Some(b"2".to_vec()), Some(b"1".to_vec())]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::RepeatedKey`] if a key is given twice. The closure is not called then.
    ///
    /// # Panics
    /// As [`update_many`](Self::update_many).
    ///
    /// # Locking
    /// The closure runs under the write locks of the shards of all keys, as in [`update_many`](Self::update_many). Many keys
    /// are in many shards, and all calls on these shards wait.
    #[doc(alias = "MULTI")]
    #[track_caller]
    pub fn update_slice<K: AsRef<[u8]>, R>(
        &self,
        keys: &[K],
        update: impl FnOnce(&mut [HashMut<'_>]) -> R,
    ) -> crate::error::Result<R> {
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        self.make_room();
        self.visit_many::<AnyNumber, _>(&keys, |visits| {
            let cx = visits.context();
            let mut hashes: Vec<_> = visits.records().into_iter().map(|record| HashMut::new(record, cx)).collect();
            let _inside = InClosure::enter();
            update(&mut hashes)
        })
    }

    /// [`try_update_many`](Self::try_update_many) for a number of keys that is known only at run time. The closure gets a
    /// slice with the hash of each key, in their order. O(N log N), plus the costs named there.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// let keys = vec!["seat:1", "seat:2", "seat:3"]; // all of them, or none
    /// store.set("seat:2", "taken by", "Grace")?;
    /// let book = |name: &str| {
    ///     store.try_update_slice(&keys, |seats| -> Result<(), Box<dyn std::error::Error>> {
    ///         for seat in seats {
    ///             if !seat.set_if_absent("taken by", name)? {
    ///                 return Err("a seat is taken".into());
    ///             }
    ///         }
    ///         Ok(())
    ///     })
    /// };
    /// assert!(book("Ada").is_err());
    /// assert!(!store.contains_key("seat:1")); // undone
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::RepeatedKey`] if a key is given twice. The closure is not called then. Otherwise the errors of the
    /// closure.
    ///
    /// # Panics
    /// As [`try_update_many`](Self::try_update_many).
    ///
    /// # Locking
    /// As [`update_slice`](Self::update_slice).
    #[doc(alias = "MULTI")]
    #[doc(alias = "DISCARD")]
    #[doc(alias = "transaction")]
    #[track_caller]
    pub fn try_update_slice<K: AsRef<[u8]>, R, E: From<Error>>(
        &self,
        keys: &[K],
        update: impl FnOnce(&mut [HashMut<'_>]) -> Result<R, E>,
    ) -> Result<R, E> {
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        self.make_room();
        self.visit_many::<AnyNumber, _>(&keys, |visits| {
            attempt(visits, keys.len(), |records| {
                let mut hashes: Vec<_> = records.into_iter().map(|(record, cx)| HashMut::new(record, cx)).collect();
                let _inside = InClosure::enter();
                update(&mut hashes)
            })
        })?
    }
}

#[cfg(all(test, feature = "snapshot"))]
mod tests {
    use super::*;

    /// An autosave does not count what was rolled back.
    #[test]
    fn what_is_rolled_back_counts_as_no_change() {
        for fields in [1, 1_000] {
            let store = Store::builder().shards(1).build();
            store.set_many("a", (0..fields).map(|n| (n.to_string(), "v"))).unwrap();
            let before = store.changes();
            let failed = store.try_update("a", |hash| {
                hash.clear();
                Err::<(), _>(())
            });
            assert_eq!((failed, store.changes()), (Err(()), before));
            let failed = store.try_update_many(["a", "b", "c"], |[a, b, _]| {
                b.set("f", "v")?;
                a.increment("0", 1)
            });
            assert_eq!((failed, store.changes()), (Err(Error::NotAnInteger), before));
            let done = store.try_update("a", |hash| hash.set("0", "w"));
            assert_eq!((done, store.changes()), (Ok(false), before + 1));
        }
    }
}
