//! The configurations on which every behaviour test runs. A promise about fields must hold in both encodings, at any
//! threshold and on any number of shards.

use std::fmt::Display;

use hashlet::{Limits, ManualClock, Store, StoreBuilder, Thresholds};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) name: &'static str,
    pub(crate) thresholds: Thresholds,
    pub(crate) shards: usize,
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

/// The numbers of shards: one, where all keys share a directory, and many.
pub(crate) fn all() -> [Config; 8] {
    [
        Config { name: "packed, 1 shard", thresholds: packed(), shards: 1 },
        Config { name: "packed, 64 shards", thresholds: packed(), shards: 64 },
        Config { name: "table, 1 shard", thresholds: table(), shards: 1 },
        Config { name: "table, 64 shards", thresholds: table(), shards: 64 },
        Config { name: "tiny, 1 shard", thresholds: tiny(), shards: 1 },
        Config { name: "tiny, 64 shards", thresholds: tiny(), shards: 64 },
        Config { name: "default, 1 shard", thresholds: Thresholds::default(), shards: 1 },
        Config { name: "default, 64 shards", thresholds: Thresholds::default(), shards: 64 },
    ]
}

impl Config {
    pub(crate) fn builder(&self) -> StoreBuilder {
        Store::builder().shards(self.shards).thresholds(self.thresholds)
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
