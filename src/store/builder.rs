//! The builder of a store.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;

use crate::eviction::Eviction;
use crate::hashing::MAX_SHARD_BITS;
use crate::options::{Limits, Rules, Thresholds};
use crate::shapes::{Learning, Shapes};
use crate::store::Store;
use crate::store::feed::Feed;
use crate::store::listener::{Gone, Listener, WhenFull};
use crate::store::outbox::Audience;
use crate::store::watch::{Change, Watch};
use crate::time::{Clock, ManualClock};

impl Store {
    /// Returns an empty store with the default thresholds and limits. [`load`](Self::load) returns one from a file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a builder, to choose shards, thresholds, limits, a clock, a listener and a watcher.
    pub fn builder() -> StoreBuilder {
        StoreBuilder::default()
    }
}

/// Sets up a [`Store`].
///
/// ```
/// use hashlet::{Limits, Store, Thresholds};
///
/// let store = Store::builder()
///     .shards(16)
///     .thresholds(Thresholds::default().max_fields(64))
///     .limits(Limits::default().max_string(1 << 20))
///     .build();
/// assert!(store.is_empty());
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct StoreBuilder {
    shards: usize,
    rules: Rules,
    clock: Clock,
    listener: Option<(SyncSender<Gone>, WhenFull)>,
    watcher: Option<(Watch, SyncSender<Change>, WhenFull)>,
    learning: Option<Learning>,
    #[cfg(feature = "testing")]
    is_loud: bool,
}

impl Default for StoreBuilder {
    fn default() -> Self {
        Self {
            shards: default_shards(),
            rules: Rules::default(),
            clock: Clock::System,
            listener: None,
            watcher: None,
            learning: Some(Learning::default()),
            #[cfg(feature = "testing")]
            is_loud: false,
        }
    }
}

/// The fewest shards of a store that does not choose them.
const FEWEST_SHARDS: usize = 64;
/// The shards for each core. The part `cores` of `benches/rivals` simulates threads that write without a pause to keys
/// that are spread evenly. With so many shards they wait 6 to 26 % of their time, mostly for cache lines to move
/// between cores. With 64 shards on 64 cores they wait 61 to 74 %.
const SHARDS_PER_CORE: usize = 16;

/// The shards of a store that does not choose them. Asks the system for the number of cores once in a process.
fn default_shards() -> usize {
    static SHARDS: OnceLock<usize> = OnceLock::new();
    *SHARDS.get_or_init(|| shards_for(available_parallelism().map_or(1, usize::from)))
}

fn shards_for(cores: usize) -> usize {
    cores.saturating_mul(SHARDS_PER_CORE).clamp(FEWEST_SHARDS, 1 << MAX_SHARD_BITS).next_power_of_two()
}

impl StoreBuilder {
    /// Divides the keys among this many shards, each with its own lock. The number is rounded up to a power of two from
    /// 1 to 1,024. More shards let more threads work at the same time. An empty shard takes 128 bytes.
    ///
    /// The default is 16 for each core that the program may use, but at least 64. So it is 64 on up to 4 cores, 256 on
    /// 16, and 1,024 on 64 cores and more. Threads that use the same few keys wait for each other with any number of
    /// shards. See the guide: [`guide::many_threads`](crate::guide::many_threads).
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards.clamp(1, 1 << MAX_SHARD_BITS).next_power_of_two();
        self
    }

    /// Chooses when hashes change their encoding.
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.rules.thresholds = thresholds;
        self
    }

    /// Lowers the limits on the length of fields, values and keys, on the number of fields, and on the bytes and
    /// the keys of the whole store.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.rules.limits = limits;
        self
    }

    /// Chooses whether packed hashes with the same field names keep these names once for all of them, as *shapes*. The
    /// default is `true`. Shapes make hashes of a few kinds smaller. See the guide:
    /// [`guide::limits`](crate::guide::limits#shapes).
    ///
    /// ```
    /// use hashlet::Store;
    ///
    /// let [shaped, plain] = [true, false].map(|shapes| {
    ///     let store = Store::builder().shards(1).shapes(shapes).build();
    ///     for n in 0..10_000 {
    ///         store.set_many(format!("user:{n}"), [("first_name", "Ada"), ("last_name", "Lovelace")]).unwrap();
    ///     }
    ///     store.stats()
    /// });
    /// assert_eq!((shaped.shapes, plain.shapes), (1, 0));
    /// assert!(shaped.bytes < plain.bytes);
    /// ```
    pub fn shapes(mut self, shapes: bool) -> Self {
        self.learning = shapes.then(Learning::default);
        self
    }

    /// Has the store learn each shape at once, whatever it saves.
    #[cfg(any(test, feature = "testing"))]
    #[doc(hidden)]
    pub fn eager_shapes(mut self) -> Self {
        self.learning = Some(Learning::EAGER);
        self
    }

    /// Has the store take a census all the time, and learn what two hashes have in common.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn keen_shapes(mut self) -> Self {
        self.learning = Some(Learning::KEEN);
        self
    }

    /// Chooses what happens when a write would exceed [`Limits::max_bytes`] or [`Limits::max_keys`]. The default is
    /// [`Eviction::Refuse`]. With any other policy the store is a cache: the write succeeds, and other keys are
    /// *evicted*, with their hashes, until the store is within its limits. Without one of these limits nothing is ever
    /// evicted.
    ///
    /// A write evicts what it needs and no more, after it has released its lock and before it returns. It first removes
    /// what has expired where it looks, and it holds one shard's lock at a time, while up to 32 keys go. It never
    /// evicts a key that it uses itself, but writes of other threads can. A write that is refused or rolled back evicts
    /// nothing. So after any call the store takes at most `max_bytes`, and while calls run, it takes in addition what
    /// they write.
    ///
    /// The hashes that one call uses have to fit together, in fifteen sixteenths of `max_bytes`, and their number in
    /// `max_keys`. Otherwise the write is refused with [`Error::Full`](crate::Error::Full) or
    /// [`Error::TooManyKeys`](crate::Error::TooManyKeys), and evicts nothing.
    ///
    /// A snapshot or journal that is larger than
    /// the limits is loaded, and what is too much is evicted. In both, an evicted key is one that was removed. A
    /// [listener](Self::listener) and a [watcher](Self::watch) are told which keys are evicted, but not of those that
    /// go during a load or while a journal is opened. [`Stats::evicted_keys`](crate::Stats::evicted_keys) counts all of
    /// them.
    ///
    /// Keys are chosen by sampling. Every call on a key that is there counts as one use of it, whether it reads or
    /// writes. Walks, scans, saves, purges, [`retain`](Store::retain) and [`stats`](Store::stats) count as none.
    /// `LeastRecent` and `LeastFrequent` keep one byte for each slot of a key, and reads take a few percent longer.
    ///
    /// ```
    /// use hashlet::{Eviction, Limits, Store};
    ///
    /// let limits = Limits::default().max_bytes(1 << 20);
    /// let store = Store::builder().limits(limits).eviction(Eviction::LeastRecent).build();
    /// for id in 0..20_000 {
    ///     store.set(format!("page:{id}"), "html", [b'x'; 200])?;
    ///     store.get("page:0", "html"); // used again and again
    /// }
    /// assert!(store.stats().bytes <= 1 << 20);
    /// assert!(store.contains_key("page:19999") && store.contains_key("page:0") && !store.contains_key("page:1"));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "maxmemory-policy")]
    pub fn eviction(mut self, eviction: Eviction) -> Self {
        self.rules.eviction = eviction;
        self
    }

    /// Chooses whether the store counts how often a call that reads finds its key: in
    /// [`Stats::hits`](crate::Stats::hits) and [`Stats::misses`](crate::Stats::misses). The default is `false`. Each
    /// read then changes a count, and each shard takes 128 bytes more. Threads that read keys of one shard wait for each
    /// other's counts.
    ///
    /// ```
    /// use hashlet::Store;
    ///
    /// let store = Store::builder().count_lookups(true).build();
    /// store.set("user:1", "name", "Ada")?;
    /// store.get("user:1", "name");
    /// store.get("user:2", "name");
    /// store.contains_key("user:1");
    /// let stats = store.stats();
    /// assert_eq!((stats.hits, stats.misses), (2, 1));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "keyspace_hits")]
    pub fn count_lookups(mut self, counts: bool) -> Self {
        self.rules.counts_lookups = counts;
        self
    }

    /// Chooses the clock by which keys and fields expire. The default is the system's clock.
    pub fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Clock::Manual(clock.clone());
        self
    }

    /// Sends each key and field that the store removes by itself into a channel: what has expired, and keys that are
    /// [evicted](Self::eviction), with their hashes. What has expired is removed by the call that would have
    /// met it, by [`purge_expired`](Store::purge_expired), by a [`Janitor`](crate::Janitor), by a save, or by a write
    /// that finds little room. Keys and fields that a call itself removes or overwrites have not expired, even if the
    /// call sets a deadline in the past. The messages of one call are in order. Messages of calls that run at the same
    /// time may overtake each other.
    ///
    /// ```
    /// use std::sync::mpsc::sync_channel;
    /// use std::time::Duration;
    /// use hashlet::{Gone, ManualClock, Store, WhenFull};
    ///
    /// let clock = ManualClock::new();
    /// let (sender, gone) = sync_channel(1_000);
    /// let store = Store::builder().clock(&clock).listener(sender, WhenFull::Lose).build();
    /// store.set("session:9", "user", "ada")?;
    /// store.expire("session:9", Duration::from_secs(60));
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(store.size("session:9"), 0);
    /// assert!(matches!(gone.try_recv(), Ok(Gone::KeyExpired { key, hash }) if key == b"session:9" && hash.len() == 1));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Locking
    /// Calls send after they have released their locks.
    pub fn listener(mut self, sender: SyncSender<Gone>, when_full: WhenFull) -> Self {
        self.listener = Some((sender, when_full));
        self
    }

    /// Sends the changes of what the store holds into a channel: which key and field, what happened, and the values if
    /// the [`Watch`] asks for them. A bounded channel limits how much memory waiting changes take. `when_full` says
    /// what happens when it is full. If the receiver is gone, changes are dropped, and nothing waits. A second watcher
    /// takes the place of the first one.
    ///
    /// - Changes of the same key come in the order of the calls, and their sequence numbers rise. The numbers of all
    ///   changes together have no gap unless some were lost.
    /// - A closure of [`update`](Store::update) tells each of its changes, one after the other. What was rolled back is
    ///   not told. A write of the value that is there already is told like any other.
    /// - What has expired is told when a call removes it, as expired and not as removed. What is evicted is told as
    ///   evicted.
    /// - [`clear_all`](Store::clear_all) tells one change, and becomes one atomic step. A load, and the recovery of a
    ///   journal, tell nothing.
    /// - A change is told when its call returns, and perhaps earlier. It may not be durable by then.
    ///
    /// A store with a watcher makes each write in a full call, as one with [`max_bytes`](crate::Limits::max_bytes)
    /// does, and copies what it tells. That makes a single `set` much dearer, also of a key that is not watched, and an
    /// [`update`](Store::update) of several fields less so. One change takes its place at a time, so threads that write
    /// to watched keys wait for each other a little. See the guide: [`guide::watching`](crate::guide::watching).
    ///
    /// ```
    /// use std::sync::mpsc::sync_channel;
    /// use hashlet::{ChangeKind, Store, Watch, WhenFull};
    ///
    /// let (sender, changes) = sync_channel(1_000);
    /// let store = Store::builder().watch(Watch::prefix("user:").values(true), sender, WhenFull::Lose).build();
    /// store.set("user:1", "name", "Ada")?;
    /// store.set("cart:1", "apples", "2")?; // not watched
    /// store.clear("user:1");
    ///
    /// let change = changes.try_recv().unwrap();
    /// assert_eq!((change.sequence, &*change.key), (1, &b"user:1"[..]));
    /// assert!(matches!(change.kind, ChangeKind::FieldSet { value: Some(value), is_new: true, .. } if value == b"Ada"));
    /// let change = changes.try_recv().unwrap();
    /// assert_eq!((change.sequence, change.kind), (2, ChangeKind::KeyRemoved { before: None }));
    /// assert!(changes.try_recv().is_err());
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Locking
    /// Changes are copied under the locks of their call, and sent after it has released them. With [`WhenFull::Lose`]
    /// no call ever waits for the receiver, which may call the store. With [`WhenFull::Wait`] calls wait for each other
    /// in the order of their changes, and the receiving thread must not do what [`WhenFull::Wait`] lists.
    #[doc(alias = "notify-keyspace-events")]
    #[doc(alias = "PSUBSCRIBE")]
    #[cfg(feature = "watch")]
    pub fn watch(mut self, watch: Watch, sender: SyncSender<Change>, when_full: WhenFull) -> Self {
        self.watcher = Some((watch, sender, when_full));
        self
    }

    /// Has the store make no quiet changes, so that each of its commands runs in a call.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn loud(mut self, is_loud: bool) -> Self {
        self.is_loud = is_loud;
        self
    }

    /// Fixes the hash function, so that everything that depends on it can be repeated.
    #[cfg(any(test, feature = "testing"))]
    #[doc(hidden)]
    pub fn hash_seed(mut self, seed: u64) -> Self {
        self.rules.seed(seed);
        self
    }

    /// Returns an empty store. Allocates its shards, and 256 bytes for what it will know of shapes.
    #[must_use]
    pub fn build(self) -> Store {
        let listener = self.listener.map(|(sender, when_full)| Listener::new(sender, when_full));
        let limits = self.rules.limits;
        let eviction = if limits.are_on_store() { self.rules.eviction } else { Eviction::Refuse };
        let shapes = self.learning.map(|learning| Arc::new(Shapes::new(learning.within(limits.max_bytes))));
        let feed = self.watcher.map(|(watch, sender, when_full)| Feed::new(watch, sender, when_full));
        let audience = Audience::of(listener, feed);
        let store = Store::with_rules(self.shards, Rules { shapes, eviction, ..self.rules }, self.clock, audience);
        #[cfg(feature = "testing")]
        let store = Store { allows_quiet_changes: store.allows_quiet_changes && !self.is_loud, ..store };
        store
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_number_of_shards_grows_with_the_cores() {
        let cores = [1, 4, 5, 8, 12, 16, 64, 65, usize::MAX];
        assert_eq!(cores.map(shards_for), [64, 64, 128, 128, 256, 256, 1024, 1024, 1024]);
        assert_eq!(Store::new().shards.len(), default_shards());
    }
}
