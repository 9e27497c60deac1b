//! Comparing and mixing short byte strings in a few instructions. Most keys and fields have at most sixteen bytes, and
//! a lookup both compares and mixes. For such strings, a call of `memcmp` or a full hash costs several times as much.

/// The length of the longest string that [`ends`] accepts.
const SHORT: usize = 16;

/// Two numbers that together hold all bytes of a short string. They overlap if the string is shorter than both
/// together. Two strings of equal length are equal exactly if their numbers are.
#[inline]
fn ends(bytes: &[u8]) -> Option<(u64, u64)> {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return (bytes.len() <= SHORT).then(|| (u64::from_le_bytes(*first), u64::from_le_bytes(*last)));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return Some((u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()));
    }
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return Some((0, 0)) };
    Some((u64::from(*first) | u64::from(bytes[bytes.len() / 2]) << 8, (*last).into()))
}

/// Whether two byte strings are equal.
#[inline(always)]
pub(crate) fn equal(left: &[u8], right: &[u8]) -> bool {
    #[cfg(test)]
    crate::tests::effort::compared();
    if left.len() != right.len() {
        return false;
    }
    // From the usual lengths to the others.
    if left.len() >= 8 {
        if left.len() <= SHORT {
            return same_ends::<8>(left, right);
        }
        return if left.len() <= 32 { same_ends::<16>(left, right) } else { left == right };
    }
    if left.len() >= 4 {
        same_ends::<4>(left, right)
    } else {
        left.iter().zip(right).all(|(left, right)| left == right)
    }
}

/// Whether the first `N` bytes are equal, and the last `N`.
#[inline]
fn same_ends<const N: usize>(left: &[u8], right: &[u8]) -> bool {
    left.first_chunk::<N>() == right.first_chunk::<N>() && left.last_chunk::<N>() == right.last_chunk::<N>()
}

/// The digits of the golden ratio. Small multiples of this number differ in their top bytes.
const LENGTH_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A number that depends on all bytes of a short string, on its length and on the seed. `None` for a longer string. It
/// takes one folded multiplication, as in wyhash.
///
/// The length is added after the multiplication. If it were mixed in before, an attacker could choose names whose first
/// byte cancels the length. Names of all lengths would then share one number under every seed.
#[inline]
pub(crate) fn mix_short(bytes: &[u8], seed: [u64; 2]) -> Option<u64> {
    let (first, last) = ends(bytes)?;
    let product = u128::from(first ^ seed[0]) * u128::from(last ^ seed[1]);
    let mixed = (product >> 64) as u64 ^ product as u64;
    Some(mixed.wrapping_add(LENGTH_STEP.wrapping_mul(bytes.len() as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_makes_strings_unequal_at_every_length() {
        for len in 0..40 {
            let left: Vec<u8> = (0..len).collect();
            assert!(equal(&left, &left.clone()), "{len}");
            assert!(!equal(&left, &[&left[..], b"x"].concat()), "{len}");
            for at in 0..usize::from(len) {
                let mut right = left.clone();
                right[at] ^= 0x80;
                assert!(!equal(&left, &right), "{len} at {at}");
            }
        }
    }

    #[test]
    fn short_strings_that_differ_little_mix_differently() {
        const SEED: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];
        for pattern in ["f", "id", "user:", "a:longer:name:"] {
            let mut counts = [0_usize; 256];
            for n in 0..2_560 {
                let text = format!("{pattern}{n}");
                if let Some(mixed) = mix_short(text.as_bytes(), SEED) {
                    counts[(mixed >> 56) as usize] += 1;
                }
            }
            let most = counts.into_iter().max().unwrap_or_default();
            assert!(most < 35, "{most} strings like {pattern} share a top byte, ten are the mean");
        }
    }
}
