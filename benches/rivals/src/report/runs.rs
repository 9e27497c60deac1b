//! On what all tables rest, told once: the command, and for each day and machine which tables were measured there.

use super::block::Block;
use super::words::{self, listed};
use crate::arguments::FULL;
use crate::results::Results;

/// Tables that were measured on the same days, with the same machine and versions.
struct Run {
    date: String,
    facts: Vec<String>,
    tables: Vec<String>,
}

pub(super) fn block(results: &Results, blocks: &[Block]) -> String {
    let mut runs: Vec<Run> = Vec::new();
    for block in blocks {
        let (Some(date), Some(environment)) = (results.date(block.part), results.environment(block.part)) else {
            continue;
        };
        let (facts, table) = (environment.facts(), title(results, block));
        match runs.iter_mut().find(|run| run.date == date && run.facts == facts) {
            Some(run) => run.tables.push(table),
            None => runs.push(Run { date, facts, tables: vec![table] }),
        }
    }
    runs.sort_by(|one, other| one.date.cmp(&other.date));
    let is_common = |fact: &String| runs.iter().all(|run| run.facts.contains(fact));
    let common: Vec<String> =
        runs.first().into_iter().flat_map(|run| &run.facts).filter(|fact| is_common(fact)).cloned().collect();
    let mut text = format!(
        "`{}`, PART being the word in brackets. All tables: {}.\n\n",
        words::command("PART"),
        common.join(", ")
    );
    text += "| measured on | with | tables |\n| --- | --- | --- |\n";
    for run in &runs {
        let own: Vec<String> = run.facts.iter().filter(|fact| !is_common(fact)).cloned().collect();
        text += &format!("| {} | {} | {} |\n", run.date, own.join(", "), run.tables.join("; "));
    }
    text
}

/// `Single operations (operations, medians of 3 interleaved runs)`.
fn title(results: &Results, block: &Block) -> String {
    let repeats = results.of(block.part).map(|cell| cell.repeat + 1).max().unwrap_or(0);
    let runs = if repeats > 1 { format!(", medians of {repeats} interleaved runs") } else { String::new() };
    let scale = results.of(block.part).last().map_or(FULL, |cell| cell.scale);
    let scale = if scale < FULL { format!(", at scale {scale}: NOT the real sizes") } else { String::new() };
    format!("{} (`{}`{runs}{scale})", block.title, block.part)
}

/// When and where some parts were measured, in one line: for a table that draws on them all.
pub(super) fn line(results: &Results, parts: &[&str]) -> String {
    let mut runs: Vec<(String, Vec<&str>)> = Vec::new();
    for part in parts {
        let (Some(date), Some(environment)) = (results.date(part), results.environment(part)) else { continue };
        let run = format!("on {date}, {}, {} cores", environment.cpu, environment.cores);
        match runs.iter_mut().find(|(known, _)| *known == run) {
            Some((_, parts)) => parts.push(part),
            None => runs.push((run, vec![part])),
        }
    }
    runs.iter().map(|(run, parts)| format!("{} {run}", listed(parts))).collect::<Vec<_>>().join("; ")
}
