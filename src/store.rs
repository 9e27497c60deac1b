//! The thread-safe face: shards behind locks, and the families of calls on them.
//!
//! # Locks
//! There is the `RwLock` around each shard, which a key's hash chooses; and the mutex of what calls leave to a saver, which is
//! taken last, while a save is on, and for a moment (see `saving.rs`).
//!
//! * **Order.** A call on several keys takes their shards' locks in ascending order, each once.
//! * **Before the first lock**: arguments are turned into bytes and iterators drained, so none of the user's code for
//!   them runs under it; the thread is refused if it is inside a closure that a store runs.
//! * **Under a read lock**: lookups, copies of what is returned, and closures of `read` and `for_each`. A page of keys, as
//!   `for_each`, takes one shard's lock after the other's.
//! * **Under a write lock**: one visit (see `shard.rs`), and closures of `update`, `try_update` and their like. `retain` takes one
//!   shard's lock after the other's: all closures for its keys first, then the visits that remove. So do `clear_all`,
//!   `reserve`, `shrink_to_fit`, and, in slices, the purging of what has expired and the walk of a save.
//! * **After the last lock**, and between the shards of a `retain`: long old values and old tables are dropped, with the
//!   `Call` (unless one closure, or one shard, leaves more than a few MiB of them behind). Packed records and arenas, a
//!   single block each, are freed where they end.
//! * A panic in a closure unwinds through the visit, which settles (after the attempt of a `try_update` has rolled back), and then through the lock, which is released:
//!   parking_lot poisons nothing.

mod builder;
mod call;
mod deadlines;
mod fields;
mod keys;
mod listener;
mod many;
mod purge;
#[cfg(feature = "recorder")]
mod recorder;
mod rollback;
pub(crate) mod room;
mod sample;
mod scan;
mod stats;

pub use builder::StoreBuilder;
pub use listener::{Expired, WhenFull};
pub use many::Overwrite;
pub use purge::Purged;
pub use stats::Stats;

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::error::{Refusal, Result};
use crate::hash::Context;
use crate::hash::{Record, Scope};
use crate::hashing::TAG_BITS;
use crate::options::Rules;
use crate::saving::Saving;
use crate::shard::{Shard, Visit};
use crate::store::call::Call;
use crate::store::listener::Listener;
#[cfg(feature = "recorder")]
use crate::store::recorder::Recorder;
use crate::store::room::Room;
use crate::sync::{CachePadded, RwLock, assert_outside_closures};
use crate::time::{Clock, Now};

/// A keyspace of hashes: `key -> {field -> value}`, shared by many threads by reference or in an
/// [`Arc`](std::sync::Arc), each call one atomic step.
///
/// Keys, fields and values are byte strings, empty ones allowed. A missing key is an empty hash, and a hash that loses
/// its last field is gone with its key.
///
/// ```
/// use hashlet::Store;
///
/// let store = Store::new();
/// assert!(store.set("user:123", "name", "John Doe")?); // true: the field is new
/// assert_eq!(store.get("user:123", "name").as_deref(), Some(&b"John Doe"[..]));
/// assert_eq!(store.size("user:123"), 1);
/// assert!(store.remove("user:123", "name"));
/// assert!(!store.contains_key("user:123"));
/// # Ok::<(), hashlet::Error>(())
/// ```
///
/// # Panics
/// Every method panics when it is called from inside a closure that a store, this or another, runs under its lock, as
/// in [`read`](Self::read), [`update`](Self::update) and [`for_each`](Self::for_each): it could otherwise wait for itself
/// for ever.
pub struct Store {
    pub(crate) shards: Box<[CachePadded<RwLock<Shard>>]>,
    pub(crate) rules: Rules,
    pub(crate) room: Option<Room>,
    pub(crate) saving: Saving,
    pub(crate) clock: Clock,
    listener: Option<Listener>,
    #[cfg(feature = "recorder")]
    recorder: Recorder,
    /// How far a hash's shard bits are from the lowest but one, when they are on top.
    shard_shift: u32,
}

// A closure's panic leaves every record settled and no lock poisoned, so what is seen afterwards is sound.
impl UnwindSafe for Store {}
impl RefUnwindSafe for Store {}

impl Default for Store {
    fn default() -> Self {
        StoreBuilder::default().build()
    }
}

impl fmt::Debug for Store {
    /// Says how many shards there are; takes no lock and shows no contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

impl Store {
    /// Returns an empty store with the default thresholds and limits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a builder, to choose shards, thresholds and limits.
    pub fn builder() -> StoreBuilder {
        StoreBuilder::default()
    }

    fn with_rules(shards: usize, rules: Rules, clock: Clock, listener: Option<Listener>) -> Self {
        debug_assert!(shards.is_power_of_two());
        let shard = || CachePadded(RwLock::new(Shard::new(shards.ilog2())));
        let shards: Box<[_]> = std::iter::repeat_with(shard).take(shards).collect();
        let room = rules.limits.max_bytes.map(|limit| Room::new(limit, size_of_val::<[_]>(&shards)));
        let shard_shift = u64::BITS - 1 - shards.len().ilog2();
        Self {
            shards,
            rules,
            room,
            saving: Saving::default(),
            clock,
            listener,
            #[cfg(feature = "recorder")]
            recorder: Recorder::default(),
            shard_shift,
        }
    }

    /// A call that may change what the store holds.
    ///
    /// # Panics
    /// Inside a closure that a store runs, as [`now`](Self::now): every call begins with one of both.
    #[inline]
    fn call(&self) -> Call<'_> {
        self.call_at(self.now())
    }

    #[inline]
    fn call_at<'a>(&'a self, now: Now<'a>) -> Call<'a> {
        Call::new(self, now)
    }

    /// The instant of a call.
    ///
    /// # Panics
    /// Inside a closure that a store runs.
    #[inline]
    fn now(&self) -> Now<'_> {
        assert_outside_closures();
        Now::on(&self.clock)
    }

    #[inline]
    pub(crate) fn shard_of(&self, hash: u64) -> &RwLock<Shard> {
        &self.shards[self.shard_index(hash)]
    }

    #[inline]
    pub(crate) fn shard_index(&self, hash: u64) -> usize {
        // Two shifts, because a single one by all 64 bits would overflow.
        ((hash << TAG_BITS >> 1) >> self.shard_shift) as usize
    }

    /// Runs something on the record of a key, if there is one, under its shard's read lock. Nothing of the part that the
    /// call concerns has expired in it.
    #[inline]
    fn look<R>(&self, key: &[u8], scope: Scope<'_>, look: impl FnOnce(Option<&Record>, Context<'_>) -> R) -> R {
        let now = self.now();
        let cx = Context::of_look(&self.rules, &now);
        let hash = self.rules.hash(key);
        let mut shard = self.shard_of(hash).read();
        if shard.has_deadlines() {
            shard = self.purge_before_look(shard, hash, key, scope, cx.now);
        }
        look(shard.find(hash, key), cx)
    }

    /// Visits the record of a key, if there is one, under its shard's write lock.
    #[inline]
    fn change<R>(&self, key: &[u8], scope: Scope<'_>, change: impl FnOnce(&mut Visit<'_>) -> R) -> Option<R> {
        let call = self.call();
        let link = call.link();
        let hash = self.rules.hash(key);
        let mut shard = self.shard_of(hash).write();
        if shard.has_deadlines() {
            shard = self.purge_before_change(shard, hash, key, scope, call.now());
        }
        let cx = call.context(&self.rules, &link);
        let mut visit = shard.visit(hash, key, scope, cx)?;
        if visit.is_empty() {
            return None;
        }
        Some(change(&mut visit))
    }

    /// [`change_or_create`](Self::change_or_create) for a command that can be refused. A key that is too long is refused
    /// before anybody hashes or copies it. For want of room it is tried twice, so what is refused must have changed nothing.
    #[inline]
    fn try_change<R>(&self, key: &[u8], scope: Scope<'_>, change: impl Fn(&mut Visit<'_>) -> Result<R>) -> Result<R> {
        assert_outside_closures();
        self.rules.check_key(key)?;
        self.with_room(|| self.change_or_create(key, scope, &change))
    }

    /// [`change`](Self::change) for a command that can be refused; tried twice as [`try_change`](Self::try_change).
    #[inline]
    fn try_change_existing<R>(
        &self,
        key: &[u8],
        scope: Scope<'_>,
        change: impl Fn(&mut Visit<'_>) -> Result<R>,
    ) -> Result<Option<R>> {
        self.with_room(|| self.change(key, scope, &change).transpose())
    }

    /// Runs a write. If the store is full, purges everything expired and tries exactly once more.
    #[inline]
    fn with_room<R, E: Refusal>(&self, write: impl Fn() -> std::result::Result<R, E>) -> std::result::Result<R, E> {
        // A loop, because compilers inline what is called in one place.
        let mut is_purged = false;
        loop {
            match write() {
                Err(error) if !is_purged && error.is_full() => self.purge_all(),
                result => return result,
            }
            is_purged = true;
        }
    }

    /// Before a closure, which cannot run a second time: removes what has expired if little room is left. Waits for nobody's
    /// lock, and does it once in each millisecond of the clock: nothing else can have expired in the same one.
    #[inline]
    fn make_room(&self) {
        if let Some(room) = self.room.as_ref().filter(|room| room.is_short()) {
            let now = self.now();
            if room.was_purged_at(now.millis()) {
                return;
            }
            if self.purge_without_waiting(&now) {
                room.note_purged_at(now.millis());
            }
        }
    }

    /// Visits the record of a key, or an empty one, under its shard's write lock.
    #[inline]
    fn change_or_create<R>(&self, key: &[u8], scope: Scope<'_>, change: impl FnOnce(&mut Visit<'_>) -> R) -> R {
        let call = self.call();
        let link = call.link();
        let hash = self.rules.hash(key);
        let mut shard = self.shard_of(hash).write();
        if shard.has_deadlines() {
            shard = self.purge_before_change(shard, hash, key, scope, call.now());
        }
        let cx = call.context(&self.rules, &link);
        let mut visit = shard.visit_or_new(hash, key, scope, cx);
        change(&mut visit)
    }
}

#[cfg(feature = "testing")]
impl Store {
    /// Checks every invariant of every part, while nobody else uses the store.
    ///
    /// # Panics
    /// If one is broken.
    #[doc(hidden)]
    pub fn validate(&self) {
        for shard in &self.shards {
            shard.read().validate(&self.rules, self.saving.epoch());
        }
        if let Some(room) = &self.room {
            let bytes = self.stats().bytes; // which purges
            assert_eq!(room.taken(), bytes, "the store's bytes");
        }
    }

    /// Checks every invariant of one key's record.
    ///
    /// # Panics
    /// If one is broken.
    #[doc(hidden)]
    pub fn validate_key(&self, key: impl AsRef<[u8]>) {
        self.look(key.as_ref(), Scope::Hash, |record, cx| {
            if let Some(record) = record {
                record.validate(cx.rules);
            }
        });
    }
}
