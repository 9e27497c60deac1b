//! The moments at which a hash changes its encoding. It becomes a table just above a threshold, which is judged on the
//! result of a whole call. It becomes packed again well below the threshold, so that it does not change back and forth.

use crate::support::check;
use crate::support::config;
use crate::support::pattern;
use hashlet::{Encoding, HashMut, HashValue, Store, Thresholds};

const COUNTS: [usize; 9] = [1, 2, 3, 127, 128, 255, 256, 257, 1_000];
const LENGTHS: [usize; 10] = [0, 1, 2, 8, 127, 128, 255, 256, 4_096, 60_000];

/// A store with one shard and these thresholds.
fn store(thresholds: Thresholds) -> Store {
    Store::builder().shards(1).thresholds(thresholds).build()
}

fn is_packed(store: &Store) -> bool {
    check::key(store, "k");
    store.encoding("k").expect("the key is there") == Encoding::Packed
}

fn field(number: usize) -> String {
    format!("f{number}")
}

/// Adds or removes fields one by one until there are `count`.
fn resize(store: &Store, count: usize) {
    while store.size("k") < count {
        store.set("k", field(store.size("k")), "").unwrap();
    }
    while store.size("k") > count {
        assert!(store.remove("k", field(store.size("k") - 1)));
    }
}

#[test]
fn the_number_of_fields_promotes_just_past_max_fields() {
    for limit in COUNTS {
        let store = store(config::packed().max_fields(limit));
        resize(&store, limit);
        assert!(is_packed(&store), "{limit} of {limit} fields");
        store.set("k", field(limit - 1), "again").unwrap();
        assert!(is_packed(&store), "a new value is no new field");
        resize(&store, limit + 1);
        assert!(!is_packed(&store), "one field more than {limit}");
    }
}

#[test]
fn max_fields_of_zero_never_packs() {
    let store = store(config::table());
    store.set("k", "f", "v").unwrap();
    assert!(!is_packed(&store));
    resize(&store, 20);
    resize(&store, 1);
    assert!(!is_packed(&store));
}

#[test]
fn a_long_value_promotes_just_past_max_string() {
    for limit in LENGTHS {
        let store = store(config::packed().max_string(limit));
        store.set("k", "", vec![b'v'; limit]).unwrap();
        assert!(is_packed(&store), "a value of {limit} bytes");
        store.set("k", "", vec![b'v'; limit + 1]).unwrap();
        assert!(!is_packed(&store), "a value one byte longer than {limit}");
    }
}

#[test]
fn a_long_field_promotes_just_past_max_string() {
    for limit in LENGTHS {
        let store = store(config::packed().max_string(limit));
        store.set("k", vec![b'f'; limit], "").unwrap();
        assert!(is_packed(&store), "a field of {limit} bytes");
        store.set("k", vec![b'f'; limit + 1], "").unwrap();
        assert!(!is_packed(&store), "a field one byte longer than {limit}");
    }
}

#[test]
fn the_bytes_of_all_entries_promote_just_past_max_packed_bytes() {
    for limit in [16, 255, 256, 257, 4_096, 65_534, 65_535] {
        let store = store(config::packed().max_packed_bytes(limit));
        // Two entries: a byte for the length of the field, the field, the value.
        store.set_many("k", [("a", vec![b'v'; 5]), ("b", vec![b'v'; limit - 9])]).unwrap();
        assert!(is_packed(&store), "entries of {limit} bytes");
        store.set("k", "a", "sixsix").unwrap();
        assert!(!is_packed(&store), "entries one byte longer than {limit}");
    }
}

#[test]
fn a_table_packs_again_at_half_of_max_fields() {
    for limit in COUNTS {
        let store = store(config::packed().max_fields(limit));
        resize(&store, limit + 1);
        resize(&store, limit / 2 + 1);
        assert!(!is_packed(&store), "one field more than half of {limit}");
        resize(&store, (limit / 2).max(1));
        assert_eq!(is_packed(&store), limit > 1, "half of {limit}");
    }
}

#[test]
fn a_table_packs_again_at_half_of_max_packed_bytes() {
    for limit in [16, 255, 256, 4_096, 65_535] {
        let store = store(config::packed().max_packed_bytes(limit));
        store.set("k", "f", vec![b'v'; limit - 1]).unwrap();
        store.set("k", "f", vec![b'v'; limit / 2 - 1]).unwrap();
        assert!(!is_packed(&store), "one byte more than half of {limit}");
        store.set("k", "f", vec![b'v'; limit / 2 - 2]).unwrap();
        assert!(is_packed(&store), "half of {limit}");
    }
}

#[test]
fn a_table_packs_again_when_its_last_long_string_leaves() {
    type Departure = fn(&Store);
    let departures: [(&str, Departure); 6] = [
        ("set", |store| _ = store.set("k", "long", "short")),
        ("set_many", |store| _ = store.set_many("k", [("long", "short"), ("b", "x")])),
        ("compare_and_set", |store| _ = store.compare_and_set("k", "long", Some(&[b'v'; 9]), Some(b"short"))),
        ("remove", |store| _ = store.remove("k", "long")),
        ("remove_many", |store| _ = store.remove_many("k", ["long"])),
        ("take", |store| _ = store.take("k", "long")),
    ];
    for (name, leave) in departures {
        let store = store(config::packed().max_string(8));
        store.set_many("k", [("a", "1"), ("long", "vvvvvvvvv"), ("a long field name", "2")]).unwrap();
        assert!(!is_packed(&store));
        leave(&store);
        assert!(!is_packed(&store), "{name}: the long field is still there");
        store.remove("k", "a long field name");
        assert!(is_packed(&store), "{name}: nothing long is left");
    }
}

#[test]
fn a_counter_that_outgrows_max_string_promotes() {
    let store = store(config::packed().max_string(2));
    store.set("k", "f", "99").unwrap();
    assert!(is_packed(&store));
    store.increment("k", "f", 1).unwrap();
    assert!(!is_packed(&store));
    store.increment("k", "f", -1).unwrap();
    assert!(is_packed(&store));
    store.increment_float("k", "f", 0.5).unwrap();
    assert!(!is_packed(&store));
}

#[test]
fn a_call_is_judged_on_its_result() {
    let store = store(config::tiny());
    let long = "much longer than eight bytes, and than the whole hash may be: sixty-four";
    store.set_many("k", [("a", long), ("b", "1"), ("a", "short")]).unwrap();
    assert!(is_packed(&store), "the long value lost against the later short one");
    store.set_many("k", [("a", "2"), ("b", "2"), ("a", "3"), ("b", "3"), ("c", "3"), ("c", "4")]).unwrap();
    assert!(is_packed(&store), "six pairs, three fields");
    store.set_many("k", (0..10).map(|n| (field(n), "v"))).unwrap();
    assert!(!is_packed(&store));
    store.remove_many("k", (0..10).map(field).chain(["a".into(), "b".into()]));
    assert!(is_packed(&store));
}

#[test]
fn an_update_is_one_call_judged_on_its_result() {
    let store = store(config::tiny());
    let grow = |hash: &mut HashMut<'_>| _ = hash.set_many((0..10).map(|n| (field(n), "longer than eight"))).unwrap();
    let shrink = |hash: &mut HashMut<'_>| {
        hash.remove_many((3..10).map(field));
        hash.set_many((0..3).map(|n| (field(n), "short"))).unwrap();
    };
    store.update("k", |hash| {
        grow(hash);
        shrink(hash);
    });
    assert!(is_packed(&store), "what it was in between does not count");
    store.update("k", grow);
    assert!(!is_packed(&store), "ten fields, and long ones");
    store.update("k", |hash| {
        shrink(hash);
        grow(hash);
        shrink(hash);
    });
    assert!(!is_packed(&store), "three fields are more than half of three");
    store.update("k", |hash| _ = hash.remove_many([field(1), field(2)]));
    assert!(is_packed(&store));
}

#[test]
fn an_update_left_by_a_panic_is_judged_too() {
    let store = store(config::tiny());
    let left_after = |count: usize| {
        let work = || {
            store.update("k", |hash| {
                hash.set_many((0..count).map(|n| (field(n), "v"))).unwrap();
                hash.remove_many((count..5).map(field));
                std::panic::resume_unwind(Box::new(()));
            });
        };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_err();
        is_packed(&store)
    };
    assert_eq!([3, 4, 3, 1].map(left_after), [true, false, false, true]);
}

#[test]
fn each_call_on_an_owned_value_is_judged_by_itself() {
    let mut value = HashValue::with_thresholds(config::tiny());
    let encodings = [2, 3, 4, 3, 2, 1].map(|count| {
        value.set_many((0..count).map(|n| (field(n), "v"))).unwrap();
        value.remove_many((count..5).map(field));
        check::value(&value);
        value.encoding()
    });
    let (packed, table) = (Encoding::Packed, Encoding::Table);
    assert_eq!(encodings, [packed, packed, table, table, table, packed]);
}

#[test]
fn a_hash_at_a_threshold_never_flaps() {
    for limit in COUNTS {
        for around in [limit / 2, limit / 2 + 1, limit] {
            let store = store(config::packed().max_fields(limit));
            resize(&store, limit + 1);
            let mut changes = 0;
            let mut last = is_packed(&store);
            for turn in 0..50 {
                resize(&store, around.max(1) + turn % 2);
                changes += usize::from(is_packed(&store) != std::mem::replace(&mut last, is_packed(&store)));
            }
            // If the threshold is a single field, there is no size between half of it and all of it.
            assert!(
                changes <= 1 || limit == 2 && around == 2,
                "{changes} conversions around {around} of {limit} fields"
            );
        }
    }
}

#[test]
fn a_copy_taken_in_the_midst_of_a_closure_is_a_sound_value() {
    for config in config::all() {
        let store = config.store();
        let many = store.update("k", |hash| {
            hash.set_many((0..300).map(|n| (field(n), "value")))?;
            Ok::<_, hashlet::Error>(hash.to_value())
        });
        let many = many.unwrap();
        check::value(&many);
        assert_eq!(many, store.get_all("k"), "{}", config.name);
        let none = store.update("k", |hash| {
            hash.remove_many((0..300).map(field));
            hash.to_value()
        });
        check::value(&none);
        assert_eq!((none.len(), none.memory_usage()), (0, HashValue::new().memory_usage()), "{}", config.name);
        assert!(!store.contains_key("k"));
    }
}

#[test]
fn contents_survive_every_conversion() {
    let store = store(config::tiny());
    let mut before = store.get_all("k");
    for turn in 0..10 {
        for size in (0..40).chain((1..40).rev()) {
            let value = pattern(turn, size * 7 % 20);
            store.set("k", field(size), &value).unwrap();
            before.set(field(size), &value).unwrap();
            if size % 3 == 0 {
                assert_eq!(store.remove("k", field(size / 2)), before.remove(field(size / 2)));
            }
            assert_eq!(store.get_all("k"), before);
            check::key(&store, "k");
        }
        resize_to_nothing(&store);
        before.clear();
    }
}

fn resize_to_nothing(store: &Store) {
    for name in store.fields("k") {
        assert!(store.remove("k", &name));
        assert!(!store.contains("k", &name));
        check::store(store);
    }
}
