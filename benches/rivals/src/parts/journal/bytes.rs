//! How much a set adds to the files.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use hashlet::Durability;

use super::{PERIOD, filled, folder, syncs};
use crate::child::Figures;
use crate::data::{Data, scaled};
use crate::operations::{Operation, Requests};
use crate::support::random::Random;
use crate::support::workload::SEED;

const SETS: usize = 200_000;
/// Sets that travel together where a call is a round trip.
const LIST: usize = 1_000;

pub(super) fn measure(scale: f64) -> Figures {
    let data = syncs::data(scale);
    let folder = folder();
    let store = filled(&data, folder.path(), Durability::Every(PERIOD));
    let set = |list: &Requests| list.check(list.work(&**store.store()));
    Figures::from([of_a_set(&data, scale, folder.path(), set, || store.sync().expect("a disk that takes it"))])
}

/// How many bytes the files in a folder grow by for each set. `sync` returns when they have everything.
pub(super) fn of_a_set(
    data: &Data,
    scale: f64,
    folder: &Path,
    set: impl Fn(&Requests),
    sync: impl Fn(),
) -> (String, f64) {
    let mut random = Random::new(SEED);
    let pick = |random: &mut Random| random.below(data.len());
    let lists = scaled(SETS, scale).div_ceil(LIST);
    sync();
    let before = bytes(folder);
    for _ in 0..lists {
        set(&Requests::draw(data, Operation::SetSame, LIST, &mut random, pick));
    }
    sync();
    ("log bytes".into(), (bytes(folder) - before) as f64 / (lists * LIST) as f64)
}

/// The bytes of all files in a folder. What a file has set aside and not written yet is left out.
fn bytes(path: &Path) -> u64 {
    /// The unit in which the system counts what a file takes.
    const UNIT: u64 = 512;
    let metadata = fs::metadata(path).expect("what is there");
    if !metadata.is_dir() {
        return metadata.len().min(metadata.blocks() * UNIT);
    }
    let files = fs::read_dir(path).expect("a folder that can be read");
    files.map(|file| bytes(&file.expect("a file").path())).sum()
}
