//! Deadlines of fields: the calls that set and change them, those that they survive, and those that remove them.

use std::time::{Duration, UNIX_EPOCH};

use crate::support::check;
use crate::support::config::on_every_configuration_with_clock_within;
use crate::support::config::{on_every_configuration, on_every_configuration_with_clock};
use crate::support::pattern;
use hashlet::{Error, ExpireCondition, ExpireOutcome, HashMut, Limits, SetOptions, Store, Touch, Ttl, When};

const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);
const PAST: When = When::At(UNIX_EPOCH);

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_field_is_there_until_the_millisecond_of_its_deadline() {
    on_every_configuration_with_clock(|_, store, clock| {
        store.set_many("k", [("f", "v"), ("g", "w")]).unwrap();
        assert_eq!(store.field_ttls("k", ["f", "none"]), [Ttl::Never, Ttl::Missing]);
        assert_eq!(store.expire_field("k", "f", millis(10)), ExpireOutcome::Set);
        assert_eq!(store.field_deadline("k", "f"), Some(clock.now() + millis(10)));
        clock.advance(millis(9));
        assert_eq!(store.field_ttls("k", ["g", "f"]), [Ttl::Never, Ttl::Left(millis(1))]);
        clock.advance(millis(1));
        assert_eq!((store.field_ttl("k", "f"), store.field_deadline("k", "f")), (Ttl::Missing, None));
        assert_eq!((store.size("k"), store.stats().fields, store.ttl("k")), (1, 1, Ttl::Never));
    });
}

#[test]
fn compare_and_set_drops_the_deadline_unless_it_is_told_to_keep_it() {
    on_every_configuration_with_clock(|_, store, clock| {
        for fields in [1, 3, 200] {
            store.clear_all();
            store.set_many("k", (0..fields).map(|n| (format!("f{n}"), "v"))).unwrap();
            store.expire_field("k", "f0", HOUR);
            let deadline = Some(clock.now() + HOUR);
            assert_eq!(store.compare_and_set_keep_ttl("k", "f0", Some(b"other"), Some(b"w")), Ok(false));
            assert_eq!(store.compare_and_set_keep_ttl("k", "f0", Some(b"v"), Some(b"a longer value")), Ok(true));
            assert_eq!(store.get("k", "f0").as_deref(), Some(&b"a longer value"[..]));
            assert_eq!(store.field_deadline("k", "f0"), deadline);
            let keep =
                |hash: &mut HashMut<'_>| hash.compare_and_set_keep_ttl("f0", Some(b"a longer value"), Some(b"v"));
            assert_eq!((store.update("k", keep), store.field_deadline("k", "f0")), (Ok(true), deadline));
            assert_eq!(store.compare_and_set("k", "f0", Some(b"v"), Some(b"v")), Ok(true));
            assert_eq!(store.field_deadline("k", "f0"), None);
            assert_eq!(store.compare_and_set_keep_ttl("k", "new", None, Some(b"v")), Ok(true));
            assert_eq!(store.compare_and_set_keep_ttl("k", "new", Some(b"v"), None), Ok(true));
            assert_eq!(store.size("k"), fields);
        }
    });
}

/// The field has expired, and no call has removed it yet. Dragonfly 3598 and 4097: such fields were counted.
#[test]
fn an_expired_field_is_as_one_that_never_was() {
    on_every_configuration_with_clock(|_, store, clock| {
        let expired = |call: &dyn Fn()| {
            store.set_many("k", [("f", "7"), ("g", "w")]).unwrap();
            store.expire_field("k", "f", millis(10));
            clock.advance(millis(10));
            call();
            store.clear("k");
        };
        expired(&|| assert_eq!((store.size("k"), store.stats().fields), (1, 1)));
        expired(&|| assert_eq!(store.set("k", "f", "8"), Ok(true), "new"));
        expired(&|| assert!(!store.remove("k", "f")));
        expired(&|| assert_eq!(store.expire_field("k", "f", HOUR), ExpireOutcome::Missing));
        expired(&|| assert!(!store.persist_field("k", "f")));
        expired(&|| {
            assert_eq!(store.set_if_absent("k", "f", "8"), Ok(true));
            assert_eq!(store.field_ttl("k", "f"), Ttl::Never);
        });
        expired(&|| {
            assert_eq!(store.increment("k", "f", 1), Ok(1));
            assert_eq!(store.field_ttl("k", "f"), Ttl::Never);
        });
        expired(&|| {
            assert_eq!(store.get_and_expire("k", "f", Touch::Expire(When::After(HOUR))), Ok(None));
            assert!(!store.contains("k", "f"));
        });
    });
}

#[test]
fn outcomes_come_in_the_order_of_the_fields_and_a_repeated_field_is_judged_again() {
    use ExpireOutcome::{Deleted, Missing, NotMet, Set};
    on_every_configuration(|_, store| {
        store.set_many("k", [("f", "v"), ("g", "w"), ("h", "x")]).unwrap();
        let expire = |fields: &[&str], when: When, condition| store.expire_fields_if("k", fields, when, condition);
        assert_eq!(expire(&["f", "none", "f"], HOUR.into(), ExpireCondition::IfNone), [Set, Missing, NotMet]);
        assert_eq!(expire(&["g", "g", "f", "f"], PAST, ExpireCondition::IfSome), [NotMet, NotMet, Deleted, Missing]);
        assert_eq!(expire(&["g", "g"], PAST, ExpireCondition::Always), [Deleted, Missing]);
        assert_eq!(store.expire_fields("none", ["f", "f"], HOUR), [Missing, Missing]);
        assert_eq!(store.expire_fields("k", [""; 0], HOUR), []);
        assert_eq!(expire(&["h", "h"], PAST, ExpireCondition::Always), [Deleted, Missing]);
        assert!(store.is_empty(), "valkey 2998: an empty hash stayed behind");
    });
}

#[test]
fn persist_takes_a_fields_deadline_and_says_whether_there_was_one() {
    on_every_configuration_with_clock(|_, store, clock| {
        store.set_many("k", [("f", "v"), ("g", "w")]).unwrap();
        store.expire_fields("k", ["f", "g"], MINUTE);
        assert_eq!(store.persist_fields("k", ["none", "f", "f"]), [false, true, false]);
        assert!(store.persist_field("k", "g") && !store.persist_field("k", "g"));
        assert_eq!(store.persist_fields("none", ["f", "g"]), [false, false]);
        clock.advance(HOUR);
        assert_eq!(store.size("k"), 2);
    });
}

/// A write, and whether the field keeps its deadline.
type Write = (&'static str, bool, fn(&mut HashMut<'_>));

const WRITES: &[Write] = &[
    ("set", false, |hash| assert_eq!(hash.set("n", "7"), Ok(false))),
    ("set, longer", false, |hash| assert_eq!(hash.set("n", "a longer value"), Ok(false))),
    ("set_many", false, |hash| assert_eq!(hash.set_many([("x", "1"), ("n", "8")]), Ok(1))),
    ("set_many, repeated", false, |hash| assert_eq!(hash.set_many([("n", "1"), ("n", "8")]), Ok(0))),
    ("compare_and_set", false, |hash| assert_eq!(hash.compare_and_set("n", Some(b"5"), Some(b"5")), Ok(true))),
    ("set_with", false, |hash| assert_eq!(hash.set_with([("n", "7")], SetOptions::new()), Ok(Some(0)))),
    ("removed and set", false, |hash| assert!(hash.remove("n") && hash.set("n", "7").unwrap())),
    ("touch, persist", false, |hash| {
        assert_eq!(hash.get_and_expire("n", Touch::Persist).unwrap().as_deref(), Some(&b"5"[..]));
    }),
    ("set_if_absent", true, |hash| assert_eq!(hash.set_if_absent("n", "7"), Ok(false))),
    ("compare_and_set, failing", true, |hash| assert_eq!(hash.compare_and_set("n", None, Some(b"7")), Ok(false))),
    ("set, too long", true, |hash| assert!(hash.set("n", vec![0; 100_001]).is_err())),
    ("set_many, too long", true, |hash| {
        assert!(hash.set_many([("n", vec![0]), ("x", vec![0; 100_001])]).is_err());
    }),
    ("another field", true, |hash| assert_eq!(hash.set("another", "v"), Ok(true))),
    ("keep", true, |hash| assert_eq!(hash.set_with([("n", "77777")], SetOptions::new().keep_ttl()), Ok(Some(0)))),
    ("increment", true, |hash| assert_eq!(hash.increment("n", 1), Ok(6))),
    ("increment, longer", true, |hash| assert_eq!(hash.increment("n", 1_000_000), Ok(1_000_005))),
    ("increment_float", true, |hash| assert_eq!(hash.increment_float("n", 0.25), Ok(5.25))),
    ("increment_and_expire", true, |hash| assert_eq!(hash.increment_and_expire("n", 1, MINUTE), Ok(6))),
    ("increment, failing", true, |hash| assert_eq!(hash.increment("text", 1), Err(Error::NotAnInteger))),
];

/// Dragonfly 6184: an increment lost the deadline.
#[test]
fn overwriting_drops_a_deadline_and_increments_keep_it() {
    on_every_configuration_with_clock_within(Limits::default().max_string(100_000), |_, store, clock| {
        for (name, keeps, write) in WRITES {
            for others in [0, 30, 3_000] {
                store.set_many("k", [("n", "5"), ("text", "v")]).unwrap();
                store.set_many("k", (0..others).map(|n| (format!("f{n}"), "v"))).unwrap();
                store.expire_fields("k", ["n", "text"], HOUR);
                clock.advance(millis(1));
                store.update("k", write);
                let left = if *keeps { Ttl::Left(HOUR - millis(1)) } else { Ttl::Never };
                assert_eq!(store.field_ttl("k", "n"), left, "{name}");
                assert_eq!(store.field_ttl("k", "text"), Ttl::Left(HOUR - millis(1)), "{name}");
                store.clear("k");
            }
        }
    });
}

/// Dragonfly 5623: values were cut at a NUL when they got a deadline.
#[test]
fn bytes_are_the_same_with_a_deadline() {
    on_every_configuration_with_clock(|_, store, clock| {
        for bytes in [&b""[..], b"\0", b"\0\0a\0", b"a\0b", b"\xff\0\xfe", &pattern(3, 2_000)] {
            for field in [&b""[..], b"\0", b"f\0g"] {
                store.set_many("k", [(field, bytes), (b"other", b"w")]).unwrap();
                store.expire_field("k", field, MINUTE);
                assert_eq!(store.get("k", field).as_deref(), Some(bytes));
                store.expire("k", HOUR);
                assert_eq!(store.get_all("k").get(field), Some(bytes));
                clock.advance(millis(1));
                assert!(store.persist_field("k", field));
                assert_eq!(store.get("k", field).as_deref(), Some(bytes));
                store.clear("k");
            }
        }
    });
}

/// All fields but one have expired. Valkey 3558: nothing was drawn from such a hash. Dragonfly 4799: scans crashed.
#[test]
fn draws_and_scans_find_the_one_field_that_lives() {
    on_every_configuration_with_clock(|_, store, clock| {
        for fields in [100, 3_000] {
            store.set_many("k", (0..fields).map(|n| (format!("f{n}"), "v"))).unwrap();
            store.update("k", |hash| {
                hash.expire_fields((1..fields).map(|n| format!("f{n}")), millis(10));
            });
            let page = store.scan("k", None, 10);
            clock.advance(millis(10));
            let rest = store.scan("k", page.next, 10_000);
            assert!(page.items.iter().chain(&rest.items).any(|(field, _)| field == b"f0"));
            assert!(rest.items.len() <= 1 && rest.next.is_none());
            assert_eq!(store.random_field("k"), Some((b"f0".to_vec(), b"v".to_vec())));
            assert_eq!(store.scan("k", None, 1).items.len(), 1);
            store.clear("k");
        }
    });
}

#[test]
fn a_refused_set_with_changes_nothing_and_makes_no_key() {
    let always = SetOptions::new().expire(MINUTE).expire_key(HOUR);
    let pairs = [("f", "new"), ("g", "new")];
    // The fields that are there, and whether `only_new_fields`, `only_present_fields`, `only_new_key` and
    // `only_present_key` are met.
    let cases: [(&[&str], [bool; 4]); 4] = [
        (&[], [true, false, true, false]),
        (&["x"], [true, false, false, true]),
        (&["f"], [false, false, false, true]),
        (&["f", "g"], [false, true, false, true]),
    ];
    on_every_configuration_with_clock(|_, store, _| {
        for (present, met) in cases {
            for (conditions, number) in (0..16_u8).map(|bits| ([0, 1, 2, 3].map(|at| bits >> at & 1 == 1), bits)) {
                // Of two conditions of a kind only the later one counts, so that is no case of its own.
                if number & 3 == 3 || number & 12 == 12 {
                    continue;
                }
                let mut options = always;
                for (at, condition) in [
                    SetOptions::only_new_fields,
                    SetOptions::only_present_fields,
                    SetOptions::only_new_key,
                    SetOptions::only_present_key,
                ]
                .into_iter()
                .enumerate()
                {
                    options = if conditions[at] { condition(options) } else { options };
                }
                for in_closure in [false, true] {
                    store.clear("k");
                    store.set_many("k", present.iter().map(|field| (field, "old"))).unwrap();
                    let before = store.get_all("k");
                    let result = if in_closure {
                        store.update("k", |hash| hash.set_with(pairs, options))
                    } else {
                        store.set_with("k", pairs, options)
                    };
                    let new = pairs.iter().filter(|(field, _)| !present.contains(field)).count();
                    let is_met = conditions.into_iter().zip(met).all(|(is_asked, is_met)| is_met || !is_asked);
                    assert_eq!(result, Ok(is_met.then_some(new)), "{present:?} {conditions:?}");
                    if is_met {
                        assert_eq!(store.field_ttls("k", ["f", "g"]), [Ttl::Left(MINUTE); 2]);
                        assert_eq!(store.ttl("k"), Ttl::Left(HOUR));
                    } else {
                        assert_eq!((store.get_all("k"), store.deadline("k")), (before, None));
                        assert_eq!(store.contains_key("k"), !present.is_empty());
                        assert!(present.iter().all(|field| store.field_ttl("k", field) == Ttl::Never));
                    }
                }
            }
        }
    });
}

#[test]
fn set_with_gives_fields_and_key_their_deadlines() {
    on_every_configuration_with_clock(|_, store, clock| {
        let set = |pairs: &[(&str, &str)], options| store.set_with("k", pairs.iter().copied(), options);
        let ttls = || (store.ttl("k"), store.field_ttls("k", ["f", "g"]));
        assert_eq!(set(&[("f", "1"), ("g", "2")], SetOptions::new()), Ok(Some(2)));
        assert_eq!(ttls(), (Ttl::Never, vec![Ttl::Never; 2]));
        assert_eq!(set(&[("f", "1")], SetOptions::new().expire(MINUTE)), Ok(Some(0)));
        assert_eq!(set(&[("g", "2")], SetOptions::new().expire(clock.now() + HOUR)), Ok(Some(0)));
        assert_eq!(ttls(), (Ttl::Never, vec![Ttl::Left(MINUTE), Ttl::Left(HOUR)]));
        assert_eq!(set(&[("f", "longer"), ("f", "again")], SetOptions::new().keep_ttl().expire_key(HOUR)), Ok(Some(0)));
        assert_eq!(ttls(), (Ttl::Left(HOUR), vec![Ttl::Left(MINUTE), Ttl::Left(HOUR)]));
        let not_met = SetOptions::new().expire_key_if(HOUR, ExpireCondition::IfLater);
        assert_eq!(set(&[("f", "3")], not_met), Ok(Some(0)), "fields are set all the same");
        assert_eq!(ttls(), (Ttl::Left(HOUR), vec![Ttl::Never, Ttl::Left(HOUR)]));
        assert_eq!(set(&[], SetOptions::new().expire_key(MINUTE)), Ok(Some(0)));
        assert_eq!(store.ttl("k"), Ttl::Left(HOUR), "without fields nothing is done");
        assert_eq!(store.get_many("k", ["f", "g"]), [Some(b"3".to_vec()), Some(b"2".to_vec())]);
        store.clear("k");
        assert_eq!(set(&[], SetOptions::new().expire_key(MINUTE)), Ok(Some(0)));
        assert!(store.is_empty(), "no fields, no key");
    });
}

#[test]
fn set_with_a_past_deadline_leaves_nothing() {
    on_every_configuration(|config, store| {
        let all_gone = [
            SetOptions::new().expire(PAST),
            SetOptions::new().expire_key(PAST),
            SetOptions::new().expire(PAST).expire_key(HOUR),
            SetOptions::new().expire(HOUR).expire_key(PAST),
            SetOptions::new().expire(Duration::ZERO).only_new_fields().only_new_key(),
        ];
        for options in all_gone {
            assert_eq!(store.set_with("k", [("f", "1"), ("g", "2"), ("f", "3")], options), Ok(Some(2)));
            assert_eq!((store.contains_key("k"), check::counts(store)), (false, check::counts(&config.store())));
            store.set_many("k", [("f", "1"), ("g", "2")]).unwrap();
            store.expire("k", HOUR);
            store.update("k", |hash| hash.set_with([("f", "3"), ("g", "4")], options).unwrap());
            assert_eq!(store.contains_key("k"), options == all_gone[4]);
            store.clear("k");
        }
        store.set_many("k", [("f", "1"), ("g", "2")]).unwrap();
        assert_eq!(store.set_with("k", [("f", "3")], SetOptions::new().expire(PAST)), Ok(Some(0)));
        assert_eq!(store.fields("k"), [b"g"], "valkey 2998");
    });
}

#[test]
fn touch_answers_the_value_before_it_changes_the_deadline() {
    on_every_configuration_with_clock(|_, store, clock| {
        store.set_many("k", [("f", "1"), ("g", "2"), ("h", "3")]).unwrap();
        let [one, two, three] = ["1", "2", "3"].map(|value| Some(value.as_bytes().to_vec()));
        let ahead = Touch::Expire(When::At(clock.now() + MINUTE));
        assert_eq!(store.get_and_expire("k", "f", ahead), Ok(one.clone()));
        assert_eq!(store.get_many_and_expire("k", ["g", "none", "f"], ahead), Ok(vec![two.clone(), None, one.clone()]));
        assert_eq!(store.field_ttls("k", ["f", "g", "h"]), [Ttl::Left(MINUTE), Ttl::Left(MINUTE), Ttl::Never]);
        assert_eq!(store.get_many_and_expire("k", ["g", "g"], Touch::Persist), Ok(vec![two.clone(), two.clone()]));
        assert_eq!(store.get_many_and_expire("k", ["f", "f", "g"], Touch::Expire(PAST)), Ok(vec![one, None, two]));
        assert_eq!(store.fields("k"), [b"h"]);
        assert_eq!(store.get_and_expire("none", "f", ahead), Ok(None));
        assert_eq!(store.get_many_and_expire("none", ["f", "f"], ahead), Ok(vec![None, None]));
        assert_eq!(store.get_and_expire("k", "h", Touch::Expire(PAST)), Ok(three));
        assert!(store.is_empty(), "valkey 2998");
    });
}

#[test]
fn increment_expiring_counts_from_the_first_call_of_its_time() {
    on_every_configuration_with_clock(|_, store, clock| {
        let count = || store.increment_and_expire("k", "f", 1, MINUTE);
        assert_eq!((count(), store.field_ttl("k", "f")), (Ok(1), Ttl::Left(MINUTE)));
        clock.advance(MINUTE / 2);
        assert_eq!((count(), store.field_ttl("k", "f")), (Ok(2), Ttl::Left(MINUTE / 2)));
        clock.advance(MINUTE / 2);
        assert_eq!((count(), store.field_ttl("k", "f")), (Ok(1), Ttl::Left(MINUTE)));
        store.set("k", "g", "text").unwrap();
        assert_eq!(store.increment_and_expire("k", "g", 1, MINUTE), Err(Error::NotAnInteger));
        assert_eq!(store.field_ttl("k", "g"), Ttl::Never);
        assert_eq!(store.increment_and_expire("k", "f", 1, PAST), Ok(2), "it has a deadline, so it gets no other");
        assert_eq!(store.increment_and_expire("new", "f", 5, PAST), Ok(5));
        assert!(!store.contains_key("new"), "valkey 2998");
    });
}

#[test]
fn expired_fields_take_no_place_among_the_most_fields() {
    on_every_configuration_with_clock_within(Limits::default().max_fields(3_000), |_, store, clock| {
        let names = |from: usize| (from..from + 3_000).map(|n| (format!("f{n}"), "v"));
        store.set_many("k", names(0)).unwrap();
        for write in [
            (|store| store.set("k", "new", "v").map(drop)) as fn(&Store) -> hashlet::Result<()>,
            |store| store.set_many("k", [("new", "v")]).map(drop),
            |store| store.increment("k", "new", 1).map(drop),
            |store| store.set_with("k", [("new", "v")], SetOptions::new()).map(drop),
            |store| store.update("k", |hash| hash.set("new", "v")).map(drop),
        ] {
            assert!(matches!(write(store), Err(Error::TooManyFields { limit: 3_000, .. })));
            store.expire_field("k", "f7", millis(10));
            clock.advance(millis(10));
            assert_eq!((write(store), store.size("k")), (Ok(()), 3_000));
            assert!(store.remove("k", "new") && store.set("k", "f7", "v").unwrap());
        }
        store.update("k", |hash| hash.expire_fields(names(0).map(|(field, _)| field), millis(10)));
        clock.advance(millis(10));
        assert_eq!((store.set_many("k", names(5_000)), store.size("k")), (Ok(3_000), 3_000));
    });
}

#[test]
fn a_sum_that_is_too_long_is_refused_with_and_without_a_deadline() {
    on_every_configuration_with_clock_within(Limits::default().max_string(1), |_, store, _| {
        store.set("k", "f", "9").unwrap();
        let too_long = Err(Error::ValueTooLong { size: 2, limit: 1 });
        assert_eq!(store.increment("k", "f", 1), too_long);
        assert_eq!(store.increment_and_expire("k", "f", 1, HOUR), too_long);
        assert_eq!(store.increment_and_expire("k", "g", 10, HOUR), too_long);
        assert_eq!((store.get("k", "f"), store.field_ttl("k", "f")), (Some(b"9".to_vec()), Ttl::Never));
    });
}
