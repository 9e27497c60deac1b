//! Iterators over the fields and values of one hash.

use std::iter::FusedIterator;

use crate::hash::{Pairs, Record};
use crate::options::Rules;

/// An iterator over the fields and values of a hash, borrowed, in no particular order. `iter` of
/// [`HashValue`](crate::HashValue), [`HashRef`](crate::HashRef) and [`HashMut`](crate::HashMut) returns it.
#[derive(Clone)]
pub struct Iter<'a> {
    pairs: Pairs<'a>,
    left: usize,
}

impl<'a> Iter<'a> {
    pub(crate) fn of(record: &'a Record, rules: &'a Rules) -> Self {
        Self { pairs: record.pairs(rules), left: record.len() }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.pairs.next()?;
        self.left -= 1;
        Some(pair)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}

impl std::fmt::Debug for Iter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write_pairs(f, self.clone())
    }
}

/// An iterator over owned copies of the fields and values of a [`HashValue`](crate::HashValue), in no particular order.
#[derive(Debug)]
pub struct IntoIter {
    pairs: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
}

impl IntoIter {
    pub(crate) fn of(record: &Record, rules: &Rules) -> Self {
        let owned: Vec<_> = record.pairs(rules).map(|(field, value)| (field.to_vec(), value.to_vec())).collect();
        Self { pairs: owned.into_iter() }
    }
}

impl Iterator for IntoIter {
    type Item = (Vec<u8>, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        self.pairs.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.pairs.size_hint()
    }
}

impl ExactSizeIterator for IntoIter {}
impl FusedIterator for IntoIter {}

/// Writes pairs as a map of byte-string literals.
pub(crate) fn write_pairs(f: &mut std::fmt::Formatter<'_>, pairs: Iter<'_>) -> std::fmt::Result {
    struct Literal<'a>(&'a [u8]);
    impl std::fmt::Debug for Literal<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "\"{}\"", self.0.escape_ascii())
        }
    }
    f.debug_map().entries(pairs.map(|(field, value)| (Literal(field), Literal(value)))).finish()
}
