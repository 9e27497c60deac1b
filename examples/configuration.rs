//! Configuration: the settings of a component are changed together or not at all, and no thread sees them half changed.
//! Run it with `cargo run --release --features json --example configuration`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::collections::BTreeMap;
use std::error::Error;
use std::thread;

use hashlet::{CodecError, Hashes, Json, Store, TypedHashes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The settings of a component by their names.
pub(crate) type Settings = BTreeMap<String, Value>;

#[derive(Debug)]
pub(crate) struct Configuration<'a, H> {
    pub(crate) hashes: &'a H,
}

impl<H: Hashes> Configuration<'_, H> {
    /// Sets several settings: all of them, or none if there is an error.
    pub(crate) fn set<'v, T: Serialize + 'v>(
        &self,
        component: &str,
        settings: impl IntoIterator<Item = (&'v str, &'v T)>,
    ) -> Result<usize, CodecError<H::Error>> {
        TypedHashes::new(self.hashes, Json).set_many(key(component), settings)
    }

    /// Returns one setting, of the type that it should have.
    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        component: &str,
        setting: &str,
    ) -> Result<Option<T>, CodecError<H::Error>> {
        TypedHashes::new(self.hashes, Json).get(key(component), setting)
    }

    /// Returns all settings of a component, as they are at one instant.
    pub(crate) fn all(&self, component: &str) -> Result<Settings, CodecError<H::Error>> {
        let text = |(setting, value): (Vec<u8>, Value)| (String::from_utf8_lossy(&setting).into_owned(), value);
        Ok(TypedHashes::new(self.hashes, Json).get_all(key(component))?.into_iter().map(text).collect())
    }

    /// Removes one setting, or all settings of a component.
    pub(crate) fn remove(&self, component: &str, setting: Option<&str>) -> Result<bool, H::Error> {
        match setting {
            Some(setting) => self.hashes.remove(key(component), setting),
            None => self.hashes.clear(key(component)),
        }
    }
}

fn key(component: &str) -> String {
    format!("config:{component}")
}

#[allow(dead_code, reason = "the tests take the rest")]
fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::new();
    let configuration = Configuration { hashes: &store };
    let settings = [("host", &json!("localhost")), ("port", &json!(5432)), ("replicas", &json!(["a", "b"]))];
    configuration.set("database", settings)?;
    assert_eq!(configuration.get::<u16>("database", "port")?, Some(5432));
    assert_eq!(configuration.all("database")?.len(), 3);

    // Reading a setting as another type is an error that names the setting, and the setting stays.
    let error = configuration.get::<u16>("database", "host").err().ok_or("a host is no number")?;
    assert!(error.to_string().starts_with(r#"field "host" of hash "config:database" cannot be read"#), "{error}");

    // Two threads move the database back and forth, and two connect. They never connect to one host with the other's
    // port.
    let moves = |host: &str, port: u16| configuration.set("database", [("host", &json!(host)), ("port", &json!(port))]);
    let connect = || -> Result<bool, CodecError> {
        let all = configuration.all("database")?;
        Ok([("localhost", 5432), ("db.example.com", 6432)]
            .iter()
            .any(|(host, port)| all["host"] == *host && all["port"] == *port))
    };
    let good = thread::scope(|scope| {
        scope.spawn(|| (0..1_000).for_each(|_| _ = moves("db.example.com", 6432)));
        scope.spawn(|| (0..1_000).for_each(|_| _ = moves("localhost", 5432)));
        let threads = [(); 2].map(|()| scope.spawn(|| (0..1_000).filter(|_| connect().is_ok_and(|good| good)).count()));
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum::<usize>()
    });
    assert_eq!(good, 2_000);

    assert!(configuration.remove("database", Some("replicas"))?);
    assert!(configuration.remove("database", None)?);
    assert!(configuration.all("database")?.is_empty());
    println!("{good} connections went where they should");
    Ok(())
}
