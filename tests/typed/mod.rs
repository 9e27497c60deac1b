//! Values in fields, structs as hashes, and hashes for serde. Everything is read back unchanged, with every codec.
//! `hostile.rs` counts allocated bytes, and is a binary of its own.

#[cfg(all(feature = "json", feature = "bincode"))]
mod bincode_refusals;
#[cfg(all(feature = "json", feature = "bincode"))]
mod hash_value_serde;
mod human_readable;
mod object_members;
mod object_types;
mod object_updates;
mod objects;
#[cfg(all(feature = "json", feature = "bincode"))]
mod round_trips;
mod values;
