//! What readings have found out about the types that ask what a member is.

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::Visitor;

use super::candidates::{Candidates, Guess, Guesses};

/// For how many members a type may refuse guesses that it accepts for others.
const MAX_REFUSED_MEMBERS: usize = 64;

/// A type that asks, known by the names of its visitor and of the visitor's value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asker(&'static str, &'static str);

impl Asker {
    pub(super) fn of<'de, V: Visitor<'de>>() -> Self {
        Self(type_name::<V>(), type_name::<V::Value>())
    }
}

/// What is asked about a type. The type answers by accepting or refusing a sample value, see `probe.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// Whether it accepts a `bool`.
    Bool,
    /// Whether it accepts the number one in this form.
    One(Guess),
    /// Whether it accepts `()`.
    Unit,
    /// Whether it accepts a list.
    List,
    /// Whether it accepts a map.
    Map,
}

/// A type's answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    No,
    Yes,
    /// Yes, but only a list of numbers of these types, or of the first few of them.
    Numbers(Vec<Number>),
}

/// A type of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
}

/// What a reading has found out.
pub(super) enum Lesson<'a> {
    /// This is the type's answer to the question.
    Answered(Asker, Question, Answer),
    /// This type has refused a guess as a wrong type. It may refuse all guesses of this kind.
    Doubted(Asker, Guess),
    /// This type has refused a guess for this member, with this message.
    Refused(Asker, &'a [u8], Guess, String),
}

/// All that has been found out.
#[derive(Default)]
pub(super) struct Facts<'a> {
    answers: BTreeMap<(Asker, Question), Answer>,
    doubted: BTreeSet<(Asker, Guess)>,
    refused: BTreeMap<Asker, BTreeMap<&'a [u8], Refused>>,
}

/// The guesses that a type has refused for one member.
struct Refused {
    guesses: Guesses,
    /// The message with which it has refused the first one.
    first_message: String,
}

impl<'a> Facts<'a> {
    pub(super) fn learn(&mut self, lesson: Lesson<'a>) {
        match lesson {
            Lesson::Answered(asker, question, answer) => _ = self.answers.insert((asker, question), answer),
            Lesson::Doubted(asker, guess) => _ = self.doubted.insert((asker, guess)),
            Lesson::Refused(asker, member, guess, message) => {
                let members = self.refused.entry(asker).or_default();
                let first = Refused { guesses: Guesses::default(), first_message: message };
                let refused = members.entry(member).or_insert(first);
                refused.guesses = refused.guesses.with(guess);
            }
        }
    }

    pub(super) fn answer(&self, asker: Asker, question: Question) -> Option<&Answer> {
        self.answers.get(&(asker, question))
    }

    pub(super) fn is_yes(&self, asker: Asker, question: Question) -> bool {
        self.answer(asker, question) == Some(&Answer::Yes)
    }

    /// Whether the next step is to ask if the type accepts guesses of this kind at all.
    pub(super) fn is_in_doubt(&self, asker: Asker, guess: Guess) -> bool {
        self.doubted.contains(&(asker, guess)) && self.answer(asker, Question::One(guess)).is_none()
    }

    /// Returns the guesses that are left to try for a member. Kinds that the type has refused as such come last,
    /// because it may still accept some values of them.
    pub(super) fn left(&self, asker: Asker, candidates: Candidates, member: &[u8]) -> impl Iterator<Item = Guess> {
        let refused = self.refused(asker, member).map_or_else(Guesses::default, |refused| refused.guesses);
        let left = candidates.in_order().filter(move |guess| !refused.contains(*guess));
        let is_last = move |guess: &Guess| self.answer(asker, Question::One(*guess)) == Some(&Answer::No);
        left.clone().filter(move |guess| !is_last(guess)).chain(left.filter(move |guess| is_last(guess)))
    }

    /// Returns the message with which the type has refused the first guess for this member.
    pub(super) fn first_message(&self, asker: Asker, member: &[u8]) -> Option<&str> {
        self.refused(asker, member).map(|refused| &*refused.first_message)
    }

    fn refused(&self, asker: Asker, member: &[u8]) -> Option<&Refused> {
        self.refused.get(&asker)?.get(member)
    }

    /// Whether the type has refused guesses for so many other members that no more guesses are tried for this one.
    pub(super) fn has_refused_too_often(&self, asker: Asker, member: &[u8]) -> bool {
        self.refused
            .get(&asker)
            .is_some_and(|members| members.len() >= MAX_REFUSED_MEMBERS && !members.contains_key(member))
    }
}
