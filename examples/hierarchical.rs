//! Nested data: a value at each path, as `user.address.city`, written by several threads without losing what is beside it.
//! Run it with `cargo run --release --features json --example hierarchical`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::error::Error;
use std::thread;

use hashlet::{CodecError, Json, Store};
use serde_json::{Map, Value, json};

/// Trees in hashes. The first part of a path is a field, and what is below it is that field's JSON: writers of one branch wait for
/// each other, and a read of one branch does not touch the rest.
#[derive(Debug)]
pub(crate) struct Trees<'a> {
    pub(crate) store: &'a Store,
}

impl Trees<'_> {
    /// Changes what is at a path, where `null` is what there is not yet, in one step. Returns whether there can be something:
    /// `false` if a part before the last one is a value without parts.
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

    /// What is at a path, be it a value or a whole branch.
    pub(crate) fn get(&self, key: &str, path: &str) -> Result<Option<Value>, CodecError> {
        let mut parts = path.split('.');
        let tree: Option<Value> = self.store.typed(Json).get(key, parts.next().unwrap_or_default())?;
        Ok(tree.and_then(|mut tree| parts.try_fold(&mut tree, |tree, part| tree.get_mut(part)).map(Value::take)))
    }

    /// All of it, at one instant.
    pub(crate) fn all(&self, key: &str) -> Result<Value, CodecError> {
        let text = |(branch, tree): (Vec<u8>, Value)| (String::from_utf8_lossy(&branch).into_owned(), tree);
        Ok(Value::Object(self.store.typed(Json).get_all(key)?.into_iter().map(text).collect()))
    }
}

/// The part of this name, which is made if there is none.
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

    // Four threads count below one branch, two of them at the same place. Nothing is lost.
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
