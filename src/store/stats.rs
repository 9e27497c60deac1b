//! Memory: what a store counts, how a hash is stored, and room that is made or given back.

use crate::directory::RESERVE_MAX;
use crate::hash::{Encoding, Port, Record, Scope};
use crate::shard::{RESERVED_KEY_BYTES, Shard};
use crate::store::Store;
use crate::store::call::Call;
use crate::store::feed::Feed;
use crate::store::listener::Listener;
use crate::store::outbox::Audience;
use crate::store::room::Room;
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::sync::{CachePadded, RwLock};

/// Counts over a whole [`Store`]; see [`Store::stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The number of keys.
    pub keys: usize,
    /// The number of fields of all hashes.
    pub fields: usize,
    /// The number of hashes in the packed encoding.
    pub packed: usize,
    /// The number of hashes in the table encoding.
    pub tables: usize,
    /// The number of *shapes*: of different sets of field names that packed hashes share. See the guide:
    /// [`guide::limits`](crate::guide::limits#shapes).
    pub shapes: usize,
    /// The number of hashes that leave their names to a shape.
    pub shaped: usize,
    /// The bytes of names that these hashes leave to shapes, with a tag of one byte for each name.
    pub saved_bytes: usize,
    /// The bytes that the shapes themselves take, with what it takes to learn them. They are part of
    /// [`bytes`](Self::bytes).
    pub shape_bytes: usize,
    /// Bytes that the store has asked of the allocator and not given back. They include everything but the `Store`
    /// value itself. Bytes that the allocator adds (rounding, its own records) are not counted.
    pub bytes: usize,
    /// The number of keys that have expired by their own deadlines and were removed, since the store was built, loaded
    /// or opened.
    pub expired_keys: usize,
    /// The number of fields that have expired by their own deadlines and were removed. Those that a key took along when
    /// it expired are not counted.
    pub expired_fields: usize,
    /// The number of keys that were [evicted](crate::StoreBuilder::eviction), also by the load or by the opening of a
    /// journal with which the store began.
    pub evicted_keys: usize,
    /// How often a call that only reads has found its key, whether or not the field was there: `get`, `contains`, `ttl`,
    /// `size`, `read`, `get_across` and the like. Calls that can change something, such as `get_and_expire`, do not
    /// count. 0 unless the store
    /// [counts it](crate::StoreBuilder::count_lookups).
    pub hits: usize,
    /// How often a call that reads has found no key, or one that had expired. 0 unless the store
    /// [counts it](crate::StoreBuilder::count_lookups).
    pub misses: usize,
    /// How often a write, a deadline, or a command in a closure was refused because the store was full, see
    /// [`Error::is_full`](crate::Error::is_full).
    pub refused: usize,
    /// The number of expired and evicted keys and fields for which the channel of a
    /// [`listener`](crate::StoreBuilder::listener) had no room.
    pub lost: usize,
    /// The number of changes for which the channel of a [watcher](crate::StoreBuilder::watch) had no room.
    pub lost_changes: usize,
}

/// What has expired and was removed, since the store was built.
#[derive(Debug, Default)]
pub(super) struct ExpiredCounts {
    keys: AtomicUsize,
    fields: AtomicUsize,
}

impl ExpiredCounts {
    pub(super) fn add(&self, keys: usize, fields: usize) {
        self.keys.fetch_add(keys, Relaxed);
        self.fields.fetch_add(fields, Relaxed);
    }
}

/// How often reads have found their keys. Each shard counts for itself, so that threads seldom meet in a cache line.
pub(super) struct Lookups(Box<[CachePadded<[AtomicUsize; 2]>]>);

impl Lookups {
    pub(super) fn new(shards: usize) -> Self {
        Self(std::iter::repeat_with(CachePadded::default).take(shards).collect())
    }

    pub(super) fn count(&self, shard: usize, is_hit: bool) {
        self.0[shard][usize::from(is_hit)].fetch_add(1, Relaxed);
    }

    /// The misses and the hits.
    fn sums(&self) -> [usize; 2] {
        [0, 1].map(|at| self.0.iter().map(|counts| counts[at].load(Relaxed)).sum())
    }

    fn heap_bytes(&self) -> usize {
        size_of_val::<[_]>(&self.0)
    }
}

/// Bytes asked of the allocator beside those of keys, hashes and shapes, and of the room.
pub(super) fn empty_bytes(shards: &[CachePadded<RwLock<Shard>>], lookups: Option<&Lookups>) -> usize {
    size_of_val(shards) + lookups.map_or(0, Lookups::heap_bytes)
}

/// # Memory
/// See the guide: [`guide::limits`](crate::guide::limits). The example program `packages`, in the repository, compares
/// the memory of real records.
impl Store {
    /// Returns the bytes that the hash of a key has asked of the allocator, its key included, or `None` if there is no
    /// such key. O(1).
    ///
    /// The slot that points at the hash takes 17 bytes, plus its share of the free slots. It is not counted here, but
    /// in [`stats`](Self::stats), and so are names that the hash shares with others.
    #[doc(alias = "MEMORY USAGE")]
    #[track_caller]
    pub fn memory_usage(&self, key: impl AsRef<[u8]>) -> Option<usize> {
        self.look(key.as_ref(), Scope::Hash, |record, _| record.map(Record::heap_bytes))
    }

    /// Returns how the hash of a key is stored, or `None` if there is no such key. O(1).
    #[doc(alias = "OBJECT ENCODING")]
    #[track_caller]
    pub fn encoding(&self, key: impl AsRef<[u8]>) -> Option<Encoding> {
        self.look(key.as_ref(), Scope::Hash, |record, _| record.map(Record::encoding))
    }

    /// Returns counts over the whole store. O(shards). The shards are counted one after the other, not at one instant.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("point", [("x", "3"), ("y", "4")])?;
    /// let stats = store.stats();
    /// assert_eq!((stats.keys, stats.fields, stats.packed, stats.tables), (1, 2, 1, 0));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "INFO")]
    #[must_use]
    #[track_caller]
    pub fn stats(&self) -> Stats {
        let empty = Stats { bytes: self.empty_bytes(), ..Stats::default() };
        let stats = self.each_shard(Stats::of).fold(empty, Stats::plus);
        let shapes = self.rules.shapes.as_deref();
        let (count, bytes) = shapes.map_or((0, 0), |shapes| (shapes.count(), shapes.heap_bytes()));
        let audience = self.audience.as_ref();
        let [misses, hits] = self.lookups.as_ref().map_or([0, 0], Lookups::sums);
        Stats {
            shapes: count,
            shape_bytes: bytes,
            bytes: stats.bytes + bytes,
            expired_keys: self.expired.keys.load(Relaxed),
            expired_fields: self.expired.fields.load(Relaxed),
            evicted_keys: self.room.as_ref().map_or(0, Room::evicted),
            hits,
            misses,
            refused: self.room.as_ref().map_or(0, Room::refused),
            lost: audience.and_then(Audience::listener).map_or(0, Listener::lost),
            lost_changes: self.feed().map_or(0, Feed::lost),
            ..stats
        }
    }

    /// Bytes asked of the allocator beside those of keys, hashes and shapes.
    pub(crate) fn empty_bytes(&self) -> usize {
        empty_bytes(&self.shards, self.lookups.as_ref()) + self.room.as_ref().map_or(0, Room::heap_bytes)
    }

    /// Makes room for this many more keys, so that the tables of keys need not grow when these keys are set. That takes
    /// 30 to 45 bytes for each key. The hashes are still allocated one by one.
    ///
    /// This is only a hint. One call makes room for at most 16,777,216 keys. It makes no room that would exceed
    /// [`Limits::max_bytes`](crate::Limits::max_bytes). Later removals give the room back. O(n + keys), one shard at a
    /// time.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.reserve(100_000);
    /// for n in 0..100_000 {
    ///     store.set(format!("key:{n}"), "field", "value")?;
    /// }
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Locking
    /// Holds each shard's write lock while it makes room there.
    #[track_caller]
    pub fn reserve(&self, keys: usize) {
        let call = self.call();
        let keys = keys.min(RESERVE_MAX).div_ceil(self.shards.len());
        let spread = 4 * keys.isqrt(); // four standard deviations, because keys fall on shards at random
        for shard in &self.shards {
            let fits = |room: &Room| room.has_left_for_keys(shard.read().len() + keys + spread);
            if keys == 0 || !self.room.as_ref().is_none_or(fits) {
                return;
            }
            if call.reserve((keys + spread) * RESERVED_KEY_BYTES).is_err() {
                self.room.iter().for_each(Room::uncount_refusal); // a hint that cannot be followed is no refusal
                return;
            }
            resize(&mut shard.write(), &call, |shard| shard.reserve(keys + spread, &self.rules));
            call.pass_lock();
        }
    }

    /// Gives the memory that growth and removals have left unused back to the allocator: slack of keys and tables, and
    /// the free bytes of packed hashes, up to a quarter of each. Later writes have to grow the memory again. O(n), one
    /// shard at a time.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("big", (0..10_000).map(|n| (format!("field:{n}"), "value")))?;
    /// let before = store.stats().bytes;
    /// store.shrink_to_fit();
    /// assert!(store.stats().bytes < before);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Locking
    /// Holds each shard's write lock while it works on all of the shard's keys and hashes.
    #[track_caller]
    pub fn shrink_to_fit(&self) {
        self.shrink_in_call(&self.call());
    }

    pub(super) fn shrink_in_call(&self, call: &Call<'_>) {
        for shard in &self.shards {
            resize(&mut shard.write(), call, |shard| shard.shrink_to_fit(&self.rules));
            call.pass_lock();
        }
    }
}

/// Changes the memory of a shard, and counts the change against the store's limit.
fn resize(shard: &mut Shard, call: &Call<'_>, resize: impl FnOnce(&mut Shard)) {
    let before = shard.heap_bytes();
    resize(shard);
    call.settle(before, shard.heap_bytes());
}

impl Stats {
    fn of(shard: &Shard) -> Self {
        let (keys, sums) = (shard.len(), shard.sums());
        Self {
            keys,
            fields: sums.fields,
            packed: keys - sums.tables as usize,
            tables: sums.tables as usize,
            shaped: sums.shaped as usize,
            saved_bytes: sums.saved_bytes,
            bytes: shard.heap_bytes(),
            ..Self::default()
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            keys: self.keys + other.keys,
            fields: self.fields + other.fields,
            packed: self.packed + other.packed,
            tables: self.tables + other.tables,
            shapes: self.shapes + other.shapes,
            shaped: self.shaped + other.shaped,
            saved_bytes: self.saved_bytes + other.saved_bytes,
            shape_bytes: self.shape_bytes + other.shape_bytes,
            bytes: self.bytes + other.bytes,
            ..self
        }
    }
}
