//! What a shard knows of the use of its keys, and which of them it forgets.

use crate::eviction::{Eviction, Used};
use crate::hash::{Context, Port, Record, Scope};
use crate::options::Rules;
use crate::random::Random;
use crate::shard::segment::KeySegment;
use crate::shard::{Shard, Slot};

/// The most keys that one sample finds.
pub(crate) const MOST_FOUND: usize = 32;
/// So many keys are looked at for each one that goes, if looking at a key is looking at a byte.
const KEYS: usize = 48;
/// The same, if looking at a key is looking at its record.
const RECORDS: usize = 16;
/// If a call spares more keys than so many, a sample passes over them as it meets them.
const FEW_SPARED: usize = 16;
/// A sample that has passed over so many of them is content with what it has.
const MOST_PASSED: usize = 1_024;
/// A sample for at least so many keys has one place only, and looks at fewer for each one that goes.
const MANY: usize = 8;
const KEYS_OF_MANY: usize = 8;
const RECORDS_OF_MANY: usize = 4;

impl Shard {
    /// [`find`](Self::find) that notes the use of what it finds.
    pub(crate) fn find_noting(&self, hash: u64, key: &[u8], policy: Eviction, tick: u8) -> Option<&Record> {
        let keys = self.keys.find(hash)?;
        let bucket = keys.find_bucket(hash, key)?;
        keys.usages.note(bucket, policy, tick);
        Some(keys.record(bucket))
    }

    /// Notes that a call uses a key, unless it only purges or evicts. For rules that [tell keys](Rules::tells_keys).
    #[cold]
    #[inline(never)]
    pub(super) fn note_use(&self, slot: Slot, hash: u64, scope: Scope<'_>, cx: Context<'_>) {
        if !matches!(scope, Scope::Slice)
            && let Some(room) = cx.room()
        {
            let tick = room.uses(hash, self.record(slot).heap_bytes());
            // Where nothing is noted, there are no usages.
            self.keys.at(slot.at).usages.note(slot.bucket, cx.rules.eviction, tick);
        }
    }

    /// What is known of the use of a key that comes, if anything is noted.
    pub(super) fn first_usage(&self, hash: u64, rules: &Rules, room: &dyn Port) -> Option<u8> {
        let policy = rules.eviction;
        if !policy.evicts() {
            return None;
        }
        let usage = policy.first(room.arrives(hash));
        policy.notes_use().then_some(usage)
    }

    /// Makes room for what is known of the use of keys that are there already.
    #[cfg(feature = "snapshot")]
    pub(crate) fn note_usages(&mut self, rules: &Rules) {
        if rules.eviction.notes_use() {
            self.keys.edit_all(KeySegment::note_usages);
        }
    }

    /// Adds keys to a sample, from a random slot on. `newest` are hashes of the keys that have come last. O(sample),
    /// but O(segments) where segments are nearly empty.
    pub(crate) fn add_to(&self, sample: &mut Sample<'_>, newest: &[u64], random: &mut Random) {
        let passed = if sample.passes_spared() { 0 } else { sample.spared.len() };
        let mut least = Least::new(sample.wanted, sample.count + passed);
        let first = random.below(self.keys.segment_count());
        for keys in self.keys.segments().skip(first).chain(self.keys.segments().take(first)) {
            keys.look(sample, &mut least, random);
            if least.wanted == 0 {
                break;
            }
        }
        let rules = sample.rules;
        sample.choose(least, newest.iter().filter_map(|hash| self.new_key(*hash, rules)));
    }

    /// A new key, and what is known of its use, if it is still there.
    fn new_key(&self, hash: u64, rules: &Rules) -> Option<(u64, u8)> {
        let slot = self.slot_of_hash(hash, rules)?;
        Some((hash, self.keys.at(slot.at).usages.get(slot.bucket)))
    }

    /// Where a key with this hash is filed.
    fn slot_of_hash(&self, hash: u64, rules: &Rules) -> Option<Slot> {
        let at = self.keys.locate(hash)?;
        let bucket = self.keys.at(at).records.find_bucket_index(hash, |record| rules.hash(record.key()) == hash)?;
        Some(Slot { at, bucket })
    }

    /// Evicts the key with this hash. Returns whether there was one that had not expired.
    pub(crate) fn evict(&mut self, hash: u64, cx: Context<'_>) -> bool {
        let Some(slot) = self.slot_of_hash(hash, cx.rules) else { return false };
        let mut visit = self.visit_slot(slot, hash, Scope::Slice, cx);
        let is_there = visit.lend().0.len() > 0;
        visit.run(Record::evict);
        is_there
    }
}

impl KeySegment {
    /// Looks at keys in neighbouring slots, as many as are wanted.
    fn look<'s>(&'s self, sample: &Sample<'_>, least: &mut Least<'s>, random: &mut Random) {
        let buckets = self.records.num_buckets();
        let first = random.below(buckets);
        for bucket in (first..buckets).chain(0..first) {
            if least.wanted == 0 {
                return;
            }
            if let Some(record) = self.records.get_bucket(bucket) {
                if sample.passes_spared() && sample.spared.contains(sample.rules.hash(record.key())) {
                    least.pass();
                    continue;
                }
                let usage = self.usages.get(bucket);
                least.offer(Looked { worth: sample.worth(usage, record, self.records.len()), usage, record });
            }
        }
    }
}

/// Those keys that are worth least, of all that are offered.
struct Least<'s> {
    /// So many keys are still wanted.
    wanted: usize,
    passed: usize,
    /// The number of keys that are to be found.
    enough: usize,
    keys: Vec<Looked<'s>>,
    /// There are enough keys that are worth no more than this.
    bound: Option<u64>,
}

impl<'s> Least<'s> {
    fn new(wanted: usize, enough: usize) -> Self {
        Self { wanted, passed: 0, enough, keys: Vec::with_capacity(wanted.min(2 * enough)), bound: None }
    }

    #[inline]
    fn offer(&mut self, key: Looked<'s>) {
        self.wanted -= 1;
        if self.bound.is_none_or(|bound| key.worth < bound) {
            self.keys.push(key);
            if self.keys.len() == 2 * self.enough {
                self.cut();
            }
        }
    }

    /// Passes over a key that is spared.
    fn pass(&mut self) {
        self.passed += 1;
        if self.passed > MOST_PASSED && !self.keys.is_empty() {
            self.wanted = 0;
        }
    }

    /// Leaves only those that are worth least.
    fn cut(&mut self) {
        if self.enough < self.keys.len() {
            self.keys.select_nth_unstable_by_key(self.enough - 1, |key| key.worth);
            self.keys.truncate(self.enough);
            self.bound = self.keys.last().map(|key| key.worth);
        }
    }

    fn into_sorted(mut self) -> Vec<Looked<'s>> {
        self.cut();
        self.keys.sort_unstable_by_key(|key| key.worth);
        self.keys
    }
}

/// A key that was looked at.
struct Looked<'s> {
    worth: u64,
    usage: u8,
    record: &'s Record,
}

/// A sample of keys, and which of them are to be forgotten first.
pub(crate) struct Sample<'a> {
    rules: &'a Rules,
    tick: u8,
    /// The keys that must not be forgotten.
    spared: &'a Used,
    /// So many keys are to be found.
    count: usize,
    /// So many keys are still wanted at the present place.
    wanted: usize,
    found: Vec<Found>,
}

/// Those that are to be forgotten first come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    worth: u64,
    is_old: bool,
    hash: u64,
}

impl<'a> Sample<'a> {
    pub(crate) fn new(rules: &'a Rules, tick: u8, spared: &'a Used, count: usize) -> Self {
        Self { rules, tick, spared, count, wanted: 0, found: Vec::new() }
    }

    /// Whether spared keys are passed over when they are met. Otherwise there are so few of them that the sample finds
    /// as many keys more.
    fn passes_spared(&self) -> bool {
        self.spared.len() > FEW_SPARED
    }

    /// The number of random places of the sample. A single key is compared with keys elsewhere, so that no place has to
    /// give up keys that are worth more than others. If many have to go, that takes too long.
    pub(crate) fn places(&self) -> usize {
        if self.is_for_many() { 1 } else { 2 }
    }

    fn is_for_many(&self) -> bool {
        self.count >= MANY
    }

    /// Goes to another place.
    pub(crate) fn begin_place(&mut self) {
        let (keys, records) = if self.is_for_many() { (KEYS_OF_MANY, RECORDS_OF_MANY) } else { (KEYS, RECORDS) };
        let looks = match self.rules.eviction {
            Eviction::Refuse | Eviction::Random => self.places(),
            Eviction::SoonestDeadline => records,
            Eviction::LeastRecent | Eviction::LeastFrequent => keys,
        };
        self.wanted = self.count * looks / self.places();
    }

    /// Whether there are enough keys of the present place.
    pub(crate) fn has_enough(&self) -> bool {
        self.wanted == 0
    }

    /// The hashes of the keys that are to be forgotten, the first one first. None if there are only keys that are
    /// spared.
    pub(crate) fn into_hashes(mut self) -> Vec<u64> {
        self.found.sort_unstable();
        self.found.truncate(self.count);
        self.found.into_iter().map(|found| found.hash).collect()
    }

    /// How much a key is worth that is one of so many in its segment.
    fn worth(&self, usage: u8, record: &Record, neighbours: usize) -> u64 {
        match self.rules.eviction {
            Eviction::SoonestDeadline if record.has_deadlines() => record.soonest().millis().unwrap_or(u64::MAX),
            Eviction::SoonestDeadline => u64::MAX,
            // Every place is drawn as often as any other, so keys of full ones have to go more often.
            Eviction::Random => u64::MAX - neighbours as u64,
            policy => policy.worth(usage, self.tick).into(),
        }
    }

    /// Takes those that are worth least of the keys that were looked at, and new keys that yield to them.
    fn choose(&mut self, least: Least<'_>, newest: impl Iterator<Item = (u64, u8)>) {
        let wanted = least.wanted;
        let looked = least.into_sorted();
        looked.iter().for_each(|key| key.record.prefetch());
        let hashed = looked.iter().map(|key| (key, self.rules.hash(key.record.key())));
        let mut left = hashed.filter(|(_, hash)| !self.spared.contains(*hash)).take(self.count).peekable();
        let Some((least, _)) = left.peek().copied() else { return };
        let before = self.found.len();
        self.found.extend(left.map(|(key, hash)| Found { worth: key.worth, is_old: true, hash }));
        for (hash, usage) in newest {
            let is_found = self.found[before..].iter().any(|found| found.hash == hash);
            if !is_found && !self.spared.contains(hash) && self.rules.eviction.yields(usage, least.usage, self.tick) {
                self.found.push(Found { worth: least.worth, is_old: false, hash });
            }
        }
        self.wanted = wanted;
    }
}
