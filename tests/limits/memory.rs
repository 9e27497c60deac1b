//! At every moment, the bytes that a store reports are exactly those that it has asked of the allocator and not given
//! back. Each test does all its work on one thread. The counting allocator keeps a separate balance for each thread.

#[path = "../support/mod.rs"]
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use hashlet::{Eviction, HashValue, Limits, Store};
use support::source::Source;
use support::{config, heap};

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

/// A store and the balance of this thread before it was built.
struct Measured {
    store: Store,
    before: isize,
}

impl Measured {
    /// Asserts that the store reports as many bytes as the allocator has counted. Returns them without those of shapes,
    /// which stay for as long as the store lives.
    #[track_caller]
    fn check(&self) -> usize {
        let live = heap::balance() - self.before;
        let stats = self.store.stats();
        assert_eq!(stats.bytes as isize, live, "left is what the store says, right what the allocator knows");
        stats.bytes - stats.shape_bytes
    }
}

/// Runs `test` on each configuration, and asserts that a dropped store has given everything back.
fn on_every_configuration(test: impl Fn(&Measured)) {
    // The first use of a store allocates what the process keeps. It happens here, before bytes are counted.
    Store::new().set("k", "f", "v").unwrap();
    for config in config::all() {
        let before = heap::balance();
        let measured = Measured { store: config.store(), before };
        measured.check();
        test(&measured);
        measured.check();
        support::check::store(&measured.store);
        drop(measured);
        assert_eq!(heap::balance(), before, "bytes outlive their store on {}", config.name);
    }
}

fn name(number: usize) -> String {
    format!("name{number}")
}

#[test]
fn what_a_shorter_value_leaves_is_free_for_longer_ones() {
    const LONG: &str = "a value of 20 bytes.";
    let before = heap::balance();
    let measured = Measured { store: Store::builder().shards(1).build(), before };
    let store = &measured.store;
    store.set_many("k", (0..8).map(|n| (name(n), LONG))).unwrap();
    let full = measured.check();
    for shorter in [19, 12, 0] {
        store.set("k", name(3), &LONG[..shorter]).unwrap();
        assert_eq!(measured.check(), full, "{shorter}");
        store.set("k", name(3), LONG).unwrap();
        assert_eq!(measured.check(), full, "{shorter} and back");
    }
    assert!(store.remove("k", name(5)));
    assert_eq!(measured.check(), full, "a field of eight is less than a quarter");
    store.set("k", name(5), LONG).unwrap();
    assert_eq!(measured.check(), full);
    store.set_many("k", (0..8).map(|n| (name(n), LONG))).unwrap();
    assert_eq!(measured.check(), full, "set again");

    store.remove_many("k", (0..4).map(name));
    let half = measured.check();
    assert!(half < full - 60, "half of it is more than a quarter: {half} of {full} bytes");
    store.set("k", name(4), "").unwrap();
    store.shrink_to_fit();
    let shrunk = measured.check();
    assert!(shrunk < half);
    let fields = store.get_all("k");
    store.clear("k");
    store.set_many("k", &fields).unwrap();
    drop(fields);
    store.shrink_to_fit(); // of the keys
    assert_eq!(measured.check(), shrunk, "nothing was left to give back");
}

#[test]
fn an_empty_store_costs_its_shards() {
    on_every_configuration(|measured| assert!(measured.check() <= 64 * 256));
    let before = heap::balance();
    let measured = Measured { store: Store::builder().shards(1).build(), before };
    assert!(measured.check() <= 256);
    assert!(measured.store.stats().shape_bytes <= 256);
}

#[test]
fn bytes_are_exact_while_keys_come_and_go() {
    on_every_configuration(|measured| {
        let (store, empty) = (&measured.store, measured.check());
        for n in 0..4_000 {
            store.set_many(name(n), [("field", "value"), ("number", &n.to_string())]).unwrap();
            if n % 16 == 0 {
                measured.check();
            }
        }
        let full = measured.check();
        for n in (0..4_000).filter(|n| n % 40 != 0) {
            assert!(store.clear(name(n)));
            if n % 16 == 0 {
                measured.check();
            }
        }
        let thinned = measured.check();
        assert!(thinned < full / 4, "a fortieth of the keys holds {thinned} of {full} bytes");
        store.clear_all();
        assert_eq!(measured.check(), empty, "a cleared store costs what a new one does");
    });
}

#[test]
fn bytes_are_exact_while_one_hash_grows_and_shrinks() {
    on_every_configuration(|measured| {
        let store = &measured.store;
        for n in 0..5_000 {
            store.set("k", name(n), n.to_string()).unwrap();
            if n < 200 || n % 32 == 0 {
                measured.check();
            }
        }
        let full = measured.check();
        for n in (0..5_000).rev().filter(|n| n % 50 != 7) {
            assert!(store.remove("k", name(n)));
            if n < 200 || n % 32 == 0 {
                measured.check();
            }
        }
        let thinned = measured.check();
        assert!(thinned < full / 4, "a fiftieth of the fields holds {thinned} of {full} bytes");
    });
}

#[test]
fn bytes_are_exact_through_conversions_and_long_values() {
    // The longest entry that a table keeps in an arena has a value of 250 bytes here.
    let lengths =
        [0, 8, 9, 64, 127, 128, 249, 250, 251, 252, 1_000, 1_024, 1_025, 2_000, 4_096, 4_097, 65_535, 65_536, 300_000];
    on_every_configuration(|measured| {
        let store = &measured.store;
        store.set("k", "stays", "small").unwrap();
        for len in lengths.into_iter().chain(lengths.into_iter().rev()) {
            for fields in [1, 3, 20] {
                for n in 0..fields {
                    let value = vec![b'v'; len];
                    store.set("k", name(n), &value).unwrap();
                    drop(value);
                    measured.check();
                }
                // A value of the same length, a shorter one, and a longer one.
                for changed in [len, len / 2, len + 1] {
                    let value = vec![b'w'; changed];
                    store.set("k", name(0), &value).unwrap();
                    drop(value);
                    measured.check();
                }
                assert_eq!(store.remove_many("k", (0..fields).map(name)), fields);
                measured.check();
            }
        }
    });
}

#[test]
fn bytes_are_exact_under_churn() {
    on_every_configuration(|measured| {
        let store = &measured.store;
        let mut source = Source::Seed(1);
        for turn in 0..20_000 {
            // Keys and values live only as long as the call, so that the balance is the store's alone.
            let key = || format!("k{}", turn * 7 % 61 % 40);
            match source.below(16) {
                0..=6 => _ = store.set(key(), source.field(300), source.value()),
                7 => _ = store.set_many(key(), (0..source.below(30)).map(|n| (name(n), source.value()))),
                8..=9 => _ = store.remove(key(), source.field(300)),
                10 => _ = store.remove_many(key(), (0..source.below(30)).map(name)),
                11 => _ = store.take(key(), source.field(300)),
                12 => _ = store.increment(key(), source.field(300), 12_345),
                13 => _ = store.increment_float(key(), source.field(300), 1e300),
                14 => _ = store.update(key(), |hash| hash.compare_and_set(name(1), None, Some(b"put"))),
                _ if source.one_in(8) => _ = store.clear(key()),
                _ => _ = store.get_all(key()),
            }
            measured.check();
        }
    });
}

#[test]
fn bytes_are_exact_after_a_panic_in_a_closure() {
    on_every_configuration(|measured| {
        let store = &measured.store;
        for fields in [0, 1, 5, 300] {
            let work = || {
                store.update("k", |hash| {
                    hash.clear();
                    for n in 0..fields {
                        hash.set(name(n), "value").unwrap();
                    }
                    // `resume_unwind` calls no panic hook, whose message the test harness would keep in memory of
                    // this thread.
                    resume_unwind(Box::new("gone"));
                });
            };
            catch_unwind(AssertUnwindSafe(work)).unwrap_err();
            assert_eq!(store.size("k"), fields);
            measured.check();
        }
    });
}

#[test]
fn a_key_costs_what_memory_usage_says() {
    on_every_configuration(|measured| {
        let store = &measured.store;
        let mut source = Source::Seed(2);
        store.set("a key of some length", "stays", "so that no call files or removes the key").unwrap();
        for _ in 0..5_000 {
            let key = "a key of some length";
            let balance = || heap::balance() - store.stats().shape_bytes as isize; // beside what is learned
            let before = (balance(), store.memory_usage(key).unwrap() as isize);
            match source.below(8) {
                0..=3 => _ = store.set(key, source.field(100), source.value()),
                4 => _ = store.set_many(key, (0..source.below(30)).map(|n| (name(n), source.value()))),
                5 => _ = store.remove(key, source.field(100)),
                6 => _ = store.remove_many(key, (0..source.below(100)).map(|n| format!("f{n}"))),
                _ => _ = store.increment(key, source.field(100), 1),
            }
            let after = (balance(), store.memory_usage(key).unwrap() as isize);
            assert_eq!(after.1 - before.1, after.0 - before.0);
        }
    });
}

#[test]
fn keys_and_the_memory_around_them_are_the_whole_store() {
    on_every_configuration(|measured| {
        let store = &measured.store;
        // The memory around the records depends on the number of keys, and not on what they hold.
        let frame =
            || measured.check() - store.keys().iter().map(|key| store.memory_usage(key).unwrap()).sum::<usize>();
        for n in 0..500 {
            store.set(name(n), "f", "v").unwrap();
        }
        let small = frame();
        for n in 0..500 {
            store.set_many(name(n), (0..n / 10).map(|field| (name(field), "value"))).unwrap();
        }
        assert_eq!(frame(), small);
        assert!(small <= 500 * 64 + 64 * 1_024, "{small} bytes around 500 keys");
    });
}

#[test]
fn an_owned_value_costs_what_memory_usage_says() {
    for config in config::all() {
        let before = heap::balance();
        let mut value = HashValue::with_thresholds(config.thresholds);
        let mut source = Source::Seed(3);
        for _ in 0..5_000 {
            match source.below(8) {
                0..=4 => _ = value.set(source.field(100), source.value()),
                5 => _ = value.set_many((0..source.below(30)).map(|n| (name(n), source.value()))),
                6 => _ = value.remove_many((0..source.below(100)).map(|n| format!("f{n}"))),
                _ => _ = value.remove(source.field(100)),
            }
            assert_eq!(value.memory_usage() as isize, heap::balance() - before, "{}", config.name);
        }
        let copy = value.clone();
        assert_eq!((value.memory_usage() + copy.memory_usage()) as isize, heap::balance() - before);
        drop((value, copy));
        assert_eq!(heap::balance(), before);
    }
}

#[test]
fn answers_are_the_callers_and_cost_the_store_nothing() {
    on_every_configuration(|measured| {
        let store = &measured.store;
        store.set_many("k", (0..100).map(|n| (name(n), "value"))).unwrap();
        measured.check();
        let bytes = store.stats().bytes;
        let kept = (store.get_all("k"), store.get("k", name(1)), store.fields("k"), store.values("k"), store.keys());
        assert_eq!(store.stats().bytes, bytes);
        drop(kept);
        measured.check();
    });
}

#[test]
fn a_closure_that_overwrites_a_long_value_again_and_again_keeps_little_of_it() {
    const LONG: usize = 1 << 20;
    let store = Store::new();
    let before = heap::balance();
    let most = store.update("k", |hash| {
        let mut most = 0;
        for turn in 0..100 {
            hash.set("f", vec![b'x'; LONG + turn]).unwrap();
            most = most.max(heap::balance() - before);
        }
        most
    });
    assert!(most < 16 * LONG as isize, "{most} bytes at the most for one value of {LONG}");
}

#[test]
fn shrinking_gives_back_slack_and_keeps_everything_else() {
    on_every_configuration(|measured| {
        let store = &measured.store;
        for number in 0..2_000 {
            store.set(name(number), "f", "v").unwrap();
            store.set("big", name(number), "x".repeat(number % 40)).unwrap();
            store.set("long", name(number % 30), "y".repeat(1_000 + number)).unwrap();
        }
        store.remove_many("big", (0..900).map(name));
        let contents = || {
            let mut hasher = std::hash::DefaultHasher::new();
            for key in ["big", "long"] {
                let pairs: std::collections::BTreeMap<_, _> = store.get_all(key).into_iter().collect();
                std::hash::Hash::hash(&pairs, &mut hasher);
            }
            (std::hash::Hasher::finish(&hasher), store.key_count())
        };
        let (same, before) = (contents(), measured.check());
        store.shrink_to_fit();
        let after = measured.check();
        assert!(after < before, "{after} bytes after {before}");
        assert_eq!(contents(), same);
        support::check::store(store);
        store.shrink_to_fit();
        assert_eq!(measured.check(), after, "there is nothing more to give");
        for number in 0..3_000 {
            store.set("big", name(number), "again").unwrap();
        }
        assert_eq!(store.size("big"), 3_000);

        let mut value = store.get_all("big");
        value.shrink_to_fit();
        support::check::value(&value);
        assert_eq!(value, store.get_all("big"));
    });
}

/// After every call the allocator has given out what the store says, with what a policy notes of the use of keys, and no
/// more than the limit.
#[test]
fn a_store_that_evicts_never_holds_more_than_its_limit() {
    const LIMIT: usize = 300_000;
    Store::new().set("k", "f", "v").unwrap();
    for config in config::all() {
        for policy in [Eviction::LeastRecent, Eviction::LeastFrequent, Eviction::SoonestDeadline, Eviction::Random] {
            let _told = config::Told(config.name);
            let before = heap::balance();
            let builder = config.builder().limits(Limits::default().max_bytes(LIMIT).max_keys(1_500)).eviction(policy);
            let measured = Measured { store: builder.count_lookups(true).build(), before };
            let store = &measured.store;
            let mut source = Source::Seed(7);
            for turn in 0..6_000 {
                let key = name(source.below(4_000));
                match source.below(8) {
                    0 => drop(store.get(&key, "field")),
                    1 => _ = store.clear(&key),
                    2 => _ = store.expire(&key, Duration::from_secs(60)),
                    3 => store.set_many(&key, (0..source.below(40)).map(|n| (name(n), "value"))).map(drop).unwrap(),
                    4 if turn % 100 == 0 => store.set(&key, "long", vec![b'v'; 100_000]).map(drop).unwrap(),
                    _ => store.set(&key, "field", "v".repeat(source.below(200))).map(drop).unwrap(),
                }
                drop(key);
                let live = heap::balance() - before;
                assert!(live <= LIMIT as isize, "{live} bytes under {policy:?}");
                if turn % 64 == 0 {
                    measured.check();
                }
            }
            assert!(store.stats().evicted_keys > 1_000, "{policy:?}: {:?}", store.stats());
            measured.check();
            support::check::store(store);
            drop(measured);
            assert_eq!(heap::balance(), before, "bytes outlive their store");
        }
    }
}

/// The use of keys takes one byte for each slot of a key, and nothing where no policy needs it.
#[cfg(feature = "testing")]
#[test]
fn use_takes_one_byte_a_slot() {
    let bytes = |keys: usize, policy| {
        let limits = Limits::default().max_bytes(1 << 30);
        let store = Store::builder().shards(16).hash_seed(1).limits(limits).eviction(policy).build();
        (0..keys).for_each(|n| _ = store.set(name(n), "f", "v").unwrap());
        store.stats().bytes
    };
    for keys in [0, 100, 10_000, 50_000] {
        let without = bytes(keys, Eviction::Refuse);
        assert_eq!(bytes(keys, Eviction::Random), without);
        assert_eq!(bytes(keys, Eviction::SoonestDeadline), without);
        let noted = bytes(keys, Eviction::LeastRecent) - without;
        assert!(noted >= keys && noted <= 2 * keys + 16 * 8, "{noted} bytes for {keys} keys");
        let newest = 16 * 16; // the last keys of each shard
        assert_eq!(bytes(keys, Eviction::LeastFrequent), without + noted + newest);
    }
}
