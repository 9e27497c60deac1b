//! Calls on deadlines of keys and fields.

use std::time::SystemTime;

use crate::error::Result;
use crate::expiry::{ExpireCondition, ExpireOutcome, SetOptions, Touch, Ttl, When};
use crate::hash::{Pair, Scope};
use crate::store::Store;
use crate::value::{Arguments, HashRef};

/// # Expiry
/// A key or field with a deadline is absent for every call from that millisecond on, counts included. Deadlines are
/// absolute: they mean the same whatever the program does meanwhile. Overwriting a field takes its deadline away,
/// incrementing it does not; a key keeps its own until it loses its last field. Key and fields expire independently: the
/// nearer deadline wins.
///
/// A call that meets something expired removes it first, under the write lock even if it only reads: O(what has expired)
/// of what the call concerns, slice by slice where it is much. Setting or taking a deadline is O(1); in a packed hash, where
/// it is the first or the last, the one block is copied.
///
/// All of it is Redis's, but for what counts as gone: there, a key or field that has expired is counted until somebody
/// happens to remove it.
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
    pub fn expire(&self, key: impl AsRef<[u8]>, when: impl Into<When>) -> ExpireOutcome {
        self.expire_if(key, when, ExpireCondition::Always)
    }

    /// Gives a key a deadline on a condition. O(1).
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
    pub fn expire_if(&self, key: impl AsRef<[u8]>, when: impl Into<When>, condition: ExpireCondition) -> ExpireOutcome {
        let when = when.into();
        outcome(self.try_change(key.as_ref(), Scope::Hash, |record, cx| record.expire(when, condition, cx)))
    }

    /// Returns how long a key has to live. O(1).
    #[doc(alias = "TTL")]
    #[doc(alias = "PTTL")]
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Ttl {
        self.look(key.as_ref(), Scope::Hash, |record, cx| {
            record.map_or(Ttl::Missing, |record| Ttl::of(record.deadline(), cx.now))
        })
    }

    /// Returns when a key will be gone, or `None` if it has no deadline or there is no such key. O(1).
    #[doc(alias = "EXPIRETIME")]
    #[doc(alias = "PEXPIRETIME")]
    pub fn deadline(&self, key: impl AsRef<[u8]>) -> Option<SystemTime> {
        self.look(key.as_ref(), Scope::Hash, |record, _| record?.deadline().time())
    }

    /// Takes a key's deadline away, and returns whether it had one. O(1).
    #[doc(alias = "PERSIST")]
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
    pub fn expire_field(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>, when: impl Into<When>) -> ExpireOutcome {
        self.expire_field_if(key, field, when, ExpireCondition::Always)
    }

    /// Gives a field a deadline on a condition. O(1).
    #[doc(alias = "HEXPIRE")]
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

    /// Gives many fields a deadline in one atomic step, and returns what came of each, in their order. O(fields).
    #[doc(alias = "HEXPIRE")]
    #[doc(alias = "HPEXPIRE")]
    #[doc(alias = "HEXPIREAT")]
    #[doc(alias = "HPEXPIREAT")]
    pub fn expire_fields<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
        when: impl Into<When>,
    ) -> Vec<ExpireOutcome> {
        self.expire_fields_if(key, fields, when, ExpireCondition::Always)
    }

    /// Gives many fields a deadline on a condition, in one atomic step, and returns what came of each, in their order. A
    /// repeated field is judged again. O(fields).
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
    pub fn expire_fields_if<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
        when: impl Into<When>,
        condition: ExpireCondition,
    ) -> Vec<ExpireOutcome> {
        let (key, fields, when) = (key.as_ref(), Arguments::fields(fields), when.into());
        let fields = fields.as_fields();
        // Without room for all of them each is judged by itself.
        let expired = self.try_change(key, Scope::Fields(&fields), |record, cx| {
            record.expire_fields_together(&fields, when, condition, cx)
        });
        let expired = expired.unwrap_or_else(|_| {
            self.change(key, Scope::Fields(&fields), |record, cx| record.expire_fields(&fields, when, condition, cx))
        });
        expired.unwrap_or_else(|| vec![ExpireOutcome::Missing; fields.len()])
    }

    /// Returns how long a field has to live by its own deadline, whatever the key's. O(1).
    #[doc(alias = "HTTL")]
    #[doc(alias = "HPTTL")]
    pub fn field_ttl(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Ttl {
        let field = field.as_ref();
        self.look(key.as_ref(), Scope::Field(field), |record, cx| {
            record.map_or(Ttl::Missing, |record| HashRef::new(record, cx).field_ttl(field))
        })
    }

    /// Returns how long each of these fields has to live, in their order, all at one instant. O(fields).
    #[doc(alias = "HTTL")]
    #[doc(alias = "HPTTL")]
    pub fn field_ttls<F: AsRef<[u8]>>(&self, key: impl AsRef<[u8]>, fields: impl IntoIterator<Item = F>) -> Vec<Ttl> {
        let fields = Arguments::fields(fields);
        let fields = fields.as_fields();
        self.look(key.as_ref(), Scope::Fields(&fields), |record, cx| {
            let ttl = |field| record.map_or(Ttl::Missing, |record| HashRef::new(record, cx).field_ttl(field));
            fields.iter().map(ttl).collect()
        })
    }

    /// Returns when a field will be gone by its own deadline, or `None` if it has none or there is no such field. O(1).
    #[doc(alias = "HEXPIRETIME")]
    #[doc(alias = "HPEXPIRETIME")]
    pub fn field_deadline(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> Option<SystemTime> {
        let field = field.as_ref();
        self.look(key.as_ref(), Scope::Field(field), |record, cx| record?.field_deadline(field, cx)?.time())
    }

    /// Returns when each of these fields will be gone, in their order, all at one instant. O(fields).
    #[doc(alias = "HEXPIRETIME")]
    #[doc(alias = "HPEXPIRETIME")]
    pub fn field_deadlines<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
    ) -> Vec<Option<SystemTime>> {
        let fields = Arguments::fields(fields);
        let fields = fields.as_fields();
        self.look(key.as_ref(), Scope::Fields(&fields), |record, cx| {
            fields.iter().map(|field| record?.field_deadline(field, cx)?.time()).collect()
        })
    }

    /// Takes a field's deadline away, and returns whether it had one. O(1).
    #[doc(alias = "HPERSIST")]
    pub fn persist_field(&self, key: impl AsRef<[u8]>, field: impl AsRef<[u8]>) -> bool {
        let field = field.as_ref();
        self.change(key.as_ref(), Scope::Field(field), |record, cx| record.persist_field(field, cx)).unwrap_or(false)
    }

    /// Takes the deadlines of many fields away in one atomic step, and returns of each whether it had one. O(fields).
    #[doc(alias = "HPERSIST")]
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

    /// Sets many fields with [`SetOptions`] (deadlines of fields and key, what must be there before) in one atomic step.
    /// Returns how many are new, or `None` if a condition is not met and nothing was changed. With a deadline in the past
    /// the fields are gone in the end, and a key is not made. Without pairs nothing is changed, the key's deadline included.
    /// O(pairs).
    ///
    /// # Errors
    /// As [`set`](Self::set); nothing is changed then.
    #[doc(alias = "HSETEX")]
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
        fn set_with(store: &Store, key: &[u8], pairs: &[Pair<'_>], options: &SetOptions) -> Result<Option<usize>> {
            store.try_change_or_create(key, Scope::Hash, |record, cx| record.set_with(pairs, options, cx))
        }
        set_with(self, key.as_ref(), &Arguments::pairs(pairs).as_pairs(), &options)
    }

    /// Returns the value of a field, or `None` if there is no such field, and changes its deadline in the same step. A
    /// deadline in the past deletes the field after the value was read. O(1).
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
    /// [`Error::Full`](crate::Error::Full) if there is no room for a deadline that the field has not had; nothing is changed
    /// then.
    #[doc(alias = "HGETEX")]
    pub fn get_and_expire(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        touch: impl Into<Touch>,
    ) -> Result<Option<Vec<u8>>> {
        let (field, touch) = (field.as_ref(), touch.into());
        Ok(self
            .try_change(key.as_ref(), Scope::Field(field), |record, cx| record.get_and_expire(field, touch, cx))?
            .flatten())
    }

    /// Returns the values of many fields, and changes their deadlines, in one atomic step. Of a repeated field that is
    /// deleted by it only the first value is there. O(fields).
    ///
    /// # Errors
    /// As of [`get_and_expire`](Self::get_and_expire); nothing is changed then.
    #[doc(alias = "HGETEX")]
    pub fn get_many_and_expire<F: AsRef<[u8]>>(
        &self,
        key: impl AsRef<[u8]>,
        fields: impl IntoIterator<Item = F>,
        touch: impl Into<Touch>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let (fields, touch) = (Arguments::fields(fields), touch.into());
        let fields = fields.as_fields();
        let touched = self.try_change(key.as_ref(), Scope::Fields(&fields), |record, cx| {
            record.get_many_and_expire(&fields, touch, cx)
        })?;
        Ok(touched.unwrap_or_else(|| vec![None; fields.len()]))
    }

    /// Adds to the integer in a field as [`increment`](Self::increment), and gives the field a deadline if it has none,
    /// in one atomic step: a counter that starts anew when its time is over, as a rate limiter needs it. O(1).
    ///
    /// ```
    /// use std::time::Duration;
    /// use hashlet::Store;
    ///
    /// let store = Store::new();
    /// let is_allowed = |client: &str| -> hashlet::Result<bool> {
    ///     Ok(store.increment_and_expire("requests", client, 1, Duration::from_secs(60))? <= 2)
    /// };
    /// assert!(is_allowed("ada")? && is_allowed("ada")?);
    /// assert!(!is_allowed("ada")?); // the third within a minute of the first
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`increment`](Self::increment); value and deadline stay as they were.
    #[doc(alias = "HINCRBY")]
    #[doc(alias = "HEXPIRE")]
    pub fn increment_and_expire(
        &self,
        key: impl AsRef<[u8]>,
        field: impl AsRef<[u8]>,
        amount: i64,
        when: impl Into<When>,
    ) -> Result<i64> {
        fn increment_and_expire(store: &Store, key: &[u8], field: &[u8], amount: i64, when: When) -> Result<i64> {
            store.try_change_or_create(key, Scope::Field(field), |record, cx| {
                record.increment_and_expire(field, amount, when, cx)
            })
        }
        increment_and_expire(self, key.as_ref(), field.as_ref(), amount, when.into())
    }
}

/// What came of a deadline for something that may not be there. Room is all that it can be refused for.
fn outcome(result: Result<Option<ExpireOutcome>>) -> ExpireOutcome {
    result.map_or(ExpireOutcome::Full, |outcome| outcome.unwrap_or(ExpireOutcome::Missing))
}
