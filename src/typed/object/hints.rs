//! Reading an object again with what was learned of its type.
//!
//! A type is read by asking for what it needs, and two of its questions cannot be answered when they are asked:
//!
//! 1. **A member that is missing.** It can be a `None`, which has no field. A type that reads its `Option` by a function of
//!    its own (`serde(with = …)`) does not know that, and fails.
//! 2. **What a member is.** A type that asks this (`deserialize_any`) can only be tried: see `guess.rs`.
//!
//! Whoever asks is used up by the answer. So the reading ends with a lesson, and the type is read once more from the start,
//! until nothing is left to learn. Each lesson is new, and there are only as many as the type has members and questions. A
//! type that asks neither question is read once, and learning costs it nothing.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;

use super::flaw::{Flaw, Kind};
use super::guess::{Guesses, Lesson};

/// What is known of a type, and what one reading finds out.
#[derive(Default)]
pub(super) struct Hints<'a> {
    /// The members that the type has missed.
    absent: BTreeSet<&'static str>,
    pub(super) guesses: Guesses<'a>,
    reading: Reading<'a>,
}

/// What one reading finds out.
#[derive(Default)]
struct Reading<'a> {
    lesson: OnceCell<Lesson<'a>>,
    ignored: RefCell<Vec<&'a [u8]>>,
}

/// What was read, and how.
pub(super) struct Loaded<'a, T> {
    pub(super) value: T,
    /// The fields that the type has no use for.
    pub(super) ignored: Vec<&'a [u8]>,
}

/// Reads a value until there is nothing left to learn. What a reading returns after a lesson does not count: a type may have
/// made something of the error.
pub(super) fn read<'a, T>(once: impl Fn(&Hints<'a>) -> Result<T, Flaw>) -> Result<Loaded<'a, T>, Flaw> {
    let mut hints = Hints::default();
    loop {
        let value = once(&hints);
        let Reading { lesson, ignored } = std::mem::take(&mut hints.reading);
        match (lesson.into_inner(), value) {
            (Some(lesson), _) => hints.guesses.learn(lesson),
            (None, Ok(value)) => {
                return Ok(Loaded { value, ignored: ignored.into_inner() });
            }
            (None, Err(flaw)) => match flaw.kind {
                Kind::Missing(member) if hints.absent.insert(member) => {}
                _ => return Err(flaw),
            },
        }
    }
}

impl<'a> Hints<'a> {
    pub(super) fn is_absent(&self, member: &str) -> bool {
        self.absent.contains(member)
    }

    /// Ends the reading. The first lesson counts.
    pub(super) fn learn(&self, lesson: Lesson<'a>) {
        _ = self.reading.lesson.set(lesson);
    }

    pub(super) fn has_learned(&self) -> bool {
        self.reading.lesson.get().is_some()
    }

    pub(super) fn ignore(&self, field: &'a [u8]) {
        self.reading.ignored.borrow_mut().push(field);
    }
}
