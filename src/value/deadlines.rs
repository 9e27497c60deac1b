//! The deadlines of a hash and of its fields, as closures see and change them.

use std::time::SystemTime;

use crate::error::Result;
use crate::expiry::{ExpireCondition, ExpireOutcome, SetOptions, Touch, Ttl, When};
use crate::value::sight::Sight;
use crate::value::{Arguments, HashMut, HashRef};

impl<'a> HashRef<'a> {
    /// Returns the remaining time to live of the key. O(1).
    #[doc(alias = "TTL")]
    #[must_use]
    pub fn ttl(&self) -> Ttl {
        self.see(Sight::Key);
        if self.record.len() == 0 { Ttl::Missing } else { Ttl::of(self.record.deadline(), self.now) }
    }

    /// Returns when the key expires, or `None` if it has no deadline or there is no such key. O(1).
    #[doc(alias = "EXPIRETIME")]
    #[must_use]
    pub fn deadline(&self) -> Option<SystemTime> {
        self.see(Sight::Key);
        self.record.deadline().time()
    }

    /// Returns the remaining time to live of a field by its own deadline; that of the key does not count. O(1).
    #[doc(alias = "HTTL")]
    pub fn field_ttl(&self, field: impl AsRef<[u8]>) -> Ttl {
        let field = field.as_ref();
        self.see(Sight::Field(field));
        let deadline = self.record.field_deadline(field, self.rules);
        deadline.map_or(Ttl::Missing, |deadline| Ttl::of(deadline, self.now))
    }

    /// Returns the remaining time to live of each of these fields, in their order. O(fields).
    #[doc(alias = "HTTL")]
    pub fn field_ttls<F: AsRef<[u8]>>(&self, fields: impl IntoIterator<Item = F>) -> Vec<Ttl> {
        fields.into_iter().map(|field| self.field_ttl(field)).collect()
    }

    /// Returns when a field expires by its own deadline, or `None` if it has none or there is no such field. O(1).
    #[doc(alias = "HEXPIRETIME")]
    pub fn field_deadline(&self, field: impl AsRef<[u8]>) -> Option<SystemTime> {
        let field = field.as_ref();
        self.see(Sight::Field(field));
        self.record.field_deadline(field, self.rules)?.time()
    }

    /// Returns when each of these fields expires, in their order. O(fields).
    #[doc(alias = "HEXPIRETIME")]
    pub fn field_deadlines<F: AsRef<[u8]>>(&self, fields: impl IntoIterator<Item = F>) -> Vec<Option<SystemTime>> {
        fields.into_iter().map(|field| self.field_deadline(field)).collect()
    }

    /// Returns an iterator over all fields and values, each with the time when the field expires by its own deadline, or
    /// `None` if it has none. They come in no particular order. O(1), and each step O(1).
    ///
    /// ```
    /// use std::time::Duration;
    /// # let store = hashlet::Store::new();
    /// store.set_many("session:9", [("user", "ada"), ("token", "x")])?;
    /// store.expire_field("session:9", "token", Duration::from_secs(60));
    /// store.read("session:9", |session| {
    ///     for (field, _, deadline) in session.iter_with_deadlines() {
    ///         assert_eq!(deadline.is_some(), field == b"token");
    ///     }
    /// });
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "HGETALL")]
    #[doc(alias = "HEXPIRETIME")]
    pub fn iter_with_deadlines(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8], Option<SystemTime>)> + use<'a> {
        let hash = *self;
        hash.iter().map(move |(field, value)| (field, value, hash.field_deadline(field)))
    }
}

/// Deadlines. The methods mean the same as those of [`Store`](crate::Store#expiry). The whole call happens at one
/// instant, so nothing expires while the closure runs, unless the closure itself sets a deadline in the past.
impl HashMut<'_> {
    /// Returns the remaining time to live of the key. O(1).
    #[doc(alias = "TTL")]
    #[must_use]
    pub fn ttl(&self) -> Ttl {
        self.view().ttl()
    }

    /// Returns when the key expires, or `None` if it has no deadline or there is no such key. O(1).
    #[doc(alias = "EXPIRETIME")]
    #[must_use]
    pub fn deadline(&self) -> Option<SystemTime> {
        self.view().deadline()
    }

    /// Returns the remaining time to live of a field by its own deadline; that of the key does not count. O(1).
    #[doc(alias = "HTTL")]
    pub fn field_ttl(&self, field: impl AsRef<[u8]>) -> Ttl {
        self.view().field_ttl(field)
    }

    /// Returns the remaining time to live of each of these fields, in their order. O(fields).
    #[doc(alias = "HTTL")]
    pub fn field_ttls<F: AsRef<[u8]>>(&self, fields: impl IntoIterator<Item = F>) -> Vec<Ttl> {
        self.view().field_ttls(fields)
    }

    /// Returns when a field expires by its own deadline, or `None` if it has none or there is no such field. O(1).
    #[doc(alias = "HEXPIRETIME")]
    pub fn field_deadline(&self, field: impl AsRef<[u8]>) -> Option<SystemTime> {
        self.view().field_deadline(field)
    }

    /// Returns when each of these fields expires, in their order. O(fields).
    #[doc(alias = "HEXPIRETIME")]
    pub fn field_deadlines<F: AsRef<[u8]>>(&self, fields: impl IntoIterator<Item = F>) -> Vec<Option<SystemTime>> {
        self.view().field_deadlines(fields)
    }

    /// Returns an iterator over all fields and values, each with the field's deadline. See
    /// [`HashRef::iter_with_deadlines`].
    #[doc(alias = "HGETALL")]
    #[doc(alias = "HEXPIRETIME")]
    pub fn iter_with_deadlines(&self) -> impl Iterator<Item = (&[u8], &[u8], Option<SystemTime>)> {
        self.view().iter_with_deadlines()
    }

    /// Gives the key a deadline: a [`Duration`](std::time::Duration) from now, or a [`SystemTime`]. A hash without
    /// fields has no key that could get one, so set the fields first. O(1).
    ///
    /// ```
    /// use std::time::Duration;
    /// use hashlet::ExpireOutcome;
    ///
    /// # let store = hashlet::Store::new();
    /// store.try_update("session:9", |session| -> hashlet::Result<()> {
    ///     session.set("user", "ada")?;
    ///     assert_eq!(session.expire(Duration::from_secs(3_600)), ExpireOutcome::Set);
    ///     Ok(())
    /// })?;
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "EXPIRE")]
    pub fn expire(&mut self, when: impl Into<When>) -> ExpireOutcome {
        self.expire_if(when, ExpireCondition::Always)
    }

    /// Gives the key a deadline if a condition is met. O(1).
    #[doc(alias = "EXPIRE")]
    pub fn expire_if(&mut self, when: impl Into<When>, condition: ExpireCondition) -> ExpireOutcome {
        self.try_expire(when.into(), condition).unwrap_or(ExpireOutcome::Full)
    }

    /// The same, with the error that says why there is no room.
    pub(crate) fn try_expire(&mut self, when: When, condition: ExpireCondition) -> Result<ExpireOutcome> {
        let outcome = self.change(Sight::Key, |record, cx| record.expire(when, condition, cx));
        if matches!(outcome, Ok(ExpireOutcome::Deleted)) {
            self.see(Sight::All); // all of it is removed
        }
        outcome
    }

    /// Removes the key's deadline, and returns whether it had one. O(1).
    #[doc(alias = "PERSIST")]
    pub fn persist(&mut self) -> bool {
        self.change(Sight::Key, |record, cx| record.persist(cx))
    }

    /// Gives a field a deadline. O(1).
    #[doc(alias = "HEXPIRE")]
    pub fn expire_field(&mut self, field: impl AsRef<[u8]>, when: impl Into<When>) -> ExpireOutcome {
        self.expire_field_if(field, when, ExpireCondition::Always)
    }

    /// Gives a field a deadline if a condition is met. O(1).
    #[doc(alias = "HEXPIRE")]
    pub fn expire_field_if(
        &mut self,
        field: impl AsRef<[u8]>,
        when: impl Into<When>,
        condition: ExpireCondition,
    ) -> ExpireOutcome {
        self.try_expire_field(field.as_ref(), when.into(), condition).unwrap_or(ExpireOutcome::Full)
    }

    /// The same, with the error that says why there is no room.
    pub(crate) fn try_expire_field(
        &mut self,
        field: &[u8],
        when: When,
        condition: ExpireCondition,
    ) -> Result<ExpireOutcome> {
        self.change(Sight::Field(field), |record, cx| record.expire_field(field, when, condition, cx))
    }

    /// Gives many fields a deadline, and returns the outcome for each, in their order. O(fields).
    #[doc(alias = "HEXPIRE")]
    pub fn expire_fields<F: AsRef<[u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = F>,
        when: impl Into<When>,
    ) -> Vec<ExpireOutcome> {
        self.expire_fields_if(fields, when, ExpireCondition::Always)
    }

    /// Gives many fields a deadline if a condition is met, and returns the outcome for each, in their order. O(fields).
    #[doc(alias = "HEXPIRE")]
    pub fn expire_fields_if<F: AsRef<[u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = F>,
        when: impl Into<When>,
        condition: ExpireCondition,
    ) -> Vec<ExpireOutcome> {
        let fields = Arguments::fields(fields);
        let fields = fields.as_fields();
        self.change(Sight::Fields(&fields), |record, cx| record.expire_fields(&fields, when.into(), condition, cx))
    }

    /// Removes a field's deadline, and returns whether it had one. O(1).
    #[doc(alias = "HPERSIST")]
    pub fn persist_field(&mut self, field: impl AsRef<[u8]>) -> bool {
        let field = field.as_ref();
        self.change(Sight::Field(field), |record, cx| record.persist_field(field, cx))
    }

    /// Removes the deadlines of many fields, and returns for each field whether it had one. O(fields).
    #[doc(alias = "HPERSIST")]
    pub fn persist_fields<F: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = F>) -> Vec<bool> {
        fields.into_iter().map(|field| self.persist_field(field)).collect()
    }

    /// Sets many fields with deadlines or on conditions, as [`Store::set_with`](crate::Store::set_with) does. Returns
    /// how many are new, or `None` if a condition is not met. O(pairs).
    ///
    /// # Errors
    /// As [`set`](Self::set). Nothing is changed then.
    #[doc(alias = "HSETEX")]
    pub fn set_with<F, V>(
        &mut self,
        pairs: impl IntoIterator<Item = (F, V)>,
        options: SetOptions,
    ) -> Result<Option<usize>>
    where
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let pairs = Arguments::pairs(pairs);
        let pairs = pairs.as_pairs();
        self.see(Sight::Key);
        let new = self.change(Sight::Pairs(&pairs), |record, cx| record.set_with(&pairs, &options, cx));
        if matches!(new, Ok(Some(_))) && options.key.is_some() && self.view().record.len() == 0 {
            self.see(Sight::All); // all of it is removed, if the deadline of the key is in the past
        }
        new
    }

    /// Returns the value of a field, or `None` if there is no such field, and changes its deadline. O(1).
    ///
    /// # Errors
    /// [`Error::Full`](crate::Error::Full) if the field had no deadline and there is no room for one. Nothing is
    /// changed then.
    #[doc(alias = "HGETEX")]
    pub fn get_and_expire(&mut self, field: impl AsRef<[u8]>, touch: impl Into<Touch>) -> Result<Option<Vec<u8>>> {
        let field = field.as_ref();
        self.change(Sight::Field(field), |record, cx| record.get_and_expire(field, touch.into(), cx))
    }

    /// Returns the values of many fields, and changes their deadlines. O(fields).
    ///
    /// # Errors
    /// As [`get_and_expire`](Self::get_and_expire). Nothing is changed then.
    #[doc(alias = "HGETEX")]
    pub fn get_many_and_expire<F: AsRef<[u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = F>,
        touch: impl Into<Touch>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let fields = Arguments::fields(fields);
        let fields = fields.as_fields();
        self.change(Sight::Fields(&fields), |record, cx| record.get_many_and_expire(&fields, touch.into(), cx))
    }

    /// Adds to the integer in a field, as [`increment`](Self::increment) does, and gives the field a deadline if it has
    /// none. O(1).
    ///
    /// # Errors
    /// As [`increment`](Self::increment). The value and the deadline stay as they were then.
    #[doc(alias = "HINCRBY")]
    pub fn increment_and_expire(&mut self, field: impl AsRef<[u8]>, amount: i64, when: impl Into<When>) -> Result<i64> {
        let field = field.as_ref();
        self.change(Sight::Field(field), |record, cx| record.increment_and_expire(field, amount, when.into(), cx))
    }
}
