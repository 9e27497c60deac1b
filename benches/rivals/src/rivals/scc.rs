//! scc's `HashMap`, whose values are changed in place under the lock of a bucket.

use crate::support::maps::{Fields, Maps, Seeded};

pub(crate) struct Scc(scc::HashMap<Box<[u8]>, Fields, Seeded>);

impl Maps for Scc {
    const NAME: &str = "scc";

    fn new() -> Self {
        Self(scc::HashMap::with_hasher(Seeded::default()))
    }

    fn read<R>(&self, key: &[u8], look: impl FnOnce(Option<&Fields>) -> R) -> R {
        let mut look = Some(look);
        let seen = self.0.read_sync(key, |_, fields| look.take().map(|look| look(Some(fields))));
        seen.flatten().unwrap_or_else(|| look.take().expect("nothing was there to look at")(None))
    }

    fn write<R>(&self, key: &[u8], change: impl FnOnce(&mut Fields) -> R) -> R {
        if let Some(mut entry) = self.0.get_sync(key) {
            return change(entry.get_mut());
        }
        change(self.0.entry_sync(key.into()).or_default().get_mut())
    }

    fn remove(&self, key: &[u8], field: &[u8]) -> bool {
        let Some(mut entry) = self.0.get_sync(key) else { return false };
        let removed = entry.get_mut().remove(field).is_some();
        if entry.get().is_empty() {
            _ = entry.remove_entry();
        }
        removed
    }

    fn key_count(&self) -> usize {
        self.0.len()
    }
}
