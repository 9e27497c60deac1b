//! How a store is set up.

use crate::rules::{Limits, MAX_SHARD_BITS, Rules, Thresholds};
use crate::store::Store;
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
pub struct Builder {
    shards: usize,
    rules: Rules,
    clock: Clock,
}

impl Default for Builder {
    fn default() -> Self {
        Self { shards: 64, rules: Rules::default(), clock: Clock::System }
    }
}

impl Builder {
    /// Divides the keys among this many locks, rounded up to a power of two, 1 to 1,024; 64 if not told. More shards
    /// let more threads work at a time; each takes 256 bytes while it is empty.
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

    /// Fixes the hash function, so that what depends on it happens again.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    pub fn hash_seed(mut self, seed: u64) -> Self {
        self.rules.seed(seed);
        self
    }

    /// Returns the store, empty. Allocates its shards and nothing else.
    #[must_use]
    pub fn build(self) -> Store {
        Store::with_rules(self.shards, self.rules, self.clock)
    }
}
