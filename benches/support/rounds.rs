//! Interleaved rounds and the lines they print: `workload subject figure unit`.
//!
//! Every round runs each subject once, a few milliseconds to seconds apart, and the round after begins with the next
//! one. Times are medians over the rounds. A ratio is the median of each round's own ratio, so that a spell in which
//! the machine was slow for both falls out.

use std::io::Write;
use std::time::Duration;

/// Prints `workload subject figure unit`.
pub(crate) fn line(workload: &str, subject: &str, figure: f64, unit: &str) {
    let digits = match figure.abs() {
        1_000.0.. => 0,
        10.0..1_000.0 => 1,
        1.0..10.0 => 2,
        _ => 3,
    };
    say(&format!("{workload} {subject} {figure:.digits$} {unit}"));
}

/// Prints a line of its own: what was measured, on how much of what.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).expect("standard output takes a line");
}

/// The time of each subject in each round.
pub(crate) struct Rounds<const N: usize>(Vec<[f64; N]>);

impl<const N: usize> Rounds<N> {
    /// Runs every subject once a round, and tells it the round.
    pub(crate) fn run(rounds: usize, subjects: &mut [&mut dyn FnMut(usize) -> Duration; N]) -> Self {
        let mut times = vec![[0.0; N]; rounds];
        for (round, times) in times.iter_mut().enumerate() {
            for turn in 0..N {
                let subject = (round + turn) % N;
                times[subject] = subjects[subject](round).as_secs_f64();
            }
        }
        Self(times)
    }

    /// The median time of a subject, in seconds.
    pub(crate) fn median(&self, subject: usize) -> f64 {
        median(self.0.iter().map(|times| times[subject]).collect())
    }

    /// The median of how many times the time of `below` goes into the time of `above`.
    pub(crate) fn ratio(&self, above: usize, below: usize) -> f64 {
        median(self.0.iter().map(|times| times[above] / times[below]).collect())
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}
