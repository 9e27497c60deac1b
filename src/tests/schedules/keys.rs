//! Calls on whole keys.

use super::linear::{assert_linear, assert_linear_on_one_shard, said};
use super::scene::{Scene, contents};
use crate::store::Overwrite;

fn keys(scene: &Scene) -> String {
    let mut keys = scene.keys();
    keys.sort();
    said(keys)
}

#[test]
fn nothing_is_lost_or_doubled_of_a_counter_that_is_renamed() {
    assert_linear(
        |_| {},
        &[
            &[
                |it| said(it.increment("a", "x", 1)),
                |it| said(it.increment("a", "x", 2)),
                |it| said(it.increment("a", "x", 4)),
            ],
            &[|it| said(it.rename("a", "b", Overwrite::No)), |it| said(it.rename("b", "a", Overwrite::No))],
            &[|it| said(it.increment("b", "x", 8)), |it| said(it.get_across(["a", "b"], "x"))],
        ],
    );
}

#[test]
fn of_many_that_want_a_free_key_one_gets_it() {
    assert_linear(
        |it| ["a", "b"].iter().for_each(|key| _ = it.set_many(key, [("x", key), ("y", &"1")]).unwrap()),
        &[
            &[|it| said(it.rename("a", "c", Overwrite::No)), |it| said(it.set("a", "x", "new"))],
            &[|it| said(it.copy("b", "c", Overwrite::No)), |it| said(it.clear("c"))],
            &[|it| said(it.copy("a", "c", Overwrite::No)), |it| said(it.get("c", "x"))],
        ],
    );
}

#[test]
fn hashes_that_replace_each_other_do_so_as_a_whole() {
    assert_linear(
        |it| {
            it.set_many("a", [("x", "a"), ("y", "a"), ("z", "a")]).unwrap();
            it.set("b", "x", "b").unwrap();
        },
        &[
            &[|it| said(it.rename("a", "b", Overwrite::Yes)), |it| said(it.copy("b", "a", Overwrite::Yes))],
            &[|it| said(it.rename("b", "a", Overwrite::Yes)), |it| said(it.set("b", "y", "new"))],
            &[|it| said(it.get_across(["a", "b"], "x")), |it| said(it.get_many("b", ["x", "y", "z"]))],
        ],
    );
}

#[test]
fn what_is_removed_is_what_the_closure_has_refused() {
    assert_linear(
        |it| _ = it.set_many("a", [("x", "bad"), ("y", "1")]).unwrap(),
        &[
            &[|it| said(it.retain(|_, hash| hash.get("x") != Some(b"bad"))), |it| said(it.get("a", "y"))],
            &[|it| said(it.set("a", "x", "good")), |it| said(it.set("a", "x", "bad"))],
            &[|it| said(it.clear_many(["a"])), |it| said(it.set("a", "x", "bad"))],
        ],
    );
}

#[test]
fn a_shard_is_judged_and_cleared_in_one_step() {
    assert_linear_on_one_shard(
        |it| ["a", "b"].iter().for_each(|key| _ = it.set(key, "x", "1").unwrap()),
        &[
            &[|it| said(it.retain(|_, hash| hash.get("x") != Some(b"1"))), |it| keys(it)],
            &[
                |it| said(it.update_many(["a", "b"], |hashes| hashes.each_mut().map(|hash| hash.increment("x", 1)))),
                |it| said(it.rename("b", "c", Overwrite::No)),
            ],
            &[|it| said(it.clear_all()), |it| said(contents(it))],
        ],
    );
}

#[test]
fn making_room_and_giving_it_back_changes_nothing() {
    assert_linear(
        |it| _ = it.set_many("a", (0..12).map(|n| (n.to_string(), "1"))).unwrap(),
        &[
            &[|it| said(it.shrink_to_fit()), |it| said(it.reserve(100)), |it| said(it.shrink_to_fit())],
            &[|it| said(it.remove_many("a", (1..12).map(|n| n.to_string()))), |it| said(it.set("b", "0", "2"))],
            &[|it| said(it.get_across(["a", "b"], "0")), |it| said(it.rename("a", "b", Overwrite::No))],
        ],
    );
}
