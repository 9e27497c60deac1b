//! Writes a snapshot: the head, the blocks, the end.

use std::io::Write;

use super::SnapshotError;
use super::format::{Origin, head, seal};
use crate::hash::image::END;
use crate::saving::Items;

pub(crate) struct Writer<W> {
    out: W,
    sequence: u32,
    bytes: u64,
    keys: u64,
    fields: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the head of a snapshot of about this many keys, which may be the base of a journal.
    pub(crate) fn begin(mut out: W, keys: u64, origin: Option<Origin>) -> Result<Self, SnapshotError> {
        let head = head(keys, origin);
        out.write_all(&head)?;
        Ok(Self { out, sequence: 0, bytes: head.len() as u64, keys: 0, fields: 0 })
    }

    pub(crate) fn write(&mut self, mut items: Items) -> Result<(), SnapshotError> {
        seal(&mut items.bytes, self.sequence);
        self.out.write_all(&items.bytes)?;
        self.sequence = self.sequence.wrapping_add(1);
        self.bytes += items.bytes.len() as u64;
        self.keys += items.keys;
        self.fields += items.fields;
        Ok(())
    }

    /// Writes the end.
    pub(crate) fn end(&mut self) -> Result<(), SnapshotError> {
        let mut items = Items::default();
        items.bytes.push(END);
        items.bytes.extend_from_slice(&self.keys.to_le_bytes());
        items.bytes.extend_from_slice(&self.fields.to_le_bytes());
        self.write(items)?;
        Ok(self.out.flush()?)
    }

    /// Bytes written so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Keys written so far.
    pub(crate) fn keys(&self) -> u64 {
        self.keys
    }

    /// Fields written so far.
    pub(crate) fn fields(&self) -> u64 {
        self.fields
    }
}
