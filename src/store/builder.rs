//! How a store is set up.

use std::sync::mpsc::SyncSender;

use crate::hashing::MAX_SHARD_BITS;
use crate::options::{Limits, Rules, Thresholds};
use crate::store::Store;
use crate::store::listener::{Expired, Listener, WhenFull};
use crate::time::{Clock, ManualClock};

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
}

impl Default for StoreBuilder {
    fn default() -> Self {
        Self { shards: 64, rules: Rules::default(), clock: Clock::System, listener: None }
    }
}

impl StoreBuilder {
    /// Divides the keys among this many locks, rounded up to a power of two, 1 to 1,024; 64 if not told. More shards
    /// let more threads work at a time; each takes 128 bytes while it is empty.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards.clamp(1, 1 << MAX_SHARD_BITS).next_power_of_two();
        self
    }

    /// Chooses when hashes change their encoding.
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.rules.thresholds = thresholds;
        self
    }

    /// Lowers the limits on fields, values, keys and the number of fields, and limits the bytes of the whole store.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.rules.limits = limits;
        self
    }

    /// Lets a clock tell the time by which keys and fields expire; the system's if not told.
    pub fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Clock::Manual(clock.clone());
        self
    }

    /// Tells whoever receives at the other end of a channel what has expired, when it is removed: by the call that would
    /// have met it, by [`purge_expired`](Store::purge_expired), by a [`Janitor`](crate::Janitor), by a save, or by a write that finds little room. What a call removes or
    /// overwrites itself has not expired, even if it sets a deadline in the past. What one call finds is told in order;
    /// calls that run at the same time may overtake each other.
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
    /// Calls send when they hold no lock any more.
    pub fn listener(mut self, sender: SyncSender<Expired>, when_full: WhenFull) -> Self {
        self.listener = Some((sender, when_full));
        self
    }

    /// Fixes the hash function, so that what depends on it happens again.
    #[cfg(any(test, feature = "testing"))]
    #[doc(hidden)]
    pub fn hash_seed(mut self, seed: u64) -> Self {
        self.rules.seed(seed);
        self
    }

    /// Returns the store, empty. Allocates its shards and nothing else.
    #[must_use]
    pub fn build(self) -> Store {
        let listener = self.listener.map(|(sender, when_full)| Listener::new(sender, when_full));
        Store::with_rules(self.shards, self.rules, self.clock, listener)
    }
}
