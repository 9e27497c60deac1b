//! Shapes: the names of the fields of hashes of one kind, once for all of them.
//!
//! Most hashes of a store repeat the names of their fields. A [`Shape`] holds such names, in a fixed order, with their
//! tags. A packed hash that has a shape holds the number of the shape and its own values (see `hash/packed.rs`). One
//! table of shapes serves a whole store, so it stays in the caches, and a hash keeps its shape under another key.
//!
//! # Life
//! A shape is *learned* in a census of a segment of keys (`shard/census.rs`): if censuses have seen sixteen hashes of the
//! same names, if the shape saves each of them a sixth of its block, and if it saves them all more than it takes. Hashes of
//! several censuses add up, but for one in each. So a kind is found that is rare in each segment, and what a hash is for a
//! moment, while it is built or changed, is not learned. The tables take 11 KB, and are made when shapes would have saved as
//! much. A shape never changes, and lives as long as the store. A store learns at most 256 shapes. Each has at most 128
//! names, which take at most 2 KiB together. Later kinds of hashes have none, and are as in a store without shapes.
//!
//! # Finding
//! | asked for | found by |
//! |---|---|
//! | the names of a hash that has a shape | the number of the shape, in an array |
//! | the shape of names | their [print](print_of), in a small hash table. The names are compared. |
//! | a shape with one name more | a small cache of such steps. The name is compared. |
//! | a shape with one name less | a list in the shape |
//!
//! A print is made of sums, so the order of the names does not matter to it, and the print of one name more or less is
//! known at once.
//!
//! # Outside of the store
//! A hash that leaves the store keeps its shape. So a copy of a hash is a copy of its block, and the shapes live as long
//! as the store or any such hash. Measured on 1,000 profiles in the cache: a copy with the names took 4.6 times as long as
//! one without shapes, and takes 1.1 times as long. All copies count as owners of the shapes, so there are eight
//! such counts, and threads seldom meet at one.
//!
//! # Threads
//! Reading takes no lock. A shape is learned under a mutex, by a call that holds the lock of a shard, and its number is
//! in no record before it is in the array.

#[cfg(test)]
mod tests;

use std::array;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, OnceLock};

use crate::bytes;
use crate::sync::Mutex;
use crate::sync::atomic::{
    AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use crate::tags::{LANES, first_equal, first_of_many, next_equal};

/// The most shapes of a store.
pub(crate) const MOST_SHAPES: usize = 256;
/// The most names of a shape.
pub(crate) const MOST_NAMES: usize = 128;
/// The most bytes of the names of a shape, with their lengths.
pub(crate) const MOST_NAME_BYTES: usize = 2048;
/// The slots of each of the small tables.
const SLOTS: usize = 512;
const SLOT_BITS: u32 = SLOTS.ilog2();
/// The slots of what was seen.
const SEEN_SLOTS: usize = 256;

/// When shapes are learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Learning {
    /// Whether the names of each hash are learned when they change, whatever that saves. For tests.
    is_eager: bool,
    /// Whether a census is taken all the time, and two hashes are enough. For tests.
    is_keen: bool,
    /// The most bytes that all shapes may take.
    most_bytes: usize,
}

/// So many hashes of the same names are learned, if the shape saves them more than it takes.
const SAME: usize = 16;
/// A shape has to save each hash this part of its block: one divided by this number.
const LEAST_SHARE: usize = 6;

/// In a store with a limit to its bytes, shapes take at most this part of it: one divided by this number.
const LARGEST_SHARE: usize = 32;

impl Default for Learning {
    fn default() -> Self {
        Self { is_eager: false, is_keen: false, most_bytes: usize::MAX }
    }
}

impl Learning {
    /// Everything is learned at once, for tests.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) const EAGER: Self = Self { is_eager: true, is_keen: false, most_bytes: usize::MAX };

    /// What two hashes have in common is learned soon, for tests.
    #[cfg(feature = "testing")]
    pub(crate) const KEEN: Self = Self { is_eager: false, is_keen: true, most_bytes: usize::MAX };

    /// Nothing is learned.
    const NOTHING: Self = Self { is_eager: false, is_keen: false, most_bytes: 0 };

    /// The same in a store with this limit to its bytes.
    pub(crate) fn within(self, limit: Option<usize>) -> Self {
        Self { most_bytes: limit.map_or(usize::MAX, |limit| limit / LARGEST_SHARE), ..self }
    }
}

/// What the names of a hash without a shape tell of its kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// A number that stands for the names.
    pub(crate) names: u64,
    pub(crate) fields: usize,
    /// The bytes of the names with their lengths.
    pub(crate) name_bytes: usize,
}

impl Kind {
    /// What a shape would save each hash: see [`Shape::saved_bytes`].
    pub(crate) fn saved_bytes(&self) -> usize {
        self.name_bytes + self.fields
    }

    /// What the shape would take, at most.
    pub(crate) fn shape_bytes(&self) -> usize {
        shape_bytes(self.fields, self.name_bytes)
    }
}

/// What a shape of so many names takes, which have these bytes without their lengths.
fn shape_bytes(fields: usize, name_bytes: usize) -> usize {
    size_of::<Shape>() + padded(fields) + name_bytes + fields * (size_of::<u16>() + size_of::<AtomicU16>())
}

/// The length of the tags of so many names, which are searched several at a time.
fn padded(fields: usize) -> usize {
    [LANES, 2 * LANES, 4 * LANES].into_iter().find(|len| fields <= *len).unwrap_or(MOST_NAMES)
}

/// The names of hashes of one kind.
pub(crate) struct Shape {
    /// The first tags, beside what every lookup reads. Those that are no tags are zero.
    first_tags: [u8; LANES],
    fields: usize,
    /// All tags, and zeros up to a length that is searched at a time.
    tags: Box<[u8]>,
    /// Where each name ends.
    ends: Box<[u16]>,
    names: Box<[u8]>,
    /// The bytes that the entries of a hash without a shape would take beside their values.
    entry_bytes: usize,
    print: u64,
    /// The shapes without one of the fields: a number plus one, or zero if it is not known.
    without: Box<[AtomicU16]>,
}

impl Shape {
    fn new(names: &[(u8, &[u8])]) -> Self {
        let fields = names.len();
        let tags: Vec<u8> = names.iter().map(|(tag, _)| *tag).collect();
        let first_tags = array::from_fn(|at| tags.get(at).copied().unwrap_or(0));
        let mut end = 0;
        let ends = names.iter().map(|(_, name)| {
            end += name.len();
            end as u16
        });
        Self {
            first_tags,
            fields,
            ends: ends.collect(),
            names: names.iter().flat_map(|(_, name)| *name).copied().collect(),
            entry_bytes: names.iter().map(|(_, name)| name_bytes(name)).sum(),
            print: print_of(&tags),
            tags: tags.into_iter().chain(std::iter::repeat(0)).take(padded(fields)).collect(),
            without: names.iter().map(|_| AtomicU16::new(0)).collect(),
        }
    }

    #[inline]
    pub(crate) fn fields(&self) -> usize {
        self.fields
    }

    /// The bytes that the entries of a hash without a shape would take beside their values.
    #[inline]
    pub(crate) fn entry_bytes(&self) -> usize {
        self.entry_bytes
    }

    /// The bytes that the shape saves each hash that has it: the names, and a tag for each.
    #[inline]
    pub(crate) fn saved_bytes(&self) -> usize {
        self.entry_bytes + self.fields
    }

    #[inline]
    pub(crate) fn tag(&self, index: usize) -> u8 {
        self.tags[index]
    }

    #[inline]
    pub(crate) fn name(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.names[start.into()..self.ends[index].into()]
    }

    /// The index of a field.
    #[inline(always)]
    pub(crate) fn find(&self, tag: u8, field: &[u8]) -> Option<usize> {
        let first = if self.fields <= LANES { first_equal(self.first_tags, tag) } else { self.first_of_many(tag) };
        let first = first.filter(|first| *first < self.fields)?;
        if bytes::equal(self.name(first), field) { Some(first) } else { self.find_behind(first, tag, field) }
    }

    #[inline(never)]
    fn first_of_many(&self, tag: u8) -> Option<usize> {
        first_of_many(&self.tags, self.fields, tag)
    }

    /// The index of a field whose tag others have too. It is searched behind this index.
    #[cold]
    fn find_behind(&self, index: usize, tag: u8, field: &[u8]) -> Option<usize> {
        let mut index = index;
        loop {
            index = next_equal(&self.tags[..self.fields], index + 1, tag)?;
            if self.name(index) == field {
                return Some(index);
            }
        }
    }

    /// The index at which this shape has this field, if it has the others of `from` around it in the same order.
    fn added_to(&self, from: &Self, tag: u8, field: &[u8]) -> Option<usize> {
        let added = self.find(tag, field)?;
        let is_same = |index: usize| self.name(index + usize::from(index >= added)) == from.name(index);
        (self.fields == from.fields + 1 && (0..from.fields).all(is_same)).then_some(added)
    }

    fn heap_bytes(&self) -> usize {
        shape_bytes(self.fields, self.names.len())
    }
}

/// The bytes of a name in an entry: its length, which takes a byte or two, and itself.
pub(crate) fn name_bytes(name: &[u8]) -> usize {
    name.len() + if name.len() < 0x80 { 1 } else { 2 }
}

/// Whether a shape of so many names, which take these bytes with their lengths, saves enough of a block.
#[inline]
pub(crate) fn is_worth_it(name_bytes: usize, names: usize, block: usize) -> bool {
    LEAST_SHARE * (name_bytes + names) >= block
}

/// The print of a hash of at most [`MOST_NAMES`] fields that have these tags: what it shares with all hashes of the same
/// names. It is made of the number of fields, the sum of the tags, and the sum of their squares.
#[inline]
pub(crate) fn print_of(tags: &[u8]) -> u64 {
    let (mut sum, mut squares) = (0_u32, 0_u32);
    for tag in tags {
        sum += u32::from(*tag);
        squares += u32::from(*tag) * u32::from(*tag);
    }
    (tags.len() as u64) << 20 | u64::from(sum) | u64::from(squares) << 32
}

#[inline]
fn slot(print: u64) -> usize {
    (print.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - SLOT_BITS)) as usize
}

/// The shapes of a store. See the module's documentation.
#[repr(align(128))] // the count of owners has cache lines of its own
pub(crate) struct Shapes {
    learning: Learning,
    /// Made when a census has found the first names that several hashes share.
    known: OnceLock<Arc<Known>>,
    /// The same shapes, for the hashes that leave the store. Made with `known`.
    lent: OnceLock<Box<[Arc<Shapes>]>>,
    /// The bytes that shapes of the names seen so far would have saved.
    promised: AtomicUsize,
    /// Held while something is made or learned.
    turn: Mutex<()>,
}

/// So many counts of owners are there for hashes outside of the store.
const LENT: usize = 8;
/// The bytes of [`Shapes`] with their counts of owners.
const SHARED_BYTES: usize = size_of::<Shapes>() + align_of::<Shapes>();
/// The bytes of [`Known`] with its counts of owners, and of what is lent.
const KNOWN_BYTES: usize =
    size_of::<Known>() + 2 * size_of::<usize>() + LENT * (size_of::<Arc<Shapes>>() + SHARED_BYTES);

struct Known {
    shapes: [OnceLock<Box<Shape>>; MOST_SHAPES],
    count: AtomicUsize,
    /// The bytes that all shapes take.
    bytes: AtomicUsize,
    /// Numbers of shapes plus one, each at or behind the slot of the shape's print.
    by_print: [AtomicU16; SLOTS],
    /// Steps from one shape to another with one name more, in the slots of their [`step_slot`].
    steps: [AtomicU32; SLOTS],
    /// A bit for each number of fields that a shape has.
    sizes: [AtomicU64; 3],
    /// What was seen of names that are no shape yet: their number, of which the lowest byte counts hashes. Different names
    /// in one slot take from each other's count, and the more frequent ones win (Boyer and Moore, 1991).
    seen: [AtomicU64; SEEN_SLOTS],
}

#[inline]
fn step_slot(from: u8, tag: u8) -> usize {
    (usize::from(from) * 37 + usize::from(tag)) % SLOTS
}

impl Shapes {
    pub(crate) fn new(learning: Learning) -> Self {
        Self {
            learning,
            known: OnceLock::new(),
            lent: OnceLock::new(),
            promised: AtomicUsize::new(0),
            turn: Mutex::new(()),
        }
    }

    /// The shapes for a hash that leaves the store, or for a copy of such a hash. Hashes that differ in this number have
    /// different counts of owners, so that threads do not wait for each other at one.
    pub(crate) fn lend(this: &Arc<Self>, which: usize) -> Arc<Self> {
        this.lent.get().map_or(this, |lent| &lent[which % LENT]).clone()
    }

    /// Whether the names of each hash are learned when they change. For tests.
    #[inline]
    pub(crate) fn is_eager(&self) -> bool {
        self.learning.is_eager
    }

    /// Whether a census is taken all the time. For tests.
    pub(crate) fn is_keen(&self) -> bool {
        self.learning.is_keen
    }

    /// Whether there may be a shape of this many names.
    #[inline]
    pub(crate) fn may_have(&self, fields: usize) -> bool {
        self.is_eager() || self.known.get().is_some_and(|known| known.may_have(fields))
    }

    /// Whether no more shapes can be learned.
    pub(crate) fn are_full(&self) -> bool {
        self.count() == MOST_SHAPES
    }

    /// The number of shapes.
    pub(crate) fn count(&self) -> usize {
        self.known.get().map_or(0, |known| known.count.load(Acquire))
    }

    /// Bytes asked of the allocator, with those of this value.
    pub(crate) fn heap_bytes(&self) -> usize {
        SHARED_BYTES + self.known.get().map_or(0, |known| KNOWN_BYTES + known.bytes.load(Relaxed))
    }

    /// Makes the tables, which the store needs before it can learn shapes, if there is room for them. The caller has the
    /// turn.
    fn make_known(&self, reserve: impl Fn(usize) -> bool) -> Option<&Arc<Known>> {
        if !self.may_take(KNOWN_BYTES) || !reserve(KNOWN_BYTES) {
            return None;
        }
        let known = Arc::new(Known::default());
        let lent = || Self { known: OnceLock::from(Arc::clone(&known)), ..Self::new(Learning::NOTHING) };
        self.lent.get_or_init(|| (0..LENT).map(|_| Arc::new(lent())).collect());
        Some(self.known.get_or_init(|| known))
    }

    /// The shape of this number, which a record has.
    #[inline]
    pub(crate) fn get(&self, id: u8) -> &Shape {
        let shape = self.known.get().and_then(|known| known.get(id));
        shape.expect("a record has only a shape that was learned before")
    }

    /// The shape with this print for which a test holds, with its number.
    pub(crate) fn find(&self, print: u64, test: impl FnMut(&Shape) -> bool) -> Option<(u8, &Shape)> {
        self.known.get()?.find(print, test)
    }

    /// The shape with one field more, with its number and the index of the field. The other fields are in the same
    /// order.
    #[inline]
    pub(crate) fn with(&self, from: u8, tag: u8, field: &[u8]) -> Option<(u8, usize)> {
        let known = self.known.get()?;
        let [of, with, to, index] = known.steps[step_slot(from, tag)].load(Relaxed).to_le_bytes();
        if (of, with) == (from, tag)
            && let Some(shape) = known.get(to).filter(|_| from != to)
            && bytes::equal(shape.name(index.into()), field)
        {
            return Some((to, index.into()));
        }
        known.find_step(from, tag, field)
    }

    /// The shape without the field at this index.
    #[inline]
    pub(crate) fn without(&self, from: u8, index: usize) -> Option<u8> {
        let known = self.known.get()?;
        match known.get(from)?.without[index].load(Acquire) {
            0 => known.find_without(from, index),
            id => Some((id - 1) as u8),
        }
    }

    fn may_take(&self, more: usize) -> bool {
        self.heap_bytes() + more <= self.learning.most_bytes
    }

    /// Counts hashes of the same kind, of which a census has seen at least two. Returns whether enough were seen by now for
    /// their names to be learned. `reserve` asks for room.
    pub(crate) fn see(&self, kind: Kind, hashes: u32, reserve: impl Fn(usize) -> bool) -> bool {
        if self.are_full() {
            return false;
        }
        let _turn = self.turn.lock();
        let is_promising = || {
            let more = kind.saved_bytes() * hashes as usize;
            self.learning.is_keen || self.promised.fetch_add(more, Relaxed) + more >= KNOWN_BYTES
        };
        let known = self.known.get().or_else(|| if is_promising() { self.make_known(reserve) } else { None });
        let Some(known) = known else { return false };
        // A census may see hashes again. One in each does not count, so that two hashes alone seldom come to enough.
        let seen = 1 + known.see(kind.names, u64::from(hashes) - 1);
        self.learning.is_keen
            || seen >= SAME && seen * kind.saved_bytes() >= kind.shape_bytes() && self.may_take(kind.shape_bytes())
    }

    /// Learns these names, if there is place for them. Returns the number of the shape. `reserve` asks for room.
    pub(crate) fn learn(&self, names: &[(u8, &[u8])], reserve: impl Fn(usize) -> bool) -> Option<u8> {
        let name_len: usize = names.iter().map(|(_, name)| name_bytes(name)).sum();
        if self.are_full() || names.len() > MOST_NAMES || name_len > MOST_NAME_BYTES {
            return None;
        }
        let shape = Shape::new(names);
        let _turn = self.turn.lock();
        let known = self.known.get().or_else(|| self.make_known(&reserve))?;
        let is_same = |other: &Shape| {
            other.fields == shape.fields && names.iter().all(|(tag, name)| other.find(*tag, name).is_some())
        };
        if let Some((id, _)) = known.find(shape.print, is_same) {
            return Some(id); // another thread was faster
        }
        let id = u8::try_from(known.count.load(Relaxed)).ok()?;
        let bytes = shape.heap_bytes();
        if !self.may_take(bytes) || !reserve(bytes) {
            return None;
        }
        known.add(id, shape);
        Some(id)
    }
}

/// The lock of [`Shapes`] guards no data: whatever panics while it is held leaves everything whole.
impl UnwindSafe for Shapes {}
impl RefUnwindSafe for Shapes {}

impl Default for Known {
    fn default() -> Self {
        Self {
            shapes: array::from_fn(|_| OnceLock::new()),
            count: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            by_print: array::from_fn(|_| AtomicU16::new(0)),
            steps: array::from_fn(|_| AtomicU32::new(0)),
            sizes: array::from_fn(|_| AtomicU64::new(0)),
            seen: array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Known {
    #[inline]
    fn get(&self, id: u8) -> Option<&Shape> {
        self.shapes[usize::from(id)].get().map(|shape| &**shape)
    }

    fn find(&self, print: u64, mut test: impl FnMut(&Shape) -> bool) -> Option<(u8, &Shape)> {
        let mut at = slot(print);
        loop {
            // At most half of the slots are taken, so this ends.
            let id = self.by_print[at % SLOTS].load(Acquire).checked_sub(1)? as u8;
            if let Some(shape) = self.get(id).filter(|shape| shape.print == print && test(shape)) {
                return Some((id, shape));
            }
            at += 1;
        }
    }

    #[inline(never)]
    fn find_step(&self, from: u8, tag: u8, field: &[u8]) -> Option<(u8, usize)> {
        let shape = self.get(from)?;
        let print = shape.print + print_of(&[tag]);
        let mut index = None;
        let (to, _) = self.find(print, |larger| {
            index = larger.added_to(shape, tag, field);
            index.is_some()
        })?;
        let index = index?;
        self.steps[step_slot(from, tag)].store(u32::from_le_bytes([from, tag, to, index as u8]), Relaxed);
        Some((to, index))
    }

    #[inline(never)]
    fn find_without(&self, from: u8, index: usize) -> Option<u8> {
        let shape = self.get(from)?;
        let (tag, name) = (shape.tag(index), shape.name(index));
        let print = shape.print - print_of(&[tag]);
        let (to, _) = self.find(print, |smaller| shape.added_to(smaller, tag, name) == Some(index))?;
        shape.without[index].store(u16::from(to) + 1, Release);
        Some(to)
    }

    #[inline]
    fn may_have(&self, fields: usize) -> bool {
        self.sizes.get(fields / 64).is_some_and(|bits| bits.load(Relaxed) >> (fields % 64) & 1 == 1)
    }

    /// Counts hashes with the same names. Returns how many were seen so far, up to 255. The caller has the turn.
    fn see(&self, names: u64, hashes: u64) -> usize {
        const COUNT: u64 = 0xff;
        let slot = &self.seen[(names >> 32) as usize % SEEN_SLOTS];
        let (before, names) = (slot.load(Relaxed), names & !COUNT);
        let (known, count) = match (before & !COUNT, before & COUNT) {
            (known, count) if known == names => (names, count + hashes),
            (_, count) if hashes > count => (names, hashes),
            (known, count) => (known, count - hashes),
        };
        slot.store(known | count.min(COUNT), Relaxed);
        if known == names { count.min(COUNT) as usize } else { 0 }
    }

    /// Files a shape under the next number. The caller has the turn.
    fn add(&self, id: u8, shape: Shape) {
        let print = shape.print;
        self.sizes[shape.fields / 64].fetch_or(1 << (shape.fields % 64), Relaxed);
        self.bytes.fetch_add(shape.heap_bytes(), Relaxed);
        let is_new = self.shapes[usize::from(id)].set(Box::new(shape)).is_ok();
        debug_assert!(is_new, "a number is given once");
        self.count.store(usize::from(id) + 1, Release);
        let mut at = slot(print);
        while self.by_print[at % SLOTS].load(Relaxed) != 0 {
            at += 1;
        }
        self.by_print[at % SLOTS].store(u16::from(id) + 1, Release);
    }
}

impl std::fmt::Debug for Shapes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shapes").field("count", &self.count()).finish_non_exhaustive()
    }
}

#[cfg(any(test, feature = "testing"))]
impl Shapes {
    /// Checks that each shape is what its names say, and that the small tables lead to shapes that fit.
    ///
    /// # Panics
    /// If one is broken.
    pub(crate) fn validate(&self, tag_of: impl Fn(&[u8]) -> u8) {
        let Some(known) = self.known.get() else { return };
        let _turn = self.turn.lock();
        let (count, mut bytes) = (self.count(), 0);
        assert!(known.shapes[count..].iter().all(|shape| shape.get().is_none()), "a number that was not given");
        for id in 0..count {
            let shape = self.get(id as u8);
            bytes += shape.heap_bytes();
            assert!((1..=MOST_NAMES).contains(&shape.fields) && shape.names.len() <= MOST_NAME_BYTES);
            for index in 0..shape.fields {
                let name = shape.name(index);
                assert_eq!(shape.tag(index), tag_of(name), "the tag of name {index}");
                assert_eq!(shape.find(shape.tag(index), name), Some(index), "name {index} stands twice");
                if let Some(smaller) = shape.without[index].load(Relaxed).checked_sub(1) {
                    let smaller = self.get(smaller as u8);
                    assert_eq!(shape.added_to(smaller, shape.tag(index), name), Some(index), "a step back");
                }
            }
            let names = (0..shape.fields).map(|index| shape.name(index));
            assert_eq!(shape.entry_bytes, names.map(name_bytes).sum::<usize>());
            assert_eq!(shape.print, print_of(&shape.tags[..shape.fields]));
            let is_it = |found: &Shape| std::ptr::eq(found, shape);
            assert!(known.find(shape.print, is_it).is_some() && known.may_have(shape.fields), "it is not found");
        }
        assert_eq!(known.bytes.load(Relaxed), bytes, "bytes of shapes");
        for step in &known.steps {
            let [from, tag, to, index] = step.load(Relaxed).to_le_bytes();
            if from != to {
                let (from, to) = (self.get(from), self.get(to));
                assert_eq!(to.added_to(from, tag, to.name(index.into())), Some(index.into()), "a step");
            }
        }
    }
}
