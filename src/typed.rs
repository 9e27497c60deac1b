//! Typed values: what serde knows, in the fields of hashes. Nothing below knows of it; it stands on `Store` and its closures.
//!
//! | file | what |
//! |---|---|
//! | `codec.rs` | how a value becomes bytes |
//! | `view.rs` | a value in a field: `Typed` |
//! | `object.rs` | a struct as a hash, a member in each field |
//! | `scalars.rs` | what serializers around others hand on |
//! | `error.rs` | what can go wrong |

#[macro_use]
mod scalars;

mod codec;
mod error;
mod object;
mod view;

#[cfg(feature = "bincode")]
pub use codec::Bincode;
pub use codec::Codec;
#[cfg(feature = "json")]
pub use codec::Json;
pub use error::CodecError;
pub use view::Typed;
