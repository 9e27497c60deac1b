//! The journal: acknowledged writes survive. `kill.rs` and `system/` are binaries of their own. Random calls on a journal
//! beside the naive model are in `model/`, because some of their scenarios have one.

mod damage;
mod evicting;
mod golden;
mod open;
mod refusals;
mod waits;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use hashlet::{Durability, Durable, JournalOptions, Store};

use crate::support::specimen;

const HOUR: Duration = Duration::from_secs(3600);
const LEVELS: [Durability; 3] = [Durability::Always, Durability::Os, Durability::Every(HOUR)];

/// A journal that syncs and makes checkpoints only when it is told to.
fn quiet() -> JournalOptions {
    JournalOptions::new().durability(Durability::Every(HOUR)).checkpoint_after(u64::MAX, 1.0)
}

#[track_caller]
fn open(folder: impl AsRef<Path>) -> Durable {
    Store::builder().open(folder, quiet()).expect("the journal is opened")
}

/// Everything that a store holds.
fn contents(store: &Store) -> BTreeMap<Vec<u8>, specimen::Contents> {
    store.keys().into_iter().map(|key| (key.clone(), specimen::contents(store, &key))).collect()
}

/// The files of a folder, with their contents, but for the lock file.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let (name, path) = entry.map(|entry| (entry.file_name().into_string().unwrap(), entry.path())).unwrap();
        if name != "lock" && path.is_file() {
            files.insert(name, fs::read(path).unwrap());
        }
    }
    files
}
