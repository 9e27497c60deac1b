//! Scans: walks through one hash or all keys, one page at a time, with no lock held between pages.

use std::borrow::Borrow;
use std::convert::Infallible;

use crate::hash::{Pair, Scope};
use crate::pattern::KeyPattern;
use crate::scan::{Cursor, KEYS_A_PAGE, Page, Selection, in_pages};
use crate::store::Store;
use crate::sync::{RwLock, assert_outside_closures};

/// # Scans
impl Store {
    /// Returns a page of a hash: about `count` fields with their values, beginning at a cursor, and the cursor of the
    /// next page. `None` as the cursor begins the first page. A missing key gives an empty page.
    ///
    /// A field that exists from the first page to the last is returned exactly once. It does not matter what is set and
    /// removed meanwhile, or whether the hash grows, shrinks or changes its encoding. A field that is added or removed
    /// meanwhile is returned once or not at all. The values of a page are of one instant. The order is that of the
    /// fields' hashes: arbitrary, but the same for every scan in this process.
    ///
    /// A page has `count` fields if that many are left. A count of 0 counts as 1. A page also holds all fields whose
    /// hash equals that of its last field, which practically never adds one. A cursor of another key, of another store
    /// or of [`scan_keys`](Self::scan_keys) is a point in the same order. The page then holds the fields of this hash
    /// that follow the point.
    ///
    /// O(count), but at least one segment of a table, which holds up to about 900 fields. O(n) for a packed hash.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("stock", (0..1_000).map(|n| (format!("item:{n}"), "1")))?;
    /// let (mut cursor, mut seen) = (None, 0);
    /// loop {
    ///     let page = store.scan("stock", cursor, 100);
    ///     for (item, _) in &page.items {
    ///         seen += 1;
    ///         store.remove("stock", item); // no lock is held here
    ///     }
    ///     cursor = page.next;
    ///     if cursor.is_none() {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(seen, 1_000);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "HSCAN")]
    #[must_use]
    #[track_caller]
    pub fn scan(&self, key: impl AsRef<[u8]>, cursor: Option<Cursor>, count: usize) -> Page<(Vec<u8>, Vec<u8>)> {
        self.scan_by(key.as_ref(), cursor, count, |(field, value)| (field.to_vec(), value.to_vec()))
    }

    /// [`scan`](Self::scan) without the values, for hashes whose values are large. The promises and cursors are the same.
    /// The costs are, too, but it copies no value.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set_many("photos", [("sunrise", vec![0; 100_000]), ("sunset", vec![1; 100_000])])?;
    /// let page = store.scan_fields("photos", None, 100);
    /// assert_eq!((page.items.len(), page.next), (2, None));
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "HSCAN")]
    #[must_use]
    #[track_caller]
    pub fn scan_fields(&self, key: impl AsRef<[u8]>, cursor: Option<Cursor>, count: usize) -> Page<Vec<u8>> {
        self.scan_by(key.as_ref(), cursor, count, |(field, _)| field.to_vec())
    }

    #[track_caller]
    fn scan_by<T>(&self, key: &[u8], cursor: Option<Cursor>, count: usize, copy: impl Fn(Pair<'_>) -> T) -> Page<T> {
        self.look(key, Scope::Hash, |record, cx| {
            let mut selection = Selection::new(Cursor::start(cursor), count);
            if let Some(record) = record {
                record.scan(&mut selection, copy, cx.rules);
            }
            selection.into_page()
        })
    }

    /// Returns a page of all keys: about `count` keys, beginning at a cursor, and the cursor of the next page. `None`
    /// as the cursor begins the first page.
    ///
    /// A key that exists from the first page to the last is returned exactly once, whatever is set and removed
    /// meanwhile. A key that is added or removed meanwhile is returned once or not at all. A page is not of one instant
    /// over all shards: it looks at one shard after the other, each under its own read lock.
    ///
    /// Order, `count` and cursors from elsewhere are as in [`scan`](Self::scan). O(count), but at least one segment of
    /// up to about 900 keys. O(shards) if shards are empty.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// let page = store.scan_keys(None, 10);
    /// assert_eq!(page.items, [b"user:1"]);
    /// assert_eq!(page.next, None);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    #[doc(alias = "SCAN")]
    #[must_use]
    #[track_caller]
    pub fn scan_keys(&self, cursor: Option<Cursor>, count: usize) -> Page<Vec<u8>> {
        self.scan_keys_beginning(b"", cursor, count)
    }

    /// Looks at about `count` keys, beginning at a cursor, and returns those that match a pattern: a prefix or a glob.
    /// `None` as the cursor begins the first page.
    ///
    /// As in Redis, `count` is the number of keys that are looked at, so that each call does a bounded amount of work. A page
    /// can therefore be short, or empty, though others follow: only a `next` of `None` ends the scan. A key that exists from
    /// the first page to the last, and matches, is returned exactly once. Everything else is as in
    /// [`scan_keys`](Self::scan_keys).
    ///
    /// O(count), as `scan_keys`, plus the cost of [`KeyPattern::matches`] for the keys that begin as the pattern does. Keys
    /// that begin differently are not copied. There is no index of prefixes: to find all keys of a prefix takes O(n). If
    /// you know how the keys go on, a hash with their names as fields is faster.
    ///
    /// ```
    /// use hashlet::KeyPattern;
    ///
    /// # let store = hashlet::Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// store.set("session:1", "user", "user:1")?;
    /// let (users, mut cursor, mut found) = (KeyPattern::prefix("user:"), None, Vec::new());
    /// loop {
    ///     let page = store.scan_keys_matching(&users, cursor, 1);
    ///     found.extend(page.items); // none or one, because each page looks at one key
    ///     cursor = page.next;
    ///     if cursor.is_none() {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(found, [b"user:1"]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Locking
    /// Under the read locks, keys are only compared with the beginning of the pattern. The rest is compared afterwards.
    #[doc(alias = "SCAN")]
    #[must_use]
    #[track_caller]
    pub fn scan_keys_matching(
        &self,
        pattern: impl Borrow<KeyPattern>,
        cursor: Option<Cursor>,
        count: usize,
    ) -> Page<Vec<u8>> {
        let pattern = pattern.borrow();
        let mut page = self.scan_keys_beginning(pattern.literal(), cursor, count);
        page.items.retain(|key| pattern.matches(key));
        page
    }

    /// A page of keys, without those that do not begin with a prefix.
    #[track_caller]
    fn scan_keys_beginning(&self, prefix: &[u8], cursor: Option<Cursor>, count: usize) -> Page<Vec<u8>> {
        let now = self.now();
        let start = Cursor::start(cursor);
        let mut selection = Selection::new(start, count);
        for shard in &self.shards[self.shard_index(start.hash())..] {
            if self.lock_purged(shard, RwLock::read, &now).scan(&mut selection, prefix, &self.rules).is_break() {
                break;
            }
            selection.pass_start();
        }
        selection.into_page()
    }

    /// Returns an iterator over all keys. It fetches them in pages and holds no lock between the pages, so a loop over
    /// it may change the store. The promises of [`scan_keys`](Self::scan_keys) hold from the first step to the last.
    /// O(1) to make, O(1) for a step on average.
    ///
    /// ```
    /// # let store = hashlet::Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// store.set("session:1", "user", "user:1")?;
    /// for key in store.iter_keys().filter(|key| key.starts_with(b"session:")) {
    ///     store.clear(key);
    /// }
    /// assert_eq!(store.keys(), [b"user:1"]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Panics
    /// If it is called inside a closure that a store runs under its lock. A step of the iterator panics there, too.
    #[doc(alias = "SCAN")]
    #[track_caller]
    pub fn iter_keys(&self) -> impl Iterator<Item = Vec<u8>> {
        self.iter_keys_matching(KeyPattern::prefix(""))
    }

    /// Returns an iterator over the keys that match a pattern: a prefix or a glob. It holds no lock between its steps, so a
    /// loop over it may change the store. The promises of [`scan_keys_matching`](Self::scan_keys_matching) hold from the
    /// first step to the last. O(1) to make, and O(n) for all steps together. A step can take long if few keys match, but
    /// it looks at 512 keys at a time, and no lock is held in between.
    ///
    /// ```
    /// use hashlet::KeyPattern;
    ///
    /// # let store = hashlet::Store::new();
    /// store.set("user:1", "name", "Ada")?;
    /// store.set("user:2", "name", "Grace")?;
    /// store.set("session:1", "user", "user:1")?;
    /// assert_eq!(store.iter_keys_matching(KeyPattern::prefix("user:")).count(), 2);
    /// assert_eq!(store.iter_keys_matching(KeyPattern::glob("*:1")).count(), 2);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Panics
    /// As [`iter_keys`](Self::iter_keys).
    #[doc(alias = "SCAN")]
    #[doc(alias = "KEYS")]
    #[track_caller]
    pub fn iter_keys_matching<P: Borrow<KeyPattern>>(&self, pattern: P) -> impl Iterator<Item = Vec<u8>> {
        assert_outside_closures();
        let keys =
            in_pages(move |cursor| Ok::<_, Infallible>(self.scan_keys_matching(pattern.borrow(), cursor, KEYS_A_PAGE)));
        keys.map(|Ok(key)| key)
    }

    /// Removes all keys that match a pattern, a prefix or a glob, and returns how many it has removed.
    ///
    /// It looks at 512 keys at a time, and then removes those that match, each as [`clear`](Self::clear) does, in a step of
    /// its own. So no other call waits for long, and the call is not one instant. A key that exists and matches throughout
    /// the call is removed, and counted once. A key that is added meanwhile may stay, and so may one that is renamed.
    /// With a journal, each removal is written. At the journal's level `Always`, each of them waits for the disk.
    ///
    /// O(n), as for all calls that look for keys, and O(1) under a lock for each key that is removed. Where one instant is
    /// needed, keep the keys of a group in one hash, and call [`clear`](Self::clear).
    ///
    /// ```
    /// use hashlet::KeyPattern;
    ///
    /// # let store = hashlet::Store::new();
    /// store.set("session:1", "user", "ada")?;
    /// store.set("session:2", "user", "grace")?;
    /// store.set("user:ada", "name", "Ada")?;
    /// assert_eq!(store.clear_matching(KeyPattern::prefix("session:")), 2);
    /// assert_eq!(store.keys(), [b"user:ada"]);
    /// # Ok::<(), hashlet::Error>(())
    /// ```
    ///
    /// # Locking
    /// Holds the lock of one shard at a time, and none between pages.
    #[doc(alias = "SCAN")]
    #[doc(alias = "UNLINK")]
    #[track_caller]
    pub fn clear_matching(&self, pattern: impl Borrow<KeyPattern>) -> usize {
        assert_outside_closures();
        self.iter_keys_matching(pattern).filter(|key| self.clear(key)).count()
    }
}
