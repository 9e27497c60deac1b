//! Opening a log of many sets, which begin with an empty store, in a process of its own as after a restart.
//!
//! The file was just written, so no disk is measured.

use std::path::Path;

use hashlet::Durability;

use super::{PERIOD, REPLAY, folder, open};
use crate::child::{self, Figures};
use crate::data::{Data, scaled};
use crate::operations::{Operation, Requests};
use crate::support::random::Random;
use crate::support::workload::SEED;

/// Sets of random fields of a quarter of the profiles. Two thirds of these fields are set, some of them several times.
const SETS: usize = 2_000_000;
const PROFILES: f64 = 0.25;
const LIST: usize = 1_000;

pub(super) fn measure(scale: f64) -> Figures {
    let folder = folder();
    let store = open(folder.path(), Durability::Every(PERIOD));
    let sets = each(scale, |list| {
        list.work(&**store.store());
    });
    let fields = store.stats().fields;
    store.close().expect("a disk that takes everything");
    let told = child::start(&[REPLAY], Some(folder.path())).expect("a process that opens a journal");
    let told: Figures = serde_json::from_str(&told).expect("figures");
    assert_eq!([told["entries"], told["fields"]], [sets as f64, fields as f64], "everything is done again");
    Figures::from([("replay Mop/s".into(), sets as f64 / told["s"] / 1e6)])
}

/// Calls this with all sets, list by list, and returns how many there are.
pub(super) fn each(scale: f64, set: impl Fn(&Requests)) -> usize {
    let data = Data::new("profiles", PROFILES * scale);
    let mut random = Random::new(SEED);
    let pick = |random: &mut Random| random.below(data.len());
    let lists = scaled(SETS, scale).div_ceil(LIST);
    for _ in 0..lists {
        set(&Requests::draw(&data, Operation::SetSame, LIST, &mut random, pick));
    }
    lists * LIST
}

/// Opens a journal, and says what was in its log and how long that took.
pub(crate) fn replay(path: &Path) -> Figures {
    let start = std::time::Instant::now();
    let store = open(path, Durability::Every(PERIOD));
    let seconds = start.elapsed().as_secs_f64();
    let (entries, fields) = (store.recovery().entries as f64, store.stats().fields as f64);
    Figures::from([("s".into(), seconds), ("entries".into(), entries), ("fields".into(), fields)])
}
