//! Every public call as data, decoded from a [`Source`].

use super::source::{Bytes, Source, numbered};

/// One call on a store.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Call(Bytes, Call),
    Update(Bytes, Vec<Call>),
    Read(Bytes, Vec<Look>),
    GetMany(Bytes, Vec<Bytes>),
    Fields(Bytes),
    Values(Bytes),
    ContainsKey(Bytes),
    Clear(Bytes),
    ClearAll,
    Keys,
    Counts,
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
    Contains(Bytes),
    ValueLen(Bytes),
    Size,
    All,
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
    Increment(Bytes, i64),
    IncrementFloat(Bytes, f64),
    Clear,
}

/// What a `compare_and_set` expects.
#[derive(Clone, Debug)]
pub(crate) enum Expected {
    /// What the field holds now, read just before: the call succeeds.
    Current,
    Absent,
    Value(Bytes),
}

/// How many keys and fields a scenario spreads its calls over: few, so that calls meet; or many, so that directories
/// split and merge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) keys: usize,
    pub(crate) fields: usize,
}

impl Op {
    pub(crate) fn decode(source: &mut Source<'_>, shape: Shape) -> Self {
        match source.below(64) {
            0..=43 => Self::Call(source.key(shape.keys), Call::decode(source, shape)),
            44..=51 => Self::Update(source.key(shape.keys), some(source, |source| Call::decode(source, shape))),
            52..=55 => Self::Read(source.key(shape.keys), some(source, |source| Look::decode(source, shape))),
            56..=57 => Self::GetMany(source.key(shape.keys), some(source, |source| source.field(shape.fields))),
            58 => Self::Fields(source.key(shape.keys)),
            59 => Self::Values(source.key(shape.keys)),
            60 => Self::ContainsKey(source.key(shape.keys)),
            61 => Self::Clear(source.key(shape.keys)),
            62 => Self::Counts,
            _ if source.one_in(32) => Self::ClearAll,
            _ => Self::Keys,
        }
    }

    /// The key whose hash the call touches.
    pub(crate) fn key(&self) -> Option<&Bytes> {
        match self {
            Self::Call(key, _) | Self::Update(key, _) | Self::Read(key, _) | Self::GetMany(key, _) => Some(key),
            Self::Fields(key) | Self::Values(key) | Self::ContainsKey(key) | Self::Clear(key) => Some(key),
            Self::ClearAll | Self::Keys | Self::Counts => None,
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
            0..=7 => Self::Get(source.field(shape.fields)),
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
            8..=9 => Self::SetMany(some(source, |source| (source.field(fields), source.value()))),
            10 => Self::SetMany(run(source, fields).map(|field| (numbered(field), source.value())).collect()),
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
            23..=24 => Self::Take(source.field(fields)),
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

/// None to four of something.
pub(crate) fn some<T>(source: &mut Source<'_>, mut one: impl FnMut(&mut Source<'_>) -> T) -> Vec<T> {
    (0..source.below(5)).map(|_| one(source)).collect()
}

/// A run of neighbouring fields, up to a quarter of all there are: what fills and empties segments.
fn run(source: &mut Source<'_>, fields: usize) -> impl Iterator<Item = usize> + use<> {
    let first = source.below(fields);
    let len = source.below((fields / 4).max(2));
    (first..first + len).map(move |field| field % fields)
}
