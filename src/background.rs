//! Optional threads that work on a store in the background. No other module of the crate uses them.

#[cfg(feature = "snapshot")]
mod autosave;
mod janitor;

#[cfg(feature = "snapshot")]
pub use autosave::{Autosave, AutosavePolicy, AutosaveStats};
pub use janitor::Janitor;
