//! Globs match as they do on a server: random ones, made of the characters that mean something, against random keys.

use super::answer::{Answer, Reading};
use super::command::words;
use super::server::Server;
use crate::support::scale;
use crate::support::source::{Bytes, Source};
use hashlet::KeyPattern;

const GLOBS: f64 = 20_000.0;
const BATCH: usize = 500;
const KEYS: usize = 300;

/// Compares about as many globs with all keys as the scale says. Returns how many pairs of a glob and a key there were.
pub(crate) fn compare(server: &mut Server, seed: u64) -> usize {
    let mut source = Source::Seed(seed);
    server.start_over(128, 64);
    let mut keys: Vec<Bytes> = (0..KEYS).map(|_| string(&mut source, b"aabbc-]\\*\x80\xff", 7)).collect();
    keys.push("".into());
    keys.sort_unstable();
    keys.dedup();
    let mut batch = server.batch();
    keys.iter().for_each(|key| batch.add(&words("HSET", [key, &"f".into(), &"v".into()])));
    batch.send();
    let rounds = (GLOBS * scale()) as usize / BATCH + 1;
    for _ in 0..rounds {
        let globs: Vec<Bytes> = (0..BATCH).map(|_| glob(&mut source)).collect();
        let mut batch = server.batch();
        globs.iter().for_each(|glob| batch.add(&words("KEYS", [glob])));
        for (glob, reply) in globs.iter().zip(batch.send()) {
            let pattern = KeyPattern::glob(glob);
            let ours = Answer::names(keys.iter().filter(|key| pattern.matches(key)).map(|key| key.0.clone()));
            assert_eq!(ours, Answer::read(reply, Reading::Names), "{pattern:?} on {}, seed {seed}", server.name);
        }
    }
    rounds * BATCH * keys.len()
}

fn string(source: &mut Source<'_>, bytes: &[u8], longest: usize) -> Bytes {
    let len = source.below(longest + 1);
    Bytes((0..len).map(|_| source.one_of(bytes)).collect())
}

/// A glob without ranges from a byte below 128 to one above it, of which servers on other processors think otherwise.
fn glob(source: &mut Source<'_>) -> Bytes {
    match source.below(4) {
        0 => string(source, b"**??ab", 9),
        1 => string(source, b"*?[]]^-\\abc", 12),
        2 => string(source, b"[[^-\\a]c]*", 8),
        _ => Bytes([&string(source, b"*ab", 2).0[..], b"[\x80-\xff", &string(source, b"]*\xff\x80", 4).0].concat()),
    }
}
