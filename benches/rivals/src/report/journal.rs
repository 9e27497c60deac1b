//! The table of the journal: each of its figures beside another one, and the ratio that is wanted.

use super::block::Block;
use super::table::{Best, Cell, Table};
use super::tables::owned;
use super::words::{OURS, subject};
use crate::results::Results;

/// What a ratio, or the figure itself where nothing is beside it, should be.
#[derive(Clone, Copy)]
pub(super) enum Bar {
    AtMost(f64),
    AtLeast(f64),
    None,
}

use Bar::{AtLeast, AtMost};

/// With what a figure is compared.
#[derive(Clone, Copy)]
enum Beside {
    /// A figure of the same run, what it is, and the median of the rounds' own ratios where there is one.
    Own(&'static str, &'static str, Option<&'static str>),
    /// The same figure, or another one, of somebody else.
    Other(&'static str, &'static str),
    Nothing,
}

use Beside::{Nothing, Other, Own};

/// A row: what it tells and in which unit, the figure, with what it is compared, and what is wanted.
struct Row(&'static str, &'static str, Beside, Bar);

const ROWS: [Row; 28] = [
    Row(
        "overwrite a value, `Every` 100 ms, 1 thread, ns",
        "every/1 ns",
        Own("none/1 ns", "no journal", Some("every/1 x_none")),
        AtMost(1.2),
    ),
    Row(
        "of it, the writer on a processor, ns",
        "every/1 cpu ns",
        Own("none/1 cpu ns", "no journal", Some("every/1 x_none_cpu")),
        Bar::None,
    ),
    Row(
        "overwrite a value, `Every` 100 ms, 2 threads, ns",
        "every/2 ns",
        Own("none/2 ns", "no journal", Some("every/2 x_none")),
        AtMost(1.35),
    ),
    Row(
        "of it, the writer on a processor, ns",
        "every/2 cpu ns",
        Own("none/2 cpu ns", "no journal", Some("every/2 x_none_cpu")),
        Bar::None,
    ),
    Row(
        "the same, 1 thread, million sets a second; the others sync every second",
        "every/1 Mop/s",
        Other("kevy", "everysec/1 Mop/s"),
        AtLeast(2.0),
    ),
    Row("the same, 2 threads, million sets a second", "every/2 Mop/s", Other("kevy", "everysec/2 Mop/s"), AtLeast(2.0)),
    Row(
        "the same, 1 thread, million sets a second",
        "every/1 Mop/s",
        Other("redis", "everysec/1 Mop/s"),
        AtLeast(50.0),
    ),
    Row(
        "overwrite a value, `Os`, 1 thread, ns",
        "os/1 ns",
        Own("none/1 ns", "no journal", Some("os/1 x_none")),
        AtMost(3.0),
    ),
    Row(
        "of it, the writer on a processor, ns",
        "os/1 cpu ns",
        Own("none/1 cpu ns", "no journal", Some("os/1 x_none_cpu")),
        Bar::None,
    ),
    Row(
        "overwrite a value, `Os`, 2 threads, ns",
        "os/2 ns",
        Own("none/2 ns", "no journal", Some("os/2 x_none")),
        AtMost(3.0),
    ),
    Row(
        "of it, the writer on a processor, ns",
        "os/2 cpu ns",
        Own("none/2 cpu ns", "no journal", Some("os/2 x_none_cpu")),
        Bar::None,
    ),
    Row(
        "overwrite a value, `Always`, 1 thread, sets a second",
        "always/1 op/s",
        Own("raw op/s", "as many bytes written and synced", Some("always/1 x_raw")),
        AtLeast(0.9),
    ),
    Row(
        "the same, 8 threads, sets a second",
        "always/8 op/s",
        Own("always/1 op/s", "1 thread", Some("always/8 x_one")),
        AtLeast(5.0),
    ),
    Row("the same, 8 threads, sets a second", "always/8 op/s", Other("fjall", "always/8 op/s"), AtLeast(4.0)),
    Row("the same, 8 threads, sets a second", "always/8 op/s", Other("redb", "always/8 op/s"), AtLeast(4.0)),
    Row("the same, 8 threads, sets a second", "always/8 op/s", Other("redis", "always/8 op/s"), Bar::None),
    Row(
        "64 tasks of one thread that set a value and await `synced`, sets a second",
        "tasks op/s",
        Own("always/1 op/s", "`Always`, 1 thread", Some("tasks x_one")),
        AtLeast(25.0),
    ),
    Row("bytes that a set adds to the log", "log bytes", Other("redis", "log bytes"), AtMost(0.55)),
    Row("bytes that a set adds to the log", "log bytes", Other("fjall", "log bytes"), AtMost(0.4)),
    Row(
        "longest wait of 1 writer beside a checkpoint, ms",
        "checkpoint/1 ms_longest_wait",
        Own("save/1 ms_longest_wait", "no journal, a save", None),
        AtMost(2.0),
    ),
    Row(
        "the same, without interruptions by the system, ms",
        "checkpoint/1 ms_longest_own_wait",
        Own("save/1 ms_longest_own_wait", "no journal, a save", None),
        Bar::None,
    ),
    Row(
        "longest wait of 2 writers beside a checkpoint, ms",
        "checkpoint/2 ms_longest_wait",
        Own("save/2 ms_longest_wait", "no journal, a save", None),
        AtMost(2.0),
    ),
    Row(
        "the same, without interruptions by the system, ms",
        "checkpoint/2 ms_longest_own_wait",
        Own("save/2 ms_longest_own_wait", "no journal, a save", None),
        Bar::None,
    ),
    Row(
        "longest wait of 1 writer, no checkpoint, ms",
        "no_checkpoint/1 ms_longest_wait",
        Own("no_save/1 ms_longest_wait", "no journal, no save", None),
        Bar::None,
    ),
    Row(
        "longest wait of 2 writers, no checkpoint, ms",
        "no_checkpoint/2 ms_longest_wait",
        Own("no_save/2 ms_longest_wait", "no journal, no save", None),
        Bar::None,
    ),
    Row("open a log of 2,000,000 sets, million sets a second", "replay Mop/s", Nothing, AtLeast(2.0)),
    Row(
        "open a log of 2,000,000 sets, million sets a second",
        "replay Mop/s",
        Other("redis", "replay Mop/s"),
        AtLeast(4.0),
    ),
    Row(
        "overwrite a value, feature on and no journal, instructions",
        "with instructions",
        Own("without instructions", "without the feature", None),
        AtMost(1.01),
    ),
];

pub(super) fn block(results: &Results) -> Option<Block> {
    let head = owned(["", "hashlet", "beside it", "hashlet's / the other's", "wanted"]);
    let table = Table { head, rows: ROWS.iter().map(|row| row.cells(results)).collect(), best: Best::None };
    let caption = "The journal: each figure, and what it is compared with";
    Block::new(results, ("journal", "journal", "The journal"), &[(caption, table)], None)
}

impl Row {
    /// Nothing is in the row when one of its figures was not measured.
    fn cells(&self, results: &Results) -> (String, Vec<Cell>) {
        let Self(words, figure, beside, bar) = *self;
        let of = |subject: &str, figure: &str| results.median("journal", "profiles", subject, figure);
        let ours = of(OURS, figure);
        let (other, name, ratio) = match beside {
            Own(figure, name, ratio) => (of(OURS, figure), name, ratio.and_then(|ratio| of(OURS, ratio))),
            Other(rival, figure) => (of(rival, figure), subject(rival), None),
            Nothing => (None, "", None),
        };
        let is_alone = matches!(beside, Nothing);
        let ratio = ratio.or_else(|| ours.zip(other).map(|(ours, other)| ours / other));
        let judged = if is_alone { ours } else { ratio };
        let cells = match judged {
            None => vec![Cell::figure(None); 4],
            Some(judged) => vec![
                Cell::figure(ours),
                other.map_or(Cell::figure(None), |other| Cell::named(other, name)),
                Cell::figure(ratio),
                bar.cell(judged),
            ],
        };
        (words.to_owned(), cells)
    }
}

impl Bar {
    pub(super) fn cell(self, figure: f64) -> Cell {
        let (words, bar, is_met) = match self {
            AtMost(bar) => ("at most", bar, figure <= bar),
            AtLeast(bar) => ("at least", bar, figure >= bar),
            Self::None => return Cell::figure(None),
        };
        Cell::words(&format!("{words} {bar}{}", if is_met { "" } else { ": missed" }))
    }
}
