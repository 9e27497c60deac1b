//! A value that a binary codec could not return unchanged is refused when it is saved, at any place in a type.

use crate::support::told::in_one_line;
use std::collections::BTreeMap;
use std::fmt::Debug;

use hashlet::{Bincode, Codec, CodecError, Json, Postcard, Store};
use serde::de::DeserializeOwned;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};

/// Makes a test of each promise for each binary codec.
macro_rules! binary_promises {
    ($($promise:ident)*) => {
        mod bincode {
            $(#[test] fn $promise() { super::$promise(super::Bincode); })*
        }
        mod postcard {
            $(#[test] fn $promise() { super::$promise(super::Postcard); })*
        }
    };
}

binary_promises! {
    a_member_that_is_left_out_is_refused_and_named_wherever_it_stands
    a_member_of_an_object_may_be_left_out_because_fields_have_names
    another_number_of_elements_than_announced_is_refused
    the_reason_of_a_value_is_kept
    what_saving_cannot_detect_comes_back_as_the_docs_say
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Person {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nickname: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Variant {
    Newtype(Person),
    Tuple(u8, Person),
    Struct {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nickname: Option<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(Person);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TupleStruct(u8, Person);

fn whole() -> Person {
    Person { name: "Ada".into(), nickname: Some("Countess".into()), tags: vec!["x".into()] }
}

fn without_a_nickname() -> Person {
    Person { nickname: None, ..whole() }
}

/// Checks a value in each place where a value can be nested in another one.
fn everywhere(check: &impl Check, person: &Person) {
    let person = || person.clone();
    check.value(&person());
    check.value(&Some(person()));
    check.value(&Newtype(person()));
    check.value(&TupleStruct(1, person()));
    check.value(&(1, person()));
    check.value(&vec![person()]);
    check.value(&vec![Some((Newtype(person()), 1))]);
    check.value(&BTreeMap::from([(1, person())]));
    check.value(&Variant::Newtype(person()));
    check.value(&Variant::Tuple(1, person()));
    check.value(&Variant::Struct { nickname: person().nickname });
    check.value(&Member { person: person() });
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Member {
    person: Person,
}

trait Check {
    fn value<T: Debug + PartialEq + Serialize + DeserializeOwned>(&self, value: &T);
}

struct ComesBack<C>(C);

impl<C: Codec + Copy> Check for ComesBack<C> {
    fn value<T: Debug + PartialEq + Serialize + DeserializeOwned>(&self, value: &T) {
        let store = Store::new();
        store.typed(self.0).set("key", "field", value).unwrap();
        assert_eq!(store.typed(self.0).get::<T>("key", "field").unwrap().as_ref(), Some(value));
    }
}

struct IsRefused<C>(C, &'static str);

impl<C: Codec + Copy> Check for IsRefused<C> {
    fn value<T: Debug + PartialEq + Serialize + DeserializeOwned>(&self, value: &T) {
        let store = Store::new();
        let typed = store.typed(self.0);
        let judge = |error: CodecError| {
            assert!(matches!(error, CodecError::Encode { .. }), "{error}");
            let text = in_one_line(&error);
            assert!(text.contains(self.1) && text.contains("skip_serializing_if"), "{text}");
        };
        judge(typed.set("key", "field", value).unwrap_err());
        judge(typed.set_many("key", [("field", value)]).unwrap_err());
        judge(typed.compare_and_set("key", "field", None, Some(value)).unwrap_err());
        judge(typed.save_object("key", &BTreeMap::from([("field", vec![value])])).unwrap_err());
        assert!(!store.contains_key("key"), "what is refused changes nothing");
        store.typed(Json).set("key", "field", value).unwrap();
        assert_eq!(store.typed(Json).get::<T>("key", "field").unwrap().as_ref(), Some(value), "JSON has names");
    }
}

fn a_member_that_is_left_out_is_refused_and_named_wherever_it_stands(codec: impl Codec + Copy) {
    everywhere(&ComesBack(codec), &whole());
    everywhere(&IsRefused(codec, "`nickname`"), &without_a_nickname());
    IsRefused(codec, "`tags`").value(&Person { tags: vec![], ..whole() });
}

fn a_member_of_an_object_may_be_left_out_because_fields_have_names(codec: impl Codec + Copy) {
    let store = Store::new();
    let typed = store.typed(codec);
    typed.save_object("key", &without_a_nickname()).unwrap();
    assert_eq!(typed.load_object("key").unwrap(), Some(without_a_nickname()));
}

/// A list or a map that may announce another number of elements than it writes.
struct Liar {
    says: usize,
    has: usize,
    is_map: bool,
}

impl Serialize for Liar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_map {
            let mut map = serializer.serialize_map(Some(self.says))?;
            (0..self.has).try_for_each(|at| map.serialize_entry(&at, &at))?;
            return map.end();
        }
        let mut list = serializer.serialize_seq(Some(self.says))?;
        (0..self.has).try_for_each(|at| list.serialize_element(&at))?;
        list.end()
    }
}

fn another_number_of_elements_than_announced_is_refused(codec: impl Codec + Copy) {
    for is_map in [false, true] {
        for (says, has) in [(0, 1), (1, 0), (2, 3), (300, 299)] {
            let liar = [Liar { says, has, is_map }];
            let error = codec.encode(&liar, &mut Vec::new()).unwrap_err();
            assert!(error.to_string().contains("number of elements"), "{error}");
        }
        codec.encode(&Liar { says: 3, has: 3, is_map }, &mut Vec::new()).unwrap();
    }
}

/// A value that refuses to be written says why.
fn the_reason_of_a_value_is_kept(codec: impl Codec + Copy) {
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not on a Sunday"))
        }
    }
    let error = codec.encode(&(1, vec![Some(Refuses)]), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("not on a Sunday"), "{error}");
}

/// These are the two examples in the docs of `Bincode`, which hold for `Postcard` too. If one of them is refused or comes back one day, the docs have
/// to say so.
fn what_saving_cannot_detect_comes_back_as_the_docs_say(codec: impl Codec + Copy) {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Role {
        #[serde(skip)]
        #[allow(dead_code, reason = "it is what is skipped")]
        Nobody,
        Guest,
        Admin,
    }
    #[derive(Serialize)]
    struct Written {
        b: u8,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Pair {
        #[serde(skip_serializing)]
        a: u8,
        b: u8,
    }
    let store = Store::new();
    let typed = store.typed(codec);
    typed.set("key", "role", &Role::Guest).unwrap();
    assert_eq!(typed.get("key", "role").unwrap(), Some(Role::Admin));
    typed.set("key", "pairs", &(Pair { a: 1, b: 2 }, Written { b: 3 })).unwrap();
    assert_eq!(typed.get("key", "pairs").unwrap(), Some(Pair { a: 2, b: 3 }));
}
