//! moka without a bound: a cache that evicts nothing, and a lock in each value.

use std::sync::Arc;

use moka::sync::Cache;

use super::locked::{Locked, Removed};
use crate::support::maps::{Fields, Maps, Seeded};

pub(crate) struct Moka(Cache<Box<[u8]>, Arc<Locked>, Seeded>);

impl Maps for Moka {
    const NAME: &str = "moka";

    fn new() -> Self {
        Self(Cache::builder().build_with_hasher(Seeded::default()))
    }

    fn read<R>(&self, key: &[u8], look: impl FnOnce(Option<&Fields>) -> R) -> R {
        match self.0.get(key) {
            Some(locked) => locked.read(look),
            None => look(None),
        }
    }

    fn write<R>(&self, key: &[u8], change: impl FnOnce(&mut Fields) -> R) -> R {
        loop {
            let locked = match self.0.get(key) {
                Some(locked) => locked,
                None => self.0.get_with(key.into(), Arc::default),
            };
            if let Some(mut fields) = locked.write() {
                return change(&mut fields);
            }
        }
    }

    fn remove(&self, key: &[u8], field: &[u8]) -> bool {
        let Some(locked) = self.0.get(key) else { return false };
        let removed = locked.remove(field);
        if let Removed::Last = removed {
            self.0.invalidate(key);
        }
        !matches!(removed, Removed::Nothing)
    }

    /// Exact, and only after what it does in the background has been done.
    fn key_count(&self) -> usize {
        self.0.run_pending_tasks();
        self.0.entry_count() as usize
    }
}
