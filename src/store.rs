//! The thread-safe keyspace: shards behind locks, and the calls on them.
//!
//! ```text
//! file          what it holds
//! ------------  -------------------------------------------------------------------
//! locks.rs      the lock protocol, which every call on keys follows
//!   several.rs    the locks of several keys at once
//! call.rs       what one call carries: its instant, its reservation, what it drops
//! room.rs       the limit on the bytes of a store
//! evict.rs      what a full store forgets
//! outbox.rs     what one call has to tell the listener and the watcher
//! listener.rs   the listener, which is told of keys and fields that the store removes by itself
//! watch.rs      what a watcher asks for, and the changes that it is told
//! feed.rs       the order of these changes, and how they are sent
//! journaled.rs  what a call tells the journal, and how it waits for it
//!
//! builder.rs    `new` and `builder`, and the options of a store
//! fields.rs     calls on the fields of one key
//! updates.rs    updates in a closure, of one hash or several, with rollback or without
//! across.rs     fields of many keys, for which the processor waits together
//! many.rs       calls on whole hashes of several keys
//! transfer.rs   hashes that come from elsewhere, or go there
//! keys.rs       calls on whole keys, and on all of them
//! scan.rs       walks through a hash or through all keys, page by page; removal by a pattern
//! deadlines.rs  calls on the deadlines of keys and fields
//! purge.rs      the removal of expired keys and fields
//! sample.rs     random fields of one key, and random keys
//! stats.rs      counts and encodings; room that is made or given back
//! ```

// The documentation of `Store` shows its methods in the order of these groups.
mod builder;
mod fields;
mod updates;

mod across;
mod many;
mod transfer;

mod keys;
mod scan;

mod deadlines;
mod purge;

mod sample;
mod stats;

mod call;
mod evict;
mod feed;
mod journaled;
mod listener;
mod locks;
mod outbox;
#[cfg(feature = "recorder")]
mod recorder;
#[cfg(any(feature = "journal", feature = "recorder"))]
mod replay;
pub(crate) mod room;
#[cfg_attr(
    not(feature = "watch"),
    allow(dead_code, unreachable_pub, reason = "without the feature, nobody can begin to watch")
)]
mod watch;

pub use builder::StoreBuilder;
pub use listener::{Gone, WhenFull};
pub use many::{Overwrite, TransferOutcome};
pub use purge::Purged;
pub use stats::Stats;
#[cfg(feature = "watch")]
pub use watch::{Change, ChangeKind, Watch};

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
#[cfg(feature = "journal")]
use std::sync::Arc;

#[cfg(feature = "testing")]
use crate::hash::Scope;
use crate::options::Rules;
use crate::saving::Saving;
use crate::shapes::Shapes;
use crate::shard::Shard;
use crate::store::feed::Feed;
use crate::store::outbox::Audience;
#[cfg(feature = "recorder")]
use crate::store::recorder::Recorder;
use crate::store::room::Room;
use crate::store::stats::{ExpiredCounts, Lookups, empty_bytes};
use crate::sync::{CachePadded, RwLock};
#[cfg(feature = "journal")]
use crate::tail::Tail;
use crate::time::Clock;

/// A keyspace of hashes: `key -> {field -> value}`. Many threads share it by reference or in an
/// [`Arc`](std::sync::Arc). Every call on one key is one atomic step.
/// [`guide::atomic`](crate::guide::atomic) lists the other calls that are, and those that are not.
///
/// The methods stand in these groups: [the fields of one key](#the-fields-of-one-key),
/// [updates in a closure](#updates-in-a-closure), [fields of many keys](#fields-of-many-keys),
/// [several keys](#several-keys), [whole keys, and all keys](#whole-keys-and-all-keys), [scans](#scans), [expiry](#expiry),
/// [removing what has expired](#removing-what-has-expired), [random fields](#random-fields),
/// [random keys](#random-keys), [memory](#memory), [loading](#loading), [saving](#saving),
/// [hashes that leave the store](#hashes-that-leave-the-store) and [typed values](#typed-values).
///
/// Keys, fields and values are byte strings, which may be empty. A missing key is an empty hash. A hash that loses its
/// last field is gone, and its key with it.
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
/// Every method panics if it is called from inside a closure that a store, this one or another, runs under its lock, as
/// in [`read`](Self::read), [`update`](Self::update) and [`for_each`](Self::for_each). Otherwise it could wait for
/// itself for ever.
pub struct Store {
    pub(crate) shards: Box<[CachePadded<RwLock<Shard>>]>,
    pub(crate) rules: Rules,
    pub(crate) room: Option<Room>,
    pub(crate) saving: Saving,
    pub(crate) clock: Clock,
    /// Those who are told what calls do.
    audience: Option<Audience>,
    /// What has expired so far.
    expired: CachePadded<ExpiredCounts>,
    /// How often reads have found their keys, if that is counted.
    lookups: Option<Lookups>,
    /// Whether a look at a key has more to do than to find it.
    notes_lookups: bool,
    #[cfg(feature = "recorder")]
    recorder: Recorder,
    #[cfg(feature = "journal")]
    journal: Option<Arc<Tail>>,
    /// The number of bits by which [`shard_index`](Self::shard_index) shifts a hash, after a first shift by one bit.
    shard_shift: u32,
    /// Whether nobody has to be asked for room or told of changes, and no test wants commands in calls instead.
    allows_quiet_changes: bool,
}

// A panic in a closure leaves every record settled and no lock poisoned, so the store can still be used.
impl UnwindSafe for Store {}
impl RefUnwindSafe for Store {}

impl Default for Store {
    fn default() -> Self {
        StoreBuilder::default().build()
    }
}

impl fmt::Debug for Store {
    /// Shows the number of shards. Takes no lock, and shows no contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

/// The listener and the watcher of a store that tells them nothing.
#[cfg(feature = "snapshot")]
pub(crate) struct Muted(Option<Audience>);

impl Store {
    /// Whether nobody has to be asked for room or told of effects, except for a journal. Records can then be changed
    /// quietly (see `shard.rs`).
    #[inline]
    fn allows_quiet_changes(&self) -> bool {
        #[cfg(feature = "recorder")]
        if self.recorder.is_on() {
            return false;
        }
        self.allows_quiet_changes
    }

    /// Tells nobody anything until [`unmute`](Self::unmute).
    #[cfg(feature = "snapshot")]
    pub(crate) fn mute(&mut self) -> Muted {
        Muted(self.audience.take())
    }

    /// Tells those again who listen and watch.
    #[cfg(feature = "snapshot")]
    pub(crate) fn unmute(&mut self, muted: Muted) {
        self.audience = muted.0;
    }

    /// From now on the tail gets everything that calls do, and those who listen and watch are told. Removes what has
    /// expired before, and tells them nothing of that. Evicts what is too much.
    #[cfg(feature = "journal")]
    pub(crate) fn attach(&mut self, tail: Arc<Tail>, muted: Muted) {
        self.journal = Some(tail);
        self.purge_all();
        self.evict_what_was_recovered();
        self.expired = CachePadded::default();
        self.unmute(muted);
    }

    /// What the watcher is told of.
    fn feed(&self) -> Option<&Feed> {
        self.audience.as_ref().and_then(Audience::feed)
    }

    fn with_rules(shards: usize, rules: Rules, clock: Clock, audience: Option<Audience>) -> Self {
        debug_assert!(shards.is_power_of_two());
        let shard = || CachePadded(RwLock::new(Shard::new(shards.ilog2(), &rules)));
        let shards: Box<[_]> = std::iter::repeat_with(shard).take(shards).collect();
        let lookups = rules.counts_lookups.then(|| Lookups::new(shards.len()));
        let shape_bytes = rules.shapes.as_deref().map_or(0, Shapes::heap_bytes);
        let room = Room::new(&rules, empty_bytes(&shards, lookups.as_ref()) + shape_bytes, shards.len());
        let shard_shift = u64::BITS - 1 - shards.len().ilog2();
        Self {
            allows_quiet_changes: room.is_none() && audience.as_ref().is_none_or(|it| it.feed().is_none()),
            saving: Saving::new(rules.shapes.clone()),
            notes_lookups: lookups.is_some() || rules.eviction.notes_use(),
            shards,
            rules,
            room,
            clock,
            audience,
            expired: CachePadded::default(),
            lookups,
            #[cfg(feature = "recorder")]
            recorder: Recorder::default(),
            #[cfg(feature = "journal")]
            journal: None,
            shard_shift,
        }
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
        if let Some(shapes) = &self.rules.shapes {
            shapes.validate(|name| self.rules.tag(name));
        }
        if let Some(room) = &self.room {
            let bytes = self.stats().bytes; // which purges
            assert_eq!(room.taken(), bytes, "the store's bytes");
            assert!(room.keys().is_none_or(|keys| keys == self.key_count()), "the store's keys");
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
