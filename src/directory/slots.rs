//! How a segment uses hashbrown: how much room it asks for, and when it counts as full. It also keeps the table from
//! doubling, or from staying large, without need. hashbrown keeps its own invariants; this module only decides when to
//! rebuild.

use hashbrown::HashTable;

use super::SEGMENT_ENTRIES;

/// An empty table for a segment of this many entries, with room to grow to a full segment.
pub(crate) fn with_final_capacity<T>(entries: usize) -> HashTable<T> {
    HashTable::with_capacity(entries.max(SEGMENT_ENTRIES))
}

/// Whether the table has no room left and is so full that splitting is better than rebuilding.
pub(crate) fn is_full<T>(table: &HashTable<T>) -> bool {
    table.len() > comfortable(SEGMENT_ENTRIES) && table.len() == table.capacity()
}

/// The most entries with which rebuilding a table of this room is worthwhile. A sixteenth of the room is then free,
/// which allows as many insertions until the next rebuild. A table rebuilt with room for one entry would soon be
/// rebuilt again.
fn comfortable(room: usize) -> usize {
    room - room / 16
}

/// Loads the bucket at which the search for a hash begins. hashbrown reads its control bytes first, and only then knows
/// which entry to read. With this call the processor loads both at the same time, and waits once.
#[inline]
pub(crate) fn prefetch<T, R>(table: &HashTable<T>, hash: u64, look: impl FnOnce(&T) -> R) {
    let first = hash as usize & (table.num_buckets() - 1); // a power of two
    std::hint::black_box(table.get_bucket(first).map(look));
}

/// Inserts an entry that is not in the table yet.
///
/// Removals leave deleted marks behind, which use up hashbrown's room. hashbrown then doubles a table that is more than
/// half full, to get rid of them. If the buckets suffice comfortably, this rebuilds the table at the same size instead.
pub(crate) fn insert<T>(table: &mut HashTable<T>, hash: u64, entry: T, hash_of: impl Fn(&T) -> u64) {
    if let Some(room) = worn(table) {
        rebuild(table, room, &hash_of);
    }
    table.insert_unique(hash, entry, hash_of);
}

/// The number of entries that a table has room for once its deleted marks are gone, if it needs that for one more.
#[inline]
fn worn<T>(table: &HashTable<T>) -> Option<usize> {
    let room = usable(table.num_buckets());
    (table.len() == table.capacity() && table.len() < room && table.len() <= comfortable(room)).then_some(room)
}

/// The number of entries for which a table has to be rebuilt before one more is inserted, if it has to.
pub(crate) fn outgrown<T>(table: &HashTable<T>) -> Option<usize> {
    let doubled = || usable(table.num_buckets().max(2) * 2);
    worn(table).or_else(|| (table.len() == table.capacity()).then(doubled))
}

/// Whether a table uses less than an eighth of its buckets.
pub(crate) fn is_sparse<T>(table: &HashTable<T>) -> bool {
    table.len() < table.num_buckets() / 8
}

/// After removals: rebuilds a table that uses less than an eighth of its buckets, with room for twice its entries.
pub(crate) fn shrink_sparse<T>(table: &mut HashTable<T>, hash_of: impl Fn(&T) -> u64) {
    if is_sparse(table) {
        rebuild(table, table.len() * 2, hash_of);
    }
}

/// The number of entries that hashbrown keeps in this many buckets: all but one of up to 8 buckets, seven eighths of
/// more.
fn usable(buckets: usize) -> usize {
    if buckets <= 8 { buckets.saturating_sub(1) } else { buckets / 8 * 7 }
}

/// Makes room for this many entries in all.
pub(crate) fn reserve<T>(table: &mut HashTable<T>, entries: usize, hash_of: impl Fn(&T) -> u64) {
    if table.capacity() < entries {
        rebuild(table, entries, hash_of);
    }
}

fn rebuild<T>(table: &mut HashTable<T>, capacity: usize, hash_of: impl Fn(&T) -> u64) {
    let mut rebuilt = HashTable::with_capacity(capacity);
    for entry in table.drain() {
        rebuilt.insert_unique(hash_of(&entry), entry, &hash_of);
    }
    *table = rebuilt;
}

/// A table of as many buckets, in which each entry stands for one of another table. `map` meets them in the order of its
/// iterator.
pub(crate) fn rebuilt<T, U>(
    table: &HashTable<T>,
    mut map: impl FnMut(&T) -> U,
    hash_of: impl Fn(&U) -> u64,
) -> HashTable<U> {
    let mut rebuilt = HashTable::with_capacity(usable(table.num_buckets()));
    for entry in table {
        let entry = map(entry);
        rebuilt.insert_unique(hash_of(&entry), entry, &hash_of);
    }
    rebuilt
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn churn_hashes_few_entries_whatever_the_fill() {
        const TURNS: usize = 4_096;
        for entries in (1..64).chain((64..=SEGMENT_ENTRIES).step_by(7)).chain(SEGMENT_ENTRIES - 8..=SEGMENT_ENTRIES) {
            let hashed = Cell::new(0_usize);
            let hash_of = |number: &u64| {
                hashed.set(hashed.get() + 1);
                number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            };
            let mut table = HashTable::new();
            for number in 0..entries as u64 {
                insert(&mut table, hash_of(&number), number, hash_of);
            }
            hashed.set(0);
            for turn in 0..TURNS as u64 {
                let oldest = table.find_entry(hash_of(&turn), |number| *number == turn).expect("it is there");
                oldest.remove();
                if is_full(&table) {
                    break; // the directory would split it
                }
                let newest = turn + entries as u64;
                insert(&mut table, hash_of(&newest), newest, hash_of);
            }
            let a_turn = hashed.get() / TURNS;
            assert!(a_turn <= 34, "{a_turn} entries hashed a turn among {entries}");
        }
    }
}
