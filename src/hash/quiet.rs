//! Quiet changes of one field: nobody has to be asked for room, or told of the change, and the record keeps its encoding.
//!
//! They are the commands of `fields.rs` in their usual case, with the same results. A quiet command that meets any other
//! case changes nothing and returns `None`, and the command itself has to do it. `shard.rs` says what a quiet change
//! saves.

use crate::hash::number::{IntegerText, parse_integer};
use crate::hash::packed::{FoundEntry, Packed};
use crate::hash::table::{FoundInTable, Table};
use crate::hash::{Context, Record, entry, fits};
use crate::options::Rules;
use crate::saving::Mark;
use crate::time::Deadline;

/// The longest string that a quiet change frees.
const FREED_MAX: usize = 64 << 10;

/// By how much a change has made a record larger or smaller.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Growth {
    pub(crate) fields: isize,
    pub(crate) bytes: isize,
    /// Whether it has more shapes: one, or one less.
    pub(crate) shaped: i32,
    /// The bytes that its shape saves.
    pub(crate) saved: isize,
}

impl Record {
    /// Whether the record can be changed quietly, if the store allows it: nothing in it has a deadline, and the present
    /// or last save has written all of it.
    #[inline]
    pub(crate) fn is_plain(&self, mark: Mark) -> bool {
        match self {
            Self::Packed(packed) => packed.is_plain(mark),
            Self::Table(table) => table.is_saved(mark) && table.deadline().min(table.soonest()) == Deadline::NEVER,
        }
    }

    /// [`set`](Self::set): whether the field is new.
    #[inline(always)]
    pub(crate) fn set_quietly(&mut self, field: &[u8], value: &[u8], cx: Context<'_>) -> Option<(bool, Growth)> {
        match self {
            Self::Packed(packed) => {
                let tag = cx.rules.tag(field);
                let found = packed.find(tag, field, cx.rules);
                put_in_packed(packed, found.as_ref(), (tag, field, value), cx.rules)
            }
            Self::Table(table) => put_in_table(table, table.find(cx.rules.hash(field), field), field, value, cx),
        }
    }

    /// [`increment`](Self::increment): the sum.
    #[inline(always)]
    pub(crate) fn increment_quietly(&mut self, field: &[u8], amount: i64, cx: Context<'_>) -> Option<(i64, Growth)> {
        let add = |value: Option<&[u8]>| value.map_or(Ok(0), parse_integer).ok()?.checked_add(amount);
        match self {
            Self::Packed(packed) => {
                let tag = cx.rules.tag(field);
                let found = packed.find(tag, field, cx.rules);
                let sum = add(found.as_ref().map(|found| packed.value(found)))?;
                let (_, growth) =
                    put_in_packed(packed, found.as_ref(), (tag, field, IntegerText::of(sum).as_bytes()), cx.rules)?;
                Some((sum, growth))
            }
            Self::Table(table) => {
                let found = table.find(cx.rules.hash(field), field);
                let sum = add(table.value(&found))?;
                let (_, growth) = put_in_table(table, found, field, IntegerText::of(sum).as_bytes(), cx)?;
                Some((sum, growth))
            }
        }
    }

    /// [`remove`](Self::remove): whether the field was there.
    #[inline(always)]
    pub(crate) fn remove_quietly(&mut self, field: &[u8], cx: Context<'_>) -> Option<(bool, Growth)> {
        match self {
            Self::Packed(packed) => match packed.find(cx.rules.tag(field), field, cx.rules) {
                Some((index, _)) => remove_packed(packed, index, cx.rules),
                None => Some((false, Growth::default())),
            },
            Self::Table(table) => remove_in_table(table, field, cx),
        }
    }
}

/// Sets a field of a packed record that was looked for.
#[inline(always)]
fn put_in_packed(
    packed: &mut Packed,
    found: Option<&FoundEntry>,
    new: (u8, &[u8], &[u8]),
    rules: &Rules,
) -> Option<(bool, Growth)> {
    match found {
        Some(found) if found.1.len() == new.2.len() => {
            packed.overwrite(found, new.2);
            Some((false, Growth::default()))
        }
        _ => resize_packed(packed, found, new, rules),
    }
}

/// Sets a field of a packed record that stays packed.
#[inline(never)]
fn resize_packed(
    packed: &mut Packed,
    found: Option<&FoundEntry>,
    new: (u8, &[u8], &[u8]),
    rules: &Rules,
) -> Option<(bool, Growth)> {
    let (_, field, value) = new;
    let (fields, entry_bytes) = packed.size(rules);
    let (fields, entry_bytes) = match found {
        Some((_, old)) => (fields, entry_bytes - old.len() + value.len()),
        None => (fields + 1, entry_bytes + entry::len(field, value)),
    };
    let (before, is_new) = (Sizes::of(packed, found.is_none(), rules), found.is_none());
    let is_done = fits(0, (fields, entry_bytes), &rules.thresholds, 1)
        && is_short(field, value, fields, rules)
        && packed.put_in_place(found, new, rules);
    is_done.then(|| (is_new, before.growth_to(Sizes::of(packed, is_new, rules), is_new.into())))
}

/// Removes a field of a packed record that stays packed.
#[inline]
fn remove_packed(packed: &mut Packed, index: usize, rules: &Rules) -> Option<(bool, Growth)> {
    let before = Sizes::of(packed, true, rules);
    packed.remove_in_place(index, rules).then(|| (true, before.growth_to(Sizes::of(packed, true, rules), -1)))
}

/// What a packed record takes, and what its shape saves if the names change.
#[derive(Clone, Copy)]
struct Sizes {
    bytes: usize,
    saved: Option<usize>,
}

impl Sizes {
    #[inline]
    fn of(packed: &Packed, names_change: bool, rules: &Rules) -> Self {
        let saved = if names_change { packed.saved_bytes(rules) } else { None };
        Self { bytes: packed.heap_bytes(), saved }
    }

    #[inline]
    fn growth_to(self, after: Self, fields: isize) -> Growth {
        Growth {
            fields,
            bytes: difference(after.bytes, self.bytes),
            shaped: i32::from(after.saved.is_some()) - i32::from(self.saved.is_some()),
            saved: difference(after.saved.unwrap_or(0), self.saved.unwrap_or(0)),
        }
    }
}

/// Sets a field of a table that stays a table.
#[inline(never)]
fn put_in_table(
    table: &mut Table,
    found: FoundInTable,
    field: &[u8],
    value: &[u8],
    cx: Context<'_>,
) -> Option<(bool, Growth)> {
    let (fields, entry_bytes) = if found.is_there() {
        (table.len(), table.entry_bytes() - found.value_len() + value.len())
    } else {
        (table.len() + 1, table.entry_bytes() + entry::len(field, value))
    };
    if !stays_table(table, fields, entry_bytes, cx.rules)
        || !is_short(field, value, fields, cx.rules)
        || is_long(found.value_len(), cx.rules)
    {
        return None;
    }
    let before = table.heap_bytes();
    let is_new = table.set_found(found, field, value, cx);
    Some((is_new, Growth { fields: is_new.into(), bytes: difference(table.heap_bytes(), before), ..Growth::default() }))
}

/// Removes a field of a table that stays a table.
#[inline(never)]
fn remove_in_table(table: &mut Table, field: &[u8], cx: Context<'_>) -> Option<(bool, Growth)> {
    let found = table.find(cx.rules.hash(field), field);
    if !found.is_there() {
        return Some((false, Growth::default()));
    }
    let entry_bytes = table.entry_bytes() - entry::len(field, b"") - found.value_len();
    if !stays_table(table, table.len() - 1, entry_bytes, cx.rules)
        || is_long(field.len(), cx.rules)
        || is_long(found.value_len(), cx.rules)
    {
        return None;
    }
    let before = table.heap_bytes();
    table.remove_found(&found, field, cx);
    Some((true, Growth { fields: -1, bytes: difference(table.heap_bytes(), before), ..Growth::default() }))
}

/// Whether a table stays one if it has this many fields and bytes of entries after a change of short strings.
fn stays_table(table: &Table, fields: usize, entry_bytes: usize, rules: &Rules) -> bool {
    fields > 0 && !fits(table.oversized(), (fields, entry_bytes), &rules.thresholds, 2)
}

/// Whether a hash of this many fields may have this pair, and no string of it is too long for the packed encoding.
fn is_short(field: &[u8], value: &[u8], fields: usize, rules: &Rules) -> bool {
    rules.check_fields(fields).is_ok()
        && rules.check_pair(field, value).is_ok()
        && !rules.is_oversized(field.len())
        && !rules.is_oversized(value.len())
}

/// Whether a string counts as too long for the packed encoding, or takes long to free. A quiet change frees what it
/// overwrites or removes under the lock.
fn is_long(string_len: usize, rules: &Rules) -> bool {
    rules.is_oversized(string_len) || string_len > FREED_MAX
}

fn difference(after: usize, before: usize) -> isize {
    after.wrapping_sub(before).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{Encoding, Terms};
    use crate::options::{Limits, Thresholds};
    use crate::random::Random;
    use crate::shapes::{Learning, Shapes};

    /// A quiet change leaves the record that the command itself leaves, and says truly by how much it grew. Whatever
    /// changes the encoding, exceeds a limit or is no number is left to the command.
    #[test]
    fn a_quiet_change_has_the_result_of_the_command() {
        for (max_fields, has_shapes) in [(0, false), (12, false), (128, false), (12, true), (128, true)] {
            let rules = Rules {
                thresholds: Thresholds::default().max_fields(max_fields).max_string(30).max_packed_bytes(400),
                limits: Limits::default().max_fields(60).max_string(50),
                shapes: has_shapes.then(|| Shapes::new(Learning::EAGER).into()),
                ..Rules::default()
            };
            let mark = Mark::default().other();
            let cx = Context::new(&rules, Terms::of_quiet_change(mark));
            let mut random = Random::seeded(3);
            let mut record = Record::new(mark, b"key");
            let (mut quiet_ones, mut others, mut shaped) = (0, 0, 0);
            for turn in 0..20_000 {
                let many = turn % 4_000 < 2_000 && !has_shapes; // so few names that all sets of them have shapes
                let field = format!("f{}", random.below(if many { 70 } else { 8 }));
                let field = field.as_bytes();
                let value = match random.below(20) {
                    0 => vec![b'v'; random.below(60)],
                    1..10 => vec![b'v'; random.below(20)],
                    _ => b"7".repeat(random.below(4)),
                };
                let [mut quiet, mut loud] = [mark; 2].map(|mark| record.with_key(mark, b"key"));
                let bytes = quiet.heap_bytes();
                let is_plain = record.len() > 0 && record.is_plain(mark);
                let (growth, result) = match random.below(5) {
                    0 | 1 => {
                        let result = loud.set(field, &value, cx);
                        let quiet = is_plain.then(|| quiet.set_quietly(field, &value, cx)).flatten();
                        (quiet.map(|(is_new, growth)| (Ok(i64::from(is_new)), growth)), result.map(i64::from))
                    }
                    2 => {
                        let amount = if random.below(9) == 0 { i64::MAX } else { 5 };
                        let result = loud.increment(field, amount, cx);
                        let quiet = is_plain.then(|| quiet.increment_quietly(field, amount, cx)).flatten();
                        (quiet.map(|(sum, growth)| (Ok(sum), growth)), result)
                    }
                    _ => {
                        let result = loud.remove(field, cx);
                        let quiet = is_plain.then(|| quiet.remove_quietly(field, cx)).flatten();
                        (quiet.map(|(is_there, growth)| (Ok(i64::from(is_there)), growth)), Ok(result.into()))
                    }
                };
                match growth {
                    Some((quiet_result, growth)) => {
                        quiet_ones += 1;
                        assert_eq!(quiet_result, result);
                        assert_eq!(record.len().wrapping_add_signed(growth.fields), quiet.len());
                        assert_eq!(bytes.wrapping_add_signed(growth.bytes), quiet.heap_bytes());
                        let [before, after] = [&record, &quiet].map(|record| record.saved_bytes(&rules));
                        let counts = |saved: Option<usize>| (i32::from(saved.is_some()), saved.unwrap_or(0));
                        let grown = (growth.shaped, growth.saved);
                        let expected = if growth.fields == 0 { (0, 0) } else { grown };
                        assert_eq!(grown, expected, "shapes change only with names");
                        assert_eq!(counts(before).0 + grown.0, counts(after).0);
                        assert_eq!(counts(before).1.wrapping_add_signed(grown.1), counts(after).1);
                        assert!(quiet.has_its_encoding(record.encoding(), &rules), "it keeps its encoding");
                        quiet.validate(&rules);
                        loud.choose_encoding(record.encoding(), cx);
                        assert_eq!(quiet.encoding(), loud.encoding());
                        assert!(quiet.is_plain(mark));
                    }
                    None => {
                        others += 1;
                        assert_eq!(sorted(&quiet, &rules), sorted(&record, &rules), "nothing was done");
                        loud.choose_encoding(record.encoding(), cx);
                    }
                }
                if growth.is_some() {
                    assert_eq!(sorted(&quiet, &rules), sorted(&loud, &rules));
                }
                record = if growth.is_some() && random.below(2) == 0 { quiet } else { loud };
                if record.len() == 0 {
                    record = Record::new(mark, b"key");
                } else if random.below(2) == 0 {
                    record.settle_shape(&rules, None);
                    shaped += usize::from(record.saved_bytes(&rules).is_some());
                    record.validate(&rules);
                }
            }
            assert!(quiet_ones > 5_000 && others > 500, "{quiet_ones} quiet changes, {others} others");
            assert_eq!(shaped > 1_000, has_shapes, "{shaped} records had a shape");
        }
    }

    /// What takes long to free is freed after the locks, and a quiet change frees under one.
    #[test]
    fn a_quiet_change_frees_no_long_string() {
        let rules = Rules::with_thresholds(Thresholds::default().max_fields(2).max_string(usize::MAX));
        let cx = Context::new(&rules, Terms::of_quiet_change(Mark::default()));
        let mut record = Record::new(Mark::default(), b"key");
        let long = vec![b'v'; FREED_MAX + 1];
        let fields: [&[u8]; 6] = [b"1", b"2", b"3", b"4", b"value", &long];
        for field in fields {
            let value: &[u8] = if field == b"value" { &long } else { b"short" };
            record.set(field, value, cx).unwrap();
        }
        record.choose_encoding(Encoding::Packed, cx);
        for (field, is_quiet) in [(fields[0], true), (b"value", false), (&long, false)] {
            assert_eq!(record.remove_quietly(field, cx).is_some(), is_quiet, "{} bytes", field.len());
            assert_eq!(record.set_quietly(field, b"v", cx).is_some(), field != b"value", "{} bytes", field.len());
        }
        record.validate(&rules);
    }

    fn sorted(record: &Record, rules: &Rules) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut pairs: Vec<_> = record.pairs(rules).map(|(field, value)| (field.to_vec(), value.to_vec())).collect();
        pairs.sort();
        pairs
    }
}
