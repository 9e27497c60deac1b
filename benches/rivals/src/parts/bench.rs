//! The crate's own benches, whose figures are about hashlet alone: run by cargo, and read from the lines they print,
//! `workload subject figure unit`.

use std::process::{Command, Stdio};

use super::Part;
use crate::child::Figures;
use crate::environment::ROOT;

/// One hash in each encoding beside a bare map.
pub(super) const ENCODING: Part = Part {
    name: "encoding",
    about: "a packed hash and a table beside a bare map",
    groups: &["bench"],
    subjects: |_| super::alone(),
    repeats: 1,
    minutes: 1.0,
    run: |_, scale| {
        let names = ["hit/", "miss/", "replace_same/", "replace_other/"];
        let sizes = ["8", "16", "128"];
        let wanted: Vec<_> = names.iter().flat_map(|name| sizes.map(|size| format!("{name}{size}"))).collect();
        run("encoding", &["--ratios"], &wanted, scale)
    },
};

/// What deadlines take.
pub(super) const EXPIRY: Part = Part {
    name: "expiry",
    about: "what deadlines take, and their purge",
    groups: &["bench"],
    subjects: |_| super::alone(),
    repeats: 1,
    minutes: 1.5,
    run: |_, scale| run("expiry", &[], &[], scale),
};

/// Typed values and structs.
pub(super) const TYPED: Part = Part {
    name: "typed",
    about: "typed values beside codecs by hand and a map of structs",
    groups: &["bench"],
    subjects: |_| super::alone(),
    repeats: 1,
    minutes: 0.5,
    run: |_, scale| run("typed", &[], &[], scale),
};

/// Writers beside a save, and what a save takes in memory.
pub(super) const TRAFFIC: Part = Part {
    name: "traffic",
    about: "writers beside a save",
    groups: &["bench"],
    subjects: |_| super::alone(),
    repeats: 1,
    minutes: 1.5,
    run: |_, scale| run("snapshot", &[], &["traffic".into(), "memory".into()], scale),
};

/// Below this scale only their short run is made.
const FULL: f64 = 1.0;

fn run(bench: &str, flags: &[&str], wanted: &[String], scale: f64) -> Figures {
    let mut command = Command::new("cargo");
    command.args(["bench", "--quiet", "--all-features", "--bench", bench, "--"]).args(flags).args(wanted);
    if scale < FULL {
        command.arg("--test");
    }
    let output = command.current_dir(ROOT).stdin(Stdio::null()).stderr(Stdio::inherit()).output().expect("cargo");
    assert!(output.status.success(), "the bench {bench}: {}", output.status);
    let text = String::from_utf8(output.stdout).expect("text");
    let figures: Figures = text.lines().filter(|line| !line.starts_with('#')).filter_map(figure).collect();
    assert!(!figures.is_empty(), "the bench {bench} prints figures");
    figures
}

/// `workload subject figure unit` as `workload/subject unit` and its figure.
fn figure(line: &str) -> Option<(String, f64)> {
    let mut words = line.splitn(4, ' ');
    let (workload, subject, figure, unit) = (words.next()?, words.next()?, words.next()?, words.next()?);
    Some((format!("{workload}/{subject} {unit}"), figure.parse().ok()?))
}
