use std::fs;

use super::readme;
use super::table::{Best, Cell, Table, count, number};
use crate::folder::Folder;

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
    assert!(table(Best::Most).markdown().contains("| a | 231 | **1,285** |"));
}

#[test]
fn figures_are_grouped_and_have_three_digits() {
    assert_eq!([0.0123, 1.234, 56.78, 999.6, 1_234_567.0].map(number), ["0.012", "1.23", "56.8", "1,000", "1,234,567"]);
    assert_eq!([0, 10, 1_000, 10_000_000].map(count), ["0", "10", "1,000", "10,000,000"]);
}

#[test]
fn a_table_replaces_what_stands_between_its_marks_and_nothing_else() {
    let folder = Folder::new();
    let path = folder.path().join("README.md");
    fs::write(&path, "before\n<!-- figures:memory -->\nold\n<!-- end -->\nafter <!-- end -->\n").expect("a file");
    readme::insert(&[("memory", "new\n".to_owned()), ("pauses", "none\n".to_owned())], &path).expect("a file");
    let expected = "before\n<!-- figures:memory -->\nnew\n\n<!-- end -->\nafter <!-- end -->\n";
    assert_eq!(fs::read_to_string(&path).expect("a file"), expected);

    fs::write(&path, "<!-- figures:memory -->\nold\n").expect("a file");
    assert!(readme::insert(&[("memory", String::new())], &path).is_err(), "a mark without an end");
}
