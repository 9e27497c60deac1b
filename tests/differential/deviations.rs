//! The answers in which hashlet intentionally differs from the servers.

use super::answer::{Answer, Refusal, Time};
use super::command::Command;
use super::expiry::Expiry;
use super::round::Step;
use crate::support::source::Bytes;

#[derive(Debug)]
pub(crate) struct Deviation {
    pub(crate) what: &'static str,
    /// Why hashlet does not follow.
    pub(crate) why: &'static str,
    /// Whether this is the reason that a server's answer differs from the store's.
    pub(crate) explains: fn(&Step, &Answer) -> bool,
}

pub(crate) const DEVIATIONS: [Deviation; 12] = [
    Deviation {
        what: "HSET, HMGET, HDEL, HGETDEL and the commands of fields that expire, without fields: nothing is done and nothing is \
               wrong; a server refuses",
        why: "an empty iterator is an ordinary argument, and refusing it would burden every caller who collects one",
        explains: |step, theirs| {
            let empty = match &step.command {
                Command::SetMany(_, pairs) => pairs.is_empty(),
                Command::GetMany(_, fields) | Command::RemoveMany(_, fields) | Command::TakeMany(_, fields) => {
                    fields.is_empty()
                }
                Command::Expiry(expiry) => expiry.fields() == Some(0),
                _ => false,
            };
            empty && *theirs == refused(Refusal::NoArguments)
        },
    },
    Deviation {
        what: "writes to a key of more than 64 KiB are refused; a server takes keys of 512 MiB",
        why: "keys live beside their fields in one allocation; the limit is documented and typed",
        explains: |step, _| {
            step.ours == refused(Refusal::TooLong) && step.command.key().is_some_and(|key| key.0.len() > 65_536)
        },
    },
    Deviation {
        what: "HSTRLEN of a missing field is None; a server says 0",
        why: "an empty value and no value are different answers",
        explains: |step, theirs| {
            let missing = matches!(step.command, Command::ValueLen(..)) && step.ours == Answer::Value(None);
            missing && *theirs == Answer::Number(0)
        },
    },
    Deviation {
        what: "RENAME and RENAMENX of a missing key are an outcome; a server says that there is no such key",
        why: "whether the key was there is an answer, as it is for COPY",
        explains: |step, theirs| {
            let missing = matches!(step.command, Command::Rename(..)) && step.ours == Answer::Number(0);
            missing && *theirs == refused(Refusal::NoSuchKey)
        },
    },
    Deviation {
        what: "COPY of a key to itself leaves it as it is, and says as RENAME does whether it may and is there; a server \
               refuses",
        why: "the key is there with the hash it was to have, and a caller needs no case for equal keys",
        explains: |step, theirs| {
            let itself = matches!(&step.command, Command::Copy([key, new], _) if key == new);
            itself && matches!(step.ours, Answer::Number(_)) && *theirs == refused(Refusal::SameKey)
        },
    },
    Deviation {
        what: "HINCRBYFLOAT adds as f64 and writes the shortest text that reads back the same; a server adds as 80-bit \
               long double and writes 17 decimals",
        why: "f64 is the float of Rust, its sum the same on every platform, and its text never loses a digit",
        explains: |step, theirs| match (floats(step), text(&step.ours), text(theirs)) {
            (Some((number, amount)), Some(ours), Some(theirs)) => close(number, amount, ours, theirs),
            _ => false,
        },
    },
    Deviation {
        what: "HINCRBYFLOAT past the range of f64 is Overflow; a server's long double reaches 1e4932",
        why: "as above; what is written can always be read as f64 again",
        explains: |step, theirs| {
            step.ours == refused(Refusal::Overflow) && text(theirs).is_some_and(|theirs| theirs.is_infinite())
        },
    },
    Deviation {
        what: "HINCRBYFLOAT of a value past the range of f64, infinity included, is NotAFloat; a server adds, or refuses \
               the sum",
        why: "only finite f64 are floats here",
        explains: |step, theirs| {
            let infinite = before(step).and_then(|before| before.parse().ok()).is_some_and(f64::is_infinite);
            let added = matches!(theirs, Answer::Value(Some(_))) || *theirs == refused(Refusal::Overflow);
            infinite && step.ours == refused(Refusal::NotAFloat) && added
        },
    },
    Deviation {
        what: "HINCRBYFLOAT of a hexadecimal value is NotAFloat; a server reads it",
        why: "a float is what `f64::from_str` takes, which is documented; strtold's hexadecimal is an accident of C",
        explains: |step, theirs| {
            let hexadecimal = before(step).is_some_and(|before| before.trim_start_matches('-').starts_with("0x"));
            hexadecimal && step.ours == refused(Refusal::NotAFloat) && !matches!(theirs, Answer::Refused(_))
        },
    },
    Deviation {
        what: "HINCRBYFLOAT of a value closer to 0 than a long double can be counts as 0; a server says it is no float",
        why: "reading rounds to the nearest f64, and that is 0",
        explains: |step, theirs| {
            let vanishes = before(step).is_some_and(|before| {
                before.parse() == Ok(0.0) && before.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
            });
            vanishes && text(&step.ours).is_some() && *theirs == refused(Refusal::NotAFloat)
        },
    },
    Deviation {
        what: "HSETEX says how many fields are new, or None if a condition is not met; a server says 1 or 0",
        why: "it tells new from updated, as HSET does",
        explains: |step, theirs| {
            let sets = matches!(step.command, Command::Expiry(Expiry::SetWith(..)));
            sets && match step.ours {
                Answer::Number(_) => *theirs == Answer::Number(1),
                _ => step.ours == Answer::Value(None) && *theirs == Answer::Number(0),
            }
        },
    },
    Deviation {
        what: "PEXPIRETIME, HPEXPIRETIME and HPERSIST have one answer, None or false, where there is no deadline; a server \
               tells by -1 and -2 whether there is a key or field",
        why: "a deadline that may not be there is an Option in Rust; PTTL and HPTTL tell the two apart",
        explains: |step, theirs| match (&step.command, &step.ours, theirs) {
            (Command::Expiry(Expiry::Deadline(..)), Answer::Times(ours), Answer::Times(theirs)) => {
                let is_missing = |ours: &Time, theirs: &Time| *ours == Time::NEVER && *theirs == Time::MISSING;
                same_but(ours, theirs, is_missing)
            }
            (Command::Expiry(Expiry::Persist(whose)), Answer::Numbers(ours), Answer::Numbers(theirs)) => {
                whose.fields.is_some() && same_but(ours, theirs, |ours, theirs| *ours == 0 && matches!(theirs, -1 | -2))
            }
            _ => false,
        },
    },
];

/// Whether two lists are the same except for the excused differences.
fn same_but<T: PartialEq>(ours: &[T], theirs: &[T], is_excused: impl Fn(&T, &T) -> bool) -> bool {
    ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(ours, theirs)| ours == theirs || is_excused(ours, theirs))
}

fn refused(refusal: Refusal) -> Answer {
    Answer::Refused(refusal)
}

/// The text that the field of a float increment held before.
fn before(step: &Step) -> Option<&str> {
    let (Command::IncrementFloat(..), Some(before)) = (&step.command, &step.before) else { return None };
    std::str::from_utf8(&before.0).ok()
}

/// The two numbers that a float increment adds.
fn floats(step: &Step) -> Option<(f64, f64)> {
    let Command::IncrementFloat(.., amount) = step.command else { return None };
    let number = match &step.before {
        Some(_) => before(step)?.parse().ok()?,
        None => 0.0,
    };
    Some((number, amount))
}

fn text(answer: &Answer) -> Option<f64> {
    let Answer::Value(Some(text)) = answer else { return None };
    std::str::from_utf8(&text.0).ok()?.parse().ok()
}

/// Whether this increment is beyond any excuse: both numbers are multiples of 1/64 below 1e8. So their sum is exact in
/// either arithmetic. It has at most 15 digits, so its shortest text is also its exact one. A value counts only in
/// plain decimals, and few enough of them that reading it rounds nothing.
pub(crate) fn is_exact(step: &Step) -> bool {
    let exact = |number: f64| number.abs() < 1e8 && (number * 64.0).fract() == 0.0;
    let decimal =
        |text: &Bytes| text.0.len() <= 17 && text.0.iter().all(|byte| matches!(byte, b'+' | b'-' | b'.' | b'0'..=b'9'));
    step.ours != refused(Refusal::TooLong)
        && step.before.as_ref().is_none_or(decimal)
        && floats(step).is_some_and(|(number, amount)| exact(number) && exact(amount))
}

/// Whether two sums of the same numbers differ by no more than rounding can do. An f64 carries at most half an epsilon
/// of relative error: one for reading each number, one for their sum, one for reading the server's text here. The
/// larger precision of a long double adds little to it, and 17 decimals cut off up to half of 1e-17.
fn close(number: f64, amount: f64, ours: f64, theirs: f64) -> bool {
    let largest = number.abs().max(amount.abs()).max(ours.abs());
    (ours - theirs).abs() <= 2.5 * f64::EPSILON * largest + 1e-17
}
