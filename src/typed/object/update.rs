//! Which fields go when an object is updated.
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

/// The fields that go, of a hash that was loaded as a value, which wrote some members before the update and writes others
/// after it. The hash is as it was.
pub(super) fn gone<T: DeserializeOwned, C: Codec>(
    codec: &C,
    hash: HashRef<'_>,
    loaded: &Loaded<'_, T>,
    before: Vec<Member>,
    after: &[Member],
) -> Vec<Name> {
    let mut gone = no_longer_written(before, after);
    let written = after.iter().map(|(name, _)| name).chain(&gone);
    if loaded.ignored.is_empty() && written.clone().filter(|name| hash.contains(name)).count() == hash.len() {
        return gone;
    }
    let known: HashSet<&[u8]> = written.map(|name| &**name).chain(loaded.ignored.iter().copied()).collect();
    let left: Vec<(&[u8], &[u8])> = hash.iter().filter(|(name, _)| !known.contains(name)).collect();
    let left = if loaded.is_struct { met_twice::<T, C>(codec, after, left) } else { left };
    gone.extend(left.into_iter().map(|(name, _)| Name::Owned(name.to_vec())));
    gone
}

fn no_longer_written(before: Vec<Member>, after: &[Member]) -> Vec<Name> {
    if before.len() == after.len() && before.iter().zip(after).all(|(before, after)| before.0 == after.0) {
        return Vec::new();
    }
    let after: HashSet<&[u8]> = after.iter().map(|(name, _)| &**name).collect();
    before.into_iter().map(|(name, _)| name).filter(|name| !after.contains(&**name)).collect()
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
