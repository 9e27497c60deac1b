//! What an operation takes by the number of fields of a hash, across the point where hashlet makes a table of it.
//!
//! About 65,536 fields are alive at a time, in as many hashes as that makes, so that it is the size of a hash that is
//! seen, and little of the memory's.

use super::Part;
use crate::child::{Figures, Task};
use crate::data::{Data, Piece, scaled};
use crate::operations::Operation;
use crate::rivals::with_rival;
use crate::support::random::Random;
use crate::support::rival::Rival;
use crate::support::workload::{SEED, letters};

pub(crate) const PART: Part = Part {
    name: "fields",
    about: "time by the number of fields",
    groups: &["short"],
    subjects: |_| super::both_encodings(),
    repeats: usize::MAX,
    minutes: 1.0,
    run: |task, scale| with_rival!(any task.subject.as_str(), R => measure::<R>(task, scale)),
};

/// hashlet's threshold is 128.
pub(crate) const SIZES: [usize; 15] = [1, 2, 4, 8, 16, 32, 64, 96, 112, 128, 129, 160, 256, 512, 1_024];
const ALIVE: usize = 65_536;
const REQUESTS: usize = 20_000;
const VALUE_BYTES: usize = 23;
const OPERATIONS: [Operation; 5] =
    [Operation::Get, Operation::MissingField, Operation::GetAll, Operation::SetSame, Operation::SetOther];

fn measure<R: Rival>(_: &Task, scale: f64) -> Figures {
    let mut figures = Figures::new();
    for fields in SIZES {
        let mut random = Random::new(SEED);
        let mut hash = |number| -> Piece {
            let pair = |field| (format!("field{field:04}").into(), letters(&mut random, VALUE_BYTES).into());
            (format!("h:{number:06}").into(), (0..fields).map(pair).collect())
        };
        let data: Data = (0..scaled(ALIVE, scale).div_ceil(fields)).map(&mut hash).collect();
        let store = R::new();
        data.fill(&store, 0..data.len());
        for operation in OPERATIONS {
            // A copy of a whole hash takes as long as its fields are many.
            let share = if operation == Operation::GetAll { fields.div_ceil(8) } else { 1 };
            let count = scaled(REQUESTS, scale).div_ceil(share);
            let pick = |random: &mut Random| random.below(data.len());
            let time = super::operations::rounds(&store, &data, operation, count, &mut random, pick);
            figures.insert(format!("{}/{fields} ns", operation.name()), time);
        }
        super::leave(store);
    }
    figures
}
