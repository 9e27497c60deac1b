//! Every public call as data, decoded from a [`Source`].

pub(crate) mod deadlines;
pub(crate) mod rollback;
pub(crate) mod saves;

use std::slice::from_ref;

use hashlet::{KeyPattern, Overwrite, Sample};

use super::source::{Bytes, Source, numbered};
use deadlines::{DeadlineCall, DeadlineLook};
use rollback::End;
use saves::{Loading, Save};

/// One call on a store.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Call(Bytes, FiledCall),
    Update(Bytes, Vec<FiledCall>),
    /// Two or three keys, and calls, each on one of them. Two keys are passed as an array, three as a slice.
    UpdateMany(Vec<Bytes>, Vec<(usize, FiledCall)>),
    /// Calls on a hash if it is there.
    UpdateExisting(Bytes, Vec<FiledCall>),
    TryUpdateExisting(Bytes, Vec<(usize, FiledCall)>, End),
    IncrementExisting(Bytes, Bytes, i64),
    /// One to three keys, calls, each on one of them, and how the closure ends.
    TryUpdate(Vec<Bytes>, Vec<(usize, FiledCall)>, End),
    /// Keeps some of the fields of a hash.
    RetainFields(Bytes, Sieve),
    Read(Bytes, Vec<FiledLook>),
    /// An owned copy of a hash, and the calls on it.
    GetAll(Bytes, Vec<OwnedCall>),
    GetAcross(Vec<Bytes>, Bytes),
    GetManyAcross(Vec<Bytes>, Vec<Bytes>),
    /// Keys, and the pairs for each.
    SetManyAcross(Vec<Bytes>, Vec<Vec<(Bytes, Bytes)>>),
    RandomFields(Bytes, Sample),
    RandomFieldNames(Bytes, Sample),
    /// A complete scan of a hash, in pages of this many fields.
    Scan(Bytes, usize),
    ScanFields(Bytes, usize),
    Fields(Bytes),
    Values(Bytes),
    ContainsKey(Bytes),
    Clear(Bytes),
    ClearMany(Vec<Bytes>),
    Rename([Bytes; 2], Overwrite),
    Copy([Bytes; 2], Overwrite),
    ClearAll,
    Retain(Sieve),
    /// Keeps the hashes that have this field.
    RetainWith(Bytes),
    ShrinkToFit,
    ForEach,
    Keys,
    /// A complete scan of the keys, in pages of this many.
    ScanKeys(usize),
    IterKeys,
    /// A complete scan of the keys that match, in pages that look at this many.
    ScanKeysMatching(KeyPattern, usize),
    ClearMatching(KeyPattern),
    RandomKey,
    Counts,
    /// Reserves room for this many keys.
    Reserve(usize),
    /// Purges with a budget of this many fields.
    PurgeExpired(usize),
    /// Sets the clock to this many milliseconds after 1970.
    Clock(u64),
    /// A save, and the calls that are made during it.
    Save(Save, Vec<Op>),
    /// Saves the store, and replaces it by what is loaded.
    Reload(Loading),
}

/// One call on a hash in a store: the calls on every hash, and those on deadlines.
#[derive(Clone, Debug)]
pub(crate) enum FiledCall {
    Call(Call),
    Deadline(DeadlineCall),
}

#[derive(Clone, Debug)]
pub(crate) enum FiledLook {
    Look(Look),
    Deadline(DeadlineLook),
}

/// One call on a hash, by its key or inside a closure.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Look(Look),
    Change(Change),
}

#[derive(Clone, Debug)]
pub(crate) enum Look {
    Get(Bytes),
    GetMany(Vec<Bytes>),
    Contains(Bytes),
    ValueLen(Bytes),
    Size,
    All,
    /// An owned copy of the whole hash.
    Copy,
    RandomField,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Set(Bytes, Bytes),
    SetMany(Vec<(Bytes, Bytes)>),
    SetIfAbsent(Bytes, Bytes),
    CompareAndSet(Bytes, Expected, Option<Bytes>),
    Remove(Bytes),
    RemoveMany(Vec<Bytes>),
    Take(Bytes),
    TakeMany(Vec<Bytes>),
    Increment(Bytes, i64),
    IncrementFloat(Bytes, f64),
    Clear,
}

/// One call on an owned value: the calls on every hash, and its own ones.
#[derive(Clone, Debug)]
pub(crate) enum OwnedCall {
    Call(Call),
    Extend(Vec<(Bytes, Bytes)>),
    /// Collects the pairs into another value.
    Collect,
    Retain(Sieve),
    ShrinkToFit,
}

/// What a `compare_and_set` expects.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// The value that was read from the field just before, with which the call succeeds.
    Current,
    Absent,
    Value(Bytes),
}

/// What a `retain` keeps: all but one in this many, chosen by the sum of their bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sieve(usize);

/// The numbers of keys and fields that the calls of a scenario use, and the time when a call is made. With few of them,
/// calls often use the same ones. With many, directories split and merge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) keys: usize,
    pub(crate) fields: usize,
    pub(crate) now: u64,
}

impl Shape {
    /// Draws the next call.
    pub(crate) fn draw(&mut self, source: &mut Source<'_>) -> Op {
        let op = Op::decode(source, *self);
        self.follow(&op);
        op
    }

    fn follow(&mut self, op: &Op) {
        match op {
            Op::Clock(millis) => self.now = *millis,
            Op::Save(_, ops) => ops.iter().for_each(|op| self.follow(op)),
            _ => {}
        }
    }
}

impl Op {
    fn decode(source: &mut Source<'_>, shape: Shape) -> Self {
        match source.below(67) {
            number @ 0..=39 => match (source.key(shape.keys), FiledCall::decode(source, shape)) {
                (key, FiledCall::Call(Call::Change(Change::Increment(field, by)))) if number >= 30 => {
                    Self::IncrementExisting(key, field, by)
                }
                (key, call) => Self::Call(key, call),
            },
            number @ 40..=46 => {
                let key = source.key(shape.keys);
                let calls = some(source, |source| FiledCall::decode(source, shape));
                let on_key = |calls: Vec<FiledCall>| calls.into_iter().map(|call| (0, call)).collect();
                match End::decode(source) {
                    None if number >= 45 => Self::UpdateExisting(key, calls),
                    None => Self::Update(key, calls),
                    Some(end) if number >= 45 => Self::TryUpdateExisting(key, on_key(calls), end),
                    Some(end) => Self::TryUpdate(vec![key], on_key(calls), end),
                }
            }
            47..=48 => {
                let keys = (0..2 + source.below(2)).map(|_| another_key(source, shape)).collect();
                let calls = some(source, |source| (source.below(3), FiledCall::decode(source, shape)));
                match End::decode(source) {
                    None => Self::UpdateMany(keys, calls),
                    Some(end) => Self::TryUpdate(keys, calls, end),
                }
            }
            49..=51 => Self::Read(source.key(shape.keys), some(source, |source| FiledLook::decode(source, shape))),
            52 => Self::GetAll(source.key(shape.keys), some(source, |source| OwnedCall::decode(source, shape))),
            53 => match source.below(4) {
                0 | 1 => Self::GetAcross(keys(source, shape), source.field(shape.fields)),
                2 => Self::GetManyAcross(keys(source, shape), some(source, |source| source.field(shape.fields))),
                _ => {
                    let keys = keys(source, shape);
                    let pairs_of = keys.iter().map(|_| pairs(source, shape.fields)).collect();
                    Self::SetManyAcross(keys, pairs_of)
                }
            },
            54 => Self::Rename([another_key(source, shape), another_key(source, shape)], overwrite(source)),
            55 => Self::Copy([another_key(source, shape), another_key(source, shape)], overwrite(source)),
            56 if source.one_in(3) => Self::RandomFieldNames(source.key(shape.keys), sample(source)),
            56 => Self::RandomFields(source.key(shape.keys), sample(source)),
            57 if source.one_in(3) => Self::ScanFields(source.key(shape.keys), page(source, shape.fields)),
            57 => Self::Scan(source.key(shape.keys), page(source, shape.fields)),
            58 => Self::Fields(source.key(shape.keys)),
            59 => Self::Values(source.key(shape.keys)),
            60 => Self::ContainsKey(source.key(shape.keys)),
            61 if source.one_in(4) => Self::ClearMany(keys(source, shape)),
            61 => Self::Clear(source.key(shape.keys)),
            62 => Self::Counts,
            63 => Self::RetainFields(source.key(shape.keys), Sieve::decode(source)),
            64..=65 => Self::Clock(deadlines::clock(source, shape.now)),
            _ => Self::decode_on_all(source, shape),
        }
    }

    fn decode_on_all(source: &mut Source<'_>, shape: Shape) -> Self {
        match source.below(32) {
            0 => Self::ClearAll,
            1 if source.one_in(4) => Self::RetainWith(source.field(shape.fields)),
            1..=5 => Self::Retain(Sieve::decode(source)),
            6..=9 => Self::ShrinkToFit,
            10..=12 => Self::Reserve(source.one_of(&[0, 1, 10, 1_000, 20_000])),
            13..=15 => Self::PurgeExpired(source.one_of(&[0, 1, 10, 1_000, usize::MAX])),
            16..=18 => Self::ForEach,
            19..=20 => Self::ScanKeys(page(source, shape.keys)),
            21 => Self::ScanKeysMatching(pattern(source, shape), page(source, shape.keys)),
            22 if source.one_in(2) => Self::decode_save(source, shape),
            23 if source.one_in(4) => Self::Reload(Loading::decode(source)),
            22..=24 => Self::IterKeys,
            25 => Self::RandomKey,
            26 => Self::ClearMatching(pattern(source, shape)),
            _ => Self::Keys,
        }
    }

    /// The keys whose hashes the call touches.
    pub(crate) fn keys(&self) -> &[Bytes] {
        match self {
            Self::Call(key, _) | Self::Update(key, _) | Self::Read(key, _) | Self::GetAll(key, _) => from_ref(key),
            Self::UpdateExisting(key, _) | Self::TryUpdateExisting(key, ..) => from_ref(key),
            Self::IncrementExisting(key, ..) => from_ref(key),
            Self::RandomFields(key, _) | Self::Scan(key, _) | Self::Fields(key) | Self::Values(key) => from_ref(key),
            Self::RandomFieldNames(key, _) | Self::ScanFields(key, _) => from_ref(key),
            Self::RetainFields(key, _) | Self::ContainsKey(key) | Self::Clear(key) => from_ref(key),
            Self::UpdateMany(keys, _)
            | Self::TryUpdate(keys, ..)
            | Self::GetAcross(keys, _)
            | Self::GetManyAcross(keys, _)
            | Self::SetManyAcross(keys, _)
            | Self::ClearMany(keys) => keys,
            Self::Rename(keys, _) | Self::Copy(keys, _) => keys,
            Self::ClearAll | Self::Retain(_) | Self::RetainWith(_) | Self::ShrinkToFit => &[],
            Self::ForEach | Self::Keys | Self::ScanKeys(_) | Self::IterKeys | Self::Counts => &[],
            Self::ScanKeysMatching(..) | Self::ClearMatching(_) | Self::RandomKey => &[],
            Self::Reserve(_) | Self::PurgeExpired(_) | Self::Clock(_) | Self::Save(..) | Self::Reload(_) => &[],
        }
    }

    /// The calls that an owned value has, too.
    pub(crate) fn owned_calls(&self) -> Vec<OwnedCall> {
        let calls = match self {
            Self::Call(_, call) => from_ref(call),
            Self::Update(_, calls) => calls,
            Self::GetAll(_, calls) => return calls.clone(),
            _ => &[],
        };
        let owned = calls.iter().filter_map(|call| match call {
            FiledCall::Call(call) => Some(OwnedCall::Call(call.clone())),
            FiledCall::Deadline(_) => None,
        });
        owned.collect()
    }

    /// Whether the call may change all hashes.
    pub(crate) fn changes_all(&self) -> bool {
        matches!(self, Self::ClearAll | Self::Retain(_) | Self::RetainWith(_) | Self::ClearMatching(_))
            || matches!(self, Self::ShrinkToFit | Self::Reserve(_) | Self::PurgeExpired(_))
    }
}

impl FiledCall {
    fn decode(source: &mut Source<'_>, shape: Shape) -> Self {
        if source.one_in(5) {
            Self::Deadline(DeadlineCall::decode(source, shape))
        } else {
            Self::Call(Call::decode(source, shape))
        }
    }
}

impl FiledLook {
    fn decode(source: &mut Source<'_>, shape: Shape) -> Self {
        if source.one_in(5) {
            Self::Deadline(DeadlineLook::decode(source, shape))
        } else {
            Self::Look(Look::decode(source, shape))
        }
    }
}

impl Call {
    fn decode(source: &mut Source<'_>, shape: Shape) -> Self {
        if source.one_in(4) {
            Self::Look(Look::decode(source, shape))
        } else {
            Self::Change(Change::decode(source, shape))
        }
    }
}

impl Look {
    fn decode(source: &mut Source<'_>, shape: Shape) -> Self {
        match source.below(16) {
            0..=4 => Self::Get(source.field(shape.fields)),
            5 => Self::GetMany(some(source, |source| source.field(shape.fields))),
            6 => Self::Copy,
            7 => Self::RandomField,
            8..=10 => Self::Contains(source.field(shape.fields)),
            11..=13 => Self::ValueLen(source.field(shape.fields)),
            14 => Self::Size,
            _ => Self::All,
        }
    }
}

impl Change {
    fn decode(source: &mut Source<'_>, shape: Shape) -> Self {
        let Shape { fields, .. } = shape;
        match source.below(32) {
            0..=7 => Self::Set(source.field(fields), source.value()),
            8..=10 => Self::SetMany(pairs(source, fields)),
            11..=12 => Self::SetIfAbsent(source.field(fields), source.value()),
            13..=16 => {
                let field = source.field(fields);
                let expected = match source.below(4) {
                    0 | 1 => Expected::Current,
                    2 => Expected::Absent,
                    _ => Expected::Value(source.value()),
                };
                let new = if source.one_in(3) { None } else { Some(source.value()) };
                Self::CompareAndSet(field, expected, new)
            }
            17..=20 => Self::Remove(source.field(fields)),
            21 => Self::RemoveMany(some(source, |source| source.field(fields))),
            22 => Self::RemoveMany(run(source, fields).map(numbered).collect()),
            23 => Self::Take(source.field(fields)),
            24 if source.one_in(2) => Self::Take(source.field(fields)),
            24 => Self::TakeMany(some(source, |source| source.field(fields))),
            25..=28 => {
                Self::Increment(source.field(fields), source.one_of(&[0, 1, -1, 7, -100, 1 << 40, i64::MAX, i64::MIN]))
            }
            29..=30 => {
                let by = [0.0, -0.0, 0.1, -1.5, 3.0, 1e21, 1e308, -1e308, 5e-324, f64::MAX, f64::INFINITY, f64::NAN];
                Self::IncrementFloat(source.field(fields), source.one_of(&by))
            }
            _ if source.one_in(4) => Self::Clear,
            _ => Self::Set(source.field(fields), source.value()),
        }
    }
}

impl OwnedCall {
    fn decode(source: &mut Source<'_>, shape: Shape) -> Self {
        match source.below(8) {
            0..=3 => Self::Call(Call::decode(source, shape)),
            4 => Self::Extend(pairs(source, shape.fields)),
            5 => Self::Collect,
            6 => Self::Retain(Sieve::decode(source)),
            _ => Self::ShrinkToFit,
        }
    }
}

impl Sieve {
    fn decode(source: &mut Source<'_>) -> Self {
        Self(if source.one_in(32) { 1 } else { source.one_of(&[16, 64, 64, 256]) })
    }

    pub(crate) fn keeps<'a>(self, name: &[u8], content: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let sum = |bytes: &[u8]| bytes.iter().map(|&byte| usize::from(byte)).sum::<usize>();
        !(sum(name) + content.into_iter().map(sum).sum::<usize>()).is_multiple_of(self.0)
    }
}

/// No to four things of a kind.
pub(crate) fn some<T>(source: &mut Source<'_>, mut one: impl FnMut(&mut Source<'_>) -> T) -> Vec<T> {
    (0..source.below(5)).map(|_| one(source)).collect()
}

/// Pairs with fields that are drawn one by one, or with a run of neighbouring fields.
fn pairs(source: &mut Source<'_>, fields: usize) -> Vec<(Bytes, Bytes)> {
    if source.one_in(3) {
        run(source, fields).map(|field| (numbered(field), source.value())).collect()
    } else {
        some(source, |source| (source.field(fields), source.value()))
    }
}

fn keys(source: &mut Source<'_>, shape: Shape) -> Vec<Bytes> {
    some(source, |source| another_key(source, shape))
}

/// A key for a call on several keys. There are two more keys than in other calls, so that the key is often a new one.
fn another_key(source: &mut Source<'_>, shape: Shape) -> Bytes {
    source.key(shape.keys + 2)
}

fn overwrite(source: &mut Source<'_>) -> Overwrite {
    source.one_of(&[Overwrite::Yes, Overwrite::No])
}

fn sample(source: &mut Source<'_>) -> Sample {
    let count = source.one_of(&[0, 1, 2, 5, 40, 300]);
    source.one_of(&[Sample::Distinct(count), Sample::WithRepeats(count)])
}

/// A pattern that matches few keys or many.
fn pattern(source: &mut Source<'_>, shape: Shape) -> KeyPattern {
    let Bytes(key) = source.key(shape.keys);
    let beginning = &key[..source.below(key.len() + 1)];
    match source.below(8) {
        0..=2 => KeyPattern::prefix(beginning),
        3 => KeyPattern::prefix(key),
        4 => KeyPattern::glob([beginning, b"*"].concat()),
        5 => KeyPattern::glob([beginning, b"?"].concat()),
        6 => KeyPattern::glob([beginning, b"[0-37]*"].concat()),
        _ => KeyPattern::glob(source.one_of(&["*", "**", "", "?", "*1", "k[^1-4]", "*[13]?", "[a-z]*[5-9]"])),
    }
}

/// The page size of a scan: small, but large enough that no scan has more than some hundred pages.
fn page(source: &mut Source<'_>, all: usize) -> usize {
    source.one_of(&[0, 1, 2, 3, 7, 50]).max(all / 64)
}

/// A run of neighbouring fields, up to a quarter of all. Such runs fill and empty segments.
fn run(source: &mut Source<'_>, fields: usize) -> impl Iterator<Item = usize> + use<> {
    let first = source.below(fields);
    let len = source.below((fields / 4).max(2));
    (first..first + len).map(move |field| field % fields)
}
