//! Validation of the store's internal invariants. Without the feature `testing` it does nothing, so that test files
//! compile with and without the feature.

use hashlet::{HashValue, Stats, Store, StoreBuilder};

/// The counts of a store without those that never go back: of its shapes, and of what has happened so far.
pub(crate) fn counts(store: &Store) -> Stats {
    let mut counts = store.stats();
    counts.bytes -= counts.shape_bytes;
    (counts.shapes, counts.shape_bytes) = (0, 0);
    (counts.expired_keys, counts.expired_fields, counts.refused) = (0, 0, 0);
    counts
}

#[cfg(feature = "testing")]
pub(crate) fn store(store: &Store) {
    store.validate();
}

#[cfg(feature = "testing")]
pub(crate) fn key(store: &Store, key: impl AsRef<[u8]>) {
    store.validate_key(key);
}

#[cfg(feature = "testing")]
pub(crate) fn value(value: &HashValue) {
    value.validate();
}

/// Fixes the hash seed, so that a failure that depends on the order of hashes can be repeated.
#[cfg(feature = "testing")]
pub(crate) fn seeded(builder: StoreBuilder, seed: u64) -> StoreBuilder {
    builder.hash_seed(seed)
}

#[cfg(not(feature = "testing"))]
pub(crate) fn store(_: &Store) {}

#[cfg(not(feature = "testing"))]
pub(crate) fn key(_: &Store, _: impl AsRef<[u8]>) {}

#[cfg(not(feature = "testing"))]
pub(crate) fn value(_: &HashValue) {}

#[cfg(not(feature = "testing"))]
pub(crate) fn seeded(builder: StoreBuilder, _: u64) -> StoreBuilder {
    builder
}
