//! Every typed read of bytes that no codec has written, for the tests and the fuzzer. It returns an error or a value,
//! and the store stays unchanged.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use hashlet::{Codec, CodecError, HashValue, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::check;
use super::everything::{Asking, Everything, NewtypeOfOption, Tagged, Tree, Variant};

const KEY: &str = "key";
const FIELD: &str = "field";

/// Reads these bytes in every way as every kind of type, and in each member of a struct.
pub(crate) fn run<C: Codec + Copy>(codec: C, bytes: &[u8]) {
    values(codec, bytes);
    for table in [false, true] {
        object(codec, bytes, table, None);
    }
}

/// The same for one member in one encoding, so that a fuzzer can run it often.
pub(crate) fn run_in<C: Codec + Copy>(codec: C, bytes: &[u8], table: bool, member: usize) {
    values(codec, bytes);
    object(codec, bytes, table, Some(member));
}

fn values<C: Codec + Copy>(codec: C, bytes: &[u8]) {
    let store = check::seeded(Store::builder().shards(1), 1).build();
    value::<C, Everything>(&store, codec, bytes);
    value::<C, Vec<()>>(&store, codec, bytes);
    value::<C, Vec<Vec<(u64, String)>>>(&store, codec, bytes);
    value::<C, HashMap<String, Variant>>(&store, codec, bytes);
    value::<C, BTreeMap<i128, Option<char>>>(&store, codec, bytes);
    value::<C, HashValue>(&store, codec, bytes);
    value::<C, Tree>(&store, codec, bytes);
    value::<C, NewtypeOfOption>(&store, codec, bytes);
}

fn value<C: Codec + Copy, T: Serialize + DeserializeOwned + PartialEq>(store: &Store, codec: C, bytes: &[u8]) {
    let typed = store.typed(codec);
    store.set(KEY, FIELD, bytes).expect("within limits");
    let value = typed.get::<T>(KEY, FIELD);
    let is_value = value.is_ok();
    let judge = |read: Result<bool, CodecError>| match read {
        Ok(present) => assert!(is_value && present, "one read finds a value, another one does not"),
        Err(CodecError::Decode { key, field, .. }) => assert!(!is_value && key == b"key" && field == b"field"),
        Err(error) => panic!("{error}"),
    };
    judge(value.map(|value| value.is_some()));
    judge(typed.get_many::<T, _>(KEY, [FIELD]).map(|values| values.len() == 1));
    judge(typed.get_all::<T>(KEY).map(|values| values.len() == 1));
    judge(typed.get_and_expire::<T>(KEY, FIELD, Duration::from_secs(60)).map(|value| value.is_some()));
    assert_eq!(store.field_ttl(KEY, FIELD).left().is_some(), is_value, "only a value gets a deadline");
    judge(typed.compare_and_set::<T>(KEY, FIELD, None, None).map(|done| !done));
    assert_eq!(store.get(KEY, FIELD).as_deref(), Some(bytes));
    if !is_value {
        judge(typed.update::<T>(KEY, FIELD, |_| unreachable!("there is no value")).map(|_| true));
        judge(typed.take::<T>(KEY, FIELD).map(|value| value.is_some()));
        judge(typed.take_all::<T>(KEY).map(|values| values.len() == 1));
        assert_eq!(store.get(KEY, FIELD).as_deref(), Some(bytes), "what cannot be read stays");
    } else {
        judge(typed.take::<T>(KEY, FIELD).map(|value| value.is_some()));
        assert!(!store.contains_key(KEY));
        store.set(KEY, FIELD, bytes).expect("within limits");
        judge(typed.take_all::<T>(KEY).map(|values| values.len() == 1));
        assert!(!store.contains_key(KEY));
    }
}

/// Checks that an object that could be read is the same after each call that writes it.
fn write_again<C: Codec + Copy>(store: &Store, codec: C, object: &Everything) {
    let typed = store.typed(codec);
    let encoded = |object: &Everything| {
        let mut bytes = Vec::new();
        codec.encode(object, &mut bytes).expect("it can be written");
        bytes
    };
    let before = encoded(object);
    let done = typed.update_object(KEY, |same: &mut Everything| assert!(encoded(same) == before)).expect("it is read");
    assert_eq!(done, Some(()));
    for _ in 0..2 {
        let again = typed.load_object(KEY).expect("what was written can be read").expect("the key is there");
        assert!(encoded(&again) == before, "another object");
        typed.save_object(KEY, object).expect("it can be written");
    }
}

/// Puts the bytes in one member or in each member of a struct, and then in all members.
fn object<C: Codec + Copy>(codec: C, bytes: &[u8], table: bool, member: Option<usize>) {
    let thresholds = hashlet::Thresholds::default();
    let thresholds = if table { thresholds.max_fields(0) } else { thresholds };
    let store = check::seeded(Store::builder().shards(1).thresholds(thresholds), 1).build();
    let typed = store.typed(codec);
    typed.save_object(KEY, &Everything::default()).expect("it can be written");
    let good = store.get_all(KEY);
    let read = || {
        let before = store.get_all(KEY);
        let failed = match typed.load_object::<Everything>(KEY) {
            Ok(object) => return write_again(&store, codec, &object.expect("the key is there")),
            Err(CodecError::Decode { field, .. }) => field,
            Err(error) => panic!("{error}"),
        };
        let error = typed.update_object(KEY, |_: &mut Everything| unreachable!("there is no value")).unwrap_err();
        assert!(matches!(error, CodecError::Decode { .. }), "{error}");
        assert!(before.contains(failed), "it names a member");
        assert!(store.get_all(KEY) == before, "what cannot be read stays");
    };
    let members = member.map_or(0..good.len(), |member| member % good.len()..member % good.len() + 1);
    for (field, value) in good.iter().skip(members.start).take(members.len()) {
        store.set(KEY, field, bytes).expect("within limits");
        read();
        store.set(KEY, field, value).expect("within limits");
    }
    store.set_many(KEY, good.iter().map(|(field, _)| (field, bytes))).expect("within limits");
    read();
    for field in ["tag", "content"] {
        typed.save_object(KEY, &Tagged::Tuple(1, vec![2])).expect("it can be written");
        store.set(KEY, field, bytes).expect("within limits");
        let is_good = typed.load_object::<Tagged>(KEY).is_ok();
        assert_eq!(typed.update_object(KEY, |_: &mut Tagged| ()).is_ok(), is_good, "it is read once or not at all");
    }
    alone::<C, Everything>(&store, codec, bytes);
    alone::<C, Asking>(&store, codec, bytes);
    alone::<C, Option<Variant>>(&store, codec, bytes);
    store.clear(KEY);
    // The object may have any fields with any contents.
    for (at, chunk) in bytes.chunks(9).take(64).enumerate() {
        store.set(KEY, chunk.get(..at % 9).unwrap_or(chunk), chunk).expect("within limits");
    }
    _ = typed.load_object::<HashMap<String, u8>>(KEY);
    _ = typed.load_object::<BTreeMap<u64, Vec<u32>>>(KEY);
    _ = typed.load_object::<HashValue>(KEY);
    _ = typed.load_object::<Everything>(KEY);
    _ = typed.load_object::<Variant>(KEY);
    _ = typed.load_object::<Tagged>(KEY);
    _ = typed.load_object::<BTreeMap<String, Asking>>(KEY);
}

/// Checks that a member that is read alone is the same as in a map.
fn alone<C: Codec + Copy, T: Serialize + DeserializeOwned>(store: &Store, codec: C, bytes: &[u8]) {
    let typed = store.typed(codec);
    store.clear(KEY);
    store.set(KEY, FIELD, bytes).expect("within limits");
    let alone = typed.get_member::<T>(KEY, FIELD);
    let in_a_map = typed.load_object::<BTreeMap<String, T>>(KEY);
    assert_eq!(alone.is_ok(), in_a_map.is_ok(), "read by one call and refused by the other");
    if let Ok(Some(value)) = alone {
        typed.set_member(KEY, FIELD, &value).expect("it can be written");
    }
    assert!(typed.get_member::<T>(KEY, "none").expect("there is none").is_none());
}
