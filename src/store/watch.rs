//! What a watcher asks for, and what it is told.

use std::time::SystemTime;

use crate::value::HashValue;

/// What a watcher of a store wants to know; see [`StoreBuilder::watch`](crate::StoreBuilder::watch). It begins with all
/// kinds of changes, without values.
///
/// ```
/// # #[cfg(feature = "watch")] {
/// use hashlet::Watch;
///
/// // The fields of sessions with their new values, and no deadlines.
/// let sessions = Watch::prefix("session:").values(true).deadlines(false);
/// // What expires, with what was there.
/// let expired = Watch::all().fields(false).deadlines(false).keys(false).evicted(false).old_values(true);
/// # assert_ne!(sessions, expired);
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Watch {
    prefix: Vec<u8>,
    groups: u8,
    has_values: bool,
    has_old_values: bool,
}

/// The kinds of changes that a [`Watch`] can choose together. Each is a bit.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Group {
    Fields = 1,
    Deadlines = 2,
    Keys = 4,
    Expired = 8,
    Evicted = 16,
}

impl Watch {
    /// Watches all keys.
    pub fn all() -> Self {
        Self::prefix("")
    }

    /// Watches the keys that begin with these bytes. A change of another key costs one comparison more.
    #[doc(alias = "PSUBSCRIBE")]
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        Self { prefix: prefix.as_ref().to_vec(), groups: u8::MAX, has_values: false, has_old_values: false }
    }

    /// Chooses whether changes hold the new values of fields. The default is `false`: each value is a copy.
    pub fn values(mut self, values: bool) -> Self {
        self.has_values = values;
        self
    }

    /// Chooses whether changes hold what was there before. The default is `false`. A hash that is removed or expires is
    /// then copied as a whole under the lock, which is O(n).
    pub fn old_values(mut self, old_values: bool) -> Self {
        self.has_old_values = old_values;
        self
    }

    /// Chooses whether to tell of [`FieldSet`](ChangeKind::FieldSet) and [`FieldRemoved`](ChangeKind::FieldRemoved).
    pub fn fields(self, fields: bool) -> Self {
        self.choose(Group::Fields, fields)
    }

    /// Chooses whether to tell of [`FieldDeadline`](ChangeKind::FieldDeadline) and
    /// [`KeyDeadline`](ChangeKind::KeyDeadline).
    pub fn deadlines(self, deadlines: bool) -> Self {
        self.choose(Group::Deadlines, deadlines)
    }

    /// Chooses whether to tell of [`KeyRemoved`](ChangeKind::KeyRemoved), [`KeyRenamed`](ChangeKind::KeyRenamed),
    /// [`KeyCopied`](ChangeKind::KeyCopied) and [`AllRemoved`](ChangeKind::AllRemoved).
    pub fn keys(self, keys: bool) -> Self {
        self.choose(Group::Keys, keys)
    }

    /// Chooses whether to tell of [`FieldExpired`](ChangeKind::FieldExpired) and [`KeyExpired`](ChangeKind::KeyExpired).
    #[doc(alias = "notify-keyspace-events")]
    pub fn expired(self, expired: bool) -> Self {
        self.choose(Group::Expired, expired)
    }

    /// Chooses whether to tell of [`KeyEvicted`](ChangeKind::KeyEvicted).
    pub fn evicted(self, evicted: bool) -> Self {
        self.choose(Group::Evicted, evicted)
    }

    fn choose(mut self, group: Group, is_wanted: bool) -> Self {
        self.groups = if is_wanted { self.groups | group as u8 } else { self.groups & !(group as u8) };
        self
    }

    pub(super) fn has_key(&self, key: &[u8]) -> bool {
        key.starts_with(&self.prefix)
    }

    pub(super) fn has(&self, group: Group) -> bool {
        self.groups & group as u8 != 0
    }

    /// A copy of a new value, if it is wanted.
    pub(super) fn value(&self, value: &[u8]) -> Option<Vec<u8>> {
        self.has_values.then(|| value.to_vec())
    }

    /// What was there before, if it is wanted.
    pub(super) fn old<T>(&self, old: impl FnOnce() -> T) -> Option<T> {
        self.has_old_values.then(old)
    }
}

/// A change of what a store holds, as its watcher is told of it; see [`StoreBuilder::watch`](crate::StoreBuilder::watch).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The number of the change. The first one has 1, and each has one more than the one before. A gap is as many
    /// changes as were lost because the channel was full.
    pub sequence: u64,
    /// The key whose hash has changed. Empty for [`ChangeKind::AllRemoved`].
    pub key: Vec<u8>,
    /// What has happened to it.
    pub kind: ChangeKind,
}

/// What has happened to a hash; see [`Change`].
///
/// Members with values are `None` where [`Watch::values`] or [`Watch::old_values`] does not ask for them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// A field got a value. It keeps its deadline, unless a [`FieldDeadline`](Self::FieldDeadline) follows or came
    /// before. The first field of a missing key creates the key.
    FieldSet {
        /// The field.
        field: Vec<u8>,
        /// Its new value.
        value: Option<Vec<u8>>,
        /// The value that it had, or `None` if it is new.
        before: Option<Vec<u8>>,
        /// Whether the field is new.
        is_new: bool,
    },
    /// A call removed a field. The last field of a hash takes its key along, without another change.
    FieldRemoved {
        /// The field.
        field: Vec<u8>,
        /// The value that it had.
        before: Option<Vec<u8>>,
    },
    /// A field has expired by its own deadline, and was removed. The last field of a hash takes its key along, without
    /// another change.
    FieldExpired {
        /// The field.
        field: Vec<u8>,
        /// The value that it had.
        before: Option<Vec<u8>>,
    },
    /// A field got another deadline, or none.
    FieldDeadline {
        /// The field.
        field: Vec<u8>,
        /// Its deadline.
        deadline: Option<SystemTime>,
    },
    /// The key got another deadline, or none. A key loses its deadline just before it loses its last field.
    KeyDeadline {
        /// Its deadline.
        deadline: Option<SystemTime>,
    },
    /// A call removed the key with all its fields.
    KeyRemoved {
        /// The hash that it held.
        before: Option<HashValue>,
    },
    /// The key has expired by its own deadline, and was removed with all its fields.
    KeyExpired {
        /// The hash that it held. Fields may be in it that had expired before the key.
        before: Option<HashValue>,
    },
    /// The key was [evicted](crate::StoreBuilder::eviction) with all its fields, because the store was full.
    KeyEvicted {
        /// The hash that it held.
        before: Option<HashValue>,
    },
    /// The hash has moved to another key, with its deadlines, in place of what was there. The other key may be one that
    /// is not watched. A hash that comes from a key that is not watched is told as one that is written there: the key
    /// removed if it was there, the fields set, their deadlines, and that of the key. Do not replay this change on a
    /// state that is later than the change: read the other key again from the store.
    KeyRenamed {
        /// The other key.
        to: Vec<u8>,
    },
    /// The key has got a copy of the hash of another key, with its deadlines, in place of what was there. A copy from a
    /// key that is not watched is told as one that is written here, as with [`KeyRenamed`](Self::KeyRenamed). Do not
    /// replay this change on a state that is later than the change: read this key again from the store.
    KeyCopied {
        /// The other key.
        from: Vec<u8>,
    },
    /// [`clear_all`](crate::Store::clear_all) has removed all keys.
    AllRemoved,
}
