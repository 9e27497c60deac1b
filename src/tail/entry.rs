//! The entry of a call: what the call did, as bytes. `snapshot/format.rs` draws it.

use std::cell::Cell;
use std::mem::take;
use std::ops::Range;

use crate::hash::{Effect, push_varint, varint_len};
use crate::time::Deadline;

/// The kinds of effects in an entry.
pub(crate) mod kind {
    pub(crate) const KEY: u8 = 1;
    pub(crate) const PUT: u8 = 2;
    pub(crate) const REMOVE: u8 = 3;
    pub(crate) const FIELD_DEADLINE: u8 = 4;
    pub(crate) const KEY_DEADLINE: u8 = 5;
    pub(crate) const CLEAR: u8 = 6;
    pub(crate) const MOVE_TO: u8 = 7;
    pub(crate) const COPY_TO: u8 = 8;
    pub(crate) const CLEAR_ALL: u8 = 9;
    pub(crate) const PUT_AT_KEY: u8 = 12;
}

/// The effects of one call, in their order.
#[derive(Default)]
pub(crate) struct Entry {
    bytes: Vec<u8>,
    /// Where the key of the last effect stands.
    key: Range<usize>,
}

thread_local! {
    /// The memory of the last entry of this thread, so that most entries allocate nothing.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The most memory that a thread keeps for its next entry.
const SPARE_MAX: usize = 64 << 10;

impl Entry {
    /// An empty entry, with the memory that this thread keeps.
    pub(crate) fn new() -> Self {
        Self { bytes: SPARE.try_with(Cell::take).unwrap_or_default(), key: 0..0 }
    }

    /// Adds an effect on the record of a key. The key is written once for effects that follow each other on it.
    pub(crate) fn push(&mut self, key: &[u8], effect: &Effect<'_>) {
        if !self.key.is_empty() && self.bytes[self.key.clone()] == *key {
            push_effect(&mut self.bytes, effect);
        } else {
            let start = self.bytes.len() + 1 + varint_len(key.len());
            push_at_key(&mut self.bytes, key, effect);
            self.key = start..start + key.len();
        }
    }

    /// Adds that all keys are removed.
    pub(crate) fn push_clear_all(&mut self) {
        self.bytes.push(kind::CLEAR_ALL);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The number of bytes, as a mark for [`truncate`](Self::truncate).
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets what was added after a mark.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        if self.key.end > len {
            self.key = 0..0;
        }
    }
}

impl Drop for Entry {
    /// Keeps the memory for the next entry of this thread.
    fn drop(&mut self) {
        let mut bytes = take(&mut self.bytes);
        if bytes.capacity() > 0 && bytes.capacity() <= SPARE_MAX {
            bytes.clear();
            let _is_thread_ending = SPARE.try_with(|spare| spare.set(bytes));
        }
    }
}

/// Appends a key and an effect on its record. A put, the most frequent effect, shares its kind with the key.
#[inline]
pub(super) fn push_at_key(bytes: &mut Vec<u8>, key: &[u8], effect: &Effect<'_>) {
    if let Effect::Put { field, value, .. } = *effect {
        push_kind(bytes, kind::PUT_AT_KEY, key);
        push_string(bytes, field);
        push_string(bytes, value);
    } else {
        push_kind(bytes, kind::KEY, key);
        push_effect(bytes, effect);
    }
}

#[inline]
fn push_effect(bytes: &mut Vec<u8>, effect: &Effect<'_>) {
    match *effect {
        Effect::Put { field, value, .. } => {
            push_kind(bytes, kind::PUT, field);
            push_string(bytes, value);
        }
        Effect::Remove { field, .. } => push_kind(bytes, kind::REMOVE, field),
        Effect::FieldDeadline { field, deadline, .. } => {
            push_kind(bytes, kind::FIELD_DEADLINE, field);
            bytes.extend_from_slice(&deadline.to_bytes());
        }
        Effect::KeyDeadline { deadline, .. } => {
            bytes.push(kind::KEY_DEADLINE);
            bytes.extend_from_slice(&deadline.to_bytes());
        }
        Effect::Clear { .. } => bytes.push(kind::CLEAR),
        Effect::MoveTo { key, .. } => push_kind(bytes, kind::MOVE_TO, key),
        Effect::CopyTo { key, .. } => push_kind(bytes, kind::COPY_TO, key),
    }
}

/// Appends a kind and a string. Nearly all strings are short, and are appended in two steps.
#[inline]
fn push_kind(bytes: &mut Vec<u8>, kind: u8, string: &[u8]) {
    if string.len() < 0x80 {
        bytes.extend_from_slice(&[kind, string.len() as u8]);
        bytes.extend_from_slice(string);
    } else {
        bytes.push(kind);
        push_string(bytes, string);
    }
}

#[inline]
fn push_string(bytes: &mut Vec<u8>, string: &[u8]) {
    push_varint(bytes, string.len());
    bytes.extend_from_slice(string);
}

/// The number of bytes of an entry with one effect on the record of a key.
#[inline]
pub(super) fn len_of_one(key: &[u8], effect: &Effect<'_>) -> usize {
    let effect = match *effect {
        Effect::Put { field, value, .. } => len_of_string(field) + len_of_string(value),
        Effect::Remove { field, .. } => 1 + len_of_string(field),
        Effect::FieldDeadline { field, .. } => 1 + len_of_string(field) + Deadline::BYTES,
        Effect::KeyDeadline { .. } => 1 + Deadline::BYTES,
        Effect::Clear { .. } => 1,
        Effect::MoveTo { key, .. } | Effect::CopyTo { key, .. } => 1 + len_of_string(key),
    };
    1 + len_of_string(key) + effect
}

#[inline]
fn len_of_string(string: &[u8]) -> usize {
    varint_len(string.len()) + string.len()
}
