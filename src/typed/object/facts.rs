//! What readings have taught of the types that ask what a member is.

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::Visitor;

use super::candidates::{Candidates, Guess, Guesses};

/// For how many members a type may refuse what it takes for others.
const MOST: usize = 64;

/// A type that asks: the names of its visitor and of what that makes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asker(&'static str, &'static str);

impl Asker {
    pub(super) fn of<'de, V: Visitor<'de>>() -> Self {
        Self(type_name::<V>(), type_name::<V::Value>())
    }
}

/// What a type is asked, in turn, by handing it something that is no member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// Whether it takes a `bool`.
    Bool,
    /// Whether it takes a one of this kind.
    One(Guess),
    /// Whether it takes `()`.
    Nothing,
    /// Whether it takes a list.
    List,
    /// Whether it takes a map.
    Map,
}

/// What a type has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    No,
    Yes,
    /// Yes, a list of such numbers, or of the first ones of them.
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

/// What a reading has taught.
pub(super) enum Lesson<'a> {
    /// What this type answers.
    Answered(Asker, Question, Answer),
    /// This type has said of a guess that it is of another type than its own, which may be so of all such guesses.
    Doubted(Asker, Guess),
    /// This type has refused a guess of this member, for this reason.
    Refused(Asker, &'a [u8], Guess, String),
}

/// All that is known.
#[derive(Default)]
pub(super) struct Facts<'a> {
    answers: BTreeMap<(Asker, Question), Answer>,
    doubted: BTreeSet<(Asker, Guess)>,
    refused: BTreeMap<Asker, BTreeMap<&'a [u8], Refused>>,
}

struct Refused {
    guesses: Guesses,
    /// What the type has said to the first one.
    why: String,
}

impl<'a> Facts<'a> {
    pub(super) fn learn(&mut self, lesson: Lesson<'a>) {
        match lesson {
            Lesson::Answered(asker, question, answer) => _ = self.answers.insert((asker, question), answer),
            Lesson::Doubted(asker, guess) => _ = self.doubted.insert((asker, guess)),
            Lesson::Refused(asker, member, guess, why) => {
                let members = self.refused.entry(asker).or_default();
                let refused = members.entry(member).or_insert(Refused { guesses: Guesses::default(), why });
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

    /// Whether it is to be found out if the type takes such guesses at all.
    pub(super) fn is_in_doubt(&self, asker: Asker, guess: Guess) -> bool {
        self.doubted.contains(&(asker, guess)) && self.answer(asker, Question::One(guess)).is_none()
    }

    /// What is left to try of a member. What the type does not take at all comes last: it may take some of it after all.
    pub(super) fn left(&self, asker: Asker, candidates: Candidates, member: &[u8]) -> impl Iterator<Item = Guess> {
        let refused = self.refusal(asker, member).map_or_else(Guesses::default, |refused| refused.guesses);
        let left = candidates.in_order().filter(move |guess| !refused.contains(*guess));
        let is_last = move |guess: &Guess| self.answer(asker, Question::One(*guess)) == Some(&Answer::No);
        left.clone().filter(move |guess| !is_last(guess)).chain(left.filter(move |guess| is_last(guess)))
    }

    /// What the type has said to the first guess of this member.
    pub(super) fn why(&self, asker: Asker, member: &[u8]) -> Option<&str> {
        self.refusal(asker, member).map(|refused| &*refused.why)
    }

    fn refusal(&self, asker: Asker, member: &[u8]) -> Option<&Refused> {
        self.refused.get(&asker)?.get(member)
    }

    /// Whether the type has refused guesses of so many other members that this one cannot be tried as well.
    pub(super) fn has_refused_too_often(&self, asker: Asker, member: &[u8]) -> bool {
        self.refused.get(&asker).is_some_and(|members| members.len() >= MOST && !members.contains_key(member))
    }
}
