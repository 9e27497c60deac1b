//! The instructions of overwriting a value when the feature `journal` is on and the store has no journal, and without the
//! feature.

use crate::child::Figures;
use crate::parts::instructions::{build, can_count, count_each};
use crate::progress::say;

const OPERATION: &str = "set_same_length";

pub(super) fn measure(_: f64) -> Figures {
    if !can_count() {
        say("journal: WITHOUT instructions, there is no valgrind");
        return Figures::new();
    }
    let count = |feature: &[&str]| {
        let program =
            build(&[&["--no-default-features", "--features", "testing", "--bin", "instructions"], feature].concat());
        count_each(&program, OPERATION)
    };
    Figures::from([
        ("without instructions".into(), count(&[])),
        ("with instructions".into(), count(&["--features", "journal"])),
    ])
}
