//! Many calls during a save. Each thread works on keys of its own. The snapshot must hold what the thread's calls up to
//! some point have done, and nothing of its later calls.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::explore::{alone, explore};
use super::linear::{assert_linear, assert_linear_on_one_shard, said};
use super::scene::{Contents, LATER, SOON, Scene, Shape, contents};
use crate::SnapshotError;
use crate::store::{Overwrite, Store};

type Call = fn(&Store, &str);

/// A shape in which every hash of more than one field is a table.
fn with_tables() -> Shape {
    Shape::draw(2).max_fields(1)
}

/// The contents of the keys with this prefix.
fn under(prefix: &str, contents: &Contents) -> Contents {
    contents.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(key, hash)| (key.clone(), hash.clone())).collect()
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

/// The contents after no call, after the first call, after the first two, and so on. The keys have this prefix.
fn states(fill: Call, calls: &[Call], prefix: &str) -> Vec<Contents> {
    let store = Scene::of(Shape::PLAIN);
    fill(&store, prefix);
    let mut states = vec![contents(&store)];
    for call in calls {
        call(&store, prefix);
        states.push(contents(&store));
    }
    states
}

/// Two threads make these calls, each on keys of its own. A third thread meanwhile saves twice. In half of the
/// schedules, a save to a broken writer fails before that.
fn assert_prefixes(fill: Call, calls: &'static [Call]) {
    const PREFIXES: [&str; 2] = ["1", "2"];
    let found = Arc::new(Mutex::default());
    let possible = Arc::clone(&found);
    alone(move || *found.lock().unwrap() = PREFIXES.map(|prefix| states(fill, calls, prefix)));
    let possible: [Vec<Contents>; 2] = std::mem::take(&mut possible.lock().unwrap());
    explore(move || {
        let scene = Scene::of(with_tables());
        PREFIXES.iter().for_each(|prefix| fill(&scene, prefix));
        thread::scope(|scope| {
            for prefix in PREFIXES {
                let store: &Store = &scene;
                scope.spawn(move || calls.iter().for_each(|call| call(store, prefix)));
            }
            if thread_rng().gen_range(0..2) == 0 {
                scene.save_to(Broken).unwrap_err();
            }
            let mut earliest = [0, 0];
            for _ in 0..2 {
                let saved = scene.saved();
                for ((prefix, possible), earliest) in PREFIXES.iter().zip(&possible).zip(&mut earliest) {
                    let found = under(prefix, &saved);
                    let at = possible[*earliest..].iter().position(|state| *state == found);
                    *earliest += at.unwrap_or_else(|| panic!("{found:?} is none of {:?}", &possible[*earliest..]));
                }
            }
        });
        scene.validate();
        let (saved, left) = (scene.saved(), contents(&scene));
        assert_eq!(saved, left);
        for (prefix, possible) in PREFIXES.iter().zip(&possible) {
            assert_eq!(Some(&under(prefix, &left)), possible.last());
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
    assert_prefixes(small, set);
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
    assert_prefixes(small, calls);
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
    assert_prefixes(tables, calls);
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
    assert_prefixes(tables, calls);
}

#[test]
fn a_snapshot_is_of_one_instant_among_calls_on_several_keys() {
    fn moved(scene: &Scene, keys: [&str; 2], amount: i64) -> String {
        said(scene.update_many(keys, |[from, to]| (from.increment("0", -amount), to.increment("0", amount))))
    }
    assert_linear(
        |it| {
            it.set("a", "0", "10").unwrap();
            it.set_many("b", [("0", "10"), ("1", "10")]).unwrap();
        },
        &[
            &[|it| moved(it, ["a", "b"], 1), |it| said(it.rename("b", "c", Overwrite::Yes))],
            &[|it| moved(it, ["b", "c"], 2), |it| said(it.copy("c", "a", Overwrite::Yes))],
            &[|it| said(it.saved()), |it| said(it.saved())],
        ],
    );
}

#[test]
fn a_snapshot_is_of_one_instant_among_removals() {
    assert_linear_on_one_shard(
        |it| {
            it.set_many("a", [("0", "1"), ("1", "1"), ("2", "1")]).unwrap();
            it.set("b", "0", "1").unwrap();
        },
        &[
            &[|it| said(it.clear_all()), |it| said(it.set_many("a", [("3", "1"), ("4", "1")]))],
            &[|it| said(it.set("a", "1", "2")), |it| said(it.retain(|_, hash| hash.len() > 1))],
            &[|it| said(it.saved()), |it| said(it.saved())],
        ],
    );
}

#[test]
fn a_snapshot_is_of_one_instant_while_others_purge_and_renew() {
    assert_linear(
        |it| {
            it.set_many("a", [("0", "1"), ("1", "1"), ("2", "1")]).unwrap();
            it.set("b", "0", "1").unwrap();
            it.expire_field("a", "1", SOON);
            it.expire("b", SOON);
            it.clock.advance(SOON);
            it.set("c", "0", "1").unwrap();
            it.expire("c", LATER);
        },
        &[
            &[|it| said(it.purge_expired(usize::MAX).is_complete), |it| said(it.persist("c"))],
            &[|it| said(it.get("a", "1")), |it| said(it.set_many("a", [("1", "2")])), |it| said(it.set("b", "0", "2"))],
            &[|it| said(it.saved())],
        ],
    );
}

#[test]
fn a_shard_that_is_cleared_is_there_or_not() {
    explore(|| {
        let scene = Scene::of(with_tables());
        scene.set_many("table", (0..4).map(|n| (n.to_string(), ""))).unwrap();
        scene.set("small", "field", "").unwrap();
        thread::scope(|scope| {
            scope.spawn(|| scene.clear_all());
            let saved = scene.saved();
            assert!(saved.get("table").is_none_or(|(_, table)| table.len() == 4), "{saved:?}");
        });
        scene.validate();
        assert!(scene.saved().is_empty());
    });
}

#[test]
fn of_two_saves_at_once_one_may_be_refused_and_none_is_wrong() {
    explore(|| {
        let scene = Scene::of(with_tables());
        scene.set_many("a", [("x", "1"), ("y", "1")]).unwrap();
        thread::scope(|scope| {
            let save = || scene.try_save();
            let saves = [scope.spawn(save), scope.spawn(save)];
            scene.set_many("a", [("x", "2"), ("y", "2")]).unwrap();
            scene.shrink_to_fit();
            let saves = saves.map(|save| save.join().unwrap());
            assert!(saves.iter().any(Result::is_ok));
            for saved in saves {
                match saved {
                    Ok(saved) => {
                        let values: Vec<&str> = saved["a"].1.values().map(|(value, _)| &**value).collect();
                        assert!(values == ["1", "1"] || values == ["2", "2"], "{values:?}");
                    }
                    Err(error) => assert!(matches!(error, SnapshotError::Busy), "{error}"),
                }
            }
        });
        scene.validate();
        assert_eq!(scene.saved(), contents(&scene));
    });
}
