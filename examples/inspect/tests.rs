//! The program reads what the crate writes, and refuses what the crate refuses.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hashlet::{Store, Thresholds};

use super::*;
use crate::contents::{Deadline, Hash, text};

/// A folder that is removed when it is dropped. The package of the crate has this example, but no file of `tests/`.
struct TestFolder(PathBuf);

impl TestFolder {
    fn new() -> Self {
        static FOLDERS: AtomicU64 = AtomicU64::new(0);
        let name = format!("hashlet-inspect-{}-{}", std::process::id(), FOLDERS.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// What a store holds.
fn contents(store: &Store) -> Contents {
    let millis = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_millis() as Deadline;
    let mut contents = Contents::default();
    store.for_each(|key, hash| {
        let field =
            |(field, value): (&[u8], &[u8])| (field.to_vec(), (value.to_vec(), hash.field_deadline(field).map(millis)));
        let hash = Hash { deadline: hash.deadline().map(millis), fields: hash.iter().map(field).collect() };
        contents.0.insert(key.to_vec(), hash);
    });
    contents
}

fn builder() -> hashlet::StoreBuilder {
    Store::builder().shards(2).thresholds(Thresholds::default().max_fields(8))
}

/// A store of packed hashes and tables, with deadlines or without.
fn store() -> Store {
    let store = builder().build();
    for n in 0..6_usize {
        let key = format!("key:{n}");
        store.set_many(&key, (0..1 + 3 * n).map(|field| (format!("field:{field}"), "v".repeat(n * field)))).unwrap();
        if n % 2 == 1 {
            store.expire_field(&key, "field:0", Duration::from_secs(1_000));
        }
        if n % 3 == 1 {
            store.expire(&key, Duration::from_secs(2_000));
        }
    }
    store.set(b"\xFF\\", "", "").unwrap();
    store
}

fn saved(store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.save_to(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_snapshot_is_read_as_its_store() {
    let store = store();
    let bytes = saved(&store);
    let snapshot = Snapshot::read(&bytes);
    assert_eq!(snapshot.damage, None);
    assert_eq!(snapshot.contents, contents(&store));
    let large = Store::new();
    large.set_many("large", (0..5_000).map(|n| (n.to_string(), n.to_string()))).unwrap();
    assert_eq!(Snapshot::read(&saved(&large)).contents, contents(&large));
    assert_eq!(Snapshot::read(&saved(&Store::new())).damage, None);
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let bytes = saved(&store());
    for at in 0..bytes.len() {
        assert!(Snapshot::read(&bytes[..at]).damage.is_some(), "cut at {at}");
        for bit in 0..8 {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << bit;
            let snapshot = Snapshot::read(&bytes);
            assert!(snapshot.damage.is_some(), "bit {bit} of byte {at}");
            assert!(snapshot.to_string().contains("damaged at byte"));
        }
    }
}

/// Whoever forges checksums gets no further with this program than with the crate.
#[test]
fn a_forged_block_is_refused_as_by_the_crate() {
    let bytes = saved(&store());
    let (head, block) = bytes.split_at(24);
    let length = u32::from_le_bytes(block[..4].try_into().unwrap()) as usize;
    let (block, end) = block.split_at(12 + length);
    let (mut agreed, mut refused) = (0, 0);
    for at in 12..block.len() {
        for byte in [0, 1, 2, 3, 0x7F, 0xFF, block[at] ^ 1, block[at] ^ 0x80] {
            let mut block = block.to_vec();
            block[at] = byte;
            let crc = crc32c::crc32c_append(crc32c::crc32c(&block[..8]), &block[12..]);
            block[8..12].copy_from_slice(&crc.to_le_bytes());
            let forged = [head, &block, end].concat();
            let (read, loaded) = (Snapshot::read(&forged), builder().load_from(&forged[..]));
            match (&read.damage, loaded) {
                (None, Ok(store)) => {
                    // What has expired by now is left out by a load.
                    let mut expected = read.contents.clone();
                    let now = UNIX_EPOCH.elapsed().unwrap().as_millis() as Deadline;
                    expected.0.retain(|_, hash| {
                        hash.fields.retain(|_, (_, deadline)| deadline.is_none_or(|deadline| deadline > now));
                        hash.deadline.is_none_or(|deadline| deadline > now) && !hash.fields.is_empty()
                    });
                    assert_eq!(contents(&store), expected, "byte {at} is {byte}");
                    agreed += 1;
                }
                (Some(_), Err(_)) => refused += 1,
                (damage, loaded) => panic!("byte {at} is {byte}: {damage:?}, {:?}", loaded.err()),
            }
        }
    }
    assert!(agreed > 100 && refused > 100, "{agreed} {refused}");
}

#[test]
fn text_is_told_from_bytes_that_are_none() {
    assert_eq!(text("Ångström".as_bytes()), "Ångström");
    assert_eq!(text(b"a\xFF\xC3\\xFF"), r"a\xFF\xC3\\xFF");
    let lines: Vec<String> = contents(&store()).lines().collect();
    assert!(lines.iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert_eq!(lines.last().unwrap(), r#"{"key":"\\xFF\\\\","fields":{"":""}}"#);
}

#[test]
fn a_missing_file_and_a_file_of_another_kind_are_told() {
    let folder = TestFolder::new();
    let out = &mut Vec::new();
    assert!(report(&folder.path().join("missing"), out).is_err());
    assert!(report(folder.path(), out).is_err());
    fs::write(folder.path().join("text"), "text").unwrap();
    assert!(report(&folder.path().join("text"), out).is_err());
    assert!(out.is_empty());
}

#[cfg(feature = "journal")]
mod of_journals {
    use hashlet::{Durable, JournalError, JournalOptions, Overwrite};

    use super::*;

    fn open(path: &Path) -> Result<Durable, JournalError> {
        builder().open(path, JournalOptions::new())
    }

    /// Makes calls of all kinds.
    fn work(store: &Store, calls: usize) {
        let key = |n: usize| format!("key:{}", n % 5);
        for n in 0..calls {
            match n * n % 23 {
                0 => _ = store.clear(key(n)),
                1 => _ = store.rename(key(n), key(n + 1), Overwrite::Yes).unwrap(),
                2 => _ = store.copy(key(n), key(n + 2), Overwrite::Yes).unwrap(),
                3 => _ = store.expire(key(n), Duration::from_secs(1_000)),
                4 => _ = store.expire_field(key(n), "counter", Duration::from_secs(100)),
                6 => _ = store.persist(key(n)),
                8 => _ = store.remove(key(n), "counter"),
                9 if n > calls / 2 => store.clear_all(),
                12 => store
                    .set_many(key(n), (0..12).map(|field| (format!("{field}"), "x".repeat(n % 9))))
                    .map(drop)
                    .unwrap(),
                13 => {
                    let moved = store.update_many([key(n), key(n + 1)], |[from, to]| {
                        let value = from.take("counter").unwrap_or_default();
                        to.set("from", value).unwrap();
                        from.set("moved", n.to_string()).unwrap();
                    });
                    moved.unwrap();
                }
                _ => _ = store.update(key(n), |hash| hash.set("counter", n.to_string())).unwrap(),
            }
        }
    }

    fn found(path: &Path) -> Contents {
        Folder::read(path).unwrap().find().unwrap_or_else(|file| panic!("{file}")).contents
    }

    #[test]
    fn a_folder_is_read_as_its_store() {
        for calls in [0, 1, 10, 50, 200, 500] {
            let folder = TestFolder::new();
            let store = open(folder.path()).unwrap();
            work(&store, calls);
            store.sync().unwrap();
            assert_eq!(found(folder.path()), contents(&store));
            store.checkpoint().unwrap();
            assert_eq!(found(folder.path()), contents(&store));
            work(&store, calls / 3);
            drop(store);
            let store = open(folder.path()).unwrap();
            work(&store, calls / 2);
            let expected = contents(&store);
            store.close().unwrap();
            assert_eq!(found(folder.path()), expected);
            assert!(report(folder.path(), &mut Vec::new()).unwrap());
        }
    }

    /// A folder of a base and two logs, with every byte damaged in turn.
    #[test]
    fn a_damaged_file_of_a_folder_is_judged_as_by_the_crate() {
        let folder = TestFolder::new();
        let path = &folder.path().join("data");
        let store = open(path).unwrap();
        work(&store, 4);
        store.checkpoint().unwrap();
        work(&store, 3);
        store.sync().unwrap();
        work(&store, 2);
        drop(store);
        let store = open(path).unwrap();
        for n in 0..3 {
            work(&store, n + 1);
            store.sync().unwrap();
        }
        drop(store);
        let (mut whole, mut damaged) = (0, 0);
        let names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 4, "a lock, a base and two logs: {names:?}");
        for name in names.iter().filter(|name| *name != "lock") {
            let bytes = fs::read(path.join(name)).unwrap();
            for (at, cuts) in (0..bytes.len()).flat_map(|at| [(at, false), (at, true)]) {
                let mut bytes = bytes.clone();
                if cuts {
                    bytes.truncate(at);
                } else {
                    bytes[at] ^= 0x10;
                }
                let copy = TestFolder::new();
                for name in &names {
                    fs::copy(path.join(name), copy.path().join(name)).unwrap();
                }
                fs::write(copy.path().join(name), bytes).unwrap();
                let mine = Folder::read(copy.path()).unwrap();
                assert!(!mine.to_string().is_empty());
                let mine = mine.find().map(|found| found.contents).map_err(|file| file.to_string());
                if at % 7 != 0 {
                    continue; // because an open waits for the disk
                }
                match (mine, open(copy.path())) {
                    (Ok(mine), Ok(store)) => {
                        whole += 1;
                        assert_eq!(mine, contents(&store), "{name:?}, byte {at}, cut: {cuts}");
                    }
                    (Err(_), Err(_)) => damaged += 1,
                    (mine, store) => panic!("{name:?}, byte {at}, cut: {cuts}: {:?}, {:?}", mine.err(), store.err()),
                }
            }
        }
        assert!(whole > 10 && damaged > 20, "{whole} {damaged}");
    }

    /// Effects in any order, as no call leaves them, with right checksums.
    #[test]
    fn forged_effects_are_done_as_by_the_crate() {
        let folder = TestFolder::new();
        drop(open(&folder.path().join("data")).unwrap());
        let beginning = fs::read(folder.path().join("data/log-1")).unwrap();
        let origin = &beginning[12..28];
        let mut seed = 1_u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for round in 0..30 {
            let mut entries = Vec::new();
            for _ in 0..1 + random(20) {
                let mut entry = vec![1, 1, b'a'];
                for _ in 0..1 + random(6) {
                    let kind = [1, 2, 2, 12, 3, 4, 5, 6, 7, 8, 9][random(11) as usize];
                    let deadline = if random(3) == 0 { u64::MAX } else { (1 << 50) + random(9) };
                    let name = [1, b'a' + random(3) as u8];
                    entry.push(kind);
                    match kind {
                        1 | 3 | 7 | 8 => entry.extend(name),
                        2 => entry.extend([name, [1, b'v']].concat()),
                        12 => entry.extend([name, [1, b'a' + random(3) as u8], [1, b'w']].concat()),
                        4 => entry.extend([&name[..], &deadline.to_le_bytes()].concat()),
                        5 => entry.extend(deadline.to_le_bytes()),
                        _ => {}
                    }
                }
                entries.push(entry.len() as u8);
                entries.extend(entry);
            }
            let numbers =
                [&(entries.len() as u32).to_le_bytes()[..], &1_u64.to_le_bytes(), &82_u64.to_le_bytes()].concat();
            let crc = crc32c::crc32c(&[origin, &numbers, &entries].concat());
            let copy = TestFolder::new();
            let log = [&beginning[..], &numbers, &crc.to_le_bytes(), &entries].concat();
            fs::write(copy.path().join("log-1"), log).unwrap();
            let mine = found(copy.path());
            assert_eq!(mine, contents(&open(copy.path()).unwrap()), "round {round}");
        }
    }
}
