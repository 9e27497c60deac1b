//! A key exists from its first field until its last field is removed.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::support::check;
use crate::support::config::on_every_configuration;
use hashlet::{Encoding, HashRef, Store};

fn sorted_keys(store: &Store) -> Vec<Vec<u8>> {
    let mut keys = store.keys();
    keys.sort_unstable();
    keys
}

#[test]
fn a_new_store_is_empty() {
    on_every_configuration(|_, store| {
        assert!(store.is_empty());
        assert_eq!((store.key_count(), store.keys().len()), (0, 0));
        let stats = store.stats();
        assert_eq!((stats.keys, stats.fields, stats.packed, stats.tables), (0, 0, 0, 0));
    });
}

#[test]
fn the_last_field_takes_the_key_whichever_call_removes_it() {
    type Removal = fn(&Store);
    let removals: [(&str, Removal); 10] = [
        ("remove", |store| _ = store.remove("k", "f")),
        ("remove_many", |store| _ = store.remove_many("k", ["f", "f"])),
        ("take", |store| _ = store.take("k", "f")),
        ("compare_and_set", |store| _ = store.compare_and_set("k", "f", Some(b"v"), None)),
        ("clear", |store| _ = store.clear("k")),
        ("clear_all", |store| store.clear_all()),
        ("update, remove", |store| _ = store.update("k", |hash| hash.remove("f"))),
        ("update, take", |store| _ = store.update("k", |hash| hash.take("f"))),
        ("update, compare_and_set", |store| {
            _ = store.update("k", |hash| hash.compare_and_set("f", Some(b"v"), None));
        }),
        ("update, clear", |store| store.update("k", |hash| hash.clear())),
    ];
    on_every_configuration(|_, store| {
        for (name, remove) in removals {
            store.set("k", "f", "v").unwrap();
            assert!(store.contains_key("k"), "{name}");
            remove(store);
            assert!(!store.contains_key("k"), "{name}");
            assert_eq!((store.key_count(), store.encoding("k"), store.memory_usage("k")), (0, None, None), "{name}");
            check::store(store);
        }
    });
}

#[test]
fn a_hash_emptied_and_refilled_in_one_update_keeps_its_key() {
    on_every_configuration(|_, store| {
        store.set("k", "old", "1").unwrap();
        store.update("k", |hash| {
            hash.clear();
            assert!(hash.is_empty());
            hash.set("new", "2").unwrap();
        });
        assert_eq!(store.fields("k"), [b"new"]);
        assert_eq!(store.key_count(), 1);
    });
}

#[test]
fn looking_and_failing_file_no_key() {
    on_every_configuration(|_, store| {
        store.update("k", |hash| assert!(hash.is_empty() && !hash.remove("f")));
        assert_eq!(store.compare_and_set("k", "f", Some(b"x"), Some(b"y")), Ok(false));
        assert!(store.increment_float("k", "f", f64::NAN).is_err());
        store.read("k", |hash| assert!(hash.is_empty()));
        assert!(store.is_empty());
    });
}

#[test]
fn clear_says_whether_the_key_was_there_and_touches_no_other() {
    on_every_configuration(|_, store| {
        store.set("a", "f", "1").unwrap();
        store.set_many("b", (0..100).map(|n| (format!("f{n}"), "v"))).unwrap();
        assert!(store.clear("b"));
        assert!(!store.clear("b"));
        assert_eq!(store.keys(), [b"a"]);
        assert_eq!(store.stats().fields, 1);
    });
}

#[test]
fn keys_lists_each_key_once_while_thousands_come_and_go() {
    on_every_configuration(|_, store| {
        let name = |n: usize| format!("key{n:04}").into_bytes();
        for n in 0..3_000 {
            store.set(name(n), "f", "v").unwrap();
        }
        assert_eq!(sorted_keys(store), (0..3_000).map(name).collect::<Vec<_>>());
        for n in (0..3_000).filter(|n| n % 10 != 0) {
            assert!(store.clear(name(n)));
        }
        assert_eq!(sorted_keys(store), (0..3_000).step_by(10).map(name).collect::<Vec<_>>());
        assert_eq!(store.key_count(), 300);
        assert_eq!(store.stats().keys, 300);
        check::store(store);
        store.clear_all();
        assert!(store.is_empty() && store.keys().is_empty());
    });
}

#[test]
fn stats_count_keys_fields_and_encodings() {
    on_every_configuration(|config, store| {
        for key in 0..60 {
            store.set_many(format!("k{key}"), (0..=key).map(|field| (format!("f{field}"), "v"))).unwrap();
        }
        let stats = store.stats();
        assert_eq!((stats.keys, stats.fields), (60, (1..=60).sum()));
        let tables = (0..60).filter(|key| store.encoding(format!("k{key}")) == Some(Encoding::Table)).count();
        assert_eq!((stats.packed, stats.tables), (60 - tables, tables));
        match config.name.split(',').next() {
            Some("packed") => assert_eq!(tables, 0),
            Some("table") => assert_eq!(tables, 60),
            Some("tiny") => assert_eq!(tables, 57, "up to three fields stay packed"),
            _ => {}
        }
    });
}

#[test]
fn an_over_long_key_reads_as_missing() {
    let long = vec![b'k'; 65_537];
    on_every_configuration(|_, store| {
        store.set("k", "f", "v").unwrap();
        assert!(store.set(&long, "f", "v").is_err());
        assert!(!store.contains_key(&long) && !store.clear(&long) && !store.remove(&long, "f"));
        assert_eq!((store.get(&long, "f"), store.size(&long), store.encoding(&long)), (None, 0, None));
        assert!(store.read(&long, |hash| hash.is_empty()));
        assert_eq!(store.key_count(), 1);
    });
}

#[test]
fn any_number_of_shards_holds_the_same_keys() {
    for shards in [0, 1, 2, 3, 64, 1_000, 1_024, 5_000] {
        let store = Store::builder().shards(shards).build();
        for n in 0..2_000 {
            store.set(format!("k{n}"), "f", n.to_string()).unwrap();
        }
        assert!(
            (0..2_000).all(|n| store.get(format!("k{n}"), "f") == Some(n.to_string().into_bytes())),
            "{shards} shards"
        );
        assert_eq!(store.key_count(), 2_000);
        check::store(&store);
    }
}

/// Sets 300 keys of one to 300 fields. Every field holds the number of its key.
fn fill(store: &Store) {
    for n in 0..300 {
        let pairs = (0..=n % 100 * 3).map(|field| (format!("f{field}"), n.to_string()));
        store.set_many(n.to_string(), pairs).unwrap();
    }
}

/// The number in the fields of a hash that [`fill`] has made.
fn number(hash: &HashRef<'_>) -> usize {
    std::str::from_utf8(hash.get("f0").unwrap()).unwrap().parse().unwrap()
}

#[test]
fn for_each_lends_each_key_once_with_its_own_hash() {
    on_every_configuration(|_, store| {
        store.for_each(|_, _| panic!("there is nothing"));
        fill(store);
        let mut seen = Vec::new();
        store.for_each(|key, hash| {
            assert_eq!(key, number(hash).to_string().as_bytes());
            assert_eq!(hash.len(), number(hash) % 100 * 3 + 1);
            assert!(hash.iter().all(|(_, value)| value == key));
            seen.push(key.to_vec());
        });
        seen.sort_unstable();
        assert_eq!(seen, sorted_keys(store));
    });
}

#[test]
fn for_each_and_retain_see_what_other_threads_leave_alone() {
    let store = Store::builder().shards(4).build();
    fill(&store);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in (0..500).cycle().take_while(|_| !done.load(Relaxed)) {
                store.set(format!("new{n}"), "f", "v").unwrap();
                store.clear(format!("new{}", n / 2));
            }
        });
        for _ in 0..20 {
            let mut seen = 0;
            store.for_each(|key, _| seen += usize::from(!key.starts_with(b"new")));
            assert_eq!(seen, 300);
            store.retain(|key, _| !key.starts_with(b"new"));
        }
        done.store(true, Relaxed);
    });
    store.retain(|key, _| !key.starts_with(b"new"));
    assert_eq!(store.key_count(), 300);
    check::store(&store);
}

#[test]
fn reserved_keys_fit_without_growth_and_reserving_loses_nothing() {
    on_every_configuration(|config, store| {
        store.reserve(0);
        assert_eq!(check::counts(store), check::counts(&config.store()));
        fill(store);
        store.reserve(5_000);
        let beside_records = |store: &Store| {
            let records = store.keys().iter().filter_map(|key| store.memory_usage(key)).sum::<usize>();
            check::counts(store).bytes - records
        };
        let reserved = beside_records(store);
        for n in 300..5_300 {
            store.set(n.to_string(), "n", n.to_string()).unwrap();
        }
        assert_eq!(beside_records(store), reserved);
        assert!((0..5_300).all(|n| store.contains_key(n.to_string())));
        store.reserve(100_000);
        store.shrink_to_fit();
        assert!(beside_records(store) < 2 * reserved);
        assert_eq!(store.key_count(), 5_300);
    });
}

#[test]
fn retain_keeps_what_the_closure_wants_and_counts_the_others() {
    on_every_configuration(|config, store| {
        assert_eq!(store.retain(|_, _| panic!("there is nothing")), 0);
        fill(store);
        assert_eq!(store.retain(|_, _| true), 0);
        assert_eq!(store.key_count(), 300);
        let mut asked = 0;
        let removed = store.retain(|key, hash| {
            assert_eq!(key, number(hash).to_string().as_bytes());
            asked += 1;
            number(hash).is_multiple_of(3)
        });
        assert_eq!((asked, removed), (300, 200));
        let mut kept: Vec<_> = (0..300).step_by(3).map(|n| n.to_string().into_bytes()).collect();
        kept.sort_unstable();
        assert_eq!(sorted_keys(store), kept);
        let fields = (0..300).step_by(3).map(|n| n % 100 * 3 + 1).sum();
        assert_eq!((store.stats().keys, store.stats().fields), (100, fields));
        check::store(store);
        assert_eq!(store.retain(|_, _| false), 100);
        assert!(store.is_empty());
        assert_eq!(check::counts(store), check::counts(&config.store()));
    });
}
