//! What saving and loading take, of 1,000,000 profiles: time, memory, and the patience of those who write meanwhile.
//!
//! `cargo bench --bench snapshot` prints `workload subject figure unit`; `.ci/servers cargo bench --bench snapshot` does so
//! beside Redis and Valkey. Times are medians of five rounds, ratios the median of each round's own.
//!
//! - `save`: into a new file, fsynced. `raw` writes the same bytes in pieces of 64 KiB, `bincode` encodes a map of maps
//!   of the same data; `sink` is hashlet without a file. `x_raw` and `x_bincode` is how many times as long hashlet takes.
//! - `load`: each in a process of its own, as after a restart: the keys come in an order that the hash function does not
//!   know, and memory comes fresh from the system. The file was read before, so no disk is measured. `raw` reads it
//!   in pieces of 64 KiB.
//! - `servers`: the time of `SAVE`, by the clock of the client, and of a load, as the server's log tells it after a restart;
//!   hashlet's in the same rounds.
//! - `memory`: the most bytes asked of the allocator that a save, and a load, needs beside the store.
//! - `traffic`: threads that set a field of a random profile, call after call, while the store is saved into a file, into
//!   nothing, or into a writer that takes 50 MB a second. `x_alone` is how many calls they make, in terms of those of the same threads
//!   without a save; `beside_spin` is what is left when another thread only uses the processor. `MB_waiting` is
//!   what the saver was left by them at most.

mod support;

#[path = "../tests/support/heap.rs"]
mod heap;
#[path = "snapshot/server.rs"]
mod server;
#[path = "snapshot/traffic.rs"]
mod traffic;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::time::{Duration, Instant};

use hashlet::{SaveReport, Store};

use server::Server;
use support::rival::Rival;
use support::rounds::{Rounds, line, say};
use support::workload::Profile;

const PROFILES: usize = 1_000_000;
const SMOKE_PROFILES: usize = 5_000;
const FIELDS: usize = 8;
const ROUNDS: usize = 5;
/// Bytes that are written and read at a time where hashlet has no part in it.
const PIECE: usize = 64 << 10;

#[global_allocator]
static HEAP: heap::Switched = heap::Switched;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [child, task, path, profiles] = &arguments[..]
        && child == "child"
    {
        run_child(task, Path::new(path), profiles.parse().expect("a number of profiles"));
    }
    let (profiles, rounds) = if support::smoke() { (SMOKE_PROFILES, 1) } else { (PROFILES, ROUNDS) };
    let folder = Folder::new();
    let path = folder.0.join("store.hashlet");
    let store = filled(profiles);
    let bytes = save(&store, &path).bytes;
    say(&format!("# {profiles} profiles, {bytes} bytes, {rounds} rounds, in {}", folder.0.display()));
    if support::wanted("save") {
        save_beside_others(&store, &folder.0, rounds);
    }
    if support::wanted("load") {
        load_beside_others(&folder.0, profiles, rounds);
    }
    if support::wanted("servers") {
        beside_servers(&store, &folder.0, profiles, rounds);
    }
    if support::wanted("memory") {
        say("# memory");
        for figure in run("memory", &folder.0.join("memory.hashlet"), profiles).lines() {
            say(figure);
        }
    }
    if support::wanted("traffic") {
        traffic::measure(&store, profiles, &path, rounds);
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

fn load(path: &Path) -> Store {
    Store::load(path).expect("what was saved can be loaded")
}

fn timed<R>(work: impl FnOnce() -> R) -> (Duration, R) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// Times a save into a file that is not there yet.
fn timed_save(store: &Store, path: &Path) -> Duration {
    _ = fs::remove_file(path);
    timed(|| save(store, path)).0
}

type Fields = HashMap<Vec<u8>, Vec<u8>>;
type Maps = HashMap<Vec<u8>, Fields>;

const BINCODE: bincode::config::Configuration = bincode::config::standard();

fn filled_maps(profiles: usize) -> Maps {
    let fields = |profile: &Profile| profile.pairs().map(|(field, value)| (field.to_vec(), value.to_vec())).into();
    (0..profiles).map(Profile::new).map(|profile| (profile.key.to_vec(), fields(&profile))).collect()
}

fn save_bincode(maps: &Maps, path: &Path) {
    let mut out = BufWriter::with_capacity(PIECE, File::create(path).expect("a file"));
    bincode::encode_into_std_write(maps, &mut out, BINCODE).expect("maps can be encoded");
    out.into_inner().expect("a file that takes it").sync_all().expect("a disk that takes it");
}

fn load_bincode(path: &Path) -> Maps {
    let bytes = fs::read(path).expect("the file that was saved");
    bincode::decode_from_slice(&bytes, BINCODE).expect("what was encoded").0
}

fn save_raw(bytes: &[u8], path: &Path) {
    let mut file = File::create(path).expect("a file");
    for piece in bytes.chunks(PIECE) {
        file.write_all(piece).expect("a file that takes it");
    }
    file.sync_all().expect("a disk that takes it");
}

fn load_raw(path: &Path) -> usize {
    let (mut file, mut piece, mut bytes) = (File::open(path).expect("the file"), vec![0; PIECE], 0);
    loop {
        match file.read(&mut piece).expect("a file that can be read") {
            0 => return bytes,
            read => bytes += read,
        }
    }
}

fn save_beside_others(store: &Store, folder: &Path, rounds: usize) {
    say("# save");
    let path = folder.join("save.hashlet");
    save(store, &path);
    let bytes = fs::read(&path).expect("the file that was saved");
    let maps = filled_maps(store.key_count());
    let times = Rounds::run(
        rounds,
        &mut [
            &mut |_| timed_save(store, &path),
            &mut |_| {
                let path = folder.join("raw");
                _ = fs::remove_file(&path);
                timed(|| save_raw(&bytes, &path)).0
            },
            &mut |_| {
                let path = folder.join("bincode");
                _ = fs::remove_file(&path);
                timed(|| save_bincode(&maps, &path)).0
            },
            &mut |_| timed(|| store.save_to(io::sink()).expect("a sink takes everything")).0,
        ],
    );
    for (subject, name) in ["hashlet", "raw", "bincode", "sink"].into_iter().enumerate() {
        line("save", name, times.median(subject), "s");
    }
    line("save", "hashlet", times.ratio(0, 1), "x_raw");
    line("save", "hashlet", times.ratio(0, 2), "x_bincode");
    fs::remove_file(folder.join("raw")).expect("the file that was written");
    fs::remove_file(&path).expect("the file that was saved");
}

fn load_beside_others(folder: &Path, profiles: usize, rounds: usize) {
    say("# load");
    let (path, bincode) = (folder.join("store.hashlet"), folder.join("bincode"));
    save_bincode(&filled_maps(profiles), &bincode);
    let times = Rounds::run(
        rounds,
        &mut [
            &mut |_| run_timed("load", &path, profiles),
            &mut |_| run_timed("load_raw", &path, profiles),
            &mut |_| run_timed("load_bincode", &bincode, profiles),
        ],
    );
    for (subject, name) in ["hashlet", "raw", "bincode"].into_iter().enumerate() {
        line("load", name, times.median(subject), "s");
    }
    line("load", "hashlet", times.ratio(0, 1), "x_raw");
    line("load", "bincode", times.ratio(2, 0), "x_hashlet");
    fs::remove_file(bincode).expect("the file that was written");
}

fn beside_servers(store: &Store, folder: &Path, profiles: usize, rounds: usize) {
    let path = folder.join("store.hashlet");
    for (name, variable) in [("redis", "HASHLET_REDIS_SOCKET"), ("valkey", "HASHLET_VALKEY_SOCKET")] {
        let Some(program) = server::program(&format!("{name}-server"), variable) else {
            say(&format!("# servers: WITHOUT {name}, neither {variable} nor the PATH leads to one"));
            continue;
        };
        for (compression, subject) in [("no", format!("{name}_uncompressed")), ("yes", name.to_owned())] {
            say(&format!("# servers: {}, rdbcompression {compression}", program.display()));
            let mut server = Server::start(&program, folder, compression);
            server.fill(profiles);
            let times = Rounds::run(
                rounds,
                &mut [&mut |_| timed(|| server.save()).0, &mut |_| timed_save(store, &folder.join("save.hashlet"))],
            );
            line("servers/save", &subject, times.median(0), "s");
            line("servers/save", "hashlet", times.median(1), "s");
            line("servers/save", &subject, times.ratio(0, 1), "x_hashlet");
            let times = Rounds::run(
                rounds,
                &mut [&mut |_| server.restart(profiles), &mut |_| run_timed("load", &path, profiles)],
            );
            line("servers/load", &subject, times.median(0), "s");
            line("servers/load", "hashlet", times.median(1), "s");
            line("servers/load", &subject, times.ratio(0, 1), "x_hashlet");
        }
    }
}

/// Runs a task in a process of its own, and returns what it printed.
fn run(task: &str, path: &Path, profiles: usize) -> String {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).args(["child", task]).arg(path).arg(profiles.to_string()).output();
    let output = output.expect("this program starts again");
    assert!(output.status.success(), "{task}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("figures")
}

/// Runs a task that prints its seconds.
fn run_timed(task: &str, path: &Path, profiles: usize) -> Duration {
    Duration::from_secs_f64(run(task, path, profiles).trim().parse().expect("seconds"))
}

/// Ends the process without giving back what it has loaded.
fn run_child(task: &str, path: &Path, profiles: usize) -> ! {
    let elapsed = match task {
        "load" => {
            let (elapsed, store) = timed(|| load(path));
            assert_eq!(store.key_count(), profiles);
            assert_eq!(store.stats().fields, profiles * FIELDS);
            say(&elapsed.as_secs_f64().to_string());
            process::exit(0)
        }
        "load_bincode" => {
            let (elapsed, maps) = timed(|| load_bincode(path));
            assert_eq!(maps.len(), profiles);
            say(&elapsed.as_secs_f64().to_string());
            process::exit(0)
        }
        "load_raw" => {
            let (elapsed, bytes) = timed(|| load_raw(path));
            assert_eq!(bytes as u64, fs::metadata(path).expect("the file").len());
            elapsed
        }
        "memory" => {
            memory(path, profiles);
            process::exit(0)
        }
        _ => panic!("no task is called {task}"),
    };
    say(&elapsed.as_secs_f64().to_string());
    process::exit(0)
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
    let store = load(path);
    assert_eq!(store.key_count(), profiles);
    assert_eq!(store.stats().bytes, heap::live() - empty, "hashlet knows what it has asked for");
    line("memory/load", "hashlet", (heap::peak() - heap::live()) as f64 / 1e6, "MB_beside_the_store");
    line("memory/load", "filled", (live - before) as f64 / profiles as f64, "B_a_key");
    line("memory/load", "loaded", (heap::live() - empty) as f64 / profiles as f64, "B_a_key");
    fs::remove_file(path).expect("the file that was saved");
}
