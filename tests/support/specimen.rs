//! A store with everything that a snapshot can hold, and the checks for snapshots that cannot be trusted.

use std::collections::BTreeMap;
use std::time::SystemTime;

use hashlet::{ManualClock, Overwrite, SnapshotError, Store, StoreBuilder, When};

use super::check;
use super::model::Bounds;
use super::ops::{Op, Shape};
use super::pattern;
use super::source::Source;
use super::time::{BEGINNING, time};

/// Fills an empty store: packed hashes, narrow and wide, and tables of several parts, with and without deadlines, and
/// the empty key, field and value.
pub(crate) fn fill(store: &Store, fields: usize) {
    let later = time(BEGINNING + 10_000_000);
    store.set("", "", "").unwrap();
    store.set_many("k0", [("f0", "v"), ("f1", ""), ("", "w")]).unwrap();
    store.set_many("k1", (0..20).map(|n| (format!("f{n}"), pattern(n, 20)))).unwrap();
    store.set_many("k2", [("f0", "1"), ("f1", "2")]).unwrap();
    store.expire("k2", later);
    store.set_many("k3", (0..17).map(|n| (format!("f{n}"), n.to_string()))).unwrap();
    for field in ["f1", "f8", "f16"] {
        store.expire_field("k3", field, later);
    }
    store.copy("k3", "k4", Overwrite::No).unwrap();
    store.expire("k4", later);
    store.set_many("k5", [("f0", pattern(5, 4_097)), ("f1", pattern(6, 1_200)), ("f2", Vec::new())]).unwrap();
    store.expire("k5", later);
    store.expire_field("k5", "f1", later);
    store.set_many("k6", (0..fields).map(|n| (format!("f{n}"), n.to_string()))).unwrap();
    store.expire_fields("k6", (0..20).map(|n| format!("f{n}")), When::At(later));
    for n in 7..40 {
        store.set(format!("k{n}"), "f0", n.to_string()).unwrap();
    }
}

/// The snapshot of such a store.
pub(crate) fn snapshot(fields: usize) -> Vec<u8> {
    let store = builder(&ManualClock::new()).build();
    fill(&store, fields);
    let mut snapshot = Vec::new();
    store.save_to(&mut snapshot).unwrap();
    snapshot
}

/// One shard, so that loading a million times takes little time, and always the same seed.
pub(crate) fn builder(clock: &ManualClock) -> StoreBuilder {
    check::seeded(Store::builder().shards(1).clock(clock), 1)
}

/// The contents of a hash: its deadline, and its fields with their values and deadlines.
pub(crate) type Contents = (Option<SystemTime>, BTreeMap<Vec<u8>, (Vec<u8>, Option<SystemTime>)>);

pub(crate) fn contents(store: &Store, key: &[u8]) -> Contents {
    store.read(key, |hash| {
        let field = |(field, value): (&[u8], &[u8])| (field.to_vec(), (value.to_vec(), hash.field_deadline(field)));
        (hash.deadline(), hash.iter().map(field).collect())
    })
}

/// Checks a store that was loaded from a snapshot that cannot be trusted. The store has to be valid, and to answer this
/// many calls. It has to be the same when it is saved and loaded again with another seed, and to keep its limits then.
pub(crate) fn check_loaded(store: &Store, clock: &ManualClock, source: &mut Source<'_>, calls: usize) {
    check::store(store);
    let mut snapshot = Vec::new();
    store.save_to(&mut snapshot).unwrap();
    let again = check::seeded(builder(clock), 2).load_from(&snapshot[..]).unwrap();
    check::store(&again);
    assert_eq!(again.key_count(), store.key_count());
    for key in store.keys() {
        assert_eq!(contents(&again, &key), contents(store, &key), "of {}", key.escape_ascii());
    }
    check_limits(store, &snapshot, clock);
    let mut shape = Shape { keys: 40, fields: 40, now: BEGINNING };
    for _ in 0..calls {
        match shape.draw(source) {
            Op::Save(..) | Op::Reload(_) => {}
            op => drop(op.on_store(store, clock)),
        }
    }
    check::store(store);
}

/// Checks that a load accepts everything within the limits, and refuses everything else. With up to twenty fields in
/// `k6`, the specimen is just within them.
fn check_limits(store: &Store, snapshot: &[u8], clock: &ManualClock) {
    let bounds = Bounds { fields: 20, string: 4_097, key: 3, ..Bounds::DEFAULT };
    let is_within = store.keys().iter().all(|key| {
        store.read(key, |hash| {
            let mut strings = hash.iter().flat_map(<[_; 2]>::from);
            key.len() <= bounds.key
                && hash.len() <= bounds.fields
                && strings.all(|string| string.len() <= bounds.string)
        })
    });
    match builder(clock).limits(bounds.limits()).load_from(snapshot) {
        Ok(limited) => {
            assert!(is_within, "it passes a limit");
            check::store(&limited);
        }
        Err(SnapshotError::TooLarge(error)) => assert!(!is_within, "{error}"),
        Err(error) => panic!("{error}"),
    }
}
