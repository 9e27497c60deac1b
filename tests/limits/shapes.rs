//! Shapes: which hashes leave their names to one, what that saves, and what it may never cost.

use crate::support::check;
#[cfg(feature = "journal")]
use crate::support::folder::Folder;
use crate::support::source::numbered;
#[cfg(feature = "journal")]
use hashlet::{Durability, JournalOptions};
use hashlet::{Error, Limits, Store};

/// The hash of a kind: six names that no other kind has.
fn hash_of(kind: usize) -> impl Iterator<Item = (String, &'static str)> {
    (0..6).map(move |n| (format!("name {n} of kind {kind}"), "v"))
}

/// However a store is filled, almost all hashes of a few kinds have shapes.
#[test]
fn hashes_of_a_few_kinds_have_shapes() {
    let by_calls = |store: &Store| {
        for key in 0..20_000 {
            store.set_many(numbered(key), hash_of(key % 3)).unwrap();
        }
    };
    let field_by_field = |store: &Store| {
        for key in 0..20_000 {
            for (name, value) in hash_of(key % 3) {
                store.set(numbered(key), name, value).unwrap();
            }
        }
    };
    let reserved = |store: &Store| {
        store.reserve(20_000);
        by_calls(store);
    };
    let in_closures = |store: &Store| {
        for key in 0..20_000 {
            store.update(numbered(key), |hash| hash_of(key % 3).for_each(|(name, value)| _ = hash.set(name, value)));
        }
    };
    type Fill<'a> = &'a dyn Fn(&Store);
    let ways: [(&str, Fill<'_>); 4] =
        [("calls", &by_calls), ("fields", &field_by_field), ("reserved", &reserved), ("closures", &in_closures)];
    for (way, fill) in ways {
        for shards in [1, 64] {
            let store = Store::builder().shards(shards).build();
            fill(&store);
            let stats = store.stats();
            assert!(stats.shaped > 17_000 && (3..=18).contains(&stats.shapes), "{way}, {shards} shards: {stats:?}");
            check::store(&store);
        }
    }
}

/// A kind that is rare in each part of the store is found nevertheless.
#[test]
fn what_is_seen_of_a_kind_adds_up() {
    let store = Store::builder().shards(64).build();
    for key in 0..100_000 {
        store.set_many(numbered(key), hash_of(key % 100)).unwrap();
    }
    let stats = store.stats();
    assert!(stats.shapes >= 80 && stats.shaped > 75_000, "{stats:?}");
    check::store(&store);
}

/// Fields that are set one after the other in all hashes lead from shape to shape.
#[test]
fn hashes_that_grow_together_keep_having_shapes() {
    let store = Store::builder().shards(4).build();
    for (name, value) in hash_of(0) {
        for key in 0..4_000 {
            store.set(numbered(key), &name, value).unwrap();
        }
    }
    let stats = store.stats();
    assert!(stats.shaped > 2_500 && stats.shapes <= 6, "{stats:?}");
    check::store(&store);
}

/// Names that each hash has alone are not learned, and take nothing.
#[test]
fn names_that_nobody_shares_have_no_shapes() {
    let [with, without] = [true, false].map(|shapes| {
        let store = Store::builder().shards(4).shapes(shapes).build();
        for key in 0..20_000 {
            store.set_many(numbered(key), hash_of(key)).unwrap();
        }
        check::store(&store);
        store.stats()
    });
    assert_eq!((with.shapes, with.shaped, with.saved_bytes), (0, 0, 0));
    assert_eq!(with.bytes, without.bytes + with.shape_bytes);
    assert!(with.shape_bytes < 20_000, "{with:?}");
}

/// A store that is full only because its hashes have shapes is loaded with the same limit.
#[test]
#[cfg(feature = "snapshot")]
fn a_full_store_of_hashes_with_shapes_is_loaded_again() {
    let limits = Limits::default().max_bytes(2 << 20);
    let store = Store::builder().shards(4).limits(limits).build();
    let full = (0..).find(|key| store.set_many(numbered(*key), hash_of(key % 3)).is_err());
    let (stats, unlimited) = (store.stats(), Store::builder().shards(4).shapes(false).build());
    assert!(stats.shaped > 10_000, "{stats:?}");
    let mut snapshot = Vec::new();
    store.save_to(&mut snapshot).unwrap();
    for shards in [1, 4, 64] {
        let loaded = Store::builder().shards(shards).limits(limits).load_from(&snapshot[..]).unwrap();
        assert_eq!(Some(loaded.key_count()), full);
        assert!(loaded.stats().shaped > 9_000, "{:?}", loaded.stats());
        check::store(&loaded);
    }
    for key in store.keys() {
        unlimited.set_many(&key, store.get_all(&key).iter()).unwrap();
    }
    assert!(unlimited.stats().bytes > 3 << 20, "without shapes it would be too large");
}

/// The same store from its journal.
#[test]
#[cfg(feature = "journal")]
fn a_full_store_of_hashes_with_shapes_is_recovered() {
    let folder = Folder::in_memory();
    let builder = || Store::builder().shards(4).limits(Limits::default().max_bytes(1 << 20));
    let options = JournalOptions::new().durability(Durability::Os);
    let journal = builder().open(folder.path(), options.clone()).unwrap();
    let full = (0..).find(|key| journal.set_many(numbered(*key), hash_of(key % 3)).is_err());
    assert!(journal.stats().shaped > 5_000, "{:?}", journal.stats());
    drop(journal);
    for _ in 0..2 {
        let journal = builder().open(folder.path(), options.clone()).unwrap();
        assert_eq!(Some(journal.key_count()), full);
        assert!(journal.stats().shaped > 4_000, "{:?}", journal.stats());
        check::store(&journal);
        journal.checkpoint().unwrap(); // the second time, it is read from a snapshot
    }
}

/// A store is loaded again when its kinds have become rare, so that they would not be learned any more.
#[test]
#[cfg(feature = "snapshot")]
fn a_full_store_of_rare_kinds_is_loaded_again() {
    let limits = Limits::default().max_bytes(2 << 20);
    let store = Store::builder().shards(1).limits(limits).build();
    for kind in 0..40 {
        for key in 0..200 {
            let names = (0..20).map(|n| (format!("a name of 34 bytes, {n:02}, kind {kind:04}"), "v"));
            store.set_many(format!("{kind}:{key}"), names).unwrap();
        }
        (15..200).for_each(|key| assert!(store.clear(format!("{kind}:{key}"))));
    }
    for len in [100_000, 1_000, 10] {
        while store.set(format!("fill:{}", store.key_count()), "f", vec![b'x'; len]).is_ok() {}
    }
    assert!(store.stats().saved_bytes > 250_000, "{:?}", store.stats());
    let mut snapshot = Vec::new();
    store.save_to(&mut snapshot).unwrap();
    for shards in [1, 64] {
        let loaded = Store::builder().shards(shards).limits(limits).load_from(&snapshot[..]).unwrap();
        assert_eq!(loaded.key_count(), store.key_count());
        check::store(&loaded);
    }
}

/// A call on several keys settles one hash after the other. What it learns meanwhile is counted once.
#[test]
fn a_census_in_a_call_on_several_keys_counts_each_hash_once() {
    for keys in 1..40 {
        let store = Store::builder().shards(1).build();
        let names = || (0..8).map(|n| (format!("{n}, {}", "a long name ".repeat(15)), "v"));
        for key in 0..keys {
            store.set_many(numbered(key), names()).unwrap();
        }
        store.update_many(["new", "f0"], |[new, _]| new.set_many(names()).map(drop)).unwrap().unwrap();
        check::store(&store);
        store.clear_all();
        let stats = store.stats();
        assert_eq!((stats.shaped, stats.saved_bytes), (0, 0), "{keys} keys");
        check::store(&store);
    }
}

/// A store with this limit, whose shapes are learned as usual, and 2,000 hashes of one kind. Returns it with their names.
fn store_of_one_kind(limit: usize) -> (Store, Vec<String>) {
    let limits = Limits::default().max_bytes(limit);
    let store = Store::builder().shards(4).limits(limits).build();
    let names: Vec<String> = (0..8).map(|n| format!("a long name of a field, number {n}")).collect();
    for key in 0..2_000 {
        store.set_many(numbered(key), names.iter().map(|name| (name, "v"))).unwrap();
    }
    assert!(store.stats().shaped > 1_900);
    check::store(&store);
    (store, names)
}

/// Removals make room in a full store. They bring no names back that the store has no room for (redis 15835, 15838).
#[test]
fn removals_from_hashes_with_a_shape_make_room_in_a_full_store() {
    const LIMIT: usize = 4 << 20;
    let (store, names) = store_of_one_kind(LIMIT);
    for len in [100_000, 10_000, 100, 0] {
        while store.set(format!("fill:{}", store.key_count()), "f", vec![b'x'; len]).is_ok() {}
    }
    let keys: Vec<Vec<u8>> = store.keys().into_iter().filter(|key| !key.starts_with(b"fill")).collect();
    let before = store.stats().bytes;
    for (n, key) in keys.iter().enumerate() {
        let removed = names.iter().enumerate().filter(|(at, _)| (n % 97 + 1) >> at & 1 == 1).map(|(_, name)| name);
        assert!(store.remove_many(key, removed) > 0);
        if n % 100 == 0 {
            check::store(&store);
        }
    }
    check::store(&store);
    assert!(store.stats().bytes <= before + LIMIT / 32, "{} after {before}", store.stats().bytes);
}

/// A write that makes a hash lose its shape needs room for all of its names.
#[test]
fn a_field_without_a_shape_needs_room_for_the_names() {
    let (store, names) = store_of_one_kind(4 << 20);
    // A few hashes came before the shape, and get it only later.
    let key = store.keys().into_iter().min_by_key(|key| store.memory_usage(key)).unwrap();
    let block = store.memory_usage(&key).unwrap();
    for len in [100_000, 10_000, 100, 1] {
        while store.set(format!("fill:{}", store.key_count()), "f", vec![b'x'; len]).is_ok() {}
    }
    let refused = store.set(&key, "another name", "v");
    assert!(matches!(refused, Err(Error::Full { .. })), "{refused:?}");
    assert_eq!((store.size(&key), store.memory_usage(&key)), (8, Some(block)));
    check::store(&store);
    let bytes = names.iter().map(String::len).sum::<usize>();
    store.clear("fill:2000"); // the first one, of 100,000 bytes
    assert_eq!(store.set(&key, "another name", "v"), Ok(true));
    assert!(store.memory_usage(&key).unwrap() > block + bytes);
    check::store(&store);
}

/// In a small store, shapes would take more than they save.
#[test]
fn shapes_take_a_small_part_of_the_limit() {
    for limit in [100_000, 500_000, 1_000_000, 4_000_000] {
        let store = Store::builder().shards(1).limits(Limits::default().max_bytes(limit)).build();
        'full: for kind in 0.. {
            for key in 0..20 {
                if store.set_many(format!("{kind}:{key}"), hash_of(kind)).is_err() {
                    break 'full;
                }
            }
        }
        let stats = store.stats();
        assert!(stats.shape_bytes <= limit / 32, "{stats:?}");
        assert_eq!(stats.shapes > 0, limit >= 500_000, "{stats:?}");
        check::store(&store);
    }
}

/// Whoever makes hashes of ever new kinds, a few of each, fills the table of shapes. Later hashes are as if there were
/// none.
#[test]
fn more_kinds_than_there_are_shapes_do_no_harm() {
    let [with, without] = [true, false].map(|shapes| {
        let store = Store::builder().shards(1).shapes(shapes).build();
        for kind in 0..400 {
            for key in 0..20 {
                store.set_many(format!("{kind}:{key}"), hash_of(kind)).unwrap();
                if kind >= 10 {
                    store.clear(format!("{}:{key}", kind - 10));
                }
            }
        }
        check::store(&store);
        store
    });
    let stats = with.stats();
    assert_eq!(stats.shapes, 256);
    assert!(stats.shape_bytes < 512 << 10, "{stats:?}");
    assert_eq!((stats.shaped, with.memory_usage("399:0")), (0, without.memory_usage("399:0")));
    for key in ["399:0", "399:19"] {
        assert_eq!(with.memory_usage(key), without.memory_usage(key));
        assert_eq!(with.get_all(key), without.get_all(key));
    }
}
