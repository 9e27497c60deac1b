//! The removal of what has expired.
//!
//! What has expired is *purged*, never skipped. A call that changes a record first purges the part that the call
//! concerns ([`Scope`]). A call that only reads first asks whether there is something to purge. So nothing else in the
//! crate needs to know that fields can expire.

use crate::hash::{Context, Effect, GonePart, Pair, Record};
use crate::saving::Mark;
use crate::time::{Deadline, Now};

/// The part of a record that a call concerns. A packed record is always purged as a whole. The key's own deadline
/// belongs to each part.
#[derive(Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// The whole hash.
    Hash,
    /// One segment of a table: as much as is purged at a time while other calls wait.
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
    /// Whether there may be something to purge.
    #[inline]
    pub(crate) fn is_overdue(&self, scope: Scope<'_>, cx: Context<'_>) -> bool {
        self.has_deadlines() && self.is_due(scope, cx)
    }

    #[cold]
    fn is_due(&self, scope: Scope<'_>, cx: Context<'_>) -> bool {
        match (self, scope) {
            (Self::Packed(_), _) | (Self::Table(_), Scope::Hash | Scope::Slice) => self.soonest().is_due(cx.now()),
            (Self::Table(table), _) => {
                table.deadline().is_due(cx.now())
                    || table.soonest().is_due(cx.now())
                        && scope.any_field(|field| table.is_due_at(cx.rules.hash(field), cx.now()))
            }
        }
    }

    /// Removes what has expired in this part. Leaves an empty record if everything in it has.
    #[inline]
    pub(crate) fn purge(&mut self, scope: Scope<'_>, cx: Context<'_>) {
        if self.has_deadlines() {
            self.purge_scope(scope, cx);
        }
    }

    #[cold]
    fn purge_scope(&mut self, scope: Scope<'_>, cx: Context<'_>) {
        let before = self.len();
        if self.is_due(scope, cx) {
            if self.deadline().is_due(cx.now()) {
                cx.count_expired(1, 0);
                self.purge_key(cx);
                return;
            }
            self.purge_due_fields(scope, cx);
        }
        // A key whose last living field has expired is gone with its deadline, whichever field the call concerns.
        if let Self::Table(table) = self
            && table.deadline() != Deadline::NEVER
            && !matches!(scope, Scope::Slice)
            && !table.surely_lives(cx.now())
        {
            table.purge_until_one_lives(cx);
            if self.len() == 0 {
                self.clear(cx);
            }
        }
        if self.len() < before {
            cx.count_expired(0, before - self.len());
        }
    }

    /// Whether so much may have expired that other calls should run between its parts.
    pub(crate) fn needs_slices(&self, cx: Context<'_>) -> bool {
        matches!(self, Self::Table(_)) && self.is_overdue(Scope::Slice, cx) && !self.deadline().is_due(cx.now())
    }

    fn purge_due_fields(&mut self, scope: Scope<'_>, cx: Context<'_>) {
        match self {
            Self::Packed(packed) => {
                let due = packed.field_deadlines().filter(|(_, deadline)| deadline.is_due(cx.now()));
                let due: Vec<usize> = due.map(|(index, _)| index).collect();
                due.iter().for_each(|&index| report_field(packed.key(), packed.pair_at(index, cx.rules), cx));
                self.remove_packed(&due, cx);
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
        }
        if self.len() == 0 {
            self.clear(cx);
        }
    }

    /// Removes everything because the key has expired. That is one effect, whoever listens.
    fn purge_key(&mut self, cx: Context<'_>) {
        self.note_clear(cx);
        let terms = cx.terms_noting_nothing();
        let cx = cx.on(&terms);
        if cx.has_listener() {
            // The fields that expired before the key are reported one by one.
            let end = Now::frozen_at(self.deadline());
            let terms = cx.terms_at(&end);
            self.set_deadline(Deadline::NEVER, cx);
            let at_end = cx.on(&terms);
            if self.is_due(Scope::Hash, at_end) {
                self.purge_due_fields(Scope::Hash, at_end);
            }
            if self.len() > 0 {
                let key = self.key().to_vec();
                let record = self.take_out(cx);
                cx.tell_gone(&key, GonePart::Expired(record));
            }
        }
        self.clear(cx);
    }

    /// Removes everything to make room, and tells the listener what it was.
    pub(crate) fn evict(&mut self, cx: Context<'_>) {
        if self.len() == 0 {
            return;
        }
        cx.record(|| Some((self.key(), Effect::Clear { before: self, is_evicted: true })));
        let terms = cx.terms_noting_nothing();
        let cx = cx.on(&terms);
        if cx.has_listener() {
            let key = self.key().to_vec();
            let record = self.take_out(cx);
            cx.tell_gone(&key, GonePart::Evicted(record));
        }
        self.clear(cx);
    }

    /// Takes the hash out of the store. First writes it to the running snapshot, because the saver will not find it.
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
}

/// Tells the listener, if there is one, that a field has expired.
pub(super) fn report_field(key: &[u8], pair: Pair<'_>, cx: Context<'_>) {
    cx.tell_gone(key, GonePart::Field(pair));
}
