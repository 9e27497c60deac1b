//! The answers of a server as Rust values.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::Value;

use super::RemoteError;
use crate::expiry::{ExpireOutcome, Ttl};
use crate::scan::{Cursor, Page};

type Result<T> = std::result::Result<T, RemoteError>;

pub(super) fn array(value: Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(values) => Ok(values),
        Value::Nil => Ok(Vec::new()),
        other => Err(RemoteError::unexpected(&other)),
    }
}

/// An array of this many values.
pub(super) fn exactly<const N: usize>(value: Value) -> Result<[Value; N]> {
    array(value)?.try_into().map_err(|values| RemoteError::unexpected(&Value::Array(values)))
}

pub(super) fn list<T>(value: Value, read: impl FnMut(Value) -> Result<T>) -> Result<Vec<T>> {
    array(value)?.into_iter().map(read).collect()
}

pub(super) fn bytes(value: Value) -> Result<Option<Vec<u8>>> {
    match value {
        Value::BulkString(bytes) => Ok(Some(bytes)),
        Value::Nil => Ok(None),
        other => Err(RemoteError::unexpected(&other)),
    }
}

pub(super) fn some_bytes(value: Value) -> Result<Vec<u8>> {
    bytes(value)?.ok_or_else(|| RemoteError::unexpected(&Value::Nil))
}

pub(super) fn text(value: Value) -> Result<String> {
    match value {
        Value::VerbatimString { text, .. } => Ok(text),
        value => Ok(String::from_utf8_lossy(&some_bytes(value)?).into_owned()),
    }
}

pub(super) fn integer(value: Value) -> Result<i64> {
    match value {
        Value::Int(number) => Ok(number),
        other => Err(RemoteError::unexpected(&other)),
    }
}

/// An integer that came as text.
pub(super) fn parsed<T: std::str::FromStr>(value: Value) -> Result<T> {
    let text = text(value)?;
    text.parse().map_err(|_| RemoteError::Wire("an unexpected answer: a text that is no number".into()))
}

pub(super) fn count(value: Value) -> Result<usize> {
    let number = integer(value)?;
    usize::try_from(number).map_err(|_| RemoteError::unexpected(&Value::Int(number)))
}

pub(super) fn done(value: Value) -> Result<()> {
    match value {
        Value::Okay => Ok(()),
        other => Err(RemoteError::unexpected(&other)),
    }
}

pub(super) fn flag(value: Value) -> Result<bool> {
    integer(value).map(|number| number == 1)
}

/// Fields and values that follow each other.
pub(super) fn pairs(value: Value) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    pairs_of(value, some_bytes)
}

/// Fields that are followed by something each.
pub(super) fn pairs_of<T>(value: Value, read: impl Fn(Value) -> Result<T>) -> Result<Vec<(Vec<u8>, T)>> {
    let flat = array(value)?;
    if flat.len() % 2 != 0 {
        return Err(RemoteError::unexpected(&Value::Array(flat)));
    }
    let mut pairs = Vec::with_capacity(flat.len() / 2);
    let mut flat = flat.into_iter();
    while let (Some(field), Some(value)) = (flat.next(), flat.next()) {
        pairs.push((some_bytes(field)?, read(value)?));
    }
    Ok(pairs)
}

/// A part of a walk, and where it goes on.
pub(super) fn part(value: Value) -> Result<(Option<u64>, Value)> {
    let [next, values] = exactly(value)?;
    let next: u64 = parsed(next)?;
    Ok(((next != 0).then_some(next), values))
}

pub(super) fn page<T>(value: Value, items: impl FnOnce(Value) -> Result<Vec<T>>) -> Result<Page<T>> {
    let (next, values) = part(value)?;
    Ok(Page { items: items(values)?, next: next.map(|next| Cursor::of_server(0, next)) })
}

/// The answer to PTTL.
pub(super) fn ttl(value: Value) -> Result<Ttl> {
    Ok(match integer(value)? {
        -2 => Ttl::Missing,
        -1 => Ttl::Never,
        // In the last millisecond a server says 0, and the hash is still there.
        left => Ttl::Left(Duration::from_millis(left.max(1).unsigned_abs())),
    })
}

/// The answer to PEXPIRETIME.
pub(super) fn time(value: Value) -> Result<Option<SystemTime>> {
    let millis = integer(value)?;
    Ok(u64::try_from(millis).ok().and_then(|millis| UNIX_EPOCH.checked_add(Duration::from_millis(millis))))
}

/// The answer to HPEXPIRE for one field.
pub(super) fn outcome(value: Value) -> Result<ExpireOutcome> {
    Ok(match integer(value)? {
        -2 => ExpireOutcome::Missing,
        0 => ExpireOutcome::NotMet,
        1 => ExpireOutcome::Set,
        2 => ExpireOutcome::Deleted,
        other => return Err(RemoteError::unexpected(&Value::Int(other))),
    })
}

/// The only value of an array.
pub(super) fn only(value: Value) -> Result<Value> {
    exactly(value).map(|[value]| value)
}
