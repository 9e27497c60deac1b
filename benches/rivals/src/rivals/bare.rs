//! The bound for one thread: a hashbrown map of maps, and no lock. A `RefCell` stands for `&mut self`.

use std::cell::RefCell;

use crate::support::maps::{Fields, Maps, Seeded};

pub(crate) struct Bare(RefCell<hashbrown::HashMap<Box<[u8]>, Fields, Seeded>>);

impl Maps for Bare {
    const NAME: &str = super::BARE;

    fn new() -> Self {
        Self(RefCell::default())
    }

    fn read<R>(&self, key: &[u8], look: impl FnOnce(Option<&Fields>) -> R) -> R {
        look(self.0.borrow().get(key))
    }

    fn write<R>(&self, key: &[u8], change: impl FnOnce(&mut Fields) -> R) -> R {
        let mut keys = self.0.borrow_mut();
        if let Some(fields) = keys.get_mut(key) {
            return change(fields);
        }
        change(keys.entry(key.into()).or_default())
    }

    fn remove(&self, key: &[u8], field: &[u8]) -> bool {
        let mut keys = self.0.borrow_mut();
        let Some(fields) = keys.get_mut(key) else { return false };
        let removed = fields.remove(field).is_some();
        if fields.is_empty() {
            keys.remove(key);
        }
        removed
    }

    fn key_count(&self) -> usize {
        self.0.borrow().len()
    }
}
