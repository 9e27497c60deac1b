//! Saves of a store while threads work on it. Each snapshot shows one instant. On the keys of a single thread, the
//! snapshot has the effects of that thread's calls up to one of them. It has all calls that had returned when the save
//! began, and none that began after it ended. On hashes that several threads change, the sum stays the same.

mod calls;

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;

use crate::support::check;
use crate::support::folder::Folder;
use crate::support::source::Source;
use crate::support::time::{BEGINNING, time};
use calls::{Call, LARGE, Model};
use hashlet::{ManualClock, SaveOptions, Store, Thresholds};

/// The number of calls that a thread may be ahead of the checks.
const AHEAD: u64 = 800;
const ACCOUNTS: usize = 8;
const GENERATIONS: usize = 4;
const BALANCE: i64 = 1_000;

fn store(shards: usize, clock: &ManualClock) -> Store {
    let store = Store::builder().shards(shards).thresholds(Thresholds::default().max_fields(8)).clock(clock).build();
    for n in 0..ACCOUNTS {
        store.set_many(format!("account:{n}"), (0..5).map(|n| (n.to_string(), BALANCE.to_string()))).unwrap();
    }
    store.set_many("bank", (0..LARGE).map(|n| (n.to_string(), BALANCE.to_string()))).unwrap();
    for n in 0..GENERATIONS {
        let fields = if n % 2 == 0 { 6 } else { LARGE };
        store.set_many(format!("generation:{n}"), (0..fields).map(|n| (n.to_string(), "0"))).unwrap();
    }
    store
}

/// The calls of all threads on the same hashes. They move amounts from one hash to another, and count up all fields of
/// two hashes at once.
fn work_together(store: &Store, source: &mut Source<'_>) {
    let account = |source: &mut Source<'_>| match source.below(ACCOUNTS + 3) {
        n if n < ACCOUNTS => (format!("account:{n}"), source.below(5).to_string()),
        _ => ("bank".to_owned(), source.below(LARGE).to_string()),
    };
    match source.below(60) {
        0 => {
            let first = source.below(GENERATIONS / 2) * 2;
            let keys = [first, first + 1].map(|n| format!("generation:{n}"));
            let bump = |hash: &mut hashlet::HashMut<'_>| {
                let fields: Vec<_> = hash.iter().map(|(field, _)| field.to_vec()).collect();
                fields.iter().for_each(|field| _ = hash.increment(field, 1).unwrap());
            };
            store.update_many(keys, |hashes| hashes.iter_mut().for_each(bump)).unwrap();
        }
        1 => _ = store.purge_expired(50),
        2 => store.shrink_to_fit(),
        _ => {
            let ((from, giver), (to, taker)) = (account(source), account(source));
            let amount = source.below(3_000) as i64;
            if from == to {
                return;
            }
            let moved = store.update_many([from, to], |[from, to]| {
                from.increment(giver, -amount)?;
                to.increment(taker, amount).map(drop)
            });
            moved.unwrap().unwrap();
        }
    }
}

fn assert_shared_is_sound(store: &Store) {
    let number = |value: &[u8]| str::from_utf8(value).unwrap().parse::<i64>().unwrap();
    let numbers = |key: &str| store.read(key, |hash| hash.iter().map(|(_, value)| number(value)).collect::<Vec<_>>());
    let accounts = (0..ACCOUNTS).map(|n| numbers(&format!("account:{n}"))).chain([numbers("bank")]);
    let all: Vec<i64> = accounts.flatten().collect();
    assert_eq!(all.len(), ACCOUNTS * 5 + LARGE, "accounts");
    assert_eq!(all.iter().sum::<i64>(), BALANCE * all.len() as i64, "the sum of all accounts");
    for n in (0..GENERATIONS).step_by(2) {
        let generations = [n, n + 1].map(|n| numbers(&format!("generation:{n}")));
        assert_eq!(generations.each_ref().map(Vec::len), [6, LARGE]);
        let first = generations[0][0];
        assert!(generations.iter().flatten().all(|&generation| generation == first), "generations {n} and {}", n + 1);
    }
}

/// How many calls a thread has begun and done.
#[derive(Default)]
struct Course {
    begun: AtomicU64,
    done: AtomicU64,
    /// The number of calls that were seen in a snapshot.
    seen: AtomicU64,
}

fn done_by(courses: &[Course]) -> u64 {
    courses.iter().map(|course| course.done.load(SeqCst)).sum()
}

fn work(store: &Store, thread: usize, course: &Course, is_over: &AtomicBool) {
    let mut source = Source::Seed(thread as u64);
    for number in 0.. {
        while number > course.seen.load(SeqCst) + AHEAD && !is_over.load(SeqCst) {
            thread::yield_now();
        }
        if is_over.load(SeqCst) {
            return;
        }
        course.begun.store(number + 1, SeqCst);
        Call::of(thread, number).run(store);
        course.done.store(number + 1, SeqCst);
        work_together(store, &mut source);
    }
}

/// A disk that is slow.
struct Slow(Vec<u8>);

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        thread::yield_now();
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Ends the threads when the checks end, even by a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[cfg(feature = "testing")]
fn options<'a>(source: &mut Source<'_>) -> SaveOptions<'a> {
    SaveOptions::new().block_bytes(source.one_of(&[1, 500, 10_000, 64 << 10]))
}

#[cfg(not(feature = "testing"))]
fn options<'a>(_: &mut Source<'_>) -> SaveOptions<'a> {
    SaveOptions::new()
}

/// The model of one thread's keys after the calls that have been checked so far.
#[derive(Default)]
struct Replay {
    model: Model,
    number: u64,
}

impl Replay {
    fn run_to(&mut self, thread: usize, number: u64) {
        while self.number < number {
            self.model.run(&Call::of(thread, self.number));
            self.number += 1;
        }
    }

    /// Finds the call up to which a snapshot holds the thread's calls. It is not later than `last`.
    fn find(&mut self, thread: usize, snapshot: &Store, last: u64, now: u64) {
        let (first, found) = (self.number, Model::of(snapshot, thread));
        let at_first = self.model.differences(&found, now);
        while !self.model.equals(&found, now) {
            assert!(
                self.number < last,
                "thread {thread}: no state from call {first} to {last}; differences from the first: {at_first:?}, \
                 from the last: {:?}",
                self.model.differences(&found, now)
            );
            self.run_to(thread, self.number + 1);
        }
    }
}

/// Saves again and again while threads work.
fn assert_instants(threads: usize, shards: usize, saves: usize) {
    let clock = ManualClock::new();
    let (folder, store) = (Folder::new(), store(shards, &clock));
    let courses: Vec<Course> = (0..threads).map(|_| Course::default()).collect();
    let mut replays: Vec<Replay> = (0..threads).map(|_| Replay::default()).collect();
    let is_over = AtomicBool::new(false);
    // The number of calls during saves, and the most bytes that waited for a saver.
    let mut during = (0, 0);
    let now = || time_of(&clock);
    thread::scope(|scope| {
        let _over = Over(&is_over);
        for (thread, course) in courses.iter().enumerate() {
            let (store, is_over) = (&store, &is_over);
            scope.spawn(move || work(store, thread, course, is_over));
        }
        let mut source = Source::Seed(shards as u64);
        while courses.iter().any(|course| course.done.load(SeqCst) == 0) {
            thread::yield_now();
        }
        for save in 0..saves {
            let least = courses.iter().map(|course| course.done.load(SeqCst)).min().unwrap();
            clock.set(time(now().max(BEGINNING + least)));
            for (thread, (course, replay)) in courses.iter().zip(&mut replays).enumerate() {
                replay.run_to(thread, course.done.load(SeqCst));
            }
            let done = done_by(&courses);
            let begin = now();
            let mut steps = 0;
            // The threads go on meanwhile, unless they are too far ahead. What expires and is purged meanwhile is in
            // the snapshot all the same.
            let options = options(&mut source).progress(|_| {
                steps += 1;
                if steps % 8 == 0 {
                    clock.advance(std::time::Duration::from_millis(2));
                }
                let before = done_by(&courses);
                (0..50).take_while(|_| done_by(&courses) < before + 10).for_each(|_| thread::yield_now());
            });
            let snapshot = if save % 10 == 9 {
                during.1 = during.1.max(store.save_with(folder.file(), options.sync(false)).unwrap().waiting_bytes);
                std::fs::read(folder.file()).unwrap()
            } else {
                let mut out = Slow(Vec::new());
                during.1 = during.1.max(store.save_to_with(&mut out, options).unwrap().waiting_bytes);
                out.0
            };
            let lasts: Vec<u64> = courses.iter().map(|course| course.begun.load(SeqCst)).collect();
            during.0 += done_by(&courses) - done;

            let then = ManualClock::new();
            then.set(time(begin));
            let loaded = Store::builder().shards(4).clock(&then).load_from(&snapshot[..]).unwrap();
            check::store(&loaded);
            assert_shared_is_sound(&loaded);
            for (thread, (replay, course)) in replays.iter_mut().zip(&courses).enumerate() {
                replay.find(thread, &loaded, lasts[thread], begin);
                replay.model.purge(begin);
                course.seen.store(replay.number, SeqCst);
            }
        }
    });
    for (thread, (course, replay)) in courses.iter().zip(&mut replays).enumerate() {
        replay.run_to(thread, course.done.load(SeqCst));
        let differences = replay.model.differences(&Model::of(&store, thread), now());
        assert!(differences.is_empty(), "thread {thread} at the end: {differences:?}");
    }
    assert_shared_is_sound(&store);
    check::store(&store);
    // If there are only a few saves, they may be over before the other threads run.
    assert!(saves < 10 || (during.0 > 100 && during.1 > 0), "too little happened while a save was on: {during:?}");
}

fn time_of(clock: &ManualClock) -> u64 {
    clock.now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64
}

/// A quarter of all saves. The three tests below make 200 at the full load.
fn saves() -> usize {
    (200.0 / 4.0 * crate::support::scale()).ceil() as usize
}

#[test]
fn each_snapshot_of_one_shard_under_traffic_is_an_instant() {
    assert_instants(2, 1, saves());
}

#[test]
fn each_snapshot_of_few_shards_under_traffic_is_an_instant() {
    assert_instants(3, 4, 2 * saves());
}

#[test]
fn each_snapshot_of_many_shards_under_traffic_is_an_instant() {
    assert_instants(2, 64, saves());
}
