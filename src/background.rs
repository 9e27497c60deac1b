//! Threads that work on a store by themselves, for programs that want them. Nothing below knows of them.

#[cfg(feature = "snapshot")]
mod autosave;
mod janitor;

#[cfg(feature = "snapshot")]
pub use autosave::{Autosave, AutosavePolicy};
pub use janitor::Janitor;
