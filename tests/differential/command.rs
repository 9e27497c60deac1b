//! The commands. Each is in four places of this file: its arguments, its frequency, its call on a store, and its words
//! for a server. The commands of expiry have a file of their own.

use std::collections::BTreeSet;
use std::fmt;
use std::slice::from_ref;

use hashlet::{Hashes, KeyPattern, Overwrite, Sample};

use super::answer::{Answer, Reading, Refusal};
use super::expiry::Expiry;
use crate::support::ops::some;
use crate::support::source::{Bytes, Source, numbered};

/// There are so few keys and fields that different commands often use the same ones.
const KEYS: usize = 6;
const FIELDS: usize = 12;
/// The number of fields in a burst, which is enough to exceed any threshold.
const BURST: usize = 200;
/// The page size of a scan: more than there ever is to scan, so that the first page is the whole scan.
const WHOLE_SCAN: usize = 100_000;

/// Texts that both the store and a server take for a number, that only one of them does, or that neither does.
const NUMBERS: [&str; 45] = [
    "0",
    "1",
    "-1",
    "10",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775806",
    "-9223372036854775807",
    "9223372036854775808",
    "+1",
    "01",
    "-01",
    "-0",
    "-0.0",
    " 1",
    "1 ",
    "1\0",
    "",
    "-",
    ".",
    "0.5",
    "1.5",
    "-2.25",
    "100.015625",
    "0.1",
    ".5",
    "5.",
    "1e3",
    "1E+3",
    "1e",
    "1,5",
    "1_0",
    "123456789012345678",
    "1e17",
    "1e300",
    "-1e308",
    "1e400",
    "1e5000",
    "5e-324",
    "1e-5000",
    "inf",
    "-Infinity",
    "NaN",
    "0x10",
    "-0x1.8p3",
];

/// Sums of these and their like are exact in an f64 and in a long double alike.
const EXACT: [f64; 10] = [0.0, -0.0, 0.5, -0.25, 1.0, -1.5, 0.015_625, 1_024.75, -100_000.0, 3.0];
const INEXACT: [f64; 14] = [
    0.1,
    -0.1,
    3.3,
    1e17,
    1e21,
    1e-20,
    1e308,
    -1e308,
    f64::MAX,
    f64::MIN,
    5e-324,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];
const INTEGERS: [i64; 10] = [0, 1, -1, 7, -100, 1 << 40, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1];

/// A server has no command for it.
const CLEAR_MATCHING: &str =
    "local n = 0 for _, key in ipairs(redis.call('KEYS', ARGV[1])) do n = n + redis.call('DEL', key) end return n";

#[derive(Clone)]
pub(crate) enum Command {
    Set(Bytes, Bytes, Bytes),
    SetMany(Bytes, Vec<(Bytes, Bytes)>),
    SetIfAbsent(Bytes, Bytes, Bytes),
    Get(Bytes, Bytes),
    GetMany(Bytes, Vec<Bytes>),
    GetAll(Bytes),
    Fields(Bytes),
    Values(Bytes),
    Contains(Bytes, Bytes),
    ValueLen(Bytes, Bytes),
    Size(Bytes),
    Remove(Bytes, Bytes),
    RemoveMany(Bytes, Vec<Bytes>),
    Take(Bytes, Bytes),
    TakeMany(Bytes, Vec<Bytes>),
    Increment(Bytes, Bytes, i64),
    IncrementFloat(Bytes, Bytes, f64),
    Scan(Bytes),
    RandomField(Bytes),
    RandomFields(Bytes, Sample),
    RandomFieldNames(Bytes, Sample),
    ScanFields(Bytes),
    ContainsKey(Bytes),
    Clear(Bytes),
    Rename([Bytes; 2], Overwrite),
    Copy([Bytes; 2], Overwrite),
    Keys,
    ScanKeys,
    /// The keys that match a glob.
    Matching(Bytes),
    /// Their removal.
    ClearMatching(Bytes),
    RandomKey,
    KeyCount,
    ClearAll,
    Expiry(Expiry),
}

impl Command {
    pub(crate) fn decode(source: &mut Source<'_>) -> Self {
        let key = source.key(KEYS);
        let field = source.field(FIELDS);
        match source.below(154) {
            0..=13 => Self::Set(key, field, value(source)),
            14..=18 => Self::SetMany(key, some(source, |source| (source.field(FIELDS), value(source)))),
            19..=21 => {
                let fields = burst(source);
                Self::SetMany(key, fields.map(|field| (field, source.below(100).to_string().into())).collect())
            }
            22..=25 => Self::SetIfAbsent(key, field, value(source)),
            26..=33 => Self::Get(key, field),
            34..=37 => Self::GetMany(key, some(source, |source| source.field(FIELDS))),
            38..=40 => Self::GetAll(key),
            41..=42 => Self::Fields(key),
            43..=44 => Self::Values(key),
            45..=47 => Self::Contains(key, field),
            48..=50 => Self::ValueLen(key, field),
            51..=53 => Self::Size(key),
            54..=60 => Self::Remove(key, field),
            61..=62 => Self::RemoveMany(key, some(source, |source| source.field(FIELDS))),
            63..=65 => Self::RemoveMany(key, burst(source).collect()),
            66..=67 => Self::Take(key, field),
            68..=69 => Self::TakeMany(key, some(source, |source| source.field(FIELDS))),
            70..=79 => Self::Increment(key, field, source.one_of(&INTEGERS)),
            80..=86 => Self::IncrementFloat(key, field, source.one_of(&EXACT)),
            87..=91 => Self::IncrementFloat(key, field, source.one_of(&INEXACT)),
            92..=94 => Self::ContainsKey(key),
            95..=96 => Self::Clear(key),
            97 => Self::Keys,
            98 => Self::KeyCount,
            99..=100 => Self::Scan(key),
            101 => Self::RandomField(key),
            102..=103 => Self::RandomFields(key, sample(source)),
            104..=106 => Self::Rename([key, new_key(source)], source.one_of(&[Overwrite::Yes, Overwrite::No])),
            107..=109 => Self::Copy([key, new_key(source)], source.one_of(&[Overwrite::Yes, Overwrite::No])),
            110 => Self::ScanKeys,
            111 if source.one_in(8) => Self::ClearAll,
            111 => Self::Size(key),
            112..=113 => Self::Matching(glob(source)),
            114 => Self::ClearMatching(glob(source)),
            115 => Self::RandomKey,
            116 => Self::RandomFieldNames(key, sample(source)),
            117 => Self::ScanFields(key),
            _ => Self::Expiry(Expiry::decode(source, key)),
        }
    }

    /// The keys that the command reads or writes. None if it concerns all keys.
    pub(crate) fn keys(&self) -> &[Bytes] {
        match self {
            Self::Set(key, ..) | Self::SetMany(key, _) | Self::SetIfAbsent(key, ..) => from_ref(key),
            Self::Get(key, _) | Self::GetMany(key, _) | Self::GetAll(key) | Self::Fields(key) => from_ref(key),
            Self::Values(key) | Self::Contains(key, _) | Self::ValueLen(key, _) | Self::Size(key) => from_ref(key),
            Self::Remove(key, _) | Self::RemoveMany(key, _) | Self::Take(key, _) | Self::TakeMany(key, _) => {
                from_ref(key)
            }
            Self::Increment(key, ..) | Self::IncrementFloat(key, ..) => from_ref(key),
            Self::Scan(key) | Self::RandomField(key) | Self::RandomFields(key, _) => from_ref(key),
            Self::RandomFieldNames(key, _) | Self::ScanFields(key) => from_ref(key),
            Self::ContainsKey(key) | Self::Clear(key) => from_ref(key),
            Self::Rename(keys, _) | Self::Copy(keys, _) => keys,
            Self::Keys | Self::ScanKeys | Self::Matching(_) | Self::RandomKey => &[],
            Self::KeyCount | Self::ClearAll | Self::ClearMatching(_) => &[],
            Self::Expiry(expiry) => from_ref(expiry.key()),
        }
    }

    /// The first of its keys.
    pub(crate) fn key(&self) -> Option<&Bytes> {
        self.keys().first()
    }

    /// Carries it out on a store, or on whatever else has the vocabulary of one.
    pub(crate) fn on<H: Hashes>(&self, hashes: &H) -> Answer
    where
        Refusal: From<H::Error>,
    {
        self.answer(hashes).unwrap_or_else(|error| Answer::Refused(error.into()))
    }

    fn answer<H: Hashes>(&self, hashes: &H) -> Result<Answer, H::Error> {
        Ok(match self {
            Self::Set(key, field, value) => hashes.set(key, field, value)?.into(),
            Self::SetMany(key, pairs) => {
                hashes.set_many(key, pairs.iter().map(|(field, value)| (field, value)))?.into()
            }
            Self::SetIfAbsent(key, field, value) => hashes.set_if_absent(key, field, value)?.into(),
            Self::Get(key, field) => hashes.get(key, field)?.into(),
            Self::GetMany(key, fields) => {
                let values = hashes.get_many(key, fields)?;
                assert_eq!(hashes.get_many_across([key, key], fields)?, [values.clone(), values.clone()]);
                Answer::values(values)
            }
            Self::GetAll(key) => Answer::pairs(hashes.get_all(key)?.iter()),
            Self::Fields(key) => Answer::names(hashes.fields(key)?),
            Self::Values(key) => Answer::names(hashes.values(key)?),
            Self::Contains(key, field) => hashes.contains(key, field)?.into(),
            Self::ValueLen(key, field) => hashes.value_len(key, field)?.map_or(Answer::Value(None), Answer::from),
            Self::Size(key) => hashes.size(key)?.into(),
            Self::Remove(key, field) => hashes.remove(key, field)?.into(),
            Self::RemoveMany(key, fields) => hashes.remove_many(key, fields)?.into(),
            Self::Take(key, field) => hashes.take(key, field)?.into(),
            Self::TakeMany(key, fields) => Answer::values(hashes.take_many(key, fields)?),
            Self::Increment(key, field, amount) => hashes.increment(key, field, *amount)?.into(),
            Self::IncrementFloat(key, field, amount) => hashes.increment_float(key, field, *amount)?.into(),
            Self::Scan(key) => {
                let page = hashes.scan(key, None, WHOLE_SCAN)?;
                assert_eq!(page.next, None, "one page holds all");
                Answer::pairs(page.items.iter().map(|(field, value)| (&field[..], &value[..])))
            }
            Self::RandomField(key) => drawn(hashes, key, &hashes.random_field(key)?.into_iter().collect::<Vec<_>>())?,
            Self::RandomFields(key, sample) => {
                let fields = hashes.random_fields(key, *sample)?;
                if let Sample::Distinct(_) = sample {
                    assert_eq!(fields.iter().collect::<BTreeSet<_>>().len(), fields.len(), "drawn more than once");
                }
                drawn(hashes, key, &fields)?
            }
            Self::RandomFieldNames(key, sample) => {
                let names = hashes.random_field_names(key, *sample)?;
                for name in &names {
                    assert!(hashes.contains(key, name)?, "drawn, and not a member");
                }
                names.len().into()
            }
            Self::ScanFields(key) => {
                let page = hashes.scan_fields(key, None, WHOLE_SCAN)?;
                assert_eq!(page.next, None, "one page holds all");
                Answer::names(page.items)
            }
            Self::ContainsKey(key) => hashes.contains_key(key)?.into(),
            Self::Clear(key) => hashes.clear(key)?.into(),
            Self::Rename([key, new], overwrite) => hashes.rename(key, new, *overwrite)?.is_done().into(),
            Self::Copy([key, new], overwrite) => hashes.copy(key, new, *overwrite)?.is_done().into(),
            Self::Keys => Answer::names(hashes.keys()?),
            Self::ScanKeys => {
                // A page of a cluster has the keys of one server.
                let mut page = hashes.scan_keys(None, WHOLE_SCAN)?;
                let mut names = page.items;
                while page.next.is_some() {
                    page = hashes.scan_keys(page.next, WHOLE_SCAN)?;
                    names.append(&mut page.items);
                }
                Answer::names(names)
            }
            Self::Matching(glob) => {
                let names: Result<Vec<_>, _> = hashes.iter_keys_matching(KeyPattern::glob(glob)).collect();
                Answer::names(names?)
            }
            Self::ClearMatching(glob) => hashes.clear_matching(KeyPattern::glob(glob))?.into(),
            Self::RandomKey => {
                let key = hashes.random_key()?;
                if let Some(key) = &key {
                    assert!(hashes.contains_key(key)?, "drawn, and not there");
                }
                usize::from(key.is_some()).into()
            }
            Self::KeyCount => hashes.key_count()?.into(),
            Self::ClearAll => {
                hashes.clear_all()?;
                Answer::Done
            }
            Self::Expiry(expiry) => expiry.answer(hashes)?,
        })
    }

    /// The command as a server takes it, and how its reply is read.
    pub(crate) fn words(&self) -> (Vec<Bytes>, Reading) {
        match self {
            Self::Set(key, field, value) => (words("HSET", [key, field, value]), Reading::Plain),
            Self::SetMany(key, pairs) => {
                let pairs = pairs.iter().flat_map(|(field, value)| [field, value]);
                (words("HSET", [key].into_iter().chain(pairs)), Reading::Plain)
            }
            Self::SetIfAbsent(key, field, value) => (words("HSETNX", [key, field, value]), Reading::Plain),
            Self::Get(key, field) => (words("HGET", [key, field]), Reading::Plain),
            Self::GetMany(key, fields) => (words("HMGET", [key].into_iter().chain(fields)), Reading::Plain),
            Self::GetAll(key) => (words("HGETALL", [key]), Reading::Pairs),
            Self::Fields(key) => (words("HKEYS", [key]), Reading::Names),
            Self::Values(key) => (words("HVALS", [key]), Reading::Names),
            Self::Contains(key, field) => (words("HEXISTS", [key, field]), Reading::Plain),
            Self::ValueLen(key, field) => (words("HSTRLEN", [key, field]), Reading::Plain),
            Self::Size(key) => (words("HLEN", [key]), Reading::Plain),
            Self::Remove(key, field) => (words("HDEL", [key, field]), Reading::Plain),
            Self::RemoveMany(key, fields) => (words("HDEL", [key].into_iter().chain(fields)), Reading::Plain),
            Self::TakeMany(key, fields) => {
                let count = fields.len().to_string().into();
                (words("HGETDEL", [key, &"FIELDS".into(), &count].into_iter().chain(fields)), Reading::Plain)
            }
            Self::Take(key, field) => (words("HGETDEL", [key, &"FIELDS".into(), &"1".into(), field]), Reading::Only),
            Self::Increment(key, field, amount) => {
                (words("HINCRBY", [key, field, &amount.to_string().into()]), Reading::Plain)
            }
            Self::IncrementFloat(key, field, amount) => {
                (words("HINCRBYFLOAT", [key, field, &amount.to_string().into()]), Reading::Plain)
            }
            Self::Scan(key) => {
                let count = WHOLE_SCAN.to_string().into();
                (words("HSCAN", [key, &"0".into(), &"COUNT".into(), &count]), Reading::ScannedPairs)
            }
            Self::RandomField(key) => (words("HRANDFIELD", [key]), Reading::Drawn),
            Self::RandomFields(key, sample) => {
                let count = match *sample {
                    Sample::Distinct(count) => count as i64,
                    Sample::WithRepeats(count) => -(count as i64),
                };
                (words("HRANDFIELD", [key, &count.to_string().into()]), Reading::Drawn)
            }
            Self::RandomFieldNames(key, sample) => Self::RandomFields(key.clone(), *sample).words(),
            Self::ScanFields(key) => {
                let count = WHOLE_SCAN.to_string().into();
                (words("HSCAN", [key, &"0".into(), &"COUNT".into(), &count, &"NOVALUES".into()]), Reading::ScannedNames)
            }
            Self::ContainsKey(key) => (words("EXISTS", [key]), Reading::Plain),
            Self::Clear(key) => (words("DEL", [key]), Reading::Plain),
            Self::Rename(keys, Overwrite::Yes) => (words("RENAME", keys), Reading::DoneIsOne),
            Self::Rename(keys, Overwrite::No) => (words("RENAMENX", keys), Reading::Plain),
            Self::Copy(keys, Overwrite::Yes) => (words("COPY", keys.iter().chain([&"REPLACE".into()])), Reading::Plain),
            Self::Copy(keys, Overwrite::No) => (words("COPY", keys), Reading::Plain),
            Self::ScanKeys => {
                let count = WHOLE_SCAN.to_string().into();
                (words("SCAN", [&"0".into(), &"COUNT".into(), &count]), Reading::ScannedNames)
            }
            Self::Keys => (words("KEYS", [&"*".into()]), Reading::Names),
            Self::Matching(glob) => {
                let count = WHOLE_SCAN.to_string().into();
                (words("SCAN", [&"0".into(), &"COUNT".into(), &count, &"MATCH".into(), glob]), Reading::ScannedNames)
            }
            Self::ClearMatching(glob) => (words("EVAL", [&CLEAR_MATCHING.into(), &"0".into(), glob]), Reading::Plain),
            Self::RandomKey => (words("RANDOMKEY", []), Reading::Drawn),
            Self::KeyCount => (words("DBSIZE", []), Reading::Plain),
            Self::ClearAll => (words("FLUSHDB", []), Reading::Plain),
            Self::Expiry(expiry) => expiry.words(),
        }
    }
}

/// As it would be typed to a server, with long arguments cut.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, _) = self.words();
        for (at, word) in words.iter().enumerate() {
            match at {
                0 => write!(f, "{}", word.0.escape_ascii())?,
                1..=24 => write!(f, " {word:?}")?,
                _ => return write!(f, " … ({} words)", words.len()),
            }
        }
        Ok(())
    }
}

pub(crate) fn words<'a>(name: &str, arguments: impl IntoIterator<Item = &'a Bytes>) -> Vec<Bytes> {
    [Bytes::from(name)].into_iter().chain(arguments.into_iter().cloned()).collect()
}

pub(crate) fn value(source: &mut Source<'_>) -> Bytes {
    match source.below(32) {
        0..=15 => source.one_of(&NUMBERS).into(),
        // This is a number, too, of about the greatest length that is read.
        16 if source.one_in(3) => format!("{:0<1$}", "1.5", source.one_of(&[5_119, 5_120, 5_121])).into(),
        _ => source.value(),
    }
}

/// A glob that matches some keys, or all, or none.
fn glob(source: &mut Source<'_>) -> Bytes {
    match source.below(6) {
        0 => source.one_of(&["*", "**", "", "?", "[^k]*", "k[0-2", "k?*", "\\k*\\"]).into(),
        1..=2 => format!("k[{}-{}]", source.below(KEYS), source.below(KEYS)).into(),
        3 => format!("*{}", source.below(KEYS)).into(),
        _ => source.key(KEYS),
    }
}

/// A key within the limit. A longer one would be accepted by the server, so its hash would differ from then on.
fn new_key(source: &mut Source<'_>) -> Bytes {
    let key = source.key(KEYS);
    if key.0.len() <= 65_536 { key } else { "k".into() }
}

fn sample(source: &mut Source<'_>) -> Sample {
    let count = source.one_of(&[0, 1, 2, 5, 50, 500]);
    source.one_of(&[Sample::Distinct(count), Sample::WithRepeats(count)])
}

/// The number of fields that were drawn. They may be any fields, as long as the hash has them.
fn drawn<H: Hashes>(hashes: &H, key: &Bytes, fields: &[(Vec<u8>, Vec<u8>)]) -> Result<Answer, H::Error> {
    for (field, value) in fields {
        assert_eq!(hashes.get(key, field)?.as_ref(), Some(value), "drawn, and not a member");
    }
    Ok(fields.len().into())
}

/// Few fields, or a burst of them.
pub(crate) fn fields(source: &mut Source<'_>) -> Vec<Bytes> {
    if source.one_in(8) { burst(source).collect() } else { some(source, |source| source.field(FIELDS)) }
}

fn burst(source: &mut Source<'_>) -> impl Iterator<Item = Bytes> + use<> {
    let first = source.below(BURST);
    (first..=first + source.below(BURST)).map(numbered)
}
