//! Does the entries of a log again on a store. Every byte may be wrong, so everything is checked before it is used.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::arithmetic_side_effects)]

use super::log::CLOSED;
use crate::hash::image::{Flaw, Input};
use crate::hash::{Redo, Source};
use crate::store::Store;
use crate::tail::kind;
use crate::time::Deadline;

/// One effect of an entry.
#[derive(Clone, Copy)]
pub(super) enum Logged<'a> {
    /// The key of the effects that follow.
    Key(&'a [u8]),
    /// The same, and the first of these effects.
    PutAtKey {
        key: &'a [u8],
        field: &'a [u8],
        value: &'a [u8],
    },
    OnRecord(Redo<'a>),
    Transfer {
        key: &'a [u8],
        source: Source,
    },
    ClearAll,
    /// The log was closed.
    Closed,
}

impl<'a> Logged<'a> {
    pub(super) fn read(input: &mut Input<'a>) -> Result<Self, Flaw> {
        let deadline = |input: &mut Input<'a>| input.array().map(Deadline::from_bytes);
        Ok(match input.u8()? {
            kind::KEY => Self::Key(input.string()?),
            kind::PUT_AT_KEY => Self::PutAtKey { key: input.string()?, field: input.string()?, value: input.string()? },
            kind::PUT => Self::OnRecord(Redo::Put { field: input.string()?, value: input.string()? }),
            kind::REMOVE => Self::OnRecord(Redo::Remove { field: input.string()? }),
            kind::FIELD_DEADLINE => {
                Self::OnRecord(Redo::FieldDeadline { field: input.string()?, deadline: deadline(input)? })
            }
            kind::KEY_DEADLINE => Self::OnRecord(Redo::KeyDeadline { deadline: deadline(input)? }),
            kind::CLEAR => Self::OnRecord(Redo::Clear),
            kind::MOVE_TO => Self::Transfer { key: input.string()?, source: Source::Moves },
            kind::COPY_TO => Self::Transfer { key: input.string()?, source: Source::Stays },
            kind::CLEAR_ALL => Self::ClearAll,
            CLOSED => Self::Closed,
            _ => return Err(Flaw::Corrupt("an effect has an unknown kind")),
        })
    }
}

/// What was done again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Replayed {
    pub(super) entries: u64,
    pub(super) is_closed: bool,
}

const NO_KEY: Flaw = Flaw::Corrupt("an effect has no key");

/// The number of entries whose records are looked at together.
const AHEAD: usize = 32;

/// Does the entries of a block again.
pub(super) fn replay_block(store: &mut Store, block: &[u8], replayed: &mut Replayed) -> Result<(), Flaw> {
    let mut block = Input::new(block);
    let mut entries = Vec::with_capacity(AHEAD);
    while !block.is_empty() {
        entries.clear();
        while entries.len() < AHEAD && !block.is_empty() {
            entries.push(Input::new(block.string()?));
        }
        store.look_ahead(entries.iter().filter_map(first_key));
        for entry in &entries {
            replay_entry(store, entry.clone(), replayed)?;
            replayed.entries = replayed.entries.saturating_add(1);
        }
    }
    Ok(())
}

/// The key with which an entry begins.
fn first_key<'a>(entry: &Input<'a>) -> Option<&'a [u8]> {
    match Logged::read(&mut entry.clone()).ok()? {
        Logged::Key(key) | Logged::PutAtKey { key, .. } => Some(key),
        _ => None,
    }
}

fn replay_entry(store: &Store, mut entry: Input<'_>, replayed: &mut Replayed) -> Result<(), Flaw> {
    let mut key = None;
    while !entry.is_empty() {
        match Logged::read(&mut entry)? {
            Logged::Key(next) => {
                store.check_logged_key(next)?;
                key = Some(next);
            }
            Logged::PutAtKey { key: next, field, value } => {
                store.check_logged_key(next)?;
                key = Some(next);
                entry = replay_on_record(store, next, Redo::Put { field, value }, entry)?;
            }
            Logged::OnRecord(first) => entry = replay_on_record(store, key.ok_or(NO_KEY)?, first, entry)?,
            Logged::Transfer { key: new, source } => store.redo_transfer(key.ok_or(NO_KEY)?, new, source)?,
            Logged::ClearAll => store.redo_clear_all(),
            Logged::Closed => replayed.is_closed = true,
        }
    }
    Ok(())
}

/// Does an effect on a record again, and those on the same record that follow it. Returns the rest of the entry. All are
/// one visit, because the record may be empty meanwhile.
fn replay_on_record<'a>(store: &Store, key: &[u8], first: Redo<'_>, mut entry: Input<'a>) -> Result<Input<'a>, Flaw> {
    store.visit_unexpired(key, |record, cx| {
        record.redo(first, cx)?;
        loop {
            let mut behind = entry.clone();
            if behind.is_empty() {
                return Ok(entry);
            }
            let Logged::OnRecord(redo) = Logged::read(&mut behind)? else { return Ok(entry) };
            record.redo(redo, cx)?;
            entry = behind;
        }
    })
}
