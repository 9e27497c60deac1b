//! The next deadlines of a segment, so that what expires one after the other is found without a walk through the
//! segment.
//!
//! A walk collects the soonest deadlines, each with some bits of the hash of its entry. It also notes a *horizon*:
//! every entry of the segment whose deadline comes before the horizon is among those collected. So until the horizon
//! comes, a purge takes what is due from here, and needs no walk. An entry whose deadline is moved or removed, or that
//! is removed itself, stays here, so whoever takes it looks whether it is due.

use crate::time::{Deadline, Now};

/// One deadline is collected for this many entries of the segment. So what is collected takes less than half a byte for
/// each entry, and a walk looks at this many entries for each deadline that it saves a walk.
const ENTRIES_EACH: usize = 32;

/// Twelve bytes each, because padding would take a quarter more.
#[derive(Clone, Copy, Debug)]
#[repr(C, packed(4))]
struct Collected {
    deadline: Deadline,
    bits: HashBits,
}

/// The bits of a hash that hashbrown uses: the top ones of the word, its tag, and the lowest, which choose the bucket
/// of a table of up to 2^25 buckets. Another hash with the same bits finds the same entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HashBits(u32);

impl HashBits {
    const TAG_BITS: u32 = 7;
    const TAG_AT: u32 = usize::BITS - Self::TAG_BITS;
    const LOW_BITS: u32 = u32::BITS - Self::TAG_BITS;
    const LOW_MASK: u64 = (1 << Self::LOW_BITS) - 1;

    fn of(hash: u64) -> Self {
        let tag = (hash as usize >> Self::TAG_AT) as u32;
        Self(tag << Self::LOW_BITS | (hash & Self::LOW_MASK) as u32)
    }

    /// A hash with these bits.
    fn hash(self) -> u64 {
        u64::from(self.0 >> Self::LOW_BITS) << Self::TAG_AT | u64::from(self.0) & Self::LOW_MASK
    }
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(crate) struct Upcoming {
    /// Sorted, the soonest last.
    collected: Vec<Collected>,
    horizon: Deadline,
}

impl Default for Upcoming {
    /// For a segment in which nothing has a deadline.
    fn default() -> Self {
        Self { collected: Vec::new(), horizon: Deadline::NEVER }
    }
}

impl Upcoming {
    /// For a segment in which no deadline comes before this one.
    pub(crate) fn from(soonest: Deadline) -> Self {
        Self { collected: Vec::new(), horizon: soonest }
    }

    /// A lower bound of all deadlines in the segment.
    #[inline]
    pub(crate) fn soonest(&self) -> Deadline {
        self.collected.last().map_or(self.horizon, |next| next.deadline.min(self.horizon))
    }

    /// Bytes asked of the allocator.
    pub(crate) fn bytes(&self) -> usize {
        self.collected.capacity() * size_of::<Collected>()
    }

    /// An entry of this hash has this deadline now.
    #[inline]
    pub(crate) fn note(&mut self, deadline: Deadline, hash: u64) {
        if deadline < self.horizon {
            self.collect(deadline, HashBits::of(hash));
        }
    }

    /// Makes no room: what does not fit shortens the horizon.
    #[cold]
    fn collect(&mut self, deadline: Deadline, bits: HashBits) {
        let is_known = |known: &Collected| { known.bits } == bits && { known.deadline } <= deadline;
        if self.collected.iter().any(is_known) {
            return;
        }
        if self.collected.len() == self.collected.capacity() {
            match self.collected.first().map(|last| last.deadline) {
                Some(last) if last > deadline => {
                    self.collected.remove(0);
                    self.horizon = last;
                }
                _ => {
                    self.horizon = deadline;
                    return;
                }
            }
        }
        let at = self.collected.partition_point(|known| { known.deadline } > deadline);
        self.collected.insert(at, Collected { deadline, bits });
    }

    /// Whether an entry with this hash and deadline will be found in time.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn covers(&self, deadline: Deadline, hash: u64) -> bool {
        let bits = HashBits::of(hash);
        deadline >= self.horizon
            || self.collected.iter().any(|known| { known.bits } == bits && { known.deadline } <= deadline)
    }

    /// Takes the next deadline if it has come. Returns a hash by which hashbrown finds its entry, if the entry is still
    /// there.
    pub(crate) fn take_due(&mut self, now: &Now<'_>) -> Option<u64> {
        let next = self.collected.pop_if(|next| next.deadline.is_due(now))?;
        Some({ next.bits }.hash())
    }

    /// Whether the horizon has come, so that only a walk finds everything that is due.
    pub(crate) fn is_used_up(&self, now: &Now<'_>) -> bool {
        self.horizon.is_due(now)
    }

    /// Collects the soonest of these deadlines. They are all deadlines of a segment of this many entries, or of none if
    /// nothing is to be collected. From what comes with each deadline, `hash` makes the hash of its entry.
    pub(crate) fn refill<T>(&mut self, entries: usize, mut deadlines: Vec<(Deadline, T)>, hash: impl Fn(T) -> u64) {
        let most = (entries / ENTRIES_EACH).min(deadlines.len());
        self.horizon = Deadline::NEVER;
        if deadlines.len() > most {
            let (_, next, _) = deadlines.select_nth_unstable_by_key(most, |(deadline, _)| *deadline);
            self.horizon = next.0;
            // Others may have the deadline of the horizon, which belong behind it.
            deadlines.truncate(most);
            deadlines.retain(|(deadline, _)| *deadline < self.horizon);
        }
        deadlines.sort_unstable_by_key(|(deadline, _)| std::cmp::Reverse(*deadline));
        self.collected = Vec::with_capacity(most);
        let collected = |(deadline, entry)| Collected { deadline, bits: HashBits::of(hash(entry)) };
        self.collected.extend(deadlines.into_iter().map(collected));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Deadline {
        Deadline::from_bytes(millis.to_le_bytes())
    }

    fn due(upcoming: &mut Upcoming, millis: u64) -> Vec<u64> {
        let now = Now::frozen_at(at(millis));
        std::iter::from_fn(|| upcoming.take_due(&now)).collect()
    }

    const ENTRIES: u64 = 24 * ENTRIES_EACH as u64;

    #[test]
    fn what_comes_before_the_horizon_is_found_whenever_it_is_noted() {
        let mut upcoming = Upcoming::default();
        upcoming.refill(ENTRIES as usize, (0..100_u64).map(|n| (at(n), n)).collect(), |n| n);
        assert_eq!((upcoming.soonest(), upcoming.horizon), (at(0), at(24)));
        assert_eq!(due(&mut upcoming, 9), (0..10).collect::<Vec<_>>());
        upcoming.note(at(50), 50); // behind the horizon
        upcoming.note(at(15), 15); // known
        upcoming.note(at(11), 23); // moved to the front
        assert_eq!(due(&mut upcoming, 12), [10, 11, 23, 12]);
        assert_eq!(due(&mut upcoming, 1_000), (13..24).collect::<Vec<_>>());
        assert!(upcoming.is_used_up(&Now::frozen_at(at(24))));
        assert_eq!(upcoming.soonest(), at(24));
    }

    #[test]
    fn what_does_not_fit_shortens_the_horizon() {
        let mut upcoming = Upcoming::default();
        upcoming.note(at(70), 1); // no room at all
        assert_eq!((upcoming.bytes(), upcoming.soonest()), (0, at(70)));
        upcoming.refill(ENTRIES as usize, (0..24_u64).map(|n| (at(10 * n), n)).collect(), |n| n);
        assert_eq!(upcoming.horizon, Deadline::NEVER);
        upcoming.note(at(5), 7);
        assert_eq!(upcoming.horizon, at(230));
        assert_eq!(due(&mut upcoming, 10), [0, 7, 1]);
    }

    #[test]
    fn what_is_collected_takes_less_than_half_a_byte_an_entry() {
        for entries in [0, 1, 31, 32, 100, 900] {
            let mut upcoming = Upcoming::default();
            upcoming.refill(entries, (0..entries as u64).map(|n| (at(n), n)).collect(), |n| n);
            assert!(2 * upcoming.bytes() <= entries, "{} bytes for {entries}", upcoming.bytes());
            upcoming.refill(0, (0..entries as u64).map(|n| (at(n), n)).collect(), |n| n);
            assert_eq!((upcoming.bytes(), upcoming.soonest()), (0, if entries == 0 { Deadline::NEVER } else { at(0) }));
        }
    }

    #[test]
    fn many_equal_deadlines_lie_behind_the_horizon() {
        let mut upcoming = Upcoming::default();
        upcoming.refill(ENTRIES as usize, (0..100_u64).map(|n| (at(n.min(3)), n)).collect(), |n| n);
        assert_eq!((due(&mut upcoming, 1_000), upcoming.horizon), (vec![0, 1, 2], at(3)));
        assert_eq!(upcoming.soonest(), at(3));
    }

    #[test]
    fn hashbrown_finds_each_entry_by_the_bits_of_its_hash() {
        let hash = |n: &u64| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for entries in [1, 7, 100, 5_000_u64] {
            let mut table = hashbrown::HashTable::new();
            (0..entries).for_each(|n| _ = table.insert_unique(hash(&n), n, hash));
            for n in 0..entries {
                let same = HashBits::of(hash(&n)).hash();
                assert!(table.iter_hash(same).any(|found| *found == n), "{n} of {entries}");
            }
        }
    }
}
