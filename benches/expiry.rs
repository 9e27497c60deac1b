//! What deadlines take: memory, time to set, time to purge.
//!
//! `cargo bench --bench expiry` prints `workload subject figure unit`.
//!
//! - `field_ttl`: bytes more that a hash of 20 fields takes with a deadline on one field, and on all twenty; packed, and
//!   as a table. `key_ttl`: bytes more a key, of 1,000,000 profiles, all indexes included. `asked` is what the store asks
//!   the allocator for, `taken` what the allocator spends on it.
//! - `set`: `expire` on a key that has a deadline, beside `contains_key` of it, on 100,000 keys; `x_contains` is how many
//!   times as long it takes, the median of each round's own ratio.
//! - `purge`: 1,000,000 due keys among 10,000,000 of one field, each in every tenth place. `s_cpu` is the processor time
//!   of the thread that purges (wall time where the system does not tell), `s` the wall time. Meanwhile another thread
//!   sets a value of a random key, call after call: `ms_longest_wait` is its longest call, the median of the runs, and the
//!   least of them. Two others have it done for as long: `alone`, without a purge; and `beside_updates` of random keys, each
//!   of which holds its lock for 60 us, about as long as a slice of the purge does: what is left of the wait is the
//!   system's, which has to wake a thread that waited for a lock.

//! - `trickle`: 1,000,000 keys of two fields, one of which expires after the other for an hour, and 1,000,000 fields of one
//!   hash that do. A clock that is moved by hand goes on by 10 ms, 100 ms, 1 s or 10 s, and then everything that is due is
//!   purged. `us_cpu` is the processor time of that for each key or field.

mod support;

#[path = "../tests/support/heap.rs"]
mod heap;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use hashlet::{ManualClock, Store, Thresholds};

use support::random::Random;
use support::rival::Rival;
use support::rounds::{Rounds, line, median, say};
use support::workload::{Profile, SEED, profile_key};

const HOUR: Duration = Duration::from_secs(3_600);
const PROFILES: usize = 1_000_000;
const HASHES: usize = 1_000;
const SET_KEYS: usize = 100_000;
const PURGE_KEYS: usize = 10_000_000;
const DUE_ONE_IN: usize = 10;
const TRICKLE_KEYS: usize = 1_000_000;
/// About as long as a slice of a purge holds a lock.
const SLICE: Duration = Duration::from_micros(60);

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

fn main() {
    let is_smoke = support::smoke();
    if support::wanted("field_ttl") {
        for (name, thresholds) in [("packed", Thresholds::default()), ("table", Thresholds::default().max_fields(0))] {
            field_ttl(name, thresholds);
        }
    }
    if support::wanted("key_ttl") {
        key_ttl(if is_smoke { 10_000 } else { PROFILES });
    }
    if support::wanted("set") {
        let (keys, rounds) = if is_smoke { (1_000, 1) } else { (SET_KEYS, 15) };
        set(keys, rounds);
    }
    if support::wanted("purge") {
        let (keys, runs) = if is_smoke { (100_000, 1) } else { (PURGE_KEYS, 5) };
        purge(keys, runs);
    }
    if support::wanted("trickle") {
        let keys = if is_smoke { 10_000 } else { TRICKLE_KEYS };
        trickle("keys", keys, |store, number, when| {
            let key = profile_key(number);
            store.set_many(key, [("user", "ada"), ("token", "0123456789abcdef")]).unwrap();
            assert_eq!(store.expire(key, when), hashlet::ExpireOutcome::Set);
        });
        trickle("fields", keys, |store, number, when| {
            store.set("sessions", profile_key(number), "ada").unwrap();
            assert_eq!(store.expire_field("sessions", profile_key(number), when), hashlet::ExpireOutcome::Set);
        });
    }
}

/// Bytes asked and taken by what `work` does.
fn bytes_of(work: impl FnOnce()) -> [isize; 2] {
    let before = [heap::live(), heap::taken()];
    work();
    [heap::live().wrapping_sub(before[0]).cast_signed(), heap::taken().wrapping_sub(before[1]).cast_signed()]
}

fn lines(workload: &str, subject: &str, bytes: [isize; 2], count: usize) {
    for (bytes, unit) in bytes.into_iter().zip(["B_asked", "B_taken"]) {
        line(workload, subject, bytes as f64 / count as f64, unit);
    }
}

fn field_ttl(name: &str, thresholds: Thresholds) {
    say(&format!("# field_ttl, {name}: {HASHES} hashes of 20 fields"));
    let store = Store::builder().thresholds(thresholds).build();
    let field = |number: usize| format!("field:{number:02}");
    for key in 0..HASHES {
        store.set_many(key.to_string(), (0..20).map(|number| (field(number), "a value of 20 bytes!"))).unwrap();
    }
    let one = bytes_of(|| (0..HASHES).for_each(|key| _ = store.expire_field(key.to_string(), field(7), HOUR)));
    lines("field_ttl/one", name, one, HASHES);
    let others = bytes_of(|| {
        for key in 0..HASHES {
            (0..20).for_each(|number| _ = store.expire_field(key.to_string(), field(number), HOUR));
        }
    });
    lines("field_ttl/twenty", name, [one[0] + others[0], one[1] + others[1]], HASHES);
}

fn key_ttl(profiles: usize) {
    say(&format!("# key_ttl: {profiles} profiles"));
    let store = Store::new();
    for number in 0..profiles {
        let profile = Profile::new(number);
        assert_eq!(Rival::set_many(&store, profile.key.as_ref(), &profile.pairs()), 8);
    }
    let bytes = bytes_of(|| (0..profiles).for_each(|number| _ = store.expire(profile_key(number), HOUR)));
    lines("key_ttl", "profile", bytes, profiles);
}

fn set(keys: usize, rounds: usize) {
    say(&format!("# set: {keys} keys with a deadline, {rounds} rounds"));
    let store = Store::new();
    for number in 0..keys {
        let profile = Profile::new(number);
        Rival::set_many(&store, profile.key.as_ref(), &profile.pairs());
        store.expire(profile_key(number), HOUR);
    }
    let mut random = Random::new(SEED);
    let drawn: Vec<_> = (0..keys).map(|_| profile_key(random.below(keys))).collect();
    let timed = |work: &dyn Fn(&[u8]) -> bool| {
        let start = Instant::now();
        assert!(drawn.iter().all(|key| work(key.as_ref())));
        start.elapsed()
    };
    let times = Rounds::run(
        rounds,
        &mut [&mut |_| timed(&|key| store.expire(key, HOUR) == hashlet::ExpireOutcome::Set), &mut |_| {
            timed(&|key| store.contains_key(key))
        }],
    );
    line("set", "expire", times.median(0) / keys as f64 * 1e9, "ns");
    line("set", "contains_key", times.median(1) / keys as f64 * 1e9, "ns");
    line("set", "expire", times.ratio(0, 1), "x_contains");
}

fn purge(keys: usize, runs: usize) {
    say(&format!("# purge: {} due keys among {keys}, {runs} runs", keys / DUE_ONE_IN));
    let clock = ManualClock::new();
    let store = Store::builder().clock(&clock).build();
    store.reserve(keys);
    (0..keys).for_each(|number| _ = store.set(profile_key(number), "name", "Ada Lovelace").unwrap());
    let (mut cpu, mut wall, mut waits) = (Vec::new(), Vec::new(), [Vec::new(), Vec::new(), Vec::new()]);
    for _ in 0..runs {
        for number in (0..keys).step_by(DUE_ONE_IN) {
            store.set(profile_key(number), "name", "Ada Lovelace").unwrap();
            store.expire(profile_key(number), HOUR);
        }
        clock.advance(HOUR);
        let ((elapsed, used), wait) = beside_a_writer(&store, keys, || {
            let (start, used) = (Instant::now(), thread_cpu());
            let purged = store.purge_expired(usize::MAX);
            assert!(purged.is_complete);
            (start.elapsed(), thread_cpu() - used)
        });
        assert_eq!(store.purge_expired(usize::MAX).keys, 0);
        let (_, wait_alone) = beside_a_writer(&store, keys, || thread::sleep(elapsed));
        let (_, wait_beside_updates) = beside_a_writer(&store, keys, || {
            let (start, mut random) = (Instant::now(), Random::new(SEED + 1));
            while start.elapsed() < elapsed {
                store.update(profile_key(random.below(keys)), |_| spin(SLICE));
            }
        });
        cpu.push(used.as_secs_f64());
        wall.push(elapsed.as_secs_f64());
        for (waits, wait) in waits.iter_mut().zip([wait, wait_alone, wait_beside_updates]) {
            waits.push(wait.as_secs_f64() * 1e3);
        }
    }
    line("purge", "hashlet", median(cpu), "s_cpu");
    line("purge", "hashlet", median(wall), "s");
    for (subject, waits) in ["writer", "writer_alone", "writer_beside_updates"].into_iter().zip(waits) {
        line("purge", subject, waits.iter().copied().fold(f64::INFINITY, f64::min), "ms_longest_wait_least");
        line("purge", subject, median(waits), "ms_longest_wait");
    }
}

/// An hour in which one thing expires after the other, in an order that has nothing to do with their places.
fn trickle(name: &str, count: usize, add: impl Fn(&Store, usize, Duration)) {
    say(&format!("# trickle: {count} {name} in an hour"));
    let clock = ManualClock::new();
    let store = Store::builder().clock(&clock).build();
    let mut order: Vec<usize> = (0..count).collect();
    Random::new(SEED).shuffle(&mut order);
    for (turn, number) in order.into_iter().enumerate() {
        add(&store, number, HOUR.mul_f64((turn + 1) as f64 / count as f64));
    }
    for (period, share) in [(10, 0.02), (100, 0.05), (1_000, 0.1), (10_000, 0.2)] {
        let period = Duration::from_millis(period);
        let (mut purged, used) = (0, thread_cpu());
        for _ in 0..HOUR.mul_f64(share).div_duration_f64(period) as usize {
            clock.advance(period);
            purged += store.purge_expired(usize::MAX).fields;
        }
        let used = (thread_cpu() - used).as_secs_f64();
        line(&format!("trickle/{name}"), &format!("{}_ms", period.as_millis()), used * 1e6 / purged as f64, "us_cpu");
    }
}

fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Does a work while another thread sets a value in a random key that does not expire, call after call, and returns the
/// longest time that it took for one.
fn beside_a_writer<R>(store: &Store, keys: usize, work: impl FnOnce() -> R) -> (R, Duration) {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut random = Random::new(SEED);
            let mut longest = Duration::ZERO;
            while !is_done.load(SeqCst) {
                let number = random.below(keys / DUE_ONE_IN) * DUE_ONE_IN + 1;
                let key = profile_key(number);
                let start = Instant::now();
                store.set(key, "name", "Grace Hopper").unwrap();
                longest = longest.max(start.elapsed());
            }
            longest
        });
        let result = work();
        is_done.store(true, SeqCst);
        (result, writer.join().expect("the writer ends"))
    })
}

/// Processor time of this thread, or the time of day where the system does not tell.
fn thread_cpu() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.as_deref().and_then(|text| text.split(' ').next()).and_then(|text| text.parse().ok());
    nanos.map_or_else(|| std::time::UNIX_EPOCH.elapsed().unwrap_or_default(), Duration::from_nanos)
}
