//! Writers that compete for the same room.

use shuttle::thread;

use super::explore::explore;
use super::scene::{SOON, Scene, Shape};
use crate::store::{Overwrite, TransferOutcome};
use crate::{Error, Eviction, Limits};

/// A value for which there is room once, but not twice.
const LARGE: [u8; 700] = [b'x'; 700];

/// A store with these keys, and with room for this many more bytes. Its hashes are packed, so they need no room beside
/// their fields and values.
fn scene(keys: &[&str], room: usize) -> Scene {
    let shape = Shape::draw(2).max_fields(128);
    let fill = |scene: &Scene| keys.iter().for_each(|key| _ = scene.set(key, "x", "").unwrap());
    let unlimited = Scene::of(shape);
    let before = unlimited.stats().shape_bytes;
    fill(&unlimited);
    let filled = unlimited.stats();
    let limit = filled.bytes - (filled.shape_bytes - before) + room; // so small a store learns no shapes
    let scene = Scene::with(shape, |builder| builder.limits(Limits::default().max_bytes(limit)));
    fill(&scene);
    scene
}

fn assert_within(scene: &Scene) {
    let room = scene.room.as_ref().unwrap();
    assert!(room.taken() <= room.limit(), "{} bytes of {}", room.taken(), room.limit());
}

#[test]
fn the_last_room_is_given_to_one_writer() {
    explore(|| {
        let scene = scene(&["a", "b", "c"], 1_000);
        let set = thread::scope(|scope| {
            let set = |key| scene.set(key, "x", LARGE);
            let writers = ["a", "b"].map(|key| scope.spawn(move || set(key)));
            (0..4).for_each(|_| assert_within(&scene));
            writers.map(|writer| writer.join().unwrap())
        });
        assert!(matches!(set, [Ok(false), Err(Error::Full { .. })] | [Err(Error::Full { .. }), Ok(false)]), "{set:?}");
        scene.validate();
        assert_within(&scene);
        scene.clear_many(["a", "b"]);
        assert_eq!(scene.set("c", "x", LARGE), Ok(false));
        scene.validate();
    });
}

#[test]
fn what_has_expired_makes_room_for_all_that_want_it() {
    explore(|| {
        let scene = scene(&["a", "b", "old"], 1_500);
        scene.set_many("old", [("x", LARGE), ("y", LARGE)]).unwrap();
        scene.expire("old", SOON);
        scene.clock.advance(SOON);
        thread::scope(|scope| {
            for key in ["a", "b"] {
                let scene = &scene;
                scope.spawn(move || assert_eq!(scene.set(key, "x", LARGE), Ok(false)));
            }
        });
        scene.validate();
        assert_within(&scene);
    });
}

#[test]
fn a_hash_that_replaces_another_takes_its_room() {
    explore(|| {
        let scene = scene(&["a", "b", "c"], 1_500);
        scene.set("a", "x", LARGE).unwrap();
        let copied = thread::scope(|scope| {
            let writers = ["b", "c"].map(|key| {
                let scene = &scene;
                scope.spawn(move || scene.copy("a", key, Overwrite::Yes))
            });
            assert_within(&scene);
            writers.map(|writer| writer.join().unwrap())
        });
        assert!(
            matches!(
                copied,
                [Ok(TransferOutcome::Done), Err(Error::Full { .. })]
                    | [Err(Error::Full { .. }), Ok(TransferOutcome::Done)]
            ),
            "{copied:?}"
        );
        assert_eq!(scene.rename("a", "b", Overwrite::Yes), Ok(TransferOutcome::Done));
        scene.validate();
        assert_within(&scene);
    });
}

/// Each of two writes needs the room of the other. Whoever is last stays within the limit.
#[test]
fn writers_that_evict_each_other_stay_within_the_limit() {
    for policy in [Eviction::LeastRecent, Eviction::LeastFrequent] {
        explore(move || {
            let shape = Shape::draw(2).max_fields(128);
            let empty =
                Scene::with(shape, |builder| builder.limits(Limits::default().max_bytes(1 << 20)).eviction(policy));
            let limits = Limits::default().max_bytes(empty.stats().bytes + 2_600).max_keys(2);
            let scene = Scene::with(shape, |builder| builder.limits(limits).eviction(policy));
            scene.set("c", "x", "").unwrap();
            thread::scope(|scope| {
                for key in ["a", "b"] {
                    let scene = &scene;
                    scope.spawn(move || {
                        assert_eq!(scene.set(key, "x", [b'x'; 1_400]), Ok(true));
                        assert_eq!(scene.get("c", "x").unwrap_or_default(), b"");
                    });
                }
            });
            assert_within(&scene);
            scene.validate();
            let left = ["a", "b"].into_iter().filter(|key| scene.contains_key(key)).count();
            assert!(left <= 1 && scene.stats().evicted_keys >= 1);
            assert!(scene.set("d", "x", LARGE).is_ok() && scene.contains_key("d"));
            assert_within(&scene);
            scene.validate();
        });
    }
}

#[test]
fn the_last_key_is_created_by_one_writer() {
    explore(|| {
        let limits = Limits::default().max_keys(2);
        let scene = Scene::with(Shape::draw(2), |builder| builder.limits(limits));
        scene.set("c", "x", "").unwrap();
        let set = thread::scope(|scope| {
            let writers = [("a", "x"), ("b", "x")].map(|(key, field)| {
                scope.spawn({
                    let scene = &scene;
                    move || scene.set(key, field, "")
                })
            });
            writers.map(|writer| writer.join().unwrap())
        });
        let full = Error::TooManyKeys { size: 3, limit: 2 };
        assert!(set == [Ok(true), Err(full)] || set == [Err(full), Ok(true)], "{set:?}");
        scene.validate();
        assert!(scene.clear("c") && scene.set("d", "x", "").is_ok());
        scene.validate();
    });
}

/// A rename removes one key and creates another, perhaps in two shards. Nobody else gets the room of the first one.
#[test]
fn a_rename_keeps_the_room_of_its_key() {
    explore(|| {
        let limits = Limits::default().max_keys(2);
        let scene = Scene::with(Shape::draw(2), |builder| builder.limits(limits));
        ["a", "b"].iter().for_each(|key| _ = scene.set(key, "x", "").unwrap());
        thread::scope(|scope| {
            let scene = &scene;
            scope.spawn(move || assert_eq!(scene.rename("a", "c", Overwrite::No), Ok(TransferOutcome::Done)));
            scope.spawn(move || assert!(matches!(scene.set("d", "x", ""), Err(Error::TooManyKeys { .. }))));
        });
        assert_eq!(scene.key_count(), 2);
        scene.validate();
    });
}
