//! Deadlines of keys: the calls that set and change them, those that they survive, and those that remove them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::check;
use crate::support::config::{on_every_configuration, on_every_configuration_with_clock};
use hashlet::{
    ExpireCondition, ExpireOutcome, HashMut, Overwrite, SetOptions, Store, TransferOutcome, Ttl, When, unix_millis,
};

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_key_is_there_until_the_millisecond_of_its_deadline() {
    on_every_configuration_with_clock(|_, store, clock| {
        store.set("k", "f", "v").unwrap();
        assert_eq!(store.ttl("k"), Ttl::Never);
        assert_eq!(store.expire("k", millis(10)), ExpireOutcome::Set);
        assert_eq!((store.ttl("k"), store.deadline("k")), (Ttl::Left(millis(10)), Some(clock.now() + millis(10))));
        clock.advance(millis(9));
        assert_eq!((store.ttl("k"), store.size("k")), (Ttl::Left(millis(1)), 1));
        clock.advance(millis(1));
        assert_eq!((store.ttl("k"), store.deadline("k"), store.key_count()), (Ttl::Missing, None, 0));
    });
}

#[test]
fn a_missing_key_gets_no_deadline() {
    on_every_configuration(|_, store| {
        assert_eq!(store.expire("k", HOUR), ExpireOutcome::Missing);
        assert_eq!(store.expire("k", Duration::ZERO), ExpireOutcome::Missing);
        assert_eq!(store.expire("k", SystemTime::now() + HOUR), ExpireOutcome::Missing);
        assert_eq!(store.expire_if("k", HOUR, ExpireCondition::IfNone), ExpireOutcome::Missing);
        assert_eq!((store.ttl("k"), store.deadline("k"), store.persist("k")), (Ttl::Missing, None, false));
        let in_closure = store.update("k", |hash| (hash.expire(HOUR), hash.ttl(), hash.deadline(), hash.persist()));
        assert_eq!(in_closure, (ExpireOutcome::Missing, Ttl::Missing, None, false));
        assert!(store.is_empty());
    });
}

#[test]
fn persist_takes_the_deadline_and_says_whether_there_was_one() {
    on_every_configuration_with_clock(|_, store, clock| {
        store.set("k", "f", "v").unwrap();
        assert!(!store.persist("k"));
        store.expire("k", MINUTE);
        assert!(store.persist("k") && !store.persist("k"));
        store.update("k", |hash| {
            assert_eq!((hash.expire(MINUTE), hash.persist(), hash.persist()), (ExpireOutcome::Set, true, false));
        });
        clock.advance(HOUR);
        assert_eq!((store.ttl("k"), store.size("k")), (Ttl::Never, 1));
    });
}

#[test]
fn a_deadline_that_is_not_in_the_future_deletes_at_once() {
    on_every_configuration_with_clock(|config, store, clock| {
        type Call = fn(&Store, SystemTime) -> ExpireOutcome;
        let calls: [Call; 6] = [
            |store, now| store.expire("k", now),
            |store, now| store.expire("k", now - HOUR),
            |store, _| store.expire("k", UNIX_EPOCH - HOUR),
            |store, _| store.expire("k", Duration::ZERO),
            |store, _| store.update("k", |hash| hash.expire(Duration::ZERO)),
            |store, now| store.update("k", |hash| hash.expire(now)),
        ];
        for call in calls {
            store.set_many("k", [("f", "v"), ("g", "w")]).unwrap();
            assert_eq!(call(store, clock.now()), ExpireOutcome::Deleted);
            assert_eq!(
                (store.contains_key("k"), check::counts(store)),
                (false, check::counts(&config.store())),
                "valkey 2998"
            );
        }
    });
}

/// The present time to live and the new one, in milliseconds, and the outcome on each condition of [`ORDER`].
const CONDITIONS: [(Option<u64>, u64, [ExpireOutcome; 6]); 6] = {
    use ExpireOutcome::{Deleted, NotMet, Set};
    [
        (None, 50, [Set, Set, NotMet, NotMet, Set, NotMet]),
        (None, 0, [Deleted, Deleted, NotMet, NotMet, Deleted, NotMet]),
        (Some(100), 150, [Set, NotMet, Set, Set, NotMet, NotMet]),
        (Some(100), 100, [Set, NotMet, Set, NotMet, NotMet, NotMet]),
        (Some(100), 50, [Set, NotMet, Set, NotMet, Set, Set]),
        (Some(100), 0, [Deleted, NotMet, Deleted, NotMet, Deleted, Deleted]),
    ]
};
const ORDER: [ExpireCondition; 6] = [
    ExpireCondition::Always,
    ExpireCondition::IfNone,
    ExpireCondition::IfSome,
    ExpireCondition::IfLater,
    ExpireCondition::IfSooner,
    ExpireCondition::IfSomeAndSooner,
];

#[test]
fn deadlines_go_in_and_out_as_unix_times() {
    on_every_configuration(|_, store| {
        store.set("k", "f", "v").unwrap();
        for millis in [7_258_118_400_000, 7_258_118_400_001, 8_000_000_000_000_000] {
            assert_eq!(store.expire("k", When::unix_millis(millis)), ExpireOutcome::Set);
            assert_eq!(store.deadline("k").map(unix_millis), Some(millis));
            assert_eq!(store.expire_field("k", "f", When::unix_millis(millis)), ExpireOutcome::Set);
            assert_eq!(store.field_deadline("k", "f").map(unix_millis), Some(millis));
        }
        assert_eq!(store.expire("k", When::unix_seconds(7_258_118_400)), ExpireOutcome::Set);
        assert_eq!(store.deadline("k").map(unix_millis), Some(7_258_118_400_000));
        assert_eq!(unix_millis(UNIX_EPOCH - HOUR), 0);
        assert_eq!(unix_millis(UNIX_EPOCH + Duration::from_nanos(1)), 1);
        assert_eq!(store.expire("k", When::unix_seconds(u64::MAX)), ExpireOutcome::Set);
        assert_eq!(store.expire("k", When::unix_millis(1)), ExpireOutcome::Deleted);
    });
}

/// Valkey 3021: the past deadline deleted although the condition was not met.
#[test]
fn a_condition_is_judged_before_a_past_deadline_deletes() {
    type Face = (&'static str, fn(&Store, When, ExpireCondition) -> ExpireOutcome, fn(&Store) -> Ttl);
    let faces: [Face; 4] = [
        ("key", |store, when, condition| store.expire_if("k", when, condition), |store| store.ttl("k")),
        (
            "key in a closure",
            |store, when, condition| store.update("k", |hash| hash.expire_if(when, condition)),
            |store| store.read("k", |hash| hash.ttl()),
        ),
        (
            "field",
            |store, when, condition| store.expire_fields_if("k", ["f"], when, condition)[0],
            |store| store.field_ttl("k", "f"),
        ),
        (
            "field in a closure",
            |store, when, condition| store.update("k", |hash| hash.expire_fields_if(["f"], when, condition)[0]),
            |store| store.read("k", |hash| hash.field_ttl("f")),
        ),
    ];
    on_every_configuration_with_clock(|_, store, clock| {
        for (name, expire, ttl) in faces {
            for (old, new, outcomes) in CONDITIONS {
                for (condition, outcome) in ORDER.into_iter().zip(outcomes) {
                    for when in [When::After(millis(new)), When::At(clock.now() + millis(new))] {
                        store.clear_all();
                        store.set("k", "f", "v").unwrap();
                        if let Some(old) = old {
                            expire(store, When::After(millis(old)), ExpireCondition::Always);
                        }
                        let case = (name, old, new, condition, when);
                        assert_eq!(expire(store, when, condition), outcome, "{case:?}");
                        let left = match outcome {
                            ExpireOutcome::Set => Ttl::Left(millis(new)),
                            ExpireOutcome::NotMet => old.map_or(Ttl::Never, |old| Ttl::Left(millis(old))),
                            _ if name.starts_with("key") => Ttl::Missing,
                            _ => Ttl::Missing,
                        };
                        assert_eq!(ttl(store), left, "{case:?}");
                        assert_eq!(store.contains_key("k"), outcome != ExpireOutcome::Deleted, "{case:?}");
                    }
                }
            }
        }
    });
}

#[test]
fn a_key_keeps_its_deadline_while_its_fields_come_and_go() {
    type Write = fn(&mut HashMut<'_>);
    let writes: [Write; 12] = [
        |hash| _ = hash.set("f", "a longer value").unwrap(),
        |hash| _ = hash.set_many((0..300).map(|n| (format!("f{n}"), "v"))).unwrap(),
        |hash| _ = hash.set("long", vec![b'v'; 2_000]).unwrap(),
        |hash| _ = hash.increment("n", 1).unwrap(),
        |hash| _ = hash.increment_float("n", 0.5).unwrap(),
        |hash| _ = hash.increment_and_expire("m", 1, HOUR).unwrap(),
        |hash| _ = hash.compare_and_set("f", Some(b"a longer value"), Some(b"v")).unwrap(),
        |hash| _ = hash.set_if_absent("g", "v").unwrap(),
        |hash| _ = hash.set_with([("f", "v")], SetOptions::new().expire(HOUR)).unwrap(),
        |hash| _ = hash.expire_field("g", Duration::ZERO),
        |hash| _ = hash.remove_many((0..300).map(|n| format!("f{n}"))),
        |hash| _ = hash.take("long"),
    ];
    on_every_configuration_with_clock(|_, store, clock| {
        store.set("k", "f", "v").unwrap();
        store.expire("k", MINUTE);
        let deadline = store.deadline("k");
        for write in writes {
            clock.advance(millis(1));
            store.update("k", write);
            assert_eq!(store.deadline("k"), deadline);
            check::store(store);
        }
        store.shrink_to_fit();
        clock.advance(MINUTE);
        assert!(store.is_empty());
    });
}

#[test]
fn the_last_field_takes_the_keys_deadline_with_it_whoever_removes_it() {
    type Removal = fn(&mut HashMut<'_>);
    let removals: [Removal; 9] = [
        |hash| assert!(hash.remove("f")),
        |hash| assert_eq!(hash.remove_many(["f", "f"]), 1),
        |hash| assert!(hash.take("f").is_some()),
        |hash| assert!(hash.compare_and_set("f", Some(b"v"), None).unwrap()),
        |hash| hash.clear(),
        |hash| assert_eq!(hash.expire_field("f", Duration::ZERO), ExpireOutcome::Deleted),
        |hash| assert_eq!(hash.expire(Duration::ZERO), ExpireOutcome::Deleted),
        |hash| _ = hash.get_and_expire("f", hashlet::Touch::Expire(When::At(UNIX_EPOCH))).unwrap(),
        |hash| _ = hash.set_with([("f", "x")], SetOptions::new().expire(UNIX_EPOCH)).unwrap(),
    ];
    on_every_configuration(|_, store| {
        for removal in removals {
            for in_one_call in [true, false] {
                store.set("k", "f", "v").unwrap();
                store.expire("k", HOUR);
                store.update("k", |hash| {
                    removal(hash);
                    assert_eq!((hash.len(), hash.ttl(), hash.deadline()), (0, Ttl::Missing, None));
                    if in_one_call {
                        hash.set("f", "new").unwrap();
                        assert_eq!(hash.ttl(), Ttl::Never);
                    }
                });
                assert_eq!(store.contains_key("k"), in_one_call);
                store.set("k", "f", "new").unwrap();
                assert_eq!((store.ttl("k"), store.deadline("k")), (Ttl::Never, None));
                store.clear("k");
            }
        }
    });
}

/// The calls that look at only one field, and create the key again if it is gone.
const ANEW: [fn(&Store); 6] = [
    |store| _ = store.set("k", "new", "v").unwrap(),
    |store| _ = store.set_many("k", [("new", "v")]).unwrap(),
    |store| _ = store.set_if_absent("k", "new", "v").unwrap(),
    |store| _ = store.increment("k", "new", 1).unwrap(),
    |store| _ = store.compare_and_set("k", "new", None, Some(b"v")).unwrap(),
    |store| _ = store.increment_and_expire("k", "new", 1, HOUR).unwrap(),
];

#[test]
fn the_last_field_that_expires_takes_the_keys_deadline_with_it() {
    on_every_configuration_with_clock(|_, store, clock| {
        for fields in [1, 20] {
            for write in ANEW {
                store.set_many("k", (0..fields).map(|n| (format!("f{n}"), "v"))).unwrap();
                store.expire_fields("k", (0..fields).map(|n| format!("f{n}")), millis(10));
                store.expire("k", HOUR);
                clock.advance(millis(10));
                write(store);
                assert_eq!((store.size("k"), store.ttl("k")), (1, Ttl::Never), "{fields} fields");
                store.clear("k");
            }
        }
    });
}

/// The hash has several segments, and a call on one field purges only one of them.
#[test]
fn the_last_field_that_expires_takes_the_deadline_of_a_large_key_with_it() {
    on_every_configuration_with_clock(|_, store, clock| {
        for write in ANEW {
            store.set_many("k", (0..3_000).map(|n| (format!("f{n}"), "v"))).unwrap();
            store.expire("k", HOUR);
            store.update("k", |hash| {
                hash.expire_fields((0..3_000).map(|n| format!("f{n}")), millis(10));
            });
            clock.advance(millis(10));
            write(store);
            assert_eq!(store.ttl("k"), Ttl::Never, "a new hash with the deadline of the one before");
            store.clear("k");
        }
    });
}

/// All other fields have expired when the last live one is removed.
#[test]
fn removing_the_last_field_that_lives_takes_the_keys_deadline_with_it() {
    on_every_configuration_with_clock(|_, store, clock| {
        store.set_many("k", (0..3_000).map(|n| (format!("f{n}"), "v"))).unwrap();
        store.expire("k", HOUR);
        store.update("k", |hash| {
            hash.expire_fields((1..3_000).map(|n| format!("f{n}")), millis(10));
        });
        clock.advance(millis(10));
        assert!(store.remove("k", "f0"));
        store.set("k", "new", "v").unwrap();
        assert_eq!((store.size("k"), store.ttl("k")), (1, Ttl::Never));
    });
}

/// Redis 13539: the index of deadlines did not follow the hash.
#[test]
fn deadlines_travel_with_rename_and_copy() {
    on_every_configuration_with_clock(|_, store, clock| {
        for fields in [2, 300] {
            store.clear_all();
            store.set_many("from", (0..fields).map(|n| (format!("f{n}"), "v"))).unwrap();
            store.expire("from", HOUR);
            store.expire_field("from", "f0", MINUTE);
            store.set_many("old", [("f0", "w"), ("f1", "w")]).unwrap();
            store.expire("old", millis(1));
            store.expire_field("old", "f1", millis(1));
            assert_eq!(store.copy("from", "old", Overwrite::No), Ok(TransferOutcome::TargetExists));
            assert_eq!(store.ttl("old"), Ttl::Left(millis(1)));
            assert_eq!(store.copy("from", "old", Overwrite::Yes), Ok(TransferOutcome::Done));
            assert_eq!(store.copy("from", "a longer key", Overwrite::No), Ok(TransferOutcome::Done));
            assert_eq!(store.rename("from", "r", Overwrite::No), Ok(TransferOutcome::Done));
            for key in ["old", "a longer key", "r"] {
                assert_eq!((store.ttl(key), store.field_ttl(key, "f0")), (Ttl::Left(HOUR), Ttl::Left(MINUTE)));
                assert_eq!(store.field_ttl(key, "f1"), Ttl::Never);
            }
            assert_eq!(store.ttl("from"), Ttl::Missing);
            store.set("from", "f0", "v").unwrap();
            assert_eq!((store.ttl("from"), store.field_ttl("from", "f0")), (Ttl::Never, Ttl::Never));
            assert_eq!(store.expire_field("r", "f0", HOUR), ExpireOutcome::Set, "copies are their own");
            clock.advance(MINUTE);
            assert_eq!(store.purge_expired(usize::MAX).fields, 2);
            assert_eq!(["old", "a longer key", "r"].map(|key| store.size(key)), [fields - 1, fields - 1, fields]);
            clock.advance(HOUR);
            assert_eq!(store.keys(), [b"from"]);
            store.set("forever", "f", "v").unwrap();
            store.expire("from", HOUR);
            assert_eq!(store.rename("forever", "from", Overwrite::Yes), Ok(TransferOutcome::Done));
            assert_eq!(store.ttl("from"), Ttl::Never, "the deadline of what was there before");
        }
    });
}

#[test]
fn the_nearer_deadline_wins() {
    on_every_configuration_with_clock(|_, store, clock| {
        for (key, field) in [(10, 20), (20, 10), (10, 10)] {
            store.set_many("k", [("f", "v"), ("g", "v")]).unwrap();
            store.expire("k", millis(key));
            store.expire_field("k", "f", millis(field));
            assert_eq!((store.ttl("k"), store.field_ttl("k", "f")), (Ttl::Left(millis(key)), Ttl::Left(millis(field))));
            clock.advance(millis(10));
            assert_eq!((store.contains("k", "f"), store.contains_key("k")), (false, key > 10));
            clock.advance(millis(10));
            assert!(store.is_empty());
        }
    });
}

/// Moka 565: after a deadline was moved, one part of the code used the old one and another part the new one.
#[test]
fn only_the_last_deadline_counts() {
    on_every_configuration_with_clock(|_, store, clock| {
        store.set_many("k", [("f", "v"), ("g", "w")]).unwrap();
        for left in [50, 10, 100, 30] {
            assert_eq!(store.expire("k", millis(left)), ExpireOutcome::Set);
            assert_eq!(store.expire_field("k", "f", millis(left)), ExpireOutcome::Set);
        }
        clock.advance(millis(29));
        let purged = store.purge_expired(usize::MAX);
        assert_eq!((purged.keys, purged.fields, purged.is_complete), (0, 0, true));
        assert_eq!((store.stats().fields, store.key_count()), (2, 1));
        assert!(store.persist("k"));
        clock.advance(millis(1));
        assert_eq!((store.fields("k"), store.stats().fields), (vec![b"g".to_vec()], 1));
        assert_eq!(store.expire_field("k", "g", millis(5)), ExpireOutcome::Set);
        assert!(store.persist_field("k", "g"));
        clock.advance(HOUR);
        assert_eq!((store.purge_expired(usize::MAX).fields, store.size("k")), (0, 1));
    });
}
