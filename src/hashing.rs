//! The hash function of a store, and the use of each bit of a hash.
//!
//! Four readers share one 64-bit hash, and each uses its own bits. So no reader gets entries whose bits another reader
//! has already made equal:
//!
//! ```text
//!  63      57 56          57-s 56-s                25-s            0
//! +----------+----------------+--------------------+----------------+
//! | 7 tag    | s shard        | 32 directory       | bucket         |
//! +----------+----------------+--------------------+----------------+
//!   hashbrown  key hashes only  segments by prefix   hashbrown
//! ```
//! A packed hash needs only one byte for each field, and has a cheaper function for it.

use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

use crate::bytes;

/// The number of top bits that hashbrown compares before it looks at an entry.
pub(crate) const TAG_BITS: u32 = 7;
/// The most shards that a store may have are 2 to this power.
pub(crate) const MAX_SHARD_BITS: u32 = 10;
/// The most bits by which a directory tells its segments apart.
pub(crate) const MAX_DIRECTORY_BITS: u32 = 32;
/// The number of bits that place an entry in a segment of the usual size.
pub(crate) const BUCKET_BITS: u32 = 10;
const _: () = assert!(TAG_BITS + MAX_SHARD_BITS + MAX_DIRECTORY_BITS + BUCKET_BITS <= u64::BITS);

/// A hash function with its seeds.
#[derive(Clone, Debug)]
pub(crate) struct Hashing {
    hasher: ahash::RandomState,
    tag_seed: [u64; 2],
}

impl Default for Hashing {
    fn default() -> Self {
        let seeds = process_seeds();
        Self { hasher: hasher(seeds), tag_seed: [seeds[0], seeds[1]] }
    }
}

impl Hashing {
    /// The hash of a key or field. Never stored: it differs between processes and platforms.
    #[inline]
    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        #[cfg(test)]
        crate::tests::effort::hashed();
        let mut hasher = self.hasher.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }

    /// One byte that helps to tell the fields of a packed hash apart. For a short field it comes from a quick mix, for
    /// a longer one from the hash.
    #[inline]
    pub(crate) fn tag(&self, field: &[u8]) -> u8 {
        let mixed = match bytes::mix_short(field, self.tag_seed) {
            Some(mixed) => mixed,
            None => self.cold_hash(field),
        };
        (mixed >> 56) as u8
    }

    #[cold]
    fn cold_hash(&self, bytes: &[u8]) -> u64 {
        self.hash(bytes)
    }

    /// The hash function with this seed, which is the same in every process.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self { hasher: hasher([seed, !seed, seed.rotate_left(32), 1]), tag_seed: [seed, !seed] }
    }
}

fn hasher([a, b, c, d]: [u64; 4]) -> ahash::RandomState {
    ahash::RandomState::with_seeds(a, b, c, d)
}

/// The seeds of this process, drawn once from the operating system through std. Other processes hash differently, so an
/// attacker cannot prepare keys that collide.
fn process_seeds() -> [u64; 4] {
    static SEEDS: OnceLock<[u64; 4]> = OnceLock::new();
    *SEEDS.get_or_init(|| {
        let std = std::hash::RandomState::new();
        [0_u64, 1, 2, 3].map(|n| std.hash_one(n))
    })
}
