//! The tables: which figures stand in which, and what is said under them.

use super::table::{Best, Cell, Table, count};
use crate::arguments::REPEATS;
use crate::parts::{FIELD_STEPS, KEY_STEPS, PARTS, SIZES};
use crate::results::Results;
use crate::rivals::BARE;

const OURS: &str = "hashlet";
const FIRST_RIVAL: &str = "dashmap";

/// All blocks by name, each a table or more with what they rest on.
pub(super) fn blocks(results: &Results) -> Vec<(&'static str, String)> {
    let of = |part, tables: Vec<(&str, Table)>| block(results, part, &tables);
    let all = [
        ("memory", of("memory", vec![("Bytes of memory", memory(results))])),
        ("operations", of("operations", operations(results))),
        ("shapes", of("operations", vec![("Nanoseconds an operation", shapes(results))])),
        ("beside", of("beside", vec![("How many times as fast as a DashMap beside it", beside(results))])),
        ("threads", of("threads", vec![("Million operations a second", threads(results))])),
        ("fields", of("fields", fields(results))),
        ("growth", of("growth", growth(results))),
        ("latency", of("latency", vec![("Nanoseconds a step of the pointer chase", latency(results))])),
        ("pauses", of("pauses", vec![("Milliseconds of the longest single call", pauses(results))])),
        ("persistence", of("persistence", vec![("Saving and loading 1,000,000 profiles", persistence(results))])),
        ("instructions", of("instructions", vec![("Instructions an operation", list(results, "instructions"))])),
        ("encoding", of("encoding", vec![("How many times as long as a bare map", encoding(results))])),
        ("expiry", of("expiry", vec![("What deadlines take", list(results, "expiry"))])),
        ("typed", of("typed", vec![("Typed values", list(results, "typed"))])),
        ("traffic", of("traffic", vec![("Beside a save", list(results, "traffic"))])),
    ];
    all.into_iter().filter_map(|(name, block)| Some((name, block?))).collect()
}

/// The tables with the command, the machine and the versions under them; nothing when nothing was measured.
fn block(results: &Results, part: &str, tables: &[(&str, Table)]) -> Option<String> {
    let last = results.of(part).last()?;
    let environment = results.environment(part)?;
    let repeats = results.of(part).map(|cell| cell.repeat + 1).max().unwrap_or(0);
    let text: String = tables.iter().map(|(caption, table)| format!("{caption}:\n\n{}\n", table.markdown())).collect();
    let scale = if last.scale < 1.0 { format!(", at scale {}: NOT the real sizes", last.scale) } else { String::new() };
    let how = match repeats {
        1 => "one run".to_owned(),
        repeats => format!("medians of {repeats} interleaved runs"),
    };
    let flag = if repeats > REPEATS { format!(" --repeats {repeats}") } else { String::new() };
    Some(format!(
        "{text}<sub>`cargo run --release --manifest-path benches/rivals/Cargo.toml -- {part}{flag}`, {}, {how}{scale}; {}. {} \
         cores say nothing about sixteen.</sub>\n",
        last.date,
        environment.describe(),
        environment.cores
    ))
}

/// A column for each subject; the bare map is a bound and no choice, so it never is the best.
fn cells(results: &Results, part: &str, group: &str, figure: &str) -> Vec<Cell> {
    let cell = |subject: &&str| {
        let value = results.median(part, group, subject, figure);
        if *subject == BARE { Cell::aside(value) } else { Cell::figure(value) }
    };
    results.subjects(part).iter().map(cell).collect()
}

fn head(first: &[&str], results: &Results, part: &str, last: &[&str]) -> Vec<String> {
    first.iter().copied().chain(results.subjects(part)).chain(last.iter().copied()).map(str::to_owned).collect()
}

/// How many times ours goes into theirs.
fn ratio(results: &Results, part: &str, group: &str, figure: &str) -> Cell {
    let of = |subject| results.median(part, group, subject, figure);
    Cell::ratio(of(FIRST_RIVAL), of(OURS))
}

fn memory(results: &Results) -> Table {
    let rows = [
        ("profiles", "each", "1,000,000 profiles of 8 fields, a key"),
        ("profiles", "worst", "the same, worst from 0.7 to 1.4 million, a key"),
        ("carts", "each", "200,000 carts of 3 JSON values, a key"),
        ("big", "each", "one hash of 1,000,000 fields, a field"),
        ("middle", "each", "20,000 hashes of 128 fields, a hash"),
        ("packages", "each", "the packages of a Debian system, a package"),
    ];
    let row = |(group, figure, name): (&str, &str, &str)| {
        let payload = Cell::aside(results.median("memory", group, OURS, "payload bytes"));
        let cells = cells(results, "memory", group, &format!("{figure} bytes"));
        (name.to_owned(), std::iter::once(payload).chain(cells).collect())
    };
    let mut table: Vec<_> = rows.map(row).to_vec();
    for (group, steps, what) in
        [("keys", &KEY_STEPS[..], "keys of 2 fields, a key"), ("one_hash", &FIELD_STEPS, "fields in one hash, a field")]
    {
        for step in steps.iter().rev().take(1) {
            let cells = cells(results, "memory", group, &format!("{step} bytes"));
            let name = format!("{} {what}", count(*step));
            table.push((name, std::iter::once(Cell::figure(None)).chain(cells).collect()));
        }
    }
    Table { head: head(&["", "payload"], results, "memory", &[]), rows: table, best: Best::Least }
}

/// All that is done to a store by one thread.
const OPERATIONS: [&str; 14] = [
    "look",
    "get",
    "missing_field",
    "missing_key",
    "contains",
    "get_all",
    "get_across",
    "set_same",
    "set_other",
    "set_new",
    "remove",
    "reinsert",
    "increment",
    "update",
];

fn operations(results: &Results) -> Vec<(&'static str, Table)> {
    let table = |distribution: &str| {
        let row = |name: &str| {
            let figure = format!("{name}/{distribution} ns");
            let mut cells = cells(results, "operations", "profiles", &figure);
            cells.push(ratio(results, "operations", "profiles", &figure));
            (format!("`{name}`"), cells)
        };
        let head = head(&[""], results, "operations", &["dashmap / hashlet"]);
        Table { head, rows: OPERATIONS.map(row).to_vec(), best: Best::Least }
    };
    vec![
        ("Nanoseconds an operation on 1,000,000 profiles, keys drawn uniformly", table("uniform")),
        ("The same, keys drawn by Zipf's law with exponent 0.99", table("zipf")),
    ]
}

fn shapes(results: &Results) -> Table {
    let mut rows = Vec::new();
    for shape in ["carts", "big", "middle", "packages"] {
        for name in ["look", "get", "missing_field", "get_all", "set_same", "set_other", "set_new", "remove"] {
            let figure = format!("{name}/uniform ns");
            let mut cells = cells(results, "operations", shape, &figure);
            cells.push(ratio(results, "operations", shape, &figure));
            rows.push((format!("{shape}, `{name}`"), cells));
        }
    }
    Table { head: head(&[""], results, "operations", &["dashmap / hashlet"]), rows, best: Best::Least }
}

fn beside(results: &Results) -> Table {
    const COLUMNS: [(&str, &str, &str); 6] = [
        ("profiles", "profiles", "uniform"),
        ("profiles, Zipf", "profiles", "zipf"),
        ("carts", "carts", "uniform"),
        ("big", "big", "uniform"),
        ("middle", "middle", "uniform"),
        ("packages", "packages", "uniform"),
    ];
    let row = |name: &str| {
        let cell = |(_, group, distribution): (&str, &str, &str)| {
            Cell::figure(results.median("beside", group, OURS, &format!("{name}/{distribution} x")))
        };
        (format!("`{name}`"), COLUMNS.map(cell).to_vec())
    };
    let head = [""].into_iter().chain(COLUMNS.map(|(column, ..)| column)).map(str::to_owned).collect();
    Table { head, rows: OPERATIONS.map(row).to_vec(), best: Best::None }
}

fn threads(results: &Results) -> Table {
    let mut rows = Vec::new();
    for mix in ["100/0", "95/5", "50/50"] {
        for threads in [1, 2] {
            for distribution in ["uniform", "zipf"] {
                let figure = format!("{mix}/{threads}/{distribution} Mop/s");
                let mut cells = cells(results, "threads", "profiles", &figure);
                let of = |subject| results.median("threads", "profiles", subject, &figure);
                cells.push(Cell::ratio(of(OURS), of(FIRST_RIVAL)));
                rows.push((format!("{mix} {distribution}, {threads}"), cells));
            }
        }
    }
    let head = head(&["reads/writes, threads"], results, "threads", &["hashlet / dashmap"]);
    Table { head, rows, best: Best::Most }
}

fn fields(results: &Results) -> Vec<(&'static str, Table)> {
    let table = |operation: &str| {
        let row =
            |size: usize| (size.to_string(), cells(results, "fields", "short", &format!("{operation}/{size} ns")));
        Table { head: head(&["fields"], results, "fields", &[]), rows: SIZES.map(row).to_vec(), best: Best::Least }
    };
    vec![
        ("Nanoseconds of `get` by the number of fields of a hash", table("get")),
        ("Of a `get` of a missing field", table("missing_field")),
        ("Of a `set` of another length", table("set_other")),
        ("Of `get_all`", table("get_all")),
    ]
}

fn growth(results: &Results) -> Vec<(&'static str, Table)> {
    let table = |group: &str, steps: &[usize], operation: &str| {
        let row = |step: &usize| (count(*step), cells(results, "growth", group, &format!("{operation}/{step} ns")));
        let head = head(&[group], results, "growth", &[]);
        Table { head, rows: steps.iter().map(row).collect(), best: Best::Least }
    };
    vec![
        ("Nanoseconds of `get` by the number of keys", table("keys", &KEY_STEPS, "get")),
        ("Of a new key's two `set`s, each, on the way there", table("keys", &KEY_STEPS, "insert")),
        ("Of `get` by the number of fields of one hash", table("one_hash", &FIELD_STEPS, "get")),
        ("Of a `set` of a new field there", table("one_hash", &FIELD_STEPS, "insert")),
        ("hashlet beside the memory's own latency for a working set as big as the store", beside_latency(results)),
    ]
}

fn beside_latency(results: &Results) -> Table {
    let row = |keys: &usize| {
        let bytes = results.median("memory", "keys", OURS, &format!("{keys} bytes")).map(|each| each * *keys as f64);
        let latency = bytes.and_then(|bytes| latency_of(results, bytes));
        let figure = |name: &str| results.median("growth", "keys", OURS, &format!("{name}/{keys} ns"));
        let operations = ["insert", "get", "missing_field", "set_same"].map(figure);
        let mut cells = vec![Cell::figure(bytes.map(|bytes| bytes / 1e6)), Cell::figure(latency)];
        cells.extend(operations.map(Cell::figure));
        cells.push(Cell::ratio(operations[1], latency));
        (count(*keys), cells)
    };
    let words = ["keys", "MB", "latency", "insert", "get", "missing_field", "set_same", "get / latency"];
    Table { head: words.map(str::to_owned).to_vec(), rows: KEY_STEPS.iter().map(row).collect(), best: Best::None }
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
    let head = ["working set", "ns"].map(str::to_owned).to_vec();
    Table { head, rows: sizes(results).into_iter().map(row).collect(), best: Best::None }
}

fn pauses(results: &Results) -> Table {
    let rows = [
        ("one_hash", "into one hash, on the way to 4,000,000 fields"),
        ("keys", "of a new key, on the way to 4,000,000"),
        ("long_values", "a value of 2 MiB over another, among 10,000 short fields"),
    ];
    let row = |(group, name): (&str, &str)| {
        let raw = cells(results, "pauses", group, "raw ms");
        let own = cells(results, "pauses", group, "own ms");
        let both = own.into_iter().zip(raw).map(|(own, raw)| {
            let raw = format!(" ({})", raw.plain());
            own.with(&raw)
        });
        (name.to_owned(), both.collect())
    };
    Table {
        head: head(&["its own (with interruptions)"], results, "pauses", &[]),
        rows: rows.map(row).to_vec(),
        best: Best::Least,
    }
}

fn persistence(results: &Results) -> Table {
    let rows = [("save s", "save, s"), ("load s", "load, s"), ("disk MB", "on disk, MB")];
    let row = |(figure, name): (&str, &str)| {
        let cell = |subject: &&str| {
            let value = results.median("persistence", "profiles", subject, figure);
            if *subject == "raw" { Cell::aside(value) } else { Cell::figure(value) }
        };
        (name.to_owned(), results.subjects("persistence").iter().map(cell).collect())
    };
    Table { head: head(&[""], results, "persistence", &[]), rows: rows.map(row).to_vec(), best: Best::Least }
}

fn encoding(results: &Results) -> Table {
    let mut rows = Vec::new();
    for size in [8, 16, 128] {
        for subject in ["packed", "table"] {
            let cell = |workload: &str| {
                Cell::figure(results.median(
                    "encoding",
                    "bench",
                    OURS,
                    &format!("{workload}/{size}/{subject} x_hashbrown"),
                ))
            };
            let cells = ["hit", "miss", "replace_same", "replace_other"].map(cell).to_vec();
            rows.push((format!("{size}, {subject}"), cells));
        }
    }
    let head = ["fields", "hit", "miss", "replace, same length", "replace, mostly another"].map(str::to_owned).to_vec();
    Table { head, rows, best: Best::None }
}

/// Everything that a part of hashlet alone has measured, a row each.
fn list(results: &Results, part: &str) -> Table {
    let group = PARTS.iter().find(|known| known.name == part).map_or("", |part| part.groups[0]);
    let names = results.of(part).last().into_iter().flat_map(|cell| cell.figures.keys());
    let row = |name: &String| (format!("`{name}`"), vec![Cell::figure(results.median(part, group, OURS, name))]);
    Table { head: ["what", "figure"].map(str::to_owned).to_vec(), rows: names.map(row).collect(), best: Best::None }
}
