//! Reads records from the items of a snapshot. Every byte may be wrong, so everything is checked.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::arithmetic_side_effects)]

use std::collections::HashMap;

use super::{Flaw, HASH, HEAD, Input, NO_DEADLINE, PART, REPEATED_FIELD};
use crate::hash::Context;
use crate::hash::packed::{Packed, read_pair};
use crate::hash::table::Table;
use crate::hash::{Encoding, Record, Scope};
use crate::saving::Mark;
use crate::time::Deadline;

/// Reads items, and keeps each table until all its items have been read.
pub(crate) struct ItemReader {
    tables: HashMap<u32, Box<Assembly>>,
    /// The number of fields for which room may still be reserved before they are read. All tables share it, and it is
    /// never more than the rest of the input can hold.
    reservable: usize,
    /// Bytes of the input that are still to be read. It is 0 if the length is unknown.
    left: usize,
    /// Keys that were read so far, expired or not.
    pub(crate) keys: u64,
    /// Fields that were read so far, expired or not.
    pub(crate) fields: u64,
    /// Bytes asked of the allocator for tables that are not complete yet.
    pub(crate) table_bytes: usize,
}

impl ItemReader {
    /// A reader of an input that has this length, if the length is known.
    pub(crate) fn new(len: Option<u64>) -> Self {
        let left = usize::try_from(len.unwrap_or(0)).unwrap_or(usize::MAX);
        Self { tables: HashMap::new(), reservable: left / USUAL_ENTRY_BYTES, left, keys: 0, fields: 0, table_bytes: 0 }
    }

    /// Reads an item. Returns a record if the item completes one that has not expired.
    pub(crate) fn read(&mut self, items: &mut Input<'_>, cx: Context<'_>) -> Result<Option<Record>, Flaw> {
        let before = items.len();
        let record = self.read_item(items, cx);
        self.left = self.left.saturating_sub(before.saturating_sub(items.len()));
        self.reservable = self.reservable.min(self.left / USUAL_ENTRY_BYTES);
        record
    }

    fn read_item(&mut self, items: &mut Input<'_>, cx: Context<'_>) -> Result<Option<Record>, Flaw> {
        match items.u8()? {
            HASH => {
                let packed = Packed::read_image(items, cx.rules)?;
                self.count(packed.len());
                Ok(finish(Record::of_packed(packed, cx), Encoding::Packed, cx))
            }
            HEAD => {
                let (id, head) = (items.u32()?, Head::read(items, cx)?);
                self.count(head.fields);
                self.assemble(id, cx, |assembly| match assembly.head.replace(head) {
                    None => Ok(()),
                    Some(_) => Err(Flaw::Corrupt("a table has two heads")),
                })
            }
            PART => {
                let id = items.u32()?;
                self.assemble(id, cx, |assembly| assembly.read_part(items, cx))
            }
            _ => Err(Flaw::Corrupt("an item has an unknown kind")),
        }
    }

    fn count(&mut self, fields: usize) {
        self.keys = self.keys.saturating_add(1);
        self.fields = self.fields.saturating_add(fields as u64);
    }

    /// Adds an item to the table with this id. Returns the table's record if that completes it.
    fn assemble(
        &mut self,
        id: u32,
        cx: Context<'_>,
        add: impl FnOnce(&mut Assembly) -> Result<(), Flaw>,
    ) -> Result<Option<Record>, Flaw> {
        let assembly = self.tables.entry(id).or_default();
        let before = assembly.heap_bytes();
        add(assembly)?;
        assembly.build_when_worthwhile(&mut self.reservable, cx)?;
        self.table_bytes = self.table_bytes.saturating_sub(before).saturating_add(assembly.heap_bytes());
        if !assembly.is_complete() {
            return Ok(None);
        }
        let complete = self.tables.remove(&id).and_then(|assembly| assembly.table);
        self.table_bytes = self.table_bytes.saturating_sub(complete.as_ref().map_or(0, |table| table.heap_bytes()));
        Ok(complete.and_then(|table| finish(Record::Table(table), Encoding::Table, cx)))
    }

    /// Checks that no table is incomplete after all items have been read.
    pub(crate) fn end(&self) -> Result<(), Flaw> {
        match self.tables.values().next().map(|assembly| &assembly.head) {
            None => Ok(()),
            Some(None) => Err(Flaw::Corrupt("a table has no head")),
            Some(Some(_)) => Err(OTHER_NUMBER),
        }
    }
}

/// Most entries of a part take at least this many bytes. Room is reserved as if all did, so a table of shorter entries
/// has to grow while it is read.
const USUAL_ENTRY_BYTES: usize = 16;
/// No table is built before this many bytes of its parts, or all of them, have been read. An empty table takes hundreds
/// of bytes, so a file of many tiny incomplete tables would otherwise cost many times its length.
const FEW_BYTES: usize = 1 << 10;
const OTHER_NUMBER: Flaw = Flaw::Corrupt("a table does not have as many fields as its head says");

/// The content of a table's head.
struct Head {
    deadline: Deadline,
    fields: usize,
    key: Box<[u8]>,
}

impl Head {
    fn read(items: &mut Input<'_>, cx: Context<'_>) -> Result<Self, Flaw> {
        let (deadline, fields, key) = (Deadline::from_bytes(items.array()?), items.varint()?, items.string()?);
        cx.rules.check_key(key)?;
        cx.rules.check_fields(fields)?;
        if fields == 0 {
            return Err(Flaw::Corrupt("the head of a table says that it has no fields"));
        }
        Ok(Self { deadline, fields, key: key.into() })
    }
}

/// A table whose items have not all been read yet. Its parts wait as bytes until the head has been read, and either all
/// parts or [`FEW_BYTES`] of them.
#[derive(Default)]
struct Assembly {
    head: Option<Head>,
    waiting: Vec<u8>,
    /// The number of fields that wait.
    waiting_fields: usize,
    table: Option<Box<Table>>,
}

impl Assembly {
    fn heap_bytes(&self) -> usize {
        let table = self.table.as_ref().map_or(0, |table| table.heap_bytes());
        self.waiting.capacity().saturating_add(table)
    }

    fn is_complete(&self) -> bool {
        let fields = self.table.as_ref().map(|table| table.len());
        fields.is_some() && fields == self.head.as_ref().map(|head| head.fields)
    }

    fn read_part(&mut self, items: &mut Input<'_>, cx: Context<'_>) -> Result<(), Flaw> {
        let count = items.u32()?;
        if count == 0 {
            return Err(Flaw::Corrupt("a part of a table has no fields"));
        }
        if let Some(table) = &mut self.table {
            return (0..count)
                .try_for_each(|_| Entry::read(items, cx)?.set_in(table, cx))
                .and_then(|()| self.check(cx));
        }
        let (all, before) = (items.clone().rest(), items.len());
        (0..count).try_for_each(|_| Entry::read(items, cx).map(drop))?;
        let entries = all.get(..before.saturating_sub(items.len())).unwrap_or_default();
        self.waiting.extend_from_slice(entries);
        self.waiting_fields = self.waiting_fields.saturating_add(count as usize);
        self.check(cx)
    }

    /// Checks that the fields so far are not more than the head says, nor more than the limits allow.
    fn check(&self, cx: Context<'_>) -> Result<(), Flaw> {
        let fields = self.table.as_ref().map_or(self.waiting_fields, |table| table.len());
        cx.rules.check_fields(fields)?;
        if self.head.as_ref().is_some_and(|head| fields > head.fields) { Err(OTHER_NUMBER) } else { Ok(()) }
    }

    /// Builds the table from its head and the waiting parts, if there are enough of them.
    fn build_when_worthwhile(&mut self, reservable: &mut usize, cx: Context<'_>) -> Result<(), Flaw> {
        let Some(head) = self.head.as_ref().filter(|_| self.table.is_none()) else { return Ok(()) };
        if self.waiting_fields < head.fields && self.waiting.len() < FEW_BYTES {
            return Ok(());
        }
        let mut table = Box::new(Table::new(Mark::default(), &head.key, head.deadline));
        let reserved = head.fields.min(*reservable);
        *reservable = reservable.saturating_sub(reserved);
        table.reserve(reserved, cx.rules);
        let waiting = std::mem::take(&mut self.waiting);
        let mut entries = Input::new(&waiting);
        while !entries.is_empty() {
            Entry::read(&mut entries, cx)?.set_in(&mut table, cx)?;
        }
        self.table = Some(table);
        self.check(cx)
    }
}

/// A field of a part, with its value and its deadline.
struct Entry<'a> {
    field: &'a [u8],
    value: &'a [u8],
    deadline: Option<Deadline>,
}

impl<'a> Entry<'a> {
    #[inline]
    fn read(items: &mut Input<'a>, cx: Context<'_>) -> Result<Self, Flaw> {
        let len = items.varint()?;
        let (field, value) = read_pair(items.take(len >> 1)?)?;
        cx.rules.check_pair(field, value)?;
        let deadline = if len & 1 == 1 { Some(Deadline::from_bytes(items.array()?)) } else { None };
        if deadline == Some(Deadline::NEVER) {
            return Err(NO_DEADLINE);
        }
        Ok(Self { field, value, deadline })
    }

    #[inline]
    fn set_in(self, table: &mut Table, cx: Context<'_>) -> Result<(), Flaw> {
        let hash = cx.rules.hash(self.field);
        if !table.set(hash, self.field, self.value, cx) {
            return Err(REPEATED_FIELD);
        }
        if let Some(deadline) = self.deadline {
            table.set_field_deadline(hash, self.field, deadline, cx);
        }
        Ok(())
    }
}

/// Purges the record, and chooses its encoding. Returns `None` if everything in it has expired.
fn finish(mut record: Record, began: Encoding, cx: Context<'_>) -> Option<Record> {
    record.purge(Scope::Hash, cx);
    record.choose_encoding(began, cx);
    (record.len() > 0).then_some(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::table::image::write_head;
    use crate::options::Rules;
    use crate::saving::{BLOCK_HEAD, Items};

    #[test]
    fn many_heads_of_many_fields_share_the_room_for_what_can_come() {
        let mut items = Items::default();
        for id in 0_u32..1_000 {
            write_head(&mut items, id, &id.to_le_bytes(), Deadline::NEVER, 1 << 30);
        }
        let bytes = items.bytes.split_off(BLOCK_HEAD);
        let rules = Rules::default();
        let (mut reader, mut input) = (ItemReader::new(Some(bytes.len() as u64)), Input::new(&bytes));
        while !input.is_empty() {
            let read = reader.read(&mut input, Context::of_value(&rules));
            assert!(matches!(read, Ok(None)));
        }
        let taken: usize = reader.tables.values().map(|assembly| assembly.heap_bytes()).sum();
        assert!(taken < 16 * bytes.len(), "{taken} bytes for {}", bytes.len());
    }
}
