//! Journals in forked children, on a full disk, and in a process that is aborted. These tests run one at a time, in a
//! process of their own, because most of this concerns a process as a whole.

#![cfg(all(unix, feature = "journal"))]

mod forks;
#[cfg(target_os = "linux")]
mod full;
#[path = "../../snapshot/system/process.rs"]
#[allow(dead_code, reason = "the tests of snapshots take more of it")]
mod process;
#[path = "../../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashlet::{Durable, JournalOptions, Store};
use support::specimen;

const HOUR: Duration = Duration::from_secs(3600);

/// The lock that every test holds, so that no other test forks meanwhile.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[track_caller]
fn open(folder: impl AsRef<Path>) -> Durable {
    let options = JournalOptions::new().checkpoint_after(u64::MAX, 1.0);
    Store::builder().open(folder, options).expect("the journal is opened")
}

/// Everything that a store holds.
fn contents(store: &Store) -> BTreeMap<Vec<u8>, specimen::Contents> {
    store.keys().into_iter().map(|key| (key.clone(), specimen::contents(store, &key))).collect()
}
