//! Closures that panic between calls of other threads.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::linear::{assert_linear, said};
use super::scene::all;

/// Makes a call, and says whether it panicked.
fn unwound<R>(call: impl FnOnce() -> R) -> String {
    said(catch_unwind(AssertUnwindSafe(call)).is_err())
}

/// Panics without the report that shuttle would print to stderr each time.
fn panics() -> ! {
    resume_unwind(Box::new(()))
}

#[test]
fn what_a_closure_did_before_it_panicked_stays_done() {
    assert_linear(
        |it| _ = it.set("a", "x", "1").unwrap(),
        &[
            &[
                |it| {
                    unwound(|| {
                        it.update("a", |hash| {
                            hash.set_many([("y", "1"), ("z", "1")]).unwrap();
                            hash.remove("x");
                            panics()
                        })
                    })
                },
                |it| unwound(|| it.read("a", |_| panics())),
                |it| said(it.set("a", "w", "1")),
            ],
            &[|it| said(it.increment("a", "x", 1)), |it| said(it.remove_many("a", ["y", "z"]))],
            &[|it| all(it, "a"), |it| said(it.clear("a"))],
        ],
    );
}

#[test]
fn a_panic_in_the_midst_of_several_keys_releases_all_of_them() {
    assert_linear(
        |it| _ = it.set("a", "x", "1").unwrap(),
        &[
            &[
                |it| {
                    unwound(|| {
                        it.update_many(["a", "b"], |[a, b]| {
                            a.clear();
                            b.set("x", "1").unwrap();
                            panics()
                        })
                    })
                },
                |it| unwound(|| it.retain(|_, _| panics())),
            ],
            &[|it| said(it.update_many(["b", "a"], |hashes| hashes.each_mut().map(|hash| hash.increment("x", 1))))],
            &[|it| said(it.get_across(["b", "a"], "x")), |it| said(it.set("a", "x", "5"))],
        ],
    );
}
