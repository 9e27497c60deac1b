//! Repeated reading: an object is read again with what the last reading has found out about its type.
//!
//! While a type is read, it can ask two questions that cannot be answered at once:
//!
//! 1. **Is a missing member a `None`?** A `None` has no field. A type that reads its `Option` by a function of its own
//!    (`serde(with = …)`) does not know that, and fails.
//! 2. **What is this member?** A type that asks this (`deserialize_any`) has to be offered one guess after the other,
//!    see `guess.rs`.
//!
//! A serde visitor can be called only once. So the reading ends with a lesson, and the type is read again from the
//! start, until there is nothing left to learn. This comes to an end: every lesson is new, and their number is bounded
//! by the type's members and questions. A type that asks neither question is read once, and pays nothing for this.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;

use super::candidates;
use super::error::{Kind, ObjectError};
use super::facts::{Facts, Lesson};
use crate::typed::codec::Codec;

/// What earlier readings have found out about a type, and what the current one finds out.
#[derive(Default)]
pub(super) struct Hints<'a> {
    /// The members that the type has missed.
    absent: BTreeSet<&'static str>,
    pub(super) facts: Facts<'a>,
    /// Whether the codec is self-describing, once somebody has asked.
    is_self_describing: OnceCell<bool>,
    reading: Reading<'a>,
}

/// What the current reading finds out.
#[derive(Default)]
struct Reading<'a> {
    /// Why it has ended without a value.
    end: OnceCell<End<'a>>,
    /// The fields that the type has no use for.
    ignored: RefCell<Vec<&'a [u8]>>,
}

/// Why a reading has ended without a value.
enum End<'a> {
    /// It is read again with this lesson.
    Lesson(Lesson<'a>),
    /// It fails with this error, even if the type itself would ignore errors.
    Verdict(ObjectError),
}

/// A value that was read.
pub(super) struct Loaded<'a, T> {
    pub(super) value: T,
    /// The fields that the type has no use for.
    pub(super) ignored: Vec<&'a [u8]>,
}

/// Reads a value again and again until there is nothing left to learn. Once a reading has ended, its result does not
/// count, because the type may have ignored the error and returned a value.
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

    pub(super) fn is_self_describing<C: Codec>(&self, codec: &C) -> bool {
        *self.is_self_describing.get_or_init(|| candidates::is_self_describing(codec))
    }

    /// Ends the reading with a lesson. If a reading ends more than once, the first end counts.
    pub(super) fn learn(&self, lesson: Lesson<'a>) -> ObjectError {
        _ = self.reading.end.set(End::Lesson(lesson));
        ObjectError::new("the object is read again")
    }

    /// Ends the reading with an error, after which the type is not read again.
    pub(super) fn refuse(&self, error: ObjectError) -> ObjectError {
        _ = self.reading.end.set(End::Verdict(error));
        ObjectError::new("the object is not read any further")
    }

    pub(super) fn has_ended(&self) -> bool {
        self.reading.end.get().is_some()
    }

    /// Notes a field that the type has no use for.
    pub(super) fn ignore(&self, field: &'a [u8]) {
        self.reading.ignored.borrow_mut().push(field);
    }
}
