//! What a member is taken for, when its type asks what it is.
//!
//! The text of a member tells a string from a number no more than it tells a price from a name. Types that ask all the same
//! are of two kinds:
//!
//! 1. **Those that take whatever they are given**, and become it: `serde_json::Value`, `flatten`, untagged and internally
//!    tagged enums. A guess could make them something else than what was saved, without an error. They take a `bool` too,
//!    which shows them, and are refused.
//! 2. **Those that know what they are**, and allow for several notations: `rust_decimal::Decimal`, the times of the crate
//!    `time`, the struct variants of an adjacently tagged enum. They refuse what they are not. So they are handed one guess
//!    after the other until they take one.
//!
//! What a type has refused once is not tried first again for texts of the same kind, so that a map of a thousand prices is
//! read as often as a map of one. The answer of a type that goes by the kind alone does not depend on the order of its
//! members. A type that goes by more is tried member by member, but not more than [`MOST`] times.

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{IgnoredAny, Visitor};

use super::flaw::Flaw;
use super::hints::Hints;
use super::member::{Shape, Shaped};
use crate::typed::codec::Codec;

/// How often a type may refuse what it has taken before, or take what it has refused.
const MOST: usize = 64;

/// What a member can be taken for, in the order in which that is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guess {
    Text,
    Unsigned,
    Signed,
    Float,
    /// What the codec reads there.
    Written,
    Bytes,
}

const GUESSES: [Guess; 6] = [Guess::Text, Guess::Unsigned, Guess::Signed, Guess::Float, Guess::Written, Guess::Bytes];

/// A set of guesses, a bit for each.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Kinds(u8);

impl Kinds {
    /// What these bytes can be.
    fn of<C: Codec>(codec: &C, bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).ok();
        let is = |guess: &Guess| match guess {
            Guess::Text => text.is_some(),
            Guess::Unsigned => text.is_some_and(|text| text.parse::<u128>().is_ok()),
            Guess::Signed => text.is_some_and(|text| text.parse::<i128>().is_ok()),
            Guess::Float => text.is_some_and(|text| text.parse::<f64>().is_ok()),
            Guess::Written => codec.decode(Shaped { shape: Shape::Any, visitor: IgnoredAny }, bytes).is_ok(),
            Guess::Bytes => true,
        };
        GUESSES.into_iter().filter(is).fold(Self::default(), Self::with)
    }

    fn with(self, guess: Guess) -> Self {
        Self(self.0 | 1 << guess as u8)
    }

    fn contains(self, guess: Guess) -> bool {
        self.0 & 1 << guess as u8 != 0
    }
}

/// A type that asks: the names of its visitor and of what that makes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Asker(&'static str, &'static str);

impl Asker {
    fn of<'de, V: Visitor<'de>>() -> Self {
        Self(type_name::<V>(), type_name::<V::Value>())
    }
}

/// What is known of the types that ask.
#[derive(Default)]
pub(super) struct Guesses<'a> {
    /// Those that do not take whatever they are given.
    known: BTreeSet<Asker>,
    /// Which guess comes first, for a type and texts of a kind.
    courses: BTreeMap<(Asker, Kinds), Course>,
    /// What was refused of a member.
    refused: BTreeMap<&'a [u8], Refused>,
}

struct Course {
    first: Guess,
    /// How often another one came first before.
    changes: usize,
}

#[derive(Default)]
struct Refused {
    kinds: Kinds,
    /// What the type has said to the first guess.
    why: String,
}

/// What a reading has taught.
pub(super) struct Lesson<'a>(Learned<'a>);

enum Learned<'a> {
    /// This type does not take whatever it is given.
    Known(Asker),
    /// This type has refused a guess of this member.
    Refused { asker: Asker, kinds: Kinds, member: &'a [u8], guess: Guess, next: Guess, why: String },
}

impl<'a> Guesses<'a> {
    pub(super) fn learn(&mut self, Lesson(learned): Lesson<'a>) {
        match learned {
            Learned::Known(asker) => _ = self.known.insert(asker),
            Learned::Refused { asker, kinds, member, guess, next, why } => {
                let refused = self.refused.entry(member).or_insert_with(|| Refused { why, ..Refused::default() });
                refused.kinds = refused.kinds.with(guess);
                let course = self.courses.entry((asker, kinds)).or_insert(Course { first: next, changes: 0 });
                course.first = next;
                course.changes += 1;
            }
        }
    }

    /// What is left to try of a member, the best first.
    fn left(&self, asker: Asker, kinds: Kinds, member: &[u8]) -> impl Iterator<Item = Guess> {
        let first = self.courses.get(&(asker, kinds)).map_or(Guess::Text, |course| course.first);
        let refused = self.refused.get(member).map_or_else(Kinds::default, |refused| refused.kinds);
        let others = GUESSES.into_iter().filter(move |guess| *guess != first);
        let all = std::iter::once(first).chain(others);
        all.filter(move |guess| kinds.contains(*guess) && !refused.contains(*guess))
    }

    fn has_changed_too_often(&self, asker: Asker, kinds: Kinds) -> bool {
        self.courses.get(&(asker, kinds)).is_some_and(|course| course.changes >= MOST)
    }

    /// Says why a member cannot be read, of which this was the last guess.
    fn refusal(&self, member: &[u8], last: impl fmt::Display) -> Flaw {
        let why = self.refused.get(member).map_or_else(|| last.to_string(), |refused| refused.why.clone());
        Flaw::new(format!(
            "its type asks what it is, and takes it neither as a string, nor as a number, nor as what the codec reads there: \
             {why} (`#[serde(with = …)]` can say which of them it is)"
        ))
    }
}

/// Answers a type that asks what a member is, or ends the reading with a lesson.
pub(super) fn answer<'a, C: Codec, V: Visitor<'a>>(
    visitor: V,
    hints: &Hints<'a>,
    codec: &'a C,
    member: &'a [u8],
    bytes: &'a [u8],
) -> Result<V::Value, Flaw> {
    let (asker, guesses) = (Asker::of::<V>(), &hints.guesses);
    if !guesses.known.contains(&asker) {
        let Err(flaw) = visitor.visit_bool::<Flaw>(true) else { return Err(takes_anything()) };
        hints.learn(Lesson(Learned::Known(asker)));
        return Err(flaw);
    }
    let kinds = Kinds::of(codec, bytes);
    let mut left = guesses.left(asker, kinds, member);
    let Some(guess) = left.next() else { return Err(guesses.refusal(member, "nothing is left to try")) };
    let flaw = match hand(guess, visitor, codec, bytes) {
        Ok(value) => return Ok(value),
        Err(flaw) => flaw,
    };
    match left.next() {
        Some(next) if !guesses.has_changed_too_often(asker, kinds) => {
            let why = flaw.to_string();
            hints.learn(Lesson(Learned::Refused { asker, kinds, member, guess, next, why }));
            Err(flaw)
        }
        _ => Err(guesses.refusal(member, flaw)),
    }
}

fn takes_anything() -> Flaw {
    Flaw::new(
        "its type asks the value what it is (flatten, or an untagged or internally tagged enum?), which plain text does not tell",
    )
}

/// Hands a member out as what it is taken for. A number is handed out in 64 bits if it fits, as formats do that know numbers.
fn hand<'a, C: Codec, V: Visitor<'a>>(
    guess: Guess,
    visitor: V,
    codec: &'a C,
    bytes: &'a [u8],
) -> Result<V::Value, Flaw> {
    let text = || std::str::from_utf8(bytes).map_err(Flaw::new);
    match guess {
        Guess::Text => visitor.visit_borrowed_str(text()?),
        Guess::Unsigned => match text()?.parse::<u64>() {
            Ok(number) => visitor.visit_u64(number),
            Err(_) => visitor.visit_u128(text()?.parse().map_err(Flaw::new)?),
        },
        Guess::Signed => match text()?.parse::<i64>() {
            Ok(number) => visitor.visit_i64(number),
            Err(_) => visitor.visit_i128(text()?.parse().map_err(Flaw::new)?),
        },
        Guess::Float => visitor.visit_f64(text()?.parse().map_err(Flaw::new)?),
        Guess::Written => codec.decode(Shaped { shape: Shape::Any, visitor }, bytes).map_err(Flaw::new),
        Guess::Bytes => visitor.visit_borrowed_bytes(bytes),
    }
}
