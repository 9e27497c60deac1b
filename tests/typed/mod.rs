//! Values in fields, structs as hashes, and hashes for serde. Everything is read back unchanged, with every codec.
//! `hostile.rs` counts allocated bytes, and is a binary of its own.

#[cfg(all(feature = "json", feature = "bincode", feature = "postcard"))]
mod binary_refusals;
mod checks;
#[cfg(all(feature = "json", feature = "bincode"))]
mod hash_value_serde;
mod human_readable;
mod lent;
mod object_members;
mod object_types;
mod object_updates;
mod objects;
mod owned;
#[cfg(all(feature = "json", feature = "bincode", feature = "postcard"))]
mod round_trips;
mod saves;
mod values;
