//! A hash gets another key: renames and copies.

use crate::error::Result;
use crate::hash::Effect;
use crate::hash::{Context, Record};
use crate::saving::Mark;

/// Whether a hash that gets another key also keeps its old one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Moves,
    Stays,
}

impl Record {
    /// Redis's RENAME and COPY: gives the hash, or a copy of it, to the record `to` of this key.
    ///
    /// # Errors
    /// `Full` or `TooManyKeys` if there is no room. Nothing is changed then.
    pub(crate) fn transfer(&mut self, to: &mut Self, key: &[u8], source: Source, cx: Context<'_>) -> Result<()> {
        if let Some(room) = cx.room() {
            room.begin(self.footprint() + to.footprint());
            if to.len() == 0 && source == Source::Stays {
                room.reserve_key()?;
            }
            room.reserve(self.growth_in_place_of(to, key, source))?;
        }
        cx.record(|| {
            let (hash, replaced) = (&*self, &*to);
            let effect = match source {
                Source::Moves => Effect::MoveTo { key, hash, replaced },
                Source::Stays => Effect::CopyTo { key, hash, replaced },
            };
            Some((self.key(), effect))
        });
        let moved = match source {
            Source::Moves => self.move_to(key, cx),
            Source::Stays => self.with_key(cx.mark(), key),
        };
        to.replace(moved, cx);
        if let Some(room) = cx.room() {
            room.measure(self.footprint() + to.footprint());
        }
        Ok(())
    }

    /// A copy under another key. O(n).
    pub(crate) fn with_key(&self, mark: Mark, key: &[u8]) -> Self {
        match self {
            Self::Packed(packed) => Self::Packed(packed.with_key(mark, key)),
            Self::Table(table) => Self::Table(Box::new(table.with_key(mark, key))),
        }
    }

    /// Takes the fields, and leaves an empty record under the old key. Returns the record for the new key. O(1) for a
    /// table.
    pub(super) fn move_to(&mut self, key: &[u8], cx: Context<'_>) -> Self {
        let emptied = Self::new(cx.mark(), self.key());
        match std::mem::replace(self, emptied) {
            Self::Packed(packed) => Self::Packed(packed.with_key(cx.mark(), key)),
            Self::Table(mut table) => {
                table.set_key(key);
                if !table.is_saved(cx.mark()) {
                    cx.table_moved(key);
                }
                Self::Table(table)
            }
        }
    }

    /// The bytes that this record takes under another key, beyond those of the record in its place.
    fn growth_in_place_of(&self, replaced: &Self, new_key: &[u8], source: Source) -> usize {
        let free = match self {
            Self::Packed(packed) => packed.free_bytes(),
            Self::Table(_) => 0,
        };
        let before = replaced.footprint() + if source == Source::Stays { 0 } else { self.footprint() };
        let copy = (self.footprint() + new_key.len()).saturating_sub(self.key().len() + free);
        copy.saturating_sub(before)
    }
}
