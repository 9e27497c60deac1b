//! A size above a limit gives a typed error with the size and the limit, and changes nothing. A size at the limit is
//! accepted.

use crate::support::config::on_every_configuration_within;
use hashlet::{Error, HashMut, Limits, Result, Store};

const FIELDS: usize = 3;
const STRING: usize = 8;
const KEY: usize = 4;

/// Every write that could make the field `f` of the hash `k` hold `v`, outside and inside of closures.
type Write = fn(&Store, &str, &str, &str) -> Result<()>;
const WRITES: [(&str, Write); 8] = [
    ("set", |store, k, f, v| store.set(k, f, v).map(drop)),
    ("set_many", |store, k, f, v| store.set_many(k, [("a", "good"), (f, v)]).map(drop)),
    ("set_if_absent", |store, k, f, v| store.set_if_absent(k, f, v).map(drop)),
    ("compare_and_set", |store, k, f, v| store.compare_and_set(k, f, None, Some(v.as_bytes())).map(drop)),
    ("update, set", |store, k, f, v| store.update(k, |hash| hash.set(f, v).map(drop))),
    ("update, set_many", |store, k, f, v| store.update(k, |hash| hash.set_many([("a", "good"), (f, v)]).map(drop))),
    ("update, set_if_absent", |store, k, f, v| store.update(k, |hash| hash.set_if_absent(f, v).map(drop))),
    ("update, compare_and_set", |store, k, f, v| {
        store.update(k, |hash| hash.compare_and_set(f, None, Some(v.as_bytes())).map(drop))
    }),
];

/// The increments, which write a value of their own.
type Increment = fn(&Store, &str, &str) -> Result<()>;
const INCREMENTS: [(&str, Increment); 4] = [
    ("increment", |store, k, f| store.increment(k, f, 1).map(drop)),
    ("increment_float", |store, k, f| store.increment_float(k, f, 1.0).map(drop)),
    ("update, increment", |store, k, f| store.update(k, |hash| hash.increment(f, 1).map(drop))),
    ("update, increment_float", |store, k, f| store.update(k, |hash| hash.increment_float(f, 1.0).map(drop))),
];

/// Runs `test` on a store with the low limits, in each configuration.
fn with_limits(test: impl Fn(&Store)) {
    let limits = Limits::default().max_fields(FIELDS).max_string(STRING).max_key(KEY);
    on_every_configuration_within(limits, |_, store| test(store));
}

/// Asserts that `write` fails with `error` and leaves the hash `key`, and the number of keys, as they were.
fn refused(store: &Store, key: &str, name: &str, error: &Error, write: impl FnOnce() -> Result<()>) {
    let before = (store.get_all(key), store.key_count(), store.stats());
    assert_eq!(write().as_ref(), Err(error), "{name}");
    let after = (store.get_all(key), store.key_count(), store.stats());
    assert_eq!(format!("{after:?}"), format!("{before:?}"), "{name} changed something");
    assert_eq!(after.0, before.0, "{name} changed something");
}

#[test]
fn at_the_limit_everything_fits() {
    with_limits(|store| {
        let (key, string) = ("k".repeat(KEY), "s".repeat(STRING));
        for (name, write) in WRITES {
            store.clear_all();
            assert_eq!(write(store, &key, &string, &string), Ok(()), "{name}");
            assert_eq!(store.get(&key, &string), Some(string.clone().into_bytes()), "{name}");
        }
        for (name, increment) in INCREMENTS {
            store.clear_all();
            assert_eq!(increment(store, &key, &string), Ok(()), "{name}");
            assert_eq!(store.get(&key, &string), Some(b"1".to_vec()), "{name}");
        }
    });
}

#[test]
fn an_over_long_key_is_refused_by_every_write() {
    with_limits(|store| {
        let key = "k".repeat(KEY + 1);
        let error = Error::KeyTooLong { size: KEY + 1, limit: KEY };
        for (name, write) in WRITES {
            refused(store, &key, name, &error, || write(store, &key, "f", "v"));
        }
        for (name, increment) in INCREMENTS {
            refused(store, &key, name, &error, || increment(store, &key, "f"));
        }
        assert!(store.is_empty());
    });
}

#[test]
fn an_over_long_field_is_refused_by_every_write_and_reads_as_missing() {
    with_limits(|store| {
        let field = "f".repeat(STRING + 1);
        let error = Error::FieldTooLong { size: STRING + 1, limit: STRING };
        for key in ["new", "old"] {
            store.set("old", "f", "v").unwrap();
            for (name, write) in WRITES {
                refused(store, key, name, &error, || write(store, key, &field, "v"));
            }
            for (name, increment) in INCREMENTS {
                refused(store, key, name, &error, || increment(store, key, &field));
            }
            assert!(!store.contains(key, &field) && !store.remove(key, &field));
        }
        assert!(!store.contains_key("new"));
    });
}

#[test]
fn an_over_long_value_is_refused_by_every_write() {
    with_limits(|store| {
        let value = "v".repeat(STRING + 1);
        let error = Error::ValueTooLong { size: STRING + 1, limit: STRING };
        for key in ["new", "old"] {
            store.set("old", "f", "v").unwrap();
            for (name, write) in WRITES {
                refused(store, key, name, &error, || write(store, key, "g", &value));
            }
        }
        refused(store, "old", "set over", &error, || store.set("old", "f", &value).map(drop));
        assert!(!store.contains_key("new"));
    });
}

#[test]
fn one_field_too_many_is_refused_by_every_write() {
    with_limits(|store| {
        store.set_many("k", [("a", "1"), ("b", "2"), ("c", "3")]).unwrap();
        let error = Error::TooManyFields { size: FIELDS + 1, limit: FIELDS };
        for (name, write) in WRITES {
            refused(store, "k", name, &error, || write(store, "k", "d", "4"));
        }
        for (name, increment) in INCREMENTS {
            refused(store, "k", name, &error, || increment(store, "k", "d"));
        }
    });
}

#[test]
fn a_full_hash_still_takes_new_values_for_its_fields() {
    with_limits(|store| {
        store.set_many("k", [("a", "1"), ("b", "2"), ("c", "3")]).unwrap();
        assert_eq!(store.set("k", "a", "10"), Ok(false));
        assert_eq!(store.set_many("k", [("a", "11"), ("b", "12"), ("a", "13")]), Ok(0));
        assert_eq!(store.set_if_absent("k", "a", "x"), Ok(false));
        assert_eq!(store.compare_and_set("k", "new", Some(b"x"), Some(b"y")), Ok(false));
        assert_eq!(store.increment("k", "a", 1), Ok(14));
        assert!(store.remove("k", "b"));
        assert_eq!(store.set("k", "d", "4"), Ok(true));
    });
}

#[test]
fn set_many_past_the_field_limit_tells_the_size_it_would_have_had() {
    with_limits(|store| {
        store.set("k", "a", "1").unwrap();
        let pairs = ["a", "b", "b", "c", "d", "e"].map(|field| (field, "new"));
        let error = Error::TooManyFields { size: 5, limit: FIELDS };
        refused(store, "k", "set_many", &error, || store.set_many("k", pairs).map(drop));
        refused(store, "new", "set_many", &error, || store.set_many("new", pairs).map(drop));
    });
}

#[test]
fn a_repeated_over_long_value_is_refused_even_if_a_later_one_would_win() {
    with_limits(|store| {
        let long = "v".repeat(STRING + 1);
        let error = Error::ValueTooLong { size: STRING + 1, limit: STRING };
        refused(store, "k", "set_many", &error, || {
            store.set_many("k", [("f", long.as_str()), ("f", "short")]).map(drop)
        });
    });
}

#[test]
fn a_number_that_outgrows_the_limit_is_refused() {
    with_limits(|store| {
        store.set_many("k", [("i", "99999999"), ("f", "-999999")]).unwrap();
        let error = Error::ValueTooLong { size: 9, limit: STRING };
        refused(store, "k", "increment", &error, || store.increment("k", "i", 1).map(drop));
        refused(store, "k", "increment_float", &error, || store.increment_float("k", "f", 0.5).map(drop));
        refused(store, "new", "increment", &error, || store.increment("new", "i", 123_456_789).map(drop));
        assert_eq!(store.increment("k", "i", -1), Ok(99_999_998));
    });
}

#[test]
fn a_failed_write_inside_update_keeps_the_earlier_ones() {
    with_limits(|store| {
        let long = "v".repeat(STRING + 1);
        let work = |hash: &mut HashMut<'_>| -> Result<()> {
            hash.set("a", "1")?;
            hash.set("b", &long)?;
            Ok(())
        };
        assert_eq!(store.update("k", work), Err(Error::ValueTooLong { size: STRING + 1, limit: STRING }));
        assert_eq!(store.fields("k"), [b"a"]);
        assert_eq!(store.stats().fields, 1);
    });
}

#[test]
fn limits_only_go_down() {
    let raised = Limits::default().max_fields(usize::MAX).max_string(usize::MAX).max_key(usize::MAX);
    assert_eq!(raised, Limits::default());
    let store = Store::builder().limits(raised).build();
    assert_eq!(store.set(vec![b'k'; 65_536], "f", "v"), Ok(true));
    assert_eq!(store.set(vec![b'k'; 65_537], "f", "v"), Err(Error::KeyTooLong { size: 65_537, limit: 65_536 }));
}

#[test]
fn limits_of_zero_admit_only_the_empty() {
    let limits = Limits::default().max_string(0).max_key(0);
    let store = Store::builder().limits(limits).build();
    assert_eq!(store.set("", "", ""), Ok(true));
    assert_eq!(store.set("", "", "v"), Err(Error::ValueTooLong { size: 1, limit: 0 }));
    assert_eq!(store.set("", "f", ""), Err(Error::FieldTooLong { size: 1, limit: 0 }));
    assert_eq!(store.set("k", "", ""), Err(Error::KeyTooLong { size: 1, limit: 0 }));
    let none = Store::builder().limits(Limits::default().max_fields(0)).build();
    assert_eq!(none.set("k", "f", "v"), Err(Error::TooManyFields { size: 1, limit: 0 }));
    assert!(none.is_empty());
}

#[test]
fn an_error_prints_the_size_and_the_limit() {
    let (size, limit) = (4_711, 1_234);
    let errors = [
        Error::KeyTooLong { size, limit },
        Error::FieldTooLong { size, limit },
        Error::ValueTooLong { size, limit },
        Error::TooManyFields { size, limit },
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains("4711") && text.contains("1234"), "{text}");
    }
    let plain =
        [Error::NotAnInteger, Error::NotAFloat, Error::NotFinite, Error::Overflow].map(|error| error.to_string());
    assert!(plain.iter().all(|text| !text.is_empty()));
}
