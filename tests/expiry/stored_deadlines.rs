//! Deadlines of fields stay exact in every form of their hash, and cost what is promised.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::support::check;
use crate::support::config::{
    Config, on_every_configuration_with_clock, on_every_configuration_with_clock_within, packed,
};
use crate::support::source::Source;
use hashlet::{Encoding, ExpireCondition, Limits, ManualClock, Overwrite, SetOptions, Store, Thresholds};

const HOUR: Duration = Duration::from_secs(3_600);

fn name(n: usize) -> String {
    format!("f{n}")
}

/// The deadline of each field that has one, by the fields' names.
fn deadlines(store: &Store, key: &str) -> BTreeMap<Vec<u8>, SystemTime> {
    store.read(key, |hash| {
        hash.iter().filter_map(|(field, _)| Some((field.to_vec(), hash.field_deadline(field)?))).collect()
    })
}

/// Sets this many fields, and gives every third one a deadline of its own.
fn fill(store: &Store, clock: &ManualClock, fields: usize) -> BTreeMap<Vec<u8>, SystemTime> {
    store.set_many("k", (0..fields).map(|n| (name(n), "v"))).unwrap();
    store.expire("k", HOUR * 24);
    store.update("k", |hash| {
        let timed = (0..fields).step_by(3).map(|n| (name(n), clock.now() + HOUR + Duration::from_millis(n as u64)));
        timed.map(|(field, time)| (hash.expire_field(&field, time), (field.into_bytes(), time)).1).collect()
    })
}

fn many(config: &Config) -> usize {
    if config.name.starts_with("packed") { 300 } else { 3_000 }
}

#[test]
fn deadlines_stay_exact_in_whatever_form_the_hash_takes() {
    on_every_configuration_with_clock(|config, store, clock| {
        for size in [2, 9, 20, many(config)] {
            let mut expected = fill(store, clock, size);
            let key_deadline = store.deadline("k");
            let check = |what: &str, expected: &BTreeMap<Vec<u8>, SystemTime>| {
                assert_eq!(&deadlines(store, "k"), expected, "{what}, {size} fields");
                assert_eq!(store.deadline("k"), key_deadline, "{what}, {size} fields");
                check::store(store);
            };
            check("set", &expected);
            let keep = SetOptions::new().keep_ttl();
            for len in [300, 1, 1_010, 1_100, 2_000, 5_000, 0, 1_016, 70_000, 3] {
                store.set_with("k", [(name(0), vec![b'x'; len])], keep).unwrap();
                check("another length", &expected);
                store.set("k", name(1), vec![b'y'; len]).unwrap();
                check("another length of another field", &expected);
                assert_eq!(store.value_len("k", name(0)), Some(len));
            }
            store.set_many("k", (0..3_000).map(|n| (format!("more{n}"), "v"))).unwrap();
            check("grown", &expected);
            store.rename("k", "another and longer key", Overwrite::No).unwrap();
            store.copy("another and longer key", "k", Overwrite::No).unwrap();
            store.clear("another and longer key");
            check("renamed and copied", &expected);
            assert_eq!(store.remove_many("k", (0..3_000).map(|n| format!("more{n}"))), 3_000);
            check("shrunk", &expected);
            store.shrink_to_fit();
            check("all slack given back", &expected);
            for n in (0..size).filter(|n| n % 4 == 1) {
                store.remove("k", name(n));
                expected.remove(name(n).as_bytes());
            }
            check("removed one by one", &expected);
            let kept = expected.pop_first().unwrap();
            store.remove_many("k", (0..size).map(name).filter(|field| field.as_bytes() != kept.0));
            check("all but one removed", &BTreeMap::from([kept]));
            store.clear("k");
        }
    });
}

/// A packed hash stores the ends of its entries in one byte each as long as the entries take at most 255 bytes. The
/// entry that exceeds that moves to the end.
#[test]
fn deadlines_stay_with_their_fields_where_ends_change_their_width() {
    on_every_configuration_with_clock(|_, store, clock| {
        for field in 0..10 {
            let expected = fill(store, clock, 10);
            let keep = SetOptions::new().keep_ttl();
            for len in [250, 1, 260, 200, 300, 0] {
                store.set_with("k", [(name(field), vec![b'x'; len])], keep).unwrap();
                assert_eq!(deadlines(store, "k"), expected, "f{field}, {len} bytes");
                check::store(store);
            }
            store.set("k", "filler", vec![0; 260]).unwrap();
            store.remove("k", name((field + 1) % 10));
            store.remove("k", "filler");
            let mut left = expected;
            left.remove(name((field + 1) % 10).as_bytes());
            assert_eq!(deadlines(store, "k"), left);
            store.clear("k");
        }
    });
}

#[test]
fn a_hash_that_leaves_the_store_has_no_deadlines() {
    on_every_configuration_with_clock(|config, store, clock| {
        for size in [1, 20, many(config)] {
            fill(store, clock, size);
            let copy = store.get_all("k");
            let lent = store.read("k", |hash| hash.to_value());
            clock.advance(HOUR * 48);
            assert_eq!((copy.len(), lent.len(), store.size("k")), (size, size, 0));
            check::value(&copy);
            let mut shrunk = copy.clone();
            shrunk.shrink_to_fit();
            store.set_many("k", copy.iter()).unwrap();
            assert!(deadlines(store, "k").is_empty());
            store.shrink_to_fit();
            if store.stats().shaped > 0 {
                // Without its names it is smaller than the value, and as large as a hash that never had a deadline.
                let other = config.store();
                other.set_many("k", copy.iter()).unwrap();
                other.shrink_to_fit();
                assert_eq!(store.memory_usage("k"), other.memory_usage("k"));
                store.clear("k");
                continue;
            }
            let more = store.memory_usage("k").unwrap() - shrunk.memory_usage();
            let is_packed = store.encoding("k") == Some(Encoding::Packed);
            let steps: &[usize] = if is_packed { &[0, 8] } else { &[1] };
            assert!(steps.contains(&more), "{more} bytes for a byte of a key");
            store.clear("k");
        }
    });
}

#[test]
fn the_last_deadline_gives_all_its_bytes_back() {
    on_every_configuration_with_clock(|_, store, clock| {
        for size in [1, 20, 300] {
            store.set_many("k", (0..size).map(|n| (name(n), "v"))).unwrap();
            store.set("k", "long", vec![b'x'; 2_000]).unwrap();
            // Some free bytes remain, which no deadline has caused.
            let exact = || (store.shrink_to_fit(), store.memory_usage("k"), check::counts(store).bytes);
            let before = exact();
            let all = || (0..size).map(name).chain(["long".into()]);
            store.expire("k", HOUR);
            store.expire_fields("k", all(), HOUR);
            assert!(exact().1 > before.1);
            assert!(store.persist("k"));
            assert!(store.persist_fields("k", all()).into_iter().all(|had| had));
            assert_eq!(exact(), before, "persisted, {size} fields");
            store.expire_fields("k", all(), HOUR);
            let same = store.get_all("k");
            store.set_many("k", &same).unwrap();
            assert_eq!(exact(), before, "overwritten, {size} fields");
            store.set("k", "extra", "v").unwrap();
            store.expire_field("k", "extra", HOUR);
            clock.advance(HOUR);
            assert_eq!(store.size("k"), size + 1);
            assert_eq!(exact(), before, "expired, {size} fields");
            store.clear("k");
        }
    });
}

#[test]
fn deadlines_cost_what_was_promised() {
    let store = Store::builder().thresholds(packed()).shards(1).build();
    store.set_many("k", (0..20).map(|n| (name(n), "v"))).unwrap();
    let bytes = || (store.memory_usage("k").unwrap(), store.stats().bytes);
    let none = bytes();
    let cost = || (bytes().0 - none.0, bytes().1 - none.1);
    store.expire_field("k", name(7), HOUR);
    assert!(cost().0 <= 32 && cost().1 <= 32, "one field: {:?}", cost());
    store.expire_fields("k", (0..20).map(name), HOUR);
    assert!(cost().0 <= 210 && cost().1 <= 210, "all fields: {:?}", cost());
    store.persist_fields("k", (0..20).map(name));
    store.shrink_to_fit();
    assert_eq!(bytes(), none);
    store.expire("k", HOUR);
    assert!(cost().0 <= 16 && cost().1 <= 16, "the key: {:?}", cost());
    assert!(store.persist("k"));
    store.shrink_to_fit();
    assert_eq!(bytes(), none);
    for (fields, most) in [(1, 16), (20, 16)] {
        let table = Store::builder().thresholds(Thresholds::default().max_fields(0)).build();
        table.set_many("k", (0..fields).map(|n| (name(n), "v"))).unwrap();
        table.shrink_to_fit();
        let before = table.memory_usage("k").unwrap();
        table.expire("k", HOUR);
        assert!(table.memory_usage("k").unwrap() <= before + most);
        table.expire_field("k", name(0), HOUR);
        table.shrink_to_fit();
        assert!(table.memory_usage("k").unwrap() <= before + most);
    }
}

/// A longer value takes exactly the bytes that a removed deadline leaves. The hash keeps its length, but no longer is
/// within its thresholds.
#[test]
fn a_longer_value_in_place_of_a_deadline_changes_the_encoding() {
    let thresholds = Thresholds::default().max_packed_bytes(64);
    for (deadline_bytes, in_field) in [(9, true), (8, false)] {
        let store = Store::builder().thresholds(thresholds).build();
        store.set("k", "f", vec![b'x'; 62]).unwrap(); // 64 bytes with the field and its length
        assert_eq!(store.encoding("k"), Some(Encoding::Packed));
        store.update("k", |hash| {
            if in_field {
                hash.expire_field("f", HOUR);
            } else {
                hash.expire(HOUR);
            }
        });
        store.update("k", |hash| {
            hash.persist();
            hash.set("f", vec![b'x'; 62 + deadline_bytes]).unwrap();
        });
        assert_eq!(store.encoding("k"), Some(Encoding::Table), "{} bytes of at most 64", 64 + deadline_bytes);
        check::store(&store);
    }
}

/// The validation of a store removes what has expired. It must not report that as an error.
#[test]
fn a_limited_store_can_be_checked_while_something_has_expired() {
    on_every_configuration_with_clock_within(Limits::default().max_bytes(100_000), |_, store, clock| {
        store.set("k", "f", "v").unwrap();
        store.expire("k", HOUR);
        clock.advance(HOUR);
        check::store(store);
    });
}

/// Random writes, deadlines and steps of the clock, on a store that is sometimes full.
#[test]
fn the_bytes_of_a_limited_store_stay_exact() {
    on_every_configuration_with_clock_within(Limits::default().max_bytes(100_000), |_, store, clock| {
        let mut source = Source::Seed(9);
        for step in 0..2_000 {
            let (key, field) = (format!("k{}", source.below(6)), name(source.below(40)));
            let left = Duration::from_millis(source.below(40) as u64);
            match source.below(9) {
                0 => _ = store.set(&key, &field, vec![b'x'; source.below(3_000)]),
                1 => _ = store.set_many(&key, (0..source.below(60)).map(|n| (name(n), "v"))),
                2 => _ = store.expire(&key, left),
                3 | 4 => _ = store.expire_fields_if(&key, (0..40).map(name), left, ExpireCondition::IfNone),
                5 => _ = store.increment_and_expire(&key, "n", 1, left),
                6 => _ = store.copy(&key, "k0", Overwrite::Yes),
                7 => _ = store.purge_expired(1),
                _ => clock.advance(Duration::from_millis(source.below(10) as u64)),
            }
            if step % 5 == 0 {
                assert_eq!(store.stats().keys, store.key_count());
                check::store(store);
            }
        }
        clock.advance(HOUR);
        store.purge_expired(usize::MAX);
        store.clear_many(store.keys());
        check::store(store);
    });
}

/// Each segment knows a bound on its deadlines. The bound must stay right when entries move to another segment.
#[test]
fn what_expires_is_found_after_segments_have_split_and_merged() {
    on_every_configuration_with_clock(|config, store, clock| {
        let others = || (0..many(config) * 2).map(|n| format!("other{n}"));
        for is_merged in [false, true] {
            let timed = || (0..12).map(name);
            let grow = || others().for_each(|other| _ = store.update(&other, |hash| hash.set("f", "v")));
            if is_merged {
                grow();
                store.set_many("k", others().map(|field| (field, "v"))).unwrap();
            }
            store.set_many("k", timed().map(|field| (field, "v"))).unwrap();
            store.expire_fields("k", timed(), HOUR);
            for key in timed() {
                store.set(&key, "f", "v").unwrap();
                store.expire(&key, HOUR);
            }
            if is_merged {
                store.remove_many("k", others());
                store.clear_many(others());
            } else {
                grow();
                store.set_many("k", others().map(|field| (field, "v"))).unwrap();
            }
            clock.advance(HOUR);
            assert!(timed().all(|field| store.get("k", field).is_none()), "merged: {is_merged}");
            let left = if is_merged { 0 } else { many(config) * 2 };
            assert_eq!((store.size("k"), store.key_count()), (left, left + usize::from(!is_merged)));
            store.clear_all();
        }
    });
}

/// Once, a store compared only sizes. It did not notice the deadline, so the field never expired.
#[test]
fn a_deadline_in_place_of_a_longer_value_is_found_when_it_comes() {
    on_every_configuration_with_clock(|_, store, clock| {
        for longer in 0..20 {
            store.clear("k");
            store.set_many("k", [("f", "x".repeat(30).as_str()), ("g", "")]).unwrap();
            let shorter = "x".repeat(30 - longer);
            store.set_with("k", [("f", shorter)], SetOptions::new().expire(HOUR)).unwrap();
            clock.advance(HOUR);
            assert_eq!((store.size("k"), store.get("k", "f")), (1, None), "{longer} bytes");
        }
    });
}

/// A hash with the empty key and no fields has no bytes at all, so it has no place for flags.
#[test]
fn all_fields_of_the_empty_key_expire_together() {
    on_every_configuration_with_clock(|_, store, clock| {
        for len in [1, 100, 300] {
            let pairs = (0..4).map(|n| (name(n), "x".repeat(len)));
            store.set_with("", pairs, SetOptions::new().expire(HOUR).expire_key(HOUR * 2)).unwrap();
            clock.advance(HOUR);
            assert_eq!((store.size(""), store.key_count()), (0, 0), "{len} bytes");
        }
    });
}
