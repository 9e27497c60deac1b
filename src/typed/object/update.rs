//! The fields that an update of an object writes and removes.
//!
//! The members of the value after the update are written, unless the hash holds the same bytes already. Two kinds of
//! fields are removed:
//!
//! 1. **Fields that are no longer written.** The value wrote them before the update and does not write them after it: a
//!    member that is `None` now, a removed entry of a map, the content of another variant.
//! 2. **Fields that stand for another field**, which is written or is removed by rule 1. If such a field stayed, it
//!    would be read in place of the other one, or beside it. It is removed only if the type proves in one of two ways
//!    that it stands for the other field:
//!    * **By an error.** When a struct is read from both fields, it reports that it has a member twice. So the field is
//!      an `alias`.
//!    * **By what it writes.** A map that is read from this field alone writes the other field. It would be the same
//!      map if the field had the other name. So the field is the same key in another text, such as a number with
//!      leading zeros. Members that the type writes even when it is read from no fields at all prove nothing.
//!
//! All other fields stay: those that the type does not know, and those that it reads but never writes
//! (`skip_serializing`).

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

/// Returns what has to be changed in a hash, which has not been changed yet. The value that was loaded from it had
/// members with the names `before` when the update began, and has the members `after` now.
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

/// Returns the fields that are no longer written: rule 1.
fn no_longer_written(before: Vec<Name>, after: &[Member]) -> Vec<Name> {
    if before.len() == after.len() && before.iter().zip(after).all(|(before, (after, _))| before == after) {
        return Vec::new();
    }
    let after: HashSet<&[u8]> = after.iter().map(|(name, _)| &**name).collect();
    before.into_iter().filter(|name| !after.contains(&**name)).collect()
}

/// Returns the fields that stand for another field: rule 2.
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
    let always_written: HashSet<Name> = trial.names(&HashValue::new()).into_iter().collect();
    let read_elsewhere: Vec<&Name> = gone.iter().filter(|name| !hash.contains(name)).collect();
    left.retain(|(name, bytes)| {
        trial.is_same_key(name, bytes, |other| written.contains(&**other) && !always_written.contains(other))
            || read_elsewhere.iter().any(|gone| trial.is_twice(&HashValue::from([(&***gone, *bytes), (*name, *bytes)])))
            || has_aliases && trial.is_twice_beside(&mut all, name, bytes)
    });
    left.into_iter().map(|(name, _)| Name::Owned(name.to_vec())).collect()
}

/// Reads a type from fields other than those of the hash, to find out what the type does with them.
struct Trial<'c, T, C> {
    codec: &'c C,
    value: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned, C: Codec> Trial<'_, T, C> {
    fn read(&self, hash: &HashValue) -> Result<T, ObjectError> {
        of_members::<C, T>(self.codec, hash.view()).map(|loaded| loaded.value)
    }

    /// Returns the members that the value writes which is read from these fields, and none if it cannot be read.
    fn members(&self, hash: &HashValue) -> Vec<Member> {
        self.read(hash).and_then(|value| members_of(self.codec, &value)).unwrap_or_default()
    }

    fn names(&self, hash: &HashValue) -> Vec<Name> {
        self.members(hash).into_iter().map(|(name, _)| name).collect()
    }

    /// Whether a value that is read from this field alone writes exactly one candidate, and is the same value if the
    /// field has the candidate's name.
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
