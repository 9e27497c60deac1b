//! The public types of expiry: deadlines, conditions, outcomes, and the options of a write.
//!
//! # What happens when it expires?
//! A key or field has expired from the millisecond of its deadline on. Every call then answers as if it were gone. A
//! call that meets an expired key or field removes it, which is called *purging*. Nothing else in the crate has to skip
//! it.
//!
//! ```text
//! what                   what happens                                                   where the rule stands
//! ---------------------  -------------------------------------------------------------  -----------------------
//! a key                  The key is gone, with all its fields.                          hash/purge.rs
//! a field                The field is gone. The key and its other fields stay.          hash/purge.rs
//! the last field of      The key is gone, and its deadline with it. A later write       hash/purge.rs,
//!   a key                begins a new hash without deadlines.                           hash/found.rs,
//!                                                                                       shard.rs
//! a key and its fields   Each deadline counts by itself, and the nearer one wins. A     hash/purge.rs
//!   with different       field goes before its key, or together with its key. No field
//!   deadlines            outlives its key.
//! a read that meets      The read releases its read lock, purges the part of the hash   store/locks.rs,
//!   something expired    that it concerns under the write lock, and looks again.        hash/purge.rs (`Scope`)
//! a write                The write purges the part that it concerns before anything     shard.rs,
//!                        else. In a table whose key has a deadline, it goes on until    hash/purge.rs,
//!                        one living field is found: if there is none, the key and its   store/locks.rs
//!                        deadline are gone before the write. A store without room
//!                        purges everything, and tries once more.
//! a count of keys, and   Each shard is purged completely before it is counted.          store/locks.rs,
//!   `stats`, `keys`                                                                     store/purge.rs
//! `size` of a hash       The hash is purged completely before it is counted.            store/locks.rs
//! a scan                 A page of keys purges each shard that it looks at. A page of   store/scan.rs,
//!                        fields purges the whole hash. Pages that were returned before  store/locks.rs
//!                        do not change.
//! `rename`, `copy`       Both hashes are purged first, and an expired source counts as  shard.rs,
//!                        missing. The deadlines of the key and of its fields go along.  store/many.rs
//!                        Those of a hash that is replaced are gone.
//! a save                 Everything expired is purged before the snapshot's instant.    snapshot/save.rs
//!                        All other deadlines are saved as points in time.
//! a load                 Expired keys and fields are checked, counted and left out. No  hash/image/read.rs,
//!                        listener is told.                                              snapshot/load.rs
//! a listener             It is told once of each expired key or field, when that is     hash/purge.rs,
//!                        purged, after the lock is released. Fields that expired        store/listener.rs,
//!                        before their key are told first, the key with the rest. If a   store/call.rs
//!                        deadline is set in the past, no listener is told.
//! a `Janitor`            It purges again and again. It changes no answer, and only      background/janitor.rs,
//!                        gives back memory that no call asks for.                       store/purge.rs
//! ```

use std::time::{Duration, SystemTime};

use crate::time::{Deadline, Now, millis_of, time_of};

/// The time at which a key or field expires: after a time to live, or at a point in time. It is exact to the
/// millisecond, and parts of a millisecond are rounded up. A time that is not in the future deletes the key or field at
/// once.
///
/// Methods take a `When`, a [`Duration`] or a [`SystemTime`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// This long after the call.
    After(Duration),
    /// At this time.
    At(SystemTime),
}

impl From<Duration> for When {
    fn from(time_to_live: Duration) -> Self {
        Self::After(time_to_live)
    }
}

impl From<SystemTime> for When {
    fn from(time: SystemTime) -> Self {
        Self::At(time)
    }
}

impl When {
    /// The time this many milliseconds after the beginning of 1970, as servers and logs write it.
    ///
    /// ```
    /// use hashlet::{Store, When, unix_millis};
    ///
    /// let store = Store::new();
    /// store.set("session:9", "user", "ada")?;
    /// store.expire("session:9", When::unix_millis(7_258_118_400_000)); // PEXPIREAT session:9 7258118400000
    /// assert_eq!(store.deadline("session:9").map(unix_millis), Some(7_258_118_400_000)); // PEXPIRETIME session:9
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "PEXPIREAT")]
    #[must_use]
    pub fn unix_millis(millis: u64) -> Self {
        Self::At(time_of(millis))
    }

    /// The time this many seconds after the beginning of 1970.
    #[doc(alias = "EXPIREAT")]
    #[must_use]
    pub fn unix_seconds(seconds: u64) -> Self {
        Self::unix_millis(seconds.saturating_mul(1_000))
    }

    pub(crate) fn deadline(self, now: &Now<'_>) -> Deadline {
        match self {
            Self::After(time_to_live) => Deadline::after(now, time_to_live),
            Self::At(time) => Deadline::at(time),
        }
    }
}

/// Returns the milliseconds from the beginning of 1970 to this time, as PEXPIRETIME of Redis does. Parts of a millisecond
/// are rounded up, as in a deadline. A time before 1970 counts as its beginning. [`When::unix_millis`] is the way back.
#[doc(alias = "PEXPIRETIME")]
#[must_use]
pub fn unix_millis(time: SystemTime) -> u64 {
    millis_of(time)
}

/// The condition on which a key or field gets a new deadline. It is checked before anything else: if it is not met,
/// even a deadline in the past deletes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExpireCondition {
    /// Always.
    #[default]
    Always,
    /// If it has no deadline yet.
    #[doc(alias = "NX")]
    IfNone,
    /// If it has a deadline already.
    #[doc(alias = "XX")]
    IfSome,
    /// If the new deadline is later than the present one. No deadline counts as the latest of all, so this is met only if
    /// there is a deadline: Redis's GT and its XX GT are the same.
    #[doc(alias = "GT")]
    IfLater,
    /// If the new deadline is sooner than the present one. No deadline counts as the latest of all, so this is met if there is
    /// none.
    #[doc(alias = "LT")]
    IfSooner,
    /// If it has a deadline already, and the new one is sooner.
    #[doc(alias = "XX LT")]
    IfSomeAndSooner,
}

impl ExpireCondition {
    pub(crate) fn allows(self, old: Deadline, new: Deadline) -> bool {
        match self {
            Self::Always => true,
            Self::IfNone => old == Deadline::NEVER,
            Self::IfSome => old != Deadline::NEVER,
            Self::IfLater => new > old,
            Self::IfSooner => new < old,
            Self::IfSomeAndSooner => old != Deadline::NEVER && new < old,
        }
    }
}

/// The outcome of setting a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpireOutcome {
    /// There is no such key or field.
    Missing,
    /// The [`ExpireCondition`] is not met, and nothing was changed.
    NotMet,
    /// The key or field has the deadline now.
    Set,
    /// The deadline is not in the future, so the key or field was deleted at once.
    Deleted,
    /// A store with [`Limits::max_bytes`](crate::Limits::max_bytes) has no room for the deadline, and nothing was
    /// changed. A deadline that replaces another one needs no room.
    Full,
}

impl ExpireOutcome {
    /// Returns whether there is no room for the deadline. See [`Error::is_full`](crate::Error::is_full).
    #[must_use]
    pub fn is_full(self) -> bool {
        self == Self::Full
    }
}

/// The time that a key or field has to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ttl {
    /// There is no such key or field.
    Missing,
    /// The key or field has no deadline.
    Never,
    /// This long, exact to the millisecond, and never zero.
    Left(Duration),
}

impl Ttl {
    /// Returns the time left, or `None` if there is no deadline or no such key or field.
    #[must_use]
    pub fn left(self) -> Option<Duration> {
        match self {
            Self::Left(left) => Some(left),
            _ => None,
        }
    }

    pub(crate) fn of(deadline: Deadline, now: &Now<'_>) -> Self {
        if deadline == Deadline::NEVER { Self::Never } else { Self::Left(deadline.left(now)) }
    }
}

/// The change that a read makes to the deadline of each field that it returns; see
/// [`Store::get_and_expire`](crate::Store::get_and_expire).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Sets the deadline.
    Expire(When),
    /// Removes the deadline.
    Persist,
}

impl<W: Into<When>> From<W> for Touch {
    fn from(when: W) -> Self {
        Self::Expire(when.into())
    }
}

/// A condition of a write: which keys or fields must be there, or must not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Presence {
    #[default]
    Any,
    Absent,
    Present,
}

impl Presence {
    fn allows(self, mut are_present: impl Iterator<Item = bool>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => !are_present.any(|is_present| is_present),
            Self::Present => are_present.all(|is_present| is_present),
        }
    }
}

/// The effect of a write on the deadlines of the fields that it sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FieldTtl {
    #[default]
    Drop,
    Keep,
    Set(When),
}

/// The options of [`Store::set_with`](crate::Store::set_with): the deadlines that it sets, and the conditions on which
/// it sets anything. Without any option it behaves as [`set_many`](crate::Store::set_many).
///
/// ```
/// use std::time::Duration;
/// use hashlet::{ExpireCondition, SetOptions, Store};
///
/// let store = Store::new();
/// // A session and its time to live, in one step.
/// let session = SetOptions::new().only_new_key().expire_key(Duration::from_secs(3_600));
/// assert_eq!(store.set_with("session:9", [("user", "ada")], session)?, Some(1));
/// assert_eq!(store.set_with("session:9", [("user", "eve")], session)?, None); // it is there already
/// // A field that lives shorter than the others.
/// let token = SetOptions::new().expire(Duration::from_secs(60));
/// store.set_with("session:9", [("token", "x")], token)?;
/// # Ok::<(), hashlet::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct SetOptions {
    pub(crate) fields: FieldTtl,
    pub(crate) key: Option<(When, ExpireCondition)>,
    pub(crate) field_presence: Presence,
    pub(crate) key_presence: Presence,
}

impl SetOptions {
    /// The defaults. `set_with` then behaves as `set_many`: overwritten fields lose their deadlines.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the fields a deadline. If it is in the past, the fields end up deleted.
    #[doc(alias = "HSETEX")]
    pub fn expire(mut self, when: impl Into<When>) -> Self {
        self.fields = FieldTtl::Set(when.into());
        self
    }

    /// Keeps the deadlines that the fields have. Without this option, an overwritten field loses its deadline.
    #[doc(alias = "KEEPTTL")]
    pub fn keep_ttl(mut self) -> Self {
        self.fields = FieldTtl::Keep;
        self
    }

    /// Gives the key a deadline. If it is in the past, the key ends up deleted.
    pub fn expire_key(self, when: impl Into<When>) -> Self {
        self.expire_key_if(when, ExpireCondition::Always)
    }

    /// Gives the key a deadline on a condition. The fields are set whether the condition is met or not.
    pub fn expire_key_if(mut self, when: impl Into<When>, condition: ExpireCondition) -> Self {
        self.key = Some((when.into(), condition));
        self
    }

    /// Sets the fields only if none of them exists.
    #[doc(alias = "FNX")]
    pub fn only_new_fields(mut self) -> Self {
        self.field_presence = Presence::Absent;
        self
    }

    /// Sets the fields only if all of them exist.
    #[doc(alias = "FXX")]
    pub fn only_present_fields(mut self) -> Self {
        self.field_presence = Presence::Present;
        self
    }

    /// Sets the fields only if the key does not exist.
    #[doc(alias = "NX")]
    pub fn only_new_key(mut self) -> Self {
        self.key_presence = Presence::Absent;
        self
    }

    /// Sets the fields only if the key exists.
    #[doc(alias = "XX")]
    pub fn only_present_key(mut self) -> Self {
        self.key_presence = Presence::Present;
        self
    }

    pub(crate) fn allow(&self, has_key: bool, has_fields: impl Iterator<Item = bool>) -> bool {
        self.key_presence.allows(std::iter::once(has_key)) && self.field_presence.allows(has_fields)
    }
}
