//! `Record`: one hash with its key, as a shard files it. Everything above this layer knows one kind of hash. A record
//! is in one of two encodings:
//!
//! | encoding | identified by | holds |
//! |---|---|---|
//! | packed | `Record::Packed` | at most `max_fields` fields in at most `max_packed_bytes`, none longer than `max_string` |
//! | table | `Record::Table` | any number of fields of any length |
//!
//! # When the encoding changes
//! A record chooses its encoding at the end of a call, by the result of the whole call
//! ([`choose_encoding`](Record::choose_encoding)):
//! * A packed hash that passes a threshold is promoted to a table.
//! * A table below half of all thresholds is demoted.
//! * A hash that was packed at the beginning of the call and is within the thresholds at its end is packed, whatever it
//!   was in between.
//!
//! During a call a packed hash is promoted early if the encoding cannot hold a result, if a string is too long for it,
//! or if the hash has passed twice its thresholds. So no call works for long on a packed hash that is too large. A
//! conversion builds the new form beside the old one.
//!
//! Invariants at the end of each call, recomputed under these numbers by `validate`:
//! 1. A packed record is within all three thresholds.
//! 2. A table has at least one field. It is above half of a threshold, or has a field or value that is too long to be
//!    packed.

mod context;
mod deadlines;
mod effect;
mod entry;
mod fields;
mod footprint;
mod found;
pub(crate) mod image;
mod number;
mod packed;
mod purge;
mod quiet;
mod sample;
mod shaping;
mod table;
#[cfg(test)]
mod tests;
mod transfer;
mod undo;

use std::mem::size_of;

use crate::error::Result;
use crate::options::{Rules, Thresholds};
use crate::random::Random;
use crate::saving::{Mark, Saver, Unsaved, Walk};
use crate::scan::{Order, Selection};
use packed::Packed;
use table::Table;

pub(crate) use context::{Context, GonePart, Port, Recorded, Terms};
pub(crate) use effect::Effect;
#[cfg(any(feature = "journal", feature = "recorder"))]
pub(crate) use effect::Redo;
#[cfg(feature = "journal")]
pub(crate) use entry::{push_varint, varint_len};
pub(crate) use number::IntegerText;
pub(crate) use purge::Scope;
pub(crate) use quiet::Growth;
pub use sample::Sample;
pub(crate) use shaping::takes;
pub(crate) use transfer::Source;
pub(crate) use undo::Undo;

/// How a hash is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[doc(alias = "OBJECT ENCODING")]
pub enum Encoding {
    /// One packed byte vector: little memory, operations O(n) with a tiny factor, for small hashes.
    Packed,
    /// A hash table: operations O(1), for large hashes.
    Table,
}

impl std::fmt::Display for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Packed => "packed",
            Self::Table => "table",
        })
    }
}

/// A field and its value.
pub(crate) type Pair<'a> = (&'a [u8], &'a [u8]);

/// See the module's documentation. It takes two words, because the slot of each key holds one.
pub(crate) enum Record {
    Packed(Packed),
    Table(Box<Table>),
}

const _: () = assert!(size_of::<Record>() == 2 * size_of::<usize>());

impl Default for Record {
    /// The empty hash under the empty key, which allocates nothing.
    fn default() -> Self {
        Self::Packed(Packed::default())
    }
}

impl Record {
    /// An empty hash under this key.
    pub(crate) fn new(mark: Mark, key: &[u8]) -> Self {
        Self::Packed(Packed::new(mark, key))
    }

    /// The record of a hash that was packed elsewhere, perhaps with other thresholds.
    #[cfg(feature = "snapshot")]
    pub(crate) fn of_packed(packed: Packed, cx: Context<'_>) -> Self {
        let is_oversized = cx.rules.is_oversized(packed.size(cx.rules).1)
            && packed
                .pairs(cx.rules)
                .any(|(_, (field, value))| cx.rules.is_oversized(field.len()) || cx.rules.is_oversized(value.len()));
        let mut record = Self::Packed(packed);
        if is_oversized {
            record.promote(cx);
        }
        record
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Packed(packed) => packed.key(),
            Self::Table(table) => table.key(),
        }
    }

    /// The mark of the save that wrote the record last. For a table, this is the mark of its head.
    #[inline]
    pub(crate) fn mark(&self) -> Mark {
        match self {
            Self::Packed(packed) => packed.mark(),
            Self::Table(table) => table.mark(),
        }
    }

    /// Whether the record and all its parts have this mark.
    pub(crate) fn is_saved(&self, mark: Mark) -> bool {
        match self {
            Self::Packed(packed) => packed.mark() == mark,
            Self::Table(table) => table.is_saved(mark),
        }
    }

    /// Gives the record and all its parts this mark.
    pub(crate) fn set_mark(&mut self, mark: Mark) {
        match self {
            Self::Packed(packed) => packed.set_mark(mark),
            Self::Table(table) => table.set_mark(mark),
        }
    }

    /// Writes the record to the running snapshot, if that has not happened yet. The caller is about to change the
    /// record, and its change does not belong to the snapshot. Of a table only the head is written. Each segment
    /// follows before it is changed.
    #[inline]
    pub(crate) fn save_ahead(&mut self, cx: Context<'_>) {
        if self.mark() != cx.mark() {
            self.write_ahead(cx);
        }
    }

    #[cold]
    fn write_ahead(&mut self, cx: Context<'_>) {
        match self {
            Self::Packed(packed) => {
                cx.save_ahead(|saver| {
                    saver.blocks.write(|items| image::write_hash(items, packed, cx.rules.shapes.as_deref()));
                });
                packed.set_mark(cx.mark());
            }
            Self::Table(table) => table.save_head_ahead(cx),
        }
    }

    /// Reads one byte of each cache line of a packed hash before the hash is needed. For many hashes in a row, the
    /// processor then waits once for all of them.
    #[inline]
    pub(crate) fn prefetch(&self) {
        if let Self::Packed(packed) = self {
            packed.prefetch();
        }
    }

    /// Reads bytes of those cache lines of a packed hash that a lookup needs, so that the processor loads all of them
    /// at once.
    #[inline(always)]
    pub(crate) fn prefetch_front(&self) {
        if let Self::Packed(packed) = self {
            packed.prefetch_front();
        }
    }

    /// Writes what the saver has not written yet, until its slice is over. Returns whether everything is written.
    pub(crate) fn save_slice(&mut self, walk: &mut Walk, saver: &mut Saver<'_>) -> bool {
        match self {
            Self::Packed(packed) => {
                if packed.mark() != saver.mark {
                    saver.blocks.write(|items| image::write_hash(items, packed, saver.shapes));
                    packed.set_mark(saver.mark);
                }
                true
            }
            Self::Table(table) => table.save_slice(walk, saver),
        }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        match self {
            Self::Packed(_) => Encoding::Packed,
            Self::Table(_) => Encoding::Table,
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.len(),
            Self::Table(table) => table.len(),
        }
    }

    /// Bytes asked of the allocator, without those of the record itself. O(1).
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Packed(packed) => packed.heap_bytes(),
            Self::Table(table) => table.heap_bytes(),
        }
    }

    #[inline(always)]
    pub(crate) fn get(&self, field: &[u8], rules: &Rules) -> Option<&[u8]> {
        match self {
            Self::Packed(packed) => packed.get(rules.tag(field), field, rules),
            Self::Table(table) => table.get(field, rules),
        }
    }

    pub(crate) fn pairs<'a>(&'a self, rules: &'a Rules) -> Pairs<'a> {
        match self {
            Self::Packed(packed) => Pairs::Packed(packed.pairs(rules)),
            Self::Table(table) => Pairs::Table(table.entries()),
        }
    }

    /// Draws a field with its value, each as likely as any other, if there is one. O(1).
    fn draw<'a>(&'a self, random: &mut Random, rules: &'a Rules) -> Option<Pair<'a>> {
        match self {
            Self::Packed(packed) => packed.draw(random, rules),
            Self::Table(table) => table.draw(random).map(entry::pair),
        }
    }

    /// Offers the fields with their values to a page, in groups that follow hash order, until it is complete.
    pub(crate) fn scan<T>(&self, selection: &mut Selection<T>, copy: impl Fn(Pair<'_>) -> T, rules: &Rules) {
        fn ordered<'p>(pair: Pair<'p>, rules: &Rules) -> (Order, Pair<'p>) {
            (Order::of_hash(rules.hash(pair.0)), pair)
        }
        let copy = |pair: Pair<'_>| Some(copy(pair));
        let _complete = match self {
            Self::Packed(packed) => selection.offer(packed.pairs(rules).map(|(_, pair)| ordered(pair, rules)), copy),
            Self::Table(table) => table.segments_from(selection.from().hash()).try_for_each(|fields| {
                selection.offer(fields.iter().map(|entry| ordered(entry::pair(entry), rules)), copy)
            }),
        };
    }

    /// Checks whether this many more fields are allowed. If not, purges the hash and checks once more.
    fn check_growth(&mut self, new: usize, cx: Context<'_>) -> Result<()> {
        cx.rules.check_fields(self.len() + new).or_else(|_| {
            self.purge(Scope::Hash, cx);
            cx.rules.check_fields(self.len() + new)
        })
    }

    fn put_in_table(&mut self, field: &[u8], value: &[u8], cx: Context<'_>) -> bool {
        self.promote(cx).set(cx.rules.hash(field), field, value, cx)
    }

    /// Sets the fields one by one, and returns the number of new ones. The caller has checked the limits.
    pub(crate) fn put_many(&mut self, pairs: &[Pair<'_>], cx: Context<'_>) -> usize {
        let (mut new, done) = match self {
            Self::Packed(packed) => put_packed(packed, pairs, cx),
            Self::Table(_) => (0, 0),
        };
        let mut left = &pairs[done..];
        while !left.is_empty() {
            let step = cx.room().map_or(left.len(), |room| {
                // The store knows after each step what the table takes, so that the table keeps little free room once
                // the store has little left.
                room.raise(self.footprint());
                first_step(left)
            });
            let (now, later) = left.split_at(step);
            new += now.iter().filter(|(field, value)| self.put_in_table(field, value, cx)).count();
            left = later;
        }
        new
    }

    /// Gives all unused memory back. O(n).
    pub(crate) fn shrink_to_fit(&mut self, rules: &Rules) {
        match self {
            Self::Packed(packed) => packed.shrink_to_fit(),
            Self::Table(table) => table.shrink_to_fit(rules),
        }
    }

    /// Notes that all fields are about to be removed.
    pub(crate) fn note_clear(&self, cx: Context<'_>) {
        cx.record(|| (self.len() > 0).then(|| (self.key(), Effect::Clear { before: self, is_evicted: false })));
    }

    /// Removes all fields, and leaves a packed record.
    pub(crate) fn clear(&mut self, cx: Context<'_>) {
        self.note_clear(cx);
        self.replace(Self::new(cx.mark(), self.key()), cx);
    }

    /// Becomes another record of the same key. The old one is kept if the call can be rolled back. Otherwise a packed
    /// one is dropped at once, and a table when no lock is held any more or when the saver has written it.
    pub(crate) fn replace(&mut self, other: Self, cx: Context<'_>) {
        let replaced = std::mem::replace(self, other);
        let replaced = match cx.undo() {
            Some(undo) => undo.keep(replaced),
            None => Some(replaced),
        };
        if let Some(Self::Table(table)) = replaced {
            table.leave(cx);
        }
    }

    /// Whether the record has the encoding that it should have at the end of a call that began with this one.
    #[inline(always)]
    pub(crate) fn has_its_encoding(&self, began: Encoding, rules: &Rules) -> bool {
        let thresholds = &rules.thresholds;
        match self {
            Self::Packed(packed) => packed.is_within(thresholds.max_fields, thresholds.max_packed_bytes, rules),
            Self::Table(table) => {
                let parts = if began == Encoding::Packed { 1 } else { 2 };
                !fits(table.oversized(), table.size(), thresholds, parts)
            }
        }
    }

    /// Gives the record the encoding that it should have at the end of a call that began with this one.
    pub(crate) fn choose_encoding(&mut self, began: Encoding, cx: Context<'_>) {
        if self.has_its_encoding(began, cx.rules) {
            return;
        }
        match self {
            Self::Packed(_) => _ = self.promote(cx),
            Self::Table(table) => {
                let packed = Self::Packed(table.to_packed(cx.rules));
                self.replace(packed, cx);
            }
        }
    }

    /// Makes the record a table if it is not one yet, and returns the table.
    fn promote(&mut self, cx: Context<'_>) -> &mut Table {
        if let Self::Packed(packed) = self {
            *self = Self::Table(Box::new(Table::from_packed(packed, cx)));
        }
        match self {
            Self::Table(table) => table,
            Self::Packed(_) => unreachable!("it has just become a table"),
        }
    }
}

/// The number of pairs that are set in one step. A step grows a segment about once.
fn first_step(pairs: &[Pair<'_>]) -> usize {
    const STEP_BYTES: usize = 4 << 10;
    let mut bytes = 0;
    let is_within = |(field, value): &&Pair<'_>| {
        bytes += field.len() + value.len();
        bytes <= STEP_BYTES
    };
    pairs.iter().take_while(is_within).count().max(1)
}

/// Sets fields as long as the hash should stay packed. Returns the number of new fields, and the number of pairs that
/// are set.
fn put_packed(packed: &mut Packed, pairs: &[Pair<'_>], cx: Context<'_>) -> (usize, usize) {
    if put_known(packed, pairs, cx) {
        return (pairs.len(), pairs.len());
    }
    let (mut new, mut done) = (0, 0);
    while packed.is_shaped()
        && let Some(&(field, value)) = pairs.get(done)
    {
        let tag = cx.rules.tag(field);
        let found = packed.find(tag, field, cx.rules);
        let size = packed.size(cx.rules);
        if !works_packed(size, (field, value), cx.rules) || !Packed::can_hold(size, found.as_ref(), field, value) {
            return (new, done);
        }
        cx.record(|| {
            let before = found.as_ref().map(|found| packed.value(found));
            Some((packed.key(), Effect::Put { field, value, before }))
        });
        new += usize::from(packed.put_found(found, (tag, field, value), cx.rules));
        done += 1;
    }
    if done == pairs.len() {
        return (new, done);
    }
    let mut draft = packed.draft();
    let mut is_reserved = false;
    for (done, &(field, value)) in pairs.iter().enumerate().skip(done) {
        let tag = cx.rules.tag(field);
        let found = draft.find(tag, field);
        let size = draft.size();
        if !works_packed(size, (field, value), cx.rules) || !Packed::can_hold(size, found.as_ref(), field, value) {
            return (new, done);
        }
        if !is_reserved && found.is_none() {
            draft.reserve(&pairs[done..]);
            is_reserved = true;
        }
        cx.record(|| {
            let before = found.as_ref().map(|found| draft.value(found));
            Some((draft.key(), Effect::Put { field, value, before }))
        });
        new += usize::from(draft.put_found(found, (tag, field, value)));
    }
    (new, pairs.len())
}

/// Sets the fields of an empty hash at once, if their names are those of a shape.
fn put_known(packed: &mut Packed, pairs: &[Pair<'_>], cx: Context<'_>) -> bool {
    let Thresholds { max_fields, max_packed_bytes, .. } = cx.rules.thresholds;
    if packed.len() > 0 || pairs.len() > max_fields || cx.rules.shapes.is_none() {
        return false;
    }
    let entry_bytes: usize = pairs.iter().map(|(field, value)| entry::len(field, value)).sum();
    let is_oversized =
        |(field, value): &Pair<'_>| cx.rules.is_oversized(field.len()) || cx.rules.is_oversized(value.len());
    let is_packed = entry_bytes <= max_packed_bytes && !pairs.iter().any(is_oversized);
    if !is_packed || !packed.put_known(pairs, cx.rules) {
        return false;
    }
    for &(field, value) in pairs {
        cx.record(|| Some((packed.key(), Effect::Put { field, value, before: None })));
    }
    true
}

/// Whether a hash of this size should stay packed for now while this field is set.
#[inline]
fn works_packed((fields, entry_bytes): (usize, usize), (field, value): Pair<'_>, rules: &Rules) -> bool {
    let Thresholds { max_fields, max_packed_bytes, .. } = rules.thresholds;
    fields <= 2 * max_fields
        && entry_bytes <= 2 * max_packed_bytes
        && !rules.is_oversized(field.len())
        && !rules.is_oversized(value.len())
}

/// Whether a hash with so many strings that are too long to be packed, and with this many fields and bytes of entries, is
/// within the thresholds divided by this number.
#[inline]
fn fits(oversized: usize, (fields, entry_bytes): (usize, usize), thresholds: &Thresholds, parts: usize) -> bool {
    oversized == 0 && fields <= thresholds.max_fields / parts && entry_bytes <= thresholds.max_packed_bytes / parts
}

/// The fields and values of a record, in no particular order.
#[derive(Clone)]
pub(crate) enum Pairs<'a> {
    Packed(packed::Pairs<'a>),
    Table(table::Entries<'a>),
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'a>> {
        match self {
            Self::Packed(pairs) => pairs.next().map(|(_, pair)| pair),
            Self::Table(entries) => entries.next().map(entry::pair),
        }
    }
}

#[cfg(any(test, feature = "testing"))]
impl Record {
    /// Checks the invariants of the module's documentation, and those of the encoding.
    ///
    /// # Panics
    /// If one is broken.
    pub(crate) fn validate(&self, rules: &Rules) {
        let thresholds = &rules.thresholds;
        match self {
            Self::Packed(packed) => {
                packed.validate(rules);
                let (fields, entry_bytes) = packed.size(rules);
                assert!(fields <= thresholds.max_fields, "1: {fields} fields");
                assert!(entry_bytes <= thresholds.max_packed_bytes, "1: {entry_bytes} bytes");
                let longest = self.pairs(rules).flat_map(<[&[u8]; 2]>::from).map(<[u8]>::len).max();
                assert!(longest.is_none_or(|len| !rules.is_oversized(len)), "1: a string of {longest:?} bytes");
            }
            Self::Table(table) => {
                table.validate(rules);
                let is_needed = !fits(table.oversized(), table.size(), thresholds, 2);
                assert!(table.len() > 0 && is_needed, "2: a table of {} fields", table.len());
            }
        }
    }
}
