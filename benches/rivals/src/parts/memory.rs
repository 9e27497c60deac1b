//! What data takes in memory, by two figures of the same process:
//!
//! - `bytes_resident`: by how much its resident memory grew ([`resident`]). This is what the system really gives up:
//!   fragmentation counts, and so do blocks that a rival takes from `mmap` and not from the allocator.
//! - `bytes_taken`: what the allocator gave, its headers and rounding included. A server tells its `used_memory`.
//!
//! Each subject works in a process of its own. What is put in is generated in small batches that are dropped at once
//! (packages are read before the store is made, and kept), so that the growth is the store's.
//!
//! `profiles` are also measured at every 10,000th key from 700,000 to 1,400,000: structures that double take their memory
//! in steps, and the worst of them counts too. `keys` and `one_hash` grow to 10,000,000 keys of two fields, and to
//! 4,000,000 fields. `optional` and `unique` are the worst for shapes: hashes of many kinds, and hashes that are each of a
//! kind of its own.

mod resident;

use std::ops::Range;

use super::Part;
use crate::child::{Figures, Task};
use crate::data::{self, Data, PROFILES, Piece, scaled};
use crate::heap;
use crate::parts::growth;
use crate::rivals::{UNSHAPED, with_rival};
use crate::support::rival::Rival;

pub(crate) const PART: Part = Part {
    name: "memory",
    about: "bytes a key, a field or a hash",
    groups: &["profiles", "carts", "big", "middle", "packages", "optional", "unique", "keys", "one_hash"],
    subjects: |group| match group {
        "profiles" | "carts" | "middle" | "packages" => [super::everybody(), vec![UNSHAPED]].concat(),
        "optional" | "unique" => [super::alone(), vec![UNSHAPED, "dashmap"], super::servers()].concat(),
        _ => super::everybody(),
    },
    repeats: 1,
    minutes: 15.0,
    run: |task, scale| with_rival!(any task.subject.as_str(), R => measure::<R>(task, scale)),
};

/// Fields that are generated together: little beside the smallest store, which takes 50 MB.
const BATCH_FIELDS: usize = 1_000;

fn measure<R: Rival>(task: &Task, scale: f64) -> Figures {
    heap::Switched::on();
    match task.group.as_str() {
        "keys" => measure_steps::<R>(&growth::KEY_STEPS, growth::small_hash, scale),
        "one_hash" => measure_steps::<R>(&growth::FIELD_STEPS, data::big, scale),
        "profiles" => measure_profiles::<R>(scale),
        "packages" => measure_packages::<R>(scale),
        shape => {
            let (count, generate) = data::generator(shape);
            let count = scaled(count, scale);
            let store = Measured::<R>::new();
            let payload = store.fill(0..count, generate);
            let look = store.look(count);
            store.leave();
            figures(&[("each", look)], payload, count)
        }
    }
}

fn measure_steps<R: Rival>(ends: &[usize], generate: fn(usize) -> Piece, scale: f64) -> Figures {
    let steps = growth::steps(ends, scale);
    let mut looks = Vec::with_capacity(steps.len());
    let (mut payload, mut count) = (0, 0);
    let store = Measured::<R>::new();
    for pieces in steps {
        count = pieces.end;
        payload += store.fill(pieces, generate);
        looks.push((count, store.look(count)));
    }
    store.leave();
    let looks: Vec<_> = looks.into_iter().map(|(end, look)| (end.to_string(), look)).collect();
    let looks: Vec<_> = looks.iter().map(|(end, look)| (end.as_str(), *look)).collect();
    figures(&looks, payload, count)
}

fn measure_profiles<R: Rival>(scale: f64) -> Figures {
    let step = (scaled(PROFILES, scale) / 100).max(1);
    let mut looks = Vec::with_capacity(140);
    let mut payload = 0;
    let store = Measured::<R>::new();
    for percent in 1..=140 {
        let keys = step * percent;
        payload += store.fill(keys - step..keys, data::profile);
        if percent >= 70 {
            looks.push((percent, store.look(keys)));
        }
    }
    store.leave();
    let each = looks.iter().find(|(percent, _)| *percent == 100).map_or(Look::default(), |(_, look)| *look);
    let most = |figure: fn(&Look) -> f64| looks.iter().map(|(_, look)| figure(look)).fold(0.0, f64::max);
    let worst = Look { taken: most(|look| look.taken), resident: most(|look| look.resident) };
    figures(&[("each", each), ("worst", worst)], payload, step * 140)
}

fn measure_packages<R: Rival>(scale: f64) -> Figures {
    // A thread has a heap of its own: what it gives back there is no room for the store, which would not be seen to grow.
    let read = std::thread::spawn(move || Data::new("packages", scale));
    let data = read.join().expect("packages that can be read");
    let store = Measured::<R>::new();
    (0..data.len()).for_each(|package| data.fill(&store.rival, package..package + 1));
    let look = store.look(data.len());
    store.leave();
    figures(&[("each", look)], data.payload(), data.len())
}

fn figures(looks: &[(&str, Look)], payload: usize, count: usize) -> Figures {
    let mut figures = Figures::from([("payload bytes".to_owned(), payload as f64 / count as f64)]);
    for (name, look) in looks {
        figures.insert(format!("{name} bytes_taken"), look.taken);
        if look.resident > 0.0 {
            figures.insert(format!("{name} bytes_resident"), look.resident);
        }
    }
    figures
}

/// Bytes for each key, field or hash. No bytes are resident where the system does not tell.
#[derive(Clone, Copy, Default)]
struct Look {
    taken: f64,
    resident: f64,
}

/// A store and what was there before it.
struct Measured<R> {
    asked: usize,
    taken: usize,
    resident: usize,
    rival: R,
}

impl<R: Rival> Measured<R> {
    fn new() -> Self {
        let (asked, taken) = (heap::live(), heap::taken());
        let resident = resident::bytes(std::process::id());
        let rival = R::new();
        // A server was not there before.
        let resident = if R::IN_PROCESS { resident } else { resident::bytes(rival.process()) };
        Self { asked, taken, resident: resident.unwrap_or(0), rival }
    }

    /// Adds pieces and returns the bytes of their strings.
    fn fill(&self, pieces: Range<usize>, generate: fn(usize) -> Piece) -> usize {
        let batch = BATCH_FIELDS.div_ceil(generate(pieces.start).1.len());
        let mut payload = 0;
        for first in pieces.clone().step_by(batch) {
            let data: Data = (first..pieces.end.min(first + batch)).map(generate).collect();
            data.fill(&self.rival, 0..data.len());
            payload += data.payload();
        }
        payload
    }

    /// What it takes now for each of so many.
    fn look(&self, count: usize) -> Look {
        self.rival.key_count(); // moka does then what it has put off
        let taken = match self.rival.bytes() {
            Some(bytes) if !R::IN_PROCESS => bytes,
            told => {
                if let Some(bytes) = told {
                    assert_eq!(bytes, heap::live() - self.asked, "{} knows what it has asked for", R::NAME);
                }
                heap::taken() - self.taken
            }
        };
        let resident = resident::bytes(self.rival.process()).map_or(0, |bytes| bytes.saturating_sub(self.resident));
        Look { taken: taken as f64 / count as f64, resident: resident as f64 / count as f64 }
    }

    fn leave(self) {
        super::leave(self.rival);
    }
}
