//! One segment of the keys of a shard.

use std::mem::take;

use hashbrown::HashTable;

use crate::bytes;
use crate::directory::upcoming::Upcoming;
use crate::directory::{Segment, slots};
use crate::eviction::Usages;
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
    /// What is known of the use of the records, under a policy that needs it.
    pub(super) usages: Usages,
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

    /// Files a record, with what is known of its use if anything is noted.
    pub(super) fn insert(&mut self, hash: u64, record: Record, usage: Option<u8>, rules: &Rules) {
        match usage {
            None if self.usages.is_none() => slots::insert(&mut self.records, hash, record, |it| rules.hash(it.key())),
            usage => self.insert_used(hash, record, usage.unwrap_or_default(), rules),
        }
    }

    #[cold]
    fn insert_used(&mut self, hash: u64, record: Record, usage: u8, rules: &Rules) {
        if let Some(entries) = slots::outgrown(&self.records) {
            self.rebuild(entries, rules);
        }
        self.note_usages();
        let entry = self.records.insert_unique(hash, record, |record| rules.hash(record.key()));
        let bucket = entry.bucket_index();
        self.usages.put(bucket, usage);
    }

    /// Notes the use of records from now on.
    pub(super) fn note_usages(&mut self) {
        if self.usages.len() != self.records.num_buckets() {
            debug_assert!(self.usages.is_none(), "usages move with their records");
            self.usages = Usages::of(self.records.num_buckets());
        }
    }

    /// Moves all records into buckets that have room for this many, and what is known of their use with them. Without
    /// this the usages would stay behind.
    fn rebuild(&mut self, entries: usize, rules: &Rules) {
        let (old, usages) = (take(&mut self.records), take(&mut self.usages));
        self.records.reserve(entries, |record| rules.hash(record.key()));
        self.usages = Usages::of(self.records.num_buckets());
        for (usage, record) in with_usages(old, &usages) {
            self.insert(rules.hash(record.key()), record, Some(usage), rules);
        }
    }

    pub(super) fn remove(&mut self, bucket: usize, rules: &Rules) {
        if let Ok(entry) = self.records.get_bucket_entry(bucket) {
            entry.remove();
        }
        if self.usages.is_none() {
            slots::shrink_sparse(&mut self.records, |record| rules.hash(record.key()));
        } else if slots::is_sparse(&self.records) {
            self.rebuild(self.records.len() * 2, rules);
        }
    }

    /// Gives back unused memory.
    pub(super) fn shrink_to_fit(&mut self, rules: &Rules) {
        self.upcoming = Upcoming::from(self.upcoming.soonest());
        if self.usages.is_none() {
            self.records.shrink_to_fit(|record| rules.hash(record.key()));
        } else {
            self.rebuild(self.records.len(), rules);
        }
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
        self.records.allocation_size() + self.upcoming.bytes() + self.usages.len()
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
        let (old, usages) = (take(&mut self.records), take(&mut self.usages));
        self.upcoming = Upcoming::from(self.upcoming.soonest());
        let records = || slots::with_final_capacity(old.len() / 2);
        let mut upper = Self { records: records(), upcoming: self.upcoming.clone(), usages: Usages::default() };
        self.records = records();
        let is_noted = !usages.is_none();
        for (usage, record) in with_usages(old, &usages) {
            let hash = rules.hash(record.key());
            let side = if hash & bit == 0 { &mut *self } else { &mut upper };
            side.insert(hash, record, is_noted.then_some(usage), rules);
        }
        upper
    }

    fn reserve(&mut self, entries: usize, rules: &Rules) {
        if self.usages.is_none() {
            slots::reserve(&mut self.records, entries, |record| rules.hash(record.key()));
        } else if self.records.capacity() < entries {
            self.rebuild(entries, rules);
        }
    }

    fn absorb(&mut self, other: Self, rules: &Rules) {
        self.upcoming = Upcoming::from(self.upcoming.soonest().min(other.upcoming.soonest()));
        let is_noted = !other.usages.is_none();
        for (usage, record) in with_usages(other.records, &other.usages) {
            self.insert(rules.hash(record.key()), record, is_noted.then_some(usage), rules);
        }
    }
}

/// The records of a table, with what is known of their use.
fn with_usages(mut records: HashTable<Record>, usages: &Usages) -> impl Iterator<Item = (u8, Record)> {
    (0..records.num_buckets()).filter_map(move |bucket| {
        let (record, _) = records.get_bucket_entry(bucket).ok()?.remove();
        Some((usages.get(bucket), record))
    })
}
