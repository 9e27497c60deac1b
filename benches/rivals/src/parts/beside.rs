//! How many times as fast as a DashMap hashlet is in each of the `operations`, two processes at the same time: what
//! the machine does meanwhile meets both, so that these ratios swing less than those of times taken one after the other.

use std::thread;

use super::{Part, operations};
use crate::child::{Figures, Task};
use crate::data::SHAPES;

pub(crate) const PART: Part = Part {
    name: "beside",
    about: "each operation of hashlet and of a DashMap at the same time",
    groups: &SHAPES,
    subjects: super::alone,
    repeats: usize::MAX,
    minutes: 1.0,
    run: measure,
};

fn measure(task: &Task, scale: f64) -> Figures {
    let figures = |subject: &str| {
        let task = Task { part: operations::PART.name.into(), group: task.group.clone(), subject: subject.into() };
        task.run(scale).unwrap_or_else(|error| panic!("{task:?}: {error}"))
    };
    let (ours, theirs) = thread::scope(|scope| {
        let theirs = scope.spawn(|| figures("dashmap"));
        (figures(&task.subject), theirs.join().expect("its figures"))
    });
    let times = |(name, ours): (String, f64)| (format!("{} x", name.trim_end_matches(" ns")), theirs[&name] / ours);
    ours.into_iter().map(times).collect()
}
