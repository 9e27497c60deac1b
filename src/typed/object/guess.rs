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
//! A guess that is taken can still be wrong, if the type would take another one too and that may be what was saved:
//!
//! * **An integer or a float.** `5` is the text of both. A type that takes integers and floats is refused.
//! * **`()`.** If the codec writes it like this member, and the type takes it and the text, it is refused.
//! * **Text or a list or map, where the codec does not tell.** JSON says of its bytes what they are. bincode does not, and a
//!   type that takes text and a map, or text and a list, is refused. There is one exception: a list of a few numbers, as the
//!   times of `time` take it, is no list if the codec cannot read as many numbers there.
//!
//! Such a refusal is final, even for a type that makes something of errors.
//!
//! What a type does not take at all is tried last for all its members, so that a map of a thousand prices is read as often as
//! a map of one. If a type accepts or refuses by kind of text alone, the order of members does not matter. Otherwise each
//! member is tried anew, at most 64 times.

use std::fmt;

use serde::de::Visitor;

use super::candidates::{Candidates, Guess};
use super::error::{Kind, ObjectError};
use super::facts::{Answer, Asker, Facts, Lesson, Question};
use super::hints::Hints;
use super::probe;
use crate::typed::codec::Codec;

/// Answers a type that asks what a member is, or ends the reading.
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
        return Err(refuse(TAKES_ANYTHING));
    }
    let tells = hints.tells(codec);
    let candidates = Candidates::of(codec, tells, bytes);
    let mut left = facts.left(asker, candidates, member);
    let Some(guess) = left.next() else { return Err(refusal(facts, asker, member, "nothing is left to try")) };
    let questions = questions(guess, candidates, tells);
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
    let error = match (guess.hand(visitor, codec, bytes), clash) {
        (Ok(value), None) => return Ok(value),
        (Ok(_), Some(Question::One(_))) => return Err(refuse(INTEGER_OR_FLOAT)),
        (Ok(_), Some(_)) => return Err(refuse(TEXT_OR_WRITTEN)),
        (Err(error), _) => error,
    };
    if left.next().is_none() {
        return Err(refusal(facts, asker, member, error));
    }
    if error.kind == Kind::WrongType && facts.answer(asker, Question::One(guess)).is_none() {
        return Err(hints.learn(Lesson::Doubted(asker, guess)));
    }
    if facts.has_refused_too_often(asker, member) {
        return Err(refuse(&refusal(facts, asker, member, error).to_string()));
    }
    Err(hints.learn(Lesson::Refused(asker, member, guess, error.to_string())))
}

/// What else could be saved as the same bytes as what is guessed. A type that takes that too does not tell which of them it is.
fn questions(guess: Guess, candidates: Candidates, tells: bool) -> [Option<Question>; 4] {
    let is_text = guess != Guess::Written;
    [
        guess.is_integer().then_some(Question::One(Guess::Float)),
        (is_text && candidates.can_be_nothing).then_some(Question::Nothing),
        (is_text && !tells).then_some(Question::List),
        (is_text && !tells).then_some(Question::Map),
    ]
}

const TAKES_ANYTHING: &str = "its type takes whatever it is given, a `bool` beside other things (flatten, an untagged or \
    internally tagged enum, or a function for several notations?), and plain text does not tell what was saved: \
    `#[serde(with = …)]` can ask for one type";

const INTEGER_OR_FLOAT: &str = "its type takes integers and floats, and the text can be either of them, which may be different \
    values: `#[serde(with = …)]` can ask for one of them";

const TEXT_OR_WRITTEN: &str = "its type takes text, and also a list, a map or `()`, and the codec does not tell which of them \
    it is: `#[serde(with = …)]` can ask for one of them, or another codec, as `Json`, can tell";

/// Says why a member cannot be read, of which this was the last guess.
fn refusal(facts: &Facts<'_>, asker: Asker, member: &[u8], last: impl fmt::Display) -> ObjectError {
    let why = facts.why(asker, member).map_or_else(|| last.to_string(), str::to_owned);
    ObjectError::new(format!(
        "its type asks what it is, and takes it neither as a string, nor as a number, nor as what the codec reads there: {why} \
         (`#[serde(with = …)]` can say which of them it is)"
    ))
}
