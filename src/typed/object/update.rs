//! What an update of an object changes in its hash.
//!
//! What the struct writes after the update is written, where the hash does not hold it already. Two kinds of fields go:
//!
//! 1. What the struct wrote before and does not write any more: a member that is `None` now, a removed entry of a map, the
//!    content of another variant.
//! 2. What was read as a member that is written under another name. Such a field would be met again beside the one that is
//!    written. In a struct that is an `alias`; the struct itself says so, when it is read with both, that a member is there
//!    twice. In a map it is a key that has several texts, as a number with zeros before it. A map does not say so, but each
//!    entry that it has is written. So a field that it has read and does not write is such a one.
//!
//! Everything else stays: what the type does not know, and what a struct reads and never writes (`skip_serializing`).

use std::collections::HashSet;

use serde::de::DeserializeOwned;

use super::flaw::Kind;
use super::hints::Loaded;
use super::{Member, Name, of_members};
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
pub(super) fn changes<'m, T: DeserializeOwned, C: Codec>(
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
        gone.extend(under_another_name(codec, hash, loaded, after, &gone));
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

/// The fields that were read as members with other names than theirs.
fn under_another_name<T: DeserializeOwned, C: Codec>(
    codec: &C,
    hash: HashRef<'_>,
    loaded: &Loaded<'_, T>,
    after: &[Member],
    gone: &[Name],
) -> Vec<Name> {
    let written = after.iter().map(|(name, _)| name).chain(gone).map(|name| &**name);
    let known: HashSet<&[u8]> = written.chain(loaded.ignored.iter().copied()).collect();
    let left = hash.iter().filter(|(name, _)| !known.contains(name)).collect();
    let left = if loaded.is_struct { met_twice::<T, C>(codec, after, left) } else { left };
    left.into_iter().map(|(name, _)| Name::Owned(name.to_vec())).collect()
}

/// Those of these fields with which, beside its members, the struct meets a member twice.
fn met_twice<'a, T: DeserializeOwned, C: Codec>(
    codec: &C,
    members: &[Member],
    mut fields: Vec<(&'a [u8], &'a [u8])>,
) -> Vec<(&'a [u8], &'a [u8])> {
    let mut hash: HashValue = members.iter().map(|(name, bytes)| (name, bytes)).collect();
    fields.retain(|(name, value)| {
        let is_twice = hash.set(name, value).is_ok()
            && of_members::<C, T>(codec, hash.view()).is_err_and(|flaw| flaw.kind == Kind::Twice);
        if is_twice {
            hash.remove(name);
        }
        is_twice
    });
    fields
}
