//! The promises of calls on keys: on all keys, on several keys at once, and of scans through keys and through their
//! fields.

mod hash_order;
mod keyspace;
mod many;
mod scans;
#[cfg(feature = "snapshot")]
mod transfers;
