//! Updates that take back what they did when they fail.

use crate::error::Error;
use crate::hash::Scope;
use crate::shard::attempt;
use crate::store::Store;
use crate::sync::InClosure;
use crate::value::HashMut;

impl Store {
    /// Lends a hash to a closure, to read and change it in one atomic step: all that the closure does if it returns `Ok`, and
    /// nothing of it if it returns `Err` or panics. Returns what the closure returns. A missing key is an empty hash; if the
    /// hash is empty in the end, there is no such key.
    ///
    /// After an `Err` or a panic, fields, values, deadlines and key are as they were before the call. What had expired by then
    /// stays gone. [`update`](Self::update) keeps what was done before an error: take it for closures that cannot fail, or
    /// that want to keep what they did.
    ///
    /// O(1), what the closure does, and what it takes to undo that. A packed hash is copied at the first change. A table keeps
    /// a copy of the field and the value of each change, and is kept whole when it is cleared, until the call ends; these
    /// copies do not count against [`max_bytes`](crate::Limits::max_bytes). Bytes that the closure frees are free for other
    /// keys after the call. Segments of a table that have grown in a call that is rolled back
    /// are shrunk; one that was split stays so.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("cart:7", [("apples", "2"), ("note", "gift")])?;
    /// let failed = store.try_update("cart:7", |cart| {
    ///     cart.increment("apples", 1)?;
    ///     cart.increment("note", 1) // is no number
    /// });
    /// assert_eq!(failed, Err(hashlet::Error::NotAnInteger));
    /// assert_eq!(store.get("cart:7", "apples").as_deref(), Some(&b"2"[..])); // as before
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of the closure, and no others.
    ///
    /// # Panics
    /// If the closure panics, or calls any store; the hash is as before the call then. A value whose `Drop` calls a store while
    /// the closure unwinds panics within that panic, which aborts the process.
    ///
    /// # Locking
    /// The closure runs under the write lock of the key's shard: everybody else on that shard waits for it, and for the
    /// rollback. Do not wait for other threads in it.
    #[doc(alias = "MULTI")]
    #[doc(alias = "DISCARD")]
    #[doc(alias = "rollback")]
    pub fn try_update<R, E>(
        &self,
        key: impl AsRef<[u8]>,
        update: impl FnOnce(&mut HashMut<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.make_room();
        self.visit(key.as_ref(), Scope::Hash, |visit| {
            attempt(visit, |[(record, cx)]| {
                let _inside = InClosure::enter();
                update(&mut HashMut::new(record, cx))
            })
        })
    }

    /// Lends the hashes of several keys to a closure, to read and change all of them in one atomic step: all that the closure
    /// does if it returns `Ok`, and nothing of it, in any of the hashes, if it returns `Err` or panics. Otherwise as
    /// [`try_update`](Self::try_update). O(N log N), and as there. The closure's error type can hold an [`Error`], because the
    /// call itself can fail with one.
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
    /// [`Error::RepeatedKey`] if a key is there twice, and then the closure is not called; otherwise those of the closure.
    ///
    /// # Panics
    /// If the closure panics, or calls any store; the hashes are as before the call then. A second panic while the first
    /// unwinds aborts the process, as in [`try_update`](Self::try_update).
    ///
    /// # Locking
    /// The closure runs under the write locks of all the keys' shards, as in [`update_many`](Self::update_many). Do not wait for
    /// other threads in it.
    #[doc(alias = "MULTI")]
    #[doc(alias = "DISCARD")]
    #[doc(alias = "transaction")]
    #[allow(clippy::needless_pass_by_value, reason = "an array written in place reads best")]
    pub fn try_update_many<K: AsRef<[u8]>, const N: usize, R, E: From<Error>>(
        &self,
        keys: [K; N],
        update: impl FnOnce(&mut [HashMut<'_>; N]) -> Result<R, E>,
    ) -> Result<R, E> {
        let keys = keys.each_ref().map(AsRef::as_ref);
        self.make_room();
        self.visit_many(keys, |visits| {
            attempt(visits, |records| {
                let _inside = InClosure::enter();
                update(&mut records.map(|(record, cx)| HashMut::new(record, cx)))
            })
        })?
    }
}

#[cfg(all(test, feature = "snapshot"))]
mod tests {
    use super::*;

    /// Of what was rolled back an autosave sees nothing.
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
