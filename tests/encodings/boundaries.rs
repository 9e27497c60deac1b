//! Every length and every count at which a layout changes its form, in every encoding. Everything written is read back.

use std::time::Duration;

use crate::support::check;
use crate::support::config::{self, on_every_configuration};
use crate::support::{BOUNDARIES, pattern};
use hashlet::{ExpireCondition, SetOptions, Store, Touch, Ttl};

fn field(number: usize) -> String {
    format!("f{number}")
}

#[test]
fn fields_of_every_length_are_found_again() {
    on_every_configuration(|_, store| {
        for len in BOUNDARIES {
            store.set("all", pattern(1, len), len.to_string()).unwrap();
            store.set(len.to_string(), pattern(1, len), "alone").unwrap();
            check::key(store, "all");
        }
        for len in BOUNDARIES {
            assert_eq!(store.get("all", pattern(1, len)), Some(len.to_string().into_bytes()));
            assert_eq!(store.get("all", pattern(2, len + 1)), None);
            assert_eq!(store.fields(len.to_string()), [pattern(1, len)]);
        }
        for len in BOUNDARIES {
            assert!(store.remove("all", pattern(1, len)) && store.remove(len.to_string(), pattern(1, len)));
        }
        assert!(store.is_empty());
    });
}

#[test]
fn values_of_every_length_replace_each_other() {
    on_every_configuration(|_, store| {
        for before in BOUNDARIES {
            for after in BOUNDARIES {
                store.set_many("k", [("a", "first"), ("z", "last")]).unwrap();
                store.set("k", "f", pattern(1, before)).unwrap();
                assert_eq!(store.value_len("k", "f"), Some(before));
                store.set("k", "f", pattern(2, after)).unwrap();
                assert_eq!(store.get("k", "f"), Some(pattern(2, after)));
                check::key(store, "k");
                assert_eq!(store.take("k", "f"), Some(pattern(2, after)));
                assert_eq!(store.get_many("k", ["a", "z"]), [Some(b"first".to_vec()), Some(b"last".to_vec())]);
            }
        }
    });
}

#[test]
fn keys_of_every_length_stay_with_their_hash() {
    on_every_configuration(|_, store| {
        for len in BOUNDARIES {
            store.set(pattern(3, len), "f", len.to_string()).unwrap();
        }
        for len in BOUNDARIES {
            store.set_many(pattern(3, len), (0..5).map(|n| (field(n), "some more"))).unwrap();
            assert_eq!(store.get(pattern(3, len), "f"), Some(len.to_string().into_bytes()));
            check::key(store, pattern(3, len));
        }
        let mut lengths: Vec<usize> = store.keys().iter().map(Vec::len).collect();
        lengths.sort_unstable();
        assert_eq!(lengths, BOUNDARIES);
    });
}

#[test]
fn hashes_of_every_size_are_whole() {
    on_every_configuration(|_, store| {
        for count in BOUNDARIES {
            assert_eq!(store.set_many("k", (0..count).map(|n| (field(n), n.to_string()))), Ok(count));
            assert_eq!((store.size("k"), store.contains_key("k")), (count, count > 0));
            check::key(store, "k");
            let all = store.get_all("k");
            assert!((0..count).all(|n| all.get(field(n)) == Some(n.to_string().as_bytes())));
            assert_eq!(store.get("k", field(count)), None);
            assert_eq!(store.set("k", field(count), "one more"), Ok(true));
            assert_eq!(store.remove_many("k", (0..=count).map(field)), count + 1);
            assert!(!store.contains_key("k"));
        }
    });
}

#[test]
fn growing_byte_by_byte_past_short_ends_loses_nothing() {
    let store = Store::builder().thresholds(config::packed()).build();
    let check = |len: usize| {
        assert_eq!(store.get("k", "grows"), Some(pattern(5, len)));
        assert_eq!(
            store.get_many("k", ["a", "", "z"]),
            [Some(b"1".to_vec()), Some(b"2".to_vec()), Some(b"3".to_vec())]
        );
        check::key(&store, "k");
    };
    store.set_many("k", [("a", "1"), ("", "2"), ("grows", ""), ("z", "3")]).unwrap();
    for len in (0..300).chain((0..300).rev()) {
        store.set("k", "grows", pattern(5, len)).unwrap();
        check(len);
    }
}

#[test]
fn empty_entries_past_short_ends_lose_nothing() {
    // Fields of one byte without a value take two bytes each. So their number exceeds one byte at another moment than
    // the bytes of all entries do.
    let store = Store::builder().thresholds(config::packed()).build();
    for number in 0..=255_u8 {
        store.set("k", [number], "").unwrap();
        assert!((0..=number).all(|number| store.value_len("k", [number]) == Some(0)));
        check::key(&store, "k");
    }
    for number in (0..=255_u8).rev() {
        assert!(store.remove("k", [number]));
        assert_eq!(store.size("k"), usize::from(number));
        check::key(&store, "k");
    }
    assert!(store.is_empty());
}

#[test]
fn a_packed_hash_filled_to_its_last_byte_is_whole() {
    let store = Store::builder().thresholds(config::packed()).build();
    // 64 entries of 1,023 bytes each, with the field and its length, leave 63 bytes.
    store.set_many("k", (0..64).map(|n| (format!("{n:02}"), pattern(n, 1_020)))).unwrap();
    for spare in [62, 63, 64, 63] {
        store.set("k", "", pattern(99, spare - 1)).unwrap();
        assert!((0..64).all(|n| store.get("k", format!("{n:02}")) == Some(pattern(n, 1_020))));
        assert_eq!(store.get("k", ""), Some(pattern(99, spare - 1)));
        check::key(&store, "k");
    }
}

/// An empty list of fields or keys.
const NONE: [(&str, &str); 0] = [];
const NO_FIELDS: [&str; 0] = [];

#[test]
fn a_call_with_no_fields_or_keys_does_nothing() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let touches = [Touch::Expire(Duration::ZERO.into()), Touch::Persist];
    let options = [
        SetOptions::new(),
        SetOptions::new().expire(Duration::ZERO),
        SetOptions::new().expire_key(2 * HOUR),
        SetOptions::new().expire_key(Duration::ZERO),
        SetOptions::new().expire_key_if(Duration::ZERO, ExpireCondition::IfSome).only_present_key(),
    ];
    on_every_configuration(|_, store| {
        store.set_many("k", [("f", "v"), ("g", "w")]).unwrap();
        store.expire("k", HOUR);
        store.expire_field("k", "f", HOUR);
        let state = || (store.get_all("k"), store.deadline("k"), store.field_deadline("k", "f"), store.keys());
        let before = state();
        for key in ["k", "missing"] {
            assert_eq!(store.set_many(key, NONE), Ok(0));
            assert_eq!(store.remove_many(key, NO_FIELDS), 0);
            assert_eq!(store.get_many(key, NO_FIELDS), [] as [Option<Vec<u8>>; 0]);
            assert_eq!(store.expire_fields(key, NO_FIELDS, Duration::ZERO), []);
            assert_eq!(store.persist_fields(key, NO_FIELDS), [] as [bool; 0]);
            assert_eq!(store.field_ttls(key, NO_FIELDS), [] as [Ttl; 0]);
            assert_eq!(store.field_deadlines(key, NO_FIELDS), []);
            touches.iter().for_each(|touch| assert_eq!(store.get_many_and_expire(key, NO_FIELDS, *touch), Ok(vec![])));
            for options in options {
                let answer = store.set_with(key, NONE, options);
                // The condition on the key counts all the same.
                let is_met = key == "k" || options != options.only_present_key();
                assert_eq!(answer, Ok(is_met.then_some(0)));
                store.update(key, |hash| assert_eq!(hash.set_with(NONE, options), answer));
            }
            store.update(key, |hash| {
                assert_eq!(hash.set_many(NONE), Ok(0));
                assert_eq!(hash.remove_many(NO_FIELDS), 0);
                assert_eq!(hash.expire_fields(NO_FIELDS, Duration::ZERO), []);
                assert_eq!(hash.persist_fields(NO_FIELDS), [] as [bool; 0]);
                touches.iter().for_each(|touch| assert_eq!(hash.get_many_and_expire(NO_FIELDS, *touch), Ok(vec![])));
            });
        }
        assert_eq!(store.get_across(NO_FIELDS, "f"), [] as [Option<Vec<u8>>; 0]);
        assert_eq!(store.get_many_across(NO_FIELDS, ["f"]), [] as [Vec<Option<Vec<u8>>>; 0]);
        assert_eq!(store.get_many_across(["k", "none"], NO_FIELDS), [[], []] as [[Option<Vec<u8>>; 0]; 2]);
        assert_eq!(store.set_many_across([("k", NONE), ("none", NONE)]), [Ok(0), Ok(0)]);
        assert_eq!(store.take_many("k", NO_FIELDS), [] as [Option<Vec<u8>>; 0]);
        assert_eq!(store.clear_many(NO_FIELDS), 0);
        assert_eq!(store.update_many([] as [&str; 0], |_| ()), Ok(()));
        assert_eq!(store.update_slice(&[] as &[&str], |hashes| hashes.len()), Ok(0));
        assert_eq!(store.try_update_slice(&[] as &[&str], |_| Ok::<(), hashlet::Error>(())), Ok(()));
        store.reserve(0);
        assert_eq!(state(), before);
    });
}
