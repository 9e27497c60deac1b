//! How many instructions each of the hottest operations takes, counted by callgrind: the same on a busy machine, so
//! that a change of 3 % is seen. What is counted stands in `bin/instructions.rs`.
//!
//! Each operation is run twice, some times and ten times as often; the difference is its own, without the start of
//! the program.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::Part;
use crate::child::Figures;
use crate::environment::{FOLDER, first_line};
use crate::folder::Folder;
use crate::progress::say;

pub(crate) const PART: Part = Part {
    name: "instructions",
    about: "instructions an operation, by callgrind",
    groups: &["callgrind"],
    subjects: |_| {
        if !can_count() {
            say("instructions: SKIPPED, there is no valgrind");
            return Vec::new();
        }
        super::alone()
    },
    repeats: 1,
    minutes: 1.0,
    run: |_, _| measure(),
};

const BASELINE: &str = "instructions.json";
/// A change that is worth a word.
const NOTABLE: f64 = 0.03;
const FEW: usize = 1_000;
const MANY: usize = 10_000;

/// The counts that later ones are compared with, and what they depend on beside hashlet.
#[derive(Serialize, Deserialize)]
struct Baseline {
    rustc: String,
    valgrind: String,
    instructions: BTreeMap<String, f64>,
}

/// Whether there is what counts instructions.
pub(super) fn can_count() -> bool {
    first_line("valgrind", &["--version"]).is_some()
}

fn measure() -> Figures {
    let program = build(&["--no-default-features", "--features", "testing", "--bin", "instructions"]);
    let output = Command::new(&program).arg("names").output().expect("the program that was built");
    let names = String::from_utf8(output.stdout).expect("text");
    let each = |name: &str| (format!("{name} instructions"), count_each(&program, name));
    names.lines().map(each).collect()
}

/// Builds a program of this workspace.
pub(super) fn build(arguments: &[&str]) -> PathBuf {
    let output = Command::new("cargo")
        .args(["build", "--quiet", "--release"])
        .args(arguments)
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(FOLDER)
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo");
    assert!(output.status.success(), "cargo build {arguments:?}: {}", output.status);
    let text = String::from_utf8(output.stdout).expect("text");
    let messages = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut programs = messages.filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)));
    programs.next_back().expect("cargo names what it has built")
}

/// The instructions of an operation.
pub(super) fn count_each(program: &Path, operation: &str) -> f64 {
    let [few, many] = [FEW, MANY].map(|times| count(program, operation, times));
    (many - few) as f64 / (MANY - FEW) as f64
}

/// The instructions of a whole run.
fn count(program: &Path, operation: &str, times: usize) -> u64 {
    let folder = Folder::new();
    let out = folder.path().join("callgrind");
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(program)
        .args([operation, &times.to_string()])
        .output()
        .expect("valgrind");
    assert!(output.status.success(), "{operation}: {}", String::from_utf8_lossy(&output.stderr));
    let told = fs::read_to_string(out).expect("what callgrind has counted");
    let sum = told.lines().find_map(|line| line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")));
    sum.and_then(|sum| sum.trim().parse().ok()).expect("callgrind tells a sum")
}

fn versions() -> [String; 2] {
    [("rustc", "--version"), ("valgrind", "--version")]
        .map(|(program, flag)| first_line(program, &[flag]).unwrap_or_default())
}

/// Makes these counts the ones that later ones are compared with.
pub(crate) fn write_baseline(figures: &Figures) {
    let [rustc, valgrind] = versions();
    let instructions = figures.iter().map(|(name, count)| (name.clone(), *count)).collect();
    let baseline = Baseline { rustc, valgrind, instructions };
    let text = serde_json::to_string_pretty(&baseline).expect("a baseline is text") + "\n";
    fs::write(PathBuf::from(FOLDER).join(BASELINE), text).expect("the baseline can be written");
    say(&format!("instructions: {BASELINE} is written"));
}

/// Says which counts have moved, and how far.
pub(crate) fn compare(figures: &Figures) {
    let Ok(text) = fs::read_to_string(PathBuf::from(FOLDER).join(BASELINE)) else {
        say(&format!("instructions: there is no {BASELINE} to compare with; --baseline writes it"));
        return;
    };
    let baseline: Baseline = serde_json::from_str(&text).expect("a baseline that --baseline has written");
    let [rustc, valgrind] = versions();
    for (before, now) in [(&baseline.rustc, &rustc), (&baseline.valgrind, &valgrind)] {
        if before != now {
            say(&format!("instructions: the baseline is of {before}, this is {now}"));
        }
    }
    let mut moved = 0;
    for (name, count) in figures {
        let Some(before) = baseline.instructions.get(name) else {
            say(&format!("instructions: {name} has no baseline"));
            continue;
        };
        let change = count / before - 1.0;
        let notable = change.abs() > NOTABLE;
        moved += usize::from(notable);
        let mark = if notable { " MOVED" } else { "" };
        let name = name.trim_end_matches(" instructions");
        say(&format!("instructions: {name:<24} {before:>9.1} -> {count:>9.1} {:>+7.2} %{mark}", change * 100.0));
    }
    say(&format!("instructions: {moved} of {} moved by more than {} %", figures.len(), NOTABLE * 100.0));
}
