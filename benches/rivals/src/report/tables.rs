//! The tables of hashlet beside its rivals: which figures stand in which, and what is said with them.

use super::alone;
use super::block::Block;
use super::table::{Best, Cell, Table, count};
use super::threads;
use super::words::{self, FIRST_RIVAL, ON_ALL_SHAPES, OPERATIONS, OURS, PROMOTES, SHAPES, promotes};
use super::{eviction, journal, remote};
use crate::parts::{FIELD_STEPS, KEY_STEPS, SIZES};
use crate::results::Results;
use crate::rivals::BARE;

/// All tables, in the order of the page that shows them.
pub(super) fn blocks(results: &Results) -> Vec<Block> {
    let of = |names, tables: Vec<(&str, Table)>| Block::new(results, names, &tables, None);
    let with_note = |names, caption, table, note| Block::new(results, names, &[(caption, table)], Some(note));
    let all = [
        with_note(
            ("memory", "memory", "Memory"),
            "Bytes of memory for each key, field or hash: resident, and in brackets what the allocator counted",
            memory(results),
            "The best of a row goes by resident memory.",
        ),
        of(("operations", "operations", "Single operations"), operations(results)),
        with_note(
            ("shapes", "operations", "Other shapes of data"),
            "Nanoseconds for each operation, keys and fields drawn uniformly",
            shapes(results),
            PROMOTES,
        ),
        with_note(
            ("beside", "beside", "At the same time as a DashMap"),
            "A DashMap's time divided by hashlet's, while both work (above 1, hashlet is faster)",
            beside(results),
            BESIDE_NOTE,
        ),
        of(("fields", "fields", "By the number of fields"), fields(results)),
        of(("growth", "growth", "From small to large"), growth(results)),
        of(
            ("latency", "latency", "The memory's own latency"),
            vec![("Nanoseconds for each access of a pointer chase", latency(results))],
        ),
        of(
            ("pauses", "pauses", "Longest pause"),
            vec![(
                "Milliseconds of the longest single call: its own, and in brackets with interruptions by the machine",
                pauses(results),
            )],
        ),
        of(
            ("persistence", "persistence", "Saving and loading"),
            vec![("Saving and loading 1,000,000 profiles", persistence(results))],
        ),
        journal::block(results),
        remote::block(results),
        eviction::block(results),
    ];
    all.into_iter().chain(threads::blocks(results)).chain(alone::blocks(results)).flatten().collect()
}

/// A column for each subject; the bare map is a reference point and no alternative, so it never is the best.
pub(super) fn cells(results: &Results, part: &str, group: &str, figure: &str) -> Vec<Cell> {
    let cell = |subject: &&str| {
        let value = results.median(part, group, subject, figure);
        if *subject == BARE { Cell::aside(value) } else { Cell::figure(value) }
    };
    results.subjects(part).iter().map(cell).collect()
}

/// These cells with the figures of others in brackets.
fn bracketed(cells: Vec<Cell>, others: Vec<Cell>) -> Vec<Cell> {
    cells.into_iter().zip(others).map(|(cell, other)| cell.with(&format!(" ({})", other.plain()))).collect()
}

pub(super) fn head(first: &[&str], results: &Results, part: &str, last: &[&str]) -> Vec<String> {
    let subjects = results.subjects(part).into_iter().map(words::subject);
    first.iter().copied().chain(subjects).chain(last.iter().copied()).map(str::to_owned).collect()
}

pub(super) fn owned<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

const RATIO: &str = "DashMap's time / hashlet's";

/// How many times ours goes into theirs.
fn ratio(results: &Results, part: &str, group: &str, figure: &str) -> Cell {
    let of = |subject| results.median(part, group, subject, figure);
    Cell::ratio(of(FIRST_RIVAL), of(OURS))
}

fn memory(results: &Results) -> Table {
    let [keys, fields] = [KEY_STEPS[KEY_STEPS.len() - 1], FIELD_STEPS[FIELD_STEPS.len() - 1]];
    let rows = [
        ("profiles", "each".to_owned(), "1,000,000 profiles of 8 fields, bytes a key".to_owned()),
        ("profiles", "worst".to_owned(), "the worst from 700,000 to 1,400,000 profiles, bytes a key".to_owned()),
        ("carts", "each".to_owned(), "200,000 carts of 3 JSON values, bytes a key".to_owned()),
        ("big", "each".to_owned(), "one hash of 1,000,000 fields, bytes a field".to_owned()),
        ("middle", "each".to_owned(), "20,000 hashes of 128 fields, bytes a hash".to_owned()),
        ("packages", "each".to_owned(), "the packages of a Debian system, bytes a package".to_owned()),
        ("optional", "each".to_owned(), "1,000,000 profiles of up to 5 fields, bytes a key".to_owned()),
        ("unique", "each".to_owned(), "300,000 hashes of 10 fields with unique names, bytes a key".to_owned()),
        ("keys", keys.to_string(), format!("{} keys of 2 fields, bytes a key", count(keys))),
        ("one_hash", fields.to_string(), format!("one hash of {} fields, bytes a field", count(fields))),
    ];
    let row = |(group, figure, name): (&str, String, String)| {
        let payload = Cell::aside(results.median("memory", group, OURS, "payload bytes"));
        let of = |unit: &str| cells(results, "memory", group, &format!("{figure} {unit}"));
        let both = bracketed(of("bytes_resident"), of("bytes_taken"));
        (name, std::iter::once(payload).chain(both).collect())
    };
    let head = head(&["", "keys, fields and values alone"], results, "memory", &[]);
    Table { head, rows: rows.map(row).into(), best: Best::Least }
}

fn operations(results: &Results) -> Vec<(&'static str, Table)> {
    let table = |distribution: &str| {
        let row = |(name, words): (&str, &str)| {
            let figure = format!("{name}/{distribution} ns");
            let mut cells = cells(results, "operations", "profiles", &figure);
            cells.push(ratio(results, "operations", "profiles", &figure));
            (words.to_owned(), cells)
        };
        Table {
            head: head(&[""], results, "operations", &[RATIO]),
            rows: OPERATIONS.map(row).to_vec(),
            best: Best::Least,
        }
    };
    vec![
        ("Nanoseconds for each operation on 1,000,000 profiles, keys drawn uniformly", table("uniform")),
        (
            "Nanoseconds for each operation on 1,000,000 profiles, keys drawn by Zipf's law with exponent 0.99",
            table("zipf"),
        ),
    ]
}

fn shapes(results: &Results) -> Table {
    let mut rows = Vec::new();
    for (shape, shape_words) in SHAPES {
        for name in ON_ALL_SHAPES {
            let figure = format!("{name}/uniform ns");
            let mut cells = cells(results, "operations", shape, &figure);
            cells.push(ratio(results, "operations", shape, &figure));
            let table = if promotes(shape, name) { " (measures tables, see below)" } else { "" };
            rows.push((format!("{shape_words}: {}{table}", words::operation(name)), cells));
        }
    }
    Table { head: head(&[""], results, "operations", &[RATIO]), rows, best: Best::Least }.without_empty_columns()
}

const BESIDE_NOTE: &str =
    "¹ These two measure tables: the added field is the 129th, and it makes a table of a packed hash.";

fn beside(results: &Results) -> Table {
    const COLUMNS: [(&str, &str, &str); 6] = [
        ("profiles, keys uniform", "profiles", "uniform"),
        ("profiles, keys by Zipf's law", "profiles", "zipf"),
        ("carts", "carts", "uniform"),
        ("one hash of 1,000,000 fields", "big", "uniform"),
        ("hashes of 128 fields", "middle", "uniform"),
        ("Debian packages", "packages", "uniform"),
    ];
    let row = |(name, words): (&str, &str)| {
        let cell = |(_, group, distribution): (&str, &str, &str)| {
            let cell = Cell::figure(results.median("beside", group, OURS, &format!("{name}/{distribution} x")));
            if promotes(group, name) { cell.with(" ¹") } else { cell }
        };
        (words.to_owned(), COLUMNS.map(cell).to_vec())
    };
    let head = [""].into_iter().chain(COLUMNS.map(|(column, ..)| column)).map(str::to_owned).collect();
    Table { head, rows: OPERATIONS.map(row).to_vec(), best: Best::None }
}

fn fields(results: &Results) -> Vec<(&'static str, Table)> {
    let table = |operation: &str| {
        let row = |size: usize| (count(size), cells(results, "fields", "short", &format!("{operation}/{size} ns")));
        let head = head(&["fields of a hash"], results, "fields", &[]);
        Table { head, rows: SIZES.map(row).to_vec(), best: Best::Least }
    };
    vec![
        ("Nanoseconds to copy a value, by the number of fields of a hash", table("get")),
        ("Nanoseconds to look up a missing field, by the number of fields of a hash", table("missing_field")),
        ("Nanoseconds to overwrite a value with one of another length, by the number of fields", table("set_other")),
        ("Nanoseconds to copy a whole hash, by the number of its fields", table("get_all")),
    ]
}

fn growth(results: &Results) -> Vec<(&'static str, Table)> {
    let table = |group: &str, what: &str, steps: &[usize], operation: &str| {
        let row = |step: &usize| (count(*step), cells(results, "growth", group, &format!("{operation}/{step} ns")));
        let head = head(&[what], results, "growth", &[]);
        Table { head, rows: steps.iter().map(row).collect(), best: Best::Least }
    };
    let keys = |operation| table("keys", "keys", &KEY_STEPS, operation);
    let fields = |operation| table("one_hash", "fields of the hash", &FIELD_STEPS, operation);
    vec![
        ("Nanoseconds to copy a value, by the number of keys of two fields", keys("get")),
        ("Nanoseconds to set a field of a new key (each has two), on the way to so many keys", keys("insert")),
        ("Nanoseconds to copy a value, by the number of fields of one hash", fields("get")),
        ("Nanoseconds to add a field to one hash, on the way to so many fields", fields("insert")),
        ("hashlet beside the memory's own latency for a working set as big as the store", beside_latency(results)),
    ]
}

fn beside_latency(results: &Results) -> Table {
    let row = |keys: &usize| {
        let bytes = results.median("memory", "keys", OURS, &format!("{keys} bytes_resident"));
        let bytes = bytes.map(|each| each * *keys as f64);
        let latency = bytes.and_then(|bytes| latency_of(results, bytes));
        let figure = |name: &str| results.median("growth", "keys", OURS, &format!("{name}/{keys} ns"));
        let operations = ["insert", "get", "missing_field", "set_same"].map(figure);
        let mut cells = vec![Cell::figure(bytes.map(|bytes| bytes / 1e6)), Cell::figure(latency)];
        cells.extend(operations.map(Cell::figure));
        cells.push(Cell::ratio(operations[1], latency));
        (count(*keys), cells)
    };
    let head = owned([
        "keys",
        "the store, MB resident",
        "one memory access, ns",
        "set a field of a new key, ns",
        "copy a value, ns",
        "look up a missing field, ns",
        "overwrite a value, same length, ns",
        "copy a value / one memory access",
    ]);
    Table { head, rows: KEY_STEPS.iter().map(row).collect(), best: Best::None }
}

/// The latency of a working set of so many bytes: on the line, by the logarithm of the size, between the two that were
/// measured next to it.
fn latency_of(results: &Results, bytes: f64) -> Option<f64> {
    let sizes = sizes(results);
    let above = sizes.iter().position(|size| *size as f64 >= bytes).unwrap_or(sizes.len().checked_sub(1)?);
    let of = |size: u64| results.median("latency", "memory", "pointer_chase", &format!("{size} ns"));
    let (low, high) = (sizes[above.saturating_sub(1)], sizes[above]);
    let (below, above) = (of(low)?, of(high)?);
    let way = if low == high { 1.0 } else { (bytes / low as f64).log2() / (high as f64 / low as f64).log2() };
    Some(below + (above - below) * way.min(1.0))
}

/// The working sets that were measured, in order.
fn sizes(results: &Results) -> Vec<u64> {
    let Some(cell) = results.of("latency").last() else { return Vec::new() };
    let mut sizes: Vec<u64> = cell.figures.keys().filter_map(|name| name.split(' ').next()?.parse().ok()).collect();
    sizes.sort_unstable();
    sizes
}

fn latency(results: &Results) -> Table {
    let row = |size: u64| {
        let latency = results.median("latency", "memory", "pointer_chase", &format!("{size} ns"));
        (format!("{} KiB", count((size >> 10) as usize)), vec![Cell::figure(latency)])
    };
    let head = owned(["working set", "nanoseconds an access"]);
    Table { head, rows: sizes(results).into_iter().map(row).collect(), best: Best::None }
}

fn pauses(results: &Results) -> Table {
    let rows = [
        ("one_hash", "a new field, on the way to 4,000,000 fields of one hash"),
        ("keys", "a new key, on the way to 4,000,000 keys"),
        ("long_values", "a value of 2 MiB over another one, in a hash of 10,000 short fields"),
    ];
    let row = |(group, name): (&str, &str)| {
        let of = |figure| cells(results, "pauses", group, figure);
        (name.to_owned(), bracketed(of("own ms"), of("raw ms")))
    };
    Table { head: head(&[""], results, "pauses", &[]), rows: rows.map(row).to_vec(), best: Best::Least }
}

fn persistence(results: &Results) -> Table {
    let rows = [("save s", "save, seconds"), ("load s", "load, seconds"), ("disk MB", "size on disk, MB")];
    let row = |(figure, name): (&str, &str)| {
        let cell = |subject: &&str| {
            let value = results.median("persistence", "profiles", subject, figure);
            if *subject == "raw" { Cell::aside(value) } else { Cell::figure(value) }
        };
        (name.to_owned(), results.subjects("persistence").iter().map(cell).collect())
    };
    Table { head: head(&[""], results, "persistence", &[]), rows: rows.map(row).to_vec(), best: Best::Least }
}
