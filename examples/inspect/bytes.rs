//! Reads numbers and strings from bytes, any of which may be wrong.

/// What is wrong, as a clause.
pub(crate) type Flaw = &'static str;

/// Where a file is damaged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    /// The place where it was noticed, in bytes from the beginning.
    pub(crate) at: u64,
    pub(crate) what: Flaw,
}

/// The rest of some bytes.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a>(pub(crate) &'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Flaw> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or("something reaches beyond its end")?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        self.take(N).map(|bytes| bytes.try_into().expect("it has N bytes"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Flaw> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Flaw> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Flaw> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Flaw> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Flaw> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                return Err("a varint is too large");
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 { Err("a varint is longer than necessary") } else { Ok(number) };
            }
        }
        Err("a varint is too long")
    }

    pub(crate) fn len(&mut self) -> Result<usize, Flaw> {
        usize::try_from(self.varint()?).map_err(|_| "something reaches beyond its end")
    }

    /// A length, and so many bytes.
    pub(crate) fn string(&mut self) -> Result<&'a [u8], Flaw> {
        let len = self.len()?;
        self.take(len)
    }
}
