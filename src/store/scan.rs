//! Scans: walks through one hash or all keys, one page at a time, with no lock held between pages.

use crate::hash::Scope;
use crate::scan::{Cursor, Page, Selection};
use crate::store::Store;
use crate::sync::{RwLock, assert_outside_closures};

/// The number of keys that [`Store::iter_keys`] fetches at a time.
const KEYS_A_PAGE: usize = 512;

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
        self.look(key.as_ref(), Scope::Hash, |record, cx| {
            let mut selection = Selection::new(Cursor::start(cursor), count);
            if let Some(record) = record {
                record.scan(&mut selection, cx.rules);
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
        let now = self.now();
        let start = Cursor::start(cursor);
        let mut selection = Selection::new(start, count);
        for shard in &self.shards[self.shard_index(start.hash())..] {
            if self.lock_purged(shard, RwLock::read, &now).scan(&mut selection, &self.rules).is_break() {
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
        assert_outside_closures();
        let mut next = Some(None);
        let pages = std::iter::from_fn(move || {
            let page = self.scan_keys(next?, KEYS_A_PAGE);
            next = page.next.map(Some);
            Some(page.items)
        });
        pages.flatten()
    }
}
