//! What is too large is refused, and a store knows to the byte what it takes. `memory.rs`, which asks the allocator for
//! this, is a binary of its own.

mod max_bytes;
mod sizes;
