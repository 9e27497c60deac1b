//! `try_update` and its like: after an error and after a panic, everything is as it was before the call.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, SystemTime};

use crate::support::check;
use crate::support::config::{self, Told, on_every_configuration, on_every_configuration_within};
use crate::support::ops::rollback::Failure;
use hashlet::{
    Encoding, Error, ExpireCondition, ExpireOutcome, Gone, HashMut, Limits, ManualClock, Result, SetOptions, Stats,
    Store, Touch, WhenFull,
};

const HOUR: Duration = Duration::from_secs(3_600);
const NOW: Duration = Duration::ZERO;
const LONG: [u8; 3_000] = [b'x'; 3_000];
/// How many bytes a table that was rolled back may differ by, because a segment was split or has free places.
const SLACK: usize = 16 << 10;

type Call = fn(&mut HashMut<'_>);

/// Every call that changes a hash, in several ways if it has several. Their answers do not matter here.
const CALLS: [(&str, Call); 37] = [
    ("set, same length", |hash| _ = hash.set("f", "VALUE")),
    ("set, longer", |hash| _ = hash.set("f", "a longer value")),
    ("set, shorter", |hash| _ = hash.set("long", "")),
    ("set, very long", |hash| _ = hash.set("f", LONG)),
    ("set, new", |hash| _ = hash.set("new", "v")),
    ("set_many", |hash| _ = hash.set_many([("f", "longer than before"), ("new", "v"), ("new", "w"), ("n", "10")])),
    ("set_many, much", |hash| _ = hash.set_many((0..300).map(|n| (format!("many {n}"), "v")))),
    ("set_if_absent", |hash| _ = hash.set_if_absent("new", "v")),
    ("compare_and_set", |hash| _ = hash.compare_and_set("f", Some(b"value"), Some(b"other"))),
    ("compare_and_set, removed", |hash| _ = hash.compare_and_set("f", Some(b"value"), None)),
    ("remove", |hash| _ = hash.remove("f")),
    ("remove, long", |hash| _ = hash.remove("long")),
    ("remove, missing", |hash| _ = hash.remove("nothing")),
    ("remove_many", |hash| _ = hash.remove_many(["f", "n", "f", "nothing"])),
    ("remove and set again", |hash| {
        hash.remove("f");
        _ = hash.set("f", "again");
    }),
    ("take", |hash| _ = hash.take("n")),
    ("increment", |hash| _ = hash.increment("n", 991)),
    ("increment, new", |hash| _ = hash.increment("new", 1)),
    ("increment_float", |hash| _ = hash.increment_float("x", 0.25)),
    ("retain", |hash| _ = hash.retain(|field, _| field == b"x")),
    ("retain nothing", |hash| _ = hash.retain(|_, _| false)),
    ("clear", |hash| hash.clear()),
    ("clear and fill", |hash| {
        hash.clear();
        _ = hash.set_many((0..200).map(|n| (format!("other {n}"), "v")));
        hash.clear();
        _ = hash.set("f", "v");
        hash.expire(HOUR / 2);
    }),
    ("change and clear", |hash| {
        _ = hash.set("f", "changed");
        hash.remove("n");
        hash.expire_field("x", HOUR / 3);
        hash.clear();
    }),
    ("expire", |hash| _ = hash.expire(HOUR / 2)),
    ("expire at once", |hash| assert!(matches!(hash.expire(NOW), ExpireOutcome::Deleted | ExpireOutcome::Missing))),
    ("expire, a time", |hash| _ = hash.expire(SystemTime::now() + HOUR * 100)),
    ("persist", |hash| _ = hash.persist()),
    ("expire_field", |hash| {
        hash.expire_field("f", HOUR / 2);
        hash.expire_field("x", HOUR / 2);
    }),
    ("expire_field at once", |hash| _ = hash.expire_field("f", NOW)),
    ("expire_fields", |hash| _ = hash.expire_fields(["f", "n", "long", "nothing"], HOUR / 2)),
    ("expire_fields_if", |hash| _ = hash.expire_fields_if(["f", "n"], HOUR / 2, ExpireCondition::IfNone)),
    ("persist_fields", |hash| _ = hash.persist_fields(["f", "n"])),
    ("set_with", |hash| {
        let options = SetOptions::new().expire(HOUR / 2).expire_key(HOUR / 2);
        _ = hash.set_with([("f", "longer than before"), ("new", "v")], options);
    }),
    ("set_with at once", |hash| _ = hash.set_with([("f", "v"), ("new", "v")], SetOptions::new().expire_key(NOW))),
    ("touch", |hash| {
        _ = hash.get_and_expire("f", Touch::Persist);
        _ = hash.get_many_and_expire(["f", "n", "x"], HOUR / 2);
    }),
    ("increment_and_expire", |hash| _ = hash.increment_and_expire("n", 1, HOUR / 2)),
];

/// How a closure fails.
#[derive(Clone, Copy, Debug)]
enum End {
    Error,
    Panic,
}

const ENDS: [End; 2] = [End::Error, End::Panic];

impl End {
    fn come(self) -> std::result::Result<(), Failure> {
        match self {
            Self::Error => Err(Failure::Meant),
            Self::Panic => resume_unwind(Box::new(Failure::Meant)),
        }
    }

    /// Asserts that an update fails in this way.
    fn of(self, update: impl FnOnce() -> std::result::Result<(), Failure>) {
        match (catch_unwind(AssertUnwindSafe(update)), self) {
            (Ok(Err(Failure::Meant)), Self::Error) => {}
            (Err(panic), Self::Panic) if panic.is::<Failure>() => {}
            (Err(panic), _) => resume_unwind(panic),
            (Ok(result), _) => panic!("{result:?}"),
        }
    }

    fn roll_back(self, store: &Store, key: &str, call: impl FnOnce(&mut HashMut<'_>)) {
        self.of(|| {
            store.try_update(key, |hash| {
                call(hash);
                self.come()
            })
        });
    }
}

type Fields = BTreeMap<Vec<u8>, (Vec<u8>, Option<SystemTime>)>;
type Contents = BTreeMap<Vec<u8>, (Option<SystemTime>, Fields)>;

fn contents(store: &Store) -> Contents {
    let mut contents = Contents::new();
    store.for_each(|key, hash| {
        let fields = hash.iter().map(|(field, value)| (field.to_vec(), (value.to_vec(), hash.field_deadline(field))));
        contents.insert(key.to_vec(), (hash.deadline(), fields.collect()));
    });
    contents
}

/// Sets hashes of one field, of some and of many fields. For each size, one has no deadlines, one has a deadline for
/// the key, and one has deadlines for fields. Returns their keys, and a missing one.
fn fill(store: &Store) -> Vec<String> {
    let mut keys = vec!["missing".to_owned()];
    for fields in [0, 20, 1_500] {
        for timed in 0..3 {
            let key = format!("{fields} fields, {timed}");
            if fields > 0 {
                store.set_many(&key, [("f", "value"), ("x", "9.5"), ("long", "y".repeat(50).as_str())]).unwrap();
                store.set_many(&key, (0..fields).map(|n| (format!("field {n}"), "some value"))).unwrap();
            }
            store.set(&key, "n", "9").unwrap();
            if timed == 1 {
                store.expire(&key, HOUR);
            } else if timed == 2 {
                store.expire_fields(&key, ["f", "n", "field 7"], HOUR);
            }
            keys.push(key);
        }
    }
    keys
}

/// Asserts that all counts of the store are as before, except for the free places of tables.
fn assert_same(store: &Store, before: &Stats) {
    let after = store.stats();
    let counts = |stats: &Stats| [stats.keys, stats.fields, stats.packed, stats.tables, stats.lost];
    assert_eq!(counts(&after), counts(before));
    let (least, most) = (before.bytes.min(after.bytes), before.bytes.max(after.bytes));
    assert!(most - least <= if before.tables == 0 { 0 } else { SLACK }, "{before:?}, then {after:?}");
}

fn each_call(mut roll_back: impl FnMut(End, &str, Call)) {
    for end in ENDS {
        for (name, call) in CALLS {
            let _told = Told(format!("{name}, {end:?}"));
            roll_back(end, name, call);
        }
    }
}

#[test]
fn nothing_is_left_of_any_call() {
    on_every_configuration(|_, store| {
        let keys = fill(store);
        let (before, stats) = (contents(store), store.stats());
        each_call(|end, _, call| {
            for key in &keys {
                end.roll_back(store, key, call);
                check::key(store, key);
            }
            assert_eq!(contents(store), before);
            check::store(store);
        });
        assert_same(store, &stats);
    });
}

#[test]
fn nothing_is_left_of_many_calls() {
    on_every_configuration(|_, store| {
        let keys = fill(store);
        let (before, stats) = (contents(store), store.stats());
        for end in ENDS {
            for first in 0..CALLS.len() {
                for key in &keys {
                    end.roll_back(store, key, |hash| {
                        (0..8).for_each(|n| (CALLS[(first * 7 + n * (first + 1)) % CALLS.len()].1)(hash));
                    });
                }
            }
        }
        assert_eq!(contents(store), before);
        assert_same(store, &stats);
    });
}

#[test]
fn nothing_is_left_of_calls_on_several_keys() {
    on_every_configuration(|_, store| {
        let keys = fill(store);
        let (before, stats) = (contents(store), store.stats());
        each_call(|end, _, call| {
            for trio in keys.windows(3) {
                let trio: [&str; 3] = std::array::from_fn(|at| &*trio[at]);
                end.of(|| {
                    store.try_update_many(trio, |hashes| {
                        hashes.iter_mut().for_each(call);
                        hashes[0].clear();
                        end.come()
                    })
                });
            }
            assert_eq!(contents(store), before);
        });
        assert_same(store, &stats);
    });
}

#[test]
fn what_ends_well_stays_done() {
    on_every_configuration(|config, store| {
        let twin = config.store();
        let keys = fill(store);
        fill(&twin);
        for (name, call) in CALLS {
            let _told = Told(name);
            for key in &keys {
                store
                    .try_update(key, |hash| {
                        call(hash);
                        Ok::<(), Error>(())
                    })
                    .unwrap();
                twin.update(key, call);
                check::key(store, key);
            }
            let words = |store: &Store| -> Vec<_> {
                let values = contents(store).into_iter().map(|(key, (deadline, fields))| {
                    let fields: Vec<_> = fields.into_iter().map(|(f, (v, d))| (f, v, d.is_some())).collect();
                    (key, deadline.is_some(), fields)
                });
                values.collect()
            };
            assert!(words(store) == words(&twin), "{name}");
        }
    });
}

#[test]
fn a_repeated_key_is_refused_before_the_closure_is_called() {
    let store = Store::new();
    let refused = store.try_update_many(["a", "b", "a"], |_| -> std::result::Result<(), Failure> { unreachable!() });
    assert_eq!(refused, Err(Failure::Refused(Error::RepeatedKey)));
}

const LIMIT: usize = 400_000;

#[test]
fn a_full_store_is_as_full_as_before() {
    on_every_configuration_within(Limits::default().max_bytes(LIMIT), |_, store| {
        let keys = fill(store);
        for len in [20_000, 300, 20, 0] {
            (0..).find(|n| store.set(format!("full {len}:{n}"), "f", vec![b'x'; len]).is_err());
        }
        let (before, stats) = (contents(store), store.stats());
        each_call(|end, _, call| {
            for key in &keys {
                end.roll_back(store, key, call);
            }
            assert_eq!(contents(store), before);
            check::store(store);
        });
        assert_same(store, &stats);
    });
}

/// A closure may fill the bytes that it has freed. Other calls may do so only once it has succeeded.
#[test]
fn what_a_closure_frees_is_free_for_itself() {
    on_every_configuration_within(Limits::default().max_bytes(LIMIT), |_, store| {
        store.set("a", "f", vec![b'x'; 300_000]).unwrap();
        store.set("b", "f", "v").unwrap();
        let moved = store.try_update_many(["a", "b"], |[a, b]| {
            a.clear();
            b.set("f", vec![b'y'; 300_000])?;
            assert!(matches!(a.set("f", vec![b'z'; 300_000]), Err(Error::Full { .. })));
            Ok::<(), Error>(())
        });
        assert_eq!(moved, Ok(()));
        assert!(!store.contains_key("a"));
        let refused = store.try_update("b", |b| -> Result<()> {
            b.clear();
            b.set("f", vec![b'z'; 200_000])?;
            b.set("g", vec![b'z'; 300_000])?;
            Ok(())
        });
        assert!(matches!(refused, Err(Error::Full { limit: LIMIT, .. })));
        assert_eq!(store.value_len("b", "f"), Some(300_000));
        store.set("b", "f", "v").unwrap();
        store.set("a", "f", vec![b'x'; 300_000]).unwrap();
    });
}

#[test]
fn what_had_expired_stays_gone_and_only_that_is_told() {
    for config in config::all() {
        let _told = Told(config.name);
        let (sender, told) = sync_channel(100);
        let clock = ManualClock::new();
        let store = config.builder().clock(&clock).listener(sender, WhenFull::Lose).build();
        store.set_many("k", [("f", "v"), ("gone", "v"), ("g", "v")]).unwrap();
        store.set("l", "f", "v").unwrap();
        store.expire_field("k", "gone", Duration::from_secs(1));
        store.expire("l", Duration::from_secs(1));
        clock.advance(Duration::from_secs(1));
        for end in ENDS {
            end.of(|| {
                store.try_update_many(["k", "l"], |[k, l]| {
                    assert_eq!((k.len(), l.len()), (2, 0));
                    k.expire_field("f", NOW);
                    k.expire(NOW);
                    l.set("f", "w").unwrap();
                    l.expire(NOW);
                    end.come()
                })
            });
            assert_eq!((store.size("k"), store.contains_key("l")), (2, false));
        }
        let told: Vec<Gone> = told.try_iter().collect();
        assert_eq!(told.len(), 2, "{told:?}");
        check::store(&store);
    }
}

#[test]
fn a_closure_sees_its_own_changes() {
    on_every_configuration(|_, store| {
        store.set("k", "n", "1").unwrap();
        let seen = store.try_update("k", |hash| {
            assert_eq!(hash.increment("n", 1), Ok(2));
            hash.clear();
            assert!(hash.is_empty());
            assert_eq!(hash.increment("n", 5), Ok(5));
            Err::<(), _>(hash.increment("n", 1))
        });
        assert_eq!(seen, Err(Ok(6)));
        assert_eq!(store.get("k", "n").as_deref(), Some(&b"1"[..]));
    });
}

#[test]
fn the_encoding_is_what_it_was() {
    let store = Store::new();
    store.set("k", "f", "v").unwrap();
    for end in ENDS {
        end.roll_back(&store, "k", |hash| {
            hash.set_many((0..1_000).map(|n| (n.to_string(), "v"))).unwrap();
            assert_eq!(hash.encoding(), Encoding::Table);
        });
        assert_eq!(store.encoding("k"), Some(Encoding::Packed));
    }
    store.set_many("k", (0..1_000).map(|n| (n.to_string(), "v"))).unwrap();
    for end in ENDS {
        end.roll_back(&store, "k", |hash| {
            hash.clear();
            hash.set("f", "v").unwrap();
            assert_eq!(hash.encoding(), Encoding::Packed);
        });
        assert_eq!(store.encoding("k"), Some(Encoding::Table));
    }
}

#[cfg(all(feature = "snapshot", feature = "testing"))]
mod saves {
    use super::*;
    use hashlet::SaveOptions;

    /// Saves in blocks of the smallest size, and calls `disturb` after each of them. Returns what was saved.
    fn saved_while(config: &config::Config, store: &Store, mut disturb: impl FnMut(usize)) -> Contents {
        let (mut snapshot, mut calls) = (Vec::new(), 0);
        let options = SaveOptions::new().block_bytes(1).progress(|_| {
            calls += 1;
            disturb(calls);
        });
        store.save_to_with(&mut snapshot, options).unwrap();
        let loaded = config.builder().load_from(&snapshot[..]).unwrap();
        check::store(&loaded);
        contents(&loaded)
    }

    #[test]
    fn a_save_holds_nothing_of_what_is_rolled_back() {
        on_every_configuration(|config, store| {
            let keys = fill(store);
            let before = contents(store);
            let mut next = CALLS.iter().cycle();
            for end in ENDS {
                let saved = saved_while(config, store, |call| {
                    for key in keys.iter().skip(call % 3).step_by(3) {
                        let (_, change) = next.next().unwrap();
                        end.roll_back(store, key, change);
                    }
                });
                assert!(saved == before, "the save's beginning");
                assert!(contents(store) == before);
                check::store(store);
                assert!(saved_while(config, store, |_| {}) == before, "the save after it");
            }
        });
    }

    /// A table that is written only in part is removed, and the rollback brings it back.
    #[test]
    fn a_table_comes_back_in_the_midst_of_its_save() {
        on_every_configuration(|config, store| {
            store.set_many("k", (0..5_000).map(|n| (n.to_string(), "v"))).unwrap();
            let before = contents(store);
            for at in [1, 2, 3, 5, 8] {
                let saved = saved_while(config, store, |call| {
                    ENDS[call % 2].roll_back(store, "k", |hash| hash.clear());
                    if call == at {
                        store.set("k", "after", "v").unwrap();
                    }
                });
                assert!(saved == before, "the save's beginning");
                store.remove("k", "after");
                assert!(contents(store) == before);
            }
            let saved = saved_while(config, store, |call| {
                if call == 2 {
                    let cleared = store.try_update("k", |hash| {
                        hash.clear();
                        hash.set("f", "v").map(drop)
                    });
                    assert_eq!(cleared, Ok(()));
                }
            });
            assert!(saved == before, "removed for good, and saved as it was");
        });
    }
}

#[cfg(feature = "json")]
#[test]
fn an_object_is_saved_only_if_its_closure_succeeds() {
    use hashlet::{CodecError, Json};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Account {
        owner: String,
        balance: u64,
    }

    #[derive(Debug)]
    enum Failed {
        Meant,
        Codec(CodecError),
    }
    impl From<CodecError> for Failed {
        fn from(error: CodecError) -> Self {
            Self::Codec(error)
        }
    }

    on_every_configuration(|_, store| {
        let typed = store.typed(Json);
        let update = |key, work: fn(&mut Account) -> std::result::Result<u64, Failed>| {
            typed.try_update_object(key, |account: &mut Account| work(account))
        };
        typed.save_object("a", &Account { owner: "Ada".into(), balance: 5 }).unwrap();
        let before = contents(store);
        let failed = update("a", |account| {
            account.balance = 0;
            Err(Failed::Meant)
        });
        assert!(matches!(failed, Err(Failed::Meant)));
        assert!(catch_unwind(AssertUnwindSafe(|| update("a", |_| resume_unwind(Box::new(()))))).is_err());
        assert_eq!(contents(store), before);
        let done = update("a", |account| {
            account.balance -= 1;
            Ok(account.balance)
        });
        assert!(matches!(done, Ok(Some(4))));
        assert_eq!(store.get("a", "balance").as_deref(), Some(&b"4"[..]));
        assert!(matches!(update("missing", |_| Ok(0)), Ok(None)));
        store.set("a", "balance", "much").unwrap();
        assert!(matches!(update("a", |_| Ok(0)), Err(Failed::Codec(CodecError::Decode { .. }))));
    });
}
