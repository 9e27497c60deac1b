//! Changes of a hash only if it is there, and reads of numbers: neither leaves half an object behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::support::config::{on_every_configuration, on_every_configuration_with_clock};
use hashlet::{Error, HashMut, Hashes, Limits, Store};

const SOON: Duration = Duration::from_millis(10);

/// Asserts that no call of this file finds the key, and that none creates it.
fn is_not_there(store: &Store, key: &str) {
    let never = |_: &mut HashMut<'_>| -> hashlet::Result<()> { panic!("the closure runs on {key:?}") };
    assert_eq!(store.update_existing(key, never), None);
    assert_eq!(store.try_update_existing(key, never), Ok(None));
    assert_eq!(store.increment_existing(key, "n", 1), Ok(None));
    assert_eq!(store.increment_existing(key, "n", i64::MAX), Ok(None));
    assert_eq!(store.get_parsed::<i64>(key, "n").unwrap(), None);
    assert_eq!(store.get_string(key, "n").unwrap(), None);
    assert!(!store.contains_key(key));
    assert_eq!(store.size(key), 0);
}

#[test]
fn a_key_that_is_not_there_is_not_created() {
    on_every_configuration(|_, store| {
        store.set("other", "f", "v").unwrap();
        is_not_there(store, "k");
        is_not_there(store, &"x".repeat(100_000)); // too long to be one
        store.set("k", "f", "v").unwrap();
        store.remove("k", "f");
        is_not_there(store, "k");
        assert_eq!(store.key_count(), 1);
    });
}

#[test]
fn a_hash_of_which_everything_has_expired_is_not_there() {
    on_every_configuration_with_clock(|_, store, clock| {
        for fields in [1, 3, 200] {
            let names: Vec<String> = (0..fields).map(|n| format!("f{n}")).collect();
            // Each field for itself, the key, and both.
            for (of_fields, of_key) in [(true, false), (false, true), (true, true)] {
                let names = || names.iter();
                store.set_many("k", names().map(|name| (name, "1"))).unwrap();
                if of_fields {
                    store.expire_fields("k", names(), SOON);
                }
                if of_key {
                    store.expire("k", SOON);
                }
                assert_eq!(store.update_existing("k", |hash| hash.len()), Some(fields));
                clock.advance(SOON);
                match fields % 2 {
                    0 => assert_eq!(store.increment_existing("k", "another", 1), Ok(None)),
                    _ => assert_eq!(store.update_existing("k", |hash| hash.set("another", "v")), None),
                }
                is_not_there(store, "k");
            }
        }
    });
}

#[test]
fn a_key_that_is_there_is_changed_as_by_update_and_increment() {
    on_every_configuration_with_clock(|_, store, _| {
        store.set("k", "name", "Ada").unwrap();
        store.expire("k", SOON);
        let len = store.update_existing("k", |hash| {
            hash.set("a", "1").unwrap();
            hash.len()
        });
        assert_eq!(len, Some(2));
        assert_eq!(store.increment_existing("k", "n", 5), Ok(Some(5))); // an absent field counts as 0
        assert_eq!(store.increment_existing("k", "n", -7), Ok(Some(-2)));
        assert_eq!(store.increment_existing("k", "name", 1), Err(Error::NotAnInteger));
        assert_eq!(store.increment_existing("k", "n", i64::MIN), Err(Error::Overflow));
        assert_eq!(store.get_parsed("k", "n").unwrap(), Some(-2));
        assert_eq!(store.try_update_existing("k", |hash| hash.increment("n", 3)), Ok(Some(1)));
        assert!(store.ttl("k").left().is_some(), "the deadline of the key stays");
        assert_eq!(store.update_existing("k", |hash| hash.clear()), Some(()));
        is_not_there(store, "k"); // an emptied hash removes its key
    });
}

#[test]
fn an_error_or_a_panic_is_undone_by_try_and_kept_without() {
    on_every_configuration(|_, store| {
        store.set("k", "n", "1").unwrap();
        let failed = store.try_update_existing("k", |hash| {
            hash.set("new", "v")?;
            hash.remove("n");
            hash.increment("new", 1)
        });
        assert_eq!(failed, Err(Error::NotAnInteger));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            store.try_update_existing("k", |hash| -> hashlet::Result<()> {
                hash.clear();
                panic!("in the closure");
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(store.get_all("k").iter().collect::<Vec<_>>(), [(&b"n"[..], &b"1"[..])]);
        let failed = store.update_existing("k", |hash| {
            hash.set("new", "v")?;
            hash.increment("new", 1)
        });
        assert_eq!(failed, Some(Err(Error::NotAnInteger)));
        assert_eq!(store.size("k"), 2);
    });
}

/// The same calls by the trait, on each kind of holder.
fn by_trait<H: Hashes>(hashes: &H) {
    assert_eq!(hashes.update_existing("gone", |hash| hash.len()).unwrap(), None);
    assert_eq!(hashes.try_update_existing("gone", |hash| Ok::<_, H::Error>(hash.len())).unwrap(), None);
    assert_eq!(hashes.increment_existing("gone", "n", 1).unwrap(), None);
    assert_eq!(hashes.get_parsed::<i64>("gone", "n").unwrap(), None);
    assert_eq!(hashes.get_string("gone", "n").unwrap(), None);
    assert!(!hashes.contains_key("gone").unwrap());
    hashes.set("k", "n", "1").unwrap();
    assert_eq!(hashes.update_existing("k", |hash| hash.len()).unwrap(), Some(1));
    assert_eq!(hashes.increment_existing("k", "n", 2).unwrap(), Some(3));
    assert_eq!(hashes.get_parsed("k", "n").unwrap(), Some(3_u8));
    assert_eq!(hashes.get_string("k", "n").unwrap().as_deref(), Some("3"));
    let failed = hashes.try_update_existing("k", |hash| {
        hash.clear();
        Err::<(), H::Error>(Error::NotFinite.into())
    });
    assert!(failed.is_err());
    assert_eq!(hashes.size("k").unwrap(), 1);
    hashes.clear("k").unwrap();
}

#[test]
fn the_trait_does_the_same() {
    on_every_configuration(|_, store| {
        by_trait(store);
        by_trait(&store);
    });
    by_trait(&Arc::new(Store::new()));
    #[cfg(feature = "redis")]
    by_trait(&hashlet::AnyHashes::open("memory:").unwrap());
}

#[test]
fn what_is_too_long_is_refused_where_there_is_a_key() {
    let store = Store::builder().limits(Limits::default().max_string(10)).build();
    store.set("k", "f", "v").unwrap();
    let long = "x".repeat(11);
    assert_eq!(store.increment_existing("none", &long, 1), Ok(None));
    assert_eq!(store.increment_existing("k", &long, 1), Err(Error::FieldTooLong { size: 11, limit: 10 }));
}

/// Between the look at a key and the change of it, nobody can remove it.
#[test]
fn no_thread_leaves_half_an_object() {
    on_every_configuration(|_, store| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..200 {
                    store.set_many("user", [("name", "Ada"), ("visits", "0")]).unwrap();
                    store.clear("user");
                }
            });
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        store.increment_existing("user", "visits", 1).unwrap();
                        store.update_existing("user", |user| user.increment("visits", 1));
                        let is_whole = store.read("user", |user| user.is_empty() || user.contains("name"));
                        assert!(is_whole);
                    }
                });
            }
        });
        assert!(!store.contains_key("user"));
    });
}
