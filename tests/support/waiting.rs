//! Waiting for what another thread does.

use std::thread;
use std::time::{Duration, Instant};

/// The limit is so generous that only what never happens exceeds it, however busy the machine is.
const LIMIT: Duration = Duration::from_secs(30);

/// Waits until something is so. The panic names the line of the caller if it does not happen.
#[track_caller]
pub(crate) fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LIMIT, "it does not happen");
        thread::sleep(Duration::from_millis(1));
    }
}
