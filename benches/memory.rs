//! What data takes in memory, in hashlet and in a DashMap of maps.
//!
//! `cargo bench --bench memory` prints `workload subject figure unit`. The allocator of this program counts two sums:
//! `asked` is what the store has asked for and not given back, `taken` is what the allocator spends on that, its header
//! of 8 bytes a block and its rounding included. Data is generated one hash at a time and dropped, so neither sum
//! holds anything but the store.
//!
//! - `profiles`: 1,000,000 keys of 8 fields. Structures that double take their memory in steps, so the same figure is
//!   taken at every 10,000th key from 700,000 to 1,400,000, and the worst of them shown too.
//! - `big`: one hash of 1,000,000 fields.
//! - `middle`: 20,000 hashes of 128 fields.
//!
//! Each time, what `stats` of hashlet says has to equal the bytes asked, to the byte.

mod support;

#[path = "../tests/support/heap.rs"]
mod heap;

use hashlet::Store;

use support::rival::{DashMaps, Rival};
use support::rounds::{line, say};
use support::workload::{Middle, Profile, big_field};

const PROFILES: usize = 1_000_000;
const BIG_FIELDS: usize = 1_000_000;
const MIDDLE_HASHES: usize = 20_000;
/// The smoke run takes a hundredth of everything.
const SMOKE: usize = 100;

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

fn main() {
    let scale = if support::smoke() { SMOKE } else { 1 };

    let count = PROFILES / scale;
    let payload: usize = (0..count).map(|number| Profile::new(number).payload()).sum();
    headline("profiles", payload, count, "key");
    measure_profiles::<Store>(count);
    measure_profiles::<DashMaps>(count);

    let count = BIG_FIELDS / scale;
    let payload: usize = (0..count).map(big_field).map(|(f, v)| f.len() + v.len()).sum();
    headline("big", payload, count, "field");
    measure_big::<Store>(count);
    measure_big::<DashMaps>(count);

    let count = MIDDLE_HASHES / scale;
    let payload: usize = (0..count).map(|number| Middle::new(number).payload()).sum();
    headline("middle", payload, count, "hash");
    measure_middle::<Store>(count);
    measure_middle::<DashMaps>(count);
}

fn headline(workload: &str, payload: usize, count: usize, what: &str) {
    let mean = payload as f64 / count as f64;
    say(&format!("\n# {workload}: {count} times one {what}, payload {mean:.2} bytes a {what}"));
}

fn measure_profiles<R: Rival>(count: usize) {
    let store = Measured::<R>::new();
    let (first, step, last) = (count / 10 * 7, count / 100, count / 10 * 14);
    let (mut worst_asked, mut worst_taken) = ((0.0, 0), (0.0, 0));
    for number in 0..last {
        let profile = Profile::new(number);
        assert_eq!(store.rival.set_many(&profile.key, &profile.pairs()), 8);
        drop(profile);
        let keys = number + 1;
        if keys == count {
            store.print("profiles", keys, "key");
        }
        if keys >= first && keys.is_multiple_of(step) {
            let (asked, taken) = store.bytes_for_each(keys);
            worst_asked = if asked > worst_asked.0 { (asked, keys) } else { worst_asked };
            worst_taken = if taken > worst_taken.0 { (taken, keys) } else { worst_taken };
        }
    }
    for (what, (worst, keys)) in [("asked", worst_asked), ("taken", worst_taken)] {
        line("profiles_worst", R::NAME, worst, &format!("bytes_{what}_a_key (at {keys} keys)"));
    }
}

fn measure_big<R: Rival>(count: usize) {
    let store = Measured::<R>::new();
    for number in 0..count {
        let (field, value) = big_field(number);
        assert!(store.rival.set(b"big", field.as_bytes(), value.as_bytes()));
    }
    store.print("big", count, "field");
}

fn measure_middle<R: Rival>(count: usize) {
    let store = Measured::<R>::new();
    for number in 0..count {
        let hash = Middle::new(number);
        let new = store.rival.set_many(hash.key.as_bytes(), &hash.pairs());
        assert_eq!(new, Middle::FIELDS);
    }
    store.print("middle", count, "hash");
}

/// A store and what the heap held before it.
struct Measured<R> {
    live: usize,
    taken: usize,
    rival: R,
}

impl<R: Rival> Measured<R> {
    fn new() -> Self {
        let (live, taken) = (heap::live(), heap::taken());
        Self { live, taken, rival: R::new() }
    }

    /// Bytes asked and bytes taken for each of so many.
    fn bytes_for_each(&self, count: usize) -> (f64, f64) {
        let (asked, taken) = (heap::live() - self.live, heap::taken() - self.taken);
        if let Some(bytes) = self.rival.bytes() {
            assert_eq!(bytes, asked, "{} knows what it has asked for", R::NAME);
        }
        (asked as f64 / count as f64, taken as f64 / count as f64)
    }

    fn print(&self, workload: &str, count: usize, what: &str) {
        let (asked, taken) = self.bytes_for_each(count);
        line(workload, R::NAME, asked, &format!("bytes_asked_a_{what}"));
        line(workload, R::NAME, taken, &format!("bytes_taken_a_{what}"));
    }
}
