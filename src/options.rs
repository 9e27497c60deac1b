//! The options that are fixed when a store is built: thresholds, limits and the hash function.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::eviction::Eviction;
use crate::hashing::Hashing;
use crate::shapes::{Shape, Shapes};

/// The most fields of a packed hash, and the most bytes of its entries. Both are two-byte numbers.
pub(crate) const PACKED_MAX: usize = u16::MAX as usize;

/// The sizes at which a hash changes its encoding. Small hashes are packed into one byte vector. Bigger hashes are
/// tables.
///
/// A packed hash becomes a table when the result of a call exceeds one of the three thresholds. A table becomes packed
/// again when it has at most half of `max_fields`, at most half of `max_packed_bytes`, and no string longer than
/// `max_string`. The encoding never changes the result of an operation.
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
    /// 128 fields, strings of 4 KiB, entries of 8 KiB in all.
    fn default() -> Self {
        // `cargo bench --bench encoding -- --ratios` prints these costs, as multiples of a bare hashbrown map:
        // * At 128 fields of 32 bytes, the packed form takes 4.6 KB and the table 5.9 KB. A hit costs 3 to 4 times that
        //   of the map (in the table 1.5 times). Replacing a value costs as much as in the table. At 256 fields a hit
        //   costs 5 times.
        // * Replacing one of many short values moves all bytes after it. At 4 KiB that costs as much as in the table,
        //   at 8 KiB twice as much, at 16 KiB three times.
        // * Replacing one of eight long values is cheaper than in the table up to 8 KiB, and more expensive from 16 KiB
        //   on. So a record of a few short values and one of up to 4 KiB stays packed.
        Self { max_fields: 128, max_string: 4096, max_packed_bytes: 8192 }
    }
}

impl Thresholds {
    /// Packs hashes of at most this many fields. 0 makes every hash a table. A packed hash can have at most 65,535
    /// fields, so larger numbers count as 65,535.
    #[doc(alias = "hash-max-listpack-entries")]
    #[must_use]
    pub const fn max_fields(mut self, fields: usize) -> Self {
        self.max_fields = at_most(fields, PACKED_MAX);
        self
    }

    /// Packs hashes in which no field and no value is longer than this many bytes.
    #[doc(alias = "hash-max-listpack-value")]
    #[must_use]
    pub const fn max_string(mut self, bytes: usize) -> Self {
        self.max_string = bytes;
        self
    }

    /// Packs hashes whose entries take at most this many bytes. An entry is a field, its value and one to five bytes
    /// for the field's length. A packed hash can hold at most 65,535 bytes, so larger numbers count as 65,535.
    #[must_use]
    pub const fn max_packed_bytes(mut self, bytes: usize) -> Self {
        self.max_packed_bytes = at_most(bytes, PACKED_MAX);
        self
    }
}

/// The largest sizes that a store accepts. They can be lowered, not raised. A call that exceeds one is refused with an
/// [`Error`] that names the size and the limit, and changes nothing, unless the store makes room by
/// [eviction](crate::StoreBuilder::eviction). See the guide:
/// [`guide::limits`](crate::guide::limits).
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
    pub(crate) max_keys: Option<usize>,
}

impl Default for Limits {
    /// 2^32 - 1 fields in a hash, 512 MiB for a field or value, 64 KiB for a key, and no limit on the bytes and
    /// the keys of a store.
    fn default() -> Self {
        Self {
            max_fields: u32::MAX as usize,
            max_string: 512 << 20,
            max_key: 64 << 10,
            max_bytes: None,
            max_keys: None,
        }
    }
}

impl Limits {
    /// Refuses hashes with more fields than this.
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

    /// Limits the bytes of a whole store, as [`Stats::bytes`](crate::Stats::bytes) counts them. Writes that would
    /// exceed the limit are refused with [`Error::Full`], unless the store [evicts](crate::StoreBuilder::eviction)
    /// other keys to make room. What follows is about a store that refuses. Removals are never refused. Writes that do
    /// not make a hash larger are not refused either, with one exception: a write that turns a packed hash into a
    /// table.
    ///
    /// A write is judged by its key, fields, values and deadlines, and by an estimate of the memory that it needs
    /// beside them. The real growth of the tables around them is known only afterwards. So after a call the store can
    /// exceed the limit, by at most a thirty-second of the limit and 16 KiB for each running call. The next write finds
    /// it full.
    ///
    /// Memory of entries that are removed from a table becomes free when its garbage is collected, not at once. A
    /// packed hash keeps up to a quarter of its bytes free for its own later values.
    /// [`shrink_to_fit`](crate::Store::shrink_to_fit) frees both.
    ///
    /// A deadline takes 8 bytes. If there is no room for it, it is refused like a field, with
    /// [`ExpireOutcome::Full`](crate::ExpireOutcome::Full) or [`Error::Full`]. A deadline that replaces another one is
    /// never refused.
    ///
    /// Expired keys and fields are removed before anything is refused. But a closure can run only once, so
    /// [`update`](crate::Store::update), [`try_update`](crate::Store::try_update) and those of several keys remove them
    /// *before* the closure, and only if less than a sixteenth of the limit is left. They pass over keys whose lock
    /// another thread holds. So a call in a closure can be refused although something has expired. That happens if the
    /// closure writes more than that sixteenth, or if the expired data is behind such a lock. Each call in a closure is
    /// judged by itself. The calls before a refused one keep their effect, unless the closure is one of `try_update`
    /// and returns an error.
    ///
    /// Names of fields that many hashes share ([`StoreBuilder::shapes`](crate::StoreBuilder::shapes)) take at most a
    /// thirty-second of the limit. A field that is removed from such a hash leaves a mark, so a removal can make the
    /// hash larger, by a bit for each of its names and in steps of 8 bytes. A removal is not refused, so removals of
    /// short values from many hashes can exceed the limit. A new field that leads to names of their own can make a hash
    /// larger by all of its names, and is refused if there is no room for them.
    ///
    /// An empty store takes 128 bytes for each shard, and 256 for what it knows of shapes. A store with a lower limit
    /// than that refuses every write, whether it evicts or not, and cannot be loaded. A [`HashValue`](crate::HashValue)
    /// outside a store is not limited.
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
        self.max_bytes = lowered(self.max_bytes, bytes);
        self
    }

    /// Limits the keys of a whole store. Writes that would create another one are refused with [`Error::TooManyKeys`],
    /// unless the store [evicts](crate::StoreBuilder::eviction) other keys to make room. What has expired is removed
    /// before anything is refused, as for [`max_bytes`](Self::max_bytes). A rename creates no key more. The keys that
    /// one call removes make room for those that it creates.
    ///
    /// ```
    /// use hashlet::{Error, Eviction, Limits, Store};
    ///
    /// let limits = Limits::default().max_keys(2);
    /// let store = Store::builder().limits(limits).build();
    /// store.set("one", "f", "v")?;
    /// store.set("two", "f", "v")?;
    /// assert_eq!(store.set("three", "f", "v"), Err(Error::TooManyKeys { size: 3, limit: 2 }));
    ///
    /// let store = Store::builder().limits(limits).eviction(Eviction::LeastRecent).build();
    /// for key in ["one", "two", "three"] {
    ///     store.set(key, "f", "v")?;
    /// }
    /// assert_eq!((store.key_count(), store.contains_key("three")), (2, true));
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub const fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = lowered(self.max_keys, keys);
        self
    }

    /// Whether any of them is on the store as a whole.
    pub(crate) fn are_on_store(&self) -> bool {
        self.max_bytes.is_some() || self.max_keys.is_some()
    }
}

const fn lowered(limit: Option<usize>, asked: usize) -> Option<usize> {
    Some(match limit {
        Some(most) => at_most(asked, most),
        None => asked,
    })
}

const fn at_most(asked: usize, most: usize) -> usize {
    if asked < most { asked } else { most }
}

/// Thresholds, limits and the hash function together, as records need them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) thresholds: Thresholds,
    pub(crate) limits: Limits,
    pub(crate) hashing: Hashing,
    pub(crate) eviction: Eviction,
    /// Whether the store counts how often reads find their keys.
    pub(crate) counts_lookups: bool,
    /// The shapes of the store whose rules these are, or from which the hash comes that has them.
    pub(crate) shapes: Option<Arc<Shapes>>,
}

impl Rules {
    pub(crate) fn with_thresholds(thresholds: Thresholds) -> Self {
        Self { thresholds, ..Self::default() }
    }

    /// Whether calls tell the room of the store which keys they use.
    #[inline]
    pub(crate) fn tells_keys(&self) -> bool {
        self.eviction.evicts() || self.limits.max_keys.is_some()
    }

    /// Whether calls on keys have more to do than to find them, though nothing has a deadline.
    pub(crate) fn need_care(&self) -> bool {
        self.tells_keys() || self.counts_lookups
    }

    /// The hash of a key or field; see [`Hashing::hash`].
    #[inline]
    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        self.hashing.hash(bytes)
    }

    /// The same rules for a hash outside of the store, with these shapes.
    pub(crate) fn of_value(&self, shapes: Option<Arc<Shapes>>) -> Self {
        Self { shapes, hashing: self.hashing.clone(), ..*self }
    }

    /// The shape of this number, which a record has.
    #[inline]
    pub(crate) fn shape(&self, id: u8) -> &Shape {
        self.shapes.as_ref().expect("a record has a shape only where its store's shapes are known").get(id)
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

    /// Whether a string of this length forces its hash into the table encoding.
    #[inline]
    pub(crate) fn is_oversized(&self, string_len: usize) -> bool {
        string_len > self.thresholds.max_string
    }
}
