//! The commands of expiry. The clock of a server cannot be moved, so no deadline passes during a test. Deadlines given
//! as times are long past, which deletes at once, or decades away and compared exactly. Times to live are zero, or
//! hours long and compared with some slack.

use std::iter::once;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hashlet::{ExpireCondition, ExpireOutcome, Hashes, SetOptions, Touch, Ttl, When};

use super::answer::{Answer, Reading, Time};
use super::command::{Command, fields, value, words};
use crate::support::source::{Bytes, Source};

const HOUR: u64 = 3_600_000;
/// The beginning of the year 2100. An earlier deadline comes from a time to live, or is in the past.
const FAR: u64 = 4_102_444_800_000;
/// Deadlines that are given as times. The last one is the latest that Redis accepts for a field.
const TIMES: [u64; 8] =
    [FAR, FAR + 1, FAR + 999, FAR + HOUR, FAR + 30 * HOUR, FAR + 8_760 * HOUR, FAR + 87_600 * HOUR, (1 << 46) - 1];
const PAST_TIMES: [u64; 4] = [0, 1, 1_000, 1_000_000_000_000];
const TIMES_TO_LIVE: [u64; 4] = [HOUR, 5 * HOUR, 24 * HOUR, 720 * HOUR];

const CONDITIONS: [ExpireCondition; 6] = [
    ExpireCondition::Always,
    ExpireCondition::IfNone,
    ExpireCondition::IfSome,
    ExpireCondition::IfLater,
    ExpireCondition::IfSooner,
    ExpireCondition::IfSomeAndSooner,
];

#[derive(Clone)]
pub(crate) enum Expiry {
    Expire(Whose, Moment, ExpireCondition),
    Left(Whose, Unit),
    Deadline(Whose, Unit),
    Persist(Whose),
    SetWith(Bytes, Vec<(Bytes, Bytes)>, Presence, FieldTtl),
    Touch(Bytes, Vec<Bytes>, Option<Moment>),
}

/// A key, or some of its fields.
#[derive(Clone)]
pub(crate) struct Whose {
    pub(crate) key: Bytes,
    pub(crate) fields: Option<Vec<Bytes>>,
}

#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Seconds,
    Millis,
}

/// When something expires, and how a server is told.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    unit: Unit,
    is_time: bool,
    millis: u64,
}

#[derive(Clone, Copy)]
pub(crate) enum Presence {
    Any,
    Absent,
    Present,
}

#[derive(Clone, Copy)]
pub(crate) enum FieldTtl {
    Drop,
    Keep,
    Expire(Moment),
}

impl Expiry {
    pub(crate) fn decode(source: &mut Source<'_>, key: Bytes) -> Self {
        match source.below(16) {
            0..=2 => Self::decode_expire(source, Whose { key, fields: None }, 24),
            3..=6 => {
                let fields = Some(fields(source));
                Self::decode_expire(source, Whose { key, fields }, 6)
            }
            7..=8 => Self::Left(Whose::decode(source, key), Unit::decode(source)),
            9..=10 => Self::Deadline(Whose::decode(source, key), Unit::decode(source)),
            11 => Self::Persist(Whose::decode(source, key)),
            12..=13 => {
                let pairs = fields(source).into_iter().map(|field| (field, value(source))).collect();
                let presence = source.one_of(&[Presence::Any, Presence::Any, Presence::Absent, Presence::Present]);
                let moment = FieldTtl::Expire(Moment::decode(source, 6));
                Self::SetWith(key, pairs, presence, source.one_of(&[FieldTtl::Drop, FieldTtl::Keep, moment, moment]))
            }
            _ => {
                let fields = fields(source);
                let moment = Moment::decode(source, 6);
                Self::Touch(key, fields, source.one_of(&[None, Some(moment), Some(moment)]))
            }
        }
    }

    fn decode_expire(source: &mut Source<'_>, whose: Whose, deletes_one_in: usize) -> Self {
        let moment = Moment::decode(source, deletes_one_in);
        // Of two deadlines "in an hour", the store and the server may take different ones for the later one, because a
        // millisecond may pass on one side between them.
        // No server has IfSomeAndSooner for fields.
        let all = if whose.fields.is_none() { &CONDITIONS[..] } else { &CONDITIONS[..5] };
        let comparable = if moment.is_time || moment.millis == 0 { all } else { &CONDITIONS[..3] };
        Self::Expire(whose, moment, source.one_of(comparable))
    }

    /// The command that reads deadlines to the millisecond.
    pub(crate) fn deadline(key: Bytes, fields: Option<Vec<Bytes>>) -> Command {
        Command::Expiry(Self::Deadline(Whose { key, fields }, Unit::Millis))
    }

    pub(crate) fn key(&self) -> &Bytes {
        match self {
            Self::Expire(whose, ..) | Self::Left(whose, _) | Self::Deadline(whose, _) | Self::Persist(whose) => {
                &whose.key
            }
            Self::SetWith(key, ..) | Self::Touch(key, ..) => key,
        }
    }

    pub(crate) fn answer<H: Hashes>(&self, hashes: &H) -> Result<Answer, H::Error> {
        Ok(match self {
            Self::Expire(Whose { key, fields }, moment, condition) => {
                let (when, condition) = (moment.when(), *condition);
                match fields.as_deref() {
                    None => {
                        let outcome = hashes.expire_if(key, when, condition)?;
                        Answer::Numbers(vec![matches!(outcome, ExpireOutcome::Set | ExpireOutcome::Deleted).into()])
                    }
                    Some([field]) if condition == ExpireCondition::Always => {
                        Answer::Numbers(vec![outcome(hashes.expire_field(key, field, when)?)])
                    }
                    Some(fields) => {
                        let outcomes = hashes.expire_fields_if(key, fields, when, condition)?;
                        Answer::Numbers(outcomes.into_iter().map(outcome).collect())
                    }
                }
            }
            Self::Left(Whose { key, fields }, _) => {
                let ttls = match fields.as_deref() {
                    None => vec![hashes.ttl(key)?],
                    Some([field]) => vec![hashes.field_ttl(key, field)?],
                    Some(fields) => hashes.field_ttls(key, fields)?,
                };
                Answer::Times(ttls.into_iter().map(left).collect())
            }
            Self::Deadline(Whose { key, fields }, unit) => {
                let deadlines = match fields.as_deref() {
                    None => vec![hashes.deadline(key)?],
                    Some([field]) => vec![hashes.field_deadline(key, field)?],
                    Some(fields) => hashes.field_deadlines(key, fields)?,
                };
                Answer::Times(deadlines.into_iter().map(|deadline| unit.time(deadline)).collect())
            }
            Self::Persist(Whose { key, fields }) => {
                let had = match fields.as_deref() {
                    None => vec![hashes.persist(key)?],
                    Some([field]) => vec![hashes.persist_field(key, field)?],
                    Some(fields) => hashes.persist_fields(key, fields)?,
                };
                Answer::Numbers(had.into_iter().map(i64::from).collect())
            }
            Self::SetWith(key, pairs, presence, ttl) => {
                let pairs = pairs.iter().map(|(field, value)| (field, value));
                hashes.set_with(key, pairs, options(*presence, *ttl))?.map_or(Answer::Value(None), Answer::from)
            }
            Self::Touch(key, fields, moment) => {
                let touch = moment.map_or(Touch::Persist, |moment| Touch::Expire(moment.when()));
                Answer::values(match &fields[..] {
                    [field] => vec![hashes.get_and_expire(key, field, touch)?],
                    fields => hashes.get_many_and_expire(key, fields, touch)?,
                })
            }
        })
    }

    /// The command as a server takes it, and how its reply is read.
    pub(crate) fn words(&self) -> (Vec<Bytes>, Reading) {
        match self {
            Self::Expire(whose, moment, condition) => {
                let condition: &[&str] = match condition {
                    ExpireCondition::Always => &[],
                    ExpireCondition::IfNone => &["NX"],
                    ExpireCondition::IfSome => &["XX"],
                    ExpireCondition::IfLater => &["GT"],
                    ExpireCondition::IfSooner => &["LT"],
                    ExpireCondition::IfSomeAndSooner => &["XX", "LT"],
                };
                let condition = condition.iter().map(|word| (*word).to_owned());
                let words: Vec<String> = once(moment.number()).chain(condition).collect();
                (whose.words(&moment.command(), &words), Reading::Numbers)
            }
            Self::Left(whose, unit) => (whose.words(&format!("{}TTL", unit.prefix()), &[]), unit.reading()),
            Self::Deadline(whose, unit) => (whose.words(&format!("{}EXPIRETIME", unit.prefix()), &[]), unit.reading()),
            Self::Persist(whose) => (whose.words("PERSIST", &[]), Reading::Numbers),
            Self::SetWith(key, pairs, presence, ttl) => {
                let presence = match presence {
                    Presence::Any => "",
                    Presence::Absent => "FNX",
                    Presence::Present => "FXX",
                };
                let [ttl, number] = match ttl {
                    FieldTtl::Drop => [String::new(), String::new()],
                    FieldTtl::Keep => ["KEEPTTL".into(), String::new()],
                    FieldTtl::Expire(moment) => [moment.option(), moment.number()],
                };
                let items = pairs.iter().flat_map(|(field, value)| [field, value]);
                (field_words("HSETEX", key, &[presence.into(), ttl, number], pairs.len(), items), Reading::Plain)
            }
            Self::Touch(key, fields, moment) => {
                let touch = moment.map_or(["PERSIST".into(), String::new()], |it| [it.option(), it.number()]);
                (field_words("HGETEX", key, &touch, fields.len(), fields), Reading::Plain)
            }
        }
    }

    /// The number of fields that it names. None if it concerns a key.
    pub(crate) fn fields(&self) -> Option<usize> {
        match self {
            Self::Expire(whose, ..) | Self::Left(whose, _) | Self::Deadline(whose, _) | Self::Persist(whose) => {
                whose.fields.as_ref().map(Vec::len)
            }
            Self::SetWith(_, pairs, ..) => Some(pairs.len()),
            Self::Touch(_, fields, _) => Some(fields.len()),
        }
    }
}

impl Whose {
    fn decode(source: &mut Source<'_>, key: Bytes) -> Self {
        let fields = if source.one_in(3) { None } else { Some(fields(source)) };
        Self { key, fields }
    }

    fn words(&self, name: &str, options: &[String]) -> Vec<Bytes> {
        match &self.fields {
            None => option_words(name, &self.key, options),
            Some(fields) => field_words(&format!("H{name}"), &self.key, options, fields.len(), fields),
        }
    }
}

impl Unit {
    fn decode(source: &mut Source<'_>) -> Self {
        source.one_of(&[Self::Seconds, Self::Millis, Self::Millis])
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Seconds => "",
            Self::Millis => "P",
        }
    }

    fn millis(self) -> u64 {
        match self {
            Self::Seconds => 1_000,
            Self::Millis => 1,
        }
    }

    fn reading(self) -> Reading {
        Reading::Times { unit: self.millis() as i64 }
    }

    /// A deadline as a server returns it in this unit. Whole seconds are rounded, up or down.
    fn time(self, deadline: Option<SystemTime>) -> Time {
        let Some(deadline) = deadline else { return Time::NEVER };
        let millis = millis(deadline.duration_since(UNIX_EPOCH).expect("after 1970"));
        Time { millis, slack: if millis < FAR as i64 { Time::SLACK } else { self.millis() - 1 } }
    }
}

impl Moment {
    fn decode(source: &mut Source<'_>, deletes_one_in: usize) -> Self {
        let unit = Unit::decode(source);
        let is_time = !source.one_in(4);
        let millis = match (source.one_in(deletes_one_in), is_time) {
            (true, true) => source.one_of(&PAST_TIMES),
            (true, false) => 0,
            (false, true) => source.one_of(&TIMES),
            (false, false) => source.one_of(&TIMES_TO_LIVE),
        };
        Self { unit, is_time, millis: millis - millis % unit.millis() }
    }

    fn when(self) -> When {
        let millis = Duration::from_millis(self.millis);
        if self.is_time { (UNIX_EPOCH + millis).into() } else { millis.into() }
    }

    fn number(self) -> String {
        (self.millis / self.unit.millis()).to_string()
    }

    fn command(self) -> String {
        format!("{}EXPIRE{}", self.unit.prefix(), if self.is_time { "AT" } else { "" })
    }

    fn option(self) -> String {
        let unit = match self.unit {
            Unit::Seconds => "EX",
            Unit::Millis => "PX",
        };
        format!("{unit}{}", if self.is_time { "AT" } else { "" })
    }
}

fn options(presence: Presence, ttl: FieldTtl) -> SetOptions {
    let options = SetOptions::new();
    let options = match presence {
        Presence::Any => options,
        Presence::Absent => options.only_new_fields(),
        Presence::Present => options.only_present_fields(),
    };
    match ttl {
        FieldTtl::Drop => options,
        FieldTtl::Keep => options.keep_ttl(),
        FieldTtl::Expire(moment) => options.expire(moment.when()),
    }
}

/// The number that a server returns for the outcome of setting a deadline.
fn outcome(outcome: ExpireOutcome) -> i64 {
    match outcome {
        ExpireOutcome::Missing => -2,
        ExpireOutcome::NotMet => 0,
        ExpireOutcome::Set => 1,
        ExpireOutcome::Deleted => 2,
        ExpireOutcome::Full => unreachable!("a store without a limit"),
    }
}

fn left(ttl: Ttl) -> Time {
    match ttl {
        Ttl::Missing => Time::MISSING,
        Ttl::Never => Time::NEVER,
        Ttl::Left(left) => Time { millis: millis(left), slack: Time::SLACK },
    }
}

fn millis(duration: Duration) -> i64 {
    assert_eq!(duration.subsec_nanos() % 1_000_000, 0, "whole milliseconds: {duration:?}");
    duration.as_millis().try_into().expect("no deadline is that late")
}

/// The words of a command, without the options that are empty.
fn option_words(name: &str, key: &Bytes, options: &[String]) -> Vec<Bytes> {
    let given = options.iter().filter(|option| !option.is_empty()).map(|option| option.as_str().into());
    let given: Vec<Bytes> = given.collect();
    words(name, [key].into_iter().chain(&given))
}

/// The words of a command that says how many fields follow.
fn field_words<'a>(
    name: &str,
    key: &Bytes,
    options: &[String],
    fields: usize,
    items: impl IntoIterator<Item = &'a Bytes>,
) -> Vec<Bytes> {
    let mut words = option_words(name, key, options);
    words.extend(["FIELDS".into(), fields.to_string().into()]);
    words.extend(items.into_iter().cloned());
    words
}
