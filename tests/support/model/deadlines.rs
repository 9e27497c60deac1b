//! The deadlines of the model: one beside each hash, and one beside each field. Everything due is removed when the
//! clock is moved, so the model never holds anything expired.

use std::iter::once;
use std::time::{Duration, SystemTime};

use hashlet::{ExpireCondition, ExpireOutcome, Result, Touch, Ttl, When};

use super::hash::{Field, Hash, ModelHash};
use crate::support::ops::deadlines::{FieldTtl, SetPlan};
use crate::support::time;

impl Hash {
    pub(super) fn remove_due(&mut self, now: u64) {
        let is_due = |deadline: Option<u64>| deadline.is_some_and(|deadline| deadline <= now);
        if is_due(self.deadline) {
            self.fields.clear();
        }
        self.fields.retain(|_, field| !is_due(field.deadline));
        self.forget_if_empty();
    }

    /// The deadline of the key, and of each field.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = Option<SystemTime>> {
        let deadlines = self.fields.values().map(|field| field.deadline);
        once(self.deadline).chain(deadlines).map(|deadline| deadline.map(time::time))
    }

    /// Removes the key's deadline if there are no fields left.
    pub(super) fn forget_if_empty(&mut self) {
        if self.fields.is_empty() {
            self.deadline = None;
        }
    }
}

impl ModelHash<'_> {
    pub(crate) fn ttl(&self) -> Ttl {
        if self.len() == 0 { Ttl::Missing } else { self.left(self.hash.deadline) }
    }

    pub(crate) fn deadline(&self) -> Option<SystemTime> {
        self.hash.deadline.map(time::time)
    }

    pub(crate) fn field_ttl(&self, field: impl AsRef<[u8]>) -> Ttl {
        self.hash.fields.get(field.as_ref()).map_or(Ttl::Missing, |field| self.left(field.deadline))
    }

    pub(crate) fn field_ttls<F: AsRef<[u8]>>(&self, fields: impl IntoIterator<Item = F>) -> Vec<Ttl> {
        fields.into_iter().map(|field| self.field_ttl(field)).collect()
    }

    pub(crate) fn field_deadline(&self, field: impl AsRef<[u8]>) -> Option<SystemTime> {
        self.hash.fields.get(field.as_ref())?.deadline.map(time::time)
    }

    pub(crate) fn field_deadlines<F: AsRef<[u8]>>(
        &self,
        fields: impl IntoIterator<Item = F>,
    ) -> Vec<Option<SystemTime>> {
        fields.into_iter().map(|field| self.field_deadline(field)).collect()
    }

    pub(crate) fn expire(&mut self, when: impl Into<When>) -> ExpireOutcome {
        self.expire_if(when.into(), ExpireCondition::Always)
    }

    pub(crate) fn expire_if(&mut self, when: When, condition: ExpireCondition) -> ExpireOutcome {
        if self.len() == 0 {
            return ExpireOutcome::Missing;
        }
        let outcome = set(&mut self.hash.deadline, when, condition, self.now);
        if outcome == ExpireOutcome::Deleted {
            self.clear();
        }
        outcome
    }

    pub(crate) fn persist(&mut self) -> bool {
        self.hash.deadline.take().is_some()
    }

    pub(crate) fn expire_field(&mut self, field: impl AsRef<[u8]>, when: When) -> ExpireOutcome {
        self.expire_field_if(field, when, ExpireCondition::Always)
    }

    pub(crate) fn expire_fields<F: AsRef<[u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = F>,
        when: When,
    ) -> Vec<ExpireOutcome> {
        self.expire_fields_if(fields, when, ExpireCondition::Always)
    }

    pub(crate) fn expire_fields_if<F: AsRef<[u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = F>,
        when: When,
        condition: ExpireCondition,
    ) -> Vec<ExpireOutcome> {
        fields.into_iter().map(|field| self.expire_field_if(field, when, condition)).collect()
    }

    pub(crate) fn expire_field_if(
        &mut self,
        field: impl AsRef<[u8]>,
        when: When,
        condition: ExpireCondition,
    ) -> ExpireOutcome {
        let Some(Field { deadline, .. }) = self.hash.fields.get_mut(field.as_ref()) else {
            return ExpireOutcome::Missing;
        };
        let outcome = set(deadline, when, condition, self.now);
        if outcome == ExpireOutcome::Deleted {
            self.remove(field);
        }
        outcome
    }

    pub(crate) fn persist_field(&mut self, field: impl AsRef<[u8]>) -> bool {
        self.hash.fields.get_mut(field.as_ref()).is_some_and(|field| field.deadline.take().is_some())
    }

    pub(crate) fn persist_fields<F: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = F>) -> Vec<bool> {
        fields.into_iter().map(|field| self.persist_field(field)).collect()
    }

    pub(crate) fn set_with<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        pairs: impl IntoIterator<Item = (F, V)>,
        plan: SetPlan,
    ) -> Result<Option<usize>> {
        let pairs: Vec<(F, V)> = pairs.into_iter().collect();
        self.admit_each(&pairs)?;
        let is_wrong = |is_there: bool, wanted: Option<bool>| wanted.is_some_and(|wanted| is_there != wanted);
        if is_wrong(self.len() > 0, plan.if_key)
            || pairs.iter().any(|(field, _)| is_wrong(self.contains(field), plan.if_fields))
        {
            return Ok(None);
        }
        if pairs.is_empty() {
            return Ok(Some(0));
        }
        let new = self.admit_growth(&pairs)?;
        for (field, value) in &pairs {
            match plan.fields {
                FieldTtl::Drop | FieldTtl::Set(_) => self.overwrite(field.as_ref(), value.as_ref()),
                FieldTtl::Keep => self.write(field.as_ref(), value.as_ref()),
            }
        }
        if let FieldTtl::Set(when) = plan.fields {
            self.expire_fields(pairs.iter().map(|(field, _)| field), when);
        }
        if let Some((when, condition)) = plan.key {
            self.expire_if(when, condition);
        }
        Ok(Some(new))
    }

    pub(crate) fn get_and_expire(&mut self, field: impl AsRef<[u8]>, touch: Touch) -> Result<Option<Vec<u8>>> {
        let Some(value) = self.get(&field).map(<[u8]>::to_vec) else { return Ok(None) };
        match touch {
            Touch::Expire(when) => drop(self.expire_field(field, when)),
            Touch::Persist => drop(self.persist_field(field)),
        }
        Ok(Some(value))
    }

    pub(crate) fn get_many_and_expire<F: AsRef<[u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = F>,
        touch: Touch,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        fields.into_iter().map(|field| self.get_and_expire(field, touch)).collect()
    }

    pub(crate) fn increment_and_expire(&mut self, field: impl AsRef<[u8]>, by: i64, when: When) -> Result<i64> {
        let sum = self.increment(&field, by)?;
        self.expire_field_if(field, when, ExpireCondition::IfNone);
        Ok(sum)
    }

    fn left(&self, deadline: Option<u64>) -> Ttl {
        deadline.map_or(Ttl::Never, |deadline| Ttl::Left(Duration::from_millis(deadline - self.now)))
    }
}

/// Sets a deadline on a condition. If the outcome is `Deleted`, the caller has to remove the key or field.
fn set(deadline: &mut Option<u64>, when: When, condition: ExpireCondition, now: u64) -> ExpireOutcome {
    let new = time::deadline(when, now);
    let is_met = match condition {
        ExpireCondition::Always => true,
        ExpireCondition::IfNone => deadline.is_none(),
        ExpireCondition::IfSome => deadline.is_some(),
        ExpireCondition::IfLater => deadline.is_some_and(|old| new > old),
        ExpireCondition::IfSooner => deadline.is_none_or(|old| new < old),
        ExpireCondition::IfSomeAndSooner => deadline.is_some_and(|old| new < old),
    };
    if !is_met {
        return ExpireOutcome::NotMet;
    }
    *deadline = Some(new);
    if new <= now { ExpireOutcome::Deleted } else { ExpireOutcome::Set }
}
