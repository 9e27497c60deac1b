//! Times in the unit of the model: milliseconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hashlet::When;

/// The time of a new `ManualClock`.
pub(crate) const BEGINNING: u64 = 1_000_000_000_000;

/// The latest millisecond that a clock and a deadline can have.
pub(crate) const END: u64 = u64::MAX - 2;

pub(crate) fn time(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(millis)
}

/// The deadline in milliseconds. It is rounded up, and limited to the range that a clock can have.
pub(crate) fn deadline(when: When, now: u64) -> u64 {
    let (from, duration) = match when {
        When::After(time_to_live) => (now, time_to_live),
        When::At(time) => (0, time.duration_since(UNIX_EPOCH).unwrap_or_default()),
    };
    let millis = u128::from(from) + duration.as_nanos().div_ceil(1_000_000);
    u64::try_from(millis).map_or(END, |millis| millis.min(END))
}
