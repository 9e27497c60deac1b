//! The memory that the packages take: in stores with different thresholds, and in a map of maps.

use std::collections::{BTreeMap, HashMap};

use hashlet::{Encoding, Store, Thresholds};

use crate::control::Record;
use crate::heap;

/// Prints the amount of data, and one line for each way of keeping it.
pub(crate) fn compare(packages: &BTreeMap<String, &Record>) -> hashlet::Result<()> {
    let fields: Vec<_> = packages.values().flat_map(|record| record.iter()).collect();
    let payload = packages.keys().map(String::len).chain(fields.iter().map(|(f, v)| f.len() + v.len())).sum::<usize>();
    let longest = fields.iter().map(|(_, value)| value.len()).max().unwrap_or(0);
    println!("{} packages with {} fields, the longest value has {longest} bytes", packages.len(), fields.len());
    println!("{payload} bytes of data, {} a package\n", payload / packages.len());

    println!("{:<30} {:>18} {:>18}   bytes a package", "", "packed", "tables");
    println!("{:<30} {:>8} {:>9} {:>8} {:>9} {:>8} {:>8}", "", "hashes", "bytes", "hashes", "bytes", "asked", "taken");
    let defaults = Thresholds::default();
    let always_packed = defaults.max_fields(65_535).max_string(65_535).max_packed_bytes(65_535);
    for (name, thresholds) in [
        ("default thresholds", defaults),
        ("packed as far as can be", always_packed),
        ("tables only", defaults.max_fields(0)),
    ] {
        let (store, cost) = counted(|| in_store(packages, thresholds));
        let store = store?;
        let [(packed, packed_bytes), (tables, table_bytes)] =
            [Encoding::Packed, Encoding::Table].map(|encoding| records_in(&store, encoding));
        print!("{name:<30} {packed:>8} {packed_bytes:>9} {tables:>8} {table_bytes:>9}");
        cost.print(packages.len());
    }
    let (_maps, cost) = counted(|| in_maps(packages));
    print!("{:<30} {:>8} {:>9} {:>8} {:>9}", "HashMap of HashMaps of String", "", "", "", "");
    cost.print(packages.len());
    println!();
    Ok(())
}

fn in_store(packages: &BTreeMap<String, &Record>, thresholds: Thresholds) -> hashlet::Result<Store> {
    let store = Store::builder().thresholds(thresholds).build();
    for (key, record) in packages {
        store.set_many(key, record.iter().map(|(field, value)| (field, value)))?;
    }
    Ok(store)
}

fn in_maps(packages: &BTreeMap<String, &Record>) -> HashMap<String, HashMap<String, String>> {
    packages.iter().map(|(key, record)| (key.clone(), record.iter().cloned().collect())).collect()
}

/// The number of hashes with one encoding, and the bytes that they have asked for.
fn records_in(store: &Store, encoding: Encoding) -> (usize, usize) {
    let keys = store.keys().into_iter().filter(|key| store.encoding(key) == Some(encoding));
    let bytes = keys.filter_map(|key| store.memory_usage(key));
    bytes.fold((0, 0), |(hashes, sum), bytes| (hashes + 1, sum + bytes))
}

/// The heap memory that something takes.
struct Cost {
    asked: usize,
    taken: usize,
}

impl Cost {
    fn print(&self, packages: usize) {
        println!(" {:>8} {:>8}", self.asked / packages, self.taken / packages);
    }
}

fn counted<T>(make: impl FnOnce() -> T) -> (T, Cost) {
    let (asked, taken) = (heap::live(), heap::taken());
    let made = make();
    (made, Cost { asked: heap::live() - asked, taken: heap::taken() - taken })
}
