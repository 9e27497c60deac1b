//! User code in closures, iterators and conversions. It may panic anywhere, and it may call a store anywhere except
//! inside a closure that a store runs.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Once, mpsc};
use std::time::Duration;

use crate::support::check;
use crate::support::config::on_every_configuration;
use hashlet::{
    Encoding, ExpireCondition, HashMut, HashValue, KeyPattern, Overwrite, Sample, SetOptions, Stats, Store,
    StoreBuilder, Touch, TransferOutcome,
};

thread_local! {
    /// The file in which this thread panicked last.
    static PANICKED_IN: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Has each panic note the file that it points at.
fn note_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            let file = panic.location().map(|place| place.file().to_owned()).unwrap_or_default();
            PANICKED_IN.with(|place| place.replace(file));
            before(panic);
        }));
    });
}

/// The message with which `work` panics.
fn panic_of<R>(work: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(work)) else { panic!("it should have panicked") };
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast::<&str>().expect("a panic with a text").to_string(),
    }
}

type Call = fn(&Store);
/// Every method of a store that enters it.
const CALLS: &[(&str, Call)] = &[
    ("set", |store| _ = store.set("k", "f", "v")),
    ("set_many", |store| _ = store.set_many("k", [("f", "v")])),
    ("set_if_absent", |store| _ = store.set_if_absent("k", "f", "v")),
    ("compare_and_set", |store| _ = store.compare_and_set("k", "f", None, None)),
    ("compare_and_set_keep_ttl", |store| _ = store.compare_and_set_keep_ttl("k", "f", None, None)),
    ("get", |store| _ = store.get("k", "f")),
    ("get_string", |store| _ = store.get_string("k", "f")),
    ("get_parsed", |store| _ = store.get_parsed::<String>("k", "f")),
    ("get_many", |store| _ = store.get_many("k", ["f"])),
    ("get_all", |store| _ = store.get_all("k")),
    ("fields", |store| _ = store.fields("k")),
    ("values", |store| _ = store.values("k")),
    ("contains", |store| _ = store.contains("k", "f")),
    ("value_len", |store| _ = store.value_len("k", "f")),
    ("size", |store| _ = store.size("k")),
    ("remove", |store| _ = store.remove("k", "f")),
    ("remove_many", |store| _ = store.remove_many("k", ["f"])),
    ("take", |store| _ = store.take("k", "f")),
    ("take_many", |store| _ = store.take_many("k", ["f"])),
    ("increment", |store| _ = store.increment("k", "i", 1)),
    ("increment_existing", |store| _ = store.increment_existing("k", "i", 1)),
    ("increment_float", |store| _ = store.increment_float("k", "i", 1.0)),
    ("read", |store| store.read("k", |_| ())),
    ("update", |store| store.update("k", |_| ())),
    ("update_existing", |store| _ = store.update_existing("k", |_| ())),
    ("try_update_existing", |store| _ = store.try_update_existing("k", |_| Ok::<(), ()>(()))),
    ("update_many", |store| store.update_many(["k", "l"], |_| ()).unwrap()),
    ("try_update", |store| store.try_update("k", |_| Ok::<(), ()>(())).unwrap()),
    ("try_update_many", |store| store.try_update_many(["k", "l"], |_| Ok::<(), hashlet::Error>(())).unwrap()),
    ("for_each", |store| store.for_each(|_, _| ())),
    ("retain", |store| _ = store.retain(|_, _| true)),
    ("get_across", |store| _ = store.get_across(["k", "l"], "f")),
    ("get_many_across", |store| _ = store.get_many_across(["k", "l"], ["f"])),
    ("set_many_across", |store| _ = store.set_many_across([("k", [("f", "v")])])),
    ("an empty set_many_across", |store| _ = store.set_many_across([("", [("", "")]); 0])),
    ("update_slice", |store| store.update_slice(&["k", "l"], |_| ()).unwrap()),
    ("try_update_slice", |store| store.try_update_slice(&["k"], |_| Ok::<(), hashlet::Error>(())).unwrap()),
    ("copy_into", |store| _ = store.copy_into("k", store, "l", Overwrite::Yes)),
    #[cfg(feature = "snapshot")]
    ("dump", |store| _ = store.dump("k")),
    #[cfg(feature = "snapshot")]
    ("restore", |store| _ = store.restore("k", "no dump", Overwrite::Yes)),
    ("clear_many", |store| _ = store.clear_many(["k", "l"])),
    ("rename", |store| _ = store.rename("k", "l", Overwrite::Yes)),
    ("copy", |store| _ = store.copy("k", "l", Overwrite::Yes)),
    ("random_field", |store| _ = store.random_field("k")),
    ("random_fields", |store| _ = store.random_fields("k", Sample::Distinct(1))),
    ("random_field_names", |store| _ = store.random_field_names("k", Sample::Distinct(1))),
    ("random_key", |store| _ = store.random_key()),
    ("scan", |store| _ = store.scan("k", None, 1)),
    ("scan_fields", |store| _ = store.scan_fields("k", None, 1)),
    ("scan_keys", |store| _ = store.scan_keys(None, 1)),
    ("scan_keys_matching", |store| _ = store.scan_keys_matching(KeyPattern::prefix("k"), None, 1)),
    ("iter_keys", |store| _ = store.iter_keys()),
    ("iter_keys_matching", |store| _ = store.iter_keys_matching(KeyPattern::prefix("k"))),
    ("clear_matching", |store| _ = store.clear_matching(KeyPattern::prefix("none"))),
    ("a step of iter_keys", |store| _ = store.iter_keys().next()),
    ("contains_key", |store| _ = store.contains_key("k")),
    ("clear", |store| _ = store.clear("k")),
    ("clear_all", |store| store.clear_all()),
    ("shrink_to_fit", |store| store.shrink_to_fit()),
    ("reserve", |store| store.reserve(1)),
    ("purge_expired", |store| _ = store.purge_expired(1)),
    ("expire", |store| _ = store.expire("k", HOUR)),
    ("expire_if", |store| _ = store.expire_if("k", HOUR, ExpireCondition::IfNone)),
    ("ttl", |store| _ = store.ttl("k")),
    ("deadline", |store| _ = store.deadline("k")),
    ("persist", |store| _ = store.persist("k")),
    ("expire_field", |store| _ = store.expire_field("k", "f", HOUR)),
    ("expire_field_if", |store| _ = store.expire_field_if("k", "f", HOUR, ExpireCondition::IfNone)),
    ("expire_fields", |store| _ = store.expire_fields("k", ["f"], HOUR)),
    ("expire_fields_if", |store| _ = store.expire_fields_if("k", ["f"], HOUR, ExpireCondition::IfNone)),
    ("field_ttl", |store| _ = store.field_ttl("k", "f")),
    ("field_ttls", |store| _ = store.field_ttls("k", ["f"])),
    ("field_deadline", |store| _ = store.field_deadline("k", "f")),
    ("field_deadlines", |store| _ = store.field_deadlines("k", ["f"])),
    ("persist_field", |store| _ = store.persist_field("k", "f")),
    ("persist_fields", |store| _ = store.persist_fields("k", ["f"])),
    ("set_with", |store| _ = store.set_with("k", [("f", "v")], SetOptions::new().expire(HOUR))),
    ("get_and_expire", |store| _ = store.get_and_expire("k", "f", Touch::Persist)),
    ("get_many_and_expire", |store| _ = store.get_many_and_expire("k", ["f"], Touch::Persist)),
    ("increment_and_expire", |store| _ = store.increment_and_expire("k", "i", 1, HOUR)),
    ("an empty clear_many", |store| _ = store.clear_many([""; 0])),
    ("keys", |store| _ = store.keys()),
    ("key_count", |store| _ = store.key_count()),
    ("is_empty", |store| _ = store.is_empty()),
    ("encoding", |store| _ = store.encoding("k")),
    ("memory_usage", |store| _ = store.memory_usage("k")),
    ("stats", |store| _ = store.stats()),
    #[cfg(feature = "json")]
    ("typed", |store| _ = store.typed(hashlet::Json).get::<String>("k", "f")),
    #[cfg(feature = "snapshot")]
    ("save", |store| _ = store.save("nowhere/store")),
    #[cfg(feature = "snapshot")]
    ("save_with", |store| _ = store.save_with("nowhere/store", hashlet::SaveOptions::new())),
    #[cfg(feature = "snapshot")]
    ("save_to", |store| _ = store.save_to(std::io::sink())),
    #[cfg(feature = "snapshot")]
    ("save_to_with", |store| _ = store.save_to_with(std::io::sink(), hashlet::SaveOptions::new())),
    #[cfg(feature = "snapshot")]
    ("load", |_| _ = Store::load("nowhere/store")),
    #[cfg(feature = "snapshot")]
    ("load_from", |_| _ = Store::load_from(std::io::empty())),
    #[cfg(feature = "snapshot")]
    ("load_or_new", |_| _ = Store::load_or_new("nowhere/store")),
    #[cfg(feature = "snapshot")]
    ("load_newest", |_| _ = Store::load_newest("nowhere/store")),
    #[cfg(feature = "snapshot")]
    ("load_newest_or_new", |_| _ = Store::load_newest_or_new("nowhere/store")),
];

const HOUR: Duration = Duration::from_secs(3_600);

/// Does nothing where the list of public items is missing, as it is outside of a checkout.
#[cfg(all(feature = "json", feature = "snapshot"))]
#[test]
fn no_method_of_a_store_is_left_out_here() {
    let list = concat!(env!("CARGO_MANIFEST_DIR"), "/../.ci/public-items.txt");
    let Ok(items) = std::fs::read_to_string(list) else { return };
    let methods = items.lines().filter_map(|item| item.strip_prefix("method Store::"));
    // `tests/remote` has those that need a server.
    for method in methods.filter(|method| !["new", "builder", "copy_from", "copy_to"].contains(method)) {
        assert!(CALLS.iter().any(|(name, _)| *name == method), "{method} is not among the calls");
    }
}

#[test]
fn stores_and_hashes_go_through_threads_and_unwinding() {
    fn check<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    check::<Store>();
    check::<StoreBuilder>();
    check::<HashValue>();
}

/// Every way in which a store runs user code on a hash. The key `k` has to exist, so that the last four find a key.
type Outer = fn(&Store, &mut dyn FnMut());
const CLOSURES: [(&str, Outer); 11] = [
    ("read", |store, inner| store.read("k", |_| inner())),
    ("update", |store, inner| store.update("k", |_| inner())),
    ("update_many", |store, inner| store.update_many(["k", "l"], |_| inner()).unwrap()),
    ("update_slice", |store, inner| store.update_slice(&["k", "l"], |_| inner()).unwrap()),
    ("try_update_slice", |store, inner| {
        let update = |_: &mut [HashMut<'_>]| {
            inner();
            Ok::<(), hashlet::Error>(())
        };
        store.try_update_slice(&["k", "l"], update).unwrap();
    }),
    ("try_update", |store, inner| {
        let update = |_: &mut HashMut<'_>| {
            inner();
            Ok::<(), ()>(())
        };
        store.try_update("k", update).unwrap();
    }),
    ("try_update_many", |store, inner| {
        let update = |_: &mut [HashMut<'_>; 2]| {
            inner();
            Ok::<(), hashlet::Error>(())
        };
        store.try_update_many(["k", "l"], update).unwrap();
    }),
    ("update_existing", |store, inner| store.update_existing("k", |_| inner()).unwrap()),
    ("try_update_existing", |store, inner| {
        let update = |_: &mut HashMut<'_>| {
            inner();
            Ok::<(), ()>(())
        };
        store.try_update_existing("k", update).unwrap().unwrap();
    }),
    ("for_each", |store, inner| store.for_each(|_, _| inner())),
    ("retain", |store, inner| {
        store.retain(|_, _| {
            inner();
            true
        });
    }),
];

/// Runs a test that hangs if a store waits for its own lock. In that case the process is ended.
fn watched<R: Send>(test: impl FnOnce() -> R + Send) -> R {
    const PATIENCE: Duration = Duration::from_secs(60);
    std::thread::scope(|scope| {
        let (done, wait) = mpsc::channel::<()>();
        let watch = scope.spawn(move || {
            if wait.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                hang(PATIENCE);
            }
        });
        let result = test();
        drop(done);
        watch.join().unwrap();
        result
    })
}

#[allow(clippy::print_stderr, reason = "the message of a failing test, which cannot unwind")]
fn hang(patience: Duration) -> ! {
    eprintln!("a call from inside a closure waits since {patience:?}: it should have panicked");
    std::process::abort()
}

#[test]
fn every_call_from_inside_a_closure_panics_with_a_sentence() {
    note_places();
    let other = Store::new();
    on_every_configuration(|_, store| {
        store.set("k", "f", "v").unwrap();
        for (outer, run) in CLOSURES {
            for (name, call) in CALLS {
                for target in [store, &other] {
                    let text = watched(|| panic_of(|| run(store, &mut || call(target))));
                    assert!(
                        text.starts_with("a hashlet store was called from inside a closure"),
                        "{name} in {outer}: {text}"
                    );
                    let place = PANICKED_IN.with(RefCell::take);
                    assert!(place.ends_with("closures.rs"), "{name} in {outer} panics in {place}, not in the caller");
                }
                call(store);
                call(&other);
                store.set("k", "f", "v").unwrap();
            }
        }
    });
}

#[test]
fn an_iterator_of_keys_made_before_a_closure_stops_inside_it() {
    let store = Store::new();
    store.set("k", "f", "v").unwrap();
    for (outer, run) in CLOSURES {
        let mut keys = store.iter_keys();
        let text = watched(|| panic_of(|| run(&store, &mut || _ = keys.next())));
        assert!(text.contains("inside a closure"), "{outer}: {text}");
    }
}

#[test]
fn a_caught_reentry_leaves_the_closure_a_closure() {
    let store = Store::new();
    store.update("k", |hash| {
        hash.set("f", "v").unwrap();
        for _ in 0..2 {
            panic_of(|| store.get("k", "f"));
            panic_of(|| store.read("other", |_| ()));
        }
        hash.set("g", "v").unwrap();
    });
    assert_eq!(store.size("k"), 2, "the flag is down again");
}

#[test]
fn other_threads_are_not_held_to_be_in_the_closure() {
    let (store, other) = (Store::new(), Store::new());
    store.update("k", |_| {
        std::thread::scope(|scope| scope.spawn(|| other.set("k", "f", "v")).join().unwrap()).unwrap();
    });
    assert!(other.contains("k", "f"));
}

#[test]
fn owned_values_work_inside_closures() {
    let store = Store::new();
    store.set("k", "f", "v").unwrap();
    let mut copy = store.read("k", |hash| hash.to_value());
    store.update("k", |hash| {
        copy.set("g", "w").unwrap();
        hash.set_many(&copy).unwrap();
    });
    assert_eq!(store.get_all("k"), copy);
}

#[test]
fn a_panic_in_update_keeps_what_was_done_and_the_counters() {
    on_every_configuration(|_, store| {
        for n in 0..20 {
            store.set("other", format!("f{n}"), "v").unwrap();
        }
        // The number of fields that the closure has set when it panics. With some numbers, the hash is converted
        // before.
        for done in [0, 1, 3, 4, 10, 200] {
            let text = panic_of(|| {
                store.update("k", |hash| {
                    hash.clear();
                    for n in 0..done {
                        hash.set(format!("f{n}"), "a value of some length").unwrap();
                    }
                    panic!("after {done} fields");
                })
            });
            assert_eq!(text, format!("after {done} fields"));
            assert_eq!((store.size("k"), store.contains_key("k")), (done, done > 0));
            let stats = store.stats();
            assert_eq!((stats.keys, stats.fields), (1 + usize::from(done > 0), 20 + done));
            check::store(store);
        }
    });
}

#[test]
fn a_panic_in_an_update_that_emptied_the_hash_takes_the_key() {
    on_every_configuration(|_, store| {
        store.set_many("k", [("a", "1"), ("b", "2")]).unwrap();
        panic_of(|| {
            store.update("k", |hash| {
                assert_eq!(hash.remove_many(["a", "b"]), 2);
                panic!("empty");
            })
        });
        assert!(store.is_empty());
        assert_eq!(store.stats().fields, 0);
    });
}

#[test]
fn a_panic_in_read_changes_nothing_and_frees_the_lock() {
    on_every_configuration(|_, store| {
        store.set("k", "f", "v").unwrap();
        assert_eq!(panic_of(|| store.read("k", |_| panic!("reading"))), "reading");
        assert_eq!(store.set("k", "f", "w"), Ok(false));
        assert_eq!(store.get("k", "f").as_deref(), Some(&b"w"[..]));
    });
}

/// Some keys, packed ones and tables.
fn fill(store: &Store) {
    store.clear_all();
    for n in 0..12 {
        let fields = if n % 3 == 0 { 200 } else { n };
        store.set_many(format!("k{n}"), (0..fields).map(|field| (format!("f{field}"), "v"))).unwrap();
    }
}

/// Checks that a store's counts are right, and that each of its keys can still be read and written.
fn recount(store: &Store, what: &str) {
    check::store(store);
    let keys = store.keys();
    let fields = keys.iter().map(|key| store.size(key)).sum();
    let encodings: Vec<_> = keys.iter().map(|key| store.encoding(key).unwrap()).collect();
    let tables = encodings.iter().filter(|encoding| **encoding == Encoding::Table).count();
    let counts = |stats: Stats| (stats.keys, stats.fields, stats.packed, stats.tables);
    let counted = (keys.len(), fields, keys.len() - tables, tables);
    assert_eq!(counts(store.stats()), counted, "{what}");
    for key in &keys {
        assert_eq!(store.set(key, "after", "1"), Ok(true), "{what}");
        assert!(store.remove(key, "after"), "{what}");
    }
    assert_eq!(counts(store.stats()), counted, "{what}");
    check::store(store);
}

#[test]
fn a_panic_at_any_callback_leaves_the_counters_right_and_the_store_usable() {
    type Walk = fn(&Store, &mut dyn FnMut());
    let walks: [(&str, Walk); 5] = [
        ("for_each", |store, step| store.for_each(|_, _| step())),
        ("retain, all stay", |store, step| _ = store.retain(|_, _| (step(), true).1)),
        ("retain, all go", |store, step| _ = store.retain(|_, _| (step(), false).1)),
        ("update", |store, step| {
            store.update("k1", |hash| {
                for n in 0..12 {
                    step();
                    hash.set(format!("new{n}"), "a value of some length").unwrap();
                }
            });
        }),
        ("update_many", |store, step| {
            let changed = store.update_many(["k1", "k3", "new", "k9"], |hashes| {
                for n in 0..3 {
                    for hash in &mut *hashes {
                        step();
                        match n {
                            0 => hash.clear(),
                            n => _ = hash.set_many((0..n * 150).map(|n| (n.to_string(), "v"))).unwrap(),
                        }
                    }
                }
            });
            changed.unwrap();
        }),
    ];
    on_every_configuration(|_, store| {
        for (name, walk) in walks {
            for last in 0..=11 {
                fill(store);
                let before = store.key_count();
                let mut steps = 0;
                let text = panic_of(|| {
                    walk(store, &mut || {
                        assert!(steps < last, "at callback {last}");
                        steps += 1;
                    });
                });
                let what = format!("{name}: {text}");
                assert!(text.starts_with("at callback"), "{what}");
                recount(store, &what);
                if name == "retain, all go" {
                    assert!((before - last..=before).contains(&store.key_count()), "{what}");
                } else if !name.starts_with("update") {
                    assert_eq!(store.key_count(), before, "{what}");
                }
            }
        }
    });
}

#[test]
fn a_panic_in_retain_removes_nothing_from_the_current_shard() {
    let store = Store::builder().shards(1).build();
    fill(&store);
    let before = store.stats();
    let mut asked = 0;
    panic_of(|| {
        store.retain(|_, _| {
            asked += 1;
            assert!(asked < 5);
            false
        })
    });
    assert_eq!(store.stats(), before);
    recount(&store, "after the panic");
}

#[test]
fn a_panic_at_any_item_of_an_iterator_changes_nothing() {
    type Drain = fn(&Store, &mut dyn FnMut() -> String);
    let drains: [(&str, Drain); 10] = [
        ("set_many", |store, next| _ = store.set_many("k3", (0..9).map(|_| (next(), "v")))),
        ("set_many of a new key", |store, next| _ = store.set_many("new", (0..9).map(|_| (next(), "v")))),
        ("remove_many", |store, next| _ = store.remove_many("k3", (0..9).map(|_| next()))),
        ("get_many", |store, next| _ = store.get_many("k3", (0..9).map(|_| next()))),
        ("get_across", |store, next| _ = store.get_across((0..9).map(|_| next().replace('f', "k")), "f0")),
        ("get_many_across", |store, next| _ = store.get_many_across(["k0", "k1"], (0..9).map(|_| next()))),
        ("set_many_across", |store, next| _ = store.set_many_across((0..9).map(|_| (next(), [("f", "v")])))),
        ("take_many", |store, next| _ = store.take_many("k3", (0..9).map(|_| next()))),
        ("clear_many", |store, next| _ = store.clear_many((0..9).map(|_| next().replace('f', "k")))),
        ("update, set_many and remove_many", |store, next| {
            store.update("k3", |hash| {
                hash.set_many((0..5).map(|_| (next(), "v"))).unwrap();
                hash.remove_many((0..4).map(|_| next()));
            });
        }),
    ];
    on_every_configuration(|_, store| {
        for (name, drain) in drains {
            for last in 0..9 {
                fill(store);
                let before = store.stats();
                let mut items = 0;
                let text = panic_of(|| {
                    drain(store, &mut || {
                        assert!(items < last, "at item {last}");
                        items += 1;
                        format!("f{items}")
                    });
                });
                let what = format!("{name}: {text}");
                assert!(text.starts_with("at item"), "{what}");
                assert_eq!(store.stats(), before, "{what}");
                recount(store, &what);
            }
        }
    });
}

/// An argument that panics when it is turned into bytes.
struct Bomb;

impl AsRef<[u8]> for Bomb {
    fn as_ref(&self) -> &[u8] {
        panic!("no bytes")
    }
}

/// An iterator that returns one item, and then panics.
fn breaks_off<T: Clone>(first: T) -> impl Iterator<Item = T> {
    (0..3).map(move |n| if n == 0 { first.clone() } else { panic!("no more") })
}

#[test]
fn a_panic_in_an_argument_changes_nothing() {
    on_every_configuration(|_, store| {
        store.set("k", "f", "v").unwrap();
        let panics = [
            panic_of(|| store.set(Bomb, "g", "w")),
            panic_of(|| store.set("k", Bomb, "w")),
            panic_of(|| store.set("k", "f", Bomb)),
            panic_of(|| store.increment("k", Bomb, 1)),
            panic_of(|| store.get("k", Bomb)),
            panic_of(|| store.set_many("k", [("f", Bomb)])),
            panic_of(|| store.set_many("new", breaks_off(("f", "w")))),
            panic_of(|| store.set_many("k", breaks_off(("f", "w")))),
            panic_of(|| store.get_many("k", breaks_off("f"))),
            panic_of(|| store.remove_many("k", breaks_off("f"))),
            panic_of(|| store.take_many("k", breaks_off("f"))),
            panic_of(|| {
                store.set_many_across([("k", [("f", "w")])].into_iter().chain(breaks_off(("k", [("f", "w")]))))
            }),
            panic_of(|| store.set_many_across([("k", breaks_off(("f", "w")))])),
            panic_of(|| drop(store.get_many_across(["k"], [Bomb]))),
            panic_of(|| store.update("k", |hash| hash.set_many(breaks_off(("f", "w"))))),
            panic_of(|| store.update("k", |hash| hash.remove_many(breaks_off("f")))),
            panic_of(|| store.update("k", |hash| hash.set("f", Bomb))),
        ];
        assert!(panics.iter().all(|text| text == "no bytes" || text == "no more"), "{panics:?}");
        assert_eq!(store.get("k", "f").as_deref(), Some(&b"v"[..]));
        assert_eq!((store.size("k"), store.key_count()), (1, 1));
    });
}

#[test]
fn iterators_are_drained_before_the_lock_and_may_call_the_store() {
    on_every_configuration(|_, store| {
        let next = || format!("f{}", store.increment("k", "calls", 1).unwrap());
        assert_eq!(store.set_many("k", (0..3).map(|_| (next(), store.size("k").to_string()))), Ok(3));
        assert_eq!(store.get_many("k", (1..=3).map(|_| next())), [None, None, None]);
        assert_eq!(store.remove_many("k", (1..=3).map(|_| next())), 0);
        assert_eq!(store.get_across((1..=3).map(|_| next()), "f"), [None, None, None]);
        assert_eq!(store.get_many_across((1..=3).map(|_| next()), ["f"]), [[None], [None], [None]]);
        assert_eq!(store.take_many("k", (1..=3).map(|_| next())), [None, None, None]);
        assert_eq!(store.clear_many((1..=3).map(|_| next())), 0);
        assert_eq!(store.size("k"), 4);
        assert_eq!(store.get("k", "calls").as_deref(), Some(&b"21"[..]));
    });
}

#[test]
fn iterators_inside_update_are_inside_the_closure() {
    let store = Store::new();
    let text = panic_of(|| {
        store.update("k", |hash| hash.set_many((0..2).map(|n| (n.to_string(), store.size("k").to_string()))))
    });
    assert!(text.contains("inside a closure"), "{text}");
    assert!(store.is_empty());
}

/// An argument that calls the store when it is turned into bytes, which are always `f`.
struct Caller<'a>(&'a Store, Cell<usize>);

impl AsRef<[u8]> for Caller<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0.set("called", "f", self.1.replace(1).to_string()).unwrap();
        self.0.clear("called");
        b"f"
    }
}

#[test]
fn arguments_become_bytes_before_the_lock_and_may_call_the_store() {
    type Taker = fn(&Store, fn(&Store) -> Caller<'_>);
    let takers: [(&str, Taker); 35] = [
        ("set", |store, arg| assert_eq!(store.set(arg(store), arg(store), arg(store)), Ok(false))),
        ("set_many", |store, arg| assert_eq!(store.set_many(arg(store), [(arg(store), arg(store))]), Ok(0))),
        ("set_if_absent", |store, arg| _ = store.set_if_absent(arg(store), arg(store), arg(store))),
        ("compare_and_set", |store, arg| _ = store.compare_and_set(arg(store), arg(store), None, None)),
        ("get", |store, arg| assert!(store.get(arg(store), arg(store)).is_some())),
        ("get_many", |store, arg| assert!(store.get_many(arg(store), [arg(store), arg(store)])[1].is_some())),
        ("get_all", |store, arg| _ = store.get_all(arg(store))),
        ("fields", |store, arg| _ = store.fields(arg(store))),
        ("values", |store, arg| _ = store.values(arg(store))),
        ("contains", |store, arg| assert!(store.contains(arg(store), arg(store)))),
        ("value_len", |store, arg| _ = store.value_len(arg(store), arg(store))),
        ("size", |store, arg| assert_eq!(store.size(arg(store)), 1)),
        ("remove", |store, arg| assert!(store.remove(arg(store), arg(store)))),
        ("remove_many", |store, arg| assert_eq!(store.remove_many(arg(store), [arg(store), arg(store)]), 1)),
        ("take", |store, arg| assert!(store.take(arg(store), arg(store)).is_some())),
        ("increment", |store, arg| assert_eq!(store.increment(arg(store), arg(store), 1), Ok(2))),
        ("increment_float", |store, arg| assert_eq!(store.increment_float(arg(store), arg(store), 0.5), Ok(1.5))),
        ("read", |store, arg| assert_eq!(store.read(arg(store), |hash| hash.len()), 1)),
        ("update", |store, arg| store.update(arg(store), |hash| hash.clear())),
        ("update_many", |store, arg| assert_eq!(store.update_many([arg(store)], |[hash]| hash.len()), Ok(1))),
        ("get_across", |store, arg| assert!(store.get_across([arg(store), arg(store)], arg(store))[1].is_some())),
        ("get_many_across", |store, arg| {
            assert!(store.get_many_across([arg(store), arg(store)], [arg(store)])[1][0].is_some());
        }),
        ("set_many_across", |store, arg| {
            assert_eq!(store.set_many_across([(arg(store), [(arg(store), arg(store))])]), [Ok(0)]);
        }),
        ("take_many", |store, arg| assert!(store.take_many(arg(store), [arg(store)])[0].is_some())),
        ("compare_and_set_keep_ttl", |store, arg| {
            assert_eq!(store.compare_and_set_keep_ttl(arg(store), arg(store), Some(b"1"), Some(b"2")), Ok(true));
        }),
        ("update_slice", |store, arg| assert_eq!(store.update_slice(&[arg(store)], |hashes| hashes[0].len()), Ok(1))),
        ("clear_many", |store, arg| assert_eq!(store.clear_many([arg(store), arg(store)]), 1)),
        ("rename", |store, arg| {
            assert_eq!(store.rename(arg(store), arg(store), Overwrite::Yes).map(TransferOutcome::is_done), Ok(true));
        }),
        ("copy", |store, arg| {
            assert_eq!(store.copy(arg(store), arg(store), Overwrite::No).map(TransferOutcome::is_done), Ok(false));
        }),
        ("random_field", |store, arg| assert!(store.random_field(arg(store)).is_some())),
        ("random_fields", |store, arg| _ = store.random_fields(arg(store), Sample::Distinct(1))),
        ("scan", |store, arg| assert_eq!(store.scan(arg(store), None, 1).items.len(), 1)),
        ("contains_key", |store, arg| assert!(store.contains_key(arg(store)))),
        ("clear", |store, arg| assert!(store.clear(arg(store)))),
        ("encoding, memory_usage", |store, arg| {
            assert!(store.encoding(arg(store)).is_some() && store.memory_usage(arg(store)).is_some());
        }),
    ];
    on_every_configuration(|_, store| {
        for (name, take) in takers {
            store.set("f", "f", "1").unwrap();
            watched(|| take(store, |store| Caller(store, Cell::new(0))));
            recount(store, name);
            store.clear_all();
        }
    });
}

#[test]
fn a_hash_can_be_read_by_several_threads_inside_one_closure() {
    let store = Store::new();
    store.set_many("k", [("a", "1"), ("b", "22")]).unwrap();
    let sum = store.read("k", |hash| {
        std::thread::scope(|scope| {
            let threads = ["a", "b"].map(|field| scope.spawn(move || hash.value_len(field).unwrap_or_default()));
            threads.map(|thread| thread.join().unwrap()).into_iter().sum::<usize>()
        })
    });
    assert_eq!(sum, 3);
}

#[test]
fn for_loops_take_what_closures_get() {
    let store = Store::new();
    let len = store.update("k", |hash| {
        hash.set("a", "1").unwrap();
        let mut len = 0;
        for (field, value) in &*hash {
            len += field.len() + value.len();
        }
        len
    });
    let mut again = 0;
    store.read("k", |hash| {
        for (field, value) in hash {
            again += field.len() + value.len();
        }
    });
    assert_eq!((len, again), (2, 2));
}
