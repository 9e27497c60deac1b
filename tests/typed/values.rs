//! Values of all types that serde knows can be written into fields and read back, with every codec.

#[cfg(feature = "json")]
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use crate::support::config::{
    on_every_configuration, on_every_configuration_with_clock, on_every_configuration_within,
};
use crate::support::everything::{Everything, Variant};
use crate::support::told::in_one_line;
use hashlet::{Codec, CodecError, Error, Limits, SetOptions, Store};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MINUTE: Duration = Duration::from_secs(60);

promises! {
    what_was_set_is_got
    many_values_are_set_and_got_together
    what_is_taken_is_gone
    a_value_of_another_type_is_an_error_that_names_key_and_field_and_stays
    an_update_sees_none_for_absent_and_removes_with_none
    an_update_keeps_the_deadline_and_a_set_drops_it
    values_come_with_deadlines_and_conditions
    values_are_compared_not_bytes
    updates_of_four_threads_are_all_counted
    one_of_several_compare_and_sets_with_one_expected_value_succeeds
    what_the_store_refuses_changes_nothing
    a_panic_of_user_code_leaves_the_field_as_it_was
    user_code_under_the_lock_cannot_call_a_store
}

fn what_was_set_is_got(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        assert_eq!(typed.get::<Everything>("key", "field").unwrap(), None);
        let value = Everything { sequence: vec!["x".repeat(200); 3], nothings: vec![(); 9], ..Default::default() };
        assert!(typed.set("key", "field", &value).unwrap());
        assert!(!typed.set("key", "field", &value).unwrap());
        assert_eq!(typed.get("key", "field").unwrap(), Some(value.clone()));
        assert_eq!(typed.take("key", "field").unwrap(), Some(value));
        assert_eq!(typed.take::<Everything>("key", "field").unwrap(), None);
        assert!(!store.contains_key("key"), "the last field has taken the key with it");
        typed.set("key", "text", "a str needs no String").unwrap();
        assert_eq!(typed.get("key", "text").unwrap(), Some("a str needs no String".to_owned()));
    });
}

fn many_values_are_set_and_got_together(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        assert_eq!(typed.set_many("key", [("a", &1), ("b", &2), ("c", &3), ("d", &4)]).unwrap(), 4);
        assert_eq!(typed.get_many("key", ["d", "none", "a"]).unwrap(), [Some(4), None, Some(1)]);
        let mut all = typed.get_all::<i32>("key").unwrap();
        all.sort();
        assert_eq!(all, [("a", 1), ("b", 2), ("c", 3), ("d", 4)].map(|(field, value)| (field.into(), value)));
        assert!(typed.get_all::<i32>("none").unwrap().is_empty());
    });
}

fn what_is_taken_is_gone(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        typed.set_many("key", [("a", &1), ("b", &2)]).unwrap();
        let mut all = typed.take_all::<i32>("key").unwrap();
        all.sort();
        assert_eq!(all, [("a", 1), ("b", 2)].map(|(field, value)| (field.into(), value)));
        assert!(!store.contains_key("key"));
        assert!(typed.take_all::<i32>("key").unwrap().is_empty());
        typed.set("key", "number", &1).unwrap();
        typed.set("key", "text", "one").unwrap();
        typed.take_all::<i32>("key").unwrap_err();
        assert_eq!(store.size("key"), 2, "all or none are taken");
    });
}

fn a_value_of_another_type_is_an_error_that_names_key_and_field_and_stays(codec: impl Codec + Copy) {
    on_every_configuration_with_clock(|_, store, _| {
        let typed = store.typed(codec);
        typed.set("key", "good", &Variant::Unit).unwrap();
        typed.set("key", "bad", "text").unwrap();
        let bytes = store.get("key", "bad");
        let refused = |error: CodecError| match &error {
            CodecError::Decode { key, field, .. } => {
                assert_eq!((&key[..], &field[..]), (&b"key"[..], &b"bad"[..]));
                assert!(in_one_line(&error).starts_with(r#"field "bad" of hash "key" cannot be read: "#), "{error}");
            }
            _ => panic!("{error}"),
        };
        refused(typed.get::<Variant>("key", "bad").unwrap_err());
        refused(typed.get_many::<Variant, _>("key", ["good", "bad"]).unwrap_err());
        refused(typed.get_all::<Variant>("key").unwrap_err());
        refused(typed.take::<Variant>("key", "bad").unwrap_err());
        refused(typed.get_and_expire::<Variant>("key", "bad", MINUTE).unwrap_err());
        refused(typed.update("key", "bad", |_: Option<Variant>| unreachable!("there is no value")).unwrap_err());
        refused(typed.compare_and_set("key", "bad", None, Some(&Variant::Unit)).unwrap_err());
        assert_eq!(store.get("key", "bad"), bytes);
        assert_eq!(store.field_deadline("key", "bad"), None);
    });
}

fn an_update_sees_none_for_absent_and_removes_with_none(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        let count = |count: Option<u64>| Some(count.map_or(1, |count| count + 1));
        assert_eq!(typed.update("key", "count", count).unwrap(), Some(1));
        assert_eq!(typed.update("key", "count", count).unwrap(), Some(2));
        assert_eq!(typed.update("key", "count", |_: Option<u64>| None).unwrap(), None);
        assert!(!store.contains_key("key"));
        assert_eq!(typed.update("key", "count", |none: Option<u64>| none).unwrap(), None);
        assert!(!store.contains_key("key"), "nothing comes of nothing");
    });
}

fn an_update_keeps_the_deadline_and_a_set_drops_it(codec: impl Codec + Copy) {
    on_every_configuration_with_clock(|_, store, clock| {
        let typed = store.typed(codec);
        for field in ["updated", "set", "compared"] {
            typed.set_with("key", [(field, &1)], SetOptions::new().expire(MINUTE)).unwrap();
        }
        typed.update("key", "updated", |_: Option<i32>| Some(1_000_000)).unwrap();
        typed.set("key", "set", &2).unwrap();
        assert!(typed.compare_and_set("key", "compared", Some(&1), Some(&2)).unwrap());
        clock.advance(MINUTE);
        assert_eq!(typed.get_many::<i32, _>("key", ["updated", "set", "compared"]).unwrap(), [None, Some(2), Some(2)]);
    });
}

fn values_come_with_deadlines_and_conditions(codec: impl Codec + Copy) {
    on_every_configuration_with_clock(|_, store, clock| {
        let typed = store.typed(codec);
        let for_a_minute = SetOptions::new().expire(MINUTE);
        assert_eq!(typed.set_with("key", [("a", &1), ("b", &2)], for_a_minute).unwrap(), Some(2));
        let only_new = SetOptions::new().only_new_key();
        assert_eq!(typed.set_with("key", [("c", &3)], only_new).unwrap(), None);
        clock.advance(MINUTE / 2);
        assert_eq!(typed.get_and_expire("key", "a", MINUTE).unwrap(), Some(1));
        assert_eq!(typed.get_and_expire::<i32>("key", "none", MINUTE).unwrap(), None);
        clock.advance(MINUTE / 2);
        assert_eq!(typed.get_all::<i32>("key").unwrap(), [(b"a".to_vec(), 1)]);
        clock.advance(MINUTE / 2);
        assert_eq!(typed.get::<i32>("key", "a").unwrap(), None);
    });
}

fn values_are_compared_not_bytes(codec: impl Codec + Copy) {
    /// A name for which upper and lower case are the same.
    #[derive(Serialize, Deserialize)]
    struct Name(String);
    impl PartialEq for Name {
        fn eq(&self, other: &Self) -> bool {
            self.0.eq_ignore_ascii_case(&other.0)
        }
    }
    let name = |name: &str| Name(name.into());
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        assert!(!typed.compare_and_set("key", "name", Some(&name("ada")), Some(&name("eve"))).unwrap());
        assert!(typed.compare_and_set("key", "name", None, Some(&name("Ada"))).unwrap());
        assert!(!typed.compare_and_set("key", "name", None, Some(&name("eve"))).unwrap());
        assert!(typed.compare_and_set("key", "name", Some(&name("ADA")), Some(&name("Grace"))).unwrap());
        assert!(typed.compare_and_set("key", "name", Some(&name("GRACE")), None).unwrap());
        assert!(!store.contains_key("key"));
    });
}

const THREADS: usize = 4;

fn steps() -> usize {
    (10_000.0 * crate::support::scale()) as usize
}

fn updates_of_four_threads_are_all_counted(codec: impl Codec + Copy + Sync) {
    let store = Store::new();
    let add = |at: usize| {
        let push = |list: Option<Vec<usize>>| {
            let mut list = list.unwrap_or_default();
            if list.len() == 20 {
                list.clear();
            }
            list.push(at);
            Some(list)
        };
        store.typed(codec).update("key", "list", push).unwrap();
        store.typed(codec).update("key", "sum", |sum: Option<usize>| Some(sum.unwrap_or(0) + at)).unwrap();
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..steps()).for_each(add));
        }
    });
    let sum = THREADS * steps() * (steps() - 1) / 2;
    assert_eq!(store.typed(codec).get("key", "sum").unwrap(), Some(sum));
    let list: Vec<usize> = store.typed(codec).get("key", "list").unwrap().unwrap();
    assert_eq!(
        list.len(),
        match THREADS * steps() % 20 {
            0 => 20,
            rest => rest,
        }
    );
}

fn one_of_several_compare_and_sets_with_one_expected_value_succeeds(codec: impl Codec + Copy + Sync) {
    let store = Store::new();
    store.typed(codec).set("key", "count", &0_usize).unwrap();
    let climb = || {
        let typed = store.typed(codec);
        let step = |at: usize| typed.compare_and_set("key", "count", Some(&at), Some(&(at + 1))).unwrap();
        (0..steps()).filter(|_| step(typed.get("key", "count").unwrap().unwrap())).count()
    };
    let climbed: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(climb)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(store.typed(codec).get("key", "count").unwrap(), Some(climbed));
}

fn what_the_store_refuses_changes_nothing(codec: impl Codec + Copy) {
    on_every_configuration_within(Limits::default().max_string(100), |_, store| {
        let typed = store.typed(codec);
        typed.set("key", "field", "short").unwrap();
        let long = "x".repeat(101);
        let refused = |error| assert!(matches!(error, CodecError::Refused(Error::ValueTooLong { .. })), "{error}");
        refused(typed.set("key", "field", &long).unwrap_err());
        refused(typed.set_many("key", [("other", "short"), ("field", &*long)]).unwrap_err());
        refused(typed.update("key", "field", |_: Option<String>| Some(long.clone())).unwrap_err());
        refused(typed.compare_and_set("key", "field", Some(&"short".to_owned()), Some(&long)).unwrap_err());
        assert_eq!(typed.get_all::<String>("key").unwrap(), [(b"field".to_vec(), "short".to_owned())]);
    });
}

/// A value whose code misbehaves.
#[derive(Debug, Clone, PartialEq)]
enum Trap {
    None,
    PanicsWritten,
    PanicsRead,
    RefusesToBeWritten,
    CallsAStoreRead,
}

const TRAPS: [Trap; 5] =
    [Trap::None, Trap::PanicsWritten, Trap::PanicsRead, Trap::RefusesToBeWritten, Trap::CallsAStoreRead];

impl Serialize for Trap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::PanicsWritten => panic!("in Serialize"),
            Self::RefusesToBeWritten => Err(serde::ser::Error::custom("not me")),
            _ => TRAPS.iter().position(|trap| trap == self).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Trap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let trap = TRAPS.get(Option::<usize>::deserialize(deserializer)?.unwrap_or(0)).cloned().unwrap_or(Trap::None);
        match trap {
            Trap::PanicsRead => panic!("in Deserialize"),
            Trap::CallsAStoreRead => _ = Store::new().size("key"),
            _ => {}
        }
        Ok(trap)
    }
}

fn message_of<R>(work: impl FnOnce() -> R) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(work)) else { panic!("it should have panicked") };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).expect("panics come with text")
}

fn a_panic_of_user_code_leaves_the_field_as_it_was(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        typed.set("key", "field", &Trap::None).unwrap();
        let before = store.get_all("key");
        let update = |to: fn() -> Trap| typed.update("key", "field", |_: Option<Trap>| Some(to()));
        assert_eq!(message_of(|| update(|| panic!("in the closure"))), "in the closure");
        assert_eq!(message_of(|| update(|| Trap::PanicsWritten)), "in Serialize");
        assert_eq!(message_of(|| typed.set("key", "field", &Trap::PanicsWritten)), "in Serialize");
        let error = update(|| Trap::RefusesToBeWritten).unwrap_err();
        assert!(matches!(&error, CodecError::Encode { field, .. } if field == b"field"), "{error}");
        assert!(store.get_all("key") == before);

        typed.set("key", "field", &Trap::PanicsRead).unwrap();
        let before = store.get_all("key");
        assert_eq!(message_of(|| typed.get::<Trap>("key", "field")), "in Deserialize");
        assert_eq!(message_of(|| typed.take::<Trap>("key", "field")), "in Deserialize");
        assert_eq!(message_of(|| update(|| Trap::None)), "in Deserialize");
        assert!(store.get_all("key") == before);
        assert!(store.set("key", "field", "and the store goes on").is_ok());
    });
}

fn user_code_under_the_lock_cannot_call_a_store(codec: impl Codec + Copy) {
    let store = Store::new();
    let typed = store.typed(codec);
    typed.set("key", "field", &Trap::CallsAStoreRead).unwrap();
    let expected = message_of(|| store.read("key", |_| store.size("key")));
    assert_eq!(message_of(|| typed.get::<Trap>("key", "field")), expected);
    assert_eq!(message_of(|| typed.get_all::<Trap>("key")), expected);
    assert_eq!(message_of(|| typed.take::<Trap>("key", "field")), expected);
    assert_eq!(message_of(|| typed.update("key", "none", |_: Option<u8>| Some(store.size("key") as u8))), expected);
    assert_eq!(store.size("key"), 1);
}

/// A typed write into a full store purges what has expired, as a plain write does.
#[cfg(feature = "json")]
#[test]
fn what_has_expired_takes_no_room_from_typed_writes() {
    use hashlet::{Json, ManualClock, Typed};

    const HOUR: Duration = Duration::from_secs(3_600);
    type Write = fn(Typed<&Store, Json>) -> Result<(), CodecError>;
    let long = |len: usize| "x".repeat(len);
    let writes: [(&str, Write); 8] = [
        ("set", |typed| typed.set("k", "f", &"x".repeat(100)).map(drop)),
        ("set_many", |typed| typed.set_many("k", [("f", &"x".repeat(100))]).map(drop)),
        ("set_member", |typed| typed.set_member("k", "f", &"x".repeat(100)).map(drop)),
        ("save_object", |typed| typed.save_object("k", &BTreeMap::from([("f", "x".repeat(100))]))),
        ("compare_and_set", |typed| typed.compare_and_set("k", "f", None, Some(&"x".repeat(100))).map(drop)),
        ("update", |typed| typed.update("k", "f", |_: Option<String>| Some("x".repeat(100))).map(drop)),
        ("update_object", |typed| {
            let grow = |object: &mut BTreeMap<String, String>| object.insert("f".into(), "x".repeat(100));
            typed.update_object("old", grow).map(drop)
        }),
        ("touch", |typed| typed.get_and_expire::<String>("old", "f", HOUR).map(drop)),
    ];
    for (name, write) in writes {
        let clock = ManualClock::new();
        let limits = Limits::default().max_bytes(60_000);
        let store = Store::builder().shards(1).limits(limits).clock(&clock).build();
        store.typed(Json).set("old", "f", &long(10)).unwrap();
        let session = SetOptions::new().expire_key(HOUR);
        for n in 0.. {
            if store.set_with(format!("session {n}"), [("f", "v")], session).is_err() {
                break;
            }
        }
        let refused = write(store.typed(Json));
        assert!(matches!(refused, Err(CodecError::Refused(Error::Full { .. }))), "{name}: {refused:?}");
        clock.advance(HOUR);
        if let Err(error) = write(store.typed(Json)) {
            panic!("{name}: {error}");
        }
    }
}
