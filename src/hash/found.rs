//! A field is looked for once in a record, and then read, set, removed, or given a deadline, in both encodings.

use crate::error::Result;
use crate::hash::packed::{FoundEntry, Packed};
use crate::hash::table::FoundInTable;
use crate::hash::{Context, Effect, Record, works_packed};
use crate::options::Rules;
use crate::time::Deadline;

/// A field that was looked for, with where it is, if it is there. It is valid until the record is changed.
pub(super) enum Found {
    /// In a packed record, with the field's tag.
    Packed(u8, Option<FoundEntry>),
    Table(FoundInTable),
}

impl Record {
    #[inline(always)]
    pub(super) fn find(&self, field: &[u8], rules: &Rules) -> Found {
        match self {
            Self::Packed(packed) => {
                let tag = rules.tag(field);
                Found::Packed(tag, packed.find(tag, field, rules))
            }
            Self::Table(table) => Found::Table(table.find(rules.hash(field), field)),
        }
    }

    /// The value of a field that was looked for.
    #[inline]
    pub(super) fn value(&self, found: &Found) -> Option<&[u8]> {
        match (self, found) {
            (Self::Packed(packed), Found::Packed(_, found)) => found.as_ref().map(|found| packed.value(found)),
            (Self::Table(table), Found::Table(found)) => table.value(found),
            _ => None,
        }
    }

    /// The deadline of a field that was looked for, if it is there.
    pub(super) fn deadline_of(&self, found: &Found) -> Option<Deadline> {
        match (self, found) {
            (Self::Packed(packed), Found::Packed(_, found)) => {
                found.as_ref().map(|(index, _)| packed.field_deadline(*index))
            }
            (Self::Table(table), Found::Table(found)) => table.found_deadline(found),
            _ => None,
        }
    }

    /// Sets a field that was looked for, and returns whether it is new. A deadline that it has stays. Of the limits it
    /// checks only the number of fields.
    #[inline]
    pub(super) fn put_found(&mut self, found: Found, field: &[u8], value: &[u8], cx: Context<'_>) -> Result<bool> {
        match (&mut *self, found) {
            (Self::Packed(_), Found::Packed(tag, found)) => self.put_in_packed(tag, found, field, value, cx),
            (Self::Table(_), Found::Table(found)) => self.put_in_found_table(found, field, value, cx),
            _ => self.put(field, value, cx),
        }
    }

    /// [`put_found`](Self::put_found) for a field that was not looked for yet.
    #[inline(always)]
    pub(super) fn put(&mut self, field: &[u8], value: &[u8], cx: Context<'_>) -> Result<bool> {
        match self {
            Self::Packed(packed) => {
                let tag = cx.rules.tag(field);
                let found = packed.find(tag, field, cx.rules);
                self.put_in_packed(tag, found, field, value, cx)
            }
            Self::Table(table) => {
                let found = table.find(cx.rules.hash(field), field);
                self.put_in_found_table(found, field, value, cx)
            }
        }
    }

    #[inline(always)]
    fn put_in_packed(
        &mut self,
        tag: u8,
        found: Option<FoundEntry>,
        field: &[u8],
        value: &[u8],
        cx: Context<'_>,
    ) -> Result<bool> {
        if let Self::Packed(packed) = self {
            if let Some(found) = &found
                && found.1.len() == value.len()
            {
                let before = Some(packed.value(found));
                cx.record(|| Some((packed.key(), Effect::Put { field, value, before })));
                packed.overwrite(found, value);
                return Ok(false);
            }
            if found.is_none() {
                cx.rules.check_fields(packed.len() + 1)?;
            }
            let size = packed.size(cx.rules);
            if works_packed(size, (field, value), cx.rules) && Packed::can_hold(size, found.as_ref(), field, value) {
                cx.record(|| {
                    let before = found.as_ref().map(|found| packed.value(found));
                    Some((packed.key(), Effect::Put { field, value, before }))
                });
                return Ok(packed.put_found(found, (tag, field, value), cx.rules));
            }
        }
        Ok(self.put_in_table(field, value, cx))
    }

    #[inline(never)]
    fn put_in_found_table(&mut self, found: FoundInTable, field: &[u8], value: &[u8], cx: Context<'_>) -> Result<bool> {
        if let Self::Table(table) = self
            && (found.is_there() || cx.rules.check_fields(table.len() + 1).is_ok())
        {
            return Ok(table.set_found(found, field, value, cx));
        }
        self.check_growth(1, cx)?;
        Ok(self.put_in_table(field, value, cx))
    }

    /// Sets a field that an effect has overwritten or removed.
    pub(super) fn put_back(&mut self, field: &[u8], value: &[u8], cx: Context<'_>) {
        let put = self.put(field, value, cx);
        debug_assert!(put.is_ok(), "as many fields were within the limit before");
    }

    /// Removes a field, and returns whether it was there.
    pub(crate) fn remove(&mut self, field: &[u8], cx: Context<'_>) -> bool {
        self.remove_found(&self.find(field, cx.rules), field, cx)
    }

    /// Removes a field that was looked for, and returns whether it was there.
    #[inline]
    pub(super) fn remove_found(&mut self, found: &Found, field: &[u8], cx: Context<'_>) -> bool {
        match (&mut *self, found) {
            (Self::Packed(_), Found::Packed(_, Some((index, _)))) => self.remove_packed(&[*index], cx),
            (Self::Table(table), Found::Table(found)) => return table.remove_found(found, field, cx),
            _ => return false,
        }
        true
    }

    /// Removes the fields of a packed record at these indexes, which are in rising order. The last field takes the
    /// key's deadline with it. The deadline goes first, so that no record without fields ever has one.
    pub(super) fn remove_packed(&mut self, indexes: &[usize], cx: Context<'_>) {
        if self.len() == indexes.len() {
            self.persist(cx);
        }
        if let Self::Packed(packed) = self {
            indexes.iter().for_each(|&index| packed.record_removal(index, cx));
            packed.remove_all_at(indexes, cx.rules);
        }
    }

    /// Gives a field a deadline, if the field is there. [`Deadline::NEVER`] removes the one that it has.
    pub(crate) fn set_field_deadline(&mut self, field: &[u8], deadline: Deadline, cx: Context<'_>) {
        self.set_deadline_of(&self.find(field, cx.rules), field, deadline, cx);
    }

    /// [`set_field_deadline`](Self::set_field_deadline) for a field that was looked for.
    pub(super) fn set_deadline_of(&mut self, found: &Found, field: &[u8], deadline: Deadline, cx: Context<'_>) {
        match (self, found) {
            (Self::Packed(packed), Found::Packed(_, Some((index, _)))) => {
                cx.record(|| {
                    let before = packed.field_deadline(*index);
                    Some((packed.key(), Effect::FieldDeadline { field, deadline, before }))
                });
                packed.set_field_deadline(*index, deadline);
            }
            (Self::Table(table), Found::Table(found)) => table.set_found_deadline(found, field, deadline, cx),
            _ => {}
        }
    }
}
