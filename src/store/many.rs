//! Calls on whole hashes of several keys.

use crate::error::Result;
use crate::hash::Source;
use crate::store::Store;
use crate::sync::assert_outside_closures;
use crate::value::Arguments;

/// What [`Store::rename`] and [`Store::copy`] do if the new key already exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overwrite {
    /// The hash of the new key is replaced as a whole.
    Yes,
    /// Nothing is changed.
    No,
}

/// The outcome of giving a hash to another key: of a rename, a copy or a restore. If only one thing counts, ask
/// [`is_done`](Self::is_done).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferOutcome {
    /// The new key has the hash now.
    Done,
    /// There is no hash that the new key could get. Nothing was changed.
    NoSource,
    /// The new key exists already, and must not be overwritten. Nothing was changed.
    TargetExists,
}

impl TransferOutcome {
    /// Returns whether the new key has the hash now.
    #[must_use]
    pub fn is_done(self) -> bool {
        self == Self::Done
    }

    /// The outcome for a key that is given its own hash.
    pub(crate) fn to_itself(exists: bool, overwrite: Overwrite) -> Self {
        match (exists, overwrite) {
            (false, _) => Self::NoSource,
            (true, Overwrite::Yes) => Self::Done,
            (true, Overwrite::No) => Self::TargetExists,
        }
    }
}

/// # Several keys
/// See the guide: [`guide::atomic`](crate::guide::atomic) lists which of these calls are one atomic step.
impl Store {
    /// Removes many keys with their hashes, one after the other, and returns how many of them existed. O(keys).
    #[doc(alias = "DEL")]
    #[doc(alias = "UNLINK")]
    #[track_caller]
    pub fn clear_many<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> usize {
        let keys = Arguments::fields(keys);
        assert_outside_closures();
        keys.as_fields().into_iter().filter(|key| self.clear(key)).count()
    }

    /// Moves a hash to another key in one atomic step. The outcome tells whether there was no such hash, or the new key
    /// exists and must not be overwritten. A key renamed to itself stays as it is. O(1) for a table; a packed hash is
    /// copied.
    ///
    /// ```
    /// use hashlet::{Overwrite, TransferOutcome};
    /// # let store = hashlet::Store::new();
    /// store.set("cart:guest", "apples", "2")?;
    /// assert!(store.rename("cart:guest", "cart:7", Overwrite::No)?.is_done());
    /// let again = store.rename("cart:guest", "cart:8", Overwrite::Yes)?;
    /// assert_eq!(again, TransferOutcome::NoSource); // nothing is there any more
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::KeyTooLong`](crate::Error::KeyTooLong) if the new key is longer than
    /// [`Limits::max_key`](crate::Limits::max_key). [`Error::Full`](crate::Error::Full) if the store has no room for
    /// it. Nothing is changed then.
    #[doc(alias = "RENAME")]
    #[doc(alias = "RENAMENX")]
    #[track_caller]
    pub fn rename(
        &self,
        key: impl AsRef<[u8]>,
        new: impl AsRef<[u8]>,
        overwrite: Overwrite,
    ) -> Result<TransferOutcome> {
        let new = new.as_ref();
        self.transfer(key.as_ref(), new, overwrite, Source::Moves)
    }

    /// Copies a hash to another key in one atomic step. The outcome tells whether there was no such hash, or the new key
    /// exists and must not be overwritten. A key copied to itself stays as it is. O(n).
    /// [`copy_into`](Self::copy_into) copies to another store.
    ///
    /// ```
    /// use hashlet::{Overwrite, TransferOutcome};
    /// # let store = hashlet::Store::new();
    /// store.set("template", "theme", "dark")?;
    /// assert!(store.copy("template", "user:1", Overwrite::No)?.is_done());
    /// assert_eq!(store.copy("template", "user:1", Overwrite::No)?, TransferOutcome::TargetExists);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::KeyTooLong`](crate::Error::KeyTooLong) if the new key is longer than
    /// [`Limits::max_key`](crate::Limits::max_key). [`Error::Full`](crate::Error::Full) or
    /// [`Error::TooManyKeys`](crate::Error::TooManyKeys) if the store has no room for it. Nothing is changed then.
    #[doc(alias = "COPY")]
    #[track_caller]
    pub fn copy(&self, key: impl AsRef<[u8]>, new: impl AsRef<[u8]>, overwrite: Overwrite) -> Result<TransferOutcome> {
        let new = new.as_ref();
        self.transfer(key.as_ref(), new, overwrite, Source::Stays)
    }

    #[track_caller]
    fn transfer(&self, key: &[u8], new: &[u8], overwrite: Overwrite, source: Source) -> Result<TransferOutcome> {
        assert_outside_closures();
        self.rules.check_key(new)?;
        if key == new {
            return Ok(TransferOutcome::to_itself(self.contains_key(key), overwrite));
        }
        let transfer = || self.try_transfer([key, new], overwrite, source);
        self.with_room(transfer)
    }

    #[track_caller]
    fn try_transfer(&self, keys: [&[u8]; 2], overwrite: Overwrite, source: Source) -> Result<TransferOutcome> {
        let [_, new] = keys;
        self.change_many(keys, |[from, to], cx| {
            if from.len() == 0 {
                return Ok(TransferOutcome::NoSource);
            }
            if overwrite == Overwrite::No && to.len() > 0 {
                return Ok(TransferOutcome::TargetExists);
            }
            from.transfer(to, new, source, cx)?;
            Ok(TransferOutcome::Done)
        })?
    }
}
