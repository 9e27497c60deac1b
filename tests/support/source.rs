//! The source of a scenario's choices: the bytes of a fuzzer or of proptest, or a small seeded generator for long runs.
//! Alphabets are small, so that calls meet. Values are those at which something changes its form.

use std::fmt;

use super::pattern;

#[derive(Debug)]
pub(crate) enum Source<'a> {
    Bytes(&'a [u8]),
    Seed(u64),
}

impl Source<'_> {
    /// Whether there are bytes left. A seed never ends.
    pub(crate) fn has_more(&self) -> bool {
        match self {
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::Seed(_) => true,
        }
    }

    /// A number below `bound`. It takes one byte of the input, or two if the bound exceeds 256. At the end of the
    /// input, the number is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let number = match self {
            Self::Bytes(bytes) => {
                let (now, rest) = bytes.split_at(bytes.len().min(if bound > 256 { 2 } else { 1 }));
                *bytes = rest;
                now.iter().fold(0, |number, &byte| number << 8 | usize::from(byte))
            }
            Self::Seed(state) => {
                *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
                (mix(*state) >> 32) as usize
            }
        };
        number % bound
    }

    pub(crate) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == bound - 1
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub(crate) fn key(&mut self, keys: usize) -> Bytes {
        match self.below(24) {
            0 => self.one_of::<&[u8]>(&[b"", b"\0", b"\0\0", b"k"]).into(),
            1 => pattern(7, self.one_of(&[24, 25, 127, 128, 255, 256])).into(),
            2 if self.one_in(16) => pattern(8, self.one_of(&[65_536, 65_537])).into(),
            _ => format!("k{}", self.below(keys)).into(),
        }
    }

    pub(crate) fn field(&mut self, fields: usize) -> Bytes {
        match self.below(24) {
            0 => self.one_of::<&[u8]>(&[b"", b"\0", b"\0\0", b"f"]).into(),
            1 => pattern(1, self.one_of(&[8, 9, 127, 128, 200, 201, 255, 256])).into(),
            2 if self.one_in(16) => pattern(2, self.one_of(&[4_096, 65_535, 65_536])).into(),
            _ => numbered(self.below(fields)),
        }
    }

    pub(crate) fn value(&mut self) -> Bytes {
        const TEXTS: [&str; 24] = [
            "0",
            "1",
            "-1",
            "7",
            "99999999",
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775808",
            "+1",
            "01",
            "-0",
            " 1",
            "1.5",
            "",
            "-2.25e3",
            "1e308",
            "-1e308",
            "5e-324",
            "inf",
            "NaN",
            ".5",
            "1_000",
            "John Doe",
            "\0",
        ];
        match self.below(16) {
            0..=7 => self.below(100).to_string().into(),
            8..=11 => self.one_of(&TEXTS).into(),
            12..=14 => pattern(
                self.below(4) as u8,
                self.one_of(&[0, 1, 2, 7, 8, 9, 32, 63, 64, 65, 127, 128, 200, 201, 255, 256]),
            )
            .into(),
            _ if self.one_in(8) => {
                pattern(9, self.one_of(&[1_023, 1_024, 1_025, 4_095, 4_096, 16_384, 65_534, 65_535, 65_536])).into()
            }
            _ => Bytes(vec![0xff, 0xfe]),
        }
    }
}

/// The field with this number, for calls on a range of fields.
pub(crate) fn numbered(number: usize) -> Bytes {
    format!("f{number}").into()
}

/// The finaliser of SplitMix64: every bit of the result depends on every bit of `number`.
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// A byte string that prints in a short and readable form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<T: Into<Vec<u8>>> From<T> for Bytes {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            0..=40 => write!(f, "b\"{}\"", self.0.escape_ascii()),
            len => write!(f, "b\"{}…\" ({len} bytes)", self.0[..8].escape_ascii()),
        }
    }
}
