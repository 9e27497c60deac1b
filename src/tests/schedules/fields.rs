//! Calls on the fields of one key.

use super::linear::{assert_linear, said};
use super::scene::{all, fields};

#[test]
fn fields_that_are_set_together_are_seen_together() {
    assert_linear(
        |it| _ = it.set("a", "x", "0").unwrap(),
        &[
            &[|it| said(it.set_many("a", [("x", "1"), ("y", "1"), ("z", "1")])), |it| said(it.set("a", "x", "2"))],
            &[|it| said(it.set_many("a", [("z", "longer"), ("x", "3")])), |it| said(it.remove_many("a", ["y", "x"]))],
            &[|it| all(it, "a"), |it| said(it.get_many("a", ["z", "x", "y"])), |it| said(it.size("a"))],
        ],
    );
}

#[test]
fn one_of_many_sets_what_is_absent_and_one_takes_it() {
    assert_linear(
        |_| {},
        &[
            &[
                |it| said(it.set_if_absent("a", "x", "1")),
                |it| said(it.compare_and_set("a", "x", Some(b"1"), Some(b"2"))),
            ],
            &[
                |it| said(it.compare_and_set("a", "x", None, Some(b"3"))),
                |it| said(it.compare_and_set("a", "x", Some(b"1"), None)),
            ],
            &[|it| said(it.take("a", "x")), |it| said(it.take("a", "x")), |it| said(it.contains_key("a"))],
        ],
    );
}

#[test]
fn amounts_that_several_threads_add_are_all_in_the_sum() {
    assert_linear(
        |_| {},
        &[
            &[|it| said(it.increment("a", "x", 1)), |it| said(it.increment("a", "x", 2))],
            &[|it| said(it.increment("a", "x", 4)), |it| said(it.increment_float("a", "x", 0.5))],
            &[|it| said(it.increment("a", "y", 8)), |it| said(it.get("a", "x")), |it| said(it.remove("a", "x"))],
        ],
    );
}

#[test]
fn an_update_meets_a_clear_before_or_after_it() {
    assert_linear(
        |it| _ = it.set_many("a", [("x", "1"), ("y", "1")]).unwrap(),
        &[
            &[
                |it| said(it.update("a", |hash| (hash.len(), hash.increment("x", 1), hash.set("z", "1")))),
                |it| said(it.update("a", |hash| hash.clear())),
            ],
            &[|it| said(it.clear("a")), |it| said(it.update("a", |hash| (hash.len(), hash.increment("x", 10))))],
            &[|it| said(it.contains_key("a")), |it| all(it, "a"), |it| said(it.key_count())],
        ],
    );
}

#[test]
fn a_hash_that_changes_its_encoding_meanwhile_answers_as_before() {
    assert_linear(
        |it| _ = it.set("a", "x", "1").unwrap(),
        &[
            &[|it| said(it.set_many("a", [("u", "1"), ("v", "1")])), |it| said(it.remove_many("a", ["u", "v"]))],
            &[|it| said(it.set("a", "w", "1")), |it| said(it.increment("a", "x", 1)), |it| said(it.remove("a", "w"))],
            &[|it| said(it.read("a", fields)), |it| said(it.value_len("a", "w")), |it| all(it, "a")],
        ],
    );
}
