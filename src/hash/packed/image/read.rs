//! Reads a packed hash from an item of a snapshot. Every byte may be wrong, so everything is checked.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::arithmetic_side_effects)]

use crate::hash::entry;
use crate::hash::image::{Flaw, Input, NO_DEADLINE, REPEATED_FIELD};
use crate::hash::packed::deadlines::bitmap_len;
use crate::hash::packed::{
    FIELD_DEADLINES, FORM, KEY_DEADLINE, KEY_LEN_AT, NARROW_MAX, Packed, WIDE, block_len, close,
};
use crate::options::Rules;
use crate::time::Deadline;

impl Packed {
    /// Reads the rest of an item after its kind. Checks all invariants of `packed.rs`, and the limits.
    pub(crate) fn read_image(image: &mut Input<'_>, rules: &Rules) -> Result<Self, Flaw> {
        let flags = image.u8()?;
        let count = image.array()?;
        let fields = usize::from(u16::from_le_bytes(count));
        if flags & !FORM != 0 {
            return Err(Flaw::Corrupt("a packed hash has unknown flags"));
        }
        if fields == 0 {
            return Err(Flaw::Corrupt("a packed hash has no fields"));
        }
        rules.check_fields(fields)?;
        let key = image.string()?;
        rules.check_key(key)?;
        let is_wide = flags & WIDE != 0;
        let end_bytes = image.take(fields.saturating_mul(if is_wide { 2 } else { 1 }))?;
        let (ends, entry_bytes) = if is_wide {
            (
                Ends::Wide(end_bytes.as_chunks().0),
                end_bytes.last_chunk().map_or(0, |last| u16::from_le_bytes(*last).into()),
            )
        } else {
            (Ends::Narrow(end_bytes), end_bytes.last().copied().map_or(0, usize::from))
        };
        if is_wide != (entry_bytes > NARROW_MAX) {
            return Err(Flaw::Corrupt("the entry ends of a packed hash have the wrong width"));
        }
        let entries = image.take(entry_bytes)?;
        let tail = read_tail(image, flags, fields)?;

        let parts = [entry::varint_len(key.len()), key.len(), fields, end_bytes.len(), entries.len(), tail.len()];
        let mut bytes = Vec::with_capacity(block_len(parts.into_iter().fold(KEY_LEN_AT, usize::saturating_add)));
        bytes.push(flags);
        bytes.extend_from_slice(&count);
        entry::push_varint(&mut bytes, key.len());
        bytes.extend_from_slice(key);
        match ends {
            Ends::Narrow(ends) => push_tags(&mut bytes, entries, &ends.iter().map(|end| (*end).into()), rules)?,
            Ends::Wide(ends) => {
                push_tags(&mut bytes, entries, &ends.iter().map(|end| u16::from_le_bytes(*end).into()), rules)?;
            }
        }
        for part in [end_bytes, entries, tail] {
            bytes.extend_from_slice(part);
        }
        Ok(Self(close(bytes)))
    }
}

enum Ends<'a> {
    Narrow(&'a [u8]),
    Wide(&'a [[u8; 2]]),
}

/// Among the first fields, as many as this, a repeated one is found by comparing: a field whose tag occurred before is
/// compared with all fields before it. If there are more fields, all are sorted.
const FEW_FIELDS: usize = 256;

/// Checks each entry, and appends the tags of the fields.
#[inline]
fn push_tags(
    bytes: &mut Vec<u8>,
    entries: &[u8],
    ends: &(impl Iterator<Item = usize> + Clone),
    rules: &Rules,
) -> Result<(), Flaw> {
    let mut seen = [false; 256];
    let mut many = Vec::new();
    let mut start = 0;
    for (index, end) in ends.clone().enumerate() {
        let entry = entries.get(start..end).ok_or(Flaw::Corrupt("the entry ends of a packed hash do not rise"))?;
        start = end;
        let (field, value) = read_pair(entry)?;
        rules.check_pair(field, value)?;
        let tag = rules.tag(field);
        let is_seen = seen.get_mut(usize::from(tag));
        let is_seen = is_seen.is_some_and(|seen| std::mem::replace(seen, true));
        if index >= FEW_FIELDS {
            many.push(field);
        } else if is_seen {
            let mut before = 0;
            let is_repeated = ends.clone().take(index).any(|end| {
                let entry = entries.get(before..end);
                before = end;
                entry.and_then(|entry| entry::value_offset_of(entry, field)).is_some()
            });
            if is_repeated {
                return Err(REPEATED_FIELD);
            }
        }
        bytes.push(tag);
    }
    if !many.is_empty() {
        let mut before = 0;
        for end in ends.clone().take(FEW_FIELDS) {
            many.push(read_pair(entries.get(before..end).unwrap_or_default())?.0);
            before = end;
        }
        many.sort_unstable();
        if many.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(REPEATED_FIELD);
        }
    }
    Ok(())
}

/// The pair in an entry.
pub(crate) fn read_pair(entry: &[u8]) -> Result<(&[u8], &[u8]), Flaw> {
    let mut entry = Input::new(entry);
    let field = entry.string()?;
    Ok((field, entry.rest()))
}

/// Checks the deadlines after the entries, and returns their bytes.
fn read_tail<'a>(image: &mut Input<'a>, flags: u8, fields: usize) -> Result<&'a [u8], Flaw> {
    let mut probe = image.clone();
    let mut deadlines = usize::from(flags & KEY_DEADLINE != 0);
    let bitmap = if flags & FIELD_DEADLINES != 0 { probe.take(bitmap_len(fields))? } else { &[] };
    if flags & FIELD_DEADLINES != 0 {
        let count = bitmap.iter().map(|byte| byte.count_ones()).fold(0, u32::saturating_add);
        let spare = u8::MAX.checked_shl((fields % 8) as u32).filter(|_| !fields.is_multiple_of(8)).unwrap_or(0);
        if count == 0 || bitmap.last().is_some_and(|last| last & spare != 0) {
            return Err(Flaw::Corrupt("the deadline bitmap marks no field, or one that does not exist"));
        }
        deadlines = deadlines.saturating_add(count as usize);
    }
    for _ in 0..deadlines {
        if Deadline::from_bytes(probe.array()?) == Deadline::NEVER {
            return Err(NO_DEADLINE);
        }
    }
    image.take(image.len().saturating_sub(probe.len()))
}
