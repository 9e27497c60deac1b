//! An entry is one field with its value, as both encodings write it: `[length of the field, varint][field][value]`. It
//! does not say where it ends; each encoding knows that from elsewhere.
//!
//! A varint (LEB128) has seven bits a byte, the lowest bits first. The top bit of a byte says that another one follows.

use crate::bytes;

/// The number of bytes of a varint.
#[inline]
pub(crate) fn varint_len(number: usize) -> usize {
    let bits = usize::BITS - (number | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

pub(crate) fn push_varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Fills these bytes with a varint that takes as many.
pub(crate) fn write_varint(bytes: &mut [u8], mut number: usize) {
    if let Some((last, before)) = bytes.split_last_mut() {
        for byte in before {
            *byte = number as u8 | 0x80;
            number >>= 7;
        }
        *last = number as u8;
    }
}

/// Reads a varint from the front. Returns the number, and how many bytes it takes.
#[inline]
pub(crate) fn read_varint(bytes: &[u8]) -> (usize, usize) {
    let first = bytes[0];
    if first < 0x80 { (first.into(), 1) } else { read_long_varint(bytes) }
}

#[cold]
fn read_long_varint(bytes: &[u8]) -> (usize, usize) {
    let (mut number, mut read) = (0, 0);
    loop {
        let byte = bytes[read];
        number |= usize::from(byte & 0x7f) << (7 * read);
        read += 1;
        if byte < 0x80 {
            return (number, read);
        }
    }
}

/// The number of bytes of the entry for this pair.
#[inline]
pub(crate) fn len(field: &[u8], value: &[u8]) -> usize {
    value_offset(field) + value.len()
}

/// Appends the entry for this pair.
pub(crate) fn push(bytes: &mut Vec<u8>, field: &[u8], value: &[u8]) {
    push_varint(bytes, field.len());
    bytes.extend_from_slice(field);
    bytes.extend_from_slice(value);
}

/// The pair in an entry.
#[inline]
pub(crate) fn pair(entry: &[u8]) -> (&[u8], &[u8]) {
    let (len, read) = read_varint(entry);
    entry[read..].split_at(len)
}

/// The place in the entry of this field where the value begins.
#[inline]
pub(crate) fn value_offset(field: &[u8]) -> usize {
    varint_len(field.len()) + field.len()
}

/// The place in an entry where its value begins, if it is the entry of this field.
#[inline(always)]
pub(crate) fn value_offset_of(entry: &[u8], field: &[u8]) -> Option<usize> {
    let (len, read) = read_varint(entry);
    let behind = &entry[read..];
    (len == field.len() && bytes::equal(behind.get(..field.len())?, field)).then_some(read + field.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_reads_back_at_every_boundary() {
        for number in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, u32::MAX as usize, usize::MAX] {
            let mut bytes = Vec::new();
            push_varint(&mut bytes, number);
            assert_eq!(bytes.len(), varint_len(number), "{number}");
            bytes.push(0xff);
            assert_eq!(read_varint(&bytes), (number, bytes.len() - 1), "{number}");
            let mut written = vec![0; bytes.len() - 1];
            write_varint(&mut written, number);
            assert_eq!(written, bytes[..bytes.len() - 1], "{number}");
        }
    }
}
