//! Deadlines of a record and its fields: the rules of expiry, once for both encodings.
//!
//! A deadline stands once, in the record. What has expired is *purged*, never skipped: whoever holds a record under a
//! write lock purges the part that its call concerns ([`Scope`]) before anything else, and whoever only reads asks first
//! whether there is something to purge. So nothing else in the crate has to know that fields can expire.

use crate::call::Context;
use crate::error::Result;
use crate::expiry::{Condition, Expire, FieldTtl, SetOptions, Touch, When};
use crate::hash::packed::Deadlines;
use crate::hash::{Pair, Record, entry};
use crate::listener::Expired;
use crate::saving::Mark;
use crate::time::{Deadline, Now};
use crate::value::HashValue;

/// The part of a record that a call concerns. A packed record is always taken as a whole, and the key with each part.
#[derive(Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// The whole hash.
    Hash,
    /// As much as is purged at a time while others wait: a segment of a table.
    Slice,
    /// One field.
    Field(&'a [u8]),
    /// These fields.
    Fields(&'a [&'a [u8]]),
    /// The fields of these pairs.
    Pairs(&'a [Pair<'a>]),
}

impl Scope<'_> {
    fn any_field(self, mut holds: impl FnMut(&[u8]) -> bool) -> bool {
        match self {
            Self::Hash | Self::Slice => false,
            Self::Field(field) => holds(field),
            Self::Fields(fields) => fields.iter().any(|field| holds(field)),
            Self::Pairs(pairs) => pairs.iter().any(|(field, _)| holds(field)),
        }
    }
}

impl Record {
    /// Whether the key or a field may have a deadline.
    #[inline]
    pub(crate) fn has_deadlines(&self) -> bool {
        match self {
            Self::Packed(packed) => packed.has_deadlines(),
            Self::Table(table) => table.deadline().min(table.soonest()) != Deadline::NEVER,
        }
    }

    fn has_field_deadlines(&self) -> bool {
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

    fn set_deadline(&mut self, deadline: Deadline, cx: Context<'_>) {
        self.measured(cx, |record| match record {
            Self::Packed(packed) => packed.set_deadline(deadline),
            Self::Table(table) => table.set_deadline(deadline),
        });
    }

    /// The deadline of a field, if it is there.
    pub(crate) fn field_deadline(&self, field: &[u8], cx: Context<'_>) -> Option<Deadline> {
        match self {
            Self::Packed(packed) => {
                packed.find(cx.rules.tag(field), field).map(|(index, _)| packed.field_deadline(index))
            }
            Self::Table(table) => table.field_deadline(cx.rules.hash(field), field),
        }
    }

    fn set_field_deadline(&mut self, field: &[u8], deadline: Deadline, cx: Context<'_>) {
        self.measured(cx, |record| match record {
            Self::Packed(packed) => {
                if let Some((index, _)) = packed.find(cx.rules.tag(field), field) {
                    packed.set_field_deadline(index, deadline);
                }
            }
            Self::Table(table) => table.set_field_deadline(cx.rules.hash(field), field, deadline, cx),
        });
    }

    /// Takes all deadlines away: what leaves a store has none.
    pub(crate) fn forget_deadlines(&mut self, cx: Context<'_>) {
        if !self.has_deadlines() {
            return;
        }
        match self {
            Self::Packed(packed) => packed.set_deadlines(Deadlines::default()),
            Self::Table(table) => table.forget_deadlines(cx),
        }
    }

    /// A deadline before which nothing of the record expires.
    pub(crate) fn soonest(&self) -> Deadline {
        match self {
            Self::Packed(packed) => packed.soonest(),
            Self::Table(table) => table.deadline().min(table.soonest()),
        }
    }

    /// Whether there may be something to purge.
    #[inline]
    pub(crate) fn is_overdue(&self, scope: Scope<'_>, cx: Context<'_>) -> bool {
        self.has_deadlines() && self.is_due(scope, cx)
    }

    #[cold]
    fn is_due(&self, scope: Scope<'_>, cx: Context<'_>) -> bool {
        match (self, scope) {
            (Self::Packed(_), _) | (Self::Table(_), Scope::Hash | Scope::Slice) => self.soonest().is_due(cx.now),
            (Self::Table(table), _) => {
                table.deadline().is_due(cx.now)
                    || table.soonest().is_due(cx.now)
                        && scope.any_field(|field| table.is_due_at(cx.rules.hash(field), cx.now))
            }
        }
    }

    /// Removes what has expired, as far as a call that changes the record is concerned; an empty record is left if all
    /// has.
    #[inline]
    pub(crate) fn purge(&mut self, scope: Scope<'_>, cx: Context<'_>) {
        if self.has_deadlines() {
            self.purge_scope(scope, cx);
        }
    }

    #[cold]
    fn purge_scope(&mut self, scope: Scope<'_>, cx: Context<'_>) {
        if self.is_due(scope, cx) {
            self.purge_due(scope, cx);
        }
        // The last living field takes the key's deadline with it, whether the call concerns it or not.
        if let Self::Table(table) = self
            && table.deadline() != Deadline::NEVER
            && !matches!(scope, Scope::Slice)
            && !table.surely_lives(cx.now)
        {
            self.measured(cx, |record| {
                if let Self::Table(table) = record {
                    table.purge_until_one_lives(cx);
                }
            });
            if self.len() == 0 {
                self.clear(cx);
            }
        }
    }

    /// Whether so much may have to be purged that others should work in between.
    pub(crate) fn needs_slices(&self, cx: Context<'_>) -> bool {
        matches!(self, Self::Table(_)) && self.is_overdue(Scope::Slice, cx) && !self.deadline().is_due(cx.now)
    }

    fn purge_due(&mut self, scope: Scope<'_>, cx: Context<'_>) {
        if self.deadline().is_due(cx.now) {
            self.purge_key(cx);
            return;
        }
        self.measured(cx, |record| match record {
            Self::Packed(packed) => {
                let due = packed.field_deadlines().filter(|(_, deadline)| deadline.is_due(cx.now));
                let due: Vec<usize> = due.map(|(index, _)| index).collect();
                due.iter().for_each(|&index| report_field(packed.key(), entry::pair(packed.entry(index)), cx));
                packed.remove_all_at(&due);
            }
            Self::Table(table) => match scope {
                Scope::Hash => table.purge(cx),
                Scope::Slice => table.purge_slice(cx),
                _ => {
                    scope.any_field(|field| {
                        table.purge_at(cx.rules.hash(field), cx);
                        false
                    });
                }
            },
        });
        if self.len() == 0 {
            self.clear(cx);
        }
    }

    /// Removes everything because the key has expired.
    fn purge_key(&mut self, cx: Context<'_>) {
        if let Some(outbox) = cx.outbox() {
            // Fields whose time was over before the key's are reported by themselves.
            let end = Now::frozen_at(self.deadline());
            self.set_deadline(Deadline::NEVER, cx);
            self.purge(Scope::Hash, cx.at(&end));
            if self.len() > 0 {
                let key = self.key().to_vec();
                let record = self.measured(cx, |record| record.take_out(cx));
                outbox.put(Expired::Key { key, hash: HashValue::of(record, cx.rules) });
            }
        }
        self.clear(cx);
    }

    /// Takes the fields out of the store, where no saver finds them.
    fn take_out(&mut self, cx: Context<'_>) -> Self {
        if let Self::Table(table) = self
            && cx.is_saving()
        {
            table.save_all_ahead(cx);
        }
        let mut record = self.move_to(b"", cx);
        record.set_mark(Mark::default());
        record
    }

    /// The last field takes the key's deadline with it.
    pub(super) fn forget_if_empty(&mut self, cx: Context<'_>) {
        if self.len() == 0 && self.has_deadlines() {
            self.set_deadline(Deadline::NEVER, cx);
        }
    }

    /// Redis's EXPIRE.
    pub(crate) fn expire(&mut self, when: When, condition: Condition, cx: Context<'_>) -> Expire {
        if self.len() == 0 {
            return Expire::Missing;
        }
        let deadline = when.deadline(cx.now);
        if !condition.allows(self.deadline(), deadline) {
            return Expire::NotMet;
        }
        if deadline.is_due(cx.now) {
            self.clear(cx);
            return Expire::Deleted;
        }
        self.set_deadline(deadline, cx);
        Expire::Set
    }

    /// Redis's PERSIST: whether there was a deadline to take away.
    pub(crate) fn persist(&mut self, cx: Context<'_>) -> bool {
        let has_deadline = self.deadline() != Deadline::NEVER;
        if has_deadline {
            self.set_deadline(Deadline::NEVER, cx);
        }
        has_deadline
    }

    /// Redis's HEXPIRE for one field.
    pub(crate) fn expire_field(&mut self, field: &[u8], when: When, condition: Condition, cx: Context<'_>) -> Expire {
        let Some(old) = self.field_deadline(field, cx) else { return Expire::Missing };
        let deadline = when.deadline(cx.now);
        if !condition.allows(old, deadline) {
            return Expire::NotMet;
        }
        if deadline.is_due(cx.now) {
            self.remove(field, cx);
            return Expire::Deleted;
        }
        self.set_field_deadline(field, deadline, cx);
        Expire::Set
    }

    /// Redis's HEXPIRE.
    pub(crate) fn expire_fields(
        &mut self,
        fields: &[&[u8]],
        when: When,
        condition: Condition,
        cx: Context<'_>,
    ) -> Vec<Expire> {
        fields.iter().map(|field| self.expire_field(field, when, condition, cx)).collect()
    }

    /// Redis's HPERSIST for one field: whether there was a deadline to take away.
    pub(crate) fn persist_field(&mut self, field: &[u8], cx: Context<'_>) -> bool {
        let has_deadline = self.field_deadline(field, cx).is_some_and(|deadline| deadline != Deadline::NEVER);
        if has_deadline {
            self.set_field_deadline(field, Deadline::NEVER, cx);
        }
        has_deadline
    }

    /// Redis's HGETEX for one field: its value, before its deadline is changed.
    pub(crate) fn touch(&mut self, field: &[u8], touch: Touch, cx: Context<'_>) -> Option<Vec<u8>> {
        let value = self.get(field, cx)?.to_vec();
        match touch {
            Touch::Expire(when) => _ = self.expire_field(field, when, Condition::Always, cx),
            Touch::Persist => _ = self.persist_field(field, cx),
        }
        Some(value)
    }

    /// Redis's HSETEX: the number of new fields, or nothing if a condition is not met.
    pub(crate) fn set_with(
        &mut self,
        pairs: &[Pair<'_>],
        options: &SetOptions,
        cx: Context<'_>,
    ) -> Result<Option<usize>> {
        self.admit_many(pairs, cx)?;
        if !options.allow(self.len() > 0, pairs.iter().map(|(field, _)| self.get(field, cx).is_some())) {
            return Ok(None);
        }
        if pairs.is_empty() {
            return Ok(Some(0)); // not even the key's deadline changes
        }
        let new = self.write_many(pairs, cx)?;
        for (field, _) in pairs {
            match options.fields {
                FieldTtl::Keep => {}
                FieldTtl::Drop => self.drop_field_deadline(field, cx),
                FieldTtl::Set(when) => _ = self.expire_field(field, when, Condition::Always, cx),
            }
        }
        if let Some((when, condition)) = options.key {
            self.expire(when, condition, cx);
        }
        Ok(Some(new))
    }

    /// Redis's HINCRBY, and HEXPIRE with NX.
    pub(crate) fn increment_expiring(&mut self, field: &[u8], amount: i64, when: When, cx: Context<'_>) -> Result<i64> {
        let sum = self.increment(field, amount, cx)?;
        self.expire_field(field, when, Condition::IfNone, cx);
        Ok(sum)
    }

    /// A field that is overwritten loses its deadline.
    #[inline]
    pub(super) fn drop_field_deadline(&mut self, field: &[u8], cx: Context<'_>) {
        if self.has_field_deadlines() {
            self.persist_field(field, cx);
        }
    }
}

/// Tells whoever listens that a field has expired.
pub(super) fn report_field(key: &[u8], (field, value): Pair<'_>, cx: Context<'_>) {
    if let Some(outbox) = cx.outbox() {
        outbox.put(Expired::Field { key: key.to_vec(), field: field.to_vec(), value: value.to_vec() });
    }
}
