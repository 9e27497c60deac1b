//! The owned value: a hash without a store. Two values are equal if their contents are, whatever their encodings.

use std::collections::{BTreeMap, HashMap};

use crate::support::check;
use crate::support::config;
use hashlet::{Encoding, Error, HashValue, Sample, Store};

/// `count` fields in each encoding.
fn twins(count: usize) -> [HashValue; 2] {
    [config::packed(), config::table()].map(|thresholds| {
        let mut value = HashValue::with_thresholds(thresholds);
        value.extend((0..count).map(|n| (format!("f{n}"), n.to_string())));
        value
    })
}

#[test]
fn a_new_value_is_empty_and_owns_no_heap() {
    for value in [HashValue::new(), HashValue::default(), HashValue::with_thresholds(config::tiny())] {
        assert!(value.is_empty());
        assert_eq!((value.len(), value.memory_usage(), value.iter().next()), (0, 0, None));
        assert_eq!(value, HashValue::new());
        check::value(&value);
    }
}

#[test]
fn values_are_equal_whatever_their_encoding() {
    for count in [1, 2, 3, 100, 2_000] {
        let [packed, mut table] = twins(count);
        assert_eq!((packed.encoding(), table.encoding()), (Encoding::Packed, Encoding::Table));
        assert_eq!(packed, table);
        assert_eq!(table, packed);
        table.set("f0", "other").unwrap();
        assert_ne!(packed, table, "another value");
        table.set("f0", "0").unwrap();
        assert_eq!(packed, table);
        table.set("more", "").unwrap();
        assert_ne!(packed, table, "one field more");
        table.remove("f0");
        assert_ne!(packed, table, "another field");
    }
}

#[test]
fn the_order_of_insertion_does_not_matter() {
    let pairs: Vec<(String, String)> = (0..300).map(|n| (format!("f{n}"), n.to_string())).collect();
    let forwards: HashValue = pairs.iter().cloned().collect();
    let backwards: HashValue = pairs.into_iter().rev().collect();
    assert_eq!(forwards, backwards);
}

#[test]
fn collecting_and_extending_keep_the_last_value() {
    let mut value: HashValue = [("a", "1"), ("b", "2"), ("a", "3")].into_iter().collect();
    assert_eq!(value.len(), 2);
    value.extend([("b", "4"), ("c", "5")]);
    let pairs: BTreeMap<_, _> = value.iter().collect();
    let expected: [(&[u8], &[u8]); 3] = [(b"a", b"3"), (b"b", b"4"), (b"c", b"5")];
    assert_eq!(pairs, BTreeMap::from(expected));
}

#[test]
fn iterating_by_reference_and_by_value_gives_the_same_pairs() {
    for count in [0, 1, 5, 300, 3_000] {
        for value in twins(count) {
            let mut borrowed: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
            for (field, value) in &value {
                borrowed.push((field.into(), value.into()));
            }
            assert_eq!(value.iter().len(), count);
            assert_eq!(borrowed.len(), count);
            let owned: Vec<(Vec<u8>, Vec<u8>)> = value.into_iter().collect();
            assert_eq!(owned, borrowed);
        }
    }
}

#[test]
fn an_iterator_knows_how_much_is_left() {
    for value in twins(300) {
        let mut pairs = value.iter();
        for left in (0..300).rev() {
            assert!(pairs.next().is_some());
            assert_eq!((pairs.len(), pairs.size_hint()), (left, (left, Some(left))));
        }
        assert_eq!((pairs.next(), pairs.next()), (None, None));
    }
}

#[test]
fn a_clone_goes_its_own_way() {
    for mut value in twins(50) {
        let copy = value.clone();
        assert_eq!((&copy, copy.encoding()), (&value, value.encoding()));
        value.set("f1", "changed").unwrap();
        value.remove("f2");
        assert_eq!((copy.get("f1"), copy.get("f2")), (Some(&b"1"[..]), Some(&b"2"[..])));
        assert_eq!(copy.len(), 50);
        check::value(&copy);
    }
}

#[test]
fn every_word_of_a_hash_works_on_a_value() {
    let mut value = HashValue::new();
    assert_eq!(value.set("a", "1"), Ok(true));
    assert_eq!(value.set_if_absent("a", "2"), Ok(false));
    assert_eq!(value.set_many([("b", "2"), ("c", "3")]), Ok(2));
    assert_eq!(value.compare_and_set("c", Some(b"3"), Some(b"4")), Ok(true));
    assert_eq!(value.increment("a", 41), Ok(42));
    assert_eq!(value.increment_float("b", 0.5), Ok(2.5));
    assert_eq!(value.increment("b", 1), Err(Error::NotAnInteger));
    assert_eq!((value.get("a"), value.value_len("b"), value.contains("c")), (Some(&b"42"[..]), Some(3), true));
    assert_eq!(value.view().get("c"), Some(&b"4"[..]));
    assert_eq!((value.take("a"), value.remove("b"), value.remove_many(["c", "d"])), (Some(b"42".to_vec()), true, 1));
    assert!(value.is_empty());
    value.set("a", "1").unwrap();
    value.clear();
    assert_eq!(value, HashValue::new());
}

#[test]
fn debug_shows_the_pairs() {
    let [packed, table] = twins(1).map(|value| format!("{value:?}"));
    assert_eq!(packed, table);
    assert!(packed.contains("f0"), "{packed}");
    assert_ne!(packed, format!("{:?}", HashValue::new()));
}

#[test]
fn what_a_store_gives_is_whole_and_stands_alone() {
    config::on_every_configuration(|_, store: &Store| {
        for count in [0, 1, 3, 4, 200, 2_000] {
            store.clear("k");
            let [expected, _] = twins(count);
            store.set_many("k", &expected).unwrap();
            let all = store.get_all("k");
            assert_eq!(all, expected);
            assert_eq!(store.read("k", |hash| hash.to_value()), expected);
            store.update("k", |hash| assert_eq!(hash.view().to_value(), expected));
            store.set("k", "f0", "changed").unwrap();
            assert_eq!(all, expected, "a copy, not a view");
            check::value(&all);
        }
    });
}

#[test]
fn retain_keeps_what_the_closure_wants_in_both_encodings() {
    for count in [0, 1, 4, 300] {
        for mut value in twins(count) {
            assert_eq!(value.retain(|_, _| true), 0);
            let kept = (0..count).filter(|n| n % 10 == 3).count();
            assert_eq!(value.retain(|field, number| field[1..] == *number && number.ends_with(b"3")), count - kept);
            assert!(value.len() == kept && value.iter().all(|(field, _)| field.ends_with(b"3")));
            check::value(&value);
            value.retain(|_, _| false);
            assert_eq!(value, HashValue::new());
        }
    }
}

#[test]
fn retain_and_random_fields_mean_the_same_inside_a_closure() {
    for config in config::all() {
        let store = config.store();
        store.set_many("k", (0..300).map(|n| (format!("f{n}"), n.to_string()))).unwrap();
        let keep = |_: &[u8], value: &[u8]| value.ends_with(b"0");
        let mut value = store.get_all("k");
        assert_eq!(store.update("k", |hash| hash.retain(keep)), 270, "{}", config.name);
        assert_eq!((value.retain(keep), &value), (270, &store.get_all("k")));
        for sample in [Sample::Distinct(7), Sample::Distinct(100), Sample::WithRepeats(50)] {
            let drawn = [value.random_fields(sample), store.read("k", |hash| hash.random_fields(sample))];
            let drawn = drawn.into_iter().chain([store.update("k", |hash| hash.random_fields(sample))]);
            for drawn in drawn {
                assert_eq!(drawn.len(), store.random_fields("k", sample).len());
                assert!(drawn.iter().all(|(field, drawn)| value.get(field) == Some(drawn)));
            }
        }
        assert_eq!(store.update("k", |hash| hash.retain(|_, _| false)), 30);
        assert!(!store.contains_key("k"));
    }
}

#[test]
fn the_maps_of_std_become_hashes_and_come_back() {
    let sorted = BTreeMap::from([(b"a".to_vec(), b"1".to_vec()), (vec![], vec![0, 255])]);
    let hash = HashValue::from(sorted.clone());
    assert_eq!(hash.len(), 2);
    assert!(HashValue::from([(&b"a"[..], &b"1"[..]), (b"", &[0, 255])]) == hash);
    let unsorted: HashMap<Vec<u8>, Vec<u8>> = hash.clone().into();
    assert!(HashValue::from(unsorted.clone()) == hash);
    assert_eq!(BTreeMap::from(hash.clone()), sorted);
    let mut extended = BTreeMap::from([(b"b".to_vec(), b"2".to_vec())]);
    extended.extend(hash.clone());
    extended.extend(unsorted);
    let mut other = HashValue::from([("b", "2")]);
    other.extend(hash);
    assert!(HashValue::from(extended) == other);
}
