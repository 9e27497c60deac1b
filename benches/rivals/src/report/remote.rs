//! The table of hashlet on a server: each of its figures beside the same commands through the crate `redis`, and the ratio
//! that is wanted.

use super::block::Block;
use super::journal::Bar;
use super::table::{Best, Cell, Table};
use super::tables::owned;
use super::words::subject;
use crate::results::Results;

/// A row: what it tells and in which unit, the figure, the one beside it and what that is, their ratio, what is wanted.
struct Row(&'static str, &'static str, [&'static str; 2], &'static str, f64);

const ROWS: [Row; 4] = [
    Row("`get`, ns", "get ns", ["hget ns", "the crate's `hget`"], "get x_hget", 1.05),
    Row("`update` of one field of 8, ns", "update ns", ["hgetall ns", "one HGETALL"], "update x_hgetall", 2.3),
    Row("`copy_to` of 1,000,000 profiles, s", "out s", ["raw out s", "raw pipelines"], "out x_raw", 1.15),
    Row("`copy_from` of 1,000,000 profiles, s", "in s", ["raw in s", "raw requests"], "in x_raw", 1.15),
];

pub(super) fn block(results: &Results) -> Option<Block> {
    let head = owned(["", "server", "hashlet", "beside it", "hashlet's / the other's", "wanted"]);
    let rows = results.subjects("remote").into_iter().flat_map(|server| ROWS.map(|row| row.cells(results, server)));
    let table = Table { head, rows: rows.collect(), best: Best::None };
    let caption = "hashlet on a server, and the same commands through the crate `redis`";
    Block::new(results, ("remote", "remote", "On a server"), &[(caption, table)], None)
}

impl Row {
    fn cells(self, results: &Results, server: &str) -> (String, Vec<Cell>) {
        let Self(words, ours, [other, name], ratio, bar) = self;
        let of = |figure| results.median("remote", "profiles", server, figure);
        let cells = match (of(ours), of(other), of(ratio)) {
            (Some(ours), Some(other), Some(ratio)) => vec![
                Cell::words(subject(server)),
                Cell::figure(Some(ours)),
                Cell::named(other, name),
                Cell::figure(Some(ratio)),
                Bar::AtMost(bar).cell(ratio),
            ],
            _ => vec![Cell::figure(None); 5],
        };
        (words.to_owned(), cells)
    }
}
