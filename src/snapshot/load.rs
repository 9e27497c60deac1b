//! Loading a store from a file or a reader.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::hint::black_box;
use std::io::Read;
use std::path::Path;

use crate::error::Error;
use crate::hash::image::{self, Flaw, Input};
use crate::hash::{Context, Record, Terms};
use crate::shapes::{Kind, MOST_SHAPES, Shapes};
use crate::shard::Shard;
use crate::snapshot::{Block, BlockReader, Disk, LoadOptions, Progress, SnapshotError, SystemDisk};
use crate::store::{Store, StoreBuilder};
use crate::sync::assert_outside_closures;
use crate::time::Now;

type Result<T> = std::result::Result<T, SnapshotError>;

/// # Loading
impl Store {
    /// Loads a store with default options from a file that [`save`](Self::save) has written. See
    /// [`StoreBuilder::load`].
    ///
    /// # Errors
    /// As of [`StoreBuilder::load`].
    #[track_caller]
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().load(path)
    }

    /// Loads a store with default options from a snapshot. See [`StoreBuilder::load_from`].
    ///
    /// # Errors
    /// As of [`StoreBuilder::load_from`].
    #[track_caller]
    pub fn load_from(input: impl Read) -> Result<Self> {
        Self::builder().load_from(input)
    }
}

impl StoreBuilder {
    /// Loads a store from a file that [`save`](Store::save) has written, as [`load_from`](Self::load_from) does. It
    /// takes no lock, because a save may safely replace the file meanwhile.
    ///
    /// ```no_run
    /// use hashlet::{Limits, Store};
    ///
    /// let store = Store::builder().limits(Limits::default().max_bytes(1 << 30)).load("store.hashlet")?;
    /// # Ok::<(), hashlet::SnapshotError>(())
    /// ```
    ///
    /// # Errors
    /// [`SnapshotError::Io`] if the file cannot be read, for example because it does not exist. All other errors are
    /// those of [`load_from`](Self::load_from).
    #[track_caller]
    pub fn load(self, path: impl AsRef<Path>) -> Result<Store> {
        self.load_with(path, LoadOptions::new())
    }

    /// [`load`](Self::load) with options.
    ///
    /// # Errors
    /// As of [`load`](Self::load).
    ///
    /// # Panics
    /// If the options' closure panics.
    #[track_caller]
    pub fn load_with(self, path: impl AsRef<Path>, options: LoadOptions<'_>) -> Result<Store> {
        self.load_on(&SystemDisk, path.as_ref(), options)
    }

    #[track_caller]
    pub(crate) fn load_on<D: Disk>(self, disk: &D, path: &Path, options: LoadOptions<'_>) -> Result<Store> {
        assert_outside_closures();
        let (file, len) = disk.open(path)?;
        self.read(file, len, options).map_err(|error| error.in_file(path))
    }

    /// Loads a store from a snapshot that [`save_to`](Store::save_to) has written. The store has the shards,
    /// thresholds, limits and clock of this builder, not those of the saved store. Keys and fields that have expired
    /// meanwhile are left out, and no listener is told of them. O(n).
    ///
    /// Every byte is checked before it is used. A snapshot with anything wrong is refused as a whole: nothing is half
    /// loaded. The snapshot has to end where the input ends, so the load waits for the end of an input that stays open.
    ///
    /// Whatever the input claims, the memory of a load is limited. Besides the empty store it takes at most 64 KiB, and
    /// 16 bytes for each byte that was really read.
    ///
    /// The loaded store may exceed [`Limits::max_bytes`](crate::Limits::max_bytes) by a sixteenth, because the tables
    /// around the same hashes take more memory in one process than in another. Such a store is full. If the hashes do
    /// not fit, the load looks for names that many of them share ([shapes](crate::guide::limits#shapes)), which takes
    /// up to 150 bytes more for each hash meanwhile.
    ///
    /// ```
    /// use hashlet::{SnapshotError, Store};
    ///
    /// let store = Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// let mut snapshot = Vec::new();
    /// store.save_to(&mut snapshot)?;
    /// let copy = Store::builder().shards(16).load_from(&snapshot[..])?;
    /// assert_eq!(copy.get_all("user:1"), store.get_all("user:1"));
    ///
    /// snapshot[40] ^= 1;
    /// assert!(matches!(Store::load_from(&snapshot[..]), Err(SnapshotError::Corrupt { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// - [`Io`](SnapshotError::Io) if the reader fails.
    /// - [`NotASnapshot`](SnapshotError::NotASnapshot), [`UnsupportedVersion`](SnapshotError::UnsupportedVersion) or
    ///   [`Corrupt`](SnapshotError::Corrupt) if the input is not a valid snapshot.
    /// - [`TooLarge`](SnapshotError::TooLarge) if the snapshot exceeds one of the limits.
    #[track_caller]
    pub fn load_from(self, input: impl Read) -> Result<Store> {
        self.load_from_with(input, LoadOptions::new())
    }

    /// [`load_from`](Self::load_from) with options.
    ///
    /// # Errors
    /// As of [`load_from`](Self::load_from).
    ///
    /// # Panics
    /// If the options' closure panics.
    #[track_caller]
    pub fn load_from_with(self, input: impl Read, options: LoadOptions<'_>) -> Result<Store> {
        self.read(input, None, options)
    }

    /// Loads from an input, whose length may be known.
    #[track_caller]
    fn read(self, input: impl Read, len: Option<u64>, options: LoadOptions<'_>) -> Result<Store> {
        assert_outside_closures();
        let reader = BlockReader::begin(input, len)?;
        let mut store = self.build();
        let muted = store.mute();
        let clock = store.clock.clone();
        store.read_snapshot(reader, len, &Now::on(&clock), options)?;
        store.take_room()?;
        store.evict_what_is_too_much();
        store.unmute(muted);
        Ok(store)
    }
}

/// The methods of a load, on a store that no other thread can reach yet.
impl Store {
    /// Reads a snapshot into this store, which is empty. Leaves out what has expired at this instant.
    pub(crate) fn read_snapshot<R: Read>(
        &mut self,
        mut reader: BlockReader<R>,
        len: Option<u64>,
        now: &Now<'_>,
        options: LoadOptions<'_>,
    ) -> Result<()> {
        let expected_keys = reader.expected_keys();
        self.reserve(usize::try_from(reader.reservable_keys()).unwrap_or(usize::MAX));
        let rules = self.rules.clone();
        let terms = Terms::of_look(now);
        let cx = Context::new(&rules, &terms);
        let mut images = image::ItemReader::new(len);
        let mut progress = options.progress;
        let mut attempts = ATTEMPTS;
        let told = loop {
            match reader.read()? {
                Block::End { keys, fields } => break (keys, fields),
                Block::Items(mut items) => {
                    if let Err(flaw) = self.file_all(&mut images, &mut items, cx) {
                        let left = items.len();
                        return Err(reader.flaw(left, flaw));
                    }
                }
            }
            self.check_room(images.table_bytes, &mut attempts)?;
            progress.call(Progress { keys: images.keys, expected_keys, bytes: reader.offset() });
        };
        let flaw = |flaw| reader.flaw(0, flaw);
        if told != (images.keys, images.fields) {
            return Err(flaw(Flaw::Corrupt("the snapshot does not have as many keys and fields as its end says")));
        }
        images.end().map_err(flaw)
    }

    /// Files the records of a block. It first looks at the future place of each record, so that the processor waits for
    /// memory once, not once for each record.
    fn file_all(
        &mut self,
        images: &mut image::ItemReader,
        items: &mut Input<'_>,
        cx: Context<'_>,
    ) -> std::result::Result<(), Flaw> {
        let mut records = Vec::new();
        while !items.is_empty() {
            let record = images.read(items, cx)?;
            records.extend(record.map(|record| (self.rules.hash(record.key()), record)));
        }
        for (hash, record) in &records {
            let index = self.shard_index(*hash);
            black_box(self.shards[index].0.get_mut().find(*hash, record.key()));
        }
        records.into_iter().try_for_each(|(hash, record)| self.file(hash, record))
    }

    fn file(&mut self, hash: u64, record: Record) -> std::result::Result<(), Flaw> {
        // In a store that evicts, a hash that no write could have made would take all others along.
        if let Some(room) = self.room.as_ref().filter(|room| room.never_fits(record.heap_bytes())) {
            room.count_evicted(1);
            return Ok(());
        }
        let index = self.shard_index(hash);
        let is_new = self.shards[index].0.get_mut().load(hash, record, &self.rules);
        if is_new { Ok(()) } else { Err(Flaw::Corrupt("a key occurs twice in the snapshot")) }
    }

    /// Fails as soon as the records read so far exceed the limit, together with `table_bytes` of incomplete tables, and
    /// no attempts are left to make them smaller. A store that evicts makes room instead.
    fn check_room(&mut self, table_bytes: usize, attempts: &mut u32) -> Result<()> {
        let (keys, empty) = (self.sum(Shard::len), self.empty_bytes());
        let Some(room) = &self.room else { return Ok(()) };
        if room.evicts() {
            check_empty(empty, room.limit())?;
            self.count_loaded();
            self.evict_what_is_too_much();
            return Ok(());
        }
        room.check_keys(keys).map_err(SnapshotError::TooLarge)?;
        let limit = room.limit();
        loop {
            let size = table_bytes.saturating_add(self.sum(|shard| shard.sums().record_bytes));
            let checked = check_size(size, limit);
            if checked.is_ok() || *attempts == 0 {
                return checked;
            }
            *attempts -= 1;
            self.learn_what_saves_most();
        }
    }

    /// Counts everything that was loaded against the limit. A store that evicts may exceed it, until somebody calls
    /// [`evict_what_is_too_much`](Self::evict_what_is_too_much).
    pub(crate) fn take_room(&mut self) -> Result<()> {
        let Self { shards, rules, .. } = self;
        shards.iter_mut().for_each(|shard| shard.0.get_mut().note_usages(rules));
        let Some(room) = &self.room else { return Ok(()) };
        if room.evicts() {
            check_empty(self.empty_bytes(), room.limit())?;
            self.count_loaded();
            return Ok(());
        }
        let limit = room.limit();
        if self.heap_bytes() > limit {
            let Self { shards, rules, .. } = self;
            shards.iter_mut().for_each(|shard| shard.0.get_mut().shrink_to_fit(rules));
        }
        if self.heap_bytes() > limit {
            self.learn_what_saves_most();
        }
        check_size(self.heap_bytes(), limit)?;
        let keys = self.sum(Shard::len);
        if let Some(room) = &self.room {
            room.check_keys(keys).map_err(SnapshotError::TooLarge)?;
        }
        self.count_loaded();
        Ok(())
    }

    fn count_loaded(&mut self) {
        let (bytes, keys) = (self.heap_bytes(), self.sum(Shard::len));
        if let Some(room) = &self.room {
            room.count_loaded(bytes, keys);
        }
    }

    /// Learns the names that save most bytes, however few hashes have them, and gives all hashes their shapes. The
    /// saved store may have learned them when more hashes had them, and have been full only because of that.
    fn learn_what_saves_most(&mut self) {
        let Self { shards, rules, .. } = self;
        let Some(shapes) = rules.shapes.clone() else { return };
        let mut kinds: HashMap<u64, (Kind, usize)> = HashMap::new();
        for record in shards.iter_mut().flat_map(|shard| shard.0.get_mut().records()) {
            if let Some(kind) = record.kind(rules) {
                kinds.entry(kind.names).or_insert((kind, 0)).1 += kind.saved_bytes();
            }
        }
        let gain = |(kind, saved): &(Kind, usize)| saved.saturating_sub(kind.shape_bytes());
        let mut best: Vec<(Kind, usize)> = kinds.into_values().filter(|kind| gain(kind) > 0).collect();
        best.sort_unstable_by_key(|kind| Reverse(gain(kind)));
        let mut best: HashSet<u64> =
            best.into_iter().take(MOST_SHAPES - shapes.count()).map(|(kind, _)| kind.names).collect();
        for record in shards.iter_mut().flat_map(|shard| shard.0.get_mut().records()) {
            if record.kind(rules).is_some_and(|kind| best.remove(&kind.names)) {
                record.learn_shape(rules, None); // its bytes are counted with all others
            }
        }
        shards.iter_mut().for_each(|shard| shard.0.get_mut().take_shapes(rules));
    }

    fn heap_bytes(&mut self) -> usize {
        let shapes = self.rules.shapes.as_deref().map_or(0, Shapes::heap_bytes);
        self.empty_bytes() + shapes + self.sum(Shard::heap_bytes)
    }

    fn sum(&mut self, of: impl Fn(&Shard) -> usize) -> usize {
        self.shards.iter_mut().map(|shard| of(shard.0.get_mut())).sum()
    }
}

/// A store that evicts can make room for anything, but not for itself.
fn check_empty(size: usize, limit: usize) -> Result<()> {
    if size > limit { Err(SnapshotError::TooLarge(Error::Full { size, limit })) } else { Ok(()) }
}

/// How often a load that exceeds the limit looks for names that would make it smaller, which reads all hashes.
const ATTEMPTS: u32 = 4;

/// Allows a sixteenth more than the limit, so that a store that was full can be loaded. The tables around its hashes
/// can be larger in this process.
fn check_size(size: usize, limit: usize) -> Result<()> {
    let most = limit.saturating_add(limit / 16);
    if size > most { Err(SnapshotError::TooLarge(Error::Full { size, limit })) } else { Ok(()) }
}
