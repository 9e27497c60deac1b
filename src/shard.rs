//! One lock's worth of keys. Single-threaded: it knows no lock and no clock.
//!
//! # The visit
//! Every change of a record goes through a [`Visit`]: find the record, take it out of its slot, work on it, settle.
//! Settling is the visit's `Drop`, so that a return, an error and a panic in a user's closure take the same path: the
//! record gets the encoding it should have, is filed again, or removed when it is empty, and the shard's sums are
//! brought up to date by what changed.
//!
//! Invariants, recomputed under these numbers by `validate`:
//! 1. No record is empty, and each is found under its key.
//! 2. `fields`, `tables` and `record_bytes` are the sums over all records.

use std::mem::{swap, take};
use std::ops::ControlFlow;

use hashbrown::HashTable;

use crate::bytes;
use crate::call::Context;
use crate::directory::{At, Directory, Segment, slots};
use crate::hash::{Encoding, Record};
use crate::rules::{Rules, TAG_BITS};
use crate::scan::{Order, Selection};

/// See the module's documentation.
pub(crate) struct Shard {
    keys: Directory<Keys>,
    sums: Sums,
}

/// What a key takes beside its record: a slot and the mark beside it, and a share of free ones.
pub(crate) const SLOT_BYTES: usize = (size_of::<Record>() + 1) * 8 / 7;

/// What is counted of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) fields: usize,
    pub(crate) tables: usize,
    pub(crate) record_bytes: usize,
}

impl Sums {
    #[inline]
    fn of(record: &Record) -> Self {
        Self {
            fields: record.len(),
            tables: usize::from(record.encoding() == Encoding::Table),
            record_bytes: record.heap_bytes(),
        }
    }

    fn exchange(&mut self, before: Self, after: Self) {
        self.fields = self.fields - before.fields + after.fields;
        self.tables = self.tables - before.tables + after.tables;
        self.record_bytes = self.record_bytes - before.record_bytes + after.record_bytes;
    }
}

impl Shard {
    /// An empty shard, among so many that this many bits of a hash choose it. Allocates nothing.
    pub(crate) fn new(shard_bits: u32) -> Self {
        Self { keys: Directory::new(TAG_BITS + shard_bits), sums: Sums::default() }
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn sums(&self) -> Sums {
        self.sums
    }

    /// Bytes asked of the allocator. O(1).
    pub(crate) fn heap_bytes(&self) -> usize {
        self.keys.heap_bytes() + self.sums.record_bytes
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.keys.segments().flat_map(|keys| keys.0.iter())
    }

    /// Makes room for so many keys more.
    pub(crate) fn reserve(&mut self, keys: usize, rules: &Rules) {
        self.keys.reserve(keys, rules);
    }

    /// Gives back all slack of keys and records.
    pub(crate) fn shrink_to_fit(&mut self, rules: &Rules) {
        let Self { keys, sums } = self;
        keys.shrink_to_fit(rules, |Keys(table)| {
            for record in table.iter_mut() {
                let before = Sums::of(record);
                record.shrink_to_fit(rules);
                sums.exchange(before, Sums::of(record));
            }
            table.shrink_to_fit(|record| rules.hash(record.key()));
        });
    }

    /// Offers the keys to a page, in groups that follow hash order, until it is complete.
    pub(crate) fn scan(&self, selection: &mut Selection<Vec<u8>>, rules: &Rules) -> ControlFlow<()> {
        self.keys.segments_from(selection.from().hash()).try_for_each(|keys| {
            let keys = keys.0.iter().map(Record::key).map(|key| (Order::of_hash(rules.hash(key)), key));
            selection.offer(keys, <[u8]>::to_vec)
        })
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<&Record> {
        self.keys.find(hash)?.0.find(hash, |record| bytes::equal(record.key(), key))
    }

    /// The record that probably is that of a key with this hash; looks at no record.
    #[inline]
    pub(crate) fn candidate(&self, hash: u64) -> Option<&Record> {
        self.keys.find(hash)?.0.iter_hash(hash).next()
    }

    /// Visits the record of a key, if there is one.
    #[inline(always)]
    pub(crate) fn visit<'a>(&'a mut self, hash: u64, key: &[u8], cx: Context<'a>) -> Option<Visit<'a>> {
        let slot = self.slot(hash, key)?;
        Some(self.visit_slot(slot, hash, cx))
    }

    /// Visits the record of a key, or an empty one that is filed if it gets a field.
    #[inline(always)]
    pub(crate) fn visit_or_new<'a>(&'a mut self, hash: u64, key: &[u8], cx: Context<'a>) -> Visit<'a> {
        match self.slot(hash, key) {
            Some(slot) => self.visit_slot(slot, hash, cx),
            None => {
                let record = Record::new(key);
                Visit { before: Sums::default(), slot: None, shard: self, record, hash, cx }
            }
        }
    }

    #[inline(always)]
    fn slot(&self, hash: u64, key: &[u8]) -> Option<Slot> {
        let at = self.keys.locate(hash)?;
        let bucket = self.keys.at(at).0.find_bucket_index(hash, |record| bytes::equal(record.key(), key))?;
        Some(Slot { at, bucket })
    }

    #[inline(always)]
    fn visit_slot<'a>(&'a mut self, slot: Slot, hash: u64, cx: Context<'a>) -> Visit<'a> {
        let record = take(self.keys.at_mut(slot.at).record_mut(slot.bucket));
        Visit { before: Sums::of(&record), slot: Some(slot), shard: self, record, hash, cx }
    }
}

/// Several records of a shard in the hands of one call: all are found before the first is taken out, and all are put
/// back before the first is settled, because a record that is missing from its slot can neither be found nor moved.
impl Shard {
    pub(crate) fn locate(&self, hash: u64, key: &[u8]) -> Located {
        Located { hash, slot: self.slot(hash, key) }
    }

    /// Takes the record out, or makes an empty one.
    pub(crate) fn take(&mut self, Located { hash, slot }: Located, key: &[u8]) -> Taken {
        let record = slot.map_or_else(|| Record::new(key), |slot| take(self.record_mut(slot)));
        let before = if slot.is_some() { Sums::of(&record) } else { Sums::default() };
        Taken { hash, slot, before, record }
    }

    /// Puts the record back as it is. It has to be settled then.
    pub(crate) fn put_back(&mut self, taken: &mut Taken) {
        if let Some(slot) = taken.slot {
            swap(self.record_mut(slot), &mut taken.record);
        }
    }

    /// Settles a record that was put back, as a visit does.
    pub(crate) fn settle(&mut self, taken: &mut Taken, key: &[u8], cx: Context<'_>) {
        let mut visit = match taken.slot {
            Some(_) => self.visit(taken.hash, key, cx).expect("the record was put back"),
            None => Visit {
                record: take(&mut taken.record),
                slot: None,
                shard: self,
                hash: taken.hash,
                cx,
                before: taken.before,
            },
        };
        visit.before = taken.before;
    }

    fn record_mut(&mut self, slot: Slot) -> &mut Record {
        self.keys.at_mut(slot.at).record_mut(slot.bucket)
    }
}

/// Where the record of a key is, if there is one.
pub(crate) struct Located {
    hash: u64,
    slot: Option<Slot>,
}

/// A record outside its slot.
pub(crate) struct Taken {
    hash: u64,
    slot: Option<Slot>,
    before: Sums,
    pub(crate) record: Record,
}

/// Where a record is filed.
#[derive(Clone, Copy)]
struct Slot {
    at: At,
    bucket: usize,
}

/// One record in the hands of one call; see the module's documentation.
pub(crate) struct Visit<'a> {
    shard: &'a mut Shard,
    pub(crate) record: Record,
    pub(crate) cx: Context<'a>,
    hash: u64,
    slot: Option<Slot>,
    before: Sums,
}

impl Drop for Visit<'_> {
    #[inline]
    fn drop(&mut self) {
        // A packed hash that has kept its size has changed no sum, and no threshold concerns it.
        if let Some(slot) = self.slot
            && self.record.encoding() == Encoding::Packed
            && Sums::of(&self.record) == self.before
        {
            swap(&mut self.record, self.shard.keys.at_mut(slot.at).record_mut(slot.bucket));
        } else {
            let before = self.shard.heap_bytes();
            self.settle();
            self.cx.settle(before, self.shard.heap_bytes());
        }
    }
}

impl Visit<'_> {
    fn settle(&mut self) {
        let mut record = take(&mut self.record);
        let Shard { keys, sums } = &mut *self.shard;
        let rules = self.cx.rules;
        let began = if self.before.tables == 0 { Encoding::Packed } else { Encoding::Table };
        record.settle(began, self.cx);
        sums.exchange(self.before, if record.len() == 0 { Sums::default() } else { Sums::of(&record) });
        match self.slot {
            Some(Slot { at, bucket }) if record.len() > 0 => {
                *keys.at_mut(at).record_mut(bucket) = record;
            }
            Some(Slot { at, bucket }) => {
                keys.edit(at, |keys| keys.remove(bucket, rules));
                keys.settle_removal(at, rules);
            }
            None if record.len() > 0 => {
                let at = keys.prepare_insert(self.hash, rules);
                keys.edit(at, |keys| keys.insert(self.hash, record, rules));
            }
            None => {}
        }
    }
}

/// One segment of a shard's keys.
#[derive(Default)]
struct Keys(HashTable<Record>);

impl Keys {
    #[inline]
    fn record_mut(&mut self, bucket: usize) -> &mut Record {
        self.0.get_bucket_mut(bucket).expect("the bucket that was found")
    }

    fn insert(&mut self, hash: u64, record: Record, rules: &Rules) {
        slots::insert(&mut self.0, hash, record, |record| rules.hash(record.key()));
    }

    fn remove(&mut self, bucket: usize, rules: &Rules) {
        if let Ok(entry) = self.0.get_bucket_entry(bucket) {
            entry.remove();
        }
        slots::shrink_sparse(&mut self.0, |record| rules.hash(record.key()));
    }
}

impl Segment for Keys {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn bytes(&self) -> usize {
        self.0.allocation_size()
    }

    fn buckets(&self) -> usize {
        self.0.num_buckets()
    }

    fn is_full(&self) -> bool {
        slots::is_full(&self.0)
    }

    fn hashes(&self, rules: &Rules) -> impl Iterator<Item = u64> {
        self.0.iter().map(|record| rules.hash(record.key()))
    }

    fn split(&mut self, bit: u64, rules: &Rules) -> Self {
        let old = take(&mut self.0);
        let mut upper = Self(slots::with_final_capacity(old.len() / 2));
        self.0 = slots::with_final_capacity(old.len() / 2);
        for record in old {
            let hash = rules.hash(record.key());
            let side = if hash & bit == 0 { &mut *self } else { &mut upper };
            side.insert(hash, record, rules);
        }
        upper
    }

    fn reserve(&mut self, entries: usize, rules: &Rules) {
        slots::reserve(&mut self.0, entries, |record| rules.hash(record.key()));
    }

    fn absorb(&mut self, other: Self, rules: &Rules) {
        for record in other.0 {
            self.insert(rules.hash(record.key()), record, rules);
        }
    }
}

#[cfg(feature = "testing")]
impl Shard {
    /// Checks the invariants of the module's documentation, and those of all parts.
    ///
    /// # Panics
    /// If one is broken.
    pub(crate) fn validate(&self, rules: &Rules) {
        self.keys.validate(rules);
        let mut sums = Sums::default();
        for record in self.records() {
            record.validate(rules);
            assert!(record.len() > 0, "1: an empty record");
            let found = self.find(rules.hash(record.key()), record.key());
            assert!(found.is_some_and(|found| std::ptr::eq(found, record)), "1: a key stands twice or is not found");
            sums.exchange(Sums::default(), Sums::of(record));
        }
        assert_eq!(self.sums, sums, "2: sums");
    }
}
