//! What a store decided once, when it was built: thresholds, limits, and with them the hash function.

use crate::error::{Error, Result};
use crate::hashing::Hashing;

/// The most that the two-byte numbers of a packed hash can count, fields as well as bytes.
pub(crate) const PACKED_MAX: usize = u16::MAX as usize;

/// When a hash changes its encoding: small ones are packed into one byte vector, bigger ones become a table.
///
/// A packed hash becomes a table when the result of a call passes one of the three; a table becomes packed again when
/// it has at most half of `max_fields` and of `max_packed_bytes` and nothing longer than `max_string`. Neither changes
/// what any operation answers.
///
/// ```
/// use hashlet::{Encoding, HashValue, Thresholds};
///
/// let mut hash = HashValue::with_thresholds(Thresholds::default().max_fields(2));
/// hash.set_many([("a", "1"), ("b", "2")])?;
/// assert_eq!(hash.encoding(), Encoding::Packed);
/// hash.set("c", "3")?;
/// assert_eq!(hash.encoding(), Encoding::Table);
/// # Ok::<(), hashlet::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    pub(crate) max_fields: usize,
    pub(crate) max_string: usize,
    pub(crate) max_packed_bytes: usize,
}

impl Default for Thresholds {
    /// 128 fields, strings of 4 KiB, entries of 8 KiB.
    fn default() -> Self {
        // What `cargo bench --bench encoding -- --ratios` prints, in times of a bare hashbrown map:
        // * At 128 fields of 32 bytes the packed form takes 4.6 KB where the table takes 5.9; a hit costs 3 to 4 times the
        //   map's (the table's: 1.5), a replaced value as much as in the table. At 256 fields a hit costs 5 times.
        // * Replacing one of many short values moves what stands behind it: at 4 KiB that costs as much as in the table,
        //   at 8 KiB twice, at 16 KiB three times.
        // * Replacing one of eight long values is cheaper than in the table up to 8 KiB, and dearer from 16 KiB on. So a
        //   record of a few short values and one of up to 4 KiB stays packed.
        Self { max_fields: 128, max_string: 4096, max_packed_bytes: 8192 }
    }
}

impl Thresholds {
    /// Packs hashes of at most this many fields: 0 makes every hash a table, 65,535 is the most a packed hash can
    /// count, and what more asks for.
    #[doc(alias = "hash-max-listpack-entries")]
    #[must_use]
    pub const fn max_fields(mut self, fields: usize) -> Self {
        self.max_fields = at_most(fields, PACKED_MAX);
        self
    }

    /// Packs hashes with no field and no value longer than this many bytes.
    #[doc(alias = "hash-max-listpack-value")]
    #[must_use]
    pub const fn max_string(mut self, bytes: usize) -> Self {
        self.max_string = bytes;
        self
    }

    /// Packs hashes whose fields and values, with the one to five bytes that tell the length of each field, take at
    /// most this many bytes; 65,535 is the most a packed hash can hold, and what more asks for.
    #[must_use]
    pub const fn max_packed_bytes(mut self, bytes: usize) -> Self {
        self.max_packed_bytes = at_most(bytes, PACKED_MAX);
        self
    }
}

/// The largest things a store takes. They can be lowered, not raised; what passes one is refused with an [`Error`]
/// that names size and limit, and nothing is changed.
///
/// ```
/// use hashlet::{Error, Limits, Store};
///
/// let store = Store::builder().limits(Limits::default().max_string(5)).build();
/// assert_eq!(store.set("k", "f", "123456"), Err(Error::ValueTooLong { size: 6, limit: 5 }));
/// assert!(!store.contains_key("k"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    max_fields: usize,
    max_string: usize,
    max_key: usize,
    pub(crate) max_bytes: Option<usize>,
}

impl Default for Limits {
    /// 2^32 - 1 fields a hash, 512 MiB a field or value, 64 KiB a key, and no limit to the bytes of a store.
    fn default() -> Self {
        Self { max_fields: u32::MAX as usize, max_string: 512 << 20, max_key: 64 << 10, max_bytes: None }
    }
}

impl Limits {
    /// Refuses hashes of more fields than this.
    #[must_use]
    pub const fn max_fields(mut self, fields: usize) -> Self {
        self.max_fields = at_most(fields, self.max_fields);
        self
    }

    /// Refuses fields and values of more bytes than this.
    #[must_use]
    pub const fn max_string(mut self, bytes: usize) -> Self {
        self.max_string = at_most(bytes, self.max_string);
        self
    }

    /// Refuses keys of more bytes than this.
    #[must_use]
    pub const fn max_key(mut self, bytes: usize) -> Self {
        self.max_key = at_most(bytes, self.max_key);
        self
    }

    /// Refuses writes that would make a whole store hold more bytes than this, as [`Stats::bytes`](crate::Stats::bytes)
    /// counts them, with [`Error::Full`]. Nothing is evicted. Removals, and writes that do not make a hash larger, are never
    /// refused. One exception: a write that turns a packed hash into a table.
    ///
    /// A write is judged by its key, fields, values and deadlines, and by an estimate of what is needed beside them. What the
    /// tables around them really take when they grow is known afterwards. So the store can hold more than the limit after a
    /// call, by at most a thirty-second of the limit and 16 KiB for each call that is under way. The next write finds it full.
    ///
    /// What is removed from a table makes room when its garbage is collected, not at once. A packed hash keeps up to a quarter
    /// of its bytes for values of its own. [`shrink_to_fit`](crate::Store::shrink_to_fit) collects both.
    ///
    /// A deadline takes 8 bytes, and is refused like a field if there is no room: by [`ExpireOutcome::Full`](crate::ExpireOutcome::Full) or
    /// [`Error::Full`]. One that takes the place of another is never refused.
    ///
    /// What has expired is removed before anything is refused. A closure runs only once. So
    /// [`update`](crate::Store::update) and [`update_many`](crate::Store::update_many) remove what has expired *before* the
    /// closure, and only if less than a sixteenth of the limit is left. They pass over keys whose lock somebody else holds.
    /// A closure can therefore be refused although something has expired: if it writes more than that sixteenth, or if what has
    /// expired is behind such a lock. In a closure each call is judged by itself, and those before the refused one stay done.
    ///
    /// An empty store takes 128 bytes a shard. A [`HashValue`](crate::HashValue) on its own is not limited.
    ///
    /// ```
    /// use hashlet::{Error, Limits, Store};
    ///
    /// let store = Store::builder().limits(Limits::default().max_bytes(1 << 20)).build();
    /// store.set("k", "f", vec![0; 900_000])?;
    /// assert!(matches!(store.set("k", "g", vec![0; 900_000]), Err(Error::Full { limit: 1_048_576, .. })));
    /// store.set("k", "f", vec![0; 800_000])?; // smaller than before
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "maxmemory")]
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = Some(match self.max_bytes {
            Some(most) => at_most(bytes, most),
            None => bytes,
        });
        self
    }
}

const fn at_most(asked: usize, most: usize) -> usize {
    if asked < most { asked } else { most }
}

/// All of the above with the hash function, as the records are told it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) thresholds: Thresholds,
    pub(crate) limits: Limits,
    pub(crate) hashing: Hashing,
}

impl Rules {
    pub(crate) fn with_thresholds(thresholds: Thresholds) -> Self {
        Self { thresholds, ..Self::default() }
    }

    /// The hash of a key or field; see [`Hashing::hash`].
    #[inline]
    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        self.hashing.hash(bytes)
    }

    /// The tag of a field; see [`Hashing::tag`].
    #[inline]
    pub(crate) fn tag(&self, field: &[u8]) -> u8 {
        self.hashing.tag(field)
    }

    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn seed(&mut self, seed: u64) {
        self.hashing = Hashing::of_seed(seed);
    }

    pub(crate) fn check_key(&self, key: &[u8]) -> Result<()> {
        let (size, limit) = (key.len(), self.limits.max_key);
        if size > limit { Err(Error::KeyTooLong { size, limit }) } else { Ok(()) }
    }

    pub(crate) fn check_pair(&self, field: &[u8], value: &[u8]) -> Result<()> {
        let limit = self.limits.max_string;
        if field.len() > limit {
            return Err(Error::FieldTooLong { size: field.len(), limit });
        }
        if value.len() > limit {
            return Err(Error::ValueTooLong { size: value.len(), limit });
        }
        Ok(())
    }

    pub(crate) fn check_fields(&self, size: usize) -> Result<()> {
        let limit = self.limits.max_fields;
        if size > limit { Err(Error::TooManyFields { size, limit }) } else { Ok(()) }
    }

    /// Whether a string forces the table encoding upon its hash.
    #[inline]
    pub(crate) fn is_oversized(&self, string_len: usize) -> bool {
        string_len > self.thresholds.max_string
    }
}
