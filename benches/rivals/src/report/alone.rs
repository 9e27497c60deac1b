//! The tables of parts that are about hashlet alone.

use std::collections::BTreeSet;

use super::block::Block;
use super::table::{Best, Cell, Table};
use super::words::{self, OURS, alone};
use crate::parts::ON_SHAPES;
use crate::results::Results;

/// A row or a column: its words, and a part of the names of its figures.
type Named<'a> = (&'a str, &'a str);

pub(super) fn blocks(results: &Results) -> Vec<Option<Block>> {
    let of = |names, tables: Vec<(&str, Table)>| Block::new(results, names, &tables, None);
    vec![
        of(
            ("instructions", "instructions", "Instructions"),
            vec![("Processor instructions for each operation", instructions(results))],
        ),
        of(
            ("shaped", "shapes", "Shapes"),
            vec![(
                "The time with shapes divided by that without (below 1, shapes are faster), and how many hashes have a shape",
                shapes(results),
            )],
        ),
        of(
            ("encoding", "encoding", "One hash beside a bare map"),
            vec![(
                "hashlet's time divided by that of a bare, unlocked map (below 1, hashlet is faster)",
                encoding(results),
            )],
        ),
        of(("expiry", "expiry", "Deadlines"), expiry(results)),
        of(("typed", "typed", "Typed values"), typed(results)),
        of(("traffic", "traffic", "Writers beside a save"), traffic(results)),
    ]
}

/// A row for each name, a cell for each column: the figure that `figure` makes of the two.
fn table(
    results: &Results,
    part: &str,
    (first, columns): (&str, &[Named<'_>]),
    rows: &[Named<'_>],
    figure: impl Fn(&str, &str) -> String,
) -> Table {
    let row = |(words, row): &Named<'_>| {
        let cell = |(_, column): &Named<'_>| Cell::figure(alone(results, part, &figure(row, column)));
        ((*words).to_owned(), columns.iter().map(cell).collect())
    };
    let head = [first].into_iter().chain(columns.iter().map(|(words, _)| *words)).map(str::to_owned).collect();
    Table { head, rows: rows.iter().map(row).collect(), best: Best::None }
}

/// What is counted in both encodings stands in one row. An operation that has no words yet goes by its name.
fn instructions(results: &Results) -> Table {
    const WORDS: [Named<'_>; 14] = [
        ("copy a value", "get"),
        ("the same, store with a limit", "get_limited"),
        ("the same, limit and `LeastRecent`", "get_least_recent"),
        ("the same, limit and `LeastFrequent`", "get_least_frequent"),
        ("look up a missing field", "get_missing"),
        ("ask whether a field exists", "contains"),
        ("copy a whole hash", "get_all"),
        ("overwrite a value, same length", "set_same_length"),
        ("overwrite a value, other length", "set_other_length"),
        ("add a field", "set_new"),
        ("remove a field and set it again", "remove_reinsert"),
        ("add 1 to a number", "increment"),
        ("change three fields in one step", "update_three"),
        ("the same, and able to roll back", "try_update_three"),
    ];
    let figures = results.of("instructions").last().into_iter().flat_map(|cell| cell.figures.keys());
    let names: BTreeSet<&str> = figures.filter_map(|figure| figure.strip_suffix(" instructions")).collect();
    let names: BTreeSet<&str> = names.into_iter().map(|name| name.strip_prefix("table_").unwrap_or(name)).collect();
    let is_known = |name: &&str| WORDS.iter().any(|(_, known)| known == name);
    let others = names.iter().copied().filter(|name| !is_known(name)).map(|name| (name, name));
    let rows: Vec<Named<'_>> = WORDS.into_iter().chain(others).collect();
    let columns = [("profiles of 8 fields, packed", ""), ("one hash of 10,000 fields, a table", "table_")];
    table(results, "instructions", ("operation", &columns), &rows, |name, prefix| {
        format!("{prefix}{name} instructions")
    })
}

/// Names that are unique are only built, so that the other rows have no figure there.
fn shapes(results: &Results) -> Table {
    const COLUMNS: [Named<'_>; 3] = [
        ("1,000,000 profiles", "profiles"),
        ("1,000 profiles, in the cache", "cached"),
        ("300,000 hashes with unique names", "unique"),
    ];
    let row = |name: &str| {
        let words = match name {
            "set_many" => "build a hash by one call",
            "set_each" => "build a hash field by field",
            "get_all_by_two" => "copy a whole hash, two threads at once",
            "shaped" => "the part of the hashes that has a shape",
            name => words::operation(name),
        };
        let cell = |(_, group)| Cell::figure(results.median("shapes", group, OURS, &format!("{name} x")));
        (words.to_owned(), COLUMNS.map(cell).to_vec())
    };
    let names = ON_SHAPES.iter().map(|operation| operation.name());
    let names = names.chain(["get_all_by_two", "set_many", "set_each", "shaped"].map(str::to_owned));
    let head = [""].into_iter().chain(COLUMNS.map(|(words, _)| words)).map(str::to_owned).collect();
    Table { head, rows: names.map(|name| row(&name)).collect(), best: Best::None }
}

fn encoding(results: &Results) -> Table {
    let sizes = [8, 16, 128];
    let rows: Vec<_> = sizes
        .iter()
        .flat_map(|size| ["packed", "table"].map(|form| (format!("{size} fields, {form}"), format!("{size}/{form}"))))
        .collect();
    let rows: Vec<_> = rows.iter().map(|(words, name)| (words.as_str(), name.as_str())).collect();
    let columns = [
        ("read a value", "hit"),
        ("look up a missing field", "miss"),
        ("overwrite a value, same length", "replace_same"),
        ("overwrite a value, mostly another length", "replace_other"),
    ];
    table(results, "encoding", ("hash", &columns), &rows, |row, column| format!("{column}/{row} x_hashbrown"))
}

fn expiry(results: &Results) -> Vec<(&'static str, Table)> {
    let table = |columns: (&str, &[Named<'_>]), rows: &[Named<'_>], figure: &dyn Fn(&str, &str) -> String| {
        table(results, "expiry", columns, rows, figure)
    };
    let memory = table(
        ("", &[("asked of the allocator, bytes", "B_asked"), ("taken by the allocator, bytes", "B_taken")]),
        &[
            ("a deadline of one of 20 fields, packed, for each hash", "field_ttl/one/packed"),
            ("deadlines of all 20 fields, packed, for each hash", "field_ttl/twenty/packed"),
            ("a deadline of one of 20 fields, table, for each hash", "field_ttl/one/table"),
            ("deadlines of all 20 fields, table, for each hash", "field_ttl/twenty/table"),
            ("a deadline of a key, among 1,000,000 profiles, for each key", "key_ttl/profile"),
        ],
        &|row, unit| format!("{row} {unit}"),
    );
    let times = table(
        ("", &[("figure", "")]),
        &[
            ("set the deadline of a key that has one, nanoseconds", "set/expire ns"),
            ("ask whether that key exists, nanoseconds", "set/contains_key ns"),
            ("the first divided by the second", "set/expire x_contains"),
            ("purge 1,000,000 due keys among 10,000,000, seconds", "purge/hashlet s"),
            ("the same, seconds of processor time", "purge/hashlet s_cpu"),
        ],
        &|row, _| row.to_owned(),
    );
    let waits = table(
        (
            "a writer works",
            &[("median of the runs", "ms_longest_wait"), ("least of the runs", "ms_longest_wait_least")],
        ),
        &[
            ("alone", "writer_alone"),
            ("beside that purge", "writer"),
            ("beside updates that hold a lock for 60 microseconds each", "writer_beside_updates"),
        ],
        &|row, unit| format!("purge/{row} {unit}"),
    );
    let trickle = table(
        ("purged every", &[("for each key", "keys"), ("for each field of one hash", "fields")]),
        &[("10 ms", "10_ms"), ("100 ms", "100_ms"), ("1 second", "1000_ms"), ("10 seconds", "10000_ms")],
        &|step, what| format!("trickle/{what}/{step} us_cpu"),
    );
    vec![
        ("Bytes that deadlines add", memory),
        ("Time to set a deadline and to purge", times),
        ("Milliseconds that a writer waits at most", waits),
        ("Microseconds of processor time to purge what expires one after the other, 1,000,000 in an hour", trickle),
    ]
}

fn typed(results: &Results) -> Vec<(&'static str, Table)> {
    let rows = [
        ("read, bincode", "get/bincode"),
        ("read, JSON", "get/json"),
        ("change, bincode", "update/bincode"),
        ("change, JSON", "update/json"),
    ];
    let times = [
        ("a value in one field", "field ns"),
        ("the same, codec called by hand", "by_hand ns"),
        ("a struct as a hash", "object ns"),
        ("DashMap of structs, no codec", "dashmap ns"),
    ];
    let ratios = [
        ("one field / by hand", "field x_by_hand"),
        ("one field / DashMap", "field x_dashmap"),
        ("struct as a hash / by hand", "object x_by_hand"),
        ("struct as a hash / DashMap", "object x_dashmap"),
    ];
    let figure = |row: &str, column: &str| format!("{row}/{column}");
    let of = |columns: &[Named<'_>], rows: &[Named<'_>]| table(results, "typed", ("", columns), rows, figure);
    vec![
        ("Nanoseconds for each of 100,000 profiles", of(&times, &rows)),
        ("These times divided by each other, medians of the rounds' own ratios", of(&ratios, &rows)),
        (
            "Nanoseconds to add 1 to one member of a struct that is kept as a hash",
            of(&[("increment", "object ns")], &[("bincode", "count/bincode"), ("JSON", "count/json")]),
        ),
    ]
}

fn traffic(results: &Results) -> Vec<(&'static str, Table)> {
    let rows = [
        ("1 writer, saved to a file", "1_file"),
        ("2 writers, saved to a file", "2_file"),
        ("2 writers, saved bytes thrown away", "2_sink"),
        ("2 writers, saved to a disk of 50 MB a second", "2_slow"),
    ];
    let of = |columns: &[Named<'_>]| {
        table(results, "traffic", ("", columns), &rows, |row, column| format!("traffic/{row}/{column}"))
    };
    let speed = of(&[
        ("the save takes, seconds", "save s"),
        ("copied for the save at most, MB", "save MB_waiting"),
        ("writers' calls beside the save, times those without", "beside_save x_alone"),
        ("writers' calls beside a busy thread, times those without", "beside_spin x_alone"),
    ]);
    let waits = of(&[
        ("alone, median", "alone ms_longest_wait"),
        ("alone, least", "alone ms_longest_wait_least"),
        ("beside the save, median", "beside_save ms_longest_wait"),
        ("beside the save, least", "beside_save ms_longest_wait_least"),
        ("beside a busy thread, median", "beside_spin ms_longest_wait"),
        ("beside a busy thread, least", "beside_spin ms_longest_wait_least"),
    ]);
    let memory = table(
        results,
        "traffic",
        ("", &[("figure", "")]),
        &[
            ("a store that was filled, bytes asked of the allocator a key", "memory/load/filled B_a_key"),
            ("the same store loaded from its file, bytes asked a key", "memory/load/loaded B_a_key"),
            ("most that a save takes beside the store, MB", "memory/save/hashlet MB_beside_the_store"),
            ("most that a load takes beside the store, MB", "memory/load/hashlet MB_beside_the_store"),
        ],
        |row, _| row.to_owned(),
    );
    vec![
        ("How saving 1,000,000 profiles and writing to them slow each other", speed),
        ("Milliseconds of a writer's longest call, median and least of the runs", waits),
        ("Memory for saving and loading these profiles", memory),
    ]
}
