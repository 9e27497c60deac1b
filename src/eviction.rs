//! Which keys a full store forgets: the policies, and what they know of the use of each key.
//!
//! Two policies need to know how keys are used. A store under one of them keeps one byte, its *usage*, for each slot of
//! a key. Reads write it too, so it is an atomic beside the slots. All other stores keep nothing.
//!
//! | policy | usage | a key is forgotten first if |
//! |---|---|---|
//! | `LeastRecent` | the tick of the last use | most ticks have passed since then |
//! | `LeastFrequent` | 4 bits of the tick of the last use, 4 bits that count uses | its count, halved for each tick since then, is least |
//!
//! A *tick* is a span in which a number of keys have come, in proportion to the keys that the store holds. So time is
//! counted in what makes a full store forget, and stands still where nothing comes. A byte goes round after 256 ticks
//! (16 for `LeastFrequent`). By then a key that was not used has been among the first for long.
//!
//! Whoever needs room takes a sample: the keys of neighbouring slots, which are as good as random, because hashes
//! choose the slots. Their usages stand in one or two cache lines. A sample is of two random places, so that no place
//! has to give up keys that are worth more than those elsewhere. Of a sample, the key that is to be forgotten first
//! goes, or the first ones of a larger sample if a call needs much room. A new key is tried once more under
//! `LeastFrequent`: if it has come lately and was not used since, it goes before a key with the same count. So keys
//! that are used once push out each other, and not what is used again.

use hashbrown::HashTable;

use crate::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// What a store does when a write would exceed [`Limits::max_bytes`](crate::Limits::max_bytes) or
/// [`Limits::max_keys`](crate::Limits::max_keys); see [`StoreBuilder::eviction`](crate::StoreBuilder::eviction).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "maxmemory-policy")]
pub enum Eviction {
    /// The write is refused with [`Error::Full`](crate::Error::Full) or
    /// [`Error::TooManyKeys`](crate::Error::TooManyKeys). No key is evicted.
    #[default]
    #[doc(alias = "noeviction")]
    Refuse,
    /// Keys go that were not used for the longest time. Time is counted in the keys that come. Uses between which fewer
    /// keys came than a quarter of those in the store may count as simultaneous. In a store of up to 64 keys, only those
    /// between which none came do.
    #[doc(alias = "allkeys-lru")]
    LeastRecent,
    /// Keys go that were used least often. Uses that lie far back count less. Until it is used again, a new key is among
    /// the first to go.
    #[doc(alias = "allkeys-lfu")]
    LeastFrequent,
    /// Keys go whose next deadline, that of the key or of one of its fields, is the soonest. Keys without a deadline go
    /// last.
    #[doc(alias = "volatile-ttl")]
    SoonestDeadline,
    /// Any keys go.
    #[doc(alias = "allkeys-random")]
    Random,
}

/// The number of ticks in which as many keys come as the store holds, under `LeastRecent`. A loop over a few more keys
/// than the store can hold finds more of them with fewer ticks. With many, each key goes just before it is used again.
/// But with fewer than these, what was just used goes beside what came a little earlier.
const TICKS_A_TURN: usize = 4;
/// In a store of at most so many keys each key that comes is a tick, so that they go in their order.
const ORDERED_KEYS: usize = 64;
/// The number of times that as many keys come as the store holds in a tick, under `LeastFrequent`. With fewer, keys
/// that are used now and then are forgotten between two uses. With more, what was used often long ago stays too long.
const TURNS_A_TICK: usize = 8;
/// The greatest count of uses.
const MOST_USES: u8 = 15;
/// The new keys of each shard that are remembered under `LeastFrequent`.
const NEWEST: usize = 2;

impl Eviction {
    /// Whether keys are evicted at all.
    pub(crate) fn evicts(self) -> bool {
        self != Self::Refuse
    }

    /// Whether the use of keys is noted.
    #[inline]
    pub(crate) fn notes_use(self) -> bool {
        matches!(self, Self::LeastRecent | Self::LeastFrequent)
    }

    /// The usage of a key that comes at this tick.
    pub(crate) fn first(self, tick: u8) -> u8 {
        match self {
            Self::LeastFrequent => tick << 4 | 1,
            _ => tick,
        }
    }

    /// The usage after a use at this tick.
    #[inline]
    pub(crate) fn used(self, usage: u8, tick: u8) -> u8 {
        match self {
            Self::LeastFrequent => tick << 4 | (uses(usage, tick) + 1).min(MOST_USES),
            _ => tick,
        }
    }

    /// How much a key with this usage is worth at this tick. The key with the least worth goes first.
    pub(crate) fn worth(self, usage: u8, tick: u8) -> u8 {
        match self {
            Self::LeastFrequent => uses(usage, tick) << 4 | (MOST_USES - ticks_since(usage, tick)),
            _ => u8::MAX - tick.wrapping_sub(usage),
        }
    }

    /// Whether a new key goes before another one.
    pub(crate) fn yields(self, new: u8, other: u8, tick: u8) -> bool {
        uses(new, tick) <= uses(other, tick)
    }
}

/// The count of uses by this tick.
#[inline]
fn uses(usage: u8, tick: u8) -> u8 {
    (usage & MOST_USES) >> ticks_since(usage, tick).min(7)
}

/// The number of ticks since the last use, less what goes round.
#[inline]
fn ticks_since(usage: u8, tick: u8) -> u8 {
    tick.wrapping_sub(usage >> 4) & 15
}

/// The usages of the keys of one segment, one for each slot, or of none.
#[derive(Debug, Default)]
pub(crate) struct Usages(Box<[AtomicU8]>);

impl Usages {
    pub(crate) fn of(slots: usize) -> Self {
        Self(std::iter::repeat_with(AtomicU8::default).take(slots).collect())
    }

    pub(crate) fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of slots, and of bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The usage of a slot. It is 0 where nothing is noted.
    pub(crate) fn get(&self, slot: usize) -> u8 {
        self.0.get(slot).map_or(0, |usage| usage.load(Relaxed))
    }

    pub(crate) fn put(&mut self, slot: usize, usage: u8) {
        if let Some(place) = self.0.get_mut(slot) {
            *place = AtomicU8::new(usage);
        }
    }

    /// Notes that the key in this slot is used. It writes only what differs, because cores share the cache line.
    #[inline]
    pub(crate) fn note(&self, slot: usize, policy: Eviction, tick: u8) {
        if let Some(place) = self.0.get(slot) {
            let before = place.load(Relaxed);
            let after = policy.used(before, tick);
            if after != before {
                place.store(after, Relaxed);
            }
        }
    }
}

/// The ticks of a store, and the keys that have come last.
#[derive(Debug)]
pub(crate) struct Ticks {
    tick: AtomicU8,
    arrivals: AtomicUsize,
    /// The hashes of the last keys that have come to each shard, under `LeastFrequent`.
    newest: Box<[[AtomicU64; NEWEST]]>,
}

impl Ticks {
    pub(crate) fn new(policy: Eviction, shards: usize) -> Self {
        let shards = if policy == Eviction::LeastFrequent { shards } else { 0 };
        let newest = std::iter::repeat_with(<[AtomicU64; NEWEST]>::default).take(shards).collect();
        Self { tick: AtomicU8::new(0), arrivals: AtomicUsize::new(0), newest }
    }

    /// Bytes asked of the allocator.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val::<[_]>(&self.newest)
    }

    #[inline]
    pub(crate) fn now(&self) -> u8 {
        self.tick.load(Relaxed)
    }

    /// Notes that a key comes to a shard of a store that holds this many keys. Returns the tick.
    pub(crate) fn arrive(&self, policy: Eviction, shard: usize, hash: u64, keys: usize) -> u8 {
        let arrivals = self.arrivals.fetch_add(1, Relaxed) + 1;
        if let Some(newest) = self.newest.get(shard) {
            newest[arrivals % NEWEST].store(hash, Relaxed);
        }
        let needed = match policy {
            Eviction::LeastFrequent => keys.saturating_mul(TURNS_A_TICK),
            _ => keys.saturating_sub(ORDERED_KEYS) / TICKS_A_TURN,
        };
        if arrivals > needed {
            self.arrivals.store(0, Relaxed);
            self.tick.fetch_add(1, Relaxed);
        }
        self.now()
    }

    /// The hashes of the keys that have come to a shard last, or numbers that are none.
    pub(crate) fn newest(&self, shard: usize) -> [u64; NEWEST] {
        self.newest.get(shard).map_or([0; NEWEST], |newest| newest.each_ref().map(|hash| hash.load(Relaxed)))
    }
}

/// The hashes of the keys that a call uses. It must evict none of them.
#[derive(Debug, Default)]
pub(crate) struct Used {
    /// Most calls use one key.
    first: Option<u64>,
    others: HashTable<u64>,
}

impl Used {
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.others.len()
    }

    pub(crate) fn contains(&self, hash: u64) -> bool {
        self.first == Some(hash) || self.others.find(hash, |other| *other == hash).is_some()
    }

    /// Returns whether it is new.
    pub(crate) fn insert(&mut self, hash: u64) -> bool {
        match self.first {
            None => self.first = Some(hash),
            Some(_) if self.contains(hash) => return false,
            Some(_) => _ = self.others.insert_unique(hash, hash, |other| *other),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_was_not_used_for_longest_is_worth_least() {
        let policy = Eviction::LeastRecent;
        for now in [0_u8, 3, 130, 255] {
            let worths: Vec<u8> =
                (0..=255).map(|ago| policy.worth(policy.used(7, now.wrapping_sub(ago)), now)).collect();
            assert!(worths.is_sorted_by(|later, earlier| later > earlier), "at {now}");
        }
    }

    #[test]
    fn uses_count_up_to_a_limit_and_are_forgotten_tick_by_tick() {
        let policy = Eviction::LeastFrequent;
        let mut usage = policy.first(20);
        assert_eq!(uses(usage, 20), 1);
        for more in 2..40 {
            usage = policy.used(usage, 20);
            assert_eq!(uses(usage, 20), more.min(MOST_USES));
        }
        assert_eq!([20, 21, 22, 23, 24, 35].map(|tick| uses(usage, tick)), [15, 7, 3, 1, 0, 0]);
        assert_eq!(uses(policy.used(usage, 22), 22), 4);
        let (once, twice) = (policy.first(25), policy.used(policy.first(25), 25));
        assert!(policy.worth(once, 25) < policy.worth(twice, 25));
        assert!(policy.worth(policy.first(24), 25) < policy.worth(once, 25), "of equal counts, the older one");
    }

    #[test]
    fn ticks_follow_the_keys_that_come() {
        let after = |policy, keys, arrivals| {
            let ticks = Ticks::new(policy, 4);
            (0..arrivals).for_each(|hash| _ = ticks.arrive(policy, 1, hash, keys));
            (ticks.now(), ticks.newest(1).contains(&(arrivals - 1)))
        };
        assert_eq!(after(Eviction::LeastRecent, 64, 10), (10, false));
        assert_eq!(after(Eviction::LeastRecent, 664, 151), (1, false));
        assert_eq!(after(Eviction::LeastRecent, 664, 150), (0, false));
        assert_eq!(after(Eviction::LeastFrequent, 100, 801), (1, true));
        assert_eq!(after(Eviction::LeastFrequent, 100, 800), (0, true));
    }
}
