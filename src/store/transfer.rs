//! Hashes that come from elsewhere, or go there: from another store, a server or a dump.

use crate::error::{Error, Result};
use crate::expiry::ExpireCondition;
use crate::hash::{Record, Scope};
use crate::options::Rules;
use crate::saving::Mark;
use crate::store::{Overwrite, Store, TransferOutcome};
use crate::sync::assert_outside_closures;

/// # Hashes that leave the store
/// [`copy_into`](Self::copy_into) copies a hash to another store. With the feature `snapshot`, `dump` makes bytes of a
/// hash, and `restore` makes a hash of them. Both take the deadlines of the key and of its fields along.
impl Store {
    /// Copies a hash with all of its deadlines to a key of another store. O(n). If the other store is this one, this is
    /// [`copy`](Self::copy).
    ///
    /// The hash is read at one instant, and put into the other store in one atomic step. These are two steps: what
    /// happens to the hash between them is not in the copy. What has expired by the second step is left out. If that is
    /// everything, the outcome is [`NoSource`](TransferOutcome::NoSource), and nothing is changed. To move a hash that nobody else changes, copy it, and then
    /// [`clear`](Self::clear) its key.
    ///
    /// ```
    /// use hashlet::{Overwrite, Store, TransferOutcome};
    ///
    /// let (hot, archive) = (Store::new(), Store::new());
    /// hot.set("order:7", "state", "sent")?;
    /// assert_eq!(hot.copy_into("order:7", &archive, "order:7", Overwrite::No)?, TransferOutcome::Done);
    /// hot.clear("order:7");
    /// assert!(archive.contains("order:7", "state"));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`set_many`](Self::set_many) on the other store, if the hash exceeds a limit of it, or if there is no
    /// room for it or for its deadlines. Nothing is changed then.
    ///
    /// # Locking
    /// Holds the read lock of the key's shard while the hash is copied, and afterwards the write lock of the other
    /// key's shard. It never holds both.
    #[doc(alias = "COPY")]
    #[doc(alias = "MIGRATE")]
    #[track_caller]
    pub fn copy_into(
        &self,
        key: impl AsRef<[u8]>,
        other: &Self,
        new: impl AsRef<[u8]>,
        overwrite: Overwrite,
    ) -> Result<TransferOutcome> {
        let (key, new) = (key.as_ref(), new.as_ref());
        if std::ptr::eq(self, other) {
            return self.copy(key, new, overwrite);
        }
        let copy = self.look(key, Scope::Hash, |record, _| record.map(|record| record.with_key(Mark::default(), key)));
        match copy {
            Some(copy) => other.put_hash(new, &copy, &self.rules, overwrite),
            None => {
                other.rules.check_key(new)?;
                Ok(TransferOutcome::NoSource)
            }
        }
    }

    /// Puts a hash, whose rules are these, with its deadlines in the place of what is there, in one step. What has
    /// expired by now is left out.
    #[track_caller]
    pub(crate) fn put_hash(
        &self,
        key: &[u8],
        hash: &Record,
        rules: &Rules,
        overwrite: Overwrite,
    ) -> Result<TransferOutcome> {
        assert_outside_closures();
        self.rules.check_key(key)?;
        let put = || {
            let (result, logged) = self.try_update_logged(key, |new| {
                if overwrite == Overwrite::No && !new.is_empty() {
                    return Ok(TransferOutcome::TargetExists);
                }
                new.clear();
                new.set_many(hash.pairs(rules))?;
                for (field, deadline) in hash.timed_fields(rules) {
                    if let Some(time) = deadline.time() {
                        new.try_expire_field(field, time.into(), ExpireCondition::Always)?;
                    }
                }
                if let Some(time) = hash.deadline().time() {
                    new.try_expire(time.into(), ExpireCondition::Always)?;
                }
                if new.is_empty() { Err(NotPut::Expired) } else { Ok(TransferOutcome::Done) }
            });
            match result {
                Ok(outcome) => logged.or_unlogged(outcome),
                Err(NotPut::Expired) => Ok(TransferOutcome::NoSource),
                Err(NotPut::Refused(error)) => Err(error),
            }
        };
        self.with_room(put)
    }
}

/// Why nothing of a hash was put.
enum NotPut {
    /// All of it has expired.
    Expired,
    Refused(Error),
}

impl From<Error> for NotPut {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}
