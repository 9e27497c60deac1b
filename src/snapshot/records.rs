//! A save whose records go to a closure instead of a file.

use crate::hash::image::{Input, ItemReader};
use crate::hash::{Context, Record, Terms};
use crate::saving::{BLOCK_BYTES, BLOCK_HEAD};
use crate::snapshot::SnapshotError;
use crate::snapshot::walk::SaveWalk;
use crate::store::Store;
use crate::time::Now;

impl Store {
    /// Passes all records to a closure, as they were at one instant, some at a time: those that 64 KiB of a snapshot
    /// complete, and how many there are in all. No lock is held meanwhile.
    ///
    /// # Errors
    /// `Busy` if the store is being saved already. Inside, those of the closure, after which it is not called again.
    #[track_caller]
    pub(crate) fn save_records<E>(
        &self,
        mut each: impl FnMut(Vec<Record>, u64) -> Result<(), E>,
    ) -> Result<Result<(), E>, SnapshotError> {
        let turn = self.save_turn()?;
        self.purge_all();
        self.purge_all(); // what has expired during the first
        let expected_keys = self.shards.iter().map(|shard| shard.read().len() as u64).sum();
        let mark = self.saving.begin(BLOCK_BYTES);
        let now = Now::on(&self.clock);
        let terms = Terms::of_look(&now);
        let cx = Context::new(&self.rules, &terms);
        let mut images = ItemReader::new(None);
        for blocks in &mut SaveWalk::begin(self, &turn, mark, BLOCK_BYTES) {
            for items in blocks {
                let mut items = Input::new(items.bytes.get(BLOCK_HEAD..).unwrap_or_default());
                let mut records = Vec::new();
                while !items.is_empty() {
                    let record = images.read(&mut items, cx).expect("what was just written can be read");
                    records.extend(record);
                }
                if let Err(error) = each(records, expected_keys) {
                    return Ok(Err(error));
                }
            }
        }
        Ok(Ok(()))
    }
}
