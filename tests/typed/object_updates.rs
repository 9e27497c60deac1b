//! Structs that are hashes are saved and changed completely or not at all, with every codec.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use crate::support::config::{
    on_every_configuration, on_every_configuration_with_clock, on_every_configuration_within,
};
use crate::support::everything::UnitStruct;
use crate::support::told::in_one_line;
use crate::support::user::{User, ada, named};
use hashlet::{Codec, CodecError, Error, Limits, Store, TypedHashes};
use serde::{Deserialize, Serialize};

promises! {
    what_has_no_members_is_refused
    saving_replaces_a_hash_and_keeps_the_deadline_of_its_key
    an_update_keeps_deadlines_and_fields_of_others
    the_closure_of_an_update_of_a_missing_key_is_not_called
    a_member_that_the_struct_never_writes_stays_and_the_next_load_finds_it
    what_the_struct_no_longer_writes_goes
    a_member_that_was_read_under_another_name_has_one_field_afterwards
    a_member_that_was_read_under_another_name_and_is_none_afterwards_has_no_field
    an_entry_of_a_map_that_was_read_under_another_text_has_one_field_afterwards
    an_entry_of_a_map_that_was_read_under_another_text_and_removed_has_no_field
    what_is_read_and_never_written_stays_however_the_type_is_read
    saving_removes_what_the_struct_does_not_write
    what_the_store_refuses_changes_nothing
    a_panic_or_error_of_user_code_leaves_the_hash_as_it_was
    an_error_of_ones_own_saves_nothing
    what_cannot_be_written_afterwards_saves_nothing
    updates_of_four_threads_are_all_counted
}

fn what_has_no_members_is_refused(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        typed.save_object("key", &ada()).unwrap();
        let before = store.get_all("key");
        let refused = |result: Result<(), CodecError>| assert_eq!(named(&result.unwrap_err()), "");
        refused(typed.save_object("key", &5));
        refused(typed.save_object("key", "text"));
        refused(typed.save_object("key", &[1, 2]));
        refused(typed.save_object("key", &(1, 2)));
        refused(typed.save_object("key", &None::<User>));
        refused(typed.save_object("key", &UnitStruct));
        refused(typed.save_object("key", &ada().role));
        refused(typed.save_object("key", &BTreeMap::from([(vec![1], 1)])));
        refused(typed.save_object("key", &BTreeMap::from([(None::<u8>, 1)])));
        assert!(store.get_all("key") == before);
        typed.save_object("key", &Some(&ada())).unwrap();
        assert_eq!(typed.load_object::<Option<User>>("key").unwrap(), Some(Some(ada())));
    });
}

fn saving_replaces_a_hash_and_keeps_the_deadline_of_its_key(codec: impl Codec + Copy) {
    on_every_configuration_with_clock(|_, store, clock| {
        let typed = store.typed(codec);
        store.set_many("key", [("another", "field"), ("visits", "1"), ("nickname", "Countess")]).unwrap();
        store.expire("key", Duration::from_secs(60));
        store.expire_field("key", "visits", Duration::from_secs(30));
        typed.save_object("key", &ada()).unwrap();
        assert_eq!(store.size("key"), 4);
        clock.advance(Duration::from_secs(30));
        assert_eq!(typed.load_object("key").unwrap(), Some(ada()));
        clock.advance(Duration::from_secs(30));
        assert_eq!(typed.load_object::<User>("key").unwrap(), None);
    });
}

fn an_update_keeps_deadlines_and_fields_of_others(codec: impl Codec + Copy) {
    on_every_configuration_with_clock(|_, store, clock| {
        let typed = store.typed(codec);
        let nickname = Some("Countess".to_owned());
        typed.save_object("key", &User { nickname, ..ada() }).unwrap();
        store.set("key", "token", "of somebody else").unwrap();
        for field in ["name", "visits", "token"] {
            store.expire_field("key", field, Duration::from_secs(60));
        }
        let change = |user: &mut User| {
            user.visits += 1;
            user.tags.push("y".into());
            user.nickname.take()
        };
        assert_eq!(typed.update_object("key", change).unwrap(), Some(Some("Countess".into())));
        assert!(!store.contains("key", "nickname"));
        assert_eq!(store.get("key", "token").unwrap(), b"of somebody else");
        let user: User = typed.load_object("key").unwrap().unwrap();
        assert_eq!(user, User { visits: 8, tags: vec!["x".into(), "y".into()], ..ada() });
        clock.advance(Duration::from_secs(60));
        let mut fields = store.fields("key");
        fields.sort();
        assert_eq!(fields, [&b"role"[..], b"tags"]);
    });
}

fn the_closure_of_an_update_of_a_missing_key_is_not_called(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        assert_eq!(typed.load_object::<User>("key").unwrap(), None);
        assert_eq!(typed.update_object("key", |_: &mut User| unreachable!("there is none")).unwrap(), None::<()>);
        assert!(!store.contains_key("key"));
    });
}

/// A struct with members that are read and never written, one with other names, and one that is not always written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Account {
    #[serde(alias = "login", alias = "user")]
    name: String,
    #[serde(skip_serializing)]
    password: String,
    #[serde(skip_serializing, default, alias = "salty")]
    salt: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    failures: u8,
    #[serde(skip_deserializing)]
    version: u8,
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

const ACCOUNT: [(&str, &str); 3] = [("name", "Ada"), ("password", "secret"), ("salt", "NaCl")];

fn a_member_that_the_struct_never_writes_stays_and_the_next_load_finds_it(codec: impl Codec + Copy) {
    on_every_configuration_with_clock(|_, store, clock| {
        let typed = store.typed(codec);
        store.set_many("key", ACCOUNT).unwrap();
        store.expire_field("key", "salt", Duration::from_secs(60));
        for failures in 1..5 {
            typed.update_object("key", |account: &mut Account| account.failures += 1).unwrap().unwrap();
            store.set("key", "unknown", "stays").unwrap();
            let account: Account = typed.load_object("key").unwrap().unwrap();
            assert_eq!((&*account.password, account.salt.as_deref()), ("secret", Some("NaCl")));
            assert_eq!(account.failures, failures);
        }
        typed.update_object("key", |account: &mut Account| account.failures = 0).unwrap().unwrap();
        assert!(!store.contains("key", "failures"), "what is left out now goes");
        assert!(store.contains("key", "unknown"));
        clock.advance(Duration::from_secs(60));
        assert!(!store.contains("key", "salt"), "its deadline stayed");
    });
}

fn what_the_struct_no_longer_writes_goes(codec: impl Codec + Copy) {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "data")]
    enum Tagged {
        Empty,
        Full(Vec<u8>),
    }
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        let map: BTreeMap<String, u8> = ["a", "b", "c"].map(|name| (name.to_owned(), 1)).into();
        typed.save_object("key", &map).unwrap();
        let change =
            |map: &mut BTreeMap<String, u8>| (map.remove("b"), map.insert("d".into(), 2), map.insert("a".into(), 3));
        assert_eq!(typed.update_object("key", change).unwrap(), Some((Some(1), None, Some(1))));
        let expected: BTreeMap<String, u8> = [("a", 3), ("c", 1), ("d", 2)].map(|(name, at)| (name.into(), at)).into();
        assert_eq!(typed.load_object("key").unwrap(), Some(expected));
        assert_eq!(store.size("key"), 3);
        typed.update_object("key", |map: &mut BTreeMap<String, u8>| map.clear()).unwrap().unwrap();
        assert!(!store.contains_key("key"));
        typed.save_object("key", &Tagged::Full(vec![1])).unwrap();
        store.set("key", "other", "stays").unwrap();
        typed.update_object("key", |tagged: &mut Tagged| *tagged = Tagged::Empty).unwrap().unwrap();
        assert_eq!(typed.load_object("key").unwrap(), Some(Tagged::Empty));
        assert!(!store.contains("key", "data") && store.contains("key", "other"));
    });
}

fn a_member_that_was_read_under_another_name_has_one_field_afterwards(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        for (name, salt) in [("login", "salt"), ("user", "salt"), ("user", "salty"), ("name", "salty")] {
            for more in [&[][..], &[("unknown", "stays")], &[("version", "7")], &[("failures", "0")]] {
                store.clear("key");
                store.set_many("key", [(name, "Ada"), ("password", "secret"), (salt, "NaCl")]).unwrap();
                store.set_many("key", more.iter().copied()).unwrap();
                typed.update_object("key", |account: &mut Account| account.name.push('!')).unwrap().unwrap();
                let expected = Account {
                    name: "Ada!".into(),
                    password: "secret".into(),
                    salt: Some("NaCl".into()),
                    failures: 0,
                    version: 0,
                };
                assert_eq!(typed.load_object("key").unwrap(), Some(expected));
                assert!(name == "name" || !store.contains("key", name), "{name}");
                assert!(store.contains("key", salt) && store.contains("key", "name"));
                assert!(more.iter().all(|(field, _)| store.contains("key", field)));
            }
        }
    });
}

fn an_entry_of_a_map_that_was_read_under_another_text_has_one_field_afterwards(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        store.set_many("key", [("007", "1"), ("8", "1"), ("+9", "1")]).unwrap();
        let add = |map: &mut BTreeMap<u32, u8>| map.values_mut().for_each(|value| *value += 1);
        typed.update_object("key", add).unwrap().unwrap();
        assert_eq!(typed.load_object("key").unwrap(), Some(BTreeMap::from([(7, 2), (8, 2), (9, 2)])));
        assert_eq!(store.size("key"), 3);
    });
}

/// Members that may be absent, and that have other names, too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Aliased {
    #[serde(alias = "nick", alias = "handle")]
    nickname: Option<String>,
    #[serde(alias = "labels", skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(alias = "count")]
    visits: Option<u64>,
    #[serde(skip_serializing, alias = "secret")]
    password: Option<String>,
}

fn a_member_that_was_read_under_another_name_and_is_none_afterwards_has_no_field(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        for nickname in ["nickname", "nick", "handle"] {
            for (tags, visits) in [("tags", "count"), ("labels", "visits"), ("labels", "count")] {
                store.clear("key");
                store
                    .set_many("key", [(nickname, "Ada"), (visits, "7"), ("secret", "x"), ("unknown", "stays")])
                    .unwrap();
                typed.set_member("key", tags, &vec!["a"]).unwrap();
                let change = |value: &mut Aliased| std::mem::take(value);
                let before = typed.update_object("key", change).unwrap().unwrap();
                assert_eq!((before.nickname.as_deref(), before.visits), (Some("Ada"), Some(7)));
                let mut fields = store.fields("key");
                fields.sort();
                assert_eq!(fields, [&b"secret"[..], b"unknown"], "of {nickname}, {tags} and {visits}");
                let expected = Aliased { password: Some("x".into()), ..Aliased::default() };
                assert_eq!(typed.load_object("key").unwrap(), Some(expected));
            }
        }
        store.clear("key");
        store.set_many("key", [("nick", "Ada"), ("count", "7")]).unwrap();
        typed.update_object("key", |value: &mut Aliased| value.nickname = None).unwrap().unwrap();
        assert_eq!(typed.load_object("key").unwrap(), Some(Aliased { visits: Some(7), ..Aliased::default() }));
        assert_eq!(store.fields("key"), [b"visits"]);
    });
}

fn an_entry_of_a_map_that_was_read_under_another_text_and_removed_has_no_field(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        store.set_many("key", [("007", "1"), ("8", "1"), ("+9", "1")]).unwrap();
        typed.update_object("key", |map: &mut BTreeMap<u32, u8>| map.retain(|key, _| *key == 8)).unwrap().unwrap();
        assert_eq!(store.fields("key"), [b"8"]);
    });
}

/// A type that is read as a map, because of `flatten`.
#[derive(Debug, Serialize, Deserialize)]
struct Flattened {
    #[serde(alias = "login")]
    name: String,
    #[serde(skip_serializing)]
    password: String,
    #[serde(skip_serializing, default)]
    salt: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}

/// A type that a program reads by hand, from a map of texts.
#[derive(Debug, Default, Serialize)]
struct ByHand {
    name: String,
    visits: u8,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_protected: bool,
}

impl<'de> Deserialize<'de> for ByHand {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = BTreeMap::<String, String>::deserialize(deserializer)?;
        let text = |name: &str| map.get(name).cloned().unwrap_or_default();
        Ok(Self {
            name: text("name"),
            visits: text("visits").parse().unwrap_or(0),
            is_protected: map.contains_key("password"),
        })
    }
}

fn what_is_read_and_never_written_stays_however_the_type_is_read(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        for name in ["name", "login"] {
            store.clear("key");
            store.set_many("key", [(name, "Ada"), ("password", "secret"), ("salt", "NaCl")]).unwrap();
            typed.update_object("key", |account: &mut Flattened| account.name.push('!')).unwrap().unwrap();
            let account: Flattened = typed.load_object("key").unwrap().unwrap();
            assert_eq!((&*account.name, &*account.password, account.salt.as_deref()), ("Ada!", "secret", Some("NaCl")));
            assert_eq!(store.size("key"), 3, "`{name}` has one field");
        }
        store.clear("key");
        store.set_many("key", [("name", "Ada"), ("password", "secret"), ("unknown", "stays")]).unwrap();
        typed.update_object("key", |value: &mut ByHand| value.visits += 1).unwrap().unwrap();
        let fields = ["name", "visits", "is_protected", "password", "unknown"];
        let values = ["Ada", "1", "true", "secret", "stays"].map(|value| Some(value.as_bytes().to_vec()));
        assert_eq!(store.get_many("key", fields), values);
    });
}

fn saving_removes_what_the_struct_does_not_write(codec: impl Codec + Copy) {
    let store = Store::new();
    let typed = store.typed(codec);
    store.set_many("key", ACCOUNT).unwrap();
    let account: Account = typed.load_object("key").unwrap().unwrap();
    typed.save_object("key", &account).unwrap();
    assert_eq!(named(&typed.load_object::<Account>("key").unwrap_err()), "password");
}

fn what_the_store_refuses_changes_nothing(codec: impl Codec + Copy) {
    let limits = Limits::default().max_fields(5).max_string(64);
    on_every_configuration_within(limits, |config, store| {
        let full = config.builder().limits(Limits::default().max_bytes(20_000)).build();
        for store in [store, &full] {
            let typed = store.typed(codec);
            typed.save_object("key", &ada()).unwrap();
            store.expire_field("key", "name", Duration::from_secs(60));
            let before = store.get_all("key");
            let long = User { name: "x".repeat(30_000), visits: 8, ..ada() };
            let error = typed.save_object("key", &long).unwrap_err();
            assert!(matches!(error, CodecError::Refused(Error::ValueTooLong { .. } | Error::Full { .. })), "{error}");
            typed.update_object("key", |user: &mut User| *user = long.clone()).unwrap_err();
            let many: BTreeMap<u32, String> = (0..1_000).map(|at| (at, "x".repeat(64))).collect();
            let error = typed.save_object("key", &many).unwrap_err();
            assert!(matches!(error, CodecError::Refused(Error::TooManyFields { .. } | Error::Full { .. })), "{error}");
            assert!(store.get_all("key") == before);
            assert!(store.field_ttl("key", "name").left().is_some());
        }
    });
}

fn a_panic_or_error_of_user_code_leaves_the_hash_as_it_was(codec: impl Codec + Copy) {
    #[derive(Default, Deserialize)]
    struct Fragile {
        first: u8,
        #[serde(default)]
        last: Option<u8>,
    }
    impl Serialize for Fragile {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.last {
                Some(0) => panic!("in Serialize"),
                Some(_) => Err(serde::ser::Error::custom("not me")),
                None => BTreeMap::from([("first", self.first)]).serialize(serializer),
            }
        }
    }
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        typed.save_object("key", &Fragile::default()).unwrap();
        let update = |first, last| {
            let change = |value: &mut Fragile| *value = Fragile { first, last };
            catch_unwind(AssertUnwindSafe(|| typed.update_object("key", change)))
        };
        assert!(update(1, Some(0)).is_err());
        assert_eq!(named(&update(1, Some(1)).unwrap().unwrap_err()), "");
        assert!(catch_unwind(AssertUnwindSafe(|| typed.update_object("key", |_: &mut Fragile| panic!()))).is_err());
        assert_eq!(store.get("key", "first").unwrap(), b"0");
        update(1, None).unwrap().unwrap();
        assert_eq!(store.get("key", "first").unwrap(), b"1");
        let calls = || typed.update_object("key", |_: &mut Fragile| store.size("key"));
        assert!(catch_unwind(AssertUnwindSafe(calls)).is_err(), "a closure calls no store");
        assert_eq!(store.size("key"), 1);
    });
}

/// An error of a program, which holds those of the call.
#[derive(Debug)]
enum Refusal {
    NotEnough { missing: u64 },
    Number(std::num::TryFromIntError),
    Codec(CodecError),
}

impl From<CodecError> for Refusal {
    fn from(error: CodecError) -> Self {
        Self::Codec(error)
    }
}

impl From<std::num::TryFromIntError> for Refusal {
    fn from(error: std::num::TryFromIntError) -> Self {
        Self::Number(error)
    }
}

fn an_error_of_ones_own_saves_nothing(codec: impl Codec + Copy) {
    fn take(user: &mut User, amount: i64) -> Result<u64, Refusal> {
        user.name.push('!');
        user.nickname = None;
        let amount = u64::try_from(amount)?;
        let missing = amount.saturating_sub(user.visits);
        user.visits = user.visits.checked_sub(amount).ok_or(Refusal::NotEnough { missing })?;
        Ok(user.visits)
    }
    type Way<C> = fn(&Store, C, i64) -> Result<Option<u64>, Refusal>;
    /// Through a store, through what has its vocabulary, and in a closure.
    fn ways<C: Codec>(_: C) -> [Way<C>; 3] {
        [
            |store, codec, amount| store.typed(codec).try_update_object("key", |user| take(user, amount)),
            |store, codec, amount| TypedHashes::new(store, codec).try_update_object("key", |user| take(user, amount)),
            |store, codec, amount| {
                store.update("key", |hash| hash.typed(codec).try_update_object(|user| take(user, amount)))
            },
        ]
    }
    on_every_configuration(|_, store| {
        let over = TypedHashes::new(store, codec);
        let typed = store.typed(codec);
        typed.save_object("key", &User { nickname: Some("Countess".into()), ..ada() }).unwrap();
        let before = store.get_all("key");
        let ways = ways(codec);
        for taken in ways {
            assert!(matches!(taken(store, codec, 9), Err(Refusal::NotEnough { missing: 2 })));
            assert!(matches!(taken(store, codec, -1), Err(Refusal::Number(_))));
            assert!(store.get_all("key") == before);
        }
        assert!(matches!(ways[0](store, codec, 2), Ok(Some(5))));
        assert!(matches!(over.try_update_object("key", |user| take(user, 1)), Ok(Some(4))));
        assert_eq!(typed.get_member::<String>("key", "name").unwrap().as_deref(), Some("Ada!!"));
        store.set("key", "visits", "many").unwrap();
        let before = store.get_all("key");
        for taken in ways {
            assert!(matches!(taken(store, codec, 1), Err(Refusal::Codec(error)) if named(&error) == "visits"));
        }
        assert!(store.get_all("key") == before);
        let missing = typed.try_update_object("none", |user| take(user, 1));
        assert!(matches!(missing, Ok(None)), "the closure does not run");
    });
}

fn what_cannot_be_written_afterwards_saves_nothing(codec: impl Codec + Copy) {
    #[derive(Serialize, Deserialize)]
    struct Odd {
        first: u8,
        #[serde(serialize_with = "odd")]
        last: u8,
    }
    fn odd<S: serde::Serializer>(number: &u8, serializer: S) -> Result<S::Ok, S::Error> {
        match number % 2 {
            0 => Err(serde::ser::Error::custom("it is even")),
            _ => serializer.serialize_u8(*number),
        }
    }
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        typed.save_object("key", &Odd { first: 1, last: 1 }).unwrap();
        store.set("key", "unknown", "stays").unwrap();
        let before = store.get_all("key");
        let change = |value: &mut Odd| *value = Odd { first: 2, last: 2 };
        let try_change = |value: &mut Odd| -> Result<(), CodecError> {
            change(value);
            Ok(())
        };
        let errors = [
            typed.save_object("key", &Odd { first: 2, last: 2 }).unwrap_err(),
            typed.save_object_with("key", &Odd { first: 2, last: 2 }, hashlet::SetOptions::new()).unwrap_err(),
            typed.update_object("key", change).unwrap_err(),
            typed.try_update_object("key", try_change).unwrap_err(),
            store.update("key", |hash| hash.typed(codec).update_object(change).unwrap_err()),
            TypedHashes::new(store, codec).update_object("key", change).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(named(&error), "last");
            assert!(in_one_line(&error).contains("it is even"), "{error}");
        }
        assert!(store.get_all("key") == before);
    });
}

fn updates_of_four_threads_are_all_counted(codec: impl Codec + Copy + Sync) {
    const THREADS: usize = 4;
    let steps = (10_000.0 * crate::support::scale()) as usize;
    let store = Store::new();
    store.typed(codec).save_object("key", &ada()).unwrap();
    let step = |at: usize| {
        let count = |user: &mut User| {
            user.visits += 1;
            user.nickname = user.nickname.is_none().then(|| at.to_string());
        };
        store.typed(codec).update_object("key", count).unwrap().unwrap();
        store.increment("key", "visits", 1).unwrap();
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..steps).for_each(step));
        }
    });
    let user: User = store.typed(codec).load_object("key").unwrap().unwrap();
    assert_eq!(user.visits, 7 + 2 * (THREADS * steps) as u64);
    assert_eq!(user.nickname, None, "it came and went an even number of times");
}
