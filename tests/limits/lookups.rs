//! A store counts how often reads find their keys, if it is asked to.

use std::time::Duration;

use hashlet::{Eviction, Limits, ManualClock, Store, StoreBuilder};

use crate::support::check;
use crate::support::config;

/// The hits and misses so far.
fn counts(store: &Store) -> (usize, usize) {
    let stats = store.stats();
    (stats.hits, stats.misses)
}

/// Runs `test` on a store of each configuration that counts, with and without a limit and a policy.
fn on_counting_stores(test: impl Fn(&Store, &ManualClock)) {
    let limits = Limits::default().max_bytes(1 << 20).max_keys(1_000);
    let kinds: [fn(StoreBuilder, Limits) -> StoreBuilder; 3] = [
        |builder, _| builder,
        |builder, limits| builder.limits(limits),
        |builder, limits| builder.limits(limits).eviction(Eviction::LeastFrequent),
    ];
    for config in &config::all() {
        for kind in kinds {
            let _told = config::Told(config.name);
            let clock = ManualClock::new();
            let store = kind(config.builder(), limits).count_lookups(true).clock(&clock).build();
            store.set_many("there", [("f", "1"), ("g", "2")]).unwrap();
            store.set("expired", "f", "1").unwrap();
            store.expire("expired", Duration::from_secs(1));
            clock.advance(Duration::from_secs(1));
            test(&store, &clock);
            check::store(&store);
        }
    }
}

#[test]
fn each_read_counts_its_keys_once() {
    type Read = fn(&Store, &str);
    let reads: [(&str, Read); 10] = [
        ("get", |store, key| drop(store.get(key, "f"))),
        ("get, missing field", |store, key| assert_eq!(store.get(key, "none"), None)),
        ("contains_key", |store, key| _ = store.contains_key(key)),
        ("get_many", |store, key| drop(store.get_many(key, ["f", "g"]))),
        ("get_all", |store, key| drop(store.get_all(key))),
        ("size", |store, key| _ = store.size(key)),
        ("ttl", |store, key| _ = store.ttl(key)),
        ("read", |store, key| _ = store.read(key, |hash| hash.len())),
        ("get_across", |store, key| drop(store.get_across([key], "f"))),
        ("get_many_across", |store, key| drop(store.get_many_across([key], ["f", "g"]))),
    ];
    for (name, read) in reads {
        on_counting_stores(|store, _| {
            assert_eq!(counts(store), (0, 0), "writes do not count");
            read(store, "there");
            assert_eq!(counts(store), (1, 0), "{name}");
            read(store, "missing");
            assert_eq!(counts(store), (1, 1), "{name}");
            read(store, "expired");
            assert_eq!(counts(store), (1, 2), "{name}");
        });
    }
}

#[test]
fn writes_and_walks_do_not_count() {
    on_counting_stores(|store, _| {
        store.set("there", "f", "3").unwrap();
        store.increment("new", "n", 1).unwrap();
        store.remove("missing", "f");
        store.update("there", |hash| hash.len());
        store.update_many(["there", "missing"], |_| ()).unwrap();
        store.for_each(|_, _| ());
        drop((store.keys(), store.key_count(), store.stats()));
        store.retain(|_, _| true);
        store.purge_expired(usize::MAX);
        assert_eq!(counts(store), (0, 0));
    });
}

#[test]
fn a_store_that_is_not_asked_counts_nothing() {
    for config in &config::all() {
        let store = config.store();
        store.set("there", "f", "1").unwrap();
        drop((store.get("there", "f"), store.get("missing", "f")));
        assert_eq!(counts(&store), (0, 0));
    }
}
