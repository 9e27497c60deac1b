//! Limits: a store refuses everything that is too large, and knows its own memory to the byte. `memory.rs` compares
//! that with the allocator, and is a binary of its own.

mod eviction;
mod lookups;
mod max_bytes;
mod max_keys;
mod shapes;
mod sizes;
