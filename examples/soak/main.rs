//! A mixed load of any length, with expiry and a save every second. It checks that memory does not grow, and reports
//! whether calls take as long at the end as at the beginning.
//!
//! `cargo run --release --example soak` takes a minute. Another number of seconds can be given after `--`. It fails if
//! data is lost, or if memory grows after the warm-up by more than [`MOST_GROWTH`] and [`MOST_RESIDENT`] allow.
//!
//! Three figures show the use of memory:
//! - The bytes that the store says it has asked of the allocator.
//! - The bytes that the whole process has taken from the allocator, with those that the allocator adds to each block.
//! - The resident bytes, which include the program and the blocks that the allocator keeps free.

#![allow(clippy::print_stdout, reason = "a program that reports")]

#[path = "../../tests/support/folder.rs"]
mod folder;
#[path = "../../tests/support/heap.rs"]
mod heap;
mod latency;
mod load;
#[allow(dead_code, reason = "the benches take more of it")]
#[path = "../../benches/support/random.rs"]
mod random;
mod trend;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use hashlet::{Janitor, SnapshotError, Stats, Store, WhenFull};

use latency::{Distribution, Latencies};
use load::Worker;
use trend::{Trend, median};

/// The number of lines that are printed.
const LINES: usize = 60;
/// The number of lines before memory is judged.
const WARM_UP: usize = 15;
/// The shortest run in seconds. Memory needs some time to settle.
const SHORTEST: f64 = 30.0;
/// The longest run in seconds, about a year.
const LONGEST: f64 = 3e7;
/// The most that the store's bytes, and the bytes taken by the process, may grow from the warm-up to the end, as a
/// share of their mean.
const MOST_GROWTH: f64 = 0.03;
/// The most resident bytes at the end, as a multiple of the taken bytes. Resident memory grows: all threads take and
/// return blocks of all lengths. The memory that glibc keeps free between them grows for many minutes, to nearly as
/// much as is taken.
const MOST_RESIDENT: u64 = 3;

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

/// The figures at one moment.
struct Line {
    seconds: f64,
    stats: Stats,
    taken: u64,
    resident: Option<u64>,
    latencies: Distribution,
}

/// The resident bytes of the process, if the system tells them.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(1_024 * line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?)
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1e3
}

type Soaked = (Vec<Line>, Vec<(String, i64)>);

/// Works, saves and reports until the time is over or a thread has ended early. Returns the figures, and the counts of
/// each thread.
fn soak(store: &Store, file: &Path, interval: Duration, expired: &AtomicU64) -> Result<Soaked, Box<dyn Error>> {
    let threads = thread::available_parallelism().map_or(2, |threads| threads.get().max(2));
    let latencies: Vec<Latencies> = (0..threads).map(|_| Latencies::new()).collect();
    let (is_over, saves) = (AtomicBool::new(false), AtomicU64::new(0));
    println!("{threads} threads work, one saves, one removes what has expired; latencies in microseconds");
    println!(
        "seconds   keys  fields  store MB  taken MB  resident MB  calls/s    p50    p99  p99.9      max   expired  saves"
    );
    thread::scope(|scope| {
        let work = |number| -> hashlet::Result<(String, i64)> {
            let mut worker = Worker::new(store, &latencies[number], number);
            while !is_over.load(Relaxed) {
                worker.step()?;
            }
            Ok(worker.counted())
        };
        let save = || -> Result<(), SnapshotError> {
            while !is_over.load(Relaxed) {
                store.save(file)?;
                saves.fetch_add(1, Relaxed);
                thread::sleep(Duration::from_secs(1));
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads).map(|number| scope.spawn(move || work(number))).collect();
        let saver = scope.spawn(save);
        let start = Instant::now();
        let mut lines = Vec::new();
        while lines.len() < LINES && !saver.is_finished() && !workers.iter().any(|worker| worker.is_finished()) {
            thread::sleep((interval * (lines.len() as u32 + 1)).saturating_sub(start.elapsed()));
            let latencies = Distribution::take(&latencies);
            let line = Line {
                seconds: start.elapsed().as_secs_f64(),
                stats: store.stats(),
                taken: heap::taken() as u64,
                resident: resident(),
                latencies,
            };
            line.print(interval, expired.load(Relaxed), saves.load(Relaxed));
            lines.push(line);
        }
        is_over.store(true, Relaxed);
        saver.join().expect("no panic")?;
        let counted = workers.into_iter().map(|worker| worker.join().expect("no panic"));
        Ok((lines, counted.collect::<hashlet::Result<_>>()?))
    })
}

impl Line {
    fn print(&self, interval: Duration, expired: u64, saves: u64) {
        let Self { seconds, stats, latencies, .. } = self;
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| micros(latencies.quantile(share)));
        println!(
            "{seconds:7.1} {:6} {:7} {:9.2} {:9.2} {:12.2} {:8.0} {p50:6.2} {p99:6.1} {p999:6.1} {:8.0} {expired:9} {saves:6}",
            stats.keys,
            stats.fields,
            megabytes(stats.bytes as u64),
            megabytes(self.taken),
            megabytes(self.resident.unwrap_or(0)),
            latencies.calls() as f64 / interval.as_secs_f64(),
            micros(latencies.longest()),
        );
    }
}

/// Prints how memory and latency have changed since the warm-up, and returns the figures that have grown too much.
fn judge(lines: &[Line]) -> Result<(), String> {
    let growth = |name: &str, bytes: fn(&Line) -> u64| {
        let values: Vec<_> = lines.iter().map(|line| (line.seconds, bytes(line) as f64)).collect();
        let Trend { mean, slope, growth } = Trend::of(&values);
        let (megabytes, a_minute, percent) = (mean / 1e6, 6_000.0 * slope / mean, 100.0 * growth);
        println!(
            "{name}: {megabytes:.2} MB, {slope:+.0} bytes a second, {a_minute:+.3} % a minute, {percent:+.2} % in all"
        );
        growth
    };
    let store = growth("store", |line| line.stats.bytes as u64);
    let taken = growth("taken", |line| line.taken);
    if lines.iter().all(|line| line.resident.is_some()) {
        growth("resident", |line| line.resident.unwrap_or(0));
    }
    let third = lines.len() / 3;
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        let of = |lines: &[Line]| micros(median(lines.iter().map(|line| line.latencies.quantile(share)).collect()));
        let (first, last) = (of(&lines[..third]), of(&lines[lines.len() - third..]));
        println!("{name}: {first:.2} in the first third, {last:.2} in the last: {:.2} times", last / first);
    }
    if store.max(taken) > MOST_GROWTH {
        return Err(format!("the store or the process grows by more than {:.0} %", 100.0 * MOST_GROWTH));
    }
    match lines.last() {
        Some(Line { resident: Some(resident), taken, .. }) if *resident > MOST_RESIDENT * taken => {
            Err(format!("{resident} bytes are resident, more than {MOST_RESIDENT} times what is taken"))
        }
        _ => Ok(()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let seconds: f64 = std::env::args().nth(1).map_or(Ok(60.0), |seconds| seconds.parse())?;
    if !(SHORTEST..=LONGEST).contains(&seconds) {
        return Err(format!("between {SHORTEST} and {LONGEST} seconds").into());
    }
    let folder = folder::Folder::new();
    let expired = Arc::new(AtomicU64::new(0));
    let (sender, told) = sync_channel(1_000);
    let counter = Arc::clone(&expired);
    thread::spawn(move || told.iter().for_each(|_| _ = counter.fetch_add(1, Relaxed)));
    let store = Arc::new(Store::builder().listener(sender, WhenFull::Wait).build());
    let janitor = Janitor::start(Arc::clone(&store), Duration::from_millis(10));

    load::begin(&store)?;
    let (lines, counted) = soak(&store, &folder.file(), Duration::from_secs_f64(seconds / LINES as f64), &expired)?;
    thread::sleep(load::LONGEST_LIFE);
    drop(janitor);
    load::check(&store, &counted);
    let saved = store.save(folder.file())?;
    let loaded = Store::load(folder.file())?;
    load::check(&loaded, &counted);
    assert!(load::is_same(&store, &loaded), "the last snapshot is another store");
    println!("nothing was lost: {} keys and {} fields, saved and loaded", saved.keys, saved.fields);
    Ok(judge(&lines[WARM_UP..])?)
}
