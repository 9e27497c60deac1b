//! What hashlet adds to a round trip: each call on a server through hashlet beside the same commands through the crate
//! `redis` alone, on the same server in the same round.

use std::time::{Duration, Instant};

use hashlet::{CopyOptions, Hashes, Remote, Store};
use redis::{Commands, Connection, Value};

use super::Part;
use crate::child::Figures;
use crate::data::{PROFILES, scaled};
use crate::folder::Folder;
use crate::rivals;
use crate::server::Server;
use crate::support::random::Random;
use crate::support::rounds::Rounds;
use crate::support::workload::{Profile, SEED, profile_key};

pub(crate) const PART: Part = Part {
    name: "remote",
    about: "hashlet on a server, beside the crate redis alone",
    groups: &["profiles"],
    subjects: |_| super::servers(),
    repeats: usize::MAX,
    minutes: 4.0,
    run: |task, scale| measure(&task.subject, scale),
};

/// Profiles that calls are made on, and calls of each kind in a round.
const CALLED: usize = 100_000;
const CALLS: usize = 10_000;
const ROUNDS: usize = 9;
const COPIES: usize = 3;
/// Keys that travel together in a raw pipeline, about as long as hashlet's.
const BATCH: usize = 400;
/// Keys of a page, as hashlet asks for them.
const PAGE: usize = 200;
/// The script with which hashlet loads hashes.
const LOAD: &str = include_str!("../../../../src/remote/scripts/load.lua");

fn measure(subject: &str, scale: f64) -> Figures {
    let folder = Folder::new();
    let program = rivals::program(subject).expect("a server that was found before");
    let mut server = Server::start(&program, folder.path(), &["--appendonly", "no"]);
    let mut raw = server.connect().expect("the server answers");
    let remote = Remote::open(&server.url()).expect("the server answers");
    let profiles = scaled(CALLED, scale);
    server.fill(profiles);
    let mut figures = calls(&remote, &mut raw, profiles, scaled(CALLS, scale).max(1_000));
    figures.extend(copies(&remote, &mut raw, scaled(PROFILES, scale)));
    figures
}

/// Single calls: one after the other, on keys drawn at random.
fn calls(remote: &Remote, raw: &mut Connection, profiles: usize, calls: usize) -> Figures {
    let keys = |round: usize| {
        let mut random = Random::new(SEED ^ round as u64);
        (0..calls).map(move |_| profile_key(random.below(profiles)))
    };
    let raw = std::cell::RefCell::new(raw);
    let each = |round: usize, call: &mut dyn FnMut(&[u8])| timed(|| keys(round).for_each(|key| call(&key)));
    let rounds = Rounds::run(
        ROUNDS,
        &mut [
            &mut |round| each(round, &mut |key| assert!(remote.get(key, "email").expect("an answer").is_some())),
            &mut |round| {
                each(round, &mut |key| {
                    let value: Option<Vec<u8>> = raw.borrow_mut().hget(key, "email").expect("an answer");
                    assert!(value.is_some());
                })
            },
            &mut |round| {
                each(round, &mut |key| {
                    remote.update(key, |hash| hash.increment("visits", 1)).expect("an answer").expect("a number");
                })
            },
            &mut |round| {
                each(round, &mut |key| {
                    let all: Vec<(Vec<u8>, Vec<u8>)> = raw.borrow_mut().hgetall(key).expect("an answer");
                    assert_eq!(all.len(), 8);
                })
            },
        ],
    );
    let nanos = |subject| rounds.median(subject) / calls as f64 * 1e9;
    [
        ("get ns", nanos(0)),
        ("hget ns", nanos(1)),
        ("get x_hget", rounds.ratio(0, 1)),
        ("update ns", nanos(2)),
        ("hgetall ns", nanos(3)),
        ("update x_hgetall", rounds.ratio(2, 3)),
    ]
    .map(|(name, figure)| (name.to_owned(), figure))
    .into()
}

/// All profiles to the server and back.
fn copies(remote: &Remote, raw: &mut Connection, profiles: usize) -> Figures {
    let store = Store::new();
    let all: Vec<Profile> = (0..profiles).map(Profile::new).collect();
    for profile in &all {
        store.set_many(profile.key, profile.pairs()).expect("a store without a limit");
    }
    let raw = std::cell::RefCell::new(raw);
    let empty = || redis::cmd("FLUSHALL").exec(&mut **raw.borrow_mut()).expect("an answer");
    let out = Rounds::run(
        COPIES,
        &mut [
            &mut |_| {
                empty();
                timed(|| {
                    let report = store.copy_to(remote, CopyOptions::new()).expect("a copy");
                    assert_eq!(report.keys, profiles as u64);
                })
            },
            &mut |_| {
                empty();
                timed(|| raw_out(&mut raw.borrow_mut(), &all))
            },
        ],
    );
    let back = Rounds::run(
        COPIES,
        &mut [
            &mut |_| {
                let copy = Store::new();
                let time = timed(|| _ = copy.copy_from(remote, CopyOptions::new()).expect("a copy"));
                assert_eq!(copy.key_count(), profiles);
                time
            },
            &mut |_| timed(|| assert!(raw_back(&mut raw.borrow_mut()) >= profiles)),
        ],
    );
    let seconds = [
        ("out s", out.median(0)),
        ("raw out s", out.median(1)),
        ("in s", back.median(0)),
        ("raw in s", back.median(1)),
    ];
    let ratios = [("out x_raw", out.ratio(0, 1)), ("in x_raw", back.ratio(0, 1))];
    seconds.into_iter().chain(ratios).map(|(name, figure)| (name.to_owned(), figure)).collect()
}

/// The commands of a copy to a server.
fn raw_out(raw: &mut Connection, all: &[Profile]) {
    for batch in all.chunks(BATCH) {
        let mut pipeline = redis::pipe();
        for profile in batch {
            pipeline.cmd("UNLINK").arg(&profile.key).ignore();
            let set = pipeline.cmd("HSET").arg(&profile.key);
            for (field, value) in profile.pairs() {
                set.arg(field).arg(value);
            }
            set.ignore();
        }
        pipeline.exec(raw).expect("an answer");
    }
}

/// The commands of a copy from a server. Returns how many hashes came.
fn raw_back(raw: &mut Connection) -> usize {
    let script: String = redis::cmd("SCRIPT").arg("LOAD").arg(LOAD).query(raw).expect("an answer");
    let (mut cursor, mut hashes) = (0_u64, 0);
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("COUNT").arg(PAGE).arg("TYPE").arg("hash");
        let (next, keys): (u64, Vec<Vec<u8>>) = scan.query(raw).expect("an answer");
        if !keys.is_empty() {
            let answer: Value =
                redis::cmd("EVALSHA").arg(&script).arg(keys.len()).arg(&keys).query(raw).expect("an answer");
            hashes += keys.len();
            std::hint::black_box(answer);
        }
        cursor = next;
        if cursor == 0 {
            return hashes;
        }
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
