//! Changes one thing in a snapshot: a number, a byte or the length of an item. Or doubles, drops or exchanges an item
//! or a block.

use super::{Forge, Item, Number, push_varint, read_varint};
use crate::support::source::Source;

impl Forge {
    /// Changes one thing.
    pub(crate) fn mutate(&mut self, source: &mut Source<'_>) {
        match source.below(32) {
            0..=11 => self.change_number(source),
            12..=18 => self.change_byte(source),
            19..=22 => self.change_length(source),
            23..=24 => {
                if let Some(at) = self.pick(source) {
                    let copy = self.blocks[at.0][at.1].clone();
                    let to = source.below(self.blocks.len());
                    self.blocks[to].push(copy);
                }
            }
            25 => {
                if let Some((block, item)) = self.pick(source) {
                    self.blocks[block].remove(item);
                }
            }
            26..=27 => {
                if let (Some(one), Some(other)) = (self.pick(source), self.pick(source)) {
                    let copy = self.blocks[other.0][other.1].clone();
                    let old = std::mem::replace(&mut self.blocks[one.0][one.1], copy);
                    self.blocks[other.0][other.1] = old;
                }
            }
            28 if !self.blocks.is_empty() => {
                let (one, other) = (source.below(self.blocks.len()), source.below(self.blocks.len()));
                self.blocks.swap(one, other);
            }
            29 if !self.blocks.is_empty() => {
                let block = self.blocks[source.below(self.blocks.len())].clone();
                self.blocks.push(block);
            }
            30 => self.keys = boundary(source),
            _ => self.told = Some((boundary(source), boundary(source))),
        }
    }

    /// The place of a random item: its block, and its place there.
    fn pick(&self, source: &mut Source<'_>) -> Option<(usize, usize)> {
        let block = source.below(self.blocks.len().max(1));
        let items = self.blocks.get(block)?.len();
        (items > 0).then(|| (block, source.below(items)))
    }

    fn change_number(&mut self, source: &mut Source<'_>) {
        let Some((block, item)) = self.pick(source) else { return };
        let Item { bytes, numbers } = &mut self.blocks[block][item];
        if numbers.is_empty() {
            return;
        }
        let Number { at, is_varint } = numbers.remove(source.below(numbers.len()));
        if at.end > bytes.len() {
            return;
        }
        let old = if is_varint {
            read_varint(&bytes[at.clone()]).0 as u64
        } else {
            bytes[at.clone()].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
        };
        let new = match source.below(4) {
            0 => old.wrapping_add(1),
            1 => old.wrapping_sub(1),
            _ => boundary(source),
        };
        let mut written = Vec::new();
        if is_varint {
            push_varint(&mut written, new as usize);
        } else {
            written.extend(&new.to_le_bytes()[..at.len()]);
        }
        if written.len() != at.len() {
            numbers.clear(); // which are elsewhere now
        }
        bytes.splice(at, written);
    }

    fn change_byte(&mut self, source: &mut Source<'_>) {
        let Some((block, item)) = self.pick(source) else { return };
        let bytes = &mut self.blocks[block][item].bytes;
        if !bytes.is_empty() {
            let at = source.below(bytes.len());
            bytes[at] = if source.one_in(2) { source.below(256) as u8 } else { bytes[at] ^ 1 << source.below(8) };
        }
    }

    fn change_length(&mut self, source: &mut Source<'_>) {
        let Some((block, item)) = self.pick(source) else { return };
        let Item { bytes, numbers } = &mut self.blocks[block][item];
        let (at, count) = (source.below(bytes.len() + 1), source.one_of(&[1, 1, 2, 8]));
        if source.one_in(2) {
            bytes.splice(at..at, std::iter::repeat_n(source.below(256) as u8, count));
        } else {
            bytes.drain(at..(at + count).min(bytes.len()));
        }
        numbers.clear();
    }
}

fn boundary(source: &mut Source<'_>) -> u64 {
    let power = 1_u64 << source.one_of(&[0, 7, 8, 14, 15, 16, 20, 31, 32, 40, 62, 63]);
    match source.below(6) {
        0 => 0,
        1 => u64::MAX,
        2 => power - 1,
        3 => power + 1,
        4 => source.below(256) as u64,
        _ => power,
    }
}
