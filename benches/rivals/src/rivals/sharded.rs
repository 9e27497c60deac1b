//! The map that many write by hand: shards of a lock each, over hashbrown maps.

use std::hash::BuildHasher;

use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::support::maps::{Fields, Maps, SHARDS, Seeded};

/// One a cache line, so that neighbours do not slow each other.
#[derive(Default)]
#[repr(align(128))]
struct Shard(RwLock<HashMap<Box<[u8]>, Fields, Seeded>>);

pub(crate) struct Sharded(Box<[Shard]>);

impl Sharded {
    /// Chosen by bits that the map in the shard does not use for its buckets first.
    fn shard(&self, key: &[u8]) -> &RwLock<HashMap<Box<[u8]>, Fields, Seeded>> {
        let hash = Seeded::default().hash_one(key);
        &self.0[(hash >> 48) as usize % SHARDS].0
    }
}

impl Maps for Sharded {
    const NAME: &str = "sharded";

    fn new() -> Self {
        Self((0..SHARDS).map(|_| Shard::default()).collect())
    }

    fn read<R>(&self, key: &[u8], look: impl FnOnce(Option<&Fields>) -> R) -> R {
        look(self.shard(key).read().get(key))
    }

    fn write<R>(&self, key: &[u8], change: impl FnOnce(&mut Fields) -> R) -> R {
        let mut keys = self.shard(key).write();
        if let Some(fields) = keys.get_mut(key) {
            return change(fields);
        }
        change(keys.entry(key.into()).or_default())
    }

    fn remove(&self, key: &[u8], field: &[u8]) -> bool {
        let mut keys = self.shard(key).write();
        let Some(fields) = keys.get_mut(key) else { return false };
        let removed = fields.remove(field).is_some();
        if fields.is_empty() {
            keys.remove(key);
        }
        removed
    }

    fn key_count(&self) -> usize {
        self.0.iter().map(|shard| shard.0.read().len()).sum()
    }
}
