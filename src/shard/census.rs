//! The census: what names do many hashes of a segment share? They become shapes (see `shapes.rs`), and these hashes take
//! them.
//!
//! A shard counts the hashes that come to it without a shape, or lose theirs. After some of them it takes a census of the
//! segment of the last one: after half as many as the segment has keys, and each time that a census has found nothing,
//! after twice as many. So a census costs each such hash a few steps, however it is changed later, and it sees hashes as
//! their calls have left them. Other calls wait for a census, so it looks at a limited number of fields.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashTable;

use crate::hash::{Port, Record, takes};
use crate::options::Rules;
use crate::shapes::{Kind, Shapes};
use crate::shard::{Shard, Sums};

/// After so many hashes without a shape, the first census is due, and later ones not sooner.
pub(super) const FIRST: u32 = 16;
/// A census first looks at so many hashes. If no two of them have the same names, it learns nothing.
const SAMPLE: usize = 64;
/// The most fields at which a census looks to learn, and the most fields of hashes that it gives a shape, about.
const MOST_FIELDS: usize = 6_000;
/// A census of fewer hashes is no reason to take the next one later.
const FEW: usize = 2 * FIRST as usize;
/// How often a census that finds nothing doubles the number of hashes until the next one.
const MOST_DOUBLINGS: u8 = 6;

impl Shard {
    /// Counts a record that has come without a shape, or has lost it, if there are shapes. Takes a census when it is due.
    /// What is learned takes room, if the store has a limit.
    #[inline]
    pub(super) fn note_shapeless(&mut self, hash: u64, rules: &Rules, room: Option<&dyn Port>) {
        if let Some(shapes) = rules.shapes.as_deref() {
            self.until_census -= 1;
            if self.until_census == 0 {
                self.take_census(hash, shapes, rules, room);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn take_census(&mut self, hash: u64, shapes: &Shapes, rules: &Rules, room: Option<&dyn Port>) {
        self.until_census = FIRST;
        let Some(at) = self.keys.locate(hash) else { return };
        let (records, sums) = (&mut self.keys.at_mut(at).records, &mut self.sums);
        let mut left = MOST_FIELDS;
        take_shapes(records, sums, &mut left, rules);
        if learn_names(records, shapes, rules, room) {
            take_shapes(records, sums, &mut left, rules);
        }
        self.fruitless = match records.len() {
            _ if left < MOST_FIELDS => 0,
            0..FEW => self.fruitless, // so few tell nothing
            _ => MOST_DOUBLINGS.min(self.fruitless + 1),
        };
        self.until_census = match left {
            _ if shapes.is_keen() => 2,
            0 => FIRST, // the others soon
            _ => FIRST.max((records.len() as u32 / 2) << self.fruitless),
        };
    }

    /// Gives all records the shapes that there are for them.
    #[cfg(feature = "snapshot")]
    pub(crate) fn take_shapes(&mut self, rules: &Rules) {
        let Self { keys, sums, .. } = self;
        keys.edit_all(|keys| take_shapes(&mut keys.records, sums, &mut { usize::MAX }, rules));
    }
}

/// Learns the names that many of these records share. Returns whether it has learned some.
fn learn_names(records: &HashTable<Record>, shapes: &Shapes, rules: &Rules, room: Option<&dyn Port>) -> bool {
    let kind = |record: &Record| record.kind(rules);
    if shapes.are_full() || !has_equal(records.iter().take(SAMPLE).filter_map(kind)) {
        return false;
    }
    let mut kinds: BTreeMap<u64, (Kind, u32, &Record)> = BTreeMap::new();
    let mut left = MOST_FIELDS;
    for record in records {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(record.len());
        if let Some(kind) = kind(record) {
            kinds.entry(kind.names).or_insert((kind, 0, record)).1 += 1;
        }
    }
    let count = shapes.count();
    for (kind, hashes, record) in kinds.into_values().filter(|(_, hashes, _)| *hashes > 1) {
        if shapes.see(kind, hashes, takes(room)) {
            record.learn_shape(rules, room);
        }
    }
    shapes.count() > count
}

/// Gives these records the shapes that there are for them, as long as fields are left for it.
pub(super) fn take_shapes(records: &mut HashTable<Record>, sums: &mut Sums, left: &mut usize, rules: &Rules) {
    for record in records.iter_mut().filter(|record| record.wants_better_shape(rules)) {
        if *left == 0 {
            return;
        }
        let before = Sums::of(record, rules);
        if record.take_shape(rules) {
            sums.exchange(before, Sums::of(record, rules));
            *left = left.saturating_sub(record.len());
        }
    }
}

fn has_equal(kinds: impl Iterator<Item = Kind>) -> bool {
    let mut met = BTreeSet::new();
    kinds.map(|kind| kind.names).any(|names| !met.insert(names))
}
