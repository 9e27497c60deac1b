//! Calls on the fields of one key. Most public methods are generic and only turn their arguments into byte slices. The
//! work is done by a function inside the method, which has the method's name. It is not generic, so it is compiled only
//! once.

use std::str::FromStr;

use crate::error::{FieldError, Result};
use crate::hash::{Effect, IntegerText, Pair, Record, Scope};
use crate::store::Store;
use crate::sync::InClosure;
use crate::time::Deadline;
use crate::value::{Arguments, HashRef, HashValue, parse, string_of};

/// # The fields of one key
/// Each call is one atomic step. See the guide: [`guide::commands`](crate::guide::commands) has the table of Redis's
/// commands, and [`guide::atomic`](crate::guide::atomic) is about closures and locks.
impl Store {
    /// Sets a field, and returns whether it is new. O(1). In a packed hash, a value of another length moves the bytes
    /// behind it.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// assert!(store.set("user:1", "name", "Ada")?);
    /// assert!(!store.set("user:1", "name", "Ada Lovelace")?); // updated
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::KeyTooLong`](crate::Error::KeyTooLong), [`FieldTooLong`](crate::Error::FieldTooLong),
    /// [`ValueTooLong`](crate::Error::ValueTooLong) or [`TooManyFields`](crate::Error::TooManyFields) if the write
    /// would exceed that limit. [`Full`](crate::Error::Full) if the store has no room for it. Nothing is changed then.
    #[doc(alias = "HSET")]
    #[track_caller]
    pub fn set(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool> {
        #[track_caller]
        fn set(store: &Store, key: &[u8], field: &[u8], value: &[u8]) -> Result<bool> {
            store.change_or_create_field(
                key,
                field,
                |record, cx| record.set_quietly(field, value, cx),
                |_, tell| tell(&Effect::Put { field, value, before: None }),
                |record, cx| record.set(field, value, cx),
            )
        }
        let (key, field, value) = (key.as_ref(), field.as_ref(), value.as_ref());
        self.with_room(|| set(self, key, field, value))
    }

    /// Sets many fields in one atomic step, all or none, and returns how many of them are new. If a field is repeated,
    /// its last value counts, and the field is counted once. O(pairs).
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// assert_eq!(store.set_many("user:1", [("name", "Ada"), ("visits", "0")])?, 2);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`set`](Self::set). Nothing is changed then.
    #[doc(alias = "HSET")]
    #[doc(alias = "HMSET")]
    #[track_caller]
    pub fn set_many<F, V>(&self, key: impl AsRef<[u8]>, pairs: impl IntoIterator<Item = (F, V)>) -> Result<usize>
    where
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let (key, pairs) = (key.as_ref(), Arguments::pairs(pairs));
        self.set_pairs(key, &pairs.as_pairs())
    }

    #[track_caller]
    pub(super) fn set_pairs(&self, key: &[u8], pairs: &[Pair<'_>]) -> Result<usize> {
        self.with_room(|| self.change_or_create(key, Scope::Pairs(pairs), |record, cx| record.set_many(pairs, cx)))
    }

    /// Returns the value of a field, or `None` if there is no such field or key. O(1). In a packed hash, the search
    /// looks at one byte for each field.
    #[doc(alias = "HGET")]
    #[track_caller]
    pub fn get(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        #[track_caller]
        fn get(store: &Store, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
            store.look(key, Scope::Field(field), |record, cx| record?.get(field, cx.rules).map(<[u8]>::to_vec))
        }
        get(self, key.as_ref(), field.as_ref())
    }

    /// Returns the value of a field as text, or `None` if there is no such field or key. O(1), plus a look at each byte of
    /// the value.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// assert_eq!(store.get_string("user:1", "name")?.as_deref(), Some("Ada"));
    /// assert_eq!(store.get_string("user:1", "email")?, None);
    /// store.set("user:1", "photo", [0xff, 0xd8])?;
    /// let error = store.get_string("user:1", "photo").unwrap_err();
    /// assert_eq!(error.to_string(), r#"field "photo" of hash "user:1" is not text"#);
    /// # Ok::<(), hashlet::FieldError>(())
    /// ```
    ///
    /// # Errors
    /// [`FieldError::NotText`] if the value is not UTF-8.
    #[doc(alias = "HGET")]
    #[track_caller]
    pub fn get_string(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
    ) -> std::result::Result<Option<String>, FieldError> {
        let (key, field) = (key.as_ref(), field.as_ref());
        self.get(key, field).map(|value| string_of(key, field, value)).transpose()
    }

    /// Reads a value of any type that is [`FromStr`] from the text of a field. Returns `None` if there is no such field or
    /// key, and changes nothing. O(1), plus what the type takes.
    ///
    /// The type's error has to become a boxed error. So it is an error, or a `String` or `&str` that says what is wrong.
    /// That is so for the types of the standard library and for almost all others. If the error of a type can only be shown,
    /// take [`get_string`](Self::get_string) and parse the text.
    /// Numbers are read as Rust does, which accepts more than [`increment`](Self::increment): `+1` and `01` are
    /// integers here.
    ///
    /// ```
    /// use std::net::IpAddr;
    ///
    /// # let store = hashlet::Store::new();
    /// store.set_many("session:9", [("pages", "17"), ("address", "::1"), ("is_admin", "no")])?;
    /// assert_eq!(store.get_parsed("session:9", "pages")?, Some(17_u32));
    /// assert!(store.get_parsed::<IpAddr>("session:9", "address")?.is_some_and(|address| address.is_loopback()));
    /// assert_eq!(store.get_parsed::<i64>("session:10", "pages")?, None);
    /// let error = store.get_parsed::<bool>("session:9", "is_admin").unwrap_err();
    /// assert_eq!(error.to_string(), r#"field "is_admin" of hash "session:9" cannot be parsed"#);
    /// let source = std::error::Error::source(&error).expect("what the type found wrong");
    /// assert_eq!(source.to_string(), "provided string was not `true` or `false`");
    /// # Ok::<(), hashlet::FieldError>(())
    /// ```
    ///
    /// # Errors
    /// [`FieldError::NotParsed`] if the type refuses the text. Its `source` is the type's error. [`FieldError::NotText`] if
    /// the value is not UTF-8.
    ///
    /// # Locking
    /// The type's own code runs after the lock is released.
    #[doc(alias = "HGET")]
    #[track_caller]
    pub fn get_parsed<T>(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
    ) -> std::result::Result<Option<T>, FieldError>
    where
        T: FromStr<Err: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        let (key, field) = (key.as_ref(), field.as_ref());
        self.get(key, field).map(|value| parse(key, field, &value)).transpose()
    }

    /// Returns the value of each of these fields, in their order. `None` stands for a missing field. All values are of
    /// one instant. O(fields asked for).
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// assert_eq!(store.get_many("user:1", ["name", "email"]), [Some(b"Ada".to_vec()), None]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "HMGET")]
    #[track_caller]
    pub fn get_many<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Vec<Option<Vec<u8>>> {
        #[track_caller]
        fn get_many(store: &Store, key: &[u8], fields: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
            store.look(key, Scope::Fields(fields), |record, cx| {
                fields.iter().map(|field| record?.get(field, cx.rules).map(<[u8]>::to_vec)).collect()
            })
        }
        get_many(self, key.as_ref(), &Arguments::fields(fields).as_fields())
    }

    /// Returns a copy of the whole hash, or an empty hash if the key is missing. O(n), with one allocation for a packed
    /// hash.
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
    #[track_caller]
    pub fn get_all(&self, key: impl AsRef<[u8]>) -> HashValue {
        #[track_caller]
        fn get_all(store: &Store, key: &[u8]) -> HashValue {
            store.look(key, Scope::Hash, |record, cx| {
                record.map_or_else(|| HashValue::empty(cx.rules), |record| HashValue::copy_of(record, cx.rules))
            })
        }
        get_all(self, key.as_ref())
    }

    /// Returns all fields of a hash, in no particular order. O(n).
    #[doc(alias = "HKEYS")]
    #[track_caller]
    pub fn fields(&self, key: impl AsRef<[u8]>) -> Vec<Vec<u8>> {
        self.copy_pairs(key.as_ref(), |(field, _)| field.to_vec())
    }

    /// Returns all values of a hash, in no particular order. O(n).
    #[doc(alias = "HVALS")]
    #[track_caller]
    pub fn values(&self, key: impl AsRef<[u8]>) -> Vec<Vec<u8>> {
        self.copy_pairs(key.as_ref(), |(_, value)| value.to_vec())
    }

    #[track_caller]
    fn copy_pairs(&self, key: &[u8], copy: impl FnMut((&[u8], &[u8])) -> Vec<u8>) -> Vec<Vec<u8>> {
        self.look(key, Scope::Hash, |record, _| {
            record.map(|record| record.pairs(&self.rules).map(copy).collect()).unwrap_or_default()
        })
    }

    /// Returns whether the field exists. O(1).
    #[doc(alias = "HEXISTS")]
    #[track_caller]
    pub fn contains(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> bool {
        self.value_len(key, field).is_some()
    }

    /// Returns the length of a field's value in bytes, or `None` if there is no such field. O(1).
    #[doc(alias = "HSTRLEN")]
    #[track_caller]
    pub fn value_len(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Option<usize> {
        #[track_caller]
        fn value_len(store: &Store, key: &[u8], field: &[u8]) -> Option<usize> {
            store.look(key, Scope::Field(field), |record, cx| record?.get(field, cx.rules).map(<[u8]>::len))
        }
        value_len(self, key.as_ref(), field.as_ref())
    }

    /// Returns the number of fields of a hash, or 0 if the key is missing. O(1).
    #[doc(alias = "HLEN")]
    #[track_caller]
    pub fn size(&self, key: impl AsRef<[u8]>) -> usize {
        self.look(key.as_ref(), Scope::Hash, |record, _| record.map_or(0, Record::len))
    }

    /// Sets a field if it is absent, and returns whether it was absent. If many threads try this at once on an absent
    /// field, exactly one of them gets `true`. O(1).
    ///
    /// # Errors
    /// The errors of [`set`](Self::set).
    #[doc(alias = "HSETNX")]
    #[track_caller]
    pub fn set_if_absent(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<bool> {
        self.compare_and_set(key, field, None, Some(value.as_ref()))
    }

    /// Sets a field to `new` if its value is `expected`, and returns whether it was. If `expected` is `None`, the field
    /// must be absent. If `new` is `None`, the field is removed. O(1).
    ///
    /// A deadline that the field has is removed, as by [`set`](Self::set).
    /// [`compare_and_set_keep_ttl`](Self::compare_and_set_keep_ttl) keeps it.
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
    /// The errors of [`set`](Self::set).
    #[track_caller]
    pub fn compare_and_set(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool> {
        #[track_caller]
        fn compare_and_set(
            store: &Store,
            key: &[u8],
            field: &[u8],
            expected: Option<&[u8]>,
            new: Option<&[u8]>,
        ) -> Result<bool> {
            store.change_or_create(key, Scope::Field(field), |record, cx| {
                record.compare_and_set(field, expected, new, cx)
            })
        }
        let (key, field) = (key.as_ref(), field.as_ref());
        self.with_room(|| compare_and_set(self, key, field, expected, new))
    }

    /// [`compare_and_set`](Self::compare_and_set), but a field that gets another value keeps the deadline that it has.
    /// O(1).
    ///
    /// ```
    /// use std::time::Duration;
    /// use hashlet::Ttl;
    /// # let store = hashlet::Store::new();
    /// store.set("lock", "owner", "me")?;
    /// store.expire_field("lock", "owner", Duration::from_secs(60));
    /// assert!(store.compare_and_set_keep_ttl("lock", "owner", Some(b"me"), Some(b"you"))?); // handed over
    /// assert!(matches!(store.field_ttl("lock", "owner"), Ttl::Left(_)));
    /// assert!(store.compare_and_set("lock", "owner", Some(b"you"), Some(b"you"))?);
    /// assert_eq!(store.field_ttl("lock", "owner"), Ttl::Never);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`set`](Self::set).
    #[doc(alias = "KEEPTTL")]
    #[track_caller]
    pub fn compare_and_set_keep_ttl(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        expected: Option<&[u8]>,
        new: Option<&[u8]>,
    ) -> Result<bool> {
        let (key, field) = (key.as_ref(), field.as_ref());
        self.with_room(|| {
            self.change_or_create(key, Scope::Field(field), |record, cx| {
                record.compare_and_set_keep_ttl(field, expected, new, cx)
            })
        })
    }

    /// Removes a field, and returns whether it existed. The last field of a hash takes the key with it. O(1). In a
    /// packed hash, the bytes behind the field are moved.
    #[doc(alias = "HDEL")]
    #[track_caller]
    pub fn remove(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> bool {
        #[track_caller]
        fn remove(store: &Store, key: &[u8], field: &[u8]) -> bool {
            let removed = store.change_field(
                key,
                field,
                |record, cx| record.remove_quietly(field, cx),
                |is_removed, tell| {
                    if *is_removed {
                        tell(&Effect::Remove { field, value: &[], deadline: Deadline::NEVER });
                    }
                },
                |record, cx| record.remove(field, cx),
            );
            removed.unwrap_or(false)
        }
        remove(self, key.as_ref(), field.as_ref())
    }

    /// Removes many fields in one atomic step, and returns how many of them existed. O(fields).
    #[doc(alias = "HDEL")]
    #[track_caller]
    pub fn remove_many<F: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>) -> usize {
        #[track_caller]
        fn remove_many(store: &Store, key: &[u8], fields: &[&[u8]]) -> usize {
            store.change(key, Scope::Fields(fields), |record, cx| record.remove_many(fields, cx)).unwrap_or(0)
        }
        remove_many(self, key.as_ref(), &Arguments::fields(fields).as_fields())
    }

    /// Removes a field, and returns its value, or `None` if there is no such field. O(1).
    #[doc(alias = "HGETDEL")]
    #[track_caller]
    pub fn take(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        #[track_caller]
        fn take(store: &Store, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
            store.change(key, Scope::Field(field), |record, cx| record.take(field, cx))?
        }
        take(self, key.as_ref(), field.as_ref())
    }

    /// Removes many fields in one atomic step, and returns the value that each had, in their order. `None` stands for a
    /// missing field, and for the repetition of one. O(fields).
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("login:7", [("code", "1234"), ("user", "ada"), ("from", "/cart")])?;
    /// let taken = store.take_many("login:7", ["code", "user", "device"]);
    /// assert_eq!(taken, [Some(b"1234".to_vec()), Some(b"ada".to_vec()), None]);
    /// assert_eq!(store.size("login:7"), 1);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "HGETDEL")]
    #[track_caller]
    pub fn take_many<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Vec<Option<Vec<u8>>> {
        let fields = Arguments::fields(fields);
        let fields = fields.as_fields();
        let taken = self.change(key.as_ref(), Scope::Fields(&fields), |record, cx| record.take_many(&fields, cx));
        taken.unwrap_or_else(|| vec![None; fields.len()])
    }

    /// Adds to the integer in a field, and returns the sum. An absent field counts as 0. O(1).
    ///
    /// A key that is not there gets this one field. If other fields belong to it, that is half an object, which
    /// `load_object` cannot read, and which nothing removes. For a number in an object or a session that may be gone, use
    /// [`increment_existing`](Self::increment_existing). To read a number use [`get_parsed`](Self::get_parsed): an increment
    /// by 0 leaves a field and a key behind.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// assert_eq!(store.increment("page", "visits", 1), Ok(1));
    /// assert_eq!(store.increment("page", "visits", 10), Ok(11));
    /// ```
    ///
    /// # Errors
    /// [`Error::NotAnInteger`](crate::Error::NotAnInteger) if the value is not a canonical integer.
    /// [`Overflow`](crate::Error::Overflow) if the sum does not fit in an `i64`. Otherwise the errors of
    /// [`set`](Self::set). The value stays as it was.
    #[doc(alias = "HINCRBY")]
    #[track_caller]
    pub fn increment(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: i64) -> Result<i64> {
        #[track_caller]
        fn increment(store: &Store, key: &[u8], field: &[u8], amount: i64) -> Result<i64> {
            store.change_or_create_field(
                key,
                field,
                |record, cx| record.increment_quietly(field, amount, cx),
                |sum, tell| tell(&Effect::Put { field, value: IntegerText::of(*sum).as_bytes(), before: None }),
                |record, cx| record.increment(field, amount, cx),
            )
        }
        let (key, field) = (key.as_ref(), field.as_ref());
        self.with_room(|| increment(self, key, field, amount))
    }

    /// Adds to the integer in a field if the key is there, and returns the sum. Returns `None` and changes nothing if there
    /// is no such key. An absent field of a key that is there counts as 0, as in [`increment`](Self::increment). O(1).
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// assert_eq!(store.increment_existing("user:1", "visits", 1)?, Some(1));
    /// store.clear("user:1");
    /// assert_eq!(store.increment_existing("user:1", "visits", 1)?, None);
    /// assert!(!store.contains_key("user:1")); // no half of a user is left
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`increment`](Self::increment), if the key is there. The value stays as it was.
    #[doc(alias = "HINCRBY")]
    #[track_caller]
    pub fn increment_existing(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        amount: i64,
    ) -> Result<Option<i64>> {
        #[track_caller]
        fn increment_existing(store: &Store, key: &[u8], field: &[u8], amount: i64) -> Result<Option<i64>> {
            store.change_existing_field(
                key,
                |record, cx| record.increment_quietly(field, amount, cx),
                |sum, tell| tell(&Effect::Put { field, value: IntegerText::of(*sum).as_bytes(), before: None }),
                |record, cx| record.increment(field, amount, cx),
            )
        }
        let (key, field) = (key.as_ref(), field.as_ref());
        self.with_room(|| increment_existing(self, key, field, amount))
    }

    /// Adds to the floating-point number in a field, and returns the sum. An absent field counts as 0. O(1). A key that is
    /// not there gets this one field, as in [`increment`](Self::increment).
    ///
    /// # Errors
    /// [`Error::NotAFloat`](crate::Error::NotAFloat) if the value is not a finite number, or has 5,120 bytes or more.
    /// [`NotFinite`](crate::Error::NotFinite) if the amount is infinite or not a number.
    /// [`Overflow`](crate::Error::Overflow) if the sum is too large for a finite `f64`. Otherwise the errors of
    /// [`set`](Self::set). The value stays as it was.
    #[doc(alias = "HINCRBYFLOAT")]
    #[track_caller]
    pub fn increment_float(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, amount: f64) -> Result<f64> {
        #[track_caller]
        fn increment_float(store: &Store, key: &[u8], field: &[u8], amount: f64) -> Result<f64> {
            store.change_or_create(key, Scope::Field(field), |record, cx| record.increment_float(field, amount, cx))
        }
        let (key, field) = (key.as_ref(), field.as_ref());
        self.with_room(|| increment_float(self, key, field, amount))
    }

    /// Lends a hash to a closure, and returns what the closure returns. The closure can look at many fields of one
    /// instant without copying them. A missing key is an empty hash. O(1), plus the cost of the closure.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("cart:7", [("apples", "2"), ("pears", "3")])?;
    /// let longest = store.read("cart:7", |cart| cart.iter().map(|(field, _)| field.len()).max());
    /// assert_eq!(longest, Some(6));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// Write the closure out, as in `|hash| hash.len()`. The compiler takes no method by its path there, such as
    /// `HashRef::len`, because the path stands for one lifetime and the closure must take a hash of any. For a single
    /// answer there are calls of their own: [`size`](Self::size), [`contains_key`](Self::contains_key) and
    /// [`get_all`](Self::get_all).
    ///
    /// # Panics
    /// If the closure panics, or calls any store. If the `Drop` of a value calls a store while the closure unwinds,
    /// this second panic aborts the process.
    ///
    /// # Locking
    /// The closure runs under the read lock of the key's shard, and writers to that shard wait for it. Do not wait for
    /// other threads in the closure.
    #[track_caller]
    pub fn read<R>(&self, key: impl AsRef<[u8]>, read: impl FnOnce(&HashRef<'_>) -> R) -> R {
        self.look(key.as_ref(), Scope::Hash, |record, cx| {
            let _inside = InClosure::enter();
            read(&HashRef::new(record.unwrap_or(&Record::default()), cx))
        })
    }
}
