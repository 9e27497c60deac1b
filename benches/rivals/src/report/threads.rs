//! The tables of the parts on threads, cores and allocators.

use super::block::Block;
use super::table::{Best, Cell, Table, count};
use super::tables::{cells, head, owned};
use super::words::{self, FIRST_RIVAL, OURS};
use crate::parts::{CORES, KEYS_ON_CORES, MIXES, ON_ALLOCATORS, ON_THREADS, SETTINGS, SHARDS, THINKING, THREADS};
use crate::results::Results;

pub(super) fn blocks(results: &Results) -> [Option<Block>; 3] {
    [
        Block::new(results, ("threads", "threads", "Threads"), &threads(results), None),
        Block::new(results, ("cores", "cores", "More cores, simulated"), &cores(results), None),
        Block::new(results, ("allocators", "allocators", "Allocators and huge pages"), &allocators(results), None),
    ]
}

type Rows = Vec<(String, Vec<Cell>)>;

fn keys_words(keys: &str) -> &'static str {
    match keys {
        "uniform" => "keys uniform",
        "zipf" => "keys by Zipf's law",
        _ => "one hash",
    }
}

fn mix_words(mix: &str) -> &str {
    match mix {
        "100/0" => "reads only",
        "95/5" => "95 % reads, 5 % writes",
        "50/50" => "half reads, half writes",
        "set_new+remove" => "add a field and remove it again",
        other => words::operation(other),
    }
}

/// Rows for each operation of the part `threads` and each distribution of its keys.
fn rows_of_threads(rows: impl Fn(&str, &str, String) -> Rows) -> Rows {
    let names = ON_THREADS.map(|operation| operation.name());
    let named = |name: &str| {
        let row = |keys: &'static str| rows(name, keys, format!("{}, {}", mix_words(name), keys_words(keys)));
        ["uniform", "zipf"].map(row).concat()
    };
    names.iter().flat_map(|name| named(name)).collect()
}

fn threads(results: &Results) -> Vec<(&'static str, Table)> {
    let rates = rows_of_threads(|operation, keys, name| {
        let row = |threads: usize| {
            let figure = format!("{operation}/{threads}/{keys} Mop/s");
            let mut cells = cells(results, "threads", "profiles", &figure);
            let of = |subject| results.median("threads", "profiles", subject, &figure);
            cells.push(Cell::ratio(of(OURS), of(FIRST_RIVAL)));
            (format!("{name}, {threads} {}", if threads == 1 { "thread" } else { "threads" }), cells)
        };
        THREADS.map(row).to_vec()
    });
    let costs = rows_of_threads(|operation, keys, name| {
        let cost = |subject: &&str| {
            let of = |threads: usize| {
                results.median("threads", "profiles", subject, &format!("{operation}/{threads}/{keys} cpu ns"))
            };
            Cell::ratio(of(2), of(1))
        };
        vec![(name, results.subjects("threads").iter().map(cost).collect())]
    });
    let waits = rows_of_threads(|operation, keys, name| {
        vec![(name, cells(results, "threads", "profiles", &format!("{operation}/2/{keys} waits")))]
    });
    let with_ratio = head(&[""], results, "threads", &["hashlet's rate / DashMap's"]);
    let without = head(&[""], results, "threads", &[]);
    vec![
        (
            "Million operations a second on 1,000,000 profiles, all threads together",
            Table { head: with_ratio, rows: rates, best: Best::Most },
        ),
        (
            "Processor time of an operation on two threads, as a multiple of that on one",
            Table { head: without.clone(), rows: costs, best: Best::None },
        ),
        (
            "How often a thread sleeps in a million operations on two threads",
            Table { head: without, rows: waits, best: Best::None },
        ),
    ]
}

/// What the simulation rests on, how near it comes to what was measured, and what it says of more cores.
fn cores(results: &Results) -> Vec<(&'static str, Table)> {
    let of = |name: &str| results.median("cores", "profiles", OURS, name);
    let cost = |(name, words): (&str, &str)| (words.to_owned(), vec![Cell::figure(of(&format!("costs/{name} ns")))]);
    let costs = [
        ("line", "a cache line moves to another core"),
        ("yield", "a thread yields"),
        ("wake", "a sleeping thread wakes up"),
        ("waking", "a thread wakes another one"),
    ]
    .map(cost);
    let held = ["between", "get", "set_same", "set_other", "update"];
    let hold = |keys: &str| {
        (keys_words(keys).to_owned(), held.map(|name| Cell::figure(of(&format!("holds/{keys}/{name} ns")))).to_vec())
    };
    let holds = KEYS_ON_CORES.map(hold);
    let (mut checks, mut free, mut busy) = (Rows::new(), Rows::new(), Rows::new());
    for keys in KEYS_ON_CORES {
        for (mix, ..) in MIXES {
            let name = format!("{}, {}", mix_words(mix), keys_words(keys));
            let rate = |threads: usize, how: &str| of(&format!("check/{keys}/{mix}/{threads}/{how} Mop/s"));
            let cells = ["measured", "simulated"].map(|how| Cell::ratio(rate(2, how), rate(1, how)));
            checks.push((name.clone(), cells.to_vec()));
            // One hash has one shard.
            for shards in SHARDS.into_iter().take(if keys == "hot" { 1 } else { SHARDS.len() }) {
                for (thinking, rows) in THINKING.into_iter().zip([&mut free, &mut busy]) {
                    let cell = |threads: usize| {
                        let of = |unit: &str| of(&format!("{keys}/{mix}/{shards}/{thinking}/{threads} {unit}"));
                        let waiting = of("waiting").map_or(String::new(), |part| format!(" ({:.0} %)", part * 100.0));
                        Cell::figure(of("x")).with(&waiting)
                    };
                    let name = if keys == "hot" { name.clone() } else { format!("{name}, {} shards", count(shards)) };
                    rows.push((name, CORES.map(cell).to_vec()));
                }
            }
        }
    }
    let table = |head, rows| Table { head, rows, best: Best::None };
    let of_cores = || {
        let cores = CORES.map(|cores| format!("{cores} threads"));
        [String::new()].into_iter().chain(cores).collect::<Vec<_>>()
    };
    vec![
        ("What the machine takes, nanoseconds", table(owned(["", "ns"]), costs.to_vec())),
        (
            "Nanoseconds for which a call holds the lock of its shard, at most, and between two calls",
            table(
                owned([
                    "",
                    "between two calls",
                    "copy a value",
                    "overwrite, same length",
                    "overwrite, other length",
                    "change three fields in one step",
                ]),
                holds.to_vec(),
            ),
        ),
        (
            "The rate of two threads by that of one, with 64 shards: how near the simulation comes",
            table(owned(["", "measured", "simulated"]), checks),
        ),
        (
            "Simulated rate as a multiple of one thread's, and in brackets the part of the time that threads wait; calls \
             without a pause",
            table(of_cores(), free),
        ),
        ("The same with 1 microsecond of other work after each call", table(of_cores(), busy)),
    ]
}

fn allocators(results: &Results) -> Vec<(&'static str, Table)> {
    let table = |rows: &[(String, String)]| {
        let row = |(name, figure): &(String, String)| {
            let cell = |(group, _): (&str, _)| Cell::figure(results.median("allocators", group, OURS, figure));
            (name.clone(), SETTINGS.map(cell).to_vec())
        };
        let head = owned(["", "glibc", "glibc, huge pages", "mimalloc", "mimalloc, huge pages asked for"]);
        Table { head, rows: rows.iter().map(row).collect(), best: Best::None }
    };
    let of = |rival: &str| {
        let name = words::subject(rival);
        let times =
            ON_ALLOCATORS.map(|on| (format!("{name}: {}, ns", words::operation(on)), format!("{rival}/{on} ns")));
        let bytes = [("resident", "resident bytes a key"), ("huge", "of them on huge pages")]
            .map(|(unit, words)| (format!("{name}: {words}"), format!("{rival}/{unit} bytes")));
        [&times[..], &bytes].concat()
    };
    let ratios = ON_ALLOCATORS.map(|on| (words::operation(on).to_owned(), format!("{on} x")));
    vec![
        ("1,000,000 profiles on two allocators", table(&[of(OURS), of(FIRST_RIVAL)].concat())),
        ("A DashMap's time divided by hashlet's, while both work on that allocator", table(&ratios)),
    ]
}
