//! What looks for keys on a server finds what it finds in a store, page by page, and no cursor can harm anybody.

use std::collections::BTreeSet;

use hashlet::{Cursor, Hashes, KeyPattern, Remote, Sample, Store};

use super::servers::each;
use crate::support::source::Source;

fn fill<H: Hashes>(hashes: &H) {
    for n in 0..3_000 {
        hashes.set(format!("user:{n}"), "f", "v").unwrap();
        hashes.set(format!("other*{n}"), "f", "v").unwrap();
    }
    for key in [&b""[..], b"*", b"[a", b"\\", b"\xff\x80"] {
        hashes.set(key, "f", "v").unwrap();
    }
}

fn patterns() -> [KeyPattern; 11] {
    let globs = ["*", "**", "user:?", "u*:[1-3]*[^5]", "nothing*", "[a-\u{e9}]*", "\\[a"].map(KeyPattern::glob);
    let [a, b, c, d, e, f, g] = globs;
    let many_stars = KeyPattern::glob("*?".repeat(3) + &"*".repeat(10) + "[0-9]");
    [a, b, c, d, e, f, g, many_stars, KeyPattern::prefix(""), KeyPattern::prefix("other*"), KeyPattern::prefix("[")]
}

fn found<H: Hashes>(hashes: &H, pattern: &KeyPattern) -> BTreeSet<Vec<u8>> {
    hashes.iter_keys_matching(pattern).collect::<Result<_, _>>().unwrap()
}

#[test]
fn patterns_find_and_remove_what_they_do_in_a_store() {
    each("patterns", 14, |server| {
        let (store, remote) = (Store::new(), server.open());
        fill(&store);
        fill(&remote);
        let mut admin = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        redis::cmd("SET").arg("user:text").arg("v").exec(&mut admin).unwrap();
        for pattern in patterns() {
            assert_eq!(found(&remote, &pattern), found(&store, &pattern), "{pattern:?} on {}", server.name);
            let page = remote.scan_keys_matching(&pattern, None, 10).unwrap();
            assert!(page.items.len() < 100, "a page looks at about ten keys");
        }
        for pattern in ["user:*[13]", "[o-\u{ff}]*7", "*"].map(KeyPattern::glob) {
            assert_eq!(remote.clear_matching(&pattern).unwrap(), store.clear_matching(&pattern), "{pattern:?}");
            assert_eq!(found(&remote, &KeyPattern::prefix("")), found(&store, &KeyPattern::prefix("")));
        }
        assert_eq!(remote.key_count().unwrap(), 1, "the key of another type is there");
    });
}

#[test]
fn random_keys_are_hashes() {
    each("random keys", 14, |server| {
        let remote = server.open();
        assert_eq!(remote.random_key().unwrap(), None);
        let mut admin = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        for n in 0..2_000 {
            redis::cmd("SET").arg(format!("text:{n}")).arg("v").exec(&mut admin).unwrap();
        }
        assert_eq!(remote.random_key().unwrap(), None);
        remote.set("k", "f", "v").unwrap();
        assert_eq!(remote.random_key().unwrap().as_deref(), Some(&b"k"[..]));
        (0..20).for_each(|n| _ = remote.set(format!("k{n}"), "f", "v").unwrap());
        admin_clear(&mut admin);
        let drawn: BTreeSet<Vec<u8>> = (0..500).filter_map(|_| remote.random_key().unwrap()).collect();
        assert!(drawn.len() > 15 && drawn.iter().all(|key| key.starts_with(b"k")), "{drawn:?}");
    });
}

fn admin_clear(admin: &mut redis::Connection) {
    for n in 0..2_000 {
        redis::cmd("DEL").arg(format!("text:{n}")).exec(admin).unwrap();
    }
}

#[test]
fn names_come_without_values() {
    each("names", 14, |server| {
        let remote = server.open();
        let names: BTreeSet<Vec<u8>> = (0..1_000).map(|n| format!("f{n}").into_bytes()).collect();
        remote.set_many("k", names.iter().map(|name| (name, "value"))).unwrap();
        let (mut met, mut cursor) = (BTreeSet::new(), None);
        loop {
            let page = remote.scan_fields("k", cursor, 50).unwrap();
            met.extend(page.items);
            cursor = page.next.map(|cursor| Cursor::from_bytes(cursor.to_bytes()));
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(met, names);
        for (sample, count) in [(Sample::Distinct(7), 7), (Sample::WithRepeats(9), 9), (Sample::Distinct(5_000), 1_000)]
        {
            let drawn = remote.random_field_names("k", sample).unwrap();
            assert!(drawn.len() == count && drawn.iter().all(|name| names.contains(name)));
        }
        assert!(remote.scan_fields("none", None, 10).unwrap().items.is_empty());
        assert!(remote.random_field_names("none", Sample::Distinct(1)).unwrap().is_empty());
    });
}

/// Goes on from a cursor until the end, and checks that only what exists is met.
fn check(remote: &Remote, cursor: Cursor) {
    let all = KeyPattern::prefix("user:");
    for kind in 0..3 {
        let mut next = Some(cursor);
        for page in 0.. {
            assert!(page < 10_000, "a scan from {cursor:?} does not end");
            let (items, after) = match kind {
                0 => remote.scan_keys(next, 100).map(|page| (page.items, page.next)),
                1 => remote.scan_keys_matching(&all, next, 100).map(|page| (page.items, page.next)),
                _ => remote.scan_fields("user:0", next, 100).map(|page| (page.items, page.next)),
            }
            .unwrap();
            assert!(items.iter().all(|item| item.starts_with(b"user:") || item.starts_with(b"f")));
            next = after;
            if next.is_none() {
                break;
            }
        }
    }
}

#[test]
fn forged_cursors_end() {
    each("forged cursors", 14, |server| {
        let remote = server.open();
        for n in 0..500 {
            remote.set(format!("user:{n}"), "f", "v").unwrap();
        }
        remote.set_many("user:0", (0..1_000).map(|n| (format!("f{n}"), "v"))).unwrap();
        let mut source = Source::Seed(9);
        for turn in 0..40 {
            let mut bytes = [0; 16];
            bytes[..8].fill_with(|| source.below(256) as u8);
            if turn % 2 == 1 {
                bytes[8..].fill_with(|| source.below(256) as u8);
            }
            check(&remote, Cursor::from_bytes(bytes));
        }
        check(&remote, Cursor::from_bytes([0; 16]));
        check(&remote, Cursor::from_bytes([0xff; 16]));
    });
}
