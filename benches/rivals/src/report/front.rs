//! The one table of the README: ten rows that tell most, our losses among them.

use super::runs;
use super::table::{Best, Cell, Table};
use super::words::{self, FIRST_RIVAL, OURS};
use crate::results::Results;
use crate::rivals::{BARE, TABLES, UNSHAPED};

/// A row: what it tells and in which unit, and `part`, `group` and `figure` of it.
struct Row(&'static str, [&'static str; 3], Best);

const ROWS: [Row; 10] = [
    Row(
        "resident memory of a key with a profile of 8 fields (153 bytes in all), bytes",
        ["memory", "profiles", "each bytes_resident"],
        Best::Least,
    ),
    Row(
        "resident memory of a field in one hash of 1,000,000 fields (28 bytes), bytes",
        ["memory", "big", "each bytes_resident"],
        Best::Least,
    ),
    Row("copy a value of one of 1,000,000 profiles, ns", ["operations", "profiles", "get/uniform ns"], Best::Least),
    Row("copy a whole profile, ns", ["operations", "profiles", "get_all/uniform ns"], Best::Least),
    Row("look up a key that is missing, ns", ["operations", "profiles", "missing_key/uniform ns"], Best::Least),
    Row(
        "overwrite a value with one of another length in Debian packages, ns",
        ["operations", "packages", "set_other/uniform ns"],
        Best::Least,
    ),
    Row(
        "overwrite a value with one of the same length in one hash of 1,000,000 fields, ns",
        ["operations", "big", "set_same/uniform ns"],
        Best::Least,
    ),
    Row(
        "two threads, 95 % reads and 5 % writes, million operations a second",
        ["threads", "profiles", "95/5/2/uniform Mop/s"],
        Best::Most,
    ),
    Row(
        "longest single call while one hash grows to 4,000,000 fields, ms",
        ["pauses", "one_hash", "own ms"],
        Best::Least,
    ),
    Row("save 1,000,000 profiles to disk, s", ["persistence", "profiles", "save s"], Best::Least),
];

/// Nothing when nothing was measured.
pub(super) fn text(results: &Results) -> Option<String> {
    let rows: Vec<(String, Vec<Cell>, Best)> = ROWS.iter().map(|row| row.cells(results)).collect();
    if rows.iter().all(|(_, cells, _)| cells.iter().all(Cell::is_empty)) {
        return None;
    }
    let head = ["", "hashlet", "DashMap of maps", "best of the others"].map(str::to_owned).to_vec();
    // Each row has its own best; so each is a table of one row, of which the head stands once.
    let texts: Vec<String> = rows
        .into_iter()
        .map(|(words, cells, best)| Table { head: head.clone(), rows: vec![(words, cells)], best }.markdown())
        .collect();
    let mut lines: Vec<&str> = texts.first()?.lines().take(2).collect();
    lines.extend(texts.iter().flat_map(|text| text.lines().skip(2)));
    let mut parts: Vec<&str> = ROWS.iter().map(|Row(_, [part, ..], _)| *part).collect();
    parts.dedup();
    Some(format!(
        "{}\n\nBold: the best of the row. `{}`. Measured: {}.\n",
        lines.join("\n"),
        words::command("all"),
        runs::line(results, &parts)
    ))
}

impl Row {
    fn cells(&self, results: &Results) -> (String, Vec<Cell>, Best) {
        let Self(words, [part, group, figure], best) = *self;
        let of = |subject: &str| results.median(part, group, subject, figure);
        let is_other = |subject: &&str| ![OURS, FIRST_RIVAL, TABLES, UNSHAPED, BARE, "raw"].contains(subject);
        let others = results.subjects(part).into_iter().filter(is_other);
        let others = others.filter_map(|subject| Some((of(subject)?, subject)));
        let other = match best {
            Best::Most => others.max_by(|one, other| one.0.total_cmp(&other.0)),
            _ => others.min_by(|one, other| one.0.total_cmp(&other.0)),
        };
        let other = match other {
            Some((value, subject)) => Cell::named(value, words::subject(subject)),
            None => Cell::figure(None),
        };
        (words.to_owned(), vec![Cell::figure(of(OURS)), Cell::figure(of(FIRST_RIVAL)), other], best)
    }
}
