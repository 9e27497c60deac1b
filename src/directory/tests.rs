//! The traps of extendible hashing, each with a test of its own. The segment is as plain as possible: a hashbrown table
//! of hashes.

use hashbrown::HashTable;

use super::*;
use crate::hashing::TAG_BITS;
use crate::random::tests::assert_even;

/// A segment whose entries are their own hashes.
#[derive(Default)]
struct Hashes(HashTable<u64>);

impl Segment for Hashes {
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

    fn hashes(&self, _: &Rules) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    fn split(&mut self, bit: u64, _: &Rules) -> Self {
        let old = take(&mut self.0);
        self.0 = slots::with_final_capacity(0);
        let mut upper = Self(slots::with_final_capacity(0));
        for hash in old {
            let side = if hash & bit == 0 { &mut *self } else { &mut upper };
            slots::insert(&mut side.0, hash, hash, |&hash| hash);
        }
        upper
    }

    fn reserve(&mut self, entries: usize, _: &Rules) {
        slots::reserve(&mut self.0, entries, |&hash| hash);
    }

    fn absorb(&mut self, other: Self, _: &Rules) {
        other.0.into_iter().for_each(|hash| slots::insert(&mut self.0, hash, hash, |&hash| hash));
    }
}

struct Subject {
    directory: Directory<Hashes>,
    rules: Rules,
}

impl Subject {
    fn new() -> Self {
        Self { directory: Directory::new(TAG_BITS), rules: Rules::default() }
    }

    fn insert(&mut self, hash: u64) {
        let at = self.directory.prepare_insert(hash, &self.rules);
        self.directory.edit(at, |segment| slots::insert(&mut segment.0, hash, hash, |&hash| hash));
    }

    fn contains(&self, hash: u64) -> bool {
        self.directory.find(hash).is_some_and(|segment| segment.0.find(hash, |&found| found == hash).is_some())
    }

    fn remove(&mut self, hash: u64) {
        let at = self.directory.locate(hash).expect("a segment");
        self.directory.edit(at, |segment| {
            segment.0.find_entry(hash, |&found| found == hash).expect("the hash").remove();
            slots::shrink_sparse(&mut segment.0, |&hash| hash);
        });
        self.directory.shrink_after_removal(at, &self.rules);
    }

    fn validate(&self) {
        self.directory.validate(&self.rules);
    }

    fn segments(&self) -> usize {
        self.directory.segments().count()
    }
}

/// A well mixed number. It is different for each `n` (splitmix64).
fn mixed(n: u64) -> u64 {
    let mut hash = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[test]
fn reserved_room_takes_its_entries_without_a_split() {
    for entries in [0, 1, 500, 784, 785, 5_000, 100_000] {
        for there in [0, 1, 3_000] {
            let mut subject = Subject::new();
            (0..there).for_each(|n| subject.insert(mixed(n)));
            subject.directory.reserve(entries as usize, &subject.rules);
            subject.validate();
            let (segments, bytes) = (subject.segments(), subject.directory.heap_bytes());
            (there..there + entries).for_each(|n| subject.insert(mixed(n)));
            assert_eq!(
                (subject.segments(), subject.directory.heap_bytes()),
                (segments, bytes),
                "{there} and {entries}"
            );
            assert!((0..there + entries).all(|n| subject.contains(mixed(n))));
            (0..there + entries).for_each(|n| subject.remove(mixed(n)));
            subject.validate();
            assert_eq!(subject.directory.heap_bytes(), 0);
        }
    }
}

#[test]
fn reserving_beyond_all_bounds_reserves_within_bounds() {
    let mut subject = Subject::new();
    (0..1_000).for_each(|n| subject.insert(mixed(n)));
    subject.directory.reserve(usize::MAX, &subject.rules);
    assert!(subject.directory.heap_bytes() < 24 * RESERVE_MAX);
    let Subject { directory, rules } = &mut subject;
    directory.shrink_to_fit(rules, |segment| segment.0.shrink_to_fit(|&hash| hash));
    subject.validate();
    assert!(subject.segments() <= 8, "two neighbours hold a quarter of a segment at least");
    assert!((0..1_000).all(|n| subject.contains(mixed(n))));
}

#[test]
fn every_entry_is_found_through_growth_and_removal() {
    let mut subject = Subject::new();
    const N: u64 = 40_000;
    for n in 0..N {
        subject.insert(mixed(n));
        if n % 997 == 0 {
            subject.validate();
        }
    }
    assert!((0..N).all(|n| subject.contains(mixed(n))));
    assert!(!subject.contains(mixed(N)));
    for n in 0..N {
        subject.remove(mixed(n));
        if n % 997 == 0 {
            subject.validate();
            assert!(!subject.contains(mixed(n)));
            assert!(n == N - 1 || subject.contains(mixed(N - 1)));
        }
    }
    subject.validate();
    assert_eq!(subject.directory.heap_bytes(), 0);
}

#[test]
fn bytes_fall_after_mass_removal() {
    let mut subject = Subject::new();
    (0..100_000).for_each(|n| subject.insert(mixed(n)));
    let full = subject.directory.heap_bytes();
    (1_000..100_000).for_each(|n| subject.remove(mixed(n)));
    subject.validate();
    assert!(subject.directory.heap_bytes() < full / 20, "{} of {full}", subject.directory.heap_bytes());
    assert!((0..1_000).all(|n| subject.contains(mixed(n))));
}

#[test]
fn churn_at_92_per_cent_does_not_double_the_slots() {
    let mut subject = Subject::new();
    let kept = (SEGMENT_ENTRIES * 92 / 100) as u64;
    (0..kept).for_each(|n| subject.insert(mixed(n)));
    let bytes = subject.directory.heap_bytes();
    for n in kept..kept + 100_000 {
        subject.remove(mixed(n - kept));
        subject.insert(mixed(n));
        assert_eq!(subject.directory.heap_bytes(), bytes, "after {n}");
    }
    subject.validate();
}

#[test]
fn insertion_in_a_directorys_own_order_moves_at_most_one_segment_an_insert() {
    const N: u64 = 300_000;
    let mut hashes: Vec<u64> = (0..N).map(mixed).collect();
    hashes.sort_unstable_by_key(|hash| hash << TAG_BITS);
    let mut subject = Subject::new();
    for &hash in &hashes {
        let before = lens(&subject);
        subject.insert(hash);
        let after = lens(&subject);
        // A segment was rebuilt if its number of entries has changed. The new segments hold what it has lost.
        let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
        assert!(changed <= 2, "{changed} segments changed"); // the one that was split, and the one inserted into
        assert!(after[before.len()..].iter().filter(|&&len| len > 0).count() <= 1, "split more than once");
    }
    subject.validate();
    let least = hashes.len() / SEGMENT_ENTRIES;
    assert!(subject.segments() < 5 * least, "{} segments for {N} entries", subject.segments());
}

/// The number of entries of each segment, in the order in which the segments were made.
fn lens(subject: &Subject) -> Vec<usize> {
    subject.directory.segments().map(Hashes::len).collect()
}

#[test]
fn two_thousand_equal_prefixes_neither_hang_nor_explode() {
    // They are equal in all bits that a directory may read, and differ only in the lowest bits.
    let mut subject = Subject::new();
    let prefix = 0x0123_4567_89ab << 16;
    (0..2_000).for_each(|n| subject.insert(prefix | n));
    subject.validate();
    assert_eq!(subject.segments(), 1, "equal prefixes cannot be split");
    assert!(subject.directory.heap_bytes() < 100_000, "{} bytes", subject.directory.heap_bytes());
    // Other entries are still split from them, and all are found.
    (0..50_000).for_each(|n| subject.insert(mixed(n)));
    subject.validate();
    assert!((0..2_000).all(|n| subject.contains(prefix | n)));
    assert!((0..50_000).all(|n| subject.contains(mixed(n))));
}

#[test]
fn prefixes_that_differ_late_do_not_make_the_directory_explode() {
    let mut subject = Subject::new();
    // They first differ in the directory's thirtieth bit. A directory of that depth would take 4 GiB.
    let late = |n: u64| (n & 1) << (63 - TAG_BITS - 29) | n >> 1;
    (0..4_000).for_each(|n| subject.insert(late(n)));
    subject.validate();
    assert!((0..4_000).all(|n| subject.contains(late(n))));
    assert!(subject.directory.heap_bytes() < 200_000, "{} bytes", subject.directory.heap_bytes());
}

#[test]
fn a_small_table_in_churn_keeps_its_size() {
    for kept in [1, 3, 7, 13, 14, 28, 100, 112] {
        let mut subject = Subject::new();
        (0..kept).for_each(|n| subject.insert(mixed(n)));
        let bytes = subject.directory.heap_bytes();
        for n in kept..kept + 1_000 {
            subject.insert(mixed(n));
            subject.remove(mixed(n - kept));
        }
        assert!(subject.directory.heap_bytes() <= 2 * bytes + 64, "{kept} entries");
        subject.validate();
    }
}

/// The entries that a walk through the segments from this hash on meets. Those of each segment are sorted.
fn walk(subject: &Subject, hash: u64) -> Vec<u64> {
    let mut met = Vec::new();
    for segment in subject.directory.segments_from(hash) {
        let start = met.len();
        met.extend(segment.0.iter().map(|&hash| hash << subject.directory.skip));
        met[start..].sort_unstable();
    }
    met
}

/// Checks that walks from the first hash and from others meet everything after their beginning, in order.
fn check_walks(subject: &Subject) {
    let mut all: Vec<u64> = subject
        .directory
        .segments()
        .flat_map(|segment| &segment.0)
        .map(|hash| hash << subject.directory.skip)
        .collect();
    all.sort_unstable();
    assert_eq!(walk(subject, 0), all);
    for from in (0..20).map(mixed).chain([u64::MAX, 1 << (63 - subject.directory.skip)]) {
        let met = walk(subject, from);
        assert!(all.ends_with(&met), "a walk from {from:x} leaves the order");
        let before = all.len() - met.len();
        assert!(all[..before].iter().all(|&order| order < from << subject.directory.skip), "a walk from {from:x}");
    }
}

#[test]
fn a_walk_meets_each_segment_once_and_in_order_while_they_split_and_merge() {
    let mut subject = Subject::new();
    check_walks(&subject);
    const N: u64 = 20_000;
    for n in 0..N {
        subject.insert(mixed(n));
        if n % 1_999 == 0 {
            check_walks(&subject);
        }
    }
    assert_eq!(subject.directory.segments_from(0).count(), subject.segments());
    for n in 0..N {
        subject.remove(mixed(n));
        if n % 1_999 == 0 {
            check_walks(&subject);
        }
    }
    check_walks(&subject);
}

#[test]
fn a_walk_through_segments_of_unlike_depths_is_in_order() {
    let mut subject = Subject::new();
    // One prefix is split down to the bit in which its entries differ. Its neighbours stay shallow or empty.
    (0..2_000).for_each(|n| subject.insert((n & 1) << (63 - TAG_BITS - 14) | n >> 1));
    check_walks(&subject);
    (0..5_000).for_each(|n| subject.insert(mixed(n)));
    check_walks(&subject);
    assert!(subject.directory.depth > 12, "depth {}", subject.directory.depth);
}

#[test]
fn a_walk_leaves_out_the_bits_that_the_directory_leaves_out() {
    let mut subject = Subject { directory: Directory::new(TAG_BITS + 6), rules: Rules::default() };
    (0..5_000).for_each(|n| subject.insert(mixed(n)));
    check_walks(&subject);
}

#[test]
fn draws_are_even_beside_a_segment_that_has_outgrown_the_others() {
    let mut subject = Subject::new();
    let prefix = 0x0123_4567_89ab << 16;
    let mut hashes: Vec<u64> = (0..2_000).map(|n| prefix | n).chain((0..5_000).map(mixed)).collect();
    hashes.iter().for_each(|&hash| subject.insert(hash));
    subject.validate();
    hashes.sort_unstable();
    let mut random = Random::seeded(3);
    let mut counts = vec![0; hashes.len()];
    for _ in 0..hashes.len() * 200 {
        let (segment, bucket) = subject.directory.draw_bucket(&mut random).expect("a segment");
        if let Some(hash) = segment.0.get_bucket(bucket) {
            counts[hashes.binary_search(hash).expect("an entry")] += 1;
        }
    }
    assert_even(&counts);
    assert!(counts.iter().sum::<usize>() > 10 * hashes.len(), "draws mostly meet nothing");
}

#[test]
fn nothing_is_drawn_from_an_empty_directory() {
    assert!(Subject::new().directory.draw_bucket(&mut Random::seeded(3)).is_none());
}
