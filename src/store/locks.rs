//! The lock protocol of the store: what a call does before, under and after its locks.
//!
//! # Locks
//! There are four kinds of locks. Each shard has an `RwLock`, and a key's hash chooses the shard. The queue to the
//! saver has a mutex (see `saving/queue.rs`), which a call takes while a save runs. The tail of the journal has one too
//! (see `tail.rs`), and so has the queue to the watcher (see `feed.rs`). A call takes each of these three after its
//! shards' locks, only for a moment, and never two of them at once.
//!
//! * **Order.** A call on several keys locks the shards of these keys in ascending order, each shard once. A call on
//!   all shards holds one shard's lock at a time, except for `clear_all` on a store with a journal or a watcher.
//! * **Before the first lock**, arguments are turned into bytes and iterators are drained, so that none of this user
//!   code runs under a lock. A thread that is inside a closure which a store runs is refused: the call panics.
//! * **Under a read lock** run lookups, copies of what is returned, and the closures of `read` and `for_each`.
//!   `for_each` and a page of keys lock one shard after the other.
//! * **Under a write lock** run quiet changes, commands and visits (see `shard.rs`), and the closures of `update`,
//!   `try_update` and their variants. `retain` locks one shard after the other. In each shard it runs the closure for
//!   all keys first, and then the visits that remove. `clear_all`, `reserve` and `shrink_to_fit` lock one shard after
//!   the other too. So do purging and saving, which also release the lock between two slices of work.
//! * **After the last lock**, the [`Call`] is dropped, and with it long old values and old tables. Listener and watcher
//!   are told then. A call on all shards does this after each shard. What exceeds 8 MiB in one call or shard is dropped
//!   under the lock. Packed records and the chunks of arenas are short, and are freed at once. A store that has become
//!   too large evicts keys then, under the lock of one shard at a time (see `evict.rs`).
//! * **A call from inside a closure** panics before its first lock. The panic points at the user's call: what lies
//!   between a public method and the check has `#[track_caller]`. A closure in between loses the place.
//! * **A panic** in a closure unwinds through the visit and then through the lock. The visit settles its record, after
//!   the attempt of a `try_update` has rolled back. The lock is released, and parking_lot poisons nothing.

mod several;

use std::ops::Deref;

use crate::error::{Refusal, Result};
use crate::hash::{Context, Effect, Growth, Record, Scope, Terms};
use crate::hashing::TAG_BITS;
use crate::saving::Epoch;
use crate::shard::{Create, Shard, Visit};
use crate::store::Store;
use crate::store::call::Call;
use crate::store::journaled::Logged;
use crate::sync::{CachePadded, RwLock, RwLockReadGuard, RwLockWriteGuard, assert_outside_closures, hand_over};
use crate::time::Now;
#[cfg(any(feature = "journal", feature = "recorder"))]
pub(super) use several::Visits;

/// The beginning of a call, and the shard of a key.
impl Store {
    /// Begins a call that may change what the store holds.
    ///
    /// # Panics
    /// If this thread is inside a closure that a store runs. Every call begins here or with [`now`](Self::now), so
    /// every call is refused there.
    #[inline]
    #[track_caller]
    pub(super) fn call(&self) -> Call<'_> {
        self.call_at(self.now())
    }

    /// Begins such a call at an instant that the caller already has.
    #[inline]
    pub(super) fn call_at<'a>(&'a self, now: Now<'a>) -> Call<'a> {
        Call::new(self, now)
    }

    /// Begins a call that only reads, and returns its instant.
    ///
    /// # Panics
    /// If this thread is inside a closure that a store runs.
    #[inline]
    #[track_caller]
    pub(super) fn now(&self) -> Now<'_> {
        assert_outside_closures();
        Now::on(&self.clock)
    }

    /// The shard of the key with this hash.
    #[inline]
    pub(crate) fn shard_of(&self, hash: u64) -> &RwLock<Shard> {
        &self.shards[self.shard_index(hash)]
    }

    #[inline]
    pub(crate) fn shard_index(&self, hash: u64) -> usize {
        // Two shifts, because a single one by all 64 bits would overflow.
        ((hash << TAG_BITS >> 1) >> self.shard_shift) as usize
    }
}

/// Calls on one key. Each of them works under the lock of the key's shard.
impl Store {
    /// Runs a closure on the record of a key, if there is one, under the read lock of its shard. Nothing has expired in
    /// the part of the record that the scope names.
    #[inline]
    #[track_caller]
    pub(crate) fn look<R>(
        &self,
        key: &[u8],
        scope: Scope<'_>,
        look: impl FnOnce(Option<&Record>, Context<'_>) -> R,
    ) -> R {
        let now = self.now();
        let terms = Terms::of_look(&now);
        let cx = Context::new(&self.rules, &terms);
        let hash = self.rules.hash(key);
        let mut shard = self.shard_of(hash).read();
        let record = if shard.needs_care() {
            if shard.has_deadlines() {
                shard = self.purge_before_look(shard, hash, key, scope, cx.now());
            }
            if self.notes_lookups { self.find_noting(&shard, hash, key) } else { shard.find(hash, key) }
        } else {
            shard.find(hash, key)
        };
        look(record, cx)
    }

    /// Runs a command on the record of a key under the write lock of its shard. Returns `None` without running it if
    /// there is no record, or if everything in it has expired.
    #[inline]
    #[track_caller]
    pub(super) fn change<R>(
        &self,
        key: &[u8],
        scope: Scope<'_>,
        command: impl FnOnce(&mut Record, Context<'_>) -> R,
    ) -> Option<R> {
        self.wait_for_journal();
        let (result, logged) = self.change_in_call(self.lock(key), key, Create::No, scope, command);
        logged.ignore();
        result
    }

    /// [`change`](Self::change) on an empty record if there is none, for a command that can be refused. A key that is
    /// too long is refused before anybody hashes or copies it.
    #[inline]
    #[track_caller]
    pub(super) fn change_or_create<R>(
        &self,
        key: &[u8],
        scope: Scope<'_>,
        command: impl FnOnce(&mut Record, Context<'_>) -> Result<R>,
    ) -> Result<R> {
        self.check_key(key)?;
        let (result, logged) = self.change_in_call(self.lock(key), key, Create::Yes, scope, command);
        logged.or_unlogged(result.expect("a missing key was created")?)
    }

    /// [`change`](Self::change) for a command on one field that also has a quiet form. `tell` passes on the effect of
    /// that form, if it has one, without what was before.
    #[inline(always)]
    #[track_caller]
    pub(super) fn change_field<R>(
        &self,
        key: &[u8],
        field: &[u8],
        quiet: impl FnOnce(&mut Record, Context<'_>) -> Option<(R, Growth)>,
        tell: impl FnOnce(&R, &mut dyn FnMut(&Effect<'_>)),
        command: impl FnOnce(&mut Record, Context<'_>) -> R,
    ) -> Option<R> {
        self.wait_for_journal();
        let mut locked = self.lock(key);
        match self.change_quietly(&mut locked, key, quiet) {
            Some((result, epoch)) => {
                self.end_quiet_change(locked, key, epoch, |effect| tell(&result, effect)).ignore();
                Some(result)
            }
            None => {
                let (result, logged) = self.change_in_call(locked, key, Create::No, Scope::Field(field), command);
                logged.ignore();
                result
            }
        }
    }

    /// [`change_or_create`](Self::change_or_create) for a command on one field that also has a quiet form.
    #[inline(always)]
    #[track_caller]
    pub(super) fn change_or_create_field<R>(
        &self,
        key: &[u8],
        field: &[u8],
        quiet: impl FnOnce(&mut Record, Context<'_>) -> Option<(R, Growth)>,
        tell: impl FnOnce(&R, &mut dyn FnMut(&Effect<'_>)),
        command: impl FnOnce(&mut Record, Context<'_>) -> Result<R>,
    ) -> Result<R> {
        self.check_key(key)?;
        let mut locked = self.lock(key);
        match self.change_quietly(&mut locked, key, quiet) {
            Some((result, epoch)) => {
                self.end_quiet_change(locked, key, epoch, |effect| tell(&result, effect)).or_unlogged(result)
            }
            None => {
                let (result, logged) = self.change_in_call(locked, key, Create::Yes, Scope::Field(field), command);
                logged.or_unlogged(result.expect("a missing key was created")?)
            }
        }
    }

    /// [`change_or_create_field`](Self::change_or_create_field), but returns `None` without running the command if
    /// there is no record, or if everything in it has expired. So it purges the whole hash first.
    #[inline]
    #[track_caller]
    pub(super) fn change_existing_field<R>(
        &self,
        key: &[u8],
        quiet: impl FnOnce(&mut Record, Context<'_>) -> Option<(R, Growth)>,
        tell: impl FnOnce(&R, &mut dyn FnMut(&Effect<'_>)),
        command: impl FnOnce(&mut Record, Context<'_>) -> Result<R>,
    ) -> Result<Option<R>> {
        let mut locked = self.lock(key);
        match self.change_quietly(&mut locked, key, quiet) {
            Some((result, epoch)) => {
                self.end_quiet_change(locked, key, epoch, |effect| tell(&result, effect)).or_unlogged(Some(result))
            }
            None => {
                let (result, logged) = self.change_in_call(locked, key, Create::No, Scope::Hash, command);
                logged.or_unlogged(result.transpose()?)
            }
        }
    }

    #[inline]
    #[track_caller]
    fn check_key(&self, key: &[u8]) -> Result<()> {
        let checked = self.rules.check_key(key);
        if checked.is_err() {
            assert_outside_closures();
        }
        checked
    }

    /// Locks the shard of a key for a call that may change its record.
    ///
    /// # Panics
    /// If this thread is inside a closure that a store runs.
    #[inline]
    #[track_caller]
    fn lock(&self, key: &[u8]) -> Locked<'_> {
        assert_outside_closures();
        let hash = self.rules.hash(key);
        Locked { hash, shard: self.shard_of(hash).write() }
    }

    /// Changes the record of a key quietly, if store, record and change allow it. Otherwise changes nothing and returns
    /// `None`.
    #[inline(always)]
    fn change_quietly<R>(
        &self,
        locked: &mut Locked<'_>,
        key: &[u8],
        change: impl FnOnce(&mut Record, Context<'_>) -> Option<(R, Growth)>,
    ) -> Option<(R, Epoch)> {
        if !self.allows_quiet_changes() {
            return None;
        }
        let epoch = self.saving.epoch();
        let mark = epoch.mark();
        let cx = Context::new(&self.rules, Terms::of_quiet_change(mark));
        let result = locked.shard.change_quietly(locked.hash, key, mark, &self.rules, |record| change(record, cx))?;
        Some((result, epoch))
    }

    /// Runs a command in a call of its own.
    #[inline]
    fn change_in_call<R>(
        &self,
        locked: Locked<'_>,
        key: &[u8],
        create: Create,
        scope: Scope<'_>,
        command: impl FnOnce(&mut Record, Context<'_>) -> R,
    ) -> (Option<R>, Logged) {
        let (mut command, mut result) = (Some(command), None);
        let logged = self.run_in_call(locked, key, create, scope, &mut |record, cx| {
            result = command.take().map(|command| command(record, cx));
        });
        (result, logged)
    }

    /// Compiled once for all commands.
    #[inline(never)]
    fn run_in_call(
        &self,
        locked: Locked<'_>,
        key: &[u8],
        create: Create,
        scope: Scope<'_>,
        command: &mut dyn FnMut(&mut Record, Context<'_>),
    ) -> Logged {
        let call = self.call_at(Now::on(&self.clock)); // whoever took the lock has made the check
        let Locked { hash, mut shard } = self.purged_to_change(locked, key, scope, &call);
        let terms = call.terms();
        shard.change(hash, key, create, scope, Context::new(&self.rules, &terms), command);
        terms.end();
        drop(shard);
        call.keep_promise()
    }

    /// [`change`](Self::change) for a command that can be refused for want of room. If the store is full, it runs
    /// twice. A journal that has failed does not refuse it, and the caller chooses whether to tell of that.
    #[inline]
    #[track_caller]
    pub(super) fn try_change<R>(
        &self,
        key: &[u8],
        scope: Scope<'_>,
        command: impl Fn(&mut Record, Context<'_>) -> Result<R>,
    ) -> Result<(Option<R>, Logged)> {
        self.retry_with_room(|| {
            self.wait_for_journal();
            let (result, logged) = self.change_in_call(self.lock(key), key, Create::No, scope, &command);
            Ok((result.transpose()?, logged))
        })
    }

    /// Visits the record of a key, or an empty one, under its shard's write lock.
    #[inline]
    #[track_caller]
    pub(super) fn visit<R>(&self, key: &[u8], scope: Scope<'_>, work: impl FnOnce(&mut Visit<'_>) -> R) -> (R, Logged) {
        self.visit_in_shard(key, scope, |shard, hash, cx| work(&mut shard.visit_or_new(hash, key, scope, cx)))
    }

    /// Visits the record of a key. Returns `None` without running the work if there is none, or if everything in it has
    /// expired. The scope has to be the whole hash, because no smaller one tells that.
    #[inline]
    #[track_caller]
    pub(super) fn visit_existing<R>(&self, key: &[u8], work: impl FnOnce(&mut Visit<'_>) -> R) -> (Option<R>, Logged) {
        self.visit_in_shard(key, Scope::Hash, |shard, hash, cx| {
            let mut visit = shard.visit(hash, key, Scope::Hash, cx)?;
            (visit.lend().0.len() > 0).then(|| work(&mut visit))
        })
    }

    /// Runs a visit under the write lock of a key's shard.
    #[inline(always)]
    #[track_caller]
    fn visit_in_shard<R>(
        &self,
        key: &[u8],
        scope: Scope<'_>,
        visit: impl FnOnce(&mut Shard, u64, Context<'_>) -> R,
    ) -> (R, Logged) {
        self.wait_for_journal();
        let locked = self.lock(key);
        let call = self.call_at(Now::on(&self.clock)); // the lock was taken after the check
        call.ask_journal();
        let Locked { hash, mut shard } = self.purged_to_change(locked, key, scope, &call);
        let terms = call.terms();
        let result = visit(&mut shard, hash, Context::new(&self.rules, &terms));
        terms.end();
        drop(shard);
        (result, call.keep_promise())
    }

    /// Purges the part of a hash that a call is about to change, if that is too much for one lock.
    #[inline]
    fn purged_to_change<'a>(&'a self, locked: Locked<'a>, key: &[u8], scope: Scope<'_>, call: &Call<'_>) -> Locked<'a> {
        if !locked.shard.has_deadlines() {
            return locked;
        }
        let Locked { hash, shard } = locked;
        Locked { hash, shard: self.purge_before_change(shard, hash, key, scope, call.now()) }
    }
}

/// A key's hash, and the write lock of its shard.
pub(super) struct Locked<'a> {
    hash: u64,
    shard: RwLockWriteGuard<'a, Shard>,
}

/// Calls on one shard after the other.
impl Store {
    /// Runs a closure on each shard in turn, under its read lock and after purging it.
    #[track_caller]
    pub(super) fn each_shard<'a, R>(&'a self, look: impl Fn(&Shard) -> R + 'a) -> impl Iterator<Item = R> + 'a {
        let now = self.now();
        self.shards.iter().map(move |shard| look(&self.lock_purged(shard, RwLock::read, &now)))
    }

    /// Purges a shard and locks it. Nothing in it has expired when this returns.
    pub(super) fn lock_purged<'a, L: Deref<Target = Shard>>(
        &self,
        shard: &'a RwLock<Shard>,
        lock: impl Fn(&'a RwLock<Shard>) -> L,
        now: &Now<'_>,
    ) -> L {
        loop {
            let locked = lock(shard);
            if !locked.is_overdue(now) {
                return locked;
            }
            drop(locked);
            self.purge_shard(shard, now, |_, _| true);
        }
    }
}

/// Room for a write.
impl Store {
    /// Runs a write, unless the journal has failed. If the store is full, purges everything expired and tries exactly
    /// once more. So a write that is refused must have changed nothing.
    #[inline]
    #[track_caller]
    pub(super) fn with_room<R, E: Refusal>(
        &self,
        write: impl Fn() -> std::result::Result<R, E>,
    ) -> std::result::Result<R, E> {
        self.check_journal()?;
        self.retry_with_room(write)
    }

    /// [`with_room`](Self::with_room), even if the journal has failed.
    #[inline]
    #[track_caller]
    fn retry_with_room<R, E: Refusal>(
        &self,
        write: impl Fn() -> std::result::Result<R, E>,
    ) -> std::result::Result<R, E> {
        assert_outside_closures(); // here, because a closure does not know who called
        match write() {
            Err(error) if error.is_full() => {
                self.purge_for_retry();
                write()
            }
            result => result,
        }
    }

    /// Purges everything, before what was refused is tried once more.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn purge_for_retry(&self) {
        if let Some(room) = &self.room {
            room.uncount_refusal();
        }
        self.purge_all();
    }

    /// Purges if little room is left. A call with a closure does this first, because its closure cannot run a second
    /// time. It waits for no lock. Once it has purged all shards, it does nothing for the rest of that millisecond of
    /// the clock, because nothing else can have expired until then.
    #[inline]
    #[track_caller]
    pub(super) fn make_room(&self) {
        if let Some(room) = self.room.as_ref().filter(|room| room.is_short() || room.is_short_of_keys()) {
            let now = self.now();
            if room.was_purged_at(now.millis()) {
                return;
            }
            if self.purge_without_waiting(&now) {
                room.note_purged_at(now.millis());
            }
        }
    }

    /// Purges the shards whose locks are free, and returns whether the locks of all shards were free.
    #[cold]
    fn purge_without_waiting(&self, now: &Now<'_>) -> bool {
        let purge = |shard: &CachePadded<RwLock<Shard>>| match shard.try_read().map(|shard| shard.is_overdue(now)) {
            Some(true) => self.purge_shard_by(|| shard.try_write(), now, |_, _| true),
            Some(false) => true,
            None => false,
        };
        self.shards.iter().filter(|shard| !purge(shard)).count() == 0
    }
}

/// Purging before a call.
impl Store {
    /// Purges the part of a hash that a call concerns, before the call reads it. Returns a read lock under which
    /// nothing in that part has expired: the given one, or a new one.
    #[cold]
    #[inline(never)]
    fn purge_before_look<'a>(
        &'a self,
        mut shard: RwLockReadGuard<'a, Shard>,
        hash: u64,
        key: &[u8],
        scope: Scope<'_>,
        now: &Now<'_>,
    ) -> RwLockReadGuard<'a, Shard> {
        let terms = Terms::of_look(now);
        let cx = Context::new(&self.rules, &terms);
        while shard.find(hash, key).is_some_and(|record| record.is_overdue(scope, cx)) {
            drop(shard);
            self.purge_key(hash, key, scope, now);
            shard = self.shard_of(hash).read();
        }
        shard
    }

    /// Purges a large hash slice by slice before a call changes it, so that the call does not purge much under one
    /// lock.
    #[cold]
    #[inline(never)]
    fn purge_before_change<'a>(
        &'a self,
        mut shard: RwLockWriteGuard<'a, Shard>,
        hash: u64,
        key: &[u8],
        scope: Scope<'_>,
        now: &Now<'_>,
    ) -> RwLockWriteGuard<'a, Shard> {
        let terms = Terms::of_look(now);
        let cx = Context::new(&self.rules, &terms);
        while matches!(scope, Scope::Hash) && shard.find(hash, key).is_some_and(|record| record.needs_slices(cx)) {
            drop(shard);
            self.purge_key(hash, key, Scope::Slice, now);
            shard = self.shard_of(hash).write();
        }
        shard
    }

    /// Purges the part of a hash that a call concerns. If that is the whole hash, purges one slice of it.
    #[cold]
    pub(super) fn purge_key(&self, hash: u64, key: &[u8], scope: Scope<'_>, now: &Now<'_>) {
        let scope = if let Scope::Hash = scope { Scope::Slice } else { scope };
        let call = self.call_at(now.clone());
        let mut shard = self.shard_of(hash).write();
        let terms = call.terms();
        drop(shard.visit(hash, key, scope, Context::new(&self.rules, &terms)));
        terms.end();
        hand_over(shard);
    }
}
