//! Files in version 1 of the format can be read for ever. `HASHLET_GOLDEN=write` writes the files anew, which is right
//! only for a version that was never released.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::support::check;
use crate::support::config::all;
use crate::support::forge::Forge;
use crate::support::pattern;
use crate::support::specimen::{Contents, contents};
use crate::support::time::time;
use hashlet::{ManualClock, Store, Thresholds, When};

/// The first of January 2100, in milliseconds since 1970.
const KEY_DEADLINE: u64 = 4_102_444_800_000;
/// A second later.
const FIELD_DEADLINE: u64 = KEY_DEADLINE + 1_000;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// A hash of a golden file: its key, whether it has a deadline, its fields, and those of them with a deadline.
struct Golden {
    key: &'static [u8],
    is_timed: bool,
    pairs: Pairs,
    timed: Vec<&'static [u8]>,
}

fn golden(key: &'static str, is_timed: bool, pairs: Pairs, timed: &[&'static str]) -> Golden {
    Golden { key: key.as_bytes(), is_timed, pairs, timed: timed.iter().map(|field| field.as_bytes()).collect() }
}

fn texts<const N: usize>(pairs: [(&str, &str); N]) -> Pairs {
    pairs.map(|(field, value)| (field.into(), value.into())).into()
}

fn numbered(count: usize) -> Pairs {
    (0..count).map(|n| (format!("f{n}").into(), n.to_string().into())).collect()
}

/// Packed hashes, narrow and wide, with deadlines of either kind and of both.
fn small() -> Vec<Golden> {
    let user = || texts([("name", "Ada Lovelace"), ("born", "1815"), ("empty", "")]);
    let wide = || (0..12).map(|n| (vec![n, 0, 0xff], pattern(n, 30))).collect();
    vec![
        golden("", false, texts([("", "")]), &[]),
        golden("narrow", false, user(), &[]),
        golden("narrow, key", true, user(), &[]),
        golden("narrow, fields", false, user(), &["born"]),
        golden("narrow, key and fields", true, user(), &["name", "empty"]),
        golden("wide", false, wide(), &[]),
        golden("wide, key and field", true, wide(), &[]),
        golden("seventeen", true, numbered(17), &["f0", "f7", "f8", "f16"]),
        golden("\0\u{7f}\r\n", false, texts([("\0", "\n"), ("ä", "ö")]), &[]),
    ]
}

/// Tables of one part and of several, with and without deadlines, and with a value that has an allocation of its own.
fn tables() -> Vec<Golden> {
    let long = || vec![(b"long".to_vec(), pattern(7, 1_500)), (b"".to_vec(), b"".to_vec())];
    vec![
        golden("long", false, long(), &[]),
        golden("long, key and fields", true, long(), &["long", ""]),
        golden("parts", true, numbered(1_000), &["f0", "f500", "f999"]),
        golden("", false, texts([("a", "1"), ("b", "2")]), &["b"]),
    ]
}

fn store(hashes: &[Golden], max_fields: usize) -> Store {
    let thresholds = Thresholds::default().max_fields(max_fields);
    let store = Store::builder().shards(1).thresholds(thresholds).clock(&ManualClock::new()).hash_seed(1).build();
    for Golden { key, is_timed, pairs, timed } in hashes {
        store.set_many(key, pairs.iter().map(|(field, value)| (field, value))).unwrap();
        store.expire_fields(key, timed, When::At(time(FIELD_DEADLINE)));
        if *is_timed {
            store.expire(key, time(KEY_DEADLINE));
        }
    }
    store
}

fn expected(hashes: Vec<Golden>) -> BTreeMap<Vec<u8>, Contents> {
    let hashes = hashes.into_iter().map(|Golden { key, is_timed, pairs, timed }| {
        let deadline = |field: &[u8]| timed.contains(&field).then(|| time(FIELD_DEADLINE));
        let fields = pairs.into_iter().map(|(field, value)| {
            let deadline = deadline(&field);
            (field, (value, deadline))
        });
        (key.to_vec(), (is_timed.then(|| time(KEY_DEADLINE)), fields.collect()))
    });
    hashes.collect()
}

fn all_contents(store: &Store) -> BTreeMap<Vec<u8>, Contents> {
    store.keys().into_iter().map(|key| (key.clone(), contents(store, &key))).collect()
}

/// Checks that a golden file holds these hashes, and that today's code writes them in the same form.
fn check(name: &str, max_fields: usize, hashes: fn() -> Vec<Golden>) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("snapshot/golden").join(name);
    let mut today = Vec::new();
    store(&hashes(), max_fields).save_to(&mut today).unwrap();
    if std::env::var("HASHLET_GOLDEN").as_deref() == Ok("write") {
        std::fs::write(&path, &today).unwrap();
    }
    let golden = std::fs::read(&path).unwrap();
    for config in all() {
        for snapshot in [&golden, &today] {
            let loaded = config.builder().clock(&ManualClock::new()).load_from(&snapshot[..]).unwrap();
            check::store(&loaded);
            assert!(all_contents(&loaded) == expected(hashes()), "{name} on {}", config.name);
        }
    }
    assert!(Forge::parse(&golden).pieces() == Forge::parse(&today).pieces(), "{name} is written in other words today");
}

#[test]
fn an_empty_snapshot_of_version_1_is_read() {
    check("v1-empty.hashlet", 128, Vec::new);
}

#[test]
fn packed_hashes_of_version_1_are_read() {
    check("v1-packed.hashlet", 128, small);
}

#[test]
fn tables_of_version_1_are_read() {
    check("v1-tables.hashlet", 0, tables);
}
