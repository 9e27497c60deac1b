//! What calls on keys promise: on all of them, on several at once, and on walks through them and through their fields.

mod hash_order;
mod keyspace;
mod many;
mod scans;
