//! What looks for keys by a prefix or a glob meets exactly those that match, in bounded steps, and removes them likewise.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use crate::support::config::{on_every_configuration, on_every_configuration_with_clock};
use hashlet::{Hashes, KeyPattern, Page, Store};

fn sorted(keys: impl IntoIterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = keys.into_iter().collect();
    keys.sort_unstable();
    keys
}

/// Keys of all kinds, many of them with one beginning.
fn fill(store: &Store) {
    let odd: [&[u8]; 10] = [b"", b"*", b"user", b"user:", b"[", b"[]", b"\\", b"\xff\xfe", b"\0", b"a*b"];
    odd.into_iter().for_each(|key| _ = store.set(key, "f", "v").unwrap());
    for n in 0..700 {
        store.set(format!("user:{n}"), "f", "v").unwrap();
        store.set(format!("session:{n}"), "f", "v").unwrap();
    }
}

fn patterns() -> Vec<(KeyPattern, usize)> {
    let prefixes: [(&[u8], usize); 8] = [
        (b"", 1_410),
        (b"user:", 701),
        (b"user:6", 111),
        (b"user", 702),
        (b"*", 1),
        (b"[", 2),
        (b"\xff", 1),
        (b"no", 0),
    ];
    let globs: [(&[u8], usize); 12] = [
        (b"*", 1_410),
        (b"**", 1_409),
        (b"", 1),
        (b"?", 4),
        (b"user:?", 10),
        (b"*:[0-4]", 10),
        (b"*:?[^0-4]", 90),
        (b"s*n:*7", 70),
        (b"\\*", 1),
        (b"[[]*", 2),
        (b"\\", 1),
        (b"no*", 0),
    ];
    let prefixes = prefixes.map(|(prefix, count)| (KeyPattern::prefix(prefix), count));
    prefixes.into_iter().chain(globs.map(|(glob, count)| (KeyPattern::glob(glob), count))).collect()
}

#[test]
fn exactly_the_keys_that_match_are_met_and_each_page_looks_at_as_many_as_asked_for() {
    on_every_configuration(|_, store| {
        fill(store);
        let all = store.keys();
        for (pattern, count) in patterns() {
            let expected = sorted(all.iter().filter(|key| pattern.matches(key)).cloned());
            assert_eq!(expected.len(), count, "{pattern:?}");
            assert_eq!(sorted(store.iter_keys_matching(&pattern)), expected, "{pattern:?}");
            let through_trait: Result<Vec<Vec<u8>>, _> = Hashes::iter_keys_matching(store, &pattern).collect();
            assert_eq!(sorted(through_trait.unwrap()), expected, "{pattern:?}");
            for looked_at in [0, 1, 30, 100_000] {
                let (mut found, mut pages, mut cursor) = (Vec::new(), 0, None);
                loop {
                    let Page { items, next } = store.scan_keys_matching(&pattern, cursor, looked_at);
                    assert!(items.len() <= looked_at.max(1));
                    found.extend(items);
                    pages += 1;
                    cursor = next;
                    if cursor.is_none() {
                        break;
                    }
                }
                assert_eq!(pages, all.len().div_ceil(looked_at.max(1)), "pages that look at {looked_at}");
                assert_eq!(sorted(found), expected, "{pattern:?}");
            }
        }
    });
}

#[test]
fn all_that_matches_is_removed_and_nothing_else() {
    on_every_configuration(|_, store| {
        for (pattern, count) in patterns() {
            fill(store);
            let (matching, others): (Vec<_>, Vec<_>) = store.keys().into_iter().partition(|key| pattern.matches(key));
            assert_eq!(matching.len(), count);
            assert_eq!(store.clear_matching(&pattern), count, "{pattern:?}");
            assert_eq!(sorted(store.keys()), sorted(others), "{pattern:?}");
            assert_eq!(store.clear_matching(pattern), 0);
        }
    });
}

#[test]
fn what_has_expired_is_neither_met_nor_counted() {
    on_every_configuration_with_clock(|_, store, clock| {
        let (users, all) = (KeyPattern::prefix("user:"), KeyPattern::glob("user:*"));
        fill(store);
        for n in 0..600 {
            store.expire(format!("user:{n}"), Duration::from_secs(1));
        }
        assert_eq!(store.iter_keys_matching(&users).count(), 701);
        clock.advance(Duration::from_secs(1));
        assert_eq!(store.iter_keys_matching(&users).count(), 101);
        assert_eq!(store.scan_keys_matching(&all, None, 10_000).items.len(), 101);
        for n in 600..650 {
            store.expire_field(format!("user:{n}"), "f", Duration::from_secs(1));
        }
        clock.advance(Duration::from_secs(1));
        assert_eq!(store.clear_matching(users), 51);
        assert_eq!(store.key_count(), 709);
    });
}

#[test]
fn keys_that_stay_are_removed_once_while_others_come_and_go() {
    on_every_configuration(|_, store| {
        const STAY: usize = 1_500;
        for n in 0..STAY {
            store.set(format!("old:{n}"), "f", "v").unwrap();
        }
        let removed = thread::scope(|scope| {
            let writers: Vec<_> = (0..2)
                .map(|me| {
                    scope.spawn(move || {
                        for n in 0..1_000 {
                            store.set(format!("new:{me}:{n}"), "f", "v").unwrap();
                            store.set(format!("passing:{me}:{n}"), "f", "v").unwrap();
                            store.clear(format!("passing:{me}:{}", n / 2));
                        }
                    })
                })
                .collect();
            let first = store.clear_matching(KeyPattern::glob("old:*"));
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            first
        });
        assert_eq!(removed, STAY);
        assert_eq!(store.iter_keys_matching(KeyPattern::prefix("old:")).next(), None);
        assert_eq!(store.iter_keys_matching(KeyPattern::prefix("new:")).count(), 2_000);
    });
}

#[test]
fn a_loop_over_matching_keys_may_change_the_store() {
    on_every_configuration(|_, store| {
        fill(store);
        let mut met = HashSet::new();
        for key in store.iter_keys_matching(KeyPattern::glob("user:[0-9]*")) {
            assert!(store.clear(&key));
            store.set([&b"moved:"[..], &key].concat(), "f", "v").unwrap();
            assert!(met.insert(key));
        }
        assert_eq!(met.len(), 700);
        assert_eq!(store.iter_keys_matching(KeyPattern::prefix("moved:user:")).count(), 700);
    });
}
