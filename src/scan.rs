//! The parts that all scans share: the order of entries, cursors, and the selection of a page.
//!
//! Hash order is the order of hashes without hashbrown's tag bits: shard bits first, then directory bits, then the
//! rest. It is the same for keys and fields, in both encodings, and for any number of shards or segments. So no growth,
//! shrinking or conversion moves an entry across a cursor. Entries of equal order are always on one page. Two different
//! byte strings have equal order once in 2^57.
//!
//! Rejected: Redis's cursor, which is a place in a table of the present size. It returns entries twice after the size
//! has changed, and it returns a whole packed hash whatever the count.

use std::ops::ControlFlow;

use crate::hashing::TAG_BITS;

/// A place in hash order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order(u64);

impl Order {
    pub(crate) const FIRST: Self = Self(0);

    pub(crate) fn of_hash(hash: u64) -> Self {
        Self(hash << TAG_BITS)
    }

    /// The smallest hash of this order.
    pub(crate) fn hash(self) -> u64 {
        self.0 >> TAG_BITS
    }
}

/// The point at which a scan goes on, in the order that scans follow. A cursor holds no memory and no lock, and never
/// becomes invalid. It has a meaning only in this process.
///
/// A cursor does not know its key or its store. A scan of another key or store accepts it too, and returns the entries
/// there that follow the same point.
///
/// # As a token
/// [`to_bytes`](Self::to_bytes) and [`from_bytes`](Self::from_bytes) let a cursor leave the program and come back, for
/// example as the token of a web page's next page. The bytes have a meaning only in this process, too. After a restart, or
/// if somebody has made them up, a scan from there still ends, and returns entries that exist. But it may leave entries out,
/// or return entries a second time.
///
/// The bytes hold most of the hash of an entry. **Do not show them to those who may want to harm the store.** Whoever
/// collects the hashes of many names may learn to choose names that collide, and make the store slow. Encrypt the token, or
/// hand out a number and keep the cursor.
///
/// ```
/// use hashlet::{Cursor, Store};
///
/// let store = Store::new();
/// for n in 0..25 {
///     store.set(format!("user:{n}"), "name", "Ada")?;
/// }
/// let first = store.scan_keys(None, 10);
/// let token: [u8; 16] = first.next.expect("there are more than ten keys").to_bytes();
/// let second = store.scan_keys(Some(Cursor::from_bytes(token)), 100);
/// assert_eq!(first.items.len() + second.items.len(), 25);
/// # Ok::<(), hashlet::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    order: Order,
    /// Which server of a cluster the scan of keys has come to.
    #[cfg(feature = "redis")]
    server: u64,
}

impl Cursor {
    /// The order at which a scan begins: that of the cursor, or the first.
    pub(crate) fn start(cursor: Option<Self>) -> Order {
        cursor.map_or(Order::FIRST, |cursor| cursor.order)
    }

    /// The cursor as bytes. See [As a token](Self#as-a-token). O(1).
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        #[cfg(feature = "redis")]
        let server = self.server;
        #[cfg(not(feature = "redis"))]
        let server = 0_u64;
        (u128::from(server) << 64 | u128::from(self.order.0)).to_le_bytes()
    }

    /// The cursor that [`to_bytes`](Self::to_bytes) has turned into these bytes. All bytes are some cursor, which every
    /// scan accepts. See [As a token](Self#as-a-token). O(1).
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let number = u128::from_le_bytes(bytes);
        Self {
            order: Order(number as u64),
            #[cfg(feature = "redis")]
            server: (number >> 64) as u64,
        }
    }

    /// A cursor at a point of the order.
    pub(crate) fn at_number(number: u64) -> Self {
        Self::at(Order(number))
    }

    /// The cursor at which a scan goes on.
    fn at(order: Order) -> Self {
        Self {
            order,
            #[cfg(feature = "redis")]
            server: 0,
        }
    }

    /// The cursor that this server has returned.
    #[cfg(feature = "redis")]
    pub(crate) fn of_server(server: u64, number: u64) -> Self {
        Self { order: Order(number), server }
    }

    /// The server, and the number that it takes for the cursor.
    #[cfg(feature = "redis")]
    pub(crate) fn for_server(cursor: Option<Self>) -> (u64, u64) {
        cursor.map_or((0, 0), |cursor| (cursor.server, cursor.order.0))
    }
}

impl std::fmt::Debug for Cursor {
    /// Prints only the name, because programs must not rely on the position.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor").finish_non_exhaustive()
    }
}

/// One step of a scan; see [`Store::scan`](crate::Store::scan) and [`Store::scan_keys`](crate::Store::scan_keys).
///
/// A page of a scan that looks for something can be empty though others follow. Only `next` tells whether they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries of this page, in the order of the scan.
    pub items: Vec<T>,
    /// The cursor of the next page, or `None` if no entry followed when this page was made.
    pub next: Option<Cursor>,
}

impl<A, B> Page<(A, B)> {
    /// The same page without the second halves of its items.
    pub(crate) fn without_values(self) -> Page<A> {
        Page { items: self.items.into_iter().map(|(name, _)| name).collect(), next: self.next }
    }
}

/// A page under construction: the `count` smallest entries from a point on, and all entries whose order equals that of
/// the last one. Entries are offered in groups. All entries of a group come after those of the group before in hash
/// order. Entries that are not copied count, too.
#[derive(Debug)]
pub(crate) struct Selection<T> {
    from: Order,
    left: usize,
    page: Page<T>,
}

impl<T> Selection<T> {
    /// Begins a page. A count of 0 is taken as 1, because a scan with empty pages would never end.
    pub(crate) fn new(from: Order, count: usize) -> Self {
        Self { from, left: count.max(1), page: Page { items: Vec::new(), next: None } }
    }

    /// The smallest order that the page accepts.
    pub(crate) fn from(&self) -> Order {
        self.from
    }

    /// Notes that all further groups come after the beginning of the page.
    pub(crate) fn pass_start(&mut self) {
        self.from = Order::FIRST;
    }

    /// Chooses among the entries of one group, and copies the chosen ones, except for those of which `copy` makes `None`.
    /// Breaks when the page is complete and entries are left for the next one. O(group), and O(c log c) for the c entries
    /// that are chosen.
    pub(crate) fn offer<E>(
        &mut self,
        entries: impl Iterator<Item = (Order, E)>,
        copy: impl Fn(E) -> Option<T>,
    ) -> ControlFlow<()> {
        let order = |entry: &(Order, E)| entry.0;
        let mut group: Vec<(Order, E)> = entries.filter(|entry| order(entry) >= self.from).collect();
        if group.len() > self.left {
            // `last` is the last entry to take. It is `None` if the page is full already, and then no entry is taken.
            let last = self.left.checked_sub(1).map(|last| group.select_nth_unstable_by_key(last, order).1.0);
            self.page.next = group.iter().map(order).filter(|&order| Some(order) > last).min().map(Cursor::at);
            group.retain(|entry| Some(order(entry)) <= last);
        }
        self.left = self.left.saturating_sub(group.len());
        group.sort_unstable_by_key(order);
        self.page.items.extend(group.into_iter().filter_map(|(_, entry)| copy(entry)));
        if self.page.next.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    pub(crate) fn into_page(self) -> Page<T> {
        self.page
    }
}

/// The number of keys at which iterators over keys look at a time.
pub(crate) const KEYS_A_PAGE: usize = 512;

/// The items of all pages, up to the first error.
pub(crate) fn in_pages<T, E>(
    mut page: impl FnMut(Option<Cursor>) -> Result<Page<T>, E>,
) -> impl Iterator<Item = Result<T, E>> {
    let mut next = Some(None);
    let pages = std::iter::from_fn(move || match page(next?) {
        Ok(page) => {
            next = page.next.map(Some);
            Some(page.items.into_iter().map(Ok).collect())
        }
        Err(error) => {
            next = None;
            Some(vec![Err(error)])
        }
    });
    pages.flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The items of each page, if all groups are read in pages of `count` entries.
    fn pages(groups: &[&[u64]], count: usize) -> Vec<Vec<u64>> {
        let mut pages = Vec::new();
        let mut cursor = None;
        loop {
            let mut selection = Selection::new(Cursor::start(cursor), count);
            for group in groups {
                if selection.offer(group.iter().map(|&entry| (Order(entry), entry)), Some).is_break() {
                    break;
                }
            }
            let page = selection.into_page();
            pages.push(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return pages;
            }
        }
    }

    #[test]
    fn a_page_has_the_smallest_entries_in_order() {
        let groups: [&[u64]; 4] = [&[3, 1, 2, 0], &[], &[9, 5, 7], &[10]];
        assert_eq!(pages(&groups, 3), [vec![0, 1, 2], vec![3, 5, 7], vec![9, 10]]);
        assert_eq!(pages(&groups, 4), [vec![0, 1, 2, 3], vec![5, 7, 9, 10]]);
        assert_eq!(pages(&groups, 8), [vec![0, 1, 2, 3, 5, 7, 9, 10]]);
        assert_eq!(pages(&groups, usize::MAX).len(), 1);
        assert_eq!(pages(&groups, 1).len(), 8);
        assert_eq!(pages(&groups, 0), pages(&groups, 1));
        assert_eq!(pages(&[], 1), [Vec::<u64>::new()]);
    }

    #[test]
    fn entries_that_are_not_copied_count() {
        let mut selection = Selection::new(Order::FIRST, 4);
        let odd = |entry: u64| (entry % 2 == 1).then_some(entry);
        let group = |entries: [u64; 3]| entries.into_iter().map(|entry| (Order(entry), entry));
        assert!(selection.offer(group([0, 1, 2]), odd).is_continue());
        assert!(selection.offer(group([3, 4, 5]), odd).is_break());
        let page = selection.into_page();
        assert_eq!(page.items, [1, 3]);
        assert_eq!(page.next, Some(Cursor::at(Order(4))));
    }

    #[test]
    fn entries_of_equal_order_stand_on_one_page() {
        let groups: [&[u64]; 3] = [&[5, 1, 5, 0, 5], &[7, 7], &[8]];
        assert_eq!(pages(&groups, 1), [vec![0], vec![1], vec![5, 5, 5], vec![7, 7], vec![8]]);
        assert_eq!(pages(&groups, 3), [vec![0, 1, 5, 5, 5], vec![7, 7, 8]]);
        assert_eq!(pages(&groups, 6), [vec![0, 1, 5, 5, 5, 7, 7], vec![8]]);
        assert_eq!(pages(&[&[4; 100]], 7), [vec![4; 100]]);
    }

    #[test]
    fn hashes_that_differ_in_tag_bits_only_are_of_equal_order() {
        let (a, b) = (0x0123_4567_89ab_cdef, 0xff23_4567_89ab_cdef);
        assert_eq!(Order::of_hash(a), Order::of_hash(b));
        assert_eq!(Order::of_hash(Order::of_hash(a).hash()), Order::of_hash(a));
        assert!(Order::of_hash(a) > Order::of_hash(a - 1));
    }
}
