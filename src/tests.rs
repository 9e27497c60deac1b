//! Tests of this crate's inside that need more than one module of it.

pub(crate) mod effort;
#[cfg(all(hashlet_shuttle, feature = "snapshot", feature = "testing"))]
mod schedules;
