use std::fs;

use super::table::{Best, Cell, Table, count, number};
use super::{front, journal, places, runs, tables, words};
use crate::child::{Figures, Task};
use crate::environment::Environment;
use crate::folder::Folder;
use crate::results::Results;

#[test]
fn the_best_cell_is_bold_and_a_bound_never_is() {
    let cells =
        vec![Cell::figure(Some(231.0)), Cell::figure(Some(1_285.4)), Cell::aside(Some(9.0)), Cell::figure(None)];
    let table = |best| Table {
        head: ["", "ours", "theirs", "bound", "absent"].map(str::to_owned).to_vec(),
        rows: vec![("a".into(), cells.clone()), ("b".into(), vec![Cell::figure(None); 4])],
        best,
    };
    let lines: Vec<String> = table(Best::Least).markdown().lines().map(str::to_owned).collect();
    assert_eq!(lines[2..], ["| a | **231** | 1,285 | *9.00* | - |"], "and a row without figures is left out");
    let tie = vec![Cell::figure(Some(48.41)), Cell::figure(Some(48.38))];
    let tie = Table { head: Vec::new(), rows: vec![("tie".into(), tie)], best: Best::Least };
    assert!(tie.markdown().contains("| tie | **48.4** | **48.4** |"), "whoever looks as good");
    assert!(table(Best::Most).markdown().contains("| a | 231 | **1,285** |"));
}

#[test]
fn figures_are_grouped_and_have_three_digits() {
    assert_eq!([0.0123, 1.234, 56.78, 999.6, 1_234_567.0].map(number), ["0.012", "1.23", "56.8", "1,000", "1,234,567"]);
    assert_eq!([0, 10, 1_000, 10_000_000].map(count), ["0", "10", "1,000", "10,000,000"]);
}

#[test]
fn a_text_replaces_what_stands_between_its_marks_and_nothing_else() {
    let folder = Folder::new();
    let pages = ["one.md", "other.md"].map(|name| folder.path().join(name));
    fs::write(&pages[0], "before\n<!-- figures:memory -->\nold\n<!-- end -->\nafter <!-- end -->\n").expect("a file");
    fs::write(&pages[1], "<!-- figures:front -->\n<!-- end -->\n").expect("a file");
    let texts = [("memory", "new\n".to_owned()), ("pauses", "none\n".to_owned()), ("front", "few\n".to_owned())];
    assert_eq!(places::fill(&texts, &pages).expect("files"), ["pauses"], "nobody has a mark for it");
    let read = |page| fs::read_to_string(page).expect("a file");
    assert_eq!(read(&pages[0]), "before\n<!-- figures:memory -->\nnew\n\n<!-- end -->\nafter <!-- end -->\n");
    assert_eq!(read(&pages[1]), "<!-- figures:front -->\nfew\n\n<!-- end -->\n");

    fs::write(&pages[0], "<!-- figures:memory -->\nold\n").expect("a file");
    assert!(places::fill(&texts, &pages).is_err(), "a mark without an end");
}

#[test]
fn texts_are_listed_as_in_a_sentence() {
    assert_eq!(
        ["", "a", "a b", "a b c"].map(|texts| words::listed(&texts.split_whitespace().collect::<Vec<_>>())),
        ["", "a", "a and b", "a, b and c"]
    );
}

#[test]
fn all_tables_of_a_run_share_one_line() {
    let folder = Folder::new();
    let mut results = Results::read(&folder.path().join("results.jsonl")).expect("nothing yet");
    for (part, group, subject, figure) in [
        ("memory", "big", "hashlet", "each bytes_resident"),
        ("pauses", "keys", "hashlet", "own ms"),
        ("latency", "memory", "pointer_chase", "1024 ns"),
    ] {
        let task = Task { part: part.into(), group: group.into(), subject: subject.into() };
        let figures = Figures::from([(figure.to_owned(), 2.0)]);
        results.append(&task, &Environment::here(), (1.0, 0, 0.5), figures).expect("a file");
    }
    let blocks = tables::blocks(&results);
    let text = runs::block(&results, &blocks);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("| 2")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(["(`memory`)", "(`pauses`)", "(`latency`)"].iter().all(|part| lines[0].contains(part)), "{text}");
    assert!(front::text(&results).is_some_and(|text| text.contains("| **2.00** | - | - |")));
}

#[test]
fn a_figure_of_the_journal_that_misses_what_is_wanted_says_so() {
    let folder = Folder::new();
    let mut results = Results::read(&folder.path().join("results.jsonl")).expect("nothing yet");
    let mut append = |subject: &str, figures: &[(&str, f64)]| {
        let task = Task { part: "journal".into(), group: "profiles".into(), subject: subject.into() };
        let figures = figures.iter().map(|(name, figure)| ((*name).to_owned(), *figure)).collect();
        results.append(&task, &Environment::here(), (1.0, 0, 0.5), figures).expect("a file");
    };
    append("hashlet", &[("log bytes", 50.0), ("replay Mop/s", 3.0), ("every/1 ns", 9.0)]);
    append("redis", &[("log bytes", 100.0), ("replay Mop/s", 1.0)]);
    append("fjall", &[("log bytes", 100.0)]);
    let text = journal::block(&results).expect("a table").text;
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ") && !line.contains("wanted")).collect();
    assert_eq!(
        rows[1..],
        [
            "| bytes that a set adds to the log | 50.0 | 100 (Redis) | 0.500 | at most 0.55 |",
            "| bytes that a set adds to the log | 50.0 | 100 (fjall) | 0.500 | at most 0.4: missed |",
            "| open a log of 2,000,000 sets, million sets a second | 3.00 | - | - | at least 2 |",
            "| open a log of 2,000,000 sets, million sets a second | 3.00 | 1.00 (Redis) | 3.00 | at least 4: missed |",
        ],
        "and a row without its other figure is left out"
    );
}
