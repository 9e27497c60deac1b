//! What data takes in memory: bytes taken of the allocator, its headers and rounding included. Servers tell their
//! `used_memory`.
//!
//! Data is generated and dropped, so that the heap holds nothing but the store when it is looked at. `profiles` are also
//! measured at every 10,000th key from 700,000 to 1,400,000: structures that double take their memory in steps, and the
//! worst of them counts too. `keys` and `one_hash` grow to 10,000,000 keys of two fields, and to 4,000,000 fields.

use std::ops::Range;

use super::Part;
use crate::child::{Figures, Task};
use crate::data::{self, Data, PROFILES, Piece, scaled};
use crate::heap;
use crate::parts::growth;
use crate::rivals::with_rival;
use crate::support::rival::Rival;

pub(crate) const PART: Part = Part {
    name: "memory",
    about: "bytes a key, a field or a hash",
    groups: &["profiles", "carts", "big", "middle", "packages", "keys", "one_hash"],
    subjects: super::everybody,
    repeats: 1,
    minutes: 13.0,
    run: |task, scale| with_rival!(any task.subject.as_str(), R => measure::<R>(task, scale)),
};

/// Pieces that are generated together.
const BATCH: usize = 1_000;

fn measure<R: Rival>(task: &Task, scale: f64) -> Figures {
    heap::Switched::on();
    // Made first, because what is allocated beside the store later would count as the store's.
    let mut looks = Vec::with_capacity(256);
    let (ends, generate): (&[usize], fn(usize) -> Piece) =
        if task.group == "keys" { (&growth::KEY_STEPS, growth::small_hash) } else { (&growth::FIELD_STEPS, data::big) };
    let steps = growth::steps(ends, scale);
    let store = Measured::<R>::new();
    let mut figures = Figures::new();
    match task.group.as_str() {
        "keys" | "one_hash" => {
            for pieces in &steps {
                store.fill(pieces.clone(), generate);
                looks.push((pieces.end, store.bytes_for_each(pieces.end)));
            }
            figures.extend(looks.into_iter().map(|(end, bytes)| (format!("{end} bytes"), bytes)));
        }
        "profiles" => {
            let step = (scaled(PROFILES, scale) / 100).max(1);
            let mut payload = 0;
            for percent in 1..=140 {
                let keys = step * percent;
                payload += store.fill(keys - step..keys, data::profile);
                looks.push((percent, store.bytes_for_each(keys)));
            }
            let worst = looks.iter().filter(|(percent, _)| *percent >= 70).map(|(_, bytes)| *bytes).fold(0.0, f64::max);
            figures.insert("each bytes".into(), looks[99].1);
            figures.insert("worst bytes".into(), worst);
            figures.insert("payload bytes".into(), payload as f64 / (step * 140) as f64);
        }
        shape => {
            let (count, payload) = {
                let data = Data::new(shape, scale);
                data.fill(&store.rival, 0..data.len());
                (data.len(), data.payload())
            };
            let bytes = store.bytes_for_each(count);
            figures.insert("each bytes".into(), bytes);
            figures.insert("payload bytes".into(), payload as f64 / count as f64);
        }
    }
    super::leave(store.rival);
    figures
}

/// A store and what the heap held before it.
struct Measured<R> {
    asked: usize,
    taken: usize,
    rival: R,
}

impl<R: Rival> Measured<R> {
    fn new() -> Self {
        let (asked, taken) = (heap::live(), heap::taken());
        Self { asked, taken, rival: R::new() }
    }

    /// Adds pieces and returns the bytes of their strings.
    fn fill(&self, pieces: Range<usize>, generate: fn(usize) -> Piece) -> usize {
        let mut payload = 0;
        for first in pieces.clone().step_by(BATCH) {
            let data: Data = (first..pieces.end.min(first + BATCH)).map(generate).collect();
            data.fill(&self.rival, 0..data.len());
            payload += data.payload();
        }
        payload
    }

    /// Bytes taken for each of so many.
    fn bytes_for_each(&self, count: usize) -> f64 {
        self.rival.key_count(); // moka does then what it has put off
        let bytes = match self.rival.bytes() {
            Some(bytes) if !R::IN_PROCESS => bytes,
            told => {
                if let Some(bytes) = told {
                    assert_eq!(bytes, heap::live() - self.asked, "{} knows what it has asked for", R::NAME);
                }
                heap::taken() - self.taken
            }
        };
        bytes as f64 / count as f64
    }
}
