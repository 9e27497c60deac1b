//! The tail of a journal: what calls and the writer of the journal share. It lets calls append to a log without waiting
//! for a disk under a lock.
//!
//! # Order
//! A call gathers its effects in an [`Entry`]. It appends the entry here before it releases its locks
//! (`store/journaled.rs`). So the order of the entries agrees with the order of the calls on each shard, and with real
//! time. The mutex of the tail is the last lock that a call takes, for one copy of some bytes.
//!
//! # Groups
//! Some calls must wait until their entry is written or synced. They wait after their last lock. The first of them takes
//! the file, writes everything that waits, and syncs it if that is wanted. Whoever comes meanwhile belongs to the next
//! group. Whether somebody writes is told by the file: it is out of the state while somebody has it.
//!
//! # The cut
//! A checkpoint is a snapshot and a new log that continues it. The snapshot's instant is the change of the store's epoch.
//! A call appends to the log of *its* epoch, so there are two tails while a cut is made:
//! 1. [`begin_cut`](Tail::begin_cut) opens the other tail. Then the epoch changes.
//! 2. The checkpoint takes each shard's lock once. No call of the old epoch is left then.
//! 3. [`cut`](Tail::cut) writes and syncs the old tail. Only now is anything written to the new log.
//!
//! # Failures
//! A file whose write or sync has failed is never used again. The tail drops what it holds, and takes nothing more.
//! Memory is then ahead of the disk. A *healing* mends that: a snapshot of the memory, and a new log that continues it.
//! The new tail is open from the snapshot's instant on, but nobody is told that anything is durable before the snapshot
//! is.
//!
//! # Forked children
//! A forked child has a copy of the tail, but not the thread of the journal, and perhaps the lock as that thread held it.
//! So a child takes the lock only if it is free ([`lock`](Tail::lock)), and wakes nobody: a condition variable hands the
//! lock to whom it wakes.

mod blocks;
mod cut;
mod entry;
mod tasks;

use std::collections::BTreeMap;
use std::hint::spin_loop;
use std::io::{self, Write};
use std::mem::take;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use self::blocks::Blocks;
pub(crate) use self::blocks::LOG_BLOCK_HEAD;
pub(crate) use self::entry::{Entry, kind};
use crate::hash::Effect;
use crate::process::Process;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use crate::sync::{CachePadded, Condvar, Mutex, MutexGuard, lock_unless_forked, thread};

/// A log that is being written.
pub(crate) trait LogFile: Send {
    /// Writes blocks of entries, each with room for its head.
    fn write(&mut self, blocks: &mut [Vec<u8>]) -> io::Result<()>;
    /// Returns when everything that was written outlasts a loss of power.
    fn sync(&mut self) -> io::Result<()>;
    /// Where the log ends.
    fn end(&self) -> LogEnd;
}

/// Where a log ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogEnd {
    pub(crate) generation: u64,
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
}

/// A place in the order of all entries: the number of bytes of entries in a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    generation: u64,
    end: u64,
}

impl Position {
    /// The place of an entry that was dropped, because the journal had failed.
    const LOST: Self = Self { generation: u64::MAX, end: 0 };
}

/// What has to have happened to the entry of a call before the call returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    Appended,
    Written,
    Synced,
}

/// What becomes of a process whose journal has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    /// Calls that can be refused are.
    Refuses,
    /// The process ends.
    Aborts,
}

/// The entry of a call may be missing on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unlogged;

/// What the thread of a journal has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// The journal is closed.
    Stop,
    /// Somebody waits for a sync, or much waits to be written.
    Sync,
    /// The time has come that the worker waited for.
    Time,
}

/// The state of a tail, for whoever looks at it.
pub(crate) struct TailStatus {
    pub(crate) waiting_bytes: usize,
    /// Where the log ends that is written to.
    pub(crate) end: LogEnd,
    pub(crate) failure: Option<Arc<io::Error>>,
    pub(crate) is_closed: bool,
}

impl TailStatus {
    const OF_A_FORKED_CHILD: Self =
        Self { waiting_bytes: 0, end: LogEnd { generation: 0, blocks: 0, bytes: 0 }, failure: None, is_closed: true };
}

/// See the module's documentation.
pub(crate) struct Tail {
    state: Mutex<State>,
    /// Signalled when something was written, when the tail has failed, and when the file is back.
    changed: Condvar,
    /// Signalled when the worker has something to do.
    work: Condvar,
    /// What calls ask before their first lock. It changes rarely, and has cache lines of its own, so that writers do not
    /// wait for those of the state.
    gate: CachePadded<Gate>,
    /// The threads and tasks that wait for the disk now, with the one that writes.
    present: CachePadded<AtomicUsize>,
    /// Writers wait while more bytes than this wait to be written.
    max_waiting: usize,
    promise: Reached,
    failing: Failing,
    process: Process,
}

#[derive(Default)]
struct Gate {
    /// Whether calls that can be refused must be: the journal has failed, or is closed.
    is_refusing: AtomicBool,
    /// Whether too much waits to be written.
    is_crowded: AtomicBool,
}

struct State {
    /// The tails of two logs. The bit of an epoch chooses one.
    tails: [LogTail; 2],
    /// The log that is written to. Except during a cut, it is that of the store's epoch.
    writing: usize,
    /// The file of that log. `None` while somebody has it, and after a failure.
    file: Option<Box<dyn LogFile>>,
    crowd: Crowd,
    /// Where it ended after the last write.
    end: LogEnd,
    written: Position,
    synced: Position,
    condition: Condition,
    /// The tasks that wait for a sync, under numbers of their own.
    wakers: BTreeMap<u64, (Position, Waker)>,
    next_waker: u64,
    is_worker_wanted: bool,
    /// Whether the tails of two logs are open.
    is_cutting: bool,
}

/// What an append needs comes first, on one cache line, because two threads that append take it from each other.
#[derive(Default)]
#[repr(C, align(64))]
struct LogTail {
    /// Whether it takes entries. Otherwise they are dropped.
    is_open: bool,
    generation: u64,
    /// Bytes of entries appended so far.
    end: u64,
    /// Bytes in the blocks.
    bytes: usize,
    /// Bytes in the blocks that somebody is writing.
    bytes_written_now: usize,
    blocks: Blocks,
}

enum Condition {
    Works,
    Failed(Arc<io::Error>),
    Closed,
}

impl LogTail {
    fn open(generation: u64) -> Self {
        Self { generation, is_open: true, ..Self::default() }
    }

    fn position(&self) -> Position {
        Position { generation: self.generation, end: self.end }
    }

    /// Takes everything that waits, to write it.
    fn take(&mut self) -> Vec<Vec<u8>> {
        self.bytes_written_now = take(&mut self.bytes);
        self.blocks.take()
    }

    fn waiting_bytes(&self) -> usize {
        self.bytes + self.bytes_written_now
    }
}

impl State {
    /// The place behind everything that was appended.
    fn appended(&self) -> Position {
        let other = &self.tails[1 - self.writing];
        if other.is_open { other.position() } else { self.tails[self.writing].position() }
    }

    fn waiting_bytes(&self) -> usize {
        self.tails.iter().map(LogTail::waiting_bytes).sum()
    }

    fn works(&self) -> bool {
        matches!(self.condition, Condition::Works)
    }

    fn reached(&self, reached: Reached) -> Position {
        if reached == Reached::Synced { self.synced } else { self.written }
    }
}

/// What is known of the threads and tasks that wait for syncs.
#[derive(Default)]
struct Crowd {
    /// The threads and tasks that waited when the last sync ended: those that it served, and those that came meanwhile.
    last: usize,
    /// How long the last sync took.
    sync_takes: Duration,
}

/// A sync waits for others for so much of the time that it takes: this divides it.
const GATHERING: u32 = 2;
const LONGEST_GATHERING: Duration = Duration::from_millis(2);
/// How often a thread looks whether a write has ended, before it sleeps.
const SPINS: usize = 50;
/// Steps between two looks.
const SPIN: usize = 50;

/// What calls do.
impl Tail {
    /// The tail of a new log. Calls on a store whose epoch has bit 0 append to it.
    pub(crate) fn new(file: Box<dyn LogFile>, promise: Reached, max_waiting: usize, failing: Failing) -> Self {
        let end = file.end();
        let start = Position { generation: end.generation, end: 0 };
        let state = State {
            tails: [LogTail::open(end.generation), LogTail::default()],
            writing: 0,
            file: Some(file),
            crowd: Crowd::default(),
            end,
            written: start,
            synced: start,
            condition: Condition::Works,
            wakers: BTreeMap::new(),
            next_waker: 0,
            is_worker_wanted: false,
            is_cutting: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            work: Condvar::new(),
            gate: CachePadded(Gate::default()),
            present: CachePadded(AtomicUsize::new(0)),
            max_waiting,
            promise,
            failing,
            process: Process::current(),
        }
    }

    /// Takes the lock. Returns `None` in a forked child that cannot have it.
    #[inline]
    fn lock(&self) -> Option<MutexGuard<'_, State>> {
        lock_unless_forked(&self.state, self.process)
    }

    /// Whether calls that can be refused must be.
    #[inline]
    pub(crate) fn is_refusing(&self) -> bool {
        self.gate.is_refusing.load(Relaxed)
    }

    /// Waits while too much waits to be written. The caller holds no lock.
    #[inline]
    pub(crate) fn wait_for_room(&self) {
        if self.gate.is_crowded.load(Relaxed) {
            self.wait_until_written();
        }
    }

    #[cold]
    fn wait_until_written(&self) {
        if !self.process.is_current() {
            return; // the thread that writes is missing in a forked child
        }
        let mut state = self.state.lock();
        while state.works() && state.waiting_bytes() > self.max_waiting {
            self.want_worker(&mut state);
            state = self.changed.wait(state);
        }
    }

    /// Appends the entry of a call to the log of its epoch. The caller holds the locks under which the call has changed
    /// something.
    pub(crate) fn append(&self, log: usize, entry: &Entry) -> Position {
        self.append_bytes(log, entry.bytes().len(), |block| block.extend_from_slice(entry.bytes()))
    }

    /// Appends an entry of one effect.
    pub(crate) fn append_effect(&self, log: usize, key: &[u8], effect: &Effect<'_>) -> Position {
        self.append_bytes(log, entry::len_of_one(key, effect), |block| {
            entry::push_at_key(block, key, effect);
        })
    }

    #[inline]
    fn append_bytes(&self, log: usize, len: usize, write: impl FnOnce(&mut Vec<u8>)) -> Position {
        let Some(mut state) = self.lock() else { return Position::LOST };
        let tail = &mut state.tails[log];
        if tail.is_open {
            let bytes = tail.blocks.push(len, write);
            tail.end += len as u64;
            tail.bytes += bytes;
            let position = tail.position();
            let waiting = tail.waiting_bytes();
            if waiting > self.max_waiting {
                self.gate.is_crowded.store(true, Relaxed);
            }
            if waiting > self.max_waiting / 2 && !state.is_worker_wanted {
                if !self.process.is_current() {
                    // What a forked child does cannot wait for ever in its memory.
                    self.close_tails(&mut state);
                    return Position::LOST;
                }
                self.want_worker(&mut state);
            }
            position
        } else {
            Position::LOST
        }
    }

    /// Waits until an entry is as safe as the journal promises.
    #[inline]
    pub(crate) fn keep_promise(&self, position: Position) -> Result<(), Unlogged> {
        match self.promise {
            Reached::Appended if position != Position::LOST => Ok(()),
            promise => self.wait(position, promise),
        }
    }

    /// The place behind everything that was appended.
    pub(crate) fn appended(&self) -> Position {
        self.lock().map_or(Position::LOST, |state| state.appended())
    }

    /// Waits until everything up to a position is written or synced, and does that if nobody else does.
    pub(crate) fn wait(&self, position: Position, reached: Reached) -> Result<(), Unlogged> {
        if position == Position::LOST {
            return Err(Unlogged);
        }
        let mut spins = if reached == Reached::Written { SPINS } else { 0 };
        let Some(mut state) = self.lock() else { return Err(Unlogged) };
        self.present.fetch_add(1, Relaxed);
        let result = loop {
            if state.reached(reached) >= position {
                break Ok(());
            }
            if !state.works() {
                break Err(Unlogged);
            }
            // During a cut, only the old log may be written, even if the position is in the new one.
            let is_something_left = state.tails[state.writing].position() > state.reached(reached);
            let locked = match state.file.take_if(|_| is_something_left) {
                Some(file) => {
                    self.write_group(state, file, reached == Reached::Synced);
                    self.lock()
                }
                // A write takes less time than to fall asleep and to wake up.
                None if spins > 0 => {
                    drop(state);
                    spins -= 1;
                    (0..SPIN).for_each(|_| spin_loop());
                    self.lock()
                }
                None if self.process.is_current() => Some(self.changed.wait(state)),
                None => None, // the thread that has the file is missing in a forked child
            };
            state = match locked {
                Some(state) => state,
                None => break Err(Unlogged),
            };
        };
        self.present.fetch_sub(1, Relaxed);
        result
    }

    /// Writes everything that waits for the log that is written to.
    fn write_group<'a>(&'a self, mut state: MutexGuard<'a, State>, mut file: Box<dyn LogFile>, sync: bool) {
        if sync {
            state = self.gather(state);
        }
        let writing = state.writing;
        let up_to = state.tails[writing].position();
        let mut blocks = state.tails[writing].take();
        drop(state);
        let begin = sync.then(Instant::now);
        let result = file.write(&mut blocks).and_then(|()| if sync { file.sync() } else { Ok(()) });
        if result.is_err() && !self.process.is_current() {
            return; // a forked child, which may not write to the file
        }
        let mut state = self.state.lock();
        match result {
            Ok(()) => {
                if let Some(begin) = begin {
                    state.crowd.sync_takes = begin.elapsed();
                    state.crowd.last = self.present.load(Relaxed);
                }
                state.tails[writing].blocks.give_back(blocks);
                self.has_written(state, file, up_to, sync);
            }
            Err(error) => self.end(state, Condition::Failed(Arc::new(error))),
        }
    }

    /// Before a sync, waits for a moment for those that the last sync has woken. Otherwise they would always miss the next
    /// one, and each sync would serve half of all. Waits for no longer than a part of a sync.
    fn gather<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let expected = if cfg!(all(test, hashlet_shuttle)) { 0 } else { state.crowd.last }; // schedules know no time
        let until =
            (expected > 1).then(|| Instant::now() + (state.crowd.sync_takes / GATHERING).min(LONGEST_GATHERING));
        drop(state); // they need it
        while self.present.load(Relaxed) < expected && until.is_some_and(|until| Instant::now() < until) {
            thread::yield_now();
        }
        self.state.lock()
    }

    /// Gives the file back, after everything up to a position was written to it, and perhaps synced.
    fn has_written(&self, mut state: MutexGuard<'_, State>, file: Box<dyn LogFile>, up_to: Position, is_synced: bool) {
        state.end = file.end();
        state.file = Some(file);
        state.tails.iter_mut().for_each(|tail| tail.bytes_written_now = 0);
        if state.waiting_bytes() <= self.max_waiting {
            self.gate.is_crowded.store(false, Relaxed);
        }
        state.written = state.written.max(up_to);
        let mut woken = Vec::new();
        if is_synced {
            let synced = state.synced.max(up_to);
            state.synced = synced;
            let numbers =
                state.wakers.iter().filter(|(_, (position, _))| *position <= synced).map(|(number, _)| *number);
            let numbers: Vec<u64> = numbers.collect();
            woken.extend(numbers.iter().filter_map(|number| state.wakers.remove(number)));
            self.present.fetch_sub(woken.len(), Relaxed);
        }
        self.release(state, woken);
    }

    /// Drops everything that waits, and takes nothing more.
    fn end(&self, mut state: MutexGuard<'_, State>, condition: Condition) {
        if let (Condition::Failed(error), Failing::Aborts) = (&condition, self.failing) {
            // Before any call returns that was promised something.
            let told = writeln!(io::stderr(), "hashlet: the journal has failed, so this process is aborted: {error}");
            drop(told);
            std::process::abort();
        }
        state.condition = condition;
        state.file = None;
        self.gate.is_refusing.store(true, Relaxed);
        self.close_tails(&mut state);
        let woken: Vec<_> = take(&mut state.wakers).into_values().collect();
        self.present.fetch_sub(woken.len(), Relaxed);
        self.want_worker(&mut state);
        self.release(state, woken);
    }

    /// Wakes threads and tasks. A waker is foreign code, so it runs after the lock.
    fn release(&self, state: MutexGuard<'_, State>, woken: Vec<(Position, Waker)>) {
        self.changed.notify_all();
        drop(state);
        for (_, waker) in woken {
            // What a task does when it is woken must not end the thread of the journal.
            let _panicked = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }

    fn close_tails(&self, state: &mut State) {
        for tail in &mut state.tails {
            *tail = LogTail { generation: tail.generation, end: tail.end, ..LogTail::default() };
        }
        self.gate.is_crowded.store(false, Relaxed);
    }

    fn want_worker(&self, state: &mut State) {
        if !state.is_worker_wanted {
            state.is_worker_wanted = true;
            self.work.notify_one();
        }
    }
}
