//! Typed values and structs, over a store and over servers.

use std::collections::BTreeMap;
use std::time::Duration;

use hashlet::{CodecError, Hashes, Json, SetOptions, Store, TypedHashes};
use serde::{Deserialize, Serialize};

use super::servers::each;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    visits: u64,
    nickname: Option<String>,
    tags: Vec<String>,
}

/// Every method once. Returns what the hashes hold in the end.
fn run<H: Hashes>(hashes: &H) -> Vec<(Vec<u8>, hashlet::HashValue)> {
    let typed = TypedHashes::new(hashes, Json);
    assert!(typed.set("values", "a", &[1, 2]).unwrap());
    assert_eq!(typed.set_many("values", [("b", &vec![3]), ("c", &vec![])]).unwrap(), 2);
    let with = SetOptions::new().only_present_fields().expire(Duration::from_secs(1_000));
    assert_eq!(typed.set_with("values", [("d", &vec![4])], with).unwrap(), None);
    assert_eq!(typed.set_with("values", [("a", &vec![1])], with).unwrap(), Some(0));
    assert_eq!(typed.get::<Vec<u8>>("values", "a").unwrap(), Some(vec![1]));
    assert_eq!(typed.get_many::<Vec<u8>, _>("values", ["b", "none"]).unwrap(), [Some(vec![3]), None]);
    assert_eq!(typed.get_all::<Vec<u8>>("values").unwrap().len(), 3);
    let pushed = typed.update("values", "a", |values: Option<Vec<u8>>| {
        let mut values = values.unwrap_or_default();
        values.push(9);
        Some(values)
    });
    assert_eq!(pushed.unwrap(), Some(vec![1, 9]));
    assert!(hashes.field_ttl("values", "a").unwrap().left().is_some(), "an update keeps the deadline");
    assert!(!typed.compare_and_set("values", "b", Some(&vec![0]), None).unwrap());
    assert!(typed.compare_and_set("values", "b", Some(&vec![3]), Some(&vec![4])).unwrap());
    assert_eq!(typed.take::<Vec<u8>>("values", "c").unwrap(), Some(vec![]));
    assert_eq!(typed.get_and_expire::<Vec<u8>>("values", "b", Duration::from_secs(1_000)).unwrap(), Some(vec![4]));
    assert!(matches!(typed.get::<String>("values", "a"), Err(CodecError::Decode { .. })));
    assert!(matches!(typed.take::<String>("values", "a"), Err(CodecError::Decode { .. })));

    let ada = User { name: "Ada".into(), visits: 1, nickname: Some("Countess".into()), tags: vec!["x".into()] };
    hashes.set("user", "stale", "1").unwrap();
    typed.save_object("user", &ada).unwrap();
    assert_eq!(typed.load_object::<User>("user").unwrap().as_ref(), Some(&ada));
    hashes.increment("user", "visits", 1).unwrap();
    let visits = typed.update_object("user", |user: &mut User| {
        user.nickname = None;
        user.visits += 1;
        user.visits
    });
    assert_eq!(visits.unwrap(), Some(3));
    let refused: Result<Option<()>, CodecError<H::Error>> = typed.try_update_object("user", |user: &mut User| {
        user.name = "lost".into();
        Err(CodecError::Refused(hashlet::Error::Overflow.into()))
    });
    refused.unwrap_err();
    let only_new = SetOptions::new().only_new_key().expire_key(Duration::from_secs(1_000));
    assert!(!typed.save_object_with("user", &ada, only_new).unwrap());
    assert!(typed.save_object_with("guest", &ada, only_new).unwrap());
    assert!(hashes.ttl("guest").unwrap().left().is_some());
    let eve = User { name: "Eve".into(), nickname: None, ..ada };
    assert!(typed.save_object_with("guest", &eve, SetOptions::new().only_present_key()).unwrap());
    assert_eq!(typed.load_object::<User>("guest").unwrap(), Some(eve));
    assert!(typed.save_object_with("guest", &BTreeMap::from([("a", None::<u8>)]), SetOptions::new()).unwrap());
    assert!(!hashes.contains_key("guest").unwrap());
    // The hash of a closure has the same words.
    let moved = hashes.try_update("values", |hash| -> Result<Option<Vec<u8>>, Box<dyn std::error::Error>> {
        let mut values = hash.typed(Json);
        values.set("e", &vec![7])?;
        values.update("a", |values: Option<Vec<u8>>| values)?;
        Ok(values.take("b")?)
    });
    assert_eq!(moved.unwrap(), Some(vec![4]));
    let error = hashes.update("values", |hash| hash.typed(Json).take::<String>("a").unwrap_err()).unwrap();
    assert!(matches!(error, CodecError::Decode { key, field, .. } if key == b"values" && field == b"a"));
    assert!(!typed.set_member("user", "name", "Eve").unwrap());
    assert_eq!(typed.get_member::<String>("user", "name").unwrap().as_deref(), Some("Eve"));
    assert!(typed.load_object::<User>("values").is_err() && typed.load_object::<User>("none").unwrap().is_none());
    typed.set("all", "a", &1).unwrap();
    assert_eq!(typed.take_all::<u8>("all").unwrap(), [(b"a".to_vec(), 1)]);
    let mut keys = hashes.keys().unwrap();
    keys.sort_unstable();
    keys.into_iter().map(|key| (key.clone(), hashes.get_all(key).unwrap())).collect()
}

#[test]
fn typed_values_are_the_same_on_a_store_and_on_servers() {
    let expected = run(&Store::new());
    each("typed values", 11, |server| assert_eq!(run(&server.open()), expected, "{}", server.name));
}
