//! What the command says while it works.

use std::io::Write;

#[allow(clippy::print_stderr, reason = "a program that tells how far it is")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
    _ = std::io::stderr().flush();
}

/// Seconds as a person reads them.
pub(crate) fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
