//! Writers that compete for the same room.

use shuttle::thread;

use super::explore::explore;
use super::scene::{SOON, Scene, Shape};
use crate::store::{Overwrite, TransferOutcome};
use crate::{Error, Limits};

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
