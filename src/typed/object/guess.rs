//! Guesses: the answer to a type that asks what a member is.
//!
//! The text of a member does not tell whether it was a string or a number. The types that ask (`deserialize_any`) are
//! of two kinds:
//!
//! 1. **Types that become whatever they are given**: `serde_json::Value`, `flatten`, untagged and internally tagged
//!    enums. A wrong guess would turn them into another value than was saved, without an error. They are recognised
//!    because they accept a `bool`, and are refused.
//! 2. **Types that accept several notations of one thing**: `rust_decimal::Decimal`, the times of the crate `time`, the
//!    struct variants of an adjacently tagged enum. They refuse everything else. So they are offered one guess after
//!    the other until they accept one.
//!
//! A guess that is accepted can still be wrong, if the type would accept another one too, and that may be what was
//! saved:
//!
//! * **An integer or a float.** The text `5` can be both. A type that accepts integers and floats is refused.
//! * **`()`.** If the codec could have written `()` as these bytes, a type that accepts both `()` and the text is
//!   refused.
//! * **Text or a list or map, if the codec is not self-describing.** JSON tells what its bytes are. bincode does not,
//!   so a type that accepts text and a map, or text and a list, is refused. There is one exception: the only list that
//!   the type accepts is one of a few numbers, as with the times of `time`, and the codec cannot read such a list from
//!   these bytes.
//!
//! Such a refusal is final, even for a type that ignores errors.
//!
//! **Cost.** The kinds of guesses that a type has refused as such are tried last for all its members. So a map of a
//! thousand prices is read as often as a map of one. If a type accepts or refuses by the kind of guess alone, the order
//! of its members does not matter. Otherwise guesses are tried for each member anew, but for at most 64 members.

use std::fmt;

use serde::de::Visitor;

use super::candidates::{Candidates, Guess};
use super::error::{Kind, ObjectError};
use super::facts::{Answer, Asker, Facts, Lesson, Question};
use super::hints::Hints;
use super::probe;
use crate::typed::codec::Codec;

/// Answers a type that asks what a member is: offers it a guess, or ends the reading with a lesson or an error.
pub(super) fn answer<'a, C: Codec, V: Visitor<'a>>(
    visitor: V,
    hints: &Hints<'a>,
    codec: &'a C,
    member: &'a [u8],
    bytes: &'a [u8],
) -> Result<V::Value, ObjectError> {
    let (asker, facts) = (Asker::of::<V>(), &hints.facts);
    let ask = |question, visitor: V| {
        let answer = probe::ask(question, visitor);
        hints.learn(Lesson::Answered(asker, question, answer))
    };
    let refuse = |reason: &str| hints.refuse(ObjectError::new(reason).of(member));
    if facts.answer(asker, Question::Bool).is_none() {
        return Err(ask(Question::Bool, visitor));
    }
    if facts.is_yes(asker, Question::Bool) {
        return Err(refuse(ACCEPTS_ANYTHING));
    }
    let is_self_describing = hints.is_self_describing(codec);
    let candidates = Candidates::of(codec, is_self_describing, bytes);
    let mut left = facts.left(asker, candidates, member);
    let Some(guess) = left.next() else { return Err(no_guess_fits(facts, asker, member, "no guess is left")) };
    let questions = questions(guess, candidates, is_self_describing);
    let mut open = questions.into_iter().flatten().filter(|question| facts.answer(asker, *question).is_none());
    let in_doubt = facts.is_in_doubt(asker, guess).then_some(Question::One(guess));
    if let Some(question) = in_doubt.or_else(|| open.next()) {
        return Err(ask(question, visitor));
    }
    let clash = questions.into_iter().flatten().find_map(|question| match facts.answer(asker, question)? {
        Answer::No => None,
        Answer::Numbers(numbers) if !probe::is_list_of(codec, numbers, bytes) => None,
        Answer::Numbers(_) | Answer::Yes => Some(question),
    });
    let error = match (guess.offer(visitor, codec, bytes), clash) {
        (Ok(value), None) => return Ok(value),
        (Ok(_), Some(Question::One(_))) => return Err(refuse(INTEGER_OR_FLOAT)),
        (Ok(_), Some(_)) => return Err(refuse(TEXT_OR_WRITTEN)),
        (Err(error), _) => error,
    };
    if left.next().is_none() {
        return Err(no_guess_fits(facts, asker, member, error));
    }
    if error.kind == Kind::WrongType && facts.answer(asker, Question::One(guess)).is_none() {
        return Err(hints.learn(Lesson::Doubted(asker, guess)));
    }
    if facts.has_refused_too_often(asker, member) {
        return Err(refuse(&no_guess_fits(facts, asker, member, error).to_string()));
    }
    Err(hints.learn(Lesson::Refused(asker, member, guess, error.to_string())))
}

/// Returns what else could have been saved as the same bytes as this guess, as questions about the type. If the type
/// accepts one of these too, it remains open which of the two was saved.
fn questions(guess: Guess, candidates: Candidates, is_self_describing: bool) -> [Option<Question>; 4] {
    let is_text = guess != Guess::Written;
    [
        guess.is_integer().then_some(Question::One(Guess::Float)),
        (is_text && candidates.can_be_unit).then_some(Question::Unit),
        (is_text && !is_self_describing).then_some(Question::List),
        (is_text && !is_self_describing).then_some(Question::Map),
    ]
}

const ACCEPTS_ANYTHING: &str = "the member's type accepts a `bool` as well as other values, and plain text does not \
    tell which of them was saved (is it `flatten`, an untagged or internally tagged enum, or a function for several \
    notations?): `#[serde(with = …)]` can ask for one type";

const INTEGER_OR_FLOAT: &str = "the member's type accepts integers and floats, which may be different values, and its \
    text can be either of them: `#[serde(with = …)]` can ask for one of them";

const TEXT_OR_WRITTEN: &str = "the member's type accepts text as well as a list, a map or `()`, and the codec's bytes \
    do not tell which of them was saved: `#[serde(with = …)]` can ask for one of them, or use a self-describing codec \
    such as `Json`";

/// The error for a member for which no guess was accepted. `last` is the type's message about the last guess.
fn no_guess_fits(facts: &Facts<'_>, asker: Asker, member: &[u8], last: impl fmt::Display) -> ObjectError {
    let message = facts.first_message(asker, member).map_or_else(|| last.to_string(), str::to_owned);
    ObjectError::new(format!(
        "the member's type asks what it is, and accepts it neither as a string, nor as a number, nor as what the codec \
         reads: {message} (`#[serde(with = …)]` can ask for one type)"
    ))
}
