//! papaya: a lock-free outer map, and a lock in each value.

use super::locked::{Locked, Removed};
use crate::support::maps::{Fields, Maps, Seeded};

pub(crate) struct Papaya(papaya::HashMap<Box<[u8]>, Locked, Seeded>);

impl Maps for Papaya {
    const NAME: &str = "papaya";

    fn new() -> Self {
        Self(papaya::HashMap::with_hasher(Seeded::default()))
    }

    fn read<R>(&self, key: &[u8], look: impl FnOnce(Option<&Fields>) -> R) -> R {
        match self.0.pin().get(key) {
            Some(locked) => locked.read(look),
            None => look(None),
        }
    }

    fn write<R>(&self, key: &[u8], change: impl FnOnce(&mut Fields) -> R) -> R {
        let keys = self.0.pin();
        loop {
            let locked = match keys.get(key) {
                Some(locked) => locked,
                None => keys.get_or_insert_with(key.into(), Locked::default),
            };
            if let Some(mut fields) = locked.write() {
                return change(&mut fields);
            }
        }
    }

    fn remove(&self, key: &[u8], field: &[u8]) -> bool {
        let keys = self.0.pin();
        let Some(locked) = keys.get(key) else { return false };
        let removed = locked.remove(field);
        if let Removed::Last = removed {
            keys.remove(key);
        }
        !matches!(removed, Removed::Nothing)
    }

    fn key_count(&self) -> usize {
        self.0.len()
    }
}
