//! What an operation takes while a store grows from 1,000 to 10,000,000 keys of two fields, and one hash from 10 to
//! 4,000,000 fields.

use std::ops::Range;
use std::time::Instant;

use super::Part;
use crate::child::{Figures, Task};
use crate::data::{self, Data, Piece, scaled};
use crate::operations::Operation;
use crate::rivals::with_rival;
use crate::support::random::Random;
use crate::support::rival::Rival;
use crate::support::workload::{SEED, profile_key};

pub(crate) const PART: Part = Part {
    name: "growth",
    about: "time by the number of keys, and of fields in one hash",
    groups: &["keys", "one_hash"],
    subjects: |_| super::in_process(),
    repeats: 2,
    minutes: 15.0,
    run: |task, scale| with_rival!(any task.subject.as_str(), R => measure::<R>(task, scale)),
};

pub(crate) const KEY_STEPS: [usize; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
pub(crate) const FIELD_STEPS: [usize; 7] = [10, 100, 1_000, 10_000, 100_000, 1_000_000, 4_000_000];
const REQUESTS: usize = 100_000;
const OPERATIONS: [Operation; 3] = [Operation::Get, Operation::MissingField, Operation::SetSame];

/// The pieces that each step adds, of those steps that a scale leaves.
pub(super) fn steps(ends: &[usize], scale: f64) -> Vec<Range<usize>> {
    let last = scaled(ends[ends.len() - 1], scale);
    let ends = ends.iter().copied().filter(|end| *end <= last);
    let mut start = 0;
    ends.map(|end| std::mem::replace(&mut start, end)..end).collect()
}

/// A key with a name and a number.
pub(super) fn small_hash(number: usize) -> Piece {
    let mut random = Random::new(SEED ^ number as u64);
    let name = b"abcdefghijklmnop".map(|letter| letter + random.below(10) as u8);
    let visits = random.below(1_000).to_string();
    let pairs = vec![(b"name".to_vec(), name.to_vec()), (b"visits".to_vec(), visits.into())];
    (profile_key(number).to_vec(), pairs)
}

fn measure<R: Rival>(task: &Task, scale: f64) -> Figures {
    let (ends, generate): (&[usize], fn(usize) -> Piece) = match task.group.as_str() {
        "keys" => (&KEY_STEPS, small_hash),
        _ => (&FIELD_STEPS, data::big),
    };
    let steps = steps(ends, scale);
    let data: Data = (0..steps.last().map_or(0, |step| step.end)).map(generate).collect();
    let store = R::new();
    let mut random = Random::new(SEED);
    let mut figures = Figures::new();
    for step in steps {
        let (end, added) = (step.end, step.len());
        let start = Instant::now();
        for piece in step {
            for (field, value) in data.pairs(piece) {
                assert!(store.set(data.key(piece), field, value), "the field is new");
            }
        }
        let inserts = added * data.fields(0);
        figures.insert(format!("insert/{end} ns"), start.elapsed().as_secs_f64() * 1e9 / inserts as f64);
        for operation in OPERATIONS {
            let count = scaled(REQUESTS, scale);
            let pick = |random: &mut Random| random.below(end);
            let time = super::operations::rounds(&store, &data, operation, count, &mut random, pick);
            figures.insert(format!("{}/{end} ns", operation.name()), time);
        }
    }
    super::leave(store);
    figures
}
