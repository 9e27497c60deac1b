//! The same fields of many keys, and pairs for many keys. The keys of one call are far apart in memory, so these calls make
//! the processor wait for many of them at the same time.

use std::hint::black_box;

use crate::error::Result;
use crate::hash::{Context, Record, Scope, Terms};
use crate::shard::Shard;
use crate::store::Store;
use crate::sync::{RwLock, RwLockReadGuard, assert_outside_closures};
use crate::value::Arguments;

/// Keys that are looked up together.
const KEYS_AT_ONCE: usize = 64;

/// # Fields of many keys
/// Keys are far apart in memory. These calls let the processor wait for many of them at the same time, which a call for each
/// key does not. The guide's page [`guide::from_redis`](crate::guide::from_redis) shows
/// them beside a pipeline.
impl Store {
    /// Returns the value of one field in each of these hashes, in the order of the keys. `None` stands for a missing
    /// field or key. O(keys). [`get_many_across`](Self::get_many_across) returns several fields of each.
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
        self.look_across(&keys.as_fields(), Scope::Field(field), |record, cx| {
            record?.get(field, cx.rules).map(<[u8]>::to_vec)
        })
    }

    /// Returns the values of these fields in each of these hashes: for each key, in the order of the keys, what
    /// [`get_many`](Self::get_many) returns. `None` stands for a missing field, and a missing key has a `None` for each
    /// field. O(keys × fields).
    ///
    /// The keys are looked up in groups of 64. The values of a group are of one instant.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("user:1", [("clicks", "3"), ("country", "PT")])?;
    /// store.set("user:2", "clicks", "9")?;
    /// let features = store.get_many_across(["user:1", "user:2", "user:3"], ["clicks", "country"]);
    /// assert_eq!(features[0], [Some(b"3".to_vec()), Some(b"PT".to_vec())]);
    /// assert_eq!(features[1], [Some(b"9".to_vec()), None]);
    /// assert_eq!(features[2], [None, None]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Locking
    /// Holds the read locks of the shards of up to 64 keys at a time.
    #[doc(alias = "HMGET")]
    #[doc(alias = "pipeline")]
    #[track_caller]
    pub fn get_many_across<K: AsRef<[u8]>, F: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
        fields: impl IntoIterator<Item = F>,
    ) -> Vec<Vec<Option<Vec<u8>>>> {
        let (keys, fields) = (Arguments::fields(keys), Arguments::fields(fields));
        let fields = fields.as_fields();
        self.look_across(&keys.as_fields(), Scope::Fields(&fields), |record, cx| {
            fields.iter().map(|field| record?.get(field, cx.rules).map(<[u8]>::to_vec)).collect()
        })
    }

    /// Sets fields of many hashes, and returns for each key, in their order, what [`set_many`](Self::set_many) returns:
    /// how many of its fields are new, or why they were not set. O(pairs).
    ///
    /// Each key is one atomic step: all of its pairs are set, or none. The keys are set one after the other. A refused
    /// one does not keep those behind it from being set, as in a pipeline. A key that is given twice is set twice. With a
    /// journal at its level `Always`, each key waits for the disk.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// let new = store.set_many_across([
    ///     ("user:1", vec![("clicks", "3"), ("country", "PT")]),
    ///     ("user:2", vec![("clicks", "9")]),
    /// ]);
    /// assert_eq!(new, [Ok(2), Ok(1)]);
    /// // For a caller who needs no more than the first error:
    /// let new: Vec<usize> = new.into_iter().collect::<Result<_, _>>()?;
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Errors
    /// Each key has its own: those of [`set`](Self::set). Nothing of that key is changed then.
    ///
    /// # Locking
    /// Holds the read locks of the shards of up to 64 keys at a time, for a moment, and then the write lock of one key after
    /// the other.
    #[doc(alias = "HSET")]
    #[doc(alias = "pipeline")]
    #[must_use = "a key that was refused has an `Err` in it"]
    #[track_caller]
    pub fn set_many_across<K, P, F, V>(&self, hashes: impl IntoIterator<Item = (K, P)>) -> Vec<Result<usize>>
    where
        K: AsRef<[u8]>,
        P: IntoIterator<Item = (F, V)>,
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let hashes: Vec<(K, Arguments<(F, V)>)> =
            hashes.into_iter().map(|(key, pairs)| (key, Arguments::pairs(pairs))).collect();
        let hashes: Vec<(&[u8], _)> = hashes.iter().map(|(key, pairs)| (key.as_ref(), pairs.as_pairs())).collect();
        assert_outside_closures();
        let mut answers = Vec::with_capacity(hashes.len());
        for hashes in hashes.chunks(KEYS_AT_ONCE) {
            self.fetch_ahead(hashes.iter().map(|(key, _)| *key).filter(|key| self.rules.check_key(key).is_ok()));
            answers.extend(hashes.iter().map(|(key, pairs)| self.set_pairs(key, pairs)));
        }
        answers
    }

    /// Runs a closure on the record of each key, or on `None` if there is none. Nothing has expired in the part of the
    /// records that the scope names.
    #[track_caller]
    fn look_across<R>(
        &self,
        keys: &[&[u8]],
        scope: Scope<'_>,
        look: impl Fn(Option<&Record>, Context<'_>) -> R,
    ) -> Vec<R> {
        assert_outside_closures();
        let now = self.now();
        let terms = Terms::of_look(&now);
        let cx = Context::new(&self.rules, &terms);
        let mut answers = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let hashes: Vec<u64> = keys.iter().map(|key| self.rules.hash(key)).collect();
            loop {
                let (shards, at) = self.lock_in_order(&hashes, RwLock::read);
                prefetch_all(&hashes, &shards, &at);
                let records = (0..keys.len()).map(|index| shards[at[index]].find(hashes[index], keys[index]));
                let records: Vec<Option<&Record>> = records.collect();
                let is_overdue = |at: &usize| records[*at].is_some_and(|it| it.is_overdue(scope, cx));
                let overdue: Vec<usize> = (0..keys.len()).filter(is_overdue).collect();
                if overdue.is_empty() {
                    if self.notes_lookups {
                        self.note_lookups(keys, &hashes, &shards, &at);
                    }
                    answers.extend(records.into_iter().map(|record| look(record, cx)));
                    break;
                }
                drop(shards);
                overdue.into_iter().for_each(|at| self.purge_key(hashes[at], keys[at], scope, &now));
            }
        }
        answers
    }

    /// Does what [`find_noting`](Self::find_noting) does beside finding.
    #[cold]
    #[inline(never)]
    fn note_lookups(&self, keys: &[&[u8]], hashes: &[u64], shards: &[RwLockReadGuard<'_, Shard>], at: &[usize]) {
        for ((key, hash), at) in keys.iter().zip(hashes).zip(at) {
            self.find_noting(&shards[*at], *hash, key);
        }
    }

    /// Makes the processor fetch the records of these keys, which are about to be changed.
    fn fetch_ahead<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        let hashes: Vec<u64> = keys.map(|key| self.rules.hash(key)).collect();
        let (shards, at) = self.lock_in_order(&hashes, RwLock::read);
        prefetch_all(&hashes, &shards, &at);
    }
}

/// Makes the processor fetch the records with these hashes. `at` is the place of the shard of each.
fn prefetch_all(hashes: &[u64], shards: &[RwLockReadGuard<'_, Shard>], at: &[usize]) {
    let candidate = |(hash, at): (&u64, &usize)| shards[*at].candidate(*hash);
    prefetch(&hashes.iter().zip(at).filter_map(candidate).collect::<Vec<_>>());
}

/// Makes the processor fetch these records: first the slots that point at them, then their heads. Each loop is so short
/// that the processor runs many turns ahead while it waits for memory.
fn prefetch(records: &[&Record]) {
    let slots = records.iter().map(|record| record.heap_bytes()).fold(0, usize::wrapping_add);
    black_box(slots);
    let heads = records.iter().map(|record| record.len()).fold(0, usize::wrapping_add);
    black_box(heads);
}
