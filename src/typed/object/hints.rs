//! Reading an object again with what was learned of its type.
//!
//! A type is read by asking for what it needs, and two of its questions cannot be answered when they are asked:
//!
//! 1. **A member that is missing.** It can be a `None`, which has no field. A type that reads its `Option` by a function of
//!    its own (`serde(with = …)`) does not know that, and fails.
//! 2. **What a member is.** A type that asks this (`deserialize_any`) can only be tried: see `guess.rs`.
//!
//! A serde visitor can be called only once. So the reading ends with a lesson, and the type is read once more from the start,
//! until nothing is left to learn. Each lesson is new, and there are only as many as the type has members and questions. A
//! type that asks neither question is read once, and learning costs it nothing.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;

use super::candidates;
use super::error::{Kind, ObjectError};
use super::facts::{Facts, Lesson};
use crate::typed::codec::Codec;

/// What is known of a type, and what one reading finds out.
#[derive(Default)]
pub(super) struct Hints<'a> {
    /// The members that the type has missed.
    absent: BTreeSet<&'static str>,
    pub(super) facts: Facts<'a>,
    /// Whether the codec tells what its bytes are, once that has been of interest.
    tells: OnceCell<bool>,
    reading: Reading<'a>,
}

/// What one reading finds out.
#[derive(Default)]
struct Reading<'a> {
    /// What it has ended with, if not with a value.
    end: OnceCell<End<'a>>,
    ignored: RefCell<Vec<&'a [u8]>>,
}

enum End<'a> {
    Lesson(Lesson<'a>),
    /// The type cannot be read, whatever it makes of this.
    Verdict(ObjectError),
}

/// What was read, and how.
pub(super) struct Loaded<'a, T> {
    pub(super) value: T,
    /// The fields that the type has no use for.
    pub(super) ignored: Vec<&'a [u8]>,
}

/// Reads a value until there is nothing left to learn. What a reading returns after its end does not count: a type may have
/// made something of the error.
pub(super) fn read<'a, T>(once: impl Fn(&Hints<'a>) -> Result<T, ObjectError>) -> Result<Loaded<'a, T>, ObjectError> {
    let mut hints = Hints::default();
    loop {
        let value = once(&hints);
        let Reading { end, ignored } = std::mem::take(&mut hints.reading);
        match (end.into_inner(), value) {
            (Some(End::Lesson(lesson)), _) => hints.facts.learn(lesson),
            (Some(End::Verdict(error)), _) => return Err(error),
            (None, Ok(value)) => return Ok(Loaded { value, ignored: ignored.into_inner() }),
            (None, Err(error)) => match error.kind {
                Kind::Missing(member) if hints.absent.insert(member) => {}
                _ => return Err(error),
            },
        }
    }
}

impl<'a> Hints<'a> {
    pub(super) fn is_absent(&self, member: &str) -> bool {
        self.absent.contains(member)
    }

    pub(super) fn tells<C: Codec>(&self, codec: &C) -> bool {
        *self.tells.get_or_init(|| candidates::tells(codec))
    }

    /// Ends the reading with a lesson. The first end counts.
    pub(super) fn learn(&self, lesson: Lesson<'a>) -> ObjectError {
        _ = self.reading.end.set(End::Lesson(lesson));
        ObjectError::new("it is read again")
    }

    /// Ends all readings.
    pub(super) fn refuse(&self, error: ObjectError) -> ObjectError {
        _ = self.reading.end.set(End::Verdict(error));
        ObjectError::new("it is not read any further")
    }

    pub(super) fn has_ended(&self) -> bool {
        self.reading.end.get().is_some()
    }

    pub(super) fn ignore(&self, field: &'a [u8]) {
        self.reading.ignored.borrow_mut().push(field);
    }
}
