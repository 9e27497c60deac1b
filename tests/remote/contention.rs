//! Two processes with four threads each update a few counters of one hash, and move amounts between two keys. No update
//! is lost, and none is done twice. The other processes are this test binary, run again.

use std::ffi::OsStr;
use std::thread;
use std::time::{Duration, Instant};

use hashlet::{Across, Hashes, Remote, RemoteError, RemoteOptions};

use super::servers::{Server, each, say};
use crate::support::process::Process;
use crate::support::scale;
use crate::support::source::Source;

/// Updates on each server at full scale.
const UPDATES: f64 = 200_000.0;
const PROCESSES: usize = 2;
const THREADS: usize = 4;
const COUNTERS: usize = 4;
const URL: &str = "HASHLET_REMOTE_URL";
const NUMBER: &str = "HASHLET_REMOTE_NUMBER";

#[test]
fn no_update_of_two_processes_is_lost() {
    each("contention", 6, |server| {
        let start = Instant::now();
        let each_thread = (UPDATES * scale()) as usize / (PROCESSES * THREADS);
        let runs: u64 = run(server, each_thread).iter().sum();
        let updates = (each_thread * PROCESSES * THREADS) as u64;
        let remote = server.open();
        let sum = |key: &str| -> i64 {
            let values = remote.values(key).unwrap();
            values.iter().map(|value| std::str::from_utf8(value).unwrap().parse::<i64>().unwrap()).sum()
        };
        assert_eq!(sum("counters"), updates as i64, "{}: an update was lost, or done twice", server.name);
        let balances = [sum("account:1"), sum("account:2")];
        assert_eq!(balances.iter().sum::<i64>(), 0, "{}: half of a transfer: {balances:?}", server.name);
        assert!(runs >= updates);
        say(&format!(
            "{updates} updates of {PROCESSES} processes with {THREADS} threads on {}: none lost, {} closures ran again, \
             {:.1?}",
            server.name,
            runs - updates,
            start.elapsed()
        ));
    });
}

/// Runs the processes, and returns how many closures each has run for the counters.
fn run(server: &Server, each_thread: usize) -> Vec<u64> {
    let (url, number) = (server.url(), each_thread.to_string());
    let start =
        |_| Process::start("contention::other_process", [(URL, OsStr::new(&url)), (NUMBER, OsStr::new(&number))]);
    let processes: Vec<Process> = (0..PROCESSES).map(start).collect();
    let runs = |process: Process| loop {
        let line = process.lines.recv_timeout(Duration::from_secs(600)).expect("the process prints its runs");
        if let Some(runs) = line.strip_prefix("runs ") {
            return runs.parse().unwrap();
        }
    };
    processes.into_iter().map(runs).collect()
}

#[test]
#[ignore = "another process runs it"]
#[allow(clippy::print_stdout, reason = "the parent reads it")]
fn other_process() {
    // A busy machine can stand still for longer than the usual ten seconds.
    let patient = RemoteOptions::new().timeout(Duration::from_secs(120)).connect_timeout(Duration::from_secs(120));
    let remote = Remote::open_with(&std::env::var(URL).unwrap(), patient).unwrap();
    let updates: usize = std::env::var(NUMBER).unwrap().parse().unwrap();
    let runs: u64 = thread::scope(|scope| {
        let work = |thread| {
            let remote = &remote;
            scope.spawn(move || work(remote, updates, u64::from(std::process::id()) << 8 | thread))
        };
        let threads: Vec<_> = (0..THREADS as u64).map(work).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    println!("\nruns {runs}");
}

fn work(remote: &Remote, updates: usize, seed: u64) -> u64 {
    let mut source = Source::Seed(seed);
    let mut runs = 0;
    for at in 0..updates {
        let counter = source.below(COUNTERS).to_string();
        let updated = remote.update("counters", |counters| {
            runs += 1;
            counters.increment(&counter, 1)
        });
        updated.unwrap().unwrap();
        if at % 16 == 0 {
            let amount = source.below(100) as i64;
            let moved: Result<(), RemoteError> = remote.try_update_many(["account:1", "account:2"], |[from, to]| {
                from.increment("balance", -amount)?;
                to.increment("balance", amount)?;
                Ok(())
            });
            moved.unwrap();
        }
    }
    runs
}
