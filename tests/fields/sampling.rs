//! Random fields: they come from the hash, there are as many as asked for, and all fields are equally likely.

use std::collections::{HashMap, HashSet};
use std::thread;

use crate::support::config::{self, on_every_configuration};
use crate::support::even::assert_even;
use hashlet::{HashValue, Sample, Store};

type Pair = (Vec<u8>, Vec<u8>);

fn field(number: usize) -> Vec<u8> {
    format!("f{number}").into_bytes()
}

/// Sets fields `f0` and so on, each to its number, and removes all others.
fn fill(store: &Store, len: usize) {
    store.remove_many("k", (len..store.size("k")).map(field));
    store.set_many("k", (0..len).map(|n| (field(n), n.to_string()))).unwrap();
}

/// Checks that fields `f0` and so on are drawn equally often, with their values, in 40 draws for each field.
fn check_even(len: usize, mut draw: impl FnMut() -> Vec<Pair>) {
    let mut counts: HashMap<Vec<u8>, usize> = (0..len).map(|n| (field(n), 0)).collect();
    let mut left = 40 * len;
    while left > 0 {
        let drawn = draw();
        left = left.saturating_sub(drawn.len());
        for (name, value) in drawn {
            assert_eq!(&name[1..], value, "the value of another field");
            *counts.get_mut(&name).expect("a field that is there") += 1;
        }
    }
    assert_even(counts.values().copied());
}

#[test]
fn a_missing_key_has_no_random_fields() {
    on_every_configuration(|_, store| {
        assert_eq!(store.random_field("k"), None);
        for count in [0, 1, usize::MAX] {
            assert_eq!(store.random_fields("k", Sample::Distinct(count)), []);
            assert_eq!(store.random_fields("k", Sample::WithRepeats(count)), []);
            assert!(store.random_field_names("k", Sample::Distinct(count)).is_empty());
            assert!(store.random_field_names("k", Sample::WithRepeats(count)).is_empty());
        }
        assert!(store.is_empty());
    });
}

#[test]
fn every_field_is_as_likely_as_any_other() {
    on_every_configuration(|_, store| {
        for len in [1, 2, 3, 100, 1_000, 3_000] {
            fill(store, len);
            check_even(len, || store.random_field("k").into_iter().collect());
            check_even(len, || store.random_fields("k", Sample::WithRepeats(7)));
            for count in [1, len / 5, len / 2, len - 1] {
                check_even(len, || store.random_fields("k", Sample::Distinct(count.max(1))));
            }
        }
    });
}

#[test]
fn every_field_is_as_likely_as_any_other_after_mass_removal() {
    on_every_configuration(|_, store| {
        fill(store, 8_000);
        for len in [2_000, 300, 40, 3, 1] {
            fill(store, len);
            check_even(len, || store.random_field("k").into_iter().collect());
            check_even(len, || store.random_fields("k", Sample::Distinct(1 + len / 5)));
        }
    });
}

#[test]
fn a_hash_filled_in_its_own_order_is_sampled_evenly() {
    // Segments split unevenly then, and many stay nearly empty.
    let source = Store::builder().thresholds(config::table()).build();
    fill(&source, 6_000);
    let store = Store::builder().thresholds(config::table()).build();
    for (name, value) in source.scan("k", None, usize::MAX).items {
        store.set("k", name, value).unwrap();
    }
    check_even(6_000, || store.random_field("k").into_iter().collect());
}

#[test]
fn a_distinct_sample_has_so_many_different_fields() {
    on_every_configuration(|_, store| {
        for len in [1, 2, 3, 4, 5, 127, 128, 2_000] {
            fill(store, len);
            for count in [0, 1, len / 4, len / 4 + 1, len / 2, len - 1, len, len + 1, 65_536, usize::MAX] {
                let drawn = store.random_fields("k", Sample::Distinct(count));
                assert_eq!(drawn.len(), count.min(len), "{count} of {len}");
                assert!(drawn.iter().all(|(name, value)| store.get("k", name).as_ref() == Some(value)));
                let names: HashSet<&Vec<u8>> = drawn.iter().map(|(name, _)| name).collect();
                assert_eq!(names.len(), drawn.len(), "{count} of {len}");
            }
        }
    });
}

#[test]
fn every_choice_of_fields_is_as_likely_as_any_other() {
    on_every_configuration(|_, store| {
        // Three of six, in whatever order: twenty choices.
        fill(store, 6);
        let mut counts = HashMap::new();
        for _ in 0..4_000 {
            let mut names: Vec<_> =
                store.random_fields("k", Sample::Distinct(3)).into_iter().map(|pair| pair.0).collect();
            names.sort_unstable();
            *counts.entry(names).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 20);
        assert_even(counts.values().copied());
        // Two calls in a row, each with one of nine.
        fill(store, 9);
        let mut counts = HashMap::new();
        for _ in 0..4_000 {
            let mut names: Vec<_> =
                store.random_fields("k", Sample::Distinct(1)).into_iter().map(|pair| pair.0).collect();
            names.extend(store.random_field("k").map(|pair| pair.0));
            *counts.entry(names).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 81, "two calls in a row depend on each other");
        assert_even(counts.values().copied());
    });
}

#[test]
fn a_sample_with_repeats_has_so_many_draws() {
    on_every_configuration(|_, store| {
        for len in [1, 3, 200] {
            fill(store, len);
            for count in [0, 1, 2, 1_000] {
                assert_eq!(store.random_fields("k", Sample::WithRepeats(count)).len(), count);
            }
        }
    });
}

#[test]
fn draws_that_no_memory_could_hold_stop_at_the_most() {
    let store = Store::new();
    store.set("k", "f", "v").unwrap();
    for count in [Sample::MAX_REPEATS, Sample::MAX_REPEATS + 1, usize::MAX] {
        assert_eq!(store.random_fields("k", Sample::WithRepeats(count)).len(), Sample::MAX_REPEATS);
    }
}

#[test]
fn closures_and_owned_values_draw_too() {
    on_every_configuration(|_, store| {
        assert!(store.read("k", |hash| hash.random_field().is_none()));
        assert!(store.update("k", |hash| hash.random_field().is_none()));
        fill(store, 300);
        let owned = |(name, value): (&[u8], &[u8])| vec![(name.to_vec(), value.to_vec())];
        check_even(300, || store.read("k", |hash| hash.random_field().map(owned).unwrap()));
        check_even(300, || store.update("k", |hash| hash.random_field().map(owned).unwrap()));
        let value = store.get_all("k");
        check_even(300, || value.random_field().map(owned).unwrap());
    });
    assert_eq!(HashValue::new().random_field(), None);
}

#[test]
fn threads_draw_each_their_own() {
    on_every_configuration(|_, store| {
        fill(store, 1_000);
        let draw = || (0..32).filter_map(|_| store.random_field("k")).collect::<Vec<Pair>>();
        let drawn: HashSet<Vec<Pair>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(drawn.len(), 4, "two threads drew the same");
    });
}

#[test]
fn samples_of_a_hash_in_change_are_of_one_instant() {
    on_every_configuration(|_, store| {
        fill(store, 50);
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for turn in 0..300 {
                    // All values change at once, and with them the number of fields.
                    let len = [50, 3, 2_000][turn % 3];
                    store.update("k", |hash| {
                        hash.clear();
                        hash.set_many((0..len).map(|n| (field(n), turn.to_string()))).unwrap();
                    });
                }
            });
            while !writer.is_finished() {
                for sample in [Sample::Distinct(3), Sample::Distinct(40), Sample::WithRepeats(10)] {
                    let drawn = store.random_fields("k", sample);
                    assert!(drawn.len() >= 3);
                    let first = &drawn[0].1;
                    let initial = drawn.iter().all(|(name, value)| &name[1..] == value);
                    assert!(initial || drawn.iter().all(|(_, value)| value == first), "a torn sample");
                }
            }
        });
    });
}

#[test]
fn names_are_drawn_as_fields_are() {
    on_every_configuration(|_, store| {
        for len in [1, 3, 100, 1_000] {
            fill(store, len);
            let named = |name: Vec<u8>| (name.clone(), name[1..].to_vec());
            for sample in [Sample::Distinct(len), Sample::Distinct(1), Sample::Distinct(len / 2 + 1)] {
                let names = store.random_field_names("k", sample);
                let distinct: HashSet<&Vec<u8>> = names.iter().collect();
                assert_eq!(distinct.len(), names.len());
                assert_eq!(names.len(), store.random_fields("k", sample).len());
                check_even(len, || store.random_field_names("k", sample).into_iter().map(named).collect());
            }
            assert_eq!(store.random_field_names("k", Sample::WithRepeats(1_000)).len(), 1_000);
            check_even(len, || store.random_field_names("k", Sample::WithRepeats(20)).into_iter().map(named).collect());
        }
    });
}
