//! Saves on a system that forks, changes users and folders, removes lock files and puts pipes in the way. These tests
//! run one at a time, in a process of their own, because most of this concerns a process as a whole.

#![cfg(all(unix, feature = "snapshot"))]

mod forks;
mod paths;
mod process;
#[path = "../../support/mod.rs"]
mod support;
mod users;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashlet::Store;

/// The lock that every test holds, so that no other test forks or changes the current folder meanwhile.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A store with enough keys for a save of many blocks. One key holds the store's name.
fn store(name: &str) -> Arc<Store> {
    let store = Store::new();
    for n in 0..5_000 {
        store.set(format!("user:{n}"), "visits", vec![b'1'; 100]).unwrap();
    }
    store.set("store", "name", name).unwrap();
    Arc::new(store)
}

/// Loads the file, checks that it is whole, and returns the name of the store that was saved.
fn name(path: impl AsRef<Path>) -> String {
    let store = Store::load(path).unwrap();
    assert_eq!(store.key_count(), 5_001);
    String::from_utf8(store.get("store", "name").unwrap()).unwrap()
}
