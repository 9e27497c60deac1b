//! Deadlines, clocks, and the instant at which a call runs.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// The time from which on a key or field is gone. It is counted in milliseconds since 1970-01-01 UTC, so that it keeps
/// its meaning after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(u64);

impl Deadline {
    /// No deadline. It compares as later than every deadline.
    pub(crate) const NEVER: Self = Self(u64::MAX);
    /// The beginning of 1970. Nothing that has a later deadline has expired then.
    #[cfg(any(feature = "journal", feature = "recorder"))]
    pub(crate) const FIRST: Self = Self(0);
    /// A bound that is later than every deadline, and never due.
    pub(crate) const UNDUE: Self = Self(Self::LATEST + 1);
    /// Bytes of a deadline in a record.
    pub(crate) const BYTES: usize = size_of::<u64>();
    /// The last millisecond that a clock can show and a deadline can have.
    const LATEST: u64 = u64::MAX - 2;

    /// The deadline this long after now. Parts of a millisecond are rounded up, so that nothing is gone too early.
    pub(crate) fn after(now: &Now<'_>, time_to_live: Duration) -> Self {
        Self(now.millis().saturating_add(millis_up(time_to_live)).min(Self::LATEST))
    }

    /// The deadline at this time. A time before 1970 counts as the beginning of 1970.
    pub(crate) fn at(time: SystemTime) -> Self {
        Self(millis_of(time).min(Self::LATEST))
    }

    /// Whether the deadline has come. Reads the clock only if there is a deadline.
    #[inline]
    pub(crate) fn is_due(self, now: &Now<'_>) -> bool {
        self != Self::NEVER && self.0 <= now.millis()
    }

    /// The time left until the deadline.
    pub(crate) fn left(self, now: &Now<'_>) -> Duration {
        Duration::from_millis(self.0.saturating_sub(now.millis()))
    }

    /// The deadline this long after 1970.
    #[cfg(feature = "redis")]
    pub(crate) fn of_millis(millis: u64) -> Self {
        Self(millis.min(Self::LATEST))
    }

    /// Its milliseconds after 1970, or `None` for no deadline.
    pub(crate) fn millis(self) -> Option<u64> {
        (self != Self::NEVER).then_some(self.0)
    }

    pub(crate) fn time(self) -> Option<SystemTime> {
        (self != Self::NEVER).then(|| time_of(self.0))
    }

    pub(crate) fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0.to_le_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(u64::from_le_bytes(bytes))
    }
}

fn millis_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// The milliseconds from 1970 to this time, rounded up. A time before 1970 counts as the beginning of 1970.
pub(crate) fn millis_of(time: SystemTime) -> u64 {
    millis_up(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// The time this many milliseconds after 1970, or the end of the year 9999 if the platform cannot represent it.
pub(crate) fn time_of(millis: u64) -> SystemTime {
    let exact = UNIX_EPOCH.checked_add(Duration::from_millis(millis));
    exact.unwrap_or_else(|| UNIX_EPOCH + Duration::from_secs(253_402_300_799)) // the end of the year 9999
}

/// The clock from which a store reads the time.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    Manual(ManualClock),
}

impl Clock {
    fn millis(&self) -> u64 {
        let millis = match self {
            Self::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }
            Self::Manual(clock) => clock.0.load(SeqCst),
        };
        millis.min(Deadline::LATEST)
    }
}

/// A clock that a program sets by hand. With it, a test of expiring data need not sleep. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use hashlet::{ManualClock, Store};
///
/// let clock = ManualClock::new();
/// let store = Store::builder().clock(&clock).build();
/// store.set("session:9", "user", "ada")?;
/// store.expire("session:9", Duration::from_secs(3_600));
/// clock.advance(Duration::from_secs(3_599));
/// assert!(store.contains_key("session:9"));
/// clock.advance(Duration::from_secs(1));
/// assert!(!store.contains_key("session:9"));
/// # Ok::<(), hashlet::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicU64>);

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl ManualClock {
    /// Returns a clock that shows 2001-09-09 01:46:40 UTC, a billion seconds after 1970.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_000_000_000_000)))
    }

    /// Moves the clock forward by whole milliseconds. It stops at 2^64 - 1 milliseconds after 1970.
    pub fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.update(|now| now.saturating_add(millis));
    }

    /// Sets the clock to a time, which may be before the time that it shows. A time before 1970 counts as the beginning
    /// of 1970.
    pub fn set(&self, time: SystemTime) {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.update(|_| u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
    }

    /// Returns the time that the clock shows.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        time_of(self.0.load(SeqCst))
    }

    fn update(&self, update: impl Fn(u64) -> u64) {
        let _before = self.0.fetch_update(SeqCst, SeqCst, |now| Some(update(now)));
    }
}

/// The current time, which stays the same during one call. It is read from the clock when a deadline first needs it. A
/// call that meets no deadline reads no clock.
#[derive(Debug)]
pub(crate) struct Now<'a> {
    clock: &'a Clock,
    /// [`UNREAD`] until the clock is read. No schedule of threads depends on it.
    millis: std::sync::atomic::AtomicU64,
}

/// No clock shows this time.
const UNREAD: u64 = Deadline::NEVER.0;

/// The instant of stand-alone values and of quiet changes. They meet no deadlines, so it is never read.
pub(crate) static NOW_OF_VALUES: Now<'static> = Now::on(&Clock::System);

impl<'a> Now<'a> {
    #[inline]
    pub(crate) const fn on(clock: &'a Clock) -> Self {
        Self { clock, millis: std::sync::atomic::AtomicU64::new(UNREAD) }
    }

    /// An instant that is frozen at a deadline.
    pub(crate) fn frozen_at(deadline: Deadline) -> Self {
        Self { clock: &Clock::System, millis: std::sync::atomic::AtomicU64::new(deadline.0) }
    }

    #[inline]
    pub(crate) fn millis(&self) -> u64 {
        let millis = self.millis.load(Relaxed);
        if millis == UNREAD { self.read() } else { millis }
    }

    #[cold]
    fn read(&self) -> u64 {
        let millis = self.clock.millis();
        // Threads that share the view of a hash share this instant. The first one to read the clock fixes it.
        self.millis.compare_exchange(UNREAD, millis, Relaxed, Relaxed).map_or_else(|fixed| fixed, |_| millis)
    }
}

impl Clone for Now<'_> {
    fn clone(&self) -> Self {
        Self { clock: self.clock, millis: std::sync::atomic::AtomicU64::new(self.millis.load(Relaxed)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(millis: u64) -> Clock {
        Clock::Manual(ManualClock(Arc::new(AtomicU64::new(millis))))
    }

    #[test]
    fn a_deadline_is_due_from_its_own_millisecond_on() {
        let deadline = Deadline::after(&Now::on(&now(100)), Duration::from_millis(10));
        assert!(!deadline.is_due(&Now::on(&now(109))));
        assert!(deadline.is_due(&Now::on(&now(110))));
        assert_eq!(deadline.left(&Now::on(&now(103))), Duration::from_millis(7));
    }

    #[test]
    fn parts_of_a_millisecond_count_as_a_whole_one() {
        let clock = now(100);
        assert!(!Deadline::after(&Now::on(&clock), Duration::from_nanos(1)).is_due(&Now::on(&clock)));
        assert!(Deadline::after(&Now::on(&clock), Duration::ZERO).is_due(&Now::on(&clock)));
    }

    #[test]
    fn both_ends_of_time_are_safe() {
        let (first, last) = (now(0), now(u64::MAX));
        let far = Deadline::after(&Now::on(&last), Duration::MAX);
        assert!(far < Deadline::NEVER && far.is_due(&Now::on(&last)) && !far.is_due(&Now::on(&first)));
        assert!(!Deadline::NEVER.is_due(&Now::on(&last)));
        assert!(Deadline::at(UNIX_EPOCH - Duration::from_secs(1)).is_due(&Now::on(&first)));
        assert!(far.time().is_some() && Deadline::NEVER.time().is_none());
    }
}
