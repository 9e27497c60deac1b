//! One segment of the keys of a shard.

use std::mem::take;

use hashbrown::HashTable;

use crate::bytes;
use crate::directory::upcoming::Upcoming;
use crate::directory::{Segment, slots};
use crate::hash::Context;
use crate::hash::{Record, Scope};
use crate::options::Rules;
use crate::saving::{Saver, Walk};

/// The number of fields, about, that are purged in one slice while other calls wait.
const SLICE_FIELDS: usize = 1024;

/// The number of buckets whose records the saver prefetches at a time. They hold about one slice.
const PREFETCHED_BUCKETS: usize = 32;

/// Records, each found by the hash of its key, and the next deadlines among them.
#[derive(Default)]
pub(super) struct KeySegment {
    pub(super) records: HashTable<Record>,
    pub(super) upcoming: Upcoming,
}

impl KeySegment {
    #[inline(always)]
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<&Record> {
        self.records.find(hash, |record| self.is_of(record, hash, key))
    }

    #[inline]
    pub(super) fn find_bucket(&self, hash: u64, key: &[u8]) -> Option<usize> {
        self.records.find_bucket_index(hash, |record| self.is_of(record, hash, key))
    }

    #[inline]
    pub(super) fn find_mut(&mut self, hash: u64, key: &[u8]) -> Option<&mut Record> {
        self.find_bucket(hash, key).map(|bucket| self.record_mut(bucket))
    }

    /// Whether this is the record of this key. hashbrown calls it where a tag agrees. A processor predicts that one
    /// does, so it loads all of this before it has compared the tags, and a search that finds nothing waits for none of
    /// it.
    #[inline(always)]
    fn is_of(&self, record: &Record, hash: u64, key: &[u8]) -> bool {
        slots::prefetch(&self.records, hash, Record::encoding);
        record.prefetch_front();
        bytes::equal(record.key(), key)
    }

    #[inline]
    pub(super) fn record(&self, bucket: usize) -> &Record {
        self.records.get_bucket(bucket).expect("the bucket that was found")
    }

    #[inline]
    pub(super) fn record_mut(&mut self, bucket: usize) -> &mut Record {
        self.records.get_bucket_mut(bucket).expect("the bucket that was found")
    }

    pub(super) fn insert(&mut self, hash: u64, record: Record, rules: &Rules) {
        slots::insert(&mut self.records, hash, record, |record| rules.hash(record.key()));
    }

    pub(super) fn remove(&mut self, bucket: usize, rules: &Rules) {
        if let Ok(entry) = self.records.get_bucket_entry(bucket) {
            entry.remove();
        }
        slots::shrink_sparse(&mut self.records, |record| rules.hash(record.key()));
    }

    /// Writes the records that are not written yet, until the slice is over. Returns whether everything is written. For
    /// the saver.
    pub(super) fn save_slice(&mut self, walk: &mut Walk, saver: &mut Saver<'_>) -> bool {
        loop {
            let end = self.records.num_buckets().min(walk.bucket + PREFETCHED_BUCKETS);
            let ahead = (walk.bucket..end).filter_map(|bucket| self.records.get_bucket(bucket));
            ahead.for_each(Record::prefetch);
            while walk.bucket < end {
                if saver.is_slice_over() {
                    return false;
                }
                if let Some(record) = self.records.get_bucket_mut(walk.bucket)
                    && !record.save_slice(walk, saver)
                {
                    return false;
                }
                walk.bucket += 1;
            }
            if end == self.records.num_buckets() {
                walk.bucket = 0;
                return self.records.iter().all(|record| record.is_saved(saver.mark));
            }
        }
    }

    /// The keys of the records in which something has expired, for one slice of work. The caller must visit these keys,
    /// because the segment has forgotten their deadlines. A visit notes those that remain.
    pub(super) fn take_due(&mut self, cx: Context<'_>) -> Vec<Box<[u8]>> {
        if self.upcoming.is_used_up(cx.now()) {
            return self.walk_for_due(cx);
        }
        let mut due = Vec::new();
        let mut fields = 0;
        while fields < SLICE_FIELDS
            && let Some(hash) = self.upcoming.take_due(cx.now())
        {
            for record in self.records.iter_hash(hash) {
                if record.is_overdue(Scope::Hash, cx) {
                    fields += record.len();
                    due.push(record.key().into());
                } else if record.has_deadlines() {
                    self.upcoming.note(record.soonest(), hash);
                }
            }
        }
        due
    }

    /// [`take_due`](Self::take_due) by a walk through the segment, which also collects the next deadlines.
    #[cold]
    fn walk_for_due(&mut self, cx: Context<'_>) -> Vec<Box<[u8]>> {
        let mut due = Vec::new();
        let mut fields = 0;
        let mut others = Vec::new();
        for first in (0..self.records.num_buckets()).step_by(PREFETCHED_BUCKETS) {
            let buckets = first..self.records.num_buckets().min(first + PREFETCHED_BUCKETS);
            buckets.clone().filter_map(|bucket| self.records.get_bucket(bucket)).for_each(Record::prefetch);
            for bucket in buckets {
                match self.records.get_bucket(bucket) {
                    Some(record) if !record.has_deadlines() => {}
                    Some(record) if fields < SLICE_FIELDS && record.is_overdue(Scope::Hash, cx) => {
                        fields += record.len();
                        due.push(record.key().into());
                    }
                    Some(record) => others.push((record.soonest(), record)),
                    None => {}
                }
            }
        }
        let entries = if cx.is_short_of_room() { 0 } else { self.records.len() };
        self.upcoming.refill(entries, others, |record| cx.rules.hash(record.key()));
        due
    }
}

impl Segment for KeySegment {
    fn len(&self) -> usize {
        self.records.len()
    }

    fn bytes(&self) -> usize {
        self.records.allocation_size() + self.upcoming.bytes()
    }

    fn buckets(&self) -> usize {
        self.records.num_buckets()
    }

    fn is_full(&self) -> bool {
        slots::is_full(&self.records)
    }

    fn hashes(&self, rules: &Rules) -> impl Iterator<Item = u64> {
        self.records.iter().map(|record| rules.hash(record.key()))
    }

    fn split(&mut self, bit: u64, rules: &Rules) -> Self {
        let old = take(&mut self.records);
        self.upcoming = Upcoming::from(self.upcoming.soonest());
        let mut upper = Self { records: slots::with_final_capacity(old.len() / 2), upcoming: self.upcoming.clone() };
        self.records = slots::with_final_capacity(old.len() / 2);
        for record in old {
            let hash = rules.hash(record.key());
            let side = if hash & bit == 0 { &mut *self } else { &mut upper };
            side.insert(hash, record, rules);
        }
        upper
    }

    fn reserve(&mut self, entries: usize, rules: &Rules) {
        slots::reserve(&mut self.records, entries, |record| rules.hash(record.key()));
    }

    fn absorb(&mut self, other: Self, rules: &Rules) {
        self.upcoming = Upcoming::from(self.upcoming.soonest().min(other.upcoming.soonest()));
        for record in other.records {
            self.insert(rules.hash(record.key()), record, rules);
        }
    }
}
