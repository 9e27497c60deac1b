//! Shapes are learned while other threads read and write hashes that have them. Most other models draw stores with shapes
//! as well.

use shuttle::thread;

use super::explore::explore;
use super::scene::{Scene, Shape, contents};
use std::sync::Arc;

const NAMES: [(&str, &str); 2] = [("x", "1"), ("y", "2")];

/// Two threads meet the same names at once. They learn one shape for them, and nobody reads a shape that is not there yet.
#[test]
fn names_that_two_threads_meet_have_one_shape() {
    explore(|| {
        let scene = Arc::new(Scene::of(Shape::EAGER));
        let threads = ["a", "b", "c"].map(|key| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || {
                scene.set_many(key, NAMES).unwrap();
                for other in ["a", "b", "c"] {
                    let hash = scene.get_all(other);
                    assert!(hash.is_empty() || hash.len() == 2 && hash.get("y") == Some(b"2"), "{hash:?}");
                }
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let stats = scene.stats();
        assert_eq!((stats.shapes, stats.shaped), (1, 3));
        scene.validate();
    });
}

/// Fields come and go, which leads from shape to shape, while another thread reads and a third one saves.
#[test]
fn hashes_that_change_their_shapes_are_read_and_saved_whole() {
    explore(|| {
        let scene = Arc::new(Scene::of(Shape::EAGER));
        scene.set_many("a", NAMES).unwrap();
        scene.set_many("b", NAMES).unwrap();
        let before = contents(&scene);
        let change = |key: &'static str| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || {
                scene.set(key, "z", "3").unwrap();
                assert!(scene.remove(key, "x"));
                scene.set(key, "x", "1").unwrap();
                assert!(scene.remove(key, "z"));
            })
        };
        let changing = ["a", "b"].map(change);
        let reading = Arc::clone(&scene);
        let reading = thread::spawn(move || {
            for key in ["a", "b", "a"] {
                reading.read(key, |hash| {
                    assert_eq!(hash.get("y"), Some(&b"2"[..]));
                    assert!(hash.iter().all(|(name, value)| value[0] - b'1' == name[0] - b'x'), "{hash:?}");
                });
            }
        });
        let saved = scene.saved();
        assert!(saved.values().all(|(_, fields)| fields["y"].0 == "2" && (1..=3).contains(&fields.len())));
        changing.into_iter().for_each(|thread| thread.join().unwrap());
        reading.join().unwrap();
        assert_eq!(contents(&scene), before);
        scene.validate();
    });
}
