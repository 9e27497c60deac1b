//! User code in closures, iterators and conversions: it may panic anywhere, and may call a store anywhere but inside a
//! closure.

mod support;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};

use hashlet::{Sample, Store};
use support::config::on_every_configuration;

/// The message `work` panics with.
fn panic_of<R>(work: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(work)) else { panic!("it should have panicked") };
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast::<&str>().expect("a panic with a text").to_string(),
    }
}

type Call = fn(&Store);
const CALLS: [(&str, Call); 33] = [
    ("set", |store| _ = store.set("k", "f", "v")),
    ("set_many", |store| _ = store.set_many("k", [("f", "v")])),
    ("set_if_absent", |store| _ = store.set_if_absent("k", "f", "v")),
    ("compare_and_set", |store| _ = store.compare_and_set("k", "f", None, None)),
    ("get", |store| _ = store.get("k", "f")),
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
    ("increment", |store| _ = store.increment("k", "i", 1)),
    ("increment_float", |store| _ = store.increment_float("k", "i", 1.0)),
    ("read", |store| store.read("k", |_| ())),
    ("update", |store| store.update("k", |_| ())),
    ("random_field", |store| _ = store.random_field("k")),
    ("random_fields", |store| _ = store.random_fields("k", Sample::Distinct(1))),
    ("scan", |store| _ = store.scan("k", None, 1)),
    ("scan_keys", |store| _ = store.scan_keys(None, 1)),
    ("iter_keys", |store| _ = store.iter_keys()),
    ("contains_key", |store| _ = store.contains_key("k")),
    ("clear", |store| _ = store.clear("k")),
    ("clear_all", |store| store.clear_all()),
    ("keys", |store| _ = store.keys()),
    ("key_count", |store| _ = store.key_count()),
    ("is_empty", |store| _ = store.is_empty()),
    ("encoding", |store| _ = store.encoding("k")),
    ("memory_usage", |store| _ = store.memory_usage("k")),
    ("stats", |store| _ = store.stats()),
];

#[test]
fn a_store_goes_through_threads_and_unwinding() {
    fn check<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
    check::<Store>();
}

#[test]
fn every_call_from_inside_a_closure_panics_with_a_sentence() {
    let other = Store::new();
    on_every_configuration(|_, store| {
        store.set("k", "f", "v").unwrap();
        for (name, call) in CALLS {
            for target in [store, &other] {
                let from_read = panic_of(|| store.read("k", |_| call(target)));
                assert!(from_read.contains("inside a closure"), "{name}: {from_read}");
                let from_update = panic_of(|| store.update("k", |_| call(target)));
                assert!(from_update.contains("inside a closure"), "{name}: {from_update}");
                call(target);
                store.set("k", "f", "v").unwrap();
            }
        }
    });
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
        // The fields the closure has set when it panics; some convert the hash first.
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
            support::check::store(store);
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

/// Bytes that cannot be had.
struct Bomb;

impl AsRef<[u8]> for Bomb {
    fn as_ref(&self) -> &[u8] {
        panic!("no bytes")
    }
}

/// A pair and a panic instead of the next.
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
        assert_eq!(store.size("k"), 4);
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

/// Bytes that call the store when asked for.
struct Caller<'a>(&'a Store, Cell<usize>);

impl AsRef<[u8]> for Caller<'_> {
    fn as_ref(&self) -> &[u8] {
        self.1.set(self.0.size("k"));
        b"f"
    }
}

#[test]
fn arguments_become_bytes_before_the_lock_and_may_call_the_store() {
    on_every_configuration(|_, store| {
        store.set("k", "f", "1").unwrap();
        let caller = || Caller(store, Cell::new(0));
        assert_eq!(store.set("k", caller(), caller()), Ok(false));
        assert_eq!(store.set_many("k", [(caller(), caller())]), Ok(0));
        assert_eq!(store.get_many("k", [caller(), caller()]), [Some(b"f".to_vec()), Some(b"f".to_vec())]);
        assert_eq!(store.remove_many("k", [caller(), caller()]), 1);
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
