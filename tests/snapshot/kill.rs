//! A process that saves again and again is killed at random moments. The file is always whole, and never older than the
//! last save that was acknowledged. The process is this test binary, run again.

#![cfg(all(unix, feature = "snapshot"))]

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hashlet::{Autosave, AutosavePolicy, SaveOptions, SnapshotError, Store, Thresholds};
use support::folder::Folder;
use support::process::Process;
use support::source::Source;

/// The variable that tells the other process where to save.
const PATH: &str = "HASHLET_KILL_PATH";
/// The variable that tells it the seed of its choices.
const SEED: &str = "HASHLET_KILL_SEED";
const SAVERS: usize = 2;
const WRITERS: usize = 2;
const ACCOUNTS: usize = 40;
const BANK: usize = 2_000;
const BALANCE: i64 = 100;
/// The most snapshots that a process keeps.
const KEPT: usize = 3;

fn load(path: &Path) -> Result<Store, SnapshotError> {
    Store::builder().thresholds(Thresholds::default().max_fields(16)).load(path)
}

fn new_store() -> Store {
    let store = Store::builder().thresholds(Thresholds::default().max_fields(16)).build();
    for n in 0..ACCOUNTS {
        store.set(format!("account:{n}"), "0", BALANCE.to_string()).unwrap();
    }
    store.set_many("bank", (0..BANK).map(|n| (n.to_string(), BALANCE.to_string()))).unwrap();
    store
}

fn assert_sound(store: &Store) {
    support::check::store(store);
    let mut sum = 0;
    let mut accounts = 0;
    store.for_each(|key, hash| {
        if key != b"save" {
            accounts += hash.len();
            sum += hash.iter().map(|(_, value)| str::from_utf8(value).unwrap().parse::<i64>().unwrap()).sum::<i64>();
        }
    });
    assert_eq!((accounts, sum), (ACCOUNTS + BANK, BALANCE * (ACCOUNTS + BANK) as i64));
}

/// The number of the last save that each saver had begun.
fn sequences(store: &Store) -> BTreeMap<String, u64> {
    let text = |bytes: &[u8]| str::from_utf8(bytes).unwrap().to_owned();
    store.read("save", |hash| hash.iter().map(|(saver, at)| (text(saver), text(at).parse().unwrap())).collect())
}

/// Moves amounts for ever.
fn write(store: &Store, source: &mut Source<'_>) -> ! {
    loop {
        let from = (format!("account:{}", source.below(ACCOUNTS)), "0".to_owned());
        let to = ("bank".to_owned(), source.below(BANK).to_string());
        let amount = source.below(10_000) as i64 - 5_000;
        let moved = store.update_many([&from.0, &to.0], |[from_hash, to_hash]| {
            from_hash.increment(&from.1, -amount)?;
            to_hash.increment(&to.1, amount)
        });
        moved.unwrap().unwrap();
    }
}

/// Saves for ever, and acknowledges each save that has succeeded.
fn save(store: &Store, path: &Path, saver: usize, sync: bool, keep: usize) -> ! {
    loop {
        let at = store.increment("save", saver.to_string(), 1).unwrap();
        match store.save_with(path, SaveOptions::new().sync(sync).keep(keep)) {
            Ok(_) => {
                // This is a single write, so that no other thread writes in between.
                stdout().write_all(format!("\nsaved {saver} {at}\n").as_bytes()).unwrap();
                stdout().flush().unwrap();
            }
            Err(SnapshotError::Busy) => thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
#[ignore = "it is what the other process does, until it is killed"]
fn process_that_saves() {
    let Some(path) = std::env::var_os(PATH).map(PathBuf::from) else { return };
    let seed: usize = std::env::var(SEED).unwrap().parse().unwrap();
    let store = if path.exists() { load(&path).unwrap() } else { new_store() };
    thread::scope(|scope| {
        for saver in 0..SAVERS {
            let (store, path) = (&store, &path);
            scope.spawn(move || save(store, path, saver, !seed.is_multiple_of(4), 1 + seed % KEPT));
        }
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || write(store, &mut Source::Seed((seed * WRITERS + writer) as u64)));
        }
    });
}

#[test]
#[ignore = "it is what the other process does, until it is killed"]
fn process_that_autosaves() {
    let Some(path) = std::env::var_os(PATH).map(PathBuf::from) else { return };
    let store = Arc::new(new_store());
    let _autosave = Autosave::start(store, path, AutosavePolicy::after(Duration::from_secs(3600))).unwrap();
    stdout().write_all(b"\nstarted\n").unwrap();
    stdout().flush().unwrap();
    loop {
        thread::park();
    }
}

/// Starts a process that runs one of the tests above.
fn start(test: &str, path: &Path, seed: usize) -> Process {
    Process::start(test, [(PATH, path.as_os_str()), (SEED, seed.to_string().as_ref())])
}

fn acknowledged(line: &str) -> Option<(String, u64)> {
    let (saver, at) = line.strip_prefix("saved ")?.split_once(' ')?;
    Some((saver.to_owned(), at.parse().unwrap()))
}

#[test]
fn a_kill_at_any_moment_leaves_the_last_acknowledged_save_or_a_later_one() {
    let folder = Folder::new();
    let path = folder.file();
    let mut source = Source::Seed(1);
    let mut last = BTreeMap::new();
    let (mut acknowledgements, mut interrupted, mut most_kept) = (0, 0, 0);
    let kills = (200.0 * support::scale()).ceil() as usize;
    for kill in 0..kills {
        let mut process = start("process_that_saves", &path, kill);
        let (keep, before) = (1 + kill % KEPT, acknowledgements);
        let own = format!("store.hashlet.{}-", process.child.id());
        // Some processes are killed before they have done anything, but not the first one.
        for _ in 0..source.below(6).max(usize::from(kill == 0)) {
            let (saver, at) = loop {
                let line = process.lines.recv_timeout(Duration::from_secs(120)).expect("it saves, and no lock is left");
                if let Some(acknowledged) = acknowledged(&line) {
                    break acknowledged;
                }
            };
            last.insert(saver, at);
            acknowledgements += 1;
            let stale: Vec<_> = folder.names();
            let stale = stale.iter().filter(|name| name.ends_with(".tmp") && !name.starts_with(&own)).count();
            assert_eq!(stale, 0, "temporaries of dead processes are left after a save");
        }
        thread::sleep(Duration::from_micros(source.below(8_000) as u64));
        process.kill();
        for (saver, at) in process.lines.iter().filter_map(|line| acknowledged(&line)) {
            last.insert(saver, at);
            acknowledgements += 1;
        }
        interrupted += folder.temporaries();
        assert!(folder.temporaries() <= 1, "{:?}", folder.names());
        if !path.exists() {
            assert!(last.is_empty(), "the file is gone");
            continue;
        }
        let loaded = load(&path).unwrap_or_else(|error| panic!("kill {kill}: {error}"));
        assert_sound(&loaded);
        // A save that keeps some removes the surplus at its end. The one that was interrupted may have left one more.
        if keep > 1 {
            most_kept = if acknowledgements > before { keep } else { most_kept + 1 };
        }
        let kept = older(&folder);
        assert!(kept.len() <= most_kept, "{kept:?}, {most_kept} at most");
        kept.iter().for_each(|path| assert_sound(&load(path).expect("a kept one is whole")));
        let saved = sequences(&loaded);
        let is_new_enough = |(saver, at): (&String, &u64)| saved.get(saver) >= Some(at);
        assert!(last.iter().all(is_new_enough), "kill {kill}: {saved:?} is older than {last:?}");
        last = saved; // who loads it goes on from there
    }
    // If there are only a few kills, it may be that none of them hits a save.
    assert!(kills < 100 || interrupted > kills / 20, "{interrupted} of {kills} kills came while a file was written");
    assert!(acknowledgements > 0 && !last.is_empty());
    let store = load(&path).unwrap();
    store.save_with(&path, SaveOptions::new().keep(2)).expect("the lock is free at once");
    assert_eq!(older(&folder).len(), 1);
    assert_eq!(folder.names().len(), 3, "the file, the one before, and the lock file");
}

/// The snapshots that are kept beside the newest one.
fn older(folder: &Folder) -> Vec<PathBuf> {
    let names = folder.names();
    names.iter().filter(|name| name.ends_with(".old")).map(|name| folder.path().join(name)).collect()
}

#[test]
fn a_path_that_another_process_saves_to_is_locked_until_that_ends() {
    let folder = Folder::new();
    let mut process = start("process_that_autosaves", &folder.file(), 0);
    process.lines.iter().find(|line| line == "started").expect("it starts");
    let store = Arc::new(new_store());
    let start = || Autosave::start(Arc::clone(&store), folder.file(), AutosavePolicy::after(Duration::ZERO)).map(drop);
    assert!(matches!(start(), Err(SnapshotError::Locked)));
    assert!(matches!(store.save(folder.file()), Err(SnapshotError::Locked)));
    assert_eq!(folder.names(), ["store.hashlet.lock"]);
    process.kill();
    start().expect("the lock is free at once");
    store.save(folder.file()).expect("the lock is free at once");
}
