//! Everything that is measured beside hashlet, each behind [`Rival`] of the crate's own benches.
//!
//! | name | what it is |
//! |---|---|
//! | `hashlet` | `Store::new()` |
//! | `hashlet_tables` | a `Store` that keeps every hash as a table: what the packed encoding gains and costs |
//! | `hashlet_unshaped` | a `Store` that learns no shapes: what they gain and cost |
//! | `dashmap` | a `DashMap` of maps, of boxed slices with ahash: what a careful program would write |
//! | `dashmap_strings` | `DashMap<String, HashMap<String, String>>`: what most programs write |
//! | `sharded` | 64 parking_lot `RwLock`s, each over a hashbrown map of maps |
//! | `papaya`, `scc`, `moka` | these maps, or this cache without a bound, of maps |
//! | `kevy` | kevy-embedded in memory only, with 64 shards |
//! | `redis`, `valkey` | a server behind a unix socket, each call a round trip, where one is named |
//! | `bare` | a hashbrown map of maps without any lock: the bound for one thread, not a choice |
//!
//! Who keeps maps in maps does so through [`Maps`](crate::support::maps::Maps), with the same inner map.

mod bare;
mod kevy;
mod locked;
mod moka;
mod papaya;
mod scc;
mod server;
mod sharded;
mod strings;
#[cfg(test)]
mod tests;
mod variants;

pub(crate) use self::bare::Bare;
pub(crate) use self::kevy::Kevy;
pub(crate) use self::moka::Moka;
pub(crate) use self::papaya::Papaya;
pub(crate) use self::scc::Scc;
pub(crate) use self::server::{Redis, SERVERS, Valkey, program, version};
pub(crate) use self::sharded::Sharded;
pub(crate) use self::strings::Strings;
pub(crate) use self::variants::{Tables, Unshaped};

/// Those that threads can share, in this process.
pub(crate) const SHARED: [&str; 8] =
    ["hashlet", "dashmap", "dashmap_strings", "sharded", "papaya", "scc", "moka", "kevy"];
pub(crate) const TABLES: &str = "hashlet_tables";
pub(crate) const UNSHAPED: &str = "hashlet_unshaped";
pub(crate) const BARE: &str = "bare";

/// Where a name stands in tables: ours, the others, ours built in another way, the servers, the bound.
pub(crate) fn place(name: &str) -> usize {
    let servers = SERVERS.map(|(server, _)| server);
    let among = |names: &[&str]| names.iter().position(|known| *known == name);
    match (among(&SHARED), among(&servers)) {
        (Some(place), _) => place,
        (_, Some(place)) => SHARED.len() + 1 + place,
        _ if name == BARE => usize::MAX,
        _ => SHARED.len(),
    }
}

/// Runs an expression with a type in place of the name of a rival.
///
/// `shared` allows only those that threads can share, `any` also the bare map.
macro_rules! with_rival {
    (any $name:expr, $rival:ident => $body:expr) => {
        match $name {
            $crate::rivals::BARE => {
                type $rival = $crate::rivals::Bare;
                $body
            }
            name => $crate::rivals::with_rival!(shared name, $rival => $body),
        }
    };
    (shared $name:expr, $rival:ident => $body:expr) => {
        $crate::rivals::with_rival!(@among $name, $rival => $body, {
            "hashlet" => hashlet::Store,
            "hashlet_tables" => $crate::rivals::Tables,
            "hashlet_unshaped" => $crate::rivals::Unshaped,
            "dashmap" => $crate::support::rival::DashMaps,
            "dashmap_strings" => $crate::rivals::Strings,
            "sharded" => $crate::rivals::Sharded,
            "papaya" => $crate::rivals::Papaya,
            "scc" => $crate::rivals::Scc,
            "moka" => $crate::rivals::Moka,
            "kevy" => $crate::rivals::Kevy,
            "redis" => $crate::rivals::Redis,
            "valkey" => $crate::rivals::Valkey,
        })
    };
    (@among $name:expr, $rival:ident => $body:expr, { $($word:literal => $type:ty,)* }) => {
        match $name {
            $($word => {
                type $rival = $type;
                $body
            })*
            name => panic!("no rival is called {name}"),
        }
    };
}
pub(crate) use with_rival;
