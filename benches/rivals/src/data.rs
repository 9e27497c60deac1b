//! The seven shapes of data, generated or read once and kept in one block of memory.
//!
//! | shape | pieces | a piece |
//! |---|---|---|
//! | `profiles` | 1,000,000 | a person with 8 short fields |
//! | `carts` | 200,000 | a cart with 3 values of JSON |
//! | `big` | 1,000,000 | one field more of the one hash |
//! | `middle` | 20,000 | a hash of 128 fields |
//! | `packages` | some hundred | a record of `/var/lib/dpkg/status`, with long texts among short ones |
//! | `optional` | 1,000,000 | a person with some of 5 fields, each absent in a third |
//! | `unique` | 300,000 | a hash of 10 fields, with names that no other one has |

use std::fs;
use std::ops::Range;

use crate::control;
use crate::support::random::Random;
use crate::support::rival::{Pair, Rival};
use crate::support::workload::{Middle, Profile, SEED, big_field, letters};

pub(crate) const PROFILES: usize = 1_000_000;
const CARTS: usize = 200_000;
const BIG_FIELDS: usize = 1_000_000;
const MIDDLE_HASHES: usize = 20_000;
const UNIQUE: usize = 300_000;
/// Those that all operations are measured on.
pub(crate) const SHAPES: [&str; 5] = ["profiles", "carts", "big", "middle", "packages"];

const STATUS_FILE: &str = "/var/lib/dpkg/status";
/// Pieces that a store is given together.
const BATCH: usize = 1_000;

/// A key, or the key of the one big hash, and some of its fields.
pub(crate) type Piece = (Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>);

pub(crate) struct Data {
    /// Keys, fields and values one after another.
    bytes: Vec<u8>,
    /// Where each of these strings ends.
    ends: Vec<u32>,
    /// Which string is the key of each piece. One more than there are pieces.
    keys: Vec<u32>,
}

/// Why a shape cannot be measured here, if so.
pub(crate) fn missing(shape: &str) -> Option<String> {
    let missing = shape == "packages" && fs::metadata(STATUS_FILE).is_err();
    missing.then(|| format!("there is no {STATUS_FILE}"))
}

impl Data {
    pub(crate) fn new(shape: &str, scale: f64) -> Self {
        if shape == "packages" {
            return packages().into_iter().collect();
        }
        let (count, piece) = generator(shape);
        (0..scaled(count, scale)).map(piece).collect()
    }

    /// How many pieces there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len() - 1
    }

    pub(crate) fn key(&self, piece: usize) -> &[u8] {
        self.string(self.keys[piece] as usize)
    }

    pub(crate) fn pairs(&self, piece: usize) -> impl ExactSizeIterator<Item = Pair<'_>> {
        (0..self.fields(piece)).map(move |field| self.pair(piece, field))
    }

    /// How many fields a piece has.
    pub(crate) fn fields(&self, piece: usize) -> usize {
        (self.keys[piece + 1] - self.keys[piece]) as usize / 2
    }

    pub(crate) fn pair(&self, piece: usize, field: usize) -> Pair<'_> {
        let name = self.keys[piece] as usize + 1 + 2 * field;
        (self.string(name), self.string(name + 1))
    }

    fn string(&self, number: usize) -> &[u8] {
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start as usize..self.ends[number] as usize]
    }

    fn push(&mut self, string: &[u8]) {
        self.bytes.extend_from_slice(string);
        self.ends.push(u32::try_from(self.bytes.len()).expect("less than 4 GiB"));
    }

    /// Bytes of all keys, fields and values.
    pub(crate) fn payload(&self) -> usize {
        let is_again = |piece: &usize| self.key(*piece) == self.key(piece - 1);
        let again: usize = (1..self.len()).filter(is_again).map(|piece| self.key(piece).len()).sum();
        self.bytes.len() - again
    }

    /// Puts some of the pieces into a store.
    pub(crate) fn fill(&self, store: &impl Rival, pieces: Range<usize>) {
        for first in pieces.clone().step_by(BATCH) {
            let batch = first..pieces.end.min(first + BATCH);
            let new = batch.clone().map(|piece| self.fields(piece)).sum::<usize>();
            let hashes: Vec<_> = batch.map(|piece| (self.key(piece), self.pairs(piece).collect())).collect();
            assert_eq!(store.set_all(&hashes), new);
        }
    }
}

impl FromIterator<Piece> for Data {
    fn from_iter<I: IntoIterator<Item = Piece>>(pieces: I) -> Self {
        let mut new = Self { bytes: Vec::new(), ends: Vec::new(), keys: vec![0] };
        for (key, pairs) in pieces {
            new.push(&key);
            for (field, value) in pairs {
                new.push(&field);
                new.push(&value);
            }
            new.keys.push(new.ends.len() as u32);
        }
        new
    }
}

/// How many pieces a shape has, and how each is made. Packages are read, not made.
pub(crate) fn generator(shape: &str) -> (usize, fn(usize) -> Piece) {
    match shape {
        "profiles" => (PROFILES, profile),
        "carts" => (CARTS, cart),
        "big" => (BIG_FIELDS, big),
        "middle" => (MIDDLE_HASHES, middle),
        "optional" => (PROFILES, optional),
        "unique" => (UNIQUE, unique),
        _ => panic!("no shape is called {shape}"),
    }
}

/// A count at a scale, at least enough to measure on.
pub(crate) fn scaled(count: usize, scale: f64) -> usize {
    ((count as f64 * scale) as usize).clamp(count.min(64), count.max(64))
}

pub(crate) fn profile(number: usize) -> Piece {
    let profile = Profile::new(number);
    (profile.key.to_vec(), profile.pairs().map(owned).to_vec())
}

pub(crate) fn big(number: usize) -> Piece {
    let (field, value) = big_field(number);
    (b"big".to_vec(), vec![(field.into(), value.into())])
}

fn middle(number: usize) -> Piece {
    let hash = Middle::new(number);
    (hash.key.clone().into(), hash.pairs().into_iter().map(owned).collect())
}

/// A profile's first fields, of which each is absent in a third of the hashes. If all would be, the first is there.
fn optional(number: usize) -> Piece {
    let mut random = Random::new(SEED ^ number as u64);
    let (key, mut pairs) = profile(number);
    let first = pairs[0].clone();
    pairs.truncate(5);
    pairs.retain(|_| random.below(3) > 0);
    if pairs.is_empty() {
        pairs.push(first);
    }
    (key, pairs)
}

/// A profile's values, of which two come twice, in fields with random names.
fn unique(number: usize) -> Piece {
    let mut random = Random::new(SEED ^ number as u64);
    let (key, pairs) = profile(number);
    let mut name = || {
        let length = 8 + random.below(5);
        letters(&mut random, length).into()
    };
    let pairs = pairs.iter().cycle().take(10).map(|(_, value)| (name(), value.clone())).collect();
    (key, pairs)
}

/// Three of a thousand things, each with what a shop knows about it.
fn cart(number: usize) -> Piece {
    const THINGS: [&str; 8] = ["apples", "bread", "butter", "coffee", "honey", "pears", "rice", "tea"];
    let mut random = Random::new(SEED ^ ((number as u64) << 20));
    let first = random.below(1_000);
    let pairs = [0, 271, 619].map(|step| {
        let item = (first + step) % 1_000;
        let json = serde_json::json!({
            "name": random.pick(&THINGS),
            "quantity": 1 + random.below(9),
            "price": format!("{}.{:02}", random.below(100), random.below(100)),
            "added": format!("2026-{:02}-{:02}", 1 + random.below(12), 1 + random.below(28)),
        });
        (format!("item:{item}").into(), json.to_string().into())
    });
    (format!("cart:{number:07}").into(), pairs.to_vec())
}

fn packages() -> Vec<Piece> {
    let file = fs::read(STATUS_FILE).expect("a file that can be read");
    let records = control::parse(&file).unwrap_or_else(|error| panic!("{STATUS_FILE}: {error}"));
    let piece = |record: control::Record| {
        let get = |name| record.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value);
        let key = format!("package:{}:{}", get("Package"), get("Architecture"));
        (key.into(), record.into_iter().map(|(field, value)| (field.into(), value.into())).collect())
    };
    records.into_iter().map(piece).collect()
}

fn owned((field, value): Pair<'_>) -> (Vec<u8>, Vec<u8>) {
    (field.to_vec(), value.to_vec())
}
