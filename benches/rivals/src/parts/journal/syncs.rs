//! Sets that wait for a sync of the disk: each by itself, and those of several threads and tasks, which share one. Beside
//! them, a loop that writes as many bytes to a file and syncs them.
//!
//! How long a sync takes swings, so all of them take turns, and a ratio is the median of those of the rounds.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

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
    let mut rings = rings(&data);
    let mut raw = Raw::beside(&always, folder.path(), &mut rings[..1]);

    let time = spell(TIME, scale);
    let set = |[key, field, value]: [&[u8]; 3]| Rival::set(&*always, key, field, value);
    let mut rates = [const { Vec::new() }; 4];
    for round in 0..ROUNDS {
        for turn in 0..rates.len() {
            let kind = (round + turn) % rates.len();
            rates[kind].push(match kind {
                0 => raw.rate(time),
                3 => tasks::rate(&every, &data, time),
                threads => together(&mut rings[..THREADS[threads - 1]], round, time, &set).rate,
            });
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

fn rings(data: &Data) -> Vec<Ring> {
    let mut random = Random::new(SEED);
    (0..THREADS[1]).map(|_| Ring::draw(data, (SETS, 1), &mut random)).collect()
}

/// The rates of another one whose `set` returns when the disk has it.
pub(super) fn rates(data: &Data, scale: f64, set: &(impl Fn([&[u8]; 3]) -> bool + Sync)) -> Figures {
    let mut rings = rings(data);
    let mut rates = THREADS.map(|_| Vec::new());
    for round in 0..ROUNDS {
        for (threads, rates) in THREADS.iter().zip(&mut rates) {
            rates.push(together(&mut rings[..*threads], round, spell(TIME, scale), set).rate);
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
    fn beside(always: &Durable, folder: &Path, rings: &mut [Ring]) -> Self {
        let log_bytes = || always.status().log_bytes;
        let (before, calls) = (log_bytes(), AtomicU64::new(0));
        let set = |[key, field, value]: [&[u8]; 3]| {
            calls.fetch_add(1, Relaxed);
            Rival::set(&**always, key, field, value)
        };
        together(rings, 0, TIME, &set);
        let each = (log_bytes() - before).div_ceil(calls.into_inner());
        let file = File::create(folder.join("raw")).expect("a file");
        Self { file, bytes: vec![b'r'; each as usize] }
    }

    /// Writes a second.
    fn rate(&mut self, time: Duration) -> f64 {
        let (start, mut writes) = (Instant::now(), 0);
        loop {
            self.file.write_all(&self.bytes).expect("a file that takes it");
            self.file.sync_data().expect("a disk that takes it");
            writes += 1;
            let elapsed = start.elapsed();
            if elapsed >= time {
                return f64::from(writes) / elapsed.as_secs_f64();
            }
        }
    }
}
