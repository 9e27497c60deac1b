//! The feed of changes, of which a watcher is told.
//!
//! # Order
//! A call gathers its changes, and numbers and queues them before it releases its locks ([`Feed::queue`]). So the order
//! of the changes agrees with the order of the calls on each shard. The mutex of the queue is a last lock, as that of the
//! tail of the journal is: it is held for a moment, and no other lock is taken under it but by whoever sends.
//!
//! After its last lock, the call sends everything that is queued ([`Feed::send`]), also what other calls have queued, so
//! that changes are sent in the order of their numbers. Whoever comes meanwhile waits for the sender's end. So the queue
//! never holds more than what the running calls have done, whether the channel has room or not.
//!
//! # Forked children
//! Nobody receives in a forked child. There, a call neither waits for room nor for a lock that was held at the fork.

use std::mem::swap;
use std::sync::mpsc::{SyncSender, TrySendError};

use crate::hash::{Effect, Record};
use crate::options::Rules;
use crate::process::Process;
use crate::store::WhenFull;
use crate::store::watch::{Change, ChangeKind, Group, Watch};
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use crate::sync::{Mutex, lock_unless_forked};
use crate::time::{Deadline, Now};
use crate::value::HashValue;

/// The most changes for which a feed keeps memory when it has sent them.
const SPARE_MAX: usize = 1_024;

/// See the module's documentation.
pub(super) struct Feed {
    watch: Watch,
    when_full: WhenFull,
    queue: Mutex<Queue>,
    outlet: Mutex<Outlet>,
    lost: AtomicUsize,
    /// Whether the other end of the channel is gone.
    is_closed: AtomicBool,
    process: Process,
}

/// What is numbered and not sent yet.
#[derive(Default)]
struct Queue {
    /// The number of the last change.
    last: u64,
    changes: Vec<Change>,
}

struct Outlet {
    sender: SyncSender<Change>,
    /// What is being sent. Empty while nobody sends.
    batch: Vec<Change>,
}

impl Feed {
    pub(super) fn new(watch: Watch, sender: SyncSender<Change>, when_full: WhenFull) -> Self {
        Self {
            watch,
            when_full,
            queue: Mutex::new(Queue::default()),
            outlet: Mutex::new(Outlet { sender, batch: Vec::new() }),
            lost: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
            process: Process::current(),
        }
    }

    /// The number of changes that were lost because the channel was full.
    pub(super) fn lost(&self) -> usize {
        self.lost.load(Relaxed)
    }

    /// Adds what an effect on the record of a key, at this instant, tells the watcher.
    pub(super) fn gather(
        &self,
        changes: &mut Vec<Change>,
        key: &[u8],
        effect: &Effect<'_>,
        now: &Now<'_>,
        rules: &Rules,
    ) {
        if self.is_closed.load(Relaxed) {
            return;
        }
        let mut told = Telling { watch: &self.watch, changes };
        match *effect {
            Effect::MoveTo { key: to, hash, replaced } => match self.watch.has_key(key) {
                true => told.push(key, Group::Keys, || ChangeKind::KeyRenamed { to: to.to_vec() }),
                false => told.write(to, hash, replaced, rules),
            },
            Effect::CopyTo { key: to, hash, replaced } => match self.watch.has_key(key) {
                true => told.push(to, Group::Keys, || ChangeKind::KeyCopied { from: key.to_vec() }),
                false => told.write(to, hash, replaced, rules),
            },
            _ => told.change(key, effect, now, rules),
        }
    }

    /// Adds that all keys are removed.
    pub(super) fn gather_clear_all(&self, changes: &mut Vec<Change>) {
        if self.watch.has(Group::Keys) && !self.is_closed.load(Relaxed) {
            changes.push(Change { sequence: 0, key: Vec::new(), kind: ChangeKind::AllRemoved });
        }
    }

    /// Numbers changes and queues them. The caller holds the locks under which it has made them.
    pub(super) fn queue(&self, changes: &mut Vec<Change>) {
        let Some(mut queue) = lock_unless_forked(&self.queue, self.process) else {
            changes.clear();
            return;
        };
        for change in changes.iter_mut() {
            queue.last += 1;
            change.sequence = queue.last;
        }
        queue.changes.append(changes);
    }

    /// Sends everything that is queued. The caller holds no lock.
    pub(super) fn send(&self) {
        let Some(mut outlet) = lock_unless_forked(&self.outlet, self.process) else { return };
        let Outlet { sender, batch } = &mut *outlet;
        let Some(mut queue) = lock_unless_forked(&self.queue, self.process) else { return };
        swap(&mut queue.changes, batch);
        drop(queue);
        for change in batch.drain(..) {
            match sender.try_send(change) {
                Ok(()) => {}
                Err(TrySendError::Full(change)) => self.send_to_full(sender, change),
                Err(TrySendError::Disconnected(_)) => self.is_closed.store(true, Relaxed),
            }
        }
        if batch.capacity() > SPARE_MAX {
            *batch = Vec::new();
        }
    }

    #[cold]
    fn send_to_full(&self, sender: &SyncSender<Change>, change: Change) {
        if self.when_full == WhenFull::Wait && self.process.is_current() {
            // If the other end is gone, nobody watches any more, so a failed send is no error.
            if sender.send(change).is_err() {
                self.is_closed.store(true, Relaxed);
            }
        } else {
            self.lost.fetch_add(1, Relaxed);
        }
    }
}

/// The changes that one call tells.
struct Telling<'a> {
    watch: &'a Watch,
    changes: &'a mut Vec<Change>,
}

impl Telling<'_> {
    fn push(&mut self, key: &[u8], group: Group, kind: impl FnOnce() -> ChangeKind) {
        if self.watch.has(group) && self.watch.has_key(key) {
            self.changes.push(Change { sequence: 0, key: key.to_vec(), kind: kind() });
        }
    }

    /// Tells an effect that concerns one key. Only a purge removes what is due at the call's instant.
    fn change(&mut self, key: &[u8], effect: &Effect<'_>, now: &Now<'_>, rules: &Rules) {
        if !self.watch.has_key(key) {
            return;
        }
        let watch = self.watch;
        match *effect {
            Effect::Put { field, value, before } => self.push(key, Group::Fields, || ChangeKind::FieldSet {
                field: field.to_vec(),
                value: watch.value(value),
                before: before.and_then(|before| watch.old(|| before.to_vec())),
                is_new: before.is_none(),
            }),
            Effect::Remove { field, value, deadline } => {
                let (field, before) = (|| field.to_vec(), || watch.old(|| value.to_vec()));
                if deadline.is_due(now) {
                    self.push(key, Group::Expired, || ChangeKind::FieldExpired { field: field(), before: before() });
                } else {
                    self.push(key, Group::Fields, || ChangeKind::FieldRemoved { field: field(), before: before() });
                }
            }
            Effect::FieldDeadline { field, deadline, .. } => self.field_deadline(key, field, deadline),
            Effect::KeyDeadline { deadline, .. } => self.key_deadline(key, deadline),
            Effect::Clear { before, is_evicted } => {
                let hash = || watch.old(|| HashValue::copy_of(before, rules));
                if is_evicted {
                    self.push(key, Group::Evicted, || ChangeKind::KeyEvicted { before: hash() });
                } else if before.deadline().is_due(now) {
                    self.push(key, Group::Expired, || ChangeKind::KeyExpired { before: hash() });
                } else {
                    self.push(key, Group::Keys, || ChangeKind::KeyRemoved { before: hash() });
                }
            }
            Effect::MoveTo { .. } | Effect::CopyTo { .. } => {} // concern two keys
        }
    }

    fn field_deadline(&mut self, key: &[u8], field: &[u8], deadline: Deadline) {
        let deadline = deadline.time();
        self.push(key, Group::Deadlines, || ChangeKind::FieldDeadline { field: field.to_vec(), deadline });
    }

    fn key_deadline(&mut self, key: &[u8], deadline: Deadline) {
        let deadline = deadline.time();
        self.push(key, Group::Deadlines, || ChangeKind::KeyDeadline { deadline });
    }

    /// Tells of a hash that comes from a key that is not watched, in place of another one, as if it were written.
    fn write(&mut self, key: &[u8], hash: &Record, replaced: &Record, rules: &Rules) {
        let watch = self.watch;
        if !watch.has_key(key) {
            return;
        }
        if replaced.len() > 0 {
            let before = || watch.old(|| HashValue::copy_of(replaced, rules));
            self.push(key, Group::Keys, || ChangeKind::KeyRemoved { before: before() });
        }
        for (field, value) in hash.pairs(rules) {
            self.push(key, Group::Fields, || ChangeKind::FieldSet {
                field: field.to_vec(),
                value: watch.value(value),
                before: None,
                is_new: true,
            });
        }
        for (field, deadline) in hash.timed_fields(rules) {
            self.field_deadline(key, field, deadline);
        }
        if hash.deadline() != Deadline::NEVER {
            self.key_deadline(key, hash.deadline());
        }
    }
}
