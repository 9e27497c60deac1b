//! One trait over hashlet and what a Rust program would use without it.

use dashmap::DashMap;
use hashlet::{HashValue, Store};

use super::maps::{Fields, Maps, SHARDS, Seeded};

/// A field and its value.
pub(crate) type Pair<'a> = (&'a [u8], &'a [u8]);

/// A `key -> {field -> value}`. Each call is one atomic step, but for those on several keys.
pub(crate) trait Rival {
    const NAME: &str;
    /// Whether it lives in this process, and so in this allocator, or is a call to another one.
    const IN_PROCESS: bool = true;
    /// A copy of one hash.
    type Whole;

    fn new() -> Self;
    /// Sets all fields and says how many are new.
    fn set_many(&self, key: &[u8], pairs: &[Pair<'_>]) -> usize;
    /// Sets a field and says whether it is new.
    fn set(&self, key: &[u8], field: &[u8], value: &[u8]) -> bool;
    /// A look at a value where it lies.
    fn look<R>(&self, key: &[u8], field: &[u8], at: impl FnOnce(Option<&[u8]>) -> R) -> R;
    /// A copy of one hash, empty when there is none.
    fn get_all(&self, key: &[u8]) -> Self::Whole;
    fn len(whole: &Self::Whole) -> usize;
    /// Removes a field, and its key with the last one, and says whether it was there.
    fn remove(&self, key: &[u8], field: &[u8]) -> bool;
    /// Adds to the number in a field and returns the sum.
    fn increment(&self, key: &[u8], field: &[u8], amount: i64) -> i64;
    /// Sets two fields, adds one to a third and returns the sum.
    fn update(&self, key: &[u8], counter: &[u8], pairs: [Pair<'_>; 2]) -> i64;
    fn key_count(&self) -> usize;

    /// Sets the fields of several hashes, one hash after another, and says how many are new.
    fn set_all(&self, hashes: &[(&[u8], Vec<Pair<'_>>)]) -> usize {
        hashes.iter().map(|(key, pairs)| self.set_many(key, pairs)).sum()
    }

    /// A copy of a value.
    fn get(&self, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
        self.look(key, field, |value| value.map(<[u8]>::to_vec))
    }

    fn contains(&self, key: &[u8], field: &[u8]) -> bool {
        self.look(key, field, |value| value.is_some())
    }

    /// Copies of the values of one field in several hashes.
    fn get_across(&self, keys: &[&[u8]], field: &[u8]) -> Vec<Option<Vec<u8>>> {
        keys.iter().map(|key| self.get(key, field)).collect()
    }

    /// Sets fields of several hashes that lie anywhere, and says how many are new.
    fn set_many_across(&self, hashes: &[(&[u8], Vec<Pair<'_>>)]) -> usize {
        self.set_all(hashes)
    }

    /// Copies of the values of some fields in several hashes.
    fn get_many_across(&self, keys: &[&[u8]], fields: &[&[u8]]) -> Vec<Vec<Option<Vec<u8>>>> {
        keys.iter().map(|key| fields.iter().map(|field| self.get(key, field)).collect()).collect()
    }

    /// The process whose memory holds the data.
    fn process(&self) -> u32 {
        std::process::id()
    }

    /// The bytes it says it has taken, if it knows.
    fn bytes(&self) -> Option<usize> {
        None
    }
}

impl Rival for Store {
    const NAME: &str = "hashlet";
    type Whole = HashValue;

    fn new() -> Self {
        Self::new()
    }

    fn set_many(&self, key: &[u8], pairs: &[Pair<'_>]) -> usize {
        self.set_many(key, pairs.iter().copied()).expect("within limits")
    }

    fn set(&self, key: &[u8], field: &[u8], value: &[u8]) -> bool {
        self.set(key, field, value).expect("within limits")
    }

    fn look<R>(&self, key: &[u8], field: &[u8], at: impl FnOnce(Option<&[u8]>) -> R) -> R {
        self.read(key, |hash| at(hash.get(field)))
    }

    fn get_all(&self, key: &[u8]) -> HashValue {
        self.get_all(key)
    }

    fn len(whole: &HashValue) -> usize {
        whole.len()
    }

    fn remove(&self, key: &[u8], field: &[u8]) -> bool {
        self.remove(key, field)
    }

    fn increment(&self, key: &[u8], field: &[u8], amount: i64) -> i64 {
        self.increment(key, field, amount).expect("an integer")
    }

    fn update(&self, key: &[u8], counter: &[u8], pairs: [Pair<'_>; 2]) -> i64 {
        let sum = self.update(key, |hash| {
            for (field, value) in pairs {
                hash.set(field, value)?;
            }
            hash.increment(counter, 1)
        });
        sum.expect("within limits")
    }

    fn key_count(&self) -> usize {
        self.key_count()
    }

    fn get(&self, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
        self.get(key, field)
    }

    fn contains(&self, key: &[u8], field: &[u8]) -> bool {
        self.contains(key, field)
    }

    fn get_across(&self, keys: &[&[u8]], field: &[u8]) -> Vec<Option<Vec<u8>>> {
        self.get_across(keys, field)
    }

    fn get_many_across(&self, keys: &[&[u8]], fields: &[&[u8]]) -> Vec<Vec<Option<Vec<u8>>>> {
        self.get_many_across(keys, fields)
    }

    fn set_many_across(&self, hashes: &[(&[u8], Vec<Pair<'_>>)]) -> usize {
        let new = self.set_many_across(hashes.iter().map(|(key, pairs)| (*key, pairs.iter().copied())));
        new.into_iter().map(|new| new.expect("within limits")).sum()
    }

    fn bytes(&self) -> Option<usize> {
        Some(self.stats().bytes)
    }
}

/// The map of maps that most programs would take.
pub(crate) struct DashMaps(DashMap<Box<[u8]>, Fields, Seeded>);

impl Maps for DashMaps {
    const NAME: &str = "dashmap";

    fn new() -> Self {
        Self(DashMap::with_hasher_and_shard_amount(Seeded::default(), SHARDS))
    }

    fn read<R>(&self, key: &[u8], look: impl FnOnce(Option<&Fields>) -> R) -> R {
        look(self.0.get(key).as_deref())
    }

    fn write<R>(&self, key: &[u8], change: impl FnOnce(&mut Fields) -> R) -> R {
        if let Some(mut fields) = self.0.get_mut(key) {
            return change(&mut fields);
        }
        change(&mut self.0.entry(key.into()).or_default())
    }

    fn remove(&self, key: &[u8], field: &[u8]) -> bool {
        let Some(mut fields) = self.0.get_mut(key) else { return false };
        let removed = fields.remove(field).is_some();
        let emptied = fields.is_empty();
        drop(fields);
        if emptied {
            self.0.remove_if(key, |_, fields| fields.is_empty());
        }
        removed
    }

    fn key_count(&self) -> usize {
        self.0.len()
    }
}
