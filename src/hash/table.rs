//! The encoding of large hashes: a directory of segments, each of which holds its fields and values itself.
//!
//! ```text
//! Box<Table> --> key, flags, sums
//!                Directory<Fields> --> segment, segment, segment ... of up to about 900 fields each
//! ```
//! Every operation on a field is O(1) and touches one segment; growing splits one segment at a time.
//!
//! Invariants, recomputed under these numbers by `validate`:
//! 1. `entry_bytes` is the sum of the lengths of all entries: what they would take packed.
//! 2. `oversized` counts the fields and the values longer than the thresholds' `max_string`.

use std::mem::size_of;

use crate::call::Context;
use crate::directory::{Directory, Segment, Segments};
use crate::hash::entry;
use crate::hash::packed::Packed;
use crate::hash::segment::{EntriesOf, Fields};
use crate::random::Random;
use crate::rules::{Rules, TAG_BITS};

/// Empty buckets that a draw meets before it counts entries instead.
const MAX_DRAWS: usize = 64;

/// See the module's documentation.
#[derive(Clone)]
pub(crate) struct Table {
    key: Box<[u8]>,
    fields: Directory<Fields>,
    entry_bytes: usize,
    oversized: usize,
    flags: u8,
}

impl Table {
    fn new(flags: u8, key: &[u8]) -> Self {
        Self { key: key.into(), fields: Directory::new(TAG_BITS), entry_bytes: 0, oversized: 0, flags }
    }

    pub(crate) fn from_packed(packed: &Packed, cx: Context<'_>) -> Self {
        let mut table = Self::new(packed.flags(), packed.key());
        for (_, entry) in packed.entries() {
            let (field, value) = entry::pair(entry);
            table.set(cx.rules.hash(field), field, value, cx);
        }
        table
    }

    /// The caller has seen that the hash [`fits`](Packed::fits).
    pub(crate) fn to_packed(&self, rules: &Rules) -> Packed {
        let tagged = |entry| (rules.tag(entry::pair(entry).0), entry);
        let entries: Vec<(u8, &[u8])> = self.entries().map(tagged).collect();
        Packed::assemble(self.flags, &self.key, entries.into_iter())
    }

    #[cfg(test)]
    pub(crate) fn flags(&self) -> u8 {
        self.flags
    }

    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    /// A copy under another key.
    pub(crate) fn with_key(&self, key: &[u8]) -> Self {
        Self { key: key.into(), fields: self.fields.clone(), ..*self }
    }

    pub(crate) fn set_key(&mut self, key: &[u8]) {
        self.key = key.into();
    }

    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn entry_bytes(&self) -> usize {
        self.entry_bytes
    }

    pub(crate) fn oversized(&self) -> usize {
        self.oversized
    }

    /// Bytes asked of the allocator, those of the box that this lies in included. O(1).
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of::<Self>() + self.key.len() + self.fields.heap_bytes()
    }

    #[inline(never)]
    pub(crate) fn get(&self, field: &[u8], rules: &Rules) -> Option<&[u8]> {
        let hash = rules.hash(field);
        self.fields.find(hash)?.get(hash, field)
    }

    /// Makes room for so many fields more.
    pub(crate) fn reserve(&mut self, fields: usize, rules: &Rules) {
        self.fields.reserve(fields, rules);
    }

    /// Gives back all slack. O(n).
    pub(crate) fn shrink_to_fit(&mut self, rules: &Rules) {
        self.fields.shrink_to_fit(rules, |fields| fields.shrink_to_fit(rules));
    }

    pub(crate) fn entries(&self) -> Entries<'_> {
        self.fields.segments().flat_map(Fields::iter)
    }

    /// Draws an entry, each as likely as any other, if there is one. O(1); O(segments) where they are nearly empty.
    ///
    /// Draws buckets until one holds an entry, which is every second to tenth as a rule. In a sparse table the entry is
    /// chosen by its number instead, which is as even, but has to be counted out.
    pub(crate) fn draw(&self, random: &mut Random) -> Option<&[u8]> {
        for _ in 0..MAX_DRAWS {
            let (fields, bucket) = self.fields.draw_bucket(random)?;
            if let Some(entry) = fields.in_bucket(bucket) {
                return Some(entry);
            }
        }
        let mut number = random.below(self.len());
        for fields in self.fields.segments() {
            if number < fields.len() {
                return fields.iter().nth(number);
            }
            number -= fields.len();
        }
        None
    }

    /// The segments in hash order, from the one for this hash on.
    pub(crate) fn segments_from(&self, hash: u64) -> impl Iterator<Item = &Fields> {
        self.fields.segments_from(hash)
    }

    /// Sets a field, and says whether it is new.
    pub(crate) fn set(&mut self, hash: u64, field: &[u8], value: &[u8], cx: Context<'_>) -> bool {
        let rules = cx.rules;
        self.oversized += usize::from(rules.is_oversized(value.len()));
        let old_len = self
            .fields
            .locate(hash)
            .and_then(|at| self.fields.edit(at, |fields| fields.replace(hash, field, value, cx)));
        if let Some(old_len) = old_len {
            self.oversized -= usize::from(rules.is_oversized(old_len));
            self.entry_bytes = self.entry_bytes - old_len + value.len();
            return false;
        }
        let at = self.fields.prepare_insert(hash, rules);
        self.fields.edit(at, |fields| fields.insert(hash, field, value, rules));
        self.oversized += usize::from(rules.is_oversized(field.len()));
        self.entry_bytes += entry::len(field, value);
        true
    }

    /// Removes a field, and says whether it was there.
    pub(crate) fn remove(&mut self, hash: u64, field: &[u8], cx: Context<'_>) -> bool {
        let Some(at) = self.fields.locate(hash) else { return false };
        let Some(old_len) = self.fields.edit(at, |fields| fields.remove(hash, field, cx)) else { return false };
        let strings = [field.len(), old_len];
        self.oversized -= strings.into_iter().filter(|&len| cx.rules.is_oversized(len)).count();
        self.entry_bytes -= entry::len(field, b"") + old_len;
        self.fields.settle_removal(at, cx.rules);
        true
    }
}

/// The entries of a table, in no particular order.
pub(crate) type Entries<'a> = std::iter::FlatMap<Segments<'a, Fields>, EntriesOf<'a>, fn(&'a Fields) -> EntriesOf<'a>>;

#[cfg(any(test, feature = "testing"))]
impl Table {
    /// Checks the invariants of the module's documentation, and those of all parts.
    ///
    /// # Panics
    /// If one is broken.
    pub(crate) fn validate(&self, rules: &Rules) {
        self.fields.validate(rules);
        self.fields.segments().for_each(|fields| fields.validate(rules));
        assert_eq!(self.entry_bytes, self.entries().map(<[u8]>::len).sum::<usize>(), "1: bytes of entries");
        let strings = self.entries().flat_map(|entry| <[&[u8]; 2]>::from(entry::pair(entry)));
        let oversized = strings.filter(|string| rules.is_oversized(string.len())).count();
        assert_eq!(self.oversized, oversized, "2: oversized strings");
    }
}
