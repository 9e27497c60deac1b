//! What types cost: `get` and `update` of a profile as a value in a field, and as a struct that is a hash, beside the codec
//! called by hand on the bytes that `Store::get` copies out, and beside DashMap, which holds the structs themselves: it encodes
//! nothing, so that it has neither single members, nor bytes to save, nor their packing. It is what types cost at all.
//!
//! `cargo bench --features json,bincode --bench typed` prints `workload subject figure unit`: `ns` is the median time of a
//! call, `x_by_hand` and `x_dashmap` how many times as long as the same by hand, and as DashMap.

mod support;

use std::hint::black_box;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use hashlet::{Codec, Store};
use serde::{Deserialize, Serialize};

use support::random::Random;
use support::rounds::{Rounds, line, say};
use support::workload::SEED;

const PROFILES: usize = 100_000;
const CALLS: usize = 100_000;
const ROUNDS: usize = 9;
const FIELD: &str = "profile";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Profile {
    name: String,
    email: String,
    visits: u64,
    score: f64,
    nickname: Option<String>,
    tags: Vec<String>,
    active: bool,
    limits: (u32, u32),
}

impl Profile {
    fn new(number: usize) -> Self {
        Self {
            name: format!("User Number {number}"),
            email: format!("user.{number}@example.com"),
            visits: number as u64,
            score: number as f64 / 7.0,
            nickname: number.is_multiple_of(2).then(|| format!("nick{number}")),
            tags: vec!["reader".into(), format!("group{}", number % 10)],
            active: number.is_multiple_of(3),
            limits: (10, number as u32),
        }
    }
}

fn main() {
    let (profiles, calls, rounds) = if support::smoke() { (1_000, 1_000, 1) } else { (PROFILES, CALLS, ROUNDS) };
    say(&format!("# {profiles} profiles, {calls} calls a round, {rounds} rounds"));
    let mut random = Random::new(SEED);
    let rounds: Vec<Vec<usize>> = (0..rounds).map(|_| (0..calls).map(|_| random.below(profiles)).collect()).collect();
    run("json", hashlet::Json, profiles, &rounds);
    run("bincode", hashlet::Bincode, profiles, &rounds);
}

fn run(name: &str, codec: impl Codec + Copy, profiles: usize, rounds: &[Vec<usize>]) {
    let keys: Vec<String> = (0..profiles).map(|number| format!("user:{number}")).collect();
    let (values, objects, map) = (Store::new(), Store::new(), DashMap::new());
    let (typed, structs) = (values.typed(codec), objects.typed(codec));
    for (number, key) in keys.iter().enumerate() {
        let profile = Profile::new(number);
        typed.set(key, FIELD, &profile).expect("within limits");
        structs.save_object(key, &profile).expect("within limits");
        map.insert(key.clone(), profile);
    }
    let by_hand = |key: &str| -> Option<Profile> {
        let bytes = values.get(key, FIELD)?;
        Some(codec.decode(PhantomData, &bytes).expect("a profile"))
    };
    let got = |profile: Option<Profile>| profile.map_or(0, |profile| profile.visits + profile.tags.len() as u64);

    report(
        &format!("get/{name}"),
        rounds,
        &keys,
        [
            &|key| got(typed.get(key, FIELD).expect("a profile")),
            &|key| got(by_hand(key)),
            &|key| got(structs.load_object(key).expect("a profile")),
            &|key| got(map.get(key).map(|profile| profile.clone())),
        ],
    );
    let visit = |profile: &mut Profile| {
        profile.visits += 1;
        1
    };
    report(
        &format!("update/{name}"),
        rounds,
        &keys,
        [
            &|key| {
                let update = |profile: Option<Profile>| {
                    let mut profile = profile?;
                    visit(&mut profile);
                    Some(profile)
                };
                u64::from(typed.update(key, FIELD, update).expect("a profile").is_some())
            },
            // Two threads that do this lose an update.
            &|key| {
                let mut profile = by_hand(key).expect("it is there");
                visit(&mut profile);
                let mut bytes = Vec::new();
                codec.encode(&profile, &mut bytes).expect("it can be written");
                u64::from(!values.set(key, FIELD, bytes).expect("within limits"))
            },
            &|key| structs.update_object(key, visit).expect("a profile").unwrap_or(0),
            &|key| map.get_mut(key).map_or(0, |mut profile| visit(&mut profile)),
        ],
    );
    // What a struct that is a hash is for.
    let mut count =
        |round: usize| timed(&rounds[round], &keys, &|key| u64::from(objects.increment(key, "visits", 1).is_ok()));
    let times = Rounds::run(rounds.len(), &mut [&mut count]);
    line(&format!("count/{name}"), "object", times.median(0) / rounds[0].len() as f64 * 1e9, "ns");
}

/// A call on the profile of a key.
type Call<'a> = &'a dyn Fn(&str) -> u64;

fn report(workload: &str, rounds: &[Vec<usize>], keys: &[String], calls: [Call<'_>; 4]) {
    if !support::wanted(workload) {
        return;
    }
    let [field, by_hand, object, map] = calls;
    let times = Rounds::run(
        rounds.len(),
        &mut [
            &mut |round| timed(&rounds[round], keys, field),
            &mut |round| timed(&rounds[round], keys, by_hand),
            &mut |round| timed(&rounds[round], keys, object),
            &mut |round| timed(&rounds[round], keys, map),
        ],
    );
    for (at, subject) in ["field", "by_hand", "object", "dashmap"].into_iter().enumerate() {
        line(workload, subject, times.median(at) / rounds[0].len() as f64 * 1e9, "ns");
    }
    line(workload, "field", times.ratio(0, 1), "x_by_hand");
    line(workload, "object", times.ratio(2, 1), "x_by_hand");
    line(workload, "field", times.ratio(0, 3), "x_dashmap");
    line(workload, "object", times.ratio(2, 3), "x_dashmap");
}

fn timed(numbers: &[usize], keys: &[String], call: Call<'_>) -> Duration {
    let start = Instant::now();
    let sum: u64 = numbers.iter().map(|number| call(&keys[*number])).sum();
    let time = start.elapsed();
    assert!(black_box(sum) > 0);
    time
}
