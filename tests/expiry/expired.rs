//! An expired key or field is absent for every call, from the millisecond of its deadline on. Each call answers as on a
//! store that never held it, and has the same effect.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use crate::support::check;
use crate::support::config::{Config, on_every_configuration};
use hashlet::{
    ExpireCondition, HashMut, HashRef, HashValue, KeyPattern, Overwrite, Sample, SetOptions, Store, Touch, When,
};

const HOUR: Duration = Duration::from_secs(3_600);
const SOON: Duration = Duration::from_millis(10);

fn show(answer: impl Debug) -> String {
    format!("{answer:?}")
}

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort_unstable();
    items
}

fn value(hash: &HashValue) -> String {
    show(sorted(hash.iter()))
}

/// The results of all reads of a view. If any field has expired, `f0` has.
fn look(hash: &HashRef<'_>) -> String {
    let drawn = hash.random_field().map(|(field, value)| hash.get(field) == Some(value));
    let fields = [
        show((hash.get("f0"), hash.get_many(["f0", "f1"]), hash.contains("f0"), hash.value_len("f0"))),
        show((hash.field_ttl("f0"), hash.field_ttls(["f0", "f1"]), hash.field_deadline("f0"))),
    ];
    let all = show((hash.len(), hash.is_empty(), sorted(hash.iter()), drawn, hash.ttl(), hash.deadline()));
    [&fields[0], &fields[1], &all, &value(&hash.to_value())].map(String::as_str).join("; ")
}

/// The results of a call on the view that `update` lends, and of all reads after it.
fn change<R: Debug>(store: &Store, change: impl FnOnce(&mut HashMut<'_>) -> R) -> String {
    store.update("k", |hash| show((change(hash), look(&hash.view()))))
}

fn scanned(store: &Store) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (mut fields, mut keys) = (Vec::new(), Vec::new());
    let mut cursor = None;
    loop {
        let page = store.scan("k", cursor, 7);
        fields.extend(page.items.into_iter().map(|(field, _)| field));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    loop {
        let page = store.scan_keys(cursor, 1);
        keys.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return (sorted(fields), sorted(keys));
        }
    }
}

type Call = (&'static str, fn(&Store) -> String);

const READS: &[Call] = &[
    ("get", |s| show(s.get("k", "f0"))),
    ("get_string, get_parsed", |s| show((s.get_string("k", "f0").ok(), s.get_parsed::<u8>("k", "f0").ok()))),
    ("get_many", |s| show(s.get_many("k", ["f0", "f1", "f0"]))),
    ("get_across", |s| show(s.get_across(["other", "k", "none", "k"], "f0"))),
    ("get_many_across", |s| show(s.get_many_across(["other", "k", "none", "k"], ["f0", "f1", "f0"]))),
    ("get_all", |s| value(&s.get_all("k"))),
    ("fields", |s| show(sorted(s.fields("k")))),
    ("values", |s| show(sorted(s.values("k")))),
    ("contains", |s| show(s.contains("k", "f0"))),
    ("value_len", |s| show(s.value_len("k", "f0"))),
    ("size", |s| show(s.size("k"))),
    ("random_field", |s| show(s.random_field("k").map(|(field, value)| s.get("k", field) == Some(value)))),
    ("random_fields, all", |s| show(sorted(s.random_fields("k", Sample::Distinct(usize::MAX))))),
    ("random_fields, some", |s| {
        let drawn = s.random_fields("k", Sample::Distinct(5));
        show((drawn.len(), drawn.into_iter().all(|(field, value)| s.get("k", field) == Some(value))))
    }),
    ("random_fields, repeated", |s| {
        let drawn = s.random_fields("k", Sample::WithRepeats(50));
        show((drawn.len(), drawn.into_iter().all(|(field, value)| s.get("k", field) == Some(value))))
    }),
    ("random_field_names", |s| {
        let drawn = s.random_field_names("k", Sample::Distinct(5));
        show((drawn.len(), drawn.into_iter().all(|field| s.contains("k", field))))
    }),
    ("random_key", |s| show((0..20).all(|_| s.random_key().is_none_or(|key| s.contains_key(key))))),
    ("random_key, any", |s| show(s.random_key().is_some())),
    ("scan, scan_keys", |s| show(scanned(s))),
    ("scan_fields", |s| show(sorted(s.scan_fields("k", None, 1_000).items))),
    ("scan_keys, one page", |s| show(sorted(s.scan_keys(None, 1_000).items))),
    ("iter_keys", |s| show(sorted(s.iter_keys()))),
    ("iter_keys_matching", |s| show(sorted(s.iter_keys_matching(KeyPattern::prefix("k"))))),
    ("scan_keys_matching", |s| show(sorted(s.scan_keys_matching(KeyPattern::glob("*k*"), None, 1_000).items))),
    ("keys", |s| show(sorted(s.keys()))),
    ("key_count", |s| show(s.key_count())),
    ("is_empty", |s| show(s.is_empty())),
    ("contains_key", |s| show(s.contains_key("k"))),
    ("stats", |s| show((s.stats().keys, s.stats().fields, s.stats().packed, s.stats().tables))),
    ("memory_usage", |s| show(s.memory_usage("k").is_some())),
    ("encoding", |s| show(s.encoding("k"))),
    ("ttl, deadline", |s| show((s.ttl("k"), s.deadline("k")))),
    ("field_ttl, field_deadline", |s| show((s.field_ttl("k", "f0"), s.field_deadline("k", "f0")))),
    ("field_ttls", |s| show(s.field_ttls("k", ["f0", "f1"]))),
    ("read", |s| s.read("k", look)),
    // `look` leaves this out, because a table stays a table until the end of the call that empties it.
    ("read, encoding", |s| s.read("k", |hash| show(hash.encoding()))),
    ("for_each", |s| {
        let mut seen = BTreeMap::new();
        s.for_each(|key, hash| drop(seen.insert(key.to_vec(), look(hash))));
        show(seen)
    }),
    ("shrink_to_fit", |s| {
        s.shrink_to_fit();
        String::new()
    }),
    ("reserve", |s| {
        s.reserve(1);
        String::new()
    }),
];

const WRITES: &[Call] = &[
    ("set", |s| show(s.set("k", "f0", "x"))),
    ("set, another field", |s| show(s.set("k", "new", "x"))),
    ("set_many", |s| show(s.set_many("k", [("f0", "x"), ("f1", "y"), ("new", "z")]))),
    ("set_if_absent", |s| show(s.set_if_absent("k", "f0", "x"))),
    ("compare_and_set, old value", |s| show(s.compare_and_set("k", "f0", Some(b"0"), Some(b"x")))),
    ("compare_and_set, absent", |s| show(s.compare_and_set("k", "f0", None, Some(b"x")))),
    ("remove", |s| show(s.remove("k", "f0"))),
    ("remove_many", |s| show(s.remove_many("k", ["f0", "f1", "f0"]))),
    ("set_many_across", |s| show(s.set_many_across([("k", [("f0", "x"), ("new", "z")]), ("other", [("f0", "x"); 2])]))),
    ("compare_and_set_keep_ttl", |s| show(s.compare_and_set_keep_ttl("k", "f0", None, Some(b"x")))),
    ("take", |s| show(s.take("k", "f0"))),
    ("take_many", |s| show(s.take_many("k", ["f0", "f1", "f0"]))),
    ("increment", |s| show(s.increment("k", "f0", 5))),
    ("increment_existing", |s| show(s.increment_existing("k", "f0", 5))),
    ("increment_existing, another field", |s| show(s.increment_existing("k", "new", 5))),
    ("update_existing", |s| show(s.update_existing("k", |hash| (show(hash.set("new", "x")), look(&hash.view()))))),
    ("try_update_existing", |s| show(s.try_update_existing("k", |hash| hash.set("new", "x")))),
    ("increment_float", |s| show(s.increment_float("k", "f0", 5.5))),
    ("increment_and_expire", |s| show(s.increment_and_expire("k", "f0", 5, HOUR))),
    ("expire", |s| show(s.expire("k", HOUR))),
    ("expire", |s| show(s.expire("k", std::time::UNIX_EPOCH))),
    ("expire_if", |s| show(s.expire_if("k", HOUR, ExpireCondition::IfNone))),
    ("persist", |s| show(s.persist("k"))),
    ("expire_field", |s| show(s.expire_field("k", "f0", HOUR))),
    ("expire_fields", |s| show(s.expire_fields_if("k", ["f0", "f1", "f0"], HOUR, ExpireCondition::IfNone))),
    ("persist_field", |s| show(s.persist_field("k", "f0"))),
    ("persist_fields", |s| show(s.persist_fields("k", ["f0", "f1"]))),
    ("touch", |s| show(s.get_and_expire("k", "f0", Touch::Persist))),
    ("get_many_and_expire", |s| show(s.get_many_and_expire("k", ["f0", "f1"], Touch::Expire(When::After(HOUR))))),
    ("set_with, new fields", |s| show(s.set_with("k", [("f0", "x")], SetOptions::new().only_new_fields()))),
    ("set_with, present fields", |s| show(s.set_with("k", [("f0", "x")], SetOptions::new().only_present_fields()))),
    ("set_with, new key", |s| show(s.set_with("k", [("f0", "x")], SetOptions::new().only_new_key()))),
    ("set_with, present key", |s| show(s.set_with("k", [("f0", "x")], SetOptions::new().only_present_key()))),
    ("set_with, keep", |s| show(s.set_with("k", [("f0", "x")], SetOptions::new().keep_ttl()))),
    ("clear", |s| show(s.clear("k"))),
    ("clear_many", |s| show(s.clear_many(["k", "other", "k"]))),
    ("clear_all", |s| {
        s.clear_all();
        String::new()
    }),
    ("rename", |s| show(s.rename("k", "new", Overwrite::No))),
    ("rename over", |s| show(s.rename("k", "other", Overwrite::Yes))),
    ("rename onto", |s| show(s.rename("other", "k", Overwrite::No))),
    ("rename to itself", |s| show(s.rename("k", "k", Overwrite::Yes))),
    ("copy", |s| show(s.copy("k", "new", Overwrite::No))),
    ("copy over", |s| show(s.copy("k", "other", Overwrite::Yes))),
    ("copy onto", |s| show(s.copy("other", "k", Overwrite::No))),
    ("retain, all", |s| {
        let mut seen = BTreeMap::new();
        let removed = s.retain(|key, hash| seen.insert(key.to_vec(), look(hash)).is_none());
        show((removed, seen))
    }),
    ("retain, none", |s| show(s.retain(|_, _| false))),
    ("update_many", |s| {
        show(s.update_many(["k", "other"], |[hash, other]| {
            (look(&hash.view()), look(&other.view()), hash.set("f0", "x"))
        }))
    }),
    ("update_slice", |s| {
        show(s.update_slice(&["k", "other"], |hashes| {
            (look(&hashes[0].view()), look(&hashes[1].view()), hashes[0].set("f0", "x"))
        }))
    }),
    ("update, reads", |s| {
        let reads = |hash: &mut HashMut<'_>| {
            let drawn = hash.random_field().is_some();
            let fields = show((hash.get("f0"), hash.get_many(["f0", "f1"]), hash.contains("f0"), hash.value_len("f0")));
            let ttls = show((hash.ttl(), hash.deadline(), hash.field_ttl("f0"), hash.field_ttls(["f0", "f1"])));
            show((drawn, fields, ttls, hash.field_deadline("f0"), hash.len(), hash.is_empty(), sorted(hash.iter())))
        };
        change(s, reads)
    }),
    ("update, set", |s| change(s, |hash| hash.set("f0", "x"))),
    ("update, set_many", |s| change(s, |hash| hash.set_many([("f0", "x"), ("f1", "y")]))),
    ("update, set_if_absent", |s| change(s, |hash| hash.set_if_absent("f0", "x"))),
    ("update, compare_and_set", |s| change(s, |hash| hash.compare_and_set("f0", None, Some(b"x")))),
    ("update, remove", |s| change(s, |hash| hash.remove("f0"))),
    ("update, remove_many", |s| change(s, |hash| hash.remove_many(["f0", "f1"]))),
    ("update, take", |s| change(s, |hash| hash.take("f0"))),
    ("update, increment", |s| change(s, |hash| hash.increment("f0", 5))),
    ("update, increment_float", |s| change(s, |hash| hash.increment_float("f0", 5.5))),
    ("update, increment_and_expire", |s| change(s, |hash| hash.increment_and_expire("f0", 5, HOUR))),
    ("update, clear", |s| change(s, |hash| hash.clear())),
    ("update, expire", |s| change(s, |hash| hash.expire(HOUR))),
    ("update, expire", |s| change(s, |hash| hash.expire(std::time::UNIX_EPOCH))),
    ("update, persist", |s| change(s, |hash| hash.persist())),
    ("update, expire_field", |s| change(s, |hash| hash.expire_field("f0", HOUR))),
    ("update, expire_fields", |s| change(s, |hash| hash.expire_fields(["f0", "f1"], HOUR))),
    ("update, persist_fields", |s| change(s, |hash| (hash.persist_field("f0"), hash.persist_fields(["f0", "f1"])))),
    ("update, touch", |s| {
        change(s, |hash| (hash.get_and_expire("f0", Touch::Persist), hash.get_many_and_expire(["f0"], Touch::Persist)))
    }),
    ("update, set_with", |s| change(s, |hash| hash.set_with([("f0", "x")], SetOptions::new().only_new_fields()))),
];

/// The part of the hash that has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    OneField,
    HalfTheFields,
    AllFields,
    Key,
}

impl Due {
    fn is_due(self, field: usize) -> bool {
        match self {
            Self::OneField => field == 0,
            Self::HalfTheFields => field.is_multiple_of(2),
            Self::AllFields | Self::Key => true,
        }
    }
}

fn fill(store: &Store, fields: impl Iterator<Item = usize>) {
    store.set("other", "f0", "1").unwrap();
    store.set_many("k", fields.map(|n| (format!("f{n}"), n.to_string()))).unwrap();
}

/// The contents of a store and its counts.
fn contents(store: &Store) -> String {
    let mut contents = BTreeMap::new();
    store.for_each(|key, hash| drop(contents.insert(key.to_vec(), (sorted(hash.to_value()), hash.ttl()))));
    show((contents, store.key_count(), store.stats().keys, store.stats().fields))
}

/// Runs each call on a store in which something has expired, and on a store that never held it. Both have to answer the
/// same, and to hold the same afterwards.
fn compare(config: &Config, calls: &[Call], sizes: &[usize]) {
    for &size in sizes {
        for due in [Due::OneField, Due::HalfTheFields, Due::AllFields, Due::Key] {
            for (name, call) in calls {
                let clock = hashlet::ManualClock::new();
                let [store, never] = [(); 2].map(|()| config.builder().clock(&clock).build());
                fill(&store, 0..size);
                if due == Due::Key {
                    store.expire("k", SOON);
                } else {
                    let fields = (0..size).filter(|n| due.is_due(*n)).map(|n| format!("f{n}"));
                    store.expire_fields("k", fields, SOON);
                }
                clock.advance(SOON - Duration::from_millis(1));
                assert_eq!(store.size("k"), size, "too early: {name}, {due:?} of {size}");
                clock.advance(Duration::from_millis(1));
                fill(&never, (0..size).filter(|n| !due.is_due(*n)));
                let answers = [call(&store), call(&never)];
                assert!(
                    answers[0] == answers[1],
                    "{name}, {due:?} of {size}: {:.2000}\nnot {:.2000}",
                    answers[0],
                    answers[1]
                );
                let contents = [contents(&store), contents(&never)];
                assert!(contents[0] == contents[1], "left by {name}, {due:?} of {size}: {:.2000}", contents[0]);
                check::store(&store);
            }
        }
    }
}

/// The number of fields of a large hash: several segments of a table. A packed hash has fewer, because every change
/// moves them all.
fn many(config: &Config) -> usize {
    if config.name.starts_with("packed") { 100 } else { 3_000 }
}

#[test]
fn what_has_expired_is_absent_for_every_read() {
    on_every_configuration(|config, _| compare(config, READS, &[1, 20]));
}

#[test]
fn what_has_expired_is_absent_for_every_write() {
    on_every_configuration(|config, _| compare(config, WRITES, &[1, 20]));
}

#[test]
fn what_has_expired_is_absent_for_every_read_of_a_large_hash() {
    on_every_configuration(|config, _| compare(config, READS, &[many(config)]));
}

#[test]
fn what_has_expired_is_absent_for_every_write_to_a_large_hash() {
    on_every_configuration(|config, _| compare(config, WRITES, &[many(config)]));
}
