//! The answer of a call. One type serves the store, the views of closures, the owned value and the model, so that
//! answers can be compared. Hashes have no order, so pairs and names are sorted here.

use std::time::SystemTime;

use hashlet::{Error, ExpireOutcome, HashValue, Result, TransferOutcome, Ttl};

use super::check;
use super::source::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    Done,
    Flag(bool),
    Count(usize),
    Integer(i64),
    Float(f64),
    OptionalCount(Option<usize>),
    Value(Option<Bytes>),
    Values(Vec<Option<Bytes>>),
    Names(Vec<Bytes>),
    Pairs(Vec<(Bytes, Bytes)>),
    Hashes(Vec<(Bytes, Vec<(Bytes, Bytes)>)>),
    Ttl(Ttl),
    Time(Option<SystemTime>),
    Expire(ExpireOutcome),
    Transfer(TransferOutcome),
    Failed(Error),
    Many(Vec<Reply>),
}

impl Reply {
    /// The number of fields, from an interface that also has `is_empty`.
    pub(crate) fn size(len: usize, is_empty: bool) -> Self {
        assert_eq!(is_empty, len == 0, "{len} fields");
        Self::Count(len)
    }

    pub(crate) fn pairs<F: Into<Bytes>, V: Into<Bytes>>(pairs: impl IntoIterator<Item = (F, V)>) -> Self {
        Self::Pairs(sorted(pairs))
    }

    pub(crate) fn hashes<F, V, H>(hashes: impl IntoIterator<Item = (Vec<u8>, H)>) -> Self
    where
        F: Into<Bytes>,
        V: Into<Bytes>,
        H: IntoIterator<Item = (F, V)>,
    {
        let mut hashes: Vec<_> = hashes.into_iter().map(|(key, hash)| (Bytes(key), sorted(hash))).collect();
        hashes.sort_unstable();
        Self::Hashes(hashes)
    }

    pub(crate) fn names(names: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut names: Vec<Bytes> = names.into_iter().map(Bytes).collect();
        names.sort_unstable();
        Self::Names(names)
    }

    /// An owned copy of a hash.
    pub(crate) fn copy(value: HashValue) -> Self {
        check::value(&value);
        Self::pairs(value)
    }

    /// The answers to several calls.
    pub(crate) fn each<T: Into<Self>>(answers: impl IntoIterator<Item = T>) -> Self {
        Self::Many(answers.into_iter().map(T::into).collect())
    }

    /// The answers of which this answer consists.
    pub(crate) fn parts(&self) -> &[Self] {
        if let Self::Many(parts) = self { parts } else { &[] }
    }

    /// Whether a write or a deadline was refused because the store was full.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Failed(Error::Full { .. }) | Self::Expire(ExpireOutcome::Full))
    }

    /// The answer of a call that does something only if the key is there.
    pub(crate) fn if_there<T: Into<Self>>(answer: Option<T>) -> Self {
        answer.map_or(Self::Value(None), T::into)
    }

    pub(crate) fn values<V: Into<Bytes>>(values: impl IntoIterator<Item = Option<V>>) -> Self {
        Self::Values(values.into_iter().map(|value| value.map(V::into)).collect())
    }
}

fn sorted<F: Into<Bytes>, V: Into<Bytes>>(pairs: impl IntoIterator<Item = (F, V)>) -> Vec<(Bytes, Bytes)> {
    let pairs = pairs.into_iter().map(|(field, value)| (field.into(), value.into()));
    let (least, most) = pairs.size_hint();
    let mut sorted: Vec<(Bytes, Bytes)> = pairs.collect();
    assert!(least <= sorted.len() && most.is_none_or(|most| sorted.len() <= most), "a false size hint");
    sorted.sort_unstable();
    sorted
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
    Option<usize> => OptionalCount(it) it;
    Ttl => Ttl(it) it;
    Option<SystemTime> => Time(it) it;
    ExpireOutcome => Expire(it) it;
    TransferOutcome => Transfer(it) it;
    Option<Vec<u8>> => Value(it) it.map(Bytes);
    Option<&[u8]> => Value(it) it.map(Bytes::from);
    Vec<Option<Vec<u8>>> => Values(it) it.into_iter().map(|value| value.map(Bytes)).collect();
}

impl<T: Into<Reply>> From<Result<T>> for Reply {
    fn from(result: Result<T>) -> Self {
        result.map_or_else(Self::Failed, T::into)
    }
}
