//! Deadlines of a record and its fields: the rules of expiry, once for both encodings.
//!
//! Each deadline is stored once, in the record. `purge.rs` removes what has expired.

use crate::error::Result;
use crate::expiry::{ExpireCondition, ExpireOutcome, FieldTtl, SetOptions, Touch, When};
use crate::hash::found::Found;
use crate::hash::number::IntegerText;
use crate::hash::packed::Deadlines;
use crate::hash::{Context, Effect, Pair, Record};
use crate::options::Rules;
use crate::time::Deadline;

impl Record {
    /// Whether the key or a field may have a deadline.
    #[inline]
    pub(crate) fn has_deadlines(&self) -> bool {
        match self {
            Self::Packed(packed) => packed.has_deadlines(),
            Self::Table(table) => table.deadline().min(table.soonest()) != Deadline::NEVER,
        }
    }

    pub(super) fn has_field_deadlines(&self) -> bool {
        match self {
            Self::Packed(packed) => packed.has_field_deadlines(),
            Self::Table(table) => table.soonest() != Deadline::NEVER,
        }
    }

    /// The key's deadline.
    pub(crate) fn deadline(&self) -> Deadline {
        match self {
            Self::Packed(packed) => packed.deadline(),
            Self::Table(table) => table.deadline(),
        }
    }

    /// Gives the key a deadline. [`Deadline::NEVER`] removes the one that it has.
    pub(crate) fn set_deadline(&mut self, deadline: Deadline, cx: Context<'_>) {
        match self {
            Self::Packed(packed) => {
                cx.record(|| Some((packed.key(), Effect::KeyDeadline { deadline, before: packed.deadline() })));
                packed.set_deadline(deadline);
            }
            Self::Table(table) => table.set_deadline(deadline, cx),
        }
    }

    /// The deadline of a field, if it is there.
    pub(crate) fn field_deadline(&self, field: &[u8], rules: &Rules) -> Option<Deadline> {
        self.deadline_of(&self.find(field, rules))
    }

    /// The fields that have a deadline, with their deadlines. O(n).
    pub(crate) fn timed_fields<'a>(&'a self, rules: &'a Rules) -> impl Iterator<Item = (&'a [u8], Deadline)> {
        let pairs = self.has_field_deadlines().then(|| self.pairs(rules)).into_iter().flatten();
        let deadline = move |field| self.field_deadline(field, rules).filter(|deadline| *deadline != Deadline::NEVER);
        pairs.filter_map(move |(field, _)| Some((field, deadline(field)?)))
    }

    /// Removes all deadlines, because a hash outside a store has none.
    pub(crate) fn forget_deadlines(&mut self, cx: Context<'_>) {
        if !self.has_deadlines() {
            return;
        }
        match self {
            Self::Packed(packed) => packed.set_deadlines(Deadlines::default()),
            Self::Table(table) => table.forget_deadlines(cx),
        }
    }

    /// A lower bound of all deadlines of the record.
    pub(crate) fn soonest(&self) -> Deadline {
        match self {
            Self::Packed(packed) => packed.soonest(),
            Self::Table(table) => table.deadline().min(table.soonest()),
        }
    }

    /// Redis's EXPIRE.
    ///
    /// # Errors
    /// `Full`, here and below, if there is no room for one more deadline.
    pub(crate) fn expire(&mut self, when: When, condition: ExpireCondition, cx: Context<'_>) -> Result<ExpireOutcome> {
        if self.len() == 0 {
            return Ok(ExpireOutcome::Missing);
        }
        let deadline = when.deadline(cx.now());
        if !condition.allows(self.deadline(), deadline) {
            return Ok(ExpireOutcome::NotMet);
        }
        if deadline.is_due(cx.now()) {
            self.clear(cx);
            return Ok(ExpireOutcome::Deleted);
        }
        self.reserve(|record| record.growth_by(&[], record.key_deadline_bytes(), cx), cx)?;
        self.set_deadline(deadline, cx);
        Ok(ExpireOutcome::Set)
    }

    /// Redis's PERSIST: removes the key's deadline, and returns whether there was one.
    pub(crate) fn persist(&mut self, cx: Context<'_>) -> bool {
        let has_deadline = self.deadline() != Deadline::NEVER;
        if has_deadline {
            self.set_deadline(Deadline::NEVER, cx);
        }
        has_deadline
    }

    /// Redis's HEXPIRE for one field.
    pub(crate) fn expire_field(
        &mut self,
        field: &[u8],
        when: When,
        condition: ExpireCondition,
        cx: Context<'_>,
    ) -> Result<ExpireOutcome> {
        self.expire_found(&self.find(field, cx.rules), field, when, condition, cx)
    }

    /// [`expire_field`](Self::expire_field) for a field that was looked for.
    fn expire_found(
        &mut self,
        found: &Found,
        field: &[u8],
        when: When,
        condition: ExpireCondition,
        cx: Context<'_>,
    ) -> Result<ExpireOutcome> {
        let Some(old) = self.deadline_of(found) else { return Ok(ExpireOutcome::Missing) };
        let deadline = when.deadline(cx.now());
        if !condition.allows(old, deadline) {
            return Ok(ExpireOutcome::NotMet);
        }
        if deadline.is_due(cx.now()) {
            self.remove_found(found, field, cx);
            return Ok(ExpireOutcome::Deleted);
        }
        let untimed = usize::from(old == Deadline::NEVER);
        self.reserve(|record| record.growth_by(&[], record.field_deadline_bytes(untimed), cx), cx)?;
        self.set_deadline_of(found, field, deadline, cx);
        Ok(ExpireOutcome::Set)
    }

    /// Redis's HEXPIRE for all fields or, if there is no room for all of them, for none.
    pub(crate) fn expire_fields_together(
        &mut self,
        fields: &[&[u8]],
        when: When,
        condition: ExpireCondition,
        cx: Context<'_>,
    ) -> Result<Vec<ExpireOutcome>> {
        let deadline = when.deadline(cx.now());
        self.reserve(|record| record.growth_by_touching(fields, deadline, cx), cx)?;
        let expire = |field: &&[u8]| {
            let found = self.find(field, cx.rules);
            match self.deadline_of(&found) {
                None => ExpireOutcome::Missing,
                Some(old) if !condition.allows(old, deadline) => ExpireOutcome::NotMet,
                Some(_) => {
                    self.put_deadline_of(&found, field, deadline, cx);
                    if deadline.is_due(cx.now()) { ExpireOutcome::Deleted } else { ExpireOutcome::Set }
                }
            }
        };
        Ok(fields.iter().map(expire).collect())
    }

    /// The bytes that a deadline takes for those of these fields that are there.
    fn growth_by_touching(&self, fields: &[&[u8]], deadline: Deadline, cx: Context<'_>) -> usize {
        if deadline == Deadline::NEVER || deadline.is_due(cx.now()) {
            return 0;
        }
        let present = fields.iter().copied().filter(|field| self.get(field, cx.rules).is_some());
        self.growth_by(&[], self.field_deadline_bytes(self.count_untimed(present, cx)), cx)
    }

    /// Redis's HEXPIRE. The outcome of a field tells if there was no room for its deadline.
    pub(crate) fn expire_fields(
        &mut self,
        fields: &[&[u8]],
        when: When,
        condition: ExpireCondition,
        cx: Context<'_>,
    ) -> Vec<ExpireOutcome> {
        let expire = |field: &&[u8]| self.expire_field(field, when, condition, cx).unwrap_or(ExpireOutcome::Full);
        fields.iter().map(expire).collect()
    }

    /// Gives a field that was looked for a deadline, or removes the field if the deadline has come already. The caller
    /// has reserved the room.
    fn put_deadline_of(&mut self, found: &Found, field: &[u8], deadline: Deadline, cx: Context<'_>) {
        if deadline.is_due(cx.now()) {
            self.remove_found(found, field, cx);
        } else {
            self.set_deadline_of(found, field, deadline, cx);
        }
    }

    /// Redis's HPERSIST for one field: removes its deadline, and returns whether there was one.
    pub(crate) fn persist_field(&mut self, field: &[u8], cx: Context<'_>) -> bool {
        self.persist_found(&self.find(field, cx.rules), field, cx)
    }

    fn persist_found(&mut self, found: &Found, field: &[u8], cx: Context<'_>) -> bool {
        let has_deadline = self.deadline_of(found).is_some_and(|deadline| deadline != Deadline::NEVER);
        if has_deadline {
            self.set_deadline_of(found, field, Deadline::NEVER, cx);
        }
        has_deadline
    }

    /// Redis's HGETEX for one field: returns its value, and changes its deadline.
    pub(crate) fn get_and_expire(&mut self, field: &[u8], touch: Touch, cx: Context<'_>) -> Result<Option<Vec<u8>>> {
        let found = self.find(field, cx.rules);
        let Some(value) = self.value(&found).map(<[u8]>::to_vec) else { return Ok(None) };
        match touch {
            Touch::Expire(when) => _ = self.expire_found(&found, field, when, ExpireCondition::Always, cx)?,
            Touch::Persist => _ = self.persist_found(&found, field, cx),
        }
        Ok(Some(value))
    }

    /// Redis's HGETEX. It changes all of the deadlines or, if it is refused, none.
    pub(crate) fn get_many_and_expire(
        &mut self,
        fields: &[&[u8]],
        touch: Touch,
        cx: Context<'_>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let deadline = match touch {
            Touch::Expire(when) => when.deadline(cx.now()),
            Touch::Persist => Deadline::NEVER,
        };
        self.reserve(|record| record.growth_by_touching(fields, deadline, cx), cx)?;
        let touch = |field: &&[u8]| {
            let found = self.find(field, cx.rules);
            let value = self.value(&found)?.to_vec();
            self.put_deadline_of(&found, field, deadline, cx);
            Some(value)
        };
        Ok(fields.iter().map(touch).collect())
    }

    /// Redis's HSETEX: the number of new fields, or nothing if a condition is not met.
    pub(crate) fn set_with(
        &mut self,
        pairs: &[Pair<'_>],
        options: &SetOptions,
        cx: Context<'_>,
    ) -> Result<Option<usize>> {
        self.admit_many(pairs, cx)?;
        if !options.allow(self.len() > 0, pairs.iter().map(|(field, _)| self.get(field, cx.rules).is_some())) {
            return Ok(None);
        }
        if pairs.is_empty() {
            return Ok(Some(0)); // not even the key's deadline changes
        }
        let field_deadline = match options.fields {
            FieldTtl::Set(when) => Some(when.deadline(cx.now())),
            FieldTtl::Drop | FieldTtl::Keep => None,
        };
        let key_deadline = options.key.map(|(when, condition)| (when.deadline(cx.now()), condition));
        let deadline_bytes = |record: &Self| {
            let stays = |deadline: &Deadline| !deadline.is_due(cx.now());
            let key = key_deadline.is_some_and(|(deadline, _)| stays(&deadline));
            let untimed = || record.count_untimed(pairs.iter().map(|(field, _)| *field), cx);
            let fields = field_deadline.filter(stays).map_or(0, |_| record.field_deadline_bytes(untimed()));
            fields + if key { record.key_deadline_bytes() } else { 0 }
        };
        self.prepare(pairs, deadline_bytes, cx)?;
        let new = self.put_many(pairs, cx);
        for (field, _) in pairs {
            match field_deadline {
                Some(deadline) => self.put_deadline_of(&self.find(field, cx.rules), field, deadline, cx),
                None if options.fields == FieldTtl::Keep => {}
                None => self.drop_field_deadline(field, cx),
            }
        }
        if let Some((deadline, condition)) = key_deadline
            && self.len() > 0
            && condition.allows(self.deadline(), deadline)
        {
            if deadline.is_due(cx.now()) {
                self.clear(cx);
            } else {
                self.set_deadline(deadline, cx);
            }
        }
        Ok(Some(new))
    }

    /// Redis's HINCRBY, and HEXPIRE with NX.
    pub(crate) fn increment_and_expire(
        &mut self,
        field: &[u8],
        amount: i64,
        when: When,
        cx: Context<'_>,
    ) -> Result<i64> {
        let found = self.find(field, cx.rules);
        let sum = self.sum(&found, field, amount, cx)?;
        let deadline = when.deadline(cx.now());
        let is_untimed = self.deadline_of(&found).is_none_or(|old| old == Deadline::NEVER);
        let untimed = usize::from(is_untimed && !deadline.is_due(cx.now()));
        let text = IntegerText::of(sum);
        self.admit(field, text.as_bytes(), cx)?;
        self.reserve(
            |record| record.growth_by(&[(field, text.as_bytes())], record.field_deadline_bytes(untimed), cx),
            cx,
        )?;
        self.put_found(found, field, text.as_bytes(), cx)?;
        if is_untimed {
            self.put_deadline_of(&self.find(field, cx.rules), field, deadline, cx);
        }
        Ok(sum)
    }

    /// Removes the deadline of a field that was overwritten.
    #[inline]
    pub(super) fn drop_field_deadline(&mut self, field: &[u8], cx: Context<'_>) {
        if self.has_field_deadlines() {
            self.persist_field(field, cx);
        }
    }
}
