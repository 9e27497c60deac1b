//! Keys and fields that arrive in the order in which another store with the same seeds keeps them. A hash table that is
//! filled from another one in this way can take quadratic time.

use super::Sum;
use crate::directory::SEGMENT_ENTRIES;
use crate::store::Store;
use crate::value::HashValue;

/// Enough for more than a hundred segments.
const N: usize = 100_000;

/// A store with one shard, so that all keys share a directory. It has no shapes, because names of fields are compared
/// with theirs, and only names of keys are counted here.
fn store() -> Store {
    Store::builder().shards(1).shapes(false).build()
}

fn name(n: usize) -> Vec<u8> {
    format!("name:{n}").into_bytes()
}

/// Three orders of insertion: that of `names`, its reverse, and one that takes every hundredth name in turn.
fn orders(names: Vec<Vec<u8>>) -> [Vec<Vec<u8>>; 3] {
    let strides = (0..100).flat_map(|first| names.iter().skip(first).step_by(100).cloned()).collect();
    let reverse = names.iter().rev().cloned().collect();
    [names, reverse, strides]
}

/// The bound of hashes for each name. It is hashed when it is inserted, and again when its segment grows or is split.
const HASHES: usize = 6;

/// Checks that no insertion rebuilds more than one segment, and that names are rarely compared with each other.
fn assert_linear(insertions: Sum) {
    assert!(insertions.all.hashes < HASHES * insertions.calls, "{insertions:?}");
    assert!(insertions.all.comparisons < insertions.calls / 2, "{insertions:?}");
    assert!(insertions.most.hashes < 3 * SEGMENT_ENTRIES, "{insertions:?}");
}

#[test]
fn keys_in_the_order_of_another_store_take_no_more_work_than_others() {
    let insert = |store: &Store, key: Vec<u8>| assert_eq!(store.set(key, "f", "v"), Ok(true));
    let other = store();
    assert_linear(Sum::of((0..N).map(name), |key| insert(&other, key)));
    for order in [other.keys(), other.iter_keys().collect()].into_iter().flat_map(orders) {
        let store = store();
        assert_linear(Sum::of(order, |key| insert(&store, key)));
    }
}

#[test]
fn fields_in_the_order_of_another_hash_take_no_more_work_than_others() {
    let insert = |hash: &mut HashValue, field: Vec<u8>| assert_eq!(hash.set(field, "v"), Ok(true));
    let mut other = HashValue::new();
    assert_linear(Sum::of((0..N).map(name), |field| insert(&mut other, field)));
    for order in orders(other.iter().map(|(field, _)| field.to_vec()).collect()) {
        let mut hash = HashValue::new();
        assert_linear(Sum::of(order, |field| insert(&mut hash, field)));
    }
}

#[test]
fn a_hash_collected_from_another_takes_linear_work() {
    let other: HashValue = (0..N).map(|n| (name(n), "v")).collect();
    let mut hash = HashValue::new();
    let collect = |()| hash = other.iter().collect();
    let work = Sum::of([()], collect);
    assert!(work.all.hashes < HASHES * N && work.all.comparisons < N / 2, "{work:?}");
    assert_eq!(hash, other);
}

#[test]
#[cfg(feature = "snapshot")]
fn a_store_loaded_from_another_takes_linear_work() {
    let other = store();
    for n in 0..N {
        other.set(name(n), "f", "v").unwrap();
        other.set("k", name(n), "v").unwrap();
    }
    let mut snapshot = Vec::new();
    other.save_to(&mut snapshot).unwrap();
    for shards in [1, 64] {
        let load = |()| Store::builder().shards(shards).shapes(false).load_from(&snapshot[..]).unwrap();
        let work = Sum::of([()], |()| assert_eq!(load(()).key_count(), N + 1));
        assert!(work.all.hashes < HASHES * 2 * N && work.all.comparisons < N, "{work:?}");
    }
}
