//! A scan returns every entry that exists throughout the scan exactly once, whatever happens between its pages.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use crate::support::check;
use crate::support::config::{self, Config, on_every_configuration};
use crate::support::scale;
use crate::support::source::Source;
use hashlet::{Cursor, Encoding, KeyPattern, Page, Store};

/// The number of scans under mutation at the full load, for fields and for keys each: 20,000 in all.
const SCANS: f64 = 10_000.0;
const COUNTS: [usize; 8] = [0, 1, 2, 7, 100, 896, 5_000, usize::MAX];

type Pair = (Vec<u8>, Vec<u8>);

fn name(letter: char, number: usize) -> Vec<u8> {
    format!("{letter}{number}").into_bytes()
}

/// All pages from this cursor on.
fn pages<T>(mut cursor: Option<Cursor>, page: impl Fn(Option<Cursor>) -> Page<T>) -> Vec<Vec<T>> {
    let mut pages = Vec::new();
    loop {
        let Page { items, next } = page(cursor);
        assert!(next.is_none() || next != cursor, "a page leads to itself");
        pages.push(items);
        cursor = next;
        if cursor.is_none() {
            return pages;
        }
    }
}

/// Checks that quiet scans with each count give the same `len` items, `count` a page.
fn check_counts<T: Clone + Eq + Hash + std::fmt::Debug>(len: usize, page: impl Fn(Option<Cursor>, usize) -> Page<T>) {
    let all = page(None, usize::MAX);
    assert_eq!((all.items.len(), all.next), (len, None));
    assert_eq!(all.items.iter().collect::<HashSet<_>>().len(), len, "an item stands twice");
    for count in COUNTS {
        let pages = pages(None, |cursor| page(cursor, count));
        assert_eq!(pages.concat(), all.items, "in pages of {count}");
        let (last, full) = pages.split_last().unwrap();
        assert!(full.iter().all(|page| page.len() == count.max(1)), "pages of {count}");
        assert!(last.len() <= count.max(1) && last.is_empty() == (len == 0), "a last page of {}", last.len());
    }
}

#[test]
fn a_page_has_as_many_fields_as_asked_for() {
    on_every_configuration(|_, store| {
        for len in [0, 1, 2, 3, 4, 7, 128, 129, 896, 897, 1_500] {
            store.clear("k");
            store.set_many("k", (0..len).map(|n| (name('f', n), n.to_string()))).unwrap();
            check_counts(len, |cursor, count| store.scan("k", cursor, count));
            check_counts(len, |cursor, count| store.scan_fields("k", cursor, count));
            for (field, value) in store.scan("k", None, len).items {
                assert_eq!(store.get("k", field), Some(value));
            }
        }
    });
}

#[test]
fn a_page_has_as_many_keys_as_asked_for() {
    on_every_configuration(|_, store| {
        for len in [0, 1, 2, 64, 100, 2_000] {
            for n in store.key_count()..len {
                store.set(name('k', n), "f", "v").unwrap();
            }
            check_counts(len, |cursor, count| store.scan_keys(cursor, count));
            let all = KeyPattern::prefix("");
            check_counts(len, |cursor, count| store.scan_keys_matching(&all, cursor, count));
        }
    });
}

#[test]
fn the_order_is_the_same_on_every_configuration() {
    let names = || (0..2_000).map(|n| name('n', n));
    let orders = config::all().map(|config| {
        let store = config.store();
        store.set_many("k", names().map(|field| (field, "v"))).unwrap();
        let fields: Vec<Vec<u8>> = store.scan("k", None, 5_000).items.into_iter().map(|(field, _)| field).collect();
        store.clear("k");
        names().for_each(|key| _ = store.set(key, "f", "v"));
        (fields, store.scan_keys(None, 5_000).items)
    });
    for (fields, keys) in &orders {
        assert_eq!(fields, &orders[0].0);
        assert_eq!(keys, fields, "keys and fields follow one order");
    }
}

#[test]
fn a_missing_key_is_an_empty_page() {
    on_every_configuration(|_, store| {
        for key in [&b"k"[..], &[b'k'; 65_537]] {
            assert_eq!(store.scan(key, None, 10), Page { items: Vec::new(), next: None });
        }
        assert_eq!(store.scan_keys(None, 10), Page { items: Vec::new(), next: None });
        assert_eq!(store.iter_keys().next(), None);
    });
}

#[test]
fn empty_and_long_strings_are_scanned() {
    on_every_configuration(|_, store| {
        let pairs = [(vec![], vec![]), (vec![0], vec![7; 100_000]), (vec![b'f'; 70_000], vec![])];
        store.set_many("", pairs.clone()).unwrap();
        let mut met: Vec<Pair> = pages(None, |cursor| store.scan("", cursor, 1)).concat();
        met.sort_unstable();
        assert_eq!(met, pairs);
        assert_eq!(store.scan_keys(None, 1).items, [b""]);
    });
}

#[test]
fn a_cursor_is_a_small_value_without_contents() {
    fn check<T: Copy + Eq + Send + Sync + 'static>(_: T) {}
    let store = Store::new();
    store.set_many("k", [("a", "1"), ("b", "2")]).unwrap();
    let cursor = store.scan("k", None, 1).next.unwrap();
    check(cursor);
    assert_eq!(format!("{cursor:?}"), "Cursor { .. }");
    assert_eq!(Cursor::from_bytes(cursor.to_bytes()), cursor);
    let second = store.scan("k", Some(Cursor::from_bytes(cursor.to_bytes())), 5);
    assert_eq!((second.items.len(), second.next), (1, None));
}

/// Cursors of many kinds: for keys and for fields, with this process's hash function and with others, and forged ones.
fn foreign_cursors() -> Vec<Cursor> {
    let seeds = (0..4).map(|seed| check::seeded(Store::builder().shards(1 << seed), seed).build());
    let stores: Vec<Store> = seeds.chain([Store::new()]).collect();
    let mut cursors = Vec::new();
    for store in &stores {
        for n in 0..50 {
            store.set(name('k', n), "f", "v").unwrap();
            store.set("k0", name('f', n), "v").unwrap();
        }
        let mut cursor = None;
        for turn in 0.. {
            cursor = if turn % 2 == 0 { store.scan_keys(cursor, 3).next } else { store.scan("k0", cursor, 3).next };
            let Some(cursor) = cursor else { break };
            cursors.push(cursor);
        }
    }
    let mut source = Source::Seed(3);
    for turn in 0..100 {
        let mut bytes = [0; 16];
        bytes.fill_with(|| source.one_of(&[0, 0xff, 1, 0x80]));
        match turn % 4 {
            0 => bytes.fill_with(|| source.below(256) as u8),
            1 => bytes[..8].copy_from_slice(&(u64::MAX << source.below(64)).to_le_bytes()),
            2 => bytes = cursors[turn].to_bytes().map(|byte| byte ^ u8::from(source.one_in(16))),
            _ => {}
        }
        cursors.push(Cursor::from_bytes(bytes));
    }
    cursors.extend([[0; 16], [0xff; 16]].map(Cursor::from_bytes));
    cursors
}

#[test]
fn a_foreign_cursor_leads_through_the_rest_of_the_order() {
    let cursors = foreign_cursors();
    assert!(cursors.len() > 20);
    on_every_configuration(|_, store| {
        for len in [0, 1, 3, 100, 1_200] {
            store.set_many("k", (0..len).map(|n| (name('f', n), "v"))).unwrap();
            for n in 0..len {
                store.set(name('k', n), "f", "v").unwrap();
            }
            let fields = store.scan("k", None, usize::MAX).items;
            let keys = store.scan_keys(None, usize::MAX).items;
            for &cursor in &cursors {
                assert!(fields.ends_with(&pages(Some(cursor), |cursor| store.scan("k", cursor, 50)).concat()));
                assert!(keys.ends_with(&pages(Some(cursor), |cursor| store.scan_keys(cursor, 50)).concat()));
                let some = KeyPattern::glob("k*[02468]");
                let found = pages(Some(cursor), |cursor| store.scan_keys_matching(&some, cursor, 50)).concat();
                assert_eq!(found.iter().find(|key| !some.matches(key)), None);
                let matching: Vec<Vec<u8>> = keys.iter().filter(|key| some.matches(key)).cloned().collect();
                assert!(matching.ends_with(&found));
            }
        }
    });
}

/// Makes one scan, with `mutate` before each of its pages. Returns what was met, and checks that nothing is met twice.
fn scan_under<T: Eq + Hash + std::fmt::Debug>(
    page: impl Fn(Option<Cursor>) -> Page<T>,
    mut mutate: impl FnMut(),
) -> HashSet<T> {
    let mut met = HashSet::new();
    let mut cursor = None;
    loop {
        mutate();
        let Page { items, next } = page(cursor);
        for item in items {
            assert!(!met.contains(&item), "met twice: {item:?}");
            met.insert(item);
        }
        if next.is_none() {
            return met;
        }
        cursor = next;
    }
}

/// Fields or keys that stay from the first page to the last.
const STABLE: [usize; 8] = [1, 1, 1, 3, 20, 60, 400, 1_500];

/// The numbers of the scans that this configuration makes, each with the source of its choices.
fn scans_of(config: &Config) -> impl Iterator<Item = (usize, Source<'static>)> {
    let configs = config::all();
    let place = configs.iter().position(|other| other == config).unwrap();
    let scans = (SCANS * scale()) as usize;
    (place..scans).step_by(configs.len()).map(|number| (number, Source::Seed(number as u64)))
}

/// A page size with which a scan of this many items takes several pages, but not thousands.
fn count_for(stable: usize, source: &mut Source<'_>) -> usize {
    1 + stable / 20 + source.one_of(&[0, 0, 1, 10, 100, 1_000])
}

/// A run of neighbours. Most runs are small, and a few are large enough to split or merge segments.
fn run(source: &mut Source<'_>) -> std::ops::Range<usize> {
    let len = if source.one_in(12) { source.below(4_000) } else { source.below(60) };
    let first = source.below(4_000);
    first..first + len
}

#[test]
fn fields_that_stay_are_met_once_while_the_hash_grows_shrinks_and_converts() {
    on_every_configuration(|config, store| {
        let key = |stable: usize| format!("k{stable}");
        for stable in STABLE {
            store.set_many(key(stable), (0..stable).map(|n| (name('s', n), "v"))).unwrap();
        }
        let mut conversions = 0;
        for (number, mut source) in scans_of(config) {
            let stable = source.one_of(&STABLE);
            let (key, count) = (key(stable), count_for(stable, &mut source));
            let mut encoding = store.encoding(&key);
            let met = scan_under(
                |cursor| store.scan_fields(&key, cursor, count),
                || {
                    match source.below(8) {
                        0..=2 => _ = store.set_many(&key, run(&mut source).map(|n| (name('c', n), "v"))).unwrap(),
                        3 => _ = store.remove_many(&key, run(&mut source).map(|n| name('c', n))),
                        4 => _ = store.remove_many(&key, (0..8_000).map(|n| name('c', n))),
                        5 => store.update(&key, |hash| {
                            hash.clear();
                            hash.set_many((0..stable).map(|n| (name('s', n), "v"))).unwrap();
                        }),
                        6 => {
                            let value = vec![b'v'; source.one_of(&[1, 9, 200, 2_000])];
                            store.set(&key, name('s', source.below(stable)), value).unwrap();
                        }
                        _ => _ = store.set_many(&key, (0..stable).map(|n| (name('s', n), "v"))).unwrap(),
                    }
                    let before = std::mem::replace(&mut encoding, store.encoding(&key));
                    conversions += usize::from(encoding != before);
                },
            );
            let missed = (0..stable).filter(|&n| !met.contains(&name('s', n))).count();
            assert_eq!(missed, 0, "missed of {stable} fields in scan {number}, pages of {count}");
        }
        let converts = config.name.starts_with("tiny") || config.name.starts_with("default");
        assert!(!converts || scale() < 0.05 || conversions > 4, "{conversions} conversions");
    });
}

#[test]
fn keys_that_stay_are_met_once_while_others_come_and_go() {
    on_every_configuration(|config, store| {
        let mut stable = 0;
        for (number, mut source) in scans_of(config) {
            // All scans are on the same store, and more and more keys stay.
            while stable < STABLE[number * STABLE.len() / (SCANS * scale()) as usize] {
                store.set(name('s', stable), "f", "v").unwrap();
                stable += 1;
            }
            let count = count_for(stable, &mut source);
            let met = scan_under(
                |cursor| match number % 2 {
                    0 => store.scan_keys(cursor, count),
                    _ => store.scan_keys_matching(KeyPattern::prefix("s"), cursor, count),
                },
                || match source.below(8) {
                    0..=2 => run(&mut source).for_each(|n| _ = store.set(name('c', n), "f", "v").unwrap()),
                    3..=5 => run(&mut source).for_each(|n| _ = store.clear(name('c', n))),
                    6 => (0..8_000).for_each(|n| _ = store.clear(name('c', n))),
                    _ => {
                        let key = name('s', source.below(stable));
                        store.set_many(&key, (0..source.below(40)).map(|n| (name('f', n), "v"))).unwrap();
                    }
                },
            );
            let missed = (0..stable).filter(|&n| !met.contains(&name('s', n))).count();
            assert_eq!(missed, 0, "missed of {stable} keys in scan {number}, pages of {count}");
            if number % 2 == 1 {
                assert_eq!(met.len(), stable, "keys that do not match, in scan {number}");
            }
        }
    });
}

#[test]
fn a_scan_may_remove_all_it_meets() {
    on_every_configuration(|_, store| {
        store.set_many("k", (0..3_000).map(|n| (name('f', n), "v"))).unwrap();
        let mut cursor = None;
        for left in (0..3_000).rev().step_by(10) {
            let page = store.scan("k", cursor, 10);
            assert_eq!(store.remove_many("k", page.items.iter().map(|(field, _)| field)), 10);
            assert_eq!((store.size("k"), page.next.is_some()), (left - 9, left > 9));
            cursor = page.next;
        }
        assert!(store.is_empty());
    });
}

#[test]
fn a_field_promoted_behind_and_before_the_cursor_keeps_its_place() {
    // Between any two pages the hash changes its encoding, in both directions by turns.
    let store = Store::builder().thresholds(config::packed().max_fields(100)).build();
    store.set_many("k", (0..50).map(|n| (name('s', n), "v"))).unwrap();
    let mut encodings = Vec::new();
    let met = scan_under(
        |cursor| store.scan("k", cursor, 1),
        || {
            let crowd = || (0..60).map(|n| name('c', n));
            match store.encoding("k") {
                Some(Encoding::Packed) => _ = store.set_many("k", crowd().map(|field| (field, "v"))).unwrap(),
                _ => assert_eq!(store.remove_many("k", crowd()), 60),
            }
            encodings.push(store.encoding("k").unwrap());
        },
    );
    assert!((0..50).all(|n| met.contains(&(name('s', n), b"v".to_vec()))));
    assert!(encodings.windows(2).all(|pair| pair[0] != pair[1]), "{encodings:?}");
}

#[test]
fn iter_keys_holds_no_lock_between_items() {
    on_every_configuration(|_, store| {
        (0..2_000).for_each(|n| _ = store.set(name('s', n), "f", "v").unwrap());
        let mut met = HashSet::new();
        for (step, key) in store.iter_keys().enumerate() {
            // If the iterator held a lock, the first of these calls would wait for itself.
            store.set(name('c', step), "f", "v").unwrap();
            assert!(store.set(&key, "g", "v").unwrap(), "met twice: {key:?}");
            assert!(met.insert(key));
            if step > 100 {
                store.clear(name('c', step - 100));
            }
        }
        assert!((0..2_000).all(|n| met.contains(&name('s', n))));
    });
}

#[test]
fn scans_among_writing_threads_meet_what_stays_once() {
    const STAY: usize = 300;
    on_every_configuration(|_, store| {
        store.set_many("k", (0..STAY).map(|n| (name('s', n), "v"))).unwrap();
        (0..STAY).for_each(|n| _ = store.set(name('s', n), "f", "v").unwrap());
        let writing = AtomicUsize::new(2);
        let write = |me: usize| {
            let mut source = Source::Seed(me as u64);
            let letter = ['x', 'y'][me];
            for turn in 0..100 {
                store.set_many("k", run(&mut source).map(|n| (name(letter, n), "v"))).unwrap();
                run(&mut source).for_each(|n| _ = store.set(name(letter, n), "f", "v").unwrap());
                store.remove_many("k", run(&mut source).map(|n| name(letter, n)));
                run(&mut source).for_each(|n| _ = store.clear(name(letter, n)));
                if turn % 20 == 19 {
                    store.update("k", |hash| {
                        hash.clear();
                        hash.set_many((0..STAY).map(|n| (name('s', n), "v"))).unwrap();
                    });
                }
            }
            writing.fetch_sub(1, SeqCst);
        };
        let scan = || {
            let mut source = Source::Seed(7);
            while writing.load(SeqCst) > 0 {
                let count = count_for(STAY, &mut source);
                let fields = scan_under(|cursor| store.scan_fields("k", cursor, count), || ());
                let keys = scan_under(|cursor| store.scan_keys(cursor, count), || ());
                assert!((0..STAY).map(|n| name('s', n)).all(|name| fields.contains(&name) && keys.contains(&name)));
                let keys: Vec<Vec<u8>> = store.iter_keys().filter(|key| key.starts_with(b"s")).collect();
                assert_eq!(keys.len(), STAY);
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| write(0));
            scope.spawn(|| write(1));
            scan();
        });
    });
}
