//! Reads a snapshot, or the base of a journal, as `src/snapshot/format.rs` draws it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use crate::bytes::{Damage, Flaw, Input};
use crate::contents::{Contents, Deadline, Hash};

pub(crate) const MAGIC: [u8; 8] = *b"\x89hashlet";
const NEVER: u64 = u64::MAX;

/// A snapshot as far as it could be read.
#[derive(Default)]
pub(crate) struct Snapshot {
    pub(crate) bytes: u64,
    pub(crate) head: Option<Head>,
    blocks: u64,
    longest_block: u64,
    packed: u64,
    tables: u64,
    parts: u64,
    fields: u64,
    pub(crate) damage: Option<Damage>,
    pub(crate) contents: Contents,
    /// Tables that are not complete yet, by their numbers.
    open: HashMap<u32, Table>,
    complete: HashSet<u32>,
}

#[derive(Clone, Copy)]
pub(crate) struct Head {
    version: u16,
    flags: u16,
    keys: u64,
    pub(crate) origin: Option<Origin>,
}

/// Which journal a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) folder: u64,
    pub(crate) generation: u64,
}

#[derive(Default)]
struct Table {
    /// The key, its deadline, and the number of fields.
    head: Option<(Vec<u8>, Option<Deadline>, u64)>,
    fields: BTreeMap<Vec<u8>, (Vec<u8>, Option<Deadline>)>,
}

/// An item that was read.
enum Item {
    Hash,
    End { keys: u64, fields: u64 },
}

impl Snapshot {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut snapshot = Self { bytes: bytes.len() as u64, ..Self::default() };
        snapshot.damage = snapshot.read_all(bytes).err();
        snapshot
    }

    fn read_all(&mut self, bytes: &[u8]) -> Result<(), Damage> {
        let mut input = Input(bytes);
        let head = Head::read(&mut input).map_err(|what| Damage { at: 0, what })?;
        self.head = Some(head);
        loop {
            let at = (bytes.len() - input.0.len()) as u64;
            let damage = |what| Damage { at, what };
            if input.is_empty() {
                return Err(damage("the end is missing"));
            }
            let items = read_block(&mut input, self.blocks as u32).map_err(damage)?;
            self.blocks += 1;
            self.longest_block = self.longest_block.max(items.len() as u64);
            let is_end = self.read_items(items).map_err(damage)?;
            if is_end {
                return if input.is_empty() { Ok(()) } else { Err(damage("something follows the end")) };
            }
        }
    }

    /// Returns whether the end was in the block.
    fn read_items(&mut self, items: &[u8]) -> Result<bool, Flaw> {
        let mut input = Input(items);
        while !input.is_empty() {
            match self.read_item(&mut input)? {
                Item::Hash => {}
                Item::End { .. } if items.len() != 17 => return Err("the end is not alone in its block"),
                Item::End { keys, fields } => {
                    if !self.open.is_empty() {
                        return Err("a table has no head, or not as many fields as its head says");
                    }
                    if (keys, fields) != (self.packed + self.tables, self.fields) {
                        return Err("the end says other numbers of keys and fields than were read");
                    }
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn read_item(&mut self, input: &mut Input<'_>) -> Result<Item, Flaw> {
        match input.u8()? {
            1 => {
                let (key, hash) = read_packed(input)?;
                self.packed += 1;
                self.fields += hash.fields.len() as u64;
                self.insert(key, hash)?;
            }
            2 => {
                let id = input.u32()?;
                let deadline = Some(input.u64()?).filter(|deadline| *deadline != NEVER);
                let fields = input.varint()?;
                let key = input.string()?.to_vec();
                if fields == 0 {
                    return Err("a table has no fields");
                }
                self.tables += 1;
                let table = self.open.entry(id).or_default();
                if table.head.replace((key, deadline, fields)).is_some() {
                    return Err("a table has two heads");
                }
                self.complete(id)?;
            }
            3 => {
                let id = input.u32()?;
                let count = input.u32()?;
                if count == 0 {
                    return Err("a part of a table has no fields");
                }
                self.parts += 1;
                self.fields += u64::from(count);
                let table = self.open.entry(id).or_default();
                for _ in 0..count {
                    let length = input.len()?; // twice the length of the entry, and 1 more if there is a deadline
                    let (field, value) = read_entry(input.take(length / 2)?)?;
                    let deadline = if length % 2 == 1 { Some(read_deadline(input)?) } else { None };
                    if table.fields.insert(field.to_vec(), (value.to_vec(), deadline)).is_some() {
                        return Err("a field occurs twice in its hash");
                    }
                }
                self.complete(id)?;
            }
            4 => return Ok(Item::End { keys: input.u64()?, fields: input.u64()? }),
            _ => return Err("an item has an unknown kind"),
        }
        Ok(Item::Hash)
    }

    /// Makes a hash of a table if all of its parts are there.
    fn complete(&mut self, id: u32) -> Result<(), Flaw> {
        if self.complete.contains(&id) {
            return Err("a table has more fields than its head says, or the number of another table");
        }
        let Some(Table { head: Some((_, _, wanted)), fields }) = self.open.get(&id) else { return Ok(()) };
        match (fields.len() as u64).cmp(wanted) {
            std::cmp::Ordering::Less => return Ok(()),
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => return Err("a table has more fields than its head says"),
        }
        self.complete.insert(id);
        if let Some(Table { head: Some((key, deadline, _)), fields }) = self.open.remove(&id) {
            self.insert(key, Hash { deadline, fields })?;
        }
        Ok(())
    }

    fn insert(&mut self, key: Vec<u8>, hash: Hash) -> Result<(), Flaw> {
        if self.contents.0.insert(key, hash).is_some() { Err("a key occurs twice") } else { Ok(()) }
    }
}

impl Head {
    fn read(input: &mut Input<'_>) -> Result<Self, Flaw> {
        let bytes = input.0;
        if input.take(8).ok() != Some(&MAGIC) {
            return Err("the file does not begin as a snapshot does");
        }
        let (version, flags, keys) = (input.u16()?, input.u16()?, input.u64()?);
        if version != 1 || flags > 1 {
            return Err("the version or the flags are unknown");
        }
        let origin = if flags == 1 { Some(Origin::read(input)?) } else { None };
        let checked = &bytes[..bytes.len() - input.0.len()];
        if input.u32()? != crc32c::crc32c(checked) {
            return Err("the head does not match its checksum");
        }
        Ok(Self { version, flags, keys, origin })
    }
}

impl Origin {
    pub(crate) fn read(input: &mut Input<'_>) -> Result<Self, Flaw> {
        Ok(Self { folder: input.u64()?, generation: input.u64()? })
    }
}

fn read_block<'a>(input: &mut Input<'a>, sequence: u32) -> Result<&'a [u8], Flaw> {
    let head = input.0;
    let (length, told, crc) = (input.u32()?, input.u32()?, input.u32()?);
    let items = input.take(length as usize).map_err(|_| "the block is longer than the rest of the file")?;
    if crc32c::crc32c_append(crc32c::crc32c(&head[..8]), items) != crc {
        return Err("the block does not match its checksum");
    }
    if told != sequence {
        return Err("the block has the sequence number of another one");
    }
    if items.is_empty() { Err("the block is empty") } else { Ok(items) }
}

/// A hash of the packed kind, after its kind.
fn read_packed(input: &mut Input<'_>) -> Result<(Vec<u8>, Hash), Flaw> {
    let (flags, count) = (input.u8()?, usize::from(input.u16()?));
    if flags > 7 {
        return Err("a packed hash has unknown flags");
    }
    if count == 0 {
        return Err("a packed hash has no fields");
    }
    let key = input.string()?.to_vec();
    let mut ends = Vec::new();
    for _ in 0..count {
        let end = if flags & 1 == 0 { usize::from(input.u8()?) } else { usize::from(input.u16()?) };
        if end <= ends.last().copied().unwrap_or(0) {
            return Err("an entry ends before it begins");
        }
        ends.push(end);
    }
    let total = ends[count - 1];
    if (total > 255) != (flags & 1 == 1) {
        return Err("the ends of a packed hash have the wrong width");
    }
    let entries = input.take(total)?;
    let mut deadlines = vec![None; count];
    if flags & 4 != 0 {
        let bitmap = input.take(count.div_ceil(8))?;
        let has_deadline = |index: usize| bitmap[index / 8] >> (index % 8) & 1 == 1;
        if (count..8 * bitmap.len()).any(has_deadline) || !(0..count).any(has_deadline) {
            return Err("the bitmap of a packed hash has a wrong bit");
        }
        for index in (0..count).filter(|index| has_deadline(*index)) {
            deadlines[index] = Some(read_deadline(input)?);
        }
    }
    let deadline = if flags & 2 != 0 { Some(read_deadline(input)?) } else { None };
    let mut fields = BTreeMap::new();
    let mut begin = 0;
    for (end, deadline) in ends.into_iter().zip(deadlines) {
        let (field, value) = read_entry(&entries[begin..end])?;
        if fields.insert(field.to_vec(), (value.to_vec(), deadline)).is_some() {
            return Err("a field occurs twice in its hash");
        }
        begin = end;
    }
    Ok((key, Hash { deadline, fields }))
}

/// A field and its value.
fn read_entry(entry: &[u8]) -> Result<(&[u8], &[u8]), Flaw> {
    let mut input = Input(entry);
    Ok((input.string()?, input.0))
}

fn read_deadline(input: &mut Input<'_>) -> Result<Deadline, Flaw> {
    Some(input.u64()?).filter(|deadline| *deadline != NEVER).ok_or("a deadline is never")
}

impl fmt::Display for Snapshot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Head { version, flags, keys, origin }) = self.head {
            writeln!(out, "  head       version {version}, flags {flags:#x}, about {keys} keys")?;
            if let Some(Origin { folder, generation }) = origin {
                writeln!(out, "  base       of generation {generation}, in the journal {folder:016x}")?;
            }
        }
        writeln!(out, "  blocks     {}, the longest with {} bytes of items", self.blocks, self.longest_block)?;
        writeln!(out, "  hashes     {} packed, {} tables in {} parts", self.packed, self.tables, self.parts)?;
        let (mut of_keys, mut of_fields) = (0, 0);
        for hash in self.contents.0.values() {
            of_keys += usize::from(hash.deadline.is_some());
            of_fields += hash.fields.values().filter(|(_, deadline)| deadline.is_some()).count();
        }
        writeln!(out, "  fields     {}", self.fields)?;
        writeln!(out, "  deadlines  {of_keys} of keys, {of_fields} of fields")?;
        match &self.damage {
            None => writeln!(out, "  state      whole"),
            Some(Damage { at, what }) => writeln!(out, "  state      damaged at byte {at}: {what}"),
        }
    }
}
