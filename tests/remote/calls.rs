//! The random commands of `differential/`, through `Hashes`: on a store and on a server, with the same answers.

use std::hash::BuildHasher;
use std::time::Instant;

use hashlet::{Hashes, Remote, Store};

use super::servers::{Server, each, say};
use crate::differential::answer::Answer;
use crate::differential::command::Command;
use crate::support::scale;
use crate::support::source::{Bytes, Source, mix};

/// Each server gets this many commands at full scale.
const COMMANDS: f64 = 100_000.0;
const ROUND: usize = 2_000;

#[test]
fn a_server_answers_as_a_store() {
    each("commands", 1, |server| {
        let (start, mut commands) = (Instant::now(), 0);
        let first: u64 = match std::env::var("HASHLET_SEED") {
            Ok(seed) => seed.parse().expect("HASHLET_SEED is the number a failure printed"),
            Err(_) => std::hash::RandomState::new().hash_one(0) & u64::from(u32::MAX),
        };
        say(&format!("commands on {}, HASHLET_SEED={first}", server.name));
        for seed in first.. {
            commands += round(server, seed);
            if commands as f64 >= COMMANDS * scale() {
                break;
            }
        }
        say(&format!("{commands} commands on {}, from HASHLET_SEED={first} on, {:.1?}", server.name, start.elapsed()));
    });
}

fn round(server: &Server, seed: u64) -> usize {
    let (store, remote) = (Store::new(), server.open());
    remote.clear_all().unwrap();
    let mut source = Source::Seed(mix(seed));
    let mut last = Vec::new();
    for at in 0..ROUND {
        let command = Command::decode(&mut source);
        let (ours, theirs) = (command.on(&store), command.on(&remote));
        last.push(format!("{command:?} -> {ours:?}"));
        let before = last.iter().rev().take(12).rev().cloned().collect::<Vec<_>>().join("\n    ");
        assert_eq!(theirs, ours, "{} at {at}, HASHLET_SEED={seed}\n    {before}", server.name);
    }
    assert_eq!(contents(&remote), contents(&store), "{}, HASHLET_SEED={seed}", server.name);
    ROUND
}

/// Everything that there is, through `Hashes`.
fn contents<H: Hashes>(hashes: &H) -> Vec<(Bytes, Answer)> {
    let mut keys: Vec<Vec<u8>> = hashes.iter_keys().collect::<Result<_, _>>().unwrap();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().map(|key| (Bytes(key.clone()), Answer::pairs(hashes.get_all(key).unwrap().iter()))).collect()
}

/// A server that is no server, and a URL that is none.
#[test]
fn what_cannot_be_opened_is_refused() {
    use hashlet::RemoteError::{Unsupported, Wire};
    assert!(matches!(Remote::open("redis://127.0.0.1:1/"), Err(Wire(_))));
    assert!(matches!(Remote::open("unix:///nowhere/socket"), Err(Wire(_))));
    for url in ["", "nothing", "http://127.0.0.1/"] {
        assert!(matches!(Remote::open(url), Err(Unsupported(_) | Wire(_))), "{url}");
    }
}
