//! Every value of every type that serde knows is read back unchanged: from a field, as a struct that is a hash, and
//! from the bytes of a codec alone.

use std::marker::PhantomData;

use crate::support::check;
use crate::support::everything::{
    Bytes, Everything, Newtype, NewtypeOfOption, Structure, Tree, TupleStruct, UnitStruct, Variant,
};
use hashlet::{Codec, HashValue, Store};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,8}", any::<String>(), Just("x".repeat(300))]
}

fn variant() -> impl Strategy<Value = Variant> {
    let leaf = prop_oneof![
        Just(Variant::Unit),
        Just(Variant::Renamed),
        any::<u64>().prop_map(Variant::Newtype),
        (any::<i8>(), text()).prop_map(|(number, text)| Variant::Tuple(number, text)),
    ];
    leaf.prop_recursive(3, 4, 1, |inner| {
        (text(), of(inner.prop_map(Box::new))).prop_map(|(text, option)| Variant::Struct { text, option })
    })
}

fn tree() -> impl Strategy<Value = Tree> {
    Just(Tree::default()).prop_recursive(4, 16, 4, |inner| vec(inner, 0..4).prop_map(Tree))
}

fn everything() -> impl Strategy<Value = Everything> {
    let bytes = || vec(any::<u8>(), 0..200).prop_map(Bytes);
    let numbers = (
        any::<(bool, i8, i16, i32, i64, i128)>(),
        any::<(u8, u16, u32, u64, u128)>(),
        any::<(f32, f64, char, [u8; 3], u16)>(),
    );
    let texts = (text(), bytes(), text(), vec(text(), 0..4), (any::<u8>(), text(), any::<f64>()));
    let options = (any::<(Option<u32>, Option<u8>)>(), of(vec(any::<i64>(), 0..9)), of(of(text())), of(tree()));
    let variants = (variant(), of(variant()), vec(variant(), 0..3));
    let maps = (btree_map(text(), any::<f64>(), 0..5), btree_map(any::<i32>(), vec(any::<u8>(), 0..5), 0..5));
    let structs = (bytes(), any::<(u128, u32, Option<i16>)>(), 0..5_usize);
    (numbers, texts, options, variants, maps, structs).prop_map(|(numbers, texts, options, variants, maps, structs)| {
        let ((boolean, i8, i16, i32, i64, i128), (u8, u16, u32, u64, u128), others) = numbers;
        let (f32, f64, character, byte_array, defaulted) = others;
        let (text, bytes, newtype, sequence, tuple) = texts;
        let ((option, newtype_of_option), option_of_many, option_of_option, tree) = options;
        let (variant, optional_variant, variants) = variants;
        let (map, numbered) = maps;
        let (inner_bytes, (big, first, second), nothings) = structs;
        Everything {
            boolean,
            i8,
            i16,
            i32,
            i64,
            i128,
            u8,
            u16,
            u32,
            u64,
            u128,
            f32,
            f64,
            character,
            text,
            bytes,
            byte_array,
            option,
            option_of_many,
            option_of_option,
            unit: (),
            unit_struct: UnitStruct,
            variant,
            optional_variant,
            newtype: Newtype(newtype),
            newtype_of_option: NewtypeOfOption(newtype_of_option),
            sequence,
            nothings: vec![(); nothings],
            tuple,
            tuple_struct: TupleStruct(first, second),
            map,
            numbered,
            structure: Structure { bytes: inner_bytes, big, variants, unit: UnitStruct },
            tree,
            defaulted,
            skipped: 0,
        }
    })
}

/// The value as it comes back from a codec. JSON writes `Some(None)` in the same way as `None`.
fn after(codec: impl Codec + Copy, value: &Everything) -> Everything {
    let mut bytes = Vec::new();
    codec.encode(&(), &mut bytes).unwrap();
    let is_json = bytes == b"null";
    let option_of_option = value.option_of_option.clone().filter(|inner| !is_json || inner.is_some());
    Everything { option_of_option, ..value.clone() }
}

fn round_trip<C: Codec + Copy>(codec: C, value: &Everything) {
    for thresholds in [crate::support::config::packed(), crate::support::config::table()] {
        let store = Store::builder().shards(1).thresholds(thresholds).build();
        let typed = store.typed(codec);
        typed.save_object("object", value).unwrap();
        assert_eq!(&typed.load_object::<Everything>("object").unwrap().unwrap(), value);
        typed.update_object("object", |loaded: &mut Everything| assert_eq!(loaded, value)).unwrap();
        assert_eq!(&typed.load_object::<Everything>("object").unwrap().unwrap(), value);
        typed.set("key", "field", value).unwrap();
        let value = after(codec, value);
        assert_eq!(typed.get::<Everything>("key", "field").unwrap().unwrap(), value);
        let same = typed.update("key", "field", |loaded: Option<Everything>| loaded).unwrap();
        assert_eq!(same.as_ref(), Some(&value));
        assert!(typed.compare_and_set("key", "field", Some(&value), None).unwrap());
        check::store(&store);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases((3_000.0 * crate::support::scale()) as u32))]

    #[test]
    fn json_brings_back_everything(value in everything()) {
        round_trip(hashlet::Json, &value);
    }

    #[test]
    fn bincode_brings_back_everything(value in everything()) {
        round_trip(hashlet::Bincode, &value);
    }

    #[test]
    fn postcard_brings_back_everything(value in everything()) {
        round_trip(hashlet::Postcard, &value);
    }

    #[test]
    fn postcard_brings_back_a_hash_of_any_bytes(pairs in btree_map(vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..20), 0..200)) {
        hash_round_trip(hashlet::Postcard, &HashValue::from(pairs));
    }

    #[test]
    fn bincode_brings_back_a_hash_of_any_bytes(pairs in btree_map(vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..20), 0..200)) {
        hash_round_trip(hashlet::Bincode, &HashValue::from(pairs));
    }

    #[test]
    fn json_brings_back_a_hash_of_text(pairs in btree_map(text(), text(), 0..200)) {
        hash_round_trip(hashlet::Json, &HashValue::from(pairs));
    }
}

fn hash_round_trip(codec: impl Codec + Copy, hash: &HashValue) {
    let mut bytes = Vec::new();
    codec.encode(hash, &mut bytes).unwrap();
    assert!(codec.decode(PhantomData::<HashValue>, &bytes).unwrap() == *hash);
}

#[test]
fn a_hash_of_other_bytes_than_text_is_refused_by_json() {
    for hash in [HashValue::from([([255], "")]), HashValue::from([("", [255])])] {
        let error = hashlet::Json.encode(&hash, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("other bytes than text"), "{error}");
    }
}

#[test]
fn of_a_field_that_comes_twice_the_last_value_counts() {
    let hash: HashValue = hashlet::Json.decode(PhantomData, br#"{"a":"1","b":"2","a":"3"}"#).unwrap();
    assert!(hash == HashValue::from([("a", "3"), ("b", "2")]));
}
