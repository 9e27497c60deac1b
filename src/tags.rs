//! Searches the tags of a packed hash. Each is one byte, and plain arithmetic compares many at a time.

/// The number of tags that are compared together.
pub(crate) const LANES: usize = 16;
/// The number of tags that are skipped at a time if none of them is equal.
const BLOCK: usize = 32;

/// The index of the first of sixteen tags that equals this one. It compares eight bytes twice, without a branch in
/// between.
#[inline]
pub(crate) fn first_equal(tags: [u8; LANES], tag: u8) -> Option<usize> {
    let (low, high) = (u128::from_le_bytes(tags) as u64, (u128::from_le_bytes(tags) >> 64) as u64);
    let marked = u128::from(mark_equal(low, tag)) | u128::from(mark_equal(high, tag)) << 64;
    (marked != 0).then(|| marked.trailing_zeros() as usize / 8)
}

/// Sets the top bit of each byte that equals this tag (Mycroft's test for a zero byte). It may also set the top bit of
/// other bytes, but only above the lowest equal one.
#[inline]
fn mark_equal(tags: u64, tag: u8) -> u64 {
    const LOW: u64 = u64::from_le_bytes([0x01; 8]);
    const TOP: u64 = u64::from_le_bytes([0x80; 8]);
    let zero_where_equal = tags ^ (LOW * u64::from(tag));
    zero_where_equal.wrapping_sub(LOW) & !zero_where_equal & TOP
}

/// The most tags that [`first_of_many`] searches at a time.
pub(crate) const MANY: usize = 128;

/// The index of the first of up to [`MANY`] tags that equals this one. It reads up to 128 bytes, tags and others,
/// without a branch, if there are as many.
#[inline]
pub(crate) fn first_of_many(tags: &[u8], count: usize, tag: u8) -> Option<usize> {
    let first = match count {
        0..=32 => least_equal::<32>(tags, tag),
        33..=64 => least_equal::<64>(tags, tag),
        _ => least_equal::<MANY>(tags, tag),
    };
    first.map_or_else(|| next_equal(&tags[..count], 0, tag), |first| (first < count).then_some(first))
}

/// The index of the first of these tags that equals this one, or 255. `None` if there are fewer bytes. Compilers have
/// wide instructions for a minimum of bytes.
#[inline(always)]
fn least_equal<const N: usize>(tags: &[u8], tag: u8) -> Option<usize> {
    let tags: &[u8; N] = tags.first_chunk()?;
    let mut first = u8::MAX;
    for (at, other) in tags.iter().enumerate() {
        let here = if *other == tag { at as u8 } else { u8::MAX };
        first = first.min(here);
    }
    Some(first.into())
}

/// The index of the first tag, from `first` on, that equals this one.
#[inline]
pub(crate) fn next_equal(tags: &[u8], first: usize, tag: u8) -> Option<usize> {
    let mut at = first;
    // The loop over the tags of a block has no branches, so compilers use wide instructions for it.
    while let Some(block) = tags.get(at..).and_then(|tags| tags.first_chunk::<BLOCK>())
        && !block.iter().fold(false, |any, other| any | (*other == tag))
    {
        at += BLOCK;
    }
    while let Some(chunk) = tags.get(at..).and_then(|tags| tags.first_chunk()) {
        if let Some(lane) = first_equal(*chunk, tag) {
            return Some(at + lane);
        }
        at += LANES;
    }
    tags.get(at..)?.iter().position(|other| *other == tag).map(|lane| at + lane)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_equal_tag_is_found_wherever_it_is() {
        for len in 0..=MANY {
            // Mycroft's test may falsely mark a neighbour that differs only in the lowest bit.
            let tags: Vec<u8> = (0..len).map(|at| if at % 7 == 3 { 1 } else { (at % 2) as u8 * 0x80 }).collect();
            for first in 0..=len + 1 {
                for tag in [0, 1, 0x80, 0xff] {
                    let expected = (first..len).find(|at| tags[*at] == tag);
                    assert_eq!(next_equal(&tags, first, tag), expected, "{tag} from {first} of {len}");
                    let count = len.saturating_sub(first);
                    for behind in [0, 200] {
                        let tags: Vec<u8> = tags.iter().copied().skip(first).chain(vec![tag; behind]).collect();
                        let found = first_of_many(&tags, count, tag).map(|index| first + index);
                        assert_eq!(found, expected, "{tag} from {first} of {len}, {behind} bytes behind");
                    }
                }
            }
        }
    }
}
