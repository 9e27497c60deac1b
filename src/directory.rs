//! A hash table in small pieces, so that growth never blocks a caller for long. The method is extendible hashing
//! (Fagin, Nievergelt, Pippenger and Strong, 1979). A shard keeps its keys in a directory, and a table keeps its fields
//! in one.
//!
//! ```text
//! top bits of the hash   slots (2^depth)   nodes
//!                  00 --> [ 0 ] ---------> 0: prefix 0,  depth 1, segment of up to about 900 entries
//!                  01 --> [ 0 ] ---------^
//!                  10 --> [ 1 ] ---------> 1: prefix 10, depth 2, segment
//!                  11 --> [ 2 ] ---------> 2: prefix 11, depth 2, segment
//! ```
//! The top bits of a hash choose a slot, and the slot leads to a node. (`skip` bits above them belong to other readers
//! of the hash.) A full segment is split in two by the next bit of its entries' hashes. If all hashes agree in that
//! bit, the segment is split at the first bit in which they differ, and the other sides get empty segments. So one
//! insertion moves the entries of one segment, whatever the order of insertion. Two halves that together fill less than
//! a quarter of a segment are merged again. When no node needs the last bit, the slots are halved.
//!
//! Invariants, recomputed under these numbers by `validate`:
//! 1. A directory without nodes has no entries and no slots, and allocates nothing. Removing the last entry removes the
//!    nodes and slots.
//! 2. There are 2^depth slots. At depth 0 there are none, because there is only one node.
//! 3. A node of depth d and prefix p owns exactly the slots whose top d bits are p, so its slots can be computed.
//! 4. `deepest` is the number of nodes that have the directory's own depth. It is at least 1 while there are nodes.
//! 5. Each entry's hash has its node's prefix.
//! 6. `len` and `segment_bytes` are the sums over all segments.
//! 7. No segment has more than 2^`widest` buckets.
//!
//! Splitting cannot separate hashes with equal prefixes. So the depth is limited to [`IDLE_BITS`], or to [`SPARE_BITS`]
//! more than the number of entries explains, whichever is more. A segment that would need more depth grows as a plain
//! hash table does.
//!
//! Rejected:
//! - Splitting in place, which leaves hashbrown's deleted marks behind (9 bytes a key).
//! - A tree of nodes, which costs a cache miss for each level.

pub(crate) mod slots;
#[cfg(test)]
mod tests;
pub(crate) mod upcoming;

use std::mem::{size_of, take};

use crate::hashing::{BUCKET_BITS, MAX_DIRECTORY_BITS};
use crate::options::Rules;
use crate::random::Random;

/// The number of entries of a full segment: as many as hashbrown keeps in 2^[`BUCKET_BITS`] buckets.
pub(crate) const SEGMENT_ENTRIES: usize = (1 << BUCKET_BITS) / 8 * 7;
/// Two neighbours are merged when together they have fewer entries than this.
const MERGE_ENTRIES: usize = SEGMENT_ENTRIES / 4;
/// The number of entries for each segment that reserving counts on. It is less than a full segment, because hashes are
/// spread unevenly: the difference is four standard deviations.
const RESERVED_ENTRIES: usize = SEGMENT_ENTRIES / 8 * 7;
/// The most entries for which room is reserved at once.
pub(crate) const RESERVE_MAX: usize = 1 << 24;
/// Bits of depth that are always granted. With them, entries that arrive in the order of their hashes, for example from
/// another store, still split well. They cost at most 256 KiB of slots.
const IDLE_BITS: u32 = 16;
/// Bits of depth that are granted beyond what the number of entries explains. They cost at most a third of a byte of
/// slots for each entry.
const SPARE_BITS: u32 = 6;

/// One piece of a directory.
pub(crate) trait Segment: Default {
    /// The number of entries.
    fn len(&self) -> usize;
    /// Bytes asked of the allocator.
    fn bytes(&self) -> usize;
    /// The number of buckets. Each holds at most one entry.
    fn buckets(&self) -> usize;
    /// Whether one more entry would make the segment larger than segments should be.
    fn is_full(&self) -> bool;
    /// The hash of each entry.
    fn hashes(&self, rules: &Rules) -> impl Iterator<Item = u64>;
    /// Moves the entries whose hash has this bit set into a new segment. Rebuilds both segments with room to grow to
    /// full size, and without other slack.
    fn split(&mut self, bit: u64, rules: &Rules) -> Self;
    /// Makes room for this many entries in all.
    fn reserve(&mut self, entries: usize, rules: &Rules);
    /// Takes over all entries of another segment.
    fn absorb(&mut self, other: Self, rules: &Rules);
    /// Whether [`absorb`](Self::absorb) may be called with this other segment.
    fn may_absorb(&self, _other: &Self) -> bool {
        true
    }
    /// Returns an empty segment for the other side of a split.
    fn sibling(&self) -> Self {
        Self::default()
    }
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Directory<S> {
    nodes: Vec<Node<S>>,
    slots: Box<[u32]>,
    len: usize,
    segment_bytes: usize,
    deepest: u32,
    depth: u8,
    skip: u8,
    widest: u8,
}

#[derive(Clone, Debug)]
struct Node<S> {
    prefix: u32,
    depth: u8,
    segment: S,
}

/// A point in hash order. It stays valid when segments are split and merged. The default is the beginning.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Position(u64);

/// The place of a segment. It is valid until the directory is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At(usize);

impl<S: Segment + Clone> Clone for Directory<S> {
    fn clone(&self) -> Self {
        let mut clone = Self { nodes: self.nodes.clone(), slots: self.slots.clone(), ..*self };
        clone.segment_bytes = clone.segments().map(S::bytes).sum(); // a clone may have less slack
        clone
    }
}

impl<S: Segment> Directory<S> {
    /// An empty directory, which ignores the top `skip` bits of each hash.
    pub(crate) fn new(skip: u32) -> Self {
        debug_assert!(skip + MAX_DIRECTORY_BITS <= u64::BITS);
        let (skip, widest) = (skip as u8, BUCKET_BITS as u8);
        Self { nodes: Vec::new(), slots: Box::default(), len: 0, segment_bytes: 0, deepest: 0, depth: 0, skip, widest }
    }

    /// An empty directory for the same hashes.
    pub(crate) fn emptied(&self) -> Self {
        Self::new(self.skip.into())
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes asked of the allocator.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.segment_bytes + self.nodes.capacity() * size_of::<Node<S>>() + self.slots.len() * size_of::<u32>()
    }

    pub(crate) fn segments(&self) -> Segments<'_, S> {
        Segments(self.nodes.iter())
    }

    /// The segments in hash order, beginning with the one for this hash.
    pub(crate) fn segments_from(&self, hash: u64) -> impl Iterator<Item = &S> {
        let mut next = Some(Position(self.order(hash)));
        std::iter::from_fn(move || {
            let (at, behind) = self.place(next?)?;
            next = behind;
            Some(self.at(at))
        })
    }

    /// The place of the segment at a point in hash order, and the beginning of the next segment, if there are such. It
    /// looks at no entry.
    pub(crate) fn place(&self, position: Position) -> Option<(At, Option<Position>)> {
        let slot = position.0.checked_shr(64 - u32::from(self.depth)).unwrap_or(0) as usize;
        let index = if self.depth == 0 { 0 } else { self.slots[slot] as usize };
        let node = self.nodes.get(index)?;
        let behind = u64::from(node.prefix) + 1;
        let is_last = behind == 1 << node.depth;
        Some((At(index), (!is_last).then(|| Position(behind << (64 - u32::from(node.depth))))))
    }

    /// Draws a bucket of any segment, or returns `None` if there are no segments. Each bucket is equally likely. All
    /// segments are taken to have as many buckets as the widest one, so the drawn bucket may not exist. O(1).
    pub(crate) fn draw_bucket(&self, random: &mut Random) -> Option<(&S, usize)> {
        let buckets = match &self.nodes[..] {
            [only] => only.segment.buckets(),
            _ => 1 << self.widest,
        };
        let drawn = random.below(self.nodes.len() * buckets);
        let node = self.nodes.get(drawn / buckets)?;
        Some((&node.segment, drawn % buckets))
    }

    /// The last segment up to a place, or of all segments, for which `holds` is true.
    ///
    /// Merging moves the last segment to the place of another one. So a walk that merges goes backwards: it has already
    /// met each segment that is moved.
    pub(crate) fn last_until(&self, last: Option<At>, holds: impl Fn(&S) -> bool) -> Option<At> {
        let end = last.map_or(self.nodes.len(), |last| self.nodes.len().min(last.0 + 1));
        self.nodes[..end].iter().rposition(|node| holds(&node.segment)).map(At)
    }

    pub(crate) fn segment_count(&self) -> usize {
        self.nodes.len()
    }

    /// The segment for which something is least, with what it is there, and the least of the others. O(segments).
    pub(crate) fn least<K: Ord + Copy>(&self, key: impl Fn(&S) -> K) -> Option<(At, K, Option<K>)> {
        let mut keys = self.nodes.iter().map(|node| key(&node.segment)).enumerate();
        let (mut at, mut least) = keys.next()?;
        let mut others = None;
        for (index, key) in keys {
            let mut greater = key;
            if key < least {
                (at, greater, least) = (index, least, key);
            }
            others = Some(others.map_or(greater, |others: K| others.min(greater)));
        }
        Some((At(at), least, others))
    }

    /// The segment for this hash. O(1).
    #[inline]
    pub(crate) fn find(&self, hash: u64) -> Option<&S> {
        self.nodes.get(self.index(hash)).map(|node| &node.segment)
    }

    /// The segment for this hash to change, under the conditions of [`at_mut`](Self::at_mut). O(1).
    #[inline]
    pub(crate) fn find_mut(&mut self, hash: u64) -> Option<&mut S> {
        let index = self.index(hash);
        self.nodes.get_mut(index).map(|node| &mut node.segment)
    }

    /// The place of the segment for this hash, if there are segments.
    #[inline]
    pub(crate) fn locate(&self, hash: u64) -> Option<At> {
        (!self.nodes.is_empty()).then(|| At(self.index(hash)))
    }

    /// The index of the node for this hash. It has a meaning only if there are nodes.
    #[inline]
    fn index(&self, hash: u64) -> usize {
        if self.depth == 0 { 0 } else { self.slots[(self.order(hash) >> (64 - self.depth)) as usize] as usize }
    }

    /// # Panics
    /// If there is no such segment.
    #[inline]
    pub(crate) fn at(&self, at: At) -> &S {
        &self.nodes[at.0].segment
    }

    /// A segment to change. Neither its number of entries nor its bytes may change; see [`edit`](Self::edit) for that.
    ///
    /// # Panics
    /// If there is no such segment.
    #[inline]
    pub(crate) fn at_mut(&mut self, at: At) -> &mut S {
        &mut self.nodes[at.0].segment
    }

    /// Changes a segment, and updates the sums. Only entries that belong to the segment may be added. After removals
    /// the caller calls [`shrink_after_removal`](Self::shrink_after_removal).
    ///
    /// # Panics
    /// If there is no such segment.
    #[inline]
    pub(crate) fn edit<R>(&mut self, at: At, change: impl FnOnce(&mut S) -> R) -> R {
        let segment = &mut self.nodes[at.0].segment;
        let (len, bytes) = (segment.len(), segment.bytes());
        let result = change(segment);
        self.len = self.len - len + segment.len();
        self.segment_bytes = self.segment_bytes - bytes + segment.bytes();
        result
    }

    /// [`edit`](Self::edit) for each segment.
    pub(crate) fn edit_all(&mut self, mut change: impl FnMut(&mut S)) {
        (0..self.nodes.len()).for_each(|at| self.edit(At(at), &mut change));
    }

    /// Finds or makes the segment into which an entry of this hash can be inserted. O(1), but O(segment) if a segment
    /// must be split.
    pub(crate) fn prepare_insert(&mut self, hash: u64, rules: &Rules) -> At {
        if self.nodes.is_empty() {
            self.nodes.reserve_exact(1);
            self.push_node(0, 0, S::default());
        }
        let at = At(self.index(hash));
        if !self.at(at).is_full() {
            return at;
        }
        self.split(at, rules);
        At(self.index(hash))
    }

    /// Gives back memory after entries were removed from the segment at this place. O(1), but O(segment) if two
    /// segments must be merged.
    pub(crate) fn shrink_after_removal(&mut self, at: At, rules: &Rules) {
        if self.len == 0 {
            *self = self.emptied();
            return;
        }
        self.merge_all(at, rules);
        self.trim();
    }

    /// Gives back the slots and nodes that a smaller number of segments no longer needs.
    fn trim(&mut self) {
        while self.depth > 0 && self.deepest == 0 {
            self.halve();
        }
        if self.nodes.len() < self.nodes.capacity() / 4 {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
    }

    /// Makes room for this many more entries, but for at most [`RESERVE_MAX`]. O(entries and reserved entries).
    pub(crate) fn reserve(&mut self, additional: usize, rules: &Rules) {
        let entries = self.len + additional.min(RESERVE_MAX);
        if entries == 0 {
            return;
        }
        let depth = entries.div_ceil(RESERVED_ENTRIES).next_power_of_two().ilog2().min(MAX_DIRECTORY_BITS) as u8;
        if self.nodes.is_empty() {
            self.push_node(0, 0, S::default());
        }
        if depth > self.depth {
            self.deepen(depth);
        }
        let mut at = 0;
        while let Some(&Node { prefix, depth: shallow, .. }) = self.nodes.get(at) {
            if shallow < depth {
                self.split_between(At(at), prefix << 1, shallow + 1, rules);
            } else {
                self.edit(At(at), |segment| segment.reserve(entries.min(SEGMENT_ENTRIES), rules));
                at += 1;
            }
        }
    }

    /// Gives back all unused memory of nodes and slots, and calls `shrink` to do so in each segment.
    pub(crate) fn shrink_to_fit(&mut self, rules: &Rules, mut shrink: impl FnMut(&mut S)) {
        if self.len == 0 {
            *self = self.emptied();
            return;
        }
        for at in (0..self.nodes.len()).rev() {
            // Going backwards leaves out no segment; see `last_until`.
            if at < self.nodes.len() {
                self.merge_all(At(at), rules);
            }
        }
        self.trim();
        self.edit_all(&mut shrink);
        self.nodes.shrink_to_fit();
    }

    /// The hash with the bits that tell segments apart moved to the top.
    #[inline]
    fn order(&self, hash: u64) -> u64 {
        hash << self.skip
    }

    /// The range of slots that a node owns.
    fn run(&self, prefix: u32, depth: u8) -> std::ops::Range<usize> {
        if self.slots.is_empty() {
            return 0..0;
        }
        let free = self.depth - depth;
        let start = (prefix as usize) << free;
        start..start + (1 << free)
    }

    fn push_node(&mut self, prefix: u32, depth: u8, segment: S) {
        let run = self.run(prefix, depth);
        let index = u32::try_from(self.nodes.len()).expect("a directory has fewer than 2^32 segments");
        self.slots[run].fill(index);
        self.deepest += u32::from(depth == self.depth);
        self.nodes.push(Node { prefix, depth, segment });
    }

    /// The greatest depth that the present number of entries allows.
    fn granted_bits(&self) -> u32 {
        let explained = (self.len / SEGMENT_ENTRIES + 1).ilog2();
        (explained + SPARE_BITS).clamp(IDLE_BITS, MAX_DIRECTORY_BITS)
    }

    /// Splits a segment at the first bit in which its entries differ, or leaves it to grow if there is no such bit.
    fn split(&mut self, at: At, rules: &Rules) {
        let mut orders = self.at(at).hashes(rules).map(|hash| self.order(hash));
        let first = orders.next().unwrap_or_default();
        let different = orders.fold(0, |bits, order| bits | (order ^ first));
        let bit = different.leading_zeros();
        if bit >= self.granted_bits() {
            let doubled = 2 * self.at(at).buckets();
            self.widest = self.widest.max(doubled.ilog2() as u8);
            return;
        }
        let Node { depth, prefix, .. } = self.nodes[at.0];
        let deeper = bit as u8 + 1;
        if deeper > self.depth {
            self.deepen(deeper);
        }
        // At each level above the bit in which the hashes differ, the side without entries gets a node.
        let mut low = prefix;
        for level in depth + 1..deeper {
            low = (first >> (64 - level)) as u32;
            let sibling = self.at(at).sibling();
            self.push_node(low ^ 1, level, sibling);
        }
        self.split_between(at, low << 1, deeper, rules);
    }

    /// Splits a node into two of this depth: one with the prefix `low`, and one with the next prefix. The slots of both
    /// belong to the node before.
    fn split_between(&mut self, at: At, low: u32, depth: u8, rules: &Rules) {
        let bit = 1 << (64 - u32::from(depth) - u32::from(self.skip));
        let upper = self.edit(at, |segment| segment.split(bit, rules));
        self.len += upper.len();
        self.segment_bytes += upper.bytes();
        self.nodes[at.0].prefix = low;
        self.nodes[at.0].depth = depth;
        self.deepest += u32::from(depth == self.depth);
        self.push_node(low | 1, depth, upper);
    }

    fn deepen(&mut self, depth: u8) {
        let copies = 1_usize << (depth - self.depth);
        let mut slots = Vec::with_capacity(1 << depth);
        if self.slots.is_empty() {
            slots.resize(copies, 0);
        }
        for &slot in &*self.slots {
            slots.resize(slots.len() + copies, slot);
        }
        self.slots = slots.into_boxed_slice();
        self.depth = depth;
        self.deepest = 0;
    }

    fn halve(&mut self) {
        self.depth -= 1;
        self.slots = if self.depth == 0 { Box::default() } else { self.slots.iter().step_by(2).copied().collect() };
        self.deepest = self.nodes.iter().map(|node| u32::from(node.depth == self.depth)).sum();
    }

    /// Merges a node with its neighbour, then the result with its neighbour, and so on, while both are small.
    fn merge_all(&mut self, at: At, rules: &Rules) {
        let mut at = at;
        while let Some(merged) = self.merge(at, rules) {
            at = merged;
        }
    }

    /// Merges a node with its neighbour if both are small, and returns the place of the result.
    fn merge(&mut self, at: At, rules: &Rules) -> Option<At> {
        let Node { prefix, depth, .. } = self.nodes[at.0];
        // The neighbour is elsewhere in memory, so this looks first at what is at hand.
        if depth == 0 || self.at(at).len() >= MERGE_ENTRIES {
            return None;
        }
        let buddy = self.slots[self.run(prefix ^ 1, depth).start] as usize;
        let other = &self.nodes[buddy];
        if other.depth != depth
            || self.at(at).len() + other.segment.len() >= MERGE_ENTRIES
            || !self.at(at).may_absorb(&other.segment)
        {
            return None;
        }
        let (larger, smaller) = if self.at(at).len() < other.segment.len() { (buddy, at.0) } else { (at.0, buddy) };
        if depth == self.depth {
            self.deepest -= 2;
        }
        let absorbed = take(&mut self.nodes[smaller].segment);
        self.len -= absorbed.len();
        self.segment_bytes -= absorbed.bytes();
        if absorbed.len() > 0 {
            self.edit(At(larger), |segment| segment.absorb(absorbed, rules));
        }
        let node = &mut self.nodes[larger];
        node.prefix >>= 1;
        node.depth -= 1;
        self.deepest += u32::from(node.depth == self.depth);
        Some(self.drop_node(smaller, larger))
    }

    /// Drops the node at `gone` and gives its slots to the node at `heir`. Returns the new place of `heir`.
    fn drop_node(&mut self, gone: usize, heir: usize) -> At {
        self.nodes.swap_remove(gone);
        let heir = if heir == self.nodes.len() { gone } else { heir };
        for index in [heir, gone] {
            if let Some(&Node { prefix, depth, .. }) = self.nodes.get(index) {
                let run = self.run(prefix, depth);
                self.slots[run].fill(index as u32);
            }
        }
        At(heir)
    }
}

/// The segments of a directory, in no particular order.
pub(crate) struct Segments<'a, S>(std::slice::Iter<'a, Node<S>>);

impl<S> Clone for Segments<'_, S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<'a, S> Iterator for Segments<'a, S> {
    type Item = &'a S;

    fn next(&mut self) -> Option<&'a S> {
        self.0.next().map(|node| &node.segment)
    }
}

#[cfg(any(test, feature = "testing"))]
impl<S: Segment> Directory<S> {
    /// Checks the invariants of the module's documentation.
    ///
    /// # Panics
    /// If one is broken.
    pub(crate) fn validate(&self, rules: &Rules) {
        if self.nodes.is_empty() {
            let allocated = self.nodes.capacity() + self.slots.len();
            assert!(self.len == 0 && allocated == 0, "1: an empty directory holds memory");
            return;
        }
        let expected = if self.depth == 0 { 0 } else { 1 << self.depth };
        assert_eq!(self.slots.len(), expected, "2: slots at depth {}", self.depth);
        let mut owned = 0;
        for (index, node) in self.nodes.iter().enumerate() {
            let run = self.run(node.prefix, node.depth);
            owned += run.len();
            assert!(self.slots[run].iter().all(|&slot| slot as usize == index), "3: slots of node {index}");
            assert!(node.segment.buckets() <= 1 << self.widest, "7: {} buckets", node.segment.buckets());
            for hash in node.segment.hashes(rules) {
                let prefix = self.order(hash).checked_shr(64 - u32::from(node.depth)).unwrap_or(0);
                assert_eq!(prefix, u64::from(node.prefix), "5: an entry in the wrong segment");
            }
        }
        assert_eq!(owned, self.slots.len(), "3: slots without a node");
        let deepest = self.nodes.iter().filter(|node| node.depth == self.depth).count();
        assert!(deepest == self.deepest as usize && deepest > 0, "4: {deepest} nodes of depth {}", self.depth);
        assert_eq!(self.len, self.segments().map(S::len).sum::<usize>(), "6: entries");
        assert_eq!(self.segment_bytes, self.segments().map(S::bytes).sum::<usize>(), "6: bytes");
    }
}
