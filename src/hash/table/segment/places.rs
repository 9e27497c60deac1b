//! The places of a segment's entries: a hash table that leads from the hash of a field to its entry in the arena.
//!
//! A place counts units of two bytes. A *near* table has places of 16 bits, which reach the first 128 KiB of an arena.
//! When an entry lies behind them, the table is rebuilt as a *far* one, with places of 32 bits. A far table becomes near
//! again when the arena is written anew and takes at most half of that.

use hashbrown::{HashTable, hash_table};

use super::arena::CHUNK_BYTES;
use crate::directory::slots;

/// All entries begin at a multiple of this.
pub(super) const UNIT_BYTES: usize = 2;
/// The bytes of an arena that a near table reaches.
const NEAR_BYTES: usize = (u16::MAX as usize + 1) * UNIT_BYTES;
const CHUNK_UNITS: u32 = (CHUNK_BYTES / UNIT_BYTES) as u32;
const _: () = assert!(CHUNK_UNITS.is_power_of_two());

/// Where an entry begins: in units, counted from the beginning of the arena, as if all chunks were full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Place {
    /// # Panics
    /// If it is more than 8 GiB away. Only a segment that cannot be split could become so large.
    pub(super) fn new(chunk: usize, offset: usize) -> Self {
        let unit = (chunk * CHUNK_BYTES + offset) / UNIT_BYTES;
        Self(u32::try_from(unit).expect("an arena of less than 8 GiB"))
    }

    #[inline(always)]
    pub(super) fn chunk(self) -> usize {
        (self.0 / CHUNK_UNITS) as usize
    }

    #[inline(always)]
    pub(super) fn offset(self) -> usize {
        (self.0 % CHUNK_UNITS) as usize * UNIT_BYTES
    }
}

impl From<u16> for Place {
    #[inline(always)]
    fn from(near: u16) -> Self {
        Self(near.into())
    }
}

impl From<u32> for Place {
    #[inline(always)]
    fn from(far: u32) -> Self {
        Self(far)
    }
}

/// See the module's documentation. Entries are told apart by functions that the caller passes, as with hashbrown.
#[derive(Clone)]
pub(super) enum Places {
    Near(HashTable<u16>),
    Far(HashTable<u32>),
}

impl Default for Places {
    fn default() -> Self {
        Self::Near(HashTable::new())
    }
}

macro_rules! either {
    ($places:expr, $table:ident => $result:expr) => {
        match $places {
            Places::Near($table) => $result,
            Places::Far($table) => $result,
        }
    };
}

impl Places {
    /// Empty, with room for these entries, which take so many bytes of the arena, and to grow to a full segment.
    pub(super) fn with_final_capacity(entries: usize, arena_bytes: usize) -> Self {
        if arena_bytes < NEAR_BYTES / 4 * 3 {
            Self::Near(slots::with_final_capacity(entries))
        } else {
            Self::Far(slots::with_final_capacity(entries))
        }
    }

    pub(super) fn len(&self) -> usize {
        either!(self, table => table.len())
    }

    pub(super) fn buckets(&self) -> usize {
        either!(self, table => table.num_buckets())
    }

    /// Bytes asked of the allocator.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        either!(self, table => table.allocation_size())
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        either!(self, table => slots::is_full(table))
    }

    pub(super) fn iter(&self) -> Iter<'_> {
        match self {
            Self::Near(table) => Iter::Near(table.iter()),
            Self::Far(table) => Iter::Far(table.iter()),
        }
    }

    /// The bucket with the entry of this hash for which `is_it` is true.
    #[inline(always)]
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(Place) -> bool) -> Option<usize> {
        either!(self, table => table.find_bucket_index(hash, |place| {
            slots::prefetch(table, hash, |place| *place);
            is_it(Place::from(*place))
        }))
    }

    /// The places of all entries of this hash. Perhaps some of other hashes are among them.
    pub(super) fn with_hash(&self, hash: u64) -> Vec<Place> {
        either!(self, table => table.iter_hash(hash).map(|place| Place::from(*place)).collect())
    }

    /// The place in a bucket, if it holds one.
    #[inline]
    pub(super) fn in_bucket(&self, bucket: usize) -> Option<Place> {
        either!(self, table => table.get_bucket(bucket).map(|place| Place::from(*place)))
    }

    /// Adds an entry that is not there yet.
    pub(super) fn insert(&mut self, hash: u64, place: Place, hash_of: impl Fn(Place) -> u64) {
        match self {
            Self::Near(table) => match u16::try_from(place.0) {
                Ok(near) => slots::insert(table, hash, near, |near| hash_of(Place::from(*near))),
                Err(_) => {
                    let mut far = slots::rebuilt(table, |&near| u32::from(near), |far| hash_of(Place::from(*far)));
                    slots::insert(&mut far, hash, place.0, |far| hash_of(Place::from(*far)));
                    *self = Self::Far(far);
                }
            },
            Self::Far(table) => slots::insert(table, hash, place.0, |far| hash_of(Place::from(*far))),
        }
    }

    /// Gives the entry in a bucket another place. Buckets that were found before mean nothing afterwards.
    ///
    /// # Panics
    /// If the bucket is empty.
    pub(super) fn set(&mut self, bucket: usize, place: Place, hash_of: impl Fn(Place) -> u64) {
        match self {
            Self::Near(table) => match u16::try_from(place.0) {
                Ok(near) => *table.get_bucket_mut(bucket).expect("the bucket that was found") = near,
                Err(_) => {
                    let old = table.get_bucket_entry(bucket).expect("the bucket that was found");
                    old.remove(); // its old place leads nowhere by now
                    self.insert(hash_of(place), place, hash_of);
                }
            },
            Self::Far(table) => *table.get_bucket_mut(bucket).expect("the bucket that was found") = place.0,
        }
    }

    /// # Panics
    /// If the bucket is empty.
    pub(super) fn remove(&mut self, bucket: usize) {
        either!(self, table => {
            let entry = table.get_bucket_entry(bucket).expect("the bucket that was found");
            entry.remove();
        });
    }

    /// Gives back buckets after removals, if few of them are used.
    pub(super) fn shrink_sparse(&mut self, hash_of: impl Fn(Place) -> u64) {
        either!(self, table => slots::shrink_sparse(table, |place| hash_of(Place::from(*place))));
    }

    pub(super) fn shrink_to_fit(&mut self, hash_of: impl Fn(Place) -> u64) {
        either!(self, table => table.shrink_to_fit(|place| hash_of(Place::from(*place))));
    }

    /// Makes room for this many entries in all.
    pub(super) fn reserve(&mut self, entries: usize, hash_of: impl Fn(Place) -> u64) {
        either!(self, table => slots::reserve(table, entries, |place| hash_of(Place::from(*place))));
    }

    /// Whether none of these places makes a near table a far one.
    pub(super) fn can_lead_to(&self, places: &[Place]) -> bool {
        matches!(self, Self::Far(_)) || end(places) <= NEAR_BYTES
    }

    /// Gives all entries new places, which come in the order of [`iter`](Self::iter).
    pub(super) fn move_all(&mut self, places: Vec<Place>, hash_of: impl Fn(Place) -> u64) {
        let end = end(&places);
        let near = |place: Place| place.0 as u16; // where all are near
        let mut places = places.into_iter();
        let mut next = || places.next().expect("a place for each entry");
        match self {
            Self::Near(table) if end <= NEAR_BYTES => table.iter_mut().for_each(|old| *old = near(next())),
            Self::Near(table) => {
                // In another order the entries leave more bytes free at the ends of chunks.
                *self = Self::Far(slots::rebuilt(table, |_| next().0, |far| hash_of(Place::from(*far))));
            }
            Self::Far(table) if end <= NEAR_BYTES / 2 => {
                *self = Self::Near(slots::rebuilt(table, |_| near(next()), |near| hash_of(Place::from(*near))));
            }
            Self::Far(table) => table.iter_mut().for_each(|old| *old = next().0),
        }
    }
}

/// The least bytes of an arena that these places, of which the last one is the farthest, can reach.
fn end(places: &[Place]) -> usize {
    places.last().map_or(0, |last| (last.0 as usize + 1) * UNIT_BYTES)
}

/// All places, in no particular order.
#[derive(Clone)]
pub(super) enum Iter<'a> {
    Near(hash_table::Iter<'a, u16>),
    Far(hash_table::Iter<'a, u32>),
}

impl Iterator for Iter<'_> {
    type Item = Place;

    #[inline]
    fn next(&mut self) -> Option<Place> {
        match self {
            Self::Near(places) => places.next().map(|place| Place::from(*place)),
            Self::Far(places) => places.next().map(|place| Place::from(*place)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Self::Near(places) => places.size_hint(),
            Self::Far(places) => places.size_hint(),
        }
    }
}
