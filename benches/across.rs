//! `get_across` of 64 random keys of 1,000,000 profiles, beside 64 single `get`s of the same keys.
//!
//! `cargo bench --bench across` prints `workload subject figure unit`: `ns` is the median wall time of one key,
//! `x_get` how many times faster than single `get`s.

mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use hashlet::Store;

use support::random::Random;
use support::rival::Rival;
use support::rounds::{Rounds, line, say};
use support::workload::{PROFILE_FIELDS, Profile, ProfileKey, SEED, profile_key};

const PROFILES: usize = 1_000_000;
const KEYS_A_CALL: usize = 64;
const CALLS: usize = 4_000;
const ROUNDS: usize = 9;

fn main() {
    let (profiles, calls, rounds) = if support::smoke() { (10_000, 20, 1) } else { (PROFILES, CALLS, ROUNDS) };
    say(&format!("# {profiles} profiles, {calls} calls of {KEYS_A_CALL} keys, {rounds} rounds"));
    let store = Store::new();
    for number in 0..profiles {
        let profile = Profile::new(number);
        assert_eq!(Rival::set_many(&store, profile.key.as_ref(), &profile.pairs()), 8);
    }
    let mut random = Random::new(SEED);
    let mut draw = || -> Vec<Vec<ProfileKey>> {
        let mut keys = || (0..KEYS_A_CALL).map(|_| profile_key(random.below(profiles))).collect();
        (0..calls).map(|_| keys()).collect()
    };
    let rounds: Vec<_> = (0..rounds).map(|_| draw()).collect();

    for field in [PROFILE_FIELDS[0], PROFILE_FIELDS[7]] {
        let name = format!("get_across/{field}");
        let times = Rounds::run(
            rounds.len(),
            &mut [
                &mut |round| {
                    timed(&rounds[round], |keys| store.get_across(keys, field).iter().flatten().map(Vec::len).sum())
                },
                &mut |round| {
                    timed(&rounds[round], |keys| {
                        let values: Vec<_> = keys.iter().map(|key| store.get(key, field)).collect();
                        values.iter().flatten().map(Vec::len).sum()
                    })
                },
            ],
        );
        let keys = (calls * KEYS_A_CALL) as f64;
        line(&name, "get_across", times.median(0) / keys * 1e9, "ns");
        line(&name, "get", times.median(1) / keys * 1e9, "ns");
        line(&name, "get_across", times.ratio(1, 0), "x_get");
    }
}

fn timed(calls: &[Vec<ProfileKey>], call: impl Fn(&[ProfileKey]) -> usize) -> Duration {
    let start = Instant::now();
    let bytes: usize = calls.iter().map(|keys| call(keys)).sum();
    let time = start.elapsed();
    assert!(black_box(bytes) > 0);
    time
}
