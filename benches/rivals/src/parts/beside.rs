//! How many times as fast as a DashMap hashlet is in each of the `operations`, two processes at the same time: what
//! the machine does meanwhile meets both, so that these ratios swing less than those of times taken one after the other.
//!
//! Each process stays on a core of its own. They change cores from one repeat to the next, so that a slower core slows
//! both. The repeats go on until the middle half of each ratio lies within a tenth of its median, or for nine times.

use std::collections::BTreeMap;
use std::thread;

use super::{Part, operations};
use crate::child::{Figures, Task};
use crate::data::SHAPES;
use crate::support::rounds::median;

pub(crate) const PART: Part = Part {
    name: "beside",
    about: "each operation of hashlet and of a DashMap at the same time",
    groups: &SHAPES,
    subjects: |_| super::alone(),
    repeats: 1,
    minutes: 4.0,
    run: measure,
};

const FEWEST: usize = 3;
const MOST: usize = 9;
const SPREAD: f64 = 0.1;

fn measure(task: &Task, scale: f64) -> Figures {
    let mut ratios: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for repeat in 0..MOST {
        for (name, ratio) in measure_once(task, repeat % 2, scale) {
            ratios.entry(name).or_default().push(ratio);
        }
        if repeat + 1 >= FEWEST && ratios.values().all(|ratios| is_steady(ratios)) {
            break;
        }
    }
    ratios.into_iter().map(|(name, ratios)| (name, median(ratios))).collect()
}

fn measure_once(task: &Task, core: usize, scale: f64) -> Figures {
    let figures = |subject: &str, core: usize| {
        let task = Task { part: operations::PART.name.into(), group: task.group.clone(), subject: subject.into() };
        task.run_on(Some(core), scale).unwrap_or_else(|error| panic!("{task:?}: {error}"))
    };
    let (ours, theirs) = thread::scope(|scope| {
        let theirs = scope.spawn(|| figures("dashmap", 1 - core));
        (figures(&task.subject, core), theirs.join().expect("its figures"))
    });
    let times = |(name, ours): (String, f64)| (format!("{} x", name.trim_end_matches(" ns")), theirs[&name] / ours);
    ours.into_iter().map(times).collect()
}

/// Whether the middle half of these ratios lies within a tenth of their median.
fn is_steady(ratios: &[f64]) -> bool {
    let mut ratios = ratios.to_vec();
    ratios.sort_by(f64::total_cmp);
    let quarter = ratios.len() / 4;
    let middle = &ratios[quarter..ratios.len() - quarter];
    middle[middle.len() - 1] - middle[0] <= SPREAD * median(ratios.clone())
}
