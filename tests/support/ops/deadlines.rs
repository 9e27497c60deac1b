//! The calls on deadlines as data.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hashlet::{ExpireCondition, SetOptions, Touch, When};

use super::{Shape, pairs, run, some};
use crate::support::source::{Bytes, Source, numbered};
use crate::support::time::{BEGINNING, time};

#[derive(Clone, Debug)]
pub(crate) enum DeadlineCall {
    Look(DeadlineLook),
    Change(DeadlineChange),
}

#[derive(Clone, Debug)]
pub(crate) enum DeadlineLook {
    Ttl,
    Deadline,
    FieldTtl(Bytes),
    FieldTtls(Vec<Bytes>),
    FieldDeadline(Bytes),
    FieldDeadlines(Vec<Bytes>),
}

#[derive(Clone, Debug)]
pub(crate) enum DeadlineChange {
    Expire(Duration),
    ExpireAt(SystemTime),
    ExpireIf(When, ExpireCondition),
    Persist,
    ExpireField(Bytes, When),
    ExpireFieldIf(Bytes, When, ExpireCondition),
    ExpireFields(Vec<Bytes>, When, ExpireCondition),
    /// Gives all present fields a deadline.
    ExpireAll(When),
    PersistField(Bytes),
    PersistFields(Vec<Bytes>),
    SetWith(Vec<(Bytes, Bytes)>, SetPlan),
    Touch(Bytes, Touch),
    TouchMany(Vec<Bytes>, Touch),
    IncrementExpiring(Bytes, i64, When),
    /// Sets a field whose value is this one, or the present one, and keeps the field's deadline.
    CompareAndSet(Bytes, Option<Bytes>, Option<Bytes>),
}

/// `SetOptions` with public contents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetPlan {
    pub(crate) fields: FieldTtl,
    pub(crate) key: Option<(When, ExpireCondition)>,
    /// `true` if all fields must be present, `false` if all must be new.
    pub(crate) if_fields: Option<bool>,
    /// `true` if the key must be present, `false` if it must be new.
    pub(crate) if_key: Option<bool>,
}

/// What happens to the deadlines of fields that are set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldTtl {
    Drop,
    Keep,
    Set(When),
}

impl DeadlineCall {
    pub(crate) fn decode(source: &mut Source<'_>, shape: Shape) -> Self {
        if source.one_in(3) {
            Self::Look(DeadlineLook::decode(source, shape))
        } else {
            Self::Change(DeadlineChange::decode(source, shape))
        }
    }
}

impl DeadlineLook {
    pub(crate) fn decode(source: &mut Source<'_>, shape: Shape) -> Self {
        match source.below(7) {
            0 => Self::Ttl,
            1 => Self::Deadline,
            2..=3 => Self::FieldTtl(source.field(shape.fields)),
            4 => Self::FieldTtls(fields(source, shape)),
            5 => Self::FieldDeadlines(fields(source, shape)),
            _ => Self::FieldDeadline(source.field(shape.fields)),
        }
    }
}

impl DeadlineChange {
    fn decode(source: &mut Source<'_>, shape: Shape) -> Self {
        let Shape { now, .. } = shape;
        match source.below(24) {
            0 => Self::Expire(time_to_live(source)),
            1 => Self::ExpireAt(moment(source, now)),
            2 => Self::ExpireIf(when(source, now), condition(source)),
            3 => Self::Persist,
            4 => Self::ExpireAll(when(source, now)),
            5..=7 => Self::ExpireField(source.field(shape.fields), when(source, now)),
            8 => Self::ExpireFieldIf(source.field(shape.fields), when(source, now), condition(source)),
            9..=10 => Self::ExpireFields(fields(source, shape), when(source, now), condition(source)),
            11 => Self::PersistField(source.field(shape.fields)),
            12 => Self::PersistFields(fields(source, shape)),
            13..=17 => Self::SetWith(pairs(source, shape.fields), SetPlan::decode(source, now)),
            18..=19 => Self::Touch(source.field(shape.fields), get_and_expire(source, now)),
            20 => {
                let (field, expected) = (source.field(shape.fields), source.one_in(4).then(|| source.value()));
                Self::CompareAndSet(field, expected, if source.one_in(4) { None } else { Some(source.value()) })
            }
            21 => Self::TouchMany(fields(source, shape), get_and_expire(source, now)),
            _ => {
                let by = source.one_of(&[0, 1, -1, 9, i64::MAX]);
                Self::IncrementExpiring(source.field(shape.fields), by, when(source, now))
            }
        }
    }
}

impl SetPlan {
    fn decode(source: &mut Source<'_>, now: u64) -> Self {
        Self {
            fields: match source.below(4) {
                0 => FieldTtl::Drop,
                1 => FieldTtl::Keep,
                _ => FieldTtl::Set(when(source, now)),
            },
            key: if source.one_in(4) { Some((when(source, now), condition(source))) } else { None },
            if_fields: source.one_of(&[None, None, Some(false), Some(true)]),
            if_key: source.one_of(&[None, None, Some(false), Some(true)]),
        }
    }

    pub(crate) fn options(&self) -> SetOptions {
        let mut options = SetOptions::new();
        options = match self.fields {
            FieldTtl::Drop => options,
            FieldTtl::Keep => options.keep_ttl(),
            FieldTtl::Set(when) => options.expire(when),
        };
        options = match self.key {
            None => options,
            Some((when, ExpireCondition::Always)) => options.expire_key(when),
            Some((when, condition)) => options.expire_key_if(when, condition),
        };
        options = match self.if_fields {
            None => options,
            Some(false) => options.only_new_fields(),
            Some(true) => options.only_present_fields(),
        };
        match self.if_key {
            None => options,
            Some(false) => options.only_new_key(),
            Some(true) => options.only_present_key(),
        }
    }
}

/// The next time of the clock. It is mostly later, by about as much as deadlines are in the future.
pub(super) fn clock(source: &mut Source<'_>, now: u64) -> u64 {
    let step = source.one_of(&[0, 1, 9, 10, 11, 100, 100, 1_000]);
    let is_at_an_end = now.abs_diff(BEGINNING) > BEGINNING / 2;
    match source.below(64) {
        0 if source.one_in(4) => source.one_of(&[0, u64::MAX]),
        1..=3 => now.saturating_sub(step),
        _ if is_at_an_end && source.one_in(4) => BEGINNING,
        _ => now.saturating_add(step),
    }
}

fn when(source: &mut Source<'_>, now: u64) -> When {
    if source.one_in(3) { When::At(moment(source, now)) } else { When::After(time_to_live(source)) }
}

fn time_to_live(source: &mut Source<'_>) -> Duration {
    const ODD: [Duration; 6] = [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_micros(10_001),
        Duration::from_nanos(9_999_999),
        Duration::from_millis(u64::MAX),
        Duration::MAX,
    ];
    if source.one_in(8) { source.one_of(&ODD) } else { Duration::from_millis(ahead(source)) }
}

fn moment(source: &mut Source<'_>, now: u64) -> SystemTime {
    match source.below(32) {
        0 => UNIX_EPOCH - Duration::from_secs(1),
        1 => UNIX_EPOCH,
        2 => time(u64::MAX),
        3 => time(now.saturating_sub(1)),
        4 => time(now),
        5 => time(now) + Duration::from_nanos(1),
        _ => time(now.saturating_add(ahead(source))),
    }
}

/// The milliseconds until a deadline: some steps of the clock.
fn ahead(source: &mut Source<'_>) -> u64 {
    source.one_of(&[1, 10, 100, 1_000, 1_000, 10_000, 10_000, 100_000])
}

fn condition(source: &mut Source<'_>) -> ExpireCondition {
    let conditions = [
        ExpireCondition::Always,
        ExpireCondition::IfNone,
        ExpireCondition::IfSome,
        ExpireCondition::IfLater,
        ExpireCondition::IfSooner,
        ExpireCondition::IfSomeAndSooner,
    ];
    source.one_of(&conditions)
}

fn get_and_expire(source: &mut Source<'_>, now: u64) -> Touch {
    if source.one_in(3) { Touch::Persist } else { Touch::Expire(when(source, now)) }
}

/// Fields that are drawn one by one, or a run of neighbouring fields.
fn fields(source: &mut Source<'_>, shape: Shape) -> Vec<Bytes> {
    if source.one_in(4) {
        run(source, shape.fields).map(numbered).collect()
    } else {
        some(source, |source| source.field(shape.fields))
    }
}
