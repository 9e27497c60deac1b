//! The promises of the operations on the fields of one hash, in a store and on the owned value.

mod existing;
mod hash_value;
mod numbers;
mod operations;
mod sampling;
mod text;
