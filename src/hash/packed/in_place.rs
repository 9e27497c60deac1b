//! Changes of single fields within the bytes of a packed hash.
//!
//! Most changes leave the ends as wide as they were. Then only the bytes behind the change have to move, and a block
//! that has to grow is copied once. Every other change goes through a [`Draft`](super::Draft).

use std::ops::Range;

use super::draft::Tagged;
use super::{COUNT_AT, DEADLINES, FoundEntry, Layout, Packed, block_len, free_max, width};
use crate::hash::entry;
use crate::options::Rules;

/// Moves of bytes. `used` is where the bytes end that are in use. What stands behind the entries moves with them.
impl Layout {
    /// Whether the ends stay as wide as they are when the entries take this many bytes more, or with a wrapped negative
    /// fewer.
    #[inline]
    pub(super) fn keeps_width(&self, entry_bytes: usize, more: usize) -> bool {
        self.end_width == width(entry_bytes.wrapping_add(more))
    }

    /// Gives the field at this index another value. Returns where the used bytes end then.
    #[inline]
    pub(super) fn replace(self, bytes: &mut [u8], used: usize, index: usize, old: Range<usize>, value: &[u8]) -> usize {
        let value_end = old.start + value.len();
        bytes.copy_within(old.end..used, value_end);
        bytes[old.start..value_end].copy_from_slice(value);
        self.move_ends(bytes, index, value.len().wrapping_sub(old.len()));
        used - old.end + value_end
    }

    /// Adds a field behind all others. Nothing stands behind the entries.
    pub(super) fn insert(self, bytes: &mut [u8], used: usize, (tag, field, value): Tagged<'_>) {
        let (w, ends_at, entries_at) = (self.end_width, self.ends_at(), self.entries_at());
        let end = used - entries_at + entry::len(field, value);
        // What stands behind a new part moves by the lengths of all new parts before it.
        bytes.copy_within(entries_at..used, entries_at + 1 + w);
        bytes.copy_within(ends_at..entries_at, ends_at + 1);
        bytes[ends_at] = tag;
        bytes[entries_at + 1..][..w].copy_from_slice(&(end as u16).to_le_bytes()[..w]);
        let entry = &mut bytes[used + 1 + w..][..entry::len(field, value)];
        let (head, value_bytes) = entry.split_at_mut(entry.len() - value.len());
        let (len_bytes, field_bytes) = head.split_at_mut(head.len() - field.len());
        entry::write_varint(len_bytes, field.len());
        field_bytes.copy_from_slice(field);
        value_bytes.copy_from_slice(value);
        set_count(bytes, self.fields + 1);
    }

    /// Removes the field at this index, which has this entry. Returns where the used bytes end then.
    pub(super) fn remove(self, bytes: &mut [u8], used: usize, index: usize, entry: Range<usize>) -> usize {
        let w = self.end_width;
        self.move_ends(bytes, index + 1, entry.len().wrapping_neg());
        let (tag_at, end_at) = (self.tags_at + index, self.ends_at() + index * w);
        // What stands behind a gap moves by the lengths of all gaps before it.
        bytes.copy_within(tag_at + 1..end_at, tag_at);
        bytes.copy_within(end_at + w..entry.start, end_at - 1);
        bytes.copy_within(entry.end..used, entry.start - 1 - w);
        set_count(bytes, self.fields - 1);
        used - 1 - w - entry.len()
    }

    /// Adds to the ends from this index on. To subtract, adds the wrapped negative.
    pub(super) fn move_ends(&self, bytes: &mut [u8], from: usize, by: usize) {
        let ends = &mut bytes[self.ends_at() + from * self.end_width..self.entries_at()];
        if self.end_width == 1 {
            for end in ends {
                *end = end.wrapping_add(by as u8);
            }
        } else {
            for end in ends.as_chunks_mut::<2>().0 {
                *end = u16::from_le_bytes(*end).wrapping_add(by as u16).to_le_bytes();
            }
        }
    }
}

fn set_count(bytes: &mut [u8], fields: usize) {
    bytes[COUNT_AT..][..2].copy_from_slice(&(fields as u16).to_le_bytes());
}

impl Packed {
    /// Sets a field, at the place where it was found if it is there. Returns whether it is new. The encoding [can
    /// hold](Self::can_hold) the result.
    #[inline]
    pub(crate) fn put_found(&mut self, found: Option<FoundEntry>, new: Tagged<'_>, rules: &Rules) -> bool {
        let is_new = found.is_none();
        if !self.put_in_place(found.as_ref(), new, rules) {
            match found {
                Some((index, _)) if self.is_shaped() => self.replace_shaped(index, new.2),
                found => _ = self.draft().put_found(found, new),
            }
        }
        is_new
    }

    /// [`put_found`](Self::put_found) if only the bytes behind the field have to move, or if it is a new field of a hash
    /// that has a shape. Otherwise changes nothing and returns `false`.
    #[inline(always)]
    pub(crate) fn put_in_place(&mut self, found: Option<&FoundEntry>, new: Tagged<'_>, rules: &Rules) -> bool {
        match found {
            Some((index, old)) => self.replace_in_place(*index, old, new.2),
            None if self.is_shaped() => {
                self.insert_shaped(new, rules);
                true
            }
            None => self.insert_in_place(new),
        }
    }

    /// Removes the fields at these indexes, which are in rising order.
    #[inline]
    pub(crate) fn remove_all_at(&mut self, indexes: &[usize], rules: &Rules) {
        let is_done = matches!(indexes, &[index] if self.remove_in_place(index, rules));
        if is_done {
            return;
        }
        if self.is_shaped() {
            // A removal may move others, so all are found by their names.
            let names: Vec<Vec<u8>> = indexes.iter().map(|index| self.pair_at(*index, rules).0.to_vec()).collect();
            for name in names {
                let found = self.find(rules.tag(&name), &name, rules);
                found.into_iter().for_each(|(index, _)| self.remove_at(index, rules));
            }
        } else {
            let mut draft = self.draft();
            indexes.iter().rev().for_each(|&index| draft.remove_at(index));
        }
    }

    fn remove_at(&mut self, index: usize, rules: &Rules) {
        if self.is_shaped() {
            self.remove_shaped(index, rules);
        } else if !self.remove_in_place(index, rules) {
            self.draft().remove_at(index);
        }
    }

    #[inline]
    fn replace_in_place(&mut self, index: usize, old: &Range<usize>, value: &[u8]) -> bool {
        let layout = Layout::of(&self.0);
        let used = layout.free_at(&self.0);
        let more = value.len().wrapping_sub(old.len());
        let is_possible = layout.keeps_width(layout.entry_bytes(&self.0), more)
            && self.make_room_in_block(used, used.wrapping_add(more));
        if is_possible {
            layout.replace(&mut self.0, used, index, old.clone(), value);
        }
        is_possible
    }

    #[inline]
    fn insert_in_place(&mut self, new: Tagged<'_>) -> bool {
        let layout = Layout::of(&self.0);
        let (entry_bytes, more) = (layout.entry_bytes(&self.0), entry::len(new.1, new.2));
        let used = layout.entries_at() + entry_bytes;
        let is_possible = !self.0.is_empty()
            && layout.flags & DEADLINES == 0
            && layout.keeps_width(entry_bytes, more)
            && self.make_room_in_block(used, used + 1 + layout.end_width + more);
        if is_possible {
            layout.insert(&mut self.0, used, new);
        }
        is_possible
    }

    /// Removes the field at this index, if only the bytes behind it have to move, or if the hash has a shape and keeps
    /// other fields. Otherwise changes nothing and returns `false`.
    pub(crate) fn remove_in_place(&mut self, index: usize, rules: &Rules) -> bool {
        let layout = Layout::of(&self.0);
        if layout.is_shaped() {
            let is_possible = self.len() > 1;
            if is_possible {
                self.remove_shaped(index, rules);
            }
            return is_possible;
        }
        let entry = layout.entry(&self.0, index);
        let entry_bytes = layout.entry_bytes(&self.0);
        let used = layout.entries_at() + entry_bytes;
        let is_possible = layout.fields > 1
            && layout.flags & DEADLINES == 0
            && layout.keeps_width(entry_bytes, entry.len().wrapping_neg())
            && self.make_room_in_block(used, used - 1 - layout.end_width - entry.len());
        if is_possible {
            layout.remove(&mut self.0, used, index, entry);
        }
        is_possible
    }

    /// Makes the block large enough for this many bytes. Returns `false` if too many would be free.
    #[inline]
    pub(super) fn make_room_in_block(&mut self, used: usize, new_used: usize) -> bool {
        let block = self.0.len();
        if new_used <= block {
            return block - new_used <= free_max(block);
        }
        let mut bytes = Vec::with_capacity(block_len(new_used));
        bytes.extend_from_slice(&self.0[..used]);
        bytes.resize(bytes.capacity(), 0);
        self.0 = bytes.into_boxed_slice();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::saving::Mark;
    use crate::time::Deadline;

    /// A change within the block leaves the same bytes in use as one through a draft, and as many free ones, with and
    /// without deadlines and wide ends.
    #[test]
    fn a_change_in_place_leaves_the_block_that_a_draft_leaves() {
        let rules = Rules::default();
        let mut random = Random::seeded(7);
        for key in ["", "k", "a key of more than a hundred and twenty-seven bytes".repeat(3).as_str()] {
            let mut packed = Packed::new(Mark::default(), key.as_bytes());
            for _ in 0..4_000 {
                let field = format!("f{}", random.below(30));
                let value = vec![b'v'; random.below(40)];
                let tag = rules.tag(field.as_bytes());
                let found = packed.find(tag, field.as_bytes(), &rules);
                let mut other = packed.clone();
                match (random.below(8), found) {
                    (0 | 1, Some((index, _))) => {
                        packed.remove_all_at(&[index], &rules);
                        other.draft().remove_at(index);
                    }
                    (2, Some((index, _))) => {
                        let deadline = Deadline::from_bytes((random.below(3) as u64).to_le_bytes());
                        let deadline = if random.below(2) == 0 { Deadline::NEVER } else { deadline };
                        packed.set_field_deadline(index, deadline);
                        other = packed.clone();
                    }
                    (_, found) => {
                        assert_eq!(
                            packed.put_found(found.clone(), (tag, field.as_bytes(), &value), &rules),
                            found.is_none()
                        );
                        other.draft().put_found(found, (tag, field.as_bytes(), &value));
                    }
                }
                let used = |packed: &Packed| packed.0[..Layout::of(&packed.0).free_at(&packed.0)].to_vec();
                assert_eq!(packed.0.len(), other.0.len(), "left is in place, right through a draft");
                assert_eq!(used(&packed), used(&other), "left is in place, right through a draft");
                packed.validate(&rules);
            }
        }
    }
}
