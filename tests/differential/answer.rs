//! The answer to a command, in the server's terms. Hashes and keyspaces have no order, so names and pairs are sorted
//! here.

use hashlet::{Error, Result};
use redis::Value;

use crate::support::source::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Done,
    Number(i64),
    Value(Option<Bytes>),
    Values(Vec<Option<Bytes>>),
    Names(Vec<Bytes>),
    Pairs(Vec<(Bytes, Bytes)>),
    Numbers(Vec<i64>),
    Times(Vec<Time>),
    Refused(Refusal),
}

/// A deadline or the time until one, in milliseconds, or the number that a server returns for none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    pub(crate) millis: i64,
    /// How far another time may differ and still count as the same.
    pub(crate) slack: u64,
}

impl Time {
    pub(crate) const NEVER: Self = Self { millis: -1, slack: 0 };
    pub(crate) const MISSING: Self = Self { millis: -2, slack: 0 };
    /// The slack of times that depend on the clock. It is longer than a server ever lags behind the store, and far
    /// shorter than an hour, the shortest time to live.
    pub(crate) const SLACK: u64 = 60_000;
}

impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        let are_times = self.millis >= 0 && other.millis >= 0;
        let slack = if are_times { self.slack.max(other.slack) } else { 0 };
        self.millis.abs_diff(other.millis) <= slack
    }
}

/// Why a command was refused. Servers tell it by the text of the error, and have several texts for some reasons.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Refusal {
    NotAnInteger,
    NotAFloat,
    NotFinite,
    Overflow,
    TooLong,
    NoArguments,
    NoSuchKey,
    SameKey,
    /// An error that no command of this test should get.
    Unexpected(String),
}

/// How a server's reply has to be read, which the reply itself does not tell.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reading {
    Plain,
    Names,
    Pairs,
    /// A cursor for the end of the scan, and names.
    ScannedNames,
    /// A cursor for the end of the scan, and pairs.
    ScannedPairs,
    /// Fields drawn at random, of which only the number is compared.
    Drawn,
    /// The number 1, for which the server may return OK.
    DoneIsOne,
    /// One number or several.
    Numbers,
    /// One time or several, in a unit of this many milliseconds.
    Times {
        unit: i64,
    },
    /// The only element of an array. The command takes many fields and was given one.
    Only,
}

impl Answer {
    pub(crate) fn names(names: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut names: Vec<Bytes> = names.into_iter().map(Bytes).collect();
        names.sort_unstable();
        Self::Names(names)
    }

    pub(crate) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut pairs: Vec<(Bytes, Bytes)> =
            pairs.into_iter().map(|(field, value)| (field.into(), value.into())).collect();
        pairs.sort_unstable();
        Self::Pairs(pairs)
    }

    pub(crate) fn values(values: impl IntoIterator<Item = Option<Vec<u8>>>) -> Self {
        Self::Values(values.into_iter().map(|value| value.map(Bytes)).collect())
    }

    /// The number of times in it that have to be the same to the millisecond.
    pub(crate) fn exact_times(&self) -> usize {
        let Self::Times(times) = self else { return 0 };
        times.iter().filter(|time| time.millis >= 0 && time.slack == 0).count()
    }

    /// Reads the reply of a server.
    pub(crate) fn read(reply: Value, reading: Reading) -> Self {
        match (reading, reply) {
            (_, Value::ServerError(error)) => Self::Refused(Refusal::read(error.details().unwrap_or(error.code()))),
            (Reading::Plain, Value::Okay) => Self::Done,
            (Reading::Plain, Value::Int(number)) => Self::Number(number),
            (Reading::Plain, reply @ (Value::Nil | Value::BulkString(_))) => Self::Value(bytes(reply).map(Bytes)),
            (Reading::Plain, Value::Array(values)) => Self::values(values.into_iter().map(bytes)),
            (Reading::Names, Value::Array(names)) => Self::names(names.into_iter().filter_map(bytes)),
            (Reading::Pairs, Value::Array(flat)) => {
                let flat: Vec<Vec<u8>> = flat.into_iter().filter_map(bytes).collect();
                Self::pairs(flat.chunks_exact(2).map(|pair| (&pair[0][..], &pair[1][..])))
            }
            (Reading::ScannedNames, Value::Array(page)) => Self::read_page(page, Reading::Names),
            (Reading::ScannedPairs, Value::Array(page)) => Self::read_page(page, Reading::Pairs),
            (Reading::Drawn, Value::Nil) => Self::Number(0),
            (Reading::Drawn, Value::BulkString(_)) => Self::Number(1),
            (Reading::Drawn, Value::Array(fields)) => fields.len().into(),
            (Reading::DoneIsOne, Value::Okay) => Self::Number(1),
            (Reading::Only, Value::Array(mut values)) if values.len() == 1 => {
                Self::read(values.remove(0), Reading::Plain)
            }
            (Reading::Numbers, Value::Int(number)) => Self::Numbers(vec![number]),
            (Reading::Numbers, Value::Array(numbers)) => Self::Numbers(numbers.into_iter().map(number).collect()),
            (Reading::Times { unit }, reply @ (Value::Int(_) | Value::Array(_))) => {
                let Self::Numbers(numbers) = Self::read(reply, Reading::Numbers) else { unreachable!("just matched") };
                let time = |number| Time { millis: if number < 0 { number } else { number * unit }, slack: 0 };
                Self::Times(numbers.into_iter().map(time).collect())
            }
            (_, reply) => Self::Refused(Refusal::Unexpected(format!("{reply:?}"))),
        }
    }

    /// Reads the first page of a scan, which has to be the last one.
    fn read_page(page: Vec<Value>, reading: Reading) -> Self {
        match <[Value; 2]>::try_from(page) {
            Ok([Value::BulkString(cursor), items]) if cursor == b"0" => Self::read(items, reading),
            page => Self::Refused(Refusal::Unexpected(format!("{page:?}"))),
        }
    }
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::Nil => None,
        other => panic!("a string or nil was expected, not {other:?}"),
    }
}

fn number(value: Value) -> i64 {
    match value {
        Value::Int(number) => number,
        other => panic!("a number was expected, not {other:?}"),
    }
}

impl Refusal {
    fn read(words: &str) -> Self {
        match words {
            "hash value is not an integer" => Self::NotAnInteger,
            "hash value is not a float" => Self::NotAFloat,
            // The amount is the text of an f64, so the only invalid float is NaN.
            "value is NaN or Infinity" | "value is not a valid float" => Self::NotFinite,
            "increment or decrement would overflow" | "increment would produce NaN or Infinity" => Self::Overflow,
            "no such key" => Self::NoSuchKey,
            "source and destination objects are the same" => Self::SameKey,
            "Number of fields must be a positive integer"
            | "Parameter `numFields` should be greater than 0"
            | "numfields should be greater than 0 and match the provided number of fields" => Self::NoArguments,
            words if words.starts_with("wrong number of arguments") => Self::NoArguments,
            words => Self::Unexpected(words.into()),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::NotAnInteger => Self::NotAnInteger,
            Error::NotAFloat => Self::NotAFloat,
            Error::NotFinite => Self::NotFinite,
            Error::Overflow => Self::Overflow,
            Error::KeyTooLong { .. } => Self::TooLong,
            other => Self::Unexpected(other.to_string()),
        }
    }
}

/// An error of a call on a server through hashlet.
#[cfg(feature = "redis")]
impl From<hashlet::RemoteError> for Refusal {
    fn from(error: hashlet::RemoteError) -> Self {
        match error {
            hashlet::RemoteError::Refused(error) => error.into(),
            other => Self::Unexpected(other.to_string()),
        }
    }
}

/// `From` for each plain answer a call can give.
macro_rules! answers {
    ($($answer:ty => $name:ident($value:ident) $inner:expr;)*) => {
        $(impl From<$answer> for Answer {
            fn from($value: $answer) -> Self {
                Self::$name($inner)
            }
        })*
    };
}

answers! {
    bool => Number(it) it.into();
    i64 => Number(it) it;
    usize => Number(it) it.try_into().expect("counts are small");
    f64 => Value(it) Some(it.to_string().into());
    Option<Vec<u8>> => Value(it) it.map(Bytes);
}

impl<T: Into<Answer>> From<Result<T>> for Answer {
    fn from(result: Result<T>) -> Self {
        result.map_or_else(|error| Self::Refused(error.into()), T::into)
    }
}
