//! Numbers as text, as an increment reads and writes them.

use std::fmt::Write;

use crate::error::{Error, Result};

/// The length of the longest integer, `-9223372036854775808`.
const LONGEST_INTEGER: usize = 20;
/// The length of the longest text that is read as a float. It is Redis's limit, and far more than any number needs.
const LONGEST_FLOAT: usize = 5 * 1024 - 1;

/// Reads a canonical integer: `0` or `-?[1-9][0-9]*`, within [`i64`].
pub(crate) fn parse_integer(text: &[u8]) -> Result<i64> {
    if text.len() > LONGEST_INTEGER {
        return Err(Error::NotAnInteger);
    }
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    let text = std::str::from_utf8(text).ok().filter(|_| canonical);
    text.and_then(|text| text.parse().ok()).ok_or(Error::NotAnInteger)
}

/// Reads a finite number, as [`f64::from_str`](std::str::FromStr::from_str) does. Refuses texts above a length, so that
/// the work is bounded.
pub(crate) fn parse_float(text: &[u8]) -> Result<f64> {
    if text.len() > LONGEST_FLOAT {
        return Err(Error::NotAFloat);
    }
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.filter(|number: &f64| number.is_finite()).ok_or(Error::NotAFloat)
}

/// Adds two finite numbers. A sum of -0 becomes 0.
pub(crate) fn add_floats(number: f64, amount: f64) -> Result<f64> {
    let sum = number + amount;
    if sum.is_finite() { Ok(sum + 0.0) } else { Err(Error::Overflow) } // -0.0 + 0.0 is 0.0
}

/// The text of an integer.
pub(crate) type IntegerText = Text<LONGEST_INTEGER>;
/// The text of a float. The longest texts have a sign, `0.`, more than 300 zeros and up to 17 digits.
pub(crate) type FloatText = Text<344>;

/// The text of a number as std writes it: without an exponent, and with the fewest digits that read back as the same
/// number.
pub(crate) struct Text<const LONGEST: usize> {
    bytes: [u8; LONGEST],
    len: usize,
}

impl<const LONGEST: usize> Text<LONGEST> {
    pub(crate) fn of(number: impl std::fmt::Display) -> Self {
        let mut text = Self { bytes: [0; LONGEST], len: 0 };
        write!(text, "{number}").expect("no number is longer");
        text
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl<const LONGEST: usize> Write for Text<LONGEST> {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let end = self.len + part.len();
        self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_texts_fit() {
        for number in [f64::MAX, f64::MIN, 5e-324, -5e-324, -f64::MIN_POSITIVE, 1.797_693_134_862_315_7e-308] {
            let text = FloatText::of(number);
            assert_eq!(parse_float(text.as_bytes()), Ok(number), "{number}");
        }
        assert_eq!(IntegerText::of(i64::MIN).as_bytes(), i64::MIN.to_string().as_bytes());
    }
}
