//! The builder of a store.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;

use crate::hashing::MAX_SHARD_BITS;
use crate::options::{Limits, Rules, Thresholds};
use crate::shapes::{Learning, Shapes};
use crate::store::Store;
use crate::store::feed::Feed;
use crate::store::listener::{Expired, Listener, WhenFull};
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
    listener: Option<(SyncSender<Expired>, WhenFull)>,
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
/// that are spread evenly. With so many shards they wait 6 to 26 % of their time, mostly for cache lines to move between
/// cores. With 64 shards on 64 cores they wait 61 to 74 %.
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

    /// Lowers the limits on the length of fields, values and keys, on the number of fields, and on the bytes of the
    /// whole store.
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

    /// Chooses the clock by which keys and fields expire. The default is the system's clock.
    pub fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Clock::Manual(clock.clone());
        self
    }

    /// Sends each expired key and field into a channel when it is removed. It is removed by the call that would have
    /// met it, by [`purge_expired`](Store::purge_expired), by a [`Janitor`](crate::Janitor), by a save, or by a write
    /// that finds little room. Keys and fields that a call itself removes or overwrites have not expired, even if the
    /// call sets a deadline in the past. The messages of one call are in order. Messages of calls that run at the same
    /// time may overtake each other.
    ///
    /// ```
    /// use std::sync::mpsc::sync_channel;
    /// use std::time::Duration;
    /// use hashlet::{Expired, ManualClock, Store, WhenFull};
    ///
    /// let clock = ManualClock::new();
    /// let (sender, expired) = sync_channel(1_000);
    /// let store = Store::builder().clock(&clock).listener(sender, WhenFull::Lose).build();
    /// store.set("session:9", "user", "ada")?;
    /// store.expire("session:9", Duration::from_secs(60));
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(store.size("session:9"), 0);
    /// assert!(matches!(expired.try_recv(), Ok(Expired::Key { key, hash }) if key == b"session:9" && hash.len() == 1));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Locking
    /// Calls send after they have released their locks.
    pub fn listener(mut self, sender: SyncSender<Expired>, when_full: WhenFull) -> Self {
        self.listener = Some((sender, when_full));
        self
    }

    /// Sends the changes of what the store holds into a channel: which key and field, what happened, and the values if
    /// the [`Watch`] asks for them. A bounded channel limits how much memory waiting changes take. `when_full` says what
    /// happens when it is full. If the receiver is gone, changes are dropped, and nothing waits. A second watcher takes
    /// the place of the first one.
    ///
    /// - Changes of the same key come in the order of the calls, and their sequence numbers rise. The numbers of all
    ///   changes together have no gap unless some were lost.
    /// - A closure of [`update`](Store::update) tells each of its changes, one after the other. What was rolled back is
    ///   not told. A write of the value that is there already is told like any other.
    /// - What has expired is told when a call removes it, as expired and not as removed.
    /// - [`clear_all`](Store::clear_all) tells one change, and becomes one atomic step. A load, and the recovery of a
    ///   journal, tell nothing.
    /// - A change is told when its call returns, and perhaps earlier. It may not be durable by then.
    ///
    /// A store with a watcher makes each write in a full call, as one with
    /// [`max_bytes`](crate::Limits::max_bytes) does, and copies what it tells. That makes a single `set` much dearer, also of a
    /// key that is not watched, and an [`update`](Store::update) of several fields less so. One change takes its place at a time, so threads that write to watched keys wait for each other a little.
    /// See the guide: [`guide::watching`](crate::guide::watching).
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
    /// Changes are copied under the locks of their call, and sent after it has released them. With [`WhenFull::Lose`] no
    /// call ever waits for the receiver, which may call the store. With [`WhenFull::Wait`] calls wait for each other in
    /// the order of their changes, and the receiving thread must not do what [`WhenFull::Wait`] lists.
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
        let limit = self.rules.limits.max_bytes;
        let shapes = self.learning.map(|learning| Arc::new(Shapes::new(learning.within(limit))));
        let feed = self.watcher.map(|(watch, sender, when_full)| Feed::new(watch, sender, when_full));
        let audience = Audience::of(listener, feed);
        let store = Store::with_rules(self.shards, Rules { shapes, ..self.rules }, self.clock, audience);
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
