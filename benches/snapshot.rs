//! What saving and loading take of those beside them, with 1,000,000 profiles: memory, and the patience of those who write
//! meanwhile. How long they take, beside others, is measured in `benches/rivals`.
//!
//! `cargo bench --bench snapshot` prints `workload subject figure unit`.
//!
//! - `memory`: the most bytes asked of the allocator that a save, and a load, needs beside the store.
//! - `traffic`: threads that set a field of a random profile, call after call, while the store is saved into a file, into
//!   nothing, or into a writer that takes 50 MB a second. `x_alone` is how many calls they make, in terms of those of the same threads
//!   without a save; `beside_spin` is what is left when another thread only uses the processor. `MB_waiting` is
//!   what the saver was left by them at most.

mod support;

#[path = "../tests/support/heap.rs"]
mod heap;
#[path = "snapshot/traffic.rs"]
mod traffic;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};

use hashlet::{SaveReport, Store};

use support::rival::Rival;
use support::rounds::{line, say};
use support::workload::Profile;

const PROFILES: usize = 1_000_000;
const SMOKE_PROFILES: usize = 5_000;
const FIELDS: usize = 8;
const ROUNDS: usize = 5;

#[global_allocator]
static HEAP: heap::Switched = heap::Switched;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [child, path, profiles] = &arguments[..]
        && child == "child"
    {
        memory(Path::new(path), profiles.parse().expect("a number of profiles"));
        return;
    }
    let (profiles, rounds) = if support::smoke() { (SMOKE_PROFILES, 1) } else { (PROFILES, ROUNDS) };
    let folder = Folder::new();
    let path = folder.0.join("store.hashlet");
    say(&format!("# {profiles} profiles, {rounds} rounds, in {}", folder.0.display()));
    if support::wanted("memory") {
        say("# memory");
        in_another_process(&path, profiles);
    }
    if support::wanted("traffic") {
        traffic::measure(&filled(profiles), profiles, &path, rounds);
    }
}

/// A folder that goes with this.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("hashlet-bench-{}", process::id()));
        fs::create_dir(&folder).expect("a folder for temporary files");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

fn filled(profiles: usize) -> Store {
    let store = Store::new();
    for number in 0..profiles {
        let profile = Profile::new(number);
        assert_eq!(Rival::set_many(&store, &profile.key, &profile.pairs()), FIELDS);
    }
    store
}

/// Saves a store so that the disk has everything.
fn save(store: &Store, path: &Path) -> SaveReport {
    let report = store.save(path).expect("a save that succeeds");
    assert_eq!(report.keys, store.key_count() as u64);
    assert_eq!(report.fields, report.keys * FIELDS as u64);
    report
}

/// Measures memory in a process of its own, whose heap is counted.
fn in_another_process(path: &Path, profiles: usize) {
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new(program);
    let status = child.arg("child").arg(path).arg(profiles.to_string()).status().expect("this program starts again");
    assert!(status.success(), "memory: {status}");
}

fn memory(path: &Path, profiles: usize) {
    heap::Switched::on();
    let before = heap::live();
    let store = filled(profiles);
    let live = heap::live();
    heap::reset_peak();
    save(&store, path);
    line("memory/save", "hashlet", (heap::peak() - live) as f64 / 1e6, "MB_beside_the_store");
    drop(store);
    heap::reset_peak();
    let empty = heap::live();
    let store = Store::load(path).expect("what was saved can be loaded");
    assert_eq!(store.key_count(), profiles);
    assert_eq!(store.stats().bytes, heap::live() - empty, "hashlet knows what it has asked for");
    line("memory/load", "hashlet", (heap::peak() - heap::live()) as f64 / 1e6, "MB_beside_the_store");
    line("memory/load", "filled", (live - before) as f64 / profiles as f64, "B_a_key");
    line("memory/load", "loaded", (heap::live() - empty) as f64 / profiles as f64, "B_a_key");
    fs::remove_file(path).expect("the file that was saved");
}
