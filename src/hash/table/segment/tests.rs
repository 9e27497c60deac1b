//! Segments filled without a directory, which would split them: forms of places, forms of entries, and what changes one
//! into the other.

use std::collections::BTreeMap;

use super::arena::CHUNK_BYTES;
use super::*;
use crate::hash::context::{Nobody, Terms};
use crate::random::Random;
use crate::saving::Epoch;
use crate::time::{Clock, Now};

/// A segment beside a plain map of what it should hold.
struct Checked {
    rules: Rules,
    fields: FieldSegment,
    model: BTreeMap<Vec<u8>, (Vec<u8>, Deadline)>,
}

fn named(number: usize) -> Vec<u8> {
    format!("field:{number:06}").into()
}

/// A value with which the entry of a [`named`] field has this length.
fn value_of(entry_len: usize, number: usize) -> Vec<u8> {
    let mut value = vec![number as u8; entry_len - entry::len(&named(0), b"")];
    value.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, digit)| *byte = digit);
    value
}

fn deadline(seconds: u64) -> Deadline {
    Deadline::from_bytes((u64::MAX / 2 + seconds).to_le_bytes())
}

fn call<R>(rules: &Rules, work: impl FnOnce(Context<'_>) -> R) -> R {
    let now = Now::on(&Clock::System);
    work(Context::new(rules, &Terms::of_change(&now, Epoch::after_one_save(), &Nobody, false, false)))
}

impl Checked {
    fn new() -> Self {
        let mut rules = Rules::default();
        rules.seed(7);
        Self { rules, fields: FieldSegment::default(), model: BTreeMap::new() }
    }

    fn set(&mut self, field: &[u8], value: &[u8]) {
        let Self { rules, fields, model } = self;
        let hash = rules.hash(field);
        call(rules, |cx| match fields.find(hash, field) {
            Some(found) if fields.overwrite(&found, value, cx) => {}
            Some(found) => fields.replace(&found, field, value, cx),
            None => fields.insert(hash, field, value, cx),
        });
        model.entry(field.into()).or_insert((Vec::new(), Deadline::NEVER)).0 = value.into();
    }

    fn remove(&mut self, field: &[u8]) {
        let Self { rules, fields, model } = self;
        let found = fields.find(rules.hash(field), field);
        assert_eq!(found.is_some(), model.remove(field).is_some());
        if let Some(found) = found {
            call(rules, |cx| fields.remove(&found, cx));
        }
    }

    fn expire(&mut self, field: &[u8], deadline: Deadline) {
        let Self { rules, fields, model } = self;
        let hash = rules.hash(field);
        if let Some(found) = fields.find(hash, field) {
            call(rules, |cx| fields.set_deadline(hash, &found, deadline, cx));
            model.entry(field.into()).and_modify(|known| known.1 = deadline);
        }
    }

    /// Whether places have 32 bits.
    fn is_far(&self) -> bool {
        matches!(self.fields.places, Places::Far(_))
    }

    fn boxes(&self) -> usize {
        self.fields.places.iter().filter(|place| self.fields.contents.head(*place).as_box().is_some()).count()
    }

    #[track_caller]
    fn check(&self) {
        self.fields.validate(&self.rules);
        self.check_half(|_| true, &self.fields);
        assert_eq!(self.fields.clone().iter().count(), self.model.len());
        self.fields.clone().validate(&self.rules);
    }

    /// Whether a segment has the fields with these hashes, and no others.
    #[track_caller]
    fn check_half(&self, is_in: impl Fn(u64) -> bool, fields: &FieldSegment) {
        let mut len = 0;
        for (field, (value, deadline)) in &self.model {
            let hash = self.rules.hash(field);
            if is_in(hash) {
                let found = fields.find(hash, field).expect("a field that was set");
                assert_eq!((fields.value(&found), fields.deadline(&found)), (&value[..], *deadline));
                assert_eq!(fields.get(hash, field), Some(&value[..]));
                len += 1;
            }
        }
        assert_eq!(fields.len(), len);
    }
}

#[test]
fn entries_around_the_longest_short_one_change_their_form() {
    let edges = [13, 14, 126, 127, 128, 129, INLINE_MAX - 1, INLINE_MAX, INLINE_MAX + 1, INLINE_MAX + 2, 5_000];
    for before in edges {
        for after in edges {
            for timed in [None, Some(false), Some(true)] {
                let mut checked = Checked::new();
                for number in 0..3 {
                    checked.set(&named(number), &value_of(before, number));
                }
                if timed == Some(true) {
                    checked.expire(&named(1), deadline(9));
                }
                checked.set(&named(1), &value_of(after, 1));
                if timed == Some(false) {
                    checked.expire(&named(1), deadline(9));
                }
                checked.check();
                let long = [before, after, before].into_iter().filter(|len| *len > INLINE_MAX).count();
                assert_eq!(checked.boxes(), long, "{before} to {after}");
                checked.expire(&named(1), deadline(8));
                checked.check();
                checked.expire(&named(1), Deadline::NEVER);
                checked.check();
                checked.remove(&named(0));
                checked.check();
                checked.fields.shrink_to_fit(&checked.rules);
                checked.check();
            }
        }
    }
}

#[test]
fn an_overwritten_long_value_leaves_nothing_in_the_arena() {
    let mut checked = Checked::new();
    checked.set(&named(0), &value_of(INLINE_MAX + 1, 0));
    let bytes = checked.fields.bytes();
    for round in 1..1_000 {
        checked.set(&named(0), &value_of(INLINE_MAX + 1 + round, round));
        assert_eq!(checked.fields.bytes(), bytes + round);
    }
    checked.check();
}

#[test]
fn a_segment_full_of_longest_entries_outgrows_near_places_and_loses_nothing() {
    let mut checked = Checked::new();
    for number in 0..900 {
        checked.set(&named(number), &value_of(INLINE_MAX, number));
        if number % 100 == 99 {
            checked.check();
        }
        // Seven to a chunk, and 64 chunks to the end of what 16 bits reach.
        assert_eq!(checked.is_far(), number >= 64 * (CHUNK_BYTES / (INLINE_MAX + 2)), "{number}");
    }
    for number in 0..900 {
        checked.set(&named(number), &value_of(if number % 2 == 0 { 20 } else { INLINE_MAX + 1 }, number));
    }
    checked.check();
    assert!(!checked.is_far(), "it is near again once little is left in the arena");
}

#[test]
fn a_value_that_grows_may_be_the_one_that_outgrows_near_places() {
    let mut checked = Checked::new();
    let mut number = 0;
    while checked.fields.contents.arena_bytes() < (128 << 10) - 2 * CHUNK_BYTES {
        checked.set(&named(number), &value_of(100, number));
        number += 1;
    }
    assert!(!checked.is_far());
    for grown in 0..40 {
        checked.set(&named(grown), &value_of(120, grown + 1));
    }
    assert!(checked.is_far());
    checked.check();
}

#[test]
fn many_more_entries_than_16_bits_tell_apart_are_found() {
    let mut checked = Checked::new();
    for number in 0..80_000 {
        let len = if number % 1_000 == 0 { INLINE_MAX + 1 } else { 14 };
        checked.set(&named(number), &value_of(len, number));
    }
    checked.check();
    for number in 0..79_000 {
        checked.remove(&named(number));
    }
    checked.check();
    assert!(!checked.is_far() && checked.fields.bytes() < 40 << 10, "{} bytes", checked.fields.bytes());
}

#[test]
fn splitting_and_absorbing_keep_entries_of_every_form() {
    for (entries, lens) in [(900, [20, 60, 300]), (900, [INLINE_MAX; 3]), (900, [300, 301, 302]), (3, [20, 256, 257])] {
        let mut checked = Checked::new();
        for number in 0..entries {
            checked.set(&named(number), &value_of(lens[number % 3], number));
            if number % 5 == 0 {
                checked.expire(&named(number), deadline(number as u64));
            }
        }
        let Checked { rules, fields, .. } = &mut checked;
        let mut upper = fields.split(1 << 40, rules);
        let is_upper = |hash| hash & 1 << 40 != 0;
        upper.validate(rules);
        checked.fields.validate(&checked.rules);
        checked.check_half(is_upper, &upper);
        checked.check_half(|hash| !is_upper(hash), &checked.fields);
        std::mem::swap(&mut checked.fields, &mut upper); // either way round
        checked.fields.absorb(upper, &checked.rules);
        checked.check();
    }
}

#[test]
fn a_split_leaves_no_slack_in_the_arena() {
    let mut checked = Checked::new();
    for number in 0..896 {
        checked.set(&named(number), &value_of(30, number));
    }
    let Checked { rules, fields, .. } = &mut checked;
    let upper = fields.split(1 << 40, rules);
    for half in [fields, &upper] {
        let bytes = half.contents.bytes();
        let used = half.contents.arena_bytes();
        let (chunks, end) = (used.div_ceil(CHUNK_BYTES), 32);
        assert!(bytes <= used + chunks * (end + size_of::<Vec<u8>>()) + size_of::<Vec<u8>>(), "{bytes} of {used}");
    }
}

#[test]
fn shrinking_never_takes_memory() {
    for seed in 0..40 {
        let mut checked = Checked::new();
        let mut random = Random::seeded(seed);
        for number in 0..random.below(1_000) {
            checked.set(&named(number), &value_of(13 + random.below(300), number));
        }
        for _ in 0..4 {
            let before = checked.fields.bytes();
            checked.fields.shrink_to_fit(&checked.rules);
            assert!(checked.fields.bytes() <= before, "{} bytes, {before} before", checked.fields.bytes());
            checked.check();
            let number = random.below(1_000);
            checked.remove(&named(number));
        }
    }
}

/// Any calls in any order, in segments of short and of long entries.
#[test]
fn churn_in_any_order_keeps_everything() {
    for (seed, longest, entries) in [(1, 60, 300), (2, 300, 60), (3, 300, 900), (4, 400, 900), (5, 1_500, 20)] {
        let mut checked = Checked::new();
        let mut random = Random::seeded(seed);
        for turn in 0..20_000 {
            let number = random.below(entries);
            let field = named(number);
            match random.below(8) {
                0..=4 => checked.set(&field, &value_of(13 + random.below(longest - 12), turn)),
                5 => checked.remove(&field),
                6 => checked.expire(&field, deadline(random.below(1_000) as u64)),
                _ => checked.expire(&field, Deadline::NEVER),
            }
            if turn % 500 == 0 {
                checked.check();
            }
            if turn % 3_000 == 0 {
                checked.fields.shrink_to_fit(&checked.rules);
                checked.check();
            }
        }
        checked.check();
        let used: usize = checked.model.values().map(|(value, _)| value.len() + 14 + 64).sum();
        assert!(checked.fields.bytes() < 2 * used + 4 * CHUNK_BYTES, "{} bytes of {used}", checked.fields.bytes());
    }
}

#[test]
fn what_is_due_is_found_in_every_form() {
    for (entries, lens) in [(300, [20, 200, 300]), (1_500, [INLINE_MAX; 3])] {
        let mut checked = Checked::new();
        for number in 0..entries {
            checked.set(&named(number), &value_of(lens[number % 3], number));
            if number % 4 != 0 {
                checked.expire(&named(number), deadline(number as u64));
            }
        }
        let mut due = Vec::new();
        for seconds in (0..entries as u64 + 200).step_by(150) {
            let now = Now::frozen_at(deadline(seconds));
            let terms = Terms::of_change(&now, Epoch::after_one_save(), &Nobody, false, false);
            let found = checked.fields.take_due(Context::new(&checked.rules, &terms));
            found.iter().for_each(|field| checked.remove(field));
            due.extend(found.into_iter().map(Vec::from));
            let left = checked.model.values().filter(|(_, known)| *known <= deadline(seconds)).count();
            assert_eq!(left, 0, "{seconds}");
            checked.check();
        }
        due.sort_unstable();
        let timed: Vec<Vec<u8>> = (0..entries).filter(|number| number % 4 != 0).map(named).collect();
        assert_eq!(due, timed);
    }
}
