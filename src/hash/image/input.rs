//! Reads bytes that may be wrong, or even hostile.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::arithmetic_side_effects)]

use crate::error::Error;

/// Why an item cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The item is damaged. The text says what is wrong, as a clause.
    Corrupt(&'static str),
    /// The item is valid, but exceeds a limit of the store that is being loaded.
    TooLarge(Error),
}

impl From<Error> for Flaw {
    fn from(error: Error) -> Self {
        Self::TooLarge(error)
    }
}

const TOO_SHORT: Flaw = Flaw::Corrupt("a number or string is longer than the rest of its block or entry");
const BAD_VARINT: Flaw = Flaw::Corrupt("a varint is too large or not in its shortest form");
pub(crate) const REPEATED_FIELD: Flaw = Flaw::Corrupt("a field occurs twice in its hash");
pub(crate) const NO_DEADLINE: Flaw = Flaw::Corrupt("a deadline has the value that means no deadline");

/// Bytes that are read from the front.
#[derive(Clone, Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The number of bytes that are left.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes that are left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Flaw> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Flaw> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Flaw> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Flaw> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads a varint. Refuses all but its shortest form, because no other is ever written.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<usize, Flaw> {
        match self.u8()? {
            first @ ..0x80 => Ok(first.into()),
            first => self.long_varint(first),
        }
    }

    #[cold]
    fn long_varint(&mut self, first: u8) -> Result<usize, Flaw> {
        let mut number = u64::from(first & 0x7f);
        for shift in (7..u64::BITS).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            number |= bits.wrapping_shl(shift);
            if byte < 0x80 {
                let is_shortest = byte != 0 && number.wrapping_shr(shift) == bits;
                return usize::try_from(number).ok().filter(|_| is_shortest).ok_or(BAD_VARINT);
            }
        }
        Err(BAD_VARINT)
    }

    /// Reads a length, and as many bytes after it.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<&'a [u8], Flaw> {
        let len = self.varint()?;
        self.take(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::entry::push_varint;

    #[test]
    fn a_varint_reads_back_and_no_other_form_of_it_does() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u32::MAX as usize, usize::MAX >> 1, usize::MAX] {
            let mut bytes = Vec::new();
            push_varint(&mut bytes, number);
            assert_eq!(Input::new(&bytes).varint(), Ok(number));
            let last = bytes.pop().unwrap_or_default();
            assert!(Input::new(&bytes).varint().is_err(), "{number} cut short");
            bytes.extend([last | 0x80, 0]);
            assert!(Input::new(&bytes).varint().is_err(), "{number} with a byte too many");
        }
        assert!(Input::new(&[0xff; 20]).varint().is_err());
        assert!(Input::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).varint().is_err(), "65 bits");
    }
}
