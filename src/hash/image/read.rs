//! The items of a snapshot become records again. Nothing about them is taken for granted.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::arithmetic_side_effects)]

use std::collections::HashMap;

use super::{Cursor, Flaw, HASH, HEAD, PART};
use crate::call::Context;
use crate::error::Error;
use crate::hash::packed::{Packed, read_pair};
use crate::hash::table::Table;
use crate::hash::{Encoding, Record, Scope};
use crate::saving::Mark;
use crate::time::Deadline;

/// Reads items, and keeps the tables of which some are still to come.
pub(crate) struct Reader {
    tables: HashMap<u32, Assembly>,
    /// For how many fields room may still be made before they come: never more than the input can hold.
    reservable: usize,
    /// What the items so far have held, expired or not.
    pub(crate) keys: u64,
    pub(crate) fields: u64,
    /// Bytes asked of the allocator for tables that are not complete yet.
    pub(crate) table_bytes: usize,
}

impl Reader {
    /// For an input of this length, if anybody knows it.
    pub(crate) fn new(len: Option<u64>) -> Self {
        let reservable = usize::try_from(len.unwrap_or(0) / LEAST_ENTRY_BYTES).unwrap_or(usize::MAX);
        Self { tables: HashMap::new(), reservable, keys: 0, fields: 0, table_bytes: 0 }
    }

    /// Reads an item. Returns the record if this has completed one, and it has not expired.
    pub(crate) fn read(&mut self, items: &mut Cursor<'_>, cx: Context<'_>) -> Result<Option<Record>, Flaw> {
        match items.u8()? {
            HASH => {
                let packed = Packed::read_image(items, cx.rules)?;
                self.keys = self.keys.saturating_add(1);
                self.fields = self.fields.saturating_add(packed.len() as u64);
                Ok(finish(Record::of_packed(packed, cx), Encoding::Packed, cx))
            }
            HEAD => {
                let table = self.tables.entry(items.u32()?).or_default();
                let (deadline, fields, key) = (Deadline::from_bytes(items.array()?), items.varint()?, items.string()?);
                cx.rules.check_key(key)?;
                cx.rules.check_fields(fields)?;
                if fields == 0 {
                    return Err(Flaw::Corrupt("a table without fields"));
                }
                if table.fields.replace(fields).is_some() {
                    return Err(Flaw::Corrupt("a table with two heads"));
                }
                table.table.set_key(key);
                table.table.set_deadline(deadline);
                let reserved = fields.min(self.reservable);
                self.reservable = self.reservable.saturating_sub(reserved);
                table.table.reserve(reserved, cx.rules);
                self.table_bytes = self.table_bytes.saturating_add(table.table.heap_bytes());
                self.keys = self.keys.saturating_add(1);
                self.fields = self.fields.saturating_add(fields as u64);
                Ok(None)
            }
            PART => {
                let table = self.tables.entry(items.u32()?).or_default();
                let before = table.table.heap_bytes();
                table.read_part(items, cx)?;
                self.table_bytes = self.table_bytes.saturating_sub(before).saturating_add(table.table.heap_bytes());
                Ok(None)
            }
            _ => Err(Flaw::Corrupt("an item of unknown kind")),
        }
    }

    /// Returns the tables, when all items have been read.
    pub(crate) fn finish(self, cx: Context<'_>) -> impl Iterator<Item = Result<Option<Record>, Flaw>> {
        self.tables.into_values().map(move |Assembly { table, fields }| match fields {
            None => Err(Flaw::Corrupt("a table without a head")),
            Some(fields) if fields != table.len() => {
                Err(Flaw::Corrupt("a table of another number of fields than its head tells"))
            }
            Some(_) => Ok(finish(Record::Table(Box::new(table)), Encoding::Table, cx)),
        })
    }
}

/// What an entry of a part takes at least.
const LEAST_ENTRY_BYTES: u64 = 2;

/// A table of which not all items have been read yet.
struct Assembly {
    table: Table,
    /// How many fields it has in the end, once the head is read.
    fields: Option<usize>,
}

impl Default for Assembly {
    fn default() -> Self {
        Self { table: Table::new(Mark::default(), b"", Deadline::NEVER), fields: None }
    }
}

impl Assembly {
    fn read_part(&mut self, items: &mut Cursor<'_>, cx: Context<'_>) -> Result<(), Flaw> {
        let count = items.u32()?;
        if count == 0 {
            return Err(Flaw::Corrupt("a part of a table without fields"));
        }
        for _ in 0..count {
            let len = items.varint()?;
            let (field, value) = read_pair(items.take(len >> 1)?)?;
            cx.rules.check_pair(field, value)?;
            let hash = cx.rules.hash(field);
            if !self.table.set(hash, field, value, cx) {
                return Err(Flaw::Corrupt("a field that stands twice"));
            }
            if len & 1 == 1 {
                let deadline = Deadline::from_bytes(items.array()?);
                if deadline == Deadline::NEVER {
                    return Err(Flaw::Corrupt("a deadline that is none"));
                }
                self.table.set_field_deadline(hash, field, deadline, cx);
            }
        }
        cx.rules.check_fields(self.table.len()).map_err(Error::into)
    }
}

/// The record, as the store has it, if not everything in it has expired.
fn finish(mut record: Record, began: Encoding, cx: Context<'_>) -> Option<Record> {
    record.purge(Scope::Hash, cx);
    record.settle(began, cx);
    (record.len() > 0).then_some(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::image::write_head;
    use crate::rules::Rules;
    use crate::saving::{BLOCK_HEAD, Items};

    #[test]
    fn many_heads_of_many_fields_share_the_room_for_what_can_come() {
        let mut items = Items::default();
        for id in 0_u32..1_000 {
            write_head(&mut items, id, &id.to_le_bytes(), Deadline::NEVER, 1 << 30);
        }
        let bytes = items.bytes.split_off(BLOCK_HEAD);
        let rules = Rules::default();
        let (mut reader, mut cursor) = (Reader::new(Some(bytes.len() as u64)), Cursor::new(&bytes));
        while !cursor.is_empty() {
            let read = reader.read(&mut cursor, Context::of_value(&rules));
            assert!(matches!(read, Ok(None)));
        }
        let taken: usize = reader.tables.values().map(|assembly| assembly.table.heap_bytes()).sum();
        assert!(taken < 16 * bytes.len(), "{taken} bytes for {}", bytes.len());
    }
}
