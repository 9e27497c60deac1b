//! The items of a snapshot become records again. Nothing about them is taken for granted.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::arithmetic_side_effects)]

use std::collections::HashMap;

use super::{Cursor, Flaw, HASH, HEAD, PART};
use crate::call::Context;
use crate::hash::packed::{Packed, read_pair};
use crate::hash::table::Table;
use crate::hash::{Encoding, Record, Scope};
use crate::saving::Mark;
use crate::time::Deadline;

/// Reads items, and keeps the tables of which some are still to come.
#[derive(Default)]
pub(crate) struct Reader {
    tables: HashMap<u32, Assembly>,
    /// What the items so far have held, expired or not.
    pub(crate) keys: u64,
    pub(crate) fields: u64,
    /// Fields of tables, as the heads so far have told, and as the parts so far have held.
    told: u64,
    arrived: u64,
}

impl Reader {
    /// Reads an item. Returns the record if this has completed one, and it has not expired. So many bytes are left to be read
    /// at most, if that is known.
    pub(crate) fn read(
        &mut self,
        items: &mut Cursor<'_>,
        left: Option<u64>,
        cx: Context<'_>,
    ) -> Result<Option<Record>, Flaw> {
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
                if table.fields.replace(fields).is_some() {
                    return Err(Flaw::Corrupt("a table with two heads"));
                }
                table.table.set_key(key);
                table.table.set_deadline(deadline);
                // Room for what can still come, less what other heads have been given room for.
                let awaited = self.told.saturating_sub(self.arrived);
                let most = left.map_or(0, |left| left / LEAST_ENTRY_BYTES).saturating_sub(awaited);
                self.told = self.told.saturating_add(fields as u64);
                table.table.reserve(fields.min(usize::try_from(most).unwrap_or(usize::MAX)), cx.rules);
                self.keys = self.keys.saturating_add(1);
                self.fields = self.fields.saturating_add(fields as u64);
                Ok(None)
            }
            PART => {
                let table = self.tables.entry(items.u32()?).or_default();
                let count = table.read_part(items, cx)?;
                self.arrived = self.arrived.saturating_add(count.into());
                Ok(None)
            }
            _ => Err(Flaw::Corrupt("an item of unknown kind")),
        }
    }

    /// Returns the tables, when all items have been read.
    pub(crate) fn finish(self, cx: Context<'_>) -> impl Iterator<Item = Result<Option<Record>, Flaw>> {
        self.tables.into_values().map(move |Assembly { table, fields }| match fields {
            None => Err(Flaw::Corrupt("a table without a head")),
            Some(fields) if fields != table.len() || fields == 0 => {
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
    /// Reads a part, and returns how many fields it had.
    fn read_part(&mut self, items: &mut Cursor<'_>, cx: Context<'_>) -> Result<u32, Flaw> {
        let count = items.u32()?;
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
        cx.rules.check_fields(self.table.len())?;
        Ok(count)
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
        let (mut reader, mut cursor) = (Reader::default(), Cursor::new(&bytes));
        while !cursor.is_empty() {
            let read = reader.read(&mut cursor, Some(bytes.len() as u64), Context::of_value(&rules));
            assert!(matches!(read, Ok(None)));
        }
        let taken: usize = reader.tables.values().map(|assembly| assembly.table.heap_bytes()).sum();
        assert!(taken < 16 * bytes.len(), "{taken} bytes for {}", bytes.len());
    }
}
