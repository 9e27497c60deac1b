//! What the journal costs and what it gives: each of its bars, beside what it is compared with.
//!
//! | subject | what is measured of it |
//! |---|---|
//! | `hashlet` | a store at each level, beside one without a journal and a file that is written by hand |
//! | `kevy` | with its log synced every second, in one shard and in many; the better one counts |
//! | `redis` | with its log synced every second, and for each reply |
//! | `fjall`, `redb` | each set is synced |
//!
//! All work on the same profiles and draw the same requests. No log is written anew meanwhile, unless that is what is
//! measured. The files lie in a temporary folder, which has to be on a disk: `TMPDIR` names another one.

mod bytes;
mod calls;
mod instructions;
mod levels;
mod replay;
mod rivals;
mod syncs;
mod tasks;
mod waits;

use std::path::Path;
use std::time::Duration;

use hashlet::{Durability, Durable, JournalOptions, Store};

pub(crate) use self::replay::replay;
use super::Part;
use crate::child::Figures;
use crate::data::Data;
use crate::folder::Folder;
use crate::support::rival::Rival;

pub(crate) const PART: Part = Part {
    name: "journal",
    about: "what the journal costs and gives, beside its bars",
    groups: &["profiles"],
    subjects: |_| {
        let redis = super::servers().into_iter().filter(|name| *name == "redis");
        ["hashlet", "kevy", "fjall", "redb"].into_iter().chain(redis).collect()
    },
    repeats: usize::MAX,
    minutes: 5.0,
    run: |task, scale| match task.subject.as_str() {
        "hashlet" => hashlet(scale),
        "kevy" => rivals::kevy(scale),
        "fjall" => rivals::fjall(scale),
        "redb" => rivals::redb(scale),
        "redis" => rivals::redis(scale),
        name => panic!("nobody called {name} keeps a log"),
    },
};

/// The first argument of a process that only opens a journal.
pub(crate) const REPLAY: &str = "replay";

/// The period of the level `Every`.
const PERIOD: Duration = Duration::from_millis(100);
/// The part of the profiles that is set where each set waits for the disk, and where only bytes are counted.
const FEW: f64 = 0.01;

fn hashlet(scale: f64) -> Figures {
    let stores = Stores::filled(scale);
    let mut figures = levels::measure(&stores, scale);
    figures.extend(waits::measure(&stores, scale));
    drop(stores);
    for measure in [syncs::measure, bytes::measure, replay::measure, instructions::measure] {
        figures.extend(measure(scale));
    }
    figures
}

/// All profiles in a store without a journal, and in stores with one.
struct Stores {
    data: Data,
    none: Store,
    every: Durable,
    os: Durable,
    folder: Folder,
}

impl Stores {
    fn filled(scale: f64) -> Self {
        let (data, folder) = (Data::new("profiles", scale), folder());
        let none = <Store as Rival>::new();
        data.fill(&none, 0..data.len());
        let every = filled(&data, &folder.path().join("every"), Durability::Every(PERIOD));
        let os = filled(&data, &folder.path().join("os"), Durability::Os);
        Self { data, none, every, os, folder }
    }
}

/// A store whose journal makes no checkpoint by itself.
fn open(folder: &Path, durability: Durability) -> Durable {
    let options = JournalOptions::new().durability(durability).checkpoint_after(u64::MAX, 1.0);
    Store::builder().open(folder, options).expect("a folder that takes a journal")
}

/// The same, with all pieces in it. Its log is synced.
fn filled(data: &Data, folder: &Path, durability: Durability) -> Durable {
    let store = open(folder, Durability::Every(PERIOD));
    data.fill(&**store.store(), 0..data.len());
    store.close().expect("a disk that takes everything");
    open(folder, durability)
}

/// A folder on a disk.
fn folder() -> Folder {
    let folder = Folder::new();
    #[cfg(target_os = "linux")]
    {
        const TMPFS: i64 = 0x0102_1994;
        let kind = rustix::fs::statfs(folder.path()).expect("a folder that is there").f_type;
        assert_ne!(kind as i64, TMPFS, "{} is in memory: let TMPDIR name a folder on a disk", folder.path().display());
    }
    folder
}

/// A time at a scale, at least enough to measure in.
fn spell(time: Duration, scale: f64) -> Duration {
    time.mul_f64(scale.max(0.1))
}
