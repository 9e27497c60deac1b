//! The promises of the journal when operations or the power fail.

mod cuts;
mod damage;
mod failures;
mod power;
mod reopen;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::{Durability, Journal, JournalError, JournalOptions, Recovery};
use crate::options::Thresholds;
use crate::snapshot::tests::disk::SimulatedDisk;
use crate::store::{Store, StoreBuilder};
use crate::time::ManualClock;

const FOLDER: &str = "data";

type Fields = BTreeMap<Vec<u8>, (Vec<u8>, Option<SystemTime>)>;
/// Everything that a store holds.
type Contents = BTreeMap<Vec<u8>, (Option<SystemTime>, Fields)>;

fn contents(store: &Store) -> Contents {
    let mut contents = Contents::new();
    store.for_each(|key, hash| {
        let field = |(field, value): (&[u8], &[u8])| (field.to_vec(), (value.to_vec(), hash.field_deadline(field)));
        contents.insert(key.to_vec(), (hash.deadline(), hash.iter().map(field).collect()));
    });
    contents
}

/// A store of few shards whose hashes become tables early.
fn builder(clock: &ManualClock) -> StoreBuilder {
    Store::builder().shards(2).thresholds(Thresholds::default().max_fields(4)).clock(clock)
}

fn open(
    disk: &SimulatedDisk,
    clock: &ManualClock,
    durability: Durability,
) -> Result<(Journal<SimulatedDisk>, Recovery), JournalError> {
    let options = JournalOptions::new().durability(durability);
    Journal::open(disk.clone(), Path::new(FOLDER), &builder(clock), options)
}

const EVERY: Durability = Durability::Every(Duration::from_secs(3_600));
