//! A store that is saved and loaded again is the same store, and a snapshot shows the instant at which its save began.
//! These tests run chosen calls between any two records and any two segments of a save. `model/saves.rs` runs random
//! ones.

use std::io::{self, ErrorKind, Write};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use crate::support::check;
use crate::support::config::{on_every_configuration, on_every_configuration_with_clock};
use hashlet::{ManualClock, SaveOptions, SaveReport, SnapshotError, Store, WhenFull};

#[test]
fn what_is_saved_is_loaded() {
    on_every_configuration(|config, store| {
        for n in 0..3_000 {
            store.set_many(format!("user:{n}"), [("name", format!("name {n}")), ("visits", n.to_string())]).unwrap();
        }
        for n in 0..5_000 {
            store.set("big", format!("field:{n}"), vec![n as u8; n % 300]).unwrap();
        }
        store.set("", "", "").unwrap();
        for _ in 0..3 {
            let mut snapshot = Vec::new();
            let mut calls = 0;
            let options = SaveOptions::new().progress(|_| calls += 1);
            let SaveReport { keys, fields, bytes, waiting_bytes, .. } =
                store.save_to_with(&mut snapshot, options).unwrap();
            assert!(calls > 1);
            assert_eq!((keys, fields, bytes, waiting_bytes), (3_002, 11_001, snapshot.len() as u64, 0));
            let loaded = config.builder().load_from(&snapshot[..]).unwrap();
            check::store(&loaded);
            assert_eq!(loaded.key_count(), 3_002);
            for key in store.keys() {
                assert_eq!(loaded.get_all(&key), store.get_all(&key));
            }
            store.set("big", "one more", "x").unwrap();
            store.remove("big", "one more");
        }
    });
}

#[test]
fn an_empty_store_is_saved_and_loaded() {
    let mut snapshot = Vec::new();
    let report = Store::new().save_to(&mut snapshot).unwrap();
    assert_eq!((report.keys, report.fields, report.bytes), (0, 0, snapshot.len() as u64));
    assert!(Store::load_from(&snapshot[..]).unwrap().is_empty());
}

/// A writer that succeeds this many times, and then fails.
struct Failing(usize);

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(1).ok_or(ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(ErrorKind::StorageFull.into())
    }
}

#[test]
fn a_writer_that_fails_or_cannot_flush_fails_the_save() {
    let store = Store::new();
    store.set("k", "f", "v").unwrap();
    for writes in 0..6 {
        let refused = store.save_to(Failing(writes)).unwrap_err();
        assert!(matches!(&refused, SnapshotError::Io(error) if error.kind() == ErrorKind::StorageFull), "{refused}");
        store.save_to(io::sink()).unwrap();
    }
}

/// The tests that run calls between any two segments of a save.
#[cfg(feature = "testing")]
mod in_the_middle {
    use std::collections::BTreeMap;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use hashlet::{Gone, ManualClock, Overwrite, WhenFull};

    use super::*;
    use crate::support::config::Config;

    const FIELDS: usize = 2_500;

    fn pairs(text: &str) -> Vec<(String, String)> {
        (0..FIELDS).map(|n| (format!("f{n}"), format!("{text} {n}"))).collect()
    }

    fn set_small(store: &Store, count: usize, value: &str) {
        for n in 0..count {
            store.set(format!("k{n}"), "f", value).unwrap();
        }
    }

    fn contents(store: &Store) -> BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>> {
        store.keys().into_iter().map(|key| (key.clone(), store.get_all(&key).into_iter().collect())).collect()
    }

    /// Saves one segment or record in each block, and calls `disturb` after each block. Checks that the snapshot shows
    /// nothing of what it changes, and that the next snapshot shows all of it.
    fn save_while(config: &Config, store: &Store, mut disturb: impl FnMut(usize)) {
        let before = contents(store);
        let (mut snapshot, mut calls) = (Vec::new(), 0);
        let options = SaveOptions::new().block_bytes(1).progress(|_| {
            calls += 1;
            disturb(calls);
        });
        store.save_to_with(&mut snapshot, options).unwrap();
        assert_eq!(contents(&config.builder().load_from(&snapshot[..]).unwrap()), before, "the save's beginning");
        let mut snapshot = Vec::new();
        store.save_to(&mut snapshot).unwrap();
        assert_eq!(contents(&config.builder().load_from(&snapshot[..]).unwrap()), contents(store), "the next save");
    }

    /// Runs `test` on each configuration, on a store with two large hashes and some small ones.
    fn on_every_large_store(test: impl Fn(&Config, &Store)) {
        on_every_configuration(|config, store| {
            store.set_many("a", pairs("a")).unwrap();
            store.set_many("b", pairs("b")).unwrap();
            set_small(store, 50, "v");
            test(config, store);
        });
    }

    #[test]
    fn a_rename_during_a_save_keeps_both_names_apart() {
        for at in [1, 2, 3, 4, 6, 9] {
            on_every_large_store(|config, store| {
                save_while(config, store, |call| {
                    if call == at {
                        assert!(store.rename("a", "c", Overwrite::Yes).unwrap().is_done());
                        store.set("a", "f0", "another").unwrap();
                        store.set("c", "f0", "changed").unwrap();
                    }
                });
            });
        }
    }

    #[test]
    fn a_hash_that_is_renamed_after_each_block_is_saved_once() {
        on_every_large_store(|config, store| {
            save_while(config, store, |call| {
                let [old, new] = [call - 1, call].map(|call| if call == 0 { "a".into() } else { format!("a{call}") });
                assert!(store.rename(old, &new, Overwrite::Yes).unwrap().is_done());
                store.remove(&new, format!("f{call}"));
            });
        });
    }

    #[test]
    fn two_hashes_that_change_their_names_during_a_save_are_both_saved() {
        on_every_large_store(|config, store| {
            save_while(config, store, |call| {
                if call % 3 == 1 {
                    store.rename("a", "c", Overwrite::Yes).unwrap();
                    store.rename("b", "a", Overwrite::Yes).unwrap();
                    store.rename("c", "b", Overwrite::Yes).unwrap();
                }
            });
        });
    }

    /// Once, a shard to which an unwritten table had moved during one save counted as written when the next save began.
    /// Clearing it then lost its hashes.
    #[test]
    fn what_is_cleared_in_the_save_after_a_table_has_moved_is_in_the_snapshot() {
        for at in [1, 2, 5] {
            on_every_large_store(|config, store| {
                let mut call = 0;
                let options = SaveOptions::new().block_bytes(1).progress(|_| {
                    call += 1;
                    store.rename(format!("b{}", call - 1), format!("b{call}"), Overwrite::No).unwrap();
                });
                store.rename("b", "b0", Overwrite::No).unwrap();
                store.save_to_with(io::sink(), options).unwrap();
                save_while(config, store, |call| {
                    if call == at {
                        store.clear_all();
                    }
                });
            });
        }
    }

    /// A table that is written only in part moves to a shard that the save has already walked. If that shard still
    /// counted as written, clearing it would lose the rest of the table: the save would return `Ok`, and loading would
    /// fail.
    #[test]
    fn a_table_that_moves_behind_the_save_and_is_cleared_at_once_is_in_the_snapshot() {
        for at in (1..70).step_by(3) {
            // The new key is free, or is that of a table with one field, which is written soon.
            for (from, to) in [("a", "c"), ("b", "d"), ("a", "long"), ("b", "long")] {
                on_every_large_store(|config, store| {
                    store.set("long", "f", vec![b'x'; 70_000]).unwrap();
                    save_while(config, store, |call| {
                        if call == at {
                            store.rename(from, to, Overwrite::Yes).unwrap();
                            store.clear_all();
                        }
                    });
                });
            }
        }
    }

    #[test]
    fn what_is_overwritten_or_cleared_during_a_save_is_in_the_snapshot() {
        for at in [1, 2, 3, 5, 8] {
            on_every_large_store(|config, store| {
                save_while(config, store, |call| {
                    if call == at {
                        store.copy("a", "d", Overwrite::Yes).unwrap();
                        store.rename("a", "b", Overwrite::Yes).unwrap();
                    }
                    if call == at + 2 {
                        store.clear_all();
                        store.set_many("a", pairs("new")).unwrap();
                    }
                });
            });
        }
    }

    #[test]
    fn segments_that_are_merged_and_split_during_a_save_are_saved_once() {
        on_every_large_store(|config, store| {
            save_while(config, store, |call| {
                if call % 2 == 0 {
                    store.remove_many("a", (0..FIELDS - 10).map(|n| format!("f{n}")));
                } else {
                    store.set_many("a", pairs("again")).unwrap();
                }
            });
        });
    }

    #[test]
    fn a_segment_that_is_saved_is_not_merged_with_one_that_is_not() {
        // The next one or two removals would merge two segments, which have less than a quarter of 896 fields.
        for left in 224..230 {
            on_every_configuration(|config, store| {
                store.set_many("a", pairs("a").into_iter().take(1_000)).unwrap();
                store.remove_many("a", (left..1_000).map(|n| format!("f{n}")));
                save_while(config, store, |call| drop(store.take("a", format!("f{call}"))));
            });
        }
    }

    #[test]
    fn keys_whose_segments_are_merged_and_split_during_a_save_are_saved_once() {
        on_every_configuration(|config, store| {
            set_small(store, 4_000, "v");
            save_while(config, store, |call| match call % 1_000 {
                300 => drop(store.retain(|key, _| key.ends_with(b"7"))),
                600 => set_small(store, 6_000, "new"),
                800 => store.shrink_to_fit(),
                900 => store.reserve(20_000),
                _ => {}
            });
        });
    }

    #[test]
    fn a_hash_that_expires_during_a_save_is_in_the_snapshot_whoever_is_told() {
        for at in [1, 2, 4, 7] {
            for listens in [false, true] {
                on_every_configuration(|config, _| {
                    let clock = ManualClock::new();
                    let (sender, told) = sync_channel(10_000);
                    let mut builder = config.builder().clock(&clock);
                    if listens {
                        builder = builder.listener(sender, WhenFull::Lose);
                    }
                    let store = builder.build();
                    store.set_many("a", pairs("a")).unwrap();
                    store.expire("a", Duration::from_secs(1));
                    let then = ManualClock::new();
                    let (mut snapshot, mut calls) = (Vec::new(), 0);
                    let options = SaveOptions::new().block_bytes(1).progress(|_| {
                        calls += 1;
                        if calls == at {
                            clock.advance(Duration::from_secs(1));
                            assert!(!store.contains_key("a"));
                        }
                    });
                    store.save_to_with(&mut snapshot, options).unwrap();
                    let loaded = config.builder().clock(&then).load_from(&snapshot[..]).unwrap();
                    assert_eq!(loaded.get_all("a"), pairs("a").into_iter().collect());
                    assert_eq!(loaded.ttl("a").left(), Some(Duration::from_secs(1)));
                    if let (true, Ok(Gone::KeyExpired { hash, .. })) = (listens && calls >= at, told.try_recv()) {
                        assert_eq!(hash, pairs("a").into_iter().collect());
                    }
                });
            }
        }
    }

    #[test]
    fn a_second_save_is_busy_until_the_first_ends() {
        on_every_large_store(|_, store| {
            let mut calls = 0;
            let options = SaveOptions::new().block_bytes(1).progress(|_| {
                calls += 1;
                if calls <= 3 {
                    assert!(matches!(store.save_to(io::sink()), Err(SnapshotError::Busy)));
                }
            });
            store.save_to_with(io::sink(), options).unwrap();
            assert!(calls > 3);
            store.save_to(io::sink()).unwrap();
        });
    }

    #[test]
    fn a_save_that_fails_anywhere_leaves_nothing_out_of_the_next() {
        for blocks in [0, 1, 3, 8, 50] {
            for panics in [false, true] {
                on_every_large_store(|config, store| {
                    let mut calls = 0;
                    let options = SaveOptions::new().block_bytes(1).progress(|_| {
                        calls += 1;
                        store.rename("a", "c", Overwrite::Yes).unwrap();
                        store.set("b", format!("f{calls}"), "new").unwrap();
                        if panics && calls == blocks {
                            resume_unwind(Box::new("intended"));
                        }
                    });
                    let save = || store.save_to_with(Failing(if panics { usize::MAX } else { blocks }), options);
                    assert!(!matches!(catch_unwind(AssertUnwindSafe(save)), Ok(Ok(_))));
                    save_while(config, store, |call| {
                        if call == 2 {
                            store.rename("c", "a", Overwrite::Yes).unwrap();
                        }
                    });
                });
            }
        }
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

/// Fills a store with small and large hashes, of which some expire after an hour, as a whole or in part. Returns the
/// numbers of keys and fields that stay.
fn fill_with_sessions(store: &Store) -> (u64, u64) {
    for n in 0..200 {
        for kind in ["whole", "part", "stays"] {
            let fields = if n % 20 == 0 { 300 } else { 3 };
            let key = format!("{kind}:{n}");
            let value = |field| format!("{}:{field}", if kind == "stays" { "public" } else { "secret" });
            store.set_many(&key, (0..fields).map(|field| (field.to_string(), value(field)))).unwrap();
            match kind {
                "whole" => _ = store.expire(&key, HOUR),
                "part" => {
                    store.set(&key, "rest", "public").unwrap();
                    (0..fields).for_each(|field| _ = store.expire_field(&key, field.to_string(), HOUR));
                }
                _ => {}
            }
        }
    }
    (400, 200 + 190 * 3 + 10 * 300)
}

fn holds(snapshot: &[u8], text: &str) -> bool {
    snapshot.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn what_has_expired_is_neither_counted_nor_written() {
    on_every_configuration_with_clock(|config, store, clock| {
        let (keys, fields) = fill_with_sessions(store);
        let before = clock.now();
        clock.advance(HOUR);
        let mut snapshot = Vec::new();
        let report = store.save_to(&mut snapshot).unwrap();
        assert_eq!((report.keys, report.fields), (keys, fields));
        assert_eq!(report.keys, store.key_count() as u64);
        assert!(!holds(&snapshot, "secret") && holds(&snapshot, "public"));
        // A program whose clock is behind does not get them either.
        let behind = ManualClock::new();
        behind.set(before);
        let loaded = config.builder().clock(&behind).load_from(&snapshot[..]).unwrap();
        assert_eq!(loaded.key_count() as u64, keys);
        assert_eq!(loaded.get_all("part:20").len(), 1);
    });
}

#[test]
fn what_other_calls_leave_to_a_save_holds_nothing_that_has_expired() {
    on_every_configuration_with_clock(|_, store, clock| {
        fill_with_sessions(store);
        clock.advance(HOUR);
        let mut snapshot = Vec::new();
        let mut is_first = true;
        let change_all = |_| {
            if std::mem::take(&mut is_first) {
                for n in 0..200 {
                    for kind in ["whole", "part", "stays"] {
                        store.set(format!("{kind}:{n}"), "new", "v").unwrap();
                        store.clear(format!("{kind}:{n}"));
                    }
                }
            }
        };
        store.save_to_with(&mut snapshot, SaveOptions::new().progress(change_all)).unwrap();
        assert!(!holds(&snapshot, "secret") && holds(&snapshot, "public"));
    });
}

#[test]
fn loading_tells_a_listener_nothing_of_what_has_expired() {
    on_every_configuration_with_clock(|config, store, clock| {
        fill_with_sessions(store);
        let mut snapshot = Vec::new();
        store.save_to(&mut snapshot).unwrap();
        let later = ManualClock::new();
        later.set(clock.now() + HOUR);
        let (sender, expired) = sync_channel(10_000);
        let loaded = config.builder().clock(&later).listener(sender, WhenFull::Lose).load_from(&snapshot[..]).unwrap();
        assert_eq!(loaded.key_count(), 400);
        assert_eq!(expired.try_iter().count(), 0);
        assert_eq!(loaded.stats().lost, 0);
    });
}
