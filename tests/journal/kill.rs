//! A process whose threads write to a journal is killed at random moments. Everything that it had acknowledged is there
//! then, and nothing is there by half. The process is this test binary, run again.

#![cfg(all(unix, feature = "journal"))]

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use hashlet::{Durability, Durable, JournalError, JournalOptions, Overwrite, Store, Thresholds};
use support::folder::Folder;
use support::process::Process;
use support::source::Source;

/// The variable that tells the other process where its journal is.
const PATH: &str = "HASHLET_JOURNAL_PATH";
/// The variable that tells it the level of durability.
const LEVEL: &str = "HASHLET_JOURNAL_LEVEL";
/// The variable that tells it the seed of its choices.
const SEED: &str = "HASHLET_JOURNAL_SEED";
const WRITERS: usize = 3;
const ACCOUNTS: usize = 40;
const BANK: usize = 300;
const HOUR: Duration = Duration::from_secs(3600);
/// Fields with deadlines that each writer has at most.
const RING: usize = 16;
/// Kinds of calls that each writer makes by turns.
const KINDS: usize = 6;

fn durability(level: &str) -> Durability {
    match level {
        "always" => Durability::Always,
        "os" => Durability::Os,
        "every" => Durability::Every(Duration::from_millis(20)),
        level => panic!("the level {level}"),
    }
}

/// Opens the journal. Its checkpoints are frequent.
fn open(path: &Path, level: &str) -> Result<Durable, JournalError> {
    let options = JournalOptions::new().durability(durability(level)).checkpoint_after(64 << 10, 0.5);
    Store::builder().thresholds(Thresholds::default().max_fields(16)).open(path, options)
}

/// How many of the first `calls` calls of a writer are of this kind.
fn count(kind: usize, calls: usize) -> usize {
    (calls + KINDS - 1 - kind) / KINDS
}

/// The number of the last call of this kind among the first `calls` calls, counted from 1.
fn last(kind: usize, calls: usize) -> Option<usize> {
    count(kind, calls).checked_sub(1).map(|nth| nth * KINDS + kind + 1)
}

/// Makes a call with this number, counted from 1. Each is one step.
fn call(store: &Store, writer: usize, number: usize, source: &mut Source<'_>) {
    let (kind, nth) = ((number - 1) % KINDS, (number - 1) / KINDS + 1);
    match kind {
        // Moves an amount.
        0 => {
            let (from, to) = (format!("account:{}", source.below(ACCOUNTS)), source.below(BANK).to_string());
            let amount = source.below(10_000) as i64 - 5_000;
            let keys = [&*from, "bank", &*format!("writer:{writer}")];
            let moved = store.update_many(keys, |[account, bank, own]| {
                account.increment("amount", -amount)?;
                bank.increment(&to, amount)?;
                own.set("moved", number.to_string())
            });
            moved.unwrap().unwrap();
        }
        // Counts, for itself and for all.
        1 => {
            let counted = store.update_many([&*format!("counter:{writer}"), "counter"], |counters| {
                counters.iter_mut().try_for_each(|counter| counter.increment("n", 1).map(drop))
            });
            counted.unwrap().unwrap();
        }
        2 if nth == 1 => drop(store.set(format!("name:{writer}:1"), "is", "set").unwrap()),
        2 => {
            let [from, to] = [nth - 1, nth].map(|nth| format!("name:{writer}:{nth}"));
            assert!(store.rename(from, to, Overwrite::Yes).unwrap().is_done());
        }
        3 => drop(store.expire(format!("phoenix:{writer}"), Duration::from_micros(500))),
        // A new hash under a key that has just expired does not get its deadline.
        4 => {
            let key = format!("phoenix:{writer}");
            while store.contains_key(&key) {
                thread::yield_now();
            }
            store.set(key, "at", number.to_string()).unwrap();
        }
        _ => {
            let field = (nth % RING).to_string();
            store.update(format!("ring:{writer}"), |ring| {
                ring.set(&field, nth.to_string()).unwrap();
                ring.expire_field(&field, HOUR);
                ring.set("brief", nth.to_string()).unwrap();
                ring.expire_field("brief", Duration::from_millis(3));
            });
        }
    }
}

fn number(store: &Store, key: &str, field: &str) -> Option<i64> {
    store.get(key, field).map(|value| str::from_utf8(&value).unwrap().parse().unwrap())
}

/// Whether the store is as after the first `calls` calls of a writer.
fn is_after(store: &Store, writer: usize, calls: usize) -> bool {
    let at = |kind| last(kind, calls).map(|number| number as i64);
    let nth = count(2, calls);
    let has_name = |nth: usize| nth > 0 && store.contains_key(format!("name:{writer}:{nth}"));
    let phoenix = format!("phoenix:{writer}");
    let is_phoenix_right = if at(4) > at(3) {
        number(store, &phoenix, "at") == at(4) && store.deadline(&phoenix).is_none()
    } else {
        store.deadline(&phoenix).is_some() || !store.contains_key(&phoenix) // in this order, because it may expire now
    };
    let (ring, turn) = (format!("ring:{writer}"), count(5, calls));
    let field = (turn % RING).to_string();
    let is_ring_right = turn == 0
        || number(store, &ring, &field) == Some(turn as i64)
            && store.field_deadline(&ring, &field) > Some(SystemTime::now());
    number(store, &format!("writer:{writer}"), "moved") == at(0)
        && number(store, &format!("counter:{writer}"), "n").unwrap_or(0) == count(1, calls) as i64
        && has_name(nth) == (nth > 0)
        && !has_name(nth + 1)
        && !has_name(nth.wrapping_sub(1))
        && is_phoenix_right
        && is_ring_right
}

/// After how many calls of a writer the store is. The first call of kind 3 changes nothing, so it counts as made.
fn calls_of(store: &Store, writer: usize) -> usize {
    let counted = number(store, &format!("counter:{writer}"), "n").unwrap_or(0) as usize;
    let possible = (counted * KINDS).saturating_sub(KINDS)..=counted * KINDS + KINDS;
    let found = possible.rev().find(|&calls| is_after(store, writer, calls));
    found.unwrap_or_else(|| {
        let mut held = BTreeMap::new();
        store.for_each(|key, hash| {
            let of_writer = [format!(":{writer}"), format!(":{writer}:")];
            let key = str::from_utf8(key).unwrap();
            if key.ends_with(&of_writer[0]) || key.contains(&of_writer[1]) {
                held.insert(key.to_owned(), format!("{hash:?}, {:?}", hash.deadline()));
            }
        });
        panic!("writer {writer} has counted to {counted}, but something else is lost: {held:#?}")
    })
}

/// What holds at every moment.
fn assert_sound(store: &Store) {
    support::check::store(store);
    let (mut sum, mut counted) = (0, 0);
    store.for_each(|key, hash| {
        let numbers = hash.iter().map(|(_, value)| str::from_utf8(value).unwrap().parse::<i64>());
        if key == b"bank" || key.starts_with(b"account:") {
            sum += numbers.map(Result::unwrap).sum::<i64>();
        } else if key.starts_with(b"counter:") {
            counted += numbers.map(Result::unwrap).sum::<i64>();
        }
    });
    assert_eq!(sum, 0, "a move was made by half");
    assert_eq!(counted, number(store, "counter", "n").unwrap_or(0), "a count was made by half");
}

/// Writes for ever, and acknowledges what is promised: each call, or everything before a sync.
fn write(journal: &Durable, writer: usize, level: &str, source: &mut Source<'_>) -> ! {
    let mut calls = calls_of(journal, writer);
    loop {
        let promised = if level == "every" { 1 + source.below(40) } else { 1 };
        for _ in 0..promised {
            calls += 1;
            call(journal, writer, calls, source);
        }
        if level == "every" {
            journal.sync().unwrap();
        }
        // This is a single write, so that no other thread writes in between.
        stdout().write_all(format!("\ndone {writer} {calls}\n").as_bytes()).unwrap();
        stdout().flush().unwrap();
    }
}

#[test]
#[ignore = "it is what the other process does, until it is killed"]
fn process_that_writes() {
    let Some(path) = std::env::var_os(PATH).map(PathBuf::from) else { return };
    let level = &*std::env::var(LEVEL).unwrap();
    let seed: usize = std::env::var(SEED).unwrap().parse().unwrap();
    let journal = &open(&path, level).unwrap();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || write(journal, writer, level, &mut Source::Seed((seed * WRITERS + writer) as u64)));
        }
        let mut source = Source::Seed(seed as u64);
        // In memory a checkpoint is over soon.
        let pause = if level == "always" { 20_000 } else { 1_000 };
        loop {
            thread::sleep(Duration::from_micros(source.below(pause) as u64));
            match journal.checkpoint() {
                Ok(_) | Err(JournalError::Busy) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
}

/// Starts the process that runs the test above.
fn start(path: &Path, level: &str, seed: usize) -> Process {
    let seed = seed.to_string();
    Process::start("process_that_writes", [(PATH, path.as_os_str()), (LEVEL, level.as_ref()), (SEED, seed.as_ref())])
}

fn acknowledged(line: &str) -> Option<(usize, usize)> {
    let (writer, calls) = line.strip_prefix("done ")?.split_once(' ')?;
    Some((writer.parse().unwrap(), calls.parse().unwrap()))
}

/// What the kills of one level have met.
#[derive(Debug, Default)]
struct Met {
    kills: usize,
    acknowledged: usize,
    unfinished_bases: usize,
    torn: usize,
    /// Kills after which more than one log counted.
    chains: usize,
}

fn kill_again_and_again(level: &str, kills: usize) -> Met {
    // A kill loses nothing that the system has, so only one level needs a disk.
    let folder = if level == "always" { Folder::new() } else { Folder::in_memory() };
    let path = folder.path().join("journal");
    let most = if level == "os" { 300 } else { 60 };
    let mut source = Source::Seed(1);
    let mut done = BTreeMap::new();
    let mut met = Met { kills, ..Met::default() };
    for kill in 0..kills {
        let mut process = start(&path, level, kill);
        // Some processes are killed before they have done anything, but not the first one.
        let awaited = source.one_of(&[0, 1, 5, 20, most]).max(usize::from(kill == 0));
        for _ in 0..awaited {
            let (writer, calls) = loop {
                let line = process.lines.recv_timeout(Duration::from_secs(120)).expect("it writes");
                if let Some(acknowledged) = acknowledged(&line) {
                    break acknowledged;
                }
            };
            done.insert(writer, calls);
            met.acknowledged += 1;
        }
        if awaited > 0 {
            let refused = open(&path, level).map(drop);
            assert!(matches!(refused, Err(JournalError::Locked { .. })), "{refused:?}");
        }
        thread::sleep(Duration::from_micros(source.below(8_000) as u64));
        process.kill();
        for (writer, calls) in process.lines.iter().filter_map(|line| acknowledged(&line)) {
            done.insert(writer, calls);
            met.acknowledged += 1;
        }
        if !path.exists() {
            assert!(done.is_empty(), "the folder is gone");
            continue;
        }
        let names: Vec<_> = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        met.unfinished_bases += usize::from(names.iter().any(|name| name.to_str().unwrap().ends_with(".tmp")));
        let journal = open(&path, level).unwrap_or_else(|error| panic!("kill {kill}: {error}: {names:?}"));
        met.torn += usize::from(journal.recovery().bytes_cut > 0);
        met.chains += usize::from(journal.recovery().logs.len() > 1);
        assert_sound(&journal);
        for writer in 0..WRITERS {
            let (found, promised) = (calls_of(&journal, writer), done.get(&writer).copied().unwrap_or(0));
            let told = || format!("kill {kill} at {level}: writer {writer}: {promised} were promised, {found} found");
            assert!(found >= promised, "{}: {:?}", told(), journal.recovery());
            // A writer makes no call before the last one is acknowledged. The fourth call may have changed nothing.
            assert!(
                level == "every" || found <= promised + 1 || found == 4 || !done.contains_key(&writer),
                "{}",
                told()
            );
            done.insert(writer, found); // whoever opens it goes on from there
        }
        if source.one_in(4) {
            journal.close().unwrap();
        }
    }
    met
}

fn kills() -> usize {
    (100.0 * support::scale()).ceil() as usize
}

#[allow(clippy::print_stdout, reason = "the figures of a run")]
fn assert_met(level: &str, met: &Met) {
    println!("{level}: {met:?}");
    assert!(met.acknowledged > 0);
    // How many kills hit a checkpoint is only told, because it depends on the disk.
    assert!(met.kills < 100 || level != "always" || met.chains > 0, "{level}: {met:?}");
}

#[test]
fn a_kill_loses_no_call_that_has_returned_if_calls_wait_for_the_disk() {
    assert_met("always", &kill_again_and_again("always", kills()));
}

#[test]
fn a_kill_loses_no_call_that_has_returned_if_calls_wait_for_the_system() {
    assert_met("os", &kill_again_and_again("os", kills()));
}

#[test]
fn a_kill_loses_nothing_that_was_done_before_a_sync_that_has_returned() {
    assert_met("every", &kill_again_and_again("every", kills()));
}

#[test]
fn a_journal_is_locked_until_its_process_ends() {
    let folder = Folder::new();
    let mut process = start(folder.path(), "os", 0);
    process.lines.iter().find(|line| acknowledged(line).is_some()).expect("it writes");
    for _ in 0..3 {
        let refused = open(folder.path(), "os");
        let folder_of = |error| match error {
            JournalError::Locked { folder } => folder,
            error => panic!("{error}"),
        };
        assert_eq!(refused.map(drop).map_err(folder_of), Err(folder.path().to_path_buf()));
    }
    process.kill();
    let journal = open(folder.path(), "os").expect("the lock is free at once");
    assert_sound(&journal);
    assert!(matches!(open(folder.path(), "os"), Err(JournalError::Locked { .. })), "of the same process, too");
    drop(journal);
    drop(open(folder.path(), "os").expect("the lock is free at once"));
}
