//! Real records in hashlet: the packages that a Debian system knows, with one hash for each package.
//!
//! `cargo run --release --example packages` reads `/var/lib/dpkg/status`. An argument names another control file, such
//! as a `Packages` file of a mirror. The example prints the memory that the records take in each encoding, and that of
//! the same data in a `HashMap<String, HashMap<String, String>>`. Then it asks a few questions.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports")]

mod control;
#[path = "../../tests/support/heap.rs"]
mod heap;
mod memory;
mod questions;

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;

use hashlet::Store;

use control::Record;

const STATUS_FILE: &str = "/var/lib/dpkg/status";

#[global_allocator]
static HEAP: heap::Counting = heap::Counting;

fn main() -> ExitCode {
    let path = std::env::args_os().nth(1).unwrap_or_else(|| STATUS_FILE.into());
    let outcome = std::fs::read(&path).map_err(Box::from).and_then(|file| report(&file));
    if let Err(error) = outcome {
        eprintln!("packages: {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn report(file: &[u8]) -> Result<(), Box<dyn Error>> {
    let records = control::parse(file)?;
    let packages = by_key(&records)?;
    if packages.is_empty() {
        return Err("no package in it".into());
    }
    memory::compare(&packages)?;

    let store = Store::new();
    for (key, record) in &packages {
        store.set_many(key, record.iter().map(|(field, value)| (field, value)))?;
    }
    questions::ask(&store)?;
    Ok(())
}

/// Gives each record its key. The key is `package:name`. If that is taken, it is `package:name:architecture`, as on
/// systems with two architectures. If that is taken too, it is `package:name:architecture=version`, as on mirrors. If
/// two records agree in all three, the later one counts.
fn by_key(records: &[Record]) -> Result<BTreeMap<String, &Record>, String> {
    let mut packages = BTreeMap::new();
    for (number, record) in records.iter().enumerate() {
        let get = |name| record.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        let Some(name) = get("Package") else {
            return Err(format!("record {} has no field `Package`", number + 1));
        };
        let mut key = format!("package:{name}");
        for (mark, field) in [(':', "Architecture"), ('=', "Version")] {
            if packages.contains_key(&key) {
                key.push(mark);
                key.push_str(get(field).map_or("", |value| value));
            }
        }
        packages.insert(key, record);
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(file: &str) -> Vec<String> {
        let records = control::parse(file.as_bytes()).expect("well-formed");
        by_key(&records).expect("every record has a name").into_keys().collect()
    }

    #[test]
    fn records_of_one_name_get_keys_of_their_own() {
        let record =
            |architecture, version| format!("Package: a\nArchitecture: {architecture}\nVersion: {version}\n\n");
        let file = [record("amd64", 1), record("i386", 1), record("i386", 2), record("i386", 2)].concat();
        assert_eq!(keys(&file), ["package:a", "package:a:i386", "package:a:i386=2"]);
    }

    #[test]
    fn a_record_without_a_name_is_malformed() {
        let records = control::parse(b"Package: a\n\nVersion: 1\n").expect("well-formed");
        assert_eq!(by_key(&records), Err("record 2 has no field `Package`".to_owned()));
    }
}
