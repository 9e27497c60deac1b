//! Nested data: each value has a path, such as `user.address.city`. Several threads write at different paths, and no
//! write is lost. Run it with `cargo run --release --features json --example hierarchical`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::error::Error;
use std::thread;

use hashlet::{CodecError, Json, Store};
use serde_json::{Map, Value, json};

/// Trees in hashes. The first part of a path is a field, and the branch below it is that field's JSON. Writers of one
/// branch wait for each other, and a read of one branch does not touch the others.
#[derive(Debug)]
pub(crate) struct Trees<'a> {
    pub(crate) store: &'a Store,
}

impl Trees<'_> {
    /// Changes the value at a path in one step. A missing value is passed to the closure as `null`. Returns `false` if
    /// there can be no value at the path, because an earlier part of it is a value without parts.
    pub(crate) fn update(&self, key: &str, path: &str, update: impl FnOnce(&mut Value)) -> Result<bool, CodecError> {
        let (branch, rest) = path.split_once('.').map_or((path, None), |(branch, rest)| (branch, Some(rest)));
        let mut done = false;
        self.store.typed(Json).update(key, branch, |tree: Option<Value>| {
            let mut tree = tree.unwrap_or(Value::Null);
            let place = rest.into_iter().flat_map(|rest| rest.split('.')).try_fold(&mut tree, grow);
            done = place.map(update).is_some();
            Some(tree)
        })?;
        Ok(done)
    }

    pub(crate) fn set(&self, key: &str, path: &str, value: Value) -> Result<bool, CodecError> {
        self.update(key, path, |place| *place = value)
    }

    /// Returns the value or the whole branch at a path.
    pub(crate) fn get(&self, key: &str, path: &str) -> Result<Option<Value>, CodecError> {
        let mut parts = path.split('.');
        let tree: Option<Value> = self.store.typed(Json).get(key, parts.next().unwrap_or_default())?;
        Ok(tree.and_then(|mut tree| parts.try_fold(&mut tree, |tree, part| tree.get_mut(part)).map(Value::take)))
    }

    /// Returns the whole tree, as it is at one instant.
    pub(crate) fn all(&self, key: &str) -> Result<Value, CodecError> {
        let text = |(branch, tree): (Vec<u8>, Value)| (String::from_utf8_lossy(&branch).into_owned(), tree);
        Ok(Value::Object(self.store.typed(Json).get_all(key)?.into_iter().map(text).collect()))
    }
}

/// Returns the part of this name, and makes it if it is missing.
fn grow<'t>(tree: &'t mut Value, part: &str) -> Option<&'t mut Value> {
    if tree.is_null() {
        *tree = Value::Object(Map::new());
    }
    Some(tree.as_object_mut()?.entry(part).or_insert(Value::Null))
}

#[allow(dead_code, reason = "the tests take the rest")]
fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::new();
    let trees = Trees { store: &store };
    trees.set("user:1", "name", json!("Ada"))?;
    trees.set("user:1", "address.city", json!("London"))?;
    trees.set("user:1", "address.home.street", json!("St James's Square"))?;
    assert_eq!(trees.get("user:1", "address.home.street")?, Some(json!("St James's Square")));
    assert_eq!(trees.get("user:1", "address.office.street")?, None);
    assert!(!trees.set("user:1", "name.first", json!("Ada"))?, "a name has no parts");
    let all = json!({"name": "Ada", "address": {"city": "London", "home": {"street": "St James's Square"}}});
    assert_eq!(trees.all("user:1")?, all);

    // Four threads count below one branch, two of them at the same path. No count is lost.
    let count = |path: &str| {
        let add = |place: &mut Value| *place = json!(place.as_u64().unwrap_or(0) + 1);
        (0..1_000).for_each(|_| _ = trees.update("user:1", path, add));
    };
    thread::scope(|scope| {
        for path in ["visits.pages.home", "visits.pages.home", "visits.pages.news", "visits.all"] {
            scope.spawn(move || count(path));
        }
    });
    let visits = trees.get("user:1", "visits")?;
    assert_eq!(visits, Some(json!({"pages": {"home": 2_000, "news": 1_000}, "all": 1_000})));
    println!("4 threads have counted 4000 visits in one tree");
    Ok(())
}
