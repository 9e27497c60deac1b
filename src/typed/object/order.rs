//! In which order a type is handed its members.
//!
//! A hash has an order of its own, which of a table depends on a secret of the process. A type for which the order counts, as
//! an adjacently tagged enum, which has to know the tag before the content, would be read by one process and refused by
//! another. So a struct gets its members in its own order, and after them the fields that it does not know.
//!
//! As a rule a packed hash has them in that order already, as they were saved. Then no field is looked up.

use std::collections::HashSet;
use std::iter::Peekable;

use super::hints::Hints;
use crate::value::{HashRef, Iter};

pub(super) struct InOrder<'a> {
    hash: HashRef<'a>,
    fields: Peekable<Iter<'a>>,
    names: &'static [&'static str],
    /// How many of the names were asked for.
    asked: usize,
    /// How many fields were not handed out yet.
    left: usize,
    /// The names, once they have all been asked for and fields are left.
    known: Option<HashSet<&'static [u8]>>,
}

/// A member to be handed out.
#[derive(Clone, Copy)]
pub(super) enum NextMember<'a> {
    Field(&'a [u8], &'a [u8]),
    /// There is no such field, which the type has missed before.
    Absent(&'static str),
}

impl<'a> NextMember<'a> {
    pub(super) fn name(self) -> &'a [u8] {
        match self {
            Self::Field(name, _) => name,
            Self::Absent(name) => name.as_bytes(),
        }
    }
}

impl<'a> InOrder<'a> {
    /// The members with these names first.
    pub(super) fn new(hash: HashRef<'a>, names: &'static [&'static str]) -> Self {
        Self { hash, fields: hash.iter().peekable(), names, asked: 0, left: hash.len(), known: None }
    }

    pub(super) fn left(&self) -> usize {
        self.left
    }

    pub(super) fn next(&mut self, hints: &Hints<'_>) -> Option<NextMember<'a>> {
        while let Some(name) = self.names.get(self.asked) {
            self.asked += 1;
            if let Some(value) = self.named(name.as_bytes()) {
                self.left = self.left.saturating_sub(1);
                return Some(NextMember::Field(name.as_bytes(), value));
            }
            if hints.is_absent(name) {
                return Some(NextMember::Absent(name));
            }
        }
        if self.left == 0 {
            return None;
        }
        let names = self.names;
        let known = self.known.get_or_insert_with(|| names.iter().map(|name| name.as_bytes()).collect());
        let (name, value) = self.fields.find(|(name, _)| !known.contains(name))?;
        self.left -= 1;
        Some(NextMember::Field(name, value))
    }

    fn named(&mut self, name: &[u8]) -> Option<&'a [u8]> {
        match self.fields.next_if(|(field, _)| *field == name) {
            Some((_, value)) => Some(value),
            None if self.left == 0 => None,
            None => self.hash.get(name),
        }
    }
}
