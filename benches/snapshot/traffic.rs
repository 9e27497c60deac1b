//! Writers beside a save.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use hashlet::{SaveReport, Store};

use crate::support::random::Random;
use crate::support::rounds::{line, median, say};
use crate::support::workload::{PHONE, PROFILE_FIELDS, SEED, phone, profile_key};
use crate::{FIELDS, save};

/// Telephone numbers that the writers take in turn.
const PHONES: usize = 4_096;
const WARM_UP: Duration = Duration::from_millis(100);
const SLOW_BYTES_A_SECOND: f64 = 50e6;

pub(crate) fn measure(store: &Store, profiles: usize, path: &Path, runs: usize) {
    let mut random = Random::new(SEED);
    let phones: Vec<_> = (0..PHONES).map(|_| phone(&mut random)).collect();
    let traffic = Traffic { store, profiles, phones };
    for writers in [1, 2] {
        say(&format!("# traffic: {writers} writing, {runs} runs"));
        traffic.beside(&format!("traffic/{writers}_file"), writers, runs, || save(store, path));
    }
    let into = |out: &mut dyn Write| {
        let report = store.save_to(out).expect("a save that succeeds");
        assert_eq!((report.keys, report.fields), (profiles as u64, (profiles * FIELDS) as u64));
        report
    };
    say("# traffic: into a writer that takes everything at once");
    traffic.beside("traffic/2_sink", 2, runs, || into(&mut io::sink()));
    say("# traffic: into a slow writer");
    let slowly = || into(&mut Slow::into(File::create(path).expect("a file")));
    traffic.beside("traffic/2_slow", 2, runs.min(3), slowly);
    save(store, path); // what others expect there
}

struct Traffic<'a> {
    store: &'a Store,
    profiles: usize,
    phones: Vec<String>,
}

/// What writers did during a time.
struct Seen {
    calls_a_second: f64,
    longest: Duration,
}

impl Traffic<'_> {
    fn beside(&self, workload: &str, writers: usize, runs: usize, save: impl Fn() -> SaveReport) {
        let (mut seconds, mut waiting) = (Vec::new(), Vec::new());
        let mut seen = [const { Vec::new() }; 3];
        for _ in 0..runs {
            let ((elapsed, report), saving) = self.during(writers, || {
                let start = Instant::now();
                let report = save();
                (start.elapsed(), report)
            });
            let spin = || {
                let start = Instant::now();
                while start.elapsed() < elapsed {
                    std::hint::spin_loop();
                }
            };
            seen[0].push(saving);
            seen[1].push(self.during(writers, || thread::sleep(elapsed)).1);
            seen[2].push(self.during(writers, spin).1);
            seconds.push(elapsed.as_secs_f64());
            waiting.push(report.waiting_bytes as f64 / 1e6);
        }
        line(workload, "save", median(seconds), "s");
        line(workload, "save", median(waiting), "MB_waiting");
        for (seen, subject) in seen.iter().zip(["beside_save", "alone", "beside_spin"]) {
            let waits: Vec<_> = seen.iter().map(|seen| seen.longest.as_secs_f64() * 1e3).collect();
            line(workload, subject, waits.iter().copied().fold(f64::INFINITY, f64::min), "ms_longest_wait_least");
            line(workload, subject, median(waits), "ms_longest_wait");
        }
        for (subject, index) in [("beside_save", 0), ("beside_spin", 2)] {
            let ratios = seen[index].iter().zip(&seen[1]).map(|(one, alone)| one.calls_a_second / alone.calls_a_second);
            line(workload, subject, median(ratios.collect()), "x_alone");
        }
    }

    /// Does a work while others write.
    fn during<R>(&self, writers: usize, work: impl FnOnce() -> R) -> (R, Seen) {
        let (is_on, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let write = |writer| self.write(SEED + writer as u64, &is_on, &is_done);
            let writers: Vec<_> = (0..writers).map(|writer| scope.spawn(move || write(writer))).collect();
            thread::sleep(WARM_UP);
            is_on.store(true, Relaxed);
            let start = Instant::now();
            let result = work();
            is_done.store(true, Relaxed);
            let elapsed = start.elapsed().as_secs_f64();
            let seen: Vec<_> = writers.into_iter().map(|writer| writer.join().expect("a writer ends")).collect();
            let calls_a_second = seen.iter().map(|(calls, _)| *calls as f64).sum::<f64>() / elapsed;
            let longest = seen.iter().map(|(_, longest)| *longest).max().unwrap_or_default();
            (result, Seen { calls_a_second, longest })
        })
    }

    /// Writes until the work is done; counts calls, and looks for the longest, since it is on.
    fn write(&self, seed: u64, is_on: &AtomicBool, is_done: &AtomicBool) -> (usize, Duration) {
        let mut random = Random::new(seed);
        let (mut calls, mut longest) = (0, Duration::ZERO);
        let mut before = Instant::now();
        while !is_done.load(Relaxed) {
            let key = profile_key(random.below(self.profiles));
            let phone = &self.phones[calls % PHONES];
            let is_new = self.store.set(key, PROFILE_FIELDS[PHONE], phone).expect("within limits");
            assert!(!is_new);
            let now = Instant::now();
            if is_on.load(Relaxed) {
                longest = longest.max(now - before);
                calls += 1;
            }
            before = now;
        }
        (calls, longest)
    }
}

/// Takes so many bytes a second.
struct Slow<W> {
    out: W,
    start: Instant,
    bytes: f64,
}

impl<W> Slow<W> {
    fn into(out: W) -> Self {
        Self { out, start: Instant::now(), bytes: 0.0 }
    }
}

impl<W: Write> Write for Slow<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as f64;
        let due = Duration::from_secs_f64(self.bytes / SLOW_BYTES_A_SECOND);
        thread::sleep(due.saturating_sub(self.start.elapsed()));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
