//! The order in which a type gets its members.
//!
//! A hash has an order of its own, and in a table that order depends on a secret of the process. Some types depend on
//! the order of their members: an adjacently tagged enum has to know the tag before the content. One process would read
//! such a type, and another would refuse it. So a struct gets its members in its own order, and after them the fields
//! that it does not know.
//!
//! A packed hash usually has its fields in the order in which they were saved, which is the struct's. Then no field has
//! to be looked up.

use std::collections::HashSet;
use std::iter::Peekable;

use super::hints::Hints;
use crate::value::{HashRef, Iter};

/// The members of a hash in the order of a struct.
pub(super) struct InOrder<'a> {
    hash: HashRef<'a>,
    fields: Peekable<Iter<'a>>,
    /// The names of the struct's members, in its order.
    names: &'static [&'static str],
    /// How many of these names have been looked for.
    asked: usize,
    /// How many fields have not been returned yet.
    left: usize,
    /// The names as a set. It is built if fields are left after all names have been looked for.
    known: Option<HashSet<&'static [u8]>>,
}

/// The member that a type gets next.
#[derive(Clone, Copy)]
pub(super) enum NextMember<'a> {
    /// The name of a field, and the bytes that it holds.
    Field(&'a [u8], &'a [u8]),
    /// A member that has no field, and that an earlier reading has missed.
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
    /// Orders the fields of a hash: members with these names come first.
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

    /// Returns the bytes of the field with this name.
    fn named(&mut self, name: &[u8]) -> Option<&'a [u8]> {
        match self.fields.next_if(|(field, _)| *field == name) {
            Some((_, value)) => Some(value),
            None if self.left == 0 => None,
            None => self.hash.get(name),
        }
    }
}
