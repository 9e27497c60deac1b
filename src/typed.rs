//! Typed values: what serde knows, in the fields of hashes. Nothing below knows of it; it stands on `Store` and its closures.
//!
//! | file | what |
//! |---|---|
//! | `codec.rs` | how a value becomes bytes |
//! | `view.rs` | a value in a field: `Typed` |
//! | `object.rs` | a struct as a hash, a member in each field |
//! | `forward.rs` | methods that several serializers share |
//! | `error.rs` | what can go wrong |

#[macro_use]
mod forward;

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
