//! What happens while a log is cut.

use std::sync::Arc;
use std::thread;

use super::*;
use crate::journal::log::log_path;
use crate::tail::LogFile;

/// A closure may hold a lock for long, and the cut waits for it. What was done before is synced in time all the same.
#[test]
fn a_cut_that_waits_for_a_lock_holds_up_no_sync_of_the_old_log() {
    let (disk, clock) = (SimulatedDisk::new(), ManualClock::new());
    let journal = Arc::new(open(&disk, &clock, EVERY).unwrap().0);
    let path = log_path(Path::new(FOLDER), 1);
    let before = disk.bytes(&path).unwrap().len();
    journal.store.set("key", "field", "value").unwrap();
    journal.tail.begin_cut(9);
    let own = Arc::clone(&journal);
    let syncing = thread::spawn(move || own.sync());
    while disk.bytes(&path).unwrap().len() == before {
        thread::yield_now(); // for ever if it is held up
    }
    // The cut ends, and with it the sync.
    let (next, _) = journal.take_next_log().unwrap();
    let end = journal.tail.cut(|end| {
        assert_eq!(end.bytes, disk.bytes(&path).unwrap().len() as u64);
        Ok(Box::new(Ended(crate::tail::LogEnd { generation: next, ..end })))
    });
    assert!(end.is_ok());
    syncing.join().unwrap().unwrap();
}

/// A log in which nothing is written.
struct Ended(crate::tail::LogEnd);

impl LogFile for Ended {
    fn write(&mut self, _: &mut [Vec<u8>]) -> std::io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn end(&self) -> crate::tail::LogEnd {
        self.0
    }
}
