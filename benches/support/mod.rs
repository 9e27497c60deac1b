//! What the benches share: the data, the rivals, and how a figure is measured and printed.
//!
//! - [`random`]: numbers that are the same in every run
//! - [`workload`]: the three shapes of data that memory and time are measured on
//! - [`rival`]: one trait over hashlet and what a Rust program would use without it
//! - [`maps`]: how a careful program keeps maps of maps, whatever holds the outer one
//! - [`subject`]: one hash in each encoding, and the bare map beside them
//! - [`rounds`]: interleaved rounds, medians, and the lines that a bench prints

#![allow(dead_code, reason = "each bench uses a part of it")]

pub(crate) mod maps;
pub(crate) mod random;
pub(crate) mod rival;
pub(crate) mod rounds;
pub(crate) mod subject;
pub(crate) mod workload;

/// Whether to run for about a second, only to see that the bench still works.
///
/// As criterion has it: `cargo bench` passes `--bench` and gets the figures; `cargo test --benches`, a bare start and
/// `--test` get the short run.
pub(crate) fn smoke() -> bool {
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    has("--test") || !has("--bench")
}

/// Whether this workload was asked for: `cargo bench --bench encoding -- hit/8` runs what has that in its name.
pub(crate) fn wanted(workload: &str) -> bool {
    let mut names = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).peekable();
    names.peek().is_none() || names.any(|name| workload.contains(&name))
}
