//! Calls on the fields of one key. Each public method only turns its arguments into byte slices; what it does stands in a
//! function of its own name, which is compiled once.

#[cfg(feature = "serde")]
use crate::error::Refusal;
use crate::error::Result;
use crate::hash::{Pair, Record, Scope};
use crate::store::Store;
use crate::sync::InClosure;
use crate::value::{Arguments, HashMut, HashRef, HashValue};

impl Store {
    /// Returns the value of a field, or `None` if there is no such field or key. O(1); a packed hash looks at one byte
    /// for each of its fields.
    #[doc(alias = "HGET")]
    pub fn get(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        fn get(store: &Store, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
            store.look(key, Scope::Field(field), |record, cx| record?.get(field, cx).map(<[u8]>::to_vec))
        }
        get(self, key.as_ref(), field.as_ref())
    }

    /// Returns the value of each of these fields, in their order, all of one instant. O(fields asked).
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// assert_eq!(store.get_many("user:1", ["name", "email"]), [Some(b"Ada".to_vec()), None]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "HMGET")]
    pub fn get_many<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Vec<Option<Vec<u8>>> {
        fn get_many(store: &Store, key: &[u8], fields: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
            store.look(key, Scope::Fields(fields), |record, cx| {
                fields.iter().map(|field| record?.get(field, cx).map(<[u8]>::to_vec)).collect()
            })
        }
        get_many(self, key.as_ref(), &Arguments::fields(fields).as_fields())
    }

    /// Returns a copy of the whole hash, empty when the key is missing. O(n); one allocation for a packed hash.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("point", [("x", "3"), ("y", "4")])?;
    /// let point = store.get_all("point");
    /// assert_eq!(point.get("y"), Some(&b"4"[..]));
    /// assert!(store.get_all("nowhere").is_empty());
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "HGETALL")]
    pub fn get_all(&self, key: impl AsRef<[u8]>) -> HashValue {
        fn get_all(store: &Store, key: &[u8]) -> HashValue {
            store.look(key, Scope::Hash, |record, cx| {
                record.map_or_else(|| HashValue::empty(cx.rules), |record| HashValue::copy_of(record, cx.rules))
            })
        }
        get_all(self, key.as_ref())
    }

    /// Returns all fields of a hash, in no particular order. O(n).
    #[doc(alias = "HKEYS")]
    pub fn fields(&self, key: impl AsRef<[u8]>) -> Vec<Vec<u8>> {
        self.copy_pairs(key.as_ref(), |(field, _)| field.to_vec())
    }

    /// Returns all values of a hash, in no particular order. O(n).
    #[doc(alias = "HVALS")]
    pub fn values(&self, key: impl AsRef<[u8]>) -> Vec<Vec<u8>> {
        self.copy_pairs(key.as_ref(), |(_, value)| value.to_vec())
    }

    fn copy_pairs(&self, key: &[u8], copy: impl FnMut((&[u8], &[u8])) -> Vec<u8>) -> Vec<Vec<u8>> {
        self.look(key, Scope::Hash, |record, _| {
            record.map(|record| record.pairs().map(copy).collect()).unwrap_or_default()
        })
    }

    /// Returns whether there is such a field. O(1).
    #[doc(alias = "HEXISTS")]
    pub fn contains(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> bool {
        self.value_len(key, field).is_some()
    }

    /// Returns the length of a field's value in bytes, or `None` if there is no such field. O(1).
    #[doc(alias = "HSTRLEN")]
    pub fn value_len(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Option<usize> {
        fn value_len(store: &Store, key: &[u8], field: &[u8]) -> Option<usize> {
            store.look(key, Scope::Field(field), |record, cx| record?.get(field, cx).map(<[u8]>::len))
        }
        value_len(self, key.as_ref(), field.as_ref())
    }

    /// Returns the number of fields of a hash, 0 when the key is missing. O(1).
    #[doc(alias = "HLEN")]
    pub fn size(&self, key: impl AsRef<[u8]>) -> usize {
        self.look(key.as_ref(), Scope::Hash, |record, _| record.map_or(0, Record::len))
    }

    /// Sets a field, and returns whether it is new. O(1); a packed hash moves the bytes behind a value that changes
    /// its length.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// assert!(store.set("user:1", "name", "Ada")?);
    /// assert!(!store.set("user:1", "name", "Ada Lovelace")?); // updated
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// What passes a limit: [`Error::KeyTooLong`](crate::Error::KeyTooLong),
    /// [`FieldTooLong`](crate::Error::FieldTooLong), [`ValueTooLong`](crate::Error::ValueTooLong),
    /// [`TooManyFields`](crate::Error::TooManyFields), [`Full`](crate::Error::Full). Nothing is changed then.
    #[doc(alias = "HSET")]
    pub fn set(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        fn set(store: &Store, key: &[u8], field: &[u8], value: &[u8]) -> Result<bool> {
            store.try_change_or_create(key, Scope::Field(field), |record, cx| record.set(field, value, cx))
        }
        set(self, key.as_ref(), field.as_ref(), value.as_ref())
    }

    /// Sets many fields in one atomic step, all or none, and returns how many are new; of a repeated field the last
    /// value counts, and it is counted once. O(pairs).
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// assert_eq!(store.set_many("user:1", [("name", "Ada"), ("visits", "0")])?, 2);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set); nothing is changed then.
    #[doc(alias = "HSET")]
    #[doc(alias = "HMSET")]
    pub fn set_many<F, V>(&self, key: impl AsRef<[u8]>, pairs: impl IntoIterator<Item = (F, V)>) -> Result<usize>
    where
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        fn set_many(store: &Store, key: &[u8], pairs: &[Pair<'_>]) -> Result<usize> {
            store.try_change_or_create(key, Scope::Pairs(pairs), |record, cx| record.set_many(pairs, cx))
        }
        set_many(self, key.as_ref(), &Arguments::pairs(pairs).as_pairs())
    }

    /// Sets a field that is absent, and returns whether it was. Of many threads that try at once, one is told `true`.
    /// O(1).
    ///
    /// # Errors
    /// As [`set`](Self::set).
    #[doc(alias = "HSETNX")]
    pub fn set_if_absent(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<bool> {
        self.compare_and_set(key, field, None, Some(value.as_ref()))
    }

    /// Sets a field to `new` (`None` removes it) if its value is `expected` (`None` for an absent field), and returns
    /// whether it was. O(1).
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// assert!(store.compare_and_set("lock", "owner", None, Some(b"me"))?); // taken
    /// assert!(!store.compare_and_set("lock", "owner", Some(b"you"), None)?); // not yours to release
    /// assert!(store.compare_and_set("lock", "owner", Some(b"me"), None)?); // released
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn compare_and_set(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool> {
        fn compare_and_set(
            store: &Store,
            key: &[u8],
            field: &[u8],
            expected: Option<&[u8]>,
            new: Option<&[u8]>,
        ) -> Result<bool> {
            store.try_change_or_create(key, Scope::Field(field), |record, cx| {
                record.compare_and_set(field, expected, new, cx)
            })
        }
        compare_and_set(self, key.as_ref(), field.as_ref(), expected, new)
    }

    /// Removes a field, and returns whether it was there; the last one takes its key with it. O(1); a packed hash
    /// moves the bytes behind it.
    #[doc(alias = "HDEL")]
    pub fn remove(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> bool {
        fn remove(store: &Store, key: &[u8], field: &[u8]) -> bool {
            store.change(key, Scope::Field(field), |record, cx| record.remove(field, cx)).unwrap_or(false)
        }
        remove(self, key.as_ref(), field.as_ref())
    }

    /// Removes many fields in one atomic step, and returns how many were there. O(fields).
    #[doc(alias = "HDEL")]
    pub fn remove_many<F: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>) -> usize {
        fn remove_many(store: &Store, key: &[u8], fields: &[&[u8]]) -> usize {
            store.change(key, Scope::Fields(fields), |record, cx| record.remove_many(fields, cx)).unwrap_or(0)
        }
        remove_many(self, key.as_ref(), &Arguments::fields(fields).as_fields())
    }

    /// Removes a field, and returns its value, or `None` if there is no such field. O(1).
    #[doc(alias = "HGETDEL")]
    pub fn take(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        fn take(store: &Store, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
            store.change(key, Scope::Field(field), |record, cx| record.take(field, cx))?
        }
        take(self, key.as_ref(), field.as_ref())
    }

    /// Adds to the integer in a field, and returns the sum; an absent field counts as 0. O(1).
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// assert_eq!(store.increment("page", "visits", 1), Ok(1));
    /// assert_eq!(store.increment("page", "visits", 10), Ok(11));
    /// ```
    ///
    /// # Errors
    /// [`Error::NotAnInteger`](crate::Error::NotAnInteger) if the value is no canonical integer,
    /// [`Overflow`](crate::Error::Overflow) if the sum does not fit in an `i64`, and as [`set`](Self::set). The value stays as
    /// it was.
    #[doc(alias = "HINCRBY")]
    pub fn increment(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: i64) -> Result<i64> {
        fn increment(store: &Store, key: &[u8], field: &[u8], amount: i64) -> Result<i64> {
            store.try_change_or_create(key, Scope::Field(field), |record, cx| record.increment(field, amount, cx))
        }
        increment(self, key.as_ref(), field.as_ref(), amount)
    }

    /// Adds to the floating-point number in a field, and returns the sum; an absent field counts as 0. O(1).
    ///
    /// # Errors
    /// [`Error::NotAFloat`](crate::Error::NotAFloat) if the value is no finite number, or of 5,120 bytes and more,
    /// [`NotFinite`](crate::Error::NotFinite) if the amount is infinite or not a number,
    /// [`Overflow`](crate::Error::Overflow) if the sum is too large for a finite `f64`, and as [`set`](Self::set). The value stays as it was.
    #[doc(alias = "HINCRBYFLOAT")]
    pub fn increment_float(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: f64) -> Result<f64> {
        fn increment_float(store: &Store, key: &[u8], field: &[u8], amount: f64) -> Result<f64> {
            store.try_change_or_create(key, Scope::Field(field), |record, cx| record.increment_float(field, amount, cx))
        }
        increment_float(self, key.as_ref(), field.as_ref(), amount)
    }

    /// Lends a hash to a closure, to look at many fields of one instant without copying, and returns what the closure
    /// returns. A missing key is an empty hash. O(1) and what the closure does.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("cart:7", [("apples", "2"), ("pears", "3")])?;
    /// let longest = store.read("cart:7", |cart| cart.iter().map(|(field, _)| field.len()).max());
    /// assert_eq!(longest, Some(6));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Panics
    /// If the closure panics, or calls any store. A value whose `Drop` calls a store while the closure unwinds panics
    /// within that panic, which aborts the process.
    ///
    /// # Locking
    /// The closure runs under the read lock of the key's shard: writers to that shard wait for it. Do not wait for
    /// other threads in it.
    pub fn read<R>(&self, key: impl AsRef<[u8]>, read: impl FnOnce(&HashRef<'_>) -> R) -> R {
        self.look(key.as_ref(), Scope::Hash, |record, cx| {
            let _inside = InClosure::enter();
            read(&HashRef::new(record.unwrap_or(&Record::default()), cx))
        })
    }

    /// Lends a hash to a closure, to read and change it in one atomic step, and returns what the closure returns. A
    /// missing key is an empty hash; if the hash is empty in the end, there is no such key. O(1) and what the closure
    /// does.
    ///
    /// What the closure did before an error or a panic stays done. [`try_update`](Self::try_update) takes it back: take that
    /// one for a closure that can fail halfway.
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
    /// If the closure panics, or calls any store. A value whose `Drop` calls a store while the closure unwinds panics
    /// within that panic, which aborts the process.
    ///
    /// # Locking
    /// The closure runs under the write lock of the key's shard: everybody else on that shard waits for it. Do not
    /// wait for other threads in it.
    #[doc(alias = "MULTI")]
    pub fn update<R>(&self, key: impl AsRef<[u8]>, update: impl FnOnce(&mut HashMut<'_>) -> R) -> R {
        self.make_room();
        self.visit(key.as_ref(), Scope::Hash, |visit| {
            let (record, cx) = visit.lend();
            let _inside = InClosure::enter();
            update(&mut HashMut::new(record, cx))
        })
    }

    /// [`update`](Self::update) for closures of this crate that change nothing before their first refusable call. If the store
    /// is full, purges what has expired and runs the closure once more.
    #[cfg(feature = "serde")]
    pub(crate) fn update_with_room<R, E: Refusal>(
        &self,
        key: &[u8],
        update: impl Fn(&mut HashMut<'_>) -> std::result::Result<R, E>,
    ) -> std::result::Result<R, E> {
        self.with_room(|| self.update(key, &update))
    }
}
