//! The configurations on which every behaviour test runs. A promise about fields must hold in both encodings, at any
//! threshold and on any number of shards.

use std::fmt::Display;

use hashlet::{Limits, ManualClock, Store, StoreBuilder, Thresholds};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) name: &'static str,
    pub(crate) thresholds: Thresholds,
    pub(crate) shards: usize,
    /// Whether each command runs in a call, because the store makes no quiet changes.
    #[cfg(feature = "testing")]
    is_loud: bool,
    /// Whether each shape is learned at once.
    #[cfg(feature = "testing")]
    is_eager: bool,
    /// Whether a shape is learned as soon as two hashes near each other have the same names.
    #[cfg(feature = "testing")]
    is_keen: bool,
}

/// Thresholds at which a hash stays packed as long as the packed layout can hold it.
pub(crate) fn packed() -> Thresholds {
    Thresholds::default().max_fields(65_535).max_string(65_535).max_packed_bytes(65_535)
}

/// Thresholds at which a hash is a table from its first field on.
pub(crate) fn table() -> Thresholds {
    Thresholds::default().max_fields(0)
}

/// Thresholds so low that a few calls convert a hash in both directions.
pub(crate) fn tiny() -> Thresholds {
    Thresholds::default().max_fields(3).max_string(8).max_packed_bytes(64)
}

/// The numbers of shards: one, where all keys share a directory, and many. Both kinds of changes, quiet ones and those
/// in calls, occur with each of the thresholds. With eager shapes, hashes of the same names share them from the first one
/// on. With keen shapes, two near each other are enough. Without either, only many such hashes share them.
pub(crate) fn all() -> [Config; 12] {
    [
        config("packed, 1 shard", packed(), 1),
        config("packed, 64 shards, loud", packed(), 64),
        config("table, 1 shard, loud", table(), 1),
        config("table, 64 shards", table(), 64),
        config("tiny, 1 shard", tiny(), 1),
        config("tiny, 64 shards, loud", tiny(), 64),
        config("default, 1 shard, loud", Thresholds::default(), 1),
        config("default, 64 shards", Thresholds::default(), 64),
        config("packed, 1 shard, keen shapes", packed(), 1),
        config("tiny, 64 shards, eager shapes", tiny(), 64),
        config("default, 1 shard, keen shapes, loud", Thresholds::default(), 1),
        config("default, 1 shard, eager shapes, loud", Thresholds::default(), 1),
    ]
}

fn config(name: &'static str, thresholds: Thresholds, shards: usize) -> Config {
    Config {
        name,
        thresholds,
        shards,
        #[cfg(feature = "testing")]
        is_loud: name.ends_with("loud"),
        #[cfg(feature = "testing")]
        is_eager: name.contains("eager shapes"),
        #[cfg(feature = "testing")]
        is_keen: name.contains("keen shapes"),
    }
}

impl Config {
    pub(crate) fn builder(&self) -> StoreBuilder {
        let builder = Store::builder().shards(self.shards).thresholds(self.thresholds);
        #[cfg(feature = "testing")]
        let builder = builder.loud(self.is_loud);
        #[cfg(feature = "testing")]
        let builder = if self.is_eager { builder.eager_shapes() } else { builder };
        #[cfg(feature = "testing")]
        let builder = if self.is_keen { builder.keen_shapes() } else { builder };
        builder
    }

    pub(crate) fn store(&self) -> Store {
        self.builder().build()
    }
}

/// Runs `test` on a fresh store of each configuration, validates the store afterwards, and names the configuration when
/// the test fails.
pub(crate) fn on_every_configuration(test: impl Fn(&Config, &Store)) {
    on_every_configuration_within(Limits::default(), test);
}

/// The same for stores with these limits.
pub(crate) fn on_every_configuration_within(limits: Limits, test: impl Fn(&Config, &Store)) {
    for config in &all() {
        let _told = Told(config.name);
        let store = config.builder().limits(limits).build();
        test(config, &store);
        super::check::store(&store);
    }
}

/// The same for stores whose clock the test moves.
pub(crate) fn on_every_configuration_with_clock(test: impl Fn(&Config, &Store, &ManualClock)) {
    on_every_configuration_with_clock_within(Limits::default(), test);
}

/// The same with limits and a clock.
pub(crate) fn on_every_configuration_with_clock_within(limits: Limits, test: impl Fn(&Config, &Store, &ManualClock)) {
    for config in &all() {
        let _told = Told(config.name);
        let clock = ManualClock::new();
        let store = config.builder().limits(limits).clock(&clock).build();
        test(config, &store, &clock);
        super::check::store(&store);
    }
}

/// Prints its text when a panic passes through it, so that every assertion tells its circumstances.
pub(crate) struct Told<T: Display>(pub(crate) T);

impl<T: Display> Drop for Told<T> {
    #[allow(clippy::print_stderr, reason = "part of a failing test's message")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("on {}", self.0);
        }
    }
}
