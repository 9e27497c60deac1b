//! Packed hashes whose names are in a shape, and how a hash gets a shape, changes it and loses it.
//!
//! A new field leads to another shape. If there is none, the hash gets its names back into its block. A field that is
//! removed leads to another shape too. If there is none, the field is *missing*: it keeps its place in the shape, a bit
//! says so, and its value is empty. So a removal never makes a hash larger, but for the bits.
//!
//! Changes that leave the width of the ends and the deadlines alone move only bytes within the block. All others take the
//! hash apart and put it together anew.

#[cfg(test)]
mod tests;

use std::array;
use std::ops::Range;

use super::draft::Tagged;
use super::{COUNT_AT, DEADLINES, Deadlines, GAPS, KEY_LEN_AT, Layout, Packed, SHAPE_AT, SHAPED, WIDE, bitmap_len};
use super::{block_len, close, push_ends, push_head, width};
use crate::hash::{Pair, entry};
use crate::options::Rules;
use crate::saving::Mark;
use crate::shapes::{Kind, MOST_NAME_BYTES, MOST_NAMES, Shape, Shapes, is_worth_it, name_bytes, print_of};
use crate::time::Deadline;

/// What moves when a value comes or goes. `used` is where the bytes end that are in use. There are neither deadlines nor
/// missing fields.
impl Layout {
    /// Adds a value at this index, which leads to this shape.
    fn insert_value(self, bytes: &mut [u8], used: usize, (shape, index): (u8, usize), value: &[u8]) {
        let w = self.end_width;
        let end_at = self.ends_at() + index * w;
        let value_at = if index == 0 { self.entries_at() } else { self.entry(bytes, index - 1).end };
        bytes.copy_within(value_at..used, value_at + w + value.len());
        bytes.copy_within(end_at..value_at, end_at + w);
        bytes[value_at + w..][..value.len()].copy_from_slice(value);
        let end = value_at - self.entries_at() + value.len();
        bytes[end_at..][..w].copy_from_slice(&(end as u16).to_le_bytes()[..w]);
        let larger = Self { fields: self.fields + 1, ..self };
        larger.move_ends(bytes, index + 1, value.len());
        (bytes[COUNT_AT], bytes[SHAPE_AT]) = (larger.fields as u8, shape);
    }

    /// Removes the value at this index, which leads to this shape.
    fn remove_value(self, bytes: &mut [u8], used: usize, (shape, index): (u8, usize)) {
        let (w, value) = (self.end_width, self.entry(bytes, index));
        let end_at = self.ends_at() + index * w;
        self.move_ends(bytes, index + 1, value.len().wrapping_neg());
        bytes.copy_within(end_at + w..value.start, end_at);
        bytes.copy_within(value.end..used, value.start - w);
        (bytes[COUNT_AT], bytes[SHAPE_AT]) = ((self.fields - 1) as u8, shape);
    }
}

/// What a hash that has a shape holds beside the names.
struct Parts<'a> {
    /// In the order of the names. `None` stands for a missing field.
    values: Vec<Option<&'a [u8]>>,
    deadlines: Deadlines,
}

impl Parts<'_> {
    fn assemble(&self, mark: Mark, key: &[u8], shape: u8) -> Packed {
        let fields = self.values.len();
        let values = self.values.iter().map(|value| value.unwrap_or_default());
        let value_bytes = values.clone().map(<[u8]>::len).sum();
        let (w, has_gaps) = (width(value_bytes), self.values.contains(&None));
        let gaps = if has_gaps { bitmap_len(fields) } else { 0 };
        let head_len = KEY_LEN_AT + entry::varint_len(key.len()) + key.len();
        let len = head_len + gaps + fields * w + value_bytes + self.deadlines.tail_len(fields);
        let mut bytes = Vec::with_capacity(block_len(len));
        let (gap_flag, wide_flag) = (if has_gaps { GAPS } else { 0 }, if w == 1 { 0 } else { WIDE });
        let flags = SHAPED | gap_flag | wide_flag | self.deadlines.flags();
        push_head(&mut bytes, mark.set_in(flags), [fields as u8, shape], key);
        bytes.resize(bytes.len() + gaps, 0);
        let gaps_at = bytes.len() - gaps;
        for (index, _) in self.values.iter().enumerate().filter(|(_, value)| value.is_none()) {
            bytes[gaps_at + index / 8] |= 1 << (index % 8);
        }
        push_ends(&mut bytes, values.clone().map(<[u8]>::len), w);
        values.for_each(|value| bytes.extend_from_slice(value));
        self.deadlines.push_tail(&mut bytes, fields);
        Packed(close(bytes))
    }
}

/// Looks at shapes.
impl Packed {
    #[inline]
    pub(crate) fn is_shaped(&self) -> bool {
        self.flags() & SHAPED != 0
    }

    /// A number that most other hashes do not have, of its place in memory.
    #[inline]
    pub(crate) fn number(&self) -> usize {
        ((self.0.as_ptr().addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
    }

    /// Whether the hash has no shape, or one of which fields are missing.
    #[inline]
    pub(crate) fn lacks_shape(&self) -> bool {
        self.flags() & (SHAPED | GAPS) != SHAPED
    }

    #[inline]
    pub(super) fn shape<'a>(&self, rules: &'a Rules) -> Option<&'a Shape> {
        self.is_shaped().then(|| rules.shape(self.0[SHAPE_AT]))
    }

    /// The names of missing fields.
    pub(super) fn missing_names<'a>(&self, shape: &'a Shape) -> impl Iterator<Item = &'a [u8]> {
        let layout = Layout::of(&self.0);
        let indexes = if layout.flags & GAPS == 0 { 0..0 } else { 0..layout.fields };
        indexes.filter(move |index| layout.is_missing(&self.0, *index)).map(|index| shape.name(index))
    }

    /// The bytes that the hash's shape saves, if it has one.
    #[inline(always)]
    pub(crate) fn saved_bytes(&self, rules: &Rules) -> Option<usize> {
        let shape = self.shape(rules)?;
        let missing = if self.flags() & GAPS == 0 { 0 } else { self.missing_bytes(shape) };
        Some(shape.saved_bytes() - missing)
    }

    /// The part of [`saved_bytes`](Self::saved_bytes) that a shape counts for missing fields.
    #[inline(never)]
    fn missing_bytes(&self, shape: &Shape) -> usize {
        self.missing_names(shape).map(|name| name_bytes(name) + 1).sum()
    }

    /// Whether the hash has a shape, and would have none if this field were added.
    pub(crate) fn loses_shape_with(&self, field: &[u8], rules: &Rules) -> bool {
        let tag = rules.tag(field);
        match self.shape(rules) {
            Some(_) if self.flags() & GAPS == 0 => self.step(tag, field, rules).is_none(),
            Some(shape) => shape.find(tag, field).is_none(),
            None => false,
        }
    }

    /// The shape with a new field, and the field's index in it. No field is missing.
    #[inline]
    fn step(&self, tag: u8, field: &[u8], rules: &Rules) -> Option<(u8, usize)> {
        rules.shapes.as_ref()?.with(self.0[SHAPE_AT], tag, field)
    }

    /// The shape without the field at this index, if no other is missing.
    #[inline]
    fn step_back(&self, index: usize, rules: &Rules) -> Option<u8> {
        let shapes = rules.shapes.as_ref().filter(|_| self.flags() & GAPS == 0)?;
        shapes.without(self.0[SHAPE_AT], index)
    }

    fn parts(&self) -> Parts<'_> {
        let layout = Layout::of(&self.0);
        let value = |index| (!layout.is_missing(&self.0, index)).then(|| &self.0[layout.entry(&self.0, index)]);
        let deadlines = Deadlines::new(self.deadline(), self.field_deadlines());
        Parts { values: (0..layout.fields).map(value).collect(), deadlines }
    }

    /// Whether the hash has no shape or one of which fields are missing, and is small enough for another one.
    #[inline]
    pub(crate) fn could_take_shape(&self) -> bool {
        self.lacks_shape() && (1..=MOST_NAMES).contains(&self.len())
    }

    /// The hash's kind, if it could take a shape that is worth it.
    pub(crate) fn kind(&self, rules: &Rules) -> Option<Kind> {
        if !self.could_take_shape() {
            return None;
        }
        let mut kind = Kind { names: 0, fields: self.len(), name_bytes: 0 };
        for (_, (field, _)) in self.pairs(rules) {
            kind.name_bytes += name_bytes(field);
            if kind.name_bytes > MOST_NAME_BYTES {
                return None;
            }
            kind.names = kind.names.wrapping_add(rules.hash(field)); // in any order
        }
        is_worth_it(kind.name_bytes, kind.fields, self.plain_bytes(rules)).then_some(kind)
    }
}

/// Takes and leaves shapes.
impl Packed {
    /// Learns the hash's names. `reserve` asks for room for what is learned.
    pub(crate) fn learn_shape(&self, shapes: &Shapes, rules: &Rules, reserve: impl Fn(usize) -> bool) {
        let names: Vec<(u8, &[u8])> = self.pairs(rules).map(|(tag, (field, _))| (tag, field)).collect();
        if !names.is_empty() {
            shapes.learn(&names, reserve);
        }
    }

    /// The bytes of the block if it has no shape, about.
    fn plain_bytes(&self, rules: &Rules) -> usize {
        self.0.len() + self.saved_bytes(rules).unwrap_or(0)
    }

    /// Gives a hash that lacks a shape the one of its names, if there is one. Returns whether it has it now.
    pub(crate) fn take_shape(&mut self, shapes: &Shapes, rules: &Rules) -> bool {
        if !self.could_take_shape() {
            return false;
        }
        let (fields, layout) = (self.len(), Layout::of(&self.0));
        let print = if layout.is_shaped() {
            let tags: Vec<u8> = self.pairs(rules).map(|(tag, _)| tag).collect();
            print_of(&tags)
        } else {
            print_of(&self.0[layout.tags_at..][..fields])
        };
        // Most often the names are in the same order.
        let find = |shape: &Shape, at: usize| {
            let (tag, name) = (shape.tag(at), shape.name(at));
            self.value_if_at(at, name, layout).or_else(|| self.find(tag, name, rules).map(|(_, value)| value))
        };
        let mut values = Vec::with_capacity(fields);
        let found = shapes.find(print, |shape| {
            values.clear();
            let found = (0..shape.fields()).map_while(|at| find(shape, at));
            values.extend(found.map(|value| Some(&self.0[value])));
            shape.fields() == fields && values.len() == fields
        });
        let Some((id, shape)) = found else { return false };
        let deadlines = if self.has_deadlines() {
            let of_fields = (0..fields).map(|at| {
                let found = self.find(shape.tag(at), shape.name(at), rules);
                found.map_or(Deadline::NEVER, |(index, _)| self.field_deadline(index))
            });
            Deadlines::new(self.deadline(), of_fields.enumerate())
        } else {
            Deadlines::default()
        };
        *self = Parts { values, deadlines }.assemble(self.mark(), self.key(), id);
        true
    }

    /// The place of the value at this index of a hash without a shape, if the field there has this name.
    #[inline]
    fn value_if_at(&self, index: usize, name: &[u8], layout: Layout) -> Option<Range<usize>> {
        if layout.is_shaped() || index >= layout.fields {
            return None;
        }
        let entry = layout.entry(&self.0, index);
        let offset = entry::value_offset_of(&self.0[entry.clone()], name)?;
        Some(entry.start + offset..entry.end)
    }

    /// Takes the names back into the block.
    pub(crate) fn leave_shape(&mut self, rules: &Rules) {
        if self.is_shaped() {
            self.leave_shape_with(None, rules);
        }
    }

    /// Takes the names back into the block, and adds a field.
    fn leave_shape_with(&mut self, new: Option<Tagged<'_>>, rules: &Rules) {
        let deadlines = self.deadlines_of_present();
        let pairs = self.pairs(rules).chain(new.map(|(tag, field, value)| (tag, (field, value))));
        self.0 = close(Self::assemble_pairs(self.mark(), self.key(), pairs));
        if deadlines.flags() != 0 {
            self.set_deadlines(deadlines);
        }
    }

    /// The deadlines, counted without missing fields.
    pub(super) fn deadlines_of_present(&self) -> Deadlines {
        let layout = Layout::of(&self.0);
        let indexes = if self.has_field_deadlines() { 0..layout.fields } else { 0..0 };
        let of_fields = indexes.filter(|index| !layout.is_missing(&self.0, *index));
        Deadlines::new(self.deadline(), of_fields.map(|index| self.field_deadline(index)).enumerate())
    }

    /// Makes an empty hash one of these pairs, if their names are those of a shape. The caller has checked the pairs.
    pub(crate) fn put_known(&mut self, pairs: &[Pair<'_>], rules: &Rules) -> bool {
        let is_possible = self.len() == 0 && (1..=MOST_NAMES).contains(&pairs.len());
        let shapes = rules.shapes.as_deref().filter(|shapes| is_possible && shapes.may_have(pairs.len()));
        let Some(shapes) = shapes else { return false };
        let tags: [u8; MOST_NAMES] = array::from_fn(|at| pairs.get(at).map_or(0, |(field, _)| rules.tag(field)));
        let mut values = Vec::new();
        // As many different names as there are pairs are the names of all pairs.
        let found = shapes.find(print_of(&tags[..pairs.len()]), |shape| {
            values.clear();
            values.resize(pairs.len(), None);
            shape.fields() == pairs.len()
                && pairs.iter().zip(tags).all(|((field, value), tag)| {
                    shape.find(tag, field).is_some_and(|at| values[at].replace(*value).is_none())
                })
        });
        let Some((id, _)) = found else { return false };
        *self = Parts { values, deadlines: Deadlines::default() }.assemble(self.mark(), self.key(), id);
        true
    }
}

/// Changes of a hash that has a shape.
impl Packed {
    /// Adds a field. Without a shape for it, the names come back.
    #[inline(never)]
    pub(super) fn insert_shaped(&mut self, new: Tagged<'_>, rules: &Rules) {
        let (tag, field, value) = new;
        let layout = Layout::of(&self.0);
        let missing = self.shape(rules).filter(|_| layout.flags & GAPS != 0).map(|shape| shape.find(tag, field));
        match missing {
            Some(Some(index)) => *self = self.changed(self.0[SHAPE_AT], |parts| parts.values[index] = Some(value)),
            Some(None) => self.leave_shape_with(Some(new), rules),
            None => match self.step(tag, field, rules) {
                Some(step) if self.has_room_for_value(layout, layout.end_width + value.len(), value.len()) => {
                    let used = layout.tail_at(&self.0);
                    layout.insert_value(&mut self.0, used, step, value);
                }
                Some((shape, index)) => {
                    *self = self.changed(shape, |parts| {
                        parts.values.insert(index, Some(value));
                        parts.deadlines.insert_field(index);
                    });
                }
                None => self.leave_shape_with(Some(new), rules),
            },
        }
    }

    /// Removes the field at this index. Without a shape for the others, it is missing.
    #[inline(never)]
    pub(super) fn remove_shaped(&mut self, index: usize, rules: &Rules) {
        let layout = Layout::of(&self.0);
        let len = layout.entry(&self.0, index).len();
        if self.len() == 1 {
            *self = Self::new(self.mark(), self.key()); // the deadline of the key went before
            return;
        }
        match self.step_back(index, rules) {
            Some(shape)
                if self.has_room_for_value(layout, (layout.end_width + len).wrapping_neg(), len.wrapping_neg()) =>
            {
                let used = layout.tail_at(&self.0);
                layout.remove_value(&mut self.0, used, (shape, index));
            }
            Some(shape) => {
                *self = self.changed(shape, |parts| {
                    parts.values.remove(index);
                    parts.deadlines.remove_field(index);
                });
            }
            None => {
                *self = self.changed(self.0[SHAPE_AT], |parts| {
                    parts.values[index] = None;
                    parts.deadlines.set_field(index, Deadline::NEVER);
                });
                self.leave_shape_if_smaller(rules);
            }
        }
    }

    /// Gives the field at this index a value that changes the width of the ends.
    #[cold]
    pub(super) fn replace_shaped(&mut self, index: usize, value: &[u8]) {
        *self = self.changed(self.0[SHAPE_AT], |parts| parts.values[index] = Some(value));
    }

    /// Whether a value can come or go within the block, which then takes so many bytes more, or with a wrapped negative
    /// fewer. Makes room for it.
    fn has_room_for_value(&mut self, layout: Layout, more: usize, value_bytes: usize) -> bool {
        let used = layout.tail_at(&self.0);
        layout.flags & (DEADLINES | GAPS) == 0
            && layout.keeps_width(layout.entry_bytes(&self.0), value_bytes)
            && self.make_room_in_block(used, used.wrapping_add(more))
    }

    /// The hash with this shape, after a change of its parts.
    fn changed<'v>(&'v self, shape: u8, change: impl FnOnce(&mut Parts<'v>)) -> Self {
        let mut parts = self.parts();
        change(&mut parts);
        parts.assemble(self.mark(), self.key(), shape)
    }

    /// Takes the names back if those of missing fields take more room than that.
    fn leave_shape_if_smaller(&mut self, rules: &Rules) {
        let layout = Layout::of(&self.0);
        let shaped = bitmap_len(layout.fields) + layout.fields * layout.end_width;
        let plain = self.saved_bytes(rules).unwrap_or(0) + self.len() * 2;
        if plain <= shaped {
            self.leave_shape(rules);
        }
    }
}
