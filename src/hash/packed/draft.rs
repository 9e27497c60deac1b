//! A packed hash while it is changed.

use std::ops::Range;

use super::{DEADLINES, EMPTY, FLAGS_AT, KEY_LEN_AT};
use super::{Deadlines, Entries, FoundEntry, Layout, Packed, block_len, close, width};
use crate::hash::entry;
use crate::saving::Mark;

/// A field's tag, the field, and its value.
pub(crate) type Tagged<'a> = (u8, &'a [u8], &'a [u8]);

/// The bytes of a hash in a vector, which can grow. At first its room is what was free in the block. The deadlines are
/// kept apart. `Drop` puts both back into the hash, so that no return and no panic can lose them.
pub(crate) struct Draft<'a> {
    home: &'a mut Packed,
    bytes: Vec<u8>,
    /// The length of the block before the changes.
    block: usize,
    deadlines: Option<Box<Deadlines>>,
}

impl Drop for Draft<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.bytes == EMPTY {
            return;
        }
        if self.deadlines.is_some() {
            self.push_tail();
        }
        // Room that was made but not needed is given back here. `close` decides about what was free before.
        self.bytes.shrink_to(self.block.max(block_len(self.bytes.len())));
        self.home.0 = close(std::mem::take(&mut self.bytes));
    }
}

impl<'a> Draft<'a> {
    #[inline]
    pub(super) fn open(home: &'a mut Packed) -> Self {
        let bytes = Vec::from(std::mem::take(&mut home.0));
        let mut draft = Self { block: bytes.len(), bytes, home, deadlines: None };
        if draft.bytes.is_empty() {
            draft.bytes.extend_from_slice(&EMPTY);
            return draft;
        }
        let layout = Layout::of(&draft.bytes);
        if layout.flags & DEADLINES != 0 {
            draft.take_tail(layout);
        }
        draft.bytes.truncate(layout.tail_at(&draft.bytes));
        draft
    }

    #[cold]
    fn take_tail(&mut self, layout: Layout) {
        let tail = layout.tail(&self.bytes);
        self.deadlines = Some(Box::new(Deadlines::new(tail.key(), tail.iter())));
        self.bytes[FLAGS_AT] &= !DEADLINES;
    }

    #[cold]
    fn push_tail(&mut self) {
        if let Some(deadlines) = self.deadlines.take() {
            let fields = Layout::of(&self.bytes).fields;
            self.make_room(deadlines.tail_len(fields));
            self.bytes[FLAGS_AT] |= deadlines.flags();
            deadlines.push_tail(&mut self.bytes, fields);
        }
    }

    /// Makes room for this many more bytes, rounded up to the next step.
    fn make_room(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            self.bytes.reserve_exact(block_len(needed) - self.bytes.len());
        }
    }

    pub(super) fn deadlines(&mut self) -> &mut Deadlines {
        self.deadlines.get_or_insert_default()
    }

    /// Makes room for all these pairs at once, as much as they need if all fields are new.
    pub(crate) fn reserve(&mut self, pairs: &[(&[u8], &[u8])]) {
        let layout = Layout::of(&self.bytes);
        let fields = layout.fields + pairs.len();
        let added: usize = pairs.iter().map(|(field, value)| entry::len(field, value)).sum();
        let entry_bytes = layout.entry_bytes(&self.bytes) + added;
        if Packed::fits(fields, entry_bytes) {
            let len = layout.tags_at + fields * (1 + width(entry_bytes)) + entry_bytes;
            self.make_room(len - self.bytes.len());
        }
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::of(&self.bytes)
    }

    /// The number of fields, and the number of bytes of all entries.
    pub(crate) fn size(&self) -> (usize, usize) {
        let layout = Layout::of(&self.bytes);
        (layout.fields, layout.entry_bytes(&self.bytes))
    }

    /// The place of a field.
    pub(crate) fn find(&self, tag: u8, field: &[u8]) -> Option<FoundEntry> {
        Layout::of(&self.bytes).find_plain(&self.bytes, tag, field)
    }

    /// The hash's key.
    pub(crate) fn key(&self) -> &[u8] {
        let (len, _) = entry::read_varint(&self.bytes[KEY_LEN_AT..]);
        let tags_at = self.layout().tags_at;
        &self.bytes[tags_at - len..tags_at]
    }

    /// The value of a field that was found.
    pub(crate) fn value(&self, found: &FoundEntry) -> &[u8] {
        &self.bytes[found.1.clone()]
    }

    /// Sets a field, given where it was found, and returns whether it is new. The encoding [can
    /// hold](Packed::can_hold) the result.
    pub(crate) fn put_found(&mut self, found: Option<FoundEntry>, new: Tagged<'_>) -> bool {
        let layout = Layout::of(&self.bytes);
        let is_new = found.is_none();
        match found {
            Some((index, old)) => self.replace(layout, index, old, new),
            None => self.insert(layout, new),
        }
        is_new
    }

    /// Removes the field at this index.
    pub(super) fn remove_at(&mut self, index: usize) {
        if let Some(deadlines) = &mut self.deadlines {
            deadlines.remove_field(index);
        }
        let layout = Layout::of(&self.bytes);
        let entry = layout.entry(&self.bytes, index);
        if !layout.keeps_width(layout.entry_bytes(&self.bytes), entry.len().wrapping_neg()) {
            self.assemble_anew(layout, Some(index), None);
            return;
        }
        let used = self.bytes.len();
        let used = layout.remove(&mut self.bytes, used, index, entry);
        self.bytes.truncate(used);
    }

    fn insert(&mut self, layout: Layout, new: Tagged<'_>) {
        let more = entry::len(new.1, new.2);
        if !layout.keeps_width(layout.entry_bytes(&self.bytes), more) {
            self.assemble_anew(layout, None, Some(new));
            return;
        }
        let (used, more) = (self.bytes.len(), 1 + layout.end_width + more);
        self.make_room(more);
        self.bytes.resize(used + more, 0);
        layout.insert(&mut self.bytes, used, new);
    }

    fn replace(&mut self, layout: Layout, index: usize, old: Range<usize>, new: Tagged<'_>) {
        let (_, _, value) = new;
        if !layout.keeps_width(layout.entry_bytes(&self.bytes), value.len().wrapping_sub(old.len())) {
            self.assemble_anew(layout, Some(index), Some(new));
            if let Some(deadlines) = &mut self.deadlines {
                let deadline = deadlines.remove_field(index);
                deadlines.set_field(layout.fields - 1, deadline);
            }
            return;
        }
        let used = self.bytes.len();
        if value.len() > old.len() {
            self.make_room(value.len() - old.len());
            self.bytes.resize(used + value.len() - old.len(), 0);
        }
        let used = layout.replace(&mut self.bytes, used, index, old, value);
        self.bytes.truncate(used);
    }

    /// Writes the hash anew, because the ends get another width. Leaves out one field, appends one, or does both.
    #[cold]
    fn assemble_anew(&mut self, layout: Layout, without: Option<usize>, with: Option<Tagged<'_>>) {
        let mut last = Vec::new();
        if let Some((_, field, value)) = with {
            entry::push(&mut last, field, value);
        }
        let capacity = self.bytes.capacity();
        let entries = Entries { bytes: &self.bytes, layout, next: 0 };
        let kept = entries.enumerate().filter(|(index, _)| Some(*index) != without).map(|(_, tagged)| tagged);
        let added = with.map(|(tag, ..)| (tag, &last[..]));
        let (key_len, _) = entry::read_varint(&self.bytes[KEY_LEN_AT..]);
        let key = &self.bytes[layout.tags_at - key_len..layout.tags_at];
        self.bytes = Packed::assemble_bytes(Mark::of(layout.flags), key, kept.chain(added), capacity);
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(&EMPTY);
        }
    }
}
