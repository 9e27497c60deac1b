//! Calls on the deadlines of keys and fields.

use std::time::SystemTime;

use crate::error::Result;
use crate::expiry::{ExpireCondition, ExpireOutcome, SetOptions, Touch, Ttl, When};
use crate::hash::{Pair, Scope};
use crate::store::Store;
use crate::store::journaled::Logged;
use crate::value::{Arguments, HashRef};

/// # Expiry
/// A key or field has expired from the millisecond of its deadline on. Every call then answers as if it were gone, and
/// counts leave it out. Deadlines are points in time, and nothing that the program does meanwhile shifts them.
/// Overwriting a field removes its deadline; incrementing the field keeps it. A key keeps its deadline until it loses
/// its last field. A key and its fields expire independently, and the nearer deadline wins.
///
/// A call that meets something expired removes it first. Even a call that only reads takes the write lock for that. The
/// cost is O(what has expired) in the part of the hash that the call concerns. If that is much, it is removed in
/// slices. Setting or removing a deadline is O(1). In a packed hash, setting the first deadline or removing the last
/// one copies the hash's single block.
///
/// All of this is as in Redis, with one exception. Redis still counts an expired key or field until something removes
/// it.
///
/// See the guide: [`guide::expiry`](crate::guide::expiry).
impl Store {
    /// Gives a key a deadline: a [`Duration`](std::time::Duration) from now, or a [`SystemTime`]. O(1).
    ///
    /// ```
    /// use std::time::Duration;
    /// use hashlet::{ExpireOutcome, Store, Ttl};
    ///
    /// let store = Store::new();
    /// assert_eq!(store.expire("session:9", Duration::from_secs(60)), ExpireOutcome::Missing);
    /// store.set("session:9", "user", "ada")?;
    /// assert_eq!(store.ttl("session:9"), Ttl::Never);
    /// assert_eq!(store.expire("session:9", Duration::from_secs(60)), ExpireOutcome::Set);
    /// assert!(matches!(store.ttl("session:9"), Ttl::Left(left) if left > Duration::from_secs(50)));
    /// assert_eq!(store.expire("session:9", Duration::ZERO), ExpireOutcome::Deleted);
    /// assert!(!store.contains_key("session:9"));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "EXPIRE")]
    #[doc(alias = "PEXPIRE")]
    #[doc(alias = "EXPIREAT")]
    #[doc(alias = "PEXPIREAT")]
    #[track_caller]
    pub fn expire(&self, key: impl AsRef<[u8]>, when: impl Into<When>) -> ExpireOutcome {
        self.expire_if(key, when, ExpireCondition::Always)
    }

    /// Gives a key a deadline if a condition is met. O(1).
    ///
    /// ```
    /// use std::time::Duration;
    /// use hashlet::{ExpireCondition, ExpireOutcome, Store};
    ///
    /// let store = Store::new();
    /// store.set("session:9", "user", "ada")?;
    /// let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3_600));
    /// assert_eq!(store.expire_if("session:9", hour, ExpireCondition::IfNone), ExpireOutcome::Set);
    /// assert_eq!(store.expire_if("session:9", minute, ExpireCondition::IfLater), ExpireOutcome::NotMet);
    /// assert_eq!(store.expire_if("session:9", minute, ExpireCondition::IfSooner), ExpireOutcome::Set);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "EXPIRE")]
    #[track_caller]
    pub fn expire_if(&self, key: impl AsRef<[u8]>, when: impl Into<When>, condition: ExpireCondition) -> ExpireOutcome {
        let when = when.into();
        outcome(self.try_change(key.as_ref(), Scope::Hash, |record, cx| record.expire(when, condition, cx)))
    }

    /// Returns how long a key has left to live. O(1).
    #[doc(alias = "TTL")]
    #[doc(alias = "PTTL")]
    #[track_caller]
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Ttl {
        self.look(key.as_ref(), Scope::Hash, |record, cx| {
            record.map_or(Ttl::Missing, |record| Ttl::of(record.deadline(), cx.now()))
        })
    }

    /// Returns when a key will expire, or `None` if it has no deadline or there is no such key. O(1).
    /// [`ttl`](Self::ttl) tells these two apart.
    #[doc(alias = "EXPIRETIME")]
    #[doc(alias = "PEXPIRETIME")]
    #[track_caller]
    pub fn deadline(&self, key: impl AsRef<[u8]>) -> Option<SystemTime> {
        self.look(key.as_ref(), Scope::Hash, |record, _| record?.deadline().time())
    }

    /// Removes a key's deadline, and returns whether it had one. O(1). If it had none, [`ttl`](Self::ttl) tells whether
    /// there is such a key.
    #[doc(alias = "PERSIST")]
    #[track_caller]
    pub fn persist(&self, key: impl AsRef<[u8]>) -> bool {
        self.change(key.as_ref(), Scope::Hash, |record, cx| record.persist(cx)).unwrap_or(false)
    }

    /// Gives a field a deadline: a [`Duration`](std::time::Duration) from now, or a [`SystemTime`]. O(1).
    ///
    /// ```
    /// use std::time::Duration;
    /// use hashlet::{ExpireOutcome, Store};
    ///
    /// let store = Store::new();
    /// store.set_many("user:1", [("name", "Ada"), ("token", "x")])?;
    /// assert_eq!(store.expire_field("user:1", "token", Duration::from_secs(60)), ExpireOutcome::Set);
    /// assert_eq!(store.expire_field("user:1", "email", Duration::from_secs(60)), ExpireOutcome::Missing);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "HEXPIRE")]
    #[doc(alias = "HPEXPIRE")]
    #[doc(alias = "HEXPIREAT")]
    #[doc(alias = "HPEXPIREAT")]
    #[track_caller]
    pub fn expire_field(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, when: impl Into<When>) -> ExpireOutcome {
        self.expire_field_if(key, field, when, ExpireCondition::Always)
    }

    /// Gives a field a deadline if a condition is met. O(1).
    #[doc(alias = "HEXPIRE")]
    #[track_caller]
    pub fn expire_field_if(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        when: impl Into<When>,
        condition: ExpireCondition,
    ) -> ExpireOutcome {
        let (field, when) = (field.as_ref(), when.into());
        outcome(self.try_change(key.as_ref(), Scope::Field(field), |record, cx| {
            record.expire_field(field, when, condition, cx)
        }))
    }

    /// Gives many fields a deadline in one atomic step, and returns the outcome for each field, in their order.
    /// O(fields).
    #[doc(alias = "HEXPIRE")]
    #[doc(alias = "HPEXPIRE")]
    #[doc(alias = "HEXPIREAT")]
    #[doc(alias = "HPEXPIREAT")]
    #[track_caller]
    pub fn expire_fields<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
        when: impl Into<When>,
    ) -> Vec<ExpireOutcome> {
        self.expire_fields_if(key, fields, when, ExpireCondition::Always)
    }

    /// Gives many fields a deadline if a condition is met, in one atomic step. The condition is checked for each field
    /// by itself, and again for each repetition of a field. Returns the outcome for each field, in their order.
    /// O(fields).
    ///
    /// ```
    /// use std::time::Duration;
    /// use hashlet::{ExpireCondition, ExpireOutcome, Store};
    ///
    /// let store = Store::new();
    /// store.set_many("user:1", [("token", "x"), ("code", "1234")])?;
    /// let set = store.expire_fields_if("user:1", ["token", "pin"], Duration::from_secs(60), ExpireCondition::IfNone);
    /// assert_eq!(set, [ExpireOutcome::Set, ExpireOutcome::Missing]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "HEXPIRE")]
    #[track_caller]
    pub fn expire_fields_if<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
        when: impl Into<When>,
        condition: ExpireCondition,
    ) -> Vec<ExpireOutcome> {
        let (key, fields, when) = (key.as_ref(), Arguments::fields(fields), when.into());
        let fields = fields.as_fields();
        // If there is no room for all of them, each field is judged by itself.
        let expired = self.try_change(key, Scope::Fields(&fields), |record, cx| {
            record.expire_fields_together(&fields, when, condition, cx)
        });
        let expired = match expired {
            Ok((expired, logged)) => {
                logged.ignore();
                expired
            }
            Err(_) => self
                .change(key, Scope::Fields(&fields), |record, cx| record.expire_fields(&fields, when, condition, cx)),
        };
        expired.unwrap_or_else(|| vec![ExpireOutcome::Missing; fields.len()])
    }

    /// Returns how long a field has left to live by its own deadline, whatever the key's deadline is. O(1).
    #[doc(alias = "HTTL")]
    #[doc(alias = "HPTTL")]
    #[track_caller]
    pub fn field_ttl(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Ttl {
        let field = field.as_ref();
        self.look(key.as_ref(), Scope::Field(field), |record, cx| {
            record.map_or(Ttl::Missing, |record| HashRef::new(record, cx).field_ttl(field))
        })
    }

    /// Returns how long each of these fields has left to live by its own deadline, in their order and all at one
    /// instant. O(fields).
    #[doc(alias = "HTTL")]
    #[doc(alias = "HPTTL")]
    #[track_caller]
    pub fn field_ttls<F: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>) -> Vec<Ttl> {
        let fields = Arguments::fields(fields);
        let fields = fields.as_fields();
        self.look(key.as_ref(), Scope::Fields(&fields), |record, cx| {
            let ttl = |field| record.map_or(Ttl::Missing, |record| HashRef::new(record, cx).field_ttl(field));
            fields.iter().map(ttl).collect()
        })
    }

    /// Returns when a field will expire by its own deadline, or `None` if it has no deadline or there is no such field.
    /// O(1). [`field_ttl`](Self::field_ttl) tells these two apart.
    #[doc(alias = "HEXPIRETIME")]
    #[doc(alias = "HPEXPIRETIME")]
    #[track_caller]
    pub fn field_deadline(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Option<SystemTime> {
        let field = field.as_ref();
        self.look(key.as_ref(), Scope::Field(field), |record, cx| record?.field_deadline(field, cx.rules)?.time())
    }

    /// Returns when each of these fields will expire by its own deadline, in their order and all at one instant.
    /// O(fields).
    #[doc(alias = "HEXPIRETIME")]
    #[doc(alias = "HPEXPIRETIME")]
    #[track_caller]
    pub fn field_deadlines<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Vec<Option<SystemTime>> {
        let fields = Arguments::fields(fields);
        let fields = fields.as_fields();
        self.look(key.as_ref(), Scope::Fields(&fields), |record, cx| {
            fields.iter().map(|field| record?.field_deadline(field, cx.rules)?.time()).collect()
        })
    }

    /// Removes a field's deadline, and returns whether it had one. O(1). If it had none, [`field_ttl`](Self::field_ttl)
    /// tells whether there is such a field.
    #[doc(alias = "HPERSIST")]
    #[track_caller]
    pub fn persist_field(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> bool {
        let field = field.as_ref();
        self.change(key.as_ref(), Scope::Field(field), |record, cx| record.persist_field(field, cx)).unwrap_or(false)
    }

    /// Removes the deadlines of many fields in one atomic step. Returns for each field whether it had one, in their
    /// order. O(fields).
    #[doc(alias = "HPERSIST")]
    #[track_caller]
    pub fn persist_fields<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Vec<bool> {
        let fields = Arguments::fields(fields);
        let fields = fields.as_fields();
        self.change(key.as_ref(), Scope::Fields(&fields), |record, cx| {
            fields.iter().map(|field| record.persist_field(field, cx)).collect()
        })
        .unwrap_or_else(|| vec![false; fields.len()])
    }

    /// Sets many fields in one atomic step, with the deadlines and conditions of [`SetOptions`]. Returns how many
    /// fields are new, or `None` if a condition is not met and nothing was changed. O(pairs).
    ///
    /// With a deadline in the past, the fields end up deleted, and no new key is created. Without pairs nothing is
    /// changed, not even the key's deadline. The example program `session_store` opens sessions with it.
    ///
    /// # Errors
    /// The errors of [`set`](Self::set). Nothing is changed then.
    #[doc(alias = "HSETEX")]
    #[track_caller]
    pub fn set_with<F, V>(
        &self,
        key: impl AsRef<[u8]>,
        pairs: impl IntoIterator<Item = (F, V)>,
        options: SetOptions,
    ) -> Result<Option<usize>>
    where
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        #[track_caller]
        fn set_with(store: &Store, key: &[u8], pairs: &[Pair<'_>], options: &SetOptions) -> Result<Option<usize>> {
            store.change_or_create(key, Scope::Hash, |record, cx| record.set_with(pairs, options, cx))
        }
        let (key, pairs) = (key.as_ref(), Arguments::pairs(pairs));
        let pairs = pairs.as_pairs();
        self.with_room(|| set_with(self, key, &pairs, &options))
    }

    /// Returns the value of a field, or `None` if there is no such field, and changes the field's deadline in the same
    /// step. A deadline in the past deletes the field after its value is read. O(1).
    ///
    /// ```
    /// use std::time::Duration;
    /// use hashlet::{Store, Touch, Ttl};
    ///
    /// let store = Store::new();
    /// store.set("user:1", "token", "x")?;
    /// let half_an_hour = Duration::from_secs(1_800);
    /// assert_eq!(store.get_and_expire("user:1", "token", half_an_hour)?.as_deref(), Some(&b"x"[..]));
    /// store.get_and_expire("user:1", "token", Touch::Persist)?;
    /// assert_eq!(store.field_ttl("user:1", "token"), Ttl::Never);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Full`](crate::Error::Full) if the field has no deadline yet, and the store has no room for one. Nothing
    /// is changed then.
    #[doc(alias = "HGETEX")]
    #[track_caller]
    pub fn get_and_expire(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        touch: impl Into<Touch>,
    ) -> Result<Option<Vec<u8>>> {
        let (field, touch) = (field.as_ref(), touch.into());
        self.check_journal()?;
        let (value, logged) =
            self.try_change(key.as_ref(), Scope::Field(field), |record, cx| record.get_and_expire(field, touch, cx))?;
        logged.or_unlogged(value.flatten())
    }

    /// Returns the values of many fields, and changes the fields' deadlines, in one atomic step. If a deadline in the
    /// past deletes a repeated field, its value is returned only the first time. O(fields).
    ///
    /// # Errors
    /// The errors of [`get_and_expire`](Self::get_and_expire). Nothing is changed then.
    #[doc(alias = "HGETEX")]
    #[track_caller]
    pub fn get_many_and_expire<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
        touch: impl Into<Touch>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let (fields, touch) = (Arguments::fields(fields), touch.into());
        let fields = fields.as_fields();
        self.check_journal()?;
        let (touched, logged) = self.try_change(key.as_ref(), Scope::Fields(&fields), |record, cx| {
            record.get_many_and_expire(&fields, touch, cx)
        })?;
        logged.or_unlogged(touched.unwrap_or_else(|| vec![None; fields.len()]))
    }

    /// Adds to the integer in a field, as [`increment`](Self::increment) does, and gives the field a deadline if it has
    /// none, in one atomic step. Such a field is a counter that starts anew when its time is over, as a rate limiter
    /// needs it. Use a key for each client: a hash is behind one lock. The example program `rate_limiter` shows more.
    /// O(1).
    ///
    /// ```
    /// use std::time::Duration;
    /// use hashlet::Store;
    ///
    /// let store = Store::new();
    /// let is_allowed = |client: &str| -> hashlet::Result<bool> {
    ///     let key = format!("requests:{client}");
    ///     Ok(store.increment_and_expire(key, "/search", 1, Duration::from_secs(60))? <= 2)
    /// };
    /// assert!(is_allowed("ada")? && is_allowed("ada")?);
    /// assert!(!is_allowed("ada")?); // the third within a minute of the first
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`increment`](Self::increment). The value and the deadline stay as they were.
    #[doc(alias = "HINCRBY")]
    #[doc(alias = "HEXPIRE")]
    #[track_caller]
    pub fn increment_and_expire(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        amount: i64,
        when: impl Into<When>,
    ) -> Result<i64> {
        #[track_caller]
        fn increment_and_expire(store: &Store, key: &[u8], field: &[u8], amount: i64, when: When) -> Result<i64> {
            store.change_or_create(key, Scope::Field(field), |record, cx| {
                record.increment_and_expire(field, amount, when, cx)
            })
        }
        let (key, field, when) = (key.as_ref(), field.as_ref(), when.into());
        self.with_room(|| increment_and_expire(self, key, field, amount, when))
    }
}

/// The outcome of setting a deadline. The result is `None` if the key is missing. It is an error only if there is no
/// room for the deadline.
fn outcome(result: Result<(Option<ExpireOutcome>, Logged)>) -> ExpireOutcome {
    match result {
        Ok((outcome, logged)) => {
            logged.ignore();
            outcome.unwrap_or(ExpireOutcome::Missing)
        }
        Err(_) => ExpireOutcome::Full,
    }
}
