//! Calls on several keys.

use std::hint::black_box;

use crate::error::Result;
use crate::hash::{Context, Record, Scope, Source, Terms};
use crate::store::Store;
use crate::sync::{RwLock, assert_outside_closures};
use crate::value::Arguments;

/// Keys that [`Store::get_across`] looks up together.
const KEYS_AT_ONCE: usize = 64;

/// What [`Store::rename`] and [`Store::copy`] do if the new key already exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overwrite {
    /// The hash of the new key is replaced as a whole.
    Yes,
    /// Nothing is changed.
    No,
}

/// # Several keys
/// See the guide: [`guide::atomic`](crate::guide::atomic) lists which of these calls are one atomic step.
impl Store {
    /// Returns the value of one field in each of these hashes, in the order of the keys. `None` stands for a missing
    /// field or key. O(keys). This is faster than a [`get`](Self::get) for each key if the keys are far apart in
    /// memory, because the processor can wait for several of them at the same time.
    ///
    /// The keys are looked up in groups of 64. The values of a group are of one instant.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// store.set("user:3", "name", "Grace")?;
    /// let names = store.get_across(["user:1", "user:2", "user:3"], "name");
    /// assert_eq!(names, [Some(b"Ada".to_vec()), None, Some(b"Grace".to_vec())]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Locking
    /// Holds the read locks of the shards of up to 64 keys at a time.
    #[track_caller]
    pub fn get_across<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        field: impl AsRef<[u8]>,
    ) -> Vec<Option<Vec<u8>>> {
        let (keys, field) = (Arguments::fields(keys), field.as_ref());
        assert_outside_closures();
        let now = self.now();
        let terms = Terms::of_look(&now);
        let cx = Context::new(&self.rules, &terms);
        let mut values = Vec::new();
        for keys in keys.as_fields().chunks(KEYS_AT_ONCE) {
            let hashes: Vec<u64> = keys.iter().map(|key| self.rules.hash(key)).collect();
            loop {
                let (shards, at) = self.lock_in_order(&hashes, RwLock::read);
                let candidate = |(hash, at): (&u64, &usize)| shards[*at].candidate(*hash);
                prefetch(&hashes.iter().zip(&at).filter_map(candidate).collect::<Vec<_>>());
                let records = (0..keys.len()).map(|index| shards[at[index]].find(hashes[index], keys[index]));
                let records: Vec<Option<&Record>> = records.collect();
                let is_overdue = |at: &usize| records[*at].is_some_and(|it| it.is_overdue(Scope::Field(field), cx));
                let overdue: Vec<usize> = (0..keys.len()).filter(is_overdue).collect();
                if overdue.is_empty() {
                    values.extend(records.into_iter().map(|record| record?.get(field, cx.rules).map(<[u8]>::to_vec)));
                    break;
                }
                drop(shards);
                overdue.into_iter().for_each(|at| self.purge_key(hashes[at], keys[at], Scope::Field(field), &now));
            }
        }
        values
    }

    /// Removes many keys with their hashes, one after the other, and returns how many of them existed. O(keys).
    #[doc(alias = "DEL")]
    #[doc(alias = "UNLINK")]
    #[track_caller]
    pub fn clear_many<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> usize {
        let keys = Arguments::fields(keys);
        assert_outside_closures();
        keys.as_fields().into_iter().filter(|key| self.clear(key)).count()
    }

    /// Moves a hash to another key in one atomic step, and returns whether it did. It returns `false` if there is no
    /// such hash, or if the new key exists and must not be overwritten. A key renamed to itself stays as it is. O(1)
    /// for a table; a packed hash is copied.
    ///
    /// ```
    /// use hashlet::Overwrite;
    /// # let store = hashlet::Store::new();
    /// store.set("cart:guest", "apples", "2")?;
    /// assert!(store.rename("cart:guest", "cart:7", Overwrite::No)?);
    /// assert!(!store.rename("cart:guest", "cart:8", Overwrite::Yes)?); // nothing is there any more
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
    pub fn rename(&self, key: impl AsRef<[u8]>, new: impl AsRef<[u8]>, overwrite: Overwrite) -> Result<bool> {
        let new = new.as_ref();
        self.transfer(key.as_ref(), new, overwrite, Source::Moves)
    }

    /// Copies a hash to another key in one atomic step, and returns whether it did. It returns `false` if there is no
    /// such hash, or if the new key exists and must not be overwritten. A key copied to itself stays as it is. O(n).
    ///
    /// ```
    /// use hashlet::Overwrite;
    /// # let store = hashlet::Store::new();
    /// store.set("template", "theme", "dark")?;
    /// assert!(store.copy("template", "user:1", Overwrite::No)?);
    /// assert!(!store.copy("template", "user:1", Overwrite::No)?);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::KeyTooLong`](crate::Error::KeyTooLong) if the new key is longer than
    /// [`Limits::max_key`](crate::Limits::max_key). [`Error::Full`](crate::Error::Full) if the store has no room for
    /// it. Nothing is changed then.
    #[doc(alias = "COPY")]
    #[track_caller]
    pub fn copy(&self, key: impl AsRef<[u8]>, new: impl AsRef<[u8]>, overwrite: Overwrite) -> Result<bool> {
        let new = new.as_ref();
        self.transfer(key.as_ref(), new, overwrite, Source::Stays)
    }

    #[track_caller]
    fn transfer(&self, key: &[u8], new: &[u8], overwrite: Overwrite, source: Source) -> Result<bool> {
        assert_outside_closures();
        self.rules.check_key(new)?;
        if key == new {
            return Ok(overwrite == Overwrite::Yes && self.contains_key(key));
        }
        let transfer = || self.try_transfer([key, new], overwrite, source);
        self.with_room(transfer)
    }

    #[track_caller]
    fn try_transfer(&self, keys: [&[u8]; 2], overwrite: Overwrite, source: Source) -> Result<bool> {
        let [_, new] = keys;
        self.change_many(keys, |[from, to], cx| {
            if from.len() == 0 || (overwrite == Overwrite::No && to.len() > 0) {
                return Ok(false);
            }
            from.transfer(to, new, source, cx)?;
            Ok(true)
        })?
    }
}

/// Makes the processor fetch these records: first the slots that point at them, then their heads. Each loop is so short
/// that the processor runs many turns ahead while it waits for memory.
fn prefetch(records: &[&Record]) {
    let slots = records.iter().map(|record| record.heap_bytes()).fold(0, usize::wrapping_add);
    black_box(slots);
    let heads = records.iter().map(|record| record.len()).fold(0, usize::wrapping_add);
    black_box(heads);
}
