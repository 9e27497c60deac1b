//! Saves in every order that a scheduler comes up with: two threads that write, one that saves, a store of two shards. For
//! each thread the snapshot holds what its first so many calls have done.
//!
//! ```sh
//! RUSTFLAGS="--cfg hashlet_shuttle" cargo test --features testing --target-dir target/shuttle --lib schedules
//! ```

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, thread};

use super::{Builder, Overwrite, Store};
use crate::rules::Thresholds;
use crate::snapshot::SaveOptions;

type Contents = BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>>;
type Call = fn(&Store, &str);

/// One in which all but hashes of one field are tables.
fn new_store() -> Store {
    builder().build()
}

fn builder() -> Builder {
    Store::builder().shards(2).thresholds(Thresholds::default().max_fields(1)).hash_seed(1)
}

/// What a store holds under keys that begin so.
fn contents(store: &Store, prefix: &str) -> Contents {
    let mut contents = Contents::new();
    store.for_each(|key, hash| {
        if key.starts_with(prefix.as_bytes()) {
            contents.insert(key.to_vec(), hash.iter().map(|(field, value)| (field.to_vec(), value.to_vec())).collect());
        }
    });
    contents
}

fn save(store: &Store) -> Store {
    let mut snapshot = Vec::new();
    // Each record under a lock of its own.
    store.save_to_with(&mut snapshot, SaveOptions::new().block_bytes(1)).unwrap();
    let loaded = builder().load_from(&snapshot[..]).unwrap();
    loaded.validate();
    loaded
}

struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Other.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn schedules() -> usize {
    let scale = std::env::var("HASHLET_SCALE").map_or(1.0, |text| text.parse().expect("HASHLET_SCALE is a number"));
    (3_000.0 * scale) as usize
}

fn explore(test: impl Fn() + Send + Sync + 'static) {
    fn run(scheduler: impl Scheduler + 'static, test: Arc<impl Fn() + Send + Sync + 'static>) {
        let mut config = Config::new();
        config.stack_size = 1 << 20;
        Runner::new(scheduler, config).run(move || test());
    }
    let test = Arc::new(test);
    run(RandomScheduler::new(schedules() / 2), Arc::clone(&test));
    run(PctScheduler::new(3, schedules() / 2), test);
}

/// All that the first so many calls leave, on keys with this prefix.
fn states(fill: Call, calls: &[Call], prefix: &str) -> Vec<Contents> {
    let store = new_store();
    fill(&store, prefix);
    let mut states = vec![contents(&store, prefix)];
    for call in calls {
        call(&store, prefix);
        states.push(contents(&store, prefix));
    }
    states
}

/// Two threads make these calls, each on keys of its own, while a third saves, perhaps in vain, and saves again.
fn assert_prefixes(fill: Call, calls: &'static [Call], fails_first: bool) {
    explore(move || {
        let possible = ["1", "2"].map(|prefix| states(fill, calls, prefix));
        let store = Arc::new(new_store());
        ["1", "2"].iter().for_each(|prefix| fill(&store, prefix));
        let writers = ["1", "2"].map(|prefix| {
            let store = Arc::clone(&store);
            thread::spawn(move || calls.iter().for_each(|call| call(&store, prefix)))
        });
        if fails_first {
            store.save_to(Broken).unwrap_err();
        }
        let mut earliest = [0, 0];
        for _ in 0..2 {
            let saved = save(&store);
            for ((prefix, possible), earliest) in ["1", "2"].iter().zip(&possible).zip(&mut earliest) {
                let found = contents(&saved, prefix);
                let at = possible[*earliest..].iter().position(|state| *state == found);
                *earliest += at.unwrap_or_else(|| panic!("{found:?} is none of {:?}", &possible[*earliest..]));
            }
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        store.validate();
        let saved = save(&store);
        for (prefix, possible) in ["1", "2"].iter().zip(&possible) {
            assert_eq!(Some(&contents(&saved, prefix)), possible.last());
            assert_eq!(Some(&contents(&store, prefix)), possible.last());
        }
    });
}

fn key(prefix: &str, name: &str) -> String {
    format!("{prefix}:{name}")
}

fn small(store: &Store, prefix: &str) {
    ["a", "b", "c"].iter().for_each(|name| _ = store.set(key(prefix, name), "field", "0").unwrap());
}

fn tables(store: &Store, prefix: &str) {
    for name in ["a", "b"] {
        store.set_many(key(prefix, name), (0..4).map(|n| (n.to_string(), name))).unwrap();
    }
}

fn rename(store: &Store, prefix: &str, from: &str, to: &str) {
    store.rename(key(prefix, from), key(prefix, to), Overwrite::Yes).unwrap();
}

#[test]
fn small_hashes_that_are_written_one_after_the_other() {
    let set: &[Call] = &[
        |store, prefix| _ = store.set(key(prefix, "a"), "field", "1").unwrap(),
        |store, prefix| _ = store.set(key(prefix, "b"), "field", "1").unwrap(),
        |store, prefix| _ = store.set(key(prefix, "c"), "field", "1").unwrap(),
        |store, prefix| _ = store.set(key(prefix, "d"), "field", "1").unwrap(),
        |store, prefix| _ = store.clear(key(prefix, "a")),
    ];
    assert_prefixes(small, set, false);
    assert_prefixes(small, set, true);
}

#[test]
fn small_hashes_that_are_renamed_and_copied() {
    let calls: &[Call] = &[
        |store, prefix| rename(store, prefix, "a", "d"),
        |store, prefix| _ = store.set(key(prefix, "a"), "field", "new").unwrap(),
        |store, prefix| rename(store, prefix, "b", "c"),
        |store, prefix| _ = store.copy(key(prefix, "d"), key(prefix, "b"), Overwrite::Yes).unwrap(),
        |store, prefix| rename(store, prefix, "d", "a"),
    ];
    assert_prefixes(small, calls, false);
}

#[test]
fn tables_that_are_written_renamed_and_cleared() {
    let calls: &[Call] = &[
        |store, prefix| _ = store.set(key(prefix, "a"), "0", "new").unwrap(),
        |store, prefix| rename(store, prefix, "a", "c"),
        |store, prefix| _ = store.set(key(prefix, "c"), "1", "new").unwrap(),
        |store, prefix| _ = store.clear(key(prefix, "b")),
        |store, prefix| rename(store, prefix, "c", "a"),
        |store, prefix| _ = store.copy(key(prefix, "a"), key(prefix, "b"), Overwrite::Yes).unwrap(),
        |store, prefix| rename(store, prefix, "a", "b"),
    ];
    assert_prefixes(tables, calls, false);
    assert_prefixes(tables, calls, true);
}

#[test]
fn tables_that_become_small_and_large_again() {
    let calls: &[Call] = &[
        |store, prefix| _ = store.remove_many(key(prefix, "a"), ["0", "1", "2"]),
        |store, prefix| _ = store.set_many(key(prefix, "a"), [("4", "new"), ("5", "new")]).unwrap(),
        |store, prefix| _ = store.remove_many(key(prefix, "b"), ["0", "1", "2", "3"]),
        |store, prefix| rename(store, prefix, "a", "b"),
        |store, prefix| store.update(key(prefix, "b"), |hash| hash.clear()),
    ];
    assert_prefixes(tables, calls, false);
}

#[test]
fn amounts_that_both_threads_move_between_the_same_hashes() {
    explore(|| {
        let store = Arc::new(new_store());
        store.set("a", "0", "10").unwrap();
        store.set_many("b", [("0", "10"), ("1", "10")]).unwrap();
        store.set("c", "0", "10").unwrap();
        let writers = [["a", "b"], ["b", "c"]].map(|keys| {
            let store = Arc::clone(&store);
            thread::spawn(move || {
                for amount in [1, 5] {
                    let moved = store.update_many(keys, |[from, to]| {
                        from.increment("0", -amount)?;
                        to.increment("0", amount).map(drop)
                    });
                    moved.unwrap().unwrap();
                }
            })
        });
        for _ in 0..2 {
            let all = contents(&save(&store), "");
            let amounts = all.values().flat_map(|hash| hash.values());
            let sum: i64 = amounts.map(|amount| str::from_utf8(amount).unwrap().parse::<i64>().unwrap()).sum();
            assert_eq!(sum, 40, "{all:?}");
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    });
}

#[test]
fn a_shard_that_is_cleared_is_there_or_not() {
    explore(|| {
        let store = Arc::new(new_store());
        store.set_many("table", (0..4).map(|n| (n.to_string(), ""))).unwrap();
        store.set("small", "field", "").unwrap();
        let clearing = Arc::clone(&store);
        let clearing = thread::spawn(move || clearing.clear_all());
        let saved = contents(&save(&store), "");
        assert!(saved.get(&b"table"[..]).is_none_or(|table| table.len() == 4), "{saved:?}");
        clearing.join().unwrap();
        assert!(save(&store).is_empty());
    });
}
