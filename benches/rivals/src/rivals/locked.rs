//! The fields of a key for maps whose values cannot be changed in place: a lock around them.

use parking_lot::{MappedRwLockWriteGuard, RwLock, RwLockWriteGuard};

use crate::support::maps::Fields;

/// `None` once its key has been removed: who comes with an old reference then has to look for the key again.
pub(crate) struct Locked(RwLock<Option<Fields>>);

/// What is left after a field was removed.
pub(crate) enum Removed {
    Nothing,
    Field,
    /// The last field: the key has to be removed now, and nobody else will do so.
    Last,
}

impl Default for Locked {
    fn default() -> Self {
        Self(RwLock::new(Some(Fields::default())))
    }
}

impl Locked {
    pub(crate) fn read<R>(&self, look: impl FnOnce(Option<&Fields>) -> R) -> R {
        look(self.0.read().as_ref())
    }

    /// The fields, unless their key has been removed.
    pub(crate) fn write(&self) -> Option<MappedRwLockWriteGuard<'_, Fields>> {
        RwLockWriteGuard::try_map(self.0.write(), Option::as_mut).ok()
    }

    pub(crate) fn remove(&self, field: &[u8]) -> Removed {
        let mut guard = self.0.write();
        let Some(fields) = guard.as_mut() else { return Removed::Nothing };
        if fields.remove(field).is_none() {
            return Removed::Nothing;
        }
        if !fields.is_empty() {
            return Removed::Field;
        }
        *guard = None;
        Removed::Last
    }
}
