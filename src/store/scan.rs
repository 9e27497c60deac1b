//! Scans: walks through one hash or all keys, a page at a time, with no lock in between.

use crate::hash::Scope;
use crate::scan::{Cursor, Page, Selection};
use crate::store::Store;
use crate::sync::{RwLock, assert_outside_closures};

/// Keys that [`Store::iter_keys`] fetches at a time.
const KEYS_A_PAGE: usize = 512;

impl Store {
    /// Returns a page of a hash: about `count` fields with their values from a cursor on (`None` for the first page),
    /// and the cursor for the page behind it. A missing key is an empty page.
    ///
    /// A field that is there from the first page to the last is returned exactly once, whatever is set and removed
    /// meanwhile and however the hash grows, shrinks or changes its encoding; one that comes or goes is returned once
    /// or not at all. Values are those of the page's instant. The order is that of the fields' hashes: arbitrary, but
    /// the same for every scan in this process.
    ///
    /// A page has `count` fields as long as so many are left. 0 counts as 1, and a page holds one more field for each
    /// whose hash equals that of its last one, which practically never happens. A cursor of another key, another store
    /// or [`scan_keys`](Self::scan_keys) is some point in the same order: the page holds what follows it in this hash.
    ///
    /// O(count), and at least a table's segment of up to about 900 fields; O(n) for a packed hash.
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
    pub fn scan(&self, key: impl AsRef<[u8]>, cursor: Option<Cursor>, count: usize) -> Page<(Vec<u8>, Vec<u8>)> {
        self.look(key.as_ref(), Scope::Hash, |record, cx| {
            let mut selection = Selection::new(Cursor::start(cursor), count);
            if let Some(record) = record {
                record.scan(&mut selection, cx.rules);
            }
            selection.into_page()
        })
    }

    /// Returns a page of all keys: about `count` of them from a cursor on (`None` for the first page), and the cursor
    /// for the page behind it.
    ///
    /// A key that is there from the first page to the last is returned exactly once, whatever is set and removed
    /// meanwhile; one that comes or goes is returned once or not at all. No page is one instant over all shards: each
    /// is looked at under its own read lock, one after the other.
    ///
    /// Order, `count` and foreign cursors are as in [`scan`](Self::scan). O(count), and at least a segment of up to
    /// about 900 keys; O(shards) where shards are empty.
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

    /// Returns an iterator over all keys, which fetches them in pages and holds no lock between them: the store may be
    /// changed in the loop. What is promised of [`scan_keys`](Self::scan_keys) holds from the first step to the last.
    /// O(1) to make, O(1) a step in the mean.
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
    /// Steps, too, panic inside a closure that a store runs under its lock.
    #[doc(alias = "SCAN")]
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
