//! A recorder for tests: keeps the effects of all calls, to do them again on another store, and to undo them.
//!
//! It shows that the effects tell everything that happens to a store, and that they read no clock.

use std::fmt;
use std::mem::take;

use crate::error::Result;
use crate::hash::{Effect, Record, Redo, Source};
use crate::options::Rules;
use crate::saving::Mark;
use crate::store::Store;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering::SeqCst};
use crate::time::Deadline;

/// The recorder of one store. It records once [`Store::record_effects`] has been called, as long as one thread makes
/// all calls.
#[derive(Default)]
pub(super) struct Recorder {
    is_on: AtomicBool,
    effects: Mutex<Vec<RecordedEffect>>,
}

impl Recorder {
    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.is_on.load(SeqCst)
    }

    pub(super) fn push(&self, key: &[u8], effect: &Effect<'_>, rules: &Rules) {
        self.effects.lock().push(RecordedEffect { key: key.into(), change: OwnedEffect::of(effect, rules) });
    }

    pub(super) fn len(&self) -> usize {
        self.effects.lock().len()
    }

    pub(super) fn truncate(&self, len: usize) {
        self.effects.lock().truncate(len);
    }
}

/// An effect on the record of a key.
struct RecordedEffect {
    key: Box<[u8]>,
    change: OwnedEffect,
}

/// An effect that owns what it takes to do it again and to undo it.
enum OwnedEffect {
    Put { field: Box<[u8]>, value: Box<[u8]>, before: Option<Box<[u8]>> },
    Remove { field: Box<[u8]>, value: Box<[u8]>, deadline: Deadline },
    FieldDeadline { field: Box<[u8]>, deadline: Deadline, before: Deadline },
    KeyDeadline { deadline: Deadline, before: Deadline },
    Clear { before: Record },
    Transfer { key: Box<[u8]>, hash: Record, replaced: Record, source: Source },
}

/// A copy of a record, with the same key, for any store.
fn copy(record: &Record, rules: &Rules) -> Record {
    let mut copy = record.with_key(Mark::default(), record.key());
    copy.leave_shape(rules);
    copy
}

impl OwnedEffect {
    fn of(effect: &Effect<'_>, rules: &Rules) -> Self {
        match *effect {
            Effect::Put { field, value, before } => {
                Self::Put { field: field.into(), value: value.into(), before: before.map(Into::into) }
            }
            Effect::Remove { field, value, deadline } => {
                Self::Remove { field: field.into(), value: value.into(), deadline }
            }
            Effect::FieldDeadline { field, deadline, before } => {
                Self::FieldDeadline { field: field.into(), deadline, before }
            }
            Effect::KeyDeadline { deadline, before } => Self::KeyDeadline { deadline, before },
            Effect::Clear { before, .. } => Self::Clear { before: copy(before, rules) },
            Effect::MoveTo { key, hash, replaced } => Self::transferred(key, [hash, replaced], Source::Moves, rules),
            Effect::CopyTo { key, hash, replaced } => Self::transferred(key, [hash, replaced], Source::Stays, rules),
        }
    }

    fn transferred(key: &[u8], hashes: [&Record; 2], source: Source, rules: &Rules) -> Self {
        let [hash, replaced] = hashes.map(|record| copy(record, rules));
        Self::Transfer { key: key.into(), hash, replaced, source }
    }

    /// The effect as it was noted.
    fn effect(&self) -> Effect<'_> {
        match self {
            Self::Put { field, value, before } => Effect::Put { field, value, before: before.as_deref() },
            Self::Remove { field, value, deadline } => Effect::Remove { field, value, deadline: *deadline },
            Self::FieldDeadline { field, deadline, before } => {
                Effect::FieldDeadline { field, deadline: *deadline, before: *before }
            }
            Self::KeyDeadline { deadline, before } => Effect::KeyDeadline { deadline: *deadline, before: *before },
            Self::Clear { before } => Effect::Clear { before, is_evicted: false },
            Self::Transfer { key, hash, replaced, source: Source::Moves } => Effect::MoveTo { key, hash, replaced },
            Self::Transfer { key, hash, replaced, source: Source::Stays } => Effect::CopyTo { key, hash, replaced },
        }
    }

    /// What it takes to do it again, if it is no transfer.
    fn redo(&self) -> Option<Redo<'_>> {
        Some(match self {
            Self::Put { field, value, .. } => Redo::Put { field, value },
            Self::Remove { field, .. } => Redo::Remove { field },
            Self::FieldDeadline { field, deadline, .. } => Redo::FieldDeadline { field, deadline: *deadline },
            Self::KeyDeadline { deadline, .. } => Redo::KeyDeadline { deadline: *deadline },
            Self::Clear { .. } => Redo::Clear,
            Self::Transfer { .. } => return None,
        })
    }

    /// The other key of a transfer, and what becomes of its source.
    fn transfer(&self) -> Option<(&[u8], Source)> {
        match self {
            Self::Transfer { key, source, .. } => Some((key, *source)),
            _ => None,
        }
    }
}

/// The effects of calls, in their order.
#[doc(hidden)]
pub struct Effects(Vec<RecordedEffect>);

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let effect = |RecordedEffect { key, change }: &RecordedEffect| {
            let effect = change.effect();
            (text(key), effect.name(), effect.field().map(text))
        };
        f.debug_list().entries(self.0.iter().map(effect)).finish()
    }
}

#[doc(hidden)]
impl Store {
    /// From now on the store records the effects of all calls.
    pub fn record_effects(&self) {
        #[cfg(feature = "journal")]
        assert!(self.journal.is_none(), "a store has a recorder or a journal");
        self.recorder.is_on.store(true, SeqCst);
    }

    /// Takes the effects since the last time. They are in order if one thread made all calls.
    #[must_use]
    pub fn take_effects(&self) -> Effects {
        Effects(take(&mut *self.recorder.effects.lock()))
    }

    /// Has the effects that calls had on another store. Reads no clock, and purges nothing.
    pub fn replay(&self, effects: &Effects) {
        for part in effects.0.chunk_by(are_of_one_visit) {
            match part[0].change.transfer() {
                Some((key, source)) => assert!(self.redo_transfer(&part[0].key, key, source).is_ok()),
                None => self.visit_unexpired(&part[0].key, |record, cx| {
                    let redone =
                        part.iter().filter_map(|recorded| recorded.change.redo()).map(|redo| record.redo(redo, cx));
                    assert!(redone.collect::<Result<()>>().is_ok());
                }),
            }
        }
    }

    /// Takes the effects back that calls had, the last one first. The calls were on a store with the same hash seed.
    pub fn undo(&self, effects: &Effects) {
        for part in effects.0.chunk_by(are_of_one_visit).rev() {
            match &part[0].change {
                OwnedEffect::Transfer { key, replaced, source, .. } => {
                    self.visit_two_unexpired([&part[0].key, key], |[from, to], cx| {
                        if *source == Source::Moves {
                            assert!(to.transfer(from, &part[0].key, Source::Moves, cx).is_ok());
                        }
                        to.replace(replaced.with_key(cx.mark(), key), cx);
                    });
                }
                _ => self.visit_unexpired(&part[0].key, |record, cx| {
                    part.iter().rev().for_each(|recorded| recorded.change.effect().undo(record, cx));
                }),
            }
        }
    }
}

/// Whether two effects that follow each other are done in one visit: those on one record, in which it may be empty for
/// a moment.
fn are_of_one_visit(one: &RecordedEffect, next: &RecordedEffect) -> bool {
    one.key == next.key && one.change.transfer().is_none() && next.change.transfer().is_none()
}
