//! Snapshots: a store in a file that is always whole.

#[cfg_attr(not(test), expect(dead_code, reason = "nothing saves to files yet"))]
mod disk;
mod error;
#[cfg_attr(not(test), expect(dead_code, reason = "nothing saves to files yet"))]
mod file;
#[cfg(test)]
mod tests;

pub use error::SnapshotError;
