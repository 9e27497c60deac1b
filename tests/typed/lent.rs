//! The hash that a closure gets reads and writes typed values and structs as `Typed` does, with every codec.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::support::config::{
    on_every_configuration, on_every_configuration_with_clock, on_every_configuration_within,
};
use crate::support::user::{User, ada, named};
use hashlet::{Codec, CodecError, Error, HashValue, Limits, SetOptions, Store};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MINUTE: Duration = Duration::from_secs(60);

promises! {
    a_closure_reads_what_the_store_has_written_and_the_other_way_round
    a_closure_changes_values
    a_closure_saves_loads_and_changes_structs
    deadlines_are_those_of_the_same_calls_on_a_store
    several_hashes_are_read_and_changed_in_one_step
    an_error_names_key_and_field_and_changes_nothing
    what_the_store_refuses_changes_nothing
    a_rolled_back_closure_leaves_the_hashes_as_they_were
    user_code_in_a_closure_cannot_call_a_store
}

fn a_closure_reads_what_the_store_has_written_and_the_other_way_round(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        typed.set_many("key", [("a", &vec![1_u8]), ("b", &vec![2, 3])]).unwrap();
        typed.save_object("object", &ada()).unwrap();
        store.read("key", |hash| {
            let view = hash.typed(codec);
            assert_eq!(view.get("a").unwrap(), Some(vec![1_u8]));
            assert_eq!(view.get::<Vec<u8>>("none").unwrap(), None);
            assert_eq!(view.get_many("b a none".split(' ')).unwrap(), [Some(vec![2_u8, 3]), Some(vec![1]), None]);
            let mut all = view.get_all::<Vec<u8>>().unwrap();
            all.sort();
            assert_eq!(all, [(b"a".to_vec(), vec![1]), (b"b".to_vec(), vec![2, 3])]);
        });
        store.read("object", |hash| {
            assert_eq!(hash.typed(&codec).load_object().unwrap(), Some(ada()));
            assert_eq!(hash.typed(codec).get_member("visits").unwrap(), Some(7_u64));
        });
        store.read("none", |hash| {
            assert_eq!(hash.typed(codec).load_object::<User>().unwrap(), None);
            assert!(hash.typed(codec).get_all::<u8>().unwrap().is_empty());
        });
        let value: HashValue = store.get_all("object");
        assert_eq!(value.view().typed(codec).load_object().unwrap(), Some(ada()));

        store.update("other", |hash| {
            let mut view = hash.typed(codec);
            assert!(view.set("a", &vec![1_u8]).unwrap());
            assert_eq!(view.set_many([("a", &vec![1_u8]), ("b", &vec![2, 3])]).unwrap(), 1);
            assert!(hash.contains("a"), "the hash itself can be used afterwards");
        });
        assert!(store.get_all("other") == store.get_all("key"), "the bytes are the same");
        store.update("another", |hash| hash.typed(codec).save_object(&ada()).unwrap());
        assert!(store.get_all("another") == store.get_all("object"));
    });
}

fn a_closure_changes_values(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        store.update("key", |hash| {
            let mut view = hash.typed(codec);
            let push = |list: Option<Vec<u8>>| {
                let mut list = list.unwrap_or_default();
                list.push(9);
                Some(list)
            };
            assert_eq!(view.update("a", push).unwrap(), Some(vec![9]));
            assert_eq!(view.update("a", push).unwrap(), Some(vec![9, 9]));
            assert_eq!(view.view().get("a").unwrap(), Some(vec![9_u8, 9]));
            assert_eq!(view.update("a", |_: Option<Vec<u8>>| None).unwrap(), None);
            assert!(view.compare_and_set("b", None, Some(&1)).unwrap());
            assert!(!view.compare_and_set("b", None, Some(&2)).unwrap());
            assert!(view.compare_and_set("b", Some(&1), Some(&3)).unwrap());
            assert_eq!(view.take("b").unwrap(), Some(3));
            assert_eq!(view.take::<i32>("b").unwrap(), None);
            view.set_many([("c", &1), ("d", &2)]).unwrap();
            let mut all = view.take_all::<i32>().unwrap();
            all.sort();
            assert_eq!(all, [(b"c".to_vec(), 1), (b"d".to_vec(), 2)]);
            assert!(view.take_all::<i32>().unwrap().is_empty());
        });
        assert!(!store.contains_key("key"), "an empty hash has no key");
    });
}

fn a_closure_saves_loads_and_changes_structs(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        store.set("key", "stale", "1").unwrap();
        store.update("key", |hash| {
            let mut view = hash.typed(codec);
            view.save_object(&ada()).unwrap();
            assert_eq!(view.load_object().unwrap(), Some(ada()));
            let visits = view.update_object(|user: &mut User| {
                user.visits += 1;
                user.visits
            });
            assert_eq!(visits.unwrap(), Some(8));
            let failed = view.try_update_object(|user: &mut User| {
                user.visits = 0;
                Err::<(), _>(CodecError::Refused(Error::Overflow))
            });
            assert!(matches!(failed, Err(CodecError::Refused(Error::Overflow))));
            assert!(!view.set_member("name", "Eve").unwrap());
            assert_eq!(view.get_member::<String>("name").unwrap().as_deref(), Some("Eve"));
            assert!(!view.save_object_with(&ada(), SetOptions::new().only_new_key()).unwrap());
            assert!(!view.set_member("tags", &None::<u8>).unwrap());
        });
        let fields = ["name", "visits", "tags", "stale"];
        let expected = [Some(b"Eve".to_vec()), Some(b"8".to_vec()), None, None];
        assert_eq!(store.get_many("key", fields), expected);
        let missing = |hash: &mut hashlet::HashMut<'_>| hash.typed(codec).update_object(|_: &mut User| unreachable!());
        assert_eq!(store.update("none", missing).unwrap(), None::<()>);
    });
}

fn deadlines_are_those_of_the_same_calls_on_a_store(codec: impl Codec + Copy) {
    on_every_configuration_with_clock(|_, store, clock| {
        store.update("key", |hash| {
            let mut view = hash.typed(codec);
            let with = SetOptions::new().expire(MINUTE);
            assert_eq!(view.set_with([("set", &1), ("updated", &1), ("touched", &1)], with).unwrap(), Some(3));
            assert_eq!(view.set_with([("new", &1)], SetOptions::new().only_present_fields()).unwrap(), None);
            view.set("set", &2).unwrap();
            view.update("updated", |_: Option<i32>| Some(2)).unwrap();
            assert_eq!(view.get_and_expire("touched", 2 * MINUTE).unwrap(), Some(1));
            assert_eq!(view.get_and_expire::<i32>("none", MINUTE).unwrap(), None);
        });
        clock.advance(MINUTE);
        let typed = store.typed(codec);
        assert_eq!(typed.get_many::<i32, _>("key", ["set", "updated", "touched"]).unwrap(), [Some(2), None, Some(1)]);
        clock.advance(MINUTE);
        assert_eq!(typed.get_all::<i32>("key").unwrap(), [(b"set".to_vec(), 2)]);
    });
}

fn several_hashes_are_read_and_changed_in_one_step(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        store.typed(codec).set("from", "job", &("mail".to_owned(), 3_u32)).unwrap();
        let moved = store.update_many(["from", "to"], |[from, to]| {
            let Some((job, tries)) = from.typed(codec).take::<(String, u32)>("job")? else { return Ok(false) };
            to.typed(codec).set("job", &(job, tries + 1))?;
            Ok::<_, CodecError>(true)
        });
        assert!(moved.unwrap().unwrap());
        assert!(!store.contains_key("from"));
        assert_eq!(store.typed(codec).get("to", "job").unwrap(), Some(("mail".to_owned(), 4_u32)));
    });
}

/// A value that refuses to be written.
#[derive(Deserialize)]
struct Refuses;

impl Serialize for Refuses {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not me"))
    }
}

fn an_error_names_key_and_field_and_changes_nothing(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        typed.set("key", "bad", "text").unwrap();
        typed.set("key", "good", &1.5).unwrap();
        let before = store.get_all("key");
        let is_bad = |error: CodecError| {
            assert!(matches!(&error, CodecError::Decode { .. } | CodecError::Encode { .. }), "{error}");
            assert_eq!(named(&error), "bad");
        };
        store.read("key", |hash| {
            is_bad(hash.typed(codec).get::<f64>("bad").unwrap_err());
            is_bad(hash.typed(codec).get_many::<f64, _>(["good", "bad"]).unwrap_err());
            is_bad(hash.typed(codec).get_all::<f64>().unwrap_err());
            is_bad(hash.typed(codec).get_member::<f64>("bad").unwrap_err());
        });
        store.update("key", |hash| {
            let mut view = hash.typed(codec);
            is_bad(view.get::<f64>("bad").unwrap_err());
            is_bad(view.take::<f64>("bad").unwrap_err());
            is_bad(view.take_all::<f64>().unwrap_err());
            is_bad(view.get_and_expire::<f64>("bad", MINUTE).unwrap_err());
            is_bad(view.update("bad", |_: Option<f64>| unreachable!()).unwrap_err());
            is_bad(view.compare_and_set("bad", None, Some(&1.5)).unwrap_err());
            is_bad(view.set("bad", &Refuses).unwrap_err());
            is_bad(view.set_many([("bad", &Refuses)]).unwrap_err());
            is_bad(view.set_with([("bad", &Refuses)], SetOptions::new().expire(MINUTE)).unwrap_err());
            is_bad(view.set_member("bad", &Refuses).unwrap_err());
            is_bad(view.update("bad", |_: Option<Never>| Some(Never)).unwrap_err());
            assert_eq!(named(&view.save_object("no struct").unwrap_err()), "");
            assert!(hash.field_ttl("bad").left().is_none());
        });
        assert!(store.get_all("key") == before);
        store.clear("key");
        let error = store.update("key", |hash| hash.typed(codec).set("bad", &Refuses).unwrap_err());
        is_bad(error); // a key that was missing is named, too
        assert!(!store.contains_key("key"));
    });
}

/// A value that can be read from anything that is text, and not be written.
#[derive(Debug)]
struct Never;

impl Serialize for Never {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not me"))
    }
}

impl<'de> Deserialize<'de> for Never {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|_| Self)
    }
}

fn what_the_store_refuses_changes_nothing(codec: impl Codec + Copy) {
    on_every_configuration_within(Limits::default().max_string(100), |_, store| {
        store.typed(codec).set("key", "field", "short").unwrap();
        let long = "x".repeat(101);
        let refused = |error| assert!(matches!(error, CodecError::Refused(Error::ValueTooLong { .. })), "{error}");
        store.update("key", |hash| {
            let mut view = hash.typed(codec);
            refused(view.set("field", &long).unwrap_err());
            refused(view.set_many([("other", "short"), ("field", &*long)]).unwrap_err());
            refused(view.update("field", |_: Option<String>| Some(long.clone())).unwrap_err());
            refused(view.compare_and_set("field", Some(&"short".to_owned()), Some(&long)).unwrap_err());
            refused(view.save_object(&User { name: long.clone(), ..ada() }).unwrap_err());
            let with = SetOptions::new().expire_key(MINUTE);
            refused(view.save_object_with(&User { name: long.clone(), ..ada() }, with).unwrap_err());
            assert!(hash.ttl().left().is_none());
        });
        let all = store.typed(codec).get_all::<String>("key").unwrap();
        assert_eq!(all, [(b"field".to_vec(), "short".to_owned())]);
    });
}

fn a_rolled_back_closure_leaves_the_hashes_as_they_were(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        typed.save_object("user", &ada()).unwrap();
        typed.set("log", "entry", "text").unwrap();
        let before = [store.get_all("user"), store.get_all("log")];
        let failed = store.try_update_many(["user", "log"], |[user, log]| -> Result<(), CodecError> {
            user.typed(codec).update_object(|user: &mut User| user.visits += 1)?;
            log.typed(codec).set("another", &1)?;
            log.typed(codec).take::<f64>("entry")?; // it is a text
            unreachable!()
        });
        assert!(matches!(failed, Err(CodecError::Decode { key, field, .. }) if key == b"log" && field == b"entry"));
        assert!([store.get_all("user"), store.get_all("log")] == before);
    });
}

/// A value that calls a store while it is read or written.
struct Calls;

impl Serialize for Calls {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Store::new().size("key");
        serializer.serialize_u8(1)
    }
}

fn user_code_in_a_closure_cannot_call_a_store(codec: impl Codec + Copy) {
    let store = Store::new();
    let calls = || store.update("key", |hash| hash.typed(codec).set("field", &Calls));
    assert!(catch_unwind(AssertUnwindSafe(calls)).is_err());
    assert!(!store.contains_key("key"), "nothing was set, and the store goes on");
    store.set("key", "field", "1").unwrap();
}
