//! What can happen to a record: one vocabulary for all who want to know of it.
//!
//! A record notes each [`Effect`] through its [`Context`], just before the effect happens. An effect holds what it
//! takes to do it again and to undo it. Rollback undoes effects (see `undo.rs`). The journal writes them down, and a
//! watcher is told of them.
//!
//! An effect is what became of a record, not the command that did it. So it depends on no clock: what has expired is
//! noted as removed when it is purged. Changes of the encoding are no effects.

#[cfg(any(feature = "journal", feature = "recorder"))]
use crate::error::Result;
use crate::hash::{Context, Record};
use crate::time::Deadline;

/// One change of a record.
pub(crate) enum Effect<'a> {
    /// A field gets a value. Before, it had another one, or was missing. Its deadline stays.
    Put { field: &'a [u8], value: &'a [u8], before: Option<&'a [u8]> },
    /// A field is removed, with its value and its deadline.
    Remove { field: &'a [u8], value: &'a [u8], deadline: Deadline },
    /// A field gets a deadline. [`Deadline::NEVER`] stands for none.
    FieldDeadline { field: &'a [u8], deadline: Deadline, before: Deadline },
    /// The key gets a deadline. [`Deadline::NEVER`] stands for none.
    KeyDeadline { deadline: Deadline, before: Deadline },
    /// All fields are removed, with their deadlines and that of the key: by a call, because the key has expired, or to
    /// make room.
    Clear { before: &'a Record, is_evicted: bool },
    /// The hash gets this key, with its deadlines, in place of what was there.
    MoveTo { key: &'a [u8], hash: &'a Record, replaced: &'a Record },
    /// A copy of the hash gets this key, with its deadlines, in place of what was there.
    CopyTo { key: &'a [u8], hash: &'a Record, replaced: &'a Record },
}

impl<'a> Effect<'a> {
    /// The field that it concerns, if it concerns a single one.
    pub(crate) fn field(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Put { field, .. } | Self::Remove { field, .. } | Self::FieldDeadline { field, .. } => Some(field),
            Self::KeyDeadline { .. } | Self::Clear { .. } | Self::MoveTo { .. } | Self::CopyTo { .. } => None,
        }
    }

    #[cfg(feature = "recorder")]
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Put { .. } => "Put",
            Self::Remove { .. } => "Remove",
            Self::FieldDeadline { .. } => "FieldDeadline",
            Self::KeyDeadline { .. } => "KeyDeadline",
            Self::Clear { .. } => "Clear",
            Self::MoveTo { .. } => "MoveTo",
            Self::CopyTo { .. } => "CopyTo",
        }
    }

    /// Takes back what the effect did to its record, which is as the effect left it. A `MoveTo` or `CopyTo` concerns
    /// two records, so whoever holds both takes it back.
    pub(crate) fn undo(&self, record: &mut Record, cx: Context<'_>) {
        match *self {
            Self::Put { field, before: Some(value), .. } => record.put_back(field, value, cx),
            Self::Put { field, before: None, .. } => _ = record.remove(field, cx),
            Self::Remove { field, value, deadline } => {
                record.put_back(field, value, cx);
                if deadline != Deadline::NEVER {
                    record.set_field_deadline(field, deadline, cx);
                }
            }
            Self::FieldDeadline { field, before, .. } => record.set_field_deadline(field, before, cx),
            Self::KeyDeadline { before, .. } => record.set_deadline(before, cx),
            Self::Clear { before, .. } => record.replace(before.with_key(cx.mark(), before.key()), cx),
            Self::MoveTo { .. } | Self::CopyTo { .. } => {}
        }
    }
}

/// What an effect on one record has made of it: what it takes to do the effect again.
#[cfg(any(feature = "journal", feature = "recorder"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redo<'a> {
    Put { field: &'a [u8], value: &'a [u8] },
    Remove { field: &'a [u8] },
    FieldDeadline { field: &'a [u8], deadline: Deadline },
    KeyDeadline { deadline: Deadline },
    Clear,
}

#[cfg(any(feature = "journal", feature = "recorder"))]
impl Record {
    /// Does to a record what an effect did, before which it was the same.
    ///
    /// # Errors
    /// That a limit is exceeded, which is lower than when the effect was noted.
    pub(crate) fn redo(&mut self, redo: Redo<'_>, cx: Context<'_>) -> Result<()> {
        match redo {
            Redo::Put { field, value } => {
                cx.rules.check_pair(field, value)?;
                self.put(field, value, cx).map(drop)?;
            }
            Redo::Remove { field } => _ = self.remove(field, cx),
            Redo::FieldDeadline { field, deadline } => self.set_field_deadline(field, deadline, cx),
            Redo::KeyDeadline { deadline } if self.len() > 0 => self.set_deadline(deadline, cx),
            Redo::KeyDeadline { .. } => {} // nothing that was noted, because no record without fields has a deadline
            Redo::Clear => self.clear(cx),
        }
        Ok(())
    }
}
