//! The longest time that a single insert takes, in hashlet, in a DashMap of maps and in a plain map of maps.
//!
//! `cargo bench --bench pauses` prints `workload subject figure unit`:
//!
//! - `fields`: 4,000,000 fields of 28 bytes into one hash, one call each. There, both rivals are one hashbrown map.
//! - `keys`: 4,000,000 keys of one field each.
//! - `long_values`: in a hash of 10,000 short fields and 16 values of 2 MiB, 1,000 times a new value over one of the 16,
//!   each a byte longer than the one before, so that none fits where the old one was.
//!
//! # What is the structure's own
//! Every insert is timed by itself. On a shared machine some are interrupted, and an interruption looks like a pause of
//! milliseconds. So the whole is done five times: hash seeds stay the same within a process, hence the insert of a
//! number does the same work in each run, while an interruption does not come back at the same number.
//!
//! - `ms_longest`: the longest insert, each counting with its median of the five runs. The figure to compare.
//! - `ms_longest_raw`, `ms_longest_raw_least`: the longest insert of a run, interruptions included: the median and the
//!   least of the five.
//! - `us_p99.999`: what all but one of 100,000 inserts stay below, interruptions included.

mod support;

use std::borrow::Cow;
use std::hint::black_box;
use std::time::Instant;

use hashlet::Store;

use support::maps::{Fields, Map, set_field};
use support::rival::{DashMaps, Rival};
use support::rounds::{line, median, say};
use support::workload::{big_field, profile_key};

const INSERTS: usize = 4_000_000;
const RUNS: usize = 5;
const SHORT_FIELDS: usize = 10_000;
const LONG_VALUES: usize = 16;
const LONG_VALUE_BYTES: usize = 2 << 20;
const OVERWRITES: usize = 1_000;
static LONG: [u8; LONG_VALUE_BYTES + OVERWRITES] = [b'v'; LONG_VALUE_BYTES + OVERWRITES];

fn main() {
    let (inserts, overwrites, runs) = if support::smoke() { (10_000, 20, 3) } else { (INSERTS, OVERWRITES, RUNS) };
    let workloads = [
        Workload { name: "fields", before: 0, timed: inserts, input: one_hash },
        Workload { name: "keys", before: 0, timed: inserts, input: many_keys },
        Workload { name: "long_values", before: SHORT_FIELDS + LONG_VALUES, timed: overwrites, input: long_values },
    ];
    for workload in workloads.into_iter().filter(|workload| support::wanted(workload.name)) {
        say(&format!("# {}: {} inserts, {runs} runs", workload.name, workload.timed));
        workload.measure(Store::NAME, runs, Store::new, |store, input| {
            Rival::set(store, &input.key, &input.field, &input.value)
        });
        workload.measure(<DashMaps as Rival>::NAME, runs, <DashMaps as Rival>::new, |maps, input| {
            maps.set(&input.key, &input.field, &input.value)
        });
        workload.measure("hashmap", runs, Map::<Fields>::default, |maps, input| {
            let fields = match maps.get_mut(&*input.key) {
                Some(fields) => fields,
                None => maps.entry((*input.key).into()).or_default(),
            };
            set_field(fields, &input.field, &input.value)
        });
    }
}

/// What is set, generated before the clock starts.
struct Input {
    key: Vec<u8>,
    field: Vec<u8>,
    value: Cow<'static, [u8]>,
}

fn one_hash(number: usize) -> Input {
    let (field, value) = big_field(number);
    Input { key: b"big".to_vec(), field: field.into(), value: Cow::Owned(value.into()) }
}

fn many_keys(number: usize) -> Input {
    Input { key: profile_key(number).to_vec(), field: b"name".to_vec(), value: Cow::Borrowed(b"Ada Lovelace") }
}

/// First the short fields, then long values in turn.
fn long_values(number: usize) -> Input {
    let Some(turn) = number.checked_sub(SHORT_FIELDS) else { return one_hash(number) };
    let field = format!("long:{}", turn % LONG_VALUES).into();
    let longer = turn.saturating_sub(LONG_VALUES);
    let value = Cow::Borrowed(&LONG[..LONG_VALUE_BYTES + longer]);
    Input { key: b"big".to_vec(), field, value }
}

struct Workload {
    name: &'static str,
    /// Inserts that are not timed, before those that are.
    before: usize,
    timed: usize,
    input: fn(usize) -> Input,
}

impl Workload {
    fn measure<S>(&self, subject: &str, runs: usize, new: impl Fn() -> S, set: impl Fn(&mut S, &Input) -> bool) {
        let times: Vec<Vec<u32>> = (0..runs).map(|_| self.run(new(), &set)).collect();

        let middle = |number: usize| {
            let mut of_runs: Vec<u32> = times.iter().map(|run| run[number]).collect();
            of_runs.sort_unstable();
            of_runs[runs / 2]
        };
        let longest = (0..self.timed).map(middle).max().expect("at least one insert");
        let raw = || times.iter().map(|run| f64::from(*run.iter().max().expect("at least one")));
        let mut all: Vec<u32> = times.concat();
        let rank = all.len() - 1 - all.len() / 100_000;
        let (_, rare, _) = all.select_nth_unstable(rank);

        line(self.name, subject, f64::from(longest) / 1e6, "ms_longest");
        line(self.name, subject, median(raw().collect()) / 1e6, "ms_longest_raw");
        line(self.name, subject, raw().fold(f64::MAX, f64::min) / 1e6, "ms_longest_raw_least");
        line(self.name, subject, f64::from(*rare) / 1e3, "us_p99.999");
    }

    /// The nanoseconds of every timed insert.
    fn run<S>(&self, mut subject: S, set: impl Fn(&mut S, &Input) -> bool) -> Vec<u32> {
        for number in 0..self.before {
            assert!(set(&mut subject, &(self.input)(number)));
        }
        let mut times = Vec::with_capacity(self.timed);
        for number in self.before..self.before + self.timed {
            let input = (self.input)(number);
            let start = Instant::now();
            let new = set(&mut subject, &input);
            times.push(u32::try_from(start.elapsed().as_nanos()).unwrap_or(u32::MAX));
            assert_eq!(new, self.before == 0, "only the long values are there already");
        }
        drop(subject);
        // Freeing a big block has glibc merge the millions of small ones just freed, which the next run would pay for.
        drop(black_box(vec![0_u8; 100_000]));
        times
    }
}
