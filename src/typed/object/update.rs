//! What an update of an object changes in its hash.
//!
//! What the value writes after the update is written, where the hash does not hold it already. Two kinds of fields go:
//!
//! 1. What the value wrote before and does not write any more: a member that is `None` now, a removed entry of a map, the
//!    content of another variant.
//! 2. A field that was read as another one, which is written or has just gone by the first rule. Left alone, it would be read
//!    in the place of that one, or beside it. It goes only if the type proves it:
//!    * **By an error.** Read with both fields, a struct says that a member is there twice: the field is an `alias`.
//!    * **By what it writes.** Read from this field alone, a map writes the other one, and the same value if the field had that
//!      name: the field is the same key in another text, as a number with zeros before it. What the type writes of no fields
//!      at all proves nothing.
//!
//! Everything else stays: what the type does not know, and what it reads and never writes (`skip_serializing`).

use std::collections::HashSet;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{Kind, ObjectError};
use super::hints::Loaded;
use super::{Member, Name, members_of, of_members};
use crate::typed::codec::Codec;
use crate::value::{HashRef, HashValue};

/// What an update changes.
pub(super) struct Changes<'m> {
    /// The members to be written.
    pub(super) new: Vec<&'m Member>,
    /// The fields to be removed.
    pub(super) gone: Vec<Name>,
}

/// The changes of a hash, which is as it was. It was loaded as a value, which had these names before the update, and has these
/// members after it.
pub(super) fn changes<'m, T: Serialize + DeserializeOwned, C: Codec>(
    codec: &C,
    hash: HashRef<'_>,
    loaded: &Loaded<'_, T>,
    before: Vec<Name>,
    after: &'m [Member],
) -> Changes<'m> {
    let mut held = 0;
    let is_new = |(name, bytes): &&Member| {
        let old = hash.get(name);
        held += usize::from(old.is_some());
        old != Some(bytes)
    };
    let new = after.iter().filter(is_new).collect();
    let mut gone = no_longer_written(before, after);
    held += gone.iter().filter(|name| hash.contains(name)).count();
    if !loaded.ignored.is_empty() || held != hash.len() {
        let others = under_another_name::<T, C>(codec, hash, &loaded.ignored, after, &gone);
        gone.extend(others);
    }
    Changes { new, gone }
}

fn no_longer_written(before: Vec<Name>, after: &[Member]) -> Vec<Name> {
    if before.len() == after.len() && before.iter().zip(after).all(|(before, (after, _))| before == after) {
        return Vec::new();
    }
    let after: HashSet<&[u8]> = after.iter().map(|(name, _)| &**name).collect();
    before.into_iter().filter(|name| !after.contains(&**name)).collect()
}

/// The fields that were read in the place of others.
fn under_another_name<T: Serialize + DeserializeOwned, C: Codec>(
    codec: &C,
    hash: HashRef<'_>,
    ignored: &[&[u8]],
    after: &[Member],
    gone: &[Name],
) -> Vec<Name> {
    let written: HashSet<&[u8]> = after.iter().map(|(name, _)| name).chain(gone).map(|name| &**name).collect();
    let ignored: HashSet<&[u8]> = ignored.iter().copied().collect();
    let mut left: Vec<_> = hash.iter().filter(|(name, _)| !written.contains(name) && !ignored.contains(name)).collect();
    if left.is_empty() {
        return Vec::new();
    }
    let trial = Trial::<T, C> { codec, value: PhantomData };
    let mut all: HashValue = after.iter().map(|(name, bytes)| (name, bytes)).collect();
    let mut together = all.clone();
    together.extend(left.iter().copied());
    let has_aliases = trial.read(&together).is_err();
    let by_itself: HashSet<Name> = trial.names(&HashValue::new()).into_iter().collect();
    let elsewhere: Vec<&Name> = gone.iter().filter(|name| !hash.contains(name)).collect();
    left.retain(|(name, bytes)| {
        trial.is_same_key(name, bytes, |other| written.contains(&**other) && !by_itself.contains(other))
            || elsewhere.iter().any(|gone| trial.is_twice(&HashValue::from([(&***gone, *bytes), (*name, *bytes)])))
            || has_aliases && trial.is_twice_beside(&mut all, name, bytes)
    });
    left.into_iter().map(|(name, _)| Name::Owned(name.to_vec())).collect()
}

/// Reads a type from other fields than those of the hash, to see what it makes of them.
struct Trial<'c, T, C> {
    codec: &'c C,
    value: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned, C: Codec> Trial<'_, T, C> {
    fn read(&self, hash: &HashValue) -> Result<T, ObjectError> {
        of_members::<C, T>(self.codec, hash.view()).map(|loaded| loaded.value)
    }

    /// What is written of the value that is read; nothing if none is.
    fn members(&self, hash: &HashValue) -> Vec<Member> {
        self.read(hash).and_then(|value| members_of(self.codec, &value)).unwrap_or_default()
    }

    fn names(&self, hash: &HashValue) -> Vec<Name> {
        self.members(hash).into_iter().map(|(name, _)| name).collect()
    }

    /// Whether this field alone is written under one other such name, and makes the same value under that one.
    fn is_same_key(&self, name: &[u8], bytes: &[u8], is_candidate: impl Fn(&Name) -> bool) -> bool {
        let members = self.members(&HashValue::from([(name, bytes)]));
        let mut others = members.iter().map(|(name, _)| name).filter(|name| is_candidate(name));
        match (others.next(), others.next()) {
            (Some(other), None) => self.members(&HashValue::from([(other, bytes)])) == members,
            _ => false,
        }
    }

    fn is_twice_beside(&self, hash: &mut HashValue, name: &[u8], bytes: &[u8]) -> bool {
        let is_twice = hash.set(name, bytes).is_ok() && self.is_twice(hash);
        hash.remove(name);
        is_twice
    }

    fn is_twice(&self, hash: &HashValue) -> bool {
        self.read(hash).is_err_and(|error| error.kind == Kind::Twice)
    }
}
