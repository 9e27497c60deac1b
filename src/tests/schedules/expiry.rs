//! Deadlines that come while other threads read, renew and purge.

use shuttle::thread;

use super::explore::explore;
use super::linear::{assert_linear, assert_linear_on_one_shard, said};
use super::scene::{LATER, SOON, Scene, Shape, contents, fields};
use crate::store::Overwrite;
use crate::{ExpireCondition, ExpireOutcome, SetOptions, Touch};

fn passes(scene: &Scene) -> String {
    said(scene.clock.advance(SOON))
}

/// Purges everything. How much it finds depends on what other calls have already purged, so that is no answer.
fn purges(scene: &Scene) -> String {
    scene.purge_expired(usize::MAX);
    said(())
}

#[test]
fn a_field_is_renewed_or_gone_and_told_once() {
    assert_linear(
        |it| {
            it.set_many("a", [("x", "1"), ("y", "1")]).unwrap();
            it.expire_field("a", "x", SOON);
        },
        &[
            &[passes],
            &[|it| said(it.get("a", "x")), |it| said(fields(&it.get_all("a").view()))],
            &[|it| said(it.expire_field_if("a", "x", LATER, ExpireCondition::IfLater)), |it| said(it.get("a", "x"))],
            &[purges],
        ],
    );
}

#[test]
fn a_field_is_set_anew_before_or_after_its_deadline() {
    assert_linear(
        |it| {
            it.set_many("a", [("x", "1"), ("y", "1")]).unwrap();
            it.expire_fields("a", ["x", "y"], SOON);
        },
        &[
            &[passes],
            &[|it| said(it.get("a", "x")), |it| said(it.contains_key("a"))],
            &[
                |it| said(it.set_with("a", [("x", "new")], SetOptions::new().expire(LATER))),
                |it| said(it.get_and_expire("a", "y", Touch::Persist)),
            ],
            &[purges],
        ],
    );
}

#[test]
fn a_key_is_renewed_or_gone_and_told_once() {
    assert_linear(
        |it| {
            it.set_many("a", [("x", "1"), ("y", "1")]).unwrap();
            it.expire("a", SOON);
        },
        &[
            &[passes],
            &[|it| said(it.get("a", "x")), |it| said(it.set("a", "x", "2"))],
            &[|it| said(it.expire("a", LATER)), |it| said(it.ttl("a"))],
            &[purges, |it| said(it.size("a"))],
        ],
    );
}

#[test]
fn a_counter_starts_anew_when_its_time_is_over() {
    fn counted(scene: &Scene) -> String {
        said(scene.increment_and_expire("a", "x", 1, SOON))
    }
    assert_linear(|_| {}, &[&[counted, counted], &[passes, counted], &[purges, |it| said(it.get("a", "x"))]]);
}

#[test]
fn a_key_is_free_for_others_when_its_time_is_over() {
    assert_linear(
        |it| {
            ["a", "b"].iter().for_each(|key| _ = it.set(key, "x", key).unwrap());
            it.expire("b", SOON);
        },
        &[
            &[passes],
            &[|it| said(it.rename("a", "b", Overwrite::No)), |it| said(it.get_across(["a", "b"], "x"))],
            &[|it| said(it.set_with("b", [("x", "new")], SetOptions::new().only_new_key()))],
            &[purges, |it| said(it.copy("b", "a", Overwrite::Yes))],
        ],
    );
}

#[test]
fn hashes_in_one_hand_are_purged_at_one_instant() {
    assert_linear(
        |it| {
            for key in ["a", "b"] {
                it.set_many(key, [("x", key), ("y", "1")]).unwrap();
                it.expire_field(key, "x", SOON);
            }
        },
        &[
            &[passes],
            &[|it| said(it.update_many(["b", "a"], |hashes| hashes.each_mut().map(|hash| hash.len())))],
            &[|it| said(it.get_across(["a", "b"], "x")), |it| said(it.expire_field("b", "x", LATER))],
            &[|it| said(it.persist_field("a", "x")), |it| said(it.get_across(["b", "a"], "x"))],
        ],
    );
}

#[test]
fn what_has_expired_is_told_and_what_is_cleared_is_not() {
    assert_linear_on_one_shard(
        |it| {
            ["a", "b", "c"].iter().for_each(|key| _ = it.set_many(key, [("x", "1"), ("y", "1")]).unwrap());
            it.expire("a", SOON);
            it.expire_field("b", "x", SOON);
        },
        &[
            &[passes],
            &[|it| said(it.clear_all()), |it| said(it.set("a", "x", "2"))],
            &[|it| said(it.retain(|_, hash| hash.len() == 2)), |it| said(it.scan_keys(None, 10).items.len())],
            &[|it| said(contents(it))],
        ],
    );
}

#[test]
fn nobody_is_given_what_had_expired_before_he_asked_and_nothing_that_lives_is_purged() {
    explore(|| {
        let scene = Scene::of(Shape::draw(2));
        let deadline = scene.clock.now() + SOON;
        scene.set_many("a", [("x", "old"), ("y", "1"), ("z", "1")]).unwrap();
        scene.expire_fields("a", ["x", "y"], SOON);
        let is_renewed = thread::scope(|scope| {
            scope.spawn(|| scene.clock.advance(SOON));
            scope.spawn(|| scene.purge_expired(usize::MAX));
            let renewing = scope.spawn(|| {
                let is_renewed = scene.expire_field("a", "y", LATER) == ExpireOutcome::Set;
                scene.set_with("a", [("x", "new")], SetOptions::new().expire(LATER)).unwrap();
                is_renewed
            });
            for ask in [
                |scene: &Scene| scene.get("a", "x"),
                |scene: &Scene| scene.read("a", |hash| hash.get("x").map(<[u8]>::to_vec)),
            ] {
                let asked = scene.clock.now();
                let found = ask(&scene);
                assert!(found.as_deref() != Some(b"old") || asked < deadline);
                assert_eq!(scene.get("a", "z").as_deref(), Some(&b"1"[..]));
            }
            renewing.join().unwrap()
        });
        assert_eq!(scene.get("a", "x").as_deref(), Some(&b"new"[..]));
        assert_eq!(scene.contains("a", "y"), is_renewed);
        scene.validate();
    });
}
