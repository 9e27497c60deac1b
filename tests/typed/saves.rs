//! Structs are saved with deadlines and on conditions, completely or not at all, with every codec.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::support::config::{
    on_every_configuration, on_every_configuration_with_clock, on_every_configuration_within,
};
use crate::support::user::{User, ada, named};
use hashlet::{Codec, CodecError, Error, Limits, SetOptions, Store, Ttl, TypedHashes};

const MINUTE: Duration = Duration::from_secs(60);

promises! {
    it_is_saved_if_and_only_if_the_conditions_are_met
    without_options_it_is_what_save_object_does
    a_deadline_is_that_of_the_key_or_of_each_member
    deadlines_of_members_stay_if_they_are_to
    a_deadline_in_the_past_leaves_nothing
    an_object_without_members_leaves_nothing_if_the_conditions_are_met
    what_cannot_be_saved_changes_nothing
    one_of_several_threads_saves_a_new_object
}

/// An object with these members.
fn object(members: &[&str]) -> BTreeMap<String, u8> {
    members.iter().map(|member| ((*member).to_owned(), 1)).collect()
}

fn saved_members(store: &Store, codec: impl Codec) -> BTreeMap<String, u8> {
    store.typed(codec).load_object("key").unwrap().unwrap_or_default()
}

fn it_is_saved_if_and_only_if_the_conditions_are_met(codec: impl Codec + Copy) {
    let any = SetOptions::new();
    // The options, and whether they save `a` and `b` over nothing, over `a`, over `a`, `b` and `c`, and over `c`.
    let cases = [
        (any, [true, true, true, true]),
        (any.only_new_key(), [true, false, false, false]),
        (any.only_present_key(), [false, true, true, true]),
        (any.only_new_fields(), [true, false, false, true]),
        (any.only_present_fields(), [false, false, true, false]),
    ];
    on_every_configuration(|_, store| {
        for (options, expected) in cases {
            for (old, is_saved) in [&[][..], &["a"], &["a", "b", "c"], &["c"]].into_iter().zip(expected) {
                let expected = if is_saved { object(&["a", "b"]) } else { object(old) };
                store.clear("key");
                store.set_many("key", old.iter().map(|field| (field, "1"))).unwrap();
                let saved = store.typed(codec).save_object_with("key", &object(&["a", "b"]), options).unwrap();
                assert_eq!(saved, is_saved, "{options:?} over {old:?}");
                assert_eq!(saved_members(store, codec), expected);
                // The same over everything that has the vocabulary.
                store.clear("other");
                store.set_many("other", old.iter().map(|field| (field, "1"))).unwrap();
                let typed = TypedHashes::new(store, codec);
                assert_eq!(typed.save_object_with("other", &object(&["a", "b"]), options).unwrap(), is_saved);
                assert!(store.get_all("other") == store.get_all("key"));
            }
        }
    });
}

fn without_options_it_is_what_save_object_does(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        for key in ["with", "without"] {
            store.set_many(key, [("visits", "1"), ("stale", "1")]).unwrap();
            store.expire(key, MINUTE);
            store.expire_field(key, "visits", MINUTE);
        }
        assert!(typed.save_object_with("with", &ada(), SetOptions::new()).unwrap());
        typed.save_object("without", &ada()).unwrap();
        assert!(store.get_all("with") == store.get_all("without"));
        for key in ["with", "without"] {
            assert!(store.ttl(key).left().is_some(), "the key's deadline stays");
            assert_eq!(store.field_ttl(key, "visits"), Ttl::Never);
        }
    });
}

fn a_deadline_is_that_of_the_key_or_of_each_member(codec: impl Codec + Copy) {
    on_every_configuration_with_clock(|_, store, clock| {
        let typed = store.typed(codec);
        assert!(typed.save_object_with("key", &ada(), SetOptions::new().expire_key(MINUTE)).unwrap());
        assert!(typed.save_object_with("members", &ada(), SetOptions::new().expire(MINUTE)).unwrap());
        for key in ["key", "members"] {
            typed.set_member(key, "later", &1).unwrap();
        }
        clock.advance(MINUTE - Duration::from_millis(1));
        assert_eq!(typed.load_object("key").unwrap(), Some(ada()));
        assert_eq!(typed.load_object("members").unwrap(), Some(ada()));
        clock.advance(Duration::from_millis(1));
        assert!(!store.contains_key("key"));
        assert_eq!(store.fields("members"), [b"later"]);
    });
}

fn deadlines_of_members_stay_if_they_are_to(codec: impl Codec + Copy) {
    on_every_configuration_with_clock(|_, store, clock| {
        store.set_many("key", [("a", "1"), ("stale", "1")]).unwrap();
        store.expire_field("key", "a", MINUTE);
        let typed = store.typed(codec);
        assert!(typed.save_object_with("key", &object(&["a", "b"]), SetOptions::new().keep_ttl()).unwrap());
        assert_eq!(store.size("key"), 2);
        clock.advance(MINUTE);
        assert_eq!(store.fields("key"), [b"b"]);
    });
}

fn a_deadline_in_the_past_leaves_nothing(codec: impl Codec + Copy) {
    let past = SystemTime::UNIX_EPOCH + MINUTE;
    on_every_configuration(|_, store| {
        for options in [SetOptions::new().expire(past), SetOptions::new().expire_key(past)] {
            for old in [&[][..], &["a"], &["c"], &["a", "b", "c", "d", "e", "f"]] {
                store.set_many("key", old.iter().map(|field| (field, "1"))).unwrap();
                assert!(store.typed(codec).save_object_with("key", &object(&["a", "b"]), options).unwrap());
                assert!(!store.contains_key("key"), "{options:?} over {old:?}");
            }
        }
    });
}

fn an_object_without_members_leaves_nothing_if_the_conditions_are_met(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        let nothing = BTreeMap::from([("a", None::<u8>)]);
        let save = |options| typed.save_object_with("key", &nothing, options).unwrap();
        assert!(!save(SetOptions::new().only_present_key()));
        assert!(save(SetOptions::new().only_new_key().expire_key(MINUTE)));
        assert!(!store.contains_key("key"));
        store.set("key", "field", "1").unwrap();
        assert!(!save(SetOptions::new().only_new_key()));
        assert_eq!(store.size("key"), 1);
        assert!(save(SetOptions::new().only_present_key().expire(MINUTE)));
        assert!(!store.contains_key("key"));
    });
}

fn what_cannot_be_saved_changes_nothing(codec: impl Codec + Copy) {
    on_every_configuration_within(Limits::default().max_string(100), |_, store| {
        let typed = store.typed(codec);
        typed.save_object("key", &ada()).unwrap();
        let before = store.get_all("key");
        let options = SetOptions::new().expire_key(MINUTE).expire(MINUTE);
        let long = User { name: "x".repeat(101), ..ada() };
        let error = typed.save_object_with("key", &long, options).unwrap_err();
        assert!(matches!(error, CodecError::Refused(Error::ValueTooLong { .. })), "{error}");
        assert_eq!(named(&typed.save_object_with("key", &[1, 2], options).unwrap_err()), "");
        assert!(store.get_all("key") == before);
        assert_eq!((store.ttl("key"), store.field_ttl("key", "name")), (Ttl::Never, Ttl::Never));
    });
}

fn one_of_several_threads_saves_a_new_object(codec: impl Codec + Copy + Sync) {
    let store = Store::new();
    let steps = (2_000.0 * crate::support::scale()).max(20.0) as usize;
    let saves = || {
        let save = |step: &usize| {
            let options = SetOptions::new().only_new_key();
            store.typed(codec).save_object_with(step.to_be_bytes(), &ada(), options).unwrap()
        };
        (0..steps).filter(save).count()
    };
    let saved: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(saves)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(saved, steps);
}
