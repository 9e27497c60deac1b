use std::fs;

use super::Results;
use crate::child::{Figures, Task};
use crate::environment::Environment;
use crate::folder::Folder;

fn task(subject: &str) -> Task {
    Task { part: "memory".into(), group: "carts".into(), subject: subject.into() }
}

fn append(results: &mut Results, subject: &str, repeat: usize, figure: f64) {
    let figures = Figures::from([("each bytes".to_owned(), figure)]);
    results.append(&task(subject), &Environment::here(), (1.0, repeat, 0.5), figures).expect("a file");
}

#[test]
fn an_interrupted_run_goes_on_where_it_was() {
    let folder = Folder::new();
    let path = folder.path().join("results.jsonl");
    let mut results = Results::read(&path).expect("nothing yet");
    append(&mut results, "hashlet", 0, 1.0);
    append(&mut results, "dashmap", 0, 9.0);
    let text = fs::read_to_string(&path).expect("a file");
    fs::write(&path, &text[..text.len() - 5]).expect("a file");

    let mut results = Results::read(&path).expect("what is whole");
    assert!(results.has(&task("hashlet"), 0));
    assert!(!results.has(&task("dashmap"), 0), "it was cut short");
    append(&mut results, "dashmap", 0, 8.0);
    let results = Results::read(&path).expect("the file is whole again");
    assert_eq!(results.median("memory", "carts", "dashmap", "each bytes"), Some(8.0));
    assert_eq!(results.subjects("memory"), ["hashlet", "dashmap"]);
}

#[test]
fn a_figure_is_the_median_of_its_repeats() {
    let folder = Folder::new();
    let mut results = Results::read(&folder.path().join("results.jsonl")).expect("nothing yet");
    for (repeat, figure) in [3.0, 100.0, 1.0].into_iter().enumerate() {
        append(&mut results, "hashlet", repeat, figure);
    }
    assert_eq!(results.median("memory", "carts", "hashlet", "each bytes"), Some(3.0));
    assert_eq!(results.median("memory", "carts", "hashlet", "other bytes"), None);
    results.retain(|cell| cell.repeat > 0).expect("a file");
    assert!(!results.has(&task("hashlet"), 0));
}
