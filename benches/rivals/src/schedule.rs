//! In what order everything is measured, and what has been already.
//!
//! The first repeat of all subjects of a group comes before the second of any (A B C, B C A, C A B), so that a spell in
//! which the machine is slow does not meet one of them alone.

use std::io;
use std::time::Instant;

use crate::arguments::Arguments;
use crate::child::Task;
use crate::data;
use crate::environment::Environment;
use crate::parts::{self, Part};
use crate::progress::{duration, say};
use crate::results::Results;

/// One cell that is still to be measured, and the seconds it may take.
struct Turn {
    task: Task,
    repeat: usize,
    expected: f64,
}

/// Measures what is missing, and says how many cells could not be.
pub(crate) fn run(arguments: &Arguments, environment: &Environment, results: &mut Results) -> io::Result<usize> {
    let id = environment.id();
    let named = |name: &str| arguments.parts.iter().any(|part| part.name == name);
    results.retain(|cell| {
        let is_still_good = cell.environment == id && cell.scale == arguments.scale && !arguments.fresh;
        is_still_good || !named(&cell.part)
    })?;

    let all: Vec<Turn> = arguments.parts.iter().flat_map(|part| turns(part, arguments)).collect();
    let missing: Vec<&Turn> = all.iter().filter(|turn| !results.has(&turn.task, turn.repeat)).collect();
    let mut left: f64 = missing.iter().map(|turn| turn.expected).sum();
    say(&format!(
        "{} cells, {} of them measured already; about {} min, {}",
        all.len(),
        all.len() - missing.len(),
        duration(left),
        environment.facts().join(", ")
    ));

    let mut failed = 0;
    for (number, turn) in missing.iter().enumerate() {
        let Task { part, group, subject } = &turn.task;
        let start = Instant::now();
        let outcome = turn.task.run(arguments.scale);
        let seconds = start.elapsed().as_secs_f64();
        left -= turn.expected;
        let (number, count, repeat) = (number + 1, missing.len(), turn.repeat + 1);
        let text = format!("[{number}/{count}, {} left] {part} {group} {subject} #{repeat}", duration(left));
        match outcome {
            Ok(figures) => {
                say(&format!("{text}: {seconds:.1} s"));
                if part == "instructions" {
                    report_instructions(&figures, arguments.baseline);
                }
                results.append(&turn.task, environment, (arguments.scale, turn.repeat, seconds), figures)?;
            }
            Err(error) => {
                failed += 1;
                say(&format!("{text}: FAILED, {error}"));
            }
        }
    }
    Ok(failed)
}

fn turns(part: &Part, arguments: &Arguments) -> Vec<Turn> {
    let repeats = part.repeats.min(arguments.repeats);
    let groups = part.groups.iter().filter(|group| is_there(part.name, group));
    let groups: Vec<_> = groups.map(|group| (group, (part.subjects)(group))).collect();
    let cells: usize = groups.iter().map(|(_, subjects)| subjects.len()).sum();
    let at_full_scale = part.minutes * 60.0 / (part.repeats.min(3) * cells.max(1)) as f64;
    let mut turns = Vec::new();
    for repeat in 0..repeats {
        for (group, subjects) in &groups {
            for turn in 0..subjects.len() {
                let subject = subjects[(turn + repeat) % subjects.len()];
                let task = Task { part: part.name.into(), group: (**group).into(), subject: subject.into() };
                turns.push(Turn { task, repeat, expected: at_full_scale * arguments.scale });
            }
        }
    }
    turns
}

fn is_there(part: &str, group: &str) -> bool {
    let missing = data::missing(group);
    if let Some(reason) = &missing {
        say(&format!("{part}: WITHOUT {group}, {reason}"));
    }
    missing.is_none()
}

fn report_instructions(figures: &crate::child::Figures, baseline: bool) {
    parts::compare(figures);
    if baseline {
        parts::write_baseline(figures);
    }
}
