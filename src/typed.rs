//! Typed values: fields and hashes that hold values of serde types. This layer uses `Store` and its closures, and no
//! layer below knows of it.
//!
//! | file | content |
//! |---|---|
//! | `codec.rs` | formats that turn values into bytes and bytes into values |
//! | `view.rs` | `Typed`, and values in single fields |
//! | `lent.rs` | `TypedRef` and `TypedMut`, the same for the hashes that closures get |
//! | `over.rs` | `TypedHashes`, the same over a server or whatever else has the vocabulary of a store |
//! | `object.rs` | structs as hashes, each member in a field of its own |
//! | `forward.rs` | macros for methods that several serializers share |
//! | `field.rs` | values of single fields as bytes, for all views |
//! | `error.rs` | `CodecError` |

#[macro_use]
mod forward;

// The documentation of `Typed` shows its methods in the order of these modules.
mod view;

mod object;

mod lent;

mod over;

mod codec;
mod error;
mod field;

#[cfg(feature = "bincode")]
pub use codec::Bincode;
#[cfg(feature = "json")]
pub use codec::Json;
#[cfg(feature = "postcard")]
pub use codec::Postcard;
pub use codec::{Codec, check_codec};
pub use error::CodecError;
pub use lent::{TypedMut, TypedRef};
pub use over::TypedHashes;
pub use view::Typed;
