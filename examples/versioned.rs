//! Versions: every version of a document is kept, under numbers without gaps. Run it with
//! `cargo run --release --features json --example versioned`.

#![allow(clippy::print_stdout, reason = "it tells what it has done")]

use std::error::Error;
use std::thread;
use std::time::SystemTime;

use hashlet::{Codec, CodecError, Hashes, Json, Store, TypedHashes};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The field with the latest version's number. Each version is in the field of its own number.
const LATEST: &str = "latest";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version<T> {
    pub(crate) value: T,
    pub(crate) saved: SystemTime,
}

#[derive(Debug)]
pub(crate) struct Documents<'a, H> {
    pub(crate) hashes: &'a H,
}

impl<H: Hashes> Documents<'_, H> {
    /// Adds a version and returns its number. The version and the number are written in one step: if there is no room
    /// for both, neither is written. On a store, the cost does not depend on the number of versions.
    pub(crate) fn save<T: Serialize>(&self, document: &str, value: T) -> Result<u64, Box<dyn Error + Send + Sync>> {
        let mut json = Vec::new();
        Json.encode(&Version { value, saved: SystemTime::now() }, &mut json)?;
        self.hashes.try_update(document, |versions| {
            let number = number(versions.get(LATEST)) + 1;
            let text = number.to_string();
            versions.set_many([(&*text, &*json), (LATEST, text.as_bytes())])?;
            Ok(number)
        })
    }

    /// Returns one version.
    pub(crate) fn version<T: DeserializeOwned>(
        &self,
        document: &str,
        number: u64,
    ) -> Result<Option<Version<T>>, CodecError<H::Error>> {
        TypedHashes::new(self.hashes, Json).get(document, number.to_string())
    }

    /// Returns the latest version. Versions are never removed, so reading its number first is safe.
    pub(crate) fn latest<T: DeserializeOwned>(
        &self,
        document: &str,
    ) -> Result<Option<Version<T>>, CodecError<H::Error>> {
        self.version(document, self.count(document)?)
    }

    /// Returns the number of versions.
    pub(crate) fn count(&self, document: &str) -> Result<u64, CodecError<H::Error>> {
        Ok(number(self.hashes.get(document, LATEST).map_err(CodecError::Refused)?.as_deref()))
    }
}

fn number(text: Option<&[u8]>) -> u64 {
    text.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or(0)
}

#[allow(dead_code, reason = "the tests take the rest")]
fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let store = Store::new();
    let documents = Documents { hashes: &store };
    assert_eq!(documents.latest::<String>("doc:1")?, None);
    assert_eq!(documents.save("doc:1", "a draft")?, 1);
    assert_eq!(documents.save("doc:1", "a better one")?, 2);
    assert_eq!(documents.version("doc:1", 1)?.map(|version: Version<String>| version.value), Some("a draft".into()));

    // Four threads write at the same time. Each version gets its own number, and there is no gap.
    let write = |writer: usize| (0..1_000).for_each(|_| _ = documents.save("doc:2", writer));
    thread::scope(|scope| {
        for writer in 0..4 {
            scope.spawn(move || write(writer));
        }
    });
    assert_eq!(documents.count("doc:2")?, 4_000);
    let mut written = [0; 4];
    for number in 1..=4_000 {
        let version: Version<usize> = documents.version("doc:2", number)?.ok_or("a gap")?;
        written[version.value] += 1;
    }
    assert_eq!(written, [1_000; 4]);
    println!("4 writers have written {} versions", documents.count("doc:2")?);
    Ok(())
}
