//! The promises of calls on keys: on all keys, on several keys at once, and of scans through keys and through their
//! fields, of patterns of keys, and of random keys.

mod hash_order;
mod keyspace;
mod many;
mod patterns;
mod random;
mod scans;
#[cfg(feature = "snapshot")]
mod transfers;
