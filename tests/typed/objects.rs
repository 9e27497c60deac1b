//! Structs are stored as hashes, with one member in each field, with every codec.

use std::collections::{BTreeMap, HashMap};

use crate::support::config::on_every_configuration;
use crate::support::everything::{self, Everything, NewtypeOfOption};
use crate::support::told::in_one_line;
use crate::support::user::{User, ada, named};
use hashlet::{Codec, HashValue, Store};
use serde::{Deserialize, Serialize};

promises! {
    scalars_are_plain_text_that_the_store_can_count_with
    none_is_absent_and_an_option_inside_comes_back_as_it_was
    floats_that_are_no_numbers_come_back
    attributes_of_serde_work
    variants_of_a_later_version_are_other
    what_text_cannot_tell_is_an_error_that_names_the_member
    maps_are_objects_and_their_keys_text
    a_member_of_another_type_is_named_in_the_error
}

fn scalars_are_plain_text_that_the_store_can_count_with(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        let value = Everything { i128: i128::MIN, f64: 0.1, character: 'é', boolean: true, ..Default::default() };
        typed.save_object("key", &value).unwrap();
        let text = |field| String::from_utf8(store.get("key", field).unwrap()).unwrap();
        assert_eq!(text("i128"), i128::MIN.to_string());
        assert_eq!((&*text("f64"), &*text("character"), &*text("boolean")), ("0.1", "é", "true"));
        assert_eq!((&*text("variant"), &*text("newtype")), ("Unit", ""));
        assert_eq!(store.increment("key", "i64", -3), Ok(-3));
        assert_eq!(store.increment_float("key", "f32", 1.5), Ok(1.5));
        store.set("key", "bytes", [0, 159, 146, 150]).unwrap();
        let loaded: Everything = typed.load_object("key").unwrap().unwrap();
        let bytes = everything::Bytes(vec![0, 159, 146, 150]);
        assert_eq!(loaded, Everything { i64: -3, f32: 1.5, bytes, ..value });
    });
}

fn none_is_absent_and_an_option_inside_comes_back_as_it_was(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        for option_of_option in [None, Some(None), Some(Some(String::new()))] {
            for newtype_of_option in [None, Some(0)].map(NewtypeOfOption) {
                for option_of_many in [None, Some(vec![]), Some(vec![1, -1])] {
                    let (option_of_option, newtype_of_option) = (option_of_option.clone(), newtype_of_option.clone());
                    let value =
                        Everything { option_of_option, newtype_of_option, option_of_many, ..Default::default() };
                    typed.save_object("key", &value).unwrap();
                    assert_eq!(store.contains("key", "option_of_many"), value.option_of_many.is_some());
                    assert_eq!(typed.load_object("key").unwrap(), Some(value));
                }
            }
        }
        assert!(!store.contains("key", "option"));
        typed.save_object("key", &BTreeMap::from([("none", None::<u8>)])).unwrap();
        assert!(!store.contains_key("key"), "nothing but `None`s");
    });
}

fn floats_that_are_no_numbers_come_back(codec: impl Codec + Copy) {
    let typed = Store::new();
    let typed = typed.typed(codec);
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX] {
        typed.save_object("key", &Everything { f64: float, f32: float as f32, ..Default::default() }).unwrap();
        let loaded: Everything = typed.load_object("key").unwrap().unwrap();
        assert_eq!(loaded.f64.is_nan(), float.is_nan());
        assert!(float.is_nan() || loaded.f64.to_bits() == float.to_bits(), "{float}");
        assert!(float.is_nan() || loaded.f32.to_bits() == (float as f32).to_bits(), "{float}");
    }
}

fn attributes_of_serde_work(codec: impl Codec + Copy) {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Attributed {
        long_name: u8,
        #[serde(rename = "ID", alias = "id")]
        id: u8,
        #[serde(default)]
        defaulted: u8,
        #[serde(default = "seven", skip_serializing_if = "is_seven")]
        seven: u8,
        #[serde(skip)]
        skipped: u8,
        #[serde(with = "as_hex")]
        hex: u8,
    }
    fn seven() -> u8 {
        7
    }
    fn is_seven(number: &u8) -> bool {
        *number == 7
    }
    mod as_hex {
        use serde::{Deserialize, Deserializer, Serializer};

        pub(super) fn serialize<S: Serializer>(number: &u8, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&format_args!("{number:x}"))
        }
        pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
            u8::from_str_radix(&String::deserialize(deserializer)?, 16).map_err(serde::de::Error::custom)
        }
    }

    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        let value = Attributed { long_name: 1, id: 2, defaulted: 3, seven: 7, skipped: 9, hex: 255 };
        typed.save_object("key", &value).unwrap();
        let mut fields = store.fields("key");
        fields.sort();
        assert_eq!(fields, ["ID", "defaulted", "hex", "long-name"].map(|field| field.as_bytes().to_vec()));
        assert_eq!(store.get("key", "hex").unwrap(), b"ff");
        store.remove_many("key", ["ID", "defaulted"]);
        store.set("key", "id", "4").unwrap();
        let loaded: Attributed = typed.load_object("key").unwrap().unwrap();
        assert_eq!(loaded, Attributed { id: 4, defaulted: 0, skipped: 0, ..value });
        typed.update_object("key", |value: &mut Attributed| value.id = 5).unwrap();
        assert_eq!(store.get("key", "ID").unwrap(), b"5");
        assert!(!store.contains("key", "id"), "a member has one field, whatever it was called");
        store.set("key", "unknown", "").unwrap();
        assert_eq!(named(&typed.load_object::<Attributed>("key").unwrap_err()), "unknown");
        store.remove_many("key", ["unknown", "hex"]);
        assert_eq!(named(&typed.load_object::<Attributed>("key").unwrap_err()), "hex");
    });
}

fn variants_of_a_later_version_are_other(codec: impl Codec + Copy) {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Role {
        Guest,
        Admin {
            since: u32,
        },
        #[serde(other)]
        Other,
    }
    let store = Store::new();
    let typed = store.typed(codec);
    let save = |role| typed.save_object("key", &BTreeMap::from([("role", role)])).unwrap();
    let load = || typed.load_object::<HashMap<String, Role>>("key").unwrap().unwrap().remove("role").unwrap();
    for role in [|| Role::Guest, || Role::Admin { since: 1815 }, || Role::Other] {
        save(role());
        assert_eq!(load(), role());
    }
    store.set("key", "role", "Owner").unwrap();
    assert_eq!(load(), Role::Other);
}

fn what_text_cannot_tell_is_an_error_that_names_the_member(codec: impl Codec + Copy) {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u8),
        Text(String),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Circle { radius: u8 },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flattened {
        name: String,
        #[serde(flatten)]
        rest: BTreeMap<String, u8>,
    }
    let store = Store::new();
    let typed = store.typed(codec);
    typed.save_object("key", &BTreeMap::from([("member", Untagged::Number(1))])).unwrap();
    assert_eq!(named(&typed.load_object::<BTreeMap<String, Untagged>>("key").unwrap_err()), "member");
    typed.save_object("key", &Tagged::Circle { radius: 1 }).unwrap();
    assert_eq!(named(&typed.load_object::<Tagged>("key").unwrap_err()), "radius");
    typed.save_object("key", &Flattened { name: String::new(), rest: [("radius".into(), 1)].into() }).unwrap();
    assert_eq!(store.size("key"), 2, "each entry is a field");
    assert_eq!(named(&typed.load_object::<Flattened>("key").unwrap_err()), "radius");
    store.remove("key", "radius");
    assert!(typed.load_object::<Flattened>("key").is_ok());
}

fn maps_are_objects_and_their_keys_text(codec: impl Codec + Copy) {
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    enum Colour {
        Red,
        #[serde(rename = "sea blue")]
        Blue,
    }
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        let texts: HashMap<String, Vec<u8>> = [(String::new(), vec![]), ("é".into(), vec![1, 2])].into();
        typed.save_object("texts", &texts).unwrap();
        assert_eq!(typed.load_object("texts").unwrap(), Some(texts));
        let numbers = BTreeMap::from([(i64::MIN, Some(true)), (7, Some(false))]);
        typed.save_object("numbers", &numbers).unwrap();
        assert_eq!(store.get("numbers", "7").unwrap(), b"false");
        assert_eq!(typed.load_object("numbers").unwrap(), Some(numbers));
        let colours = BTreeMap::from([(Colour::Red, 'r'), (Colour::Blue, 'b')]);
        typed.save_object("colours", &colours).unwrap();
        assert_eq!(store.get("colours", "sea blue").unwrap(), b"b");
        assert_eq!(typed.load_object("colours").unwrap(), Some(colours));
        let hash = HashValue::from([("a", "1"), ("b", "")]);
        typed.save_object("hash", &hash).unwrap();
        assert!(store.get_all("hash") == hash);
        store.set("hash", [255], [0]).unwrap();
        assert!(typed.load_object::<HashValue>("hash").unwrap().is_some_and(|hash| hash.contains([255])));
        typed.update_object("hash", |hash: &mut BTreeMap<everything::Bytes, String>| hash.clear()).unwrap();
        assert!(!store.contains_key("hash"));
    });
}

impl Eq for everything::Bytes {}
impl PartialOrd for everything::Bytes {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for everything::Bytes {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

fn a_member_of_another_type_is_named_in_the_error(codec: impl Codec + Copy) {
    on_every_configuration(|_, store| {
        let typed = store.typed(codec);
        for (member, bad) in
            [("name", &[255][..]), ("visits", b"many"), ("visits", b"-1"), ("tags", b"\xff"), ("role", b"King")]
        {
            typed.save_object("key", &ada()).unwrap();
            store.set("key", member, bad).unwrap();
            let before = store.get_all("key");
            let error = typed.load_object::<User>("key").unwrap_err();
            assert_eq!(named(&error), member);
            let says = format!(r#"field "{member}" of hash "key" cannot be read: "#);
            assert!(in_one_line(&error).starts_with(&says), "{error}");
            assert_eq!(named(&typed.update_object("key", |_: &mut User| ()).unwrap_err()), member);
            assert!(store.get_all("key") == before);
        }
        typed.save_object("key", &ada()).unwrap();
        store.remove("key", "tags");
        assert_eq!(named(&typed.load_object::<User>("key").unwrap_err()), "tags");
    });
}
