//! Deadlines as a server takes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::RemoteError;
use crate::expiry::{ExpireCondition, When};

/// The latest deadline of a field that both servers can hold, in milliseconds after 1970: in the year 4199.
pub(super) const LATEST: u64 = (1 << 46) - 1;

/// A deadline, and whether it is counted from 1970 or from now.
#[derive(Clone, Copy)]
pub(super) struct ServerTime {
    pub(super) millis: u64,
    is_absolute: bool,
}

impl ServerTime {
    /// # Errors
    /// `Unsupported` if the server cannot hold it. Parts of a millisecond are rounded up.
    pub(super) fn of(when: When) -> Result<Self, RemoteError> {
        let since_1970 = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (duration, is_absolute, latest) = match when {
            When::At(time) => (since_1970(time), true, LATEST),
            When::After(duration) => {
                let now = u64::try_from(since_1970(SystemTime::now()).as_millis()).unwrap_or(u64::MAX);
                (duration, false, LATEST.saturating_sub(now))
            }
        };
        let millis = millis_up(duration).filter(|millis| *millis <= latest);
        let millis = millis.ok_or_else(too_late)?;
        Ok(Self { millis, is_absolute })
    }

    /// The name of the command that sets it: `PEXPIRE` and its like.
    pub(super) fn command(self, relative: &'static str, absolute: &'static str) -> &'static str {
        if self.is_absolute { absolute } else { relative }
    }
}

/// The error for a deadline that no server can hold.
pub(super) fn too_late() -> RemoteError {
    RemoteError::Unsupported("a deadline after the year 4199".into())
}

fn millis_up(duration: Duration) -> Option<u64> {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).ok()
}

/// The word for a condition, if there is one.
pub(super) fn condition(condition: ExpireCondition) -> Option<&'static str> {
    match condition {
        ExpireCondition::Always => None,
        ExpireCondition::IfNone => Some("NX"),
        ExpireCondition::IfSome => Some("XX"),
        ExpireCondition::IfLater => Some("GT"),
        ExpireCondition::IfSooner => Some("LT"),
        ExpireCondition::IfSomeAndSooner => Some("XXLT"), // the scripts take it apart
    }
}
