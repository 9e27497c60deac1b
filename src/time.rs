//! The instant that a call runs at.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// "Now", the same for all of one call: read from the clock when a deadline first asks for it, then frozen. A call
/// that meets no deadline reads no clock.
#[derive(Debug, Default)]
pub(crate) struct Now {
    millis: OnceLock<u64>,
}

/// The instant of stand-alone values, which have no deadlines and so never ask for it.
pub(crate) static NOW_OF_VALUES: Now = Now { millis: OnceLock::new() };

impl Now {
    /// Milliseconds since 1970-01-01 UTC; a clock set before that year reads 0.
    #[expect(dead_code, reason = "deadlines ask for it, and no record has one yet")]
    pub(crate) fn millis(&self) -> u64 {
        *self.millis.get_or_init(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }
}
