//! The longest wait of a writer beside a checkpoint, and without one; and of a writer to a store without a journal, beside
//! a save.
//!
//! The writers, the checkpoint and the thread of the journal can be more than there are cores. So there are two figures:
//! `ms_longest_wait` contains the times in which the system gave the writer's core to another thread, and
//! `ms_longest_own_wait` does not.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use hashlet::Store;

use super::{Stores, spell};
use crate::child::Figures;
use crate::parts::THREADS;
use crate::support::random::Random;
use crate::support::rival::Rival;
use crate::support::rounds::median;
use crate::support::workload::{PHONE, PROFILE_FIELDS, SEED, phone, profile_key};
use crate::threads::Switches;

const RUNS: usize = 3;
const WARM_UP: Duration = Duration::from_millis(100);
/// A call that takes less time was not interrupted. Asking the system costs too much after each call.
const NOTABLE: Duration = Duration::from_micros(100);
/// Telephone numbers that a writer takes in turn.
const PHONES: usize = 4_096;

/// What is measured in a run, in this order.
const KINDS: [&str; 4] = ["save", "no_save", "checkpoint", "no_checkpoint"];

pub(super) fn measure(stores: &Stores, scale: f64) -> Figures {
    let Stores { data, none, every, folder, .. } = stores;
    let mut random = Random::new(SEED);
    let phones: Vec<String> = (0..PHONES).map(|_| phone(&mut random)).collect();
    let writers = Writers { profiles: data.len(), phones, warm_up: spell(WARM_UP, scale) };
    let save = || save(none, &folder.path().join("saved"));
    let checkpoint = || assert_eq!(every.checkpoint().expect("a disk that takes it").keys, data.len() as u64);
    save();
    checkpoint(); // the first one also removes what was written before

    let mut figures = Figures::new();
    for threads in THREADS {
        let mut waits = KINDS.map(|_| Vec::new());
        for _ in 0..RUNS {
            let (time, wait) = writers.during(none, threads, save);
            waits[0].push(wait);
            waits[1].push(writers.during(none, threads, || thread::sleep(time)).1);
            let (time, wait) = writers.during(every, threads, checkpoint);
            waits[2].push(wait);
            waits[3].push(writers.during(every, threads, || thread::sleep(time)).1);
        }
        for (kind, waits) in KINDS.iter().zip(waits) {
            let mut insert = |unit: &str, wait: &dyn Fn(&Waits) -> Duration| {
                let milliseconds = waits.iter().map(|waits| wait(waits).as_secs_f64() * 1e3);
                figures.insert(format!("{kind}/{threads} {unit}"), median(milliseconds.collect()));
            };
            insert("ms_longest_wait", &|waits| waits.longest);
            insert("ms_longest_own_wait", &|waits| waits.longest_own);
        }
    }
    figures
}

/// The longest calls of a writer.
#[derive(Clone, Copy, Default)]
struct Waits {
    longest: Duration,
    /// The longest one during which the system has not taken the core away.
    longest_own: Duration,
}

fn save(store: &Store, path: &Path) {
    store.save(path).expect("a disk that takes it");
    fs::remove_file(path).expect("the file that was saved"); // a checkpoint, too, finds no file in its place
}

struct Writers {
    profiles: usize,
    phones: Vec<String>,
    warm_up: Duration,
}

impl Writers {
    /// Does a work beside threads that write. Returns how long it took, and the longest waits of all writers.
    fn during(&self, store: &Store, threads: usize, work: impl FnOnce()) -> (Duration, Waits) {
        let (is_on, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let write = |thread| self.write(store, SEED + thread as u64, &is_on, &is_done);
            let writers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || write(thread))).collect();
            thread::sleep(self.warm_up);
            is_on.store(true, Relaxed);
            let start = Instant::now();
            work();
            let time = start.elapsed();
            is_done.store(true, Relaxed);
            let waits = writers.into_iter().map(|writer| writer.join().expect("a writer ends"));
            let longer = |one: Waits, other: Waits| Waits {
                longest: one.longest.max(other.longest),
                longest_own: one.longest_own.max(other.longest_own),
            };
            (time, waits.fold(Waits::default(), longer))
        })
    }

    /// Writes until the work is done, and looks for the longest calls since it is on.
    fn write(&self, store: &Store, seed: u64, is_on: &AtomicBool, is_done: &AtomicBool) -> Waits {
        let mut random = Random::new(seed);
        let mut waits = Waits::default();
        let mut switches = Switches::so_far();
        let mut before = Instant::now();
        for phone in self.phones.iter().cycle() {
            let key = profile_key(random.below(self.profiles));
            assert!(!Rival::set(store, &key, PROFILE_FIELDS[PHONE].as_bytes(), phone.as_bytes()));
            let wait = before.elapsed();
            let mut was_interrupted = false;
            if wait > NOTABLE {
                let now = Switches::so_far();
                was_interrupted = now.since(switches).interruptions > 0;
                switches = now;
            }
            if is_on.load(Relaxed) {
                waits.longest = waits.longest.max(wait);
                if !was_interrupted {
                    waits.longest_own = waits.longest_own.max(wait);
                }
            }
            if is_done.load(Relaxed) {
                break;
            }
            before = Instant::now();
        }
        waits
    }
}
