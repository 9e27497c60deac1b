//! Tests of private code that need more than one module.

pub(crate) mod effort;
#[cfg(all(hashlet_shuttle, feature = "snapshot", feature = "testing"))]
mod schedules;
