//! Calls on several keys, while other threads name the same keys in another order.

use super::linear::{assert_linear, said};
use super::scene::Scene;
use crate::store::Overwrite;

/// Moves an amount between two keys. Says what each has then.
fn moved(scene: &Scene, keys: [&str; 2], amount: i64) -> String {
    said(scene.update_many(keys, |[from, to]| (from.increment("x", -amount), to.increment("x", amount))))
}

#[test]
fn amounts_that_are_moved_crosswise_keep_their_sum() {
    assert_linear(
        |it| _ = it.set("a", "x", "10").unwrap(),
        &[
            &[|it| moved(it, ["a", "b"], 1), |it| moved(it, ["a", "b"], 2)],
            &[|it| moved(it, ["b", "a"], 4), |it| moved(it, ["b", "a"], 8)],
            &[|it| said(it.get_across(["a", "b"], "x")), |it| said(it.get_across(["b", "a", "b"], "x"))],
        ],
    );
}

#[test]
fn calls_that_want_each_others_keys_in_a_ring_all_end() {
    assert_linear(
        |it| ["a", "b", "c"].iter().for_each(|key| _ = it.set_many(key, [("x", "10"), ("y", "1")]).unwrap()),
        &[
            &[|it| moved(it, ["a", "b"], 1), |it| said(it.rename("b", "a", Overwrite::No))],
            &[|it| moved(it, ["b", "c"], 2), |it| said(it.copy("c", "b", Overwrite::Yes))],
            &[|it| moved(it, ["c", "a"], 4), |it| said(it.rename("a", "c", Overwrite::Yes))],
        ],
    );
}

#[test]
fn keys_that_are_looked_up_together_are_of_one_instant() {
    assert_linear(
        |_| {},
        &[
            &[
                |it| said(it.update_many(["a", "b", "c"], |hashes| hashes.each_mut().map(|hash| hash.set("x", "1")))),
                |it| said(it.update_many(["c", "a"], |hashes| hashes.each_mut().map(|hash| hash.clear()))),
            ],
            &[|it| said(it.get_across(["c", "b", "a"], "x")), |it| said(it.get_across(["a", "c"], "x"))],
            &[|it| said(it.set("b", "x", "2")), |it| said(it.get_across(["b", "d", "c"], "x"))],
        ],
    );
}
