//! The words of expiry: when something is to be gone, on which condition, and what came of it.

use std::time::{Duration, SystemTime};

use crate::time::{Deadline, Now};

/// When a key or field is to be gone: after a time to live, or at a time. To the millisecond; parts of one are rounded
/// up. What is not in the future deletes at once.
///
/// Methods take anything that turns into it: a [`Duration`] or a [`SystemTime`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So long after the call.
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
    pub(crate) fn deadline(self, now: &Now<'_>) -> Deadline {
        match self {
            Self::After(time_to_live) => Deadline::after(now, time_to_live),
            Self::At(time) => Deadline::at(time),
        }
    }
}

/// On which condition a key or field gets a new deadline. It is judged before anything else: a deadline in the past
/// deletes nothing whose condition is not met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ExpireCondition {
    /// On none.
    #[default]
    Always,
    /// If it has no deadline.
    #[doc(alias = "NX")]
    IfNone,
    /// If it has a deadline.
    #[doc(alias = "XX")]
    IfSome,
    /// If the new deadline is later than the one it has. None at all counts as the latest.
    #[doc(alias = "GT")]
    IfLater,
    /// If the new deadline is sooner than the one it has. None at all counts as the latest.
    #[doc(alias = "LT")]
    IfSooner,
}

impl ExpireCondition {
    pub(crate) fn allows(self, old: Deadline, new: Deadline) -> bool {
        match self {
            Self::Always => true,
            Self::IfNone => old == Deadline::NEVER,
            Self::IfSome => old != Deadline::NEVER,
            Self::IfLater => new > old,
            Self::IfSooner => new < old,
        }
    }
}

/// What came of setting a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpireOutcome {
    /// There is no such key or field.
    Missing,
    /// The [`ExpireCondition`] is not met, and nothing was changed.
    NotMet,
    /// It has the deadline now.
    Set,
    /// The deadline is not in the future, and the key or field is gone already.
    Deleted,
    /// A store with [`Limits::max_bytes`](crate::Limits::max_bytes) has no room for the deadline, and nothing was changed. A
    /// deadline in the place of another one needs no room.
    Full,
}

/// How long a key or field has to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ttl {
    /// There is no such key or field.
    Missing,
    /// It has no deadline.
    Never,
    /// So long, to the millisecond, and never zero.
    Left(Duration),
}

impl Ttl {
    /// Returns how long is left, or `None` if that is for ever or there is nothing.
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

/// What a read does to the deadlines of the fields that it meets; see [`Store::get_and_expire`](crate::Store::get_and_expire).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// Sets it.
    Expire(When),
    /// Takes it away.
    Persist,
}

impl<W: Into<When>> From<W> for Touch {
    fn from(when: W) -> Self {
        Self::Expire(when.into())
    }
}

/// What must be there before a write, or must not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Presence {
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

/// What becomes of the deadlines of fields that are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FieldTtl {
    #[default]
    Drop,
    Keep,
    Set(When),
}

/// How [`Store::set_with`](crate::Store::set_with) sets fields: with which deadlines, and on which conditions. Without
/// any it sets as [`set_many`](crate::Store::set_many) does.
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
    field_presence: Presence,
    key_presence: Presence,
}

impl SetOptions {
    /// Returns options that change nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the fields a deadline. In the past it leaves them deleted.
    #[doc(alias = "HSETEX")]
    pub fn expire(mut self, when: impl Into<When>) -> Self {
        self.fields = FieldTtl::Set(when.into());
        self
    }

    /// Leaves the fields the deadlines that they have; a field that is overwritten otherwise loses its own.
    #[doc(alias = "KEEPTTL")]
    pub fn keep_ttl(mut self) -> Self {
        self.fields = FieldTtl::Keep;
        self
    }

    /// Gives the key a deadline. In the past it leaves the key deleted.
    pub fn expire_key(self, when: impl Into<When>) -> Self {
        self.expire_key_if(when, ExpireCondition::Always)
    }

    /// Gives the key a deadline on a condition; the fields are set whether it is met or not.
    pub fn expire_key_if(mut self, when: impl Into<When>, condition: ExpireCondition) -> Self {
        self.key = Some((when.into(), condition));
        self
    }

    /// Sets the fields only if none of them is there.
    #[doc(alias = "FNX")]
    pub fn only_new_fields(mut self) -> Self {
        self.field_presence = Presence::Absent;
        self
    }

    /// Sets the fields only if all of them are there.
    #[doc(alias = "FXX")]
    pub fn only_present_fields(mut self) -> Self {
        self.field_presence = Presence::Present;
        self
    }

    /// Sets the fields only if the key is not there.
    #[doc(alias = "NX")]
    pub fn only_new_key(mut self) -> Self {
        self.key_presence = Presence::Absent;
        self
    }

    /// Sets the fields only if the key is there.
    #[doc(alias = "XX")]
    pub fn only_present_key(mut self) -> Self {
        self.key_presence = Presence::Present;
        self
    }

    pub(crate) fn allow(&self, has_key: bool, has_fields: impl Iterator<Item = bool>) -> bool {
        self.key_presence.allows(std::iter::once(has_key)) && self.field_presence.allows(has_fields)
    }
}
