//! Names that an attacker may choose who knows the hash functions, but not the seeds.

use super::Sum;
use crate::bytes;
use crate::hash::Encoding;
use crate::random::Random;
use crate::store::Store;
use crate::value::HashMut;

/// Names of one kind: what they are, and the name for each number.
type Family = (&'static str, fn(usize) -> Vec<u8>);

/// All names of a family have the same length, so that the length does not tell them apart. The last family is the
/// exception.
const FAMILIES: [Family; 12] = [
    ("sequential digits", |n| format!("{n:08}").into()),
    ("sequential bytes, lowest first", |n| n.to_le_bytes().into()),
    ("sequential bytes, highest first", |n| n.to_be_bytes().into()),
    ("bits in reverse", |n| n.reverse_bits().to_le_bytes().into()),
    ("a common beginning", |n| format!("user:{n:011}").into()),
    ("a common end", |n| format!("{n:07}:session").into()),
    ("a long common beginning", |n| format!("tenant:0042:region:eu:user:profile:{n:08}").into()),
    ("a long common end", |n| format!("{n:08}:tenant:0042:region:eu:user:profile").into()),
    ("zeros, and one byte of sixteen", |n| with_byte([0; 16], n)),
    ("zeros, and one byte of eighty", |n| with_byte([0; 80], n)),
    ("one bit of eight", |n| (0..16).map(|at| (n >> at & 1) as u8).collect()),
    ("zeros, of any number", |n| vec![0; n]),
];

/// Sets one byte. The last two bytes count how often that place was set before.
fn with_byte<const N: usize>(mut bytes: [u8; N], n: usize) -> Vec<u8> {
    let (turn, place) = (n / (N - 2), n % (N - 2));
    bytes[place] = 1;
    bytes[N - 2..].copy_from_slice(&(turn as u16).to_le_bytes());
    bytes.into()
}

fn names(family: Family, range: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    range.map(family.1).collect()
}

/// The number of these fields that have each tag.
fn shares(fields: &[Vec<u8>], seed: [u64; 2]) -> [usize; 256] {
    let mut shares = [0; 256];
    for field in fields {
        let mixed = bytes::mix_short(field, seed).expect("a short field");
        shares[usize::from((mixed >> 56) as u8)] += 1;
    }
    shares
}

#[test]
fn tags_of_short_fields_are_shared_as_rarely_as_random_ones() {
    const FIELDS: usize = 128; // of the largest packed hash by default
    const SEEDS: usize = 2_000;
    // The number of pairs that share one of 256 tags by chance.
    const BY_CHANCE: f64 = (FIELDS * (FIELDS - 1) / 2) as f64 / 256.0;
    let mut random = Random::seeded(1);
    let mut number = || random.below(usize::MAX) as u64;
    for family in FAMILIES {
        let fields = names(family, 0..FIELDS);
        if fields.iter().any(|field| field.len() > 16) {
            continue; // tags of long fields come from the hash
        }
        let (mut pairs, mut unlucky, mut worst) = (0, 0, 0);
        for _ in 0..SEEDS {
            let shares = shares(&fields, [number(), number()]);
            let most = shares.into_iter().max().unwrap_or(0);
            pairs += shares.into_iter().map(|share| share * share.saturating_sub(1) / 2).sum::<usize>();
            unlucky += usize::from(most > 8);
            worst = worst.max(most);
        }
        let mean = pairs as f64 / SEEDS as f64 / BY_CHANCE;
        assert!(mean < 1.25, "{}: pairs share a tag {mean:.2} times as often as by chance", family.0);
        assert!(worst <= FIELDS / 4, "{}: {worst} fields in one tag", family.0);
        assert!(unlucky < SEEDS / 50, "{}: of {SEEDS} seeds {unlucky} have more than 8 fields in one tag", family.0);
    }
}

/// In each group, the first byte of a name undoes its length. If the length were mixed in before the multiplication,
/// all names of a group would share one tag under every seed.
#[test]
fn no_fields_share_a_tag_under_every_seed() {
    const GROUPS: usize = 9;
    const SEEDS: usize = 1_000;
    // At lengths 4 and 8 the first bytes are also the last ones.
    let lens: Vec<usize> = (2..=16).filter(|len| ![4, 8].contains(len)).collect();
    let undoing = |len: usize, byte: u8| [&[len as u8 ^ byte][..], &[0; 16]].concat()[..len].to_vec();
    let group = |byte: u8| lens.iter().map(move |&len| undoing(len, byte)).collect::<Vec<_>>();
    let groups: Vec<Vec<Vec<u8>>> = (0..GROUPS).map(|n| group(17 * n as u8)).collect();
    let same_ends: Vec<Vec<u8>> = (0..=16).map(|len| vec![0; len]).collect();
    let mut random = Random::seeded(2);
    let mut pairs = 0;
    for _ in 0..SEEDS {
        let seed = [(); 2].map(|()| random.below(usize::MAX) as u64);
        let shares_of = |fields: &Vec<Vec<u8>>| shares(fields, seed);
        pairs += groups.iter().flat_map(shares_of).map(|share| share * share.saturating_sub(1) / 2).sum::<usize>();
        assert_eq!(shares_of(&same_ends).into_iter().max(), Some(1), "names that differ only in length");
    }
    let by_chance = (SEEDS * GROUPS * lens.len() * (lens.len() - 1) / 2) as f64 / 256.0;
    let ratio = pairs as f64 / by_chance;
    assert!(ratio < 1.25, "pairs share a tag {ratio:.2} times as often as by chance");

    let store = Store::builder().hash_seed(SEED).build();
    let fields = groups.concat();
    store.update("k", |hash| fields.iter().for_each(|field| assert_eq!(hash.set(field, "v"), Ok(true))));
    store.read("k", |hash| {
        let found = Sum::of(&fields, |field| assert!(hash.contains(field)));
        assert!(found.most.comparisons <= 4, "{found:?}");
    });
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// The effort of looking up names that are there, and of as many that are not.
fn look_up(family: Family, names: usize, mut contains: impl FnMut(&[u8]) -> bool) -> [Sum; 2] {
    [(0..names, true), (names..2 * names, false)].map(|(range, is_there)| {
        let look = |name: Vec<u8>| assert_eq!(contains(&name), is_there);
        Sum::of(self::names(family, range), look)
    })
}

/// Checks the comparisons of lookups. `means` bounds their average in hundredths, first for names that are there, then
/// for names that are not. `most` bounds each lookup.
fn assert_bounded(family: Family, what: &str, [hits, misses]: [Sum; 2], means: [usize; 2], most: usize) {
    let mean = |sum: Sum| sum.all.comparisons * 100 / sum.calls;
    for (sum, bound) in [(hits, means[0]), (misses, means[1])] {
        assert!(mean(sum) <= bound && sum.most.comparisons <= most, "{}, {what}: {sum:?}", family.0);
    }
}

#[test]
fn a_lookup_compares_few_keys_and_fields_whatever_their_names() {
    for family in FAMILIES {
        let store = Store::builder().shards(1).hash_seed(SEED).build();
        let keys = 4_000;
        names(family, 0..keys).iter().for_each(|key| assert_eq!(store.set(key, "f", "v"), Ok(true)));
        assert_bounded(family, "keys", look_up(family, keys, |key| store.contains_key(key)), [125, 25], 8);
        for (fields, encoding) in [(128, Encoding::Packed), (4_000, Encoding::Table)] {
            let store = Store::builder().hash_seed(SEED).build();
            let fill = |hash: &mut HashMut<'_>| {
                names(family, 0..fields).iter().for_each(|field| assert_eq!(hash.set(field, "v"), Ok(true)));
            };
            store.update("k", fill);
            if store.encoding("k") != Some(encoding) {
                assert!(family.1(fields).len() > 64, "long enough not to be packed");
                continue;
            }
            store.read("k", |hash| {
                let sums = look_up(family, fields, |field| hash.contains(field));
                assert_bounded(family, &encoding.to_string(), sums, [160, 100], 12);
            });
        }
    }
}
