//! hashlet with a table in place of every packed hash.

use hashlet::{HashValue, Store, Thresholds};

use crate::support::rival::{Pair, Rival};

/// What the packed encoding gains and costs is the difference to this.
pub(crate) struct Tables(Store);

impl Rival for Tables {
    const NAME: &str = "hashlet_tables";
    type Whole = HashValue;

    fn new() -> Self {
        Self(Store::builder().thresholds(Thresholds::default().max_fields(0)).build())
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

    fn bytes(&self) -> Option<usize> {
        self.0.bytes()
    }
}
