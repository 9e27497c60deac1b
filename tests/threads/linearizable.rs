//! Each call that promises to be one step takes effect at one instant between its beginning and its end. So the
//! histories of four threads that start together, on two keys, are linearizable. If no call is on both keys, each key's
//! history is checked by itself. The store's clock stands still in a history, which may begin with much expired data.
//! The full `HASHLET_SCALE` runs 2,500 histories for each configuration. `HASHLET_SEED` runs the calls of one seed as
//! often.

mod calls;
mod checker;
mod examples;
mod history;
mod race;

use std::hash::BuildHasher;

use crate::support::config::{self, Told};
use crate::support::scale;
use calls::Programme;
use checker::is_linearizable;
use race::Team;

const HISTORIES: f64 = 2_500.0;

#[test]
fn every_call_takes_effect_at_one_instant() {
    let fixed = std::env::var("HASHLET_SEED").ok();
    let fixed: Option<u64> = fixed.map(|seed| seed.parse().expect("HASHLET_SEED is the number a failure printed"));
    // Each run has other histories: the operating system seeds std's hasher.
    let first: u32 = std::hash::RandomState::new().hash_one(0) as u32;
    let team = Team::new();
    let (mut calls, mut overlapping, mut histories, mut out_of_order) = (0, 0, 0, 0);
    for config in config::all() {
        for number in 0..(HISTORIES * scale()).ceil() as u64 {
            let seed = fixed.unwrap_or(u64::from(first) + number);
            let _told = Told(format!("{}, seed {seed}", config.name));
            let history = team.run(&config, Programme::of(seed));
            assert!(is_linearizable(&history), "not linearizable:\n{history}");
            calls += history.events.len();
            overlapping += history.overlapping();
            histories += 1;
            out_of_order += usize::from(!history.is_in_order_of_calls());
        }
    }
    // Calls that do not overlap prove nothing. More than half of them do overlap, unless the processor is busy.
    assert!(overlapping > calls / 10, "{overlapping} of {calls} calls met another one on their key");
    assert!(out_of_order > histories / 10, "{out_of_order} of {histories} histories leave the order of calls");
}
