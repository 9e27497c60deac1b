//! hashlet built in another way: with a table in place of every packed hash, or without shapes.

use std::marker::PhantomData;

use hashlet::{HashValue, Store, Thresholds};

use crate::support::rival::{Pair, Rival};

/// What the packed encoding gains and costs is the difference to this.
pub(crate) type Tables = Variant<OnlyTables>;
/// What shapes gain and cost is the difference to this.
pub(crate) type Unshaped = Variant<NoShapes>;

pub(crate) trait Build {
    const NAME: &str;
    fn build() -> Store;
}

pub(crate) struct OnlyTables;

impl Build for OnlyTables {
    const NAME: &str = super::TABLES;

    fn build() -> Store {
        Store::builder().thresholds(Thresholds::default().max_fields(0)).build()
    }
}

pub(crate) struct NoShapes;

impl Build for NoShapes {
    const NAME: &str = super::UNSHAPED;

    fn build() -> Store {
        Store::builder().shapes(false).build()
    }
}

pub(crate) struct Variant<B>(Store, PhantomData<B>);

impl<B: Build> Rival for Variant<B> {
    const NAME: &str = B::NAME;
    type Whole = HashValue;

    fn new() -> Self {
        Self(B::build(), PhantomData)
    }

    fn set_many(&self, key: &[u8], pairs: &[Pair<'_>]) -> usize {
        Rival::set_many(&self.0, key, pairs)
    }

    fn set(&self, key: &[u8], field: &[u8], value: &[u8]) -> bool {
        Rival::set(&self.0, key, field, value)
    }

    fn look<R>(&self, key: &[u8], field: &[u8], at: impl FnOnce(Option<&[u8]>) -> R) -> R {
        self.0.look(key, field, at)
    }

    fn get_all(&self, key: &[u8]) -> HashValue {
        self.0.get_all(key)
    }

    fn len(whole: &HashValue) -> usize {
        whole.len()
    }

    fn remove(&self, key: &[u8], field: &[u8]) -> bool {
        Rival::remove(&self.0, key, field)
    }

    fn increment(&self, key: &[u8], field: &[u8], amount: i64) -> i64 {
        Rival::increment(&self.0, key, field, amount)
    }

    fn update(&self, key: &[u8], counter: &[u8], pairs: [Pair<'_>; 2]) -> i64 {
        Rival::update(&self.0, key, counter, pairs)
    }

    fn key_count(&self) -> usize {
        self.0.key_count()
    }

    fn get(&self, key: &[u8], field: &[u8]) -> Option<Vec<u8>> {
        self.0.get(key, field)
    }

    fn contains(&self, key: &[u8], field: &[u8]) -> bool {
        self.0.contains(key, field)
    }

    fn get_across(&self, keys: &[&[u8]], field: &[u8]) -> Vec<Option<Vec<u8>>> {
        Rival::get_across(&self.0, keys, field)
    }

    fn get_many_across(&self, keys: &[&[u8]], fields: &[&[u8]]) -> Vec<Vec<Option<Vec<u8>>>> {
        Rival::get_many_across(&self.0, keys, fields)
    }

    fn set_many_across(&self, hashes: &[(&[u8], Vec<Pair<'_>>)]) -> usize {
        Rival::set_many_across(&self.0, hashes)
    }

    fn bytes(&self) -> Option<usize> {
        self.0.bytes()
    }
}
