//! The naive model of a store: a map of maps that follows the documentation word by word, and uses std's own parsing
//! and printing of numbers. It has no encodings, no hash functions and no locks. If it and the store disagree, the
//! store is wrong.

mod deadlines;
mod hash;
mod room;

use std::collections::{BTreeMap, BTreeSet};

use hashlet::{Error, Eviction, Limits, Overwrite, Result, Store, TransferOutcome};

pub(crate) use hash::{Hash, ModelHash};

use super::source::Bytes;
use super::time::{BEGINNING, END};

/// The limits as plain numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bounds {
    pub(crate) fields: usize,
    pub(crate) string: usize,
    pub(crate) key: usize,
    pub(crate) bytes: Option<usize>,
    /// Only in stores that evict.
    pub(crate) keys: Option<usize>,
    pub(crate) eviction: Eviction,
}

impl Bounds {
    pub(crate) const DEFAULT: Self = Self {
        fields: u32::MAX as usize,
        string: 512 << 20,
        key: 64 << 10,
        bytes: None,
        keys: None,
        eviction: Eviction::Refuse,
    };

    pub(crate) fn limits(self) -> Limits {
        let limits = Limits::default().max_fields(self.fields).max_string(self.string).max_key(self.key);
        let limits = self.bytes.map_or(limits, |bytes| limits.max_bytes(bytes));
        self.keys.map_or(limits, |keys| limits.max_keys(keys))
    }

    pub(crate) fn evicts(self) -> bool {
        (self.bytes.is_some() || self.keys.is_some()) && self.eviction != Eviction::Refuse
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Model {
    bounds: Bounds,
    now: u64,
    hashes: BTreeMap<Vec<u8>, Hash>,
}

impl Model {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, now: BEGINNING, hashes: BTreeMap::new() }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Moves the clock, and removes everything that has expired then.
    pub(crate) fn set_clock(&mut self, millis: u64) {
        self.now = millis.min(END);
        self.hashes.retain(|_, hash| {
            hash.remove_due(self.now);
            hash.len() > 0
        });
    }

    /// The only access to a hash. A missing key is an empty hash, an empty hash has no key, and an over-long key
    /// refuses every write.
    pub(crate) fn hash<R>(&mut self, key: &[u8], work: impl FnOnce(&mut ModelHash<'_>) -> R) -> R {
        let Self { bounds, now, hashes } = self;
        if key.len() > bounds.key {
            let refused = Error::KeyTooLong { size: key.len(), limit: bounds.key };
            return work(&mut ModelHash::refusing(*bounds, *now, refused, &mut Hash::default()));
        }
        if !hashes.contains_key(key) {
            hashes.insert(key.to_vec(), Hash::default());
        }
        let hash = hashes.get_mut(key).expect("just filed");
        let result = work(&mut ModelHash::new(*bounds, *now, hash));
        if hash.len() == 0 {
            hashes.remove(key);
        }
        result
    }

    /// A copy of a hash. It keeps the limits, and has no key that could be refused.
    pub(crate) fn on_copy<R>(&self, key: &[u8], work: impl FnOnce(&mut ModelHash<'_>) -> R) -> R {
        let mut copy = self.hashes.get(key).cloned().unwrap_or_default();
        work(&mut ModelHash::new(self.bounds, self.now, &mut copy))
    }

    pub(crate) fn clear(&mut self, key: &[u8]) -> bool {
        self.hashes.remove(key).is_some()
    }

    pub(crate) fn rename(&mut self, key: &[u8], new: &[u8], overwrite: Overwrite) -> Result<TransferOutcome> {
        let outcome = self.copy(key, new, overwrite)?;
        if outcome == TransferOutcome::Done && key != new {
            self.clear(key);
        }
        Ok(outcome)
    }

    pub(crate) fn copy(&mut self, key: &[u8], new: &[u8], overwrite: Overwrite) -> Result<TransferOutcome> {
        let (size, limit) = (new.len(), self.bounds.key);
        if size > limit {
            return Err(Error::KeyTooLong { size, limit });
        }
        let Some(hash) = self.hashes.get(key) else { return Ok(TransferOutcome::NoSource) };
        if overwrite == Overwrite::No && self.contains_key(new) {
            return Ok(TransferOutcome::TargetExists);
        }
        self.hashes.insert(new.to_vec(), hash.clone());
        Ok(TransferOutcome::Done)
    }

    /// Forgets the hashes that a store has evicted, after a call on these keys. The store is within its limit then.
    pub(crate) fn forget_evicted(&mut self, store: &Store, keys: &[Bytes]) {
        if self.bounds.evicts() {
            let bytes = store.stats().bytes;
            assert!(self.bounds.bytes.is_none_or(|limit| bytes <= limit), "{bytes} bytes in a store that evicts");
            let there: BTreeSet<Vec<u8>> = store.keys().into_iter().collect();
            assert!(self.bounds.keys.is_none_or(|limit| there.len() <= limit), "{} keys", there.len());
            self.hashes.retain(|key, _| there.contains(key) || keys.iter().any(|used| used.0 == *key));
        }
    }

    pub(crate) fn clear_all(&mut self) {
        self.hashes.clear();
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&[u8], &Hash) -> bool) -> usize {
        let before = self.hashes.len();
        self.hashes.retain(|key, hash| keep(key, hash));
        before - self.hashes.len()
    }

    pub(crate) fn contains_key(&self, key: &[u8]) -> bool {
        self.hashes.contains_key(key)
    }

    pub(crate) fn keys(&self) -> Vec<Vec<u8>> {
        self.hashes.keys().cloned().collect()
    }

    pub(crate) fn hashes(&self) -> impl Iterator<Item = (&Vec<u8>, &Hash)> {
        self.hashes.iter()
    }

    pub(crate) fn key_count(&self) -> usize {
        self.hashes.len()
    }

    pub(crate) fn field_count(&self) -> usize {
        self.hashes.values().map(Hash::len).sum()
    }
}
