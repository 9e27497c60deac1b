//! One trait over hashlet and what a Rust program would use without it.
//!
//! The rivals are maps of maps of boxed slices, and get the best of what a careful program would do:
//!
//! - ahash, the hash function of hashlet (std's default would hash more slowly);
//! - as many shards as hashlet, so that threads meet as rarely;
//! - no allocation for a key or a field that is there already, and a value of the same length copied in place;
//! - inner maps made with room for what they are about to take.

use std::collections::HashMap;
use std::hash::BuildHasher;

use dashmap::DashMap;
use hashlet::{HashValue, Store};

/// A field and its value.
pub(crate) type Pair<'a> = (&'a [u8], &'a [u8]);

/// A thread-safe `key -> {field -> value}`.
pub(crate) trait Rival: Sync {
    const NAME: &str;
    /// A copy of one hash.
    type Whole;

    fn new() -> Self;
    /// Sets all fields and says how many are new.
    fn set_many(&self, key: &[u8], pairs: &[Pair<'_>]) -> usize;
    /// Sets a field and says whether it is new.
    fn set(&self, key: &[u8], field: &[u8], value: &[u8]) -> bool;
    /// A copy of a value.
    fn get(&self, key: &[u8], field: &[u8]) -> Option<Vec<u8>>;
    /// A look at a value where it lies.
    fn look<R>(&self, key: &[u8], field: &[u8], at: impl FnOnce(Option<&[u8]>) -> R) -> R;
    fn get_all(&self, key: &[u8]) -> Self::Whole;
    fn len(whole: &Self::Whole) -> usize;
    /// Removes a field, and its key with the last one, and says whether it was there.
    fn remove(&self, key: &[u8], field: &[u8]) -> bool;
    /// The bytes it says it has asked of the allocator, if it knows.
    fn bytes(&self) -> Option<usize>;
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

    fn get(&self, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
        self.get(key, field)
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

    fn bytes(&self) -> Option<usize> {
        Some(self.stats().bytes)
    }
}

/// ahash's `RandomState`, with seeds that are the same in every run.
#[derive(Clone)]
pub(crate) struct Seeded(ahash::RandomState);

impl Default for Seeded {
    fn default() -> Self {
        Self(ahash::RandomState::with_seeds(1, 2, 3, 4))
    }
}

impl BuildHasher for Seeded {
    type Hasher = <ahash::RandomState as BuildHasher>::Hasher;

    #[inline]
    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}

/// std's map, which is hashbrown's.
pub(crate) type Map<V> = HashMap<Box<[u8]>, V, Seeded>;
pub(crate) type Fields = Map<Box<[u8]>>;

/// Sets a field without allocating what is there already.
#[inline]
pub(crate) fn set_field(fields: &mut Fields, field: &[u8], value: &[u8]) -> bool {
    match fields.get_mut(field) {
        Some(slot) if slot.len() == value.len() => slot.copy_from_slice(value),
        Some(slot) => *slot = value.into(),
        None => return fields.insert(field.into(), value.into()).is_none(),
    }
    false
}

/// Sets all fields and says how many are new.
fn set_fields(fields: &mut Fields, pairs: &[Pair<'_>]) -> usize {
    fields.reserve(pairs.len());
    pairs.iter().filter(|(field, value)| set_field(fields, field, value)).count()
}

/// The map of maps that most programs would take.
pub(crate) struct DashMaps(DashMap<Box<[u8]>, Fields, Seeded>);

/// hashlet's own default number of shards.
const SHARDS: usize = 64;

impl Rival for DashMaps {
    const NAME: &str = "dashmap";
    type Whole = Fields;

    fn new() -> Self {
        Self(DashMap::with_hasher_and_shard_amount(Seeded::default(), SHARDS))
    }

    fn set_many(&self, key: &[u8], pairs: &[Pair<'_>]) -> usize {
        if let Some(mut fields) = self.0.get_mut(key) {
            return set_fields(&mut fields, pairs);
        }
        set_fields(&mut self.0.entry(key.into()).or_default(), pairs)
    }

    fn set(&self, key: &[u8], field: &[u8], value: &[u8]) -> bool {
        if let Some(mut fields) = self.0.get_mut(key) {
            return set_field(&mut fields, field, value);
        }
        set_field(&mut self.0.entry(key.into()).or_default(), field, value)
    }

    fn get(&self, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
        self.look(key, field, |value| value.map(<[u8]>::to_vec))
    }

    fn look<R>(&self, key: &[u8], field: &[u8], at: impl FnOnce(Option<&[u8]>) -> R) -> R {
        match self.0.get(key) {
            Some(fields) => at(fields.get(field).map(|value| &value[..])),
            None => at(None),
        }
    }

    fn get_all(&self, key: &[u8]) -> Fields {
        self.0.get(key).map(|fields| fields.clone()).unwrap_or_default()
    }

    fn len(whole: &Fields) -> usize {
        whole.len()
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

    fn bytes(&self) -> Option<usize> {
        None
    }
}
