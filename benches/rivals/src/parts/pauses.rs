//! The longest single call: on the way to 4,000,000 fields of one hash, and to as many keys of one field; and of 1,000
//! new values of 2 MiB over old ones, each a byte longer, in a hash of 10,000 short fields.
//!
//! On a shared machine some calls are interrupted, and an interruption looks like a pause of milliseconds. So the whole
//! is done three times: hash seeds stay the same within a process, hence the call of a number does the same work each
//! time, while an interruption does not come back at the same number. `own ms` is the longest call, each counting with
//! its median of the three runs; `raw ms` the longest call of a run with interruptions, the median of the three.

use std::borrow::Cow;
use std::hint::black_box;
use std::time::Instant;

use super::Part;
use crate::child::{Figures, Task};
use crate::data::scaled;
use crate::rivals::with_rival;
use crate::support::rival::Rival;
use crate::support::rounds::median;
use crate::support::workload::{big_field, profile_key};

pub(crate) const PART: Part = Part {
    name: "pauses",
    about: "longest single call",
    groups: &["one_hash", "keys", "long_values"],
    subjects: |_| super::in_process(),
    repeats: 1,
    minutes: 9.0,
    run: |task, scale| with_rival!(any task.subject.as_str(), R => measure::<R>(task, scale)),
};

const INSERTS: usize = 4_000_000;
const RUNS: usize = 3;
const SHORT_FIELDS: usize = 10_000;
const LONG_VALUES: usize = 16;
const LONG_VALUE_BYTES: usize = 2 << 20;
const OVERWRITES: usize = 1_000;
static LONG: [u8; LONG_VALUE_BYTES + OVERWRITES] = [b'v'; LONG_VALUE_BYTES + OVERWRITES];

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
    let longer = turn.saturating_sub(LONG_VALUES);
    Input {
        key: b"big".to_vec(),
        field: format!("long:{}", turn % LONG_VALUES).into(),
        value: Cow::Borrowed(&LONG[..LONG_VALUE_BYTES + longer]),
    }
}

struct Workload {
    /// Calls that are not timed, before those that are.
    before: usize,
    timed: usize,
    input: fn(usize) -> Input,
}

fn measure<R: Rival>(task: &Task, scale: f64) -> Figures {
    let workload = match task.group.as_str() {
        "one_hash" => Workload { before: 0, timed: scaled(INSERTS, scale), input: one_hash },
        "keys" => Workload { before: 0, timed: scaled(INSERTS, scale), input: many_keys },
        _ => Workload { before: SHORT_FIELDS + LONG_VALUES, timed: scaled(OVERWRITES, scale), input: long_values },
    };
    let times: [Vec<u32>; RUNS] = std::array::from_fn(|_| workload.run::<R>());
    let longest = |times: &[u32]| f64::from(*times.iter().max().expect("at least one call")) / 1e6;
    let of_each: Vec<u32> = (0..workload.timed)
        .map(|number| {
            let mut of_runs = [0, 1, 2].map(|run: usize| times[run][number]);
            of_runs.sort_unstable();
            of_runs[RUNS / 2]
        })
        .collect();
    let raw = median(times.iter().map(|run| longest(run)).collect());
    Figures::from([("own ms".into(), longest(&of_each)), ("raw ms".into(), raw)])
}

impl Workload {
    /// The nanoseconds of every timed call.
    fn run<R: Rival>(&self) -> Vec<u32> {
        let store = R::new();
        let set = |input: &Input| store.set(&input.key, &input.field, &input.value);
        for number in 0..self.before {
            assert!(set(&(self.input)(number)));
        }
        let mut times = Vec::with_capacity(self.timed);
        for number in self.before..self.before + self.timed {
            let input = (self.input)(number);
            let start = Instant::now();
            let new = set(&input);
            times.push(u32::try_from(start.elapsed().as_nanos()).unwrap_or(u32::MAX));
            assert_eq!(new, self.before == 0, "only the long values are there already");
        }
        drop(store);
        // Freeing a big block has glibc merge the millions of small ones just freed, which the next run would pay for.
        drop(black_box(vec![0_u8; 100_000]));
        times
    }
}
