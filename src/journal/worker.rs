//! The thread of a journal: it writes and syncs at set times, and starts checkpoints.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Durability, Journal};
use crate::snapshot::SystemDisk;
use crate::tail::{Reached, Work};

/// How often the thread looks at least whether a checkpoint is due.
const POLL: Duration = Duration::from_millis(100);
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);
/// The pause after a failed checkpoint until the next try. It doubles with each failure.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

pub(super) struct Worker {
    journal: Arc<Journal<SystemDisk>>,
    /// Whether the thread should close the journal and end.
    is_stopped: Arc<AtomicBool>,
    /// The thread that makes a checkpoint. It is another one, because the log has to be synced meanwhile.
    checkpoint: Option<JoinHandle<bool>>,
    retry_at: Instant,
    pause: Duration,
}

impl Worker {
    pub(super) fn new(journal: Arc<Journal<SystemDisk>>, is_stopped: Arc<AtomicBool>) -> Self {
        Self { journal, is_stopped, checkpoint: None, retry_at: Instant::now(), pause: Duration::ZERO }
    }

    pub(super) fn run(mut self) {
        let period = match self.journal.options.durability {
            Durability::Every(period) => Some(period.max(SHORTEST_PERIOD)),
            Durability::Always | Durability::Os => None,
        };
        // `None` if that is never, or too far away for the clock.
        let next_sync = || period.and_then(|period| Instant::now().checked_add(period));
        let mut sync_at = next_sync();
        self.look_after_checkpoints(); // one may be due because of all the openings before
        loop {
            let look_at = Instant::now() + POLL;
            let work = self.journal.tail.wait_for_work(sync_at.map_or(look_at, |at| at.min(look_at)));
            if self.is_stopped.load(SeqCst) || work == Work::Stop {
                break;
            }
            if work == Work::Sync || sync_at.is_some_and(|at| at <= Instant::now()) {
                // What has failed is told by whoever waits for it, and by the state of the journal.
                let _failed = self.journal.tail.wait(self.journal.tail.appended(), Reached::Synced);
                sync_at = next_sync();
            }
            self.look_after_checkpoints();
        }
        if let Some(checkpoint) = self.checkpoint.take() {
            let _panicked = checkpoint.join();
        }
        let _told_to_nobody = self.journal.close(false);
    }

    /// Starts a checkpoint if one is due, and sees how it ended.
    fn look_after_checkpoints(&mut self) {
        if let Some(checkpoint) = self.checkpoint.take_if(|checkpoint| checkpoint.is_finished()) {
            let is_made = checkpoint.join().unwrap_or(false);
            self.pause = if is_made { Duration::ZERO } else { (2 * self.pause).clamp(SHORTEST_PAUSE, LONGEST_PAUSE) };
            self.retry_at = Instant::now() + self.pause;
        }
        let is_wanted = self.journal.tail.status().failure.is_some() || self.journal.is_checkpoint_due();
        if is_wanted && self.checkpoint.is_none() && Instant::now() >= self.retry_at {
            let journal = Arc::clone(&self.journal);
            let make = move || {
                let is_made = journal.checkpoint().is_ok();
                journal.create_next_log();
                is_made
            };
            let thread = thread::Builder::new().name("hashlet-checkpoint".into()).spawn(make);
            self.checkpoint = thread.ok(); // without a thread, it is tried again
        }
    }
}
