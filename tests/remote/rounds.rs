//! The random commands of `differential/`, through `Hashes`: on a store and on what is elsewhere, with the same answers.

use std::hash::BuildHasher;
use std::time::Instant;

use hashlet::{Hashes, RemoteError, Store};

use super::differential::answer::{Answer, Refusal};
use super::differential::command::Command;
use super::servers::say;
use crate::support::scale;
use crate::support::source::{Bytes, Source, mix};

const ROUND: usize = 2_000;

/// Sends this many commands at full scale. Those that have to be refused there do not reach the store.
pub(crate) fn run<H>(name: &str, commands: f64, open: impl Fn() -> H, is_refused: impl Fn(&Command) -> bool)
where
    H: Hashes<Error = RemoteError>,
{
    let (start, mut sent) = (Instant::now(), 0);
    let first: u64 = match std::env::var("HASHLET_SEED") {
        Ok(seed) => seed.parse().expect("HASHLET_SEED is the number a failure printed"),
        Err(_) => std::hash::RandomState::new().hash_one(0) & u64::from(u32::MAX),
    };
    say(&format!("commands on {name}, HASHLET_SEED={first}"));
    for seed in first.. {
        round(name, &open(), seed, &is_refused);
        sent += ROUND;
        if sent as f64 >= commands * scale() {
            break;
        }
    }
    say(&format!("{sent} commands on {name}, from HASHLET_SEED={first} on, {:.1?}", start.elapsed()));
}

fn round(name: &str, remote: &impl Hashes<Error = RemoteError>, seed: u64, is_refused: impl Fn(&Command) -> bool) {
    let store = Store::new();
    remote.clear_all().unwrap();
    let mut source = Source::Seed(mix(seed));
    let mut last = Vec::new();
    for at in 0..ROUND {
        let command = Command::decode(&mut source);
        let theirs = command.on(remote);
        if is_refused(&command) {
            assert!(matches!(theirs, Answer::Refused(Refusal::Unexpected(_))), "{name}: {command:?} -> {theirs:?}");
            continue;
        }
        let ours = command.on(&store);
        last.push(format!("{command:?} -> {ours:?}"));
        let before = last.iter().rev().take(12).rev().cloned().collect::<Vec<_>>().join("\n    ");
        assert_eq!(theirs, ours, "{name} at {at}, HASHLET_SEED={seed}\n    {before}");
    }
    assert_eq!(contents(remote), contents(&store), "{name}, HASHLET_SEED={seed}");
}

/// Everything that there is, through `Hashes`.
fn contents<H: Hashes>(hashes: &H) -> Vec<(Bytes, Answer)> {
    let mut keys: Vec<Vec<u8>> = hashes.iter_keys().collect::<Result<_, _>>().unwrap();
    keys.sort_unstable();
    keys.dedup();
    keys.into_iter().map(|key| (Bytes(key.clone()), Answer::pairs(hashes.get_all(key).unwrap().iter()))).collect()
}
