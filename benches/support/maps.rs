//! Maps of maps of boxed slices, as a careful program would keep them without hashlet.
//!
//! Whatever holds the outer map has only to implement [`Maps`]; what is done with the fields of a key stands here once:
//!
//! - ahash, the hash function of hashlet (std's default would hash more slowly);
//! - no allocation for a key or a field that is there already, and a value of the same length copied in place;
//! - inner maps made with room for what they are about to take.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::io::Write;

use super::rival::{Pair, Rival};

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

/// hashlet's own default number of shards, for those who have shards: so threads meet as rarely.
pub(crate) const SHARDS: usize = 64;

/// Keys, each with a map of its fields, which is never empty.
pub(crate) trait Maps {
    const NAME: &str;

    fn new() -> Self;
    /// Looks at the fields of a key, if it is there.
    fn read<R>(&self, key: &[u8], look: impl FnOnce(Option<&Fields>) -> R) -> R;
    /// Changes the fields of a key in one atomic step, after it has been made if it was missing. At least one is left.
    fn write<R>(&self, key: &[u8], change: impl FnOnce(&mut Fields) -> R) -> R;
    /// Removes a field, and its key with the last one, and says whether it was there.
    fn remove(&self, key: &[u8], field: &[u8]) -> bool;
    fn key_count(&self) -> usize;
}

impl<M: Maps> Rival for M {
    const NAME: &str = M::NAME;
    type Whole = Fields;

    fn new() -> Self {
        Maps::new()
    }

    fn set_many(&self, key: &[u8], pairs: &[Pair<'_>]) -> usize {
        self.write(key, |fields| {
            fields.reserve(pairs.len());
            pairs.iter().filter(|(field, value)| set_field(fields, field, value)).count()
        })
    }

    fn set(&self, key: &[u8], field: &[u8], value: &[u8]) -> bool {
        self.write(key, |fields| set_field(fields, field, value))
    }

    fn look<R>(&self, key: &[u8], field: &[u8], at: impl FnOnce(Option<&[u8]>) -> R) -> R {
        self.read(key, |fields| at(fields.and_then(|fields| fields.get(field)).map(|value| &value[..])))
    }

    fn get_all(&self, key: &[u8]) -> Fields {
        self.read(key, |fields| fields.cloned().unwrap_or_default())
    }

    fn len(whole: &Fields) -> usize {
        whole.len()
    }

    fn remove(&self, key: &[u8], field: &[u8]) -> bool {
        Maps::remove(self, key, field)
    }

    fn increment(&self, key: &[u8], field: &[u8], amount: i64) -> i64 {
        self.write(key, |fields| increment_field(fields, field, amount))
    }

    fn update(&self, key: &[u8], counter: &[u8], pairs: [Pair<'_>; 2]) -> i64 {
        self.write(key, |fields| {
            for (field, value) in pairs {
                set_field(fields, field, value);
            }
            increment_field(fields, counter, 1)
        })
    }

    fn key_count(&self) -> usize {
        Maps::key_count(self)
    }
}

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

fn increment_field(fields: &mut Fields, field: &[u8], amount: i64) -> i64 {
    let before = fields.get(field).map_or(0, |value| number(value));
    let sum = before.checked_add(amount).expect("no overflow");
    let (text, length) = digits(sum);
    set_field(fields, field, &text[..length]);
    sum
}

/// The number that a value spells.
pub(crate) fn number(value: &[u8]) -> i64 {
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).expect("an integer")
}

/// A number in digits, without an allocation, and how many they are.
fn digits(number: i64) -> ([u8; 20], usize) {
    let mut text = [0; 20];
    let mut rest = &mut text[..];
    write!(rest, "{number}").expect("an i64 has at most 20 characters");
    let left = rest.len();
    (text, 20 - left)
}
