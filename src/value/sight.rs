//! What a closure sees of the hash that it was lent. A server's hash is changed only if nobody else has meanwhile changed
//! what the closure has seen (see `remote/update.rs`). A store asks nobody, because it holds a lock.

#[cfg(feature = "redis")]
use std::collections::HashMap;

use crate::hash::Pair;
#[cfg(feature = "redis")]
use crate::sync::Mutex;

/// What one method of a hash looks at.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "only a server needs to know"))]
pub(super) enum Sight<'s> {
    /// The value of a field, or that it is absent.
    Value(&'s [u8]),
    /// The value of a field, and its deadline.
    Field(&'s [u8]),
    /// The same of these fields.
    Fields(&'s [&'s [u8]]),
    /// The same of the fields of these pairs.
    Pairs(&'s [Pair<'s>]),
    /// Whether there are fields.
    Presence,
    /// The number of fields.
    Size,
    /// The deadline of the key, and whether there is a key.
    Key,
    /// All fields with their values.
    All,
}

/// Everything that a closure has seen. Threads can share the view of a hash, so it has a lock.
#[cfg(feature = "redis")]
#[derive(Default)]
pub(crate) struct Seen(Mutex<Parts>);

#[cfg(feature = "redis")]
#[derive(Default)]
pub(crate) struct Parts {
    /// The fields, and whether their deadlines have been seen too.
    pub(crate) fields: HashMap<Vec<u8>, bool>,
    pub(crate) presence: bool,
    pub(crate) size: bool,
    pub(crate) key: bool,
    pub(crate) all: bool,
    /// The last field was removed, at least for a while. That it was the last decides whether the key's deadline is lost.
    pub(crate) emptied: bool,
}

#[cfg(feature = "redis")]
impl Seen {
    pub(super) fn note(&self, sight: Sight<'_>) {
        let parts = &mut *self.0.lock();
        match sight {
            Sight::Value(field) => parts.note(field, false),
            Sight::Field(field) => parts.note(field, true),
            Sight::Fields(fields) => fields.iter().for_each(|field| parts.note(field, true)),
            Sight::Pairs(pairs) => pairs.iter().for_each(|(field, _)| parts.note(field, true)),
            Sight::Presence => parts.presence = true,
            Sight::Size => parts.size = true,
            Sight::Key => parts.key = true,
            Sight::All => parts.all = true,
        }
    }

    pub(super) fn note_emptied(&self) {
        self.0.lock().emptied = true;
    }

    pub(crate) fn take(&self) -> Parts {
        std::mem::take(&mut *self.0.lock())
    }
}

#[cfg(feature = "redis")]
impl Parts {
    fn note(&mut self, field: &[u8], with_deadline: bool) {
        match self.fields.get_mut(field) {
            Some(seen) => *seen |= with_deadline,
            None => _ = self.fields.insert(field.to_vec(), with_deadline),
        }
    }
}
