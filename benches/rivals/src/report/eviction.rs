//! The tables of a store as a cache: hits at equal bytes and at equal numbers of keys, and what the policies cost, with
//! what is wanted of it.

use super::block::Block;
use super::journal::Bar;
use super::table::{Best, Cell, Table, count};
use super::tables::owned;
use super::words::{OURS, subject};
use crate::parts::eviction::{
    BYTES, CACHES, CALLED_KEYS, CALLS, HITS, SHARES, STREAMS, WAIT_MIXES, WAIT_POLICIES, WAITS,
};
use crate::results::Results;

const PART: &str = "eviction";
/// The same caches with a number of keys in place of bytes.
const BY_KEYS: [&str; 2] = ["moka_keys", "quick_cache_keys"];
const WANTED_OF_CALLS: f64 = 1.08;
/// A byte a slot, where tables are at least seven sixteenths full.
const WANTED_OF_BYTES: f64 = 2.3;
const WANTED_OF_WAITS: f64 = 0.5;

pub(super) fn block(results: &Results) -> Option<Block> {
    let tables = [
        ("Hits at equal bytes, per cent of the requests", hits(results, &at_equal_bytes(results))),
        ("What a full cache holds", full(results)),
        ("Hits at equal numbers of keys, per cent of the requests", hits(results, &at_equal_keys(results))),
        ("`get` of a key that is there, ns, and by how much noting its use makes it longer", calls(results)),
        ("Bytes that the usage of a key takes with `LeastRecent`", bytes(results)),
        ("Milliseconds of a `set` into a full store of 64 MiB", waits(results)),
    ];
    Block::new(results, (PART, PART, "A store as a cache"), &tables, None)
}

/// Who was measured, in the order of tables.
fn caches<'a>(results: &Results, is_wanted: impl Fn(&str) -> bool + 'a) -> Vec<&'static str> {
    let there = results.subjects(PART);
    CACHES.into_iter().filter(|name| there.contains(name) && is_wanted(name)).collect()
}

/// Those that have the same bytes.
pub(super) fn at_equal_bytes(results: &Results) -> Vec<&'static str> {
    caches(results, |name| !BY_KEYS.contains(&name))
}

fn at_equal_keys(results: &Results) -> Vec<&'static str> {
    caches(results, |name| BY_KEYS.contains(&name) || name.starts_with(OURS))
}

/// Rows for each size and each stream.
fn rows(row: impl Fn(&str, &str) -> Vec<Cell>) -> Vec<(String, Vec<Cell>)> {
    let of_share = |(share, words): (&str, &str)| {
        STREAMS.map(|(stream, stream_words)| (format!("{words}: {stream_words}"), row(share, stream))).to_vec()
    };
    shares().into_iter().flat_map(of_share).collect()
}

fn shares() -> [(&'static str, &'static str); 2] {
    [(SHARES[0].0, "room for a tenth"), (SHARES[1].0, "room for half")]
}

fn hits(results: &Results, names: &[&str]) -> Table {
    let row = |share: &str, stream: &str| {
        let figure = format!("{share}/{stream} hits");
        names.iter().map(|name| Cell::figure(results.median(PART, HITS, name, &figure))).collect()
    };
    Table { head: head(names), rows: rows(row), best: Best::Most }
}

fn head(names: &[&str]) -> Vec<String> {
    [""].into_iter().chain(names.iter().copied().map(subject)).map(str::to_owned).collect()
}

/// How many keys, and which part of the bytes.
fn full(results: &Results) -> Table {
    let names = at_equal_bytes(results);
    let row = |share: &str, words: String, stream: &str| {
        let cell = |name: &&str| {
            let of = |figure: &str| results.median(PART, HITS, name, &format!("{share}/{figure}"));
            let part = of(&format!("{stream} bytes")).zip(of("budget bytes")).map(|(bytes, budget)| bytes / budget);
            let part = part.map_or(String::new(), |part| format!(" ({:.1} %)", part * 100.0));
            Cell::figure(of(&format!("{stream} keys"))).with(&part)
        };
        (words, names.iter().map(cell).collect())
    };
    let of_share = |(share, words): (&str, &str)| {
        let streams = STREAMS.map(|(stream, stream_words)| row(share, format!("{words}: {stream_words}"), stream));
        streams.to_vec()
    };
    let mut rows: Vec<_> = shares().into_iter().flat_map(of_share).collect();
    rows.iter_mut().for_each(|(words, _)| *words = format!("keys, and part of the bytes, {words}"));
    Table { head: head(&names), rows, best: Best::None }
}

fn calls(results: &Results) -> Table {
    let of = |figure: String| results.median(PART, CALLS, OURS, &figure);
    let row = |keys: usize, (name, words): (&str, &str)| {
        let ratio = |beside: &str| of(format!("{keys}/{name} x_{beside}"));
        let wanted = ratio("none").map_or(Cell::figure(None), |ratio| Bar::AtMost(WANTED_OF_CALLS).cell(ratio));
        let is_ours = name != "none" && name != "refuse";
        let cells = vec![
            Cell::figure(of(format!("{keys}/{name} ns"))),
            Cell::figure(ratio("none")),
            Cell::figure(ratio("refuse")),
            if is_ours { wanted } else { Cell::figure(None) },
        ];
        (format!("{} keys, {words}", count(keys)), cells)
    };
    let stores = [
        ("none", "no limit"),
        ("refuse", "`max_bytes`, `Refuse`"),
        ("recent", "`max_bytes`, `LeastRecent`"),
        ("frequent", "`max_bytes`, `LeastFrequent`"),
    ];
    let rows = CALLED_KEYS.into_iter().flat_map(|keys| stores.map(|store| row(keys, store))).collect();
    Table { head: owned(["", "ns", "by no limit", "by `Refuse`", "wanted, by no limit"]), rows, best: Best::None }
}

fn bytes(results: &Results) -> Table {
    let row = |(figure, words): (&str, &str)| {
        let value = results.median(PART, BYTES, OURS, &format!("{figure} bytes"));
        let wanted = value.map_or(Cell::figure(None), |value| Bar::AtMost(WANTED_OF_BYTES).cell(value));
        (words.to_owned(), vec![Cell::figure(value), wanted])
    };
    let rows = [
        ("all told", "a key of 1,000,000, by `stats`"),
        ("all asked", "the same, asked of the allocator"),
        ("all taken", "the same, taken by the allocator"),
        ("least told", "the least from 100,000 to 200,000 keys, by `stats`"),
        ("most told", "the most from 100,000 to 200,000 keys, by `stats`"),
    ];
    Table { head: owned(["", "bytes", "wanted"]), rows: rows.map(row).to_vec(), best: Best::None }
}

fn waits(results: &Results) -> Table {
    let mix_words = |mix: &str| match mix {
        "even" => "values of 50 bytes to 64 KiB",
        _ => "values of 50 bytes, 1 of 100 of 64 KiB",
    };
    let row = |mix: &str, policy: &str, words: String| {
        let of = |unit: &str| results.median(PART, WAITS, OURS, &format!("{mix}/{policy} {unit} ms"));
        let units = ["processor longest", "processor most", "clock longest", "clock most"];
        let mut cells: Vec<Cell> = units.map(|unit| Cell::figure(of(unit))).to_vec();
        cells.push(of(units[0]).map_or(Cell::figure(None), |value| Bar::AtMost(WANTED_OF_WAITS).cell(value)));
        (format!("{}: {words}", mix_words(mix)), cells)
    };
    let row = |mix| WAIT_POLICIES.map(|(name, policy)| row(mix, name, format!("`{policy:?}`")));
    let head = owned([
        "",
        "longest, processor time",
        "of 9,999 in 10,000",
        "longest, by the clock",
        "of 9,999 in 10,000",
        "wanted of the longest",
    ]);
    Table { head, rows: WAIT_MIXES.into_iter().flat_map(row).collect(), best: Best::None }
}
