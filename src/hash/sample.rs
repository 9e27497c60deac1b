//! Random fields. An encoding only has to offer two things for it: to draw one field, and to walk over all.

use std::collections::HashSet;

use crate::hash::{Pair, Record};
use crate::options::Rules;
use crate::random::Random;

/// How many random fields to return, and whether one may be returned again; see
/// [`Store::random_fields`](crate::Store::random_fields).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sample {
    /// This many different fields, or all fields if there are no more.
    Distinct(usize),
    /// This many draws, each from all fields. A number above [`MAX_REPEATS`](Self::MAX_REPEATS) counts as that.
    WithRepeats(usize),
}

impl Sample {
    /// The most draws of one call: 1,048,576. Without this bound, a call could ask a hash of one field for any number
    /// of draws, and would hold a lock meanwhile. Draws do not depend on each other, so another call can draw more.
    pub const MAX_REPEATS: usize = 1 << 20;
}

impl Record {
    /// Draws a field with its value, as Redis's HRANDFIELD does. Each field is equally likely.
    pub(crate) fn random_field<'a>(&'a self, rules: &'a Rules) -> Option<Pair<'a>> {
        self.draw(&mut Random::of_call(rules), rules)
    }

    /// Returns copies of random fields with their values, as Redis's HRANDFIELD with a count does.
    pub(crate) fn random_fields(&self, sample: Sample, rules: &Rules) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.sample(sample, &mut Random::of_call(rules), rules, |(field, value)| (field.to_vec(), value.to_vec()))
    }

    /// [`random_fields`](Self::random_fields) without the values.
    pub(crate) fn random_field_names(&self, sample: Sample, rules: &Rules) -> Vec<Vec<u8>> {
        self.sample(sample, &mut Random::of_call(rules), rules, |(field, _)| field.to_vec())
    }

    fn sample<'a, T>(
        &'a self,
        sample: Sample,
        random: &mut Random,
        rules: &'a Rules,
        copy: impl Fn(Pair<'a>) -> T,
    ) -> Vec<T> {
        match sample {
            _ if self.len() == 0 => Vec::new(),
            Sample::Distinct(count) if count >= self.len() => self.pairs(rules).map(copy).collect(),
            Sample::Distinct(count) if count < self.len() / 4 => {
                self.draw_distinct(count, random, rules).map(copy).collect()
            }
            Sample::Distinct(count) => self.select(count, random, rules).map(copy).collect(),
            Sample::WithRepeats(count) => {
                (0..count.min(Sample::MAX_REPEATS)).filter_map(|_| self.draw(random, rules)).map(copy).collect()
            }
        }
    }

    /// Chooses a small part of all fields. It draws until it has this many different ones. O(count).
    fn draw_distinct<'a>(
        &'a self,
        count: usize,
        random: &mut Random,
        rules: &'a Rules,
    ) -> impl Iterator<Item = Pair<'a>> {
        let mut drawn = HashSet::with_capacity(count);
        std::iter::repeat_with(|| self.draw(random, rules))
            .flatten()
            .filter(move |pair| drawn.insert(pair.0))
            .take(count)
    }

    /// Chooses a large part of all fields in one walk (Knuth's algorithm S). If `wanted` more fields are to be taken,
    /// and `left` fields are still ahead, it takes the next field with probability `wanted / left`. O(n).
    fn select<'a>(&'a self, count: usize, random: &mut Random, rules: &'a Rules) -> impl Iterator<Item = Pair<'a>> {
        let (mut wanted, mut left) = (count, self.len());
        self.pairs(rules).filter(move |_| {
            let taken = random.below(left) < wanted;
            wanted -= usize::from(taken);
            left -= 1;
            taken
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Context;
    use crate::hash::Encoding;
    use crate::options::{Rules, Thresholds};
    use crate::random::tests::assert_even;
    use crate::saving::Mark;

    /// A hash that once had `once` numbered fields and has only those left that `kept` accepts, with the names of
    /// these. It is the same in every run.
    fn record(max_fields: usize, once: usize, kept: impl Fn(usize) -> bool) -> (Record, Vec<String>) {
        let thresholds = Thresholds::default().max_fields(max_fields).max_packed_bytes(usize::MAX);
        let mut rules = Rules::with_thresholds(thresholds);
        rules.seed(1);
        let cx = Context::of_value(&rules);
        let mut record = Record::new(Mark::default(), b"key");
        (0..once).for_each(|n| _ = record.set(n.to_string().as_bytes(), b"value", cx).unwrap());
        for n in (0..once).filter(|&n| !kept(n)) {
            record.remove(n.to_string().as_bytes(), cx);
        }
        record.choose_encoding(Encoding::Table, cx);
        record.validate(&rules);
        (record, (0..once).filter(|&n| kept(n)).map(|n| n.to_string()).collect())
    }

    /// Takes samples of this kind until there are 30 draws for each field on average, and checks that they are even.
    fn check_even(record: &Record, fields: &[String], sample: Sample) {
        let (mut random, rules) = (Random::seeded(11), Rules::default());
        let mut counts = vec![0; fields.len()];
        let places: std::collections::HashMap<&[u8], usize> =
            fields.iter().enumerate().map(|(place, field)| (field.as_bytes(), place)).collect();
        let mut left = 30 * fields.len();
        while left > 0 {
            let drawn = record.sample(sample, &mut random, &rules, |pair| pair);
            assert!(drawn.iter().all(|(_, value)| value == b"value"));
            drawn.iter().for_each(|(field, _)| counts[places[field]] += 1);
            left = left.saturating_sub(drawn.len());
        }
        assert_even(&counts);
    }

    fn check_all_samples(record: &Record, fields: &[String]) {
        let len = fields.len();
        for sample in [1, len / 10, len / 2, len - 1].map(|count| Sample::Distinct(count.max(1))) {
            check_even(record, fields, sample);
        }
        check_even(record, fields, Sample::WithRepeats(10));
    }

    #[test]
    fn samples_of_packed_hashes_are_even() {
        for len in [1, 2, 3, 8, 100, 2_000] {
            let (record, fields) = record(65_535, len, |_| true);
            assert_eq!(record.encoding(), Encoding::Packed);
            check_all_samples(&record, &fields);
        }
    }

    #[test]
    fn samples_of_tables_are_even() {
        for len in [1, 2, 3, 8, 100, 896, 897, 10_000] {
            let (record, fields) = record(0, len, |_| true);
            assert_eq!(record.encoding(), Encoding::Table);
            check_all_samples(&record, &fields);
        }
    }

    #[test]
    fn samples_after_mass_removal_are_even() {
        for kept in [1_000, 113, 20, 3, 1] {
            let (record, fields) = record(0, 20_000, |n| n % (20_000 / kept) == 0);
            check_all_samples(&record, &fields);
        }
        let (record, fields) = record(65_535, 5_000, |n| n % 50 == 0);
        assert_eq!(record.encoding(), Encoding::Packed);
        check_all_samples(&record, &fields);
    }

    #[test]
    fn samples_of_unevenly_filled_segments_are_even() {
        // Some segments stay full beside others that are nearly empty.
        let mut rules = Rules::default();
        rules.seed(1);
        let order = |n: usize| rules.hash(n.to_string().as_bytes()) << crate::hashing::TAG_BITS;
        let (record, fields) = record(0, 20_000, |n| n % 50 == 0 || order(n) < u64::MAX / 8);
        check_all_samples(&record, &fields);
    }
}
