//! Nested data: each value has a path, such as `user.address.city`. Several threads write at different paths, and no
//! write is lost. Run it with `cargo run --release --features json --example hierarchical`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::error::Error;
use std::thread;

use hashlet::{CodecError, Hashes, Json, Store, TypedHashes};
use serde_json::{Map, Value, json};

/// Trees in hashes. The first part of a path is a field, and the branch below it is that field's JSON. Writers of one
/// branch wait for each other, and a read of one branch does not touch the others.
#[derive(Debug)]
pub(crate) struct Trees<'a, H> {
    pub(crate) hashes: &'a H,
}

impl<H: Hashes> Trees<'_, H> {
    /// Changes the value at a path in one step. A missing value is passed to the closure as `null`. Returns `false` if
    /// there can be no value at the path, because an earlier part of it is a value without parts.
    pub(crate) fn update(
        &self,
        key: &str,
        path: &str,
        mut update: impl FnMut(&mut Value),
    ) -> Result<bool, CodecError<H::Error>> {
        let (branch, rest) = path.split_once('.').map_or((path, None), |(branch, rest)| (branch, Some(rest)));
        let mut done = false;
        TypedHashes::new(self.hashes, Json).update(key, branch, |tree: Option<Value>| {
            let mut tree = tree.unwrap_or(Value::Null);
            let place = rest.into_iter().flat_map(|rest| rest.split('.')).try_fold(&mut tree, grow);
            done = place.map(&mut update).is_some();
            Some(tree)
        })?;
        Ok(done)
    }

    pub(crate) fn set(&self, key: &str, path: &str, value: &Value) -> Result<bool, CodecError<H::Error>> {
        self.update(key, path, |place| value.clone_into(place))
    }

    /// Returns the value or the whole branch at a path.
    pub(crate) fn get(&self, key: &str, path: &str) -> Result<Option<Value>, CodecError<H::Error>> {
        let mut parts = path.split('.');
        let tree: Option<Value> = TypedHashes::new(self.hashes, Json).get(key, parts.next().unwrap_or_default())?;
        Ok(tree.and_then(|mut tree| parts.try_fold(&mut tree, |tree, part| tree.get_mut(part)).map(Value::take)))
    }

    /// Returns the whole tree, as it is at one instant.
    pub(crate) fn all(&self, key: &str) -> Result<Value, CodecError<H::Error>> {
        let text = |(branch, tree): (Vec<u8>, Value)| (String::from_utf8_lossy(&branch).into_owned(), tree);
        Ok(Value::Object(TypedHashes::new(self.hashes, Json).get_all(key)?.into_iter().map(text).collect()))
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
    let trees = Trees { hashes: &store };
    trees.set("user:1", "name", &json!("Ada"))?;
    trees.set("user:1", "address.city", &json!("London"))?;
    trees.set("user:1", "address.home.street", &json!("St James's Square"))?;
    assert_eq!(trees.get("user:1", "address.home.street")?, Some(json!("St James's Square")));
    assert_eq!(trees.get("user:1", "address.office.street")?, None);
    assert!(!trees.set("user:1", "name.first", &json!("Ada"))?, "a name has no parts");
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
