//! Values of any type that serde knows go into fields and come back; structs are hashes.

#![cfg(feature = "json")]

use hashlet::{CodecError, Json, Store};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    visits: u64,
    ratio: f32,
    nickname: Option<String>,
    tags: Vec<String>,
    role: Role,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Role {
    Guest,
    Admin { since: u32 },
}

#[test]
fn a_struct_is_a_hash() {
    let store = Store::new();
    let typed = store.typed(Json);
    let mut ada = User {
        name: "Ada".into(),
        visits: 7,
        ratio: 0.1,
        nickname: None,
        tags: vec!["x".into()],
        role: Role::Admin { since: 1815 },
    };
    typed.save_object("ada", &ada).unwrap();
    assert_eq!(store.size("ada"), 5);
    assert_eq!(store.increment("ada", "visits", 1), Ok(8));
    ada.visits = 8;
    assert_eq!(typed.load_object::<User>("ada").unwrap(), Some(ada.clone()));
    ada.role = Role::Guest;
    ada.nickname = Some(String::new());
    typed.update_object("ada", |user: &mut User| *user = ada.clone()).unwrap();
    assert_eq!(store.get("ada", "role").unwrap(), b"Guest");
    assert_eq!(typed.load_object::<User>("ada").unwrap(), Some(ada));
    store.set("ada", "visits", "many").unwrap();
    let error = typed.load_object::<User>("ada").unwrap_err();
    assert!(matches!(&error, CodecError::Decode { field, .. } if field == b"visits"), "{error}");
    store.remove("ada", "name");
    store.set("ada", "visits", "1").unwrap();
    let error = typed.load_object::<User>("ada").unwrap_err();
    assert!(matches!(&error, CodecError::Decode { field, .. } if field == b"name"), "{error}");
}
