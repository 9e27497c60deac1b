//! Field operations on 1,000,000 profiles of 8 fields, in hashlet and in a DashMap of maps.
//!
//! `cargo bench --bench fields` prints `workload/keys/threads subject figure unit`: `ns` is the median wall time of one
//! operation (with two threads: of the whole run, divided by what both did), `x_dashmap` how many times faster than the
//! map of maps. `HASHLET_PROFILES=100000` measures on fewer keys.
//!
//! | workload | one operation |
//! |---|---|
//! | `look` | the length and the first byte of a value, read where it lies |
//! | `get` | an owned copy of a value |
//! | `get_all` | an owned copy of a hash: a `HashValue`, or a clone of the inner map |
//! | `set_same` | a value of the same length written over another |
//! | `set_other` | a value of 4 to 15 bytes written over another, mostly of another length |
//! | `churn` | a ninth field added, and removed at once: the two as one operation |
//! | `set_new`, `remove` | a ninth field added, or removed, in one key after another, no key twice |
//!
//! - Both stores are filled first and stay in memory together. Each round runs the one, then the other, on the same
//!   operations, and every round has operations of its own, drawn before the clock starts.
//! - `uniform` and `zipf` say how keys are drawn; Zipf's exponent is 0.99 and popular keys lie scattered. Fields are
//!   drawn uniformly. Two threads draw from the same keys.
//! - Every answer counts: lengths and first bytes have to add up to what the generator made, and so have new and
//!   removed fields.

mod support;

use std::sync::Barrier;
use std::time::{Duration, Instant};

use hashlet::Store;

use support::random::{Random, Zipf};
use support::rival::{DashMaps, Rival};
use support::rounds::{Rounds, line, say};
use support::workload::{CITY, PHONE, PROFILE_FIELDS, Profile, ProfileKey, SEED, letters, phone, profile_key};

const PROFILES: usize = 1_000_000;
/// Operations of each thread in a round.
const OPERATIONS: usize = 400_000;
const ROUNDS: usize = 9;
const THREADS: [usize; 2] = [1, 2];
const MOST_THREADS: usize = 2;
const NINTH_FIELD: &[u8] = b"nickname";

fn main() {
    let (mut profiles, mut operations, mut rounds) = (PROFILES, OPERATIONS, ROUNDS);
    if support::smoke() {
        (profiles, operations, rounds) = (10_000, 2_000, 1);
    }
    if let Ok(text) = std::env::var("HASHLET_PROFILES") {
        profiles = text.parse().expect("HASHLET_PROFILES is a number");
        operations = operations.min(profiles / MOST_THREADS);
    }
    say(&format!("# {profiles} profiles, {operations} operations a thread, {rounds} rounds"));

    let bench = Bench::new(profiles);
    let mut random = Random::new(SEED);
    let mut draw = |key: &mut dyn FnMut(&mut Random) -> usize| -> Vec<Round> {
        (0..rounds).map(|_| bench.draw(operations, &mut random, key)).collect()
    };
    let zipf = Zipf::new(profiles);
    let mut order: Vec<usize> = (0..profiles).collect();
    Random::new(SEED).shuffle(&mut order);
    let mut order = order.into_iter().cycle();

    let uniform = draw(&mut |random| random.below(profiles));
    let zipf = draw(&mut |random| zipf.sample(random));
    let distinct = draw(&mut |_| order.next().expect("a cycle has no end"));

    for (name, workload) in WORKLOADS {
        match workload {
            Workload::SetNew | Workload::Remove => {
                bench.compare(&format!("{name}/distinct"), workload, &distinct);
            }
            _ => {
                bench.compare(&format!("{name}/uniform"), workload, &uniform);
                bench.compare(&format!("{name}/zipf"), workload, &zipf);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Workload {
    Look,
    Get,
    GetAll,
    SetSame,
    SetOther,
    Churn,
    SetNew,
    Remove,
}

/// Reads come first: they check what the generator made.
const WORKLOADS: [(&str, Workload); 8] = [
    ("look", Workload::Look),
    ("get", Workload::Get),
    ("get_all", Workload::GetAll),
    ("set_same", Workload::SetSame),
    ("set_other", Workload::SetOther),
    ("churn", Workload::Churn),
    ("set_new", Workload::SetNew),
    ("remove", Workload::Remove),
];

/// One operation, and what reading has to give: the length of the value and its first byte, added.
struct Operation {
    key: ProfileKey,
    field: u8,
    answer: u16,
}

/// The operations of a round, a list for each thread.
type Round = [Vec<Operation>; MOST_THREADS];

/// Both stores, filled, and what is written into them.
struct Bench {
    hashlet: Store,
    dashmap: DashMaps,
    answers: Vec<[u16; 8]>,
    phone: String,
    letters: String,
}

impl Bench {
    fn new(profiles: usize) -> Self {
        let hashlet = filled(profiles);
        let dashmap = filled(profiles);
        let answers = |number| Profile::new(number).values.map(|value| answer(value.as_bytes()) as u16);
        let answers = (0..profiles).map(answers).collect();
        let mut random = Random::new(SEED);
        let (phone, letters) = (phone(&mut random), letters(&mut random, 15));
        Self { hashlet, dashmap, answers, phone, letters }
    }

    fn draw(&self, operations: usize, random: &mut Random, key: &mut dyn FnMut(&mut Random) -> usize) -> Round {
        let mut operation = |_| {
            let (number, field) = (key(random), random.below(PROFILE_FIELDS.len()));
            let answer = self.answers[number][field];
            Operation { key: profile_key(number), field: field as u8, answer }
        };
        std::array::from_fn(|_| (0..operations).map(&mut operation).collect())
    }

    /// Runs a workload on both stores, with one thread and with two, and prints what it took.
    fn compare(&self, name: &str, workload: Workload, operations: &[Round]) {
        for threads in THREADS {
            let name = format!("{name}/{threads}t");
            if !support::wanted(&name) {
                continue;
            }
            let lists = |round: usize| &operations[round][..threads];
            let times = Rounds::run(
                operations.len(),
                &mut [&mut |round| self.run(&self.hashlet, workload, lists(round)), &mut |round| {
                    self.run(&self.dashmap, workload, lists(round))
                }],
            );
            let count = (operations[0][0].len() * threads) as f64;
            line(&name, Store::NAME, times.median(0) / count * 1e9, "ns");
            line(&name, <DashMaps as Rival>::NAME, times.median(1) / count * 1e9, "ns");
            line(&name, Store::NAME, times.ratio(1, 0), "x_dashmap");
        }
    }

    /// The wall time of a workload, a thread for each list. The ninth field is gone before and after.
    fn run<R: Rival + Sync>(&self, store: &R, workload: Workload, lists: &[Vec<Operation>]) -> Duration {
        match workload {
            Workload::SetNew => {
                let time = self.timed(store, workload, lists);
                self.timed(store, Workload::Remove, lists);
                time
            }
            Workload::Remove => {
                self.timed(store, Workload::SetNew, lists);
                self.timed(store, workload, lists)
            }
            _ => self.timed(store, workload, lists),
        }
    }

    fn timed<R: Rival + Sync>(&self, store: &R, workload: Workload, lists: &[Vec<Operation>]) -> Duration {
        let barrier = Barrier::new(lists.len());
        let work = |list| {
            barrier.wait();
            let start = Instant::now();
            let sum = self.work(store, workload, list);
            (start, Instant::now(), sum)
        };
        let done: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = lists.iter().map(|list| scope.spawn(move || work(list))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        let start = done.iter().map(|(start, _, _)| *start).min();
        let end = done.iter().map(|(_, end, _)| *end).max();
        let sum: usize = done.iter().map(|(_, _, sum)| sum).sum();

        let operations = lists.iter().flatten();
        assert_eq!(
            sum,
            match workload {
                Workload::Look | Workload::Get => operations.map(|op| usize::from(op.answer)).sum(),
                Workload::GetAll => operations.count() * PROFILE_FIELDS.len(),
                Workload::SetNew | Workload::Remove => operations.count(),
                Workload::SetSame | Workload::SetOther | Workload::Churn => 0,
            }
        );
        start.zip(end).map_or(Duration::ZERO, |(start, end)| end - start)
    }

    /// Does the operations of one thread and adds up the answers.
    fn work<R: Rival>(&self, store: &R, workload: Workload, list: &[Operation]) -> usize {
        let field = |operation: &Operation| PROFILE_FIELDS[usize::from(operation.field)].as_bytes();
        let [phone_field, city_field] = [PHONE, CITY].map(|field| PROFILE_FIELDS[field].as_bytes());
        match workload {
            Workload::Look => {
                sum(list, |operation| store.look(&operation.key, field(operation), |value| value.map_or(0, answer)))
            }
            Workload::Get => {
                sum(list, |operation| store.get(&operation.key, field(operation)).map_or(0, |value| answer(&value)))
            }
            Workload::GetAll => sum(list, |operation| R::len(&store.get_all(&operation.key))),
            Workload::SetSame => {
                sum(list, |operation| usize::from(store.set(&operation.key, phone_field, self.phone.as_bytes())))
            }
            Workload::SetOther => sum(list, |operation| {
                let value = &self.letters.as_bytes()[..4 + usize::from(operation.answer % 12)];
                usize::from(store.set(&operation.key, city_field, value))
            }),
            Workload::Churn => sum(list, |operation| {
                let new = usize::from(store.set(&operation.key, NINTH_FIELD, b"Ada"));
                new.wrapping_sub(usize::from(store.remove(&operation.key, NINTH_FIELD)))
            }),
            Workload::SetNew => sum(list, |operation| usize::from(store.set(&operation.key, NINTH_FIELD, b"Ada"))),
            Workload::Remove => sum(list, |operation| usize::from(store.remove(&operation.key, NINTH_FIELD))),
        }
    }
}

/// A store of so many profiles.
fn filled<R: Rival>(profiles: usize) -> R {
    let store = R::new();
    for number in 0..profiles {
        let profile = Profile::new(number);
        assert_eq!(store.set_many(profile.key.as_ref(), &profile.pairs()), 8);
    }
    store
}

/// What an operation adds to the sum of its list when it has read this value.
fn answer(value: &[u8]) -> usize {
    value.len() + usize::from(value[0])
}

fn sum(list: &[Operation], answer: impl Fn(&Operation) -> usize) -> usize {
    list.iter().map(answer).fold(0, usize::wrapping_add)
}
