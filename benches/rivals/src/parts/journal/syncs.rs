//! Sets that wait for a sync of the disk: each by itself, and those of several threads and tasks, which share one. Beside
//! them, a loop that writes as many bytes to a file and syncs them.
//!
//! How long a sync takes swings, so all of them take turns, and a ratio is the median of those of the rounds.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hashlet::{Durability, Durable};

use super::calls::{Ring, together};
use super::{FEW, PERIOD, filled, folder, spell, tasks};
use crate::child::Figures;
use crate::data::Data;
use crate::support::random::Random;
use crate::support::rival::Rival;
use crate::support::rounds::median;
use crate::support::workload::SEED;

const ROUNDS: usize = 8;
const TIME: Duration = Duration::from_millis(250);
/// The threads whose syncs are measured.
const THREADS: [usize; 2] = [1, 8];
const SETS: usize = 1_000;

pub(super) fn measure(scale: f64) -> Figures {
    let data = data(scale);
    let folder = folder();
    let always = filled(&data, &folder.path().join("always"), Durability::Always);
    let every = filled(&data, &folder.path().join("every"), Durability::Every(PERIOD));
    let raw = Raw::beside(&always, folder.path(), &data);

    let time = spell(TIME, scale);
    let set = |[key, field, value]: [&[u8]; 3]| Rival::set(&*always, key, field, value);
    let mut rings = THREADS.map(|threads| rings(&data, threads));
    let [one, eight] = &mut rings;
    let kinds: &mut [&mut dyn FnMut() -> f64; 4] = &mut [
        &mut || raw.rate(&data, time),
        &mut || together(one, None, time, &set).rate,
        &mut || together(eight, None, time, &set).rate,
        &mut || tasks::rate(&every, &data, time),
    ];
    let mut rates = kinds.each_ref().map(|_| Vec::new());
    for round in 0..ROUNDS {
        for turn in 0..kinds.len() {
            let kind = (round + turn) % kinds.len();
            rates[kind].push(kinds[kind]());
        }
    }
    let ratio = |above: usize, below: usize| {
        median(rates[above].iter().zip(&rates[below]).map(|(above, below)| above / below).collect())
    };
    let [raw, one, eight, tasks] = rates.clone().map(median);
    Figures::from([
        ("raw op/s".into(), raw),
        ("always/1 op/s".into(), one),
        ("always/8 op/s".into(), eight),
        ("tasks op/s".into(), tasks),
        ("always/1 x_raw".into(), ratio(1, 0)),
        ("always/8 x_one".into(), ratio(2, 1)),
        ("tasks x_one".into(), ratio(3, 1)),
    ])
}

/// What is set where each set waits for the disk.
pub(super) fn data(scale: f64) -> Data {
    Data::new("profiles", FEW * scale)
}

fn rings(data: &Data, threads: usize) -> Vec<Ring> {
    let mut random = Random::new(SEED);
    (0..threads).map(|_| Ring::draw(data, (SETS, 1), &mut random)).collect()
}

/// The rates of another one whose `set` returns when the disk has it.
pub(super) fn rates(data: &Data, scale: f64, set: &(impl Fn([&[u8]; 3]) -> bool + Sync)) -> Figures {
    let mut rings = THREADS.map(|threads| rings(data, threads));
    let mut rates = THREADS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (rings, rates) in rings.iter_mut().zip(&mut rates) {
            rates.push(together(rings, None, spell(TIME, scale), set).rate);
        }
    }
    THREADS.iter().zip(rates).map(|(threads, rates)| (format!("always/{threads} op/s"), median(rates))).collect()
}

/// A file to which bytes are written and synced, as many at a time as a set adds to the log.
struct Raw {
    file: File,
    bytes: Vec<u8>,
}

impl Raw {
    fn beside(always: &Durable, folder: &Path, data: &Data) -> Self {
        let log_bytes = || always.status().log_bytes;
        let (before, calls) = (log_bytes(), AtomicU64::new(0));
        let set = |[key, field, value]: [&[u8]; 3]| {
            calls.fetch_add(1, Relaxed);
            Rival::set(&**always, key, field, value)
        };
        together(&mut rings(data, 1), None, TIME, &set);
        let each = (log_bytes() - before).div_ceil(calls.into_inner());
        let file = File::create(folder.join("raw")).expect("a file");
        Self { file, bytes: vec![b'r'; each as usize] }
    }

    /// Writes a second. The thread works as one that sets values.
    fn rate(&self, data: &Data, time: Duration) -> f64 {
        let write = |_: [&[u8]; 3]| {
            (&self.file).write_all(&self.bytes).expect("a file that takes it");
            self.file.sync_data().expect("a disk that takes it");
            false
        };
        together(&mut rings(data, 1), None, time, &write).rate
    }
}
