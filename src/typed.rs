//! Typed values: fields and hashes that hold values of serde types. This layer uses `Store` and its closures, and no
//! layer below knows of it.
//!
//! | file | content |
//! |---|---|
//! | `codec.rs` | formats that turn values into bytes and bytes into values |
//! | `view.rs` | `Typed`, and values in single fields |
//! | `over.rs` | `TypedHashes`, the same over a server or whatever else has the vocabulary of a store |
//! | `object.rs` | structs as hashes, each member in a field of its own |
//! | `forward.rs` | macros for methods that several serializers share |
//! | `field.rs` | values of single fields as bytes, for both views |
//! | `error.rs` | `CodecError` |

#[macro_use]
mod forward;

// The documentation of `Typed` shows its methods in the order of these modules.
mod view;

mod object;

mod over;

mod codec;
mod error;
mod field;

#[cfg(feature = "bincode")]
pub use codec::Bincode;
pub use codec::Codec;
#[cfg(feature = "json")]
pub use codec::Json;
pub use error::CodecError;
pub use over::TypedHashes;
pub use view::Typed;
