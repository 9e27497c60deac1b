//! hashlet answers as Redis and Valkey do. Random commands go to a store and to a real server, and every reply is
//! compared. Intended differences are in the one table of `deviations.rs`, and any other difference fails. Each server
//! gets 200,000 commands at the full `HASHLET_SCALE`, or the one round of `HASHLET_SEED`.
//!
//! `HASHLET_VALKEY_SOCKET` and `HASHLET_REDIS_SOCKET` are the paths of the servers' unix sockets. Use throw-away
//! servers, because their database is emptied. `.ci/servers cargo test --test suite differential::` starts both.
//! Without servers nothing is compared, and the test prints so.

use std::hash::BuildHasher;
use std::io::Write;
use std::time::Instant;

use super::deviations::DEVIATIONS;
use super::globs;
use super::round::{Round, Tally};
use super::server::Server;
use crate::support::scale;

const COMMANDS: f64 = 200_000.0;

#[test]
fn a_store_answers_as_valkey() {
    compare_with("Valkey 9.1", "HASHLET_VALKEY_SOCKET");
}

#[test]
fn a_store_answers_as_redis() {
    compare_with("Redis 8.2", "HASHLET_REDIS_SOCKET");
}

fn compare_with(name: &'static str, variable: &'static str) {
    let Some(socket) = std::env::var_os(variable) else {
        say(&format!("NOT COMPARED with {name}: {variable} is not set; `.ci/servers` starts the servers"));
        return;
    };
    let mut server = Server::connect(name, variable, socket.as_ref());
    let mut tally = Tally::default();
    let matched = globs::compare(&mut server, std::hash::RandomState::new().hash_one(0));
    say(&format!("{name} has answered for {matched} globs and keys as KeyPattern does"));
    if let Ok(seed) = std::env::var("HASHLET_SEED") {
        let seed = seed.parse().expect("HASHLET_SEED is the number a failure printed");
        Round::new(seed).run(&mut server, &mut tally);
        return;
    }
    let start = Instant::now();
    let commands = (COMMANDS * scale()) as usize;
    // Each run has other rounds: the operating system seeds std's hasher.
    let first: u32 = std::hash::RandomState::new().hash_one(0) as u32;
    for seed in u64::from(first).. {
        Round::new(seed).run(&mut server, &mut tally);
        if tally.commands >= commands {
            break;
        }
    }
    say(&format!("compared with {name} in {:.1?}, first seed {first}: {tally}", start.elapsed()));
    if scale() >= 1.0 {
        assert!(tally.conversions > 1_000, "hashes should change their encoding all the time: {tally}");
        assert!(tally.exact > 1_000, "float increments should often be exact: {tally}");
        assert!(tally.deadlines > 1_000, "deadlines should often be there, and exact: {tally}");
        for (deviation, times) in DEVIATIONS.iter().zip(tally.deviations) {
            assert!(times > 0, "{name} never showed this deviation: {} ({})", deviation.what, deviation.why);
        }
    }
}

/// Writes past the test harness, which captures the output of passing tests. It must be seen if nothing was compared.
fn say(text: &str) {
    writeln!(std::io::stderr(), "differential: {text}").expect("stderr is open");
}
