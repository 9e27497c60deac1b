//! A hash is read back unchanged from every format that serde knows, by itself and inside other types.

use std::collections::BTreeMap;
use std::fmt::Debug;

use hashlet::{Bincode, Codec, HashValue, Json, Store};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A hash in each place where a type can have one.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Places {
    plain: HashValue,
    option: Option<HashValue>,
    list: Vec<HashValue>,
    map: BTreeMap<String, HashValue>,
    newtype: Newtype,
    variant: Variant,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(HashValue);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Variant {
    Tuple(u8, HashValue),
    Struct { hash: HashValue },
}

/// Texts that human-readable formats could take for something else.
fn texts() -> HashValue {
    let texts =
        ["", "text", "YWJj", "SGVsbG8=", "12", "-1.5", "true", "null", "~", "[1, 2]", "{}", "a: b", " x ", "é\n\"'"];
    texts.into_iter().map(|text| (text, text)).collect()
}

fn places(hash: &HashValue) -> Places {
    let hash = || hash.clone();
    Places {
        plain: hash(),
        option: Some(hash()),
        list: vec![hash(), HashValue::new()],
        map: [("key".into(), hash())].into(),
        newtype: Newtype(hash()),
        variant: Variant::Tuple(1, hash()),
    }
}

fn comes_back<T: Debug + PartialEq + Serialize + DeserializeOwned>(value: &T) {
    let yaml = serde_yaml_ng::to_string(value).unwrap();
    assert_eq!(&serde_yaml_ng::from_str::<T>(&yaml).unwrap(), value, "{yaml}");
    let ron = ron::to_string(value).unwrap();
    assert_eq!(&ron::from_str::<T>(&ron).unwrap(), value, "{ron}");
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
    let tree = serde_json::to_value(value).unwrap();
    assert_eq!(&serde_json::from_value::<T>(tree).unwrap(), value);
    in_a_field(Json, value);
    in_a_field(Bincode, value);
}

fn in_a_field<T: Debug + PartialEq + Serialize + DeserializeOwned>(codec: impl Codec + Copy, value: &T) {
    let store = Store::new();
    store.typed(codec).set("key", "field", value).unwrap();
    assert_eq!(store.typed(codec).get::<T>("key", "field").unwrap().as_ref(), Some(value));
}

#[test]
fn a_hash_comes_back_from_human_readable_and_binary_formats() {
    comes_back(&HashValue::new());
    comes_back(&texts());
    comes_back(&texts().iter().map(|(field, _)| (field, "YWJj")).collect::<HashValue>());
}

#[test]
fn a_hash_inside_of_other_types_comes_back() {
    comes_back(&places(&texts()));
    comes_back(&Variant::Struct { hash: texts() });
}

#[test]
fn a_hash_is_a_member_of_an_object_with_each_codec() {
    fn member(codec: impl Codec + Copy, value: &Places) {
        let store = Store::new();
        let typed = store.typed(codec);
        typed.save_object("key", value).unwrap();
        assert_eq!(typed.load_object::<Places>("key").unwrap().as_ref(), Some(value));
        typed.save_object("key", &value.plain).unwrap();
        assert!(store.get_all("key") == value.plain, "as an object it is what it is");
        assert_eq!(typed.load_object("key").unwrap().as_ref(), Some(&value.plain));
    }
    member(Json, &places(&texts()));
    member(Bincode, &places(&texts()));
}

#[test]
fn a_hash_of_any_bytes_comes_back_from_binary_formats() {
    let hash = HashValue::from([(vec![0, 255], vec![254]), (vec![], vec![128; 300])]);
    in_a_field(Bincode, &hash);
    in_a_field(Bincode, &places(&hash));
}

#[test]
fn a_hash_is_read_from_a_text_that_a_person_has_written() {
    let expected = HashValue::from([("name", "Ada"), ("visits", "7"), ("admin", "true")]);
    let yaml: HashValue = serde_yaml_ng::from_str("name: Ada\nvisits: 7\nadmin: true\n").unwrap();
    let ron: HashValue = ron::from_str(r#"{"name": "Ada", "visits": "7", "admin": "true"}"#).unwrap();
    assert_eq!((&yaml, &ron), (&expected, &expected));
}
