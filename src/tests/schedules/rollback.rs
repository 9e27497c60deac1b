//! Updates of two keys that are rolled back between calls of other threads.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::linear::{assert_linear, said};
use super::scene::{Scene, all};
use crate::Error;

/// Moves an amount between two keys, unless the first has too little. Says what the first has left.
fn moved(scene: &Scene, keys: [&str; 2], amount: i64) -> String {
    said(scene.try_update_many(keys, |[from, to]| {
        to.increment("x", amount)?;
        let left = from.increment("x", -amount)?;
        if left < 0 { Err(Error::Overflow) } else { Ok(left) }
    }))
}

/// Changes two keys in several ways, then panics. Says whether it did.
fn panicked(scene: &Scene, keys: [&str; 2]) -> String {
    let update = || {
        scene.try_update_many(keys, |[a, b]| -> crate::Result<()> {
            a.clear();
            b.set_many([("x", "7"), ("y", "7"), ("z", "7")])?;
            b.remove("x");
            resume_unwind(Box::new(()))
        })
    };
    said(catch_unwind(AssertUnwindSafe(update)).is_err())
}

#[test]
fn amounts_that_are_not_there_are_not_moved() {
    assert_linear(
        |it| ["a", "b"].iter().for_each(|key| _ = it.set_many(key, [("x", "3"), ("y", "1")]).unwrap()),
        &[
            &[|it| moved(it, ["a", "b"], 2), |it| moved(it, ["a", "b"], 4)],
            &[|it| moved(it, ["b", "a"], 5), |it| panicked(it, ["b", "a"])],
        ],
    );
}

#[test]
fn nobody_sees_what_is_taken_back() {
    assert_linear(
        |it| _ = it.set_many("a", [("x", "1"), ("y", "1")]).unwrap(),
        &[
            &[|it| panicked(it, ["a", "b"]), |it| panicked(it, ["b", "a"])],
            &[|it| said((all(it, "a"), it.get_across(["a", "b"], "x"))), |it| said(it.increment("b", "x", 1))],
        ],
    );
}
