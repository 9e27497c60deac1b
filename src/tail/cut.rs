//! What the worker and the checkpoints of a journal do: they wait for work, cut the log, heal it and close it.

use std::io;
use std::mem::take;
use std::sync::Arc;
use std::time::Instant;

use super::{Condition, LogEnd, LogFile, LogTail, Position, State, Tail, TailStatus, Unlogged, Work};
use crate::process::Process;
use crate::sync::MutexGuard;
use crate::sync::atomic::Ordering::Relaxed;

impl Tail {
    /// Waits until there is something to do, or until this time.
    pub(crate) fn wait_for_work(&self, until: Instant) -> Work {
        let mut state = self.state.lock();
        loop {
            if matches!(state.condition, Condition::Closed) {
                return Work::Stop;
            }
            if take(&mut state.is_worker_wanted) {
                return Work::Sync;
            }
            let now = Instant::now();
            if now >= until {
                return Work::Time;
            }
            state = self.work.wait_for(state, until - now);
        }
    }

    pub(crate) fn status(&self) -> TailStatus {
        let Some(state) = self.lock() else { return TailStatus::OF_A_FORKED_CHILD };
        TailStatus {
            waiting_bytes: state.waiting_bytes(),
            end: state.end,
            failure: match &state.condition {
                Condition::Failed(error) => Some(Arc::clone(error)),
                Condition::Works | Condition::Closed => None,
            },
            is_closed: matches!(state.condition, Condition::Closed),
        }
    }

    /// Opens the tail of the next log. The store's epoch must change next, with its other log.
    pub(crate) fn begin_cut(&self, generation: u64) {
        let mut state = self.state.lock();
        let other = 1 - state.writing;
        if state.works() && !self.is_refusing() {
            state.tails[other] = LogTail::open(generation);
            state.is_cutting = true;
        }
    }

    /// Ends the old log, and goes on with the next one. Nobody appends to the old log any more. `begin_next` gets the end
    /// of the old log, all of which is synced, and returns the file of the next one.
    ///
    /// # Errors
    /// If the journal has failed, or fails now.
    pub(crate) fn cut(&self, begin_next: impl FnOnce(LogEnd) -> io::Result<Box<dyn LogFile>>) -> Result<(), Unlogged> {
        let (mut state, file) = self.take_file();
        let writing = state.writing;
        state.writing = 1 - writing; // in any case, because the epoch has changed
        state.is_cutting = false; // this is told once the file is back
        let Some(mut file) = file else { return Err(Unlogged) };
        let mut blocks = state.tails[writing].take();
        state.tails[writing].is_open = false;
        drop(state);
        let ended = file.write(&mut blocks).and_then(|()| file.sync()).map(|()| file.end()).and_then(begin_next);
        let state = self.state.lock();
        match ended {
            Ok(next) => {
                let start = Position { generation: next.end().generation, end: 0 };
                self.has_written(state, next, start, true);
                Ok(())
            }
            Err(error) => {
                self.end(state, Condition::Failed(Arc::new(error)));
                Err(Unlogged)
            }
        }
    }

    /// The process that has begun the journal.
    pub(crate) fn process(&self) -> Process {
        self.process
    }

    /// Has the worker look at once whether it should stop.
    pub(crate) fn wake_worker(&self) {
        self.want_worker(&mut self.state.lock());
    }

    /// Takes the file, as soon as nobody else has it. Returns `None` if the journal does not work.
    fn take_file(&self) -> (MutexGuard<'_, State>, Option<Box<dyn LogFile>>) {
        let mut state = self.state.lock();
        while state.works() {
            if let Some(file) = state.file.take() {
                return (state, Some(file));
            }
            state = self.changed.wait(state);
        }
        (state, None)
    }

    /// After a failure, opens the tail of the log that will continue the next snapshot. The store's epoch must change
    /// next, with its other log.
    pub(crate) fn begin_healing(&self, generation: u64) {
        let mut state = self.state.lock();
        if matches!(state.condition, Condition::Failed(_)) {
            self.close_tails(&mut state);
            state.writing = 1 - state.writing;
            let writing = state.writing;
            state.tails[writing] = LogTail::open(generation);
        }
    }

    /// The snapshot is durable, and this is the file of the log that continues it. Everything that calls have done is
    /// safe then, or waits in the tail.
    pub(crate) fn heal(&self, file: Box<dyn LogFile>) {
        let mut state = self.state.lock();
        if matches!(state.condition, Condition::Failed(_)) {
            let start = Position { generation: file.end().generation, end: 0 };
            state.condition = Condition::Works;
            self.gate.is_refusing.store(false, Relaxed);
            self.has_written(state, file, start, true);
        }
    }

    /// The healing has not succeeded.
    pub(crate) fn fail_to_heal(&self, error: Arc<io::Error>) {
        let state = self.state.lock();
        if matches!(state.condition, Condition::Failed(_)) {
            self.end(state, Condition::Failed(error));
        }
    }

    /// Writes and syncs everything, has the caller end the log, and closes the journal. Later changes are refused, or
    /// lost at the end of the process.
    ///
    /// # Errors
    /// If the journal fails now, with what has failed. If it has failed before, or is closed, without.
    pub(crate) fn close(
        &self,
        end_log: impl FnOnce(&mut dyn LogFile) -> io::Result<()>,
    ) -> Result<(), Option<io::Error>> {
        let mut state = self.state.lock();
        let mut file = loop {
            if !state.works() {
                self.end(state, Condition::Closed);
                return Err(None);
            }
            let is_cutting = state.is_cutting;
            match state.file.take_if(|_| !is_cutting) {
                Some(file) => break file,
                None => state = self.changed.wait(state),
            }
        };
        self.gate.is_refusing.store(true, Relaxed);
        let writing = state.writing;
        let up_to = state.tails[writing].position();
        let mut blocks = state.tails[writing].take();
        state.tails[writing].is_open = false;
        drop(state);
        let result = file.write(&mut blocks).and_then(|()| file.sync()).and_then(|()| end_log(&mut *file));
        let mut state = self.state.lock();
        if result.is_ok() {
            (state.written, state.synced, state.end) = (up_to, up_to, file.end());
        }
        self.end(state, Condition::Closed);
        result.map_err(Some)
    }
}
