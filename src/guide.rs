//! The guide: a page for each task, with code that runs and what can go wrong.
//!
//! | page | task |
//! |---|---|
//! | [`commands`] | hashes, and the table of Redis's commands |
//! | [`atomic`] | counters, claims, and updates of one or several hashes in one step; which locks are held |
//! | [`expiry`] | sessions, tokens, rate limits; a listener; tests without sleeping |
//! | [`watching`] | a feed of all changes (feature `watch`) |
//! | [`typed`] | values of serde types, and structs as hashes |
//! | [`snapshots`] | a store that survives restarts, and what is durable |
//! | [`journal`] | changes that survive a crash: levels, backups, damage, a full disk (feature `journal`) |
//! | [`limits`] | a budget of memory, a cache that forgets (LRU, LFU), where the memory goes, and counters for a dashboard |
//! | [`async_code`] | use from async code, and how long each call blocks |
//! | [`many_threads`] | many cores: shards, the allocator, huge pages |
//! | [`outgrowing`] | the same code on a Redis or Valkey server, and data that move there (feature `redis`) |
//! | [`cluster`] | the same code on a cluster: sizes, tags, what holds where, and what a fail-over can lose (feature `redis`) |
//! | [`from_dashmap`], [`from_moka`], [`from_redis`] | moving from another library or server |
//!
//! These modules hold nothing but documentation.

/// Declares the modules of the pages. The items of the crate are in scope for their links.
macro_rules! pages {
    ($($(#[doc = $summary:literal])* $(#[cfg($when:meta)])? $name:ident)*) => {$(
        $(#[cfg($when)])?
        pub mod $name {
            // Inner attributes, because the links of outer ones are resolved outside of the module.
            $(#![doc = $summary])*
            #![doc = include_str!(concat!("guide/", stringify!($name), ".md"))]
            #[cfg(doc)]
            use crate::*;
        }
    )*};
}

pages! {
    /// Hashes and Redis's commands: what each is called here, what it costs, and where the answers differ.
    commands
    /// Atomic updates: which calls are one step, how to make several calls one step, and which locks are held.
    atomic
    /// Expiry of keys and fields: sessions, rate limits, a listener, and tests without sleeping.
    expiry
    /// Watching a store: a feed of its changes.
    #[cfg(feature = "watch")]
    watching
    /// Typed values and objects: values of serde types, and structs as hashes.
    typed
    /// Snapshots and autosave: a store that survives restarts, and what is durable.
    snapshots
    /// The journal: what outlasts a crash, how to choose a level, backups, damage, and a full disk.
    #[cfg(feature = "journal")]
    journal
    /// Limits, eviction and memory: what a store refuses or forgets, how hashes are stored, where the memory goes, and counters for a dashboard.
    limits
    /// Use from async code, and how long each call blocks.
    async_code
    /// Many threads, allocators and huge pages.
    many_threads
    /// Outgrowing one process: the same code on a Redis or Valkey server, and data that move there.
    #[cfg(feature = "redis")]
    outgrowing
    /// From one process to a cluster: sizes, tags, what holds where, and what a fail-over can lose.
    #[cfg(feature = "redis")]
    cluster
    /// Moving from DashMap.
    from_dashmap
    /// Moving from moka.
    from_moka
    /// Moving from Redis or Valkey.
    from_redis
}
