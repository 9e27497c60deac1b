//! What a call answers, in one type for the store, the views of closures, the owned value and the model, so that
//! answers can be compared. Hashes have no order: pairs and names are sorted here. What is drawn at random is checked
//! against the hash it comes from, and its number is the answer.

use std::collections::BTreeSet;

use hashlet::{Cursor, Error, HashMut, HashRef, HashValue, Page, Result, Sample, Store};

use super::check;
use super::model::{Model, ModelHash};
use super::ops::{Call, Change, Expected, Look, Op};
use super::source::Bytes;

#[derive(Debug, PartialEq)]
pub(crate) enum Reply {
    Done,
    Flag(bool),
    Count(usize),
    Integer(i64),
    Float(f64),
    Length(Option<usize>),
    Value(Option<Bytes>),
    Values(Vec<Option<Bytes>>),
    Names(Vec<Bytes>),
    Pairs(Vec<(Bytes, Bytes)>),
    Failed(hashlet::Error),
    Many(Vec<Reply>),
}

impl Reply {
    pub(crate) fn pairs<'a>(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut pairs: Vec<(Bytes, Bytes)> = pairs.map(|(field, value)| (field.into(), value.into())).collect();
        pairs.sort_unstable();
        Self::Pairs(pairs)
    }

    pub(crate) fn names(names: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut names: Vec<Bytes> = names.into_iter().map(Bytes).collect();
        names.sort_unstable();
        Self::Names(names)
    }

    /// An owned copy of a hash.
    fn copy(value: &HashValue) -> Self {
        check::value(value);
        Self::pairs(value.iter())
    }

    fn values(values: impl IntoIterator<Item = Option<Vec<u8>>>) -> Self {
        Self::Values(values.into_iter().map(|value| value.map(Bytes)).collect())
    }
}

/// `From` for each plain answer a call can give.
macro_rules! replies {
    ($($answer:ty => $name:ident($value:ident) $reply:expr;)*) => {
        $(impl From<$answer> for Reply {
            fn from($value: $answer) -> Self {
                Self::$name($reply)
            }
        })*
    };
}

replies! {
    bool => Flag(it) it;
    usize => Count(it) it;
    i64 => Integer(it) it;
    f64 => Float(it) it;
    Option<usize> => Length(it) it;
    Option<Vec<u8>> => Value(it) it.map(Bytes);
    Option<&[u8]> => Value(it) it.map(Bytes::from);
}

impl<T: Into<Reply>> From<Result<T>> for Reply {
    fn from(result: Result<T>) -> Self {
        result.map_or_else(Self::Failed, T::into)
    }
}

/// The reads that have one name everywhere; a store takes the key first.
macro_rules! look {
    ($look:expr, $hash:expr, [$($key:expr)?], size: $size:expr, all: $all:expr, copy: $copy:expr) => {
        match $look {
            Look::Get(field) => Reply::from($hash.get($($key,)? field)),
            Look::Contains(field) => Reply::from($hash.contains($($key,)? field)),
            Look::ValueLen(field) => Reply::from($hash.value_len($($key,)? field)),
            Look::Size => Reply::from($size),
            Look::All => Reply::pairs($all),
            Look::Copy => $copy,
            Look::RandomField => {
                let drawn = $hash.random_field($($key)?);
                if let Some((field, value)) = &drawn {
                    assert_eq!($hash.get($($key,)? field).as_deref(), Some(&value[..]), "drawn, and not a member");
                }
                Reply::from(drawn.is_some())
            }
        }
    };
}

/// The writes that have one name everywhere; a store takes the key first.
macro_rules! change {
    ($change:expr, $hash:expr, [$($key:expr)?]) => {
        match $change {
            Change::Set(field, value) => Reply::from($hash.set($($key,)? field, value)),
            Change::SetMany(pairs) => Reply::from($hash.set_many($($key,)? pairs.iter().map(|(f, v)| (f, v)))),
            Change::SetIfAbsent(field, value) => Reply::from($hash.set_if_absent($($key,)? field, value)),
            Change::CompareAndSet(field, expected, new) => {
                let current = $hash.get($($key,)? field).map(|value| -> Vec<u8> { value.into() });
                let expected = match expected {
                    Expected::Current => current.as_deref(),
                    Expected::Absent => None,
                    Expected::Value(value) => Some(value.as_ref()),
                };
                Reply::from($hash.compare_and_set($($key,)? field, expected, new.as_ref().map(Bytes::as_ref)))
            }
            Change::Remove(field) => Reply::from($hash.remove($($key,)? field)),
            Change::RemoveMany(fields) => Reply::from($hash.remove_many($($key,)? fields)),
            Change::Take(field) => Reply::from($hash.take($($key,)? field)),
            Change::Increment(field, by) => Reply::from($hash.increment($($key,)? field, *by)),
            Change::IncrementFloat(field, by) => Reply::from($hash.increment_float($($key,)? field, *by)),
            Change::Clear => {
                $hash.clear($($key)?);
                Reply::Done
            }
        }
    };
}

impl Look {
    fn on_ref(&self, hash: &HashRef<'_>) -> Reply {
        assert_eq!(hash.iter().len(), hash.len());
        assert_eq!(hash.is_empty(), hash.iter().next().is_none());
        look!(self, hash, [], size: hash.len(), all: hash.iter(), copy: Reply::copy(&hash.to_value()))
    }

    fn on_model(&self, hash: &ModelHash<'_>) -> Reply {
        look!(self, hash, [], size: hash.len(), all: hash.iter(), copy: Reply::pairs(hash.iter()))
    }
}

impl Call {
    fn on_store(&self, store: &Store, key: &Bytes) -> Reply {
        match self {
            Self::Look(look) => {
                let copy = || store.get_all(key);
                look!(look, store, [key], size: store.size(key), all: copy().iter(), copy: Reply::copy(&copy()))
            }
            Self::Change(change) => change!(change, store, [key]),
        }
    }

    fn on_view(&self, hash: &mut HashMut<'_>) -> Reply {
        match self {
            Self::Look(look) => {
                look!(look, hash, [], size: hash.len(), all: hash.iter(), copy: Reply::copy(&hash.to_value()))
            }
            Self::Change(change) => change!(change, hash, []),
        }
    }

    pub(crate) fn on_value(&self, hash: &mut HashValue) -> Reply {
        match self {
            Self::Look(look) => {
                look!(look, hash, [], size: hash.len(), all: hash.iter(), copy: Reply::copy(&hash.clone()))
            }
            Self::Change(change) => change!(change, hash, []),
        }
    }

    pub(crate) fn on_model(&self, hash: &mut ModelHash<'_>) -> Reply {
        match self {
            Self::Look(look) => look.on_model(hash),
            Self::Change(change) => change!(change, hash, []),
        }
    }
}

impl Op {
    pub(crate) fn on_store(&self, store: &Store) -> Reply {
        match self {
            Self::Call(key, call) => call.on_store(store, key),
            Self::Update(key, calls) => {
                store.update(key, |hash| Reply::Many(calls.iter().map(|call| call.on_view(hash)).collect()))
            }
            Self::UpdateMany(keys, calls) => match &keys[..] {
                [first, second] => update_many(store, [first, second], calls),
                [first, second, third] => update_many(store, [first, second, third], calls),
                _ => unreachable!("two or three keys"),
            },
            Self::Read(key, looks) => {
                store.read(key, |hash| Reply::Many(looks.iter().map(|look| look.on_ref(hash)).collect()))
            }
            Self::GetMany(key, fields) => Reply::values(store.get_many(key, fields)),
            Self::GetAcross(keys, field) => Reply::values(store.get_across(keys, field)),
            Self::RandomFields(key, sample) => {
                let drawn = store.random_fields(key, *sample);
                for (field, value) in &drawn {
                    assert_eq!(store.get(key, field).as_ref(), Some(value), "drawn, and not a member");
                }
                if let Sample::Distinct(_) = sample {
                    let distinct: BTreeSet<_> = drawn.iter().collect();
                    assert_eq!(distinct.len(), drawn.len(), "drawn more than once");
                }
                drawn.len().into()
            }
            Self::Scan(key, count) => {
                let pairs = walk(*count, |cursor| store.scan(key, cursor, *count));
                Reply::pairs(pairs.iter().map(|(field, value)| (&field[..], &value[..])))
            }
            Self::Fields(key) => Reply::names(store.fields(key)),
            Self::Values(key) => Reply::names(store.values(key)),
            Self::ContainsKey(key) => store.contains_key(key).into(),
            Self::Clear(key) => store.clear(key).into(),
            Self::ClearMany(keys) => store.clear_many(keys).into(),
            Self::Rename([key, new], overwrite) => store.rename(key, new, *overwrite).into(),
            Self::Copy([key, new], overwrite) => store.copy(key, new, *overwrite).into(),
            Self::ClearAll => {
                store.clear_all();
                Reply::Done
            }
            Self::Keys => Reply::names(store.keys()),
            Self::ScanKeys(count) => Reply::names(walk(*count, |cursor| store.scan_keys(cursor, *count))),
            Self::IterKeys => Reply::names(store.iter_keys()),
            Self::Counts => {
                let stats = store.stats();
                assert_eq!(stats.packed + stats.tables, stats.keys);
                assert_eq!(store.is_empty(), stats.keys == 0);
                Reply::Many(vec![stats.keys.into(), stats.fields.into(), store.key_count().into()])
            }
        }
    }

    pub(crate) fn on_model(&self, model: &mut Model) -> Reply {
        match self {
            Self::Call(key, call) => model.hash(key.as_ref(), |hash| call.on_model(hash)),
            Self::Update(key, calls) => {
                model.hash(key.as_ref(), |hash| Reply::Many(calls.iter().map(|call| call.on_model(hash)).collect()))
            }
            Self::UpdateMany(keys, calls) => {
                if (1..keys.len()).any(|at| keys[..at].contains(&keys[at])) {
                    return Reply::Failed(Error::RepeatedKey);
                }
                let on_key =
                    |(at, call): &(usize, Call)| model.hash(keys[at % keys.len()].as_ref(), |hash| call.on_model(hash));
                Reply::Many(calls.iter().map(on_key).collect())
            }
            Self::Read(key, looks) => {
                model.hash(key.as_ref(), |hash| Reply::Many(looks.iter().map(|look| look.on_model(hash)).collect()))
            }
            Self::GetMany(key, fields) => model.hash(key.as_ref(), |hash| {
                Reply::values(fields.iter().map(|field| hash.get(field).map(<[u8]>::to_vec)))
            }),
            Self::GetAcross(keys, field) => {
                let on_key = |key: &Bytes| model.hash(key.as_ref(), |hash| hash.get(field).map(<[u8]>::to_vec));
                Reply::values(keys.iter().map(on_key))
            }
            Self::RandomFields(key, sample) => model.hash(key.as_ref(), |hash| {
                Reply::Count(match (sample, hash.len()) {
                    (Sample::Distinct(count), len) => len.min(*count),
                    (Sample::WithRepeats(_), 0) => 0,
                    (Sample::WithRepeats(count), _) => *count,
                })
            }),
            Self::Scan(key, _) => model.hash(key.as_ref(), |hash| Reply::pairs(hash.iter())),
            Self::Fields(key) => {
                model.hash(key.as_ref(), |hash| Reply::names(hash.iter().map(|(field, _)| field.to_vec())))
            }
            Self::Values(key) => {
                model.hash(key.as_ref(), |hash| Reply::names(hash.iter().map(|(_, value)| value.to_vec())))
            }
            Self::ContainsKey(key) => model.contains_key(key.as_ref()).into(),
            Self::Clear(key) => model.clear(key.as_ref()).into(),
            Self::ClearMany(keys) => keys.iter().filter(|key| model.clear(key.as_ref())).count().into(),
            Self::Rename([key, new], overwrite) => model.rename(key.as_ref(), new.as_ref(), *overwrite).into(),
            Self::Copy([key, new], overwrite) => model.copy(key.as_ref(), new.as_ref(), *overwrite).into(),
            Self::ClearAll => {
                model.clear_all();
                Reply::Done
            }
            Self::Keys | Self::ScanKeys(_) | Self::IterKeys => Reply::names(model.keys()),
            Self::Counts => {
                Reply::Many(vec![model.key_count().into(), model.field_count().into(), model.key_count().into()])
            }
        }
    }
}

fn update_many<const N: usize>(store: &Store, keys: [&Bytes; N], calls: &[(usize, Call)]) -> Reply {
    let on_key = |hashes: &mut [HashMut<'_>; N]| {
        Reply::Many(calls.iter().map(|(at, call)| call.on_view(&mut hashes[at % N])).collect())
    };
    store.update_many(keys, on_key).into()
}

/// All that a scan returns from the first page to the last, each of which but the last is full.
fn walk<T>(count: usize, mut page: impl FnMut(Option<Cursor>) -> Page<T>) -> Vec<T> {
    let (mut items, mut cursor) = (Vec::new(), None);
    loop {
        let page = page(cursor);
        assert!(page.next.is_none() || page.items.len() >= count.max(1), "a page before the last is full");
        items.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return items;
        }
    }
}
