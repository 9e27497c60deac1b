//! The calls on one hash, made on each of its interfaces: by its key in a store, on the views of closures, and on the
//! owned value. They are also made on the model. Random results are checked against the hash that they come from.

use hashlet::{HashMut, HashRef, HashValue, Store};

use super::check;
use super::model::ModelHash;
use super::ops::{Call, Change, Expected, FiledCall, FiledLook, Look, OwnedCall};
use super::reply::Reply;
use super::source::Bytes;

/// The reads that have the same name on every interface. Those of a store take the key first.
macro_rules! look {
    ($look:expr, $hash:expr, [$($key:expr)?], size: $size:expr, all: $all:expr, copy: $copy:expr) => {
        match $look {
            Look::Get(field) => Reply::from($hash.get($($key,)? field)),
            Look::GetMany(fields) => Reply::values($hash.get_many($($key,)? fields)),
            Look::Contains(field) => Reply::from($hash.contains($($key,)? field)),
            Look::ValueLen(field) => Reply::from($hash.value_len($($key,)? field)),
            Look::Size => $size,
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

/// The writes that have the same name on every interface. Those of a store take the key first.
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
            Change::TakeMany(fields) => Reply::from($hash.take_many($($key,)? fields)),
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
        let size = Reply::size(hash.len(), hash.is_empty());
        look!(self, hash, [], size: size, all: hash, copy: Reply::copy(hash.to_value()))
    }

    pub(crate) fn on_model(&self, hash: &ModelHash<'_>) -> Reply {
        look!(self, hash, [], size: hash.len().into(), all: hash.iter(), copy: Reply::pairs(hash.iter()))
    }
}

impl Call {
    pub(crate) fn on_store(&self, store: &Store, key: &Bytes) -> Reply {
        match self {
            Self::Look(look) => {
                let size = || Reply::size(store.size(key), !store.contains_key(key));
                let copy = || store.get_all(key);
                look!(look, store, [key], size: size(), all: copy().iter(), copy: Reply::copy(copy()))
            }
            Self::Change(change) => change!(change, store, [key]),
        }
    }

    pub(crate) fn on_view(&self, hash: &mut HashMut<'_>) -> Reply {
        match self {
            Self::Look(look) => {
                let size = Reply::size(hash.len(), hash.is_empty());
                look!(look, hash, [], size: size, all: &*hash, copy: Reply::copy(hash.to_value()))
            }
            Self::Change(change) => change!(change, hash, []),
        }
    }

    fn on_value(&self, hash: &mut HashValue) -> Reply {
        match self {
            Self::Look(look) => {
                let size = Reply::size(hash.len(), hash.is_empty());
                look!(look, hash, [], size: size, all: hash.view(), copy: Reply::copy(hash.clone()))
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

impl FiledLook {
    pub(crate) fn on_ref(&self, hash: &HashRef<'_>) -> Reply {
        match self {
            Self::Look(look) => look.on_ref(hash),
            Self::Deadline(look) => look.on_ref(hash),
        }
    }

    pub(crate) fn on_model(&self, hash: &ModelHash<'_>) -> Reply {
        match self {
            Self::Look(look) => look.on_model(hash),
            Self::Deadline(look) => look.on_model(hash),
        }
    }
}

impl FiledCall {
    pub(crate) fn on_store(&self, store: &Store, key: &Bytes) -> Reply {
        match self {
            Self::Call(call) => call.on_store(store, key),
            Self::Deadline(call) => call.on_store(store, key),
        }
    }

    pub(crate) fn on_view(&self, hash: &mut HashMut<'_>) -> Reply {
        match self {
            Self::Call(call) => call.on_view(hash),
            Self::Deadline(call) => call.on_view(hash),
        }
    }

    pub(crate) fn on_model(&self, hash: &mut ModelHash<'_>) -> Reply {
        match self {
            Self::Call(call) => call.on_model(hash),
            Self::Deadline(call) => call.on_model(hash),
        }
    }
}

impl OwnedCall {
    pub(crate) fn on_value(&self, hash: &mut HashValue) -> Reply {
        let reply = match self {
            Self::Call(call) => call.on_value(hash),
            Self::Extend(pairs) => {
                hash.extend(pairs.clone());
                Reply::Done
            }
            Self::Collect => {
                let collected = HashValue::from_iter(&*hash);
                assert_eq!(collected, *hash, "collected from the other's pairs");
                Reply::copy(collected)
            }
            Self::Retain(sieve) => hash.retain(|field, value| sieve.keeps(field, [value])).into(),
            Self::ShrinkToFit => {
                let before = hash.memory_usage();
                hash.shrink_to_fit();
                assert!(hash.memory_usage() <= before, "shrinking takes memory");
                Reply::Done
            }
        };
        check::value(hash);
        reply
    }

    pub(crate) fn on_model(&self, hash: &mut ModelHash<'_>) -> Reply {
        match self {
            Self::Call(call) => call.on_model(hash),
            Self::Extend(pairs) => {
                hash.extend(pairs.clone());
                Reply::Done
            }
            Self::Collect => Reply::pairs(hash.iter()),
            Self::Retain(sieve) => hash.retain(|field, value| sieve.keeps(field, [value])).into(),
            Self::ShrinkToFit => Reply::Done,
        }
    }
}
