//! The census: what names do many hashes of a segment share? They become shapes (see `shapes.rs`), and these hashes take
//! them.
//!
//! A shard counts the hashes that come to it without a shape, or lose theirs. After some of them it takes a census of the
//! segment of the last one: after half as many as the segment has keys, or after twice as many if there was nothing to
//! learn. So a census costs each such hash a few steps, however it is changed later, and it sees hashes as their calls
//! have left them.

use std::collections::HashMap;

use hashbrown::HashTable;

use crate::hash::{Port, Record};
use crate::options::Rules;
use crate::shapes::{Shapes, Sighting};
use crate::shard::{Shard, Sums};

/// After so many hashes without a shape, the first census is due, and later ones not sooner.
pub(super) const FIRST: u32 = 16;
/// A census first looks at so many hashes. If no two of them have the same names, it learns nothing.
const SAMPLE: usize = 64;
/// The most hashes that take a shape in one census, because other calls wait for it.
const MOST_AT_ONCE: usize = 512;

impl Shard {
    /// Counts a record that has no shape, or has lost it, if there are shapes. Takes a census when it is due. What is
    /// learned takes room, if the store has a limit.
    #[inline]
    pub(super) fn note_plain(&mut self, hash: u64, rules: &Rules, room: Option<&dyn Port>) {
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
        let records = &mut self.keys.at_mut(at).records;
        let sums = &mut self.sums;
        let mut taken = take_shapes(records, sums, MOST_AT_ONCE, rules);
        let have_equals = learn_names(records, shapes, rules, room);
        if have_equals {
            taken += take_shapes(records, sums, MOST_AT_ONCE.saturating_sub(taken), rules);
        }
        let len = records.len() as u32;
        self.until_census = match have_equals {
            _ if taken == MOST_AT_ONCE => FIRST, // the others soon
            true => FIRST.max(len / 2),
            false => FIRST.max(2 * len),
        };
    }
}

/// Learns the names that many of these records share. Returns whether some have the same ones.
fn learn_names(records: &HashTable<Record>, shapes: &Shapes, rules: &Rules, room: Option<&dyn Port>) -> bool {
    let names = |record: &Record| record.names_hash(rules);
    if shapes.are_full() || !has_equal(records.iter().take(SAMPLE).filter_map(names)) {
        return false;
    }
    let mut kinds: HashMap<u64, (u32, &Record)> = HashMap::new();
    for record in records {
        if let Some(names) = names(record) {
            kinds.entry(names).or_insert((0, record)).0 += 1;
        }
    }
    for (names, (hashes, record)) in kinds.into_iter().filter(|(_, (hashes, _))| *hashes > 1) {
        record.learn_shape(Some(Sighting { names, hashes }), rules, room);
    }
    true
}

/// Gives at most so many of these records the shapes that there are for them. Returns how many took one.
pub(super) fn take_shapes(records: &mut HashTable<Record>, sums: &mut Sums, most: usize, rules: &Rules) -> usize {
    let lacking = records.iter_mut().filter(|record| record.wants_shape(rules));
    let taken = lacking.filter_map(|record| {
        let before = Sums::of(record, rules);
        record.take_shape(rules).then(|| sums.exchange(before, Sums::of(record, rules)))
    });
    taken.take(most).count()
}

fn has_equal(numbers: impl Iterator<Item = u64>) -> bool {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    numbers.windows(2).any(|pair| pair[0] == pair[1])
}
