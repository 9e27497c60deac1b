//! A snapshot that exceeds a limit of the store being loaded is refused with the size and the limit. One at the limit
//! is loaded.

use crate::support::check;
use crate::support::config::{Config, on_every_configuration};
use hashlet::{Error, Limits, SnapshotError, Store};

fn saved(store: &Store) -> Vec<u8> {
    let mut snapshot = Vec::new();
    store.save_to(&mut snapshot).unwrap();
    snapshot
}

fn refused(config: &Config, limits: Limits, snapshot: &[u8]) -> Error {
    match config.builder().limits(limits).load_from(snapshot) {
        Err(SnapshotError::TooLarge(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn loaded(config: &Config, limits: Limits, snapshot: &[u8]) {
    let store = config.builder().limits(limits).load_from(snapshot).unwrap();
    check::store(&store);
}

#[test]
fn a_key_past_the_limit_is_too_large() {
    on_every_configuration(|config, store| {
        store.set("k".repeat(100), "f", "v").unwrap();
        let snapshot = saved(store);
        loaded(config, Limits::default().max_key(100), &snapshot);
        let error = refused(config, Limits::default().max_key(99), &snapshot);
        assert_eq!(error, Error::KeyTooLong { size: 100, limit: 99 });
    });
}

#[test]
fn a_string_past_the_limit_is_too_large() {
    on_every_configuration(|config, store| {
        store.set("k", "f".repeat(70), "v").unwrap();
        store.set("l", "f", "v".repeat(60)).unwrap();
        loaded(config, Limits::default().max_string(70), &saved(store));
        let error = refused(config, Limits::default().max_string(69), &saved(store));
        assert_eq!(error, Error::FieldTooLong { size: 70, limit: 69 });
        store.clear("k");
        loaded(config, Limits::default().max_string(60), &saved(store));
        let error = refused(config, Limits::default().max_string(59), &saved(store));
        assert_eq!(error, Error::ValueTooLong { size: 60, limit: 59 });
    });
}

#[test]
fn more_fields_than_the_limit_are_too_large() {
    on_every_configuration(|config, store| {
        store.set_many("k", (0..1_500).map(|n| (n.to_string(), "v"))).unwrap();
        let snapshot = saved(store);
        loaded(config, Limits::default().max_fields(1_500), &snapshot);
        let error = refused(config, Limits::default().max_fields(1_499), &snapshot);
        assert_eq!(error, Error::TooManyFields { size: 1_500, limit: 1_499 });
    });
}

#[test]
fn more_bytes_than_the_limit_are_too_large() {
    on_every_configuration(|config, store| {
        for n in 0..1_000 {
            store.set(format!("k{n}"), "f", "v".repeat(100)).unwrap();
        }
        store.set_many("k", (0..1_000).map(|n| (n.to_string(), "v".repeat(100)))).unwrap();
        let snapshot = saved(store);
        let bytes = config.builder().load_from(&snapshot[..]).unwrap().stats().bytes;
        loaded(config, Limits::default().max_bytes(bytes + bytes / 50), &snapshot);
        let Error::Full { size, limit } = refused(config, Limits::default().max_bytes(bytes / 2), &snapshot) else {
            panic!("another error");
        };
        assert!(limit == bytes / 2 && size > limit, "{size} bytes of {limit}");
    });
}

#[test]
fn a_store_that_was_full_is_loaded_under_its_own_limit() {
    let limits = Limits::default().max_bytes(400_000);
    on_every_configuration(|config, _| {
        let full = config.builder().limits(limits).build();
        let mut filed = 0;
        while full.set_many(format!("key:{filed}"), (0..5).map(|n| (n.to_string(), "a value"))).is_ok() {
            filed += 1;
        }
        for seed in 0..10 {
            let loaded = check::seeded(config.builder().limits(limits), seed).load_from(&saved(&full)[..]).unwrap();
            assert_eq!(loaded.key_count(), filed);
            assert!(loaded.stats().bytes <= 425_000);
        }
    });
}

#[test]
fn a_loaded_store_counts_its_bytes_towards_its_limit() {
    on_every_configuration(|config, store| {
        store.set("k", "f", vec![0; 300_000]).unwrap();
        let builder = config.builder().limits(Limits::default().max_bytes(500_000));
        let loaded = builder.load_from(&saved(store)[..]).unwrap();
        assert!(matches!(loaded.set("k", "g", vec![0; 300_000]), Err(Error::Full { limit: 500_000, .. })));
        loaded.set("k", "f", vec![0; 100_000]).unwrap();
        loaded.set("k", "g", vec![0; 300_000]).unwrap();
        check::store(&loaded);
    });
}
