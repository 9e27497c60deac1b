//! A type that asks serde whether the format is human-readable gets the same answer when it is saved and when it is
//! loaded.

use std::collections::BTreeMap;
use std::fmt::Debug;

use hashlet::{Codec, Store};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

promises! {
    a_type_with_a_human_readable_form_and_another_one_comes_back
    a_member_is_written_in_its_human_readable_form_by_every_codec
}

/// A form in which a byte can be written.
trait Form {
    fn of(byte: u8) -> Self;
    fn byte(self) -> u8;
}

macro_rules! forms {
    ($($form:ty: |$byte:ident| $of:expr, |$value:ident| $back:expr;)*) => {
        $(impl Form for $form {
            fn of($byte: u8) -> Self {
                $of
            }
            fn byte(self) -> u8 {
                let $value = self;
                $back
            }
        })*
    };
}

#[derive(Serialize, Deserialize)]
struct Struct {
    byte: u8,
}

#[derive(Serialize, Deserialize)]
enum Variant {
    Zero,
    One(u8),
    More { byte: u8 },
}

forms! {
    u64: |byte| byte.into(), |value| value as u8;
    String: |byte| byte.to_string(), |value| value.parse().unwrap();
    Vec<u16>: |byte| vec![byte.into(); 3], |value| value[2] as u8;
    Option<u8>: |byte| (byte > 0).then_some(byte), |value| value.unwrap_or(0);
    Struct: |byte| Self { byte }, |value| value.byte;
    Variant: |byte| match byte { 0 => Self::Zero, 1 => Self::One(1), byte => Self::More { byte } },
        |value| match value { Self::Zero => 0, Self::One(byte) | Self::More { byte } => byte };
}

/// A type with the first form in human-readable formats, and the second one in all others.
macro_rules! two_forms {
    ($($name:ident: $readable:ty | $other:ty;)*) => {
        $(#[derive(Clone, Debug, PartialEq)]
        struct $name(u8);

        impl From<u8> for $name {
            fn from(byte: u8) -> Self {
                Self(byte)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    <$readable>::of(self.0).serialize(serializer)
                } else {
                    <$other>::of(self.0).serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    <$readable>::deserialize(deserializer).map(|value| Self(value.byte()))
                } else {
                    <$other>::deserialize(deserializer).map(|value| Self(value.byte()))
                }
            }
        })*
    };
}

two_forms! {
    ListOrNumber: Vec<u16> | u64;
    NumberOrList: u64 | Vec<u16>;
    StructOrText: Struct | String;
    TextOrStruct: String | Struct;
    VariantOrNumber: Variant | u64;
    ListOrVariant: Vec<u16> | Variant;
    StructOrOption: Struct | Option<u8>;
}

/// A type in every place that an object has for one.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Places<T> {
    plain: T,
    option: Option<T>,
    option_of_option: Option<Option<T>>,
    newtype: Newtype<T>,
    option_of_newtype: Option<Newtype<T>>,
    newtype_of_option: Newtype<Option<T>>,
    list: Vec<T>,
    tuple: (T, T),
    map: BTreeMap<String, T>,
    structure: Structure<T>,
    newtype_variant: Enum<T>,
    tuple_variant: Enum<T>,
    struct_variant: Enum<T>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype<T>(T);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Structure<T> {
    inner: Newtype<T>,
    option: Option<T>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Enum<T> {
    Newtype(T),
    Tuple(T, T),
    Struct { inner: Option<T> },
}

impl<T: From<u8>> Places<T> {
    fn of(byte: u8) -> Self {
        let value = || T::from(byte);
        Self {
            plain: value(),
            option: Some(value()),
            option_of_option: Some(Some(value())),
            newtype: Newtype(value()),
            option_of_newtype: Some(Newtype(value())),
            newtype_of_option: Newtype(Some(value())),
            list: vec![value(), value()],
            tuple: (value(), value()),
            map: [("key".into(), value())].into(),
            structure: Structure { inner: Newtype(value()), option: Some(value()) },
            newtype_variant: Enum::Newtype(value()),
            tuple_variant: Enum::Tuple(value(), value()),
            struct_variant: Enum::Struct { inner: Some(value()) },
        }
    }
}

fn a_type_with_a_human_readable_form_and_another_one_comes_back(codec: impl Codec + Copy) {
    in_all_places::<ListOrNumber>(codec);
    in_all_places::<NumberOrList>(codec);
    in_all_places::<StructOrText>(codec);
    in_all_places::<TextOrStruct>(codec);
    in_all_places::<VariantOrNumber>(codec);
    in_all_places::<ListOrVariant>(codec);
    in_all_places::<StructOrOption>(codec);
}

fn in_all_places<T: Debug + PartialEq + From<u8> + Serialize + DeserializeOwned>(codec: impl Codec + Copy) {
    let store = Store::new();
    let typed = store.typed(codec);
    for byte in [0, 1, 7, 255] {
        let places = Places::<T>::of(byte);
        typed.save_object("key", &places).unwrap();
        assert_eq!(typed.load_object::<Places<T>>("key").unwrap(), Some(Places::of(byte)));
        typed.update_object("key", |loaded: &mut Places<T>| assert_eq!(loaded, &places)).unwrap().unwrap();
        assert_eq!(typed.load_object::<Places<T>>("key").unwrap(), Some(Places::of(byte)));
        typed.set("key", "field", &T::from(byte)).unwrap();
        assert_eq!(typed.get("key", "field").unwrap(), Some(T::from(byte)));
        let map: BTreeMap<String, T> = [("member".into(), T::from(byte))].into();
        typed.save_object("key", &map).unwrap();
        assert_eq!(typed.load_object("key").unwrap(), Some(map));
    }
}

fn a_member_is_written_in_its_human_readable_form_by_every_codec(codec: impl Codec + Copy) {
    let store = Store::new();
    store.typed(codec).save_object("key", &BTreeMap::from([("member", ListOrNumber(7))])).unwrap();
    store.typed(codec).save_object("list", &BTreeMap::from([("member", vec![7_u16; 3])])).unwrap();
    assert_eq!(store.get("key", "member"), store.get("list", "member"));
    store.typed(codec).save_object("key", &BTreeMap::from([("member", NumberOrList(7))])).unwrap();
    assert_eq!(store.get("key", "member").as_deref(), Some(&b"7"[..]));
}
