//! Saving and loading: a snapshot is the store of one instant, and no other bytes become a store. `kill.rs`,
//! `memory.rs` and `system/` are binaries of their own. Random saves beside the naive model are in `model/saves.rs`.

mod autosave;
mod contents;
#[cfg(feature = "testing")]
mod golden;
mod hostile;
mod limits;
mod start;
mod threads;
mod traffic;
